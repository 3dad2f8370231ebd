"""jit = eager, and a second step of the same shapes compiles nothing."""

from table import assert_close, every_case, prepared


@every_case
def test_jit_is_eager(case):
    made = prepared(case)
    for training in made.modes:
        eager = made.apply(made.params, made.state, made.x, training=training, **made.options)
        assert_close(made.run(training), eager)


@every_case
def test_a_second_step_does_not_recompile(case):
    made = prepared(case)
    _, state = made.run()
    before = made.traces
    made.jitted(made.params, state, made.x, training=False, **made.options)
    made.run()
    assert made.traces == before

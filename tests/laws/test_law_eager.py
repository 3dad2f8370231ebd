"""`apply` on a layer's values equals calling it, and `stateless_call`; only a call updates variables; jit = eager; a second step
compiles nothing."""

import numpy as np
import pytest
from table import assert_close, every_case, one_of_each, prepared, weight_trees

from jkeras._base import paths
from jkeras.layer.stateless_face import SeedState
from jkeras.layer.tracking import weight_entries

COMPOSED = {"RandomColorJitter", "RandAugment", "AugMix"}  # several changes of colours, one after the other


@every_case
def test_apply_is_call(case):
    made = prepared(case)
    weights = made.layer.get_weights()
    for training in made.modes:
        if training and case.stochastic:
            continue
        y, state = made.run(training)
        assert all(np.array_equal(a, b) for a, b in zip(made.layer.get_weights(), weights))
        flag = {"training": training} if made.takes_training else {}
        assert_close(made.layer(made.x, **flag, **made.options), y)
        _, after = weight_trees(made.layer)
        made.layer.set_weights(weights)
        assert_close(after, state)


@pytest.mark.few(60)
@one_of_each
def test_stateless_call_is_apply(case):
    made = prepared(case)
    variables, entries = made.layer.non_trainable_variables, weight_entries(made.layer)
    for training in made.modes:
        y, after = made.layer.stateless_call(made.layer.trainable_variables, variables, made.x, training=training, **made.options)
        values = {id(variable): value for variable, value in zip(variables, after, strict=True)}
        if training and case.stochastic:
            assert any(isinstance(v, SeedState) and not np.array_equal(v, values[id(v)]) for v in variables)
            continue
        expected, state = made.run(training)
        assert_close(y, expected)
        state = paths.flatten(state)
        for path, variable in entries:
            if path in state:
                assert_close(values[id(variable)], state[path])


@pytest.mark.few(60)
@one_of_each
def test_jit_is_eager(case):
    made = prepared(case)
    for training in made.modes:
        eager = made.apply(made.params, made.state, made.x, training=training, **made.options)
        assert_close(made.run(training), eager, 1e-5 if made.case.layer in COMPOSED else 1e-6)


@one_of_each
def test_a_second_step_does_not_recompile(case):
    made = prepared(case)
    _, state = made.run()
    before = made.traces
    made.jitted(made.params, state, made.x, training=False, **made.options)
    made.run()
    assert made.traces == before

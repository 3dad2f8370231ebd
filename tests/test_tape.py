"""`GradientTape` under `taped`: every derivative equals that of `jax.grad`, and the program computes nothing twice."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jkeras import Sequential, Variable, layers, losses
from jkeras._base import paths
from jkeras.layer.pure import layer_positions
from jkeras.layer.tracking import weight_entries
from jkeras.state.tape import GradientTape, taped


def run(fn, variables, *args):
    program = jax.jit(lambda values, *args: taped(fn, variables)(values, *args).output)
    return program([v.value for v in variables], *args)


@pytest.fixture
def w():
    return Variable(3.0, name="w")


@pytest.fixture
def b():
    return Variable([1.0, 2.0], name="b")


def close(found, wanted, tolerance=1e-6):
    np.testing.assert_allclose(found, wanted, rtol=tolerance, atol=tolerance)


def test_a_step_changes_variables_by_their_gradients(w):
    def step(x):
        with GradientTape() as tape:
            loss = w * w * x
        w.assign_sub(0.1 * tape.gradient(loss, w))
        return loss

    result = jax.jit(taped(step, [w]))([w.value], 2.0)
    assert float(result.output) == 18 and float(w.value) == 3
    close(result.values[0], 1.8)


def test_sources_may_be_watched_arrays_values_in_between_and_nests(w, b):
    def step(x):
        with GradientTape(persistent=True) as tape:
            tape.watch(x)
            h = b * x
            y = jnp.sum(h * h) * w
        nest = tape.gradient(y, {"h": h, "rest": [x, w]})
        return nest, tape.gradient([y, jnp.sum(h)], b), tape.gradient(h, b, output_gradients=jnp.array([1.0, 10.0]))

    nest, both, weighted = run(step, [w, b], 2.0)
    close(nest["h"], 2 * 3 * np.array([2.0, 4.0]))
    close(nest["rest"], [2 * 3 * 5 * 2, 20])
    close(both, 2 * 3 * 4 * np.array([1.0, 2.0]) + 2)
    close(weighted, [2, 20])


def test_what_does_not_matter_has_no_gradient(w, b):
    seen = []

    def step(x):
        count = jnp.sum(x).astype("int32")
        frozen = jax.lax.stop_gradient(w * x)
        with GradientTape(persistent=True) as tape:
            old = jnp.sum(x)
            y = jnp.sum(b) * frozen
        seen[:] = [
            tape.gradient(y, w),
            tape.gradient(y, count),
            tape.gradient(y, frozen),
            tape.gradient(old, b),
            tape.gradient(3.0, b),
            tape.gradient(jnp.argmax(b), b),
        ]
        return tape.gradient(y, [b, w], unconnected_gradients="zero")

    zeros = run(step, [w, b], 2.0)
    assert seen == [None] * 6
    close(zeros[0], [6, 6])
    close(zeros[1], 0)


def test_variables_that_are_not_trainable_are_watched_on_request(w):
    state = Variable(2.0, trainable=False, name="state")
    seen = []

    def step(x):
        with GradientTape(persistent=True) as tape:
            y = state * w * x
        with GradientTape(persistent=True, watch_accessed_variables=False) as other:
            other.watch(state)
            z = state * w * x
        seen[:] = [tape.gradient(y, state), other.gradient(z, w)]
        assert [v.name for v in tape.watched_variables()] == ["w"]
        return other.gradient(z, state)

    close(run(step, [w, state], 2.0), 6)
    assert seen == [None, None]


@pytest.mark.parametrize("order", [1, 2, 3])
def test_derivatives_of_derivatives(order):
    def derivative(x, n):
        if n == 0:
            return jnp.sin(x) * x
        with GradientTape() as tape:
            tape.watch(x)
            y = derivative(x, n - 1)
        return tape.gradient(y, x)

    wanted = lambda x: jnp.sin(x) * x  # noqa: E731
    for _ in range(order):
        wanted = jax.grad(wanted)
    close(run(lambda x: derivative(x, order), [], 0.7), wanted(0.7), 1e-5)


def test_a_penalty_on_gradients_in_repeated_steps(b):
    """As in WGAN-GP: the variables change between the steps, and the inner gradient is a function of them."""
    x = jnp.array([1.0, 2.0])

    def step(x):
        found = []
        for _ in range(3):
            with GradientTape() as tape:
                between = x * 0.5
                with GradientTape() as inner:
                    inner.watch(between)
                    score = jnp.sum(jnp.tanh(between * b))
                slope = inner.gradient(score, between)
                loss = jnp.sum(slope**2) + score
            grads = tape.gradient(loss, b)
            b.assign_sub(0.1 * grads)
            found.append((loss, grads))
        return found

    def loss_of(b):
        score = lambda between: jnp.sum(jnp.tanh(between * b))  # noqa: E731
        return jnp.sum(jax.grad(score)(x * 0.5) ** 2) + score(x * 0.5)

    value = b.value
    for loss, grads in run(step, [b], x):
        wanted = jax.value_and_grad(loss_of)(value)
        close(loss, wanted[0])
        close(grads, wanted[1])
        value = value - 0.1 * wanted[1]


def test_two_tapes_over_one_block(w, b):
    def step(x):
        with GradientTape() as first, GradientTape() as second:
            made = w * x
            score = jnp.sum(b * made)
            a, c = score**2, jnp.sum(b) - score
        return first.gradient(a, w), second.gradient(c, b), made

    found = run(step, [w, b], 2.0)
    close(found[0], 2 * 18 * 6)
    close(found[1], [-5, -5])
    close(found[2], 6)


def test_jacobians():
    x = jnp.arange(6.0).reshape(3, 2)

    def step(x):
        with GradientTape(persistent=True) as tape:
            tape.watch(x)
            y = jnp.stack([x[:, 0] * x[:, 1], x[:, 0], x[:, 1] ** 2], axis=1)
        return tape.jacobian(y, x), tape.batch_jacobian(y, x)

    whole, by_row = run(step, [], x)
    wanted = jax.jacrev(lambda x: jnp.stack([x[:, 0] * x[:, 1], x[:, 0], x[:, 1] ** 2], axis=1))(x)
    close(whole, wanted)
    close(by_row, jnp.stack([wanted[i, :, i] for i in range(3)]))


def test_what_is_computed_in_a_pause_is_constant():
    def step(x):
        with GradientTape() as tape:
            tape.watch(x)
            y = x * x
            with tape.stop_recording():
                z = y * 3
            total = y + z * x
        return tape.gradient(total, x)

    close(run(step, [], 2.0), 4 + 12)


def test_reset_forgets_what_was_before(w):
    def step(x):
        with GradientTape() as tape:
            y = w * x
            tape.reset()
            z = w * y
        return tape.gradient(z, w)

    close(run(step, [w], 2.0), 6)


def test_layers_with_state_and_draws_are_as_without_a_tape():
    parts = [layers.Dense(8, activation="relu"), layers.BatchNormalization(), layers.Dropout(0.5), layers.LSTM(4)]
    model = Sequential([layers.Input((5, 3)), *parts, layers.Dense(1)])
    x, y = np.random.default_rng(0).normal(size=(6, 5, 3)).astype("float32"), np.ones((6, 1), "float32")
    variables = model.variables
    trained = [v.trainable for v in variables]
    loss = losses.MeanSquaredError()

    def step(x):
        with GradientTape() as tape:
            value = loss(y, model(x, training=True))
        return value, tape.gradient(value, model.trainable_variables)

    key = jax.random.key(3)
    result = taped(step, variables, positions=layer_positions(model))([v.value for v in variables], x, rng=key)
    params, state = model.params_and_state()

    def plain(params):
        outputs, after = model.apply(params, state, x, training=True, rng=key)
        return loss(y, outputs), after

    (value, after), grads = jax.value_and_grad(plain, has_aux=True)(params)
    close(result.output[0], value)
    places = {id(variable): path for path, variable in weight_entries(model)}
    for variable, found in zip(model.trainable_variables, result.output[1]):
        close(found, paths.get(grads, places[id(variable)]), 1e-5)
    changed = [new is not v.value for v, new in zip(variables, result.values)]
    assert not any(c and t for c, t in zip(changed, trained)) and any(changed)
    assert jax.tree.structure(after) == jax.tree.structure(state)


def test_a_tape_is_asked_once_unless_it_is_persistent(w):
    def step(x):
        with GradientTape() as tape:
            y = w * x
        tape.gradient(y, w)
        return tape.gradient(y, w)

    with pytest.raises(RuntimeError, match="persistent=True"):
        run(step, [w], 2.0)


def test_a_tape_needs_a_function_around_it(w):
    with pytest.raises(RuntimeError, match="@tf"), GradientTape():
        pass


def test_a_tape_belongs_to_the_trace_of_its_step(w):
    def inner(x):
        with GradientTape() as tape:
            y = w * x
        return tape.gradient(y, w)

    with pytest.raises(RuntimeError, match="inside another JAX transform"):
        run(lambda x: jax.vmap(inner)(x), [w], jnp.ones(3))


def test_a_constant_of_the_program_cannot_be_watched(w):
    outside = jnp.float32(2.0)

    def step(x):
        with GradientTape() as tape:
            tape.watch(outside)
            y = outside * x
        return tape.gradient(y, outside)

    with pytest.raises(ValueError, match=r"tf\.Variable"):
        run(step, [w], 2.0)


def count(jaxpr, name):
    inner = [p for e in jaxpr.eqns for p in jax.tree.leaves(list(e.params.values())) if hasattr(p, "eqns") or hasattr(p, "jaxpr")]
    return sum(e.primitive.name == name for e in jaxpr.eqns) + sum(count(getattr(p, "jaxpr", p), name) for p in inner)


def test_the_forward_pass_runs_once():
    kernel = Variable(np.eye(4, dtype="float32"), name="kernel")

    def step(x):
        with GradientTape() as tape:
            outputs = jnp.tanh(x @ kernel)
            loss = jnp.sum(outputs**2)
        return loss, outputs, tape.gradient(loss, kernel)

    program = jax.make_jaxpr(lambda values, x: taped(step, [kernel])(values, x).output)([kernel.value], jnp.ones((2, 4)))
    assert count(program.jaxpr, "tanh") == 1 and count(program.jaxpr, "dot_general") == 2  # forward, and the kernel's gradient

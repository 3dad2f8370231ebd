"""Large weights are updated in place, without changing any number."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jkeras
from jkeras import layers
from jkeras.nn import updates
from jkeras.training import steps

WIDTH = 256
X = np.random.default_rng(0).normal(size=(8, WIDTH)).astype("float32")


def trained(optimizer, monkeypatch, plainly):
    """The program of seven steps, and the weights after them."""
    if plainly:
        monkeypatch.setattr(steps, "after_all", lambda gradients: gradients)
    jkeras.utils.set_random_seed(0)
    model = jkeras.Sequential([layers.Input((WIDTH,)), *(layers.Dense(WIDTH, activation="tanh", name=n) for n in "abc")])
    model.compile(optimizer, "mse")
    slope = jax.grad(lambda params, state: jnp.mean((model.apply(params, state, X)[0] - jnp.sin(X)) ** 2))
    params, state = model.params_and_state()
    start = steps.TrainState(params, state, model.optimizer.init(params), None, *np.zeros((3,), np.int32), None)

    def run(start, count):
        return jax.lax.fori_loop(
            0, count, lambda _, now: steps.Steps.apply_gradients(model, now, slope(now.params, now.state)), start
        )

    program = jax.jit(run, donate_argnums=0).lower(start, 7).compile()
    return program.as_text(), jax.device_get(program(start, 7).params)


@pytest.mark.optimised
@pytest.mark.skipif(jax.default_backend() != "cpu", reason="about XLA:CPU")
@pytest.mark.parametrize("optimizer", ("sgd", "adam"))
def test_no_large_weight_is_copied_in_the_loop_and_no_bit_is_another(optimizer, monkeypatch):
    def copies(text):
        inside = "\n".join(part for part in text.split("\n\n") if not part.startswith("ENTRY"))
        return len(re.findall(rf"= f32\[{WIDTH},{WIDTH}\]\S* copy\(", inside))

    text, weights = trained(optimizer, monkeypatch, plainly=False)
    copying, expected = trained(optimizer, monkeypatch, plainly=True)
    assert (copies(text), copies(copying)) == (0, 2)
    jax.tree.map(np.testing.assert_array_equal, weights, expected)


def test_only_large_gradients_of_a_program_wait():
    small, large = jnp.ones(3), jnp.ones(updates.LARGE)
    assert updates.after_all([large, large])[0] is large  # nothing to wait for outside a program
    given = []

    @jax.jit
    def run(gradients):
        given.append((gradients, updates.after_all(gradients)))
        return given[-1][1]

    for values in ([small, large], [small, large, large * jnp.nan, large * jnp.inf]):
        jax.tree.map(np.testing.assert_array_equal, run(values), values)
    (alone, same), (several, waited) = given
    assert all(a is b for a, b in zip(alone, same))
    assert [a is b for a, b in zip(several, waited)] == [True, False, False, False]

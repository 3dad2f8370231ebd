"""Programs by leaves: values and structures as with `jax.jit`, and nothing of a model's names stays behind in JAX."""

import gc

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax._src.linear_util import DebugInfo

import jkeras
from jkeras import layers
from jkeras._base.by_leaves import ByLeaves, by_leaves
from jkeras.nn.metrics import first_largest


def double(trees, x, factor):
    x, factor = trees.opened(x, factor)
    return trees.closed({name: [factor * value, None] for name, value in x.items()})


def test_values_and_structure_are_those_of_the_function():
    f = ByLeaves(double)
    assert jax.tree.map(float, f({"a": 1.0, "b": 2.0}, 3)) == {"a": [3.0, None], "b": [6.0, None]}
    assert f.eval_shape({"a": jnp.ones(3)}, 2.0)["a"][0].shape == (3,)
    assert f.trace({"a": jnp.ones(3)}, 2.0).jaxpr.out_avals[0].shape == (3,)


def test_another_structure_with_the_same_leaves_is_another_program():
    f = by_leaves(lambda x: {name: 2 * value for name, value in x.items()})
    assert jax.tree.map(float, f({"a": 1.0})) == {"a": 2.0}
    assert jax.tree.map(float, f({"b": 1.0})) == {"b": 2.0}
    assert jax.tree.map(float, f({"a": 4.0})) == {"a": 8.0}


def test_the_first_argument_can_be_given_away():
    f = by_leaves(lambda x, y: jax.tree.map(lambda a: a + y, x), donate_argnums=0)
    x = {"a": jnp.ones(3)}
    f(x, 1.0)
    assert x["a"].is_deleted()


def test_a_model_that_was_fitted_leaves_no_names_of_its_layers_behind():
    def fit(name):
        model = jkeras.Sequential([layers.Input((4,)), layers.Dense(3, name=name), layers.Dense(2, activation="softmax")])
        model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
        model.fit(np.ones((8, 4), "float32"), np.zeros(8, "int32"), batch_size=4, epochs=2, verbose=0)
        model.evaluate(np.ones((8, 4), "float32"), np.zeros(8, "int32"), batch_size=4, verbose=0)
        model.predict(np.ones((8, 4), "float32"), batch_size=4, verbose=0)

    fit("quite_a_name")
    gc.collect()
    names = [o.arg_names for o in gc.get_objects() if type(o) is DebugInfo and "quite_a_name" in str(o.arg_names)]
    assert not names, names


@pytest.mark.parametrize("axis", [-1, 0, 1])
def test_the_first_largest_is_argmax(axis):
    rng = np.random.default_rng(0)
    x = rng.integers(0, 3, (5, 4, 6)).astype("float32")
    x[0, 0, 3], x[2, 1, 2], x[2, 1, 4], x[3] = np.nan, np.nan, np.inf, -np.inf
    for array in (x, np.nan_to_num(x, posinf=9, neginf=-9).astype("int32"), x > 1):
        found = first_largest(jnp.asarray(array), axis)
        np.testing.assert_array_equal(found, jnp.argmax(array, axis))
        assert found.dtype == jnp.int32

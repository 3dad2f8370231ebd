"""Pooling equals Keras' in values and gradients, ties and remainders included, on the tiled and the general path."""

import os

os.environ.setdefault("KERAS_BACKEND", "jax")

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jax.test_util import check_grads

from jkeras.nn.pool import avg_pool, global_avg_pool, global_max_pool, max_pool

PAIRS = ((max_pool, keras.ops.max_pool), (avg_pool, keras.ops.average_pool))


def relu_like(shape):
    """Half the entries are zero, so that most windows hold ties."""
    return np.maximum(np.random.default_rng(0).normal(size=shape), 0).astype("float32")


def value_and_gradient(f, x):
    @jax.jit
    def both(x):
        y, pull = jax.vjp(f, x)
        return y, pull(jnp.arange(y.size, dtype=y.dtype).reshape(y.shape) + 1)[0]

    return both(x)


WINDOWS = (
    ((2, 7, 8, 3), 2, None),
    ((2, 9, 9, 3), 3, None),
    ((2, 7, 8, 3), 3, 1),
    ((2, 7, 8, 3), 2, 3),
    ((2, 7, 8, 3), (1, 2), (2, 1)),
    ((2, 10, 10, 1), 5, None),
    ((2, 9, 3), 2, None),
    ((1, 4, 5, 6, 2), 2, None),
    ((1, 4, 5, 6, 2), 3, 2),
)
# Every window with each padding, in one of the two layouts: a case costs two compilations.
CASES = [
    (*window, padding, ("channels_last", "channels_first")[(i + j) % 2])
    for i, window in enumerate(WINDOWS)
    for j, padding in enumerate(("valid", "same"))
]


@pytest.mark.few(15)
@pytest.mark.parametrize(("shape", "pool", "strides", "padding", "data_format"), CASES)
@pytest.mark.parametrize("pair", PAIRS, ids=("max", "avg"))
def test_pooling_and_its_gradient_equal_keras(pair, padding, data_format, shape, pool, strides):
    x = relu_like(shape)
    x = np.moveaxis(x, -1, 1) if data_format == "channels_first" else x
    ours, theirs = pair
    y, dx = value_and_gradient(lambda a: ours(a, pool, strides, padding, data_format), x)
    y_keras, dx_keras = value_and_gradient(lambda a: theirs(a, pool, strides or pool, padding, data_format), x)
    np.testing.assert_allclose(y, y_keras, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(dx, dx_keras, rtol=1e-6, atol=1e-6)


@settings(max_examples=6, deadline=None)
@given(
    size=st.tuples(st.integers(4, 9), st.integers(4, 9)),
    pool=st.tuples(st.integers(1, 4), st.integers(1, 4)),
    padding=st.sampled_from(("valid", "same")),
)
def test_max_pool_is_the_maximum_of_slices(size, pool, padding):
    x = np.random.default_rng(0).integers(-9, 9, (1, *size, 1))
    y = np.asarray(max_pool(jnp.asarray(x), pool, padding=padding))
    assert y.dtype == jnp.asarray(x).dtype
    for i, j in np.ndindex(*y.shape[1:3]):
        total = [y.shape[k + 1] * pool[k] - size[k] if padding == "same" else 0 for k in (0, 1)]
        low = [max(p * pool[k] - max(total[k], 0) // 2, 0) for k, p in enumerate((i, j))]
        high = [p * pool[k] - max(total[k], 0) // 2 + pool[k] for k, p in enumerate((i, j))]
        assert y[0, i, j, 0] == x[0, low[0] : high[0], low[1] : high[1]].max()


@pytest.mark.few(2)
@pytest.mark.parametrize("f", (max_pool, avg_pool))
@pytest.mark.parametrize("strides", (None, 1))
def test_pooling_gradients_equal_finite_differences(f, strides):
    with jax.enable_x64(True):
        x = np.random.default_rng(1).permutation(48).reshape(1, 4, 6, 2) / 7.0
        check_grads(
            jax.jit(lambda a: jnp.sin(f(a, 2, strides))), (x,), order=2, modes=("fwd", "rev") if f is max_pool else ("rev",)
        )


def test_max_pool_passes_nan_on():
    x = jnp.zeros((1, 4, 4, 1)).at[0, 1, 1, 0].set(jnp.nan)
    assert jnp.isnan(max_pool(x, 2)).ravel().tolist() == [True, False, False, False]


@pytest.mark.parametrize("data_format", ("channels_last", "channels_first"))
@pytest.mark.parametrize("keepdims", (False, True))
@pytest.mark.parametrize("names", ((global_avg_pool, "GlobalAveragePooling2D"), (global_max_pool, "GlobalMaxPooling2D")))
def test_global_pooling_equals_keras(names, keepdims, data_format):
    x = relu_like((2, 4, 5, 3))
    expected = getattr(keras.layers, names[1])(data_format=data_format, keepdims=keepdims)(x)
    got = names[0](x, data_format, keepdims)
    assert got.shape == expected.shape
    np.testing.assert_allclose(got, expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("args", ((2,), (3, 2, "same"), (3, 1)))
def test_the_gradient_of_max_pooling_holds_no_scatter(args):
    program = jax.make_jaxpr(jax.grad(lambda x: max_pool(x, *args).sum()))(jnp.zeros((2, 8, 8, 3)))
    assert "select_and_scatter" not in str(program)


@pytest.mark.parametrize(
    ("shape", "args", "text"),
    (((2, 4), (2,), "one spatial axis"), ((2, 4, 1), (2, None, "full"), "Unknown padding"), ((2, 4, 1), ((2, 2),), "1 spatial")),
)
def test_pooling_refuses_what_does_not_fit(shape, args, text):
    with pytest.raises(ValueError, match=text):
        max_pool(jnp.ones(shape), *args)


def test_integers_are_pooled_within_what_is_differentiated():
    images = jnp.arange(16, dtype=jnp.uint8).reshape(1, 4, 4, 1)
    gradient = jax.grad(lambda scale: jnp.sum(scale * max_pool(images, 2).astype(jnp.float32)))(2.0)
    assert gradient == 5 + 7 + 13 + 15
    np.testing.assert_array_equal(jax.vmap(lambda x: max_pool(x[None], 2)[0])(images)[0, :, :, 0], [[5, 7], [13, 15]])


def test_of_equal_maxima_the_first_gets_the_gradient_of_a_tile():
    x = jnp.array([[0.0, 3.0, 1.0, 1.0], [3.0, 3.0, 0.0, 1.0]])[None, :, :, None]
    expected = [[0, 1, 1, 0], [0, 0, 0, 0]]
    np.testing.assert_array_equal(jax.grad(lambda x: max_pool(x, 2).sum())(x)[0, :, :, 0], expected)
    odd = jnp.pad(x, ((0, 0), (0, 1), (0, 1), (0, 0)))  # what does not fill a tile
    np.testing.assert_array_equal(jax.grad(lambda x: max_pool(x, 2).sum())(odd)[0, :, :, 0], np.pad(expected, ((0, 1), (0, 1))))

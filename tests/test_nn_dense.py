"""Dense, lookup, products by example and dropout: closed forms, Keras' values, dtypes, refusals."""

import os

os.environ.setdefault("KERAS_BACKEND", "jax")

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest
from jax.test_util import check_grads
from keras.src.layers.merging.dot import Dot

from jkeras.nn.dropout import dropout
from jkeras.nn.embedding import embedding, one_hot
from jkeras.nn.lengths import unit_vectors
from jkeras.nn.merge import batch_dot
from jkeras.nn.product import dense

RNG = np.random.default_rng(0)


def normal(*shape, dtype="float32"):
    return jnp.asarray(RNG.normal(size=shape), dtype)


@pytest.mark.parametrize("shape", ((3,), (2, 3), (2, 4, 3)), ids=str)
def test_dense_is_the_sum_of_its_definition(shape):
    x, kernel, bias = normal(*shape), normal(3, 5), normal(5)
    np.testing.assert_allclose(dense(x, kernel, bias), np.einsum("...i,ij->...j", x, kernel) + bias, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(dense(x, kernel), np.einsum("...i,ij->...j", x, kernel), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("dtype", ("float16", "bfloat16", "float32"))
def test_dense_keeps_the_dtype(dtype):
    assert dense(normal(2, 3, dtype=dtype), normal(3, 4, dtype=dtype), normal(4, dtype=dtype)).dtype == dtype


def test_dense_gradients_equal_finite_differences():
    with jax.enable_x64(True):
        check_grads(jax.jit(dense), tuple(RNG.normal(size=s) for s in ((2, 3), (3, 4), (4,))), order=2, modes=("fwd", "rev"))


def test_embedding_equals_one_hot_times_table_in_value_and_gradient():
    table, indices = normal(5, 3), jnp.array([[0, 4, 4], [1, 0, 2]])
    weights = normal(2, 3, 3)
    f, g = (lambda t: (embedding(t, indices) * weights).sum()), (lambda t: (one_hot(indices, 5) @ t * weights).sum())
    np.testing.assert_allclose(f(table), g(table), rtol=1e-5)
    np.testing.assert_allclose(jax.grad(f)(table), jax.grad(g)(table), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("dtype", ("int32", "uint8", "float32"))
def test_embedding_equals_keras_take(dtype):
    table, indices = normal(5, 3), jnp.array([0, 3, 4], dtype)
    np.testing.assert_array_equal(embedding(table, indices), keras.ops.take(table, indices.astype(int), axis=0))


@pytest.mark.parametrize("axis", (-1, 0, 1))
def test_one_hot_equals_keras(axis):
    indices = jnp.array([[0, 2], [3, -1]])
    np.testing.assert_array_equal(one_hot(indices, 3, axis), keras.ops.one_hot(indices, 3, axis=axis))


@pytest.mark.few(5)
@pytest.mark.parametrize("normalize", (False, True))
@pytest.mark.parametrize(
    ("left", "right", "axes"),
    (
        ((2, 3), (2, 3), -1),
        ((2, 3), (2, 3), 1),
        ((2, 3), (2, 3, 5), 1),
        ((2, 4, 3), (2, 5, 3), 2),
        ((2, 4, 3), (2, 5, 4), (1, 2)),
        ((2, 4, 3), (2, 3), (2, 1)),
        ((2, 4, 3, 6), (2, 5, 3, 2), (2, -2)),
    ),
)
def test_batch_dot_equals_keras(left, right, axes, normalize):
    x, y = normal(*left), normal(*right)
    expected = Dot(axes, normalize=normalize)([x, y])
    got = batch_dot(x, y, axes, normalize)
    assert got.shape == expected.shape
    np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-6)


def test_unit_vectors_have_a_finite_gradient_at_zero():
    assert bool(jnp.isfinite(jax.grad(lambda x: unit_vectors(x).sum())(jnp.zeros(3))).all())


@pytest.mark.parametrize(
    ("left", "right", "axes", "text"),
    (
        ((2,), (2, 3), 1, "rank 2"),
        ((2, 3), (2, 3), 0, "batch axis"),
        ((2, 3), (2, 4), 1, "one length"),
        ((2, 3), (3, 3), 1, "batch sizes"),
    ),
)
def test_batch_dot_refuses_what_does_not_fit(left, right, axes, text):
    with pytest.raises(ValueError, match=text):
        batch_dot(normal(*left), normal(*right), axes)


@pytest.mark.parametrize("rate", (0.1, 0.5, 0.9))
def test_dropout_zeroes_the_given_share_and_keeps_the_mean(rate):
    y = np.asarray(dropout(jax.random.key(0), jnp.ones((200, 200)), rate))
    assert abs((y == 0).mean() - rate) < 0.01
    np.testing.assert_allclose(np.unique(y[y != 0]), 1 / (1 - rate), rtol=1e-6)


@pytest.mark.parametrize(("rate", "expected"), ((0.0, 1.0), (1.0, 0.0)))
def test_dropout_at_the_ends_is_all_or_nothing_with_finite_gradients(rate, expected):
    value, gradient = jax.value_and_grad(lambda x: dropout(jax.random.key(0), x, rate).sum())(jnp.ones(7))
    assert value == 7 * expected and gradient.tolist() == [expected] * 7


@pytest.mark.parametrize(("noise_shape", "shared"), (((None, 1, 3), 1), ((8, 5, 1), 2), ((1, None, None), 0)))
def test_noise_shape_shares_one_choice_along_axes_of_one(noise_shape, shared):
    y = np.asarray(dropout(jax.random.key(1), jnp.ones((8, 5, 3)), 0.5, noise_shape))
    assert (y == y.take([0], shared)).all() and 0 < (y == 0).mean() < 1


@pytest.mark.parametrize("dtype", ("float16", "bfloat16", "float32"))
def test_dropout_keeps_the_dtype(dtype):
    assert dropout(jax.random.key(0), jnp.ones(4, dtype), 0.3).dtype == dtype


@pytest.mark.parametrize(("rate", "noise_shape"), ((1.5, None), (-0.1, None), (0.5, (4,)), (0.5, (2, 4))))
def test_dropout_refuses_bad_rates_and_shapes(rate, noise_shape):
    with pytest.raises(ValueError):
        dropout(jax.random.key(0), jnp.ones((4, 4)), rate, noise_shape)

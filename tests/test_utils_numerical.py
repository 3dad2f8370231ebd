"""One-hot rows and unit norms equal Keras'; where Keras fails or wraps around, jkeras gives the intended result or an error."""

import os

os.environ.setdefault("KERAS_BACKEND", "jax")

import inspect

import hypothesis.extra.numpy as hnp
import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import jkeras.utils
from jkeras.utils import get_file, normalize, np_utils, to_categorical

SHAPES = hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4)
FLOATS = st.floats(-100, 100, width=32).map(lambda v: 0.0 if abs(v) < 1e-3 else v)


def same(ours, theirs, tolerance=0.0):
    assert (
        ours.shape == theirs.shape and ours.dtype == theirs.dtype and isinstance(ours, jax.Array) == isinstance(theirs, jax.Array)
    )
    np.testing.assert_allclose(np.asarray(ours), np.asarray(theirs), rtol=tolerance, atol=tolerance)


@settings(max_examples=60, deadline=None)
@given(hnp.arrays(st.sampled_from(["int64", "uint8", "int32"]), SHAPES, elements=st.integers(0, 6)), st.integers(0, 3))
def test_to_categorical_is_keras(x, spare):
    classes = int(x.max(initial=0)) + 1 + spare
    same(to_categorical(x, classes), keras.utils.to_categorical(x, classes))
    same(to_categorical(x.tolist() if x.size else x, classes), keras.utils.to_categorical(x, classes))
    same(to_categorical(jnp.asarray(x), classes), keras.utils.to_categorical(jnp.asarray(x), classes))
    if x.size:
        same(to_categorical(x), keras.utils.to_categorical(x))


def test_to_categorical_counts_and_traces_jax_labels():
    x = jnp.array([[2], [0]])
    same(to_categorical(x), keras.utils.to_categorical(x, 3))
    np.testing.assert_array_equal(jax.jit(lambda x: to_categorical(x, 2))(x), [[0, 0], [1, 0]])
    with pytest.raises(ValueError, match="Pass num_classes"):
        jax.jit(to_categorical)(x)


@pytest.mark.parametrize(
    "x, classes", [([0, 3], 3), ([-1, 1], 3), ([-1], None), ([], None), (np.zeros((0, 1)), None), ([0, 1], -1)]
)
def test_labels_out_of_range_are_errors(x, classes):
    with pytest.raises(ValueError, match="num_classes"):
        to_categorical(x, classes)


@pytest.mark.parametrize("dtype", ["float32", "int8", "bool", "bfloat16", np.float16])
@pytest.mark.parametrize("make", [np.array, jnp.array])
def test_dtype_is_taken_as_in_keras_2(make, dtype):
    assert to_categorical(make([0, 1]), 2, dtype=dtype).dtype == jnp.dtype(dtype)


def test_np_utils_has_keras_2_names():
    got = np_utils.to_categorical(y=[1, 0], num_classes=3)
    assert got.dtype == np.float32 and got.tolist() == [[0, 1, 0], [1, 0, 0]]
    assert np_utils.normalize is normalize


@settings(max_examples=80, deadline=None)
@given(
    hnp.arrays(st.sampled_from(["float32", "float64"]), hnp.array_shapes(min_dims=1, max_dims=3, max_side=4), elements=FLOATS),
    st.sampled_from([1, 2, 3]),
    st.data(),
)
def test_normalize_is_keras(x, order, data):
    # Keras reads axis=0 as -1 for NumPy arrays
    axis = data.draw(st.integers(-x.ndim, -1))
    same(normalize(x, axis, order), keras.utils.normalize(x, axis, order), 1e-6)
    x = jnp.asarray(x, "float32")
    same(normalize(x, axis, order), keras.utils.normalize(x, axis, order), 1e-6)


@pytest.mark.parametrize(
    "make, axis, order", [(np.asarray, None, 2), (np.asarray, None, 1), (jnp.asarray, None, 2), (jnp.asarray, (0, 1), 1)]
)
def test_normalize_by_matrix_norms_is_keras(make, axis, order):
    x = make(np.arange(6, dtype="float32").reshape(2, 3) - 2)
    same(normalize(x, axis, order), keras.utils.normalize(x, axis, order), 1e-6)


@pytest.mark.parametrize("make", [np.asarray, jnp.asarray])
def test_normalize_by_columns(make):
    x = np.array([[3, 0, 1], [4, 0, 0]])
    np.testing.assert_allclose(normalize(make(x), axis=0), [[0.6, 0, 1], [0.8, 0, 0]], rtol=1e-6)


def test_normalize_takes_lists_as_keras_does():
    same(normalize([[3.0, 4.0]]), keras.utils.normalize([[3.0, 4.0]]), 1e-6)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
def test_normalize_keeps_the_dtype_and_has_a_gradient_at_zero(dtype):
    x = jnp.array([[0.0, 0.0], [300.0, 400.0]], dtype)
    y, pull = jax.vjp(normalize, x)
    assert y.dtype == x.dtype and not jnp.isnan(pull(jnp.ones_like(y))[0]).any()
    np.testing.assert_allclose(np.asarray(y, "float32"), [[0, 0], [0.6, 0.8]], rtol=4e-3)


@pytest.mark.parametrize("order", [0, -1, 1.5])
def test_normalize_refuses_other_orders_of_jax_arrays(order):
    with pytest.raises(ValueError, match="positive integer"):
        normalize(jnp.ones((2, 2)), order=order)


@pytest.mark.parametrize("function", [get_file, normalize, to_categorical])
def test_signatures_begin_as_keras_does(function):
    theirs = inspect.signature(getattr(keras.utils, function.__name__)).parameters
    ours = inspect.signature(getattr(jkeras.utils, function.__name__)).parameters
    assert [(p.name, p.default) for p in ours.values()][: len(theirs)] == [(p.name, p.default) for p in theirs.values()]
    assert set(ours) - set(theirs) <= {"dtype"}

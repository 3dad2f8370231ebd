"""Statistics and normalization equal Keras' and their closed forms; half-precision inputs neither overflow nor change dtype."""

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

from jkeras.nn.norm import batch_norm, layer_norm, moments, rms_norm

RNG = np.random.default_rng(0)
X = RNG.normal(2, 3, (4, 5, 6, 3)).astype("float32")


@pytest.mark.parametrize("axes", ((0,), (0, 1, 2), (0, 2, 3), -1))
@pytest.mark.parametrize("keepdims", (False, True))
def test_moments_equal_numpy(axes, keepdims):
    mean, variance = moments(X, axes, keepdims=keepdims)
    np.testing.assert_allclose(mean, X.mean(axes, keepdims=keepdims), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(variance, X.var(axes, keepdims=keepdims), rtol=1e-5, atol=1e-6)


@settings(max_examples=8, deadline=None)
@given(st.lists(st.booleans(), min_size=8, max_size=8).filter(any))
def test_masked_moments_see_only_what_the_mask_keeps(keep):
    keep = np.array(keep)
    mean, variance = moments(np.where(keep[:, None], X.reshape(-1, 3)[:8], 1e6), 0, mask=keep)
    np.testing.assert_allclose(mean, X.reshape(-1, 3)[:8][keep].mean(0), rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(variance, X.reshape(-1, 3)[:8][keep].var(0), rtol=1e-5, atol=1e-5)


def test_moments_of_nothing_are_zero():
    mean, variance = moments(X[0, 0], 0, mask=np.zeros(6, bool))
    assert mean.tolist() == variance.tolist() == [0.0, 0.0, 0.0]


def test_moments_refuse_a_mask_of_the_wrong_rank():
    with pytest.raises(ValueError, match="one axis less"):
        moments(X, 0, mask=np.ones(4, bool))


@pytest.mark.parametrize("dtype", ("float16", "bfloat16"))
def test_half_precision_statistics_do_not_overflow(dtype):
    x = jnp.full((4096, 2), 300.0, dtype)
    mean, variance = moments(x, 0)
    assert mean.dtype == variance.dtype == jnp.float32
    assert float(jnp.abs(mean - x[0, 0].astype("float32")).max()) == 0
    for f in (layer_norm, rms_norm):
        assert f(x).dtype == x.dtype and bool(jnp.isfinite(f(x)).all())


@pytest.mark.parametrize("axis", (-1, 1, 2))
@pytest.mark.parametrize("affine", (False, True))
def test_batch_norm_equals_keras(axis, affine):
    n = X.shape[axis]
    mean, variance = RNG.normal(size=n).astype("float32"), RNG.uniform(0.5, 2, n).astype("float32")
    offset, scale = (RNG.normal(size=n).astype("float32") for _ in range(2)) if affine else (None, None)
    expected = keras.ops.batch_normalization(X, mean, variance, axis, offset, scale, epsilon=1e-3)
    got = batch_norm(X, *(None if v is None else jnp.asarray(v) for v in (mean, variance, offset, scale)), axis=axis)
    np.testing.assert_allclose(got, expected, rtol=1e-5, atol=2e-6)


@pytest.mark.parametrize("axis", (-1, 1, (2, 3), (-1, -2), (1, 3)))
def test_layer_norm_equals_keras(axis):
    axes = sorted(a % 4 for a in ((axis,) if isinstance(axis, int) else axis))
    scale, offset = (jnp.asarray(RNG.normal(size=[X.shape[a] for a in axes]), "float32") for _ in range(2))
    args = (X, scale, offset)
    expected = keras.ops.layer_normalization(*args, axis=axes, epsilon=1e-3)
    np.testing.assert_allclose(layer_norm(*args, axis=axis), expected, rtol=1e-5, atol=2e-6)
    expected = keras.ops.rms_normalization(X, scale if len(axes) == 1 and axes[0] == 3 else None, axis=axes, epsilon=1e-6)
    got = rms_norm(X, scale if len(axes) == 1 and axes[0] == 3 else None, axis=axis)
    np.testing.assert_allclose(got, expected, rtol=1e-5, atol=2e-6)


@pytest.mark.parametrize("f", (layer_norm, rms_norm))
def test_normalisation_gradients_equal_finite_differences(f):
    with jax.enable_x64(True):
        x, scale = RNG.normal(size=(3, 4)), RNG.normal(size=4)
        check_grads(jax.jit(f), (x, scale), order=1, modes=("fwd", "rev"))


def test_normalised_channels_have_mean_zero_and_variance_one_far_from_the_origin():
    x = X + 1000
    y = batch_norm(x, *moments(x, (0, 1, 2)), epsilon=0.0)
    np.testing.assert_allclose(np.asarray(y).mean((0, 1, 2)), 0, atol=1e-4)
    np.testing.assert_allclose(np.asarray(y).var((0, 1, 2)), 1, atol=1e-4)


def test_layer_norm_refuses_an_axis_out_of_range():
    with pytest.raises(ValueError, match="out of range"):
        layer_norm(X, axis=4)
    with pytest.raises(ValueError, match="twice"):
        layer_norm(X, axis=(1, 1))

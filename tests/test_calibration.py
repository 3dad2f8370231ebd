"""GPTQ and AWQ: a float64 oracle, Keras' results where Keras computes what the papers say, and what they gain over rounding."""

import os

os.environ.setdefault("KERAS_BACKEND", "jax")

from functools import partial

import jax.numpy as jnp
import numpy as np
import pytest
from keras.src.quantizers.awq import awq_quantize_matrix
from keras.src.quantizers.gptq import gptq_quantize_matrix
from keras.src.quantizers.quantizers import compute_quantization_parameters

from jkeras.nn.awq import awq
from jkeras.nn.gptq import add_to_hessian, damped, gptq
from jkeras.nn.quantization import affine_kernel

RNG = np.random.default_rng(0)
N, UNITS, LEVELS = 16, 8, (0, 15)
X = RNG.normal(size=(200, 4)) @ RNG.normal(size=(4, N)) + 0.3 * RNG.normal(size=(200, N))
W = RNG.normal(size=(N, UNITS)).astype("float32")


def hessian_of(x, damping=0.01):
    hessian, count = jnp.zeros((x.shape[1],) * 2), jnp.array(0.0)
    for batch in np.array_split(np.asarray(x, "float32"), 3):
        hessian, count = add_to_hessian(hessian, count, batch[None])
    return damped(hessian, damping)


def test_the_hessian_is_a_mean_over_all_batches():
    x = X.copy()
    x[:, 2] = 0
    wanted = 2 * x.T @ x / len(x)
    wanted[2, 2] = 1
    np.testing.assert_allclose(hessian_of(x), wanted + 0.01 * np.mean(np.diag(wanted)) * np.eye(N), rtol=1e-5, atol=1e-5)


def optimal_brain_rounding(w, hessian, scale, zero_point):
    """The definition in float64: round a row, move the rest to where the loss is least."""
    w, hessian = w.astype("float64"), np.asarray(hessian, "float64")
    q = np.zeros_like(w)
    for j in range(len(w)):
        q[j] = np.clip(np.round(w[j] / scale) + zero_point, *LEVELS)
        inverse = np.linalg.inv(hessian[j:, j:])
        w[j:] -= np.outer(inverse[0], (w[j] - (q[j] - zero_point) * scale) / inverse[0, 0])
    return q


def test_rows_make_up_for_those_before_them():
    hessian = hessian_of(X)
    kernel = gptq(W, hessian, LEVELS)
    wanted = optimal_brain_rounding(W, hessian, *(np.asarray(part[0], "float64") for part in kernel[1:3]))
    np.testing.assert_array_equal(kernel.q, wanted)


def change(kernel, x, w=W):
    return float(np.sum(np.square(x @ (np.asarray(kernel, "float64") - w))))


@pytest.mark.parametrize("options", [{}, {"group_size": 4, "activation_order": True}], ids=str)
def test_outputs_change_less_than_by_rounding_and_than_by_keras(options):
    group_size, hessian = options.get("group_size", -1), hessian_of(X)
    mine = change(gptq(W, hessian, LEVELS, **options).dequantized(), X)
    assert 1.5 * mine < change(affine_kernel(W, LEVELS, group_size).dequantized(), X)
    assert mine < change(of_keras(W, hessian, bits=4, **options)[-1], X)


def of_keras(w, hessian, bits, group_size=-1, symmetric=False, per_channel=True, activation_order=False):
    q, scale, zero, index = gptq_quantize_matrix(
        jnp.asarray(w.T),
        jnp.linalg.inv(hessian),
        group_size=group_size,
        activation_order=activation_order,
        order_metric=jnp.diagonal(hessian),
        compute_scale_zero=partial(
            compute_quantization_parameters, bits=bits, symmetric=symmetric, per_channel=per_channel, group_size=group_size
        ),
    )
    parts = [np.asarray(part) for part in (q.T, scale.T, zero.T, index.astype("int32"))]
    return *parts, (parts[0] - parts[2][parts[3]].astype("float32")) * parts[1][parts[3]]


OPTIONS = [
    {"bits": 4},
    {"bits": 2, "symmetric": True},
    {"bits": 3, "group_size": 10, "activation_order": True},
    {"bits": 8, "group_size": 6, "per_channel": False},
    {"bits": 4, "group_size": 64, "per_channel": False},
]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("n", [2, N], ids=["two inputs", "inputs without correlation"])
def test_keras_gives_the_same_where_it_follows_the_paper(n, options):
    hessian, w = hessian_of(X[:, :n]), np.abs(W[:n]) * (-1) ** np.arange(n)[:, None].astype("float32")  # 0 is within each range
    if n > 2:
        hessian *= jnp.eye(n)
    theirs = of_keras(w, hessian, **options)
    settings = {name: value for name, value in options.items() if name != "bits"}
    mine = gptq(w, hessian, (0, 2 ** options["bits"] - 1), **settings)
    for ours, wanted in zip(mine, theirs):
        assert ours.shape == wanted.shape
        np.testing.assert_allclose(np.asarray(ours, "float32"), wanted, rtol=1e-5)


@pytest.mark.parametrize("group_size", (-1, 8))
def test_awq_is_that_of_keras_and_gains_where_activations_differ(group_size):
    x = RNG.normal(size=(60, N)) * np.where(np.arange(N) % 8 == 3, 30, 1)
    magnitudes = np.max(np.abs(x), axis=0).astype("float32")
    kernel, scales = awq(W, magnitudes, LEVELS, group_size=group_size)
    theirs = awq_quantize_matrix(jnp.asarray(W.T), magnitudes, group_size=group_size)
    q, scale, zero, wanted_scales, index = [np.asarray(part).T for part in theirs]
    for ours, wanted in zip((*kernel, scales), (q, scale, zero, index, wanted_scales)):
        np.testing.assert_allclose(np.asarray(ours, "float32"), wanted, rtol=1e-4)
    assert change(kernel.dequantized() / scales[:, None], x) < 0.5 * change(affine_kernel(W, LEVELS, group_size).dequantized(), x)


def test_half_precision_and_long_kernels():
    n = 130  # two blocks, the second of them with two rows
    x = np.repeat(X, 9, axis=1)[:, :n] + 0.1 * RNG.normal(size=(200, n))
    w, hessian = RNG.normal(size=(n, 2)).astype("float32"), hessian_of(x)
    kernel = gptq(w, hessian, LEVELS)
    wanted = optimal_brain_rounding(w, hessian, *(np.asarray(part[0], "float64") for part in kernel[1:3]))
    assert np.mean(kernel.q == wanted) > 0.98  # a float32 near a half may fall to the other side
    assert (
        gptq(w.astype("bfloat16"), hessian, LEVELS).scale.dtype
        == awq(jnp.asarray(w, "bfloat16"), x[0], LEVELS)[0].scale.dtype
        == "bfloat16"
    )

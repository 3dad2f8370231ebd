"""`nn.conv` equals Keras' convolution, its gradients equal finite differences, and bad shapes are refused."""

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

import jkeras
from jkeras.nn.conv import conv
from jkeras.nn.fusing import with_fused_convolutions

RANK_SHAPES = {1: (2, 9, 4), 2: (2, 7, 8, 4), 3: (1, 5, 6, 5, 4)}
LAYERS = {1: keras.layers.Conv1D, 2: keras.layers.Conv2D, 3: keras.layers.Conv3D}


def normal(seed, *shape):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


@pytest.mark.few(8)
@pytest.mark.parametrize("data_format", ("channels_last", "channels_first"))
@pytest.mark.parametrize(
    ("rank", "options"),
    (
        (2, {}),
        (2, {"padding": "same", "strides": 2}),
        (2, {"padding": "same", "dilation_rate": 2}),
        (2, {"padding": "same", "groups": 2}),
        (2, {"strides": (3, 1)}),
        (1, {"padding": "causal", "dilation_rate": 2}),
        (1, {"padding": "causal", "strides": 2, "groups": 4}),
        (1, {"padding": "same", "strides": 2}),
        (3, {"padding": "same", "strides": (1, 2, 2)}),
        (3, {"dilation_rate": 2}),
    ),
    ids=str,
)
def test_conv_equals_keras(rank, data_format, options):
    x = normal(0, *RANK_SHAPES[rank])
    x = np.moveaxis(x, -1, 1) if data_format == "channels_first" else x
    layer = LAYERS[rank](8, (3, 2, 2)[:rank], data_format=data_format, **options)
    expected = layer(x)
    layer.bias.assign(normal(1, 8))
    got = conv(x, layer.kernel.value, layer.bias.value, data_format=data_format, **options)
    np.testing.assert_allclose(got, layer(x), rtol=1e-6, atol=1e-6)
    assert got.shape == expected.shape


@settings(max_examples=8, deadline=None)
@given(
    size=st.tuples(st.integers(5, 9), st.integers(5, 9)),
    window=st.tuples(st.integers(1, 4), st.integers(1, 4)),
    strides=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    padding=st.sampled_from(("valid", "same")),
)
def test_conv_is_the_sum_of_its_definition(size, window, strides, padding):
    x, kernel = normal(0, 1, *size, 2), normal(1, *window, 2, 3)
    out = [-(-n // s) if padding == "same" else (n - k) // s + 1 for n, k, s in zip(size, window, strides)]
    total = [max((o - 1) * s + k - n, 0) if padding == "same" else 0 for o, s, k, n in zip(out, strides, window, size)]
    padded = np.pad(x, [(0, 0), *((t // 2, t - t // 2) for t in total), (0, 0)])
    expected = np.zeros((1, *out, 3))
    for i, j in np.ndindex(*out):
        patch = padded[0, i * strides[0] :, j * strides[1] :][: window[0], : window[1]]
        expected[0, i, j] = np.einsum("hwc,hwcf->f", patch, kernel)
    np.testing.assert_allclose(conv(x, kernel, strides=strides, padding=padding), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.few(1)
@pytest.mark.parametrize("options", ({}, {"strides": 2, "padding": "same"}, {"groups": 2, "dilation_rate": 2}), ids=str)
def test_conv_gradients_equal_finite_differences(options):
    with jax.enable_x64(True):
        x = normal(0, 1, 5, 6, 4).astype("float64")
        kernel = normal(1, 2, 2, 4 // options.get("groups", 1), 2).astype("float64")
        bias = normal(2, 2).astype("float64")
        check_grads(jax.jit(lambda *a: conv(*a, **options)), (x, kernel, bias), order=2, modes=("fwd", "rev"))


@pytest.mark.few(2)
@pytest.mark.parametrize("dtype", ("float16", "bfloat16", "float32"))
def test_conv_keeps_the_dtype(dtype):
    assert conv(jnp.ones((1, 4, 2), dtype), jnp.ones((2, 2, 3), dtype), jnp.ones(3, dtype)).dtype == dtype


@pytest.mark.parametrize(
    ("shape", "kernel", "options", "text"),
    (
        ((1, 8, 4), (3, 3, 2), {}, "takes 3 channels"),
        ((1, 8, 4), (3, 2, 3), {"groups": 2}, "divisible by 2"),
        ((1, 2, 4), (3, 4, 2), {}, "does not fit into"),
        ((1, 8, 8, 4), (3, 3, 4, 2), {"padding": "causal"}, "one spatial axis"),
        ((1, 8, 4), (3, 4, 2), {"padding": "full"}, "Unknown padding"),
        ((1, 8, 4), (3, 4, 2), {"strides": (1, 1)}, "1 spatial axes"),
        ((8, 4), (4, 2), {}, "rank 3, 4 or 5"),
    ),
)
def test_conv_refuses_what_does_not_fit(shape, kernel, options, text):
    with pytest.raises(ValueError, match=text):
        conv(jnp.ones(shape), jnp.ones(kernel), **options)


def channels(v):
    return v.reshape(1, 1, 1, -1)


# What is done to a convolution of 4 filters, and the operations on images that are left.
FOLLOWING = {
    "normalized, rectified": (lambda y, f, a: jnp.maximum(y() * channels(f) - channels(f * f), 0), ["conv_fused"]),
    "a bias, half of it, a shortcut": (lambda y, f, a: (y() + f) * 0.5 + a, ["conv_fused"]),
    "two that are added": (lambda y, f, a: jax.nn.relu(y() + y()), ["conv", "conv_fused"]),
    "used twice": (lambda y, f, a: (lambda z: z * channels(f) + z)(y()), ["conv", "mul", "add"]),
    "rectified, then scaled": (lambda y, f, a: jnp.maximum(y(), 0) * f, ["conv_fused", "mul"]),
    "a shortcut, then scaled": (lambda y, f, a: (y() + a) * f, ["conv_fused", "mul"]),
    "scaled by an image": (lambda y, f, a: y() * a, ["conv", "mul"]),
    "another limit": (lambda y, f, a: jnp.maximum(y(), 1), ["conv", "max"]),
    "another axis": (lambda y, f, a: y() + f[:, None], ["conv", "add"]),
    "within a function": (lambda y, f, a: jax.jit(lambda z: jax.nn.relu(z + f))(y()), ["conv_fused"]),
}


@pytest.mark.parametrize("name", FOLLOWING)
def test_what_follows_a_convolution_joins_it_where_nothing_else_sees_it(name):
    follow, left = FOLLOWING[name]
    rng = np.random.default_rng(0)
    x, kernel, factor, image = (rng.normal(size=s).astype("float32") for s in ((2, 4, 4, 3), (3, 3, 3, 4), (4,), (2, 4, 4, 4)))
    run = lambda x, k, f, a: follow(lambda: conv(x, k, padding="same"), f, a)  # noqa: E731
    fused = with_fused_convolutions(run)
    program = jax.make_jaxpr(fused)(x, kernel, factor, image)
    found = [e.primitive.name for e in program.eqns if e.outvars[0].aval.shape == image.shape]
    assert [name for name in found if name not in ("broadcast_in_dim", "jit")] == left
    np.testing.assert_allclose(fused(x, kernel, factor, image), run(x, kernel, factor, image), rtol=1e-5, atol=1e-5)


NORMALIZED = {
    "channels first": ({"data_format": "channels_first"}, 1),
    "dilated groups": ({"groups": 2, "dilation_rate": 2}, -1),
    "filters as many as columns": ({"filters": 9, "padding": "same"}, -1),
}


@pytest.mark.parametrize("name", NORMALIZED)
def test_a_model_reads_as_it_is_called(name):
    options, axis = NORMALIZED[name]
    x = jkeras.Input((9, 9, 4) if axis < 0 else (4, 9, 9))
    y = jkeras.layers.Conv2D(**{"filters": 6, "kernel_size": 3, **options})(x)
    y = jkeras.layers.ReLU()(jkeras.layers.BatchNormalization(axis)(y))
    model = jkeras.Model(x, [y, jkeras.layers.Subtract()([y, y])])
    rng = np.random.default_rng(0)
    model.set_weights([rng.uniform(0.2, 1.0, w.shape) for w in model.weights])
    images = rng.normal(size=(5, *x.shape[1:])).astype("float32")
    for found, expected in zip(model.predict(images, verbose=0), model(images)):
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


def test_a_fused_convolution_keeps_its_precision():
    x, kernel = jnp.ones((1, 4, 4, 3)), jnp.ones((3, 3, 3, 4))
    with jax.default_matmul_precision("highest"):
        program = jax.make_jaxpr(with_fused_convolutions(lambda x, k: jnp.maximum(conv(x, k), 0)))(x, kernel)
    (equation,) = (e for e in program.eqns if e.primitive.name.startswith("conv"))
    assert equation.primitive.name == "conv" and "highest" in str(equation.params["precision"]).lower()

"""Quantizers: Keras' values and gradients, bounds on what rounding loses, configs, refusals."""

import os

os.environ.setdefault("KERAS_BACKEND", "jax")

import inspect
import json

import hypothesis
import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest
from hypothesis.extra import numpy as arrays

import jkeras
from jkeras import quantizers
from jkeras.nn import float8
from jkeras.quantizers.resolve import resolve_config

W = np.random.default_rng(0).normal(size=(10, 4)).astype("float32")
LOW, HIGH = np.array([-1.0, 0.5, -2.0, -0.1], "float32"), np.array([1.0, 3.0, -0.5, 0.1], "float32")
Q = np.random.default_rng(1).integers(-8, 8, (3, 5), "int8")

CALLS = {
    "columns": ("abs_max_quantize", W, 0),
    "rows on the host": ("abs_max_quantize", W, [1], (-8, 7), "int8", 1e-7, True),
    "all": ("abs_max_quantize", W, (0, 1)),
    "blocks": ("abs_max_quantize_grouped_with_zero_point", W, 4),
    "blocks on the host": ("abs_max_quantize_grouped_with_zero_point", W, 5, (-128, 127), "int8", 1e-7, True),
    "fake": ("fake_quant_with_min_max_vars", W, -1.0, 1.3),
    "fake, of lists": ("fake_quant_with_min_max_vars", W.tolist(), [-0.5], [2.0], 4, True),
    "fake, by channels": ("fake_quant_with_min_max_vars", W, LOW, HIGH, 3, False, -1),
    "scale": ("compute_float8_scale", 3.0, 0.5, 448.0, 2),
    "scale of zeros": ("compute_float8_scale", 0.0, 0.5, 448.0),
    "scale of infinity": ("compute_float8_scale", float("inf"), 0.5, 448.0),
    "history": ("compute_float8_amax_history", W, np.arange(4.0, dtype="float32")),
    "float8": ("quantize_and_dequantize", W * 300, 0.7, "float8_e4m3fn", "float32"),
    "float8 of gradients": ("quantize_and_dequantize", W * 1e5, 0.7, "float8_e5m2", "bfloat16"),
    "pairs": ("pack_int4", Q),
    "pairs along another axis": ("pack_int4", np.abs(Q).astype("uint8"), -1, "uint8"),
    "unpacked": ("unpack_int4", Q, 5),
    "unpacked along another axis": ("unpack_int4", Q, 9, 1, "uint8"),
}


@pytest.mark.few(8)
@pytest.mark.parametrize("name,args", [(args[0], args[1:]) for args in CALLS.values()], ids=CALLS)
def test_functions_give_what_those_of_keras_give(name, args):
    mine, theirs = (getattr(module, name)(*args) for module in (quantizers, keras.quantizers))
    assert jax.tree.structure(mine) == jax.tree.structure(theirs)
    for ours, wanted in zip(jax.tree.leaves(mine), jax.tree.leaves(theirs)):
        assert jnp.asarray(ours).dtype == jnp.asarray(wanted).dtype
        np.testing.assert_allclose(np.asarray(ours, "float64"), np.asarray(wanted, "float64"), rtol=1e-6, atol=1e-6)


def test_functions_take_symbolic_tensors_and_variables():
    x, kernel = jkeras.KerasTensor((None, 6)), jkeras.Variable(W)
    q, scale = quantizers.abs_max_quantize(x, axis=-1)
    assert (q.shape, q.dtype, scale.shape) == ((None, 6), "int8", (None, 1))
    assert quantizers.unpack_int4(quantizers.pack_int4(q, axis=1)[0], 6, axis=1).shape == (None, 6)
    np.testing.assert_array_equal(quantizers.abs_max_quantize(kernel, 0)[0], quantizers.abs_max_quantize(W, 0)[0])


def test_an_axis_in_the_middle_has_ranges_of_its_own():
    x = np.random.default_rng(2).normal(size=(2, 4, 3)).astype("float32")
    last = quantizers.fake_quant_with_min_max_vars(x.swapaxes(1, 2), LOW, HIGH, axis=-1)
    np.testing.assert_array_equal(quantizers.fake_quant_with_min_max_vars(x, LOW, HIGH, axis=1), last.swapaxes(1, 2))
    assert not np.any(quantizers.fake_quant_with_min_max_vars(x, 0.0, 0.0))  # ranges as they are before the first batch


@pytest.mark.parametrize("ends,axis", [((-1.0, 1.3), None), ((LOW, HIGH), 1)], ids=["one range", "by channels"])
def test_gradients_of_fake_quantization_are_those_of_keras(ends, axis):
    def loss(module):
        weights = jnp.cos(jnp.arange(W.size, dtype="float32")).reshape(W.shape)
        return lambda *args: jnp.sum(module.fake_quant_with_min_max_vars(*args, axis=axis) * weights)

    given = (jnp.asarray(W), *map(jnp.asarray, ends))
    mine, theirs = (jax.grad(loss(module), (0, 1, 2))(*given) for module in (quantizers, keras.quantizers))
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-6), mine, theirs)


floats = arrays.arrays("float32", (5, 2), elements=st.floats(-100, 100, width=32))  # one shape: one compile


@hypothesis.settings(max_examples=25, deadline=None)
@hypothesis.given(floats)
def test_rounding_loses_half_a_step(w):
    levels, block_size = (-8, 7), 2
    q, scale = quantizers.abs_max_quantize(w, 0, levels)
    assert np.all(np.abs(np.asarray(q, "float64") / scale - w) <= 0.51 / scale)
    q, scale, zero = (
        np.asarray(part, "float64") for part in quantizers.abs_max_quantize_grouped_with_zero_point(w, block_size, levels)
    )
    scale, zero = (np.repeat(part, block_size, 0)[: len(w)] for part in (scale, zero))
    assert np.all(np.abs((q - zero) * scale - w) <= 1.01 * scale)  # half for the entry, half for the zero point
    assert np.all(((q - zero) * scale)[w == 0] == 0)


@pytest.mark.parametrize("dtype", ("float16", "bfloat16"))
def test_half_precision_keeps_its_dtype_and_its_small_numbers(dtype):
    x = jnp.array([[1e-4, -5e-5], [0, 0]], dtype)
    q, scale = quantizers.abs_max_quantize(x, axis=1)
    assert scale.dtype == quantizers.fake_quant_with_min_max_vars(x, -1.0, 1.0).dtype == dtype
    np.testing.assert_allclose(q / scale.astype("float32"), x.astype("float32"), atol=1e-5)


def test_float8_rounds_values_forward_and_gradients_backward():
    x, scale, history = jnp.array([1.1, -3.0]), jnp.array(1.0), jnp.array([28672.0, 0.0])
    kept = float8.Amax(scale, history)
    y, back = jax.vjp(lambda x, a, b: float8.float8_gradients(float8.float8_values(x, a)[0], b)[0], x, kept, kept)
    np.testing.assert_array_equal(y, [1.125, -3.0])
    dx, *following = back(jnp.array([1.1, 2.0]))
    np.testing.assert_array_equal(dx, [1.0, 2.0])
    for value, wanted in zip(jax.tree.leaves(following), (64.0, [3.0, 28672.0], 0.5, [2.0, 28672.0])):
        np.testing.assert_array_equal(value, wanted)


OBJECTS = {
    "Quantizer": {},
    "AbsMaxQuantizer": {"axis": 0, "value_range": (-8, 7)},
    "Int8QuantizationConfig": {},
    "Int4QuantizationConfig": {"block_size": 32},
    "Float8QuantizationConfig": {},
    "GPTQConfig": {"dataset": ["text"], "tokenizer": str, "symmetric": True},
    "AWQConfig": {"dataset": ["text"], "tokenizer": str, "group_size": -1},
}


@pytest.mark.parametrize("name,options", OBJECTS.items(), ids=OBJECTS)
def test_configs_cross_to_keras_and_back(name, options):
    mine, theirs = (getattr(module, name)(**options) for module in (quantizers, keras.quantizers))
    written = json.loads(json.dumps(quantizers.serialize(mine)))
    copy = quantizers.deserialize(written)
    assert type(copy) is type(mine) and json.loads(json.dumps(quantizers.serialize(copy))) == written
    assert getattr(copy, "mode", None) == getattr(theirs, "mode", None)
    if name != "Quantizer":  # Keras' has no config
        assert written == json.loads(json.dumps(keras.quantizers.serialize(theirs)))


def test_every_name_of_keras_is_here_with_its_arguments():
    for name in filter(lambda name: name[0] != "_", dir(keras.quantizers)):
        mine, theirs = getattr(quantizers, name), getattr(keras.quantizers, name)
        if name not in ("serialize", "get"):
            wanted = {k: p.default for k, p in inspect.signature(theirs).parameters.items()}
            assert {k: p.default for k, p in inspect.signature(mine).parameters.items()} == wanted
    assert jkeras.Quantizer is quantizers.Quantizer
    assert quantizers.get(None) is None and quantizers.get(jnp.sum) is jnp.sum
    assert quantizers.get({"class_name": "AbsMaxQuantizer", "config": {}}).axis is None


def test_what_quantize_means():
    assert [resolve_config(mode).mode for mode in ("int8", "int4", "float8")] == ["int8", "int4", "float8"]
    assert resolve_config(None, "int4").block_size == 128
    config = quantizers.GPTQConfig(None, None)
    assert resolve_config("gptq", config) is resolve_config(None, config) is config


GPTQ, INT4 = quantizers.GPTQConfig, quantizers.Int4QuantizationConfig
REFUSED = {
    "range": (lambda: quantizers.AbsMaxQuantizer(value_range=(-200, 7)), ValueError, "within"),
    "weights": (lambda: INT4(quantizers.AbsMaxQuantizer(), block_size=None), ValueError, "value_range=.-8, 7."),
    "blocks and quantizer": (lambda: INT4(activation_quantizer=quantizers.AbsMaxQuantizer()), ValueError, "block_size=None"),
    "size of blocks": (lambda: INT4(block_size=0), ValueError, "1 or more"),
    "bits": (lambda: GPTQ(None, None, weight_bits=5), ValueError, "one of"),
    "bits of AWQ": (lambda: quantizers.AWQConfig(None, None, weight_bits=8), ValueError, "one of"),
    "samples": (lambda: GPTQ(None, None, num_samples=0), ValueError, "num_samples"),
    "groups": (lambda: GPTQ(None, None, group_size=-2), ValueError, "group_size"),
    "damping": (lambda: GPTQ(None, None, hessian_damping=2), ValueError, "between 0 and 1"),
    "grid": (lambda: quantizers.AWQConfig(None, None, num_grid_points=0), ValueError, "num_grid_points"),
    "no axis": (
        lambda: quantizers.Int8QuantizationConfig(activation_quantizer=lambda x: (x, 1.0)),
        TypeError,
        "no argument `axis`",
    ),
    "no function": (lambda: quantizers.Int8QuantizationConfig(activation_quantizer="int8"), TypeError, "integers and their"),
    "no mode": (lambda: quantizers.QuantizationConfig().mode, NotImplementedError, "Int8QuantizationConfig"),
    "dtype of pairs": (lambda: quantizers.pack_int4(Q, dtype="int4"), ValueError, "uint8"),
    "dtype of what is packed": (lambda: quantizers.pack_int4(W), TypeError, "float32"),
    "dtype of what is unpacked": (lambda: quantizers.unpack_int4(W, 3), TypeError, "float32"),
    "unknown name": (lambda: quantizers.get("abs_max_quantize"), ValueError, "Did you mean"),
    "no quantizer": (lambda: quantizers.get(3), ValueError, "Not a quantizer"),
    "nothing": (lambda: resolve_config(None), ValueError, "quantize"),
    "unknown mode": (lambda: resolve_config("int3"), ValueError, "int4"),
    "no data": (lambda: resolve_config("gptq"), ValueError, "GPTQConfig"),
    "two modes": (lambda: resolve_config("int8", INT4()), ValueError, "Leave out"),
    "no config": (lambda: resolve_config("int8", 8), ValueError, "Received: 8"),
}


@pytest.mark.parametrize("make,kind,text", REFUSED.values(), ids=REFUSED)
def test_errors_say_what_to_write(make, kind, text):
    with pytest.raises(kind, match=text):
        make()

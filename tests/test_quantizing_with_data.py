"""GPTQ and AWQ through `model.quantize`: Keras' weights, what the data change about them, refusals.

Keras 3.15 runs its layers in a way that its hooks do not see, so that it has no activations to go by: numbers are not compared.
"""

import os

os.environ.setdefault("KERAS_BACKEND", "jax")

import jax.numpy as jnp
import keras
import numpy as np
import pytest

import jkeras
from jkeras.models.calibration import token_samples
from jkeras.nn.awq import awq
from jkeras.nn.gptq import add_to_hessian, damped, gptq

TOKENS, WIDTH, UNITS = 12, 6, 4
SAMPLES = {"dataset": [np.arange(TOKENS)], "tokenizer": "none", "num_samples": 2, "sequence_length": TOKENS}
X = np.arange(TOKENS)[None]


def build(library):
    """An embedding and two blocks, the second of which sums over two axes."""
    embedding = library.layers.Embedding(TOKENS, WIDTH, name="table")
    first = [library.layers.Dense(2 * UNITS, name="up"), library.layers.Dropout(0.5)]
    down = library.layers.EinsumDense("abcd,cde->abe", (None, 3 * UNITS), bias_axes="e", name="down")
    second = [library.layers.Reshape((TOKENS, 2, UNITS)), down]
    blocks = [library.Sequential(first, name="first"), library.Sequential(second, name="second")]
    x = y = library.Input((TOKENS,), dtype="int32")
    for layer in (embedding, *blocks):
        y = layer(y)
    model, rng = library.Model(x, y), np.random.default_rng(0)
    sizes = {WIDTH: np.geomspace(0.1, 10, WIDTH)}  # of the first activations
    model.set_weights([rng.normal(size=w.shape) * sizes.get(w.shape[-1], 1) for w in model.get_weights()])
    return model, {"pre_block_layers": [embedding], "sequential_blocks": blocks}


def quantized(library, name, filters=None, **options):
    model, structure = build(library)
    config = getattr(library.quantizers, name)(**SAMPLES | options, quantization_layer_structure=structure)
    model.quantize(config.mode, config=config, filters=filters)
    return model


def rounded(name, w, x, **options):
    """The kernel that a layer's inputs ask for, seen as often as there are samples."""
    x = jnp.reshape(x, (TOKENS, -1))
    if name == "AWQConfig":
        kernel, scales = awq(w, jnp.max(jnp.abs(x), axis=0), (0, 15), **options)
        return kernel.dequantized() / scales[:, None]
    damping = options.pop("hessian_damping", 0.01)
    hessian, count = jnp.zeros((x.shape[1],) * 2), jnp.zeros(())
    for _ in range(SAMPLES["num_samples"]):
        hessian, count = add_to_hessian(hessian, count, x)
    return gptq(w, damped(hessian, damping), (0, 2 ** options.pop("weight_bits", 4) - 1), **options).dequantized()


CASES = {
    "AWQ": ("AWQConfig", {"group_size": 4, "num_grid_points": 5}),
    "GPTQ": ("GPTQConfig", {"group_size": 4, "activation_order": True}),
    "GPTQ of 8 bits": ("GPTQConfig", {"weight_bits": 8, "group_size": -1, "hessian_damping": 0.1, "per_channel": False}),
}


@pytest.mark.filterwarnings("ignore")  # Dropout has nothing to quantize
@pytest.mark.parametrize("name,options", CASES.values(), ids=CASES)
def test_each_block_is_rounded_for_what_the_rounded_ones_before_it_give(name, options):
    _, up, up_bias, down, down_bias = build(jkeras)[0].get_weights()
    _, table, *blocks = quantized(jkeras, name, **options).layers
    for block, w, bias, x in zip(
        blocks, (up, down.reshape(2 * UNITS, -1)), (up_bias, down_bias), (table(X), blocks[0](table(X)))
    ):
        wanted = x[0] @ rounded(name, w, x, **options) + bias
        np.testing.assert_allclose(block(x)[0], wanted, rtol=1e-4, atol=1e-4)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ("AWQConfig", "GPTQConfig"))
def test_weights_are_called_and_packed_as_in_keras_and_do_better(name, capsys):
    exact = np.asarray(build(jkeras)[0](X))
    mine = quantized(jkeras, name, filters=["up", "down"])
    theirs = quantized(keras, name, filters=["up", "down"], **({"num_grid_points": 1} if name == "AWQConfig" else {}))
    shown = [[(w.path, w.shape, w.dtype) for w in model.weights] for model in (mine, theirs)]
    assert shown[0] == shown[1]
    assert np.sum(np.square(mine(X) - exact)) < np.sum(np.square(theirs(X) - exact))


def test_filters_leave_layers_out():
    model = quantized(jkeras, "GPTQConfig", filters=lambda layer: layer.name == "down", symmetric=True)
    up, down = (layer for layer in model._flatten_layers() if layer.name in ("up", "down"))
    assert up.quantization_mode is None and np.all(down.kernel_zero == 8)  # the middle


def test_samples_are_stretches_of_all_texts():
    class Tokenizer:
        def tokenize(self, text):
            return [ord(letter) - ord("a") for letter in text]

    config = jkeras.quantizers.AWQConfig(iter(["abc", "def"]), Tokenizer(), num_samples=3, sequence_length=4)
    samples = token_samples(config)
    assert samples.shape == (3, 1, 4) and samples.dtype == "int32"
    np.testing.assert_array_equal(samples[:, 0], [[0, 1, 2, 3], [3, 4, 5, 0], [0, 1, 2, 3]])


def two_layers(layer=None):
    model = jkeras.Sequential([jkeras.layers.Embedding(TOKENS, 4), layer or jkeras.layers.Dense(2)])
    model.build((None, TOKENS))
    model.layers[0].set_weights([np.ones((TOKENS, 4))])  # fully correlated
    return model


def whole(model):
    return {"pre_block_layers": model.layers[:1], "sequential_blocks": model.layers[1:]}


def ours(model):
    return {"quantization_layer_structure": whole(model)}


def across():
    """It sums over the last axis of its kernel, as many entries as the others have together."""
    return jkeras.layers.EinsumDense("abc,dec->abde", (None, 2, 2))


REFUSED = {
    "no structure": ({}, None, lambda m: None, ValueError, "sequential_blocks"),
    "no blocks": ({}, None, lambda m: {"pre_block_layers": m.layers}, ValueError, "sequential_blocks"),
    "no data": ({"dataset": None}, None, whole, ValueError, "dataset"),
    "empty data": ({"dataset": []}, None, whole, ValueError, "empty"),
    "one text": ({"dataset": "text"}, None, whole, TypeError, "iterable"),
    "another matrix": ({}, across, whole, ValueError, "abc,dec"),
    "too few data": ({"dataset": [[0, 1]], "hessian_damping": 0}, None, whole, ValueError, "hessian_damping"),
}


@pytest.mark.parametrize("options,layer,structure,kind,text", REFUSED.values(), ids=REFUSED)
def test_errors_say_what_is_missing(options, layer, structure, kind, text):
    model = two_layers(layer and layer())
    config = jkeras.quantizers.GPTQConfig(**SAMPLES | options, quantization_layer_structure=structure(model))
    before = model(X)
    with pytest.raises(kind, match=text):
        model.quantize("gptq", config=config)
    assert model.layers[-1].quantization_mode is None
    np.testing.assert_array_equal(model(X), before)


def test_after_an_error_the_same_model_is_quantized_and_its_weights_fit_a_clone():
    model = two_layers()
    with pytest.raises(ValueError):
        model.quantize(
            config=jkeras.quantizers.GPTQConfig(**SAMPLES | {"dataset": [[0, 1]], "hessian_damping": 0}, **ours(model))
        )
    model.quantize(config=jkeras.quantizers.GPTQConfig(**SAMPLES, **ours(model)))
    clone = jkeras.models.clone_model(model)
    clone.set_weights(model.get_weights())
    assert np.any(model(X)) and model.layers[-1].quantization_mode == "gptq"
    np.testing.assert_array_equal(clone(X), model(X))


def test_a_kernel_of_another_rank_stays():
    model = two_layers(jkeras.layers.EinsumDense("abc,cdef->abdef", (None, 2, 2, 2)))
    before = model(X)
    with pytest.warns(UserWarning, match="two or three axes"):
        model.quantize(config=jkeras.quantizers.GPTQConfig(**SAMPLES, **ours(model)))
    np.testing.assert_array_equal(model(X), before)

"""Array functions in a graph go to Keras 3 and back, with their settings."""

import inspect
import json
import warnings

import jax
import keras
import numpy as np
import pytest

import jkeras
from jkeras.ops.wrapper import operations
from jkeras.saving.array_functions import BY_NAME
from jkeras.saving.serialization import model_config, model_from_config

X = np.random.default_rng(0).uniform(0.1, 0.9, (2, 4, 4)).astype("float32")
SPECIAL = {
    # several outputs, a shape that depends on values, random, or only for dtypes other than floats
    "nonzero", "unique", "unravel_index", "array_split", "dsplit", "hsplit", "vsplit", "bincount", "segment_sum",
    "view_as_complex", "ndim", "size", "meshgrid", "isin", "extract_sequences",
    "bitwise_invert", "bitwise_not", "view", "one_hot", "multi_hot",
    "glu", "corrcoef", "histogram",  # another number of axes
    "cholesky", "cholesky_inverse",  # other matrices
    "sparsemax",  # Keras gives something else for three axes
}  # fmt: skip


def of_one_tensor():
    for name, known in BY_NAME.items():
        parameters = list(inspect.signature(known.function).parameters.values())
        required = [p for p in parameters if p.default is p.empty and p.kind is p.POSITIONAL_OR_KEYWORD]
        if len(known.data) == 1 and len(required) == 1 and name in operations() and name not in SPECIAL:
            yield name


CALLS = {
    **{name: (lambda k, x, name=name: getattr(k.ops, name)(x)) for name in of_one_tensor()},
    "mean, axis": lambda k, x: k.ops.mean(x, axis=(1, 2), keepdims=True),
    "argmax, axis": lambda k, x: k.ops.argmax(x, axis=-1),
    "softmax, axis": lambda k, x: k.ops.softmax(x, axis=1),
    "cast": lambda k, x: k.ops.cast(x, "float16"),
    "clip": lambda k, x: k.ops.clip(x, 0.2, x_max=0.5),
    "concatenate": lambda k, x: k.ops.concatenate([x, x * 2.0], axis=1),
    "einsum": lambda k, x: k.ops.einsum("bij,bkj->bik", x, x),
    "matmul": lambda k, x: x @ k.ops.transpose(x, (0, 2, 1)),
    "pad": lambda k, x: k.ops.pad(x, [[0, 0], [1, 2], [0, 0]], constant_values=3.0),
    "power": lambda k, x: 2.0 ** (x**3) / (1.0 - x // 0.3),
    "reshape": lambda k, x: k.ops.reshape(x, (-1, 16)),
    "repeat": lambda k, x: k.ops.repeat(x, 2, axis=1),
    "slices": lambda k, x: x[:, 1:3, None, ..., 0],
    "split": lambda k, x: k.ops.split(x, 2, axis=-1),
    "take": lambda k, x: k.ops.take(x, [2, 0], axis=1),
    "top_k": lambda k, x: k.ops.top_k(x, 2, sorted=True),
    "where": lambda k, x: k.ops.where(x > 0.5, x, k.ops.zeros_like(x)),
    "logical": lambda k, x: ~((x > 0.3) & (x < 0.6)),
    "max_pool": lambda k, x: k.ops.max_pool(x, 2, strides=1, padding="same"),
    "batch_normalization": lambda k, x: k.ops.batch_normalization(x, x[0, 0], x[0, 1] + 1.0, axis=-1, epsilon=0.1),
    "attention": lambda k, x: k.ops.dot_product_attention(x[:, :, None], x[:, :, None], x[:, :, None], is_causal=True),
    "fake quantization": lambda k, x: k.quantizers.fake_quant_with_min_max_vars(x, 0.2, 0.7),
    "array": lambda k, x: x + np.arange(4, dtype="float32"),
}


def graph(k, call):
    x = k.Input((4, 4), name="x")
    return k.Model(x, call(k, x))


def assert_equal(a, b):
    a, b = jax.tree.leaves(a), jax.tree.leaves(b)
    assert len(a) == len(b)
    for one, other in zip(a, b):
        np.testing.assert_allclose(np.asarray(one, "float64"), np.asarray(other, "float64"), rtol=1e-4, atol=1e-4)


@pytest.mark.few(80)
@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_both_ways(call):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            theirs = graph(keras, call)
        except Exception as error:
            pytest.skip(f"Keras itself cannot: {error}")
        ours = graph(jkeras, call)
        values = ours(X)
        assert_equal(model_from_config(json.loads(json.dumps(model_config(ours))))(X), values)
        assert_equal(jkeras.models.model_from_json(theirs.to_json())(X), values)
        assert_equal(keras.models.model_from_json(ours.to_json())(X), values)

"""Embedding equals Keras' in rows, gradients, masks and config."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from against_keras import assert_config_round_trip, keras, normal, weighted_sum

from jkeras.layers.embedding import Embedding

X = np.array([[1, 4, 0], [2, 2, 0]])


@pytest.mark.parametrize("dtype", ("int32", "uint8", "float32"))
def test_embedding_equals_keras(dtype):
    table = normal(5, 3)
    pair = Embedding(5, 3, weights=table), keras.layers.Embedding(5, 3, weights=table)
    np.testing.assert_array_equal(*(layer(X.astype(dtype)) for layer in pair))


def test_the_gradient_adds_up_the_rows_that_were_looked_up():
    layer, table = Embedding(5, 3), normal(5, 3)
    gradient = jax.grad(lambda t: weighted_sum(layer.apply({"embeddings": t}, {}, X)[0]))(table)
    expected = jax.grad(lambda t: weighted_sum(jax.nn.one_hot(X, 5) @ t))(table)
    np.testing.assert_allclose(gradient, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("mask_zero", (False, True))
def test_masks_and_configs_are_keras(mask_zero):
    pair = tuple(f(5, 3, mask_zero=mask_zero, embeddings_regularizer="l2") for f in (Embedding, keras.layers.Embedding))
    assert_config_round_trip(*pair)
    masks = [layer.compute_mask(jnp.asarray(X)) for layer in pair]
    assert masks == [None, None] if not mask_zero else bool((masks[0] == masks[1]).all())


@pytest.mark.parametrize("wrap", (lambda v: v, lambda v: [v]))
def test_a_table_may_be_given(wrap):
    table = normal(5, 3)
    np.testing.assert_array_equal(Embedding(5, 3, weights=wrap(table))(X), table[X])


def test_keras_2_input_length_is_taken():
    layer = Embedding(5, 3, input_length=3)
    assert layer(X).shape == (2, 3, 3)
    assert Embedding.from_config(layer.get_config()).input_dim == 5


def test_indices_are_not_rounded_to_half_precision():
    layer = Embedding(4000, 2, dtype="mixed_bfloat16")
    y = layer(np.array([[3001.0]], "float32"))
    assert y.dtype == jnp.bfloat16
    np.testing.assert_array_equal(y[0, 0], layer.embeddings.value[3001].astype("bfloat16"))


@pytest.mark.parametrize(("args", "kwargs"), (((0, 3), {}), ((5, -1), {}), ((5, 2.0), {}), ((5, 3), {"lora_rank": 2})))
def test_embedding_refuses_bad_arguments(args, kwargs):
    with pytest.raises(ValueError, match="Embedding"):
        Embedding(*args, **kwargs)

"""Embedding equals Keras' in rows, gradients, masks and config."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from against_keras import assert_config_round_trip, keras, normal, weighted_sum

import jkeras
from jkeras.layers import Dense, ReversibleEmbedding
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


@pytest.mark.parametrize(("args", "kwargs"), (((0, 3), {}), ((5, -1), {}), ((5, 2.0), {}), ((5, 3), {"lora_rank": 0})))
def test_embedding_refuses_bad_arguments(args, kwargs):
    with pytest.raises(ValueError, match="Embedding"):
        Embedding(*args, **kwargs)


@pytest.mark.parametrize("layer", (Embedding(5, 3), ReversibleEmbedding(5, 3, tie_weights=False)))
def test_the_table_needs_no_shape_of_inputs(layer):
    layer.build()
    assert layer.built and layer.weights[0].shape == (5, 3)


REVERSIBLE = ({}, {"tie_weights": False}, {"logit_soft_cap": 0.5}, {"tie_weights": False, "logit_soft_cap": 2.0})


@pytest.mark.parametrize("options", REVERSIBLE, ids=str)
def test_there_and_back_equals_keras(options):
    pair = [k.layers.ReversibleEmbedding(5, 3, **options) for k in (jkeras, keras)]
    for layer in pair:
        layer.build()
        layer.set_weights([normal(*w.shape, seed=i) for i, w in enumerate(layer.weights)])
    ours, theirs = pair
    assert [(w.name, w.shape) for w in ours.weights] == [(w.name, tuple(w.shape)) for w in theirs.weights]
    assert_config_round_trip(*pair)
    hidden = normal(2, 4, 3, seed=5)

    def our_loss(params, hidden):
        return weighted_sum(ours.apply(params, {}, hidden, reverse=True)[0]) + weighted_sum(ours.apply(params, {}, X)[0])

    def their_loss(values, hidden):
        return sum(weighted_sum(theirs.stateless_call(values, [], *x)[0]) for x in ((hidden, True), (X,)))

    params = {w.name: jnp.asarray(w.value) for w in ours.weights}
    loss, grads = jax.jit(jax.value_and_grad(our_loss, (0, 1)))(params, hidden)
    loss_keras, grads_keras = jax.jit(jax.value_and_grad(lambda v, h: their_loss([v[n] for n in params], h), (0, 1)))(
        params, hidden
    )
    np.testing.assert_allclose(loss, loss_keras, rtol=1e-5)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5), grads, grads_keras)


@pytest.mark.parametrize("options", REVERSIBLE, ids=str)
def test_shapes_and_masks_of_symbolic_tensors(options):
    layer, x = ReversibleEmbedding(5, 3, mask_zero=True, **options), jkeras.Input((None,), dtype="int32")
    vectors = layer(x)
    logits = layer(Dense(3)(vectors), reverse=True)
    assert vectors.shape == (None, None, 3) and logits.shape == (None, None, 5)
    assert vectors.mask is not None and logits.mask is None
    assert layer.compute_output_shape((None, 4)) == (None, 4, 3) and layer.compute_output_shape((None, 4, 3), reverse=True) == (
        None,
        4,
        5,
    )
    model = jkeras.Model(x, logits)
    model.compile("adam", "sparse_categorical_crossentropy")
    assert model.fit(X, X, verbose=0).history["loss"][0] > 0
    np.testing.assert_allclose(model(X), layer(model.layers[2](layer(X)), reverse=True), rtol=1e-5, atol=1e-6)


def test_later_layers_skip_padding_on_the_way_there_alone():
    layer = ReversibleEmbedding(5, 3, mask_zero=True)
    mean = jkeras.layers.GlobalAveragePooling1D()
    model = jkeras.Sequential([jkeras.Input((3,), dtype="int32"), layer, mean])
    np.testing.assert_allclose(model(X)[0], np.mean(np.asarray(layer(X))[0, :2], 0), rtol=1e-6)


@pytest.mark.parametrize("policy", ("mixed_bfloat16", "bfloat16", "float32"))
def test_the_way_back_has_a_dtype_of_its_own(policy):
    x = normal(2, 3)
    assert ReversibleEmbedding(5, 3, dtype=policy)(x, reverse=True).dtype == policy.removeprefix("mixed_")
    layer = ReversibleEmbedding(5, 3, dtype=policy, reverse_dtype="float32")
    y = layer(x, reverse=True)
    assert y.dtype == "float32" and layer(jkeras.Input((3,)), reverse=True).dtype == "float32"
    np.testing.assert_allclose(y, x @ np.asarray(layer.embeddings.value, "float32").T, rtol=1e-5, atol=1e-6)


def test_reversible_embedding_refuses_bad_arguments():
    with pytest.raises(ValueError, match="input_dim=0"):
        ReversibleEmbedding(0, 3)
    layer = ReversibleEmbedding(5, 3)
    for k in (jkeras, keras):
        with pytest.raises((TypeError, ValueError)):
            k.layers.ReversibleEmbedding(5, 3)(normal(2, 4), reverse=True)
    with pytest.raises(TypeError, match="backwards"):
        layer(X, backwards=True)

"""Attention layers equal Keras' in outputs, weights, gradients, masks and configs."""

import contextlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from against_keras import assert_config_round_trip, keras, normal, weighted_sum
from keras.src import backend as keras_backend

import jkeras
from jkeras import layers
from jkeras._base import paths
from jkeras.layer.tracking import weight_entries
from jkeras.nn import attention as nn
from jkeras.state.scope import get_mask, set_mask

Q, V, K = normal(2, 4, 6), normal(2, 5, 6, seed=1), normal(2, 5, 6, seed=2)
QUERY_MASK = np.array([[True, True, False, True], [True, True, True, True]])
VALUE_MASK = np.array([[True, False, True, True, False], [True, True, True, False, False]])
PAIRS_MASK = np.random.default_rng(3).random((2, 4, 5)) < 0.7
PAIRS_MASK[..., 0] = True
IMAGE = normal(2, 3, 4, 5)


def twins(name, *args, inputs=(Q, V), **kwargs):
    ours, theirs = getattr(layers, name)(*args, **kwargs), getattr(keras.layers, name)(*args, **kwargs)
    for layer in (ours, theirs):
        layer.build(*[x.shape for x in inputs])
    rng = np.random.default_rng(7)
    values = [rng.normal(size=w.shape, scale=0.5).astype("float32") for w in theirs.weights]
    ours.set_weights(values)
    theirs.set_weights(values)
    assert [(w.name, w.shape) for w in ours.weights] == [(w.name, tuple(w.shape)) for w in theirs.weights]
    return ours, theirs


def assert_equal(pair, inputs, as_list=False, **options):
    """Outputs (weights of the attention too) to 1e-6, gradients of all weights and inputs to 1e-5."""
    ours, theirs = pair
    names, boxes = zip(*weight_entries(ours)) if ours.weights else ((), ())
    fixed = [v.value for v in theirs.non_trainable_variables]

    def call_ours(weights, inputs):
        return ours.apply(paths.nest(list(zip(names, weights))), {}, *inputs, **options)[0]

    def call_theirs(weights, inputs):
        return theirs.stateless_call(weights, fixed, *inputs, **options)[0]

    def values_and_gradients(call):
        def loss(weights, inputs):
            y = call(weights, [list(inputs)] if as_list else inputs)
            return sum(map(weighted_sum, jax.tree.leaves(y))), y

        run = jax.jit(jax.value_and_grad(loss, (0, 1), has_aux=True))
        (_, y), grads = run([box.value for box in boxes], tuple(map(jnp.asarray, inputs)))
        return y, grads

    (y, grads), (y_keras, grads_keras) = values_and_gradients(call_ours), values_and_gradients(call_theirs)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-6), y, y_keras)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5), grads, grads_keras)


HEADS = {
    "plain": ((2, 3), {}, (Q, V), {}),
    "key": ((2, 3), {}, (Q, V, K), {"value_mask": VALUE_MASK, "key_mask": VALUE_MASK[::-1]}),
    "causal": ((2, 3), {"use_bias": False}, (V, V), {"use_causal_mask": True}),
    "causal and masked": ((2, 3), {}, (Q, V), {"use_causal_mask": True, "value_mask": VALUE_MASK}),
    "sizes": (
        (2, 3),
        {"value_dim": 2, "output_shape": (2, 7)},
        (Q, V),
        {"attention_mask": PAIRS_MASK, "return_attention_scores": True},
    ),
    "scores": ((2, 3), {}, (Q, V), {"value_mask": VALUE_MASK, "return_attention_scores": True}),
    "hidden row": ((2, 3), {}, (Q, V), {"attention_mask": PAIRS_MASK & QUERY_MASK[..., None], "return_attention_scores": True}),
    "dropout, not training": ((2, 3), {"dropout": 0.5}, (Q, V), {"use_causal_mask": True}),
    "head masks": ((2, 3), {}, (Q, V), {"attention_mask": np.stack([PAIRS_MASK, PAIRS_MASK[::-1]], 1)}),
    "window": ((2, 3), {"sliding_window": 2}, (V, V), {"use_causal_mask": True}),
    "gate": ((2, 3), {"use_gate": True}, (Q, V), {}),
    "one image axis": ((2, 3), {"attention_axes": 2}, (IMAGE, IMAGE), {"return_attention_scores": True}),
    "image": ((2, 3), {"attention_axes": (1, 2)}, (IMAGE, IMAGE), {"return_attention_scores": True}),
}


@pytest.mark.parametrize("name", HEADS)
def test_multi_head_attention_equals_keras(name):
    args, kwargs, inputs, options = HEADS[name]
    assert_equal(twins("MultiHeadAttention", *args, inputs=inputs, **kwargs), inputs, **options)


GROUPS = (
    (1, {}, {"use_causal_mask": True}),
    (2, {"use_gate": True, "sliding_window": 3}, {"value_mask": VALUE_MASK, "query_mask": QUERY_MASK}),
    (2, {"use_bias": False}, {"return_attention_scores": True, "attention_mask": PAIRS_MASK}),
    (4, {}, {}),
)


@pytest.mark.parametrize(("groups", "kwargs", "options"), GROUPS, ids=str)
def test_grouped_query_attention_equals_keras(groups, kwargs, options):
    assert_equal(twins("GroupQueryAttention", 3, 4, groups, **kwargs), (Q, V), **options)


@pytest.mark.parametrize("travels", (True, False))
@pytest.mark.parametrize(
    "options", ({}, {"return_attention_scores": True}, {"use_causal_mask": True, "attention_mask": PAIRS_MASK})
)
def test_rows_without_any_key_equal_keras(travels, options):
    """Some rows of the query are masked, of one sample all, and of the other all keys: masks that travel, and masks by hand."""
    ours, theirs = twins("MultiHeadAttention", 2, 3)
    query_mask, value_mask = QUERY_MASK & [[True], [False]], VALUE_MASK & [[False], [True]]
    given = {} if travels else {"query_mask": query_mask, "value_mask": value_mask}
    found = []
    for layer, attach, mask_of in (
        (ours, set_mask, get_mask),
        (theirs, keras_backend.set_keras_mask, keras_backend.get_keras_mask),
    ):
        q, v = jnp.array(Q), jnp.array(V)
        if travels:
            attach(q, jnp.array(query_mask))
            attach(v, jnp.array(value_mask))
        with (
            contextlib.nullcontext()
            if travels or layer is theirs
            else pytest.warns(UserWarning, match="attention_mask=query_mask")
        ):
            y = jax.tree.leaves(layer(q, v, **given, **options))
        found.append((y, mask_of(y[0])))
    (y, mask), (y_keras, mask_keras) = found
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-6), y, y_keras)
    assert (mask is None) == (mask_keras is None) == (not travels)


@pytest.mark.parametrize("value_dim", (2, 5))
def test_values_of_another_size_give_the_same_with_and_without_scores(value_dim):
    # No oracle: Keras on JAX fails for such values unless it returns scores.
    layer, options = layers.MultiHeadAttention(2, 3, value_dim=value_dim), {"value_mask": VALUE_MASK, "use_causal_mask": True}
    with_scores, _ = layer(Q, V, return_attention_scores=True, **options)
    np.testing.assert_allclose(layer(Q, V, **options), with_scores, rtol=1e-6, atol=1e-6)


MASKED = {"mask": [QUERY_MASK, VALUE_MASK], "return_attention_scores": True}
CAUSAL = {"mask": [None, VALUE_MASK], "use_causal_mask": True}
ONE_HEAD = (
    ("Attention", {}, {}),
    ("Attention", {"use_scale": True}, CAUSAL),
    ("Attention", {"use_scale": True}, MASKED),
    ("Attention", {"score_mode": "concat"}, CAUSAL),
    ("Attention", {"score_mode": "concat", "use_scale": True}, MASKED),
    ("AdditiveAttention", {}, MASKED),
    ("AdditiveAttention", {"use_scale": False}, CAUSAL),
)


@pytest.mark.parametrize(("name", "kwargs", "options"), ONE_HEAD, ids=str)
def test_attention_equals_keras(name, kwargs, options):
    inputs = (Q, V, K) if kwargs else (Q, V)
    ours, theirs = getattr(layers, name)(**kwargs), getattr(keras.layers, name)(**kwargs)
    for layer in (ours, theirs):
        layer.build([x.shape for x in inputs])
    values = [np.full(w.shape, 0.7, "float32") for w in theirs.weights]
    ours.set_weights(values)
    theirs.set_weights(values)
    assert_equal((ours, theirs), inputs, as_list=True, **options)


def test_masks_of_an_embedding_reach_attention_and_travel_on():
    tokens = np.array([[3, 1, 0, 0], [2, 2, 4, 0]])

    def model(k):
        x = k.layers.Input((4,), dtype="int32")
        h = k.layers.Embedding(5, 6, mask_zero=True)(x)
        h = k.layers.MultiHeadAttention(2, 3)(h, h)
        h = k.layers.Attention()([h, h])
        return k.Model(x, k.layers.GlobalAveragePooling1D()(h))

    ours, theirs = model(jkeras), model(keras)
    ours.set_weights(theirs.get_weights())
    np.testing.assert_allclose(ours(tokens), theirs(tokens), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("policy", ("bfloat16", "float16", "mixed_bfloat16"))
@pytest.mark.parametrize("scores", (False, True))
def test_half_precision_is_near_keras(policy, scores):
    pair = twins("MultiHeadAttention", 2, 3, dtype=policy)
    options = {"value_mask": VALUE_MASK, "return_attention_scores": scores, "use_causal_mask": True}
    for a, b in zip(*(jax.tree.leaves(layer(Q, V, **options)) for layer in pair)):
        assert a.dtype == b.dtype
        np.testing.assert_allclose(np.asarray(a, "float32"), np.asarray(b, "float32"), rtol=0.05, atol=0.05)


@pytest.mark.parametrize("make", (lambda: layers.MultiHeadAttention(2, 3, dropout=0.5), lambda: layers.Attention(dropout=0.5)))
def test_dropout_drops_weights_and_keeps_their_mean(make):
    layer, ones = make(), jnp.ones((1, 400, 6))
    inputs = ([ones, ones],) if isinstance(layer, layers.Attention) else (ones, ones)
    params, state = layer.init(jax.random.key(0), *inputs)

    def run(i):
        return layer.apply(params, state, *inputs, training=True, rng=jax.random.key(i))[0]

    exact = layer.apply(params, state, *inputs)[0]
    assert not np.allclose(run(0), exact, rtol=1e-3) and not np.allclose(run(0), run(1)) and np.array_equal(run(1), run(1))
    np.testing.assert_allclose(run(0).mean(1), exact.mean(1), rtol=0.02, atol=0.02)
    with pytest.raises(ValueError, match="key"):
        layer.apply(params, state, *inputs, training=True)


def test_a_query_without_keys_has_finite_values_and_gradients():
    mask = jnp.zeros((4, 5), bool)
    layer = layers.MultiHeadAttention(2, 3)
    layer.build(Q.shape, V.shape)
    params, state = layer.params_and_state()
    for scores in (False, True):
        grads = jax.grad(
            lambda p, s=scores: sum(
                map(jnp.sum, jax.tree.leaves(layer.apply(p, state, Q, V, attention_mask=mask, return_attention_scores=s)[0]))
            )
        )(params)
        assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(grads))


@pytest.mark.parametrize(
    ("key_heads", "causal", "masked"), [(1, True, True), (4, True, True), (2, False, False), (2, True, False), (2, False, True)]
)
def test_products_and_their_derivatives_equal_jax(key_heads, causal, masked):
    q, k, v = (jnp.asarray(normal(2, n, h, 6, seed=h)) for n, h in ((5, 4), (7, key_heads), (7, key_heads)))
    mask = jnp.asarray(np.random.default_rng(0).random((2, 1, 5, 7)) < 0.5) if masked else None
    if masked:
        mask = mask.at[0, 0, 2].set(False)  # a query that may attend to nothing

    def by_jax(q, k, v):
        return jax.nn.dot_product_attention(q, k, v, mask=mask, scale=0.3, is_causal=causal)

    def by_us(q, k, v):
        return nn.dot_product_attention(q, k, v, mask, scale=0.3, is_causal=causal, flash=False)

    def derivatives(attend):
        gradients = jax.grad(lambda *qkv: jnp.sum(jnp.sin(attend(*qkv))), (0, 1, 2))
        tangents = tuple(map(jnp.cos, (q, k, v)))
        return jax.jit(lambda *qkv: (attend(*qkv), gradients(*qkv), jax.jvp(gradients, qkv, tangents)[1]))(q, k, v)

    ours, jaxs = derivatives(by_us), derivatives(by_jax)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=2e-6), ours, jaxs)


@pytest.mark.parametrize("shapes", [((0, 4, 6), (0, 4, 6)), ((2, 0, 6), (2, 0, 6)), ((2, 3, 6), (2, 0, 6))])
def test_no_rows_and_empty_sequences_are_taken(shapes):
    query, value = (jnp.ones(shape) for shape in shapes)
    layer = layers.MultiHeadAttention(2, 3)
    layer.build(Q.shape, V.shape)
    np.testing.assert_array_equal(layer(query, value), np.zeros(query.shape))  # with nothing to attend to, zeros


def test_initial_kernels_have_the_variance_of_keras():
    ours, theirs = layers.MultiHeadAttention(8, 16), keras.layers.MultiHeadAttention(8, 16)
    for layer in (ours, theirs):
        layer.build((None, 4, 64), (None, 4, 64))
    for a, b in zip(ours.get_weights(), theirs.get_weights()):
        np.testing.assert_allclose(a.std(), b.std(), rtol=0.05)


def test_regularizers_act_on_every_projection_as_in_keras():
    options = {"kernel_regularizer": "l2", "bias_constraint": "non_neg", "activity_regularizer": "l1"}
    ours, theirs = twins("MultiHeadAttention", 2, 3, **options)
    ours(Q, V)
    theirs(Q, V)
    np.testing.assert_allclose(sum(map(float, ours.losses)), sum(map(float, theirs.losses)), rtol=1e-5)
    assert [w.constraint is None for w in ours.weights] == [w.constraint is None for w in theirs.weights]


CONFIGS = (
    ("MultiHeadAttention", (2, 3), {"output_shape": 4, "attention_axes": 1, "activity_regularizer": "l2", "seed": 3}),
    ("GroupQueryAttention", (3, 4, 2), {"sliding_window": 2, "dropout": 0.1, "kernel_constraint": "max_norm"}),
    ("Attention", (), {"use_scale": True, "score_mode": "concat", "dropout": 0.2, "seed": 1}),
    ("AdditiveAttention", (), {"use_scale": False, "seed": 1}),
)


@pytest.mark.parametrize(("name", "args", "kwargs"), CONFIGS, ids=str)
def test_configs_are_keras(name, args, kwargs):
    assert_config_round_trip(getattr(layers, name)(*args, **kwargs), getattr(keras.layers, name)(*args, **kwargs))


def test_symbolic_calls_know_shapes_and_scores():
    x = layers.Input((None, 6))
    y, scores = layers.MultiHeadAttention(2, 3, output_shape=5)(x, x, return_attention_scores=True)
    assert y.shape == (None, None, 5) and scores.shape == (None, 2, None, None)
    assert layers.MultiHeadAttention(2, 3).compute_output_shape((None, 4, 6), (None, 5, 6)) == (None, 4, 6)


def test_flash_fits_only_half_precision_and_even_sizes():
    def fits(dtype="bfloat16", head=64, length=8, value=None):
        x = jnp.zeros((1, length, 2, head), dtype)
        return nn.flash_fits(x, x, x if value is None else x[..., :value])

    assert fits() and fits("float16", 128)
    assert not any((fits("float32"), fits(head=12), fits(head=256), fits(length=7), fits(value=32)))


BAD = (
    (lambda: layers.MultiHeadAttention(0, 3), "positive integer as num_heads"),
    (lambda: layers.MultiHeadAttention(2, 3, value_dim=0), "positive integer as value_dim"),
    (lambda: layers.MultiHeadAttention(2, 3, sliding_window=0), "sliding_window"),
    (lambda: layers.MultiHeadAttention(2, 3, attention_axes="1"), "attention_axes"),
    (lambda: layers.MultiHeadAttention(2, 3, flash_attention=True, dropout=0.1), "flash attention drops no weights"),
    (lambda: layers.MultiHeadAttention(2, 3, flash_attention=True)(Q, V), "flash_attention=None"),
    (lambda: layers.MultiHeadAttention(2, 3)(Q, V, V[:, :3]), "equal but for the last axis"),
    (
        lambda: layers.MultiHeadAttention(2, 3).compute_output_shape((2, 4, 8), (2, 2, 8), (2, 1, 7)),
        "equal but for the last axis",
    ),
    (lambda: layers.MultiHeadAttention(2, 3)(Q, V, attention_mask=np.ones(5, bool)), "from 2 to 4 axes"),
    (lambda: layers.MultiHeadAttention(2, 3)(IMAGE, IMAGE, use_causal_mask=True), "one axis"),
    (lambda: layers.GroupQueryAttention(3, 4, 3), "a multiple of num_key_value_heads"),
    (lambda: layers.Attention(score_mode="dots"), "Did you mean 'dot'"),
    (lambda: layers.Attention()(Q), r"\[query, value\]"),
    (lambda: layers.Attention()([Q, V], mask=VALUE_MASK), r"\[query_mask, value_mask\]"),
)


@pytest.mark.parametrize(("run", "text"), BAD, ids=lambda v: v if isinstance(v, str) else "")
def test_bad_arguments_say_what_to_write(run, text):
    with pytest.raises(ValueError, match=text):
        run()


def sharpened(k, einsum, options):
    class Sharpened(k.layers.MultiHeadAttention):
        """Attention put together anew, as examples of Keras do, with scores of another scale."""

        def _compute_attention(self, query, key, value, attention_mask=None, training=None):
            scores = einsum(self._dot_product_equation, key, query * (2.0 / self._key_dim))
            weights = self._masked_softmax(scores, attention_mask)
            return einsum(self._combine_equation, self._dropout_layer(weights, training=training), value), weights

    return Sharpened(num_heads=2, key_dim=3, dropout=0.1, **options)


@pytest.mark.parametrize(
    ("shape", "options", "call"),
    [((2, 5, 4), {}, {}), ((2, 5, 4), {}, {"use_causal_mask": True}), ((2, 3, 5, 4), {"attention_axes": (2,)}, {})],
)
def test_a_subclass_may_put_the_attention_together_as_in_keras_2(shape, options, call):
    x = np.random.default_rng(0).normal(size=shape).astype("float32")
    tf, tf_keras = pytest.importorskip("tensorflow"), pytest.importorskip("tf_keras")
    ours = sharpened(jkeras, jnp.einsum, options)
    theirs = sharpened(tf_keras, tf.einsum, options)
    theirs(x, x)
    ours.build(shape, shape)
    ours.set_weights(theirs.get_weights())
    for mine, wanted in zip(ours(x, x, return_attention_scores=True, **call), theirs(x, x, return_attention_scores=True, **call)):
        np.testing.assert_allclose(mine, wanted, rtol=1e-5, atol=1e-5)


def test_a_subclass_may_call_the_attention_of_its_base():
    class Called(jkeras.layers.MultiHeadAttention):
        def _compute_attention(self, query, key, value, attention_mask=None, training=None, return_attention_scores=False):
            assert self._query_dense is self.query_dense and attention_mask.shape == (2, 5, 5)
            return super()._compute_attention(query, key, value, attention_mask, training)

    x = np.random.default_rng(0).normal(size=(2, 5, 4)).astype("float32")
    plain, own = (kind(2, 3) for kind in (jkeras.layers.MultiHeadAttention, Called))
    mask = np.tril(np.ones((2, 5, 5), bool))
    expected = plain(x, x, attention_mask=mask)
    own.build(x.shape, x.shape)
    own.set_weights(plain.get_weights())
    np.testing.assert_allclose(own(x, x, attention_mask=mask), expected, rtol=1e-5, atol=1e-6)
    heads = x.reshape(2, 5, 2, 2)
    masked, causal = (
        plain._compute_attention(*[heads] * 3, **which)[0] for which in ({"attention_mask": mask}, {"use_causal_mask": True})
    )
    np.testing.assert_allclose(causal, masked, rtol=1e-5, atol=1e-6)

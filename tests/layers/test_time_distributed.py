"""TimeDistributed, Masking, Permute and RepeatVector equal Keras'."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from against_keras import assert_config_round_trip, assert_same, keras, normal, weighted_sum

import jkeras
from jkeras import layers
from jkeras._base import paths
from jkeras.layer.tracking import weight_entries
from jkeras.state.scope import get_mask

X, IMAGES = normal(3, 4, 5), normal(2, 3, 6, 6, 2)
CHILDREN = {
    "dense": (lambda k: k.Dense(3, activation="tanh"), X),
    "conv": (lambda k: k.Conv2D(3, 3), IMAGES),
    "pool": (lambda k: k.MaxPooling2D(), IMAGES),
    "flatten": (lambda k: k.Flatten(), IMAGES),
    "batch norm": (lambda k: k.BatchNormalization(), X),
    "batch norm, many steps": (lambda k: k.BatchNormalization(), normal(3, 20, 5)),
    "softmax over the batch": (lambda k: k.Softmax(axis=0), X),
    "steps within steps": (lambda k: k.TimeDistributed(k.BatchNormalization()), normal(2, 3, 4, 5)),
}


@pytest.mark.few(4)
@pytest.mark.parametrize(("name", "training"), [*((name, True) for name in CHILDREN), ("batch norm", False)])
def test_steps_equal_keras(name, training):
    make, x = CHILDREN[name]
    ours, theirs = (k.TimeDistributed(make(k)) for k in (layers, keras.layers))
    for layer in (ours, theirs):
        layer.build(x.shape)
    rng = np.random.default_rng(7)
    values = [rng.uniform(0.5, 1.5, w.shape).astype("float32") for w in theirs.weights]
    ours.set_weights(values)
    theirs.set_weights(values)
    trained = {id(w) for w in ours.trainable_weights}
    names = [path for path, variable in weight_entries(ours) if id(variable) in trained]
    fixed, moving = ours.params_and_state()[1], [v.value for v in theirs.non_trainable_variables]

    def run_ours(weights, x):
        return ours.apply(paths.nest(list(zip(names, weights))), fixed, x, training=training)

    def run_theirs(weights, x):
        return theirs.stateless_call(weights, moving, x, training=training)

    def results(run):
        def loss(weights, x):
            y, after = run(weights, x)
            return weighted_sum(y), (y, after)

        weights = [jnp.asarray(w.value) for w in theirs.trainable_weights]
        (_, (y, after)), grads = jax.jit(jax.value_and_grad(loss, (0, 1), has_aux=True))(weights, jnp.asarray(x))
        return y, jax.tree.leaves(after), grads

    found, expected = results(run_ours), results(run_theirs)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=2e-6, atol=2e-6), found[:2], expected[:2])
    scale = max(1.0, *(float(abs(g).max()) for g in jax.tree.leaves(expected[2])))
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5 * scale), found[2], expected[2])


def test_the_state_moves_step_by_step_in_eager_code_too():
    ours, theirs = (k.TimeDistributed(k.BatchNormalization(momentum=0.5)) for k in (layers, keras.layers))
    for layer in (ours, theirs):
        layer(X, training=True)
    for a, b in zip(ours.get_weights(), theirs.get_weights()):
        np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-6)


def test_a_frozen_layer_does_not_move():
    layer = layers.TimeDistributed(layers.BatchNormalization())
    layer.build(X.shape)
    layer.trainable = False
    before = layer.get_weights()
    layer(X, training=True)
    jax.tree.map(np.testing.assert_array_equal, before, layer.get_weights())


def test_dropout_draws_anew_at_each_step_and_by_the_key():
    layer, ones = layers.TimeDistributed(layers.Dropout(0.5)), jnp.ones((2, 6, 50))

    def run(i):
        return layer.apply({}, {}, ones, training=True, rng=jax.random.key(i))[0]

    y = run(0)
    assert len({np.asarray(y[:, i]).tobytes() for i in range(6)}) == 6
    assert np.array_equal(y, run(0)) and not np.array_equal(y, run(1))
    assert set(np.unique(y)) == {0.0, 2.0} and np.array_equal(layer(ones), ones)
    assert not np.array_equal(layer(ones, training=True), ones)
    with pytest.raises(ValueError, match="no key was given"):
        layer.apply({}, {}, ones, training=True)


def test_each_step_of_a_mask_reaches_the_layer():
    mask = np.random.default_rng(1).random((2, 4, 5)) < 0.6
    x = normal(2, 4, 5)
    ours, theirs = (k.TimeDistributed(k.Softmax()) for k in (layers, keras.layers))
    np.testing.assert_allclose(ours(x, mask=mask), theirs(x, mask=mask), rtol=1e-6)
    for wrong in (mask[:, :3], mask[0, 0]):
        with pytest.raises(ValueError, match=r"begins with \(batch, time\)"):
            ours(x, mask=wrong)


def test_losses_of_every_step_count():
    class Adds(layers.Layer):
        def call(self, x):
            self.add_loss(jnp.sum(x))
            return x

    layer = layers.TimeDistributed(Adds())
    total = layer.apply_with_losses({}, {}, X)[2]
    layer(X)
    np.testing.assert_allclose([total, sum(layer.losses)], X.sum(), rtol=1e-5)


def test_structures_and_models_are_mapped_too():
    a, b = layers.Input((5,)), layers.Input((5,))
    model = jkeras.Model([a, b], layers.Add()([a, layers.Dense(5, kernel_initializer="ones")(b)]))
    y = layers.TimeDistributed(model)([X, X])
    np.testing.assert_allclose(y, X + X.sum(-1, keepdims=True), rtol=1e-5, atol=1e-5)


def test_time_distributed_config_and_errors():
    ours, theirs = (k.TimeDistributed(k.Dense(3, name="d")) for k in (layers, keras.layers))
    assert_config_round_trip(ours, theirs)
    assert layers.TimeDistributed.from_config(theirs.get_config()).layer.units == 3
    with pytest.raises(ValueError, match=r"TimeDistributed\(Dense\(8\)\)"):
        layers.TimeDistributed(jnp.tanh)
    with pytest.raises(ValueError, match="at least 3 axes"):
        ours(np.ones((2, 3), "float32"))
    assert ours(layers.Input((None, 4))).shape == (None, None, 3)


@pytest.mark.parametrize("value", (0.0, 2, np.array([0.0, 1.0], "float32")), ids=str)
def test_masking_equals_keras(value):
    x = np.random.default_rng(0).integers(0, 3, (4, 6, 2)).astype("float32")
    ours, theirs = layers.Masking(value), keras.layers.Masking(value)
    y, y_keras = ours(x), theirs(x)
    np.testing.assert_array_equal(y, y_keras)
    np.testing.assert_array_equal(get_mask(y), y_keras._keras_mask)
    again = layers.Masking.from_config(ours.get_config())
    np.testing.assert_array_equal(again(x), y)


def test_a_mask_reaches_the_layers_after_it():
    x = normal(2, 4, 3)
    x[:, 2:] = 0.0
    models = [k.Sequential([k.layers.Masking(), k.layers.GlobalAveragePooling1D()]) for k in (jkeras, keras)]
    np.testing.assert_allclose(models[0](x), models[1](x), rtol=1e-6)


@pytest.mark.parametrize(
    ("name", "argument", "x"),
    (("Permute", (2, 1), X), ("Permute", (3, 1, 2), normal(2, 3, 4, 5)), ("RepeatVector", 3, normal(2, 4))),
)
def test_permute_and_repeat_vector_equal_keras(name, argument, x):
    pair = getattr(layers, name)(argument), getattr(keras.layers, name)(argument)
    assert_same(*pair, x)
    assert_config_round_trip(*pair)


@pytest.mark.parametrize(
    ("run", "error", "text"),
    (
        (lambda: layers.Permute((1, 3)), ValueError, "each axis from 1"),
        (lambda: layers.Permute((2, 1))(np.ones((2, 3))), ValueError, "ndim|axes|rank"),
        (lambda: layers.RepeatVector(2.0), TypeError, "takes an integer"),
        (lambda: layers.RepeatVector(0), ValueError, "positive n"),
    ),
)
def test_permute_and_repeat_vector_refuse_bad_arguments(run, error, text):
    with pytest.raises(error, match=text):
        run()

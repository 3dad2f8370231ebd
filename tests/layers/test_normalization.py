"""Normalization layers equal Keras' in values, gradients and moving averages, trained, frozen and masked."""

import numpy as np
import pytest
from against_keras import assert_config_round_trip, assert_same, keras, normal

from jkeras.layers import normalization as ours

BATCH = ({}, {"axis": 1}, {"center": False}, {"scale": False, "momentum": 0.5}, {"epsilon": 1e-5, "axis": -2})
LAYER = ({}, {"axis": 1}, {"axis": [1, 2]}, {"axis": (-1, -2)}, {"center": False, "epsilon": 1e-6}, {"scale": False})


@pytest.mark.parametrize("kwargs", BATCH, ids=str)
@pytest.mark.parametrize("training", (False, True))
def test_batch_normalization_equals_keras(kwargs, training):
    pair = ours.BatchNormalization(**kwargs), keras.layers.BatchNormalization(**kwargs)
    assert_same(*pair, normal(6, 4, 3), training=training)
    assert_config_round_trip(*pair)


def test_masked_batch_normalization_equals_keras():
    mask = np.random.default_rng(0).random((6, 4)) > 0.4
    assert_same(ours.BatchNormalization(), keras.layers.BatchNormalization(), normal(6, 4, 3), training=True, mask=mask)


def test_calls_in_training_move_the_averages_and_others_do_not():
    x, layer = normal(50, 3) + 5, ours.BatchNormalization(momentum=0.9)
    layer(x)
    assert np.asarray(layer.moving_mean.value).tolist() == [0, 0, 0]
    layer(x, training=True)
    np.testing.assert_allclose(layer.moving_mean.value, 0.1 * x.mean(0), rtol=1e-5)
    np.testing.assert_allclose(layer.moving_variance.value, 0.9 + 0.1 * x.var(0), rtol=1e-5)


def test_a_frozen_batch_normalization_is_in_inference_mode():
    x, layer = normal(50, 3) + 5, ours.BatchNormalization()
    layer.trainable = False
    np.testing.assert_allclose(layer(x, training=True), layer(x))
    assert np.asarray(layer.moving_mean.value).tolist() == [0, 0, 0]


def test_one_channel_with_a_mask():
    x, mask = normal(5, 1), np.array([1, 1, 0, 1, 0], bool)
    y = np.asarray(ours.BatchNormalization(epsilon=0.0)(x, training=True, mask=mask))
    np.testing.assert_allclose(y[mask].mean(), 0, atol=1e-6)


@pytest.mark.parametrize("kwargs", LAYER, ids=str)
def test_layer_normalization_equals_keras(kwargs):
    pair = ours.LayerNormalization(**kwargs), keras.layers.LayerNormalization(**kwargs)
    assert_config_round_trip(*pair)
    assert_same(*pair, normal(6, 4, 3))


@pytest.mark.parametrize("kwargs", ({}, {"epsilon": 1e-3}), ids=str)
def test_rms_normalization_equals_keras(kwargs):
    assert_same(ours.RMSNormalization(**kwargs), keras.layers.RMSNormalization(**kwargs), normal(6, 4, 3))


@pytest.mark.parametrize("name", ("BatchNormalization", "LayerNormalization", "RMSNormalization"))
def test_mixed_precision_computes_in_float32_and_returns_half(name):
    x = 200 * normal(8, 3)
    ours_y, keras_y = (getattr(m, name)(dtype="mixed_float16")(x, training=True) for m in (ours, keras.layers))
    assert ours_y.dtype == keras_y.dtype == "float16"
    np.testing.assert_allclose(ours_y, keras_y, rtol=2e-3, atol=2e-3)


@pytest.mark.parametrize(
    ("build", "text"),
    (
        (lambda: ours.BatchNormalization(axis=3, name="b")(normal(2, 3)), "b: axis=3"),
        (lambda: ours.LayerNormalization(axis=[1, 4], name="n")(normal(2, 3)), "n: axis="),
        (lambda: ours.LayerNormalization(axis=[1, -1], name="n")(normal(2, 3)), "n: axis=.* twice"),
        (lambda: ours.BatchNormalization(renorm=True), "renorm"),
        (lambda: ours.BatchNormalization(synchronized=True), "synchronized"),
        (lambda: ours.LayerNormalization(rms_scaling=True), "RMSNormalization"),
        (lambda: ours.BatchNormalization()(normal(2, 3), training=True, mask=np.ones((2, 3), bool)), "one axis less"),
    ),
)
def test_normalization_layers_refuse_what_does_not_fit(build, text):
    with pytest.raises(ValueError, match=text):
        build()

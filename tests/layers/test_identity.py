"""Layers that return their input: any structure, any dtype, and the losses of Keras."""

import numpy as np
import pytest
from against_keras import assert_config_round_trip, keras, normal

import jkeras
from jkeras.layers import ActivityRegularization, Identity


@pytest.mark.parametrize("dtype", ("float32", "int32", "bool"))
def test_identity_keeps_values_and_dtypes(dtype):
    x = normal(3, 4).astype(dtype)
    y, y_keras = (layer(x) for layer in (Identity(), keras.layers.Identity()))
    assert y.dtype == y_keras.dtype == dtype
    np.testing.assert_array_equal(y, x)
    assert Identity(dtype="mixed_float16")(x).dtype == keras.layers.Identity(dtype="mixed_float16")(x).dtype


def test_identity_takes_structures_and_symbolic_tensors():
    a, b = jkeras.Input((4,)), jkeras.Input((None, 2), dtype="int32")
    y = Identity()({"a": a, "b": [b]})
    assert y["a"].shape == (None, 4) and y["b"][0].shape == (None, None, 2) and y["b"][0].dtype == "int32"
    model = jkeras.Model([a, b], [y["a"], y["b"][0]])
    x = [normal(2, 4), np.ones((2, 3, 2), "int32")]
    for out, given in zip(model(x), x):
        np.testing.assert_array_equal(out, given)
    assert Identity().compute_output_shape([(None, 4), (2, 3)]) == [(None, 4), (2, 3)]
    assert_config_round_trip(Identity(), keras.layers.Identity())


@pytest.mark.parametrize("factors", ({}, {"l1": 0.3}, {"l2": 0.2}, {"l1": 0.1, "l2": 0.2}), ids=str)
def test_activity_regularization_adds_the_loss_of_keras(factors):
    x, pair = normal(5, 4), [k.layers.ActivityRegularization(**factors) for k in (jkeras, keras)]
    for layer in pair:
        np.testing.assert_array_equal(layer(x), x)
    np.testing.assert_allclose([float(v) for v in pair[0].losses], [float(v) for v in pair[1].losses], rtol=1e-6)
    assert_config_round_trip(*pair)


def test_the_penalty_trains_as_in_keras():
    x, y, results = normal(16, 4), normal(16, 2, seed=1), []
    for k in (jkeras, keras):
        model = k.Sequential([k.Input((4,)), k.layers.Dense(3), k.layers.ActivityRegularization(0.1, 0.2), k.layers.Dense(2)])
        model.set_weights([normal(*w.shape, seed=2) for w in model.get_weights()])
        model.compile("sgd", "mse")
        results.append(model.fit(x, y, batch_size=8, epochs=3, shuffle=False, verbose=0).history["loss"])
    np.testing.assert_allclose(*results, rtol=1e-5)


def test_activity_regularization_takes_no_other_regularizer():
    for k in (jkeras, keras):
        with pytest.raises(TypeError):
            k.layers.ActivityRegularization(activity_regularizer="l1")
    with pytest.raises((TypeError, ValueError)):
        ActivityRegularization(l1="much")

"""Wrapper: classes that extend it build, train and travel in files as in Keras."""

import numpy as np
import pytest
from against_keras import assert_config_round_trip, keras, normal

import jkeras
from jkeras import layers


def residual(k):
    """A wrapper class of a library's, with a weight and an argument of its own."""

    class Residual(k.layers.Wrapper):
        def __init__(self, layer, factor=1.0, **kwargs):
            super().__init__(layer, **kwargs)
            self.factor = factor

        def build(self, input_shape=None):
            super().build(input_shape)
            self.gate = self.add_weight(shape=(input_shape[-1],), initializer="ones", name="gate")

        def call(self, x):
            return self.factor * x + self.gate * self.layer(x)

        def get_config(self):
            return {**super().get_config(), "factor": self.factor}

    return Residual


OURS, THEIRS = residual(jkeras), residual(keras)


def model_of(k, seed):
    cls = OURS if k is jkeras else THEIRS
    inner = k.Sequential([k.layers.Dense(6, activation="tanh"), k.layers.Dense(4)])
    model = k.Sequential([k.Input((4,)), cls(k.layers.Dense(4), factor=0.5), cls(inner), cls(cls(k.layers.Dense(4)))])
    model.set_weights([normal(*w.shape, seed=seed + i) for i, w in enumerate(model.get_weights())])
    return model


def test_weights_and_values_equal_keras():
    ours, theirs = model_of(jkeras, 1), model_of(keras, 1)
    assert [(w.name, w.shape) for w in ours.weights] == [(w.name, tuple(w.shape)) for w in theirs.weights]
    np.testing.assert_allclose(ours(normal(2, 4)), np.asarray(theirs(normal(2, 4))), rtol=1e-5, atol=1e-5)
    assert_config_round_trip(OURS(layers.Dense(4)), THEIRS(keras.layers.Dense(4)))


def test_training_equals_keras():
    x, y, results = normal(16, 4), normal(16, 4, seed=9), []
    for k in (jkeras, keras):
        model = model_of(k, 1)
        model.compile(k.optimizers.SGD(0.001), "mse")
        results.append(model.fit(x, y, batch_size=8, epochs=3, shuffle=False, verbose=0).history["loss"])
    np.testing.assert_allclose(*results, rtol=1e-5)


@pytest.mark.filterwarnings("ignore:.*HDF5 file")
@pytest.mark.parametrize("suffix", (".keras", ".h5", ".weights.h5"))
@pytest.mark.parametrize("way", ("here", "there"))
def test_files_both_ways(suffix, way, tmp_path):
    (writer, reader), file, x = (keras, jkeras) if way == "here" else (jkeras, keras), tmp_path / f"m{suffix}", normal(2, 4)
    own = {"Residual": OURS if reader is jkeras else THEIRS}
    written = model_of(writer, 1)
    if suffix == ".weights.h5":
        written.save_weights(file)
        read = model_of(reader, 7)
        read.load_weights(file)
    else:
        written.save(file)
        read = reader.models.load_model(file, custom_objects=own)
    np.testing.assert_allclose(np.asarray(read(x)), np.asarray(written(x)), rtol=1e-5, atol=1e-5)


def test_what_it_is_and_is_not():
    assert issubclass(layers.TimeDistributed, layers.Wrapper)
    for k in (jkeras, keras):
        with pytest.raises(ValueError):
            k.layers.Wrapper("dense")
    with pytest.raises(ValueError, match=r"Wrapper takes a layer, for example Wrapper\(Dense\(8\)\). Received: 'dense'"):
        layers.Wrapper("dense")
    with pytest.raises(ValueError, match="TimeDistributed takes a layer"):
        layers.TimeDistributed(3)
    with pytest.raises(NotImplementedError):
        layers.Wrapper(layers.Dense(3))(normal(2, 4))


def test_build_makes_the_weights_inside():
    wrapper = layers.Wrapper(layers.Dense(3))
    wrapper.build((None, 4))
    assert wrapper.built and wrapper.layer.built and wrapper.layer.kernel.shape == (4, 3)
    assert [w.name for w in wrapper.trainable_weights] == ["kernel", "bias"]
    again = layers.deserialize(layers.serialize(wrapper))
    assert type(again) is layers.Wrapper and again.layer.units == 3

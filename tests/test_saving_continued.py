"""After loading, training continues with the same losses as in the library that wrote the file: each slot finds its weight.

If several weights share a shape, shapes do not reveal a wrong order of layers. Keras 3 orders layers by creation, Keras 2 by
attribute, dicts by key, and a model's own weights come last.
"""

import keras
import numpy as np
import pytest
from saving_io import library

import jkeras

RNG = np.random.default_rng(0)
VECTORS, SEQUENCES = (RNG.normal(size=(8, *shape)).astype("float32") for shape in ((4,), (6, 4)))
TARGETS = RNG.normal(size=(8, 2)).astype("float32")


def times(k, a, b):
    return k.ops.matmul(a, b) if hasattr(k, "ops") else a @ b


def separable(k):
    layers = k.layers
    parts = [layers.SeparableConv1D(4, 1, depth_multiplier=1), layers.BatchNormalization(), layers.DepthwiseConv1D(1)]
    return k.Sequential(
        [k.Input(shape=(6, 4)), *parts, layers.SeparableConv1D(4, 3, use_bias=False), layers.Flatten(), layers.Dense(2)]
    )


def recurrent(k):
    layers = k.layers
    x = k.Input(shape=(6, 4))
    y = layers.Bidirectional(layers.LSTM(2, return_sequences=True))(x)
    y = layers.Add()([y, layers.GRU(4, return_sequences=True)(x), layers.TimeDistributed(layers.Dense(4))(x)])
    return k.Model(x, layers.Dense(2)(layers.RNN([layers.LSTMCell(2), layers.GRUCell(2)])(y)))


def attending(k):
    layers = k.layers
    x = k.Input(shape=(6, 4))
    y = layers.MultiHeadAttention(2, 2)(x, x)
    y = layers.Attention(use_scale=True)([layers.LayerNormalization()(y), y])
    return k.Model(x, layers.Dense(2)(layers.PReLU()(layers.Flatten()(y))))


def own(k):
    """A class whose layers are all of one shape."""
    layers = k.layers

    class Own(layers.Layer):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.after = layers.Dense(4)

        def build(self, shape):
            self.kernel = self.add_weight(shape=(4, 4), initializer="glorot_uniform", name="mixing")
            self.after.build(shape)
            super().build(shape)

        def call(self, x):
            return self.after(times(k, x, self.kernel))

    class Net(k.Model):
        def __init__(self):
            super().__init__()
            self.hidden = []
            self.norm = layers.LayerNormalization()
            self.last = layers.Dense(4, activation="tanh")
            self.hidden.append(layers.Dense(4, activation="tanh"))
            self.hidden.append([layers.Dense(4)])
            self.table = {"z": layers.Dense(4), "b": Own()}
            self.kernel = self.add_weight(shape=(4, 4), initializer="glorot_uniform", name="own", trainable=True)
            self.out = layers.Dense(2)

        def call(self, x):
            x = self.norm(self.hidden[1][0](self.hidden[0](x)))
            return self.out(self.last(times(k, self.table["b"](self.table["z"](x)), self.kernel)))

        def get_config(self):
            return {}

        @classmethod
        def from_config(cls, config, **options):
            return cls()

    return {"Own": Own, "Net": Net}


def subclassed(k):
    model = own(k)["Net"]()
    model(VECTORS)
    return model


def losses(model, data, epochs):
    return model.fit(data, TARGETS, batch_size=4, epochs=epochs, shuffle=False, verbose=0).history["loss"]


CASES = [(separable, SEQUENCES), (recurrent, SEQUENCES), (attending, SEQUENCES), (subclassed, VECTORS)]


@pytest.mark.few(2)
@pytest.mark.filterwarnings("ignore:.*HDF5 file", "ignore:.*has no weights")
@pytest.mark.parametrize("name", ["keras", "tf_keras"])
@pytest.mark.parametrize(("make", "data"), CASES, ids=lambda value: getattr(value, "__name__", ""))
def test_training_goes_on_as_in_the_library(name, make, data, tmp_path):
    k = library(name)
    k.utils.set_random_seed(0)
    theirs = make(k)
    theirs.compile(k.optimizers.Adam(0.05), "mse")
    losses(theirs, data, 2)
    files = ["m.keras"] if make is subclassed else ["m.keras", "m.h5"]
    for file in files:
        theirs.save(tmp_path / file)
    expected = losses(theirs, data, 3)
    for file in files:
        ours = jkeras.models.load_model(tmp_path / file, custom_objects=own(jkeras))
        assert int(ours.optimizer.iterations) == 4
        np.testing.assert_allclose(losses(ours, data, 3), expected, rtol=1e-5, err_msg=file)


def test_layers_are_counted_as_they_came():
    """So are weights: `set_weights(theirs.get_weights())` is right too."""
    theirs, ours = subclassed(keras), subclassed(jkeras)
    values = [np.linspace(-1, 1, w.size).reshape(w.shape) for w in theirs.get_weights()]
    theirs.set_weights(values)
    ours.set_weights(values)
    np.testing.assert_allclose(np.asarray(ours(VECTORS)), np.asarray(theirs(VECTORS)), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("suffix", [".h5", ".weights.h5"])
def test_weights_of_a_class_of_ones_own_go_to_tf_keras_and_back(suffix, tmp_path):
    tf_keras = pytest.importorskip("tf_keras")
    theirs, ours, again = subclassed(tf_keras), subclassed(jkeras), subclassed(tf_keras)
    theirs.save_weights(tmp_path / f"t{suffix}")
    ours.load_weights(tmp_path / f"t{suffix}")
    np.testing.assert_allclose(np.asarray(ours(VECTORS)), np.asarray(theirs(VECTORS)), rtol=1e-5, atol=1e-6)
    if suffix == ".h5":  # the other is Keras 3's, which tf_keras reads only for graphs
        ours.save_weights(tmp_path / f"j{suffix}")
        again.load_weights(tmp_path / f"j{suffix}")
        np.testing.assert_allclose(np.asarray(again(VECTORS)), np.asarray(ours(VECTORS)), rtol=1e-5, atol=1e-6)

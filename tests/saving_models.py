"""The same models in jkeras, Keras 3 and tf_keras, for tests of files; `build(library)` makes one."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np


def dense(k):
    layers = k.layers
    return k.Sequential([k.Input(shape=(4,)), layers.Dense(5, activation="tanh"), layers.BatchNormalization(), layers.Dense(3)])


def convolution(k):
    layers = k.layers
    return k.Sequential(
        [
            k.Input(shape=(9, 9, 2)),
            layers.Conv2D(4, 3),
            layers.BatchNormalization(scale=False),
            layers.SeparableConv2D(4, 3),
            layers.DepthwiseConv2D(2, depth_multiplier=2),
            layers.Conv2DTranspose(3, 3),
            layers.PReLU(shared_axes=[1, 2]),
            layers.LayerNormalization(),
            layers.Flatten(),
            layers.Dropout(0.0),
            layers.Dense(2),
        ]
    )


def recurrent(k):
    layers = k.layers
    return k.Sequential(
        [
            k.Input(shape=(6, 3)),
            layers.Bidirectional(layers.LSTM(3, return_sequences=True)),
            layers.GRU(4, return_sequences=True),
            layers.TimeDistributed(layers.Dense(3)),
            layers.RNN([layers.LSTMCell(2), layers.GRUCell(3), layers.LSTMCell(2)], return_sequences=True),
            layers.GRU(3, reset_after=False, return_sequences=True),
            layers.SimpleRNN(2),
            layers.Dense(2),
        ]
    )


def attention(k):
    layers = k.layers
    x = k.Input(shape=(5, 4))
    y = layers.MultiHeadAttention(2, 3)(x, x)
    y = layers.Add()([x, y])
    y = layers.LayerNormalization()(y)
    y = layers.Attention(use_scale=True)([y, y])
    y = layers.AdditiveAttention()([y, x])
    return k.Model(x, layers.Dense(2)(layers.GlobalAveragePooling1D()(y)))


def nested(k):
    """A layer used three times, models in models, a frozen layer beside batch normalization, several inputs and outputs."""
    layers = k.layers
    shared = layers.Dense(4, activation="tanh")
    inner_x = k.Input(shape=(4,))
    inner_y = layers.BatchNormalization()(layers.Dense(4)(inner_x))
    inner = k.Model(inner_x, layers.Dense(4)(inner_y))
    stack = k.Sequential([k.Input(shape=(4,)), layers.Dense(4), layers.BatchNormalization(), layers.Dense(3)])
    frozen = layers.Dense(4)
    frozen.trainable = False
    a, b = k.Input(shape=(4,)), k.Input(shape=(4,))
    left = stack(inner(shared(shared(a))))
    right = stack(frozen(shared(b)))
    return k.Model([a, b], [layers.Dense(2)(layers.Concatenate()([left, right])), layers.Dense(1)(right)])


def shared_across(k):
    """A layer that is in a model and in the model around it; Keras and tf_keras do not open their own files of it."""
    layers = k.layers
    shared = layers.Dense(4, activation="tanh")
    inner_x = k.Input(shape=(4,))
    inner = k.Model(inner_x, layers.Dense(4)(layers.BatchNormalization()(shared(inner_x))))
    a = k.Input(shape=(4,))
    return k.Model(a, layers.Dense(2)(inner(shared(a))))


def shared_widely(k):
    """A layer in a stack, in a model beside it that calls it twice, and around both."""
    layers = k.layers
    shared = layers.Dense(4, activation="tanh")
    stack = k.Sequential([k.Input(shape=(4,)), layers.Dense(4), shared, layers.Dense(4)])
    inner_x = k.Input(shape=(4,))
    inner = k.Model(inner_x, shared(shared(inner_x)))
    middle_x = k.Input(shape=(4,))
    middle = k.Model(middle_x, layers.Add()([shared(inner(middle_x)), middle_x]))
    a = k.Input(shape=(4,))
    return k.Model(a, [shared(middle(shared(stack(a)))), inner(a), layers.Dense(2)(a)])


def embedding(k):
    layers = k.layers
    return k.Sequential(
        [k.Input(shape=(5,), dtype="int32"), layers.Embedding(7, 3), layers.Flatten(), layers.Dense(2, use_bias=False)]
    )


def branches(k):
    """A class of one's own, with layers in lists and dicts and a weight of its own."""
    layers = k.layers

    class Branches(k.Model):
        def __init__(self, units=3, **kwargs):
            super().__init__(**kwargs)
            self.units = units
            self.stem = [layers.Dense(4, activation="tanh"), layers.BatchNormalization()]
            self.sides = {"left": layers.Dense(units), "right": k.Sequential([layers.Dense(4), layers.Dense(units)])}
            self.scale = self.add_weight(name="scale", shape=(units,), initializer="ones")

        def call(self, x, training=False):
            for layer in self.stem:
                x = layer(x)
            return self.sides["left"](x) * self.scale + self.sides["right"](x)

        def get_config(self):
            return {"units": self.units}

    model = Branches()
    model.build((None, 4))
    return model


MODELS = {f.__name__: f for f in (dense, convolution, recurrent, attention, nested, shared_across, embedding)}
OF_ONES_OWN = {"branches": branches}  # which Keras 2 keeps in TensorFlow's files alone


def build(k, name, seed=0):
    """A model of a library with weights that a seed fixes, the same ones in each."""
    model = (MODELS | OF_ONES_OWN)[name](k)
    fill(model, seed)
    return model


def fill(model, seed=0):
    """Give a model random weights: moving variances positive, no layer like another."""
    rng = np.random.default_rng(seed)
    model.set_weights([np.abs(rng.normal(size=w.shape)).astype(w.dtype) + 0.05 if w.size else w for w in model.get_weights()])


def data(name, rows=6):
    """Inputs and targets for a model."""
    rng = np.random.default_rng(7)
    shapes = {"convolution": (9, 9, 2), "recurrent": (6, 3), "attention": (5, 4)}
    outputs = {"dense": 3, "branches": 3}
    if name == "embedding":
        return rng.integers(0, 7, (rows, 5)).astype("int32"), rng.normal(size=(rows, 2)).astype("float32")
    if name == "nested":
        x = [rng.normal(size=(rows, 4)).astype("float32") for _ in range(2)]
        return x, [rng.normal(size=(rows, n)).astype("float32") for n in (2, 1)]
    size = (rows, outputs.get(name, 2))
    return rng.normal(size=(rows, *shapes.get(name, (4,)))).astype("float32"), rng.normal(size=size).astype("float32")


def predict(model, x):
    """Outputs as a list of arrays."""
    y = model.predict(x, verbose=0)
    return [np.asarray(part) for part in (y if isinstance(y, (list, tuple)) else [y])]


def losses(model, x, y, epochs=3):
    """The losses of some epochs over the data in order, in two batches each."""
    history = model.fit(x, y, batch_size=3, epochs=epochs, shuffle=False, verbose=0)
    return history.history["loss"]

"""Errors about bad input say what was received, what was expected, and what to write. One row per mistake."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jkeras
from jkeras import Input, Model, Sequential, layers, optimizers

Dense = layers.Dense
X = np.ones((6, 3), np.float32)
Y = np.ones((6, 1), np.float32)
LABELS = np.arange(6) % 3


def net(units=1, loss="mse"):
    model = Sequential([Input((3,)), Dense(units, name="out")])
    model.compile("sgd", loss)
    return model


def fit(x=X, y=Y, units=1, loss="mse", **arguments):
    return net(units, loss).fit(x, y, verbose=0, **arguments)


def stream(x, y):
    while True:
        yield x, y


def sparse(y, **arguments):
    return fit(y=y, units=3, loss="sparse_categorical_crossentropy", **arguments)


def called(call, build=None, name="mine"):
    kind = type("Mine", (layers.Layer,), {"call": call, **({"build": build} if build else {})})
    return kind(name=name)


def counter():
    def build(self, input_shape):
        self.total = self.add_weight(shape=(), name="total", trainable=False)

    def call(self, x):
        self.total.assign(jnp.sum(x))
        return x

    return called(call, build, "counter")


def assign_in_scan():
    def call(self, x):
        return jax.lax.scan(lambda c, row: (c, self.total.assign_add(jnp.sum(row))), 0, x)[1]

    layer = called(call, type(counter()).build)
    layer.build((None, 3))
    return layer.apply(*layer.init(jax.random.key(0)), X)


def two_outputs(loss="mse"):
    x = Input((3,))
    model = Model(x, [Dense(1, name="a")(x), Dense(1, name="b")(x)])
    model.compile("sgd", loss)
    return model


def disconnected():
    a, b = Input((2,), name="a"), Input((3,), name="b")
    return Model(a, Dense(1)(layers.concatenate([a, b])))


def again(layer, *shapes):
    for shape in shapes:
        layer(np.ones(shape))


def made_in_call():
    class Net(Model):
        def call(self, x):
            self.dense = Dense(1)
            return self.dense(x)

    model = Net()
    model.compile("sgd", "mse")
    model.fit(X, Y, verbose=0)


def no_super(base):
    class Forgetful(base):
        def __init__(self):
            self.inner = Dense(1)

        def call(self, x):
            return self.inner(x)

    return Forgetful()(X)


def with_bad_value(data, **arguments):
    x = X.copy()
    x[2, 1] = np.nan
    jkeras.config.set_check_finite(True)
    try:
        return fit(*data(x), **arguments)
    finally:
        jkeras.config.set_check_finite(False)


def without_optimizer():
    model = Sequential([Dense(1)])
    model.compile(None, "mse")
    return model


# name: (program, exception, words in the message)
SHAPES = {
    "features": (lambda: fit(np.ones((4, 5)), np.ones((4, 1))), ValueError, ["(None, 3)", "(None, 5)", "Input(shape=(5,))"]),
    "predict": (lambda: net().predict(np.ones((4, 5)), verbose=0), ValueError, ["(None, 3)", "5)", "Input(shape=(5,))"]),
    "no batch axis": (lambda: net()(np.ones(3)), ValueError, ["(None, 3)", "float32(3,)", "x[None]"]),
    "flat images": (
        lambda: Sequential([Input((4, 4)), layers.Flatten()])(np.ones((2, 16))),
        ValueError,
        ["(None, 4, 4)", "(2, 16)", "x.reshape((-1, 4, 4))"],
    ),
    "built before": (lambda: again(Dense(2, name="two"), (1, 3), (1, 4)), ValueError, ["'two'", "size 3", "received 4"]),
    "rank": (
        lambda: Sequential([Input((8,)), layers.Conv2D(1, 3, name="c")]),
        ValueError,
        ["'c'", "4 axes", "received 2", "(None, 8)"],
    ),
    "kernel": (lambda: Sequential([Input((2, 2, 1)), layers.Conv2D(1, 3, name="c")]), ValueError, ["'c'", "(3, 3)", "2, 2, 1"]),
    "add": (lambda: layers.Add(name="sum")([Input((2,)), Input((3,))]), ValueError, ["sum", "2)", "3)"]),
    "concatenate": (lambda: layers.Concatenate(name="cat")([Input((2, 3)), Input((3, 3))]), ValueError, ["cat", "2, 3", "3, 3"]),
    "reshape": (lambda: Sequential([Input((8,)), layers.Reshape((3, 3), name="r")]), ValueError, ["r", "8", "(3, 3)"]),
    "own layer": (
        lambda: called(lambda self, x: jnp.matmul(x, jnp.ones((5, 2))))(X),
        TypeError,
        ["'mine'", "(6, 3)", "5"],
    ),
    "unknown size": (lambda: Dense(1, name="u")(Input((None,))), ValueError, ["'u'", "kernel", "(None, 1)", "Input(shape="]),
    "too many inputs": (lambda: net().predict([X, X], verbose=0), ValueError, ["1 input", "received 2"]),
    "missing input": (
        lambda: Model([a := Input((1,), name="a"), b := Input((2,), name="b")], layers.concatenate([a, b]))(
            {"a": X[:, :1], "bb": X}
        ),
        ValueError,
        ["'b'", "'bb'"],
    ),
}
DATA = {
    "lengths": (lambda: fit(y=Y[:5]), ValueError, ["x: 6", "y: 5"]),
    "lengths, evaluate": (lambda: net().evaluate(X, Y[:5]), ValueError, ["x: 6", "y: 5"]),
    "lengths, weights": (lambda: fit(sample_weight=np.ones(3)), ValueError, ["sample_weight: 3"]),
    "lengths, validation": (lambda: fit(validation_data=(X, Y[:2])), ValueError, ["x: 6", "y: 2"]),
    "empty": (lambda: fit(X[:0], Y[:0]), ValueError, ["no data", "at least one"]),
    "empty list": (lambda: fit([], []), ValueError, ["no data"]),
    "empty, predict": (lambda: net().predict(X[:0]), ValueError, ["no data"]),
    "empty generator": (lambda: fit(iter(()), None), ValueError, ["no data", "no batch"]),
    "no x": (lambda: fit(None, None), ValueError, ["x", "None"]),
    "no y": (lambda: fit(X, None), ValueError, ["'out'", "target", "y="]),
    "words": (lambda: fit(np.array([["a", "b", "c"]] * 6)), ValueError, ["'a'", "numbers", "astype"]),
    "words in a call": (lambda: net()(np.array([["a", "b", "c"]])), TypeError, ["<U1", "float32"]),
    "class labels as words": (lambda: sparse(np.array(["a"] * 6)), ValueError, ["y", "'a'", "integers"]),
    "batch size": (lambda: fit(batch_size=0), ValueError, ["batch_size", "positive", "0"]),
    "split": (lambda: fit(validation_split=1.5), ValueError, ["between 0 and 1", "1.5"]),
    "class weights": (lambda: sparse(LABELS, class_weight=[1, 2, 3]), ValueError, ["class_weight", "dict", "[1, 2, 3]"]),
    "NaN": (lambda: with_bad_value(lambda x: (x, Y)), ValueError, ["x", "nan", "(2, 1)", "set_check_finite"]),
    "NaN, validation": (lambda: with_bad_value(lambda x: (X, Y), validation_data=(X * np.inf, Y)), ValueError, ["inf", "(0, 0)"]),
    "NaN, stream": (lambda: with_bad_value(lambda x: (stream(x, Y), None), steps_per_epoch=1), ValueError, ["nan", "(2, 1)"]),
}
TARGETS = {
    "too large": (lambda: sparse(LABELS + 1), ValueError, ["0 to 2", "from 1 to 3", "3 classes", "4 units"]),
    "negative": (lambda: sparse(LABELS - 1), ValueError, ["0 to 2", "from -1 to 1", "np.unique"]),
    "validation": (lambda: sparse(LABELS, validation_data=(X, LABELS + 1)), ValueError, ["0 to 2", "from 1 to 3"]),
    "train_on_batch": (lambda: net(3, "sparse_categorical_crossentropy").train_on_batch(X, LABELS + 1), ValueError, ["0 to 2"]),
    "stream": (
        lambda: fit(stream(X, LABELS + 1), None, 3, "sparse_categorical_crossentropy", steps_per_epoch=1),
        ValueError,
        ["0 to 2", "from 1 to 3"],
    ),
    "one-hot for labels": (
        lambda: sparse(np.eye(3)[LABELS]),
        ValueError,
        ["(6,)", "(6, 3)", 'loss="categorical_crossentropy"', "argmax"],
    ),
    "labels for one-hot": (
        lambda: fit(y=LABELS, units=3, loss="categorical_crossentropy"),
        ValueError,
        ["(6, 3)", "(6,)", 'loss="sparse_categorical_crossentropy"', "to_categorical"],
    ),
    "sizes": (lambda: fit(y=np.ones((6, 2)), units=3), ValueError, ["mse", "(6, 2)", "(6, 3)", "last layer"]),
    "sizes, stream": (
        lambda: fit(stream(X, np.ones((6, 2))), None, 3, steps_per_epoch=1),
        ValueError,
        ["mse", "(6, 2)", "(6, 3)"],
    ),
    "number of targets": (lambda: two_outputs().fit(X, Y, verbose=0), ValueError, ["2 outputs", "a, b", "y has 1", "list of 2"]),
    "name of an output": (lambda: two_outputs({"a": "mse", "bb": "mse"}).fit(X, [Y, Y], verbose=0), ValueError, ["'bb'", "'b'"]),
}
NAMES = {
    "loss": (lambda: net(loss="mes"), ValueError, ["loss 'mes'", "'mse'"]),
    "optimizer": (lambda: Sequential([Dense(1)]).compile("adma"), ValueError, ["optimizer 'adma'", "'adam'"]),
    "metric": (lambda: Sequential([Dense(1)]).compile(metrics=["acuracy"]), ValueError, ["metric 'acuracy'", "'accuracy'"]),
    "activation": (lambda: Dense(1, activation="rellu"), ValueError, ["activation 'rellu'", "'relu'"]),
    "initializer": (lambda: Dense(1, kernel_initializer="glorot_unifrom"), ValueError, ["'glorot_uniform'"]),
    "regularizer": (lambda: Dense(1, kernel_regularizer="l3"), ValueError, ["regularizer 'l3'", "'l2'"]),
    "constraint": (lambda: Dense(1, kernel_constraint="maxnrom"), ValueError, ["constraint 'maxnrom'", "norm"]),
    "dtype": (lambda: Dense(1, dtype="float33"), ValueError, ["'float33'", "'float32'"]),
    "padding": (lambda: layers.Conv2D(1, 3, padding="smae"), ValueError, ["'smae'", "'same'"]),
    "argument": (lambda: Dense(1, activatoin="relu"), TypeError, ["'activatoin'", "'activation'"]),
    "optimizer argument": (lambda: optimizers.Adam(learning_rte=1), TypeError, ["'learning_rte'", "'learning_rate'"]),
    "compile argument": (lambda: Sequential([Dense(1)]).compile(metric=["acc"]), TypeError, ["'metric'", "'metrics'"]),
    "layer": (lambda: net().get_layer("uot"), ValueError, ["'uot'", "'out'"]),
    "duplicate": (lambda: Sequential([Dense(1, name="d"), Dense(1, name="d")]), ValueError, ["'d'", "unique", "'d_2'"]),
    "slash": (lambda: Dense(1, name="a/b"), ValueError, ["'a/b'", "without"]),
}
ORDER = {
    "fit": (lambda: Sequential([Dense(1)]).fit(X, Y), RuntimeError, ["compiled before `fit`", "model.compile("]),
    "metrics before data": (
        lambda: net().update_metrics(None, None, None, None),
        RuntimeError,
        ["seen none", "model.test_on_batch(x, y)"],
    ),
    "no optimizer": (lambda: without_optimizer().fit(X, Y), RuntimeError, ["has no optimizer", 'optimizer="adam"']),
    "evaluate": (lambda: Sequential([Dense(1)]).evaluate(X, Y), RuntimeError, ["compiled before `evaluate`"]),
    "train_on_batch": (lambda: Sequential([Dense(1)]).train_on_batch(X, Y), RuntimeError, ["compiled before `train_on_batch`"]),
    "no loss": (
        lambda: net(loss=None).fit(X, Y, verbose=0),
        ValueError,
        ["nothing to minimise", "compile(loss=...)", "add_loss"],
    ),
    "get_weights": (lambda: Sequential([Dense(1)]).get_weights(), ValueError, ["no weights yet", "build(input_shape)", "Input("]),
    "count_params": (lambda: Sequential([Dense(1)]).count_params(), ValueError, ["no weights yet", "Input("]),
    "init": (lambda: Sequential([Dense(1)]).init(jax.random.key(0)), ValueError, ["no weights yet", "init(key, x)"]),
    "kernel": (lambda: Dense(1, name="d").kernel, AttributeError, ["'d'", "'kernel'", "build(input_shape)"]),
    "set_weights": (lambda: net().set_weights([X]), ValueError, ["2 weights", "1 arrays", "get_weights()"]),
    "set_weights, shape": (lambda: net().set_weights([X, Y[0]]), ValueError, ["out/kernel'", "(3, 1)", "(6, 3)"]),
    "disconnected": (disconnected, ValueError, ["disconnected", "name=b", "['a']", "Model(inputs=[..., b]"]),
    "array as output": (lambda: Model(Input((3,)), np.ones(3)), ValueError, ["symbolic", "Input(...)", "float64(3,)"]),
    "jax.numpy on a symbol": (lambda: np.sin(Input((3,))), ValueError, ["symbolic tensor", "jkeras.ops"]),
    "if on a symbol": (lambda: bool(Input((3,)) > 0), TypeError, ["symbolic tensor"]),
    "a function in a stack": (lambda: Sequential([jnp.sin]), TypeError, ["takes layers", "sin", "Lambda|Activation"]),
    "input in the middle": (lambda: Sequential([Dense(1), Input((3,))]), ValueError, ["comes first"]),
    "argument of fit": (lambda: fit(bach_size=3), TypeError, ["'bach_size'", "'batch_size'"]),
    "a vector for a recurrent layer": (
        lambda: Sequential([Input((5, 3)), layers.LSTM(4, name="first"), layers.LSTM(4, name="second")]),
        ValueError,
        ["'second'", "(None, 4)", "return_sequences=True", "RepeatVector"],
    ),
    "sizes that do not go together": (
        lambda: layers.Add()([Input((24,)), Input((4,))]),
        ValueError,
        ["float32(None, 24)", "float32(None, 4)"],
    ),
    "callback class": (
        lambda: fit(callbacks=[jkeras.callbacks.EarlyStopping]),
        TypeError,
        ["class EarlyStopping", "EarlyStopping()"],
    ),
}
LAYERS = {
    "assign under jit": (lambda: jax.jit(counter())(X), ValueError, ["'counter/total'", "still tracing", "layer.apply"]),
    "assign in scan": (
        assign_in_scan,
        ValueError,
        ["another JAX transform", "mine/total"],
    ),
    "add_loss under jit": (
        lambda: jax.jit(lambda x: Dense(1).add_loss(jnp.sum(x)))(X),
        ValueError,
        ["add_loss", "tracing", "apply_with_losses"],
    ),
    "add_weight in call": (
        lambda: called(lambda self, x: x * self.add_weight(shape=(), name="w"))(X),
        RuntimeError,
        ["'mine'", "add_weight", "def build(self, input_shape)"],
    ),
    "layer made in call": (made_in_call, RuntimeError, ["'dense", "never be trained", "`__init__`"]),
    "no super().__init__()": (lambda: no_super(layers.Layer), AttributeError, ["Forgetful", "'inner'", "super().__init__()"]),
    "no super().__init__(), model": (lambda: no_super(Model), AttributeError, ["Forgetful", "'inner'", "super().__init__()"]),
    "no call": (lambda: layers.Layer()(X), NotImplementedError, ["def call(self, x)"]),
    "missing weight": (lambda: Dense(1).apply({}, {}, X), KeyError, ["kernel", "params, state = model.init"]),
}
TABLE = {f"{group}: {name}": row for group, rows in
         (("shape", SHAPES), ("data", DATA), ("target", TARGETS), ("name", NAMES), ("order", ORDER), ("layer", LAYERS))
         for name, row in rows.items()}  # fmt: skip


@pytest.mark.parametrize("mistake", TABLE)
def test_the_error_says_what_to_write(mistake):
    program, kind, words = TABLE[mistake]
    with pytest.raises(kind) as caught:
        program()
    text = "\n".join([str(caught.value), *getattr(caught.value, "__notes__", [])])
    for word in words:
        assert any(choice in text for choice in word.split("|")), f"{word!r} is not in:\n{text}"


def test_a_refused_set_weights_changes_nothing():
    model = net()
    before = model.get_weights()
    with pytest.raises(ValueError):
        model.set_weights([before[0] * 2, np.ones(9)])
    np.testing.assert_array_equal(model.get_weights()[0], before[0])


def test_nan_in_data_passes_when_nobody_asks():
    assert np.isnan(fit(np.full_like(X, np.nan)).history["loss"][0])


def test_a_model_is_usable_after_a_refused_fit():
    model = net()
    with pytest.raises(ValueError):
        model.fit(X, Y[:3])
    assert len(model.fit(X, Y, verbose=0).history["loss"]) == 1

"""`fit` gives Keras' numbers: same weights, same order of data, same losses over 100 steps."""

from __future__ import annotations

import numpy as np
import pytest

import jkeras
from jkeras import layers, optimizers

keras = pytest.importorskip("keras")

ROWS, FEATURES, CLASSES = 40, 6, 3
_rng = np.random.default_rng(0)
X = _rng.normal(size=(ROWS, FEATURES)).astype("float32")
LABELS = (X @ _rng.normal(size=(FEATURES, CLASSES))).argmax(-1).astype("int32")

RULES = {
    "sgd": ("SGD", {"learning_rate": 0.1}),
    "momentum": ("SGD", {"learning_rate": 0.05, "momentum": 0.9}),
    "nesterov": ("SGD", {"learning_rate": 0.05, "momentum": 0.9, "nesterov": True}),
    "adam": ("Adam", {"learning_rate": 0.01}),
    "amsgrad": ("Adam", {"learning_rate": 0.01, "amsgrad": True}),
    "adamw": ("AdamW", {"learning_rate": 0.01, "weight_decay": 0.01}),
    "rmsprop": ("RMSprop", {"learning_rate": 0.005}),
    "rmsprop_centered": ("RMSprop", {"learning_rate": 0.005, "momentum": 0.5, "centered": True}),
}
OPTIONS = {
    "plain": {},
    "clipnorm": {"clipnorm": 0.1},
    "clipvalue": {"clipvalue": 0.02},
    "global_clipnorm": {"global_clipnorm": 0.1},
    "weight_decay": {"weight_decay": 0.02},
    "ema": {"use_ema": True, "ema_momentum": 0.9},
    "ema_overwrite": {"use_ema": True, "ema_momentum": 0.9, "ema_overwrite_frequency": 7},
    "accumulation": {"gradient_accumulation_steps": 3},
}
CASES = [(rule, "plain") for rule in RULES] + [("adam", option) for option in OPTIONS if option != "plain"]
CASES += [("momentum", "clipnorm"), ("momentum", "accumulation"), ("rmsprop", "ema"), ("adamw", "global_clipnorm")]


def _stack(library):
    return library.Sequential(
        [
            library.layers.Input((FEATURES,)),
            library.layers.Dense(8, activation="tanh"),
            library.layers.Dense(CLASSES, activation="softmax"),
        ]
    )


@pytest.fixture(scope="module")
def weights():
    return [w * 0.7 for w in _stack(jkeras).get_weights()]


def _train(library, weights, rule, option):
    name, arguments = RULES[rule]
    model = _stack(library)
    model.set_weights(weights)
    optimizer = getattr(library.optimizers, name)(**{**arguments, **OPTIONS[option]})
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    history = model.fit(X, LABELS, batch_size=10, epochs=25, shuffle=False, verbose=0).history
    return history, model.get_weights()


@pytest.mark.few(10)
@pytest.mark.parametrize("rule, option", CASES)
def test_losses_over_100_steps_equal_keras(weights, rule, option):
    ours, our_weights = _train(jkeras, weights, rule, option)
    theirs, their_weights = _train(keras, weights, rule, option)
    np.testing.assert_allclose(ours["loss"], theirs["loss"], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(ours["accuracy"], theirs["accuracy"], atol=1e-6)
    assert theirs["loss"][-1] < 0.95 * theirs["loss"][0]
    for a, b in zip(our_weights, their_weights, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)  # a hundred steps of rounding


def _two_outputs(library):
    x = library.layers.Input((FEATURES,), name="x")
    h = library.layers.Dense(8, activation="relu", kernel_regularizer="l2", name="h")(x)
    a = library.layers.Dense(CLASSES, activation="softmax", name="a")(h)
    b = library.layers.Dense(1, name="b", kernel_constraint="non_neg")(h)
    return library.Model(x, [a, b])


TARGET = X[:, :1] * 2 + 1


@pytest.mark.parametrize(
    "compile_arguments, targets",
    [
        ({"loss": ["sparse_categorical_crossentropy", "mse"], "loss_weights": [1.0, 0.3]}, "list"),
        ({"loss": {"a": "sparse_categorical_crossentropy", "b": "huber"}, "loss_weights": {"b": 0.5}}, "dict"),
    ],
)
def test_several_outputs_equal_keras(compile_arguments, targets):
    y = [LABELS, TARGET] if targets == "list" else {"a": LABELS, "b": TARGET}
    results, weights = {}, None
    for library in (jkeras, keras):
        model = _two_outputs(library)
        weights = weights or [np.abs(w) if i == 4 else w for i, w in enumerate(model.get_weights())]
        model.set_weights(weights)
        if library is keras and isinstance(compile_arguments.get("loss_weights"), dict):
            compile_arguments = {**compile_arguments, "loss_weights": {"a": 1.0, **compile_arguments["loss_weights"]}}
        model.compile(library.optimizers.SGD(0.05), **compile_arguments)
        results[library.__name__] = model.fit(X, y, batch_size=10, epochs=5, shuffle=False, verbose=0).history
    for name in ("loss", "a_loss", "b_loss"):
        np.testing.assert_allclose(results["jkeras"][name], results["keras"][name], rtol=1e-5)


def test_sample_and_class_weights_equal_keras(weights):
    sample_weight = np.linspace(0.1, 2, ROWS).astype("float32")
    for extra in ({"sample_weight": sample_weight}, {"class_weight": {0: 1.0, 1: 5.0, 2: 0.5}}):
        losses = []
        for library in (jkeras, keras):
            model = _stack(library)
            model.set_weights(weights)
            model.compile("sgd", "sparse_categorical_crossentropy", weighted_metrics=["accuracy"])
            history = model.fit(X, LABELS, batch_size=10, epochs=3, shuffle=False, verbose=0, **extra).history
            losses.append([*history["loss"], *history["accuracy"]])
        np.testing.assert_allclose(*losses, rtol=1e-5)


def test_validation_and_evaluate_equal_keras(weights):
    found = []
    for library in (jkeras, keras):
        model = _stack(library)
        model.set_weights(weights)
        model.compile("rmsprop", "sparse_categorical_crossentropy", metrics=["accuracy"])
        history = model.fit(X, LABELS, batch_size=7, epochs=3, validation_split=0.25, shuffle=False, verbose=0).history
        found.append([*history["val_loss"], *history["val_accuracy"], *model.evaluate(X, LABELS, batch_size=9, verbose=0)])
    np.testing.assert_allclose(*found, rtol=1e-5)


def test_schedule_follows_keras(weights):
    found = []
    for library in (jkeras, keras):
        model = _stack(library)
        model.set_weights(weights)
        rate = library.optimizers.schedules.ExponentialDecay(0.1, decay_steps=10, decay_rate=0.5)
        model.compile(library.optimizers.SGD(rate), "sparse_categorical_crossentropy")
        found.append(model.fit(X, LABELS, batch_size=10, epochs=10, shuffle=False, verbose=0).history["loss"])
    np.testing.assert_allclose(*found, rtol=1e-5)


def test_optimizer_state_carries_over_when_a_layer_is_frozen():
    model = _stack(jkeras)
    model.compile(optimizers.Adam(0.01), "sparse_categorical_crossentropy")
    model.fit(X, LABELS, epochs=2, verbose=0)
    before = model.layers[0].get_weights()
    model.layers[0].trainable = False
    model.fit(X, LABELS, epochs=2, verbose=0)
    for a, b in zip(before, model.layers[0].get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert int(model.optimizer.iterations) == 8


def test_same_seed_same_weights_bit_for_bit():
    def run():
        jkeras.utils.set_random_seed(3)
        model = jkeras.Sequential([layers.Dense(8, activation="relu"), layers.Dropout(0.4), layers.Dense(CLASSES)])
        model.compile("adam", "mse")
        model.fit(X, np.eye(CLASSES, dtype="float32")[LABELS], batch_size=8, epochs=3, verbose=0)
        return model.get_weights()

    for a, b in zip(run(), run(), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("compiled", [None, "mse"])
def test_an_array_that_is_added_to_the_loss_counts_with_its_sum(compiled):
    import keras

    x = np.arange(12, dtype=np.float32).reshape(4, 3)

    def trained(library):
        class Adding(library.layers.Layer):
            def build(self, shape):
                self.factor = self.add_weight(shape=(1,), initializer="ones")

            def call(self, x):
                self.add_loss(library.ops.mean(x * self.factor, axis=-1, keepdims=True))
                return x

        inputs = library.Input((3,))
        model = library.Model(inputs, Adding()(inputs))
        model.compile(library.optimizers.SGD(0.01), compiled)
        history = model.fit(x, x, verbose=0, batch_size=4).history
        return history["loss"][0], model.evaluate(x, x, verbose=0), float(np.ravel(model.get_weights()[0])[0])

    np.testing.assert_allclose(trained(jkeras), trained(keras), rtol=1e-5)

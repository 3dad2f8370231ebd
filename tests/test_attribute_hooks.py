"""Users' classes that intercept setting or reading attributes: layers, models, metrics, optimizers, losses."""

import copy

import numpy as np
import pytest

from jkeras import Input, Model, Sequential, callbacks, layers, losses, metrics, ops, optimizers

X, Y = np.ones((2, 3), np.float32), np.zeros((2, 2), np.float32)


class SetsWithHasattr:
    def __setattr__(self, name, value):
        if hasattr(self, name):
            getattr(self, name)
        super().__setattr__(name, value)


class SetsAndAsksForMore:
    """Asks for attributes that nobody has, before there are any."""

    def __setattr__(self, name, value):
        if hasattr(self, "no_such_attribute") or hasattr(self, name):
            getattr(self, name)
        super().__setattr__(name, value)


class Freezes:
    def __setattr__(self, name, value):
        if hasattr(self, "_frozen") and not hasattr(self, name):
            raise AttributeError(name)
        super().__setattr__(name, value)


class ReadsItsOwn:
    def __getattr__(self, name):
        if name == "answer":
            return 42
        raise AttributeError(name)


class AsksSuper:
    def __getattr__(self, name):
        return 42 if name == "answer" else super().__getattr__(name)


class Delegates:
    def __getattr__(self, name):
        if name.startswith("_") or "inner" not in self.__dict__:
            raise AttributeError(name)
        return getattr(self.__dict__["inner"], name)


class ReadsAll:
    def __getattribute__(self, name):
        return 42 if name == "answer" else super().__getattribute__(name)


class HasProperties:
    @property
    def extra(self):
        return self._extra

    @extra.setter
    def extra(self, value):
        self._extra = value


class DeletesWithHasattr:
    def __delattr__(self, name):
        if hasattr(self, name):
            super().__delattr__(name)


HOOKS = [
    SetsWithHasattr,
    SetsAndAsksForMore,
    Freezes,
    ReadsItsOwn,
    AsksSuper,
    Delegates,
    ReadsAll,
    HasProperties,
    DeletesWithHasattr,
]


def layer_of(hooks):
    class Own(hooks, layers.Layer):
        def __init__(self):
            super().__init__()
            self.extra = 3

        def build(self, input_shape):
            self.kernel = self.add_weight((input_shape[-1], 2), initializer="ones", name="kernel")
            self.calls = self.add_weight((), initializer="zeros", trainable=False, name="calls")

        def call(self, x):
            self.calls.assign(self.calls + 1)
            return ops.matmul(x, self.kernel)

    return Own()


@pytest.mark.parametrize("hooks", HOOKS)
def test_layers(hooks):
    layer = layer_of(hooks)
    np.testing.assert_array_equal(layer(X), np.full((2, 2), 3.0))
    assert len(layer.weights) == 2 and float(layer.calls) == 1 and layer.extra == 3
    assert copy.deepcopy(layer)(X).shape == (2, 2)
    assert not hasattr(layer, "nothing") and getattr(layer, "answer", 42) == 42
    inputs = Input((3,))
    model = Model(inputs, layer_of(hooks)(inputs))
    model.compile("sgd", "mse")
    assert model.fit(X, Y, verbose=0).history["loss"] == [9.0]
    assert type("Own", (hooks, layers.Dense), {})(2)(X).shape == (2, 2)


def subclassed(hooks):
    class Own(hooks, Model):
        def __init__(self):
            super().__init__()
            self.inner = layers.Dense(2)

        def call(self, x):
            return self.inner(x)

    return Own()


def functional(hooks):
    class Own(hooks, Model):
        def __init__(self):
            inputs = Input((3,))
            super().__init__(inputs, layers.Dense(2)(inputs))
            self.extra = 3

    return Own()


def stack(hooks):
    return type("Own", (hooks, Sequential), {})([layers.Dense(2)])


@pytest.mark.few(10)
@pytest.mark.parametrize("make", [subclassed, functional, stack])
@pytest.mark.parametrize("hooks", HOOKS)
def test_models(hooks, make):
    model = make(hooks)
    model.compile("sgd", "mse")
    assert np.isfinite(model.fit(X, Y, verbose=0).history["loss"][0])
    assert model.predict(X, verbose=0).shape == (2, 2) and len(model.weights) == 2


@pytest.mark.parametrize("hooks", HOOKS)
def test_metrics_optimizers_losses_and_callbacks(hooks):
    class Total(hooks, metrics.Metric):
        def __init__(self):
            super().__init__(name="total")
            self.sum = self.add_weight(name="sum", initializer="zeros")

        def update_state(self, y_true, y_pred, sample_weight=None):
            self.sum.assign_add(ops.sum(y_pred))

        def result(self):
            return self.sum

    class Counts(hooks, callbacks.Callback):
        def __init__(self):
            super().__init__()
            self.epochs = 0

        def on_epoch_end(self, epoch, logs=None):
            self.epochs += 1

    class Squares(hooks, losses.Loss):
        def call(self, y_true, y_pred):
            return ops.mean((y_true - y_pred) ** 2, axis=-1)

    counts, model = Counts(), Sequential([Input((3,)), layers.Dense(2, kernel_initializer="ones")])
    model.compile(type("Own", (hooks, optimizers.SGD), {})(0.1), Squares(), metrics=[Total()])
    history = model.fit(X, Y, verbose=0, callbacks=[counts]).history
    assert history == {"loss": [9.0], "total": [12.0]} and counts.epochs == 1

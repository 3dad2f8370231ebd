"""Errors about shapes show the user's sizes, never trial ones, and suggest `x[None]` if the batch axis is missing."""

import os

os.environ.setdefault("KERAS_BACKEND", "jax")

import re

import keras
import numpy as np
import pytest
from documents import compat_in

import jkeras
from jkeras import Input, Model, Sequential, layers


class Subclassed(Model):
    def __init__(self, *parts):
        super().__init__()
        self.parts = parts

    def call(self, x):
        for part in self.parts:
            x = part(x)
        return x


def built(model, shape):
    model.build((None, *shape))
    return model


MODELS = {
    "functional": (lambda: Sequential([Input((3,)), layers.Dense(1)]), (3,)),
    "built late": (lambda: built(Sequential([layers.Dense(1)]), (3,)), (3,)),
    "subclassed": (lambda: built(Subclassed(layers.Dense(1)), (3,)), (3,)),
    "recurrent": (lambda: Sequential([Input((5, 2)), layers.LSTM(3), layers.Dense(1)]), (5, 2)),
    "subclassed recurrent": (lambda: built(Subclassed(layers.LSTM(3), layers.Dense(1)), (5, 2)), (5, 2)),
    "images": (lambda: Sequential([Input((8, 8, 1)), layers.Conv2D(2, 3), layers.Flatten(), layers.Dense(1)]), (8, 8, 1)),
}
ENTRIES = {
    "call": lambda model, x, y: model(x),
    "predict": lambda model, x, y: model.predict(x, verbose=0),
    "predict_on_batch": lambda model, x, y: model.predict_on_batch(x),
    "predict of a stream": lambda model, x, y: model.predict(iter([x]), verbose=0),
    "fit": lambda model, x, y: model.fit(x, y, verbose=0),
    "fit of a stream": lambda model, x, y: model.fit(iter([(x, y)]), verbose=0),
    "evaluate": lambda model, x, y: model.evaluate(x, y, verbose=0),
    "train_on_batch": lambda model, x, y: model.train_on_batch(x, y),
    "test_on_batch": lambda model, x, y: model.test_on_batch(x, y),
}


def numbers(text):
    return {int(n) for n in re.findall(r"(?<![\w.])\d+(?![\w.])", text.partition("Received")[2] or text.partition("received")[2])}


@pytest.mark.parametrize("entry", ENTRIES)
@pytest.mark.parametrize("kind", MODELS)
def test_one_example_without_its_batch_axis(kind, entry):
    make, shape = MODELS[kind]
    model = make()
    model.compile("sgd", "mse")
    with pytest.raises(ValueError, match=r"The batch axis is missing: write x\[None\]\.") as caught:
        ENTRIES[entry](model, np.zeros(shape), np.zeros((shape[0], 1)))
    assert numbers(str(caught.value)) <= set(shape)


@pytest.mark.parametrize("entry", ["call", "predict", "fit", "train_on_batch", "fit of a stream"])
@pytest.mark.parametrize("first", [layers.Dense, layers.LSTM, layers.LayerNormalization])
def test_one_example_for_a_model_that_has_seen_none(first, entry):
    if (first, entry) == (layers.LayerNormalization, "call"):
        return  # which takes any number of axes
    model = Subclassed(first(3) if first is not layers.LayerNormalization else first())
    model.compile("sgd", "mse")
    with pytest.raises(ValueError) as caught:
        ENTRIES[entry](model, np.zeros((3, 2) if first is layers.LSTM else 3), np.zeros((3, 1)))
    assert re.search(r"x\[None\]", "\n".join([str(caught.value), *caught.value.__notes__]))


def test_a_scalar_is_refused_before_weights_are_made():
    with pytest.raises(ValueError, match=r"expected at least 2 axes, received 0"):
        layers.Dense(3)(np.float32(1))


@pytest.mark.parametrize("entry", [name for name in ENTRIES if name != "call"])
def test_sizes_that_do_not_fit_inside_of_a_model(entry):
    class Sum(Model):
        def __init__(self):
            super().__init__()
            self.a, self.b = layers.Dense(4), layers.Dense(2)

        def call(self, x):
            return self.a(x) + self.b(x)

    model = Sum()
    model.compile("sgd", "mse")
    with pytest.raises(TypeError, match=r"incompatible shapes for broadcasting: \(batch, 4\), \(batch, 2\)"):
        ENTRIES[entry](model, np.zeros((5, 3)), np.zeros((5, 4)))


@pytest.mark.parametrize("entry", [name for name in ENTRIES if name != "call"])
def test_data_that_do_not_fit_a_layer_of_ones_own(entry):
    class Shift(layers.Layer):
        def build(self, input_shape):
            self.shift = self.add_weight((input_shape[-1],))

        def call(self, x):
            return x + self.shift

    model = built(Subclassed(Shift()), (3,))
    model.compile("sgd", "mse")
    with pytest.raises(ValueError, match=r"\(batch, 5\), \(3,\)"):
        ENTRIES[entry](model, np.zeros((50, 5)), np.zeros((50, 5)))


def test_axes_have_names_in_errors_of_open_shapes():
    with pytest.raises(TypeError, match=r"\(batch, axis1, 4\), \(batch, 7, 5\)"):
        Input((None, 4)) + Input((7, 5))


MISFITS = {
    "add": lambda k: k.KerasTensor((2, 3)) + k.KerasTensor((2, 4)),
    "dot": lambda k: k.ops.dot(k.KerasTensor((2, 3)), k.KerasTensor((2, 3))),
    "cross": lambda k: k.ops.cross(k.KerasTensor((4, 3)), k.KerasTensor((2, 3))),
    "swapaxes": lambda k: k.ops.swapaxes(k.KerasTensor((3, 4)), 5, 0),
    "moveaxis": lambda k: k.ops.moveaxis(k.KerasTensor((3, 4)), 5, 0),
    "transpose": lambda k: k.ops.transpose(k.KerasTensor((2, 3, 4)), (0, 0, 0)),
    "take_along_axis": lambda k: k.ops.take_along_axis(k.KerasTensor((3, 4)), k.KerasTensor((3, 2), "int32"), axis=10),
    "concatenate": lambda k: k.ops.concatenate([k.KerasTensor((3, 4)), k.KerasTensor((2, 5))]),
    "reshape": lambda k: k.ops.reshape(k.KerasTensor((2, 3)), (4, 2)),
    "diagonal": lambda k: k.ops.diagonal(k.KerasTensor((2, 3)), axis1=1, axis2=-1),
    "eigh": lambda k: k.ops.eigh(k.KerasTensor((4, 3, 2))),
    "batch_normalization": lambda k: k.ops.batch_normalization(
        k.KerasTensor((None, 3, 5)), k.KerasTensor((5,)), k.KerasTensor((5,)), axis=-1, offset=k.KerasTensor((3,))
    ),
    "an index": lambda k: k.KerasTensor((None, 5))[:, 5],
    "an index from the end": lambda k: k.ops.get_item(k.KerasTensor((None, 5)), (..., -6)),
    "too many indices": lambda k: k.KerasTensor((None, 5))[:, 0, 0],
    "a number as shape": lambda k: k.KerasTensor(3),
    "a negative size": lambda k: k.KerasTensor((3, -1)),
    "a fraction as size": lambda k: k.KerasTensor((3, 1.5)),
}


@pytest.mark.parametrize("name", MISFITS)
def test_a_symbolic_call_that_cannot_be_is_a_value_error(name):
    for library in (keras, jkeras):
        with pytest.raises(ValueError):
            MISFITS[name](library)


def test_an_attribute_that_tuples_lack_is_explained_and_is_there_under_tensorflows_names():
    class Ranked(layers.Layer):
        def call(self, x):
            return x * x.shape.rank

    x = np.ones((2, 3), np.float32)
    with pytest.raises(AttributeError) as caught:
        Ranked()(x)
    assert "len(x.shape)" in " ".join(caught.value.__notes__)
    with compat_in("/tmp"):
        assert (Ranked()(x) == 2).all()
    with pytest.raises(AttributeError):
        Ranked()(x)

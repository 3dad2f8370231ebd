"""`Input(optional=True)`: a functional model accepts None for it, however you pass the inputs."""

import numpy as np
import pytest

from jkeras import Input, Model, layers, models

X, Y = np.ones((4, 2), np.float32), np.full((4, 2), 2.0, np.float32)
T = np.zeros((4, 2), np.float32)


class Sum(layers.Layer):
    def call(self, x, y=None):
        return x if y is None else x + y


class SumOfList(layers.Layer):
    def call(self, inputs):
        x, y = inputs
        return x if y is None else x + y


def make(kind):
    x, y = Input((2,), name="x"), Input((2,), name="y", optional=True)
    ways = {
        "by position": lambda: ([x, y], Sum()(x, y)),
        "by name": lambda: ([x, y], Sum()(x, y=y)),
        "in a list": lambda: ([x, y], SumOfList()([x, y])),
        "dict": lambda: ({"x": x, "y": y}, Sum()(x, y)),
    }
    return Model(*ways[kind]())


GIVEN = {
    "list": [X, None],
    "tuple": (X, None),
    "dict": {"x": X, "y": None},
}
KINDS = ("by position", "by name", "in a list", "dict")


@pytest.mark.parametrize("kind", KINDS)
def test_an_optional_input_may_be_none(kind):
    model = make(kind)
    for given in GIVEN.values():
        for run in (model, model.predict_on_batch, lambda x: model.predict(x, verbose=0)):
            np.testing.assert_array_equal(run(given), X)
    for given in ([X, Y], {"x": X, "y": Y}):
        np.testing.assert_array_equal(model(given), X + Y)
        np.testing.assert_array_equal(model.predict(given, verbose=0), X + Y)
    assert model([Input((2,)), None]).shape == (None, 2)


@pytest.mark.parametrize("kind", KINDS)
def test_training_and_files_with_an_optional_input(kind, tmp_path):
    inner = make(kind)
    x, y = Input((2,), name="x"), Input((2,), name="y", optional=True)
    model = Model([x, y], layers.Dense(2, kernel_initializer="ones")(inner([x, y])))
    model.compile("sgd", "mse")
    assert model.evaluate([X, None], T, verbose=0) == 4.0 and model.evaluate([X, Y], T, verbose=0) == 36.0

    def batches():
        for _ in range(2):
            yield {"x": X, "y": None}, T

    for data, targets in (([X, None], T), ({"x": X, "y": None}, T), ([X, Y], T), (batches(), None)):
        assert np.isfinite(model.fit(data, targets, verbose=0).history["loss"][0])
    model.save(tmp_path / "model.keras")
    objects = {"Sum": Sum, "SumOfList": SumOfList}
    loaded = models.load_model(tmp_path / "model.keras", custom_objects=objects)
    np.testing.assert_array_equal(loaded.predict([X, None], verbose=0), model.predict([X, None], verbose=0))
    assert models.clone_model(inner)([X, None]).shape == (4, 2)


def test_the_config_says_that_an_input_is_optional():
    layer = layers.InputLayer(shape=(2,), optional=True)
    assert layer.get_config()["optional"] is True and layers.InputLayer.from_config(layer.get_config()).optional


@pytest.mark.parametrize(
    "given, what",
    [([None, Y], "None for the input 'x', which is not optional"), ({"x": X}, "lacks the input 'y'"), ([X], "has 2 inputs")],
    ids=["another one", "left out", "too few"],
)
def test_what_is_not_optional_is_named(given, what):
    model = make("by position")
    for run in (model, lambda x: model.predict(x, verbose=0)):
        with pytest.raises(ValueError, match=what):
            run(given)

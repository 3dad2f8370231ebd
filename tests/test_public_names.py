"""Errors about a layer's arguments name the class that the user wrote, never an internal base class."""

import re

import numpy as np
import pytest

from jkeras import Model, layers
from jkeras._base import registry
from tests.laws.table import LAYERS

FOUND = {name: getattr(layers, name) for name in dir(layers)}
CLASSES = {name: cls for name, cls in FOUND.items() if isinstance(cls, type) and issubclass(cls, layers.Layer)}
MADE = {case.layer: case for case in LAYERS if case.layer is not None}
WITHOUT_PATH = {c.__name__ for cls in CLASSES.values() for c in cls.__mro__ if registry.path_of(c) is None and c is not object}
HIDDEN = re.compile(rf"\b({'|'.join(WITHOUT_PATH)})\b")


def message(run):
    with pytest.raises((TypeError, ValueError)) as caught:
        run()
    return "\n".join([str(caught.value), *getattr(caught.value, "__notes__", [])])


def test_the_classes_that_are_looked_for_are_there():
    assert {"AveragePooling", "BaseConv", "Cell", "HeadedAttention", "RandomImageLayer", "_Noise"} <= WITHOUT_PATH


@pytest.mark.parametrize("name", CLASSES)
def test_a_constructor_names_its_public_class(name):
    cls = CLASSES[name]
    for run in (lambda: cls(*range(60)), lambda: cls(no_such_argument=1)):
        assert not HIDDEN.search(message(run))
        assert cls.__name__ in message(run)


@pytest.mark.parametrize("name", MADE)
def test_a_call_names_the_public_class_and_its_arguments(name):
    layer = MADE[name].make()
    for run in (layer, lambda: layer(np.ones((2, 3)), no_such_argument=1), lambda: layer(*np.ones((9, 2, 3)))):
        assert re.match(rf"{type(layer).__name__} '\w+' (was called without|does not take|takes \d+ positional)", message(run))
    assert not HIDDEN.search(message(lambda: layer.build(*[(2, 3)] * 9)) if type(layer).build is not layers.Layer.build else "")


@pytest.mark.parametrize("name", ["Dense", "Conv1D", "BatchNormalization", "Reshape"])
def test_a_list_for_a_layer_of_one_input(name):
    with pytest.raises((AttributeError, ValueError)) as caught:
        MADE[name].make()([np.ones((2, 3))] * 2)
    assert "takes one input" in "".join(getattr(caught.value, "__notes__", []))


def test_a_class_of_the_users_own_is_told_of_the_one_that_it_extends():
    class Mine(layers.Conv2D):
        def __init__(self):
            super().__init__(filters=3)

    class Named(layers.AveragePooling1D):
        pass

    assert message(Mine) == "Conv2D.__init__() missing 1 required positional argument: 'kernel_size'"
    assert message(lambda: Named(*range(9))).startswith("AveragePooling1D.__init__() takes from 1 to 6 positional arguments")


def test_an_error_from_within_a_constructor_is_left_as_it_is():
    class Own(layers.Layer):
        def __init__(self):
            super().__init__()
            self.helper()

        def helper(self, argument):
            pass

    assert "helper() missing 1 required" in message(Own)


def test_arguments_that_a_call_of_ones_own_takes():
    class Two(layers.Layer):
        def call(self, x, context, *, scale=1.0):
            return x * context * scale

    class Any(layers.Layer):
        def call(self, x, *more, **options):
            return x * len(more) * len(options)

    x = np.ones((2, 3), np.float32)
    np.testing.assert_array_equal(Two()(x, context=2 * x, scale=3.0), 6 * x)
    np.testing.assert_array_equal(Any()(x, x, a=1, b=2), 2 * x)
    assert message(lambda: Two()(x)).endswith("was called without 'context'; it needs 'x', 'context'.")
    assert "does not take 'size'; its arguments are 'x', 'context', 'scale'" in message(lambda: Two()(x, x, size=1))
    assert "does not take 'mask'" in message(lambda: Two()(x, x, mask=None))


def test_a_models_call_names_its_arguments():
    class Net(Model):
        def call(self, x, y):
            return x + y

    assert "Net 'net' was called without 'y'" in message(lambda: Net(name="net")(np.ones((2, 3))))


@pytest.mark.parametrize("kind", ["Dense", "LSTM"])
def test_the_first_argument_may_be_called_inputs(kind):
    layer = MADE[kind].make()
    x = MADE[kind].x
    np.testing.assert_array_equal(np.asarray(layer(inputs=x)), np.asarray(layer(x)))

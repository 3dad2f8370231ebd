"""Packages that pickle models in their own way: a `__reduce__` put on `Model`, classes registered by `type(model)`."""

import io
import pickle

import numpy as np
import pytest

from jkeras import Input, Model, layers, models, saving


def made():
    class Local(Model):
        pass

    x = Input((3,))
    return Local(x, layers.Dense(1)(x))


def from_file(content):
    return models.load_model(io.BytesIO(content))


def by_file(model):
    saving.register_keras_serializable("made.<locals>", "Local")(type(model))
    file = io.BytesIO()
    model.save(file)
    return from_file, (file.getvalue(),)


def test_a_reduce_of_a_package_counts(monkeypatch):
    model = made()
    with pytest.raises(AttributeError, match="local object"):
        pickle.dumps(model)
    monkeypatch.setattr(Model, "__reduce__", by_file)
    again = pickle.loads(pickle.dumps(model))
    assert type(again).__name__ == "Local" and isinstance(again, Model)
    np.testing.assert_array_equal(again(np.ones((2, 3))), model(np.ones((2, 3))))


def test_a_class_has_the_name_under_which_the_type_of_its_model_was_registered():
    model = made()
    saving.register_keras_serializable("p", "N")(type(model))
    assert saving.get_registered_name(type(model)) == saving.get_registered_name(type(model).__mro__[1]) == "p>N"

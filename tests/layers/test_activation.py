"""Activation layers equal Keras' in values, gradients and configs."""

import numpy as np
import pytest
from against_keras import assert_config_round_trip, assert_same, keras, normal

from jkeras.layers import activation as ours

# What the table of laws does not include.
TABLE = (
    ("Activation", ("relu",), {}),
    ("LeakyReLU", (0.1,), {}),
    ("PReLU", (), {"shared_axes": [1]}),
    ("Softmax", (), {"axis": 1}),
    ("Softmax", (), {"axis": [1, 2]}),
)


@pytest.mark.parametrize(("name", "args", "kwargs"), TABLE, ids=str)
def test_activation_layers_equal_keras(name, args, kwargs):
    pair = getattr(ours, name)(*args, **kwargs), getattr(keras.layers, name)(*args, **kwargs)
    assert_same(*pair, normal(3, 4, 5))
    assert_config_round_trip(*pair)


@pytest.mark.parametrize("name", ("ReLU", "LeakyReLU", "PReLU", "ELU", "Softmax"))
def test_activation_layers_let_masks_pass(name):
    assert getattr(ours, name)().supports_masking and ours.Activation("relu").supports_masking


@pytest.mark.parametrize("dtype", ("bool", "float32"))
def test_masked_softmax_equals_keras_where_all_is_hidden_too(dtype):
    mask = np.array([[1, 1, 0, 0], [0, 0, 0, 0]]).astype(dtype)
    assert_same(ours.Softmax(), keras.layers.Softmax(), normal(2, 4), mask=mask)


@pytest.mark.parametrize(
    ("build", "text"),
    (
        (lambda: ours.ReLU(max_value=-1), "max_value"),
        (lambda: ours.ReLU(threshold=-1.0), "threshold"),
        (lambda: ours.LeakyReLU(-0.1), "negative_slope"),
        (lambda: ours.LeakyReLU(None), "negative_slope"),
        (lambda: ours.PReLU(shared_axes=[3], name="p")(normal(2, 3)), "p: shared_axes"),
        (lambda: ours.Softmax(name="s")(normal(2, 3), mask=np.ones((2, 2), bool)), "s: the mask"),
    ),
)
def test_activation_layers_refuse_bad_arguments(build, text):
    with pytest.raises(ValueError, match=text):
        build()

"""Convolution layers equal Keras' in weights, values, gradients and configs over strides, dilation, groups and layouts."""

import numpy as np
import pytest
from against_keras import assert_config_round_trip, assert_same, keras, normal

from jkeras.layers import convolution as ours
from jkeras.layers.input import Input

TABLE = (
    ("Conv2D", (4, 3), {}),
    ("Conv2D", (4, (3, 2)), {"strides": 2, "padding": "same", "activation": "relu"}),
    ("Conv2D", (4, 3), {"dilation_rate": (2, 1), "padding": "same"}),
    ("Conv2D", (4, 3), {"data_format": "channels_first", "activation": "tanh"}),
    ("Conv2D", (4, 3), {"groups": 2, "use_bias": False}),
    ("Conv1D", (4, 3), {"padding": "causal", "dilation_rate": 2}),
    ("Conv1D", (4, 3), {"strides": 2, "data_format": "channels_first"}),
    ("Conv3D", (2, 2), {"strides": (1, 2, 1), "padding": "same"}),
)
SHAPES = {"Conv1D": (2, 8, 4), "Conv2D": (2, 6, 7, 4), "Conv3D": (1, 4, 5, 4, 4)}


@pytest.mark.parametrize(("name", "args", "kwargs"), TABLE, ids=str)
def test_convolution_layers_equal_keras(name, args, kwargs):
    x = normal(*SHAPES[name])
    x = np.moveaxis(x, -1, 1) if kwargs.get("data_format") == "channels_first" else x
    pair = tuple(getattr(m, name)(*args, **kwargs) for m in (ours, keras.layers))
    assert_same(*pair, x)
    assert_config_round_trip(*pair)


def test_symbolic_shapes_keep_what_is_unknown():
    assert ours.Conv2D(8, 3, strides=2, padding="same")(Input((28, None, 3))).shape == (None, 14, None, 8)


@pytest.mark.parametrize(
    ("build", "text"),
    (
        (lambda: ours.Conv2D(3, 3, groups=2), "groups divide"),
        (lambda: ours.Conv2D(0, 3), "positive number of filters"),
        (lambda: ours.Conv2D(2, 3, padding="causal"), "Unknown padding"),
        (lambda: ours.Conv2D(2, 3, strides=2, dilation_rate=2), "not both"),
        (lambda: ours.Conv2D(2, (3, 3, 3)), "kernel_size"),
        (lambda: ours.Conv2D(2, 3, groups=2, name="c")(normal(1, 5, 5, 3)), "c: the 3 channels"),
        (lambda: ours.Conv2D(2, 3, name="c")(normal(1, 5, 3)), "'c'"),
    ),
)
def test_convolution_layers_refuse_what_does_not_fit(build, text):
    with pytest.raises(ValueError, match=text):
        build()

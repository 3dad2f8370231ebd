"""Transposed, depthwise and separable layers equal Keras' in weights, values, gradients and configs."""

import numpy as np
import pytest
from against_keras import assert_config_round_trip, assert_same, keras, normal

from jkeras import layers as ours

TABLE = (
    ("Conv1DTranspose", (4, 3), {"strides": 2, "padding": "same"}),
    ("Conv2DTranspose", (4, (3, 2)), {"strides": 3, "activation": "relu"}),
    ("Conv2DTranspose", (4, 3), {"strides": 2, "padding": "same", "output_padding": 1, "data_format": "channels_first"}),
    ("Conv2DTranspose", (4, 3), {"dilation_rate": 2, "use_bias": False}),
    ("Conv3DTranspose", (2, 2, (1, 2, 1), "same"), {}),
    ("DepthwiseConv1D", (3,), {"strides": 2, "depth_multiplier": 2}),
    ("DepthwiseConv2D", ((3, 2),), {"padding": "same", "activation": "tanh", "data_format": "channels_first"}),
    ("DepthwiseConv2D", (3,), {"dilation_rate": 2, "use_bias": False, "depth_multiplier": 3}),
    ("SeparableConv1D", (5, 3), {"padding": "same", "dilation_rate": 2}),
    ("SeparableConv2D", (5, 3), {"strides": 2, "depth_multiplier": 2, "data_format": "channels_first"}),
)
SHAPES = {1: (2, 8, 4), 2: (2, 6, 7, 4), 3: (1, 4, 3, 4, 4)}


@pytest.mark.parametrize(("name", "args", "kwargs"), TABLE, ids=str)
def test_layers_equal_keras(name, args, kwargs):
    x = normal(*SHAPES[int(name[name.index("D") - 1]) if name[0] == "C" else int(name[-2])])
    x = np.moveaxis(x, -1, 1) if kwargs.get("data_format") == "channels_first" else x
    pair = tuple(getattr(m, name)(*args, **kwargs) for m in (ours, keras.layers))
    assert_same(*pair, x, rtol=2e-5, atol=1e-5)
    assert_config_round_trip(*pair)


@pytest.mark.parametrize(
    ("build", "text"),
    (
        (lambda: ours.Conv2DTranspose(0, 3), "positive number of filters"),
        (lambda: ours.Conv2DTranspose(2, 3, padding="causal"), "Unknown padding"),
        (lambda: ours.Conv2DTranspose(2, 3, strides=2, dilation_rate=2), "not both"),
        (lambda: ours.Conv2DTranspose(2, 3, output_padding=(1, 1, 1)), "output_padding"),
        (lambda: ours.DepthwiseConv2D(3, depth_multiplier=0), "positive number of filters per channel"),
        (lambda: ours.DepthwiseConv1D(3, padding="full"), "Unknown padding"),
        (lambda: ours.SeparableConv2D(2, 3, strides=2, dilation_rate=2), "not both"),
        (lambda: ours.SeparableConv1D(-1, 3), "positive number of filters"),
    ),
)
def test_layers_refuse_what_does_not_fit(build, text):
    with pytest.raises(ValueError, match=text):
        build()

"""Rescaling equals Keras' for numbers and channel vectors, bytes included."""

import numpy as np
import pytest
from against_keras import assert_config_round_trip, assert_same, keras, normal

from jkeras.layers.rescaling import Rescaling


@pytest.mark.parametrize(("scale", "offset"), ((1 / 255, 0.0), (2, -1), ([1.0, 2.0, 3.0], [0.0, 1.0, 0.5])), ids=str)
def test_rescaling_equals_keras(scale, offset):
    pair = Rescaling(scale, offset), keras.layers.Rescaling(scale, offset)
    assert_same(*pair, normal(2, 4, 4, 3))
    assert_config_round_trip(*pair)


def test_bytes_become_floats_equal_to_keras():
    x = np.arange(256, dtype="uint8").reshape(1, -1)
    y = Rescaling(1 / 127.5, -1)(x)
    np.testing.assert_array_equal(y, keras.layers.Rescaling(1 / 127.5, -1)(x))
    assert y.dtype == "float32"


def test_channel_vectors_follow_the_configured_layout(monkeypatch):
    from jkeras._base.config import settings

    monkeypatch.setattr(settings, "image_data_format", "channels_first")
    y = Rescaling([1.0, 10.0])(np.ones((1, 2, 3, 3), "float32"))
    assert y[0, 0].max() == 1 and y[0, 1].min() == 10

"""Flatten and Reshape equal Keras', for known, unknown and empty sizes."""

import numpy as np
import pytest
from against_keras import assert_config_round_trip, assert_same, keras, normal

from jkeras.layers import reshaping as ours
from jkeras.layers.input import Input


@pytest.mark.parametrize("data_format", ("channels_last", "channels_first"))
@pytest.mark.parametrize("shape", ((3,), (2, 3), (2, 3, 4, 5)), ids=str)
def test_flatten_equals_keras(shape, data_format):
    pair = ours.Flatten(data_format), keras.layers.Flatten(data_format)
    assert_same(*pair, normal(*shape))
    assert_config_round_trip(*pair)


@pytest.mark.parametrize("target", ((6, 4), (-1,), (2, -1, 3), (24, 1)), ids=str)
def test_reshape_equals_keras(target):
    pair = ours.Reshape(target), keras.layers.Reshape(target)
    assert_same(*pair, normal(2, 3, 8))
    assert_config_round_trip(*pair)


def test_empty_batches_keep_their_example_shape():
    assert ours.Reshape((2, -1))(np.zeros((0, 6), "float32")).shape == (0, 2, 3)
    assert ours.Flatten()(np.zeros((0, 6, 2), "float32")).shape == (0, 12)


def test_symbolic_shapes_keep_what_is_unknown():
    assert ours.Flatten()(Input((3, 4))).shape == (None, 12)
    assert ours.Reshape((-1, 2))(Input((None, 4))).shape == (None, None, 2)


def test_reshape_refuses_what_does_not_fit():
    with pytest.raises(ValueError, match=r"r: an example of .* has 6 entries"):
        ours.Reshape((4, -1), name="r")(np.zeros((1, 6), "float32"))
    with pytest.raises(ValueError, match="at most one -1"):
        ours.Reshape((-1, -1))

"""Padding, cropping and upsampling equal Keras' for every way to write their arguments, and refuse invalid ones."""

import numpy as np
import pytest
from against_keras import keras, normal

from jkeras import layers

SPACE = (6, 5, 4)
ARGUMENTS = {
    ("ZeroPadding", 1): (0, 3, (0, 2)),
    ("ZeroPadding", 2): (2, (1, 0), ((1, 2), (0, 3))),
    ("ZeroPadding", 3): (1, (1, 0, 2), ((1, 2), (0, 3), (0, 0))),
    ("Cropping", 1): (2, (0, 2), (1, 0)),
    ("Cropping", 2): (1, (1, 0), ((1, 2), (0, 3))),
    ("Cropping", 3): (1, (1, 0, 1), ((1, 2), (0, 3), (0, 0))),
    ("UpSampling", 1): (1, 3),
    ("UpSampling", 2): (2, (1, 3)),
    ("UpSampling", 3): (2, (1, 3, 2)),
}
CASES = [(f"{kind}{rank}D", rank, argument) for (kind, rank), given in ARGUMENTS.items() for argument in given]


@pytest.mark.parametrize(("name", "rank", "argument"), CASES, ids=str)
def test_values_equal_keras(name, rank, argument):
    x = normal(2, *SPACE[:rank], 3)
    np.testing.assert_array_equal(getattr(layers, name)(argument)(x), getattr(keras.layers, name)(argument)(x))


@pytest.mark.parametrize("method", ("bilinear", "bicubic", "lanczos3", "lanczos5"))
def test_upsampling_interpolates_as_keras(method):
    x = normal(2, 4, 5, 3)
    expected = keras.layers.UpSampling2D((2, 3), interpolation=method)(x)
    np.testing.assert_allclose(layers.UpSampling2D((2, 3), interpolation=method)(x), expected, atol=1e-6)


@pytest.mark.parametrize("name", ("ZeroPadding2D", "Cropping2D", "UpSampling2D"))
def test_integers_stay_integers(name):
    assert getattr(layers, name)(1)(np.ones((1, 4, 4, 1), "uint8")).dtype == "uint8"


@pytest.mark.parametrize(
    ("name", "argument"),
    (
        ("ZeroPadding1D", -1),
        ("ZeroPadding1D", (1, 2, 3)),
        ("ZeroPadding2D", (1, 2, 3)),
        ("ZeroPadding2D", "ab"),
        ("ZeroPadding3D", (1, 2)),
        ("Cropping2D", ((1, 2), (1, -2))),
        ("UpSampling1D", 0),
        ("UpSampling1D", (2,)),
        ("UpSampling2D", 0),
    ),
)
def test_arguments_that_make_no_sense_are_refused(name, argument):
    with pytest.raises((TypeError, ValueError), match=r"Received|does not fit"):
        getattr(layers, name)(argument)


def test_cropping_everything_is_refused():
    with pytest.raises(ValueError, match="leaves nothing"):
        layers.Cropping2D(2)(np.zeros((1, 4, 9, 1), "float32"))

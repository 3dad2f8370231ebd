"""Pooling layers equal Keras' in values, gradients, configs and under every alias."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from against_keras import assert_config_round_trip, assert_same, keras, normal

from jkeras import layers as all_layers
from jkeras.layers import pooling as ours

SHAPES = {1: (2, 7, 3), 2: (2, 6, 7, 3), 3: (1, 4, 5, 4, 2)}
WINDOWS = (
    (2, {"pool_size": 2}),
    (2, {"pool_size": (3, 2), "strides": 1, "padding": "same"}),
    (1, {"pool_size": 2, "strides": 3}),
    (3, {"pool_size": 2, "padding": "same"}),
)


def layouts(x, data_format):
    return np.moveaxis(x, -1, 1) if data_format == "channels_first" else x


LAYOUTS = ("channels_last", "channels_first")


# Every window in one of the two layouts: tests/test_nn_pool.py tests the maths in both.
@pytest.mark.parametrize("kind", ("MaxPooling", "AveragePooling"))
@pytest.mark.parametrize(("rank", "kwargs", "data_format"), [(*w, LAYOUTS[i % 2]) for i, w in enumerate(WINDOWS)], ids=str)
def test_window_pooling_equals_keras(rank, kwargs, data_format, kind):
    pair = tuple(getattr(m, f"{kind}{rank}D")(data_format=data_format, **kwargs) for m in (ours, keras.layers))
    x = np.maximum(normal(*SHAPES[rank]), 0)
    assert_same(*pair, layouts(x, data_format))
    assert_config_round_trip(*pair)


@pytest.mark.parametrize("kind", ("MaxPooling", "AveragePooling", "MaxPool", "AvgPool"))
@pytest.mark.parametrize("rank", (1, 2, 3))
def test_windows_of_two_are_the_default_as_in_keras_2(rank, kind):
    layer, x = getattr(all_layers, f"{kind}{rank}D"), normal(*SHAPES[rank])
    expected = np.asarray(layer(pool_size=2, strides=2, padding="valid")(x))
    for given in (layer(), layer(2), layer((2,) * rank, None), layer.from_config(layer().get_config())):
        np.testing.assert_array_equal(given(x), expected)


@pytest.mark.parametrize("kind", ("GlobalMaxPooling", "GlobalAveragePooling"))
@pytest.mark.parametrize(
    ("rank", "keepdims", "data_format"),
    [(1, False, "channels_first"), (2, False, "channels_last"), (2, True, "channels_first"), (3, False, "channels_last")],
)
def test_global_pooling_equals_keras(rank, keepdims, data_format, kind):
    pair = tuple(getattr(m, f"{kind}{rank}D")(data_format, keepdims=keepdims) for m in (ours, keras.layers))
    assert_same(*pair, layouts(normal(*SHAPES[rank]), data_format))
    assert_config_round_trip(*pair)


@pytest.mark.parametrize("keepdims", (False, True))
@pytest.mark.parametrize("data_format", ("channels_last", "channels_first"))
def test_masked_average_equals_keras(data_format, keepdims):
    pair = tuple(m.GlobalAveragePooling1D(data_format, keepdims=keepdims) for m in (ours, keras.layers))
    mask = np.array([[1, 1, 1, 0, 0, 0, 0], [1, 0, 1, 0, 1, 1, 1]], bool)
    assert_same(*pair, layouts(normal(2, 7, 3), data_format), mask=mask)


@pytest.mark.parametrize("name", sorted(n for n in dir(keras.layers) if "Pool" in n and "Adaptive" not in n))
def test_every_name_of_keras_is_there(name):
    assert getattr(ours, name).__name__ == getattr(keras.layers, name).__name__


def test_default_windows_are_two():
    assert ours.MaxPooling2D()(normal(1, 4, 6, 2)).shape == (1, 2, 3, 2)


@pytest.mark.parametrize(
    ("build", "text"),
    (
        (lambda: ours.MaxPooling2D(2, padding="causal"), "Unknown padding of MaxPooling2D"),
        (lambda: ours.AveragePooling2D((2, 2, 2)), "pool_size"),
        (lambda: ours.MaxPooling2D(name="m")(normal(2, 3, 4)), "'m'"),
        (lambda: ours.GlobalMaxPooling2D(name="g")(normal(2, 3, 4)), "'g'"),
    ),
)
def test_pooling_layers_refuse_what_does_not_fit(build, text):
    with pytest.raises(ValueError, match=text):
        build()


@pytest.mark.parametrize("kind", ("AdaptiveMaxPooling", "AdaptiveAveragePooling"))
def test_adaptive_windows_follow_the_size_of_the_input(kind):
    layer = getattr(all_layers, f"{kind}2D")((3, 2))
    assert layer.compute_output_shape((None, None, None, 4)) == (None, 3, 2, 4)
    reduce = np.max if kind == "AdaptiveMaxPooling" else np.mean
    for height, width in ((5, 7), (6, 4), (3, 2), (2, 9)):
        x = normal(2, height, width, 1)
        rows, columns = windows(height, 3), windows(width, 2)
        expected = [[reduce(x[:, a:b, c:d], (1, 2)) for c, d in columns] for a, b in rows]
        np.testing.assert_allclose(layer(x), np.moveaxis(expected, 2, 0), rtol=1e-6, atol=1e-7)


def windows(size, count):
    """First position and end of each window, in whole numbers."""
    return [(i * size // count, -(-(i + 1) * size // count)) for i in range(count)]


@pytest.mark.parametrize("size", (5, 6))
def test_the_first_of_equal_maxima_gets_the_gradient(size):
    gradient = jax.grad(lambda x: all_layers.AdaptiveMaxPooling1D(2)(x).sum())(jnp.zeros((1, size, 1)))
    assert np.flatnonzero(gradient).tolist() == [a for a, _ in windows(size, 2)]


def test_integers_have_maxima_too():
    assert all_layers.AdaptiveMaxPooling1D(2)(np.arange(5, dtype="int32").reshape(1, 5, 1)).ravel().tolist() == [2, 4]


@pytest.mark.parametrize("output_size", ((2, 3, 4), "2", None, 2.0), ids=repr)
def test_adaptive_pooling_takes_a_size_for_each_axis(output_size):
    for package in (all_layers, keras.layers):
        with pytest.raises(TypeError, match="output_size"):
            package.AdaptiveMaxPooling2D(output_size)

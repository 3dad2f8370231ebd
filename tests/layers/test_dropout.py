"""Dropout acts in training only, shares choices along noise_shape's ones, and repeats for equal keys."""

import jax
import numpy as np
import pytest
from against_keras import assert_config_round_trip, keras, normal

from jkeras.layers.dropout import Dropout

ONES = np.ones((64, 8, 16), "float32")


def test_dropout_changes_nothing_outside_training():
    np.testing.assert_array_equal(Dropout(0.5)(ONES), ONES)


def test_dropout_drops_the_given_share_in_training():
    y = np.asarray(Dropout(0.3)(ONES, training=True))
    assert abs((y == 0).mean() - 0.3) < 0.03
    np.testing.assert_allclose(y[y != 0], 1 / 0.7, rtol=1e-6)


def test_noise_shape_shares_choices():
    y = np.asarray(Dropout(0.5, noise_shape=(None, 1, None))(ONES, training=True))
    assert (y == y[:, :1]).all() and 0 < (y == 0).mean() < 1


def test_apply_is_a_function_of_its_key():
    layer = Dropout(0.5)
    runs = [layer.apply({}, {}, ONES, training=True, rng=jax.random.key(i))[0] for i in (0, 0, 1)]
    assert (runs[0] == runs[1]).all() and not (runs[0] == runs[2]).all()


def test_a_seed_changes_the_draw_of_one_key():
    key = jax.random.key(0)
    none, three, again = (Dropout(0.5, seed=s).apply({}, {}, ONES, training=True, rng=key)[0] for s in (None, 3, 3))
    assert (three == again).all() and not (none == three).all()


@pytest.mark.parametrize("rate", (0.0, 1.0))
def test_extreme_rates(rate):
    np.testing.assert_array_equal(Dropout(rate)(normal(2, 3), training=True), normal(2, 3) * (1 - rate))


def test_config_is_keras():
    assert_config_round_trip(Dropout(0.2, (None, 1), 5), keras.layers.Dropout(0.2, (None, 1), 5))


@pytest.mark.parametrize(("rate", "noise_shape"), ((1.2, None), (0.5, "abc"), (0.5, (0, 1)), (0.5, 3)))
def test_dropout_refuses_bad_arguments(rate, noise_shape):
    with pytest.raises(ValueError, match="Dropout takes"):
        Dropout(rate, noise_shape)

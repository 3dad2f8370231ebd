"""Merging layers and their functions equal Keras' in values, gradients, broadcasting and masks."""

import jax.numpy as jnp
import numpy as np
import pytest
from against_keras import assert_config_round_trip, assert_same, keras, normal

from jkeras.layers import merging as ours

ELEMENTWISE = ("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum")
A, B = normal(2, 3, 4), normal(2, 3, 4, seed=1)


def pair(name, *args, **kwargs):
    return getattr(ours, name)(*args, **kwargs), getattr(keras.layers, name)(*args, **kwargs)


@pytest.mark.parametrize("name", ELEMENTWISE)
@pytest.mark.parametrize("other", (B, normal(2, 1, 4), normal(2, 4)), ids=("equal", "one", "lower rank"))
def test_element_wise_layers_equal_keras(name, other):
    assert_same(*pair(name), [A, other])


@pytest.mark.parametrize("name", sorted(set(ELEMENTWISE) - {"Subtract"}))
def test_three_inputs_and_one_input_equal_keras(name):
    assert_same(*pair(name), [A, B, A * B])
    np.testing.assert_array_equal(getattr(ours, name)()([A]), A)


@pytest.mark.parametrize(
    ("shapes", "axis"), ((((2, 3), (2, 5)), -1), (((2, 3, 4), (2, 1, 4), (2, 2, 4)), 1), (((2, 3), (1, 3)), 0))
)
def test_concatenate_equals_keras(shapes, axis):
    layers = pair("Concatenate", axis=axis)
    assert_same(*layers, [normal(*s) for s in shapes])
    assert_config_round_trip(*layers)


@pytest.mark.parametrize("axes", (2, -1, (2, 2), (1, 1)))
@pytest.mark.parametrize("normalize", (False, True))
def test_dot_equals_keras(axes, normalize):
    layers = pair("Dot", axes, normalize=normalize)
    assert_same(*layers, [A, B])
    assert_config_round_trip(*layers)


@pytest.mark.parametrize("name", (*(n.lower() for n in ELEMENTWISE), "concatenate", "dot"))
def test_functions_equal_their_layers(name):
    kwargs = {"axes": 1} if name == "dot" else {}
    np.testing.assert_allclose(getattr(ours, name)([A, B], **kwargs), getattr(keras.layers, name)([A, B], **kwargs), rtol=1e-5)


M = np.array([[True, True, False], [True, False, False]])
N = np.array([[True, False, False], [False, True, False]])


@pytest.mark.parametrize("masks", ((M, N), (M, None), (None, N)), ids=("both", "first", "second"))
@pytest.mark.parametrize("name", ("Add", "Multiply", "Maximum", "Minimum", "Concatenate"))
def test_masked_merging_equals_keras(name, masks):
    layer, reference = pair(name)
    arrays = [jnp.asarray(A), jnp.asarray(B)]
    for array, mask in zip(arrays, masks):
        if mask is not None:
            keras.src.backend.set_keras_mask(array, jnp.asarray(mask))
    expected = reference(arrays)
    takes_mask = name in ("Multiply", "Maximum", "Minimum")
    got = layer(arrays, mask=list(masks)) if takes_mask else layer(arrays)
    np.testing.assert_allclose(got, expected, rtol=1e-6)
    given = [None if m is None else jnp.asarray(m) for m in masks]
    mask, mask_keras = layer.compute_mask(arrays, given), reference.compute_mask(arrays, given)
    assert (mask is None) == (mask_keras is None)
    assert mask is None or bool((mask == mask_keras).all())


@pytest.mark.parametrize(
    ("build", "text"),
    (
        (lambda: ours.Add(name="a")([normal(2, 3), normal(2, 4)]), "a .Add. takes"),
        (lambda: ours.Add()([normal(2, 3), normal(1, 3)]), "equal batch sizes"),
        (lambda: ours.Subtract()([A, B, A]), "a list of 2"),
        (lambda: ours.Add()(A), "a list of one or more"),
        (lambda: ours.Concatenate(name="c")([normal(2, 3, 4), normal(2, 2, 4)]), "c .Concatenate."),
        (lambda: ours.Concatenate(axis=5)([A, B]), "axis 5"),
        (lambda: ours.Dot("x"), "pair of integers"),
        (lambda: ours.Dot(1)([normal(2, 3), normal(2, 4)]), "one length"),
    ),
)
def test_merging_layers_refuse_what_does_not_fit(build, text):
    with pytest.raises(ValueError, match=text):
        build()

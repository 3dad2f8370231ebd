"""Equal weights give equal values, new state and gradients in jkeras and in real Keras."""

import functools

import jax
import jax.numpy as jnp
import keras
import numpy as np
from table import every_case_of_keras, prepared, weight_values, weighted_sum

from jkeras._base import paths
from jkeras.layer.tracking import weight_entries

# Gradients are sums over positions; if jkeras adds in another order, float32 rounds differently.
VALUES, GRADIENTS = 1e-6, 1e-5

# Keras' merging layers take no mask argument; they read the masks from their inputs.
MASKS_TRAVEL = ("Multiply", "Maximum", "Minimum")


@functools.cache
def twin(case):
    layer = case.make(keras)
    layer.build(case.shape) if case.layer else layer(case.x)
    layer.set_weights(weight_values(layer))
    return layer


@every_case_of_keras
def test_weights_have_the_names_and_order_of_keras(case):
    ours, theirs = prepared(case).layer, twin(case)
    assert [(w.name, w.shape) for w in ours.weights] == [(w.name, tuple(w.shape)) for w in theirs.weights]
    for kind in ("trainable_weights", "non_trainable_weights"):
        assert [w.name for w in getattr(ours, kind)] == [w.name for w in getattr(theirs, kind)]
    assert ours.count_params() == theirs.count_params()


@every_case_of_keras
def test_values_and_gradients_equal_keras(case):
    compare(case, training=False)
    if prepared(case).takes_training and not case.stochastic:  # random draws differ
        compare(case, training=True)


def compare(case, training):
    made, theirs = prepared(case), twin(case)
    flag = {"training": training} if made.takes_training else {}
    fixed = [jnp.asarray(v.value) for v in theirs.non_trainable_variables]

    def keras_loss(weights, x):
        options = made.options if case.layer not in MASKS_TRAVEL else {}
        for array, mask in zip(x, made.options["mask"]) if case.layer in MASKS_TRAVEL and made.options else ():
            keras.src.backend.set_keras_mask(array, mask)
        y, after = theirs.stateless_call(weights, fixed, case.x if case.below else x, **flag, **options)
        after = [v for v, variable in zip(after, theirs.non_trainable_variables) if "seed" not in variable.path]
        return weighted_sum(y), (y, after)

    def loss(params, x):
        y, after = made.apply(params, made.state, made.x if case.below else x, training=training, **made.options)
        return weighted_sum(y), (y, after)

    floats = None if case.below else made.x
    both = functools.partial(jax.value_and_grad, argnums=(0, 1), has_aux=True)
    (_, (y, state)), grads = jax.jit(both(loss))(made.params, floats)
    weights = [jnp.asarray(v.value) for v in theirs.trainable_variables]
    (_, (y_keras, state_keras)), grads_keras = jax.jit(both(keras_loss))(weights, floats)
    assert y.dtype == y_keras.dtype
    assert_all_close([y], [y_keras], VALUES)
    assert_all_close(in_order(made.layer, state), state_keras, VALUES)
    assert_all_close(in_order(made.layer, grads[0]), grads_keras[0], GRADIENTS)
    assert_all_close(jax.tree.leaves(grads[1]), jax.tree.leaves(grads_keras[1]), GRADIENTS)


def in_order(layer, tree):
    """The arrays of `params` or `state` in the order of the weights."""
    flat = paths.flatten(tree)
    return [flat[path] for path, _ in weight_entries(layer) if path in flat]


def assert_all_close(found, expected, tolerance):
    """Near to each other, for numbers of the size of the largest: what cancels in a sum keeps the rounding of what was summed."""
    assert len(found) == len(expected)
    for a, b in zip(found, expected):
        scale = max(1.0, float(np.abs(b).max()))
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance * scale)

"""One check for all layer families: with equal weights, a jkeras layer and Keras' give equal values, state and gradients."""

import os

os.environ.setdefault("KERAS_BACKEND", "jax")

import jax
import jax.numpy as jnp
import keras as keras
import numpy as np


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def weighted_sum(y):
    """A scalar whose gradient differs from entry to entry."""
    return jnp.sum(y * jnp.cos(jnp.arange(y.size, dtype=y.dtype)).reshape(y.shape))


def random_weights(layer):
    """Values in (0.5, 1.5), which are valid for variances too."""
    rng = np.random.default_rng(7)
    return [rng.uniform(0.5, 1.5, w.shape).astype("float32") for w in layer.weights]


def assert_same(ours, theirs, x, training=False, mask=None, rtol=1e-5, atol=2e-6):
    """Compare two layers of the two libraries on an input (or a list of inputs)."""
    options = {} if mask is None else {"mask": mask}
    mode = {"training": True} if training else {}
    shape = [a.shape for a in x] if isinstance(x, list) else x.shape
    theirs.build(shape)
    ours.build(shape)
    values = random_weights(theirs)
    theirs.set_weights(values)
    ours.set_weights(values)
    assert [w.name for w in ours.weights] == [w.name for w in theirs.weights]
    params = {w.name: jnp.asarray(w.value) for w in ours.trainable_weights}
    state = {w.name: jnp.asarray(w.value) for w in ours.non_trainable_weights}
    fixed = [w.value for w in theirs.non_trainable_variables]

    def run_ours(params, x):
        y, after = ours.apply(params, state, x, **mode, **options)
        return weighted_sum(y), (y, after)

    def run_theirs(params, x):
        y, after = theirs.stateless_call([params[w.name] for w in theirs.trainable_weights], fixed, x, **mode, **options)
        return weighted_sum(y), (y, after)

    (_, (y, after)), grads = jax.jit(jax.value_and_grad(run_ours, (0, 1), has_aux=True))(params, x)
    (_, (y_keras, after_keras)), grads_keras = jax.jit(jax.value_and_grad(run_theirs, (0, 1), has_aux=True))(params, x)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5), grads, grads_keras)
    assert y.shape == y_keras.shape and y.dtype == y_keras.dtype
    np.testing.assert_allclose(y, y_keras, rtol=rtol, atol=atol)
    for name, value in zip(state, after_keras):
        np.testing.assert_allclose(after[name], value, rtol=rtol, atol=atol)


def assert_config_round_trip(ours, theirs):
    """Our config rebuilds our layer, says what Keras' says, and Keras can read it."""
    config, expected = ours.get_config(), theirs.get_config()
    again = type(ours).from_config(config)
    assert again.get_config() == config
    for key in set(config) & set(expected) - {"name", "dtype"}:
        plain = lambda v: v.get("class_name") if isinstance(v, dict) else list(v) if isinstance(v, tuple) else v  # noqa: E731
        assert plain(config[key]) == plain(expected[key]), key
    type(theirs).from_config(config)

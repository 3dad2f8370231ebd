"""Models that the config tests make with every library, and a comparison of the reloaded ones."""

import functools

import jax
import numpy as np


def chain(k):
    return k.Sequential([k.Input((4,)), k.layers.Dense(5, activation="relu"), k.layers.Dense(2, name="out")], name="chain")


def branches(k):
    a, b = k.Input((4,), name="a"), k.Input((4,), name="b")
    shared = k.layers.Dense(3, name="shared", kernel_regularizer="l2", bias_constraint="non_neg")
    x = k.layers.Concatenate(name="join")([shared(a), shared(b), a])
    return k.Model([a, b], [k.layers.Dense(2, name="first")(x), k.layers.Dense(1, name="second")(x)], name="branches")


def dicts(k):
    a, b = k.Input((4,), name="left"), k.Input((4,), name="right")
    both = k.layers.Add(name="sum")([a, b])
    return k.Model({"left": a, "right": b}, {"sum": both, "twice": k.layers.Dense(2, name="d")(both)}, name="dicts")


def nested(k):
    inside = k.Input((4,), name="inside")
    inner = k.Model(inside, k.layers.Dense(4, name="inner_dense")(inside), name="inner")
    stack = k.Sequential(
        [k.Input((4,)), k.layers.Dense(4, name="stacked"), k.layers.BatchNormalization(name="norm")], name="stack"
    )
    x = k.Input((4,), name="x")
    return k.Model(x, [inner(stack(inner(x))), stack(x)], name="nested")


def data_for(model):
    """An array for each input of a model."""
    rng = np.random.default_rng(0)
    sizes = [(str(t.dtype), [3, *t.shape[1:]]) for t in model.inputs]
    return [rng.integers(0, 7, s) if "int" in dtype else rng.normal(size=s).astype("float32") for dtype, s in sizes]


def outputs_of(model):
    """What a model makes of such arrays, with weights that depend on their shapes alone."""
    rng = np.random.default_rng(1)
    model.set_weights([rng.uniform(0.5, 1.5, w.shape) / 4 for w in model.get_weights()])
    x = data_for(model)
    if isinstance(getattr(model, "input", None), dict):
        x = {t.name: v for t, v in zip(model.inputs, x)}
    return [np.asarray(y, "float32") for y in jax.tree.leaves(model(x[0] if isinstance(x, list) and len(x) == 1 else x))]


@functools.cache
def reference(k, make):
    """A model of a library and its outputs, made once for all tests, which leave it as it is."""
    model = make(k)
    return model, outputs_of(model)


def assert_same(model, other):
    """Two models with the same weights compute the same."""
    for found, wanted in zip(outputs_of(model), outputs_of(other), strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-5)


def assert_gives_the_same(model, k, make):
    """A model of any library computes what that of a library does."""
    for found, wanted in zip(outputs_of(model), reference(k, make)[1], strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-5)

"""Regularizers and constraints: Keras' values, gradients, names, configs, refusals."""

import os

os.environ.setdefault("KERAS_BACKEND", "jax")

import inspect
import json

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

from jkeras import constraints, regularizers

W = jnp.asarray(np.random.default_rng(0).normal(size=(5, 4)), "float32").at[:, 1].set(0.0)

REGULARIZERS = (
    ("L1", {}),
    ("L1", {"l1": 0.3}),
    ("L2", {}),
    ("L2", {"l2": 0.3}),
    ("L1L2", {}),
    ("L1L2", {"l1": 0.2, "l2": 0.3}),
    ("l1_l2", {"l2": 0.3}),
    ("OrthogonalRegularizer", {}),
    ("OrthogonalRegularizer", {"factor": 0.5, "mode": "columns"}),
)
CONSTRAINTS = (
    ("Constraint", {}),
    ("NonNeg", {}),
    ("MaxNorm", {}),
    ("MaxNorm", {"max_value": 0.5, "axis": 1}),
    ("MaxNorm", {"max_value": 1.0, "axis": [0, 1]}),
    ("UnitNorm", {}),
    ("UnitNorm", {"axis": -1}),
    ("MinMaxNorm", {}),
    ("MinMaxNorm", {"min_value": 1.5, "max_value": 2.0, "rate": 0.7, "axis": 1}),
)
BOTH = [("regularizers", *case) for case in REGULARIZERS] + [("constraints", *case) for case in CONSTRAINTS]
MODULES = {"regularizers": regularizers, "constraints": constraints}


def pair(area, name, options):
    return getattr(MODULES[area], name)(**options), getattr(getattr(keras, area), name)(**options)


@pytest.mark.parametrize("area,name,options", BOTH, ids=str)
def test_values_are_those_of_keras(area, name, options):
    mine, theirs = pair(area, name, options)
    if options.get("axis") == [0, 1]:
        theirs.axis = (0, 1)
    np.testing.assert_allclose(mine(W), theirs(W), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("name,options", REGULARIZERS, ids=str)
def test_gradients_are_those_of_keras(name, options):
    mine, theirs = (jax.grad(lambda w, f=f: f(w) * 1.0)(W + 0.1) for f in pair("regularizers", name, options))
    np.testing.assert_allclose(mine, theirs, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("area,name,options", BOTH, ids=str)
@pytest.mark.parametrize("dtype", ("float16", "bfloat16"))
def test_dtypes_stay(area, name, options, dtype):
    assert jax.eval_shape(getattr(MODULES[area], name)(**options), W.astype(dtype)).dtype == dtype


@pytest.mark.parametrize("area,name,options", BOTH, ids=str)
def test_configs_are_those_of_keras(area, name, options):
    mine, theirs = pair(area, name, options)
    config = mine.get_config()
    assert config == {k: pytest.approx(v, rel=1e-6) if isinstance(v, float) else v for k, v in theirs.get_config().items()}
    copy = MODULES[area].deserialize(json.loads(json.dumps(MODULES[area].serialize(mine))))
    np.testing.assert_array_equal(copy(W), mine(W))
    assert getattr(keras, area).deserialize(MODULES[area].serialize(mine)) is not None


@pytest.mark.parametrize("area", MODULES)
def test_every_name_of_keras_is_here(area):
    theirs = getattr(keras, area)
    for name in dir(theirs):
        if name.startswith("_"):
            continue
        known = getattr(MODULES[area], name)
        if inspect.isclass(known):
            wanted = inspect.signature(getattr(theirs, name)).parameters
            mine = {k: p for k, p in inspect.signature(known).parameters.items() if k != "l"}  # l is Keras 2's name
            assert [(k, p.default) for k, p in mine.items()] == [(k, p.default) for k, p in wanted.items()]
            assert type(MODULES[area].get(name)) is type(MODULES[area].get(known)) is known
    for name in getattr(keras.src, area).ALL_OBJECTS_DICT:
        assert type(MODULES[area].get(name)).__name__ == getattr(keras.src, area).ALL_OBJECTS_DICT[name].__name__


def test_names_of_keras_2():
    assert regularizers.l1(l=0.3).l1 == 0.3
    assert regularizers.l2(l=0.3).get_config() == {"l2": 0.3}
    assert regularizers.get("l1_l2").get_config() == {"l1": 0.0, "l2": 0.0}
    assert regularizers.get({"class_name": "L1L2", "config": {"l1": 0.0, "l2": 0.1}})(jnp.ones(10)) == pytest.approx(1.0)
    assert constraints.get({"class_name": "MaxNorm", "config": {"max_value": 3, "axis": 0}}).max_value == 3


@pytest.mark.parametrize("module", MODULES.values(), ids=MODULES)
def test_none_and_functions(module):
    assert module.get(None) is None
    assert module.get(jnp.sum) is jnp.sum


class Centred(constraints.Constraint):
    def __init__(self, to=0.0):
        self.to = to

    def __call__(self, w):
        return w - jnp.mean(w) + self.to


def test_a_users_class_needs_no_get_config():
    config = constraints.serialize(Centred(to=2.0))
    assert constraints.deserialize(config, {"Centred": Centred}).to == 2.0


def test_a_single_row_is_orthogonal():
    assert regularizers.OrthogonalRegularizer()(W[:1]) == 0


REFUSED = {
    "negative": (lambda: regularizers.L2(-1.0), "at least 0"),
    "nan": (lambda: regularizers.L1(float("nan")), "finite"),
    "text": (lambda: regularizers.L1L2(l2="a"), "l2"),
    "mode": (lambda: regularizers.OrthogonalRegularizer(mode="row"), "'rows'"),
    "rank": (lambda: regularizers.OrthogonalRegularizer()(jnp.ones(3)), "matrices"),
    "unknown regularizer": (lambda: regularizers.get("l3"), "Unknown regularizer 'l3'"),
    "unknown constraint": (lambda: constraints.get("maxnrm"), "Unknown constraint"),
    "no regularizer": (lambda: regularizers.get(0.01), "Not a regularizer"),
    "no constraint": (lambda: constraints.get(0.01), "Not a constraint"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refusals(name):
    attempt, message = REFUSED[name]
    with pytest.raises(ValueError, match=message):
        attempt()

"""Activations: Keras' values, gradients and dtypes, eager speed, names."""

import os

os.environ.setdefault("KERAS_BACKEND", "jax")

import inspect
import math
import sys

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

import jkeras
from jkeras import activations
from jkeras.activations.catalogue import CATALOGUE, SECOND_NAMES

KINKS = np.array([-6.0, -3.0, -1.0, -0.5, 0.0, 0.5, 1.0, 3.0, 5.0, 6.0])
X = jnp.asarray(np.concatenate([KINKS, np.random.default_rng(0).normal(size=20) * 4]).reshape(5, 6)[:4], "float32")

OPTIONS = [
    *((name, {}) for name in CATALOGUE if name != "threshold"),
    ("threshold", {"threshold": 0.5, "default_value": -7.0}),
    ("relu", {"negative_slope": 0.1}),
    ("relu", {"max_value": 2.0}),
    ("relu", {"max_value": 6}),
    ("relu", {"threshold": 1.0}),
    ("relu", {"threshold": -1.0}),
    ("relu", {"threshold": -1.0, "max_value": 3.0}),
    ("relu", {"negative_slope": 0.3, "max_value": 2.5, "threshold": 1.5}),
    ("leaky_relu", {"negative_slope": 0.01}),
    ("gelu", {"approximate": True}),
    ("elu", {"alpha": 0.3}),
    ("celu", {"alpha": 2.0}),
    ("squareplus", {"b": 1.0}),
    ("hard_shrink", {"threshold": 2.0}),
    ("soft_shrink", {"threshold": 2.0}),
    ("glu", {"axis": 0}),
    ("softmax", {"axis": 0}),
    ("log_softmax", {"axis": 0}),
]
# Keras' sparsemax does not sum to 1; a test below compares ours with the definition.
PARITY = [case for case in OPTIONS if case[0] != "sparsemax"]


def call(name, options, x=X):
    return getattr(activations, name)(x, **options)


@pytest.mark.parametrize("name,options", PARITY, ids=str)
def test_values_and_gradients_are_those_of_keras(name, options):
    def both(x):
        y, pullback = jax.vjp(lambda x: call(name, options, x), x)
        z, theirs = jax.vjp(lambda x: getattr(keras.activations, name)(x, **options), x)
        return y, z, pullback(jnp.cos(y))[0], theirs(jnp.cos(y))[0]

    value, expected, gradient, expected_gradient = jax.jit(both)(X)
    np.testing.assert_allclose(value, expected, rtol=1e-6, atol=1e-6)
    on_clip = (X == 6) & (options.get("max_value") == 6)  # there Keras takes relu6's gradient
    np.testing.assert_allclose(gradient, jnp.where(on_clip, gradient, expected_gradient), rtol=1e-5, atol=1e-5)


def test_gelu_and_its_derivatives_are_those_of_its_formula():
    x = np.linspace(-6, 6, 101)
    density, probability = np.exp(-(x**2) / 2) / np.sqrt(2 * np.pi), np.array([0.5 * (1 + math.erf(v / math.sqrt(2))) for v in x])
    derived = activations.gelu
    for expected in (x * probability, probability + x * density, (2 - x**2) * density, (x**3 - 4 * x) * density):
        np.testing.assert_allclose(jax.vmap(derived)(jnp.asarray(x, jnp.float32)), expected, rtol=1e-5, atol=2e-6)
        derived = jax.grad(derived)
    with jax.enable_x64(True):
        np.testing.assert_allclose(activations.gelu(jnp.asarray(x)), x * probability, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("dtype", ("float16", "bfloat16", "float32"))
@pytest.mark.parametrize("name,options", OPTIONS, ids=str)
def test_dtypes_stay(name, options, dtype):
    assert jax.eval_shape(lambda x: call(name, options, x), X.astype(dtype)).dtype == dtype


@pytest.mark.parametrize("name", sorted({*CATALOGUE, *SECOND_NAMES.values()}))
def test_signatures_are_those_of_keras(name):
    mine, theirs = (inspect.signature(getattr(module, name)).parameters for module in (activations, keras.activations))
    assert [(p.name, p.default) for p in mine.values()] == [(p.name, p.default) for p in theirs.values()]


def test_every_activation_of_keras_is_here():
    missing = [name for name in dir(keras.activations) if not name.startswith("_") and not hasattr(activations, name)]
    assert not missing


@pytest.mark.parametrize("axis", (0, -1))
def test_sparsemax_is_the_nearest_point_of_the_simplex(axis):
    y = activations.sparsemax(X / 4, axis=axis)
    np.testing.assert_allclose(y.sum(axis), 1.0, rtol=1e-6)
    assert (y == 0).any() and (y >= 0).all()
    # Optimality: x - y equals one number on the support and is at most that number elsewhere.
    rest = jnp.moveaxis(X / 4 - y, axis, -1)
    support = jnp.moveaxis(y, axis, -1) > 0
    tau = jnp.where(support, rest, -jnp.inf).max(-1, keepdims=True)
    np.testing.assert_allclose(jnp.where(support, rest, tau), jnp.broadcast_to(tau, rest.shape), atol=1e-6)
    assert (rest <= tau + 1e-6).all()


@pytest.mark.few(8)
@pytest.mark.parametrize("name", sorted(set(CATALOGUE) - {"threshold"}))
def test_integers_and_lists_are_taken(name):
    x = [[-3, 0, 1, 4]]
    np.testing.assert_allclose(call(name, {}, jnp.array(x)), call(name, {}, jnp.asarray(x, "float32")), rtol=1e-6)
    assert name == "linear" or call(name, {}, x).shape[0] == 1


@pytest.mark.parametrize("name,options", (("relu", {}), ("softmax", {"axis": 0}), ("leaky_relu", {"negative_slope": 0.1})))
def test_an_eager_call_enters_no_python_function_but_the_one_that_looks_for_symbolic_tensors(name, options):
    function, frames = getattr(activations, name), []
    function(X, **options)

    def count(frame, event, _):
        if event == "call":
            frames.append(frame.f_code.co_name)

    sys.setprofile(count)
    function(X, **options)
    sys.setprofile(None)
    assert frames == ["activation"]


@pytest.mark.few(10)
@pytest.mark.parametrize("name", sorted({*CATALOGUE, *SECOND_NAMES.values()}))
def test_symbolic_tensors_make_a_node_that_computes_the_same(name):
    inputs = jkeras.Input((4,))
    options = {"threshold": {"threshold": 0.1, "default_value": 0.2}, "relu": {"max_value": 1.0}, "gelu": {"approximate": True}}
    outputs = call(name, options.get(name, {}), inputs)
    model = jkeras.Model(inputs, outputs)
    x = jnp.linspace(-2, 3, 8).reshape(2, 4)
    np.testing.assert_allclose(model(x), call(name, options.get(name, {}), x), rtol=1e-6)


@pytest.mark.parametrize("suffix", ["keras", "h5"])
def test_a_model_with_activations_as_functions_goes_to_a_file_and_to_keras(tmp_path, suffix):
    inputs = jkeras.Input((4,))
    outputs = activations.softmax(activations.tanh(activations.gelu(activations.relu(inputs))))
    model, path = jkeras.Model(inputs, outputs), str(tmp_path / f"model.{suffix}")
    model.save(path)
    x = np.linspace(-2, 3, 8, dtype="float32").reshape(2, 4)
    np.testing.assert_allclose(jkeras.models.load_model(path)(x), model(x), rtol=1e-6)
    if suffix == "keras":
        np.testing.assert_allclose(keras.models.load_model(path)(x), model(x), rtol=1e-5)


def test_glu_refuses_an_odd_axis():
    with pytest.raises(ValueError, match="even number"):
        activations.glu(jnp.ones((2, 3)))


@pytest.mark.parametrize("name", sorted({*CATALOGUE, *SECOND_NAMES.values()}))
def test_names_go_to_functions_and_back(name):
    function = activations.get(name)
    assert function is getattr(activations, name)
    assert activations.serialize(function) == keras.activations.serialize(keras.activations.get(name))
    assert activations.deserialize(activations.serialize(function)) is function


def test_none_and_callables():
    assert activations.get(None) is activations.linear
    assert activations.linear(X) is X
    assert activations.get(jax.nn.relu) is jax.nn.relu


def test_the_dict_that_keras_writes_for_a_function():
    def double(x):
        return 2 * x

    config = keras.activations.serialize(double)
    assert activations.deserialize(config, {"double": double}) is double


@pytest.mark.parametrize("identifier,message", (("rellu", "'relu'"), (3, "Not an activation")))
def test_what_is_no_activation_is_refused(identifier, message):
    with pytest.raises(ValueError, match=message):
        activations.get(identifier)

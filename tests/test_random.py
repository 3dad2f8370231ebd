"""Random arrays: Keras' values for integer seeds, where keys come from, symbolic tensors."""

import os

os.environ.setdefault("KERAS_BACKEND", "jax")

import inspect
import random as python_random

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

from jkeras import Input, Sequential, layers, random
from jkeras.graph import KerasTensor
from jkeras.initializers import GlorotUniform
from jkeras.layers import Layer
from jkeras.random import SeedGenerator
from jkeras.state import Variable, functionalize, set_random_seed

X = np.arange(12, dtype="float32").reshape(3, 4) / 10

DRAWS = [
    ("normal", ((3, 2),), {"mean": 2.0, "stddev": 3.0}),
    ("normal", ([4],), {"dtype": "bfloat16"}),
    ("truncated_normal", ((3, 2),), {"mean": 1.0}),
    ("uniform", ((5,), -2.0, 3.0), {}),
    ("randint", ((5,), 3, 9), {}),
    ("randint", ((5,), 0, 200), {"dtype": "uint8"}),
    ("categorical", (X, 6), {}),
    ("categorical", (X, 2), {"dtype": "int8"}),
    ("dropout", (X, 0.4), {}),
    ("dropout", (X, 0.4), {"noise_shape": (None, 1)}),
    ("dropout", (X, 0.0), {}),
    ("shuffle", (X,), {"axis": 1}),
    ("gamma", ((3, 4), X + 0.5), {}),
    ("beta", ((4,), 2.0, 3.0), {}),
    ("binomial", ((4,), 10.0, 0.4), {}),
]
every_draw = pytest.mark.parametrize("name, args, kwargs", DRAWS, ids=[f"{d[0]}-{i}" for i, d in enumerate(DRAWS)])
NAMES = [n for n in dir(keras.random) if not n.startswith("_") and n != "SeedGenerator"]


@pytest.mark.parametrize("seed", [7, 2**31 + 5])
@every_draw
def test_an_integer_seed_gives_keras_values(name, args, kwargs, seed):
    ours, theirs = (getattr(module, name)(*args, **kwargs, seed=seed) for module in (random, keras.random))
    assert ours.dtype == theirs.dtype
    np.testing.assert_allclose(np.asarray(ours, "float32"), np.asarray(theirs, "float32"), rtol=1e-6)
    np.testing.assert_array_equal(ours, getattr(random, name)(*args, **kwargs, seed=np.int64(seed)))


@pytest.mark.parametrize("name", NAMES)
def test_signatures_are_keras(name):
    def parameters(module):
        return [(p.name, p.default) for p in inspect.signature(getattr(module, name)).parameters.values()]

    assert parameters(random) == parameters(keras.random)


def test_a_generator_gives_new_values_at_each_draw_and_the_same_from_its_start():
    def draws():
        generator = random.SeedGenerator(3)
        return [random.normal((2,), seed=generator).tolist() for _ in range(2)]

    first, second = draws()
    assert first != second and draws() == [first, second]


@pytest.mark.parametrize("key", [jax.random.key(5), jax.random.PRNGKey(5)], ids=["typed", "raw"])
def test_a_key_is_used_as_it_is(key):
    np.testing.assert_array_equal(random.uniform((3,), seed=key), jax.random.uniform(key, (3,)))


def test_without_a_seed_the_global_stream_is_used():
    def draws():
        set_random_seed(1)
        return [random.uniform((2,)).tolist() for _ in range(2)]

    first, second = draws()
    assert first != second and draws() == [first, second]


class Noise(Layer):
    def call(self, x):
        return x + random.normal(x.shape) + random.normal(x.shape)


def test_in_a_pure_call_draws_derive_from_its_key():
    layer = Noise()
    params, state = layer.init(jax.random.key(0), X)

    @jax.jit
    def noise(key):
        return layer.apply(params, state, X, rng=key)[0] - X

    one, again, other = (noise(jax.random.key(k)) for k in (1, 1, 2))
    np.testing.assert_array_equal(one, again)
    assert not np.allclose(one, other) and np.unique(np.asarray(one)).size == one.size


def test_draws_outside_of_layers_take_the_scopes_key():
    pure = functionalize(lambda: (random.uniform((3,)), random.uniform((3,))), [])
    (first, second), (same, _) = pure([], rng=jax.random.key(0)).output, pure([], rng=jax.random.key(0)).output
    assert not np.array_equal(first, second) and np.array_equal(first, same)


def test_in_a_pure_call_without_a_key_a_draw_is_an_error():
    with pytest.raises(ValueError, match="rng="):
        functionalize(lambda: random.normal((2,)), [])([])
    assert functionalize(lambda: random.normal((2,), seed=1), [])([]).output.shape == (2,)


@every_draw
def test_symbolic_tensors_and_boxes(name, args, kwargs):
    expected = getattr(random, name)(*args, **kwargs, seed=1)
    boxed = [Variable(a) if isinstance(a, np.ndarray) else a for a in args]
    np.testing.assert_array_equal(getattr(random, name)(*boxed, **kwargs, seed=1), expected)
    if name in ("categorical", "dropout", "shuffle"):
        symbolic = getattr(random, name)(KerasTensor((None, 4)), *args[1:], **kwargs)
        assert (symbolic.shape, symbolic.dtype) == ((None, *expected.shape[1:]), expected.dtype.name)


def test_distributions_have_their_means():
    assert abs(float(random.uniform((4000,), 1.0, 3.0, seed=0).mean()) - 2) < 0.05
    assert abs(float(random.truncated_normal((4000,), stddev=2.0, seed=0).max()) - 4) < 0.05
    counts = jnp.bincount(random.categorical(jnp.log(jnp.array([[0.2, 0.8]])), 4000, seed=0)[0], length=2)
    np.testing.assert_allclose(counts / 4000, [0.2, 0.8], atol=0.03)


@pytest.mark.parametrize("seed", ["a", 1.5, True])
def test_other_seeds_are_errors(seed):
    with pytest.raises(ValueError, match="seed is an integer"):
        random.normal((2,), seed=seed)


def test_randint_gives_integers_and_uniform_floats():
    with pytest.raises(ValueError, match="uniform"):
        random.randint((2,), 0, 3, dtype="float32")
    with pytest.raises(ValueError, match="randint"):
        random.uniform((2,), 0, 3, dtype="int32")


# Global generators ------------------------------------------------------------------------------------------------------

ROWS = np.arange(40, dtype="float32").reshape(20, 2) / 40
SEEDS = {
    "random": (lambda: python_random.seed(0), {"weights", "dropout layer"}),
    "numpy": (lambda: np.random.seed(0), {"order"}),
    "both": (lambda: (python_random.seed(0), np.random.seed(0)), {"weights", "dropout layer", "order", "order and dropout"}),
    "neither": (lambda: None, set()),
    "all": (lambda: set_random_seed(0), {"weights", "dropout layer", "order", "order and dropout", "draws"}),
}


def weights():
    return Sequential([Input((2,)), layers.Dense(3), layers.Dense(1)]).get_weights()


def trained(*between):
    model = Sequential([Input((2,)), layers.Dense(4, kernel_initializer=GlorotUniform(seed=1)), *between])
    model.compile("sgd", "mse")
    model.fit(ROWS, ROWS[:, :1] * np.ones((1, 4), np.float32), batch_size=3, verbose=0)
    return model.get_weights()


RESULTS = {
    "weights": weights,
    "order": trained,
    "order and dropout": lambda: trained(layers.Dropout(0.5)),
    "dropout layer": lambda: [layers.Dropout(0.5)(np.ones(50, np.float32), training=True)],
    "draws": lambda: [random.normal((3,))],
}


@pytest.mark.few(2)
@pytest.mark.parametrize("name", SEEDS)
def test_global_generators_seed_what_they_seed_in_keras(name):
    """The table is that of Keras 3.15.1 on JAX."""
    seed, expected = SEEDS[name]
    python_random.seed()
    SeedGenerator()  # the stream comes from the generators again
    repeated = set()
    for what, make in RESULTS.items():
        runs = []
        for _ in range(2):
            seed()
            runs.append(make())
        if all(np.array_equal(a, b) for a, b in zip(*runs)):
            repeated.add(what)
    assert repeated == expected


def test_random_seed_after_set_random_seed():
    runs = []
    for noise in (1, 2):
        set_random_seed(3)
        python_random.random()
        np.random.rand(noise)
        runs.append(weights())
        python_random.seed(0)
        runs.append(weights())
    np.testing.assert_array_equal(runs[0][0], runs[2][0])
    np.testing.assert_array_equal(runs[1][0], runs[3][0])
    assert not np.array_equal(runs[0][0], runs[1][0])

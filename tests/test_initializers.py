"""Initializers: Keras' values for equal seeds, distributions, keys, user protocols, configs."""

import os

os.environ.setdefault("KERAS_BACKEND", "jax")

import inspect
import json
import math

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest
from keras.src.initializers.random_initializers import compute_fans as keras_fans

from jkeras import initializers
from jkeras.state.seed_generator import SeedGenerator

KEY = jax.random.key(0)
CLASSES = [n for n in dir(keras.initializers) if n[0].isupper() and n != "Initializer"]
SEEDED = [n for n in CLASSES if "seed" in inspect.signature(getattr(keras.initializers, n)).parameters]

OPTIONS = [
    *((name, {"seed": 7}) for name in SEEDED),
    *(
        ("VarianceScaling", {"scale": 3.0, "mode": mode, "distribution": distribution, "seed": 1})
        for mode in ("fan_in", "fan_out", "fan_avg")
        for distribution in ("normal", "uniform", "truncated_normal", "untruncated_normal")
    ),
    ("GlorotUniform", {"seed": 3, "input_axes": [0], "output_axes": [1, 2, 3]}),
    ("RandomNormal", {"mean": 1.0, "stddev": 2.0, "seed": 2**31}),
    ("RandomUniform", {"minval": 1.0, "maxval": 3.0, "seed": 0}),
    ("TruncatedNormal", {"mean": 1.0, "stddev": 2.0, "seed": 5}),
    ("Orthogonal", {"gain": 1.5, "seed": 5}),
    ("Constant", {"value": 0.25}),
    ("Zeros", {}),
    ("Ones", {}),
]


@pytest.mark.parametrize("name,options", OPTIONS, ids=str)
def test_values_and_configs_are_those_of_keras(name, options):
    mine, theirs = (getattr(module, name)(**options) for module in (initializers, keras.initializers))
    np.testing.assert_allclose(mine((3, 2, 4, 5)), theirs((3, 2, 4, 5), dtype="float32"), rtol=1e-6, atol=1e-6)
    assert mine.get_config() == theirs.get_config()
    copy = initializers.deserialize(json.loads(json.dumps(initializers.serialize(mine))))
    np.testing.assert_array_equal(copy((3, 2, 4, 5)), mine((3, 2, 4, 5)))
    assert keras.initializers.deserialize(initializers.serialize(mine)).get_config() == theirs.get_config()


@pytest.mark.parametrize("name", CLASSES)
def test_signatures_are_those_of_keras(name):
    mine, theirs = (inspect.signature(getattr(module, name)) for module in (initializers, keras.initializers))
    assert [(p.name, p.default) for p in mine.parameters.values()] == [(p.name, p.default) for p in theirs.parameters.values()]


def test_every_initializer_of_keras_is_here_under_every_name():
    missing = [name for name in dir(keras.initializers) if not name.startswith("_") and not hasattr(initializers, name)]
    assert not missing
    for name in keras.src.initializers.ALL_OBJECTS_DICT:
        assert type(initializers.get(name)).__name__ == keras.src.initializers.ALL_OBJECTS_DICT[name].__name__


@pytest.mark.parametrize("shape", ((), (5,), (3, 4), (2, 3, 4), (3, 3, 8, 16), (2, 3, 3, 4, 5)))
def test_fans_are_those_of_keras(shape):
    assert initializers.compute_fans(shape) == keras_fans(shape)


MOMENTS = {  # name: variance for fans n (in) and m (out), largest value divided by the standard deviation
    "GlorotUniform": (lambda n, m: 2 / (n + m), math.sqrt(3)),
    "GlorotNormal": (lambda n, m: 2 / (n + m), 2 / 0.87962566),
    "HeUniform": (lambda n, m: 2 / n, math.sqrt(3)),
    "HeNormal": (lambda n, m: 2 / n, 2 / 0.87962566),
    "LecunUniform": (lambda n, m: 1 / n, math.sqrt(3)),
    "LecunNormal": (lambda n, m: 1 / n, 2 / 0.87962566),
    "RandomUniform": (lambda n, m: 0.05**2 / 3, math.sqrt(3)),
    "TruncatedNormal": (lambda n, m: (0.05 * 0.87962566) ** 2, 2 / 0.87962566),
    "RandomNormal": (lambda n, m: 0.05**2, 6.0),
}


@pytest.mark.parametrize("name", MOMENTS)
def test_moments_and_bounds(name):
    variance, bound = MOMENTS[name]
    for shape, seed in (((100, 400), 0), ((3, 3, 64, 64), 1)):
        deviation = math.sqrt(variance(*initializers.compute_fans(shape)))
        values = np.asarray(getattr(initializers, name)()(shape, key=jax.random.key(seed))) / deviation
        assert abs(values.mean()) < 5 / math.sqrt(values.size)
        assert abs(values.var() - 1) < 0.05
        assert 0.9 * min(bound, 4.0) < np.abs(values).max() <= bound * (1 + 1e-6)


@pytest.mark.parametrize("shape", ((4, 4), (6, 3), (3, 6), (2, 3, 5)))
def test_orthogonal_rows_or_columns(shape):
    make = initializers.Orthogonal(gain=2.0)
    for q in jax.jit(jax.vmap(lambda key: make(shape, key=key)))(jax.random.split(KEY, 10)):
        q = q.reshape(-1, shape[-1]) / 2
        product = q.T @ q if q.shape[0] >= q.shape[1] else q @ q.T
        np.testing.assert_allclose(product, np.eye(len(product)), atol=1e-6)


def test_orthogonal_matrices_have_no_preferred_sign():
    make = initializers.Orthogonal()
    diagonals = jax.vmap(lambda key: jnp.diagonal(make((2, 2), key=key)))(jax.random.split(KEY, 1000))
    np.testing.assert_allclose((diagonals > 0).mean(0), 0.5, atol=0.05)


@pytest.mark.parametrize("name", SEEDED)
def test_the_key_decides_unless_there_is_a_seed(name):
    unseeded, seeded = getattr(initializers, name)(), getattr(initializers, name)(seed=1)
    a, b = jax.random.split(KEY)
    np.testing.assert_array_equal(unseeded((4, 3), key=a), unseeded((4, 3), key=a))
    assert (unseeded((4, 3), key=a) != unseeded((4, 3), key=b)).any()
    np.testing.assert_array_equal(seeded((4, 3), key=a), seeded((4, 3), key=b))
    np.testing.assert_array_equal(unseeded((4, 3)), unseeded((4, 3)))
    assert (unseeded((4, 3)) != getattr(initializers, name)()((4, 3))).any()


def test_a_seed_generator_gives_new_values_at_each_call():
    first, again = (initializers.HeNormal(seed=SeedGenerator(3)) for _ in range(2))
    a, b = first((4, 3)), first((4, 3))
    assert (a != b).any()
    np.testing.assert_array_equal(again((4, 3)), a)


@pytest.mark.parametrize("name", SEEDED)
def test_jit_and_vmap_over_keys(name):
    make, keys = getattr(initializers, name)(), jax.random.split(KEY, 3)

    def draw(key):
        return initializers.draw(make, key, (4, 3))

    members = jax.jit(jax.vmap(draw))(keys)
    np.testing.assert_allclose(members, jnp.stack([draw(k) for k in keys]), atol=1e-6)
    assert (members[0] != members[1]).any()


@pytest.mark.parametrize("dtype", ("float16", "bfloat16", "float32"))
@pytest.mark.parametrize("name", CLASSES)
def test_dtypes(name, dtype):
    shape = (4, 1, 3) if name.startswith("STFT") else (4, 3)
    make = getattr(initializers, name)()
    assert jax.eval_shape(lambda key: make(shape, dtype, key=key), KEY).dtype == dtype


def test_integers_are_constant_and_never_drawn():
    assert initializers.draw("ones", KEY, (2,), "int32").dtype == "int32"
    with pytest.raises(ValueError, match="draws floats"):
        initializers.draw("he_normal", KEY, (2, 2), "int32")


@pytest.mark.parametrize("side", ("real", "imag"))
@pytest.mark.parametrize("scaling", (None, "density", "spectrum"))
@pytest.mark.parametrize("window", (None, "hann", np.arange(1.0, 9.0)), ids=("none", "hann", "array"))
def test_stft_is_that_of_keras(side, scaling, window):
    mine, theirs = (module.STFT(side, window, scaling, periodic=True) for module in (initializers, keras.initializers))
    # Keras multiplies the angle in float32, jkeras in float64.
    np.testing.assert_allclose(mine((8, 1, 5)), theirs((8, 1, 5), dtype="float32"), atol=2e-5)


class Ramp(initializers.Initializer):
    def __init__(self, step=1.0):
        self.step = step

    def __call__(self, shape, dtype=None):
        return jnp.arange(math.prod(shape), dtype=dtype).reshape(shape) * self.step

    def get_config(self):
        return {"step": self.step}


RAMP = np.arange(6.0).reshape(2, 3)


WRITTEN = {
    "subclass": Ramp(),
    "class": Ramp,
    "function": lambda shape, dtype: RAMP,
    "optional dtype": lambda shape, dtype=None: jnp.asarray(RAMP, dtype),
    "numpy": RAMP,
    "jax": jnp.asarray(RAMP),
}


@pytest.mark.parametrize("written", WRITTEN)
def test_what_users_write(written):
    drawn = initializers.draw(WRITTEN[written], KEY, (2, 3), "float32")
    np.testing.assert_array_equal(drawn, RAMP)
    assert drawn.dtype == "float32"


@pytest.mark.parametrize("written", ("function", "numpy", "jax"))
def test_another_shape_is_refused(written):
    with pytest.raises(ValueError, match=r"\(2, 3\)"):
        initializers.draw(WRITTEN[written], KEY, (4, 2, 3))


def test_a_function_of_jax_gets_its_key_first():
    made = initializers.draw(jax.nn.initializers.glorot_uniform(), KEY, (2, 3))
    np.testing.assert_array_equal(made, jax.nn.initializers.glorot_uniform()(KEY, (2, 3), "float32"))


def test_configs_of_users_of_keras_2_and_of_arrays():
    own = initializers.deserialize(initializers.serialize(Ramp(2.0)), {"Ramp": Ramp})
    assert own.step == 2.0
    assert initializers.get({"class_name": "GlorotUniform", "config": {"seed": 3}}).seed == 3
    keras_config = keras.initializers.serialize(keras.initializers.Constant(RAMP))
    np.testing.assert_array_equal(initializers.deserialize(keras_config)((2, 3)), RAMP)
    array_config = json.loads(json.dumps(initializers.serialize(initializers.get(RAMP))))
    np.testing.assert_array_equal(initializers.deserialize(array_config)((2, 3)), RAMP)


REFUSED = {
    "unknown name": (lambda: initializers.get("glorot_unifrom"), "'glorot_uniform'"),
    "number": (lambda: initializers.get(3), "Not an initializer"),
    "none": (lambda: initializers.draw(None, KEY, (2,)), "needs an initializer"),
    "seed": (lambda: initializers.HeNormal(seed="a"), "integer"),
    "scale": (lambda: initializers.VarianceScaling(scale=0), "positive"),
    "mode": (lambda: initializers.VarianceScaling(mode="fan"), "fan_in"),
    "distribution": (lambda: initializers.VarianceScaling(distribution="unifrm"), "'uniform'"),
    "vector": (lambda: initializers.Orthogonal()((3,), key=KEY), "two axes"),
    "no matrix": (lambda: initializers.Identity()((3,)), "matrices"),
    "misfit": (lambda: initializers.Constant([1.0, 2.0])((3,)), "does not fit"),
    "wrong shape": (lambda: initializers.draw(lambda s, dtype: jnp.ones(3), KEY, (2,)), r"\(3,\)"),
    "side": (lambda: initializers.STFT(side="reel"), "'real'"),
    "scaling": (lambda: initializers.STFT(scaling="denstiy"), "'density'"),
    "window": (lambda: initializers.STFT(window=np.ones(3))((4, 1, 3)), "window of shape"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refusals(name):
    attempt, message = REFUSED[name]
    with pytest.raises(ValueError, match=message):
        attempt()

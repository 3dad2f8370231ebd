"""Schedules: Keras' values at every step, pure in the step, configs that read back."""

import json
import os

os.environ.setdefault("KERAS_BACKEND", "jax")

import inspect

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

from jkeras.optimizers import Adam, schedules

TABLE = [
    ("ExponentialDecay", {"initial_learning_rate": 0.1, "decay_steps": 7, "decay_rate": 0.8}),
    ("ExponentialDecay", {"initial_learning_rate": 0.1, "decay_steps": 7, "decay_rate": 0.8, "staircase": True}),
    ("InverseTimeDecay", {"initial_learning_rate": 0.1, "decay_steps": 7, "decay_rate": 0.5}),
    ("InverseTimeDecay", {"initial_learning_rate": 0.1, "decay_steps": 7, "decay_rate": 0.5, "staircase": True}),
    ("PiecewiseConstantDecay", {"boundaries": [5, 20, 30], "values": [0.5, 0.1, 0.05, 0.01]}),
    ("PolynomialDecay", {"initial_learning_rate": 0.1, "decay_steps": 13, "end_learning_rate": 0.01, "power": 2.0}),
    ("PolynomialDecay", {"initial_learning_rate": 0.1, "decay_steps": 13, "power": 0.5, "cycle": True}),
    ("CosineDecay", {"initial_learning_rate": 0.1, "decay_steps": 20, "alpha": 0.1}),
    ("CosineDecay", {"initial_learning_rate": 0.01, "decay_steps": 20, "warmup_target": 0.2, "warmup_steps": 6}),
    ("CosineDecayRestarts", {"initial_learning_rate": 0.1, "first_decay_steps": 6, "m_mul": 0.7, "alpha": 0.05}),
    ("CosineDecayRestarts", {"initial_learning_rate": 0.1, "first_decay_steps": 6, "t_mul": 1.0, "m_mul": 0.9}),
]
IDS = [f"{name}-{i}" for i, (name, _) in enumerate(TABLE)]
STEPS = range(80)


@pytest.mark.parametrize("name,arguments", TABLE, ids=IDS)
def test_values_are_keras_traced_and_eager(name, arguments):
    ours, theirs = getattr(schedules, name)(**arguments), getattr(keras.optimizers.schedules, name)(**arguments)
    with jax.disable_jit():  # Keras' `cond` would recompile for every step.
        expected = [float(theirs(t)) for t in STEPS]
    traced = jax.jit(lambda steps: jax.lax.map(ours, steps))(jnp.asarray(STEPS, jnp.int32))
    assert traced.dtype == jnp.float32
    # a steep cosine amplifies float32 rounding of the time.
    tolerance = {"rtol": 4e-6 if name.startswith("Cosine") else 1e-6, "atol": 1e-8}
    np.testing.assert_allclose(traced, expected, **tolerance)
    np.testing.assert_allclose([ours(t) for t in STEPS[:14]], expected[:14], **tolerance)


@pytest.mark.parametrize("name,arguments", TABLE, ids=IDS)
def test_config_reads_back_and_is_keras(name, arguments):
    schedule = getattr(schedules, name)(**arguments)
    config = json.loads(json.dumps(schedules.serialize(schedule)))
    assert config == keras.optimizers.schedules.serialize(getattr(keras.optimizers.schedules, name)(**arguments))
    assert schedules.deserialize(config).get_config() == schedule.get_config()
    keras_2 = {"class_name": name, "config": config["config"] | {"name": None}}  # what tf_keras writes for a name not given
    assert schedules.deserialize(keras_2).get_config() == schedule.get_config()


@pytest.mark.parametrize("name", sorted({name for name, _ in TABLE}))
def test_signature_is_keras(name):
    def parameters(cls):
        return [(p.name, p.default) for p in inspect.signature(cls.__init__).parameters.values()]

    assert parameters(getattr(schedules, name)) == parameters(getattr(keras.optimizers.schedules, name))


@pytest.mark.parametrize(
    "make,text",
    [
        (lambda: schedules.ExponentialDecay(0.1, 0, 0.9), "decay_steps must be > 0"),
        (lambda: schedules.CosineDecayRestarts(0.1, -1), "first_decay_steps must be > 0"),
        (lambda: schedules.PiecewiseConstantDecay([1, 2], [0.1, 0.2]), "one entry more than boundaries"),
        (lambda: schedules.deserialize({"class_name": "CosinDecay", "config": {}}), "Did you mean 'CosineDecay'"),
        (lambda: schedules.deserialize("cosine"), "received 'cosine'"),
    ],
)
def test_errors_say_what_to_write(make, text):
    with pytest.raises(ValueError, match=text):
        make()


def test_a_schedule_without_call_is_an_error():
    with pytest.raises(NotImplementedError, match="__call__"):
        schedules.LearningRateSchedule()(0)


def test_a_users_schedule_drives_the_step():
    class Ramp(schedules.LearningRateSchedule):
        def __init__(self, slope):
            self.slope = slope

        def __call__(self, step):
            return self.slope * (step + 1)

    optimizer = Adam(Ramp(0.5))
    assert float(optimizer.learning_rate) == 0.5
    state = optimizer.init({"w": jnp.ones(2)})
    _, state = jax.jit(optimizer.update)({"w": jnp.ones(2)}, state, {"w": jnp.ones(2)})
    assert float(state.learning_rate) == 1.0

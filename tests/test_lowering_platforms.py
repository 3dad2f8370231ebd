"""A program belongs to its platform: lowered for CUDA on a machine without a GPU, it contains nothing of the CPU's."""

import re
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jkeras
from jkeras import layers
from jkeras.nn.cpu import onednn

sys.path.append(str(Path(__file__).parent / "laws"))
from table import one_of_each, prepared

pytestmark = pytest.mark.uncached  # with a cache, CPU programs do not use oneDNN


def lowered(fn, *args, platform):
    return jax.jit(fn).trace(*args).lower(lowering_platforms=(platform,)).as_text(debug_info=True)


def assert_is_cudas(text):
    assert not re.search(r"\bcpu\.", text) and "__onednn" not in text and "lapack" not in text


@pytest.mark.few(50)
@one_of_each
def test_no_layer_brings_what_is_a_cpus_to_cuda(case):
    made = prepared(case)
    floats = None if case.below else made.x

    def both(params, floats):
        training = made.modes[-1]
        y = made.apply(params, made.state, made.x if floats is None else floats, training=training, **made.options)
        return y, jax.grad(made.loss, (0, 1))(params, floats, training)

    assert_is_cudas(lowered(both, made.params, floats, platform="cuda"))


class Recorded(Exception):
    """The arguments of a training step."""


class Model(jkeras.Model):
    """A model that says what its training step is called with."""

    recording = True

    def train_step(self, state, batch):
        if self.recording:
            raise Recorded(jax.tree.map(lambda a: jax.ShapeDtypeStruct(a.shape, a.dtype), (state, batch)))
        return super().train_step(state, batch)


def images():
    x = layers.Input((16, 16, 8))
    y = layers.MaxPooling2D()(layers.Conv2D(32, 3, padding="same", activation="relu")(x))
    y = layers.SeparableConv2D(16, 3)(layers.BatchNormalization()(y))
    return x, layers.Dense(300)(layers.Dense(300)(layers.Flatten()(y)))


def sequences():
    x = layers.Input((32, 64))
    return x, layers.Dense(3)(layers.LSTM(64)(layers.LSTM(64, return_sequences=True)(x)))


def attention():
    x = layers.Input((32, 128))
    y = x + layers.MultiHeadAttention(4, 32)(layers.LayerNormalization()(x), x, use_causal_mask=True)
    return x, layers.GlobalAveragePooling1D()(layers.Dense(128)(layers.Dense(512, activation="gelu")(y)))


# The files in `nn/cpu` that a step uses on a CPU.
STEPS = {images: {"conv_rule", "in_place"}, sequences: {"products"}, attention: {"products", "attention", "in_place"}}


@pytest.mark.few(1)
@pytest.mark.parametrize("make", STEPS)
def test_a_training_step_is_its_platforms(make):
    x, y = make()
    model = Model(x, y)
    model.compile("adam", "mse")
    with pytest.raises(Recorded) as recorded:
        model.fit(*(np.zeros((32, *a.shape[1:]), "float32") for a in (x, y)), batch_size=32, verbose=0)
    model.recording = False
    (arguments,) = recorded.value.args
    assert_is_cudas(lowered(model.train_step, *arguments, platform="cuda"))
    cpus = lowered(model.train_step, *arguments, platform="cpu")
    assert set(re.findall(r"\bcpu\.(\w+)", cpus)) == STEPS[make]
    assert ("__onednn" in cpus) == onednn.is_there()


def test_a_program_for_both_platforms_computes_the_same_here():
    x, y = attention()
    model = jkeras.Model(x, y)
    values = jnp.asarray(np.random.default_rng(0).normal(size=(2, 32, 128)), "float32")
    program = jax.export.export(jax.jit(lambda x: model(x)), platforms=("cpu", "cuda"))(values)
    np.testing.assert_allclose(program.call(values), model(values), rtol=1e-5, atol=1e-5)

"""A config is plain JSON and rebuilds the same layer; Keras reads jkeras' configs, and jkeras Keras'."""

import functools
import json
import re

import jax
import keras
import numpy as np
from table import every_layer, prepared

from jkeras._base.configurable import deserialize, object_config

# Written by only one of the two: Keras' LayerNormalization always writes the first, its MaxNumBoundingBoxes forgets the second.
NEUTRAL = {"rms_scaling": False, "fill_value": -1}


def meaningful(config):
    """A config as JSON gives it back, without None, layer names (which number all layers ever made) and the dtype's object.

    Configs of layers within layers too.
    """

    def strip(value):
        if not isinstance(value, dict):
            return [strip(v) for v in value] if isinstance(value, list) else value
        kept = {k: v for k, v in value.items() if v is not None and k not in ("name", "dtype") and NEUTRAL.get(k) != v}
        return {k: strip(v) for k, v in kept.items()}

    return strip(json.loads(json.dumps(config), parse_float=lambda text: round(float(text), 7)))


@every_layer
def test_config_round_trip(case):
    made = prepared(case)
    config = made.layer.get_config()
    again = type(made.layer).from_config(json.loads(json.dumps(config)))
    assert json.dumps(again.get_config()) == json.dumps(config) and again.name == made.layer.name
    for training in made.modes:
        ours, theirs = (program(layer, made, training) for layer in (made.layer, again))
        assert ours == theirs


def program(layer, made, training):
    """What a layer computes, and from which constants."""
    rng = jax.random.key(5) if training and made.case.stochastic else None
    jax.eval_shape(lambda: layer.init(jax.random.key(0), made.x))  # builds it
    apply = functools.partial(layer.apply, training=training, rng=rng, **made.options)
    traced = jax.make_jaxpr(apply)(made.params, made.state, made.x)
    return re.sub(r"0x[0-9a-f]+", "", str(traced)), [np.asarray(c).tolist() for c in traced.consts if not is_key(c)]


def is_key(array):
    return jax.dtypes.issubdtype(array.dtype, jax.dtypes.prng_key)


@every_layer
def test_keras_reads_the_config(case):
    layer = case.make()
    theirs = keras.saving.deserialize_keras_object(json.loads(json.dumps(object_config(layer))))
    assert type(theirs).__name__ == case.layer and theirs.name == layer.name
    assert meaningful(theirs.get_config()) == meaningful(layer.get_config())


@every_layer
def test_the_config_of_keras_is_read(case):
    theirs = case.make(keras)
    layer = deserialize(json.loads(json.dumps(keras.saving.serialize_keras_object(theirs))))
    assert type(layer) is type(case.make()) and layer.name == theirs.name
    assert meaningful(layer.get_config()) == meaningful(theirs.get_config())

"""A config is plain JSON, rebuilds the same layer, and real Keras reads it, as ours reads Keras'."""

import json

import jax
import keras
from table import assert_close, every_layer, prepared

from jkeras._base.configurable import deserialize, object_config


def plain(config):
    """A config with lists for tuples, and without names of layers, which number all layers ever made."""
    return {k: v for k, v in json.loads(json.dumps(config)).items() if k != "name"}


def simple(value):
    """An argument's config; of objects the class and what it was made with."""
    return (value["class_name"], value["config"]) if isinstance(value, dict) else value


@every_layer
def test_config_round_trip(case):
    made = prepared(case)
    config = made.layer.get_config()
    again = type(made.layer).from_config(json.loads(json.dumps(config)))
    assert again.get_config() == config and again.name == made.layer.name
    again.init(jax.random.key(0), made.x)
    again.set_weights(made.layer.get_weights())
    assert_close(again(made.x, **made.options), made.run()[0])


@every_layer
def test_keras_reads_the_config(case):
    layer = case.make()
    theirs = keras.saving.deserialize_keras_object(json.loads(json.dumps(object_config(layer))))
    assert type(theirs).__name__ == case.layer and theirs.name == layer.name
    ours, expected = plain(layer.get_config()), plain(theirs.get_config())
    assert set(ours) == set(expected)
    for key in set(ours) - {"dtype"}:
        assert simple(ours[key]) == simple(expected[key]), key


@every_layer
def test_the_config_of_keras_is_read(case):
    layer = deserialize(json.loads(json.dumps(keras.saving.serialize_keras_object(case.make(keras)))))
    assert type(layer) is type(case.make())
    assert plain(layer.get_config()) == plain(case.make().get_config())

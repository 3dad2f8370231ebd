"""Every layer in a graph survives JSON: to and from Keras 3, to and from Keras 2's form, with equal predictions."""

import json

import jax
import keras
import numpy as np
import pytest
from keras.src.legacy.saving import saving_utils
from table import every_layer, one_layer_of_each, weight_values

import jkeras
from jkeras.saving.serialization import model_config_keras2, model_from_config

# Keras 3 does not read these from Keras 2's form: its reader does not know the class.
NOT_IN_KERAS3 = {"GroupQueryAttention"}
NO_GRAPH_IN_KERAS3 = {"Equalization"}  # it gives its symbolic input back, which makes the graph a cycle


def in_graph(case, package):
    """The layer of a case in a model, with float or integer inputs and the batch axis unknown."""
    shapes = case.shape if isinstance(case.shape, list) else [case.shape]
    inputs = [package.Input(s[1:], dtype="int32" if case.below else "float32", name=f"in{i}") for i, s in enumerate(shapes)]
    outputs = case.make(package)(inputs if isinstance(case.shape, list) else inputs[0])
    return package.Model(inputs if len(inputs) > 1 else inputs[0], outputs, name="whole")


def assert_same_predictions(case, ours, theirs):
    values = weight_values(ours)
    ours.set_weights(values)
    theirs.set_weights(values)
    flag = {"training": False}
    for a, b in zip(jax.tree.leaves(ours(case.x, **flag)), jax.tree.leaves(theirs(case.x, **flag)), strict=True):
        np.testing.assert_allclose(np.asarray(a), np.asarray(b), rtol=1e-5, atol=1e-5)


@pytest.mark.few(60)
@one_layer_of_each
def test_keras_reads_the_json_of_a_model(case):
    if case.layer in NO_GRAPH_IN_KERAS3:
        pytest.skip("Keras has no graph with this layer")
    ours = in_graph(case, jkeras)
    theirs = keras.models.model_from_json(ours.to_json())
    assert [layer.name for layer in theirs.layers] == [layer.name for layer in ours.layers]
    assert_same_predictions(case, ours, theirs)


@every_layer
def test_the_json_of_keras_is_read(case):
    if case.layer in NO_GRAPH_IN_KERAS3:
        pytest.skip("Keras has no graph with this layer")
    theirs = in_graph(case, keras)
    ours = jkeras.models.model_from_json(theirs.to_json())
    assert [layer.name for layer in theirs.layers] == [layer.name for layer in ours.layers]
    assert_same_predictions(case, ours, theirs)


@one_layer_of_each
def test_keras2_form_comes_back_and_keras_reads_it(case):
    model = in_graph(case, jkeras)
    config = json.loads(json.dumps(model_config_keras2(model)))
    assert_same_predictions(case, model, model_from_config(config))
    if case.layer not in NOT_IN_KERAS3 | NO_GRAPH_IN_KERAS3:
        assert_same_predictions(case, model, saving_utils.model_from_config(config))

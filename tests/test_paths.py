"""The paths of layers and variables are Keras': the layers that one was built in, joined by slashes."""

import keras
import numpy as np
import pytest

import jkeras
from jkeras.state.scope import Scope, path_here

X = np.ones((2, 4), "float32")
SERIES = np.ones((2, 3, 4), "float32")


def classes(k):
    """Layers and models of one's own, on either library."""
    dense = k.layers.Dense

    class Block(k.layers.Layer):
        def __init__(self, name):
            super().__init__(name=name)
            self.early, self.inner = self.add_weight(shape=(1,), name="early"), dense(2, name="inner")

        def build(self, shape):
            self.late = self.add_weight(shape=(1,), name="late")
            self.inner.build(shape)

        def call(self, x):
            return self.inner(x)

    class Stack(k.layers.Layer):
        def __init__(self, name):
            super().__init__(name=name)
            self.block, self.top = Block("block"), dense(2, name="top")

        def call(self, x):
            return self.top(self.block(x))

    class Net(k.Model):
        def __init__(self, name):
            super().__init__(name=name)
            self.first, self.rest = dense(2, name="first"), k.Sequential([dense(2, name="a"), Stack("stack")], name="rest")

        def call(self, x):
            return self.rest(self.first(x))

    return Block, Stack, Net


def called(model, x=X):
    model(x)
    return model


def functional(k, *layers, name):
    x = tensor = k.Input((4,))
    for layer in layers:
        tensor = layer(tensor)
    return k.Model(x, tensor, name=name)


def added(k):
    model = k.Sequential([k.Input((4,)), k.layers.Dense(2, name="a")], name="seq")
    model.add(k.layers.Dense(1, name="b"))
    return model


MODELS = {
    "a stack with its input": lambda k: k.Sequential([k.Input((4,)), k.layers.Dense(2, name="a")], name="seq"),
    "a stack built later": lambda k: called(k.Sequential([k.layers.Dense(2, name="a")], name="seq")),
    "a stack that grows": added,
    "a graph": lambda k: functional(k, k.layers.Dense(2, name="a"), name="graph"),
    "a stack in a graph": lambda k: functional(k, k.Sequential([k.layers.Dense(2, name="a")], name="seq"), name="graph"),
    "a graph in a stack": lambda k: k.Sequential(
        [k.Input((4,)), functional(k, k.layers.Dense(2, name="a"), name="graph"), k.layers.Dense(1, name="b")], name="seq"
    ),
    "a class": lambda k: called(classes(k)[2]("net")),
    "a class in a graph": lambda k: functional(k, classes(k)[2]("net"), name="graph"),
    "a layer that builds its own": lambda k: called(classes(k)[0]("block")),
    "layers in a layer": lambda k: called(classes(k)[1]("stack")),
    "layers in a layer in a graph": lambda k: functional(k, classes(k)[1]("stack"), name="graph"),
    "attention": lambda k: called_twice(k.layers.MultiHeadAttention(2, 2, name="attention")),
    "bidirectional": lambda k: called(k.layers.Bidirectional(k.layers.LSTM(2, name="lstm"), name="both"), SERIES),
    "cells": lambda k: called(k.layers.RNN([k.layers.LSTMCell(2, name="c"), k.layers.GRUCell(2, name="d")], name="rnn"), SERIES),
    "for each step": lambda k: called(k.layers.TimeDistributed(k.layers.Dense(2, name="a"), name="each"), SERIES),
    "a wrapper with weights": lambda k: called(k.layers.SpectralNormalization(k.layers.Dense(2, name="a"), name="wrapper")),
    "counters": lambda k: called(k.layers.BatchNormalization(name="norm")),
    "a clone": lambda k: k.models.clone_model(k.Sequential([k.Input((4,)), k.layers.Dense(2, name="a")], name="seq")),
}


def called_twice(layer):
    layer(SERIES, SERIES)
    return layer


def paths_of(model):
    weights = [variable.path for variable in model.variables if "seed_generator" not in variable.path]
    layers = {layer.path for layer in model._flatten_layers() if layer.weights}
    return weights, layers


@pytest.mark.parametrize("case", MODELS)
def test_paths_are_those_of_keras(case, quick_collector):
    keras.utils.clear_session()  # a layer that a wrapper makes is numbered by those that the process made before
    jkeras.utils.clear_session()
    assert paths_of(MODELS[case](jkeras)) == paths_of(MODELS[case](keras))


def test_a_loaded_model_and_a_copy_have_the_paths(tmp_path):
    model = MODELS["a graph in a stack"](jkeras)
    model.save(tmp_path / "model.keras")
    assert paths_of(jkeras.models.load_model(tmp_path / "model.keras")) == paths_of(model)


def test_a_layer_without_a_place_has_no_path():
    dense = jkeras.layers.Dense(2, name="a")
    assert dense.path is None
    with pytest.raises(AttributeError):
        dense.path = "b"
    dense.build((None, 4))
    assert dense.path == "a" and [v.path for v in dense.weights] == ["a/kernel", "a/bias"]


@pytest.mark.parametrize("k", [jkeras, keras])
def test_scopes_of_names(k):
    me = object()
    with k.name_scope("outer"):
        with k.name_scope("inner", caller=me), k.name_scope("inner", caller=me):
            assert k.Variable(1.0, name="v").path == "outer/inner/v"
        with k.name_scope("inner", caller=me), k.name_scope("inner", caller=me, deduplicate=False):
            assert k.Variable(1.0, name="v").path == "outer/inner/inner/v"
        with k.name_scope("far", override_parent="a/b"):
            assert k.Variable(1.0, name="v").path == "a/b/far/v"
        dense = k.layers.Dense(2, name="dense")
        dense(X)
    assert dense.path == "outer/dense" and dense.kernel.path == "outer/dense/kernel"
    dense(X)
    assert k.Variable(1.0, name="v").path == "v" and dense.path == "outer/dense"
    for wrong in ("a/b", 3, None):
        with pytest.raises(ValueError):
            k.name_scope(wrong)


def test_variables_of_metrics_and_generators():
    found = []
    for k in (jkeras, keras):
        own = k.metrics.Mean(name="own")
        added = own.add_variable((2,), "zeros", name="more")
        generator = k.random.SeedGenerator(1, name="seeds")
        found.append([v.path for v in own.variables] + [added.path, generator.state.path])
    assert found[0] == found[1]


def test_a_path_is_that_of_the_place():
    with Scope(path="a/b"):
        assert path_here("c") == "a/b/c"
    assert path_here("c") == "c"

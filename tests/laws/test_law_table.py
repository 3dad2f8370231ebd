"""Every public layer is in the table; each is built when Keras' is, by the same call."""

import inspect

import keras
from table import LAYERS, OWN, one_layer_of_each

from jkeras import layers

# Base classes; layers with two inputs and wrappers, which the table has in models; cells, which other layers run.
NOT_CALLED = {"Layer", "Wrapper", "InputLayer", "MultiHeadAttention", "GroupedQueryAttention", "TimeDistributed"}
# Layers of texts and the like, which run on the host: `tests/test_text_layers.py`.
NOT_CALLED |= {"Hashing", "HashedCrossing", "IntegerLookup", "StringLookup", "TextVectorization"}
# Layers around functions and modules of yours: `tests/layers/test_jax_layer.py`.
NOT_CALLED |= {"JaxLayer", "FlaxLayer", "TFSMLayer", "TorchModuleWrapper"}
NOT_CALLED |= {"SimpleRNNCell", "LSTMCell", "GRUCell", "StackedRNNCells"}


def test_every_public_layer_is_in_the_table():
    public = {v for v in (getattr(layers, name) for name in dir(layers)) if inspect.isclass(v) and issubclass(v, layers.Layer)}
    assert {c.__name__ for c in public} - NOT_CALLED == {case.layer for case in (*LAYERS, *OWN)}


@one_layer_of_each
def test_a_layer_without_weights_is_built_from_the_start(case):
    ours = case.make()
    assert ours.built or not case.make(keras).built
    if ours.built:
        assert ours(case.x, **case.options) is not None
        assert not ours.weights


@one_layer_of_each
def test_build_takes_the_shape_by_name(case):
    layer = case.make()
    layer.build(input_shape=case.shape)
    assert layer.built

"""Every public layer is in the table."""

import inspect

from table import LAYERS, OWN

from jkeras import layers

# `Layer` is what all the others are made of; `InputLayer` starts a graph and computes nothing.
# Multi-head and grouped-query attention take query and value as two arguments, and the layer in TimeDistributed has a policy of
# its own: they are in the table among the models.
# Bases; layers of two inputs and wrappers, which the table holds in models; cells, which layers run.
NOT_CALLED = {"Layer", "InputLayer", "MultiHeadAttention", "GroupedQueryAttention", "TimeDistributed"}
NOT_CALLED |= {"SimpleRNNCell", "LSTMCell", "GRUCell", "StackedRNNCells"}


def test_every_public_layer_is_in_the_table():
    public = {v for v in vars(layers).values() if inspect.isclass(v) and issubclass(v, layers.Layer)}
    assert {c.__name__ for c in public} - NOT_CALLED == {case.layer for case in (*LAYERS, *OWN)}

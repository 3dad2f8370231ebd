"""The public name of every activation, entered in the registry.

What is registered is the compiled function of `jkeras.nn` itself, so a config that holds `jkeras.activations.relu` reads "relu".
"""

from __future__ import annotations

from collections.abc import Callable
from types import FunctionType
from typing import Any

import jax

from jkeras._base.registry import export, same_as
from jkeras._base.types import Array
from jkeras.nn import activations, rectifiers

CATALOGUE: dict[str, Callable[..., Array]] = {
    "celu": activations.celu,
    "elu": activations.elu,
    "exponential": activations.exponential,
    "gelu": activations.gelu,
    "glu": activations.glu,
    "hard_shrink": rectifiers.hard_shrink,
    "hard_sigmoid": rectifiers.hard_sigmoid,
    "hard_silu": rectifiers.hard_silu,
    "hard_tanh": rectifiers.hard_tanh,
    "leaky_relu": rectifiers.leaky_relu,
    "linear": activations.linear,
    "log_sigmoid": activations.log_sigmoid,
    "log_softmax": activations.log_softmax,
    "mish": activations.mish,
    "relu": rectifiers.relu,
    "relu6": rectifiers.relu6,
    "selu": activations.selu,
    "sigmoid": activations.sigmoid,
    "silu": activations.silu,
    "soft_shrink": rectifiers.soft_shrink,
    "softmax": activations.softmax,
    "softplus": activations.softplus,
    "softsign": activations.softsign,
    "sparse_plus": rectifiers.sparse_plus,
    "sparse_sigmoid": rectifiers.sparse_sigmoid,
    "sparsemax": rectifiers.sparsemax,
    "squareplus": activations.squareplus,
    "tanh": activations.tanh,
    "tanh_shrink": activations.tanh_shrink,
    "threshold": rectifiers.threshold,
}

SECOND_NAMES = {"silu": "swish", "hard_silu": "hard_swish"}

NOT_AS_IN_JAX = ("gelu", "leaky_relu")  # by default exact, and of another slope


def _pickled_by_name(function: Any) -> None:
    """Let a compiled function be pickled and copied by its name; JAX would pickle the function inside, whose name is the same."""
    if isinstance(function, FunctionType):
        return
    function.__reduce_ex__ = lambda protocol: function.__qualname__


for name, function in CATALOGUE.items():
    _pickled_by_name(function)
    paths = [f"keras.activations.{n}" for n in (name, SECOND_NAMES.get(name)) if n]
    export(*paths)(function)
    twin = getattr(jax.nn, "soft_sign" if name == "softsign" else name, None)
    if twin is not None and name not in NOT_AS_IN_JAX:
        same_as(paths[0], twin)  # so that a file of Dense(activation=jax.nn.relu) says "relu"

# In files of Keras 2 it is called hard_sigmoid; no Keras knows it by this name.
export("jkeras.activations.hard_sigmoid_keras2")(rectifiers.hard_sigmoid_keras2)

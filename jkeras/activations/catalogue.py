"""The public name of every activation, which is every one of `functions.py`, entered in the registry.

A config that holds `jkeras.activations.relu`, or the function of `jkeras.nn` behind it, reads "relu".
"""

from __future__ import annotations

from collections.abc import Callable

import jax

from jkeras._base.registry import export, same_as
from jkeras._base.types import Array
from jkeras.activations import functions
from jkeras.nn import rectifiers

CATALOGUE: dict[str, Callable[..., Array]] = {
    name: function
    for name, function in vars(functions).items()
    if getattr(function, "__module__", None) == "jkeras.activations" and function.__name__ == name
}
# In files of Keras 2 it is called hard_sigmoid; no Keras knows it by this name.
export("jkeras.activations.hard_sigmoid_keras2")(rectifiers.hard_sigmoid_keras2)

SECOND_NAMES = {"silu": "swish", "hard_silu": "hard_swish"}

NOT_AS_IN_JAX = ("gelu", "leaky_relu")  # by default exact, and of another slope


for name, function in CATALOGUE.items():
    paths = [f"keras.activations.{n}" for n in (name, SECOND_NAMES.get(name)) if n]
    export(*paths)(function)
    same_as(paths[0], functions.maths_of(function))
    twin = getattr(jax.nn, "soft_sign" if name == "softsign" else name, None)
    if twin is not None and name not in NOT_AS_IN_JAX:
        same_as(paths[0], twin)  # so that a file of Dense(activation=jax.nn.relu) says "relu"

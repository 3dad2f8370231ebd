"""The public name of every activation, which is every public function of two files of `jkeras.nn`, entered in the registry.

What is registered is the compiled function of `jkeras.nn` itself, so a config that holds `jkeras.activations.relu` reads "relu".
"""

from __future__ import annotations

from collections.abc import Callable
from types import FunctionType

import jax

from jkeras._base.registry import export, same_as
from jkeras._base.types import Array
from jkeras.nn import activations, rectifiers

CATALOGUE: dict[str, Callable[..., Array]] = {
    name: function
    for module in (activations, rectifiers)
    for name, function in vars(module).items()
    if getattr(function, "__module__", None) == module.__name__ and not name.startswith("_")
}
# In files of Keras 2 it is called hard_sigmoid; no Keras knows it by this name.
export("jkeras.activations.hard_sigmoid_keras2")(CATALOGUE.pop("hard_sigmoid_keras2"))

SECOND_NAMES = {"silu": "swish", "hard_silu": "hard_swish"}

NOT_AS_IN_JAX = ("gelu", "leaky_relu")  # by default exact, and of another slope


for name, function in CATALOGUE.items():
    if not isinstance(function, FunctionType):  # compiled: JAX would pickle the function inside, whose name is the same
        function.__reduce_ex__ = lambda protocol, name=function.__qualname__: name  # type: ignore[misc, method-assign]
    paths = [f"keras.activations.{n}" for n in (name, SECOND_NAMES.get(name)) if n]
    export(*paths)(function)
    twin = getattr(jax.nn, "soft_sign" if name == "softsign" else name, None)
    if twin is not None and name not in NOT_AS_IN_JAX:
        same_as(paths[0], twin)  # so that a file of Dense(activation=jax.nn.relu) says "relu"

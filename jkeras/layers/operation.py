"""`Operation`: a function of arrays as an object with a name and a config, for graphs.

In Keras layers are operations; here an operation is a layer without weights that leaves dtypes alone. So graphs, files and clones
treat both alike. `isinstance(layer, Operation)` is true all the same.
"""

from __future__ import annotations

from typing import Any

from jkeras._base import configurable
from jkeras._base.registry import export
from jkeras._base.types import Tree
from jkeras.graph import ArrayFunction
from jkeras.layer.base import Layer


class _IncludesLayers(type):
    """Layers and the array functions of a graph count as operations, as in Keras."""

    def __instancecheck__(cls, instance: object) -> bool:
        return super().__instancecheck__(instance) or (cls is Operation and isinstance(instance, (Layer, ArrayFunction)))

    def __subclasscheck__(cls, subclass: type) -> bool:
        return super().__subclasscheck__(subclass) or (cls is Operation and issubclass(subclass, (Layer, ArrayFunction)))


@export("keras.Operation")
class Operation(Layer, metaclass=_IncludesLayers):
    """Base of operations of your own: define `call`, and `compute_output_spec` where JAX cannot derive the shapes.

    Args:
        name: without slashes; default from the class' name.

    Example:
        >>> import jax.numpy as jnp
        >>> from jkeras import Input, Model
        >>> class Scaled(Operation):
        ...     def __init__(self, factor, name=None):
        ...         super().__init__(name=name)
        ...         self.factor = factor
        ...     def call(self, x):
        ...         return x * self.factor
        >>> x = Input((2,))
        >>> Model(x, Scaled(3.0)(x))(jnp.ones((1, 2))).tolist()
        [[3.0, 3.0]]
    """

    def __init__(self, name: str | None = None, **kwargs: Any):
        super().__init__(name=name, **{"autocast": False, **kwargs})

    def get_config(self) -> dict[str, Any]:
        """The name and the constructor's arguments: operations in Keras have neither a dtype nor a switch for training."""
        named = configurable.constructor_signature(type(self)).parameters
        return {k: v for k, v in super().get_config().items() if k in named or k not in ("dtype", "trainable")}

    def symbolic_call(self, *args: Tree, **kwargs: Tree) -> Tree:
        """Record a call in a graph; `__call__` does it where an argument is symbolic."""
        return self._call_symbolic(args, kwargs)

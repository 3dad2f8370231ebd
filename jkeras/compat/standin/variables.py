"""`tf.Variable`: jkeras' Variables, made with TensorFlow's arguments."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from jax.typing import DTypeLike

from jkeras._base.types import Array, Tree
from jkeras.state.variable import Variable as _Variable


class _BoxesAreInstances(type):
    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, _Variable)


class Variable(metaclass=_BoxesAreInstances):
    """A Variable with these values; all weights of layers count as its instances.

    Args:
        initial_value: an array or number, or a function without arguments that returns one.
        trainable: whether gradient descent changes it; None is True.
        validate_shape, caching_device, import_scope, synchronization: for graphs; ignored.
        name: only the part after a scope's slash counts.
        dtype: by default that of the values.
        constraint: what values it may have.
        aggregation: how replicas combine it.
        shape: that of the values, or None.

    Raises:
        ValueError: the shape is not that of the values.

    Example:
        >>> v = Variable(initial_value=[1.0, 2.0], trainable=False)
        >>> v.shape, v.trainable, isinstance(v, Variable)
        ((2,), False, True)
    """

    def __new__(  # type: ignore[misc]
        cls,
        initial_value: Tree,
        trainable: bool | None = True,
        validate_shape: object = True,
        caching_device: object = None,
        name: str | None = None,
        dtype: DTypeLike | None = None,
        import_scope: object = None,
        constraint: Callable[[Array], Array] | None = None,
        synchronization: object = None,
        aggregation: str = "none",
        shape: Sequence[int] | None = None,
    ) -> _Variable:
        """The Variable."""
        value = initial_value() if callable(initial_value) else initial_value
        name = name.rpartition("/")[2] if name else None
        variable = _Variable(value, None, dtype, trainable is not False, True, aggregation, name, None, constraint)
        if shape is not None and tuple(shape) != variable.shape:
            raise ValueError(f"tf.Variable: the values have shape {variable.shape}, not shape={tuple(shape)}. Omit shape=.")
        return variable

"""`tf.Variable`: jkeras' Variables, made with TensorFlow's arguments.

Keras reads a variable by the attribute `value`, TensorFlow by calling a method of this name. So `value` of these Variables is an
object that stands for the array, as a Variable itself does, and that gives the array when it is called.
"""

from __future__ import annotations

import functools
import weakref
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import DTypeLike

from jkeras._base.types import Array, Tree
from jkeras.state.operators import ArrayOperators
from jkeras.state.scope import is_traced
from jkeras.state.variable import Variable as _Variable

__all__ = ["Variable"]


class ValueOrMethod(ArrayOperators):
    """The array of a Variable: `v.value` for Keras' code, `v.value()` for TensorFlow's.

    Args:
        value: the array.

    Example:
        >>> v = Variable([1.0, 2.0])
        >>> (v.value + 1).tolist(), v.value().tolist()
        ([2.0, 3.0], [1.0, 2.0])
    """

    def __init__(self, value: Array):
        self.value = value

    def __call__(self) -> Array:
        return self.value

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> np.ndarray:
        return np.array(self.value, dtype)

    def __jax_array__(self) -> Array:
        return self.value

    def __repr__(self) -> str:
        return repr(self.value)


jax.tree_util.register_pytree_node(ValueOrMethod, lambda read: ((read.value,), None), lambda _, children: children[0])


# Entries that were read as `v[index]`, by the id of their array: they can be assigned.
_parts: dict[int, tuple[weakref.ref[Array], OfTensorFlow, Tree]] = {}

_OTHER_SHAPE = "Cannot assign an array of shape {given} to entries of shape {shape}: give one that broadcasts to that shape."


def assign_of(part: Array) -> Callable[..., OfTensorFlow]:
    """The method `assign` of an array that was read as `v[index]`. It puts values in place of these entries of `v`, gives the
    whole Variable, and takes TensorFlow's arguments.

    Args:
        part: the array.

    Raises:
        AttributeError: another array.

    Example:
        >>> v = Variable([1.0, 2.0, 3.0])
        >>> assign_of(v[1:])([7.0, 8.0]).numpy().tolist(), assign_of(v[0])(5.0).numpy().tolist()
        ([1.0, 7.0, 8.0], [5.0, 7.0, 8.0])
    """
    found = _parts.get(id(part))
    if found is None or found[0]() is not part:
        raise AttributeError(f"{type(part).__name__!r} object has no attribute 'assign'")
    return functools.partial(_assign, part.shape, *found[1:])


def _assign(
    shape: tuple[int, ...],
    variable: OfTensorFlow,
    index: Tree,
    value: Tree,
    use_locking: object = None,
    name: object = None,
    read_value: object = True,
) -> OfTensorFlow:
    new = jnp.asarray(value, variable.stored_dtype)
    extra = max(0, new.ndim - len(shape))
    if any(size != 1 for size in new.shape[:extra]) or any(n not in (1, size) for n, size in zip(new.shape[::-1], shape[::-1])):
        raise ValueError(_OTHER_SHAPE.format(given=tuple(new.shape), shape=tuple(shape)))
    variable.assign(variable.stored.at[index].set(new.reshape(new.shape[extra:])))
    return variable


class OfTensorFlow(_Variable):
    """A Variable that `tf.Variable` made."""

    def __getitem__(self, index: Tree) -> Array:
        """These entries, an array that has `assign` where scripts for TensorFlow run.

        Raises:
            IndexError: there are no such entries.
        """
        index = jax.tree.map(lambda part: part.array if isinstance(part, _Variable) else part, index)
        part = self.array[index]
        known = jax.tree.map(lambda at: np.zeros(at.shape, int) if is_traced(at) else at, index)
        np.broadcast_to(False, self.shape)[known]  # NumPy looks whether they are there, where JAX takes the last ones
        key = id(part)
        _parts[key] = weakref.ref(part, lambda _: _parts.pop(key, None)), self, index
        return part

    @property
    def value(self) -> ValueOrMethod:  # type: ignore[override]
        """Stands for the array, and gives it when called."""
        return ValueOrMethod(self.array)

    def read_value(self) -> Array:
        """The array."""
        return self.array


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
        >>> v.value().tolist()
        [1.0, 2.0]
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
        given: dict[str, Any] = {"aggregation": aggregation, "name": name, "constraint": constraint}
        variable = OfTensorFlow(value, None, dtype, trainable is not False, **given)
        if shape is not None and tuple(shape) != variable.shape:
            raise ValueError(f"tf.Variable: the values have shape {variable.shape}, not shape={tuple(shape)}. Omit shape=.")
        return variable

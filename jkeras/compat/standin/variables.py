"""`tf.Variable`: jkeras' Variables, made with TensorFlow's arguments.

Keras reads a variable by the attribute `value`, TensorFlow by calling a method of this name. So `value` of these Variables is an
object that stands for the array, as a Variable itself does, and that gives the array when it is called.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import DTypeLike

from jkeras._base.types import Array, Tree
from jkeras.state.operators import ArrayOperators
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


class VariablePart(ArrayOperators):
    """Entries of a Variable: they stand for an array, and can be assigned.

    Args:
        variable: of which.
        index: the entries, in Python's way or as arrays.

    Example:
        >>> v = Variable([1.0, 2.0, 3.0])
        >>> v[1:].assign([7.0, 8.0]).numpy().tolist(), v[0].assign(5.0).numpy().tolist()
        ([1.0, 7.0, 8.0], [5.0, 7.0, 8.0])
    """

    def __init__(self, variable: OfTensorFlow, index: Tree):
        self.value = variable.array[index]
        self._variable, self._index = variable, index

    @property
    def array(self) -> Array:
        """The values."""
        return self.value

    def assign(self, value: Tree, use_locking: object = None, name: object = None, read_value: object = True) -> OfTensorFlow:
        """Put values in place of these entries, and return the whole Variable.

        Args:
            value: of the shape of the entries, or of one that broadcasts to it.
            use_locking, name, read_value: for graphs; ignored.

        Raises:
            ValueError: another shape.
        """
        new = jnp.asarray(value, self._variable.stored_dtype)
        new = new.reshape(new.shape[max(0, new.ndim - self.value.ndim) :])
        self._variable.assign(self._variable.stored.at[self._index].set(new))
        return self._variable

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> np.ndarray:
        return np.array(self.value, dtype)

    def __jax_array__(self) -> Array:
        return self.value

    def __repr__(self) -> str:
        return repr(self.value)


jax.tree_util.register_pytree_node(VariablePart, lambda part: ((part.array,), None), lambda _, children: children[0])


class OfTensorFlow(_Variable):
    """A Variable that `tf.Variable` made."""

    def __getitem__(self, index: Tree) -> VariablePart:
        return VariablePart(self, index)

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
        variable = OfTensorFlow(value, None, dtype, trainable is not False, True, aggregation, name, None, constraint)
        if shape is not None and tuple(shape) != variable.shape:
            raise ValueError(f"tf.Variable: the values have shape {variable.shape}, not shape={tuple(shape)}. Omit shape=.")
        return variable

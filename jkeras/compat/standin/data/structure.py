"""Elements as nests of NumPy arrays: tuples and dicts are structure, everything else, lists too, is a component.

Components have the dtypes that JAX has; strings are arrays of `bytes`. An element that is itself a dataset (`window`) is a 0-d
array that holds the object.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol, TypeGuard

import jax
import jax.numpy as jnp
import numpy as np

from jkeras._base.errors import describe
from jkeras._base.types import Tree
from jkeras.compat.standin.host_tensor import STRING, encoded, host_tensor
from jkeras.compat.standin.tensor_spec import TensorSpec


class HasNode(Protocol):
    """A dataset, as nodes see it."""

    def __jkeras_node__(self) -> Any: ...


def is_dataset(value: object) -> TypeGuard[HasNode]:
    """Whether a value is a dataset."""
    return hasattr(type(value), "__jkeras_node__")


def mapped(value: Any, leaf: Callable[[Any], Any]) -> Tree:
    """The structure with a function applied to each component."""
    if isinstance(value, tuple):
        parts = [mapped(part, leaf) for part in value]
        return type(value)(*parts) if hasattr(value, "_fields") else tuple(parts)
    if isinstance(value, Mapping):
        return {key: mapped(part, leaf) for key, part in value.items()}
    return None if value is None else leaf(value)


def as_element(value: Any) -> Tree:
    """What a function or a generator returned, as an element.

    Example:
        >>> as_element(([1, 2], {"word": "yes"}))
        (array([1, 2], dtype=int32), {'word': array(b'yes', dtype=object)})
    """
    return mapped(value, as_component)


def as_traced(value: Any) -> Tree:
    """The same inside a function that JAX traces; strings and datasets are an error there."""
    return mapped(value, jnp.asarray)


def as_component(value: Any) -> np.ndarray:
    """One component as an array."""
    if is_dataset(value):
        return boxed(value)
    if isinstance(value, list) and any(isinstance(part, (jax.Array, list)) for part in value):
        value = [as_component(part) for part in value]
    try:
        array = encoded(value)
    except ValueError as error:
        raise ValueError(f"Rows of different lengths are not one tensor ({error}). Pad them to one length.") from error
    return array if array.dtype == STRING else _narrow(array)


def boxed(value: object) -> np.ndarray:
    """A 0-d array that holds an object."""
    box = np.empty((), object)
    box[()] = value
    return box


def _narrow(array: np.ndarray) -> np.ndarray:
    dtype = jax.dtypes.canonicalize_dtype(array.dtype)
    if dtype == array.dtype:
        return np.asarray(array)
    if array.dtype.kind in "iu" and array.size:
        low, high, bounds = array.min(), array.max(), np.iinfo(dtype)
        if low < bounds.min or high > bounds.max:
            raise ValueError(
                f"tf.data received {array.dtype} values from {low} to {high}, and JAX computes in {dtype}. Scale or re-number "
                "them, or set jax.config.update('jax_enable_x64', True)."
            )
    return array.astype(dtype)


def as_tensor(array: np.ndarray, on_host: bool = False) -> Any:
    """A component as scripts see it: an array of JAX, a string tensor, or a dataset.

    Args:
        array: the component.
        on_host: whether numbers stay in NumPy, because tensors of many shapes would each compile their own operations.
    """
    if array.dtype == STRING and not array.ndim and is_dataset(array[()]):
        return array[()]
    return host_tensor(array) if on_host or array.dtype == STRING else jnp.asarray(array)


def as_number(array: np.ndarray) -> Any:
    """A component as `as_numpy_iterator` gives it."""
    return array[()]


def specs_of(element: Tree) -> Tree:
    """The specs of an element."""
    return jax.tree.map(lambda a: TensorSpec(a.shape, a.dtype), element)


def signature(tree: Tree) -> tuple[Any, ...]:
    """Equal for trees of the same structure, shapes and dtypes."""
    leaves, structure = jax.tree.flatten(tree)
    return structure, *((a.shape, a.dtype) for a in leaves)


def stack(elements: Sequence[Tree]) -> Tree:
    """Elements of the same shapes as one block.

    Raises:
        ValueError: the shapes differ.
    """
    first = elements[0]
    structure = jax.tree.structure(first)
    columns = zip(*(jax.tree.leaves(element) for element in elements))
    try:
        return jax.tree.unflatten(structure, [np.stack(column) for column in columns])
    except ValueError:
        other = next(element for element in elements if signature(element)[1:] != signature(first)[1:])
        raise ValueError(
            f"Elements of different shapes do not make a batch: {describe(first)} and {describe(other)}. Bring them to one shape "
            "with map, or write padded_batch(...)."
        ) from None


def runs_of_one_shape(elements: Iterator[Tree], most: int) -> Iterator[list[Tree]]:
    """Groups of at most `most` consecutive elements of the same shapes."""
    group: list[Tree] = []
    kind: object = None
    for element in elements:
        if most > 1 and group and signature(element) != kind:
            yield group
            group = []
        kind = signature(element) if most > 1 and not group else kind
        group.append(element)
        if len(group) >= most:
            yield group
            group = []
    if group:
        yield group

"""Messages that TensorFlow writes into event files: `tf.make_tensor_proto`, `tf.compat.v1.Summary`, `SummaryMetadata`.

The classes are those of the package `tensorboard`, which has the same definitions; TensorBoard's plugins ask for these names.
They are looked up when they are asked for, so a script without them does not need the package.
"""

from __future__ import annotations

import numpy as np
from jax.typing import DTypeLike

from jkeras._base.types import Tree
from jkeras.callbacks.event_writer import require_tensorboard

_MESSAGES = ("Event", "Summary", "SummaryMetadata")
__all__ = ["Event", "Summary", "SummaryMetadata", "make_ndarray", "make_tensor_proto"]  # noqa: F822 - see `__getattr__`


def __getattr__(name: str) -> object:
    if name not in _MESSAGES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        return getattr(require_tensorboard(), name)
    except ImportError as error:
        raise AttributeError(f"tf.{name} is the package tensorboard's. {error}") from error


def make_tensor_proto(values: Tree, dtype: DTypeLike | None = None, shape: object = None, verify_shape: bool = False) -> object:
    """An array as a message.

    Args:
        values: an array, numbers or strings.
        dtype: None for that of the values.
        shape: of the message; None for that of the values.
        verify_shape: raise TypeError if the values have another shape.

    Returns:
        A `TensorProto`.

    Raises:
        ImportError: tensorboard is not installed.
        TypeError: the values have another shape than `shape`.

    Example:
        >>> make_ndarray(make_tensor_proto([[1.0, 2.0]], dtype="float32")).tolist()
        [[1.0, 2.0]]
    """
    make = require_tensorboard().tensor
    values = np.asarray(values) if hasattr(values, "__array__") else values
    if dtype is not None:
        values = np.asarray(values, dtype)
    elif isinstance(values, (list, tuple, float, int)):
        values = _as_tensorflow_reads(np.asarray(values), values)
    if shape is None:
        return make(values)
    wanted = tuple(int(size) for size in np.atleast_1d(np.asarray(shape, int)))
    if verify_shape and np.shape(values) != wanted:
        raise TypeError(f"The values have the shape {np.shape(values)}. Received shape={wanted}.")
    return make(np.broadcast_to(values, wanted) if np.size(values) == 1 else np.reshape(values, wanted))


def make_ndarray(tensor: object) -> np.ndarray:
    """The NumPy array of a message."""
    return require_tensorboard().array(tensor)


def _as_tensorflow_reads(array: np.ndarray, values: Tree) -> Tree:
    """Python's numbers have 32 bits in TensorFlow, integers only where all fit; other values are left to tensorboard."""
    narrow = {"float64": np.float32, "int64": np.int32}.get(array.dtype.name)
    if narrow is None:
        return values
    narrowed = array.astype(narrow)
    return array if narrow is np.int32 and not np.array_equal(narrowed, array) else narrowed

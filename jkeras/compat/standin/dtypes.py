"""`tf.float32` and the other dtypes: NumPy's dtype objects, which every `dtype=` takes and every array's `dtype` equals."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np
from jax.typing import DTypeLike

_NAMES = """
bool uint8 uint16 uint32 uint64 int8 int16 int32 int64 bfloat16 float16 half float32 float64 double complex64 complex128
"""
globals().update({name: np.dtype(jnp.dtype(name)) for name in _NAMES.split()})
string = np.dtype(object)  # arrays of `bytes`, as `HostTensor` holds them
DType = np.dtype
__all__ = ["DType", "as_dtype", "string", *_NAMES.split()]


# TensorFlow's numbers for dtypes, which `tf.zeros(1, 1)` means.
_NUMBERS = {
    1: "float32", 2: "float64", 3: "int32", 4: "uint8", 5: "int16", 6: "int8", 9: "int64", 10: "bool", 14: "bfloat16",
    17: "uint16", 19: "float16", 22: "uint32", 23: "uint64",
}  # fmt: skip


def as_dtype(type_value: DTypeLike | int) -> np.dtype:
    """The dtype of a name, a NumPy type, a dtype, or one of TensorFlow's numbers.

    Example:
        >>> as_dtype("float32") == as_dtype(1) == float32
        True
    """
    wanted: Any = _NUMBERS.get(type_value, type_value) if isinstance(type_value, int) else type_value
    return np.dtype(jnp.dtype(wanted))

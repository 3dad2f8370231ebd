"""`tf.float32` and the other dtypes: NumPy's dtype objects, which every `dtype=` takes and every array's `dtype` equals."""

from __future__ import annotations

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


def as_dtype(type_value: DTypeLike) -> np.dtype:
    """The dtype of a name, a NumPy type or a dtype.

    Example:
        >>> as_dtype("float32") == float32
        True
    """
    return np.dtype(jnp.dtype(type_value))

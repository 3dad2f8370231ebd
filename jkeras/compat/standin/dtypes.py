"""`tf.float32` and the other dtypes: NumPy's dtype objects, which every `dtype=` takes and every array's `dtype` equals."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
from jax.typing import DTypeLike

bool = np.dtype("bool")
uint8 = np.dtype("uint8")
uint16 = np.dtype("uint16")
uint32 = np.dtype("uint32")
uint64 = np.dtype("uint64")
int8 = np.dtype("int8")
int16 = np.dtype("int16")
int32 = np.dtype("int32")
int64 = np.dtype("int64")
float16 = half = np.dtype("float16")
bfloat16 = np.dtype(jnp.bfloat16)
float32 = np.dtype("float32")
float64 = double = np.dtype("float64")
complex64 = np.dtype("complex64")
complex128 = np.dtype("complex128")
string = np.dtype(object)  # arrays of `bytes`, as `HostTensor` holds them
DType = np.dtype

__all__ = [
    "DType",
    "as_dtype",
    "string",
    "bfloat16",
    "bool",
    "complex64",
    "complex128",
    "double",
    "float16",
    "float32",
    "float64",
    "half",
    "int8",
    "int16",
    "int32",
    "int64",
    "uint8",
    "uint16",
    "uint32",
    "uint64",
]


def as_dtype(type_value: DTypeLike) -> np.dtype:
    """The dtype of a name, a NumPy type or a dtype.

    Example:
        >>> as_dtype("float32") == float32
        True
    """
    return np.dtype(jnp.dtype(type_value))

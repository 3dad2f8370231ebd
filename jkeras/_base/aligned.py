"""Host arrays that a program on a CPU reads in place.

XLA:CPU reads an argument in place if its memory begins at a multiple of 64 bytes. Any other array is copied whole in every call,
and numpy's begin where the allocator puts them, often 16 bytes past such a multiple. For a batch stack of 16 MB, of which each
call takes one batch, the copies take longer than the steps.
"""

from __future__ import annotations

import math

import numpy as np
from jax.typing import DTypeLike

_ALIGNMENT = 64


def is_aligned(array: np.ndarray) -> bool:
    """Whether a program reads an array in place.

    Example:
        >>> is_aligned(aligned_empty((3, 5), np.float32)), is_aligned(aligned_empty((9,), np.float32)[1:])
        (True, False)
    """
    return array.ctypes.data % _ALIGNMENT == 0 and array.flags.c_contiguous


def aligned_empty(shape: tuple[int, ...], dtype: DTypeLike) -> np.ndarray:
    """Like `np.empty`, in memory that a program reads in place.

    Args:
        shape: of the array.
        dtype: of its numbers.

    Example:
        >>> array = aligned_empty((2, 3), np.int16)
        >>> array.shape, array.dtype.name, array.ctypes.data % 64
        ((2, 3), 'int16', 0)
    """
    dtype = np.dtype(dtype)
    size = math.prod(shape) * dtype.itemsize
    raw = np.empty(size + _ALIGNMENT, np.uint8)
    offset = -raw.ctypes.data % _ALIGNMENT
    return raw[offset : offset + size].view(dtype).reshape(shape)

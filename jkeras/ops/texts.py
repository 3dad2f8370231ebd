"""Operations that only move entries work on texts too, which are not arrays of JAX: a table of NumPy's functions for them.

NumPy's arguments stand in the operations' order.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

MOVING: dict[str, Callable[..., Any]] = {
    "broadcast_to": np.broadcast_to,
    "concatenate": np.concatenate,
    "expand_dims": np.expand_dims,
    "flip": np.flip,
    "get_item": operator.getitem,
    "moveaxis": np.moveaxis,
    "ravel": np.ravel,
    "repeat": np.repeat,
    "reshape": np.reshape,
    "roll": np.roll,
    "squeeze": np.squeeze,
    "stack": np.stack,
    "swapaxes": np.swapaxes,
    "tile": np.tile,
    "transpose": np.transpose,
}


def any_texts(leaves: Iterable[object]) -> bool:
    """Whether there is an array of texts among the leaves."""
    return any(isinstance(leaf, np.ndarray) and leaf.dtype.kind in "OSUT" for leaf in leaves)

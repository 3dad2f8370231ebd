"""Names from inside Keras 3 (`keras.src`) that packages import, though Keras does not document them."""

from __future__ import annotations

import sys
from pathlib import Path
from types import FrameType
from typing import Any

import jax

from jkeras.graph.keras_tensor import KerasTensor
from jkeras.state.scope import get_mask, set_mask

_GRAIN = (str(Path("grain", "_src", "python", "dataset")), str(Path("grain", "_src", "python", "data_loader")))


def get_keras_mask(x: Any) -> Any:
    """The mask that travels with an array or a symbolic tensor; None where there is none.

    Example:
        >>> import numpy as np
        >>> from jkeras.layers import Masking
        >>> get_keras_mask(Masking()(np.array([[[1.0], [0.0]]]))).tolist()
        [[True, False]]
    """
    return x._keras_mask if isinstance(x, KerasTensor) else get_mask(x)


def set_keras_mask(x: jax.Array, mask: jax.Array) -> None:
    """Let a mask travel with an array.

    Raises:
        TypeError: for a symbolic tensor, whose mask a layer makes.
    """
    if isinstance(x, KerasTensor):
        raise TypeError("A layer makes the mask of a symbolic tensor. Write a Layer with `compute_mask(self, inputs, mask)`.")
    set_mask(x, mask)


def in_grain_data_pipeline() -> bool:
    """Whether the package grain is calling, and so expects NumPy arrays."""
    if "grain" not in sys.modules:
        return False
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if any(folder in frame.f_code.co_filename for folder in _GRAIN):
            return True
        frame = frame.f_back
    return False

"""Activations with the arguments of Keras 2's backend."""

from __future__ import annotations

from collections.abc import Sequence

from jkeras import ops
from jkeras._base.types import Array, Tree
from jkeras.backend.shapes import as_tensor
from jkeras.nn import dropout as maths
from jkeras.nn import rectifiers
from jkeras.ops.wrapper import Tensor, as_array, symbolic
from jkeras.state.random import draw_key, drawing_owner

_general_relu = symbolic(lambda x, **settings: rectifiers.relu(x, **settings), "relu", module=__name__)


def relu(x: Tensor, alpha: float = 0.0, max_value: float | None = None, threshold: float = 0.0) -> Tensor:
    """`max(x, 0)`; with arguments, `alpha (x - threshold)` below the threshold, and at most `max_value`.

    Example:
        >>> relu([-10.0, 2.0, 9.0], alpha=0.5, max_value=6.0).tolist()
        [-5.0, 2.0, 6.0]
    """
    if alpha == 0.0 and max_value is None and threshold == 0.0:
        return ops.relu(x)
    return _general_relu(as_tensor(x), negative_slope=alpha, max_value=max_value, threshold=threshold)


def hard_sigmoid(x: Tensor) -> Tensor:
    """Keras 2's: `0.2 x + 0.5` between 0 and 1. Keras 3 has `x / 6 + 0.5`, which is `jkeras.ops.hard_sigmoid`.

    Example:
        >>> hard_sigmoid([-2.5, 0.0, 5.0]).tolist()
        [0.0, 0.5, 1.0]
    """
    return ops.clip(0.2 * as_tensor(x) + 0.5, 0.0, 1.0)


def _drop(x: Tree, level: float, noise_shape: Sequence[int | None] | None, seed: int | None) -> Array:
    return maths.dropout(draw_key(drawing_owner(), seed), as_array(x), level, noise_shape)


_dropout = symbolic(_drop, "dropout", module=__name__)


def dropout(x: Tensor, level: float, noise_shape: Sequence[int | None] | None = None, seed: int | None = None) -> Tensor:
    """Zero each entry with probability `level` and divide the others by `1 - level`, whether training or not.

    Args:
        x: floats.
        level: in [0, 1).
        noise_shape: shape of the random choice; axes of size 1 share one.
        seed: for the same sequence of draws in eager code; in a model draws follow the step's key.
    """
    return x if level == 0 else _dropout(x, level, noise_shape, seed)

"""Products as in Keras' backend: `K.dot`, `K.batch_dot`, `K.bias_add`."""

from __future__ import annotations

from collections.abc import Sequence

from jkeras import ops
from jkeras._base.config import standardize_data_format
from jkeras._base.errors import describe
from jkeras._base.plain_numbers import INTEGERS
from jkeras.ops.wrapper import Tensor

_LETTERS = "abcdefghijklmnopqrstuvwxyz"


def dot(x: Tensor, y: Tensor) -> Tensor:
    """The sum over the last axis of x and the last but one of y: `(..., n) (n, m)` gives `(..., m)`.

    Example:
        >>> dot([[1.0, 2.0]], [[3.0], [4.0]]).tolist()
        [[11.0]]
    """
    return ops.dot(x, y)


def batch_dot(x: Tensor, y: Tensor, axes: int | Sequence[int] | None = None) -> Tensor:
    """For each row of the batch, the sum over one axis of x and one axis of y.

    Args:
        x, y: `(batch, ...)`, two axes or more.
        axes: the two axes, or one number for both; by default the last of x and the last but one of y (the last of a y with two
            axes).

    Returns:
        `(batch, remaining axes of x, remaining axes of y)`, or `(batch, 1)` if none remain.

    Raises:
        ValueError: fewer than two axes, sizes that differ, or the batch axis among `axes`.

    Example:
        >>> import numpy as np
        >>> batch_dot(np.ones((2, 3, 4)), np.ones((2, 4, 5)), axes=(2, 1)).shape
        (2, 3, 5)
        >>> batch_dot(np.ones((2, 3)), np.ones((2, 3)), axes=1).tolist()
        [[3.0], [3.0]]
    """
    m, n = len(x.shape), len(y.shape)
    if m < 2 or n < 2:
        raise ValueError(f"K.batch_dot takes arrays with a batch axis and at least one more. Received: {describe([x, y])}.")
    if axes is None:
        axes = (m - 1, n - 1 if n == 2 else n - 2)
    a, b = (axes, axes) if isinstance(axes, INTEGERS) else tuple(axes)
    a, b = (a + m if a < 0 else a), (b + n if b < 0 else b)
    if not (0 < a < m and 0 < b < n):
        raise ValueError(f"K.batch_dot sums over axes after the batch axis. Received: axes={axes!r} with {describe([x, y])}.")
    if None not in (x.shape[a], y.shape[b]) and x.shape[a] != y.shape[b]:
        raise ValueError(f"K.batch_dot sums over axes of one size. Received: axes={axes!r} with {describe([x, y])}.")
    left, right = list(_LETTERS[:m]), list(_LETTERS[m : m + n])
    right[0], right[b] = left[0], left[a]
    out = [c for i, c in enumerate(left) if i != a] + [c for i, c in enumerate(right) if i not in (0, b)]
    result = ops.einsum(f"{''.join(left)},{''.join(right)}->{''.join(out)}", x, y)
    return ops.expand_dims(result, -1) if m == n == 2 else result


def bias_add(x: Tensor, bias: Tensor, data_format: str | None = None) -> Tensor:
    """Add a bias at each position.

    Args:
        x: `(batch, ..., channels)`, or with the channels after the batch.
        bias: `(channels,)`, or of x's shape without the batch, channels last.
        data_format: where x has its channels; by default the global setting.

    Raises:
        ValueError: a bias with another number of axes.
    """
    rank = len(x.shape)
    if len(bias.shape) not in (1, rank - 1):
        raise ValueError(f"A bias for {describe(x)} has 1 or {rank - 1} axes. Received: {describe(bias)}.")
    if standardize_data_format(data_format) == "channels_first" and rank > 2:
        if len(bias.shape) == 1:
            return x + ops.reshape(bias, (1, -1) + (1,) * (rank - 2))
        return x + ops.expand_dims(ops.moveaxis(bias, -1, 0), 0)
    return x + (bias if len(bias.shape) == 1 else ops.expand_dims(bias, 0))

"""The forms of one batch: `x`, `(x,)`, `(x, y)` or `(x, y, sample_weight)`.

Everything that yields batches may use any of the four; inside the package a batch is always the full triple, with None for what
is missing.
"""

from __future__ import annotations

from jkeras._base.errors import describe
from jkeras._base.registry import export
from jkeras._base.types import Batch, Tree


@export("keras.utils.unpack_x_y_sample_weight")
def unpack_x_y_sample_weight(data: Tree) -> Batch:
    """Bring a batch into the form `(x, y, sample_weight)`.

    Args:
        data: `x`, or a tuple or list of one to three: inputs, targets, sample weights. Several inputs are a tuple in a tuple:
            `((a, b),)`.

    Returns:
        The triple; None for what the batch does not have.

    Raises:
        ValueError: a tuple with more than three entries or none.

    Example:
        >>> unpack_x_y_sample_weight((1, 2))
        (1, 2, None)
        >>> unpack_x_y_sample_weight({"a": 1})
        ({'a': 1}, None, None)
    """
    if not isinstance(data, (list, tuple)):
        return data, None, None
    if not 1 <= len(data) <= 3:
        raise ValueError(
            f"A batch is `x`, `(x,)`, `(x, y)` or `(x, y, sample_weight)`. Received {len(data)} entries: {describe(data)}. "
            "Put several inputs into a tuple of their own: `((a, b, c, d), y)`."
        )
    x, y, sample_weight = (*data, None, None)[:3]
    return x, y, sample_weight


@export("keras.utils.pack_x_y_sample_weight")
def pack_x_y_sample_weight(x: Tree, y: Tree = None, sample_weight: Tree = None) -> Tree:
    """The shortest form of a batch, the way back from `unpack_x_y_sample_weight`.

    Args:
        x: the inputs.
        y: the targets, or None.
        sample_weight: the sample weights, or None.

    Returns:
        `x` itself (in a tuple where `x` is a list or tuple), `(x, y)` or `(x, y, sample_weight)`.

    Example:
        >>> pack_x_y_sample_weight(1), pack_x_y_sample_weight([1, 2]), pack_x_y_sample_weight(1, 2)
        (1, ([1, 2],), (1, 2))
    """
    if sample_weight is not None and y is not None:
        return x, y, sample_weight
    if y is not None:
        return x, y
    return (x,) if isinstance(x, (list, tuple)) else x

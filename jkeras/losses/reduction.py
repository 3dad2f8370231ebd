"""From one loss per sample to the number that is minimised.

| reduction                 | result for losses l and weights w            |
|---------------------------|----------------------------------------------|
| `sum_over_batch_size`     | `sum(w l) / number of losses` (the default)  |
| `mean`                    | the same                                     |
| `mean_with_sample_weight` | `sum(w l) / sum(w)`                          |
| `sum`                     | `sum(w l)`                                   |
| None or `none`            | `w l`                                        |

Masked entries weigh nothing and, in the first two, are not counted.
"""

from __future__ import annotations

import jax.numpy as jnp

from jkeras._base.errors import unknown_name
from jkeras._base.registry import export
from jkeras._base.types import Array, Tree
from jkeras.nn.losses_align import align_left, divide_or_zero, merge_mask

_MEANS = ("sum_over_batch_size", "mean")
_KNOWN = (*_MEANS, "mean_with_sample_weight", "sum", "none")


@export("keras.losses.Reduction")
class Reduction:
    """Keras 2's names for the values of `reduction`; each is the string itself.

    Example:
        >>> Reduction.SUM, Reduction.AUTO
        ('sum', 'auto')
    """

    AUTO = "auto"
    NONE = "none"
    SUM = "sum"
    SUM_OVER_BATCH_SIZE = "sum_over_batch_size"


def standardize_reduction(reduction: str | None) -> str | None:
    """A known reduction; Keras 2's `auto` is `sum_over_batch_size`.

    Raises:
        ValueError: an unknown one.
    """
    if reduction == "auto":
        return "sum_over_batch_size"
    if reduction is not None and reduction not in _KNOWN:
        raise unknown_name("reduction", reduction, _KNOWN)
    return reduction


def reduce_losses(
    losses: Tree, sample_weight: Tree = None, mask: Tree = None, reduction: str | None = "sum_over_batch_size"
) -> Array:
    """Weigh losses and reduce them by the table above.

    Args:
        losses: `(n,)`, or one per entry, `(n, ...)`.
        sample_weight: `(n,)`, or a shape that broadcasts to the losses'.
        mask: True for losses that count.
        reduction: see the table.

    Returns:
        A scalar, or the weighted losses without reduction.

    Raises:
        ValueError: weights whose shape does not fit.

    Example:
        >>> float(reduce_losses(jnp.array([1.0, 3.0]), sample_weight=jnp.array([1.0, 0.0])))
        0.5
        >>> float(reduce_losses(jnp.array([1.0, 3.0]), mask=jnp.array([True, False])))
        1.0
    """
    weight = merge_mask(sample_weight, mask, losses.dtype, rescale=reduction in _MEANS)
    if weight is not None:
        weight, losses = align_left(weight, losses)
        losses = losses * weight
    if reduction in (None, "none") or losses.ndim == 0:
        return losses
    total = jnp.sum(losses)
    if reduction == "sum":
        return total
    if reduction == "mean_with_sample_weight" and weight is not None:
        return divide_or_zero(total, jnp.sum(weight))
    return total / max(losses.size, 1)


def total_and_count(
    losses: Tree, sample_weight: Tree = None, mask: Tree = None, reduction: str | None = "sum_over_batch_size"
) -> tuple[Array, Array | int | None]:
    """What `reduce_losses` divides, for a batch that comes in parts: the sums of both over the parts give the loss of the whole.

    Args:
        losses, sample_weight, mask, reduction: as for `reduce_losses`.

    Returns:
        The sum of the weighted losses, and what it is divided by: a number where that is the same for any batch of this size, an
        array where it depends on weights or a mask, None where the sum is the loss.

    Raises:
        ValueError: there is no reduction.

    Example:
        >>> parts = ([1.0, 3.0], [True, False]), ([4.0], [True])
        >>> found = [total_and_count(jnp.array(losses), mask=jnp.array(mask)) for losses, mask in parts]
        >>> [(float(total), float(count)) for total, count in found]
        [(1.0, 1.0), (4.0, 1.0)]
    """
    if reduction in (None, "none"):
        raise ValueError(f"Expected a reduction that is a sum or a mean. Received: reduction={reduction!r}.")
    weight = merge_mask(sample_weight, mask, losses.dtype, rescale=False)
    size: Array | int = losses.size
    if weight is not None:
        weight, losses = align_left(weight, losses)
        losses = losses * weight
    total = jnp.sum(losses)
    if reduction == "sum":
        return total, None
    if reduction == "mean_with_sample_weight":
        return total, size if weight is None else jnp.sum(weight)
    if mask is not None:
        size = jnp.sum(jnp.asarray(mask, total.dtype)) * (size / max(mask.size, 1))
    return total, size

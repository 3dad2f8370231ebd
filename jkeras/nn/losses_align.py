"""How targets, predictions and weights are brought to one shape before a loss or a metric looks at them.

Targets of shape `(n,)` meet predictions of shape `(n, 1)` all the time, and plain broadcasting would make an `(n, n)` table of
them. So the rule is: where the ranks differ by one and the longer array ends in an axis of size 1, that axis is added to or
taken from the other. Weights and masks are aligned from the left, for their first axis counts samples.
"""

from __future__ import annotations

import jax.numpy as jnp

from jkeras._base.types import Array, DTypeLike


def match_ranks(a: Array, b: Array, expand_vectors: bool = True) -> tuple[Array, Array]:
    """Add or drop a last axis of size 1 where the ranks of two arrays differ by one.

    Args:
        a, b: arrays of any shapes.
        expand_vectors: whether a vector `(n,)` becomes `(n, 1)`; otherwise, and for higher ranks, the longer one loses its axis.

    Returns:
        The two arrays, unchanged where the rule does not apply.

    Example:
        >>> import jax.numpy as jnp
        >>> [x.shape for x in match_ranks(jnp.zeros(4), jnp.zeros((4, 1)))]
        [(4, 1), (4, 1)]
        >>> [x.shape for x in match_ranks(jnp.zeros((4, 7)), jnp.zeros((4, 7, 1)))]
        [(4, 7), (4, 7)]
    """
    if a.ndim == b.ndim + 1 and a.shape[-1] == 1:
        return (a, b[..., None]) if b.ndim == 1 and expand_vectors else (a[..., 0], b)
    if b.ndim == a.ndim + 1 and b.shape[-1] == 1:
        return (a[..., None], b) if a.ndim == 1 and expand_vectors else (a, b[..., 0])
    return a, b


def as_pair(y_true: Array, y_pred: Array) -> tuple[Array, Array]:
    """Targets and predictions as arrays of one dtype (the predictions') and, by `match_ranks`, of one rank."""
    y_pred = jnp.asarray(y_pred)
    return match_ranks(jnp.asarray(y_true, y_pred.dtype), y_pred)


def align_left(weight: Array, values: Array) -> tuple[Array, Array]:
    """Bring a weight to the rank of the values it weighs, so that weight `(n,)` goes along the first axis of values `(n, t)`.

    Args:
        weight: `(n,)`, `(n, t)`, ..., or of the values' rank plus a last axis of size 1.
        values: `(n, ...)`.

    Returns:
        The weight and the values, ready to be multiplied.

    Raises:
        ValueError: the shapes cannot belong together.

    Example:
        >>> import jax.numpy as jnp
        >>> [x.shape for x in align_left(jnp.zeros(4), jnp.zeros((4, 7)))]
        [(4, 1), (4, 7)]
    """
    if weight.ndim < values.ndim and weight.ndim and weight.shape == values.shape[: weight.ndim]:
        return weight.reshape(weight.shape + (1,) * (values.ndim - weight.ndim)), values
    values, weight = match_ranks(values, weight)
    try:
        jnp.broadcast_shapes(values.shape, weight.shape)
    except ValueError:
        raise ValueError(
            f"Received weights (or a mask) of shape {weight.shape} for losses of shape {values.shape}. Expected one weight per "
            f"sample, shape {values.shape[:1]}, or one per entry, shape {values.shape}."
        ) from None
    return weight, values


def divide_or_zero(a: Array, b: Array) -> Array:
    """`a / b`, and 0 where b is 0; gradients stay finite there too.

    Example:
        >>> import jax.numpy as jnp
        >>> divide_or_zero(jnp.array([1.0, 1.0]), jnp.array([0.0, 2.0])).tolist()
        [0.0, 0.5]
    """
    zero = b == 0
    return jnp.where(zero, 0, a / jnp.where(zero, 1, b))


def merge_mask(sample_weight: Array | None, mask: Array | None, dtype: DTypeLike | None, rescale: bool) -> Array | None:
    """One weight out of a sample weight and a mask.

    Args:
        sample_weight: or None.
        mask: True where an entry counts, or None.
        dtype: of the result.
        rescale: whether entries that count get `size / number that count`, so that a mean over all entries is the mean over
            those that count.

    Returns:
        The product of both, or None where both are None.

    Example:
        >>> import jax.numpy as jnp
        >>> merge_mask(None, jnp.array([True, False]), jnp.float32, rescale=True).tolist()
        [2.0, 0.0]
    """
    if mask is None:
        return None if sample_weight is None else jnp.asarray(sample_weight, dtype)
    mask = jnp.asarray(mask, dtype)
    if rescale:
        mask = mask * divide_or_zero(jnp.asarray(mask.size, dtype), jnp.sum(mask))
    if sample_weight is None:
        return mask
    sample_weight = jnp.asarray(sample_weight, dtype)
    if mask.ndim < sample_weight.ndim:
        mask, sample_weight = align_left(mask, sample_weight)
    else:
        sample_weight, mask = align_left(sample_weight, mask)
    return sample_weight * mask

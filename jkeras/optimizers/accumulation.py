"""Gradient accumulation: one change of the weights from the mean gradient of several micro-batches.

For `n - 1` calls the gradients are only summed; the n-th call moves the weights by the mean and clears the sum. Both ways are
branches of one `lax.cond`, so a compiled loop pays for the rule once in n steps.
"""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp

from jkeras._base.types import Tree
from jkeras.optimizers.state import cast_like, widen, zeros_like


def accumulate(
    move: Callable[[Tree, Tree, Tree], tuple[Tree, Tree]],
    grads: Tree,
    slots: Tree,
    params: Tree,
    accumulators: Tree,
    iterations: jax.Array,
    steps: int,
) -> tuple[Tree, Tree, Tree]:
    """Sum the gradients; at each `steps`-th call, move the parameters by their mean.

    Args:
        move: `(grads, slots, params) -> (params, slots)`.
        grads: gradients of this micro-batch.
        slots: the rule's state.
        params: parameters.
        accumulators: the sum so far, in the parameters' dtypes.
        iterations: calls before this one.
        steps: micro-batches per change.

    Returns:
        `(params, slots, accumulators)`.
    """
    total = jax.tree.map(jnp.add, grads, widen(accumulators))

    def change() -> tuple[Tree, Tree, Tree]:
        mean = jax.tree.map(lambda g: g / steps, total)
        return *move(mean, slots, params), zeros_like(accumulators)

    def wait() -> tuple[Tree, Tree, Tree]:
        return params, slots, cast_like(total, accumulators)

    return jax.lax.cond((iterations + 1) % steps == 0, change, wait)

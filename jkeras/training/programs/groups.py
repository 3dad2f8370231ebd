"""Groups of batches that a prediction computes at once.

A product of 32 rows leaves most of a core idle; 256 rows take half the time per row. So a prediction computes several batches at
once, by `vmap`, which keeps them separate for layers that mix the rows of a batch. It does so where that pays and changes
nothing: the step is the library's, it leaves the state alone, and its intermediate results fit into the cache.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import jax
import jax.numpy as jnp
from jax import lax

from jkeras._base.types import Scalar, Tree
from jkeras.nn.traced import equations

Step: TypeAlias = Callable[[Tree, Tree], tuple[Tree, Tree]]

# More rows than this gain nothing; the widest array of a group may have so many entries (4 MiB of float32).
_ROWS = 256
_WIDEST = 1 << 20


def batches_per_group(step: Step, state: Tree, data: Tree) -> int:
    """How many batches to compute at once; 1 where the state may change or nothing is gained.

    Args:
        step: `(state, batch) -> (state, outputs)`.
        state: pytree of arrays or their shapes.
        data: a batch stack, `(capacity, batch size, ...)`, or its shapes.
    """
    capacity, rows = jax.tree.leaves(data)[0].shape[:2]
    state, data = jax.tree.map(lambda a: jax.ShapeDtypeStruct(a.shape, a.dtype), (state, data))
    batch = jax.tree.map(lambda a: jax.ShapeDtypeStruct(a.shape[1:], a.dtype), data)
    program = jax.make_jaxpr(step)(state, batch).jaxpr
    count = len(jax.tree.leaves(state))
    if program.outvars[:count] != program.invars[:count] or program.effects:
        return 1
    widest = max((v.aval.size for e in equations(program) for v in e.outvars if hasattr(v.aval, "size")), default=1)
    return max(1, int(min(capacity, _ROWS // rows, _WIDEST // max(widest, 1))))


def run_groups(step: Step, state: Tree, data: Tree, outputs: Tree, size: int, start: Scalar, stop: Scalar) -> tuple[Tree, Tree]:
    """Fill `outputs` for as many whole groups of `size` batches as there are, where `start` is 0.

    Returns:
        The outputs, and the first batch that is left.
    """
    groups = jnp.where(start == 0, stop // size, 0)

    def body(index: Scalar, outputs: Tree) -> Tree:
        at = index * size
        batches = jax.tree.map(lambda a: lax.dynamic_slice_in_dim(a, at, size, 0), data)
        found = jax.vmap(lambda batch: step(state, batch)[1])(batches)
        return jax.tree.map(lambda stack, part: lax.dynamic_update_slice_in_dim(stack, part, at, 0), outputs, found)

    return lax.fori_loop(0, groups, body, outputs), jnp.maximum(start, groups * size)

"""Several batches of a prediction at once.

A product of 32 rows leaves most of a core idle; 256 rows take half the time per row. So a prediction computes some batches
together, by `vmap`: each batch is still one of its own, so a layer that mixes rows sees the rows it should. It is done where it
pays and changes nothing: the step is the library's, it leaves the state alone, and what it computes stays in the cache.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from jkeras.nn.traced import equations

# More rows than this gain nothing; entries that the widest array of a merged batch may have (4 MiB of float32).
_ROWS = 256
_WIDEST = 1 << 20


def batches_together(step: Callable[[Any, Any], tuple[Any, Any]], state: Any, data: Any) -> int:
    """How many batches to compute at once.

    Args:
        step: `(state, batch) -> (state, outputs)`.
        state: pytree of arrays or their shapes.
        data: block of stacked batches, `(capacity, batch size, ...)`, or its shapes.

    Returns:
        1 where the state may change or nothing is gained.
    """
    capacity, rows = jax.tree.leaves(data)[0].shape[:2]
    state, data = jax.tree.map(lambda a: jax.ShapeDtypeStruct(a.shape, a.dtype), (state, data))
    batch = jax.tree.map(lambda a: jax.ShapeDtypeStruct(a.shape[1:], a.dtype), data)
    program = jax.make_jaxpr(step)(state, batch).jaxpr
    count = len(jax.tree.leaves(state))
    if program.outvars[:count] != program.invars[:count] or program.effects:
        return 1
    widest = max((v.aval.size for e in equations(program) for v in e.outvars if hasattr(v.aval, "size")), default=1)
    together = int(min(capacity, _ROWS // rows, _WIDEST // max(widest, 1)))
    return together if together > 1 else 1


def run_together(
    step: Callable[[Any, Any], tuple[Any, Any]], state: Any, data: Any, outputs: Any, together: int, start: Any, stop: Any
) -> tuple[Any, Any]:
    """Fill `outputs` with those of batches from `start` (only 0 is merged) on, as far as whole groups go.

    Returns:
        The outputs, and the first batch that is left.
    """
    groups = jnp.where(start == 0, stop // together, 0)

    def body(index: Any, outputs: Any) -> Any:
        at = index * together
        batches = jax.tree.map(lambda a: lax.dynamic_slice_in_dim(a, at, together, 0), data)
        found = jax.vmap(lambda batch: step(state, batch)[1])(batches)
        return jax.tree.map(lambda block, part: lax.dynamic_update_slice_in_dim(block, part, at, 0), outputs, found)

    return lax.fori_loop(0, groups, body, outputs), jnp.maximum(start, groups * together)

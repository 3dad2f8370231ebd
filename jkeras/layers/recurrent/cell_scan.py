"""Run any cell over time, in the loop that suits it.

A library cell runs over its whole sequence, with one input product outside the loop (`Cell.over_time`). A stack of cells runs one
cell after another over the sequence, which gives the same numbers as going up the stack at each step. A user's own cell runs
under `jax.lax.scan`, as the pure function that `functionalize` makes of its `call`: weights that it assigns travel from step to
step, losses that it adds leave the loop as sums, and each step has its own random key.

Arrays are time-major, `(time, batch, ...)`.
"""

from __future__ import annotations

import dataclasses

import jax
import jax.numpy as jnp
from jax import lax

from jkeras._base.types import Array, Tree
from jkeras.graph.spec import is_spec
from jkeras.layer.base import Layer
from jkeras.layer.leaks import hide_tracers
from jkeras.layer.tracking import state_entries
from jkeras.layers.recurrent.cell import Cell
from jkeras.layers.recurrent.stacked_cells import CellLike, StackedRNNCells, is_nested
from jkeras.nn.recurrent import beside, hold
from jkeras.state import random
from jkeras.state.functionalize import functionalize
from jkeras.state.scope import current

_FLOAT8 = """The cell {cell} has float8 layers, which cannot be trained in a loop over time: JAX would add the statistics of its
steps up. Leave them out with quantize("float8", filters=...)."""


@dataclasses.dataclass(frozen=True)
class Walk:
    """How to go through a sequence.

    Attributes:
        mask: bool `(time, batch, 1)`, or None. Where it is False the states stay, and the output is the previous one, or zero;
            before the first output of several arrays it is zero.
        zero_output: whether it is zero.
        training: whether dropout drops.
        unroll: whether to write out all steps instead of a loop.
    """

    mask: jax.Array | None = None
    zero_output: bool = False
    training: bool = False
    unroll: bool = False


def run_over_time(cell: CellLike, xs: Tree, states: list[Tree], walk: Walk) -> tuple[Tree, list[Tree]]:
    """A cell over a sequence.

    Args:
        cell: any cell.
        xs: `(time, batch, ...)`, or a pytree of such arrays.
        states: the first states.
        walk: mask, training flag and kind of loop.

    Returns:
        Outputs `(time, batch, size)`, or a pytree of them, and the last states, in the structure of the first.
    """
    if isinstance(cell, StackedRNNCells) and type(cell).call is StackedRNNCells.call:
        last = []
        for one, before in zip(cell.cells, states):
            xs, after = run_over_time(one, xs, before if is_nested(before) else [before], walk)
            last.append(after if is_nested(before) else after[0])
        return xs, last
    if isinstance(cell, Cell) and not cell._plan.own_call:
        return _library_cell(cell, xs, states, walk)
    return _any_cell(cell, xs, states, walk)


def last_output(cell: CellLike, outputs: Tree, last: list[Tree], walk: Walk) -> Tree:
    """The output of the last step.

    A library cell's output is its first state, so its last output is among the last states. Then nothing uses the outputs of all
    steps, and a compiled program does not keep them.

    Args:
        cell: any cell.
        outputs, last: from `run_over_time`.
        walk: as for `run_over_time`.
    """
    if isinstance(cell, StackedRNNCells) and type(cell).call is StackedRNNCells.call:
        return last_output(cell.cells[-1], outputs, jax.tree.leaves(last[-1]), walk)
    zeroed = walk.mask is not None and walk.zero_output
    if isinstance(cell, Cell) and not cell._plan.own_call and not zeroed:
        return last[0]
    return jax.tree.map(lambda output: output[-1], outputs)


def _library_cell(cell: Cell, xs: Array, states: list[Tree], walk: Walk) -> tuple[Array, list[Tree]]:
    rng = random.draw_key(cell, cell.seed) if walk.training and cell.draws else None
    hs, last = cell.over_time(cell._read_weights(), xs, states, mask=walk.mask, rng=rng, unroll=walk.unroll)
    # A masked step keeps the states of the previous one, so its first state already is the previous output.
    if walk.mask is not None and walk.zero_output:
        hs = jnp.where(beside(walk.mask, hs), hs, jnp.zeros((), hs.dtype))
    return hs, list(last)


def _any_cell(cell: CellLike, xs: Tree, states: list[Tree], walk: Walk) -> tuple[Tree, list[Tree]]:
    layer = cell if isinstance(cell, Layer) else None
    scope = current()
    variables = [variable for _, variable in state_entries(layer)] if layer is not None else []
    if walk.training and scope.functional and any(variable.overwrite_with_gradient for variable in variables):
        raise ValueError(_FLOAT8.format(cell=getattr(cell, "name", cell)))
    values = [variable.array for variable in variables]
    options = {"training": walk.training} if layer is not None and layer._plan.takes_training else {}
    pure = functionalize(lambda x, s: cell(x, s, **options), variables, scope.positions)
    draws = not scope.functional or scope.rng is not None
    key = random.draw_key(cell) if draws else None
    structure = jax.tree.structure(states)
    owners: list[object] = []

    def one(values: list[jax.Array], x: Tree, states: list[Tree], t: jax.Array | int) -> tuple[Tree, ...]:
        rng = None if key is None else jax.random.fold_in(key, t)
        result = pure(values, x, states, rng=rng, training=walk.training)
        if layer is not None:
            hide_tracers(layer)
        output, new = result.output
        leaves = [jnp.asarray(n, s.dtype) for n, s in zip(jax.tree.leaves(new), jax.tree.leaves(states), strict=True)]
        owners[:] = result.owners
        return output, jax.tree.unflatten(structure, leaves), result.values, result.losses

    moving: list[int] = []

    def find_moving(values: list[jax.Array], x: Tree, states: list[Tree]) -> Tree:
        output, _, after, _ = one(values, x, states, 0)
        moving.extend(i for i, (a, b) in enumerate(zip(values, after)) if a is not b)
        return output

    shape = jax.eval_shape(find_moving, values, jax.tree.map(lambda a: a[0], xs), states)
    start = jax.tree.map(lambda s: jnp.zeros(s.shape, s.dtype), shape)
    remembers = walk.mask is not None and not walk.zero_output and not is_spec(shape)

    def body(carry: Tree, inputs: Tree) -> tuple[Tree, Tree]:
        states, moved, t, before = carry
        x, keep = inputs
        now = list(values)
        for i, value in zip(moving, moved):
            now[i] = value
        output, new, after, losses = one(now, x, states, t)
        output = hold(keep, output, before if walk.zero_output or remembers else _previous_output(states))
        carry = (hold(keep, new, states), [after[i] for i in moving], t + 1, output if remembers else before)
        return carry, (output, losses)

    carry = (states, [values[i] for i in moving], jnp.zeros((), jnp.uint32), start)
    (last, moved, _, _), (outputs, losses) = lax.scan(body, carry, (xs, walk.mask), unroll=walk.unroll)
    for i, value in zip(moving, moved):
        variables[i].assign(value)
    if scope.losses is not None:
        scope.losses.extend((owner, loss.sum(0)) for owner, loss in zip(owners, losses))
    return outputs, last


def _previous_output(states: list[Tree]) -> Tree:
    """The last single output that a cell's states show, as in Keras: its first state; in a stack, that of the last cell."""
    return states[-1][0] if is_nested(states[0]) else states[0]

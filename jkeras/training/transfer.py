"""Between boxes and `TrainState`: what the loop reads before a dispatch and writes back after it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from jkeras._base import paths
from jkeras.layers.pure import split_values
from jkeras.layers.tracking import weight_entries
from jkeras.optimizers.state import named_leaves
from jkeras.state.variable import materialize, owned_value, put_value
from jkeras.training.state import TrainState


def read_weights(model: Any, donate: bool) -> tuple[Any, Any]:
    """Nested `params` and `state` of a model's boxes.

    Args:
        model: with weights.
        donate: whether the arrays will be given away; then arrays that others may hold are copied.
    """
    entries = weight_entries(model)
    materialize(box for _, box in entries)
    values = [owned_value(box) if donate else box._value for _, box in entries]
    return split_values(entries, values, {id(b) for b in model.trainable_weights})


def write_weights(model: Any, params: Any, state: Any) -> None:
    """Put the arrays of `params` and `state` into the boxes."""
    flat = {**paths.flatten(params), **paths.flatten(state)}
    for path, box in weight_entries(model):
        put_value(box, flat[path])


def weight_writer(model: Any) -> Any:
    """`write_weights` for one model, with the walk over its layers done once."""
    entries = weight_entries(model)

    def write(state: TrainState) -> None:
        flat = {**paths.flatten(state.params), **paths.flatten(state.state)}
        for path, box in entries:
            put_value(box, flat[path])

    return write


def compile_reader(step: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a step that leaves most of its state alone: what does not change is not copied, but stays the caller's array."""

    @jax.jit
    def run(state: TrainState, batch: Any) -> tuple[Any, Any]:
        new, result = step(state, batch)
        before = {id(leaf) for leaf in jax.tree.leaves(state)}
        return jax.tree.map(lambda leaf: None if id(leaf) in before else leaf, new), result

    def read(state: TrainState, batch: Any) -> tuple[TrainState, Any]:
        changed, result = run(state, batch)
        new = jax.tree.map(lambda new, old: old if new is None else new, changed, state, is_leaf=lambda leaf: leaf is None)
        return new, result

    return read


def optimizer_state(optimizer: Any, params: Any, boxes: list[Any]) -> Any:
    """The optimizer's state for these params: its own where it fits, carried over where the set of weights changed, else new.

    The arrays are copies, since the step will donate them.
    """
    optimizer.remember(boxes, ["/".join(path) for path in paths.flatten(params)])
    fresh = jax.eval_shape(optimizer.init, params)
    old = optimizer.state
    if old is None:
        return jax.jit(optimizer.init)(params)
    same: bool = jax.tree.structure(old) == jax.tree.structure(fresh)  # type: ignore[operator]
    if same:
        return jax.tree.map(jnp.copy, old)
    known = named_leaves(old)
    names = list(named_leaves(fresh))
    new = named_leaves(optimizer.init(params))
    leaves = [known[n] if n in known and known[n].shape == new[n].shape else new[n] for n in names]
    return jax.tree.unflatten(jax.tree.structure(fresh), [jnp.copy(leaf) for leaf in leaves])

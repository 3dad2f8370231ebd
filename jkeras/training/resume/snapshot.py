"""Snapshots: a training run as arrays and notes, for a store of pytrees such as orbax.

`weights` holds every weight, nested by a path that outlasts the process (`weight_entries(lasting=True)`), trainable or not.
`optimizer` holds the leaves of the optimizer's state by name. The `notes` are JSON: the resume state, with the accumulators of
the metrics, which are small. The arrays are copies, because the run gives its own away at its next step.

To restore, ask for the specs with their shardings, read the arrays, and put them in. So arrays may be read straight into another
layout than they were saved from.

The functions here are methods of `Model`.
"""

from __future__ import annotations

import base64
import dataclasses
from collections.abc import Callable
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Sharding
from jax.typing import DTypeLike

from jkeras._base import paths
from jkeras._base.types import Tree
from jkeras.layer.tracking import Path, inventory, weight_entries
from jkeras.optimizers.placing import state_shardings
from jkeras.optimizers.state import named_leaves
from jkeras.state.variable import Variable, gate, materialize, place_of, put_value
from jkeras.training.resume.state import ResumeState, current_resume_state
from jkeras.training.steps import Steps

Layout: TypeAlias = Callable[[str, tuple[int, ...]], Sharding]


def snapshot_arrays(self: Steps, optimizer: bool = True) -> dict[str, Tree]:
    """Copies of the arrays of a training run.

    Args:
        optimizer: whether the optimizer's state is among them, where there is one.

    Returns:
        `{"weights": nested dict}`, and `"optimizer"` beside it.

    Example:
        >>> from jkeras import Sequential, layers
        >>> model = Sequential([layers.Input((2,)), layers.Dense(1, name="dense")])
        >>> jax.tree.map(jnp.shape, model.snapshot_arrays())
        {'weights': {'dense': {'bias': (1,), 'kernel': (2, 1)}}}
    """
    entries = weight_entries(self, lasting=True)
    with gate:
        materialize(variable for _, variable in entries)
        found = {"weights": paths.nest([(path, jnp.copy(variable.stored)) for path, variable in entries])}
        state = self.optimizer.live_state if optimizer and self.optimizer is not None else None
        if state is not None:
            found["optimizer"] = paths.nest([(path, jnp.copy(leaf)) for path, _, leaf in _slots(self, state)])
    return found


def snapshot_notes(self: Steps) -> dict[str, Any]:
    """The resume state for JSON, without the arrays of callbacks; empty where the model was never fitted."""
    state = current_resume_state(self)
    if state is None:
        return {}
    notes = {field.name: getattr(state, field.name) for field in dataclasses.fields(state) if field.name != "averaged"}
    callbacks = [{"class": entry["class"], "state": entry["state"]} for entry in state.callbacks]
    return {**notes, "callbacks": callbacks, "metrics": {name: _encode(value) for name, value in state.metrics.items()}}


def snapshot_specs(self: Steps, optimizer: bool = True, layout: Layout | None = None) -> dict[str, Tree]:
    """What a snapshot of this model looks like.

    Args:
        optimizer: whether the optimizer's state is wanted, where the model is compiled.
        layout: `(path, shape) -> sharding` for the weights and for all that has a weight's shape in the optimizer; None for
            that of the model's distribution, or the one that the weights have now.

    Returns:
        `jax.ShapeDtypeStruct`s with shardings, in the structure of `snapshot_arrays`.
    """
    entries = weight_entries(self, lasting=True)
    placement = self._trainer.placement if layout is None else None

    def place(path: Path, variable: Variable) -> Sharding:
        if layout is not None:
            return layout("/".join(path), variable.shape)
        return _place(variable) if placement is None else placement.weight_sharding(variable)

    places = {path: place(path, variable) for path, variable in entries}
    weights = [(path, _spec(variable.shape, variable.dtype, places[path])) for path, variable in entries]
    specs: dict[str, Tree] = {"weights": paths.nest(weights)}
    if optimizer and self.optimizer is not None:
        state = _optimizer_specs(self)
        if placement is not None:
            variables = {"/".join(path): variable for path, variable in inventory(self).weights}
            state = jax.tree.map(lambda s, at: _spec(s.shape, s.dtype, at), state, state_shardings(placement, variables, state))
        slots = [
            (path, _spec(leaf.shape, leaf.dtype, leaf.sharding or (places[owner] if owner else _default_place())))
            for path, owner, leaf in _slots(self, state)
        ]
        specs["optimizer"] = paths.nest(slots)
    return specs


def restore_snapshot(self: Steps, arrays: dict[str, Tree], notes: dict[str, Any]) -> None:
    """Put a snapshot into the model, so that `fit(resume=True)` continues where it was taken.

    Args:
        arrays: in the structure of `snapshot_specs`.
        notes: as of `snapshot_notes`, or empty.
    """
    weights = paths.flatten(arrays["weights"])
    for path, variable in weight_entries(self, lasting=True):
        put_value(variable, weights[path])
    if "optimizer" in arrays:
        flat, specs = paths.flatten(arrays["optimizer"]), _optimizer_specs(self)
        leaves = [flat[path] for path, _, _ in _slots(self, specs)]
        # A counter belongs to no device, so that it fits weights on any.
        leaves = [leaf if leaf.shape else jnp.asarray(np.asarray(leaf)) for leaf in leaves]
        self._trainer.optimizer.state = jax.tree.unflatten(jax.tree.structure(specs), leaves)
        self._trainer.resume_state = _resume_state_from(notes) if notes else None


def _spec(shape: tuple[int, ...], dtype: DTypeLike, place: Sharding) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(shape, jnp.dtype(dtype), sharding=place)


def _optimizer_specs(model: Steps) -> Tree:
    """The structure of the optimizer's state for this model's weights."""
    held = inventory(model)
    params, _ = held.nested([jax.ShapeDtypeStruct(variable.shape, variable.dtype) for _, variable in held.entries])
    return jax.eval_shape(model._trainer.optimizer.init, params)


def _slots(model: Steps, state: Tree) -> list[tuple[Path, Path | None, Tree]]:
    """For each leaf of the optimizer's state: its lasting path, that of the weight whose slot it is, and the leaf."""
    pairs = zip(weight_entries(model), weight_entries(model, lasting=True))
    lasting = {path: (stored, variable.shape) for (path, variable), (stored, _) in pairs}

    def names(name: str, shape: tuple[int, ...]) -> tuple[Path, Path | None]:
        parts = tuple(name.split("/"))
        for cut in range(1, len(parts)):  # the longest path first: `kernel` alone may be a weight too
            stored, owner_shape = lasting.get(parts[cut:], (None, None))
            if stored is not None:
                return (*parts[:cut], *stored), stored if owner_shape == shape else None
        return parts, None

    return [(*names(name, tuple(leaf.shape)), leaf) for name, leaf in named_leaves(state).items()]


def _place(variable: Variable) -> Sharding:
    """Where a weight's array lies now; a weight without one goes to the default device."""
    return place_of(variable) or _default_place()


def _default_place() -> Sharding:
    return jnp.zeros(()).sharding


def _encode(value: np.ndarray) -> dict[str, Any]:
    data = base64.b64encode(np.ascontiguousarray(value).tobytes()).decode()
    return {"dtype": str(value.dtype), "shape": list(value.shape), "data": data}


def _decode(stored: dict[str, Any]) -> np.ndarray:
    array = np.frombuffer(base64.b64decode(stored["data"]), jnp.dtype(stored["dtype"]))
    return array.reshape(stored["shape"]).copy()


def _resume_state_from(notes: dict[str, Any]) -> ResumeState:
    values: dict[str, Any] = {field.name: notes[field.name] for field in dataclasses.fields(ResumeState) if field.name in notes}
    values["metrics"] = {name: _decode(stored) for name, stored in values.get("metrics", {}).items()}
    values.update((name, tuple(values[name])) for name in ("key", "stream") if name in values)
    return ResumeState(**values)

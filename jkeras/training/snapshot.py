"""A training as arrays and notes: what a store of pytrees, such as orbax, keeps, and how it comes back.

`weights` holds every weight by a path that outlasts the process (`weight_entries(lasting=True)`), nested; whether a weight is
trained may differ where it is restored. `optimizer` holds the leaves of the optimizer's state by name. The `notes` are JSON:
where the run stands, with the accumulators of the metrics, which are small. Arrays are handed out as copies, because the run
gives its own away at its next step.

To restore is to say first what is wanted, as specs with shardings, and then to put in what came. So arrays may be read straight
to another layout than they were saved from.
"""

from __future__ import annotations

import base64
import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jkeras._base import paths
from jkeras.layers.tracking import Path, inventory, weight_entries
from jkeras.optimizers.state import named_leaves
from jkeras.state.variable import gate, materialize, put_value
from jkeras.training.moment import Moment, current_moment

Layout = Callable[[str, tuple[int, ...]], Any]


class Snapshots:
    """Taking a training out of a model and putting it in again."""

    name: str
    optimizer: Any

    def snapshot_arrays(self, optimizer: bool = True) -> dict[str, Any]:
        """Copies of the arrays of a training.

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
        entries = weight_entries(self, lasting=True)  # type: ignore[arg-type]
        with gate:
            materialize(box for _, box in entries)
            found = {"weights": paths.nest([(path, jnp.copy(box._value)) for path, box in entries])}
            state = self.optimizer.live_state if optimizer and self.optimizer is not None else None
            if state is not None:
                names = _slot_names(self, state)
                found["optimizer"] = paths.nest([(names[n][0], jnp.copy(leaf)) for n, leaf in named_leaves(state).items()])
        return found

    def snapshot_notes(self) -> dict[str, Any]:
        """Where the training stands, for JSON; empty where the model was never fitted. Arrays of callbacks are not in it."""
        moment = current_moment(self)
        if moment is None:
            return {}
        notes = {field.name: getattr(moment, field.name) for field in dataclasses.fields(moment) if field.name != "averaged"}
        callbacks = [{"class": entry["class"], "state": entry["state"]} for entry in moment.callbacks]
        return {**notes, "callbacks": callbacks, "metrics": {name: _encode(value) for name, value in moment.metrics.items()}}

    def snapshot_specs(self, optimizer: bool = True, layout: Layout | None = None) -> dict[str, Any]:
        """What a snapshot of this model looks like.

        Args:
            optimizer: whether the optimizer's state is wanted, where the model is compiled.
            layout: `(path, shape) -> sharding` for the weights and for all that has a weight's shape in the optimizer; None for
                the layout that the weights have now.

        Returns:
            `jax.ShapeDtypeStruct`s with shardings, in the structure of `snapshot_arrays`.
        """
        entries = weight_entries(self, lasting=True)  # type: ignore[arg-type]
        places = {path: layout("/".join(path), box.shape) if layout else _place(box) for path, box in entries}
        weights = [(path, _spec(box.shape, box.dtype, places[path])) for path, box in entries]
        specs: dict[str, Any] = {"weights": paths.nest(weights)}
        if optimizer and self.optimizer is not None:
            state = _optimizer_specs(self)
            names = _slot_names(self, state)
            slots = []
            for name, leaf in named_leaves(state).items():
                path, owner = names[name]
                slots.append((path, _spec(leaf.shape, leaf.dtype, places[owner] if owner else _default_place())))
            specs["optimizer"] = paths.nest(slots)
        return specs

    def restore_snapshot(self, arrays: dict[str, Any], notes: dict[str, Any]) -> None:
        """Put a snapshot into the model, so that `fit(resume=True)` goes on where it was taken.

        Args:
            arrays: in the structure of `snapshot_specs`.
            notes: as of `snapshot_notes`, or empty.
        """
        weights = paths.flatten(arrays["weights"])
        for path, box in weight_entries(self, lasting=True):  # type: ignore[arg-type]
            put_value(box, weights[path])
        if "optimizer" in arrays:
            flat, specs = paths.flatten(arrays["optimizer"]), _optimizer_specs(self)
            names = _slot_names(self, specs)
            leaves = [flat[names[name][0]] for name in named_leaves(specs)]
            # A counter belongs to no device, so that it goes with weights on any.
            leaves = [leaf if leaf.shape else jnp.asarray(np.asarray(leaf)) for leaf in leaves]
            self.optimizer.state = jax.tree.unflatten(jax.tree.structure(specs), leaves)
            self._moment = _moment_from(notes) if notes else None


def _spec(shape: tuple[int, ...], dtype: Any, place: Any) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(shape, jnp.dtype(dtype), sharding=place)


def _optimizer_specs(model: Any) -> Any:
    """The structure of the optimizer's state for this model's weights."""
    held = inventory(model)
    params = [(path, jax.ShapeDtypeStruct(box.shape, box.dtype)) for path, box in held.entries if id(box) in held.trained]
    return jax.eval_shape(model.optimizer.init, paths.nest(params))


def _slot_names(model: Any, state: Any) -> dict[str, tuple[Path, Path | None]]:
    """For each leaf of the optimizer's state, by name: its lasting path, and that of the weight whose slot it is."""
    pairs = zip(weight_entries(model), weight_entries(model, lasting=True))
    lasting = {path: (stored, box.shape) for (path, box), (stored, _) in pairs}

    def names(name: str, shape: tuple[int, ...]) -> tuple[Path, Path | None]:
        parts = tuple(name.split("/"))
        for cut in range(1, len(parts)):  # the longest path first: `kernel` alone may be a weight too
            stored, owner_shape = lasting.get(parts[cut:], (None, None))
            if stored is not None:
                return (*parts[:cut], *stored), stored if owner_shape == shape else None
        return parts, None

    return {name: names(name, tuple(leaf.shape)) for name, leaf in named_leaves(state).items()}


def _place(box: Any) -> Any:
    """Where a weight's array lies now; a weight without one goes to the default device."""
    return box._value.sharding if box._value is not None else _default_place()


def _default_place() -> Any:
    return jnp.zeros(()).sharding


def _encode(value: np.ndarray) -> dict[str, Any]:
    data = base64.b64encode(np.ascontiguousarray(value).tobytes()).decode()
    return {"dtype": str(value.dtype), "shape": list(value.shape), "data": data}


def _decode(stored: dict[str, Any]) -> np.ndarray:
    array = np.frombuffer(base64.b64decode(stored["data"]), jnp.dtype(stored["dtype"]))
    return array.reshape(stored["shape"]).copy()


def _moment_from(notes: dict[str, Any]) -> Moment:
    values: dict[str, Any] = {field.name: notes[field.name] for field in dataclasses.fields(Moment) if field.name in notes}
    values["metrics"] = {name: _decode(stored) for name, stored in values.get("metrics", {}).items()}
    values.update((name, tuple(values[name])) for name in ("key", "stream") if name in values)
    return Moment(**values)

"""Between boxes and `TrainState`: what the loop reads before a dispatch and writes back after it."""

from __future__ import annotations

import threading
from typing import Any

import jax

from jkeras._base import paths
from jkeras.layers.tracking import Inventory, inventory
from jkeras.optimizers.state import named_leaves, split_name
from jkeras.state.variable import gate, materialize, owned_value, put_value
from jkeras.training.state import TrainState

training_threads: set[int] = set()  # threads in which `fit` runs
_givers: set[int] = set()  # threads that have given arrays away, and may again


def read_weights(model: Any) -> tuple[Any, Any]:
    """Nested `params` and `state` of a model's variables, in arrays that are not to be given away."""
    held = inventory(model)
    return held.nested(_values(held, donate=False))


def _values(held: Inventory, donate: bool) -> list[Any]:
    with gate:
        materialize(box for _, box in held.entries)
        if donate:
            return [owned_value(box) for _, box in held.entries]
        if _givers - {threading.get_ident()}:
            return [box.value for _, box in held.entries]  # marked, so that the others copy what they give away
        return [box._value for _, box in held.entries]


def write_weights(model: Any, weights: Any) -> None:
    """Put the arrays of `params` or of `state` into the variables at their paths."""
    flat = paths.flatten(weights)
    for path, box in inventory(model).entries:
        if path in flat:
            put_value(box, flat[path])


def write_some(model: Any, values: dict[str, Any]) -> None:
    """Put arrays into the boxes at these paths; the other boxes keep theirs.

    Args:
        model: with weights.
        values: `{"dense/kernel": array}`.

    Raises:
        ValueError: a path that the model lacks, or another shape.
    """
    boxes = {"/".join(path): box for path, box in inventory(model).weights}
    for path, value in values.items():
        if path not in boxes:
            raise ValueError(f"The training was saved with a weight {path!r}, which {model.name!r} does not have.")
        boxes[path].assign(value)


class Exchange:
    """Reads and writes the boxes of a model for a run that gives their arrays away; the layers are walked over once."""

    def __init__(self, model: Any):
        self.held = inventory(model)
        self._known: list[Any] = []

    def read(self) -> tuple[Any, Any]:
        """Nested `params` and `state`, in arrays that nobody else holds."""
        _givers.add(threading.get_ident())
        self._known = _values(self.held, donate=True)
        return self.held.nested(self._known)

    def write(self, state: TrainState) -> None:
        """Put the weights of a state into the boxes."""
        self._known = self.held.flat(state.params, state.state)
        for (_, box), value in zip(self.held.entries, self._known):
            put_value(box, value)

    def is_current(self) -> bool:
        """Whether the boxes still hold what was read or written last, and nobody was given it."""
        return len(self._known) == len(self.held.entries) and all(
            box._value is value and not box._shared for (_, box), value in zip(self.held.entries, self._known)
        )


def optimizer_state(model: Any, held: Inventory, params: Any) -> Any:
    """The optimizer's state for a model's params: its own where it fits, else a new one with all that is known of these weights.

    What belongs to a weight goes with it: where other weights are trained now, or another model shares the optimizer, as the two
    models of a GAN do in many scripts for Keras 2. Nobody else holds its arrays, since the step will donate them.
    """
    optimizer = model.optimizer
    if optimizer.fits(tuple(held.trained)):
        return optimizer.take_state()
    trained = {id(box): box for _, box in held.entries if id(box) in held.trained}
    names = ["/".join(path) for path, box in held.entries if id(box) in trained]
    before = {key: id(box) for key, box in zip(optimizer._keys, optimizer._boxes)}
    old = optimizer.live_state
    fresh = None if old is None else model._optimizer_shapes(params)
    same: bool = jax.tree.structure(old) == jax.tree.structure(fresh)  # type: ignore[operator]
    if old is None or (same and (not before or before == dict(zip(names, trained)))):
        optimizer.remember(trained.values(), names)
        return model._optimizer_init()(params) if old is None else optimizer.take_state()
    # The arrays go over into the new state: the old one is nobody's any more.
    leaves = named_leaves(optimizer.take_state())
    known = optimizer.parts_for(trained.values(), leaves)
    optimizer.remember(trained.values(), names)
    boxes = dict(zip(names, trained))
    new: dict[str, Any] = {}

    def leaf_of(name: str, shape: Any) -> Any:
        place, weight = split_name(name, boxes)
        found = leaves.get(name) if weight is None or not before else known.get(boxes[weight], {}).get(place)
        if found is not None and found.shape == shape.shape:
            return found
        new.update({} if new else named_leaves(model._optimizer_init()(params)))
        return new[name]

    found = [leaf_of(name, shape) for name, shape in named_leaves(fresh).items()]
    return jax.tree.unflatten(jax.tree.structure(fresh), found)

"""Between boxes and `TrainState`: what the loop reads before a dispatch and writes back after it."""

from __future__ import annotations

import threading
from typing import Any

import jax
import jax.numpy as jnp

from jkeras._base import paths
from jkeras.layers.tracking import Inventory, inventory
from jkeras.optimizers.state import named_leaves
from jkeras.state.variable import gate, materialize, owned_value, put_value
from jkeras.training.state import TrainState

training_threads: set[int] = set()  # threads in which a run gives arrays away


def read_weights(model: Any) -> tuple[Any, Any]:
    """Nested `params` and `state` of a model's variables, in arrays that are not to be given away."""
    held = inventory(model)
    return held.nested(_values(held, donate=False))


def _values(held: Inventory, donate: bool) -> list[Any]:
    with gate:
        materialize(box for _, box in held.entries)
        if donate:
            return [owned_value(box) for _, box in held.entries]
        if training_threads - {threading.get_ident()}:
            return [box.value for _, box in held.entries]  # marked, so that the run copies what it gives away
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


def optimizer_state(model: Any, params: Any) -> Any:
    """The optimizer's state for these params: its own where it fits, carried over where the set of weights changed, else new.

    Nobody else holds its arrays, since the step will donate them.
    """
    optimizer, held = model.optimizer, inventory(model)
    if optimizer.fits(tuple(held.trained)):
        return optimizer.take_state()
    trained = [(path, box) for path, box in held.entries if id(box) in held.trained]
    optimizer.remember([box for _, box in trained], ["/".join(path) for path, _ in trained])
    old = optimizer.state
    if old is None:
        return model._optimizer_init()(params)
    fresh = jax.eval_shape(optimizer.init, params)
    same: bool = jax.tree.structure(old) == jax.tree.structure(fresh)  # type: ignore[operator]
    if same:
        return optimizer.take_state()
    known = named_leaves(old)
    names = list(named_leaves(fresh))
    new = named_leaves(optimizer.init(params))
    leaves = [known[n] if n in known and known[n].shape == new[n].shape else new[n] for n in names]
    return jax.tree.unflatten(jax.tree.structure(fresh), [jnp.copy(leaf) for leaf in leaves])

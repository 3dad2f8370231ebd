"""A step as a function of all variables that it uses, not only of those that its arguments name.

A step is pure in `TrainState`: it takes weights and gives new ones. Code below it may use variables all the same: a loss reads
one that a callback changes, `compute_metrics` updates a metric that the model holds, a schedule counts in one of its own.
`whole_step` gives every variable its value in the state while the step runs, and puts what the step assigned into the new state.
A variable that the state does not hold makes itself known by `UnknownVariables`; `with_all_variables` lets the model adopt it and
tries again. So nothing that changes between two dispatches becomes a constant of a program.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax

from jkeras._base import paths
from jkeras.layers.pure import layer_positions
from jkeras.layers.tracking import Path, inventory, note_change
from jkeras.state.functionalize import functionalize
from jkeras.state.scope import UnknownVariables
from jkeras.training.state import TrainState

_OUTSIDE_THE_LAYERS = 0x5742  # folded into the step's key for draws that no layer of the forward pass makes
_ROUNDS = 8

_NEVER_ENDING = """The step uses other variables each time that it is traced: {names}. A variable that is to last is made once,
in `__init__` or `build`."""


def whole_step(model: Any, step: Callable[..., tuple[TrainState, Any]]) -> Callable[..., tuple[TrainState, Any]]:
    """The same step, in which reading a variable gives its value in the state, and assigning one changes the new state.

    Args:
        model: the step is one of.
        step: `(state, *args) -> (state, result)`.

    Raises:
        UnknownVariables: the step used variables that the state does not hold.
    """

    def run(state: TrainState, *args: Any) -> tuple[TrainState, Any]:
        held = _held_by(model, state)
        before = [value for *_, value in held]
        pure = functionalize(step, [box for _, _, box, _ in held], layer_positions(model), complete=True)
        key = jax.random.fold_in(state.key, _OUTSIDE_THE_LAYERS)
        result = pure(before, state, *args, rng=key)
        (new, output), after = result.output, result.values
        if _held_by(model, state)[len(held) :]:  # a metric made its variables on the way
            raise UnknownVariables([])
        for (field, path, _, old), value in zip(held, after):
            if value is not old:
                new = new._replace(**{field: _put(getattr(new, field), path, value)})
        return new, output

    return run


def with_all_variables(model: Any, attempt: Callable[[], Any], again: Callable[[], None] | None = None) -> Any:
    """`attempt()`; where it meets variables that the model lacks, the model adopts them, and after `again()` it tries anew.

    Raises:
        ValueError: there are new ones each time.
    """
    names: list[str] = []
    for _ in range(_ROUNDS):
        try:
            return attempt()
        except UnknownVariables as found:
            names = [box.path for box in found.variables]
            model.__dict__.setdefault("_others", {}).update((id(box), box) for box in found.variables)
            note_change()
            if again is not None:
                again()
    raise ValueError(_NEVER_ENDING.format(names=", ".join(names)))


def _held_by(model: Any, state: TrainState) -> list[tuple[str, Path, Any, Any]]:
    """Each variable that the state has a value for: the state's field, the path in it, the variable, the value."""
    held = inventory(model)
    places = [("params" if id(box) in held.trained else "state", path, box) for path, box in held.entries]
    if state.metrics is not None and model._objective is not None:
        for tracked in model._objective.tracked:
            places += [("metrics", (tracked.name, key), box) for key, box in tracked.metric.state_variables().items()]
    values = {field: paths.flatten(getattr(state, field) or {}) for field in ("params", "state", "metrics")}
    return [(field, path, box, values[field][path]) for field, path, box in places if path in values[field]]


def _put(tree: Any, path: Path, value: Any) -> Any:
    """The tree with another value at a path."""
    return {**tree, path[0]: value if len(path) == 1 else _put(tree[path[0]], path[1:], value)}

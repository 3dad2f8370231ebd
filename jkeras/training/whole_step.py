"""A step as a function of all variables that it uses, not only of those in its `TrainState`.

A step is pure in `TrainState`: it takes weights and gives new ones. Code below it may use other variables: a loss reads one that
a callback changes, `compute_metrics` updates a metric that the model holds, a schedule counts in one of its own. `whole_step`
gives every variable its value in the state while the step runs, and puts what the step assigned into the new state. A variable
that the state does not hold raises `UnknownVariables`; `with_all_variables` lets the model adopt it and tries again. So nothing
that changes between two dispatches becomes a constant of a program.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import jax

from jkeras._base import paths
from jkeras._base.types import Tree
from jkeras.layer.pure import layer_positions
from jkeras.layer.tracking import Path, inventory, note_change
from jkeras.state.functionalize import functionalize
from jkeras.state.scope import UnknownVariables, complete_scope
from jkeras.state.variable import Variable
from jkeras.training.state import TrainState

if TYPE_CHECKING:
    from jkeras.training.steps import Steps

_OUTSIDE_THE_LAYERS = 0x5742  # folded into the step's key for draws that no layer of the forward pass makes
_ROUNDS = 8

_NEVER_ENDING = """The step uses other variables each time it is traced: {names}. Create variables that should last once, in
`__init__` or `build`."""


_TWICE = """The weight {path!r} was assigned in the step, and the state that the step returned has another value for it. Put the
new value into the state: `state._replace(params=...)`."""

T = TypeVar("T")


class Place(NamedTuple):
    """Where a state holds the value of a variable.

    Attributes:
        field: of the `TrainState`.
        path: in it.
        variable: whose value it is.
    """

    field: str
    path: Path
    variable: Variable


def whole_step(model: Steps, step: Callable[..., tuple[TrainState, Tree]]) -> Callable[..., tuple[TrainState, Tree]]:
    """The same step, in which reading a variable gives its value in the state, and assigning one changes the new state.

    Args:
        model: the step is one of.
        step: `(state, *args) -> (state, result)`.

    Raises:
        UnknownVariables: the step used variables that the state does not hold.
    """

    def run(state: TrainState, *args: object) -> tuple[TrainState, Tree]:
        places = all_places(model, state)
        before = [value_at(state, place) for place in places]

        def within() -> tuple[TrainState, Tree]:
            new, output = step(state, *args)
            take_over(model, new)
            return new, output

        pure = functionalize(within, [place.variable for place in places], layer_positions(model), complete=True)
        result = pure(before, rng=jax.random.fold_in(state.key, _OUTSIDE_THE_LAYERS))
        if len(all_places(model, state)) > len(places):  # a metric made its variables on the way
            raise UnknownVariables([])
        new, output = result.output
        for place, old, value in zip(places, before, result.values):
            if value is not old:
                if place.field == "params" and value_at(new, place) is not old:
                    raise ValueError(_TWICE.format(path=place.variable.path))
                new = with_value(new, place, value)
        return new, output

    return run


def complete_function(fn: Callable[..., T]) -> Callable[..., T]:
    """The same function; it raises `UnknownVariables` where it uses variables that its arguments do not hold."""

    @functools.wraps(fn)
    def run(*args: object) -> T:
        return functionalize(fn, [], complete=True)([], *args).output

    return run


def take_over(model: Steps, state: TrainState) -> None:
    """In a whole step, give variables the values that the forward pass and the loss assigned to them.

    Args:
        model: the step is one of.
        state: that holds these values.
    """
    scope = complete_scope()
    if scope is not None and scope.ahead:
        for place in all_places(model, state):
            if id(place.variable) in scope.ahead:
                scope.ahead.discard(id(place.variable))
                place.variable.assign(value_at(state, place))


def with_values(model: Steps, places: list[Place], state: TrainState, fn: Callable[[], T]) -> tuple[TrainState, T]:
    """Run code on the values that a state holds for variables; in a whole step the variables have these already.

    Args:
        model: whose state it is.
        places: of the variables.
        state: that holds them.
        fn: the code.

    Returns:
        The state with what it assigned, and what it returned.
    """
    if complete_scope() is not None:
        take_over(model, state)
        return state, fn()
    held = [value_at(state, place) for place in places]
    result = functionalize(fn, [place.variable for place in places])(held)
    for place, old, new in zip(places, held, result.values):
        state = state if new is old else with_value(state, place, new)
    return state, result.output


def with_all_variables(model: Steps, attempt: Callable[[], T], again: Callable[[], None] | None = None) -> T:
    """`attempt()`. Where it meets variables that the model lacks, the model adopts them, `again()` runs, and it tries anew.

    Raises:
        ValueError: there are new variables each time.
    """
    names: list[str] = []
    for _ in range(_ROUNDS):
        try:
            return attempt()
        except UnknownVariables as found:
            names = [variable.path for variable in found.variables]
            adopt(model, found.variables)
            if again is not None:
                again()
    raise ValueError(_NEVER_ENDING.format(names=", ".join(names)))


def adopt(model: Steps, variables: Iterable[Variable]) -> None:
    """Let the model's states hold variables that no layer of it holds."""
    others = model.__dict__.setdefault("_others", {})
    new = {id(variable): variable for variable in variables if id(variable) not in others}
    if new:
        others.update(new)
        note_change()


def value_at(state: TrainState, place: Place) -> Tree:
    """What a state has in a place."""
    return paths.get(getattr(state, place.field), place.path)


def with_value(state: TrainState, place: Place, value: object) -> TrainState:
    """The state with another value in a place."""
    changed: dict[str, Tree] = {place.field: paths.put(getattr(state, place.field), place.path, value)}
    return state._replace(**changed)


def metric_places(model: Steps) -> list[Place]:
    """The variables of the compiled losses' means and metrics."""
    metrics = model._trainer.compiled_metrics
    return [Place("metrics", (name, key), v) for name, metric in metrics for key, v in metric.state_variables().items()]


def all_places(model: Steps, state: TrainState) -> list[Place]:
    """All variables that the state has a value for."""
    held = inventory(model)
    places = [Place("params" if id(variable) in held.trained else "state", path, variable) for path, variable in held.entries]
    known = {field: paths.flatten(getattr(state, field) or {}) for field in ("params", "state", "metrics")}
    return [place for place in places + metric_places(model) if place.path in known[place.field]]

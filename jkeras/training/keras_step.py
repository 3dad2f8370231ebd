"""Keras' own form of a step on JAX, `(state, data) -> (logs, state)`, in which a state is a tuple of lists of arrays:

    def train_step(self, state, data):
        trainable_variables, non_trainable_variables, optimizer_variables, metrics_variables = state
        ...
        return logs, (trainable_variables, non_trainable_variables, optimizer_variables, metrics_variables)

The lists follow `model.trainable_variables`, `model.non_trainable_variables`, `model.optimizer.variables` and
`model.metrics_variables`; `data` is `x`, `(x, y)` or `(x, y, sample_weight)`. A `test_step` has no optimizer's list, a
`predict_step` only the first two, and it gives `(outputs, non_trainable_variables)`.

`from_keras` makes such a step one of this package's, `(TrainState, batch) -> (TrainState, logs)`; `in_keras_form` is the way
back, for a class that calls `super().train_step(state, data)`.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import jax.numpy as jnp

from jkeras._base.types import Array, Batch, Tree
from jkeras.data.batch import pack_x_y_sample_weight, unpack_x_y_sample_weight
from jkeras.layer.stateless_face import SeedState
from jkeras.layer.tracking import inventory
from jkeras.state import random
from jkeras.state.functionalize import functionalize
from jkeras.state.scope import complete_scope, current
from jkeras.state.variable import Variable
from jkeras.training.objective.logs import flat_results
from jkeras.training.own_loss import loss_of
from jkeras.training.state import TrainState
from jkeras.training.whole_step import all_places, metric_places, value_at, whole_step, with_value

if TYPE_CHECKING:
    from jkeras.training.steps import Steps

Step = Callable[[TrainState, Batch], tuple[TrainState, Tree]]

OPTIMIZER = "optimizer_variables"
LISTS = {
    "train_step": ("trainable_variables", "non_trainable_variables", OPTIMIZER, "metrics_variables"),
    "test_step": ("trainable_variables", "non_trainable_variables", "metrics_variables"),
    "predict_step": ("trainable_variables", "non_trainable_variables"),
}

_COUNT = """{cls}.{step}: there are {expected} {name}, and {received} arrays for them. Give one for each, in the order of
model.{name}."""


class Lists:
    """A state as Keras' lists.

    Inside of a whole step any variable reads as the state has it, also one that the state learns of only now.

    Args:
        model: whose step it is for.
        name: `train_step`, `test_step` or `predict_step`.
        state: the state.
    """

    def __init__(self, model: Steps, name: str, state: TrainState):
        self.model, self.name, self._held = model, name, inventory(model)
        self._places = {id(place.variable): place for place in all_places(model, state)}

        def array(variable: Variable) -> Array:
            if isinstance(variable, SeedState):  # the step has a key of its own
                return jnp.zeros(variable.shape, variable.stored_dtype)
            place = self._places.get(id(variable))
            return variable.array if place is None else value_at(state, place)

        self.variables: dict[str, list[Variable]] = {}
        self.arrays: dict[str, list[Array]] = {}
        for of in LISTS[name]:
            if of == OPTIMIZER:
                self.arrays[of] = model._trainer.optimizer.listed(state.opt_state)
            else:
                self.variables[of] = getattr(model, of)
                self.arrays[of] = [array(variable) for variable in self.variables[of]]

    @property
    def state(self) -> tuple[list[Array], ...]:
        """The lists, in new ones that a step may change."""
        return tuple(map(list, self.arrays.values()))

    def in_state(self, state: TrainState, new: Sequence[Sequence[Array | Variable]]) -> TrainState:
        """A state with other arrays in the lists' places.

        Args:
            state: that the lists were made of.
            new: lists like these.

        Raises:
            ValueError: another number of arrays.
        """
        scope = complete_scope()
        start = {} if scope is None else scope.start  # an array from here was not changed, though its variable may have been
        changed: dict[int, Array] = {}
        for of, before, after in zip(self.arrays, self.arrays.values(), new, strict=True):
            if len(after) != len(before):
                cls = type(self.model).__name__
                raise ValueError(_COUNT.format(cls=cls, step=self.name, name=of, received=len(after), expected=len(before)))
            if all(a is b for a, b in zip(after, before)):
                continue
            if of == OPTIMIZER:
                state = state._replace(opt_state=self.model._trainer.optimizer.state_of(after))
                continue
            for variable, old, value in zip(self.variables[of], before, after):
                if value is not old and value is not start.get(id(variable)) and not isinstance(variable, SeedState):
                    array = value.array if isinstance(value, Variable) else jnp.asarray(value, variable.stored_dtype)
                    changed[id(variable)] = array
                    if id(variable) not in self._places:
                        variable.assign(array)
        entries = self._held.entries
        values = self._held.flat(state.params, state.state)
        params, rest = self._held.nested([changed.get(id(variable), old) for (_, variable), old in zip(entries, values)])
        state = state._replace(params=params, state=rest)
        for key, place in self._places.items():
            if place.field == "metrics" and key in changed:
                state = with_value(state, place, changed[key])
        return state

    def assign(self, before: TrainState, after: TrainState, everything: bool) -> None:
        """Assign to variables that are not trainable what a step made of them.

        Args:
            before, after: the step.
            everything: whether to those in the lists too, which else only the lists hand on.
        """
        listed = set() if everything else {id(variable) for variables in self.variables.values() for variable in variables}
        for key, place in self._places.items():
            new = value_at(after, place)
            if place.field != "params" and key not in listed and new is not value_at(before, place):
                place.variable.assign(new)


def from_keras(model: Steps, name: str, step: Callable[..., Any]) -> Step:
    """A step in Keras' form as one in the form of this package.

    Args:
        model: whose step it is.
        name: `train_step`, `test_step` or `predict_step`.
        step: `(state, data) -> (logs, state)`.
    """

    def run(state: TrainState, batch: Batch) -> tuple[TrainState, Tree]:
        lists = Lists(model, name, state)
        with model._trainer.showing_metrics("in a step"):
            result, new = step(lists.state, pack_x_y_sample_weight(*batch))
        if name == "predict_step":
            pair = len(new) == 2 and all(isinstance(part, (list, tuple)) for part in new)
            new = new if pair else (lists.arrays["trainable_variables"], new)  # Keras has had both forms
        else:
            result = flat_results(result.items())
            state = state._replace(iteration=state.iteration + 1, position=state.position + 1)
        after = lists.in_state(state, new)
        lists.assign(state, after, everything=True)
        return after, result

    return run


def in_keras_form(
    model: Steps, name: str, step: Callable[..., Any], state: Sequence[Sequence[Array | Variable]], data: Tree
) -> tuple[Any, Any]:
    """A step of this package, called as Keras' are.

    Args:
        model: whose step it is.
        name: as for `from_keras`.
        step: `(TrainState, batch) -> (TrainState, result)`.
        state: Keras' lists.
        data: a batch as Keras has it.

    Returns:
        `(logs, state)`; for `predict_step`, `(outputs, non_trainable_variables)`.
    """
    now = _current_state(model, OPTIMIZER in LISTS[name])
    before = Lists(model, name, now).in_state(now, state)
    with model._trainer.showing_metrics("outside"):
        after, result = whole_step(model, step)(before, unpack_x_y_sample_weight(data))
    lists = Lists(model, name, after)
    lists.assign(before, after, everything=False)
    return result, (lists.state[1] if name == "predict_step" else lists.state)


def _current_state(model: Steps, trains: bool) -> TrainState:
    """A state of what the variables hold here; its key is that of the code around."""
    held = inventory(model)
    params, rest = held.nested([variable.array for _, variable in held.entries])
    metrics: dict[str, dict[str, Array]] = {}
    for place in metric_places(model):
        metrics.setdefault(place.path[0], {})[place.path[1]] = place.variable.array
    key = random.next_key() if current().rng is None else random.draw_key(model)
    zero = jnp.zeros((), jnp.int32)
    return TrainState(params, rest, model._trainer.optimizer.live_state if trains else (), metrics, zero, zero, zero, key)


def stateless_compute_loss(
    self: Steps,
    trainable_variables: Sequence[Array],
    non_trainable_variables: Sequence[Array],
    metrics_variables: Sequence[Array],
    x: Tree = None,
    y: Tree = None,
    y_pred: Tree = None,
    sample_weight: Tree = None,
    training: bool = True,
) -> tuple[Array, tuple[list[Array], list[Array], list[Array]]]:
    """`compute_loss` as a pure function of lists of arrays, the regularization of weights included.

    Args:
        trainable_variables, non_trainable_variables, metrics_variables: arrays in the order of the attributes of these names.
        x, y, y_pred, sample_weight, training: as for `compute_loss`.

    Returns:
        `(loss, (trainable_variables, non_trainable_variables, metrics_variables))`, the lists as `compute_loss` leaves them.
    """
    given = (trainable_variables, non_trainable_variables, metrics_variables)
    held = (self.trainable_variables, self.non_trainable_variables, self.metrics_variables)
    for of, variables, values in zip(LISTS["test_step"], held, given):
        if len(values) != len(variables):
            cls, step = type(self).__name__, "stateless_compute_loss"
            raise ValueError(_COUNT.format(cls=cls, step=step, name=of, received=len(values), expected=len(variables)))

    def loss() -> Array:
        return loss_of(self, x, y, y_pred, sample_weight, training)

    result = functionalize(loss, list(itertools.chain(*held)))(list(itertools.chain(*given)), rng=current().rng)
    after = iter(result.values)
    trained, others, metrics = ([next(after) for _ in variables] for variables in held)
    return result.output, (trained, others, metrics)

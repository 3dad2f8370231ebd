"""MultiOptimizer: parameter groups, each with an optimizer of its own.

The state is a tuple of the optimizers' states, each over its own weights. What an optimizer of a group shows, such as its
learning rate, is a view of its part of that state: reading is live, and writing changes the next step.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple, NoReturn

import jax
import jax.numpy as jnp

from jkeras._base.configurable import serialize
from jkeras._base.registry import export
from jkeras._base.tracebacks import level_of_user
from jkeras._base.types import Array, Tree
from jkeras.optimizers.base import Optimizer
from jkeras.optimizers.optimizer_map import OptimizerMap, plain
from jkeras.optimizers.state import Assignable, Constraints, OptimizerState, keras_order, leaf_name, named_leaves
from jkeras.optimizers.state_in_variables import PartOfState
from jkeras.state.variable import Variable

_NO_RATE = "A MultiOptimizer has no learning rate; each of its optimizers has one: optimizer.optimizers[0].learning_rate."

_FITS_NOTHING = """No weight has a path that the keys {keys} fit. The paths are {paths}. A key fits a whole path: write
".*dense/.*" for the weights of the layer `dense`."""


class MultiSlots(NamedTuple):
    """The states of the optimizers; those without weights have no slots."""

    optimizers: tuple[OptimizerState, ...]


@export("keras.optimizers.MultiOptimizer")
class MultiOptimizer(Optimizer):
    """Several optimizers, each for some of the weights.

    Args:
        optimizer_map: an `OptimizerMap`, or a function from a variable to its optimizer, which `variable.path` may decide.
        loss_scale_factor: of all optimizers, in place of their own; None for none.
        name: a name.

    Attributes:
        optimizers: all of them: those of the map, its default, and what a function gave.

    Raises:
        ValueError: a weight has no optimizer, or one that holds others.
        AttributeError: its learning rate is asked for; each of the optimizers has one.

    Example:
        >>> from jkeras.optimizers import SGD, Adam
        >>> optimizer = MultiOptimizer(OptimizerMap(SGD(0.5), {".*/bias": SGD(0.0)}))
        >>> params = {"dense": {"kernel": jnp.asarray(1.0), "bias": jnp.asarray(1.0)}}
        >>> params, state = optimizer.update(params, optimizer.init(params), params)
        >>> {name: float(value) for name, value in params["dense"].items()}
        {'bias': 1.0, 'kernel': 0.5}
    """

    def __init__(
        self,
        optimizer_map: OptimizerMap | Callable[[Any], Optimizer],
        loss_scale_factor: float | None = None,
        name: str | None = None,
    ):
        super().__init__(0.0, loss_scale_factor=loss_scale_factor, name=name)
        self.optimizer_map = optimizer_map
        self.optimizers: list[Optimizer] = []
        self._groups: dict[str, int] = {}  # the numbers of optimizers by the names of weights
        if isinstance(optimizer_map, OptimizerMap):
            for optimizer in (*(optimizer_map._by_key[key] for key in optimizer_map), optimizer_map.default_optimizer):
                self._number(optimizer)

    def _number(self, optimizer: object) -> int:
        found = next((i for i, one in enumerate(self.optimizers) if one is optimizer), None)
        if found is not None:
            return found
        if isinstance(optimizer, Optimizer):
            optimizer.loss_scale_factor = self.loss_scale_factor
            optimizer._in_variables = _Part(self, len(self.optimizers))  # type: ignore[assignment]
        self.optimizers.append(optimizer)  # type: ignore[arg-type]
        return len(self.optimizers) - 1

    def _choose(self, params: Mapping[str, Any], known: Mapping[str, int] | None = None) -> None:
        """Find the optimizer of each weight, once; `known` are the numbers of those that are found, by the names of weights."""
        if self._groups.keys() == params.keys():
            return
        variables, known = self.variables_of(params), known or {}
        self._groups = {
            name: known[name] if name in known else self._number(plain(self.optimizer_map(variable)))
            for name, variable in variables.items()
        }
        if isinstance(self.optimizer_map, OptimizerMap) and not known:
            used = {id(self.optimizers[i]) for i in self._groups.values()}
            idle = [key for key in self.optimizer_map if id(self.optimizer_map._by_key[key]) not in used]
            if idle:
                paths = [variable.path for variable in variables.values()]
                warnings.warn(_FITS_NOTHING.format(keys=idle, paths=paths), stacklevel=level_of_user())
        for number, optimizer in enumerate(self.optimizers):
            pairs = [(variables[name], name) for name in self.names_of(number)]
            optimizer.remember([variable for variable, _ in pairs], [name for _, name in pairs])

    def names_of(self, number: int) -> list[str]:
        """The names of the weights that one of the optimizers changes."""
        return [name for name, group in self._groups.items() if group == number]

    def remember(self, variables: Iterable[Assignable], names: Iterable[str]) -> None:
        """Note which variables the leaves of the state belong to, and find the optimizers of those that are new."""
        before = {id(variable): self._groups[key] for variable, key in zip(self._trained, self._keys) if key in self._groups}
        super().remember(variables, names)
        known = {key: before[id(variable)] for variable, key in zip(self._trained, self._keys) if id(variable) in before}
        self._groups = {}
        own = all(isinstance(variable, Variable) for variable in self._trained)
        self._choose(dict(zip(self._keys, self._trained)) if own else self._values(), known)

    def init(self, params: Tree) -> OptimizerState:
        """The state before the first step: those of all optimizers."""
        named = named_leaves(params)
        self._choose(named)
        states = []
        for number, optimizer in enumerate(self.optimizers):
            group = {name: named[name] for name in self.names_of(number)}
            state = optimizer.init(group) if group else None
            states.append(state or OptimizerState(jnp.zeros((), jnp.int32), optimizer._initial_rate(), ()))
        return OptimizerState(jnp.zeros((), jnp.int32), jnp.zeros((), jnp.float32), MultiSlots(tuple(states)))

    def _update(
        self, grads: Tree, state: OptimizerState, params: Tree, constraints: Constraints, missing: frozenset[str]
    ) -> tuple[Tree, OptimizerState]:
        gradients, weights = named_leaves(grads), named_leaves(params)
        self._choose(weights)
        states = list(state.slots.optimizers)
        for number, optimizer in enumerate(self.optimizers):
            names = self.names_of(number)
            if not names:
                continue
            group, own = ({name: leaves[name] for name in names} for leaves in (gradients, weights))
            rules = {name: rule for name, rule in constraints.items() if name in own}
            after, states[number] = optimizer.whole_update(group, states[number], own, rules, missing & own.keys())
            weights.update(after)
        slots = MultiSlots(tuple(states))
        return _with_leaves(params, weights), state._replace(iterations=state.iterations + 1, slots=slots)

    def finalize(self, params: Tree, state: OptimizerState) -> Tree:
        """The parameters to keep after training: averages where an optimizer has `use_ema`, else as they are."""
        averages: dict[str, Array] = {}
        for optimizer, part in zip(self.optimizers, state.slots.optimizers):
            averages.update(part.ema if optimizer.use_ema and part.ema is not None else {})
        if params is None:  # the averages alone
            return self._nest(averages) if averages else None
        return _with_leaves(params, named_leaves(params) | averages)

    def finalize_variable_values(self, var_list: Iterable[Assignable]) -> None:
        """Write the moving averages of optimizers with `use_ema` over their variables."""
        variables = list(var_list)
        for number, optimizer in enumerate(self.optimizers):
            names = set(self.names_of(number))
            optimizer.finalize_variable_values(v for v, key in zip(variables, self._keys_of(variables)) if key in names)

    def _order(self, state: OptimizerState) -> list[int]:
        """Keras' order: the own numbers, then the variables of each optimizer."""
        numbers: Tree = jax.tree.unflatten(jax.tree.structure(state), range(len(jax.tree.leaves(state))))
        order = [numbers.iterations, numbers.learning_rate]
        for number, optimizer in enumerate(self.optimizers):
            leaves = jax.tree.leaves(numbers.slots.optimizers[number])
            own = state.slots.optimizers[number]
            order += [leaves[i] for i in keras_order(own, optimizer.slot_groups, self.names_of(number), optimizer.slot_order)]
        return order

    def _visible(self, state: OptimizerState) -> OptimizerState:
        if not isinstance(state.slots, MultiSlots):
            return state
        parts = (optimizer._visible(part) for optimizer, part in zip(self.optimizers, state.slots.optimizers))
        return state._replace(slots=MultiSlots(tuple(parts)))

    def state_of(self, values: Any) -> OptimizerState:
        """The state with these arrays, in the order of `variables`."""
        new = super().state_of(values)
        parts = (
            part._replace(learning_rate=optimizer._rate_of(part)) if part.learning_rate is None else part
            for optimizer, part in zip(self.optimizers, new.slots.optimizers)
        )
        return new._replace(slots=MultiSlots(tuple(parts)))

    def settings(self) -> tuple[object, ...]:
        """What is constant in a compiled step: that of all optimizers."""
        return (*super().settings(), *(optimizer.settings() for optimizer in self.optimizers))

    def __setattr__(self, name: str, value: object) -> None:
        super().__setattr__(name, value)
        if name == "loss_scale_factor":
            for optimizer in self.__dict__.get("optimizers", ()):
                optimizer.loss_scale_factor = value

    @property
    def learning_rate(self) -> NoReturn:
        """None: each of the optimizers has its own."""
        raise AttributeError(_NO_RATE)

    @learning_rate.setter
    def learning_rate(self, value: object) -> None:
        raise AttributeError(_NO_RATE)

    def get_config(self) -> dict[str, Any]:
        """The map, or the function by its name, and the other arguments."""
        return {"optimizer_map": serialize(self.optimizer_map), "loss_scale_factor": self.loss_scale_factor, "name": self.name}


class _Part(PartOfState):
    """The state of one of the optimizers."""

    whole: MultiOptimizer

    def __init__(self, whole: MultiOptimizer, number: int):
        super().__init__(whole)
        self.number = number

    def of(self, state: OptimizerState) -> OptimizerState | None:
        """The part in a whole state; None where the optimizer came later."""
        parts = state.slots.optimizers
        return parts[self.number] if self.number < len(parts) else None

    def into(self, state: OptimizerState, part: OptimizerState) -> OptimizerState:
        """The whole state with another part."""
        parts = list(state.slots.optimizers)
        parts[self.number] = part
        return state._replace(slots=MultiSlots(tuple(parts)))


def _with_leaves(tree: Tree, leaves: Mapping[str, Array]) -> Tree:
    return jax.tree_util.tree_map_with_path(lambda path, _: leaves[leaf_name(path)], tree)

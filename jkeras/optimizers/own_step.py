"""Optimizers in Keras' own form: `build` makes variables, `update_step` assigns to them and to the weights.

    class Momentum(Optimizer):
        def build(self, variables):
            super().build(variables)
            self.momentums = self.add_optimizer_variables(variables, "momentum")

        def update_step(self, gradient, variable, learning_rate):
            m = self.momentums[self._get_variable_index(variable)]
            self.assign(m, 0.9 * m - learning_rate * gradient)
            self.assign_add(variable, m)

A class that defines `update_step` gets its `rule` from it through `functionalize`, as a metric from `update_state`: what the
variables hold lies in the optimizer's state, the step is compiled like any other, and clipping, weight decay, averages and
accumulation go around it. `build` runs when a state is made, and may do so again for other weights. The same way an `apply` or
`apply_gradients` that a class overrides takes part in the step (`through_own_apply`).
"""

from __future__ import annotations

import contextlib
import functools
import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import jax
import optax
from jax.typing import ArrayLike, DTypeLike

from jkeras._base.types import Array, Scalar, Tree
from jkeras.optimizers.learning_rate import as_learning_rate
from jkeras.optimizers.state import Assignable, OptimizerState, leaf_name, named_leaves
from jkeras.optimizers.state_variable import StateVariable
from jkeras.state.functionalize import functionalize
from jkeras.state.random import draw_key
from jkeras.state.scope import current
from jkeras.state.variable import Variable

if TYPE_CHECKING:
    from jkeras.optimizers.base import Optimizer
    from jkeras.optimizers.own_apply import Inner
    from jkeras.optimizers.state_number import LearningRate

_LIBRARY = f"{__name__.partition('.')[0]}."


class OwnStep:
    """What a class that defines `update_step` finds in its base."""

    name: str
    state: OptimizerState | None
    slot_groups: Sequence[Sequence[str]]
    slot_order: Sequence[str] = ()  # names of the slots in the order in which they were made
    rule: Callable[..., optax.GradientTransformationExtraArgs]
    build: Callable[[Iterable[Assignable]], None]
    _rate: float | Callable[..., ArrayLike] | None
    _trained: list[Assignable]
    _keys: list[str]
    _nest: Callable[[Mapping[str, Array]], Tree]
    _step_of_one: Callable[[Array, Variable, Array], None]

    _at_work = False  # while `build` or `update_step` of the class runs
    _inner: Inner | None = None  # while an overridden `apply` runs in a step

    def __init_subclass__(cls, **kwargs: object) -> None:
        super().__init_subclass__(**kwargs)
        own = vars(cls)
        if "update_step" in own and "rule" not in own and not cls.__module__.startswith(_LIBRARY):
            cls.rule = rule_of_update_step
        if "build" in own and not cls.__module__.startswith(_LIBRARY):
            cls.build = _where_made(cls.build)  # type: ignore[method-assign]

    def __init__(self) -> None:
        self._lasting: dict[str, StateVariable] = {}  # made in `__init__`
        self._own: dict[str, StateVariable] = {}  # made in `build`, for the weights at `_places`
        self._places: dict[str, Variable] = {}
        self._of_library: dict[str, dict[str, StateVariable]] = {}
        self._clock: Variable | None = None  # stands for `iterations` at work
        self._rate_in_step: Variable | None = None  # stands for `learning_rate`

    # for `build` ----------------------------------------------------------------------------------------------------

    def add_variable(
        self,
        shape: Sequence[int],
        initializer: object = "zeros",
        dtype: DTypeLike | None = None,
        aggregation: str = "none",
        layout: object = None,
        name: str | None = None,
    ) -> Variable:
        """Make a variable that lasts from step to step and belongs to no weight.

        Args:
            shape: of the array.
            initializer: name, object, or the first value.
            dtype: default `floatx()`.
            aggregation: how replicas combine it.
            layout: Keras' argument; must be None.
            name: for files.

        Raises:
            ValueError: a layout.
        """
        if layout is not None:
            raise ValueError("layout= says where an array lies, which follows the optimizer's state here. Leave it out.")
        return self._made("optimizer", name or "variable", initializer, shape, dtype, aggregation)

    def add_variable_from_reference(
        self,
        reference_variable: Any = None,
        name: str | None = None,
        initializer: object = "zeros",
        *,
        model_variable: Any = None,
        variable_name: str | None = None,
        shape: Sequence[int] | None = None,
        initial_value: object = None,
    ) -> Variable:
        """Make a variable in shape and dtype of a weight.

        Args:
            reference_variable: the weight.
            name: of the kind of variable, such as `"momentum"`.
            initializer: name, object, or the first value.
            model_variable, variable_name, shape, initial_value: what Keras 2 has.
        """
        weight = model_variable if reference_variable is None else reference_variable
        key = self._keys_by_id().get(id(weight)) or str(getattr(weight, "path", weight.name))
        first = initializer if initial_value is None else initial_value
        kind = (name or variable_name or "var").replace("/", "_")
        return self._made(kind, key, first, weight.shape if shape is None else shape, weight.dtype)

    def add_optimizer_variables(
        self, trainable_variables: Iterable[Variable], name: str | Sequence[str], initializer: object = "zeros"
    ) -> Any:
        """A variable for each weight, in a list; for several names such lists.

        Args:
            trainable_variables: the weights.
            name: of the kind of variable, or several.
            initializer: name or object, or one for each name.

        Raises:
            ValueError: another number of initializers than names.
        """
        names = [name] if isinstance(name, str) else list(name)
        makers = list(initializer) if isinstance(initializer, (list, tuple)) else [initializer] * len(names)
        if len(makers) != len(names):
            raise ValueError(f"Give one initializer for each name. Received {len(names)} names and {len(makers)} initializers.")
        rows = [[self.add_variable_from_reference(v, n, make) for n, make in zip(names, makers)] for v in trainable_variables]
        lists = tuple([row[i] for row in rows] for i in range(len(names)))
        return lists[0] if isinstance(name, str) else lists

    def _made(
        self, kind: str, key: str, first: object, shape: Sequence[int], dtype: DTypeLike | None, aggregation: str = "none"
    ) -> StateVariable:
        leaf, count = f"{kind}/{key}", 0
        while leaf in self._own or leaf in self._lasting:
            count += 1
            leaf = f"{kind}_{count}/{key}"
        given = {"shape": shape} if isinstance(first, str) or callable(first) else {}
        made = StateVariable(self, f"slots/{leaf}", first, dtype=dtype, aggregation=aggregation, **given)  # type: ignore[arg-type]
        (self._own if self._at_work else self._lasting)[leaf] = made
        return made

    # for `update_step` ----------------------------------------------------------------------------------------------

    def update_step(self, gradient: Array, variable: Variable, learning_rate: Array) -> None:
        """Change a weight by its gradient; classes of the library use their rule.

        Args:
            gradient: an array.
            variable: the weight.
            learning_rate: of this step.
        """
        library = _class_with_rule(self)
        if library is None:
            raise NotImplementedError(
                f"{type(self).__name__} must define `update_step(self, gradient, variable, learning_rate)`."
            )
        if not self._at_work:
            self._step_of_one(gradient, variable, learning_rate)
            return
        key, rule = self._keys_by_id()[id(variable)], library.rule(self)
        held = {field: made[key] for field, made in self._of_library.items()}
        slots = rule.init({key: variable.array})._replace(**{field: {key: slot.array} for field, slot in held.items()})
        rates = {"learning_rate": learning_rate, "step": self._read_iterations()}  # type: ignore[attr-defined]
        changes, new = rule.update({key: gradient}, slots, {key: variable.array}, **rates)
        for field, slot in held.items():
            slot.assign(getattr(new, field)[key])
        variable.assign_add(changes[key])

    def assign(self, variable: Variable, value: ArrayLike) -> None:
        """`variable.assign(value)`."""
        variable.assign(value)

    def assign_add(self, variable: Variable, value: ArrayLike) -> None:
        """`variable.assign_add(value)`."""
        variable.assign_add(value)

    def assign_sub(self, variable: Variable, value: ArrayLike) -> None:
        """`variable.assign_sub(value)`."""
        variable.assign_sub(value)

    # Keras' own names, which classes made for it use.

    def _get_variable_index(self, variable: object) -> int:
        return self._index_dict[id(variable)]

    def _var_key(self, variable: object) -> int:
        return id(variable)

    @property
    def _index_dict(self) -> dict[int, int]:
        return {id(variable): i for i, variable in enumerate(self._places.values())}

    @property
    def _trainable_variables(self) -> list[Variable]:
        return list(self._places.values())

    def _build_learning_rate(self, learning_rate: object) -> object:
        self._rate = as_learning_rate(learning_rate)
        return learning_rate

    def _get_current_learning_rate(self) -> LearningRate:
        return self.learning_rate  # type: ignore[attr-defined]

    # between variables and state ------------------------------------------------------------------------------------

    def make_variables(self, params: Mapping[str, Array]) -> dict[str, Array]:
        """Let `build` make the variables for these weights.

        Args:
            params: arrays by name.

        Returns:
            Their first values by name, in the order in which they were made.
        """
        self._places, self._own, self._of_library = self.variables_of(params), {}, {}
        if self._clock is None:
            self._clock, self._rate_in_step = Variable(0, dtype="int32", name="iteration"), Variable(0.0, name="learning_rate")
        variables = list(self._places.values())

        def build() -> dict[str, Array]:
            self.__dict__.pop("_built", None)  # classes for Keras 2 ask for it
            with _at_work(self):
                self.build(variables)
                return {leaf: variable.array for leaf, variable in self._all_own().items()}

        first: dict[str, Array] = functionalize(build, variables)([params[key] for key in self._places]).output
        self.slot_order = list(first)
        return first

    def make_slots_of_library(self) -> None:
        """The slots of the library's class below as variables, which Keras has in lists such as `_momentums`."""
        library = _class_with_rule(self)
        if library is None:
            return
        first = library.rule(self).init({key: variable.array for key, variable in self._places.items()})
        for group in library.slot_groups:
            fields = [field for field in group if getattr(first, field) is not None]
            for key, variable in self._places.items():
                for field in fields:
                    made = self._made(field, key, "zeros", variable.shape, variable.dtype)
                    made.assign(getattr(first, field)[key])
                    self._of_library.setdefault(field, {})[key] = made
        for field, variables in self._of_library.items():
            self.__dict__[field] = self.__dict__[f"_{field}"] = list(variables.values())

    def make_ready(self, params: Mapping[str, Array]) -> None:
        """Have variables for these weights."""
        wanted = self.variables_of(params)
        if (not self.slot_order and self._all_own()) or [*map(id, wanted.values())] != [*map(id, self._places.values())]:
            self.make_variables(params)

    def variables_of(self, params: Mapping[str, Array]) -> dict[str, Variable]:
        """The variables of these weights by name, in Keras' order; others stand for weights that are arrays alone."""
        trained = [variable for variable in self._trained if isinstance(variable, Variable)]
        if set(self._keys) == set(params) and len(trained) == len(self._trained):
            return dict(zip(self._keys, trained))
        fit = all(name in self._places and self._places[name].shape == value.shape for name, value in params.items())
        return self._places if fit and len(self._places) == len(params) else {n: _stand_in(n, v) for n, v in params.items()}

    def _all_own(self) -> dict[str, StateVariable]:
        return {**self._lasting, **self._own}

    def _keys_by_id(self) -> dict[int, str]:
        return {id(variable): key for key, variable in self._places.items()}


def rule_of_update_step(self: Optimizer) -> optax.GradientTransformationExtraArgs:
    """The rule that an `update_step` makes."""
    takes_rate = len(inspect.signature(self.update_step).parameters) > 2  # in Keras 2 it does not

    def init(params: Tree) -> Tree:
        return self._nest(self.make_variables(named_leaves(params)))

    def update(grads: Tree, slots: Tree, params: Tree = None, *, learning_rate: Array, step: Scalar) -> tuple[Tree, Tree]:
        before, gradients, held = named_leaves(params), named_leaves(grads), named_leaves(slots)
        self.make_ready(before)
        places, own = self._places, self._all_own()
        assert self._clock is not None and self._rate_in_step is not None

        def run() -> None:
            with _at_work(self):
                for name, variable in places.items():
                    self.update_step(gradients[name], variable, *([learning_rate] if takes_rate else []))

        variables = [*places.values(), *own.values(), self._clock, self._rate_in_step]
        values = [*(before[name] for name in places), *(held[leaf] for leaf in own), step, learning_rate]
        rng = jax.random.fold_in(jax.random.key(0), step) if current().rng is None else draw_key(self)
        after = functionalize(run, variables)(values, rng=rng).values
        weights, kept = dict(zip(places, after)), dict(zip(own, after[len(places) :]))
        changes = jax.tree_util.tree_map_with_path(lambda path, old: weights[leaf_name(path)] - old, params)
        return changes, jax.tree_util.tree_map_with_path(lambda path, _: kept[leaf_name(path)], slots)

    return optax.GradientTransformationExtraArgs(init, update)


def _class_with_rule(optimizer: object) -> Any:
    """The library's class that the optimizer's class extends, where it has a rule."""
    found = (c for c in type(optimizer).__mro__ if "rule" in vars(c) and c.__module__.startswith(_LIBRARY))
    return next((c for c in found if OwnStep not in c.__bases__), None)


@contextlib.contextmanager
def _at_work(optimizer: OwnStep) -> Iterator[None]:
    """Around methods of the class that see variables."""
    before, optimizer._at_work = optimizer._at_work, True
    try:
        yield
    finally:
        optimizer._at_work = before


def _where_made(build: Callable[..., None]) -> Callable[..., None]:
    """A class' `build`, which runs where variables are made; called from outside, `build_state` leads there."""

    @functools.wraps(build)
    def method(self: Optimizer, variables: Iterable[Assignable]) -> None:
        (build if self._at_work else type(self).build_state)(self, variables)

    return method


def _stand_in(name: str, value: Array) -> Variable:
    made = Variable("zeros", shape=value.shape, dtype=value.dtype, name=name.rpartition("/")[2] or None)
    made.path = name
    return made

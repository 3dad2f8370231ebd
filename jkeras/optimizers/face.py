"""The face of an optimizer that Keras users know: a live learning rate, `apply_gradients`, a list of variables.

All of it reads and writes one attribute, `optimizer.state`. A training loop takes the state before a dispatch and puts the
new one back after it; a hand-written loop calls `apply(grads, variables)`, which does the same for one step. A
variable is anything with `value`, `assign` and, if it has one, `path`.
"""

from __future__ import annotations

import warnings
import weakref
from collections.abc import Callable, Iterable, Mapping, MutableMapping, Sequence
from typing import TYPE_CHECKING, Any, SupportsInt

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from jkeras._base import paths
from jkeras._base.compiling import compiled_quickly
from jkeras._base.copying import copied
from jkeras._base.errors import describe
from jkeras._base.types import Array, Tree
from jkeras.optimizers.learning_rate import as_learning_rate, rate_at
from jkeras.optimizers.placing import shardings_beside
from jkeras.optimizers.state import (
    Assignable,
    Constraints,
    OptimizerState,
    is_overwritten,
    keras_order,
    named_leaves,
    overwritten_value,
    parts_of_weights,
    short_path,
    unique_names,
)
from jkeras.optimizers.state_in_variables import StateInVariables
from jkeras.optimizers.state_number import Iterations, LearningRate
from jkeras.optimizers.state_variable import StateVariable, view_of
from jkeras.state.scope import current, outside
from jkeras.state.variable import Variable

if TYPE_CHECKING:
    from jkeras.optimizers.own_apply import Inner


class KerasFace:
    """What `Optimizer` shows beside its pure core."""

    name: str
    slot_groups: Sequence[Sequence[str]] = ()
    slot_order: Sequence[str]
    make_slots_of_library: Callable[[], None]
    _at_work: bool
    _inner: Inner | None
    _clock: Variable | None
    _rate_in_step: Variable | None
    _plain_state: OptimizerState | None
    _shown: bool
    _fits: tuple[object, object] | None
    gradient_accumulation_steps: int | None
    use_ema: bool
    init: Callable[[Tree], OptimizerState]
    whole_update: Callable[..., tuple[Tree, OptimizerState]]
    _update: Callable[..., tuple[Tree, OptimizerState]]
    _all_own: Callable[[], Mapping[str, StateVariable]]
    _initial_rate: Callable[[], jax.Array | None]

    def __init__(self, rate: float | Callable[..., ArrayLike] | None):
        self._in_variables: StateInVariables | None = None
        self._plain_state, self._shown, self._fits = None, True, None
        self._rate = rate
        self._keys: list[str] = []
        self._given: list[Assignable] = []
        self._trained: list[Assignable] = []
        self._kept: dict[int, tuple[weakref.ref[Assignable], dict[str, Array]]] = {}
        self._compiled: Callable[..., tuple[Tree, OptimizerState]] | None = None

    @property
    def state(self) -> OptimizerState | None:
        """What the optimizer carries from step to step; None before the first. It stays as it is: the next step makes another."""
        self._shown = True
        return self._state

    @state.setter
    def state(self, state: OptimizerState | None) -> None:
        self._state, self._shown, self._fits = state, True, None

    @property
    def _state(self) -> OptimizerState | None:
        held = self._in_variables
        return self._plain_state if held is None else held.read()

    @_state.setter
    def _state(self, state: OptimizerState | None) -> None:
        if self._in_variables is not None and jax.tree.structure(state) == self._in_variables.structure:  # type: ignore[operator]
            self._in_variables.write(state)
        else:
            self._in_variables, self._plain_state = None, state

    def _move_into_variables(self, variables: Sequence[Assignable] | None) -> None:
        """For a function that is traced: let its program hand the state through."""
        if self._in_variables is None:
            with outside(), jax.ensure_compile_time_eval():
                if self._plain_state is None:
                    self.build(self._trained if variables is None or self._trained else variables)
                state = self._check_built()
                self._in_variables = StateInVariables(state, (f"{self.name}/{name}" for name in named_leaves(state)))

    @property
    def live_state(self) -> OptimizerState | None:
        """The state whose arrays the next step takes: look at it, but do not keep it."""
        return self._state

    def take_state(self) -> OptimizerState:
        """The state in arrays that nothing else holds, for a program that donates them."""
        state = self._check_built()
        if self._shown or self._in_variables is not None:
            self._in_variables = None
            state = self._state = copied(state)
            self._shown = False
        return state

    def put_state(self, state: Tree, fits: object) -> None:
        """Keep a state that a program gave.

        Args:
            state: in arrays that nothing else holds.
            fits: what it fits, for `fits`.
        """
        self._state, self._shown, self._fits = state, False, (fits, self.settings())

    def fits(self, what: object) -> bool:
        """Whether the state is one that was put for these variables, and no setting of the optimizer has changed since."""
        return self._fits == (what, self.settings())

    def is_taken(self, state: Tree) -> bool:
        """Whether a state that was taken is still the optimizer's, and only the optimizer's."""
        return self._state is state and not self._shown

    def __setattr__(self, name: str, value: object) -> None:
        object.__setattr__(self, name, value)
        if name[0] != "_" or name == "_rate":
            self.__dict__["_settings"] = None

    def settings(self) -> tuple[object, ...]:
        """What is constant in a compiled step: the numbers and flags in attributes, and a rate that is a function."""
        known: tuple[object, ...] | None = self.__dict__.get("_settings")
        if known is not None:
            return known
        plain = (bool, int, float, str, type(None))
        found = [(k, v) for k, v in vars(self).items() if k[0] != "_" and k != "name" and isinstance(v, plain)]
        inner = [(k, v.settings()) for k, v in vars(self).items() if k[0] != "_" and isinstance(v, KerasFace)]
        settings = (*found, *inner, self._rate if callable(self._rate) else None)
        self.__dict__["_settings"] = None if inner else settings
        return settings

    def parts_for(self, variables: Iterable[Assignable], leaves: Mapping[str, Array]) -> dict[int, dict[str, Array]]:
        """What is known of these variables, by id: arrays by their place in a state. What belongs to others is kept for later.

        Args:
            variables: that the next state is for.
            leaves: of the state, by name.
        """
        parts = parts_of_weights(leaves, self._keys)
        known = {i: kept for i, kept in self._kept.items() if kept[0]() is not None}
        known |= {
            id(variable): (weakref.ref(variable), parts[key]) for key, variable in zip(self._keys, self._trained) if key in parts
        }
        found = {id(variable): known.pop(id(variable))[1] for variable in variables if id(variable) in known}
        self._kept = known
        return found

    @property
    def learning_rate(self) -> LearningRate:
        """The current learning rate: reads as a number, takes `assign(value)`; may be set to a number or a schedule."""
        return LearningRate(self._read_rate, self._write_rate)

    @learning_rate.setter
    def learning_rate(self, value: object) -> None:
        self._write_rate(value)

    @property
    def lr(self) -> LearningRate:
        """Keras 2's name of `learning_rate`."""
        return self.learning_rate

    @lr.setter
    def lr(self, value: object) -> None:
        self.learning_rate = value

    @property
    def iterations(self) -> Iterations:
        """How often the weights were changed; with gradient accumulation, less often than `apply` was called."""
        return Iterations(self._read_iterations, self._write_iterations)

    @property
    def built(self) -> bool:
        """Whether there is a state. Setting it, as Keras' classes do at the end of `build`, changes nothing."""
        return self._state is not None and not self._at_work

    @built.setter
    def built(self, value: bool) -> None:
        self._said_built = value

    @property
    def variables(self) -> list[StateVariable]:
        """The leaves of the state in Keras' order: iteration, learning rate (unless it is a schedule), averages, slots.

        They are variables: reading one gives a copy of what the state holds now, assigning to it changes the state.
        """
        state = self._visible(self.shown_state)
        views = self.__dict__.setdefault("_views", {})
        own = {f"slots/{leaf}": variable for leaf, variable in self._all_own().items()}
        found = []
        for leaf, array in named_leaves(state).items():
            kept = own.get(leaf, views.get(leaf))
            if kept is None or (kept.shape, kept.stored_dtype) != (array.shape, array.dtype.name):
                kept = views[leaf] = view_of(self, leaf, array, self._keys)
            found.append(kept)
        return [found[i] for i in self._order(state)]

    @property
    def shown_state(self) -> OptimizerState:
        """The state, or what it begins with; as `live_state`, do not keep it."""
        return self._state or OptimizerState(jnp.zeros((), jnp.int32), self._initial_rate(), ())

    def set_weights(self, weights: Sequence[ArrayLike]) -> None:
        """Put arrays in the order of `variables` into the state.

        Raises:
            ValueError: there is no state yet, or number or shapes differ.
        """
        copies = [jnp.array(_array_of(weight)) for weight in weights]  # the state is given away, the caller's arrays are not
        self.state = self.state_of(copies)

    def save_own_variables(self, store: MutableMapping[str, Array]) -> None:
        """Put into a store what a `.keras` or `.weights.h5` file keeps of this optimizer: by default `variables`.

        Args:
            store: takes numbers and arrays by name, as a dict does.
        """
        for i, variable in enumerate(self.variables):
            store[str(i)] = variable.array

    def load_own_variables(self, store: Mapping[str, ArrayLike]) -> None:
        """Take back what `save_own_variables` stored. Where the optimizer has other variables, it takes nothing and warns.

        Args:
            store: arrays by name.
        """
        count = len(self.variables)
        if len(store.keys()) != count:
            text = f"The optimizer {self.name!r} has {count} variables, and the file {len(store.keys())}, so it starts afresh."
            hint = "" if self.built else " Call optimizer.build(variables) before loading."
            warnings.warn(text + hint, stacklevel=2)
        elif self.state is not None:
            self.set_weights([store[str(i)] for i in range(count)])

    def build(self, variables: Iterable[Assignable]) -> None:
        """Make the state for these variables, unless there is one; remember the variables and their order."""
        if self._at_work:
            self.make_slots_of_library()
        else:
            self.build_state(variables)

    def build_state(self, variables: Iterable[Assignable]) -> None:
        """`build` as it is called from outside."""
        variables = list(variables)
        known = {id(variable) for variable in self._given}
        if not (known and all(id(variable) in known for variable in variables)):
            self.remember(
                variables,
                unique_names(short_path(variable) or f"variable_{i}" for i, variable in enumerate(variables)),
            )
        if self._state is None:
            params = self._nest(self._values())
            places = shardings_beside(params, jax.eval_shape(self.init, params))
            init = compiled_quickly(self.init) if places is None else jax.jit(self.init, out_shardings=places)
            self.state = init(params)

    def remember(self, variables: Iterable[Assignable], names: Iterable[str]) -> None:
        """Note which variables the leaves of the state belong to.

        Args:
            variables: the trainable variables, in Keras' order.
            names: for each one its leaf in the parameters, such as `"dense/kernel"` for `params["dense"]["kernel"]`.
        """
        self._given = list(variables)
        pairs = [(variable, name) for variable, name in zip(self._given, names) if not is_overwritten(variable)]
        self._trained, self._keys = [variable for variable, _ in pairs], [name for _, name in pairs]

    def apply_gradients(
        self,
        grads_and_vars: Iterable[tuple[Array | None, Assignable]],
        name: object = None,
        skip_gradients_aggregation: object = False,
        experimental_aggregate_gradients: object = True,
    ) -> Iterations:
        """Change variables by their gradients, given as pairs; returns `iterations`.

        The arguments after the first are TensorFlow's, for graphs and replicas; they have no effect.
        """
        pairs = list(grads_and_vars)
        self.apply([g for g, _ in pairs], [v for _, v in pairs])
        return self.iterations

    def apply(self, grads: Sequence[Array | None], trainable_variables: Iterable[Assignable] | None = None) -> None:
        """Change the variables by their gradients; the first call builds the optimizer.

        Args:
            grads: one array per variable; None leaves the variable as it is.
            trainable_variables: the variables; those of `build` by default.

        Raises:
            ValueError: numbers differ, all gradients are None, or a variable is not one of those the optimizer was built with.
            RuntimeError: called inside `jit`, where the new state could not be kept.
        """
        if self._inner is not None:
            self._inner.apply(grads, trainable_variables)
            return
        if len(grads) == 0:
            return
        if current().functional:
            self._move_into_variables(None if trainable_variables is None else (trainable_variables := list(trainable_variables)))
        variables = None if trainable_variables is None else list(trainable_variables)
        found = self._pair(list(grads), variables)
        missing = frozenset(key for key in self._keys if found.get(key) is None)
        if len(missing) == len(self._keys):
            raise ValueError("All gradients are None: the loss does not depend on any of the variables.")
        without = sorted(key for key in missing if key in found)
        if without:
            warnings.warn(f"There is no gradient for the variables {without}; they stay as they are.", stacklevel=2)
        before = self._values()
        filled = {key: jnp.zeros_like(before[key]) if key in missing else jnp.asarray(found[key]) for key in self._keys}
        after, state = self._run(self._nest(filled), self._nest(before), missing)
        if self._in_variables is None:
            self._refuse_tracers(state)
        self.state = state
        values = named_leaves(after)
        for key, variable in zip(self._keys, self._trained):
            variable.assign(values[key])
        for variable, gradient in zip(self._given if variables is None else variables, grads):
            if is_overwritten(variable) and gradient is not None:
                variable.assign(overwritten_value(_array_in(variable), gradient))

    def stateless_apply(
        self, optimizer_variables: Sequence[Array], grads: Sequence[Array], trainable_variables: Sequence[Array]
    ) -> tuple[list[Array], list[Array]]:
        """Keras' pure form of a step, over lists; `update` takes any pytree.

        Args:
            optimizer_variables: arrays in the order of `variables`.
            grads, trainable_variables: arrays in the order of the variables that the optimizer was built with.

        Returns:
            `(trainable_variables, optimizer_variables)` after the step.

        Raises:
            ValueError: the optimizer has no state yet, or another number of arrays than variables.

        Example:
            >>> import jax
            >>> from jkeras import Variable, optimizers
            >>> optimizer, weight = optimizers.SGD(0.5), Variable(1.0, name="w")
            >>> optimizer.build([weight])
            >>> weights, _ = jax.jit(optimizer.stateless_apply)(optimizer.variables, [jnp.float32(1.0)], [weight])
            >>> float(weights[0]), float(weight.value)
            (0.5, 1.0)
        """
        state = self.state_of(optimizer_variables)
        for name, given in (("grads", grads), ("trainable_variables", trainable_variables)):
            if len(given) != len(self._given):
                raise ValueError(
                    f"stateless_apply takes one array in {name} for each of the {len(self._given)} variables that the optimizer "
                    f"was built with. Received {len(given)}."
                )
        gradients = [_array_of(gradient) for gradient in grads]
        optimized = [i for i, variable in enumerate(self._given) if not is_overwritten(variable)]
        before = [_array_of(trainable_variables[i]) for i in optimized]
        params, state = self.whole_update(
            self._nest(dict(zip(self._keys, (gradients[i] for i in optimized)))),
            state,
            self._nest(dict(zip(self._keys, before))),
            self._constraints(),
            frozenset(),
        )
        values = named_leaves(params)
        optimized_values = {i: values[key] for i, key in zip(optimized, self._keys)}
        after = [
            optimized_values[i] if i in optimized_values else overwritten_value(_array_of(old), gradient)
            for i, (old, gradient) in enumerate(zip(trainable_variables, gradients))
        ]
        return after, self.listed(state)

    def finalize_variable_values(self, var_list: Iterable[Assignable]) -> None:
        """Write the moving averages over the variables, as after training; nothing without `use_ema`."""
        if self.use_ema:
            averages = named_leaves(self._check_built().ema)
            variables = list(var_list)
            for key, variable in zip(self._keys_of(variables), variables):
                variable.assign(averages[key])

    def __getstate__(self) -> dict[str, object]:
        # A compiled function belongs to this process and this object: copies and pickles compile their own.
        return {**self.__dict__, "_compiled": None, "_fits": None, "_kept": {}, "_views": {}}

    def _read_rate(self) -> Any:
        if self._at_work and self._rate_in_step is not None:
            return self._rate_in_step.array
        state = self._state if self._inner is None else self._inner.state
        if callable(self._rate):
            return rate_at(self._rate, 0 if state is None else state.iterations)
        return np.float32(self._rate) if state is None else state.learning_rate

    def _write_rate(self, value: object) -> None:
        rate = as_learning_rate(value)
        if callable(self._rate) and not callable(rate):
            raise TypeError(
                f"The learning rate of this optimizer follows a schedule, {describe(self._rate)}, and cannot be set to {rate}. "
                "Give the constructor a float, or set another schedule."
            )
        self._rate = rate
        if self._state is not None:
            old = self._state.learning_rate
            new = rate_at(rate, self._state.iterations) if callable(rate) else rate
            self._state = self._state._replace(learning_rate=replace_scalar(old, new))

    def _read_iterations(self) -> ArrayLike:
        if self._at_work and self._clock is not None:
            return self._clock.array
        state = self._state if self._inner is None else self._inner.state
        return np.int32(0) if state is None else state.iterations // (self.gradient_accumulation_steps or 1)

    def _write_iterations(self, value: SupportsInt) -> None:
        count = int(value) * (self.gradient_accumulation_steps or 1)
        state = self._check_built()
        self._state = state._replace(iterations=replace_scalar(state.iterations, count))

    def _visible(self, state: OptimizerState) -> OptimizerState:
        """Without the learning rate where a schedule computes it: Keras has no variable for it then."""
        return state._replace(learning_rate=None) if callable(self._rate) else state

    def _order(self, state: OptimizerState) -> list[int]:
        return keras_order(state, self.slot_groups, self._keys, self.slot_order)

    def listed(self, state: OptimizerState) -> list[jax.Array]:
        """The arrays of a state in the order of `variables`."""
        state = self._visible(state)
        leaves = jax.tree.leaves(state)
        return [leaves[i] for i in self._order(state)]

    def state_of(self, values: Sequence[ArrayLike | Variable]) -> OptimizerState:
        """The state with these arrays.

        Args:
            values: in the order of `variables`.

        Raises:
            ValueError: there is no state yet, or number or shapes differ.
        """
        state = self._visible(self._check_built())
        leaves, structure = jax.tree.flatten(state)
        if len(values) != len(leaves):
            raise ValueError(f"Expected {len(leaves)} arrays, in the order of `optimizer.variables`; received {len(values)}.")
        for place, value in zip(self._order(state), values):
            if np.shape(value) != leaves[place].shape:
                raise ValueError(f"Expected {describe(leaves[place])} at `optimizer.variables`; received {describe(value)}.")
            leaves[place] = jnp.asarray(_array_of(value), leaves[place].dtype)
        new = jax.tree.unflatten(structure, leaves)
        return new._replace(learning_rate=rate_at(self._rate, new.iterations)) if callable(self._rate) else new

    @staticmethod
    def _nest(values: Mapping[str, Array]) -> Tree:
        """Parameters in the structure that models use, so that `fit` and a hand-written loop can share a state."""
        return paths.nest({tuple(key.split("/")): value for key, value in values.items()})

    def _values(self) -> dict[str, Array]:
        return {key: _array_in(variable) for key, variable in zip(self._keys, self._trained)}

    def _constraints(self) -> Constraints:
        pairs = ((key, getattr(variable, "constraint", None)) for key, variable in zip(self._keys, self._trained))
        return {key: constraint for key, constraint in pairs if constraint is not None}

    def _run(self, grads: Tree, values: Tree, missing: frozenset[str]) -> tuple[Tree, OptimizerState]:
        # Settings may be changed between steps (`optimizer.momentum = 0.5`); as static arguments they compile anew.
        if self._compiled is None:

            def step(
                grads: Tree,
                state: Tree,
                values: Tree,
                constraints: Iterable[tuple[str, Callable[[Array], Array]]],
                missing: frozenset[str],
                settings: object,
            ) -> Tree:
                return self._update(grads, state, values, dict(constraints), missing)

            self._compiled = jax.jit(step, static_argnums=(3, 4, 5))
        return self._compiled(grads, self._state, values, tuple(self._constraints().items()), missing, self.settings())

    def _pair(self, grads: list[Array | None], variables: list[Assignable] | None) -> dict[str, Array | None]:
        """Gradients by key, without those that overwrite a variable."""
        if variables is None:
            self._check_built()
            variables = self._given
        elif not self._given:
            self.build(variables)
        if len(grads) != len(variables):
            raise ValueError(f"Expected {len(variables)} gradients, one per variable; received {len(grads)}.")
        pairs = [(variable, gradient) for variable, gradient in zip(variables, grads) if not is_overwritten(variable)]
        return dict(zip(self._keys_of([variable for variable, _ in pairs]), (gradient for _, gradient in pairs)))

    def _keys_of(self, variables: Iterable[Assignable]) -> list[str]:
        known = {id(variable): key for key, variable in zip(self._keys, self._trained)}
        for variable in variables:
            if id(variable) not in known:
                raise ValueError(
                    f"{getattr(variable, 'path', variable)!r} is not one of the variables this optimizer was built with, "
                    f"{self._keys}. Call optimizer.build(all_variables) first, or make a new optimizer."
                )
        return [known[id(variable)] for variable in variables]

    def _check_built(self) -> OptimizerState:
        if self._state is None:
            raise ValueError("The optimizer has no state yet: call `optimizer.build(trainable_variables)` first.")
        return self._state

    def _refuse_tracers(self, new: OptimizerState) -> None:
        if isinstance(new.iterations, jax.core.Tracer) and not isinstance(self._check_built().iterations, jax.core.Tracer):
            raise RuntimeError(
                "optimizer.apply() was called inside jit, where the new state cannot be kept. Write "
                "`params, state = optimizer.update(grads, state, params)` there, with `state = optimizer.init(params)` before it."
            )


def _array_in(variable: Assignable) -> Array:
    return variable.array if isinstance(variable, Variable) else jnp.asarray(variable.value)


def _array_of(value: ArrayLike | Variable) -> Array:
    return value.array if isinstance(value, Variable) else jnp.asarray(value)


def replace_scalar(old: Tree, value: object) -> jax.Array:
    """A scalar with dtype and placement of an old one, so that a compiled step takes it without compiling again."""
    new = jnp.array(value, old.dtype)  # a copy: the state is given away
    return jax.device_put(new, old.sharding) if getattr(old, "committed", False) else new

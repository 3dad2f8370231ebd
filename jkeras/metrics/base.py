"""`Metric`: a number accumulated over batches, as three pure functions with Keras' face.

    state = metric.init()
    state = metric.update(state, y_true, y_pred, sample_weight)     # once per batch
    value = metric.compute(state)

The state is a dict of arrays whose structure, shapes and dtypes never change, so `update` is the body of a scan as it stands.
The face (`update_state`, `result`, `reset_state`) keeps such a state in variables. A user's metric that is written the other way
round, with `add_variable` and an `update_state` that assigns, gets its three functions through `functionalize`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike

from jkeras import initializers
from jkeras._base.config import floatx
from jkeras._base.configurable import Configurable
from jkeras._base.dtypes import get_policy, is_float
from jkeras._base.naming import auto_name, to_snake_case
from jkeras._base.old_arguments import name_first
from jkeras._base.registry import export
from jkeras._base.types import Array, Tree
from jkeras.metrics.stateless import Stateless
from jkeras.state import Variable, functionalize
from jkeras.state.functionalize import abstractly
from jkeras.state.random import draw_key
from jkeras.state.scope import current, path_here

State: TypeAlias = dict[str, Array]

_FACE = {"update_state", "result", "reset_state"}
_PURE = {"init", "update", "compute"}


@export("keras.metrics.Metric", "keras.Metric")
class Metric(Stateless, Configurable):
    """Base class of metrics.

    A metric overrides either `init`, `update` and `compute`, which are pure, or, as in Keras, `update_state` and `result`, which
    read and assign what `add_variable` made; `update_state` of a subclass may also call the one it inherits.

    Args:
        dtype: what to accumulate in, at least float32; default `floatx()`.
        name: default is made from the class' name.

    Example:
        >>> class Largest(Metric):
        ...     def __init__(self, name="largest", **kwargs):
        ...         super().__init__(name=name, **kwargs)
        ...         self.top = self.add_variable((), "zeros", name="top")
        ...
        ...     def update_state(self, y_true, y_pred, sample_weight=None):
        ...         self.top.assign(jnp.maximum(self.top.value, jnp.max(y_pred)))
        ...
        ...     def result(self):
        ...         return self.top.value
        >>> metric = Largest()
        >>> state = jax.jit(metric.update)(metric.init(), jnp.zeros(2), jnp.array([1.0, 3.0]))
        >>> float(metric.compute(state)), float(metric.result())
        (3.0, 0.0)
    """

    needs_shapes = False  # whether the state's shape is known only after `build`
    counts_rows = False  # whether rows count that weigh nothing
    adds_up = False  # whether the state starts at zeros and a batch only adds to it; the library's metrics are known to
    _bridged = False

    def __init_subclass__(cls, **kwargs: object):
        super().__init_subclass__(**kwargs)
        own = set(cls.__dict__)
        if own & _FACE and not own & _PURE:
            cls.init, cls.update, cls.compute = _init, _update, _compute  # type: ignore[method-assign]
            cls._bridged = True
        elif own & _PURE:
            cls._bridged = False

    def __init__(self, dtype: DTypeLike | None = None, name: str | None = None):
        self.name = name or auto_name(to_snake_case(type(self).__name__))
        self._policy = get_policy(dtype or floatx())
        self._added: list[Variable] = []
        self._accumulators: dict[str, Variable] | None = None
        self.built = False

    @property
    def dtype(self) -> str:
        """The dtype that was asked for."""
        return self._policy.compute_dtype

    @property
    def accumulator_dtype(self) -> jnp.dtype:
        """What sums are kept in: the metric's dtype, but float32 in place of a half-precision one."""
        return jnp.promote_types(self.dtype, jnp.float32) if is_float(self.dtype) else jnp.dtype(self.dtype)

    def build(self, *inputs: Any) -> None:
        """Learn the shapes that the state depends on; `init` works afterwards. Only some metrics need it.

        Args:
            inputs: what `update` will get, or specs of it with `.shape` and `.dtype`.
        """
        if self._bridged and not self.variables:
            specs = (jax.ShapeDtypeStruct([2 if n is None else n for n in x.shape], x.dtype) for x in inputs)
            abstractly(self.update_state, *specs)
        self.built = True

    def init(self) -> State:
        """The state before the first batch."""
        return {}

    def restart(self, state: State) -> State:
        """The state with which another epoch begins: `init`, or what a `reset_state` of the user's leaves of the last one.

        Args:
            state: at the end of the last epoch.
        """
        if not self._bridged:
            return self.init()
        variables = self.variables
        keys = _keys(variables)
        return dict(zip(keys, functionalize(self.reset_state, variables)([state[key] for key in keys]).values))

    def update(self, state: State, *args: Any, **kwargs: Any) -> State:
        """The state after one more batch."""
        raise NotImplementedError(
            f"{type(self).__name__} defines neither `update(self, state, ...)` nor `update_state(self, ...)`."
        )

    def compute(self, state: State) -> Tree:
        """The metric's value for a state."""
        raise NotImplementedError(f"{type(self).__name__} defines neither `compute(self, state)` nor `result(self)`.")

    def update_state(self, *args: Any, **kwargs: Any) -> None:
        """Take in one more batch; arguments as for `update`."""
        if self.needs_shapes and not self.built:
            self.build(*(jnp.asarray(a) for a in args[:2]))
        variables = self._state_variables()
        state = _pure(self, "update")(self, {k: variable.array for k, variable in variables.items()}, *args, **kwargs)
        for key, variable in variables.items():
            variable.assign(state[key])

    def result(self) -> Tree:
        """The value for all batches since the last reset."""
        return _pure(self, "compute")(self, {k: variable.array for k, variable in self._state_variables().items()})

    def reset_state(self) -> None:
        """Forget all batches; variables that the class added become zero."""
        variables = self._state_variables()
        if variables:
            for key, value in _pure(self, "init")(self).items():
                variables[key].assign(value)
        for variable in self._own_variables():
            variable.assign(jnp.zeros(variable.shape, variable.dtype))
        for metric in self._inner():
            metric.reset_state()

    def reset_states(self) -> None:
        """`reset_state`, by its Keras 2 name."""
        self.reset_state()

    def __call__(self, *args: object, **kwargs: object) -> Tree:
        """Take in one more batch and give the value so far."""
        self.update_state(*args, **kwargs)
        return self.result()

    def get_state(self) -> State:
        """The variables' values, in the form of `init`."""
        return {key: variable.array for key, variable in self.state_variables().items()}

    def set_state(self, state: State) -> None:
        """Put a state, such as a compiled step gave, into the variables."""
        for key, variable in self.state_variables().items():
            variable.assign(state[key])

    def state_variables(self) -> dict[str, Variable]:
        """The variables by their keys in a state."""
        variables = self.variables
        return dict(zip(_keys(variables), variables))

    def add_variable(
        self,
        shape: Sequence[int],
        initializer: object = None,
        dtype: DTypeLike | None = None,
        aggregation: str = "sum",
        name: str | None = None,
    ) -> Variable:
        """Make a variable that `update_state` may assign.

        Args:
            shape: of the array.
            initializer: name or object; default zeros.
            dtype: default `floatx()`.
            aggregation: how replicas combine it.
            name: without slashes.
        """
        if "_added" not in self.__dict__:
            raise RuntimeError(f"{type(self).__name__} must call `super().__init__(name=...)` before it adds variables.")
        make = initializers.get("zeros" if initializer is None else initializer)
        variable = Variable(make, shape, dtype, trainable=False, autocast=False, aggregation=aggregation, name=name)
        variable.path = path_here(f"{self.name}/{name}")
        self._added.append(variable)
        return variable

    @name_first
    def add_weight(
        self, shape: Sequence[int] = (), initializer: object = None, dtype: DTypeLike | None = None, name: str | None = None
    ) -> Variable:
        """`add_variable`, by its other name."""
        return self.add_variable(shape, initializer, dtype, name=name)

    @property
    def variables(self) -> list[Variable]:
        """The variables that hold the state, those of metrics it holds included."""
        inner = [variable for metric in self._inner() for variable in metric.variables]
        return [*self._state_variables().values(), *self._own_variables(), *inner]

    def _state_variables(self) -> dict[str, Variable]:
        """The variables of the pure `init`'s entries, made when first needed."""
        if self.__dict__.get("_accumulators") is None and (self.built or not self.needs_shapes):
            # Set first, so that an attribute missing in `init` is an AttributeError rather than this call again; and without
            # the user's `__setattr__`, which may read attributes.
            self.__dict__["_accumulators"] = {}
            with jax.ensure_compile_time_eval():
                start = _pure(self, "init")(self)
                variables = {k: Variable(v, dtype=v.dtype, trainable=False, autocast=False, name=k) for k, v in start.items()}
                for variable in variables.values():
                    variable.path = path_here(f"{self.name}/{variable.name}")
                self.__dict__["_accumulators"] = variables
        return self.__dict__.get("_accumulators") or {}

    def _own_variables(self) -> list[Variable]:
        held = [v for v in vars(self).values() if isinstance(v, Variable)]
        return list({id(variable): variable for variable in [*self._added, *held]}.values())

    def _inner(self) -> list[Metric]:
        held = [v for k, v in vars(self).items() if k != "_init_arguments" and isinstance(v, (Metric, list, tuple, dict))]
        leaves = jax.tree.leaves(held, is_leaf=lambda value: isinstance(value, Variable))
        return list({id(leaf): leaf for leaf in leaves if isinstance(leaf, Metric)}.values())

    def __getattr__(self, name: str) -> Any:
        """The variable of a state's entry, such as `mean.total`."""
        variables = self._state_variables() if "built" in self.__dict__ and not name.startswith("_") else {}
        if name in variables:
            return variables[name]
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}>"


def _pure(metric: Metric, name: str) -> Callable[..., Tree]:
    """The pure method that the library (or a pure user class) defines, below any bridge to `update_state`."""
    bridges = (_init, _update, _compute)
    return next(c.__dict__[name] for c in type(metric).__mro__ if name in c.__dict__ and c.__dict__[name] not in bridges)


def _keys(variables: Sequence[Variable]) -> list[str]:
    """Names of variables, numbered where two are equal."""
    keys: list[str] = []
    for variable in variables:
        n = sum(key == variable.name or key.startswith(f"{variable.name}_") for key in keys)
        keys.append(variable.name if variable.name not in keys else f"{variable.name}_{n}")
    return keys


def _init(self: Metric) -> State:
    """The state that `reset_state` leaves behind."""
    # A step may donate its state; what a user's `reset_state` left alone is still the variable's own array.
    return {key: jnp.array(value, copy=True) for key, value in self.restart(self.get_state()).items()}


def _update(self: Metric, state: State, *args: object, **kwargs: object) -> State:
    """What `update_state` makes of a state. A weight of None is not passed on: not every user's method takes one."""
    if kwargs.get("sample_weight", 0) is None:
        del kwargs["sample_weight"]
    variables = self.variables
    keys = _keys(variables)
    rng = None if current().rng is None else draw_key(self)  # for a metric that draws
    update = functionalize(self.update_state, variables)
    return dict(zip(keys, update([state[k] for k in keys], *args, rng=rng, **kwargs).values))


def _compute(self: Metric, state: State) -> Tree:
    """What `result` gives for a state. If it draws, then the same numbers each time: it is a function of what was accumulated."""
    variables = self.variables

    def result() -> Tree:  # a variable read outside of `functionalize` would give its own value, not the state's
        return jax.tree.map(lambda y: y, self.result())

    return functionalize(result, variables)([state[k] for k in _keys(variables)], rng=jax.random.key(0)).output

"""`Variable`: a weight, a counter, any array that changes.

A model's concrete arrays live in variables, each owned by the layer that made it. Sharing is identity: two models that hold one
layer share its variables. To JAX a variable is a pytree node that flattens to its array and comes back as that array, so
`jnp.matmul(x, self.kernel)` works as it stands. While a pure function runs, reading a variable gives the value that the scope
substitutes for it, and assigning to it changes that value alone.
"""

from __future__ import annotations

import contextlib
import dataclasses
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Sharding
from jax.typing import DTypeLike

from jkeras._base.configurable import resolve
from jkeras._base.copying import copied
from jkeras._base.dtypes import is_float, standardize_dtype
from jkeras._base.errors import unknown_name
from jkeras._base.naming import auto_name
from jkeras._base.types import Array, Tensor, Tree
from jkeras.nn.replacing import replacing
from jkeras.state import random
from jkeras.state.initial import InitialValue, constant, draw_together
from jkeras.state.operators import ArrayOperators
from jkeras.state.scope import Scope, UnknownVariables, current, is_traced, next_age, path_here, same_trace
from jkeras.state.spread import as_before, can_show, whole

_LEAK = """A value that JAX is still tracing was assigned to the weight {path!r}. It would leak out of the traced function, where
nobody can use it. Your program does something like

    jax.jit(lambda x: layer(x))(x)          # the layer updates its weight inside a transform

Return the update as a result instead:

    params, state = layer.init(key, x)
    y, state = jax.jit(layer.apply)(params, state, x)
"""

_OTHER_TRACE = """The weight {path!r} was assigned inside another JAX transform than the one its call runs in (a scan, vmap,
grad or jit within `call`). The value cannot leave that transform. Your program does something like

    jax.lax.scan(lambda c, x: (c, self.total.assign_add(x)), 0, xs)

Let the inner function return the value, and assign it outside:

    total, _ = jax.lax.scan(lambda t, x: (t + x, None), self.total.array, xs)
    self.total.assign(total)
"""


_AHEAD = """The variable {path!r} was assigned in the forward pass or the loss, and then by the step itself, which does not have
that value yet. Let the step take that value over first:

    state, logs = self.update_metrics(state, y, outcome, sample_weight)
    self.tracker.update_state(...)
"""


# Held while arrays are read out of variables, and by a training run from giving arrays away until the new ones are in their
# variables: the code of a data stream may read weights in a thread of its own.
gate = threading.RLock()


class _Threads:
    """Which threads train.

    Attributes:
        training: those in which `fit` runs.
        donating: those that have given arrays away, and may again.
    """

    def __init__(self) -> None:
        self.training: set[int] = set()
        self.donating: set[int] = set()


threads = _Threads()


_AGGREGATIONS = "none", "mean", "sum", "only_first_replica"
_SYNCHRONIZATIONS = "none", "on_read", "on_write", "auto"


def _one_of(known: Sequence[str], name: str, value: str | None) -> str:
    value = "none" if value is None else value
    if value not in known:
        raise unknown_name(name, value, known)
    return value


def _sharding(layout: Any) -> Sharding:
    found = getattr(layout, "backend_layout", layout)
    if not isinstance(found, Sharding):
        raise TypeError(
            "The layout of a variable is a jax.sharding.Sharding, a TensorLayout with a device mesh, or None. "
            f"Received: {layout!r}."
        )
    return found


class _Rule:
    """An attribute of a variable that is a function of its array, or None."""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, variable: Variable | None, owner: type) -> Any:
        if variable is None:
            return self
        if self.name not in variable.__dict__:
            raise AttributeError(self.name)
        return variable.__dict__[self.name]

    def __set__(self, variable: Variable, rule: Callable[[Tree], Tree] | None) -> None:
        if rule is not None and not callable(rule):
            raise ValueError(f"The {self.name} of a variable is a function of its array, or None. Received: {rule!r}.")
        variable.__dict__[self.name] = rule


class _Flag:
    """Whether an update puts the gradient in place of the value, as the scales of float8 training want it. Default False."""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, variable: Variable | None, owner: type) -> Any:
        return self if variable is None else variable.__dict__.get(self.name, False)

    def __set__(self, variable: Variable, value: bool) -> None:
        if not isinstance(value, bool):
            raise TypeError(f"{self.name} is True or False. Received: {value!r}.")
        variable.__dict__[self.name] = value


class Variable(ArrayOperators):
    """Holds one array: a weight, a counter, a moving average.

    Args:
        initializer: an array or number (the value), or an initializer: a name, an object, or a function
            `(shape, dtype) -> array`.
        shape: needed with an initializer.
        dtype: default `floatx()` for initializers and Python floats, else the array's own.
        trainable: whether gradient descent changes it.
        autocast: whether layers read it in their compute dtype.
        aggregation: how replicas combine it: "none", "mean", "sum" or "only_first_replica".
        synchronization: when they do: "none", "on_read", "on_write" or "auto". One program over whole arrays has no replicas, so
            both are only kept.
        name: without slashes.
        layout: where the first value lies, as a `jax.sharding.Sharding` or a `TensorLayout`; None for the default device, or as
            the model's distribution says.
        regularizer, constraint: functions of the array, or None.

    Raises:
        ValueError: a name with a slash, an initializer without a shape, an unknown aggregation or synchronization.

    Example:
        >>> v = Variable([1.0, 2.0], name="v")
        >>> v.assign_add([1.0, 1.0]).tolist()
        [2.0, 3.0]
        >>> (v * 2).tolist()
        [4.0, 6.0]
    """

    regularizer, constraint = _Rule(), _Rule()
    overwrite_with_gradient = _Flag()
    synchronization: str = "auto"
    _home: Sharding | None = None  # where the first value shall lie; None for the default device

    def __init_subclass__(cls, **kwargs: object) -> None:
        super().__init_subclass__(**kwargs)
        _show_to_jax(cls)

    def __init__(
        self,
        initializer: Tree,
        shape: Iterable[int] | None = None,
        dtype: DTypeLike | None = None,
        trainable: bool = True,
        autocast: bool = True,
        aggregation: str | None = "none",
        synchronization: str | None = "auto",
        name: str | None = None,
        layout: Any = None,
        regularizer: Callable[[Tree], Tree] | None = None,
        constraint: Callable[[Tree], Tree] | None = None,
    ):
        if name is not None and not isinstance(name, str):
            raise ValueError(f"A weight's name is a string. Received: name={name!r}.")
        self.name = name or auto_name("variable")
        if "/" in self.name:
            better = self.name.replace("/", "_")
            raise ValueError(f"A weight's name is a string without '/'. Received: {self.name!r}. Write e.g. {better!r}.")
        if isinstance(initializer, str) or callable(initializer):
            if shape is None:
                raise ValueError(f"Variable {self.name!r} has an initializer but no shape. Write shape=(...) as well.")
            make = resolve("initializers", initializer)
            initial = InitialValue(make, tuple(int(n) for n in shape), standardize_dtype(dtype), _token(make))
            if getattr(make, "seed", 0) is None:
                random.follow_generators()
        else:
            if dtype is None and not hasattr(initializer, "dtype") and np.asarray(initializer).dtype.kind == "f":
                dtype = standardize_dtype(None)
            dtype = standardize_dtype(dtype if dtype is not None else np.asarray(initializer).dtype)
            initial = constant(initializer, jax.dtypes.canonicalize_dtype(dtype).name)
        self._initial: InitialValue = initial
        self._seed, self._number = random.next_numbers()
        self._value: jax.Array | None = None
        self._shared = False
        self._age = next_age()
        self.shape, self._dtype = initial.shape, initial.dtype
        self._is_float = is_float(initial.dtype)
        self.path = path_here(self.name)
        self.trainable, self.declared_trainable = bool(trainable), bool(trainable)
        self.autocast = autocast
        self.aggregation = _one_of(_AGGREGATIONS, "aggregation", aggregation)
        self.synchronization = _one_of(_SYNCHRONIZATIONS, "synchronization", synchronization)
        if layout is not None:
            self._home = _sharding(layout)
        self.unnamed = name is None
        self.regularizer, self.constraint = regularizer, constraint

    def __getstate__(self) -> dict[str, object]:
        with gate:
            materialize([self])
            self._shared = True  # a shallow copy has the array too
            return {name: value for name, value in self.__dict__.items() if name != "_home"}

    def __setstate__(self, state: dict[str, object]) -> None:
        self.__dict__.update(state)
        # Tokens hold ids, which mean nothing in another process.
        self._initial = dataclasses.replace(self._initial, token=_token(self._initial.make))
        self._age = next_age()

    @property
    def value(self) -> jax.Array:
        """The array; in a layer's `call` in the layer's compute dtype, if `autocast` allows."""
        return self.array

    @property
    def array(self) -> jax.Array:
        """The same as `value`, also where a subclass makes a method of that name."""
        stored, compute = self.stored, self.dtype
        return stored if compute == self._dtype else stored.astype(compute)

    @property
    def dtype(self) -> str:
        """The dtype of `value`."""
        compute = current().compute
        return self._dtype if compute is None or not (self.autocast and self._is_float) else compute

    @property
    def stored_dtype(self) -> str:
        """The dtype in which the array is kept."""
        return self._dtype

    @property
    def stored(self) -> jax.Array:
        """The array as it is kept: the scope's inside a pure call, else the variable's own, drawn now if it has none yet."""
        scope: Scope | None = current()
        asks: Scope | None = None
        while scope is not None:
            if scope.values is not None:
                found = scope.values.get(id(self))
                if found is not None:
                    return found
                if scope.abstract:
                    return jax.lax.empty(self.shape, self._dtype)  # traced in a twentieth of the time of zeros
                asks = scope if scope.unknown is not None else asks
            scope = scope.parent
        if asks is not None and asks.unknown is not None and self._age < asks.age:
            asks.unknown[id(self)] = self
        with gate:
            self._shared = True
            return drawn_value(self)

    def assign(self, value: Tensor) -> jax.Array:
        """Replace the array, and return the new one.

        Args:
            value: array-like of this variable's shape; cast to its dtype.

        Raises:
            ValueError: another shape, or a tracer that would leak.
        """
        value = value.stored if isinstance(value, Variable) else value
        if not (isinstance(value, jax.Array) and value.dtype == self._dtype and not value.weak_type):
            value = jnp.asarray(value, self._dtype)
        if value.shape != self.shape:
            raise ValueError(
                f"Cannot assign an array of shape {value.shape} to the weight {self.path!r} of shape {self.shape}. "
                f"Give an array of shape {self.shape}, or make a new weight."
            )
        scope: Scope | None = current()
        maker: Scope | None = None  # in which this variable was made
        asks: Scope | None = None
        while scope is not None:
            if scope.values is not None:
                if scope.keeps_all or id(self) in scope.values:
                    if not scope.abstract and is_traced(value) and not same_trace(scope):
                        raise ValueError(_OTHER_TRACE.format(path=self.path))
                    if id(self) in scope.ahead:
                        raise ValueError(_AHEAD.format(path=self.path))
                    if id(self) not in scope.values:
                        scope.made.append(self)  # so that it lives as long as its id is looked up
                    if id(self) in scope.differentiated:
                        value = replacing(scope.start[id(self)], value)
                    scope.values[id(self)] = value
                    return value
                maker = scope if maker is None and scope.age < self._age else maker
                asks = scope if scope.unknown is not None else asks
            scope = scope.parent
        if maker is not None and maker.values is not None:
            if is_traced(value) and not same_trace(maker):
                raise ValueError(_OTHER_TRACE.format(path=self.path))
            maker.values[id(self)] = value
            maker.made.append(self)
            return value
        if asks is not None and asks.unknown is not None:
            asks.unknown[id(self)] = self
            raise UnknownVariables(list(asks.unknown.values()))
        if is_traced(value):
            raise ValueError(_LEAK.format(path=self.path))
        if self._value is not None and not is_traced(value):
            value = as_before(value, self._value)
        self._value, self._shared = value, True
        return value

    def assign_add(self, value: Tensor) -> jax.Array:
        """`assign(value + this)`."""
        return self.assign(self.stored + _plain(value))

    def assign_sub(self, value: Tensor) -> jax.Array:
        """`assign(this - value)`."""
        return self.assign(self.stored - _plain(value))

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """Number of elements."""
        return int(np.prod(self.shape))

    def numpy(self) -> np.ndarray:
        """A copy as a numpy array."""
        return np.array(whole(self.array))

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> np.ndarray:
        return np.array(whole(self.array), dtype)

    def __jax_array__(self) -> jax.Array:
        return self.array

    def __repr__(self) -> str:
        drawn = can_show(self._value) if self._value is not None else not current().functional
        shown = f", value={np.asarray(drawn_value(self))}" if drawn else ""
        return f"<Variable path={self.path}, shape={self.shape}, dtype={self._dtype}{shown}>"


def _show_to_jax(cls: type[Variable]) -> None:
    """Let functions of JAX take objects of a class as the arrays that they hold."""
    jax.tree_util.register_pytree_node(cls, lambda variable: ((variable.array,), None), lambda _, children: children[0])


_show_to_jax(Variable)


def _plain(value: Tree) -> jax.Array:
    return value.stored if isinstance(value, Variable) else jnp.asarray(value)


def _token(initializer: Callable[..., Tree]) -> str | int:
    """Equal for initializers that give equal values for equal keys, as far as their configs tell.

    Programs are kept under it, together with their initializers, so an id belongs to one object for as long as it is looked up.
    """
    config = initializer.get_config() if hasattr(initializer, "get_config") else None
    if config is None or not all(isinstance(v, (str, int, float, bool, type(None))) for v in config.values()):
        return id(initializer)
    return f"{id(type(initializer))}{sorted(config.items())}"


def materialize(variables: Iterable[Variable], shardings: Sequence[Sharding] | None = None) -> None:
    """Draw the first values of all variables that have none, in one compiled call.

    Args:
        variables: those to look at.
        shardings: where the values of each shall lie; None for where they belong.
    """
    variables = list(variables)
    places = [i for i, variable in enumerate(variables) if variable._value is None]
    if not places:
        return
    pending = [variables[i] for i in places]
    homes = [variable._home for variable in pending]
    if shardings is None and any(homes):
        for some in ([v for v in pending if v._home is None], [v for v in pending if v._home is not None]):
            _draw(some, [home for v in some if (home := v._home) is not None] or None)
        return
    _draw(pending, None if shardings is None else [shardings[i] for i in places])


def _draw(pending: Sequence[Variable], chosen: Sequence[Sharding] | None) -> None:
    if not pending:
        return
    seeds, numbers = (np.array([getattr(v, name) for v in pending], np.uint32) for name in ("_seed", "_number"))
    initials = [variable._initial for variable in pending]
    values = draw_together(initials, (seeds, numbers), chosen)
    if any(map(is_traced, values)):  # variables outlive a trace that happens to be the first to read them
        with jax.ensure_compile_time_eval():
            values = draw_together(initials, (seeds, numbers), chosen)
    for variable, value in zip(pending, values):
        variable._value = value


def place_of(variable: Variable) -> Sharding | None:
    """Where a variable's array lies, or its first one belongs; None for the default device."""
    return variable._home if variable._value is None else variable._value.sharding


def drawn_value(variable: Variable) -> jax.Array:
    """A variable's own array, drawn now if it has none yet."""
    if variable._value is None:
        materialize([variable])
    assert variable._value is not None
    return variable._value


@contextlib.contextmanager
def standing_in(variable: Variable, value: Array) -> Iterator[None]:
    """A block of a pure call in which a variable has another value; derivatives go through what the value comes from.

    Args:
        variable: anyone's.
        value: of its shape and dtype.
    """
    scope: Scope | None = current()
    while scope is not None and scope.values is None:
        scope = scope.parent
    assert scope is not None and scope.values is not None, "not within a pure call"
    values, key = scope.values, id(variable)
    before = values.get(key)
    values[key] = value
    try:
        yield
    finally:
        if before is None:
            del values[key]
        else:
            values[key] = before


def owned_value(variable: Variable) -> jax.Array:
    """A variable's array for a program that will donate it; the variable gets a copy where somebody else may hold the array."""
    value = drawn_value(variable)
    if variable._shared:
        value = variable._value = copied(value)
        variable._shared = False
    return value


def put_value(variable: Variable, value: jax.Array) -> None:
    """Give a variable an array that nobody else holds, or the one it has."""
    if variable._value is not value:
        variable._value, variable._shared = value, False

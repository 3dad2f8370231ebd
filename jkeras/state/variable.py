"""`Variable`: a box that holds one array.

A model's concrete arrays live in boxes, each owned by the layer that made it. Identity of the box *is* sharing: two models that
hold one layer share its arrays. A box never enters a JAX transform; only its value does, through `functionalize`. While a pure
function runs, reading a box gives the value that the scope substitutes for it, and assigning to it changes that value alone.
"""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable, Iterable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jkeras._base.configurable import resolve
from jkeras._base.dtypes import standardize_dtype
from jkeras._base.naming import auto_name
from jkeras.state import random
from jkeras.state.initial import InitialValue, constant, draw_together
from jkeras.state.operators import ArrayOperators
from jkeras.state.scope import UnknownVariables, current, is_traced, next_age, same_trace

_LEAK = """A value that JAX is still tracing was assigned to the weight {path!r}. It would leak out of the traced function and be
unusable afterwards. Your program does something like

    jax.jit(lambda x: layer(x))(x)          # the layer updates its weight inside a transform

Let the update come out as a result instead:

    params, state = layer.init(key, x)
    y, state = jax.jit(layer.apply)(params, state, x)
"""

_OTHER_TRACE = """The weight {path!r} was assigned inside another JAX transform than the one its call runs in (a scan, vmap,
grad or jit within `call`). The value cannot leave that transform. Your program does something like

    jax.lax.scan(lambda c, x: (c, self.total.assign_add(x)), 0, xs)

Let the inner function return the value, and assign it outside:

    total, _ = jax.lax.scan(lambda t, x: (t + x, None), self.total.value, xs)
    self.total.assign(total)
"""


_AHEAD = """The variable {path!r} was assigned in the forward pass or the loss, and then by the step itself, which does not have
that value yet. Let the step take it over first:

    state, logs = self.update_metrics(state, y, outcome, sample_weight)
    self.tracker.update_state(...)
"""


# Held while arrays are read out of boxes, and by a training run from the moment it gives arrays away until the new ones are in
# their boxes: the code of a data stream may read weights in a thread of its own.
gate = threading.RLock()


class Variable(ArrayOperators):
    """A box with one array: a weight, a counter, a moving average.

    Args:
        initializer: an array or number (the value), or an initializer: a name, an object, or a function
            `(shape, dtype) -> array`.
        shape: needed with an initializer.
        dtype: default `floatx()` for initializers and Python floats, else the array's own.
        trainable: whether gradient descent changes it.
        autocast: whether layers read it in their compute dtype.
        aggregation: how replicas combine it, one of none, mean, sum, only_first_replica.
        name: without slashes.

    Example:
        >>> v = Variable([1.0, 2.0], name="v")
        >>> v.assign_add([1.0, 1.0]).tolist()
        [2.0, 3.0]
        >>> (v * 2).tolist()
        [4.0, 6.0]
    """

    def __init__(
        self,
        initializer: Any,
        shape: Iterable[int] | None = None,
        dtype: Any = None,
        trainable: bool = True,
        autocast: bool = True,
        aggregation: str = "none",
        name: str | None = None,
        regularizer: Callable[[Any], Any] | None = None,
        constraint: Callable[[Any], Any] | None = None,
    ):
        self.name = name or auto_name("variable")
        if "/" in self.name:
            better = self.name.replace("/", "_")
            raise ValueError(f"A weight's name cannot contain '/'. Received: {self.name!r}. Write e.g. {better!r}.")
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
        self._seed, self._number = random.stream_seed(), random.next_number()
        self._value: Any = None
        self._shared = False
        self._age = next_age()
        self.shape, self.dtype = initial.shape, initial.dtype
        self.path = self.name
        self.trainable, self.declared_trainable = bool(trainable), bool(trainable)
        self.autocast, self.aggregation = autocast, aggregation
        self.unnamed = name is None
        self.regularizer, self.constraint = regularizer, constraint

    def __getstate__(self) -> dict[str, Any]:
        with gate:
            materialize([self])
            self._shared = True  # a shallow copy has the array too
            return dict(self.__dict__)

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        # Tokens hold ids, which mean nothing in another process.
        self._initial = dataclasses.replace(self._initial, token=_token(self._initial.make))
        self._age = next_age()

    @property
    def value(self) -> Any:
        """The array: the scope's inside a pure call, else the box's own (drawn now if it was not yet)."""
        scope: Any = current()
        asks: Any = None
        while scope is not None:
            if scope.values is not None:
                found = scope.values.get(id(self))
                if found is not None:
                    return found
                if scope.abstract:
                    return jax.lax.empty(self.shape, self.dtype)  # traced in a twentieth of the time of zeros
                asks = scope if scope.unknown is not None else asks
            scope = scope.parent
        if asks is not None and self._age < asks.age:
            asks.unknown[id(self)] = self
        with gate:
            if self._value is None:
                materialize([self])
            self._shared = True
            return self._value

    def assign(self, value: Any) -> Any:
        """Put a new array in the box and return it.

        Args:
            value: array-like of the box's shape; cast to its dtype.

        Raises:
            ValueError: another shape, or a tracer that would leak.
        """
        value = value.value if isinstance(value, Variable) else value
        if not (isinstance(value, jax.Array) and value.dtype == self.dtype and not value.weak_type):
            value = jnp.asarray(value, self.dtype)
        if value.shape != self.shape:
            raise ValueError(
                f"Cannot assign an array of shape {value.shape} to the weight {self.path!r} of shape {self.shape}. "
                f"Give an array of shape {self.shape}, or make the weight anew."
            )
        scope: Any = current()
        maker: Any = None  # the scope in which this variable was made
        asks: Any = None
        while scope is not None:
            if scope.values is not None:
                if scope.abstract or id(self) in scope.values:
                    if not scope.abstract and is_traced(value) and not same_trace(scope):
                        raise ValueError(_OTHER_TRACE.format(path=self.path))
                    if id(self) in scope.ahead:
                        raise ValueError(_AHEAD.format(path=self.path))
                    scope.values[id(self)] = value
                    return value
                maker = scope if maker is None and scope.age < self._age else maker
                asks = scope if scope.unknown is not None else asks
            scope = scope.parent
        if maker is not None:
            if is_traced(value) and not same_trace(maker):
                raise ValueError(_OTHER_TRACE.format(path=self.path))
            maker.values[id(self)] = value
            maker.made.append(self)  # alive as long as its id means it
            return value
        if asks is not None:
            asks.unknown[id(self)] = self
            raise UnknownVariables(list(asks.unknown.values()))
        if is_traced(value):
            raise ValueError(_LEAK.format(path=self.path))
        self._value, self._shared = value, True
        return value

    def assign_add(self, value: Any) -> Any:
        """`assign(value + this)`."""
        return self.assign(self.value + _plain(value))

    def assign_sub(self, value: Any) -> Any:
        """`assign(this - value)`."""
        return self.assign(self.value - _plain(value))

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
        return np.array(self.value)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.array(self.value, dtype)

    def __jax_array__(self) -> Any:
        return self.value

    def __repr__(self) -> str:
        shown = "not drawn yet" if self._value is None else repr(np.asarray(self._value))
        return f"<Variable path={self.path}, shape={self.shape}, dtype={self.dtype}, value={shown}>"


def _plain(value: Any) -> Any:
    return value.value if isinstance(value, Variable) else jnp.asarray(value)


def _token(initializer: Any) -> str | int:
    """Equal for initializers that give equal values for equal keys, as far as their configs tell.

    Programs are kept by it, together with their initializers; so an id stays that of one object as long as it is looked up.
    """
    config = initializer.get_config() if hasattr(initializer, "get_config") else None
    if config is None or not all(isinstance(v, (str, int, float, bool, type(None))) for v in config.values()):
        return id(initializer)
    return f"{id(type(initializer))}{sorted(config.items())}"


def materialize(boxes: Iterable[Variable]) -> None:
    """Draw the first values of all boxes that have none, in one compiled call."""
    pending = [box for box in boxes if box._value is None]
    if not pending:
        return
    seeds, numbers = (np.array([getattr(box, name) for box in pending], np.uint32) for name in ("_seed", "_number"))
    initials = [box._initial for box in pending]
    values = draw_together(initials, (seeds, numbers))
    if any(map(is_traced, values)):  # the boxes outlive a trace that happens to be the first to read them
        with jax.ensure_compile_time_eval():
            values = draw_together(initials, (seeds, numbers))
    for box, value in zip(pending, values):
        box._value = value


def owned_value(box: Variable) -> Any:
    """The box's array for a program that will donate it. Where somebody outside may hold the array, the box gets a copy."""
    if box._value is None:
        materialize([box])
    if box._shared:
        box._value, box._shared = jnp.array(box._value, copy=True), False
    return box._value


def put_value(box: Variable, value: Any) -> None:
    """Give the box an array that nobody else holds, or the one it has."""
    if box._value is not value:
        box._value, box._shared = value, False

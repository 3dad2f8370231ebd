"""`WeightHolder`: the part of a layer that owns variables and offers them as attributes, lists and copies.

Its variables are attributes like any other; `_own` lists them in the order in which they were made.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping, MutableMapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np

from jkeras import constraints, initializers, regularizers
from jkeras._base import registry
from jkeras._base.copying import copied
from jkeras._base.derived import Derived
from jkeras._base.dtypes import is_float, standardize_dtype
from jkeras._base.errors import UnknownSizeError, unexpected_arguments
from jkeras._base.old_arguments import Gone, leave_out, name_first
from jkeras._base.plain_numbers import INTEGERS
from jkeras._base.types import DTypeLike, FunctionLike, Tensor, Tree
from jkeras.layer import messages, tracking
from jkeras.layer.attribute_tracker import AttributeTracker
from jkeras.layer.listed_trackers import ListedTrackers
from jkeras.state.scope import current, is_traced, path_here
from jkeras.state.spread import whole
from jkeras.state.variable import Variable, gate, materialize

if TYPE_CHECKING:
    from jkeras.layer.base import Layer

T = TypeVar("T")

# How TensorFlow stores a variable.
_OF_TENSORFLOW = dict.fromkeys(("use_resource", "synchronization", "caching_device", "partitioner", "collections"), Gone())


class WeightHolder:
    """Attributes, lists and copies of a layer's weights."""

    name: str
    variable_dtype: Any
    _own: list[Variable]
    _path: str | None
    _trainable: bool

    def __getstate__(self) -> dict[str, object]:
        """What a pickle and a copy hold: all attributes but those derived from others."""
        if "_own" in self.__dict__:
            materialize(variable for _, variable in tracking.inventory(self).entries)  # in one call, before each asks for its own
        state = {name: value for name, value in self.__dict__.items() if name not in ("_inventory", "_others")}
        return {**state, "_arrived": list(state.get("_arrived", {}).values())}

    def __setstate__(self, state: dict[str, Tree]) -> None:
        self.__dict__.update(state, _inventory=None, _arrived={id(part): part for part in state.get("_arrived", ())})

    def __setattr__(self, name: str, value: object) -> None:
        if isinstance(value, _ARRAYS) and current().layer is None and self._declares(name):
            self.__dict__[name].assign(value)  # outside of any call: the weight gets another value
            return
        if isinstance(value, _HOLDS) or isinstance(self.__dict__.get(name), _HOLDS):
            tracking.note_change()
        if isinstance(value, Variable) and "_own" in self.__dict__:  # else the constructor owns it
            self._own_variable(name, value)
        elif isinstance(value, (WeightHolder, *tracking.CONTAINERS)):
            self._note_arrival(name, value)
        object.__setattr__(self, name, value)

    def _declares(self, name: str) -> bool:
        """Whether an attribute is a weight that this class declares, rather than one that your `build` made."""
        held = self.__dict__.get(name)
        return isinstance(held, Variable) and held.name == name and not self._plan.own_call

    def _note_arrival(self, name: str, value: object) -> None:
        tracking.note_arrival(self, name, value, WeightHolder)

    def _own_variable(self, name: str, variable: Variable) -> None:
        if not any(one is variable for one in self._own):
            self._own.append(variable)
        if variable.unnamed:
            variable.name, variable.path, variable.unnamed = name, f"{self._place()}/{name}", False

    def _place(self) -> str:
        """`path`, or what it would be if the layer were built here."""
        return self._path or path_here(self.name)

    def __getattr__(self, name: str) -> Any:
        if "_own" not in self.__dict__:
            if name.startswith("__"):
                raise AttributeError(name)
            first = next((n for n in self.__dict__ if n not in tracking.NOT_TRACKED), name)
            raise AttributeError(messages.NO_SUPER_INIT.format(cls=type(self).__name__, name=first))
        found = getattr(type(self), name, None)
        if isinstance(found, property):  # Python comes here when a property raises AttributeError: let it say why
            return found.__get__(self)
        hint = "" if self.__dict__.get("built") else ". It is not built: build(input_shape) or the first call makes its weights"
        # Not through attributes: a `__setattr__` that calls hasattr() gets here before there are any.
        raise AttributeError(f"{type(self).__name__!r} object {self.__dict__.get('name')!r} has no attribute {name!r}{hint}")

    def __delattr__(self, name: str) -> None:
        tracking.note_change()
        gone = self.__dict__.get(name)
        object.__delattr__(self, name)
        if isinstance(gone, Variable):
            self._own[:] = [variable for variable in self._own if variable is not gone]

    @name_first
    def add_weight(
        self,
        shape: int | Iterable[int | None] | None = None,
        initializer: Tree = None,
        dtype: DTypeLike | None = None,
        trainable: bool = True,
        autocast: bool = True,
        regularizer: FunctionLike = None,
        constraint: FunctionLike = None,
        aggregation: str = "none",
        overwrite_with_gradient: bool = False,
        name: str | None = None,
        **kwargs: object,
    ) -> Variable:
        """Make a weight of this layer, in `__init__` or `build`.

        Args:
            shape: default `()`.
            initializer: name, object, function or array; default glorot_uniform for floats, zeros otherwise.
            dtype: default the layer's `variable_dtype`.
            trainable: whether gradient descent changes it.
            autocast: whether it is read in the compute dtype.
            regularizer, constraint: names, objects or functions.
            aggregation: how replicas combine it.
            overwrite_with_gradient: whether an optimizer puts the gradient in its place, as scales of float8 training want it.
            name: default the name of the attribute it is assigned to.
            kwargs: TensorFlow's `use_resource`, `synchronization` and the like, which mean nothing here.

        Returns:
            The variable.
        """
        if left := leave_out("add_weight", kwargs, _OF_TENSORFLOW):
            raise unexpected_arguments("add_weight", left, inspect.signature(self.add_weight).parameters)
        if "_own" not in self.__dict__:
            raise RuntimeError(messages.NO_SUPER_INIT.format(cls=type(self).__name__, name=name or "kernel"))
        if current().layer is self:
            raise RuntimeError(messages.WEIGHT_IN_CALL.format(cls=type(self).__name__, layer=self.name))
        shape = () if shape is None else (shape,) if isinstance(shape, INTEGERS) else tuple(shape)  # type: ignore[arg-type]
        sizes = [n for n in shape if n is not None]
        if len(sizes) < len(shape):
            raise UnknownSizeError(
                messages.UNKNOWN_SIZE.format(cls=type(self).__name__, layer=self.name, weight=name, shape=shape)
            )
        dtype = standardize_dtype(dtype or self.variable_dtype)
        if initializer is None:
            initializer = "glorot_uniform" if is_float(dtype) else "zeros"
        first = initializers.get(initializer)
        rules: dict[str, Any] = {"regularizer": regularizers.get(regularizer), "constraint": constraints.get(constraint)}
        variable = Variable(first, sizes, dtype, trainable, autocast, aggregation, name=name or "variable", **rules)
        variable.overwrite_with_gradient, variable.unnamed = overwrite_with_gradient, name is None
        variable.path = f"{self._place()}/{variable.name}"
        variable.trainable = variable.declared_trainable and self._trainable
        self._own.append(variable)
        return variable

    add_variable = add_weight  # Keras' other name

    # Keras' name; a model lists its inputs here too.
    _layers: Derived[WeightHolder, list[Layer]] = Derived(lambda self: self._keras_layers())

    def _keras_layers(self) -> list[Layer]:
        return self._sublayers()

    # Keras' name for the metrics of this layer alone; what a class appends to the list counts as held.
    _metrics: Derived[WeightHolder, list[tracking.Tracker]] = Derived(lambda self: ListedTrackers(self, self._trackers()))

    # Keras' name for what makes a layer hold more than its attributes.
    _tracker: Derived[WeightHolder, AttributeTracker] = Derived(lambda self: AttributeTracker(self, _HOLDS))

    def _sublayers(self) -> list[Layer]:
        return tracking.by_arrival(self, self._held(WeightHolder))  # type: ignore[arg-type]

    def _trackers(self) -> list[tracking.Tracker]:
        return self._held(tracking.Tracker)

    def _held(self, kind: type[T]) -> list[T]:
        """The objects of a class that attributes of this layer hold."""
        seen: set[int] = {id(self)}
        found: list[T] = []
        for name, value in self.__dict__.items():
            if name not in tracking.NOT_TRACKED and value is not None:
                found.extend(tracking.objects_in(value, kind, seen))
        return found

    def _flatten_layers(self: Layer, include_self: bool = True, recursive: bool = True) -> list[Layer]:  # type: ignore[misc]
        if not recursive:
            return [self, *self._sublayers()] if include_self else self._sublayers()
        return [layer for _, layer in tracking.walk(self)][not include_self :]

    @property
    def metrics(self) -> list[tracking.Tracker]:
        """The metrics that this layer and the layers below it hold."""
        return [held.tracker for held in tracking.inventory(self).trackers]

    @property
    def metrics_variables(self) -> list[Variable]:
        """Where `metrics` accumulate."""
        return [variable for metric in self.metrics for variable in metric.variables]

    def add_metric(self, value: Tree, name: str | None = None, aggregation: str | None = "mean") -> None:
        """Log a value as its mean over the batches of an epoch. Use it in `call`, as in Keras 2.

        Args:
            value: a number, or an array, whose mean counts; or the result of a metric of this layer, logged in any case.
            name: in the logs; not needed for the result of a metric.
            aggregation: `"mean"`, or None for the result of a metric.

        Raises:
            ValueError: a value without a name, or the result of a metric that the layer does not hold.

        Example:
            >>> from jkeras.layers import Layer
            >>> class Watched(Layer):
            ...     def call(self, x):
            ...         self.add_metric(jnp.max(x), name="largest")
            ...         return x
            >>> layer = Watched()
            >>> _ = layer(np.ones((2, 3))), layer(np.zeros((2, 3)))
            >>> {metric.name: float(metric.result()) for metric in layer.metrics}
            {'largest': 0.5}
        """
        if aggregation not in ("mean", None):
            raise ValueError(f"add_metric(aggregation=...) is 'mean' or None. Received: {aggregation!r}.")
        means: dict[str, Any] = self.__dict__.setdefault("_means", {})
        held = [tracker.name for tracker in self._trackers() if tracker not in means.values()]
        if name in held or (held and (name is None or aggregation is None)):
            return
        if name is None or aggregation is None:
            raise ValueError(messages.UNNAMED_METRIC.format(layer=self.name))
        if name not in means:
            means[name] = registry.lookup("metrics", "Mean")(name=name)
        means[name].update_state(value)

    @property
    def weights(self) -> list[Variable]:
        """All weights in Keras' order, this layer's own first; without the states that a recurrent layer keeps."""
        entries = tracking.weight_entries(self)  # type: ignore[arg-type]
        return [variable for _, variable in entries if not isinstance(variable, tracking.KeptState)]

    @property
    def variables(self: Layer) -> list[Variable]:  # type: ignore[misc]
        """All weights, and what else a call may change: states that recurrent layers keep, and the seed of random draws."""
        return [*self.weights, *self._beside_weights()]

    @property
    def trainable_weights(self) -> list[Variable]:
        """The weights that gradient descent currently changes."""
        return list(tracking.inventory(self).trained.values())

    @property
    def trainable_variables(self) -> list[Variable]:
        """The weights that gradient descent currently changes."""
        return self.trainable_weights

    @property
    def non_trainable_weights(self) -> list[Variable]:
        """The other weights: moving averages, and those of frozen layers."""
        trained = {id(b) for b in self.trainable_weights}
        return [b for b in self.weights if id(b) not in trained]

    @property
    def non_trainable_variables(self: Layer) -> list[Variable]:  # type: ignore[misc]
        """The other weights, and what else a call may change; see `variables`."""
        return [*self.non_trainable_weights, *self._beside_weights()]

    @property
    def trainable(self) -> bool:
        """Whether gradient descent changes the weights. Setting it also sets it for all layers below."""
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        held = tracking.inventory(self)
        for layer in held.layers:
            layer._trainable = bool(value)
            frozen = () if layer._rewrite is None else layer._rewrite.frozen
            for variable in held.own(layer):
                variable.trainable = variable.declared_trainable and bool(value) and variable.name not in frozen

    def get_weights(self) -> list[np.ndarray]:
        """Copies of all weights as numpy arrays, in Keras' order."""
        variables = self.weights
        if current().functional:
            return [variable.numpy() for variable in variables]
        with gate:  # a step in another thread may be about to take the arrays
            materialize(variables)
            return [np.array(whole(variable._value)) for variable in variables]

    def set_weights(self, weights: Sequence[Tensor]) -> None:
        """Set all weights from arrays in the order of `get_weights`.

        Raises:
            ValueError: the number of arrays or a shape does not fit. Then no weight changes.
        """
        variables = self.weights
        weights = list(weights)
        if len(weights) != len(variables):
            raise ValueError(messages.WEIGHT_COUNT.format(layer=self.name, expected=len(variables), received=len(weights)))
        for variable, value in zip(variables, weights):
            if np.shape(value) != variable.shape:
                raise ValueError(
                    messages.WEIGHT_SHAPE.format(path=variable.path, expected=variable.shape, received=np.shape(value))
                )
        for variable, value in zip(variables, weights):
            if isinstance(value, np.ndarray) and value.dtype.kind in "biuf":  # JAX would compile this for each shape, and a copy
                value = value.astype(jnp.dtype(variable.dtype), copy=False)
            array = jnp.asarray(value, variable.dtype)
            variable.assign(jnp.copy(array) if is_traced(array) else copied(array))

    def save_own_variables(self: Layer, store: MutableMapping[str, Tree]) -> None:  # type: ignore[misc]
        """Put what a `.keras` or `.weights.h5` file should hold of this layer into a store: by default its own weights.

        Override it and `load_own_variables` to store them in another form, or to store more. Layers inside store their own. A
        layer that needs files may also have `save_assets(folder)` and `load_assets(folder)`; a `.keras` holds what they write.

        Args:
            store: takes numbers, arrays and variables by name, like a dict.

        Example:
            >>> from jkeras.layers import Dense
            >>> layer, store = Dense(2), {}
            >>> layer.build((None, 3))
            >>> layer.save_own_variables(store)
            >>> {name: weight.shape for name, weight in store.items()}
            {'0': (3, 2), '1': (2,)}
        """
        if self._rewrite is not None:
            self._rewrite.save(self, store)
            return
        for i, variable in enumerate(tracking.own_variables(self)):
            store[str(i)] = variable

    def load_own_variables(self: Layer, store: Mapping[str, Tree]) -> None:  # type: ignore[misc]
        """Restore what `save_own_variables` stored.

        Args:
            store: arrays by name.

        Raises:
            ValueError: the number of weights in it is not the layer's.
        """
        if self._rewrite is not None:
            self._rewrite.load(self, store)
            return
        self._take_stored(store, tracking.own_variables(self))

    def _take_stored(self, store: Mapping[str, Tree], variables: Sequence[Variable]) -> None:
        """Give Variables the arrays of a store, which has one for each, by number."""
        if len(store.keys()) != len(variables):
            raise ValueError(messages.STORED_COUNT.format(layer=self.name, expected=len(variables), received=[*store.keys()]))
        for i, variable in enumerate(variables):
            variable.assign(store[str(i)])

    def count_params(self: Layer) -> int:  # type: ignore[misc]
        """The number of elements in all weights."""
        self._require_built("count_params", "layer.build(input_shape)")
        return sum(variable.size for variable in self.weights)


_ARRAYS = (jax.Array, np.ndarray)
_HOLDS: tuple[type, ...] = (WeightHolder, Variable, tracking.Tracker, list, tuple, set, dict)  # what may hold a layer's weights

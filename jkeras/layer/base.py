"""`Layer`: one definition, two faces.

A library layer is declared once, in two pure methods:

    def declare(self, x): yield Weight("kernel", (x.shape[-1], self.units), self.kernel_initializer)
    def forward(self, w, x): return x @ w.kernel

A user's Keras layer overrides `build` and `call` and uses `self.add_weight`, `self.kernel`, `self.total.assign(...)`. The bridge
between the two is here and nowhere else: the default `build` makes a variable for each declared weight, and the default `call`
runs `forward` on the variables' values and assigns its updates. `__call__` runs `call` where a class overrides it and otherwise
`forward`, so the two kinds nest in each other. The pure face, `init` and `apply`, comes from `PureFace`.
"""

from __future__ import annotations

import copy
import functools
import inspect
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any, TypedDict

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import max_dim  # as `max`, and takes symbolic sizes

from jkeras import regularizers
from jkeras._base.config import settings
from jkeras._base.dtypes import DTypePolicy, get_policy, is_float
from jkeras._base.errors import NotBuiltError, known_sizes, unexpected_arguments
from jkeras._base.naming import auto_name, is_layer_name, to_snake_case
from jkeras._base.public_class import name_public_class
from jkeras._base.registry import export
from jkeras._base.sparse_arrays import all_dense, any_sparse, is_sparse, refuse_matrix
from jkeras._base.types import Array, DTypeLike, FunctionLike, Tree
from jkeras._text.arrays import as_texts, is_listed_text
from jkeras.graph import Node, Spec, infer
from jkeras.graph.keras_tensor import is_leaf, is_symbolic, symbolic_leaves
from jkeras.graph.spec import is_spec
from jkeras.layer import messages, structures
from jkeras.layer.call_plan import CallPlan, arrange, read_plan
from jkeras.layer.config_face import LEGACY, ConfigFace
from jkeras.layer.declaration import Declaration, Updated, Weight
from jkeras.layer.graph_face import GraphFace
from jkeras.layer.holder import WeightHolder
from jkeras.layer.input_spec import InputSpec, check_input
from jkeras.layer.leaks import hide_tracers, tracers_in
from jkeras.layer.pure import PureFace
from jkeras.layer.quantization_face import QuantizationFace
from jkeras.layer.remat import RematFace, rematerialized
from jkeras.layer.rewrite import Rewrite
from jkeras.layer.shape_face import ShapeFace
from jkeras.layer.stateless_face import StatelessFace
from jkeras.layer.tracking import inventory
from jkeras.state import random
from jkeras.state.scope import Scope, UnknownVariables, current, is_traced, keep_mask, set_mask
from jkeras.state.tape import recording
from jkeras.state.variable import Variable, materialize

_array_types: set[type] = set()


class _Weights(SimpleNamespace):
    """Arrays by name. Where code outside a layer computes a weight, such as a network that makes another's weights, the layer has
    an array in place of the Variable.
    """

    __slots__ = ("_layer",)

    _layer: Layer

    def __copy__(self) -> _Weights:
        return self._with(vars(self))

    def __deepcopy__(self, memo: dict[int, Any]) -> _Weights:
        return self._with(copy.deepcopy(vars(self), memo))

    def _with(self, arrays: dict[str, jax.Array]) -> _Weights:
        made = _Weights(**arrays)
        made._layer = self._layer
        return made

    def __getattr__(self, name: str) -> jax.Array:
        if name == "_layer":  # not set yet
            raise AttributeError(name)
        held = self._layer.__dict__.get(name)
        if isinstance(held, (jax.Array, np.ndarray)):
            return self._layer._cast_weight(jnp.asarray(held))
        raise AttributeError(messages.NO_WEIGHT.format(layer=self._layer.name, name=name))


class LayerArguments(TypedDict, total=False):
    """What the constructor of every layer takes and signatures do not show, as `**kwargs: Unpack[...]`; see `Layer`."""

    trainable: bool
    dtype: DTypeLike | DTypePolicy | None
    autocast: bool
    name: str | None
    input_shape: Tree
    batch_input_shape: Tree
    input_dim: int
    batch_size: int | None
    weights: Tree


class BaseArguments(LayerArguments, total=False):
    """The same, and `activity_regularizer`, which some families of layers show in their signatures."""

    activity_regularizer: FunctionLike


@export("keras.layers.Layer", "keras.Layer")
class Layer(WeightHolder, PureFace, StatelessFace, RematFace, ConfigFace, GraphFace, ShapeFace, QuantizationFace):
    """Base of all layers and models.

    Args:
        activity_regularizer: a function of the output, added to the loss.
        trainable: whether gradient descent changes the weights; you can switch it later.
        dtype: a dtype or policy name, default the global policy.
        autocast: whether float inputs and weights are cast to the compute dtype.
        name: without slashes; default `dense`, `dense_1`, ...
        kwargs: Keras 2's `input_shape`, `batch_input_shape`, `input_dim`, `batch_size`, `weights`.

    Example:
        >>> class Scale(Layer):
        ...     def build(self, input_shape):
        ...         self.factor = self.add_weight(shape=(input_shape[-1],), initializer="ones")
        ...     def call(self, x):
        ...         return jnp.multiply(x, self.factor)
        >>> Scale()(np.ones((1, 2), np.float32)).tolist()
        [[1.0, 1.0]]
    """

    _plan: CallPlan
    input_spec: InputSpec | Sequence[InputSpec] | None = None
    supports_masking: bool = False
    takes_strings: bool = False
    _program_constants: Any = None  # what compiled code holds of this layer besides its weights, where that may change
    _rewrite: Rewrite | None = None  # makes the weights of the Variables; None where they are the weights
    draws: bool = True  # whether a `forward` that takes `rng` needs a key in training
    _convert_input_args: bool = True  # Keras' name; False leaves a call's arguments as they are, such as text or ragged lists

    def __init_subclass__(cls, **kwargs: object) -> None:
        super().__init_subclass__(**kwargs)
        cls._plan = read_plan(cls, Layer)
        if "build" in vars(cls):
            cls.build = _marking(cls.build)  # type: ignore[method-assign]

    def __init__(
        self,
        *,
        activity_regularizer: FunctionLike = None,
        trainable: bool = True,
        dtype: DTypeLike | DTypePolicy | None = None,
        autocast: bool = True,
        name: str | None = None,
        **kwargs: Any,
    ):
        if name is not None and not is_layer_name(name):
            raise ValueError(f"A layer's name is a string without '/' and '\\', and not '.' or '..'. Received: name={name!r}.")
        if not isinstance(trainable, (bool, np.bool_)):
            raise ValueError(f"A layer's trainable is True or False. Received: trainable={trainable!r}.")
        unknown = [k for k in kwargs if k not in LEGACY]
        if unknown and (unknown := self._without_old_arguments(unknown, kwargs)):
            known = [*inspect.signature(type(self).__init__).parameters, "name", "dtype", "trainable", *LEGACY]
            error = unexpected_arguments(type(self).__name__, unknown, [k for k in known if k not in ("self", "kwargs")])
            raise messages.since_keras_2(error, unknown, known)
        self._own: list[Variable] = []
        self._inbound_nodes: list[Node] = []
        self._inventory = None
        self._last_losses: list[tuple[object, jax.Array]] = []
        self._path = None
        self.name = name or auto_name(to_snake_case(type(self).__name__))
        for attribute, held in list(vars(self).items()):  # set before this constructor was called
            if isinstance(held, Variable):
                self._own_variable(attribute, held)
        self.autocast = autocast
        self.dtype_policy = get_policy(dtype) if dtype is not None else self._default_policy(get_policy(None))
        self.activity_regularizer = regularizers.get(activity_regularizer)
        self._trainable = bool(trainable)
        self._batch_input_shape = structures.legacy_shape(kwargs)
        self._initial_weights = kwargs.get("weights")
        self.built = self._plan.weightless and self._initial_weights is None
        if settings.remat is not None:
            self.remat = settings.remat
        if self._plan.takes_rng:
            random.follow_generators()

    # dtypes ---------------------------------------------------------------------------------------------------------

    @property
    def dtype_policy(self) -> DTypePolicy:
        """The dtypes of the layer's computations and weights."""
        return self._dtype_policy

    @dtype_policy.setter
    def dtype_policy(self, policy: DTypePolicy | str | None) -> None:
        found = get_policy(policy)
        self._accept_policy(found)
        self._dtype_policy = found
        self._compute = found.compute

    @property
    def compute_dtype(self) -> str:
        """The dtype of the maths."""
        return self._dtype_policy.compute_dtype

    @property
    def variable_dtype(self) -> str:
        """The dtype of the weights."""
        return self._dtype_policy.variable_dtype

    @property
    def dtype(self) -> str:
        """The dtype of the weights, as in Keras."""
        return self.variable_dtype

    # building -------------------------------------------------------------------------------------------------------

    def build(self, *input_shapes: Tree, **named_shapes: Tree) -> None:
        """Make the weights for inputs of this shape. Override it in your own layers and use `add_weight`.

        Args:
            input_shapes: a tuple with None for unknown axes; lists or dicts of such tuples for several inputs.
            named_shapes: the same by name: `input_shape`, or `x_shape` for an argument `x` of the call.
        """
        if named_shapes:
            known = ["input_shape", *(f"{name}_shape" for name in self._plan.names)]
            if unknown := named_shapes.keys() - known:
                raise unexpected_arguments("build", unknown, known)
            input_shapes = (*input_shapes, *(named_shapes[name] for name in known if name in named_shapes))
        specs = tuple(structures.shapes_to_specs(shape, self.compute_dtype) for shape in input_shapes)
        self._build_shapes = input_shapes
        if hasattr(type(self), "declare"):
            with current().named(self._settle()):
                self._declare_weights(specs)
        self._settle()
        self.built = True

    @property
    def path(self) -> str | None:
        """The names of the layers that this one was built in, and its own, joined by slashes; None before it is built.

        Example:
            >>> from jkeras import Input, Sequential, layers
            >>> model = Sequential([Input((2,)), layers.Dense(3, name="head")], name="classifier")
            >>> model.layers[-1].path
            'classifier/head'
        """
        return self._path

    def _settle(self) -> str:
        """`path`, which is from now on what it would be if the layer were built here."""
        self._path = self._place()
        return self._path

    def _declare_weights(self, specs: tuple[Tree, ...]) -> None:
        if len(specs) > 1:  # a subclass' call may take more inputs
            specs = specs[: len(inspect.signature(self.declare).parameters)]
        for weight in self._weights_to_keep(self.declare(*specs) or iter(())):
            self._make_weight(weight)

    def _weights_to_keep(self, weights: Declaration) -> Declaration:
        """The weights to keep for those that the layer declares."""
        return weights

    def _make_weight(self, w: Weight) -> None:
        """Make a weight and put it into its attribute."""
        options = (w.dtype, w.trainable, w.autocast, w.regularizer, w.constraint, "none", w.overwritten)
        setattr(self, w.place, self.add_weight(w.shape, w.initializer, *options, name=w.name) if w.present else None)

    def _ensure_built(self, specs: tuple[Tree, ...], kwargs: dict[str, Tree], lenient: bool = False) -> None:
        """Make all weights of this layer and of those below it, for these inputs.

        Args:
            specs, kwargs: of the call.
            lenient: whether to tolerate a `call` that looks at values; then the layers below are built when it runs.
        """
        if self.built:
            return
        # `build` works on the variables themselves, even if a trace is the first to need the layer.
        try:
            with Scope(path=self._settle()), jax.ensure_compile_time_eval():
                self._build_shapes = tuple(structures.specs_to_shapes(spec) for spec in specs)
                if not hasattr(type(self).build, "is_default"):
                    self.build(*self._shapes_for(self.build, specs, kwargs))
                elif hasattr(type(self), "declare"):
                    self._declare_weights(specs)
                self.built = True
                if self._initial_weights is not None:
                    self.set_weights(self._initial_weights)
        except BaseException:
            self.built = False
            raise
        reads = self._convert_input_args or _is_numeric((specs, kwargs))
        if self._plan.own_call and reads and any(not layer.built for layer in self._flatten_layers()):
            self._build_by_call(specs, kwargs, lenient)

    def _build_by_call(self, specs: tuple[Tree, ...], kwargs: dict[str, Tree], lenient: bool = False) -> None:
        """Make the weights of the layers below by running `call` on shapes."""
        self.built = True
        if any(getattr(spec, "dtype", None) == "string" for spec in jax.tree.leaves(specs, is_leaf=is_spec)):
            return  # a call on strings has values alone; it builds the layers below
        around = tracers_in(self)
        try:
            with current().for_layer(None, None).named(self._settle()):
                infer(self, specs, kwargs)
        except BaseException as error:
            # A call that takes its arguments as they are may want lists or NumPy; if not, it raises the same in a moment.
            tolerated = jax.errors.JAXTypeError if self._convert_input_args else Exception
            if not (lenient and isinstance(error, tolerated)):
                self.built = False
                raise
        finally:
            hide_tracers(self, around)

    def _require_built(self, what: str, how: str) -> None:
        called = settings.lenient and bool(inventory(self).entries)  # a `__call__` of one's own builds the layers alone
        if not (self.built or called):
            raise NotBuiltError(messages.NOT_BUILT.format(cls=type(self).__name__, layer=self.name, what=what, how=how))

    # calling --------------------------------------------------------------------------------------------------------

    def __call__(self, *args: Tree, **kwargs: Tree) -> Tree:
        """Run the layer on arrays, or record it in a graph if the inputs are symbolic."""
        simple = len(args) == 1 and not kwargs and type(args[0]) in _array_types and args[0].dtype == self._compute
        if not (simple and self.built) or getattr(args[0], "__dict__", None):  # a mask may be among an array's attributes
            if kwargs or len(args) != 1 or len(self._plan.needed) > 1:
                args, kwargs = self._bound(self._plan, args, kwargs)
            if symbolic_leaves((args, kwargs)):
                return self._call_symbolic(args, kwargs)
            args, kwargs = self._prepare(args, kwargs)
        if self.input_spec is not None and args:
            check_input(self, args[0])
        scope, plan = current(), self._plan
        masked = bool(scope.masks) or plan.makes_mask or kwargs.get("mask") is not None
        if masked and args:
            kwargs.update(self._masks_for(args, kwargs))
        try:
            maths: Callable[..., Tree] = self._run_call if plan.own_call else self._run_forward
            if self._remat is not None:
                maths = functools.partial(rematerialized, self, maths)
            for interceptor in scope.interceptors:
                maths = functools.partial(interceptor, self, maths)
            outputs = maths(*args, **kwargs)
        except Exception as error:
            messages.explain(error, self, args)
            raise
        if self.activity_regularizer is not None:
            self._add_activity_loss(outputs)
        if masked and args:
            self._pass_mask(args[0], outputs, kwargs.get("mask"))
        return outputs

    def _run_call(self, *args: Tree, **kwargs: Tree) -> Tree:
        scope = current()
        training = self._resolve_training(kwargs, self._plan)
        inner = scope.for_layer(self, training, self.compute_dtype if self.autocast else None)
        inner.path = self._place()
        losses: list[tuple[object, jax.Array]] = []
        if scope.losses is None:
            inner.losses = losses
        with inner:
            outputs = self.call(*args, **kwargs)
        if losses or (scope.losses is None and self._last_losses):
            for layer in self._flatten_layers():
                layer._last_losses = losses
        return outputs if type(outputs) in _array_types else structures.as_arrays(outputs)

    def _run_forward(self, *args: Tree, **kwargs: Tree) -> Tree:
        extra = self._forward_arguments(kwargs, self._plan) if kwargs or self._plan.takes_training else kwargs
        if any_sparse((args, extra)):
            args, extra = all_dense((args, extra))
        return self._without_updates(self.forward(self._read_weights(), *args, **extra))

    def call(self, *args: Tree, **kwargs: Tree) -> Tree:
        """The layer's maths. Override it in your own layers; library layers have a pure `forward` instead.

        A class that extends a library layer may use `super().call(x)`.
        """
        # The plan of a class that overrides `call` describes that method; we need the plan of `forward`.
        plan = next(cls._plan for cls in type(self).__mro__ if issubclass(cls, Layer) and not cls._plan.own_call)
        args, kwargs = all_dense(self._bound(plan, args, kwargs))
        return self._without_updates(self.forward(self._read_weights(), *args, **self._forward_arguments(kwargs, plan)))

    def _bound(self, plan: CallPlan, args: tuple[Tree, ...], kwargs: dict[str, Tree]) -> tuple[tuple[Tree, ...], dict[str, Tree]]:
        try:
            return arrange(plan, args, kwargs)
        except TypeError as error:
            raise TypeError(f"{type(self).__name__} {self.name!r} {error}.") from None

    def forward(self, w: SimpleNamespace, *args: Tree, **kwargs: Tree) -> Tree:
        """A library layer's maths, a pure function: weights `w` and inputs in, outputs (or `Updated`) out."""
        raise NotImplementedError(messages.NO_CALL.format(cls=type(self).__name__))

    def _read_weights(self) -> SimpleNamespace:
        weights = _Weights()
        weights._layer = self
        arrays = vars(weights)
        for name, held in self.__dict__.items():
            if isinstance(held, Variable):
                arrays[name] = self._cast_weight(held.stored, held.autocast)
        return weights if self._rewrite is None else self._rewrite.read(self, weights)

    def _forward_arguments(self, kwargs: dict[str, Tree], plan: CallPlan) -> dict[str, Tree]:
        self._resolve_training(kwargs, plan)
        if plan.takes_training and plan.takes_rng:
            draws = kwargs["training"] and self.draws
            kwargs["rng"] = random.draw_key(self, getattr(self, "seed", None)) if draws else None
        if not plan.takes_mask:
            kwargs.pop("mask", None)
        return kwargs

    def _without_updates(self, outputs: Tree) -> Tree:
        """What a `forward` gave, after its updates are assigned."""
        if type(outputs) is not Updated:
            return outputs
        for name, value in outputs.values.items():
            getattr(self, name).assign(value)
        return outputs.output

    def _cast_weight(self, value: jax.Array, autocast: bool = True) -> jax.Array:
        if value.dtype != self._compute and autocast and self.autocast and is_float(value.dtype):
            return value.astype(self._compute)
        return value

    def _resolve_training(self, kwargs: dict[str, Tree], plan: CallPlan) -> bool | None:
        """The explicit argument, else the running call's flag, else the signature's default."""
        training = kwargs.get("training")
        if training is None:
            training = current().training
        if training is None:
            training = plan.training_default
        if plan.takes_training:
            try:
                kwargs["training"] = bool(training)
            except ValueError:  # many numbers
                training = kwargs["training"] = messages.no_training_flag(self.name, training)
        else:
            kwargs.pop("training", None)
        return training

    def _prepare(self, args: tuple[Tree, ...], kwargs: dict[str, Tree]) -> tuple[tuple[Tree, ...], dict[str, Tree]]:
        """Arrays in the compute dtype from what the user passed; builds the layer for them if necessary."""
        converts = self._convert_input_args
        if converts and args and isinstance(args[0], list) and args[0] and structures.is_numbers(args[0]):
            args = (np.asarray(args[0]), *args[1:])
        elif converts and args and is_listed_text(args[0]) and self._passes_strings():
            args = (as_texts(args[0]), *args[1:])
        if converts:
            args, kwargs = jax.tree.map(self._to_array, (args, kwargs))
        if not self.built:
            specs, others = jax.tree.map(
                lambda a: Spec(known_sizes(a.shape), a.dtype) if hasattr(a, "shape") else a, (args, kwargs), is_leaf=is_sparse
            )
            if self._plan.takes_mask and args and kwargs.get("mask") is None and current().masks:
                others["mask"] = structures.array_specs(structures.masks_of(args[0]))
            self._build_for_call(args, specs, others, lenient=True)
            if not current().functional:
                materialize(self.weights)
            elif current().values is not None and not current().abstract and self.weights:
                if recording() is not None:  # a step that uses models of its own; its program is traced again with their weights
                    raise UnknownVariables(self.weights)
                raise RuntimeError(messages.LAYER_IN_CALL.format(cls=type(self).__name__, layer=self.name))
        return args, dict(kwargs)

    def _masks_for(self, args: tuple[Tree, ...], kwargs: dict[str, Tree]) -> dict[str, Tree]:
        """The masks that travel with a call's inputs, by the names under which the call takes them and was not given others."""
        plan = self._plan
        inputs = {"mask": args[0]} if plan.takes_mask and args else {}
        if plan.masked:
            given = {**dict(zip(plan.names, args)), **kwargs}
            inputs.update({f"{name}_mask": given.get(name) for name in plan.masked})
        by_place = plan.names[: len(args)]
        return {name: structures.masks_of(x) for name, x in inputs.items() if kwargs.get(name) is None and name not in by_place}

    def _build_for_call(
        self, args: tuple[Tree, ...], specs: tuple[Tree, ...], kwargs: dict[str, Tree], lenient: bool = False
    ) -> None:
        try:
            # An input of fewer than two axes is refused before weights are made for it. For others `build` may know more.
            if self.input_spec is not None and args and len(getattr(args[0], "shape", (0, 0))) < 2:
                check_input(self, args[0])
            self._ensure_built(specs, kwargs, lenient)
        except Exception as error:
            messages.explain(error, self, args)
            raise

    def _to_array(self, value: Tree) -> Tree:
        if isinstance(value, jax.Array):
            _array_types.add(type(value))
            casts = value.dtype != self._compute and is_float(value.dtype) and self._casts_inputs()
            return keep_mask(value, value.astype(self._compute) if casts else value)
        if isinstance(value, (np.ndarray, np.generic)) or hasattr(value, "__array__"):
            array = np.asarray(value)
            if array.dtype == object or array.dtype.kind in "US":
                if self._plan.own_call and self._passes_strings():
                    return as_texts(array)
                raise TypeError(messages.NOT_NUMERIC.format(cls=type(self).__name__, layer=self.name, dtype=array.dtype))
            if array.dtype.itemsize == 8 and array.dtype.kind in "iu" and self._plan.own_call and self._passes_strings():
                return array  # a lookup below takes wider integers than JAX
            casts = array.dtype != self._compute and is_float(array.dtype) and self._casts_inputs()
            return self._to_array(jnp.asarray(array, self._compute if casts else None))
        if not self._plan.own_call:
            refuse_matrix(value)
        return value

    def _passes_strings(self) -> bool:
        """Whether a layer at or below this one takes strings."""
        return self.takes_strings or inventory(self).takes_strings

    def _casts_inputs(self) -> bool:
        """Whether to cast float inputs: not if a layer below wants them as they are, or in another dtype."""
        return self.autocast and all(
            part._compute == self._compute and (part.autocast or part._sublayers()) for part in inventory(self).layers
        )

    def _call_symbolic(self, args: tuple[Tree, ...], kwargs: dict[str, Tree]) -> Tree:
        specs, given = jax.tree.map(lambda a: Spec(a.shape, a.dtype) if is_spec(a) else a, (args, kwargs), is_leaf=is_leaf)
        masks = structures.masks_of(args[0]) if args else None
        given.update({name: mask for name, mask in self._masks_for(args, kwargs).items() if mask is not None})
        if not self.built:
            self._build_for_call(args, specs, given)
        if self.input_spec is not None and args:
            check_input(self, args[0])
        around = tracers_in(self)
        outputs = Node(self, args, kwargs, self.compute_output_spec(*specs, **given)).outputs
        hide_tracers(self, around)
        incoming = masks if given.get("mask") is None else given["mask"]
        if args and (incoming is not None or self._plan.makes_mask):
            outgoing = infer(self.compute_mask, (specs[0], incoming), {})
            for tensor, mask in structures.zip_masks(jax.tree.leaves(outputs, is_leaf=is_symbolic), outgoing):
                tensor.mask = mask
        return outputs

    # masks and losses -----------------------------------------------------------------------------------------------

    def compute_mask(self, inputs: Tree, previous_mask: Tree = None) -> Tree:
        """The mask of the output: the input's if the layer supports masking, else None."""
        return previous_mask if self.supports_masking else None

    def _pass_mask(self, inputs: Tree, outputs: Tree, mask: Tree) -> None:
        incoming = mask if mask is not None else structures.masks_of(inputs)
        outgoing = self.compute_mask(inputs if self._plan.own_call else all_dense(inputs), incoming)
        for leaf, one in structures.zip_masks(jax.tree.leaves(outputs), outgoing):
            set_mask(leaf, one)

    def add_loss(self, loss: Tree) -> None:
        """Add a scalar, or a list of them, to what training minimises; an array counts with its sum. Use it in `call`."""
        for one in loss if isinstance(loss, (list, tuple)) else [loss]:
            value: Tree = one() if callable(one) else one.array if isinstance(one, Variable) else one
            losses = current().losses
            if is_symbolic(value):
                raise ValueError(messages.SYMBOLIC_LOSS.format(layer=self.name))
            if losses is None and is_traced(value):
                raise ValueError(messages.LEAKED_LOSS)
            (self._last_losses if losses is None else losses).append((self, value))

    def _add_activity_loss(self, outputs: Tree) -> None:
        if current().losses is None:
            self._last_losses = []
        for leaf in jax.tree.leaves(outputs):
            self.add_loss(self.activity_regularizer(leaf) / max_dim(leaf.shape[0], 1))  # a batch may be empty

    @property
    def losses(self) -> list[Array]:
        """What `add_loss` and activity regularizers added in the last call, then the regularization of weights."""
        here = {id(layer) for layer in self._flatten_layers()}
        scope = current()
        added = [pair for pair in (self._last_losses if scope.losses is None else scope.losses) if id(pair[0]) in here]
        variables = self.trainable_weights
        return [value for _, value in added] + [b.regularizer(b.array) for b in variables if b.regularizer is not None]


def _is_numeric(specs: Tree) -> bool:
    """Whether specs stand for arrays of numbers alone, rather than texts or lists."""
    leaves = [leaf for leaf in jax.tree.leaves(specs, is_leaf=is_spec) if not isinstance(leaf, bool)]  # such as `training`
    return bool(leaves) and all(is_spec(leaf) and leaf.dtype != "string" for leaf in leaves)


def _marking(build: Callable[..., None]) -> Callable[..., None]:
    """A `build` that also marks the layer as built, since an outer layer's `build` may call it directly."""

    @functools.wraps(build)
    def build_and_mark(self: Layer, *args: Tree, **kwargs: Tree) -> None:
        if not args and [*kwargs] == ["input_shape"]:  # the first shape may have another name here
            args, kwargs = (kwargs["input_shape"],), {}
        self._build_shapes = (*args, *kwargs.values())
        try:
            with current().named(self._settle()):
                build(self, *args, **kwargs)
        except TypeError as error:
            name_public_class(error, self)
            raise
        self.built = True

    return build_and_mark


Layer.build.is_default = True  # type: ignore[attr-defined]
Layer.forward.is_base = True  # type: ignore[attr-defined]
Layer.__init__.is_base = True  # type: ignore[attr-defined]
Layer._plan = read_plan(Layer, Layer)

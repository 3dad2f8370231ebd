"""`Sequential`: a stack of layers, one input and one output each.

As soon as the shape of the input is known, from an `Input`, an `input_shape=` or the first batch, the stack is a graph like
any other; until then it is a list. The input may be a list or dict of arrays, if the first layer takes one: such a stack is a
graph from its first batch on.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from typing import Any

import jax
import jax.numpy as jnp

from jkeras._base.config import floatx
from jkeras._base.configurable import deserialize, full_config, in_todays_words
from jkeras._base.dtypes import is_float
from jkeras._base.errors import FileFormatError, UnsafeFileError, describe
from jkeras._base.registry import custom_object_scope, export
from jkeras._base.types import Array, Config, CustomObjects, Tree
from jkeras.graph import KerasTensor, Spec
from jkeras.graph.keras_tensor import Operation, is_symbolic
from jkeras.graph.spec import is_spec
from jkeras.layer.base import Layer
from jkeras.layer.config_face import build_as_written
from jkeras.layer.host_layer import HostLayer
from jkeras.layers.embedding import Embedding
from jkeras.layers.input import InputLayer
from jkeras.models.functional import Functional
from jkeras.models.model import check_unique_names
from jkeras.state.scope import current
from jkeras.training.trainer import Trainer


@export("keras.Sequential", "keras.models.Sequential")
class Sequential(Functional):
    """A stack of layers.

    Args:
        layers: a list of layers; more can follow with `add`.
        trainable, name: as every layer.

    Example:
        >>> from jkeras.layers import Dense
        >>> model = Sequential([Dense(8, activation="relu", input_shape=(4,)), Dense(2)])
        >>> model.output_shape, model.count_params()
        ((None, 2), 58)
    """

    def __init__(self, layers: Iterable[object] | None = None, trainable: bool = True, name: str | None = None):
        Layer.__init__(self, trainable=trainable, name=name)
        self._trainer = Trainer(self)
        self._stack: list[Layer] = []
        self._input_layer: InputLayer | None = None
        self._input_given = False  # as an `Input`, not as an argument of the first layer
        self._input_read = False  # taken from the first data
        self._nested_input: Tree = None  # of a first layer that takes several arrays
        self._operations: list[Operation] = []
        self._trail: list[tuple[Layer, Tree]] = []  # the layers of the graph with their outputs
        for layer in layers or []:
            self._append(layer)
        self._rebuild()

    def add(self, layer: object, rebuild: bool = True) -> None:
        """Put a layer, an `Input` or a model on top of the stack.

        Raises:
            TypeError: it is none of these.
            ValueError: a layer of this name is there already.
        """
        self._append(layer)
        if rebuild:
            self._rebuild()

    def add_loss(self, loss: object) -> None:
        """Add a scalar, or a list of them, to what training minimises; from `call`."""
        Layer.add_loss(self, loss)  # a stack has no symbolic losses: its graph changes with its layers

    def add_metric(self, value: object, name: str | None = None, aggregation: str | None = "mean") -> None:
        """Report a value in the logs, from `call`."""
        Layer.add_metric(self, value, name, aggregation)

    def pop(self, rebuild: bool = True) -> Layer:
        """Take the top layer off the stack and return it."""
        if not self._stack:
            raise ValueError(f"Sequential {self.name!r} has no layers to pop.")
        layer = self._stack.pop()
        if not self._stack and not self._input_given:
            self._input_layer, self._nested_input, self._trail = None, None, []
        if rebuild:
            self._rebuild()
        return layer

    def _append(self, layer: object) -> None:
        if isinstance(layer, KerasTensor) and layer.node is not None and isinstance(layer.node.operation, InputLayer):
            layer = layer.node.operation
        if isinstance(layer, InputLayer):
            if self._input_layer is not None or self._stack:
                raise ValueError(f"Sequential {self.name!r} has its input already. An Input comes first, and once.")
            self._input_layer, self._input_given = layer, True
            return
        if not isinstance(layer, Layer):
            raise TypeError(
                f"Sequential takes layers. Received: {layer!r} of type {type(layer).__name__}. "
                "Wrap a function as layers.Lambda or jkeras.layers.Activation(function)."
            )
        check_unique_names(f"Sequential {self.name!r}", [*self._stack, layer])
        if not self._stack and self._input_layer is None:
            self._input_layer = self._input_of(layer)
        self._stack.append(layer)

    def _input_of(self, layer: Layer) -> InputLayer | None:
        shape = layer._batch_input_shape
        if shape is None and isinstance(layer, Functional) and layer._has_graph and layer.built:
            if len(layer.inputs) != 1:
                raise ValueError(f"Sequential takes models of one input; {layer.name!r} has {len(layer.inputs)}.")
            shape = layer.inputs[0].shape
        if shape is None:
            return None
        return InputLayer(batch_shape=shape, dtype=_input_dtype(layer), name=f"{layer.name}_input")

    def _rebuild(self) -> None:
        """The graph of the stack, where its input is known."""
        self.built = False
        self._operations = list(self._stack)
        self._trainer.forget()
        inputs = self._nested_input if self._input_layer is None else self._input_layer.output
        if inputs is None or not self._stack:
            return
        outputs = inputs
        # The graph grows at its end, so the layers before keep their only node, hence `layer.output`.
        trail: list[tuple[Layer, Tree]] = []
        with current().named(self._settle()):
            for i, layer in enumerate(self._stack):
                known = i < len(self._trail) and self._trail[i][0] is layer
                outputs = self._trail[i][1] if known else layer(outputs)
                if isinstance(outputs, (list, tuple)) and len(outputs) == 1:  # of a model with a list of one output
                    outputs = outputs[0]
                trail.append((layer, outputs))
        self._trail = trail
        self._structure = inputs, outputs
        self.__dict__.pop("_program", None)
        self.built = True
        self._trainer.claim()

    def _ensure_built(self, specs: tuple[Tree, ...], kwargs: dict[str, Tree], lenient: bool = False) -> None:
        if self.built:
            return
        if not self._stack:
            raise ValueError(f"Sequential {self.name!r} has no layers. Add one, for example model.add(layers.Dense(1)).")
        first, on_host = self._stack[0], self._stack[0]._passes_strings()
        self._trail = []
        if is_spec(specs[0]):
            shape = (None, *specs[0].shape[1:]) if len(specs[0].shape) > 1 or on_host else (None, 1)
            dtype = specs[0].dtype if on_host else _input_dtype(first)
            self._input_layer = InputLayer(batch_shape=shape, dtype=dtype, name=f"{first.name}_input")
        else:
            self._nested_input = _nested_input(specs[0], first.name)
        try:
            self._rebuild()
        finally:
            self._input_read = self.built
            if not self.built:
                self._input_layer = self._nested_input = None

    def _fit_to(self, tensor: KerasTensor, array: Tree) -> Array | None:
        if self._input_read and len(tensor.shape) == array.ndim:
            # This shape was only seen in data: the next data may be longer, and layers check what they take.
            dtype = tensor.dtype if self._nested_input is None else str(array.dtype)
            tensor = KerasTensor((None,) * array.ndim, dtype, name=tensor.name)
        return super()._fit_to(tensor, array)

    def _sublayers(self) -> list[Layer]:
        """The layers of the stack, without the input."""
        return list(self._stack)

    def _keras_layers(self) -> list[Layer]:
        return [*([] if self._input_layer is None else [self._input_layer]), *self._stack]

    @property
    def inputs(self) -> list[KerasTensor]:
        """The symbolic input, as a list; needs a known shape."""
        self._require_built("inputs", "model.build(input_shape)")
        return super().inputs

    @property
    def input(self) -> Tree:
        """The symbolic input."""
        self._require_built("input", "model.build(input_shape)")
        return self._structure[0]

    @property
    def output(self) -> Tree:
        """The symbolic output."""
        self._require_built("output", "model.build(input_shape)")
        return self._structure[1]

    @property
    def output_names(self) -> list[str]:
        """The name of the last layer."""
        return [self._stack[-1].name] if self._stack else []

    def get_config(self) -> dict[str, Any]:
        """Name and the layers' configs, the input first where it is known."""
        layers = ([self._input_layer] if self._input_layer is not None else []) + self._stack
        config = {"name": self.name, "trainable": self.trainable, "layers": [full_config(layer) for layer in layers]}
        if self._nested_input is not None:  # which no entry of the layers stands for
            config["build_input_shape"] = self._input_shapes()
        return config

    def get_build_config(self) -> dict[str, Tree] | None:
        """The shape of the input, with which `build_from_config` makes the weights of a stack that begins without an `Input`.

        Returns:
            `{"input_shape": shape}`; None before the model is built.
        """
        return {"input_shape": self._input_shapes()} if self.built else None

    def _input_shapes(self) -> Tree:
        return jax.tree.map(lambda tensor: list(tensor.shape), self._structure[0], is_leaf=is_symbolic)

    @classmethod
    def from_config(cls, config: Config, custom_objects: CustomObjects = None) -> Sequential:
        """A model from what `get_config` gave.

        Raises:
            FileFormatError: it has no name or no list of layers, or an entry of these is not a layer.
        """
        with custom_object_scope(custom_objects), in_todays_words(config, cls) as todays:
            entries = todays.get("layers") if isinstance(todays, Mapping) else None
            if not isinstance(entries, list) or "name" not in todays:
                raise FileFormatError(
                    f"The config of a Sequential is a dict with 'name' and a list 'layers'. Found: {describe(config)}."
                )
            layers = [deserialize(layer, custom_objects) for layer in entries]
        for layer, entry in zip(layers, entries):
            if not isinstance(layer, Layer):
                raise UnsafeFileError(f"The layers of a Sequential are layers. Its config makes {describe(layer)}.")
            build_as_written(layer, entry)
        model = cls(layers, trainable=todays.get("trainable", True) is not False, name=todays.get("name"))
        if not model.built and todays.get("build_input_shape") is not None:
            model.build_from_config({"input_shape": todays["build_input_shape"]})
        for layer, entry in zip(layers, entries) if not model.built else ():  # which were built one by one
            layer.build_from_config(entry.get("build_config") if isinstance(entry, Mapping) else None)
        return model


def _nested_input(specs: Tree, name: str) -> Tree:
    """Symbolic inputs for a list or dict of arrays, of which only the batch size is open."""
    numbers = itertools.count()

    def one(spec: Spec) -> KerasTensor:
        return InputLayer(batch_shape=(None, *spec.shape[1:]), dtype=spec.dtype, name=f"{name}_input_{next(numbers)}").output

    return jax.tree.map(one, specs, is_leaf=is_spec)


def _input_dtype(layer: Layer) -> str:
    if isinstance(layer, Embedding):
        return "int32"
    if isinstance(layer, Functional) and layer._has_graph and layer.built:
        return layer.inputs[0].dtype
    if isinstance(layer, HostLayer):
        return layer.input_dtype
    dtype = layer.compute_dtype
    return str(jnp.promote_types(dtype, floatx())) if is_float(dtype) else dtype

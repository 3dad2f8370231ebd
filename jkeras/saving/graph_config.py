"""A graph of layers as a config, and the way back.

A config lists the layers; each says from which tensors it was called, once per call. A tensor is named by three things: the layer
that made it, which of that layer's calls it was, and which of the outputs: `["dense", 0, 0]`. Two dialects are read:

* Keras 3: `{"args": [{"class_name": "__keras_tensor__", "config": {"keras_history": ["dense", 0, 0], ...}}], "kwargs": {}}`. If
  the outputs of the model name an inner model, the call is counted from 1. If a layer is in an inner model as well, numbers in
  files of jkeras continue from the calls there (`shared_calls.py` says why); those in files of Keras do not. Keras writes
  `training` for each call, whether it was given or not, and ignores it; here it counts if it was given, so the call says
  `"explicit": ["training"]`.
* Keras 2: `[["dense", 0, 0, {kwargs}], ...]`. All calls of an inner model are counted from 1, because it counts the call that
  made it.

Reading is one walk: a call is made as soon as the tensors that it takes exist. It allocates nothing, since weights stay
descriptions until they are used, and computes nothing, since each call must take a tensor of the graph.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeGuard

import jax
import numpy as np

from jkeras._base.configurable import deserialize, full_config, is_object_config, serialize
from jkeras._base.errors import FileFormatError, UnsafeFileError, describe
from jkeras._base.naming import is_layer_name
from jkeras._base.special_values import encode, is_special
from jkeras._base.types import Config, CustomObjects, Tree
from jkeras.graph import KerasTensor, Node
from jkeras.graph.keras_tensor import symbolic_leaves
from jkeras.layer.base import Layer
from jkeras.layer.config_face import build_as_written
from jkeras.layers.input import InputLayer
from jkeras.saving.array_functions import Operation, call_operation, find_operation, operation_config
from jkeras.saving.model_classes import Functional
from jkeras.saving.nested import parts, with_parts

GRAPH_KEYS = ("layers", "input_layers", "output_layers")
MAX_LAYERS = 10_000
Reference = tuple[str, int, int]

_KERAS2_SHARED = """ tf_keras writes such files, and cannot open them either, if a layer belongs to a model and to one inside it:
what the layer was called with is lost. Build the model in Python as it was, and read the weights with load_weights."""


# writing ------------------------------------------------------------------------------------------------------------


def graph_config(model: Functional) -> dict[str, object]:
    """`{"layers", "input_layers", "output_layers"}` of a model with a graph, in Keras 3's form."""
    return _Writer(model).config()


class _Writer:
    """The names of tensors in one model."""

    def __init__(self, model: Functional):
        self.model = model
        self.nodes = {id(node): node for node in model._program.nodes}
        self.calls: dict[int, int] = {}
        for operation in model._operations:
            own = [node for node in operation._inbound_nodes if id(node) in self.nodes]
            self.calls.update((id(node), i) for i, node in enumerate(own))
        self.cut = {id(model._program.inputs[position]): layer for position, layer in model._cut_inputs.items()}

    def config(self) -> dict[str, object]:
        inputs, outputs = self.model._structure
        return {
            "layers": [self._entry(operation) for operation in self.model._operations],
            "input_layers": _map_tensors(inputs, self._reference),
            "output_layers": _map_tensors(outputs, self._output_reference),
        }

    def _entry(self, operation: Any) -> Config:
        nodes = [node for node in operation._inbound_nodes if id(node) in self.nodes and node.inputs]
        if not isinstance(operation, Layer):
            return operation_config(nodes[0], self._argument)
        return {**full_config(operation), "name": operation.name, "inbound_nodes": [self._call(node) for node in nodes]}

    def _call(self, node: Node) -> Config:
        args, kwargs = _options_by_name(node)
        call = {"args": self._argument(args), "kwargs": self._argument(kwargs)}
        return {**call, "explicit": ["training"]} if node.kwargs.get("training") is not None else call

    def _reference(self, tensor: KerasTensor) -> list[Any]:
        if id(tensor) in self.cut:
            return [self.cut[id(tensor)].name, 0, 0]
        node: Any = tensor.node
        return [node.operation.name, self.calls[id(node)], tensor.index]

    def _output_reference(self, tensor: KerasTensor) -> list[object]:
        name, call, index = self._reference(tensor)
        inner = tensor.node is not None and id(tensor) not in self.cut and counts_from_one(tensor.node.operation)
        return [name, call + 1 if inner else call, index]

    def _argument(self, value: object) -> object:
        if isinstance(value, KerasTensor):
            config = {"shape": list(value.shape), "dtype": value.dtype, "keras_history": self._reference(value)}
            return {"class_name": "__keras_tensor__", "config": config}
        if isinstance(value, (list, tuple, Mapping)):
            return with_parts(value, self._argument)
        return encode(np.asarray(value)) if isinstance(value, (np.ndarray, jax.Array)) else serialize(value)


def _options_by_name(node: Any) -> tuple[list[Tree], dict[str, Tree]]:
    """The arguments of a layer's call, from the first number, flag or string on by name: Keras takes only tensors by position."""
    args, plan = list(node.args), node.operation._plan
    count = next((i for i, value in enumerate(args) if isinstance(value, (bool, int, float, str))), len(args))
    if plan.takes_more or not count:
        return args, node.kwargs
    return args[:count], {**dict(zip(plan.names[count:], args[count:])), **node.kwargs}


def counts_from_one(operation: object) -> bool:
    """Whether Keras 3 counts the calls of an operation from 1 among the outputs: models with a graph, except stacks."""
    return hasattr(operation, "_program") and not hasattr(operation, "_stack")


def _map_tensors(structure: Tree, write: Callable[[KerasTensor], list[object]]) -> Tree:
    if isinstance(structure, KerasTensor):
        return write(structure)
    return _alike(structure, with_parts(structure, lambda part: _map_tensors(part, write)))


def _alike(structure: object, parts: Tree) -> Tree:
    """The parts as a tuple where they come from one; JSON has lists alone."""
    return tuple(parts) if isinstance(structure, tuple) else parts


# reading ------------------------------------------------------------------------------------------------------------


def read_graph(config: Config, custom_objects: CustomObjects = None) -> tuple[Tree, Tree]:
    """The symbolic inputs and outputs of a graph config.

    Args:
        config: with `layers`, `input_layers` and `output_layers`.
        custom_objects: the user's own classes and functions by name.

    Raises:
        FileFormatError: an entry is not a layer, no call makes a named tensor, or calls depend on each other in a cycle.
    """
    return _Reader(config, custom_objects).structures()


class _Reader:
    """One walk over the calls of a graph."""

    def __init__(self, config: Config, custom_objects: CustomObjects):
        self.config, self.custom_objects = config, custom_objects
        self.entries = self._entries()
        self.operations: dict[str, Layer | Operation] = {name: self._operation(name) for name in self.entries}
        self.legacy: set[str] = set()  # layers whose calls are in Keras 2's dialect
        self.calls = {name: self._calls(name) for name in self.entries}
        self.made: dict[str, list[Node]] = {name: [] for name in self.entries}
        self.from_one: set[str] = set()  # its inner models
        self.before: dict[str, int] = {}  # calls of a layer in inner models, from which the numbers continue
        for name, operation in self.operations.items():
            if isinstance(operation, InputLayer):
                self.made[name].append(operation._inbound_nodes[0])
        self._find_where_counting_begins()

    def _entries(self) -> dict[str, Config]:
        layers = self.config["layers"]
        if not isinstance(layers, list) or not layers:
            raise FileFormatError(f"The 'layers' of a model are a list of configs. Found: {describe(layers)}.")
        if len(layers) > MAX_LAYERS:
            raise UnsafeFileError(f"A model of {len(layers):,} layers; the most that is read is {MAX_LAYERS:,}.")
        entries: dict[str, Config] = {}
        for entry in layers:
            if not is_object_config(entry):
                raise FileFormatError(f"An entry of 'layers' is a dict with 'class_name' and 'config'. Found: {describe(entry)}.")
            inner = entry["config"].get("name") if isinstance(entry["config"], Mapping) else None
            name = entry.get("name", inner)
            if not isinstance(name, str) or name in entries:
                raise FileFormatError(f"Each layer of a model has a name of its own. Found: {describe(name)}.")
            if not is_layer_name(name):
                raise FileFormatError(f"A layer's name is a string without '/' and '\\', and not '.' or '..'. Found: {name!r}.")
            entries[name] = entry
        return entries

    def _operation(self, name: str) -> Layer | Operation:
        entry = self.entries[name]
        known = find_operation(entry)
        if known is not None:
            return known
        made = deserialize({k: v for k, v in entry.items() if k != "inbound_nodes"}, self.custom_objects)
        if not isinstance(made, Layer):
            raise UnsafeFileError(
                f"The entry {name!r} of 'layers' is not a layer but {describe(made)}; only layers and array functions of Keras "
                "can be in a graph."
            )
        build_as_written(made, entry)
        return made

    def _calls(self, name: str) -> list[Config]:
        """The calls of a layer, in Keras 3's dialect."""
        calls = self.entries[name].get("inbound_nodes", [])
        if not isinstance(calls, list) or not all(isinstance(call, (list, Mapping)) for call in calls):
            raise FileFormatError(f"The 'inbound_nodes' of layer {name!r} are a list of calls. Found: {describe(calls)}.")
        if isinstance(self.operations[name], InputLayer):
            return []
        if any(isinstance(call, list) for call in calls if call):
            self.legacy.add(name)
        return [self._translated(name, call) if isinstance(call, list) else call for call in calls if call]

    def _translated(self, name: str, call: list[object]) -> Config:
        kwargs: dict[str, object] = {}

        def data(value: object) -> object:
            if _is_reference(value) or _is_constant(value):
                if len(value) == 4:
                    kwargs.update(value[3])
                return value[2] if value[0] == CONSTANT else _tensor_config(value)
            if not isinstance(value, (list, Mapping)):
                raise FileFormatError(f"A call of {name!r} takes {describe(value)}, which names no tensor.")
            return with_parts(value, data)

        def option(value: object) -> object:
            if _is_reference(value) and value[0] in self.entries:  # a list that names no layer is just a list
                return _tensor_config(value)
            return value if is_special(value) or is_object_config(value) else with_parts(value, option)

        # Keras 2 omits the list around a call of one tensor.
        first = [data(value) for value in ([call] if _is_reference(call) or _is_constant(call) else call)]
        named = with_parts(kwargs, option)
        if len(first) > 1 and hasattr(self.operations[name], "return_sequences"):  # a recurrent layer and its first states
            first, named = first[:1], {"initial_state": first[1:], **named}
        return {"args": first if len(first) == 1 else [first], "kwargs": named, "explicit": ["training"]}

    def _find_where_counting_begins(self) -> None:
        used: dict[str, int] = {}
        for name, index, _ in self._references([*self.calls.values()]):
            used[name] = max(used.get(name, 0), index)
        for name, index, _ in _references_in(self.config["output_layers"]):
            used[name] = max(used.get(name, 0), index - self._one_more(name, index))
        # Each written call is used somewhere, so the highest number tells where counting began.
        for name, most in used.items():
            operation = self.operations.get(name)
            if not self.legacy and self.calls.get(name) and isinstance(operation, Layer) and operation._inbound_nodes:
                self.before[name] = max(0, most + 1 - len(self.calls[name]))
        if self.legacy:
            self.from_one = {n for n, most in used.items() if n in self.calls and self.calls[n] and most >= len(self.calls[n])}

    def structures(self) -> tuple[Tree, Tree]:
        """The model's inputs and outputs, after all calls are made."""
        self._make_calls()
        inputs = self._structure(self.config["input_layers"])
        outputs = self._structure(self.config["output_layers"], outputs=True)
        if self.legacy:  # Keras 2 writes lists around a single input and output; they mean nothing
            inputs, outputs = (v[0] if isinstance(v, list) and len(v) == 1 else v for v in (inputs, outputs))
        return inputs, outputs

    def _make_calls(self) -> None:
        """Make the calls in the order of the layers, each as soon as its tensors and the layer's previous call exist."""
        order = {name: i for i, name in enumerate(self.entries)}
        waiting: dict[tuple[str, int], list[str]] = {}
        ready = [(i, name) for name, i in order.items() if self.calls[name]]
        total = sum(len(calls) for calls in self.calls.values())
        heapq.heapify(ready)
        while ready:
            _, name = heapq.heappop(ready)
            call = self.calls[name][len(self.made[name])]
            missing = next((r for r in self._references(call) if r[1] >= len(self.made[r[0]])), None)
            if missing is not None:
                waiting.setdefault(missing[:2], []).append(name)
                continue
            self._make_call(name, call)
            total -= 1
            again = waiting.pop((name, len(self.made[name]) - 1), [])
            if len(self.made[name]) < len(self.calls[name]):
                again.append(name)
            for other in again:
                heapq.heappush(ready, (order[other], other))
        if total:
            stuck = sorted({name for names in waiting.values() for name in names})
            raise FileFormatError(f"The graph has a loop, or takes tensors that nothing makes: {', '.join(stuck[:10])}.")

    def _make_call(self, name: str, call: Config) -> None:
        args, kwargs = self._arguments(name, call)
        if not symbolic_leaves((args, kwargs)):
            raise UnsafeFileError(
                f"A call of {name!r} takes no tensor of the graph, so it would be computed while the file is read."
            )
        operation = self.operations[name]
        if isinstance(operation, Layer):
            outputs = operation(*args, **kwargs)
        else:
            outputs = self._result(name, operation, args, kwargs)
        leaves = symbolic_leaves(outputs)
        node = leaves[0].node if leaves else None
        if node is None:
            raise FileFormatError(f"The call of {name!r} returns no tensor.")
        if not isinstance(operation, Layer):
            node.operation.name = name
            for tensor in node.flat_outputs:
                tensor.name = name
        self.made[name].append(node)

    def _result(self, name: str, operation: Operation, args: list[Tree], kwargs: dict[str, Tree]) -> Tree:
        try:
            return call_operation(operation, self.entries[name]["config"], args, kwargs)
        except FileFormatError:
            raise
        except Exception as error:  # whatever a function raises on wrong arguments
            raise FileFormatError(f"The call of {name!r} asks for what cannot be: {type(error).__name__}: {error}") from error

    # tensors by name -------------------------------------------------------------------------------------------------

    def _references(self, value: object) -> Iterator[Reference]:
        """The tensors that calls take, each with its call's place in `made`."""
        if _is_tensor_config(value):
            yield self._placed(*_history(value))
            return
        for part in parts(value):
            yield from self._references(part)

    def _placed(self, name: str, index: int, place: int) -> Reference:
        if name not in self.entries:
            why = _KERAS2_SHARED if self.legacy else ""
            raise FileFormatError(f"A tensor of layer {name!r} is taken, but the model has no such layer.{why}")
        if isinstance(self.operations[name], InputLayer):
            index = 0
        index -= (name in self.from_one) + self.before.get(name, 0)
        if index < 0 or place < 0:
            raise FileFormatError(f"There is no output {place} of call {index} of layer {name!r}.")
        return name, index, place

    def _tensor(self, name: str, index: int, place: int) -> KerasTensor:
        name, index, place = self._placed(name, index, place)
        nodes = self.made[name]
        if index >= len(nodes) or place >= len(nodes[index].flat_outputs):
            raise FileFormatError(f"Layer {name!r} has no output {place} of call {index}.")
        return nodes[index].flat_outputs[place]

    def _one_more(self, name: str, index: int) -> bool:
        """Whether Keras 3 counts a call that an output names from 1."""
        return index > 0 and bool(self.calls.get(name)) and name not in self.legacy and counts_from_one(self.operations[name])

    def _structure(self, value: object, outputs: bool = False) -> Tree:
        if _is_reference(value):
            name, index, place = value[:3]
            return self._tensor(name, index - (outputs and self._one_more(name, index)), place)
        if not isinstance(value, (list, tuple, Mapping)):
            raise FileFormatError(f"Inputs and outputs of a model are named as ['layer', 0, 0]. Found: {describe(value)}.")
        return _alike(value, with_parts(value, lambda part: self._structure(part, outputs)))

    def _arguments(self, name: str, call: Config) -> tuple[list[Tree], dict[str, Tree]]:
        args, kwargs = self._revive(call.get("args", [])), self._revive(call.get("kwargs", {}))
        if not isinstance(args, (list, tuple)) or not isinstance(kwargs, dict):
            raise FileFormatError(f"A call of {name!r} has a list 'args' and a dict 'kwargs'. Found: {describe(call)}.")
        if isinstance(self.operations[name], Layer) and "training" not in call.get("explicit", ()):
            kwargs.pop("training", None)
        return list(args), kwargs

    def _revive(self, value: object) -> Tree:
        if _is_tensor_config(value):
            return self._tensor(*_history(value))
        if is_special(value) and value["class_name"] == "__tuple__" and isinstance(value["config"], list):
            return tuple(self._revive(v) for v in value["config"])
        if is_special(value) or is_object_config(value):
            return deserialize(value, self.custom_objects)
        return with_parts(value, self._revive)


CONSTANT = "_CONSTANT_VALUE"


def _is_reference(value: object) -> TypeGuard[Sequence[Any]]:
    """`["dense", 0, 0]`, or `["dense", 0, 0, {kwargs}]`."""
    if not isinstance(value, (list, tuple)) or len(value) not in (3, 4) or not isinstance(value[0], str) or value[0] == CONSTANT:
        return False
    numbers = all(isinstance(n, int) and not isinstance(n, bool) for n in value[1:3])
    return numbers and (len(value) == 3 or isinstance(value[3], Mapping))


def _is_constant(value: object) -> TypeGuard[Sequence[Any]]:
    """`["_CONSTANT_VALUE", -1, 2.0, {kwargs}]`."""
    if not isinstance(value, list) or len(value) not in (3, 4) or value[0] != CONSTANT:
        return False
    return len(value) == 3 or isinstance(value[3], Mapping)


def _references_in(value: object) -> Iterator[Reference]:
    if _is_reference(value):
        yield value[0], value[1], value[2]
        return
    for part in parts(value):
        yield from _references_in(part)


def _tensor_config(reference: Sequence[Any]) -> Config:
    return {"class_name": "__keras_tensor__", "config": {"keras_history": list(reference[:3])}}


def _is_tensor_config(value: object) -> TypeGuard[Config]:
    return isinstance(value, Mapping) and value.get("class_name") == "__keras_tensor__"


def _history(value: Config) -> Reference:
    config = value.get("config")
    history = config.get("keras_history") if isinstance(config, Mapping) else None
    if not _is_reference(history):
        raise FileFormatError(f"A tensor is named as {{'keras_history': ['layer', 0, 0]}}. Found: {describe(config)}.")
    return history[0], history[1], history[2]


def is_graph_config(config: object) -> TypeGuard[Config]:
    """Whether a model's config holds a graph."""
    return isinstance(config, Mapping) and all(key in config for key in GRAPH_KEYS)

"""The layout of weights in TensorFlow's checkpoints, and in the checkpoints inside of SavedModels.

    layer_with_weights-0, -1, ...     of a functional or sequential model: its layers that hold weights, in order
    forward_layer/cell/kernel         of other layers and models: attributes, positions in lists, keys of dicts
    variables/0, 1, ...               of layers in a SavedModel: all their weights, in the order of `.h5` files
    optimizer                         `_variables/0, 1, ...`, or for legacy ones slots by name

The built model leads through the graph of objects; where the file has something for it to find, it must have all of it, and
nothing may be left over. Names of layers play no part.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from jkeras._safe_io.stored_array import StoredArray
from jkeras._safe_io.tensor_bundle import TensorBundle
from jkeras.layer.base import Layer
from jkeras.layer.tracking import Tracker, own_variables, walk
from jkeras.optimizers import Optimizer
from jkeras.saving import optimizer_weights
from jkeras.saving.attribute_tree import is_kept_state, paths_below
from jkeras.saving.keras2_order import all_variables, layers_below
from jkeras.saving.layout_keras2 import StoredLayer, match_layer
from jkeras.saving.matching import Plan, assign, check_total
from jkeras.saving.model_classes import Model, is_graph, is_model, model_class
from jkeras.saving.nested import parts
from jkeras.saving.object_graph import ObjectGraph
from jkeras.state.variable import Variable

_LAYER = "layer_with_weights-"
_LAYER_COUNT = """{owner}: has {expected} layers with weights ({names}); the file has {found}"""
_IN_TABLES = {"_lookup_layer", "lookup_table"}  # of layers whose vocabulary is in no array
# What a SavedModel says of each layer besides its attributes.
_OF_KERAS = frozenset({"keras_api", "variables", "trainable_variables", "regularization_losses", "optimizer", "save_counter"}) | {
    "_default_save_signature", "_lookup_layer", "_random_generator", "_states",
}  # fmt: skip


def read_weights(bundle: TensorBundle, model: Model, *, skip_mismatch: bool = False, optimizer: bool = False) -> None:
    """Read a model's weights: all of them, or none if something is wrong.

    Args:
        bundle: the checkpoint.
        model: built.
        skip_mismatch: leave out what does not fit, with a warning.
        optimizer: whether the optimizer's arrays are read too, if there are any.

    Raises:
        FileFormatError: the file is damaged, or of another model; nothing was read then.
    """
    graph = ObjectGraph(bundle)
    root = _model_node(graph, model)
    matching = Matching(graph, Plan(bundle.where, skip_mismatch))
    matching.visit(model, root, "")
    matching.check_left_over()
    assign(matching.plan.read())
    if optimizer and model.optimizer is not None:
        found = [number for node in (root, 0) if (number := graph.follow(node, ["optimizer"])) is not None]
        if found:
            read_optimizer(graph, found[0], model, matching)


def _model_node(graph: ObjectGraph, model: Model) -> int:
    """The number of the model: the root, or what `tf.train.Checkpoint` calls a model.

    A model may have an attribute of that name. Then the root is the model, unless a checkpoint holds a model that itself has it.
    """
    children = graph.node(0).children
    for name in [name for name in ("model", "net", "root") if name in children]:
        is_checkpoint = "save_counter" in children or children.keys() <= {name, "optimizer", "step"}
        if is_checkpoint and (name not in vars(model) or name in graph.node(children[name]).children):
            return children[name]
    return 0


class Matching:
    """The weights of layers and the arrays of a checkpoint.

    Args:
        graph: of the checkpoint.
        plan: gets the pairs.

    Attributes:
        weights: the numbers of the weights' objects.
    """

    def __init__(self, graph: ObjectGraph, plan: Plan):
        self.graph, self.plan = graph, plan
        self.weights: dict[int, int] = {}
        self._seen = set[int]()
        self._visited: list[tuple[Layer, int, str, set[str]]] = []

    def visit(self, layer: Layer, number: int, path: str) -> None:
        """Pair the weights of a layer, and of all layers below it, with what the file has below an object."""
        if id(layer) in self._seen:
            return
        self._seen.add(id(layer))
        children, used = self.graph.node(number).children, set(_OF_KERAS)
        self._visited.append((layer, number, path, used))
        if not is_model(layer) and "keras_api" in children and "variables" in children:
            self._seen.update(id(part) for _, part in walk(layer))
            self._listed(layer, self.graph.listed(children["variables"]))
            used.update(children)
            return
        if is_graph(layer) or isinstance(layer, model_class("Sequential")):
            used.update(name for name in children if name.startswith(("layer-", _LAYER)))
            self._layers(layer, number, path)
        below = paths_below(layer)
        self._own(layer, number, path, {id(part): paths for part, paths in below if isinstance(part, Variable)}, used)
        for part, paths in below:
            if isinstance(part, Layer) and id(part) not in self._seen and not is_kept_state(part):
                used.update(way[0] for way in paths)
                self._part(part, number, path, paths)

    def _listed(self, layer: Layer, numbers: list[int]) -> None:
        """A layer whose weights the file lists."""
        arrays = [array for number in numbers if (array := self.graph.array(number)) is not None]
        match_layer(self.plan, layer, StoredLayer(layer.name, [self.graph.node(n).name for n in numbers], arrays))
        by_key = {self.graph.node(n).key: n for n in numbers}
        for item in self.plan.items[-1:]:
            self.weights.update(
                (id(variable), by_key[a.path]) for variable, a in zip(item.variables, item.stored) if a.path in by_key
            )

    def _layers(self, layer: Layer, number: int, path: str) -> None:
        """The layers of a functional or sequential model."""
        children = self.graph.node(number).children
        numbers = sorted(
            int(name[len(_LAYER) :]) for name in children if re.fullmatch(_LAYER + r"(0|[1-9]\d{0,8})", name, re.ASCII)
        )
        stored = [name for n in numbers if not _IN_TABLES & self.graph.node(children[name := f"{_LAYER}{n}"]).children.keys()]
        layers = [part for part in layers_below(layer) if all_variables(part)]
        if len(stored) != len(layers):
            names, owner = ", ".join(part.name for part in layers[:20]) or "none", f"model {layer.name!r}"
            self.plan.problems.append(_LAYER_COUNT.format(owner=owner, expected=len(layers), names=names, found=len(stored)))
            self._seen.update(id(part) for part in layers)
            return
        for part, name in zip(layers, stored):
            self.visit(part, children[name], f"{path}{name}/")

    def _own(self, layer: Layer, number: int, path: str, ways: dict[int, list[tuple[str, ...]]], used: set[str]) -> None:
        """The weights that a layer itself holds."""
        children = self.graph.node(number).children
        names = {node.name.rpartition("/")[2]: (name,) for name, n in children.items() if (node := self.graph.node(n)).key}
        for variable in own_variables(layer):
            tried = [*ways.get(id(variable), ()), (variable.name,), *filter(None, [names.get(variable.name)])]
            found = next(((way, n, a) for way in tried for n, a in self._arrays(number, way)), None)
            if found is None:
                place, weight = f"{path}{'/'.join(tried[0])}", f"weight {variable.name!r} {variable.shape}"
                self.plan.problems.append(f"layer {layer.name!r}: has {weight}; the file has nothing at {place}")
                continue
            way, at, array = found
            used.add(way[0])
            self.weights[id(variable)] = at
            self.plan.match(f"layer {layer.name!r}", [variable], [array])

    def _arrays(self, number: int, way: tuple[str, ...]) -> Iterator[tuple[int, StoredArray]]:
        at = self.graph.follow(number, way)
        array = None if at is None else self.graph.array(at)
        if at is not None and array is not None:
            yield at, array

    def _part(self, part: Layer, number: int, path: str, paths: list[tuple[str, ...]]) -> None:
        """A layer that an attribute holds."""
        for way in paths:
            at = self.graph.follow(number, way)
            if at is not None:
                self.visit(part, at, f"{path}{'/'.join(way)}/")
                return
        variables = all_variables(part)
        if variables:
            text = f"layer {part.name!r}: has {len(variables)} weights; the file has nothing at {path}{'/'.join(paths[0])}"
            self.plan.problems.append(text)

    def check_left_over(self) -> None:
        """Note weights of the file that the model does not have."""
        known = {number for _, number, _, _ in self._visited} | set(self.weights.values())
        for layer, number, path, used in self._visited:
            for name, child in self.graph.node(number).children.items():
                ours = name in used or _is_no_layer(vars(layer).get(name))
                if not ours and self._has_weights(child, known):
                    self.plan.problems.append(f"layer {layer.name!r}: has nothing for what the file has at {path}{name}")

    def _has_weights(self, number: int, known: set[int]) -> bool:
        """Whether there are numbers at or below an object, but for those `known`, which grow."""
        waiting, found = [number], False
        while waiting:
            at = waiting.pop()
            if at not in known:
                known.add(at)
                found = found or self.graph.kind(at) == "f"
                waiting += self.graph.node(at).children.values()
        return found


def _is_no_layer(value: object) -> bool:
    """Whether an attribute holds metrics or optimizers, whose arrays are no weights of the model."""
    held = parts(value) or (value,)
    return all(isinstance(part, (Tracker, Optimizer)) for part in held)


def read_optimizer(graph: ObjectGraph, number: int, model: Model, matching: Matching) -> None:
    """Read the optimizer's arrays from an object; none, with a warning, if they belong to another optimizer."""
    node = graph.node(number)
    listed = node.children.get("_variables")
    if listed is not None:
        stored = [array for n in graph.listed(listed) if (array := graph.array(n)) is not None]
        chosen = optimizer_weights.choose(model, stored, graph.where, keras2=True) if stored else None
    else:
        slots = {(weight, name): array for weight, name, array in node.slots}

        def find(name: str, variable: Variable | None) -> StoredArray | None:
            at = node.children.get(name) if variable is None else slots.get((matching.weights.get(id(variable), -1), name))
            return None if at is None else graph.array(at)

        chosen = optimizer_weights.choose_slots(model, find, graph.where)
    if chosen is None:
        return
    rate = next((node.children[name] for name in ("_learning_rate", "learning_rate") if name in node.children), None)
    array = None if rate is None else graph.array(rate)
    chosen = chosen if array is None else optimizer_weights.with_rate(chosen, array)
    check_total(graph.where, chosen.stored)
    optimizer_weights.put_state(chosen, optimizer_weights.read_state(chosen))

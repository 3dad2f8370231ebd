"""The tree of attributes by which Keras 3 files store a model's weights.

A layer's place in such a file is the path of attributes that leads to it: `layers/bidirectional/forward_layer/cell`. Elements of
lists, tuples and dicts are named after their class, in snake case and numbered: `layers/dense_1`. Names of layers play no part.

Attributes are visited in the order of their names, private ones last, and a layer is stored where it is met first. So the order
decides where a shared layer is written, and all paths to it count when a file is read. Keras 2 (tf_keras) walks backwards through
the names, and does not number what it has met before; `Walk` knows both.

Losses, metrics and optimizers that a layer holds are in the tree like layers, since they may store something of their own
(`own_state.py`) and may hold layers.

`ATTRIBUTES` lists the attributes that Keras names, or once named, differently from jkeras. A new layer of this kind is one line
there.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Iterator
from typing import Any

from jkeras.layer.base import Layer
from jkeras.layer.tracking import NOT_TRACKED
from jkeras.layers.recurrent.rnn import KeptStates
from jkeras.losses import Loss
from jkeras.metrics import Metric
from jkeras.optimizers import Optimizer
from jkeras.saving.keras2_order import layers_below
from jkeras.saving.model_classes import is_graph, is_model, model_class
from jkeras.saving.nested import parts
from jkeras.state.variable import Variable

_KINDS = (Layer, Loss, Metric, Optimizer)
_LISTS_OF_METRICS = frozenset({"_metrics", "_metrics_list"})  # Keras' own lists, which its files leave out
_HEADS = ("query", "key", "value", "output", "gate")

# Attribute -> names in files, of which the first is written. Looked up along the bases of a class.
ATTRIBUTES: dict[str, dict[str, tuple[str, ...]]] = {
    "MultiHeadAttention": {
        **{f"{head}_dense": (f"{head}_dense", f"_{head}_dense") for head in _HEADS[:4]},
        "gate_dense": ("_gate_dense",),
    },
    "GroupedQueryAttention": {f"{head}_dense": (f"_{head}_dense", f"{head}_dense") for head in _HEADS},
    "BaseDepthwiseConv": {"kernel": ("kernel", "depthwise_kernel")},  # for checkpoints of TensorFlow
    # The layers of a graph; files of Keras 2.12 and 2.13 use the other name.
    "Functional": {"layers": ("layers", "_layer_checkpoint_dependencies")},
}


Branch = tuple[tuple[str, ...], object]  # a step's names in files, of which the first is written, and where it leads


class Walk:
    """How Keras 3, or else tf_keras, walks through attributes.

    Attributes:
        seen: ids of the layers met so far; the caller adds to it.
    """

    def __init__(self, keras2: bool = False):
        self.keras2, self.seen = keras2, set[int]()

    def branches(self, part: object) -> Iterator[Branch]:
        """The steps from a layer, or another part of the tree, to what is directly below it."""
        cls: Any = type(part)
        known = _names_of(cls)
        for attribute in self._order(part):
            value = _value(part, attribute)
            if self.keras2 and attribute == "layers" and is_model(part):
                value = layers_below(part)
            names = known.get(attribute, (attribute,))
            if isinstance(value, _KINDS):
                yield names, value
            elif isinstance(value, (list, tuple, dict)):
                for element, child in self._elements(value, []):
                    yield tuple(f"{name}/{element}" for name in names), child

    def _order(self, part: object) -> list[str]:
        names = sorted(_attributes(part), key=lambda name: (name.startswith("_"), name))
        if self.keras2:
            return sorted(names, reverse=True)
        graph = is_graph(part)  # its layers come before anything that a class adds
        return ["layers", *(name for name in names if name != "layers")] if graph else names

    def _elements(self, container: object, above: list[int]) -> Iterator[tuple[str, object]]:
        """The layers and other parts in a container, with their names in it."""
        used: dict[str, int] = {}
        for item in parts(container):
            if isinstance(item, _KINDS):
                if not (self.keras2 and id(item) in self.seen):
                    yield _numbered(element_name(type(item).__name__), used), item
            elif isinstance(item, (list, tuple, dict)) and not self.keras2 and id(item) not in above:
                inner = _numbered("container", used)
                for name, child in self._elements(item, [*above, id(item)]):
                    yield f"{inner}/{name}", child


def written_places(model: Layer, skip: Iterable[object] = ()) -> list[tuple[str, Any]]:
    """Each layer of a model, the model first, with the place where Keras 3 stores its weights; without the optimizer.

    Args:
        model: with the layers.
        skip: layers that are left out, with what is below them.

    Example:
        >>> from jkeras import Sequential
        >>> from jkeras.layers import Dense
        >>> model = Sequential([Dense(2), Sequential([Dense(3)]), Dense(4)])
        >>> [place for place, _ in written_places(model)]
        ['', 'layers/dense', 'layers/sequential', 'layers/sequential/layers/dense', 'layers/dense_1']
    """
    walk = Walk()
    walk.seen.update(map(id, skip))
    found: list[tuple[str, object]] = []

    def visit(part: object, place: str) -> None:
        walk.seen.add(id(part))
        found.append((place, part))
        for names, child in walk.branches(part):
            if id(child) not in walk.seen:
                visit(child, f"{place}/{names[0]}".lstrip("/"))

    visit(model, "")
    return found


def paths_below(part: Layer) -> list[tuple[Any, list[tuple[str, ...]]]]:
    """The layers and Variables in a part's attributes and in containers there, each once, with the paths that TensorFlow's
    checkpoints have for it: attributes, positions in lists, keys of dicts.

    Example:
        >>> from jkeras import Sequential
        >>> from jkeras.layers import LSTM, Bidirectional
        >>> layer = Bidirectional(LSTM(2, name="lstm"))
        >>> sorted(path for _, paths in paths_below(layer) for path in paths)
        [('backward_layer',), ('forward_layer',)]
    """
    found: dict[int, tuple[Any, list[tuple[str, ...]]]] = {}
    cls: Any = type(part)
    known = _names_of(cls)

    def visit(value: object, path: tuple[str, ...], above: tuple[int, ...]) -> None:
        if isinstance(value, (Layer, Variable)):
            found.setdefault(id(value), (value, []))[1].append(path)
        elif isinstance(value, (list, tuple, dict)) and id(value) not in above:
            for key, item in value.items() if isinstance(value, dict) else enumerate(value):
                visit(item, (*path, str(key)), (*above, id(value)))

    for attribute in sorted({*_attributes(part)} - ({"layers", "loss"} if is_model(part) else set())):
        value = _value(part, attribute)
        for name in known.get(attribute, (attribute,)):
            visit(value, (name,), ())
    return list(found.values())


def element_name(class_name: str) -> str:
    """The name of the first object of a class in a container, as both libraries write it.

    Example:
        >>> element_name("Conv2DTranspose"), element_name("PReLU"), element_name("My_Layer")
        ('conv2d_transpose', 'p_re_lu', 'my__layer')
    """
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", re.sub(r"\W+", "", class_name))
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()


def is_kept_state(layer: object) -> bool:
    """Whether a layer holds what a stateful layer remembers between batches, which Keras does not store."""
    return isinstance(layer, KeptStates)


def _value(part: object, attribute: str) -> object:
    try:
        return getattr(part, attribute, None)
    except Exception:  # a property of a user's class may do anything; one that fails holds no layers
        return None


def _numbered(name: str, used: dict[str, int]) -> str:
    used[name] = used.get(name, -1) + 1
    return f"{name}_{used[name]}" if used[name] else name


@functools.cache
def _names_of(cls: type) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for base in reversed(cls.__mro__):
        found.update(ATTRIBUTES.get(base.__name__, {}))
    return found


def _attributes(part: object) -> Iterable[str]:
    """Names of the attributes that may hold layers: those of the instance, and properties of classes that are not our own."""
    names = set(vars(part)) - NOT_TRACKED - _LISTS_OF_METRICS
    if is_model(part):
        names = (names - _library_attributes()) | {"layers", "loss"}
    for cls in type(part).__mro__:
        if not cls.__module__.startswith("jkeras."):
            shown = [name for name, value in vars(cls).items() if isinstance(value, (property, functools.cached_property))]
            names.update(name for name in shown if not hasattr(model_class("Model"), name))  # `metrics`, say, is the library's
    return names


@functools.cache
def _library_attributes() -> frozenset[str]:
    """What models keep for themselves."""
    return frozenset(vars(model_class("Sequential")())) | {"_structure", "_program", "_graph_losses", "_graph_metrics"}

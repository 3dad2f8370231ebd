"""The text in a layer's box: name and class, and below them, if asked for, activation, shapes, dtype, trainable or not."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from jkeras.graph import Node
from jkeras.layer.base import Layer
from jkeras.layers.input import InputLayer
from jkeras.models.model import Model

_MOST_LINES = 6


class Shown(NamedTuple):
    """What boxes say besides the class, as in the arguments of `plot_model`."""

    shapes: bool = False
    dtype: bool = False
    names: bool = True
    activations: bool = False
    trainable: bool = False


class BoxContent(NamedTuple):
    """The text of one box.

    Attributes:
        name: of the layer; empty if names are not shown.
        kind: its class.
        family: what sort of layer it is, for the colour: the file of `jkeras.layers` that its class comes from.
        rows: labels, each with the lines beside it.
    """

    name: str
    kind: str
    family: str
    rows: tuple[tuple[str, tuple[str, ...]], ...] = ()


def box_content(op: Any, kind: str, calls: Iterable[Node], shown: Shown, shape: str = "?") -> BoxContent:
    """The content of an operation's box.

    Args:
        op: a layer, or an array function of a graph.
        kind: the name of its class.
        calls: its calls in the model.
        shown: what to show.
        shape: the output shape to show if there are no calls to read it from.

    Example:
        >>> from jkeras.layers import Dense, Input
        >>> layer = Dense(2, activation="relu", name="out")
        >>> _ = layer(Input((4,)))
        >>> box_content(layer, "Dense", layer._inbound_nodes, Shown(shapes=True, activations=True)).rows
        (('activation', ('relu',)), ('input', ('(None, 4)',)), ('output', ('(None, 2)',)))
    """
    calls = list(calls)
    rows: list[tuple[str, tuple[str, ...]]] = []
    activation = _activation(op)
    if shown.activations and activation:
        rows.append(("activation", (activation,)))
    if shown.shapes:
        inputs = _lines(str(t.shape) for node in calls for t in node.inputs)
        outputs = _lines(str(t.shape) for node in calls for t in node.flat_outputs)
        if not isinstance(op, InputLayer):
            rows.append(("input", inputs or ("?",)))
        rows.append(("output", outputs or (shape,)))
    if shown.dtype:
        rows.append(("dtype", _lines(str(t.dtype) for node in calls for t in node.flat_outputs) or (op.compute_dtype,)))
    if shown.trainable and isinstance(op, Layer) and op.built and op.weights:
        rows.append(("trainable", ("yes" if op.trainable else "no",)))
    return BoxContent(op.name if shown.names else "", kind, _family(op), tuple(rows))


def _lines(texts: Iterable[str]) -> tuple[str, ...]:
    """Each text once; if there are very many, the first ones and how many more."""
    lines = list(dict.fromkeys(texts))
    if len(lines) > _MOST_LINES:
        lines[_MOST_LINES - 1 :] = [f"and {len(lines) - _MOST_LINES + 1} more"]
    return tuple(lines)


def _activation(op: object) -> str:
    activation = getattr(op, "activation", None)
    if activation is None or isinstance(op, Model):
        return ""
    return str(getattr(activation, "__name__", None) or getattr(activation, "name", None) or type(activation).__name__)


def _family(op: object) -> str:
    if isinstance(op, Model):
        return "model"
    modules = [cls.__module__ for cls in type(op).__mro__]
    return next((m.rpartition(".")[2] for m in modules if m.startswith("jkeras.layers.")), "function")

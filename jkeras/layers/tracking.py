"""What a layer holds: its own weights, and the layers and trackers found in its attributes, lists, tuples and dicts.

The attributes themselves are walked when somebody asks. So a list may grow, an attribute may be replaced, and there is no wrapped
list or dict. Only the order of layers is noted when one is set: Keras counts them in the order in which they came, so those that
are appended to a list come behind what was set before.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from jkeras._base.naming import to_snake_case
from jkeras.state.variable import Variable

Path = tuple[str, ...]
NOT_TRACKED = frozenset(
    {
        "_init_arguments",
        "_inbound_nodes",
        "_last_losses",
        "_boxes",
        "_own",
        "_inventory",
        "_others",
        "_arrived",
        "_parts",
        "_optimizer_known",
    }
)
CONTAINERS = (list, tuple, dict, set)


class KeptState(Variable):
    """What a layer remembers between batches, one entry for each row. It is none of its weights: another model that takes those
    may work on batches of another size."""


class Tracker:
    """Base of what accumulates results over batches: metrics, which stand on a higher floor.

    Attributes:
        name: as in logs.
    """

    name: str

    @property
    def variables(self) -> list[Variable]:
        """What it accumulates in."""
        raise NotImplementedError

    def reset_state(self) -> None:
        """Forget all batches."""
        raise NotImplementedError

    def result(self) -> Any:
        """The value for all batches since the last reset."""
        raise NotImplementedError


OTHERS = "other_variables"  # where `state` keeps variables that no layer holds

# Counts what a length cannot show: attributes of any layer that were set to what may hold a layer, a weight or a tracker.
_changes = 0


def objects_in(value: Any, kind: type, seen: set[int]) -> Iterator[Any]:
    """The objects of a class in a value: itself, or the elements of nested lists, tuples, sets and dicts; each once."""
    if isinstance(value, kind):
        if id(value) not in seen:
            seen.add(id(value))
            yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from objects_in(item, kind, seen)
    elif isinstance(value, (list, tuple, set)):
        for item in value:
            yield from objects_in(item, kind, seen)


def note_arrival(layer: Any, name: str, value: Any, layer_type: type) -> None:
    """Note which layers an attribute brings, behind those that lists and dicts of the layer have got meanwhile.

    Args:
        layer: whose attribute is set.
        name: of the attribute.
        value: a layer or a container.
        layer_type: the class of all layers.
    """
    found = list(objects_in(value, layer_type, set()))
    if not found or name in NOT_TRACKED:
        return
    held = vars(layer)
    held.pop(name, None)  # what is set anew comes last
    grown = [v for k, v in held.items() if isinstance(v, CONTAINERS) and k not in NOT_TRACKED]
    arrived = held.setdefault("_arrived", {})
    for part in (*objects_in(grown, layer_type, set()), *found):
        arrived.setdefault(id(part), part)


def by_arrival(layer: Any, found: list[Any]) -> list[Any]:
    """Layers in the order in which they came; those that nobody noted last.

    Args:
        layer: that holds them.
        found: all that it holds now.
    """
    arrived = layer.__dict__.get("_arrived", {})
    order = {key: i for i, key in enumerate(arrived)}
    found = sorted(found, key=lambda part: order.get(id(part), len(order)))
    layer.__dict__["_arrived"] = {id(part): part for part in found}
    return found


def boxes_in(value: Any) -> Iterator[Variable]:
    """The boxes in a list, tuple or dict."""
    if isinstance(value, Variable):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from boxes_in(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from boxes_in(item)


def own_boxes(layer: Any) -> list[Variable]:
    """The weights a layer itself holds, trainable ones first, each once."""
    found = {id(box): box for box in layer._own}
    for name, value in layer.__dict__.items():
        if name not in NOT_TRACKED and type(value) in (list, tuple, dict):
            found.update((id(box), box) for box in boxes_in(value))
    boxes = list(found.values())
    return [b for b in boxes if b.declared_trainable] + [b for b in boxes if not b.declared_trainable]


def given_name(layer: Any) -> str:
    """A layer's name as `params` has it."""
    name: str = layer.name
    return name


def lasting_name(layer: Any) -> str:
    """A layer's name without the number that depends on how many of its class were made before it in this process.

    Example:
        >>> from types import SimpleNamespace
        >>> class Dense(SimpleNamespace): ...
        >>> lasting_name(Dense(name="dense_7")), lasting_name(Dense(name="head"))
        ('dense', 'head')
    """
    default = to_snake_case(type(layer).__name__)
    return default if re.fullmatch(rf"{re.escape(default)}(_\d+)?", layer.name) else given_name(layer)


def walk(
    layer: Any, path: Path = (), seen: set[int] | None = None, name_of: Callable[[Any], str] = given_name
) -> Iterator[tuple[Path, Any]]:
    """A layer and all layers below it, each once, with their paths; the first layer's own path is empty."""
    seen = seen if seen is not None else set()
    if id(layer) in seen:
        return
    seen.add(id(layer))
    yield path, layer
    used = {box.name for box in layer._own}
    for child in layer._sublayers():
        if id(child) not in seen:
            yield from walk(child, (*path, _unique(name_of(child), used)), seen, name_of)


def weight_entries(layer: Any, lasting: bool = False) -> list[tuple[Path, Variable]]:
    """All weights below a layer with their paths, each once, in Keras' order.

    Args:
        layer: a layer or model.
        lasting: paths for files, which are the same for a model that is made a second time in one process (`dense` again, not
            `dense_1`); else those of `params` and `state`.
    """
    entries: list[tuple[Path, Variable]] = []
    seen: set[int] = set()
    for path, part in walk(layer, name_of=lasting_name if lasting else given_name):
        used: set[str] = set()
        for box in own_boxes(part):
            if id(box) not in seen:
                seen.add(id(box))
                name = "variable" if lasting and box.unnamed else box.name
                entries.append(((*path, _unique(name, used)), box))
    return entries


class Held(NamedTuple):
    """A tracker that a layer holds.

    Attributes:
        path: of the tracker.
        tracker: itself.
        layer: that holds it.
    """

    path: Path
    tracker: Tracker
    layer: Any


def trackers_of(layer: Any) -> list[Held]:
    """The trackers below a layer, each once."""
    seen: set[int] = set()
    found: list[Held] = []
    for path, part in walk(layer):
        used = {box.name for box in part._own} | {child.name for child in part._sublayers()}
        for tracker in part._trackers():
            if id(tracker) not in seen:
                seen.add(id(tracker))
                found.append(Held((*path, _unique(tracker.name, used)), tracker, part))
    return found


def state_entries(layer: Any) -> list[tuple[Path, Variable]]:
    """`weight_entries`, and behind them the variables of the trackers: all that a call of the layer may read or assign."""
    return _with_trackers(weight_entries(layer), trackers_of(layer))


def _with_trackers(weights: list[tuple[Path, Variable]], trackers: list[Held]) -> list[tuple[Path, Variable]]:
    entries = list(weights)
    known = {id(box) for _, box in entries}
    for path, tracker, _ in trackers:
        used: set[str] = set()
        for box in tracker.variables:
            if id(box) not in known:
                known.add(id(box))
                entries.append(((*path, _unique(box.name, used)), box))
    return entries


def _unique(name: str, used: set[str]) -> str:
    candidate, n = name, 0
    while candidate in used:
        n += 1
        candidate = f"{name}_{n}"
    used.add(candidate)
    return candidate


def note_change() -> None:
    """Let every inventory look again."""
    global _changes
    _changes += 1


class Inventory:
    """What a layer holds, found by one walk, for those who ask at every call.

    It is current as long as no attribute that may hold something was set on any layer, and no list or dict that the walk went
    through has grown or shrunk. What is trainable may change from call to call; `look_at_flags` follows that without a walk.

    Attributes:
        weights: as of `weight_entries`.
        entries: as of `state_entries`, and behind them the variables from elsewhere that its programs use.
        layers: the layer and all below it.
        trackers: as of `trackers_of`.
        trained: `{id(box): box}` of the weights that gradient descent changes.
        switches: what a compiled program depends on: which weights and layers are trainable, which rematerialize.
        places: where the entries' values stand in nested `params` and `state`: their numbers in order, and the structure;
            made where it is first needed (`training/transfer.py`).
    """

    trained: dict[int, Variable]
    switches: Any
    places: Any

    def __init__(self, layer: Any):
        self.weights = weight_entries(layer)
        self.trackers = trackers_of(layer)
        self.entries = _with_trackers(self.weights, self.trackers)
        known, used = {id(box) for _, box in self.entries}, set[str]()
        others = [box for box in layer.__dict__.get("_others", {}).values() if id(box) not in known]
        self.entries += [((OTHERS, _unique(box.name, used)), box) for box in others]
        self.layers = [part for _, part in walk(layer)]
        self._below = {id(part): (own_boxes(part), part._sublayers()) for part in self.layers}
        self._flags: Any = None
        self.look_at_flags()
        self._lengths: list[tuple[Any, int]] = []
        for part in self.layers:
            self._lengths += [(held, len(held)) for held in (part.__dict__, part._own, part._boxes)]
            for name, value in part.__dict__.items():
                if name not in NOT_TRACKED:
                    self._measure(value)
        self._changes = _changes

    def _measure(self, value: Any) -> None:
        if isinstance(value, (dict, list, tuple, set)):
            if not isinstance(value, tuple):
                self._lengths.append((value, len(value)))
            for item in value.values() if isinstance(value, dict) else value:
                self._measure(item)

    def own(self, layer: Any) -> list[Variable]:
        """As `own_boxes`, for one of `layers`."""
        return self._below[id(layer)][0]

    def look_at_flags(self) -> None:
        """See what is trainable now."""
        flags = [box.trainable for _, box in self.weights], [(part._trainable, part._remat) for part in self.layers]
        if flags != self._flags:
            self._flags, self.places = flags, None
            self.trained = self._trained(self.layers[0])
            self.switches = (tuple(self.trained), tuple(flags[1]))

    def _trained(self, layer: Any) -> dict[int, Variable]:
        if not layer._trainable:
            return {}
        boxes, below = self._below[id(layer)]
        found = {id(box): box for box in boxes if box.trainable and _has_gradient(box)}
        for child in below:
            found.update(self._trained(child))
        return found

    def is_current(self) -> bool:
        """Whether a walk would find the same."""
        return self._changes == _changes and all(len(held) == length for held, length in self._lengths)


def _has_gradient(box: Variable) -> bool:
    """Whether a box holds numbers that a gradient could change; a counter is often made without `trainable=False`."""
    return not box.dtype.startswith(("int", "uint", "bool"))


def inventory(layer: Any) -> Inventory:
    """What a layer holds; walked again only when something has changed."""
    kept: Inventory | None = layer.__dict__.setdefault("_inventory", None)
    if kept is None or not kept.is_current():
        kept = layer.__dict__["_inventory"] = Inventory(layer)
    else:
        kept.look_at_flags()
    return kept

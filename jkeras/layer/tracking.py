"""What a layer holds: its own weights, and the layers and trackers in its attributes, lists, tuples and dicts.

A walk over the attributes finds them whenever somebody asks, so lists may grow, attributes may be replaced, and no list or dict
is wrapped. Only the order of layers is recorded as they are set: Keras counts them in order of arrival, so layers appended to a
list come after what was set before.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence, Sized
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import jax

from jkeras._base import paths
from jkeras._base.naming import to_snake_case
from jkeras._base.types import Tree
from jkeras.state.variable import Variable

if TYPE_CHECKING:
    from jkeras.layer.base import Layer

T = TypeVar("T")
Path = tuple[str, ...]
Entry = tuple[Path, Variable]
NOT_TRACKED = frozenset(
    {
        "_init_arguments",
        "_inbound_nodes",
        "_last_losses",
        "_own",
        "_inventory",
        "_others",
        "_seed_state",
        "_arrived",
        "_parts",
        "_optimizer_known",
    }
)
CONTAINERS = (list, tuple, dict, set)


class KeptState(Variable):
    """What a layer remembers between batches, one entry for each row. It does not count as a weight: another model with the same
    weights may use another batch size."""


class Tracker:
    """Base of what accumulates results over batches: metrics, which live on a higher floor.

    Attributes:
        name: in logs.
    """

    name: str

    @property
    def variables(self) -> list[Variable]:
        """Where it accumulates."""
        raise NotImplementedError

    def reset_state(self) -> None:
        """Forget all batches."""
        raise NotImplementedError

    def result(self) -> Tree:
        """The value for all batches since the last reset."""
        raise NotImplementedError


OTHERS = "other_variables"  # where `state` keeps variables that no layer holds

# Counts changes that no length shows: an attribute of any layer was set to something that may hold a layer, weight or tracker.
_changes = 0


def objects_in(value: object, kind: type[T], seen: set[int]) -> Iterator[T]:
    """The objects of a class in a value (itself, or elements of nested lists, tuples, sets and dicts), each once."""
    if isinstance(value, kind):
        if id(value) not in seen:
            seen.add(id(value))
            yield value
    elif isinstance(value, (dict, list, tuple, set)) and id(value) not in seen:
        seen.add(id(value))  # a list may hold itself
        for item in value.values() if isinstance(value, dict) else value:
            yield from objects_in(item, kind, seen)


def note_arrival(layer: object, name: str, value: object, layer_type: type) -> None:
    """Record which layers an attribute brings, after those that lists and dicts of the layer have gained meanwhile.

    Args:
        layer: whose attribute is set.
        name: of the attribute.
        value: a layer or a container.
        layer_type: the base class of layers.
    """
    found: list[object] = list(objects_in(value, layer_type, set()))
    if not found or name in NOT_TRACKED:
        return
    held = vars(layer)
    held.pop(name, None)  # what is set again comes last
    grown = [v for k, v in held.items() if isinstance(v, CONTAINERS) and k not in NOT_TRACKED]
    arrived = held.setdefault("_arrived", {})
    for part in (*objects_in(grown, layer_type, set()), *found):
        arrived.setdefault(id(part), part)


def by_arrival(layer: object, found: list[T]) -> list[T]:
    """Layers in order of arrival; those without a record come last.

    Args:
        layer: that holds them.
        found: all that it holds now.
    """
    arrived = vars(layer).get("_arrived", {})
    order = {key: i for i, key in enumerate(arrived)}
    found = sorted(found, key=lambda part: order.get(id(part), len(order)))
    vars(layer)["_arrived"] = {id(part): part for part in found}
    return found


def own_variables(layer: Layer) -> list[Variable]:
    """The weights that a layer itself holds, each once, trainable ones first."""
    found = {id(variable): variable for variable in layer._own}
    for name, value in layer.__dict__.items():
        if name not in NOT_TRACKED and type(value) in (list, tuple, dict):
            found.update((id(variable), variable) for variable in objects_in(value, Variable, set()))
    variables = list(found.values())
    return [b for b in variables if b.declared_trainable] + [b for b in variables if not b.declared_trainable]


def given_name(layer: Layer) -> str:
    """A layer's name, as in `params`."""
    return layer.name


def lasting_name(layer: Layer) -> str:
    """A layer's name without the number that counts how many of its class this process made before it.

    Example:
        >>> from types import SimpleNamespace
        >>> class Dense(SimpleNamespace): ...
        >>> lasting_name(Dense(name="dense_7")), lasting_name(Dense(name="head"))
        ('dense', 'head')
    """
    default = to_snake_case(type(layer).__name__)
    return default if re.fullmatch(rf"{re.escape(default)}(_\d+)?", layer.name) else given_name(layer)


def walk(
    layer: Layer, path: Path = (), seen: set[int] | None = None, name_of: Callable[[Layer], str] = given_name
) -> Iterator[tuple[Path, Layer]]:
    """A layer and all layers below it, each once, with their paths; the path of the first one is empty."""
    seen = seen if seen is not None else set()
    if id(layer) in seen:
        return
    seen.add(id(layer))
    yield path, layer
    used = {variable.name for variable in layer._own}
    for child in layer._sublayers():
        if id(child) not in seen:
            yield from walk(child, (*path, _unique(name_of(child), used)), seen, name_of)


def weight_entries(layer: Layer, lasting: bool = False) -> list[Entry]:
    """All weights below a layer with their paths, each once, in Keras' order.

    Args:
        layer: a layer or model.
        lasting: paths for files, which stay the same when one process makes a model twice (`dense` again, not `dense_1`); by
            default those of `params` and `state`.
    """
    parts = walk(layer, name_of=lasting_name if lasting else given_name)
    return _with_variables([], ((path, own_variables(part)) for path, part in parts), lasting)


class Held(NamedTuple):
    """A tracker that a layer holds.

    Attributes:
        path: of the tracker.
        tracker: itself.
        layer: that holds it.
    """

    path: Path
    tracker: Tracker
    layer: Layer


def trackers_of(layer: Layer) -> list[Held]:
    """The trackers below a layer, each once."""
    seen: set[int] = set()
    found: list[Held] = []
    for path, part in walk(layer):
        used = {variable.name for variable in part._own} | {child.name for child in part._sublayers()}
        for tracker in part._trackers():
            if id(tracker) not in seen:
                seen.add(id(tracker))
                found.append(Held((*path, _unique(tracker.name, used)), tracker, part))
    return found


def state_entries(layer: Layer) -> list[Entry]:
    """`weight_entries`, then the variables of the trackers: all that a call of the layer may read or assign."""
    return _with_trackers(weight_entries(layer), trackers_of(layer))


def _with_trackers(weights: list[Entry], trackers: list[Held]) -> list[Entry]:
    return _with_variables(weights, ((held.path, held.tracker.variables) for held in trackers))


def _with_variables(entries: list[Entry], more: Iterable[tuple[Path, Iterable[Variable]]], lasting: bool = False) -> list[Entry]:
    """Entries, and those of the variables that are not among them, each once."""
    entries = list(entries)
    known = {id(variable) for _, variable in entries}
    for path, variables in more:
        used: set[str] = set()
        for variable in variables:
            if id(variable) not in known:
                known.add(id(variable))
                name = "variable" if lasting and variable.unnamed else variable.name
                entries.append(((*path, _unique(name, used)), variable))
    return entries


def _unique(name: str, used: set[str]) -> str:
    candidate, n = name, 0
    while candidate in used:
        n += 1
        candidate = f"{name}_{n}"
    used.add(candidate)
    return candidate


def note_change() -> None:
    """Make every inventory look again."""
    global _changes
    _changes += 1


class Inventory:
    """What a layer holds, found by one walk, for code that asks at every call.

    It stays current until an attribute that may hold something is set on any layer, or a list or dict below grows or shrinks.
    What is trainable may change from call to call; `look_at_flags` follows that without a walk.

    Attributes:
        weights: as from `weight_entries`.
        entries: as from `state_entries`, then the variables from elsewhere that its programs use.
        layers: the layer and all below it.
        takes_strings: whether one of the layers does.
        trackers: as from `trackers_of`.
        trained: `{id(variable): variable}` of the weights that gradient descent changes.
        switches: what a compiled program depends on: ids of the trained weights, and for each layer whether it is trainable,
            how it rematerializes, and what it gives the program as constants.
    """

    trained: dict[int, Variable]
    switches: tuple[object, ...]
    _structure: jax.tree_util.PyTreeDef

    def __init__(self, layer: Layer):
        self.weights = weight_entries(layer)
        self.trackers = trackers_of(layer)
        self.entries = _with_trackers(self.weights, self.trackers)
        known, used = {id(variable) for _, variable in self.entries}, set[str]()
        others = [variable for variable in layer.__dict__.get("_others", {}).values() if id(variable) not in known]
        self.entries += [((OTHERS, _unique(variable.name, used)), variable) for variable in others]
        self.layers = [part for _, part in walk(layer)]
        self.takes_strings = any(part.takes_strings for part in self.layers)
        self._below = {id(part): (own_variables(part), part._sublayers()) for part in self.layers}
        self._flags: object = None
        self.look_at_flags()
        self._lengths: list[tuple[Sized, int]] = []
        measured: set[int] = set()
        for part in self.layers:
            self._lengths += [(held, len(held)) for held in (part.__dict__, part._own)]
            for name, value in part.__dict__.items():
                if name not in NOT_TRACKED:
                    self._measure(value, measured)
        self._changes = _changes

    def _measure(self, value: object, measured: set[int]) -> None:
        if isinstance(value, (dict, list, tuple, set)) and id(value) not in measured:
            measured.add(id(value))
            if not isinstance(value, tuple):
                self._lengths.append((value, len(value)))
            for item in value.values() if isinstance(value, dict) else value:
                self._measure(item, measured)

    def own(self, layer: Layer) -> list[Variable]:
        """`own_variables` of one of `layers`."""
        return self._below[id(layer)][0]

    def look_at_flags(self) -> None:
        """Read again what is trainable."""
        of_layers = [(part._trainable, part._remat, part._program_constants) for part in self.layers]
        flags = [variable.trainable for _, variable in self.weights], of_layers
        if flags != self._flags:
            self._flags = flags
            self.trained = self._trained(self.layers[0])
            sides = [id(variable) in self.trained for _, variable in self.entries]
            halves = tuple(
                paths.nest((path, i) for i, ((path, _), side) in enumerate(zip(self.entries, sides)) if side is wanted)
                for wanted in (True, False)
            )
            self._order, self._structure = jax.tree.flatten(halves)
            self.switches = (tuple(self.trained), tuple(flags[1]))

    def _trained(self, layer: Layer) -> dict[int, Variable]:
        if not layer._trainable:
            return {}
        variables, below = self._below[id(layer)]
        # No gradient changes an integer; counters are often made without `trainable=False`.
        fixed = ("int", "uint", "bool")
        found = {id(variable): variable for variable in variables if variable.trainable and not variable.dtype.startswith(fixed)}
        for child in below:
            found.update(self._trained(child))
        return found

    def nested(self, values: Sequence[Tree]) -> tuple[dict[str, Tree], dict[str, Tree]]:
        """Nested `params` and `state` of values in the order of `entries`."""
        params, state = self._structure.unflatten([values[i] for i in self._order])
        return params, state

    def flat(self, params: Tree, state: Tree) -> list[Tree]:
        """The values of nested `params` and `state` in the order of `entries`."""
        values: list[Tree] = [None] * len(self._order)
        for i, value in zip(self._order, self._structure.flatten_up_to((params, state)), strict=True):
            values[i] = value
        return values

    def is_current(self) -> bool:
        """Whether another walk would find the same."""
        return self._changes == _changes and all(len(held) == length for held, length in self._lengths)


def inventory(layer: Any) -> Inventory:
    """What a layer holds, by a new walk only if something has changed."""
    kept: Inventory | None = layer.__dict__.setdefault("_inventory", None)
    if kept is None or not kept.is_current():
        kept = layer.__dict__["_inventory"] = Inventory(layer)
    else:
        kept.look_at_flags()
    return kept

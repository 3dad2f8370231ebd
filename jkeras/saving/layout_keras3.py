"""The layout of Keras 3's weights files (`.weights.h5`, and `model.weights.h5` in a `.keras`).

    layers/dense/vars/0, 1, ...                a layer's own weights, trainable ones first
    layers/bidirectional/forward_layer/cell/vars/0 ...
    optimizer/vars/0, 1, ...                   iteration, learning rate, slots

Where a layer stands is the business of `attribute_tree`. tf_keras writes the same layout, and tells itself apart by an empty
`vars` at the top that has no name. What stateful layers keep between batches Keras does not store; it goes into `_kept/vars`,
which Keras passes over.
"""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np

from jkeras.layers.base import Layer
from jkeras.layers.tracking import own_boxes
from jkeras.optimizers import LossScaleOptimizer
from jkeras.saving import optimizer_weights
from jkeras.saving.attribute_tree import Walk, is_kept_state, written_places
from jkeras.saving.hdf5_door import StoredArray, write_array
from jkeras.saving.matching import HostValues, Plan, assign, fits, misfit

_OTHER_OPTIMIZER = """{where}: the file's optimizer has {count} arrays that do not fit {optimizer!r}, which starts afresh. Compile
the model as it was compiled when it was saved, and load again."""


class Group(Protocol):
    """What is read here: a group of one file, or of several as one."""

    def verify(self) -> None: ...

    def names(self) -> list[str]: ...

    def group(self, name: str) -> Any: ...

    def array(self, name: str) -> StoredArray | None: ...

    def attribute(self, name: str, default: Any = None) -> Any: ...


class Part(NamedTuple):
    """A `vars` group to write.

    Args:
        place: the group above it.
        name: of the layer or optimizer.
        arrays: one function for each array, which gives it.
    """

    place: str
    name: str
    arrays: Sequence[Callable[[], np.ndarray]]


@contextlib.contextmanager
def parts_to_write(model: Any, optimizer: bool) -> Iterator[Iterator[Part]]:
    """All that is to be written, in order; the arrays stay where they are until the block ends.

    Args:
        model: built.
        optimizer: whether the optimizer's arrays are among them.
    """
    with HostValues(model.weights) as value:
        yield _parts(model, value, optimizer)


def write(group: Any, model: Any, *, optimizer: bool = True) -> None:
    """Write a model's weights.

    Args:
        group: h5py's group.
        model: built.
        optimizer: whether the optimizer's arrays go along, once it has any.
    """
    with parts_to_write(model, optimizer) as parts:
        for part in parts:
            stored = group.create_group(f"{part.place}/vars".lstrip("/"))
            stored.attrs["name"] = part.name
            for i, array in enumerate(part.arrays):
                write_array(stored, str(i), array())


def read(group: Group, model: Any, *, skip_mismatch: bool = False, optimizer: bool = True, where: str) -> None:
    """Read a model's weights: all of them, or, where something is wrong, none.

    Args:
        group: of the file.
        model: built.
        skip_mismatch: leave out layers that do not fit, with a warning.
        optimizer: whether the optimizer's arrays are read too, where the model is compiled and the file has them.
        where: the file, for messages.

    Raises:
        FileFormatError: a layer's weights are missing or have other shapes, or the file is damaged; nothing was read then.
    """
    plan = Plan(where, skip_mismatch)
    candidates = _candidates(model, group)
    for place, layer in written_places(model):
        _match(plan, place, layer, candidates.get(id(layer), []))
    chosen = _optimizer(group, model, where) if optimizer and model.optimizer is not None else None
    if chosen is not None:
        plan.count(chosen.stored)
    pairs = plan.read()
    state = None if chosen is None else optimizer_weights.read_state(chosen)
    group.verify()
    assign(pairs)
    if chosen is not None and state is not None:
        optimizer_weights.put_state(chosen, state)


def _parts(model: Any, value: Callable[[Any], np.ndarray], optimizer: bool) -> Iterator[Part]:
    for place, layer in written_places(model):
        yield Part(place, layer.name, [lambda box=box: value(box) for box in own_boxes(layer)])  # type: ignore[misc]
    if not optimizer:
        return
    listed = [array for _, array in optimizer_weights.to_keras3_list(model)]
    if listed:
        yield Part("optimizer", model.optimizer.name, [lambda array=array: array for array in listed])  # type: ignore[misc]
    if listed and isinstance(model.optimizer, LossScaleOptimizer):
        # Keras finds the optimizer inside a second time.
        inner = [lambda array=array: array for array in listed[4:]]  # type: ignore[misc]
        yield Part("optimizer/inner_optimizer", model.optimizer.inner_optimizer.name, inner)


def _candidates(model: Any, root: Group) -> dict[int, list[Any]]:
    """For each layer the groups of the file that may be its, in the order in which Keras would try them."""
    if _is_keras2(root):
        return _keras2_candidates(model, root)
    walk, found, seen = Walk(), dict[int, list[Any]](), set[tuple[int, str]]()

    def visit(layer: Layer, group: Any, place: str) -> None:
        if (id(layer), place) in seen:
            return
        seen.add((id(layer), place))
        found.setdefault(id(layer), []).append(group)
        for names, child in walk.branches(layer):
            for name in names:
                below = group.group(name)
                if below is not None:
                    visit(child, below, f"{place}/{name}")

    visit(model, root, "")
    return found


def _is_keras2(root: Group) -> bool:
    own = root.group("vars")
    return own is not None and own.attribute("name") is None and not own.names()


def _keras2_candidates(model: Any, root: Group) -> dict[int, list[Any]]:
    walk, found = Walk(keras2=True), dict[int, list[Any]]()

    def visit(layer: Layer, groups: list[Any]) -> None:
        walk.seen.add(id(layer))
        found[id(layer)] = groups
        for names, child in walk.branches(layer):
            if id(child) not in walk.seen:
                below = [group.group(name) for group in groups for name in names]
                visit(child, [group for group in below if group is not None])

    visit(model, [root])
    return found


def _match(plan: Plan, place: str, layer: Layer, groups: list[Any]) -> None:
    """Pair a layer's own weights with the first group that has arrays of their number and shapes."""
    boxes = own_boxes(layer)
    found = [arrays for group in groups if (arrays := _arrays(group)) is not None]
    for arrays in found:
        if fits(boxes, arrays):
            plan.match(layer.name, boxes, arrays)
            return
    if is_kept_state(layer) or (not found and not boxes):  # states of batches of another size are no fault
        return
    owner = f"layer {layer.name!r}"
    if not any(found):
        names = ", ".join(repr(box.name) for box in boxes)
        plan.problems.append(f"{owner}: has the weights {names}; the file has none at {f'{place}/vars'.lstrip('/')}")
        return
    arrays = next(filter(None, found))
    if len(arrays) == len(boxes):
        plan.problems += [text for box, array in zip(boxes, arrays) if (text := misfit(owner, box, array))]
        return
    names = ", ".join(f"{box.name} {box.shape}" for box in boxes) or "none"
    shapes = ", ".join(str(array.shape) for array in arrays)
    there = arrays[0].path.rpartition("/")[0]
    plan.problems.append(f"{owner}: has {len(boxes)} weights ({names}); the file has {len(arrays)} at {there}: {shapes}")


def _arrays(group: Any) -> list[StoredArray] | None:
    """The arrays of a group's `vars`, in order; None where there is no such group."""
    own = group.group("vars")
    if own is None:
        return None
    numbers = sorted((name for name in own.names() if name.isascii() and name.isdecimal() and len(name) < 10), key=int)
    # A name that is listed and leads nowhere is damage; the others then are too few, and their layer is named.
    return [array for name in numbers if (array := own.array(name)) is not None]


def _optimizer(root: Group, model: Any, where: str) -> optimizer_weights.Chosen | None:
    """The file's arrays for the model's optimizer; with a warning None where they are those of another."""
    group = root.group("optimizer")
    stored = None if group is None else _arrays(group)
    if not stored:
        return None
    chosen = optimizer_weights.choose(model, stored)
    if chosen is None:
        text = _OTHER_OPTIMIZER.format(where=where, count=len(stored), optimizer=model.optimizer.name)
        warnings.warn(text, stacklevel=3)
    return chosen

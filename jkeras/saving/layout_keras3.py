"""The layout of Keras 3's weights files (`.weights.h5`, and `model.weights.h5` in a `.keras`).

    layers/dense/vars/0, 1, ...                a layer's own weights, trainable ones first
    layers/bidirectional/forward_layer/cell/vars/0 ...
    layers/table/vars/rows, columns            what a layer's own `save_own_variables` stores
    optimizer/vars/0, 1, ...                   iteration, learning rate, slots

`attribute_tree` says where a layer is stored; `own_state` handles those that store something by methods of their own. tf_keras
writes the same layout, recognizable by a `vars` at the top that has no name. Keras does not store what stateful layers keep
between batches; it goes into `_kept/vars`, which Keras passes over.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from jkeras._base.errors import FileFormatError
from jkeras._base.naming import to_snake_case
from jkeras._safe_io.hdf5 import Group, H5Group, write_array
from jkeras._safe_io.stored_array import StoredArray
from jkeras.layer.base import Layer
from jkeras.layer.tracking import inventory, own_variables
from jkeras.optimizers import LossScaleOptimizer, MultiOptimizer
from jkeras.optimizers.state import unique_names
from jkeras.saving import optimizer_weights
from jkeras.saving.attribute_tree import Walk, is_kept_state, written_places
from jkeras.saving.matching import Plan, assign, fits, host_values
from jkeras.saving.model_classes import Model
from jkeras.saving.own_state import Assets, OwnParts, has, overrides, saved_by
from jkeras.state.variable import Variable
from jkeras.training.run import optimizer_state, read_weights

TRAINING = "jkeras_training"  # the resume state, which Keras passes over
_KEPT = "_kept"  # what a stateful layer remembers; a model that is not stateful reads the other weights all the same
_NO_LAYERS = ("optimizer", "metrics", TRAINING)
_DEEPEST = 100


class Part(NamedTuple):
    """A `vars` group to write: the group above it, the name of the layer or optimizer, and a function that returns each array."""

    place: str
    name: str
    arrays: Mapping[str, Callable[[], np.ndarray]]


@contextlib.contextmanager
def parts_to_write(model: Model, optimizer: bool, skip: Iterable[object] = ()) -> Iterator[Iterator[Part]]:
    """Everything to write, in order; the arrays stay in place until the block ends."""
    with host_values(model.weights) as value:
        yield _parts(model, value, optimizer, skip)


def write(group: H5Group, model: Model, *, optimizer: bool = True, skip: Iterable[object] = ()) -> None:
    """Write a model's weights but for those of the layers to `skip`, and the optimizer's once it has any."""
    with parts_to_write(model, optimizer, skip) as parts:
        for part in parts:
            stored = group.create_group(f"{part.place}/vars".lstrip("/"))
            stored.attrs["name"] = part.name
            for entry, array in part.arrays.items():
                write_array(stored, entry, array())


def read(
    group: Group,
    model: Model,
    *,
    skip_mismatch: bool = False,
    optimizer: bool = True,
    assets: Assets | None = None,
    skip: Iterable[object] = (),
    where: str,
) -> None:
    """Read a model's weights: all of them, or none if something is wrong.

    Args:
        group: of the file.
        model: built.
        skip_mismatch: leave out layers that do not fit, with a warning.
        optimizer: whether the optimizer's arrays are read too, if the model is compiled and the file has them.
        assets: opens the folder with the files that layers wrote; None if there are none.
        skip: layers that keep their weights.
        where: the file, for messages.

    Raises:
        FileFormatError: a layer's weights are missing or have other shapes, or the file is damaged; nothing was read then.
    """
    plan, own = Plan(where, skip_mismatch), OwnParts(places_of(model, optimizer, skip), where, skip_mismatch)
    candidates, keras2 = _candidates(model, group)
    for place, part in written_places(model, skip):
        groups = candidates.get(id(part), [])
        if isinstance(part, Layer) and not overrides(part, "load_own_variables"):
            _match(plan, place, part, groups)
        else:
            own.add(part, groups)
    plan.problems += _left_over(group, {taken.path for groups in candidates.values() for taken in groups})
    stored = group.group("optimizer") if optimizer and model.optimizer is not None else None
    own_optimizer = stored is not None and overrides(model.optimizer, "load_own_variables")
    if stored is not None and own_optimizer:
        own.add(model.optimizer, [stored])
    chosen = None if stored is None or own_optimizer else _optimizer(stored, model, where, keras2)
    pairs = plan.read([*own.arrays(), *(() if chosen is None else chosen.stored)])
    state = None if chosen is None else optimizer_weights.read_state(chosen)
    group.verify()
    with own.files(assets) as folder, own.all_or_nothing(model):
        assign(pairs)
        if own_optimizer:
            model.optimizer.state = optimizer_state(model, inventory(model), read_weights(model)[0])
        own.load(folder)
        if chosen is not None and state is not None:
            optimizer_weights.put_state(chosen, state)


def _parts(model: Model, value: Callable[[Variable], np.ndarray], optimizer: bool, skip: Iterable[object]) -> Iterator[Part]:
    for place, part in written_places(model, skip):
        if has(part, "save_own_variables"):
            yield Part(place, part.name, saved_by(part, value))
    if not optimizer or model.optimizer is None:
        return
    if overrides(model.optimizer, "save_own_variables"):
        yield Part("optimizer", model.optimizer.name, saved_by(model.optimizer, value))
        return
    listed = {str(i): array for i, (_, array) in enumerate(optimizer_weights.to_keras3_list(model))}
    if listed:
        yield Part("optimizer", model.optimizer.name, listed)
    if listed and isinstance(model.optimizer, LossScaleOptimizer):
        # Keras finds the inner optimizer a second time.
        inner = {str(i): array for i, array in enumerate([*listed.values()][4:])}
        yield Part("optimizer/inner_optimizer", model.optimizer.inner_optimizer.name, inner)
    if listed and isinstance(model.optimizer, MultiOptimizer):  # as here
        yield from _of_groups(model.optimizer, [*listed.values()])


def _of_groups(optimizer: MultiOptimizer, arrays: list[Callable[[], np.ndarray]]) -> Iterator[Part]:
    names = unique_names(to_snake_case(type(one).__name__) for one in optimizer.optimizers)
    start = 2  # after the own iteration and learning rate
    for name, one in zip(names, optimizer.optimizers):
        count = len(one.variables)
        yield Part(f"optimizer/optimizers/{name}", one.name, {str(i): a for i, a in enumerate(arrays[start : start + count])})
        start += count


def places_of(model: Model, optimizer: bool, skip: Iterable[object] = ()) -> list[tuple[str, Any]]:
    """All objects that a file may hold something of, with their places in it."""
    return [
        *written_places(model, skip),
        *([("optimizer", model.optimizer)] if optimizer and model.optimizer is not None else ()),
    ]


def _candidates(model: Model, root: Group) -> tuple[dict[int, list[Group]], bool]:
    """For each layer the groups of the file that may be its, in the order in which Keras would try them; and whether that is
    Keras 2.

    Keras 3 has long written names beside the arrays. A file without them is of Keras 2 if it has a group for each layer where
    Keras 2 puts it.
    """
    own = root.group("vars")
    if own is not None and own.attribute("name") is None:
        found = _keras2_candidates(model, root)
        if not own.names() or all(found.get(id(part)) for _, part in written_places(model) if _needs_weights(part)):
            return found, True
    return _keras3_candidates(model, root), False


def groups_with_arrays(root: Group) -> Iterator[Group]:
    """All groups of a file that hold arrays, in `vars`, but for optimizer, training and metrics, which come and go.

    Raises:
        FileFormatError: the groups are nested without end.
    """
    waiting, seen = [(root, 0)], set[Hashable]()
    while waiting:
        group, depth = waiting.pop()
        if group.address in seen:
            continue
        seen.add(group.address)
        if depth > _DEEPEST:
            raise FileFormatError(f"{group.path}: groups are nested deeper than {_DEEPEST} levels.")
        for name in group.names():
            if name == "vars":
                own = group.group(name)
                if own is not None and own.names():
                    yield group
            elif name != _KEPT and (depth or name not in _NO_LAYERS) and group.is_group(name):
                below = group.group(name)
                assert below is not None
                waiting.append((below, depth + 1))


def _left_over(root: Group, taken: set[str]) -> list[str]:
    """What the file holds of layers that the model does not have."""
    found = []
    for group in groups_with_arrays(root):
        arrays = [] if group.path in taken else _arrays(group) or []
        # Scalars, and groups that begin with a count of steps, are metrics and optimizers that are not here.
        if all(array.shape == () for array in arrays) or (arrays[0].shape == () and arrays[0].kind in "iu"):
            continue
        shapes = ", ".join(str(array.shape) for array in arrays)
        found.append(f"the file has weights at {group.path}/vars that no layer of the model takes: {shapes}")
    return found


def _needs_weights(part: object) -> bool:
    return isinstance(part, Layer) and bool(own_variables(part)) and not is_kept_state(part)


def _keras3_candidates(model: Model, root: Group) -> dict[int, list[Group]]:
    walk, found, seen = Walk(), dict[int, list[Group]](), set[tuple[int, str]]()

    def visit(part: object, group: Group, place: str) -> None:
        if (id(part), place) in seen:
            return
        seen.add((id(part), place))
        found.setdefault(id(part), []).append(group)
        for names, child in walk.branches(part):
            for name in names:
                below = group.group(name)
                if below is not None:
                    visit(child, below, f"{place}/{name}")

    visit(model, root, "")
    return found


def _keras2_candidates(model: Model, root: Group) -> dict[int, list[Group]]:
    walk, found = Walk(keras2=True), dict[int, list[Group]]()

    def visit(part: object, groups: list[Group]) -> None:
        walk.seen.add(id(part))
        found[id(part)] = groups
        for names, child in walk.branches(part):
            if id(child) not in walk.seen:
                below = [group.group(name) for group in groups for name in names]
                visit(child, [group for group in below if group is not None])

    visit(model, [root])
    return found


def _match(plan: Plan, place: str, layer: Layer, groups: list[Group]) -> None:
    """Pair a layer's own weights with the first group that has arrays of their number and shapes."""
    variables = own_variables(layer)
    found = [arrays for group in groups if (arrays := _arrays(group)) is not None]
    for arrays in found:
        if fits(variables, arrays):
            plan.match(layer.name, variables, arrays)
            return
    if is_kept_state(layer) or (not found and not variables):  # states for another batch size are not a fault
        return
    owner = f"layer {layer.name!r}"
    if not any(found):
        names = ", ".join(repr(variable.name) for variable in variables)
        plan.problems.append(f"{owner}: has the weights {names}; the file has none at {f'{place}/vars'.lstrip('/')}")
        return
    arrays = next(filter(None, found))
    if len(arrays) == len(variables):
        plan.match(owner, variables, arrays)
        return
    names = ", ".join(f"{variable.name} {variable.shape}" for variable in variables) or "none"
    shapes = ", ".join(str(array.shape) for array in arrays)
    there = arrays[0].path.rpartition("/")[0]
    plan.problems.append(f"{owner}: has {len(variables)} weights ({names}); the file has {len(arrays)} at {there}: {shapes}")


def _arrays(group: Group) -> list[StoredArray] | None:
    """The arrays of a group's `vars`, in order; None if there is no such group."""
    own = group.group("vars")
    if own is None:
        return None
    numbers = sorted((name for name in own.names() if name.isascii() and name.isdecimal() and len(name) < 10), key=int)
    # A listed name that leads nowhere is damage; the others are too few then, and the error names their layer.
    return [array for name in numbers if (array := own.array(name)) is not None]


def _optimizer(group: Group, model: Model, where: str, keras2: bool) -> optimizer_weights.Chosen | None:
    """The arrays of a group for the model's optimizer; None, with a warning, if they belong to another."""
    stored = _arrays(group)
    if not stored:
        return None
    return optimizer_weights.choose(model, stored, where, keras2=keras2)

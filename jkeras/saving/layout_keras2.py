"""The layout of Keras 2's weights, in `.h5` files of weights and, below `model_weights`, of whole models.

    attribute layer_names                      the names of the model's layers
    dense/  attribute weight_names             ["dense/kernel:0", "dense/bias:0"]
    dense/dense/kernel:0, dense/dense/bias:0   arrays, at these names below their layer's group
    top_level_model_weights/                   weights of the model itself
    optimizer_weights/ attribute weight_names  beside `model_weights`: the optimizer's arrays

Layers are matched in order, skipping those without weights, or by name; the weights of a layer in order. The order within a
layer is what is trained, then the rest. So it depends on what was frozen when the file was written, which moves weights about
in a nested model; if the names in the file show another order, that one is used.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from jkeras._base.errors import FileFormatError
from jkeras._safe_io.hdf5 import H5Group, StoredGroup, write_array, write_names
from jkeras._safe_io.stored_array import StoredArray
from jkeras.layer.base import Layer
from jkeras.layer.tracking import own_variables, walk, weight_entries
from jkeras.saving import optimizer_weights
from jkeras.saving.attribute_tree import is_kept_state
from jkeras.saving.cudnn_weights import converter
from jkeras.saving.keras2_order import all_variables, layers_below, trained_variables
from jkeras.saving.matching import Item, Plan, assign, check_total, fits, host_values
from jkeras.saving.model_classes import Model
from jkeras.state.variable import Variable

WRITES_AS = "2.15.0"  # the version of Keras whose form is written
_TOP = "top_level_model_weights"
_KEPT = "jkeras_states"  # what stateful layers keep between batches; Keras passes over it

_LAYER_COUNT = """{where}: has {found} layers with weights, the model {expected}.
  file:  {file}
  model: {model}
Build the model that was saved, or match layers by their names with load_weights(path, by_name=True)."""


class StoredLayer(NamedTuple):
    """A layer's weights in a file."""

    name: str
    names: Sequence[str]
    arrays: Sequence[StoredArray]
    group: StoredGroup | None = None


def write_weights(group: H5Group, model: Model) -> None:
    """Write a model's weights into the file itself, or into its `model_weights`."""
    layers = layers_below(model)
    write_names(group, "layer_names", [layer.name for layer in layers])
    group.attrs["backend"], group.attrs["keras_version"] = b"tensorflow", WRITES_AS.encode()
    with host_values(model.weights) as value:
        for layer in layers:
            _write_layer(group.create_group(layer.name), layer, _ordered(layer), value)
        _write_layer(group.create_group(_TOP), model, own_variables(model), value)


def read_weights(group: StoredGroup, model: Model, *, by_name: bool = False, skip_mismatch: bool = False, where: str) -> None:
    """Read a model's weights: all of them, or none if something is wrong.

    Args:
        group: the root of a file of weights, or `model_weights` of a whole model.
        model: built.
        by_name: match layers by name; those that only one side has stay as they are.
        skip_mismatch: leave out layers that do not fit, with a warning.
        where: the file, for messages.

    Raises:
        FileFormatError: numbers or shapes differ; nothing was read then.
    """
    plan = Plan(where, skip_mismatch)
    stored = [_layer(group, name, where) for name in _names(group, "layer_names", where)]
    named = [(layer, found) for found in stored for layer in model.layers if layer.name == found.name] if by_name else None
    for layer, found in _in_order(model, stored, where) if named is None else named:
        match_layer(plan, layer, found)
    top = group.group(_TOP)
    if top is not None:
        _match(plan, model, [own_variables(model)], _layer(group, _TOP, where))
    assign(plan.read())


def match_layer(plan: Plan, layer: Layer, found: StoredLayer) -> None:
    """Pair a layer's weights with the arrays that a file lists for it."""
    _match(plan, layer, _orders(layer), found)


def count_stored(group: StoredGroup, where: str) -> int:
    """How many arrays the layers of a file have."""
    groups = [inner for name in _names(group, "layer_names", where) if (inner := group.group(name)) is not None]
    return sum(len(_names(inner, "weight_names", where)) for inner in groups)


def write_optimizer(group: H5Group, model: Model) -> None:
    """Write the optimizer's arrays, in tf_keras' order; nothing before its first step."""
    listed = optimizer_weights.to_keras2_list(model)
    if listed:
        _write_arrays(group.create_group("optimizer_weights"), listed)


def read_optimizer(group: StoredGroup, model: Model, *, where: str) -> None:
    """Read the optimizer's arrays from the root of a whole model, whichever library wrote it; none, with a warning, if they
    belong to another optimizer.
    """
    if group.group("optimizer_weights") is None or model.optimizer is None:
        return
    stored = _layer(group, "optimizer_weights", where)
    if not stored.arrays:
        return
    chosen = optimizer_weights.choose(model, stored.arrays, where, stored.names)
    if chosen is None:
        return
    check_total(where, stored.arrays)
    optimizer_weights.put_state(chosen, optimizer_weights.read_state(chosen))


def _write_layer(group: H5Group, layer: Layer, variables: Sequence[Variable], value: Callable[[Variable], np.ndarray]) -> None:
    places = {id(variable): "/".join((layer.name, *path)) for path, variable in weight_entries(layer)}
    _write_arrays(group, [(f"{places[id(variable)]}:0", lambda variable=variable: value(variable)) for variable in variables])  # type: ignore[misc]
    for i, variable in enumerate(_kept(layer)):
        write_array(group, f"{_KEPT}/{i}", value(variable))


def _write_arrays(group: H5Group, arrays: Sequence[tuple[str, Callable[[], np.ndarray]]]) -> None:
    names: list[str] = []
    for name, array in arrays:
        free, count = name, 0
        while free in names:
            count += 1
            free = f"{name.removesuffix(':0')}_{count}:0"
        names.append(free)
        write_array(group, free, array())
    write_names(group, "weight_names", names)


def _ordered(layer: Layer) -> list[Variable]:
    """A layer's weights in Keras 2's order: what is trained, then the rest."""
    trained = {id(variable): variable for variable in trained_variables(layer)}
    return [*trained.values(), *(variable for variable in _variables(layer) if id(variable) not in trained)]


def _orders(layer: Layer) -> list[list[Variable]]:
    """The orders a layer's weights may be stored in: as it is now; with nothing frozen; with everything frozen."""
    plain = _variables(layer)
    unfrozen = [b for b in plain if b.declared_trainable] + [b for b in plain if not b.declared_trainable]
    return [_ordered(layer), unfrozen, plain]


def _variables(layer: Layer) -> list[Variable]:
    kept = {id(variable) for variable in _kept(layer)}
    return [variable for variable in all_variables(layer) if id(variable) not in kept]


def _kept(layer: Layer) -> list[Variable]:
    return [variable for _, part in walk(layer) if is_kept_state(part) for variable in own_variables(part)]


def _in_order(model: Model, stored: list[StoredLayer], where: str) -> Iterator[tuple[Layer, StoredLayer]]:
    layers = [layer for layer in layers_below(model) if _variables(layer)]
    full = [found for found in stored if found.names]
    if len(layers) != len(full):
        names = [", ".join(names[:20]) or "none" for names in ([f.name for f in full], [layer.name for layer in layers])]
        text = _LAYER_COUNT.format(where=where, found=len(full), expected=len(layers), file=names[0], model=names[1])
        raise FileFormatError(text)
    yield from zip(layers, full)


def _match(plan: Plan, layer: Layer, orders: list[list[Variable]], found: StoredLayer) -> None:
    owner = f"layer {layer.name!r}"
    if len(orders[0]) != len(found.arrays):
        names = ", ".join(f"{variable.name} {variable.shape}" for variable in orders[0]) or "none"
        shapes = ", ".join(f"{n} {a.shape}" for n, a in zip(found.names, found.arrays)) or "none"
        plan.problems.append(f"{owner}: has {len(orders[0])} weights ({names}); the file has at {found.name!r}: {shapes}")
        return
    convert = converter(layer, [array.shape for array in found.arrays])
    if convert is not None:
        plan.items.append(Item(orders[0], found.arrays, convert))
        return
    plan.match(owner, _best(orders, found), found.arrays)
    kept = _kept(layer)
    group = None if found.group is None else found.group.group(_KEPT)
    if kept and group is not None and len(group.names()) == len(kept):
        arrays = [array for i in range(len(kept)) if (array := group.array(str(i))) is not None]
        if fits(kept, arrays):
            plan.match(owner, kept, arrays)


def _best(orders: list[list[Variable]], found: StoredLayer) -> list[Variable]:
    """The order that the shapes and names of the stored arrays suggest; the usual one if they do not say."""
    names = [name.rpartition("/")[2].partition(":")[0] for name in found.names]
    fitting = [order for order in orders if fits(order, found.arrays)] or orders
    return next((order for order in fitting if [variable.name for variable in order] == names), fitting[0])


def _layer(group: StoredGroup, name: str, where: str) -> StoredLayer:
    inner = group.group(name)
    if inner is None:
        raise FileFormatError(f"{where}: lists {name!r}, but has no such group.")
    names = _names(inner, "weight_names", where)
    arrays = [inner.array(weight) for weight in names]
    missing = [weight for weight, array in zip(names, arrays) if array is None]
    if missing:
        raise FileFormatError(f"{where}: {inner.path} lists {missing[0]!r}, but has no such array.")
    return StoredLayer(name, names, [array for array in arrays if array is not None], inner)


def _names(group: StoredGroup, attribute: str, where: str) -> list[str]:
    names = group.attribute(attribute, [])
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise FileFormatError(f"{where}: {group.path}: attribute {attribute!r} is not a list of names.")
    if len(set(names)) < len(names):
        raise FileFormatError(f"{where}: {group.path}: attribute {attribute!r} has a name twice.")
    return names

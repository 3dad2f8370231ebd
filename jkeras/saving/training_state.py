"""The resume state of a training run, in a group of an HDF5 file that Keras passes over.

    jkeras_training/moment        JSON as bytes: epoch, position, iteration, seeds, results, what callbacks remember, and the
                                  optimizer's scalars bit for bit (Keras' form counts steps and rates its own way)
    jkeras_training/metrics/0 ..  accumulators of the metrics, as bytes; names, shapes and dtypes are in the JSON
    jkeras_training/averaged/0 .. weights before their average replaced them (`use_ema`), as bytes
    jkeras_training/kept/0 ..     arrays that callbacks remember, the best weights of EarlyStopping, as bytes
    jkeras_training/slots/0 ..    what the optimizer carries and the file's layout has no place for, as bytes

Weights and the optimizer's slots are where Keras looks for them. The group is trusted no more than any other: sizes are
compared with the JSON and the model before anything is read, and dtypes come from a short list.
"""

from __future__ import annotations

import itertools
import json
import math
import re
from collections.abc import Iterable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jkeras._base.errors import FileFormatError, UnsafeFileError
from jkeras._base.types import Array, Config, Tree
from jkeras._safe_io.hdf5 import Group, H5Group, write_array
from jkeras._safe_io.json import read_json
from jkeras.layer.tracking import inventory, weight_entries
from jkeras.optimizers import Optimizer
from jkeras.optimizers.face import replace_scalar
from jkeras.optimizers.state import leaf_name, named_leaves
from jkeras.saving.layout_keras3 import TRAINING
from jkeras.saving.model_classes import Model
from jkeras.state.spread import put_at, whole
from jkeras.training.resume.state import ResumeState, current_resume_state

_VERSION = 1
_JSON_LIMIT, _METRICS_LIMIT = 4 << 20, 256 << 20
_DTYPES = {
    *("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
    *("bfloat16", "float16", "float32", "float64"),
}
_MOST_COPIES = 8  # of a model's weights, that callbacks may have remembered
_COUNTS = ("epoch", "position", "iteration", "consumed", "seed")


def is_in_training(model: Model) -> bool:
    """Whether the model has a resume state to write."""
    return current_resume_state(model) is not None and model.optimizer is not None and model.optimizer.live_state is not None


def write_training(root: H5Group, model: Model, missing: Sequence[str] = ()) -> None:
    """Write the model's resume state; nothing if it was never fitted.

    Args:
        root: of the HDF5 file, open for writing.
        model: whose optimizer is written to the same file.
        missing: fields of the optimizer's state that the layout of the file has no place for.
    """
    state = current_resume_state(model)
    if state is None or not is_in_training(model):
        return
    group = root.create_group(TRAINING)
    metrics = [_write_bytes(group, f"metrics/{i}", name, value) for i, (name, value) in enumerate(state.metrics.items())]
    names = _lasting_names(model)
    averaged = [_write_bytes(group, f"averaged/{i}", names[k], value) for i, (k, value) in enumerate(state.averaged.items())]
    homeless = _slots(model, missing).items()
    slots = [_write_bytes(group, f"slots/{i}", name, value) for i, (name, (_, value)) in enumerate(homeless)]
    content = {
        "version": _VERSION,
        **{name: int(getattr(state, name)) for name in _COUNTS},
        **{name: getattr(state, name) for name in ("begun", "key", "stream", "batches", "batch_size")},
        "logs": {name: _number(value) for name, value in state.logs.items()},
        "callbacks": _write_callbacks(group, state.callbacks),
        "optimizer_form": _form(model.optimizer),
        "optimizer": _scalars(model.optimizer.live_state),
        "metrics": metrics,
        "averaged": averaged,
        "slots": slots,
        "missing": list(missing),
    }
    group.create_dataset("moment", data=np.frombuffer(json.dumps(content).encode(), np.uint8))


def read_training(root: Group, model: Model, where: str) -> None:
    """Let `fit(resume=True)` continue where the training of a file stopped; nothing happens if the file has no such group.

    Args:
        root: of the HDF5 file.
        model: compiled; its weights and optimizer were read from the same file.
        where: the file, for messages.

    Raises:
        FileFormatError: the group is damaged, or for another model.
        UnsafeFileError: it asks for more memory than such a group needs.
    """
    model._trainer.resume_state = None
    group = root.group(TRAINING)
    if group is None or model.optimizer is None or model.optimizer.live_state is None:
        return
    where = f"{where}: {TRAINING}"
    content = _content(group, where)
    if content.get("optimizer_form") != _form(model.optimizer):
        return  # another optimizer starts afresh; a warning said so when its arrays were read
    try:
        metrics = {e["name"]: _read_bytes(group, f"metrics/{i}", e, where) for i, e in enumerate(content["metrics"])}
        averaged = _averaged(group, content["averaged"], model, where)
        resume_state = ResumeState(
            **{name: _count(content[name], below=2**31) for name in _COUNTS},
            begun=bool(content["begun"]),
            key=_pair(content["key"]),
            stream=_pair(content["stream"]),
            batches=None if content["batches"] is None else _count(content["batches"]),
            batch_size=None if content["batch_size"] is None else _count(content["batch_size"]),
            metrics=metrics,
            logs={str(name): float(_from_number(value)) for name, value in content["logs"].items()},
            averaged=averaged,
            callbacks=_read_callbacks(group, content["callbacks"], model, where),
        )
        state = _with_scalars(_with_slots(group, content, model, where), content["optimizer"])
    except FileFormatError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise FileFormatError(f"{where}/moment: is not what jkeras writes: {type(error).__name__}: {error}") from error
    model.optimizer.state, model._trainer.resume_state = state, resume_state


def _content(group: Group, where: str) -> dict[str, Any]:
    stored = group.array("moment")
    if stored is None or len(stored.shape) != 1:
        raise FileFormatError(f"{where}: has no list of bytes called 'moment'.")
    if stored.shape[0] > _JSON_LIMIT:
        raise UnsafeFileError(f"{where}/moment: has {stored.shape[0]:,} bytes; {_JSON_LIMIT:,} are the most.")
    content = read_json(stored.read(tuple(stored.shape), "uint8").tobytes(), where=f"{where}/moment")
    version = content.get("version") if isinstance(content, dict) else None
    if version != _VERSION:
        raise FileFormatError(f"{where}/moment: is of version {version!r}; this jkeras knows {_VERSION}.")
    return content


def _form(optimizer: Optimizer) -> list[object]:
    """What distinguishes optimizers: the class, and the shapes of what it carries."""
    return [type(optimizer).__name__, *(list(np.shape(leaf)) for leaf in jax.tree.leaves(optimizer.state))]


def _scalars(state: Tree) -> dict[str, dict[str, str]]:
    """The scalars of an optimizer's state, bit for bit."""
    found = {name: np.asarray(leaf) for name, leaf in named_leaves(state).items() if np.ndim(leaf) == 0}
    return {name: {"dtype": value.dtype.name, "bits": value.tobytes().hex()} for name, value in found.items()}


def _with_scalars(state: Tree, bits: Config) -> Tree:
    """The state with its scalars restored; what the file does not name stays."""

    def take(path: tuple[object, ...], leaf: Array) -> Array:
        entry = bits.get(leaf_name(path))
        if entry is None or np.ndim(leaf) != 0:
            return leaf
        value = np.frombuffer(bytes.fromhex(entry["bits"]), _dtype(entry["dtype"]))
        if value.shape != (1,):
            raise ValueError(f"the scalar {leaf_name(path)!r} has {value.size} values")
        return replace_scalar(jnp.asarray(leaf), value[0])

    return jax.tree_util.tree_map_with_path(take, state)


def _slots(model: Model, fields: Sequence[str]) -> dict[str, tuple[str, Tree]]:
    """The leaves below some fields of the optimizer's state, names and arrays, by the names that files have for them:
    `accumulators/dense/kernel` for `accumulators/dense_7/kernel`.
    """
    names, found = _lasting_names(model), {}
    for leaf, value in named_leaves(model.optimizer.live_state).items():
        parts = leaf.split("/")
        start = next((i for i, part in enumerate(parts, 1) if part in fields), None)
        if start is not None:
            weight = "/".join(parts[start:])
            found["/".join([*parts[:start], names.get(weight, weight)])] = leaf, value
    return found


def _with_slots(group: Group, content: Config, model: Model, where: str) -> Tree:
    """The optimizer's state with the slots of the group."""
    wanted, found = _slots(model, [str(field) for field in content["missing"]]), {}
    old: Tree
    for i, entry in enumerate(content["slots"]):
        leaf, old = wanted.get(entry["name"], (None, None))
        if leaf is None or tuple(entry["shape"]) != old.shape or entry["dtype"] != old.dtype.name:
            raise FileFormatError(f"{where}/slots/{i}: is not a {entry['name']!r} of this optimizer.")
        found[leaf] = put_at(_read_bytes(group, f"slots/{i}", entry, where, limit=None), old.dtype, old.sharding)
    return jax.tree_util.tree_map_with_path(lambda path, old: found.get(leaf_name(path), old), model.optimizer.live_state)


def _averaged(group: Group, entries: Any, model: Model, where: str) -> dict[str, np.ndarray]:
    variables = {"/".join(path): variable for path, variable in inventory(model).weights}
    paths = {lasting: path for path, lasting in _lasting_names(model).items()}
    found = {}
    for i, entry in enumerate(entries):
        path = paths.get(entry["name"], "")
        variable = variables.get(path)
        if variable is None or tuple(entry["shape"]) != tuple(variable.shape):
            raise FileFormatError(f"{where}/averaged/{i}: is for a weight {entry['name']!r} {entry['shape']}; there is none.")
        found[path] = _read_bytes(group, f"averaged/{i}", entry, where, limit=None)
    return found


def _lasting_names(model: Model) -> dict[str, str]:
    """Paths of the weights, and their names in files: a model that is built again may name its layers differently."""
    entries = zip(inventory(model).weights, weight_entries(model, lasting=True), strict=True)
    return {"/".join(path): "/".join(lasting) for (path, _), (lasting, _) in entries}


def _write_bytes(group: H5Group, place: str, name: str, value: object) -> dict[str, object]:
    array = whole(value)
    write_array(group, place, np.ascontiguousarray(array).reshape(-1).view(np.uint8))
    return {"name": name, "shape": list(array.shape), "dtype": array.dtype.name}


def _read_bytes(group: Group, place: str, entry: Config, where: str, limit: int | None = _METRICS_LIMIT) -> np.ndarray:
    dtype, shape = _dtype(entry["dtype"]), tuple(_count(n) for n in entry["shape"])
    size = math.prod(shape) * dtype.itemsize
    if limit is not None and size > limit:
        raise UnsafeFileError(f"{where}/{place}: would take {size:,} bytes; {limit:,} are the most.")
    stored = group.array(place)
    if stored is None:
        raise FileFormatError(f"{where}/{place}: is missing.")
    return np.frombuffer(stored.read((size,), "uint8").tobytes(), dtype).reshape(shape)


def _dtype(name: object) -> np.dtype[Any]:
    if name not in _DTYPES:
        raise ValueError(f"unknown dtype {name!r}")
    return np.dtype(jnp.dtype(name))


def _number(value: object) -> Any:
    """JSON has no word for NaN and infinity; as strings, `float` reads them."""
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def _from_number(value: object) -> Any:
    return float(value) if isinstance(value, str) else value


def _write_callbacks(group: H5Group, callbacks: list[dict[str, Any]]) -> list[dict[str, object]]:
    """What callbacks remember: numbers go into the JSON, arrays into places that it names."""
    entries, places = [], itertools.count()
    for callback in callbacks:
        entry: dict[str, object] = {"class": callback["class"], "state": {k: _number(v) for k, v in callback["state"].items()}}
        arrays = callback.get("arrays", {})
        if arrays and all(array.dtype.name in _DTYPES for array in arrays.values()):
            written = ((f"kept/{next(places)}", name, array) for name, array in arrays.items())
            entry["arrays"] = [{**_write_bytes(group, place, name, array), "place": place} for place, name, array in written]
        entries.append(entry)
    return entries


def _read_callbacks(group: Group, entries: Any, model: Model, where: str) -> list[dict[str, Any]]:
    """Read that back. Arrays are copies of weights, so each has a weight's shape, and there are only a few copies."""
    variables = [variable for _, variable in inventory(model).weights]
    shapes, left = {tuple(variable.shape) for variable in variables}, _MOST_COPIES * len(variables)
    found = []
    for entry in entries:
        callback: dict[str, object] = {
            "class": str(entry["class"]),
            "state": {str(k): _from_number(v) for k, v in entry["state"].items()},
        }
        stored = entry.get("arrays", [])
        left -= len(stored)
        for array in stored:
            if left < 0 or tuple(array["shape"]) not in shapes:
                raise FileFormatError(f"{where}: the arrays of {callback['class']} are not copies of this model's weights.")
        if stored:
            callback["arrays"] = {str(a["name"]): _read_bytes(group, _place(a["place"]), a, where, limit=None) for a in stored}
        found.append(callback)
    return found


def _place(name: object) -> str:
    if not isinstance(name, str) or not re.fullmatch(r"kept/\d{1,6}", name):
        raise ValueError(f"expected a place such as kept/0, found {name!r}")
    return name


def _count(value: object, below: int = 2**40) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < below:
        raise ValueError(f"expected a count, found {value!r}")
    return value


def _pair(value: Iterable[object]) -> tuple[int, int]:
    first, second = value
    return _count(first, 2**32), _count(second, 2**32)

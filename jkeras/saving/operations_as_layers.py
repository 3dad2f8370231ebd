"""Array functions of a graph as something that older files have: a layer that does the same, or a TensorFlow function.

A layer is best, since Keras 2 and 3 both know it: `x + y` is `Add`, `x / 255` is `Rescaling(1 / 255)`, a mean over space is a
    pooling. The functions here take the entry of an array function in a Keras 3 graph and return that entry, or None if there
    is none.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from jkeras._base.types import Config
from jkeras.saving.array_functions import find_operation
from jkeras.saving.tf_operations import BY_OPERATION

Entry = dict[str, Any]

_MERGES = {"add": "Add", "subtract": "Subtract", "multiply": "Multiply", "maximum": "Maximum", "minimum": "Minimum"}
_ACTIVATIONS = {"relu": "relu", "sigmoid": "sigmoid", "tanh": "tanh", "elu": "elu", "selu": "selu", "softplus": "softplus",
                "softsign": "softsign", "silu": "swish", "exp": "exponential"}  # fmt: skip
_POOLS = {"mean": "GlobalAveragePooling", "max": "GlobalMaxPooling"}


def as_layer(entry: Config) -> Entry | None:
    """The entry of a layer that does what an array function does, for arrays of the graph's shapes."""
    known = find_operation(entry)
    assert known is not None
    call = entry["inbound_nodes"][0]
    settings = {k: v for k, v in entry["config"].items() if k != "name"}
    make = _MAKERS.get(known.name)
    return None if make is None or call["kwargs"] else make(entry, call["args"], settings)


def _layer(entry: Config, class_name: str, data: object, dtype: str, **config: object) -> Entry:
    base = {"name": entry["name"], "trainable": True, "dtype": dtype}
    calls = [{"args": [data], "kwargs": {}}]
    return {"module": "keras.layers", "class_name": class_name, "config": {**base, **config}, "registered_name": None,
            "name": entry["name"], "inbound_nodes": calls}  # fmt: skip


def _tensor(value: object) -> Config | None:
    """Shape and dtype of a symbolic float tensor; None for everything else."""
    if not isinstance(value, Mapping) or value.get("class_name") != "__keras_tensor__":
        return None
    config: Config = value["config"]
    return config if "float" in config["dtype"] else None


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def _merge(entry: Config, args: list[object], settings: Config) -> Entry | None:
    name = find_operation(entry).name  # type: ignore[union-attr]
    if len(args) != 2 or settings:
        return None
    a, b = _tensor(args[0]), _tensor(args[1])
    if a and b:
        same = len(a["shape"]) == len(b["shape"]) and a["dtype"] == b["dtype"]
        return _layer(entry, _MERGES[name], args, a["dtype"]) if same and name in _MERGES else None
    scaled = _scaling(name, _number(args[0]), _number(args[1]))
    tensor, data = (a, args[0]) if a else (b, args[1])
    if scaled is None or tensor is None:
        return None
    return _layer(entry, "Rescaling", data, tensor["dtype"], scale=scaled[0], offset=scaled[1])


def _scaling(name: str, left: float | None, right: float | None) -> tuple[float, float] | None:
    """Scale and offset of a sum, difference, product or quotient of a tensor and a number."""
    number = left if left is not None else right
    if number is None or name not in ("add", "subtract", "multiply", "true_divide", "divide"):
        return None
    if name == "add":
        return 1.0, number
    if name == "subtract":
        return (1.0, -number) if right is not None else (-1.0, number)
    if name == "multiply":
        return number, 0.0
    return (1.0 / number, 0.0) if right is not None and number else None


def _activation(entry: Config, args: list[object], settings: Config) -> Entry | None:
    tensor = _tensor(args[0]) if len(args) == 1 else None
    name = _ACTIVATIONS[find_operation(entry).name]  # type: ignore[union-attr]
    return None if tensor is None or settings else _layer(entry, "Activation", args[0], tensor["dtype"], activation=name)


def _softmax(entry: Config, args: list[object], settings: Config) -> Entry | None:
    tensor = _tensor(args[0])
    axis = settings.get("axis", -1)
    if tensor is None or not isinstance(axis, int):
        return None
    return _layer(entry, "Softmax", args[0], tensor["dtype"], axis=axis)


def _concatenate(entry: Config, args: list[object], settings: Config) -> Entry | None:
    tensors = [_tensor(v) for v in args[0]] if len(args) == 1 and isinstance(args[0], list) else [None]
    if len(tensors) < 2 or not all(tensors) or len({t["dtype"] for t in tensors if t}) > 1:
        return None
    axis = settings.get("axis", 0)
    return _layer(entry, "Concatenate", args[0], tensors[0]["dtype"], axis=axis) if axis else None  # type: ignore[index]


def _reshape(entry: Config, args: list[object], settings: Config) -> Entry | None:
    tensor = _tensor(args[0])
    wanted = settings.get("newshape")
    if tensor is None or not isinstance(wanted, list) or wanted[:1] not in ([-1], tensor["shape"][:1]):
        return None
    sizes = tensor["shape"][1:]
    if None in sizes or -1 in wanted[1:] or None in wanted[1:] or math.prod(sizes) != math.prod(wanted[1:]):
        return None
    return _layer(entry, "Reshape", args[0], tensor["dtype"], target_shape=wanted[1:])


def _expand_dims(entry: Config, args: list[object], settings: Config) -> Entry | None:
    tensor, axis = _tensor(args[0]), settings.get("axis")
    if tensor is None or not isinstance(axis, int) or None in tensor["shape"][1:]:
        return None
    shape = list(tensor["shape"])
    axis = axis + len(shape) + 1 if axis < 0 else axis
    shape.insert(axis, 1)
    return _layer(entry, "Reshape", args[0], tensor["dtype"], target_shape=shape[1:]) if axis > 0 else None


def _transpose(entry: Config, args: list[object], settings: Config) -> Entry | None:
    tensor, axes = _tensor(args[0]), settings.get("axes")
    if tensor is None or not isinstance(axes, list) or axes[0] != 0 or min(axes) < 0:
        return None
    return _layer(entry, "Permute", args[0], tensor["dtype"], dims=axes[1:])


def _pool(entry: Config, args: list[object], settings: Config) -> Entry | None:
    tensor, axis = _tensor(args[0]), settings.get("axis")
    if tensor is None or set(settings) - {"axis", "keepdims"}:
        return None
    axes = sorted(axis) if isinstance(axis, list) else [axis]
    rank = len(tensor["shape"])
    if rank not in (3, 4, 5) or axes != list(range(1, rank - 1)):
        return None
    name = f"{_POOLS[find_operation(entry).name]}{rank - 2}D"  # type: ignore[union-attr]
    config = {"data_format": "channels_last", "keepdims": bool(settings.get("keepdims", False))}
    return _layer(entry, name, args[0], tensor["dtype"], **config)


_MAKERS: dict[str, Callable[[Config, list[object], Config], Entry | None]] = {
    **dict.fromkeys((*_MERGES, "true_divide", "divide"), _merge),
    **dict.fromkeys(_ACTIVATIONS, _activation),
    **dict.fromkeys(_POOLS, _pool),
    "softmax": _softmax,
    "concatenate": _concatenate,
    "reshape": _reshape,
    "expand_dims": _expand_dims,
    "transpose": _transpose,
}


def as_tf_function(entry: Config) -> Entry | None:
    """The entry of the TensorFlow function that does what an array function does, its arguments under TensorFlow's names."""
    known = find_operation(entry)
    assert known is not None
    row = BY_OPERATION.get(known.name)
    if row is None:
        return None
    back = {ours: theirs for theirs, ours in row.arguments.items()}
    call = entry["inbound_nodes"][0]
    given = {**dict(zip(known.data[1:], call["args"][1:])), **call["kwargs"]}
    given |= {k: v for k, v in entry["config"].items() if k != "name"}
    given = {k: v for k, v in given.items() if v is not None}
    if not set(given) <= set(back) or len(call["args"]) > len(known.data):
        return None
    options = {back[k]: v for k, v in given.items()}
    class_name = "TFOpLambda"
    if known.name == "get_item":
        options, class_name = {"slice_spec": _spec(options.get("slice_spec"))}, "SlicingOpLambda"
    config = {"name": entry["name"], "trainable": True, "dtype": "float32", "function": row.names[0]}
    return {
        "class_name": class_name,
        "config": config,
        "name": entry["name"],
        "inbound_nodes": [{"args": [call["args"][0]], "kwargs": options, "bare": True}],
    }


def _spec(key: object) -> object:
    """An index in TensorFlow's form: a list of numbers, slices and `...`."""
    if not isinstance(key, list):
        key = [key]
    return [_part(part) for part in key]


def _part(part: object) -> object:
    if isinstance(part, Mapping) and part.get("class_name") == "__slice__":
        return dict(part["config"])
    return part

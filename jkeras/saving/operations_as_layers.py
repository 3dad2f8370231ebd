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
Found = tuple[str, dict[str, object]] | None

_MERGES = {"add": "Add", "subtract": "Subtract", "multiply": "Multiply", "maximum": "Maximum", "minimum": "Minimum"}
_ACTIVATIONS = {"relu": "relu", "sigmoid": "sigmoid", "tanh": "tanh", "elu": "elu", "selu": "selu", "softplus": "softplus",
                "softsign": "softsign", "silu": "swish", "exp": "exponential"}  # fmt: skip
_POOLS = {"mean": "GlobalAveragePooling", "max": "GlobalMaxPooling"}


def as_layer(entry: Config) -> Entry | None:
    """The entry of a layer that does what an array function does, for arrays of the graph's shapes."""
    known = find_operation(entry)
    assert known is not None
    args, settings = entry["inbound_nodes"][0]["args"], {k: v for k, v in entry["config"].items() if k != "name"}
    if entry["inbound_nodes"][0]["kwargs"]:
        return None
    if known.name in _OF_SEVERAL:
        return _OF_SEVERAL[known.name](entry, known.name, args, settings)
    tensor = _tensor(args[0])
    if tensor is None or known.name not in _OF_ONE:
        return None
    found = _OF_ONE[known.name](known.name, tensor["shape"], settings)
    return None if found is None else _layer(entry, args[0], tensor["dtype"], *found)


def _layer(entry: Config, data: object, dtype: str, class_name: str, config: Config) -> Entry:
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


# functions of several tensors, or of a tensor and a number ------------------------------------------------------------


def _merge(entry: Config, name: str, args: list[object], settings: Config) -> Entry | None:
    if len(args) != 2 or settings:
        return None
    a, b = _tensor(args[0]), _tensor(args[1])
    if a and b:
        same = len(a["shape"]) == len(b["shape"]) and a["dtype"] == b["dtype"]
        return _layer(entry, args, a["dtype"], _MERGES[name], {}) if same and name in _MERGES else None
    scaled = _scaling(name, _number(args[0]), _number(args[1]))
    tensor, data = (a, args[0]) if a else (b, args[1])
    if scaled is None or tensor is None:
        return None
    return _layer(entry, data, tensor["dtype"], "Rescaling", {"scale": scaled[0], "offset": scaled[1]})


def _scaling(name: str, left: float | None, right: float | None) -> tuple[float, float] | None:
    """Scale and offset of a sum, difference, product or quotient of a tensor and a number."""
    number = left if left is not None else right
    if number is None:
        return None
    if name == "add":
        return 1.0, number
    if name == "subtract":
        return (1.0, -number) if right is not None else (-1.0, number)
    if name == "multiply":
        return number, 0.0
    return (1.0 / number, 0.0) if "divide" in name and right is not None and number else None


def _concatenate(entry: Config, name: str, args: list[object], settings: Config) -> Entry | None:
    data, axis = args[0], settings.get("axis", 0)
    tensors = [_tensor(part) for part in data] if isinstance(data, list) else []
    dtypes = [tensor["dtype"] for tensor in tensors if tensor is not None]
    if len(dtypes) < 2 or len(dtypes) < len(tensors) or len(set(dtypes)) > 1 or not axis:
        return None
    return _layer(entry, data, dtypes[0], "Concatenate", {"axis": axis})


_OF_SEVERAL: dict[str, Callable[[Config, str, list[object], Config], Entry | None]] = {
    **dict.fromkeys((*_MERGES, "true_divide", "divide"), _merge),
    "concatenate": _concatenate,
}


# functions of one tensor, as the name and the arguments of a layer's class --------------------------------------------


def _activation(name: str, shape: list[int | None], settings: Config) -> Found:
    return None if settings else ("Activation", {"activation": _ACTIVATIONS[name]})


def _softmax(name: str, shape: list[int | None], settings: Config) -> Found:
    axis = settings.get("axis", -1)
    return ("Softmax", {"axis": axis}) if isinstance(axis, int) else None


def _reshape(name: str, shape: list[int | None], settings: Config) -> Found:
    wanted = settings.get("newshape")
    if not isinstance(wanted, list) or wanted[:1] not in ([-1], shape[:1]):
        return None
    sizes, target = shape[1:], wanted[1:]
    if None in sizes or -1 in target or None in target or math.prod(sizes) != math.prod(target):  # type: ignore[arg-type]
        return None
    return "Reshape", {"target_shape": target}


def _expand_dims(name: str, shape: list[int | None], settings: Config) -> Found:
    axis = settings.get("axis")
    if not isinstance(axis, int) or None in shape[1:]:
        return None
    axis = axis + len(shape) + 1 if axis < 0 else axis
    return ("Reshape", {"target_shape": [*shape[1:axis], 1, *shape[axis:]]}) if axis > 0 else None


def _transpose(name: str, shape: list[int | None], settings: Config) -> Found:
    axes = settings.get("axes")
    return ("Permute", {"dims": axes[1:]}) if isinstance(axes, list) and axes[0] == 0 and min(axes) >= 0 else None


def _pool(name: str, shape: list[int | None], settings: Config) -> Found:
    axis, rank = settings.get("axis"), len(shape)
    axes = sorted(axis) if isinstance(axis, list) else [axis]
    if set(settings) - {"axis", "keepdims"} or rank not in (3, 4, 5) or axes != list(range(1, rank - 1)):
        return None
    config = {"data_format": "channels_last", "keepdims": bool(settings.get("keepdims", False))}
    return f"{_POOLS[name]}{rank - 2}D", config


_OF_ONE: dict[str, Callable[[str, list[int | None], Config], Found]] = {
    **dict.fromkeys(_ACTIVATIONS, _activation),
    **dict.fromkeys(_POOLS, _pool),
    "softmax": _softmax,
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
    parts = key if isinstance(key, list) else [key]
    return [dict(p["config"]) if isinstance(p, Mapping) and p.get("class_name") == "__slice__" else p for p in parts]

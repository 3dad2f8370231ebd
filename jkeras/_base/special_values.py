"""Values that JSON has no form for: tuples, slices, `...`, bytes and arrays, as `{"class_name": "__slice__", "config": ...}`.

Keras writes them so, and both directions are here. Only numbers are taken from a file: an array is made of a nested list, so it
is no larger than the file, and never of bytes that decode to objects.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeGuard

import numpy as np

from jkeras._base.errors import FileFormatError, UnsafeFileError, WrongTypeError, describe
from jkeras._base.types import Config

Read = Callable[[object], object]

MAX_ELEMENTS = 10_000_000
_NUMERIC = (
    "bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float16", "float32", "float64",
    "complex64", "bfloat16",
)  # fmt: skip


def encode(value: object) -> Any:
    """The form of a slice, `...`, bytes or an array for JSON; None for other values.

    Example:
        >>> encode(...)
        {'class_name': '__ellipsis__', 'config': {}}
    """
    if value is Ellipsis:
        return {"class_name": "__ellipsis__", "config": {}}
    if isinstance(value, slice):
        parts = {name: getattr(value, name) for name in ("start", "stop", "step")}
        return {"class_name": "__slice__", "config": {k: _written_bound(v) for k, v in parts.items()}}
    if isinstance(value, bytes):
        return {"class_name": "__bytes__", "config": {"value": value.decode("utf-8", "surrogateescape")}}
    if isinstance(value, np.ndarray):
        return {"class_name": "__numpy__", "config": {"value": value.tolist(), "dtype": value.dtype.name}}
    return None


def _written_bound(value: Any) -> Any:
    return encode(value) if isinstance(value, np.ndarray) and value.ndim else None if value is None else int(value)


def is_special(config: object) -> TypeGuard[Config]:
    """Whether a value of a file is one of the special ones."""
    return isinstance(config, Mapping) and isinstance(config.get("class_name"), str) and config["class_name"].startswith("__")


def is_array(config: object) -> bool:
    """Whether a value of a file is an array."""
    return is_special(config) and config["class_name"] in ("__numpy__", "__tensor__")


def decode(config: Config, read: Read) -> Any:
    """The value that a special form stands for.

    Args:
        config: as `encode` gives it, or as Keras writes it.
        read: reads what is nested in it.

    Raises:
        UnsafeFileError: it is bytecode, or an array without bound.
        FileFormatError: it is of no known kind, or its config is malformed.

    Example:
        >>> decode({"class_name": "__slice__", "config": {"start": 1, "stop": None, "step": None}}, lambda value: value)
        slice(1, None, None)
    """
    kind = config["class_name"]
    if kind == "__lambda__":
        raise UnsafeFileError(LAMBDA.format(what="A value of this config"))
    if kind not in _READERS:
        raise FileFormatError(f"Unknown special value {kind[:40]!r} in a config. Known are {', '.join(sorted(_READERS))}.")
    try:
        return _READERS[kind](config, read)
    except FileFormatError:
        raise
    except (TypeError, ValueError, LookupError, AttributeError, ArithmeticError, RecursionError) as error:
        wrong = WrongTypeError if isinstance(error, TypeError) else FileFormatError
        raise wrong(f"The special value {kind} cannot be read from {describe(config.get('config'))}: {error}") from error


LAMBDA = (
    "{what} is a Python lambda stored as bytecode. Code from a file is never run. Pass the function itself: "
    "custom_objects={{'name': function}}."
)


def _integer(value: object) -> int | None:
    if value is not None and (isinstance(value, bool) or not isinstance(value, int)):
        raise TypeError(f"expected an integer or null, found {value!r}")
    return value


def _slice(config: Config, read: Read) -> slice:
    parts = config["config"]
    if not isinstance(parts, Mapping):
        raise TypeError("expected a dict with start, stop and step")
    if parts.get("step") == 0:
        raise ValueError("a step of 0 leads nowhere")
    bounds = (parts.get(name) for name in ("start", "stop", "step"))
    return slice(*(read(bound) if is_array(bound) else _integer(bound) for bound in bounds))


def _bytes(config: Config, read: Read) -> bytes:
    text = config["config"]
    text = text["value"] if isinstance(text, Mapping) else text
    if not isinstance(text, str):
        raise TypeError("expected a string")
    return text.encode("utf-8", "surrogateescape")


def _array(config: Config, read: Read) -> np.ndarray:
    value, dtype = config["config"]["value"], config["config"]["dtype"]
    if dtype not in _NUMERIC:
        raise UnsafeFileError(f"An array in a config is of numbers; found dtype {str(dtype)[:40]!r}.")
    if _count(value) > MAX_ELEMENTS:
        raise UnsafeFileError(f"An array in a config has more than {MAX_ELEMENTS:,} elements; weights belong in weight files.")
    array = np.asarray(value)
    if array.dtype.kind not in "biufc" and array.size:
        raise TypeError("its rows differ in length, or it holds something other than numbers")
    return array.astype(np.float32 if dtype == "bfloat16" else dtype)


def _count(value: object) -> int:
    return sum(_count(v) for v in value) if isinstance(value, list) else 1


def _typespec(config: Config, read: Read) -> object:
    if not isinstance(config.get("config"), list):
        raise TypeError("expected a list")
    raise FileFormatError(
        f"The config holds a type of TensorFlow's ({str(config.get('spec_name'))[:40]!r}), which means nothing without "
        "TensorFlow. Give the layer its shape by Input(...) instead."
    )


_READERS: dict[str, Callable[[Config, Read], object]] = {
    "__tuple__": lambda config, read: tuple(read(v) for v in list(config["config"])),
    "__ellipsis__": lambda config, read: Ellipsis,
    "__slice__": _slice,
    "__bytes__": _bytes,
    "__numpy__": _array,
    "__tensor__": _array,
    "__typespec__": _typespec,
}

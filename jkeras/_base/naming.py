"""Names: `Dense` -> `dense`, `dense_1`, ...; one counter per prefix, as Keras numbers its layers."""

from __future__ import annotations

import re
from collections import Counter

_used: Counter[str] = Counter()
_numbers: Counter[str] = Counter()


def to_snake_case(name: str) -> str:
    """`Conv2D` -> `conv2d`, `MaxPooling2D` -> `max_pooling2d`, `my_DNN` -> `my_dnn`."""
    name = re.sub(r"\W+", "", name)
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", name)
    name = re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()
    return re.sub(r"__+", "_", name)


def is_layer_name(name: object) -> bool:
    """Whether a layer may have this name. Files have groups of that name, so none may lead elsewhere.

    Example:
        >>> is_layer_name("dense_1"), is_layer_name("../dense"), is_layer_name("..")
        (True, False, False)
    """
    if not isinstance(name, str) or name in (".", "..") or any(sign in name for sign in "/\\\0"):
        return False
    return name.isascii() or name.encode("utf-8", "replace").decode() == name


def auto_name(prefix: str, first: int = 0) -> str:
    """The next free automatic name: `dense`, then `dense_1`; with `first=1` it is `input_1`, then `input_2`."""
    n = _used[prefix] + first
    _used[prefix] += 1
    return prefix if n == 0 else f"{prefix}_{n}"


def next_number(prefix: str) -> int:
    """A number that is new for this prefix, from 1: `K.get_uid`, for names that a script makes itself."""
    _numbers[prefix] += 1
    return _numbers[prefix]


def reset_names() -> None:
    """Start all counters again (what `clear_session` does to names)."""
    _used.clear()
    _numbers.clear()

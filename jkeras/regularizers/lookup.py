"""From what users and files write for a regularizer to the object, and back: a name, a class, a config dict or a function."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jkeras._base import configurable
from jkeras._base.configurable import resolve
from jkeras._base.errors import describe


def get(identifier: Any) -> Any:
    """The regularizer that an identifier stands for.

    Args:
        identifier: None (gives None), a name such as `"l2"`, a class, a config dict or a function of a weight.

    Raises:
        ValueError: an unknown name, or something that cannot be called.

    Example:
        >>> type(get("l2")).__name__
        'L2'
    """
    return deserialize(identifier)


def serialize(regularizer: Any) -> Any:
    """The config dict of a regularizer, or the name of a function.

    Example:
        >>> serialize(get("l2"))["class_name"]
        'L2'
    """
    return configurable.serialize(regularizer)


def deserialize(config: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """The regularizer for what `serialize` gave.

    Args:
        config: as for `get`.
        custom_objects: the user's own regularizers by name.

    Raises:
        ValueError: an unknown name, or something that cannot be called.

    Example:
        >>> deserialize({"class_name": "L2", "config": {"l2": 0.5}}).get_config()
        {'l2': 0.5}
    """
    found = resolve("regularizers", config, custom_objects)
    if found is None or callable(found):
        return found
    raise ValueError(f"Not a regularizer: {describe(config)}. Expected None, a name such as 'l2', a config dict or a function.")

"""From what users and files write for a constraint to the object, and back: a name, a class, a config dict or a function."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jkeras._base import configurable
from jkeras._base.configurable import resolve
from jkeras._base.errors import describe


def get(identifier: Any) -> Any:
    """The constraint that an identifier stands for.

    Args:
        identifier: None (gives None), a name such as `"max_norm"`, a class, a config dict or a function of a weight.

    Raises:
        ValueError: an unknown name, or something that cannot be called.

    Example:
        >>> type(get("max_norm")).__name__
        'MaxNorm'
    """
    return deserialize(identifier)


def serialize(constraint: Any) -> Any:
    """The config dict of a constraint, or the name of a function.

    Example:
        >>> serialize(get("max_norm"))["class_name"]
        'MaxNorm'
    """
    return configurable.serialize(constraint)


def deserialize(config: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """The constraint for what `serialize` gave.

    Args:
        config: as for `get`.
        custom_objects: the user's own constraints by name.

    Raises:
        ValueError: an unknown name, or something that cannot be called.

    Example:
        >>> deserialize({"class_name": "MaxNorm", "config": {"max_value": 3, "axis": 0}}).get_config()
        {'max_value': 3, 'axis': 0}
    """
    found = resolve("constraints", config, custom_objects)
    if found is None or callable(found):
        return found
    raise ValueError(
        f"Not a constraint: {describe(config)}. Expected None, a name such as 'max_norm', a config dict or a function."
    )

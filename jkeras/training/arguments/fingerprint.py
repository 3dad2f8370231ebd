"""Fingerprints of what `compile` is given: equal ones share their compiled programs.

Names, numbers and objects of the library are compared by value, functions and objects of your own by identity. A
learning rate that is a number lives in the optimizer's state and is left out. A metric object is compared by identity too, since
its owner may ask it for its result.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

from jkeras._base.errors import describe
from jkeras.metrics import Metric


class Same:
    """An object compared by identity, and kept alive."""

    def __init__(self, value: object):
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Same) and other.value is self.value

    def __hash__(self) -> int:
        return id(self.value)

    def __repr__(self) -> str:
        return describe(self.value)


def fingerprint(value: object) -> Hashable:
    """A hashable stand-in for a value.

    Example:
        >>> fingerprint({"loss": "mse", "metrics": ["mae"]}) == fingerprint({"loss": "mse", "metrics": ["mae"]})
        True
        >>> fingerprint(lambda y, p: 0) == fingerprint(lambda y, p: 0)
        False
    """
    if value is None or isinstance(value, (str, int, float, bool)):
        return value
    if isinstance(value, dict):
        return tuple(("key", key, fingerprint(value[key])) for key in value)
    if isinstance(value, (list, tuple)):
        return tuple(fingerprint(part) for part in value)
    kind = type(value)
    if not kind.__module__.startswith("jkeras.") or isinstance(value, Metric) or not hasattr(value, "get_config"):
        return Same(value)
    try:
        config = dict(value.get_config())
    except (TypeError, ValueError, NotImplementedError):
        return Same(value)
    if kind.__module__.startswith("jkeras.optimizers."):
        config = _lasting(config)
    functions = tuple(Same(held) for held in vars(value).values() if callable(held) and not hasattr(held, "get_config"))
    return (kind.__qualname__, fingerprint(config), functions)


def _lasting(config: dict[str, Any]) -> dict[str, object]:
    """The config of an optimizer, and of one inside it, without the name, which is numbered, and without the rate."""
    inner = config.get("inner_optimizer")
    if isinstance(inner, dict):
        config = config | {"inner_optimizer": inner | {"config": _lasting(inner["config"])}}
    return {k: v for k, v in config.items() if k != "name" and not (k == "learning_rate" and isinstance(v, float))}

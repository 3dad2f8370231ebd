"""What users and files write for a quantizer: to the object and back.

>>> get("abs_max_quantizer", axis=0).axis
(0,)
>>> deserialize(serialize(get("AbsMaxQuantizer"))).value_range
(-127, 127)
"""

from __future__ import annotations

import inspect
from typing import Any

from jkeras._base import registry
from jkeras._base.family import family
from jkeras.quantizers.config import QuantizationConfig

_get, serialize, deserialize = family(
    "quantizers",
    "quantizer",
    "None, a name such as 'abs_max_quantizer', a config dict or a function",
    "abs_max_quantizer",
    adapt=lambda found: found if callable(found) or isinstance(found, QuantizationConfig) else None,
)


def get(identifier: object, **kwargs: Any) -> Any:
    """The quantizer that an identifier stands for.

    Args:
        identifier: None, a name such as `"abs_max_quantizer"`, a config dict or a function; or a class. None gives None.
        kwargs: arguments for the constructor of a class or a named one.

    Raises:
        ValueError: an unknown name, or anything else that does not stand for a quantizer.

    Example:
        >>> get("abs_max_quantizer", value_range=(-8, 7)).value_range
        (-8, 7)
    """
    if isinstance(identifier, str):
        identifier = registry.get_registered_object(identifier) or registry.lookup("quantizers", identifier)
    return identifier(**kwargs) if inspect.isclass(identifier) else _get(identifier)

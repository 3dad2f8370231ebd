"""From what users and files write for an activation to the function, and back.

None and "linear", a name, a config dict, a layer or any callable all stand for an activation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from jkeras._base import configurable
from jkeras._base.configurable import is_object_config, resolve
from jkeras._base.errors import describe

# Importing the catalogue is what fills the registry.
from jkeras.activations.catalogue import CATALOGUE


def get(identifier: Any) -> Callable[..., Any]:
    """The activation that an identifier stands for.

    Args:
        identifier: None (the identity), a name such as `"relu"`, a config dict, or a callable, which is returned as it is.

    Returns:
        A function of one array.

    Raises:
        ValueError: an unknown name, or something that cannot be called.

    Example:
        >>> get("relu")([-1.0, 2.0]).tolist()
        [0.0, 2.0]
    """
    return deserialize(identifier)


def serialize(activation: Callable[..., Any]) -> Any:
    """The name of an activation, or the config dict of one that is an object.

    Example:
        >>> serialize(get("swish"))
        'silu'
    """
    return configurable.serialize(activation)


def deserialize(config: Any, custom_objects: Mapping[str, Any] | None = None) -> Callable[..., Any]:
    """The activation for what `serialize` gave, or for the dict that Keras writes for a function.

    Args:
        config: a name, a config dict, None or a callable.
        custom_objects: the user's own activations by name.

    Raises:
        ValueError: an unknown name, or something that cannot be called.

    Example:
        >>> deserialize("double", custom_objects={"double": lambda x: 2 * x})(4)
        8
    """
    if is_object_config(config) and config["class_name"] == "function":
        config = config["config"]
    found = CATALOGUE["linear"] if config is None else resolve("activations", config, custom_objects)
    if not callable(found):
        raise ValueError(
            f"Not an activation: {describe(config)}. Expected None, a name such as 'relu', a config dict or a function."
        )
    return found

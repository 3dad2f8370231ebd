"""Layers as configs: `serialize` and `deserialize`, as `keras.layers` has them."""

from __future__ import annotations

from typing import Any

from jkeras._base import configurable
from jkeras._base.errors import FileFormatError, UnsafeFileError, describe
from jkeras._base.registry import export
from jkeras._base.types import CustomObjects
from jkeras.layer.base import Layer


@export("keras.layers.serialize")
def serialize(layer: Layer | None) -> dict[str, Any] | None:
    """The config of a layer.

    Args:
        layer: of any kind, including models; or None, for an argument that may be a layer.

    Returns:
        `{"module", "class_name", "config", "registered_name"}`, and `build_config` of a layer that is built; None for None.

    Example:
        >>> from jkeras.layers import Dense
        >>> serialize(Dense(3))["class_name"]
        'Dense'
    """
    return None if layer is None else configurable.full_config(layer)


@export("keras.layers.deserialize")
def deserialize(config: object, custom_objects: CustomObjects = None) -> Layer:
    """The layer of a config.

    Args:
        config: from `serialize`; a layer is returned as it is.
        custom_objects: your own classes and functions by name.

    Raises:
        FileFormatError: it is not a config, or its class is unknown.
        UnsafeFileError: it makes something other than a layer.

    Example:
        >>> deserialize({"class_name": "Dense", "config": {"units": 3}}).units
        3
    """
    if isinstance(config, Layer):
        return config
    if not configurable.is_object_config(config):
        raise FileFormatError(f"The config of a layer is a dict with 'class_name' and 'config'. Received: {describe(config)}.")
    made = configurable.deserialize(config, custom_objects)
    if not isinstance(made, Layer):
        raise UnsafeFileError(f"The config of a layer makes {describe(made)}, which is not a layer.")
    return made

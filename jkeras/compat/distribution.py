"""`keras.distribution`: which distribution is set. None is: a model runs on JAX's default device.

A package asks before it gives its arrays a layout. To spread a model over devices write JAX's sharding around `model.apply`.
"""

from __future__ import annotations

from typing import Any

import jax

from jkeras._base.types import Array

__all__ = ["distribute_tensor", "distribution", "list_devices", "set_distribution"]


def distribution() -> None:
    """The distribution that is set: none."""


def set_distribution(value: object) -> None:
    """Accept None alone.

    Raises:
        NotImplementedError: for anything else.
    """
    if value is not None:
        raise NotImplementedError(f"A model runs on one device here. Received the distribution {value!r}. Write JAX's sharding.")


def list_devices(device_type: str | None = None) -> list[str]:
    """The names of JAX's devices, such as `"cpu:0"`.

    Args:
        device_type: `"cpu"`, `"gpu"` or `"tpu"`; None for those of the default backend.

    Example:
        >>> list_devices("cpu")[0]
        'cpu:0'
    """
    devices = jax.devices() if device_type is None else jax.devices(device_type.lower())
    return [f"{device.platform}:{device.id}" for device in devices]


def distribute_tensor(tensor: Any, layout: jax.sharding.Sharding) -> Array:
    """An array in one of JAX's shardings.

    Args:
        tensor: the array.
        layout: a sharding of JAX.
    """
    return jax.device_put(tensor, layout)

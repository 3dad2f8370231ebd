"""The devices of JAX by name."""

from __future__ import annotations

import jax

from jkeras._base.registry import export


def _devices(device_type: str | None) -> list[jax.Device]:
    return jax.devices(None if device_type is None else device_type.lower())


@export("keras.distribution.list_devices")
def list_devices(device_type: str | None = None) -> list[str]:
    """The names of all devices, those of other processes among them.

    Args:
        device_type: `"cpu"`, `"gpu"` or `"tpu"`; None for the fastest kind that there is.

    Raises:
        RuntimeError: JAX has no devices of this kind.

    Example:
        >>> list_devices("cpu")[0]
        'cpu:0'
    """
    return [f"{device.platform}:{device.id}" for device in _devices(device_type)]


@export("keras.distribution.get_device_count")
def get_device_count(device_type: str | None = None) -> int:
    """How many devices there are, over all processes.

    Args:
        device_type: `"cpu"`, `"gpu"` or `"tpu"`; None for the fastest kind that there is.

    Example:
        >>> get_device_count("cpu") == len(list_devices("cpu"))
        True
    """
    return len(_devices(device_type))


def device_named(name: str | jax.Device) -> jax.Device:
    """The device of a name such as `"cpu:0"`.

    Raises:
        ValueError: there is none.
    """
    if isinstance(name, jax.Device):
        return name
    platform, _, number = str(name).partition(":")
    for device in jax.devices(platform.lower()):
        if str(device.id) == (number or "0"):
            return device
    raise ValueError(f"There is no device {name!r}. JAX has {', '.join(list_devices(platform))}.")

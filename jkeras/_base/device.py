"""Where new arrays lie."""

from __future__ import annotations

import contextlib

import jax

from jkeras._base.errors import describe
from jkeras._base.registry import export


@export("keras.device")
def device(device_name: str | jax.Device) -> contextlib.AbstractContextManager[object]:
    """A block in which new arrays lie on a device, and programs of these run there.

    Args:
        device_name: `"cpu"`, `"gpu:1"`, or a device of JAX.

    Raises:
        ValueError: it is neither, or there is no such device.

    Example:
        >>> import jax.numpy as jnp
        >>> with device("cpu:0"):
        ...     jnp.zeros(2).device.platform
        'cpu'
    """
    if isinstance(device_name, jax.Device):
        return jax.default_device(device_name)
    if not isinstance(device_name, str):
        raise ValueError(f"A device is a string such as 'gpu:0', or a jax.Device. Received: {describe(device_name)}.")
    platform, _, number = device_name.lower().partition(":")
    try:
        if number and not number.isdecimal():
            raise ValueError(f"{number!r} is no number of a device")
        return jax.default_device(jax.devices(platform)[int(number or 0)])
    except (RuntimeError, ValueError, IndexError) as error:
        known = [f"{one.platform}:{i}" for i, one in enumerate(jax.devices())]
        raise ValueError(f"There is no device {device_name!r}. JAX has {', '.join(known)}, and 'cpu'.") from error

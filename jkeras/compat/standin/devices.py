"""`tf.config`: which devices there are, and the memory settings that scripts make before anything else.

JAX decides about memory when it starts, and listing devices starts it. So `python -m jkeras` looks for these settings in the
script before it runs.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax

from jkeras._base.errors import unknown_name

_KINDS = ("CPU", "GPU", "TPU")
_DETERMINISTIC = "--xla_gpu_deterministic_ops"
_PREALLOCATE = "XLA_PYTHON_CLIENT_PREALLOCATE"


class PhysicalDevice(NamedTuple):
    """A device as `tf.config` describes it."""

    name: str
    device_type: str


class LogicalDevice(NamedTuple):
    """A device as `tf.config.list_logical_devices` and `device_lib` describe it."""

    name: str
    device_type: str


class _Devices(list):
    """A list of devices. If it is empty, `[0]` is a device that does not exist.

    Many scripts begin with `set_memory_growth(list_physical_devices("GPU")[0], True)`; on a machine without a GPU that has
    nothing to do, and need not end the script. `len`, loops and `if` see the empty list.
    """

    def __init__(self, devices: Sequence[PhysicalDevice | LogicalDevice], kind: str | None):
        super().__init__(devices)
        self._kind = kind

    def __getitem__(self, index: Any) -> Any:
        if index == 0 and not self and self._kind is not None:
            return PhysicalDevice(f"/physical_device:{self._kind}:absent", self._kind)
        return super().__getitem__(index)


def list_physical_devices(device_type: str | None = None) -> list[PhysicalDevice]:
    """The devices that JAX sees.

    Args:
        device_type: `"CPU"`, `"GPU"` or `"TPU"`; None for all.

    Example:
        >>> [device.device_type for device in list_physical_devices("CPU")][:1]
        ['CPU']
    """
    found = _found(device_type)
    return _Devices([PhysicalDevice(f"/physical_device:{kind}:{i}", kind) for kind, i in found], device_type)


def list_logical_devices(device_type: str | None = None) -> list[LogicalDevice]:
    """The same devices under the names that placing operations would use."""
    return _Devices([LogicalDevice(f"/device:{kind}:{i}", kind) for kind, i in _found(device_type)], None)


def list_local_devices(session_config: object = None) -> list[LogicalDevice]:
    """The devices as `tensorflow.python.client.device_lib` lists them."""
    return list_logical_devices()


def _found(device_type: str | None) -> list[tuple[str, int]]:
    if device_type is not None and device_type not in _KINDS:
        raise unknown_name("device type", device_type, _KINDS)
    kinds = [{"cpu": "CPU", "tpu": "TPU"}.get(device.platform, "GPU") for device in jax.local_devices()]
    # To TensorFlow the host is a device too, whatever others there are.
    kinds = ["CPU", *kinds] if "CPU" not in kinds else kinds
    return [(kind, kinds[:i].count(kind)) for i, kind in enumerate(kinds) if device_type in (None, kind)]


def set_memory_growth(device: PhysicalDevice | None, enable: bool) -> None:
    """Allocate memory as needed rather than three quarters of it at once.

    It has an effect only before JAX starts; `python -m jkeras` sees to that. For a notebook, set the environment variable
    `XLA_PYTHON_CLIENT_PREALLOCATE=false` before Python starts.

    Args:
        device: from `list_physical_devices`.
        enable: whether to do so.
    """
    os.environ[_PREALLOCATE] = "false" if enable else "true"


def get_memory_growth(device: PhysicalDevice) -> bool:
    """Whether memory is allocated as needed."""
    return os.environ.get(_PREALLOCATE, "true").lower() in ("false", "0")


def set_visible_devices(devices: PhysicalDevice | Sequence[PhysicalDevice], device_type: str | None = None) -> None:
    """Choose the devices of a run.

    All devices of a type, or none of a type that does not exist, is what a run has anyway. Choosing the CPU on a machine with a
    GPU makes it JAX's default device.

    Raises:
        ValueError: some of several devices; for these JAX has the environment variable `CUDA_VISIBLE_DEVICES`.
    """
    devices = [devices] if isinstance(devices, PhysicalDevice) else list(devices)
    there = [device for device in devices if not device.name.endswith(":absent")]
    kind = device_type or (there[0].device_type if there else None)
    if devices and not there:
        return
    if there == list_physical_devices(kind):
        return
    if not there and kind in ("GPU", "TPU"):
        jax.config.update("jax_default_device", jax.local_devices(backend="cpu")[0])
        return
    names = ", ".join(device.name for device in there) or "none"
    raise ValueError(
        f"set_visible_devices: JAX chooses devices when it starts. Received: {names} of type {kind}. Set the environment "
        "variable CUDA_VISIBLE_DEVICES=0 (or 0,1, ...) before Python starts."
    )


def get_visible_devices(device_type: str | None = None) -> list[PhysicalDevice]:
    """The devices that JAX sees; the same as `list_physical_devices`."""
    return list_physical_devices(device_type)


def enable_op_determinism() -> None:
    """Same inputs, same results, bit for bit: so it is on CPUs and TPUs anyway; GPUs have a flag, which XLA reads when it starts.

    Warns:
        UserWarning: there is a GPU, and `XLA_FLAGS` does not set the flag.
    """
    if list_physical_devices("GPU") and _DETERMINISTIC not in os.environ.get("XLA_FLAGS", ""):
        warnings.warn(f"Set XLA_FLAGS={_DETERMINISTIC}=true before Python starts, or results on GPUs may vary.", stacklevel=2)


def run_functions_eagerly(run_eagerly: bool) -> None:
    """Does nothing: functions under `tf.function` run as Python anyway. For models there is `compile(run_eagerly=True)`."""


experimental_run_functions_eagerly = run_functions_eagerly


def functions_run_eagerly() -> bool:
    """True."""
    return True

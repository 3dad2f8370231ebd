"""`tf.test` and `tf.sysconfig`: questions about the device."""

from __future__ import annotations

import jax

from jkeras.compat.standin import devices


def is_gpu_available(cuda_only: bool = False, min_cuda_compute_capability: tuple[int, int] | None = None) -> bool:
    """Whether JAX sees a GPU.

    Args:
        cuda_only: whether it must be an NVIDIA GPU.
        min_cuda_compute_capability: the least compute capability it must have, such as `(7, 0)`.
    """
    gpus = [device for device in jax.local_devices() if device.platform in ("gpu", "cuda", "rocm")]
    if cuda_only or min_cuda_compute_capability:
        gpus = [device for device in gpus if "NVIDIA" in device.device_kind.upper()]
    least = min_cuda_compute_capability or (0, 0)
    return any(_capability(device) >= tuple(least) for device in gpus)


def _capability(device: jax.Device) -> tuple[int, ...]:
    text = str(getattr(device, "compute_capability", "0.0"))
    return tuple(int(part) for part in text.split("."))


def gpu_device_name() -> str:
    """`"/device:GPU:0"`, or the empty string if there is no GPU."""
    gpus = devices.list_logical_devices("GPU")
    return gpus[0].name if len(gpus) else ""


def is_built_with_cuda() -> bool:
    """Whether JAX sees an NVIDIA GPU."""
    return is_gpu_available(cuda_only=True)


def is_built_with_gpu_support() -> bool:
    """Whether JAX sees a GPU."""
    return is_gpu_available()


def get_build_info() -> dict[str, object]:
    """What arrays are computed with."""
    return {"is_cuda_build": is_built_with_cuda(), "jax": jax.__version__, "platform": jax.default_backend()}

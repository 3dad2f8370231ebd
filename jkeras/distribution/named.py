"""Distributions by name: what `compile(distribution=...)` takes."""

from __future__ import annotations

import math

from jkeras._base.errors import describe, unknown_name
from jkeras._base.registry import export
from jkeras.distribution.base import Distribution
from jkeras.distribution.data_parallel import DataParallel
from jkeras.distribution.devices import list_devices
from jkeras.distribution.fully_sharded import FullySharded
from jkeras.distribution.mesh import DeviceMesh

_KNOWN = ("data", "zero", "fsdp")


@export("jkeras.distribution.get")
def get(identifier: str | Distribution | None) -> Distribution | None:
    """A distribution over all devices by name.

    Args:
        identifier: `"data"`: the whole model on each device; `"zero"`: the same, with the optimizer's arrays cut; `"fsdp"`:
            weights cut too; `"fsdp,model=4"`: with an axis of 4 devices along which they are cut further. Or a distribution, or
            None.

    Raises:
        ValueError: another name, or a size that does not divide the devices.

    Example:
        >>> get("zero").shards_optimizer
        True
    """
    if identifier is None or isinstance(identifier, Distribution):
        return identifier
    if not isinstance(identifier, str):
        raise ValueError(f"A distribution is a name, such as 'data', or a Distribution. Received: {describe(identifier)}.")
    kind, *axes = (part.strip() for part in identifier.split(","))
    if kind not in _KNOWN:
        raise unknown_name("distribution", kind, _KNOWN)
    sizes = dict(_axis(part, identifier) for part in axes)
    if kind != "fsdp" and sizes:
        raise ValueError(f"Only 'fsdp' takes further axes, as in 'fsdp,model=4'. Received: {identifier!r}.")
    if kind != "fsdp":
        return DataParallel(shards_optimizer=kind == "zero")
    devices, rest = list_devices(), math.prod(sizes.values())
    if len(devices) % rest:
        raise ValueError(f"There are {len(devices)} devices, which {identifier!r} does not divide.")
    return FullySharded(DeviceMesh((len(devices) // rest, *sizes.values()), ["data", *sizes], devices))


def _axis(part: str, whole: str) -> tuple[str, int]:
    name, _, size = part.partition("=")
    if not (name.isidentifier() and size.isdecimal() and int(size)) or name == "data":
        raise ValueError(f"A further axis is written as in 'fsdp,model=4'. Received: {whole!r}.")
    return name, int(size)

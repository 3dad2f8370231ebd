"""What `compile(reproducible=...)` takes: the number of virtual shards, on which the bits of a training depend."""

from __future__ import annotations

import functools

import jax

from jkeras._base.errors import describe
from jkeras.distribution.data_parallel import DataParallel

_FORMS = "reproducible is None, 'devices', or 'devices,shards=16' with a power of two. Received: {given}."


def shards_of(reproducible: str | None) -> int | None:
    """Into how many shards a batch is split; None where sums are left to XLA.

    Args:
        reproducible: `"devices"` for 8, `"devices,shards=16"` for another power of two, or None.

    Raises:
        ValueError: anything else.

    Example:
        >>> shards_of("devices"), shards_of("devices,shards=2"), shards_of(None)
        (8, 2, None)
    """
    if reproducible is None:
        return None
    if not isinstance(reproducible, str):
        raise ValueError(_FORMS.format(given=describe(reproducible)))
    kind, _, rest = (part.strip() for part in reproducible.partition(","))
    name, _, number = rest.partition("=")
    count = int(number) if name == "shards" and number.isdecimal() else 8 if not rest else 0
    if kind != "devices" or count < 1 or count & (count - 1):
        raise ValueError(_FORMS.format(given=repr(reproducible)))
    return count


@functools.cache
def alone_on(device: jax.Device) -> DataParallel:
    """One device as a mesh: where a model lies that is not spread, and counts in shards."""
    return DataParallel(devices=[device])

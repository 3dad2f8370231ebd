"""The distribution that holds where none is named."""

from __future__ import annotations

from jkeras._base.config import settings
from jkeras._base.errors import describe
from jkeras._base.registry import export
from jkeras.distribution.base import Distribution


@export("keras.distribution.distribution")
def distribution() -> Distribution | None:
    """The current distribution, None without one.

    Example:
        >>> distribution() is None
        True
    """
    found: Distribution | None = settings.distribution
    return found


@export("keras.distribution.set_distribution")
def set_distribution(value: Distribution | None) -> None:
    """Spread models like this from now on; those that exist move when they are next trained, evaluated or asked.

    Args:
        value: a distribution; None for one device.

    Example:
        >>> from jkeras.distribution import DataParallel
        >>> set_distribution(DataParallel(devices=["cpu:0"]))
        >>> distribution()
        <DataParallel on batch=1>
        >>> set_distribution(None)
    """
    if value is not None and not isinstance(value, Distribution):
        raise ValueError(f"A distribution is an object such as DataParallel(), or None. Received: {describe(value)}.")
    settings.distribution = value

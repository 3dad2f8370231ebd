"""The distribution that holds where none is named."""

from __future__ import annotations

from jkeras._base.config import settings
from jkeras._base.registry import export
from jkeras.distribution.base import Distribution
from jkeras.distribution.named import get


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
def set_distribution(value: str | Distribution | None) -> None:
    """Spread models like this from now on; those that exist move when they are next used.

    Args:
        value: a distribution, or a name as `compile` takes it; None for one device.

    Example:
        >>> from jkeras.distribution import DataParallel
        >>> set_distribution(DataParallel(devices=["cpu:0"]))
        >>> distribution()
        <DataParallel on batch=1>
        >>> set_distribution(None)
    """
    settings.distribution = get(value)

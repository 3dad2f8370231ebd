"""Safe mode: whether an object is being made from a config that its caller does not vouch for.

Nothing of jkeras can be talked into running code, so it reads configs the same way in either mode. A class of yours whose
constructor opens a file of a given name may ask: a config should not choose which files it reads.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar

from jkeras._base.context import holding

_safe_mode: ContextVar[bool | None] = ContextVar("jkeras_safe_mode", default=None)


def in_safe_mode() -> bool | None:
    """What `safe_mode` the running load was given; None where nothing is being loaded.

    Example:
        >>> with safe_mode_scope(True):
        ...     inside = in_safe_mode()
        >>> inside, in_safe_mode()
        (True, None)
    """
    return _safe_mode.get()


def beyond_the_config() -> AbstractContextManager[None]:
    """A block of a load that reads what belongs to the file itself, such as the files inside an archive."""
    return holding(_safe_mode, None)


@contextmanager
def safe_mode_scope(safe_mode: bool) -> Iterator[None]:
    """A block that makes objects from configs. A block within another takes the mode of the outer one.

    Args:
        safe_mode: whether the caller does not vouch for them.
    """
    outer = _safe_mode.get()
    with holding(_safe_mode, safe_mode if outer is None else outer):
        yield

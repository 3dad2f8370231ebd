"""Keras' switches for shorter tracebacks, and where in the frames the user's code is.

This package shows its own frames; JAX hides its own unless told otherwise.
"""

from __future__ import annotations

import sys

import jax

_NOT_OF_THE_USER = (__name__.partition(".")[0], "jax", "contextlib", "functools")
_OPTION, _OFF = "jax_traceback_filtering", "off"


def disable_traceback_filtering() -> None:
    """Show all frames in tracebacks, those inside of JAX too."""
    jax.config.update(_OPTION, _OFF)


def enable_traceback_filtering() -> None:
    """Leave JAX's own frames out of tracebacks, as it is from the start."""
    jax.config.update(_OPTION, "auto")


def is_traceback_filtering_enabled() -> bool:
    """Whether tracebacks leave JAX's own frames out.

    Example:
        >>> disable_traceback_filtering()
        >>> is_traceback_filtering_enabled()
        False
        >>> enable_traceback_filtering()
        >>> is_traceback_filtering_enabled()
        True
    """
    return bool(getattr(jax.config, _OPTION) != _OFF)


def level_of_user() -> int:
    """The `stacklevel` with which the caller's warning names the nearest line that is neither this package's nor JAX's."""
    level, frame = 1, sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] in _NOT_OF_THE_USER:
        level, frame = level + 1, frame.f_back
    return level

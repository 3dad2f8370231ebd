"""Keras' switches for shorter tracebacks. This package shows its own frames; JAX hides its own unless told otherwise."""

from __future__ import annotations

import jax

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

"""`tf.debugging`: switches for tracebacks, and the check for numbers that are not finite."""

from __future__ import annotations

from jkeras._base.config import set_check_finite
from jkeras._base.tracebacks import disable_traceback_filtering, enable_traceback_filtering, is_traceback_filtering_enabled

__all__ = [
    "disable_check_numerics",
    "disable_traceback_filtering",
    "enable_check_numerics",
    "enable_traceback_filtering",
    "is_traceback_filtering_enabled",
]


def enable_check_numerics(stack_height_limit: int = 30, path_length_limit: int = 50) -> None:
    """Let training stop where a loss is not finite, as `jkeras.config.set_check_finite(True)` does.

    Args:
        stack_height_limit, path_length_limit: how much TensorFlow prints; without effect here.
    """
    set_check_finite(True)


def disable_check_numerics() -> None:
    """Train on, whatever the numbers are."""
    set_check_finite(False)

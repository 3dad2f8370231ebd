"""`tf.config.optimizer`: how TensorFlow's graphs are optimized. Here XLA compiles every program."""

from __future__ import annotations

__all__ = ["get_experimental_options", "get_jit", "set_experimental_options", "set_jit"]


def set_jit(enabled: bool | str) -> None:
    """Nothing to do: XLA compiles in any case."""


def get_jit() -> str:
    """What TensorFlow calls compiling by XLA.

    Example:
        >>> get_jit()
        'autoclustering'
    """
    return "autoclustering"


def set_experimental_options(options: dict[str, object]) -> None:
    """Nothing to do: they are for graphs."""


def get_experimental_options() -> dict[str, object]:
    """None are set."""
    return {}

"""The names that TensorFlow 2 scripts use at the top: `tf.print`, `tf.is_tensor`, `tf.executing_eagerly`, ..."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from typing import TextIO

import jax

from jkeras._base.types import Tree
from jkeras.ops import is_tensor

__all__ = ["Tensor", "executing_eagerly", "get_logger", "is_tensor", "name_scope", "newaxis", "print"]

Tensor = jax.Array
newaxis = None

_say = print


def print(*inputs: object, output_stream: TextIO | None = None, sep: str = " ", end: str = "\n", **options: object) -> None:
    """Print values; inside a compiled step, when it runs, as `jax.debug.print` does.

    Args:
        *inputs: arrays, strings, anything.
        output_stream: a file object; None for standard output.
        sep, end: as in Python's `print`.
        **options: `name` and `summarize`, which have no effect.

    Example:
        >>> print("loss:", 0.5)
        loss: 0.5
    """
    if any(isinstance(value, jax.core.Tracer) for value in inputs):
        jax.debug.print(sep.join("{}" for _ in inputs), *inputs)
    else:
        _say(*inputs, sep=sep, end=end, file=output_stream)


def executing_eagerly() -> bool:
    """True: operations return values at once."""
    return True


def get_logger() -> logging.Logger:
    """The log `tensorflow`; jkeras itself writes to the log `jkeras`.

    Example:
        >>> get_logger().setLevel("ERROR")
    """
    return logging.getLogger("tensorflow")


@contextlib.contextmanager
def name_scope(name: str, *values: Tree) -> Iterator[str]:
    """A block whose operations carry a name in profiles, by `jax.named_scope`."""
    with jax.named_scope(name):
        yield f"{name}/"

"""`tf.summary.experimental`: summaries that are messages already, as TensorBoard's plugins write them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import numpy as np

from jkeras._base.types import Tree
from jkeras.compat.standin.summaries import current_writer

__all__ = ["summary_scope", "write_raw_pb"]
_NO_STEP = "tf.summary.experimental.write_raw_pb takes a step. Write write_raw_pb(message, step=epoch)."


def write_raw_pb(tensor: Tree, step: Tree = None, name: str | None = None) -> bool:
    """Write a serialized `Summary` message; False where no writer is the default.

    Args:
        tensor: bytes, or an array of them without axes.
        step: of training.
        name: for graphs; it has no effect.

    Raises:
        ValueError: no step.
    """
    writer = current_writer()
    if writer is None:
        return False
    if step is None:
        raise ValueError(_NO_STEP)
    writer.events.summary(tensor if isinstance(tensor, bytes) else np.asarray(tensor).item(), int(np.asarray(step)))
    return True


@contextlib.contextmanager
def summary_scope(name: str, default_name: str = "summary", values: object = None) -> Iterator[tuple[str, str]]:
    """A block that gives the tag and the scope of a summary; the tag is the name, the scope the name and a slash.

    Example:
        >>> with summary_scope("loss") as (tag, scope):
        ...     tag
        'loss'
    """
    yield name or default_name, f"{name or default_name}/"

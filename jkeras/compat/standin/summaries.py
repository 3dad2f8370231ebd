"""`tf.summary`: event files for TensorBoard, as the callback of this name writes them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import numpy as np

from jkeras._base.types import Tree
from jkeras.callbacks.event_writer import EventWriter
from jkeras.compat.standin import defaults

__all__ = ["create_file_writer", "flush", "histogram", "image", "scalar", "text"]

_NO_STEP = "tf.summary.{name} takes a step. Write tf.summary.{name}({tag!r}, ..., step=epoch)."


class SummaryWriter:
    """Writes into a folder.

    Args:
        folder: for the event files.
    """

    def __init__(self, folder: str):
        self.events = EventWriter(folder)

    @contextlib.contextmanager
    def as_default(self, step: object = None) -> Iterator[SummaryWriter]:
        """A block whose summaries go into this folder."""
        with defaults.within(writer=self):
            try:
                yield self
            finally:
                self.events.flush()

    def set_as_default(self, step: object = None) -> None:
        """All further summaries go into this folder."""
        defaults.current().writer = self

    def flush(self) -> None:
        """Write what is pending."""
        self.events.flush()

    def close(self) -> None:
        """Close the file."""
        self.events.close()


def create_file_writer(
    logdir: str, max_queue: object = None, flush_millis: object = None, filename_suffix: object = None, name: object = None
) -> SummaryWriter:
    """A writer into a folder.

    Raises:
        ImportError: the package `tensorboard` is not installed.
    """
    return SummaryWriter(str(logdir))


def scalar(name: str, data: Tree, step: Tree = None, description: object = None) -> bool:
    """Write a number; False where no writer is the default."""
    return _write("scalar", name, float(np.asarray(data)), step)


def histogram(name: str, data: Tree, step: Tree = None, buckets: object = None, description: object = None) -> bool:
    """Write the histogram of an array."""
    return _write("histogram", name, np.asarray(data), step)


def image(name: str, data: Tree, step: Tree = None, max_outputs: int = 3, description: object = None) -> bool:
    """Write images `(n, height, width, channels)` with values from 0 to 1, or uint8."""
    images = np.asarray(data)[:max_outputs]
    if images.dtype != np.uint8:
        images = (np.clip(images, 0, 1) * 255).astype(np.uint8)
    return _write("images", name, images, step)


def text(name: str, data: Tree, step: Tree = None, description: object = None) -> bool:
    """Write a text."""
    return _write("text", name, data.decode() if isinstance(data, bytes) else str(data), step)


def flush(writer: SummaryWriter | None = None, name: object = None) -> None:
    """Write what is pending."""
    found = defaults.current().writer if writer is None else writer
    if found is not None:
        found.flush()


def current_writer() -> SummaryWriter | None:
    """The writer that is the default here, or None."""
    return defaults.current().writer


def _write(kind: str, tag: str, value: Tree, step: Tree) -> bool:
    writer = current_writer()
    if writer is None:
        return False
    if step is None:
        raise ValueError(_NO_STEP.format(name=kind, tag=tag))
    getattr(writer.events, kind)(tag, value, int(np.asarray(step)))
    return True

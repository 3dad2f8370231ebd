"""`EventWriter`: event files for TensorBoard, written without TensorFlow.

The package `tensorboard` is needed (`pip install "jkeras[tensorboard]"`) and imported when a writer is made. Only its code that
builds and frames records is used, not its own file writer, which imports TensorFlow if that is installed.
"""

from __future__ import annotations

import io
import itertools
import os
import socket
import time
from types import SimpleNamespace
from typing import Any

import numpy as np

from jkeras._base.processes import is_first
from jkeras._base.types import Tree

_NO_TENSORBOARD = """The TensorBoard callback needs the package tensorboard (TensorFlow is not needed). Write

    pip install "jkeras[tensorboard]"
"""
_numbers = itertools.count()


def require_tensorboard() -> SimpleNamespace:
    """The parts of the package that are used.

    Raises:
        ImportError: it is not installed.
    """
    try:
        from tensorboard.compat.proto import event_pb2, summary_pb2
        from tensorboard.plugins.histogram.summary_v2 import histogram_pb
        from tensorboard.plugins.image import metadata as image
        from tensorboard.plugins.projector.projector_config_pb2 import ProjectorConfig
        from tensorboard.plugins.scalar.summary_v2 import scalar_pb
        from tensorboard.plugins.text.summary_v2 import text_pb
        from tensorboard.summary.writer.record_writer import RecordWriter
        from tensorboard.util.tensor_util import make_ndarray, make_tensor_proto
    except ImportError as error:
        raise ImportError(_NO_TENSORBOARD) from error
    return SimpleNamespace(
        Event=event_pb2.Event,
        Summary=summary_pb2.Summary,
        SummaryMetadata=summary_pb2.SummaryMetadata,
        RecordWriter=RecordWriter,
        ProjectorConfig=ProjectorConfig,
        scalar=scalar_pb,
        histogram=histogram_pb,
        text=text_pb,
        image=image.create_summary_metadata,
        tensor=make_tensor_proto,
        array=make_ndarray,
    )


class EventWriter:
    """Appends events to a new file in a folder.

    Args:
        folder: created if missing.

    Raises:
        ImportError: tensorboard is not installed.

    Example:
        >>> import tempfile
        >>> folder = tempfile.mkdtemp()
        >>> writer = EventWriter(folder)
        >>> writer.scalar("loss", 0.5, step=3)
        >>> writer.close()
        >>> [name.split(".")[:3] for name in os.listdir(folder)]
        [['events', 'out', 'tfevents']]
    """

    def __init__(self, folder: str):
        self._parts = require_tensorboard()
        os.makedirs(folder, exist_ok=True)
        name = f"events.out.tfevents.{int(time.time()):010d}.{socket.gethostname()}.{os.getpid()}.{next(_numbers)}"
        self.path = os.path.join(folder, name)
        self._records = self._parts.RecordWriter(open(self.path if is_first() else os.devnull, "wb"))  # noqa: SIM115 - closed in close()
        self._write(self._parts.Event(wall_time=time.time(), file_version="brain.Event:2"))
        self.flush()

    def scalar(self, tag: str, value: float, step: int) -> None:
        """Write one number."""
        self._add(self._parts.scalar(tag, np.float32(value)), step)

    def histogram(self, tag: str, values: Tree, step: int) -> None:
        """Write the distribution of an array's numbers."""
        self._add(self._parts.histogram(tag, np.asarray(values, np.float64)), step)

    def text(self, tag: str, text: str, step: int) -> None:
        """Write text in Markdown."""
        self._add(self._parts.text(tag, text), step)

    def images(self, tag: str, images: Tree, step: int) -> None:
        """Write pictures.

        Args:
            tag: of all of them.
            images: uint8 `(number, height, width, channels)`, 1, 3 or 4 channels.
            step: of training.
        """
        height, width = images.shape[1:3]
        encoded = [str(width).encode(), str(height).encode(), *(_png(image) for image in images)]
        metadata = self._parts.image(display_name=None, description=None)
        self._add_tensor(tag, self._parts.tensor(encoded), metadata, step)

    def keras_graph(self, tag: str, config: str, step: int) -> None:
        """Write a model's JSON, from which TensorBoard draws the conceptual graph."""
        metadata = self._parts.SummaryMetadata()
        metadata.plugin_data.plugin_name = "graph_keras_model"
        metadata.plugin_data.content = b"1"
        self._add_tensor(tag, self._parts.tensor(config.encode()), metadata, step)

    def summary(self, serialized: bytes, step: int) -> None:
        """Write a `Summary` message that is serialized already."""
        self._add(self._parts.Summary.FromString(serialized), step)

    def flush(self) -> None:
        """Make what was written visible to readers."""
        self._records.flush()

    def close(self) -> None:
        """End the file."""
        self._records.close()

    def _add_tensor(self, tag: str, tensor: Tree, metadata: object, step: int) -> None:
        summary = self._parts.Summary()
        summary.value.add(tag=tag, metadata=metadata, tensor=tensor)
        self._add(summary, step)

    def _add(self, summary: object, step: int) -> None:
        self._write(self._parts.Event(wall_time=time.time(), step=step, summary=summary))

    def _write(self, event: Any) -> None:
        self._records.write(event.SerializeToString())


def _png(image: np.ndarray) -> bytes:
    """A picture `(height, width, channels)` as PNG."""
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image).save(buffer, "PNG")
    return buffer.getvalue()

"""Files that jkeras does not read: what they are, and what to do with them."""

from __future__ import annotations

import os
from pathlib import Path

from jkeras._safe_io.sources import Source
from jkeras._safe_io.tensor_bundle import INDEX

_STARTS = (
    (b"\x80", "is a Python pickle. Pickles run code when they are read, so jkeras reads none."),
    (b"\x1f\x8b", "is packed by gzip. Unpack it first."),
    (b"<!", "is a web page. Was the download refused?"),
    (b"<html", "is a web page. Was the download refused?"),
    (b"version https://git-lfs", "is a pointer of Git LFS. Fetch the file itself: git lfs pull."),
    (b"\x93NUMPY", "is a NumPy array. Give it to a model with model.set_weights([np.load(path), ...])."),
    (b"model_checkpoint_path", "lists TensorFlow's checkpoints. Write model.load_weights(name) with one of the names in it."),
)
_SUFFIXES = {
    ".pb": "is a program of TensorFlow. If it lies in the folder of a SavedModel, give the path of the folder.",
    ".onnx": "is an ONNX model, for ONNX runtimes. jkeras writes such files and does not read them.",
    ".tflite": "is a TFLite model, for its runtime. Take the .keras or .h5 that it was made from.",
    ".stablehlo": "is an exported program. jax.export.deserialize reads it; no model can be made of it.",
}
_CHECKPOINTS = """is a folder of TensorFlow's checkpoints. Give one of them by its name, without the suffix .index:

    model.load_weights({where!r})
"""
_ARCHITECTURE = """is the JSON of an architecture, without weights. Write

    model = jkeras.models.model_from_json(open({where!r}).read())
"""


def refusal(source: Source) -> str:
    """What a file of no known format is, as the rest of a sentence that begins with its name."""
    start = source.start
    if source.names is not None:
        index = next((name for name in sorted(source.names) if name.endswith(INDEX)), None)
        if index is not None:
            return _CHECKPOINTS.format(where=os.path.join(source.where, index.removesuffix(INDEX)))
        return "is a folder without config.json or saved_model.pb, so not a model of Keras."
    if not start:
        return "is empty."
    if start.lstrip()[:1] == b"{" and b'"class_name"' in start:
        return _ARCHITECTURE.format(where=source.where)
    for sign, what in _STARTS:
        if start.startswith(sign):
            return what
    return _SUFFIXES.get(Path(source.where).suffix.lower(), f"is of no known format; it begins with {start[:8]!r}.")

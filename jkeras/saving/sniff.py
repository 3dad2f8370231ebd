"""Which format a file is of, told by its content; suffixes lie.

| first bytes                                     | kind               |
|-------------------------------------------------|--------------------|
| `PK`                                            | `"keras"`          |
| a folder with `config.json`                     | `"keras_folder"`   |
| HDF5's signature                                | one of the four below |
| ... attribute `model_config`                    | `"h5_model"`       |
| ... attribute `layer_names` (or `layer_names0`) | `"h5_weights"`     |
| ... group `model_weights`                       | `"h5_model"`, of which only the weights can be read |
| ... anything else                               | `"weights3"`       |
| `{`                                             | `"shards"`         |

HDF5 may stand behind a block of the user's own, whose length is a power of two from 512 on.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO

from jkeras._base.errors import FileFormatError
from jkeras.saving.hdf5_door import StoredGroup
from jkeras.saving.open_files import opened_to_read, where_of

_HDF5 = b"\x89HDF\r\n\x1a\n"
_FARTHEST = 1 << 20  # where HDF5's signature is looked for
_KNOWN = "jkeras reads .keras, .h5, .weights.h5 and .weights.json of Keras 2 and Keras 3."
_OTHERS = (
    (b"\x80", "is a Python pickle. Pickles run code when they are read, so jkeras reads none."),
    (b"\x1f\x8b", "is packed by gzip. Unpack it first."),
    (b"<!", "is a web page. Was the download refused?"),
    (b"<html", "is a web page. Was the download refused?"),
    (b"version https://git-lfs", "is a pointer of Git LFS. Fetch the file itself: git lfs pull."),
    (b"\x93NUMPY", "is a NumPy array. Give it to a model with model.set_weights([np.load(path), ...])."),
    (
        b"model_checkpoint_path",
        "lists TensorFlow's checkpoints. Load one in tf_keras and write model.save('model.h5') there.",
    ),
)
_SUFFIXES = {
    ".pb": "is a graph of TensorFlow. It holds a program, not a model: save the model itself, as .keras or .h5.",
    ".onnx": "is an ONNX model, for ONNX runtimes. jkeras writes such files and does not read them.",
    ".tflite": "is a TFLite model, for its runtime. Take the .keras or .h5 that it was made of.",
    ".stablehlo": "is an exported program. jax.export.deserialize reads it; no model can be made of it.",
}
_SAFETENSORS = """is a safetensors file. Build the model as it was, and write

    jkeras.saving.load_safetensors(model, {path!r})
"""
_ARCHITECTURE = """{path}: is the JSON of an architecture, without weights. Write

    model = jkeras.models.model_from_json(open({path!r}).read())
"""


def kind_of(source: Path | BinaryIO) -> str:
    """`"keras"`, `"keras_folder"`, `"hdf5"` or `"shards"`.

    Args:
        source: path of a file or folder, or an open file.

    Raises:
        FileNotFoundError: there is none.
        FileFormatError: its content is of no format that is read.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "model.h5"
        >>> _ = path.write_bytes(b"PK and more")
        >>> kind_of(path)
        'keras'
    """
    if isinstance(source, Path):
        if not source.exists():
            raise FileNotFoundError(f"There is no file {source}. {_near(source)}")
        if source.is_dir():
            return _kind_of_folder(source)
        if not source.is_file():
            raise FileFormatError(f"{source}: is a device or a pipe, not a file.")
    where = where_of(source)
    with opened_to_read(source) as file:
        file.seek(0)
        start = file.read(512)
        if start.startswith(b"PK"):
            return "keras"
        at = 0
        while at <= _FARTHEST:
            file.seek(at)
            if file.read(len(_HDF5)) == _HDF5:
                return "hdf5"
            at = 2 * at or 512
    if start.lstrip()[:1] == b"{":
        if b'"class_name"' in start and b'"weight_map"' not in start:
            raise FileFormatError(_ARCHITECTURE.format(path=where))
        if not isinstance(source, Path):
            raise FileFormatError(f"{where}: is the map of weights in several files. Give its path, beside which they lie.")
        return "shards"
    raise FileFormatError(f"{where}: {_unknown(start, where)}")


def kind_of_hdf5(root: StoredGroup) -> str:
    """`"h5_model"`, `"h5_weights"` or `"weights3"`.

    Args:
        root: of an opened file.
    """
    if root.attribute("model_config") is not None:
        return "h5_model"
    if root.attribute("layer_names") is not None:
        return "h5_weights"
    return "h5_model" if "model_weights" in root.names() else "weights3"


def _kind_of_folder(path: Path) -> str:
    names = set(os.listdir(path))
    if "config.json" in names:
        return "keras_folder"
    if "saved_model.pb" in names:
        raise FileFormatError(
            f"{path}: is a SavedModel of TensorFlow, which holds a program rather than a model. Load it with TensorFlow and "
            "write model.save('model.keras') there."
        )
    raise FileFormatError(f"{path}: is a folder without config.json, so no model of Keras. {_KNOWN}")


def _unknown(start: bytes, where: str) -> str:
    if not start:
        return f"is empty. {_KNOWN}"
    for sign, what in _OTHERS:
        if start.startswith(sign):
            return f"{what} {_KNOWN}"
    if start[8:9] == b"{" and b"data_offsets" in start:
        return _SAFETENSORS.format(path=where)
    what = _SUFFIXES.get(Path(where).suffix.lower(), f"is of no known format; it begins with {start[:8]!r}.")
    return f"{what} {_KNOWN}"


def _near(path: Path) -> str:
    """A hint at files beside it that may be meant."""
    if not path.parent.is_dir():
        return f"There is no folder {path.parent} either."
    others = sorted(p.name for p in path.parent.iterdir() if p.name.startswith(path.name.split(".")[0]))[:5]
    return f"There is: {', '.join(others)}." if others else ""

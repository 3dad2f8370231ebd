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

from jkeras._base.errors import FileFormatError
from jkeras.saving.hdf5_door import StoredGroup

_HDF5 = b"\x89HDF\r\n\x1a\n"
_FARTHEST = 1 << 20  # where HDF5's signature is looked for
_KNOWN = "jkeras reads .keras, .h5, .weights.h5 and .weights.json of Keras 2 and Keras 3."
_OTHERS = (
    (b"\x80", "a Python pickle. Pickles run code when they are read, so jkeras reads none"),
    (b"\x1f\x8b", "packed by gzip. Unpack it first"),
    (b"<!", "a web page. Was the download refused?"),
    (b"<html", "a web page. Was the download refused?"),
    (b"version https://git-lfs", "a pointer of Git LFS. Fetch the file itself: git lfs pull"),
    (b"\x93NUMPY", "a numpy array"),
)


def kind_of(path: Path) -> str:
    """`"keras"`, `"keras_folder"`, `"hdf5"` or `"shards"`.

    Args:
        path: of a file or folder.

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
    if not path.exists():
        raise FileNotFoundError(f"There is no file {path}. {_near(path)}")
    if path.is_dir():
        return _kind_of_folder(path)
    if not path.is_file():
        raise FileFormatError(f"{path}: is a device or a pipe, not a file.")
    with open(path, "rb") as file:
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
        return "shards"
    raise FileFormatError(f"{path}: {_unknown(start)}")


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


def _unknown(start: bytes) -> str:
    if not start:
        return f"is empty. {_KNOWN}"
    for sign, what in _OTHERS:
        if start.startswith(sign):
            return f"is {what}. {_KNOWN}"
    return f"is of no known format; it begins with {start[:8]!r}. {_KNOWN}"


def _near(path: Path) -> str:
    """A hint at files beside it that may be meant."""
    if not path.parent.is_dir():
        return f"There is no folder {path.parent} either."
    others = sorted(p.name for p in path.parent.iterdir() if p.name.startswith(path.name.split(".")[0]))[:5]
    return f"There is: {', '.join(others)}." if others else ""

"""Which format is written: the suffix says it, as in Keras."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

_H5 = (".h5", ".hdf5", ".hdf", ".he5")
_NO_SUFFIX = """Cannot tell in which format to write {path}. Give the path a suffix:

    model.save("model.keras")       # Keras 3; the default to choose
    model.save("model.h5")          # Keras 2
"""
_NO_WEIGHTS_SUFFIX = """Cannot tell in which format to write weights to {path}. Give the path a suffix:

    model.save_weights("model.weights.h5")      # Keras 3
    model.save_weights("model.weights.json")    # Keras 3, in several files
    model.save_weights("weights.h5")            # Keras 2
"""
_SAVED_MODEL = """jkeras writes no SavedModel of TensorFlow. Write model.save("model.keras") to load it again, or
model.export("model.stablehlo") for a program that runs without jkeras."""


def model_format(target: Path | BinaryIO, save_format: str | None = None, zipped: bool | None = None) -> str:
    """`"keras"`, `"keras_folder"` or `"h5"`.

    Args:
        target: where the model is to go: a path, or an open file, which has no suffix and gets a `.keras`.
        save_format: Keras 2's argument; wins over the suffix.
        zipped: False for a folder; None follows the path.

    Raises:
        ValueError: nothing says the format, or two things say different ones.

    Example:
        >>> model_format(Path("a.keras")), model_format(Path("a.h5")), model_format(Path("a"), zipped=False)
        ('keras', 'h5', 'keras_folder')
    """
    if save_format not in (None, "keras", "keras_v3", "h5", "hdf5"):
        if save_format == "tf":
            raise ValueError(_SAVED_MODEL)
        raise ValueError(f"save_format is 'keras' or 'h5'. Received: {save_format!r}.")
    path = target if isinstance(target, Path) else Path("model.keras")
    h5 = path.suffix.lower() in _H5 if save_format is None else save_format in ("h5", "hdf5")
    if h5 and zipped is not None:
        raise ValueError(f"zipped={zipped} is for .keras files; {path} is written as HDF5. Leave it out.")
    if h5:
        return "h5"
    if zipped is False:
        if path is not target:
            raise ValueError("zipped=False writes a folder. Give its path, not an open file.")
        return "keras_folder"
    if path.suffix != ".keras" and save_format is None and not zipped:
        raise ValueError(_NO_SUFFIX.format(path=path))
    return "keras"


def weights_format(target: Path | BinaryIO, save_format: str | None = None, max_shard_size: float | None = None) -> str:
    """`"weights3"`, `"shards"` or `"h5"`.

    Args:
        target: where the weights are to go: a path, or an open file, which is filled as a `.weights.h5` would be.
        save_format: Keras 2's argument, `"h5"`; it only confirms the suffix.
        max_shard_size: gigabytes of one file; only for `.weights.json`.

    Raises:
        ValueError: nothing says the format, or two things say different ones.

    Example:
        >>> [weights_format(Path(name)) for name in ("a.weights.h5", "a.weights.json", "a.h5")]
        ['weights3', 'shards', 'h5']
    """
    if save_format == "tf":
        raise ValueError(_SAVED_MODEL)
    if save_format not in (None, "h5", "hdf5", "keras"):
        raise ValueError(f"save_format is 'h5', or None for the format of the suffix. Received: {save_format!r}.")
    path = target if isinstance(target, Path) else Path("model.weights.h5")
    form = None
    if path.name.endswith(".weights.json"):
        form = "shards"
    elif path.name.endswith(".weights.h5"):
        form = "weights3"
    elif path.suffix.lower() in _H5 or (save_format in ("h5", "hdf5") and not path.suffix):
        form = "h5"
    if form is None:
        raise ValueError(_NO_WEIGHTS_SUFFIX.format(path=path))
    if max_shard_size is not None and form != "shards":
        raise ValueError(f"max_shard_size is for .weights.json. Received: {path}.")
    return form


def check_free(target: Path | BinaryIO, overwrite: bool) -> None:
    """Refuse to replace a file unless it may be.

    Args:
        target: where something is to go: a path, or an open file.
        overwrite: whether it may replace what is there.

    Raises:
        FileExistsError: it may not. (Keras asks on the terminal; a program that waits for an answer helps nobody.)
    """
    if not overwrite and isinstance(target, Path) and target.exists():
        raise FileExistsError(f"{target} exists and overwrite=False. Choose another path, or write overwrite=True.")

"""Names without a known suffix, which Keras 2 took for formats of several files.

`model.save("folder")` wrote a SavedModel, `save_weights("name")` a checkpoint, which is several files that begin with the name.
jkeras reads both and writes neither. Where old scripts run (`settings.keras2_files`), such a name means what a script needs to
load the same again: a folder that holds what a `.keras` file does, and a file `name.weights.h5`. A warning says so. Elsewhere a
name without a suffix is an error when it is written, as in Keras 3.
"""

from __future__ import annotations

import dataclasses
import os
import warnings
from pathlib import Path

from jkeras._base.config import settings
from jkeras._safe_io.tensor_bundle import INDEX
from jkeras.saving.formats.base import Target, WriteOptions
from jkeras.saving.formats.keras_archive import MEMBERS
from jkeras.saving.formats.known import is_claimed

_SEVERAL_FILES = "tf"  # Keras 2's `save_format` of such names
_WEIGHTS = ".weights.h5"
_MODEL_WRITTEN = """{path} has no suffix of a file format. In Keras 2 that meant a SavedModel, which jkeras does not
write. The folder gets what a .keras file holds; keras.models.load_model({name!r}) reads it. Better: model.save({better!r})."""
_WEIGHTS_WRITTEN = """{path} has no suffix of a file format. In Keras 2 that meant a checkpoint of several files, which jkeras
does not write. The weights are in {written}, and load_weights({name!r}) reads them. Better: save_weights({better!r})."""
_OTHERS = """The folder {path} holds other files, such as {first!r}, and a model's folder is written anew each time. Choose a
folder of its own, or write model.save("model.keras")."""


def model_target(target: Target, options: WriteOptions, save_format: str | None) -> tuple[Target, WriteOptions, str | None]:
    """Where and how a whole model goes: for a bare name, into a folder.

    Raises:
        FileExistsError: the folder holds other files.
    """
    if not _is_bare(target, options, save_format, whole=True):
        return target, options, _unless_several_files(save_format)
    assert isinstance(target, Path)
    others = sorted(set(os.listdir(target)) - MEMBERS) if target.is_dir() else []
    if others:
        raise FileExistsError(_OTHERS.format(path=target, first=others[0]))
    name = os.fspath(target)
    warnings.warn(_MODEL_WRITTEN.format(path=target, name=name, better=f"{name}.keras"), stacklevel=4)
    return target, dataclasses.replace(options, zipped=False), None


def weights_target(target: Target, options: WriteOptions, save_format: str | None) -> tuple[Target, str | None]:
    """Where weights go: for a bare name, to a file that begins with it."""
    if not _is_bare(target, options, save_format, whole=False):
        return target, _unless_several_files(save_format)
    assert isinstance(target, Path)
    written, name = with_suffix(target), os.fspath(target)
    warnings.warn(_WEIGHTS_WRITTEN.format(path=target, written=written, name=name, better=os.fspath(written)), stacklevel=4)
    return written, None


def weights_source(filepath: object) -> tuple[object, object]:
    """The file that a name of weights stands for, and what `load_weights` returns: for a bare name `settings.restored`."""
    if settings.keras2_files and isinstance(filepath, (str, os.PathLike)) and os.fspath(filepath):
        path = Path(os.fspath(filepath))  # type: ignore[arg-type]
        if not path.is_file() and with_suffix(path).is_file():
            return with_suffix(path), settings.restored
        if (path / "saved_model.pb").is_file() or path.with_name(path.name + INDEX).is_file():
            return filepath, settings.restored
    return filepath, None


def with_suffix(path: Path) -> Path:
    """The file that holds the weights of a bare name.

    Example:
        >>> with_suffix(Path("runs/cp-0001.ckpt")).name
        'cp-0001.ckpt.weights.h5'
    """
    return path.with_name(path.name + _WEIGHTS)


def _is_bare(target: Target, options: WriteOptions, save_format: str | None, *, whole: bool) -> bool:
    if not settings.keras2_files or not isinstance(target, Path) or save_format not in (None, _SEVERAL_FILES):
        return False
    return not is_claimed(target, options, whole=whole)


def _unless_several_files(save_format: str | None) -> str | None:
    """Where old scripts run, the suffix decides rather than `save_format="tf"`."""
    return None if settings.keras2_files and save_format == _SEVERAL_FILES else save_format

"""Folders that the callback `OrbaxCheckpoint` writes: the last checkpoint as a model, or as weights.

    folder/3/weights, folder/3/optimizer        arrays, in orbax's own format
    folder/3/notes/metadata                     JSON: the resume state and, as "model", the architecture

Orbax reads the arrays; their names and shapes are compared with the model's first, and their size with that of the folder.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator
from pathlib import Path

import jax
import numpy as np

from jkeras._base.errors import FileFormatError, UnsafeFileError
from jkeras._safe_io.json import MAX_BYTES, read_json
from jkeras._safe_io.sources import Source
from jkeras.callbacks.orbax_checkpoint import OrbaxCheckpoint
from jkeras.saving.formats.base import Format, ReadOptions, Target, WriteOptions, errors_name
from jkeras.saving.model_classes import Model
from jkeras.saving.serialization import compile_from_config, compile_if_known, model_from_config

_FREE, _RATIO = 32 << 20, 100  # as for archives: bytes in memory for bytes on disk


class OrbaxFolder(Format):
    """A folder of `OrbaxCheckpoint`."""

    title = "of OrbaxCheckpoint"
    suffixes = ()

    def sniff(self, source: Source) -> bool:
        """Whether a folder holds such checkpoints."""
        return source.names is not None and _last(source) is not None

    def write(self, target: Target, model: Model, options: WriteOptions) -> None:
        """Refuses: the callback writes such folders."""
        raise ValueError("Such folders are written by fit(callbacks=[OrbaxCheckpoint(folder)]).")

    def read(self, source: Source, options: ReadOptions) -> Model:
        step = _last(source)
        assert step is not None
        architecture = _notes(step).get("model")
        if not isinstance(architecture, str):
            return super().read(source, options)
        place = f"{source.where}: the architecture"
        with errors_name(place):
            config = read_json(architecture, where=place)
            model = model_from_config(config, options.custom_objects)
            if options.compile:
                compiled = config.get("compile_config")
                compile_if_known(compile_from_config, model, compiled, options.custom_objects, place)
        _restore(source, step, model)
        return model

    def read_weights(self, source: Source, model: Model, options: ReadOptions) -> None:
        if options.skip_mismatch:
            raise ValueError(f"{source.where}: skip_mismatch is not for folders of OrbaxCheckpoint. Leave it out.")
        step = _last(source)
        assert step is not None
        _restore(source, step, model)


def _restore(source: Source, step: Path, model: Model) -> None:
    """Read the very checkpoint that was checked, not what the folder's last one is by now."""
    _check_size(source, step, model)
    with _opened(source) as checkpoint:
        checkpoint.restore(model, int(step.name))


@contextlib.contextmanager
def _opened(source: Source) -> Iterator[OrbaxCheckpoint]:
    assert source.path is not None
    checkpoint = OrbaxCheckpoint(source.path)
    try:
        yield checkpoint
    finally:
        checkpoint.close()


def _last(source: Source) -> Path | None:
    """The folder of the last checkpoint that is complete."""
    assert source.path is not None and source.names is not None
    numbers = sorted((int(name) for name in source.names if name.isdecimal() and name.isascii()), reverse=True)
    steps = (source.path / str(number) for number in numbers)
    return next((step for step in steps if (step / "weights" / "_METADATA").is_file()), None)


def _notes(step: Path) -> dict[str, object]:
    file = step / "notes" / "metadata"
    if not file.is_file():
        return {}
    if file.stat().st_size > MAX_BYTES:
        raise UnsafeFileError(f"{file}: has {file.stat().st_size:,} bytes; no more than {MAX_BYTES:,} are read.")
    notes = read_json(file.read_bytes(), where=str(file))
    if not isinstance(notes, dict):
        raise FileFormatError(f"{file}: is not a JSON object.")
    return notes


def _check_size(source: Source, step: Path, model: Model) -> None:
    """Refuse a model that is out of proportion to the folder, before arrays are made for it."""
    specs = jax.tree.leaves(model.snapshot_specs(optimizer=False))
    wanted = sum(math.prod(spec.shape) * np.dtype(spec.dtype).itemsize for spec in specs)
    stored = sum(file.stat().st_size for file in step.rglob("*") if file.is_file())
    if wanted > max(_FREE, _RATIO * stored):
        raise UnsafeFileError(f"{source.where}: the model's weights take {wanted:,} bytes, and the folder has {stored:,}.")

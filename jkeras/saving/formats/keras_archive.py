"""`.keras`: a model of Keras 3, in a zip archive or in a folder.

    metadata.json      {"keras_version": "3.15.1", "date_saved": "2025-01-31@12:00:00"}
    config.json        the model as a Keras 3 object
    model.weights.h5   weights and optimizer, in the layout of a Keras 3 weights file
    assets/...         files of layers that keep some, in folders named like the layers' groups in the weights file

Both forms are read by exact names. The files of layers are for the layers' own code to read; those of an archive are unpacked
to a folder that exists only for that time.

Reading leaves a file no room. The config makes a model, by a closed table of classes, whose Variables hold descriptions instead
of arrays; every shape and the total of bytes are compared with what is stored; only then are arrays read. So a config of ten
lines cannot make the loader allocate gigabytes, and a data set that claims to be huge is never touched.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from jkeras._base.atomic import atomic_folder
from jkeras._base.errors import FileFormatError, UnsafeFileError
from jkeras._safe_io.folder import StoredFolder
from jkeras._safe_io.hdf5 import StoredGroup, create_hdf5, open_hdf5
from jkeras._safe_io.json import MAX_BYTES, read_json
from jkeras._safe_io.sources import Source, opened_to_write
from jkeras._safe_io.window import Window
from jkeras._safe_io.zip import StoredZip, open_zip
from jkeras._safe_io.zip_writer import ZipWriter
from jkeras.saving import layout_keras3
from jkeras.saving.config_limits import check_stored
from jkeras.saving.formats.base import Format, ReadOptions, Target, WriteOptions, errors_name
from jkeras.saving.formats.keras3_weights import read_keras3, write_keras3
from jkeras.saving.function_names import warn_of_names
from jkeras.saving.keras2_output import KERAS3_VERSION
from jkeras.saving.model_classes import Model, is_model
from jkeras.saving.own_state import has, write_assets
from jkeras.saving.serialization import compile_from_config, compile_if_known, model_config, model_from_config
from jkeras.saving.shared_calls import number_shared_calls

METADATA, CONFIG, WEIGHTS, ASSETS = "metadata.json", "config.json", "model.weights.h5", "assets"
MEMBERS = frozenset({METADATA, CONFIG, WEIGHTS, ASSETS})
_NPZ = "model.weights.npz"

_PICKLED = """{where}: its weights are in {member}, which holds Python pickles. Pickles run code when they are read, so jkeras
reads none. Load the model with Keras and save it again: it writes {wanted}."""
_FOREIGN = {
    ".npy": "is an archive of NumPy arrays (.npz). Build the model, and give it the arrays with model.set_weights([...]).",
    "data.pkl": "is a file of PyTorch, a Python pickle. Pickles run code when they are read, so jkeras reads none.",
}


class KerasArchive(Format):
    """`.keras`, an archive or a folder."""

    title = "Keras 3, the format to choose"
    suffixes = (".keras",)
    names = ("keras", "keras_v3")
    whole = True
    takes = frozenset({"zipped"})

    def sniff(self, source: Source) -> bool:
        return CONFIG in source.names if source.names is not None else source.start.startswith(b"PK")

    def claim(self, path: Path, options: WriteOptions) -> int:
        return max(super().claim(path, options), options.zipped is not None)

    def write(self, target: Target, model: Model, options: WriteOptions) -> None:
        if options.zipped is False and not isinstance(target, Path):
            raise ValueError("zipped=False writes a folder. Give its path, not an open file.")
        config = model_config(model)
        warn_of_names(model, config, h5=False)
        config = number_shared_calls(config)
        if not options.include_optimizer:
            config.pop("compile_config", None)
        metadata = json.dumps({"keras_version": KERAS3_VERSION, "date_saved": time.strftime("%Y-%m-%d@%H:%M:%S")})
        owners = layout_keras3.places_of(model, options.include_optimizer)
        has_assets = any(has(owner, "save_assets") for _, owner in owners)

        def fill(file: Path | Window) -> None:
            with create_hdf5(file) as root:
                write_keras3(root, model, options.include_optimizer)

        if options.zipped is False and isinstance(target, Path):
            with atomic_folder(target) as folder:
                (folder / METADATA).write_text(metadata, encoding="utf-8")
                (folder / CONFIG).write_text(json.dumps(config), encoding="utf-8")
                fill(folder / WEIGHTS)
                if has_assets:
                    write_assets(folder / ASSETS, owners)
            return
        with opened_to_write(target) as file, ZipWriter(file) as archive:
            archive.writestr(METADATA, metadata)
            archive.writestr(CONFIG, json.dumps(config))
            with archive.fill(WEIGHTS) as window:
                fill(window)
            if has_assets:
                with tempfile.TemporaryDirectory() as temporary:
                    write_assets(Path(temporary) / ASSETS, owners)
                    _pack(archive, Path(temporary))

    def read(self, source: Source, options: ReadOptions) -> Model:
        with open_archive(source) as archive:
            place = f"{source.where}: {CONFIG}"
            with errors_name(place):
                config = archive.json(CONFIG)
                check_stored(config, archive.count_stored)
                model = model_from_config(config, options.custom_objects, archive.version())
                if options.compile and is_model(model):
                    compiled = config.get("compile_config")
                    compile_if_known(compile_from_config, model, compiled, options.custom_objects, place)
            with archive.weights() as root:
                read_keras3(root, model, root.where, ReadOptions(optimizer=model.compiled), archive.assets)
        return model

    def read_weights(self, source: Source, model: Model, options: ReadOptions) -> None:
        with open_archive(source) as archive, archive.weights() as root:
            read_keras3(root, model, root.where, options)


class StoredArchive:
    """An opened `.keras`."""

    def __init__(self, members: StoredZip | StoredFolder, where: str):
        self._members, self.where = members, where

    def json(self, name: str) -> Any:
        """A member, parsed."""
        return read_json(self._members.read(name, MAX_BYTES), where=f"{self.where}: {name}")

    def metadata(self) -> Any:
        """What it says of itself; None if that is nothing."""
        return self.json(METADATA) if METADATA in self._members else None

    def version(self) -> object:
        """The version of Keras that wrote it; None if it does not say."""
        metadata = self.metadata()
        return metadata.get("keras_version") if isinstance(metadata, Mapping) else None

    @contextlib.contextmanager
    def weights(self) -> Iterator[StoredGroup]:
        """The HDF5 file with the weights.

        Raises:
            UnsafeFileError: they are in another form, which cannot be read safely.
            FileFormatError: there are none.
        """
        if WEIGHTS not in self._members and _NPZ in self._members:
            raise UnsafeFileError(_PICKLED.format(where=self.where, member=_NPZ, wanted=WEIGHTS))
        with self._members.open(WEIGHTS) as file, open_hdf5(file, f"{self.where}: {WEIGHTS}") as root:
            yield root

    def count_stored(self) -> int:
        """How many layers there are weights for."""
        with self.weights() as root:
            return sum(1 for _ in layout_keras3.groups_with_arrays(root))

    def assets(self) -> AbstractContextManager[Path | None]:
        """The folder of the layers' files; None if there is none."""
        return self._members.folder(ASSETS)


@contextlib.contextmanager
def open_archive(source: Source) -> Iterator[StoredArchive]:
    """The parts of a `.keras` file or folder, valid until the block ends."""
    if source.names is not None and source.path is not None:
        yield StoredArchive(StoredFolder(source.path), source.where)
        return
    with open_zip(source.file, source.where) as members:
        if CONFIG not in members and WEIGHTS not in members:
            for end, what in _FOREIGN.items():
                if any(name.endswith(end) for name in members.names()):
                    raise FileFormatError(f"{source.where}: {what}")
        yield StoredArchive(members, source.where)


def _pack(archive: ZipWriter, folder: Path) -> None:
    """Put all files below a folder into an archive."""
    for path in sorted(folder.rglob("*")):
        if path.is_symlink() or not (path.is_file() or path.is_dir()):
            raise ValueError(f"save_assets wrote {path.name!r}, which is a link, a pipe or a device. Write plain files.")
        if path.is_file():
            with archive.fill(path.relative_to(folder).as_posix()) as window, open(path, "rb") as file:
                shutil.copyfileobj(file, window)

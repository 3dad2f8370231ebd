"""`save_model`, `load_model`, `save_weights`, `load_weights`: whole files, in whatever format.

Writing follows the suffix, reading the content. Reading goes in an order that leaves a file no room:

1. The config is read and a model is made of it, by a closed table of classes; its boxes hold descriptions, not arrays.
2. Every shape and the total of bytes are held against what is stored.
3. Only then arrays are read.

So a config of ten lines cannot make the loader allocate gigabytes, and a data set that claims to be huge is never touched.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from jkeras._base.errors import FileFormatError, unexpected_arguments
from jkeras.models import persistence
from jkeras.saving import layout_keras2, layout_keras3, sharded
from jkeras.saving.archive import open_archive, write_archive
from jkeras.saving.config_limits import check_stored
from jkeras.saving.formats import check_free, model_format, weights_format
from jkeras.saving.function_names import warn_of_names
from jkeras.saving.h5_model import read_h5_model, read_h5_weights, said_of, write_h5_model
from jkeras.saving.hdf5_door import StoredGroup, create_hdf5, open_hdf5
from jkeras.saving.open_files import opened_to_write, source_of, target_of, where_of
from jkeras.saving.own_state import has, write_assets
from jkeras.saving.serialization import (
    compile_from_config,
    compile_if_known,
    model_config,
    model_from_config,
    model_from_json,
    to_json,
)
from jkeras.saving.shared_calls import number_shared_calls
from jkeras.saving.sniff import kind_of, kind_of_hdf5
from jkeras.saving.training_state import read_training, write_training
from jkeras.saving.window import read_hdf5, write_hdf5

FilePath = str | os.PathLike[str] | BinaryIO

_WEIGHTS_ONLY = """{where}: holds weights, but no architecture. Build the model as it was, and write

    model.load_weights({where!r})
"""
_NO_CONFIG = """{where}: holds weights in the group model_weights, but no architecture (no attribute model_config). Build the
model as it was, and write model.load_weights({where!r})."""


def save_model(
    model: Any,
    filepath: FilePath,
    overwrite: bool = True,
    include_optimizer: bool = True,
    save_format: str | None = None,
    zipped: bool | None = None,
    **kwargs: Any,
) -> None:
    """Write a whole model; `Model.save` says more.

    Args:
        model: to write.
        filepath: `.keras`, `.h5` or `.hdf5`; or an open binary file, which gets a `.keras` unless `save_format` says otherwise.
        overwrite: whether a file that exists is replaced.
        include_optimizer: whether optimizer, `compile` and training go along.
        save_format: `"keras"` or `"h5"`, against the suffix.
        zipped: False writes a folder.

    Raises:
        FileExistsError: there is such a file and `overwrite=False`.
        OSError: it cannot be written; a file that was there before is whole then.
        ValueError: the format is not known.
    """
    if kwargs:
        raise unexpected_arguments("save_model", kwargs, ("overwrite", "include_optimizer", "save_format", "zipped"))
    target = target_of(filepath, "save_model")
    form = model_format(target, save_format, zipped)
    check_free(target, overwrite)
    config = model_config(model)
    warn_of_names(model, config, h5=form == "h5")
    if form == "h5":
        with opened_to_write(target) as file, write_hdf5(file) as root:
            write_h5_model(root, model, include_optimizer)
        return
    config = number_shared_calls(config)
    if not include_optimizer:
        config.pop("compile_config", None)

    def fill(file: Any) -> None:
        with create_hdf5(file) as root:
            _write_weights3(root, model, include_optimizer)

    places = layout_keras3.places_of(model, include_optimizer)
    assets = functools.partial(write_assets, places=places) if any(has(owner, "save_assets") for _, owner in places) else None
    write_archive(target, json.dumps(config), fill, assets, zipped=form == "keras")


def load_model(
    filepath: FilePath, custom_objects: Mapping[str, Any] | None = None, compile: bool = True, safe_mode: bool = True
) -> Any:
    """Read a whole model from a file of Keras 2, Keras 3 or jkeras.

    Args:
        filepath: of a `.keras` file or folder or an HDF5 file, whatever its suffix; or an open binary file.
        custom_objects: `{name: class or function}` for what is not Keras' own.
        compile: whether it is compiled as it was; the optimizer's state comes along.
        safe_mode: accepted for Keras' sake. Loading is safe in any case: no file can name code to run.

    Returns:
        The model, built, with its weights.

    Raises:
        FileNotFoundError: there is no such file.
        FileFormatError: it is damaged, holds no model, or its weights do not fit its config.
        UnsafeFileError: it asks for what no file may ask for.

    Example:
        >>> import tempfile, jkeras
        >>> path = os.path.join(tempfile.mkdtemp(), "model.h5")
        >>> jkeras.Sequential([jkeras.Input((4,)), jkeras.layers.Dense(2)]).save(path)
        >>> load_model(path).output_shape
        (None, 2)
    """
    source = source_of(filepath, "load_model")
    where, kind = where_of(source), kind_of(source)
    if kind == "shards":
        raise FileFormatError(_WEIGHTS_ONLY.format(where=where))
    if kind == "hdf5":
        with read_hdf5(source, where) as root:
            found = kind_of_hdf5(root)
            if found != "h5_model":
                raise FileFormatError(_WEIGHTS_ONLY.format(where=where))
            if root.attribute("model_config") is None:
                raise FileFormatError(_NO_CONFIG.format(where=where))
            return read_h5_model(root, where, custom_objects, compile)
    with open_archive(source) as archive:
        with said_of(f"{where}: config.json"):
            config = archive.config()
            check_stored(config, lambda: _count_stored(archive))
            model = model_from_config(config, custom_objects, _version_of(archive))
            if compile:
                place = f"{where}: config.json"
                compile_if_known(compile_from_config, model, config.get("compile_config"), custom_objects, place)
        with _archived_weights(archive) as (root, inside):
            _read_weights3(root, model, inside, optimizer=model.compiled, assets=archive.assets)
    return model


def save_weights(
    model: Any, filepath: FilePath, overwrite: bool = True, max_shard_size: float | None = None, save_format: str | None = None
) -> None:
    """Write a model's weights; `Model.save_weights` says more.

    Args:
        model: built.
        filepath: `.weights.h5`, `.weights.json`, `.h5` or `.hdf5`; or an open binary file, for what a `.weights.h5` holds.
        overwrite: whether a file that exists is replaced.
        max_shard_size: gigabytes of one file, for `.weights.json`.
        save_format: `"h5"` or None.

    Raises:
        FileExistsError: there is such a file and `overwrite=False`.
        OSError: it cannot be written; a file that was there before is whole then.
        ValueError: the format is not known, or the model was not built.
    """
    target = target_of(filepath, "save_weights")
    form = weights_format(target, save_format, max_shard_size)
    model._require_built("save_weights", "model.build(input_shape)")
    check_free(target, overwrite)
    if form == "shards":
        assert isinstance(target, Path)
        sharded.write(target, model, max_shard_size=max_shard_size)
        return
    with opened_to_write(target) as file, write_hdf5(file) as root:
        if form == "h5":
            layout_keras2.write_weights(root, model)
        else:
            _write_weights3(root, model, optimizer=True)


def load_weights(model: Any, filepath: FilePath, skip_mismatch: bool = False, by_name: bool = False, **kwargs: Any) -> None:
    """Read weights into a model; `Model.load_weights` says more.

    Args:
        model: built.
        filepath: of a file of weights, or of a whole model; or an open binary file.
        skip_mismatch: leave out what does not fit, with a warning.
        by_name: match layers by name; only for files of Keras 2.

    Raises:
        FileNotFoundError: there is no such file.
        FileFormatError: it is damaged or not for this model.
        ValueError: the model was not built.
    """
    if kwargs:
        raise unexpected_arguments("load_weights", kwargs, ("skip_mismatch", "by_name"))
    source = source_of(filepath, "load_weights")
    where, kind = where_of(source), kind_of(source)
    model._require_built("load_weights", "model.build(input_shape)")
    # Who loads a part of the weights does not go on with the training that they come from.
    optimizer = model.compiled and not skip_mismatch and not by_name
    model._trainer.resume_state = None
    if kind == "hdf5":
        with read_hdf5(source, where) as root:
            if kind_of_hdf5(root) != "weights3":
                read_h5_weights(root, model, where, by_name, skip_mismatch, optimizer)
                return
            _refuse_by_name(by_name, where)
            _read_weights3(root, model, where, optimizer, skip_mismatch)
        return
    _refuse_by_name(by_name, where)
    if kind == "shards":
        assert isinstance(source, Path)
        sharded.read(source, model, skip_mismatch=skip_mismatch, optimizer=optimizer, where=where)
        return
    with open_archive(source) as archive, _archived_weights(archive) as (root, inside):
        _read_weights3(root, model, inside, optimizer, skip_mismatch)


def _version_of(archive: Any) -> Any:
    metadata = archive.metadata()
    return metadata.get("keras_version") if isinstance(metadata, Mapping) else None


def _count_stored(archive: Any) -> int:
    with _archived_weights(archive) as (root, _):
        return sum(1 for _ in layout_keras3.groups_with_arrays(root))


@contextlib.contextmanager
def _archived_weights(archive: Any) -> Iterator[tuple[StoredGroup, str]]:
    where = f"{archive.where}: model.weights.h5"
    with archive.weights() as file, open_hdf5(file, where) as root:
        yield root, where


def _write_weights3(root: Any, model: Any, optimizer: bool) -> None:
    layout_keras3.write(root, model, optimizer=optimizer)
    if optimizer:
        write_training(root, model)


def _read_weights3(
    root: StoredGroup, model: Any, where: str, optimizer: bool, skip_mismatch: bool = False, assets: Any = None
) -> None:
    layout_keras3.read(root, model, skip_mismatch=skip_mismatch, optimizer=optimizer, assets=assets, where=where)
    if optimizer:
        read_training(root, model, where)


def _refuse_by_name(by_name: bool, where: str) -> None:
    if by_name:
        raise ValueError(
            f"{where}: by_name=True is for files of Keras 2; this one stores weights by their place in the model. Leave it out."
        )


persistence.connect(save_model=save_model, load_model=load_model, save_weights=save_weights, load_weights=load_weights)
persistence.connect(to_json=to_json, model_from_json=model_from_json)

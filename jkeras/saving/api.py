"""`save_model`, `load_model`, `save_weights`, `load_weights`: files of every format; `formats/` has the formats."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from jkeras._base.errors import describe, unexpected_arguments
from jkeras._base.processes import together
from jkeras._base.safe_mode import safe_mode_scope
from jkeras._base.types import CustomObjects
from jkeras._safe_io.sources import FilePath, open_source, target_of
from jkeras.saving.bare_names import model_target, weights_source, weights_target
from jkeras.saving.formats.base import ReadOptions, Target, WriteOptions
from jkeras.saving.formats.known import format_for, format_of
from jkeras.saving.model_classes import Model, is_stored_whole


def save_model(
    model: Model,
    filepath: FilePath,
    overwrite: bool = True,
    include_optimizer: bool = True,
    save_format: str | None = None,
    zipped: bool | None = None,
    **kwargs: object,
) -> None:
    """Write a whole model: architecture, weights, how it was compiled, the optimizer, and where its training stands.

    The file is written beside its place and moved there when it is complete: at any moment there is the old file or the new one.

    Args:
        model: to write.
        filepath: its suffix gives the format: `.keras` (Keras 3), `.h5` or `.hdf5` (Keras 2). A missing folder is made. Or an
            open binary file, such as `io.BytesIO()`, which gets what a `.keras` holds unless `save_format` says otherwise.
        overwrite: whether an existing file is replaced.
        include_optimizer: whether optimizer, `compile` and training are written too.
        save_format: Keras 2's `"keras"` or `"h5"`. It overrides the suffix of a path, and does not stand in for a missing one.
        zipped: False writes a folder in place of a `.keras` file.

    Raises:
        FileExistsError: there is such a file and `overwrite=False`.
        OSError: it cannot be written; a file that was there before is whole then.
        ValueError: the format is not known, or an argument.
        TypeError: it is not a model.
    """
    if kwargs:
        known = ("overwrite", "include_optimizer", "save_format", "zipped")
        raise ValueError(str(unexpected_arguments("save_model", kwargs, known)))  # the type is Keras'
    if not is_stored_whole(model):
        raise TypeError(f"save_model writes a model. Received: {describe(model)}. Put a layer into one: Sequential([layer]).")
    target = target_of(filepath, "save_model")
    options = WriteOptions(include_optimizer=include_optimizer, zipped=zipped)
    target, options, save_format = model_target(target, options, save_format)
    form = format_for(target, options, save_format, whole=True)
    _check_free(target, overwrite)
    with together("saving"):
        form.write(target, model, options)


def load_model(filepath: FilePath, custom_objects: CustomObjects = None, compile: bool = True, safe_mode: bool = True) -> Model:
    """Read a whole model from a file of Keras 2, Keras 3 or jkeras.

    Args:
        filepath: of a `.keras` file or folder, an HDF5 file, a SavedModel of Keras 2 or a folder of `OrbaxCheckpoint`, or an open
            binary file; its content tells the format.
        custom_objects: `{name: class or function}` for what is not Keras' own.
        compile: whether it is compiled as it was; the optimizer's state comes along.
        safe_mode: what `in_safe_mode` tells constructors of your own classes meanwhile. Loading is safe in any case: no file can
            name code to run.

    Returns:
        The model, built, with its weights.

    Raises:
        FileNotFoundError: there is no such file.
        FileFormatError: it is damaged, holds no model, or its weights do not fit its config.
        UnsafeFileError: it asks for what no file may ask for.

    Example:
        >>> import os, tempfile, jkeras
        >>> path = os.path.join(tempfile.mkdtemp(), "model.h5")
        >>> jkeras.Sequential([jkeras.Input((4,)), jkeras.layers.Dense(2)]).save(path)
        >>> load_model(path).output_shape
        (None, 2)
    """
    with safe_mode_scope(safe_mode), open_source(filepath, "load_model") as source:
        return format_of(source).read(source, ReadOptions(custom_objects=custom_objects, compile=compile))


def save_weights(
    model: Model,
    filepath: FilePath,
    overwrite: bool = True,
    max_shard_size: float | None = None,
    save_format: str | None = None,
    objects_to_skip: Iterable[object] | None = None,
) -> None:
    """Write a model's weights, and the optimizer's if the format has a place for them.

    Args:
        model: built.
        filepath: `.weights.h5` (Keras 3), `.weights.json` (Keras 3, in several files), `.h5` or `.hdf5` (Keras 2), or
            `.safetensors`; or an open binary file, which gets what a `.weights.h5` holds.
        overwrite: whether an existing file is replaced.
        max_shard_size: gigabytes per file, for `.weights.json`.
        save_format: `"h5"` or None.
        objects_to_skip: layers whose weights are left out, and all those below them, for `.weights.h5`; the optimizer then is
            left out too.

    Raises:
        FileExistsError: there is such a file and `overwrite=False`.
        OSError: it cannot be written; a file that was there before is whole then.
        ValueError: the format is not known, or the model is not built.
    """
    target = target_of(filepath, "save_weights")
    options = WriteOptions(max_shard_size=max_shard_size, objects_to_skip=_listed(objects_to_skip))
    target, save_format = weights_target(target, options, save_format)
    form = format_for(target, options, save_format, whole=False)
    model._require_built("save_weights", "model.build(input_shape)")
    _check_free(target, overwrite)
    with together("saving"):
        form.write(target, model, options)


def load_weights(
    model: Model,
    filepath: FilePath,
    skip_mismatch: bool = False,
    by_name: bool = False,
    objects_to_skip: Iterable[object] | None = None,
    **kwargs: object,
) -> object:
    """Read weights from any file that holds some: of weights alone or of a whole model, of Keras 2 or Keras 3.

    All shapes are compared before anything is read; if one differs, the model stays as it is. A compiled model gets the
    optimizer's weights too, and then `fit(resume=True)` continues where the saved training stood. Loading only some weights
    does not restore it.

    Args:
        model: built.
        filepath: of the file, or an open binary file; its content tells the format. A checkpoint of TensorFlow has the name that
            its files begin with.
        skip_mismatch: leave out what does not fit, with a warning.
        by_name: match layers by name rather than by position; only for files of Keras 2.
        objects_to_skip: layers that keep their weights, and all those below them; only for `.weights.h5`.

    Returns:
        None; for a name without a suffix `settings.restored`, which `jkeras.compat` sets.

    Raises:
        FileNotFoundError: there is no such file.
        FileFormatError: it is damaged or not for this model.
        ValueError: the model is not built.
    """
    if kwargs:
        raise unexpected_arguments("load_weights", kwargs, ("skip_mismatch", "by_name", "objects_to_skip"))
    skip = _listed(objects_to_skip)
    found, restored = weights_source(filepath)
    with open_source(found, "load_weights") as source:
        form = format_of(source)
        model._require_built("load_weights", "model.build(input_shape)")
        model._trainer.resume_state = None
        model._trainer.claim()
        if by_name and "by_name" not in form.takes:
            raise ValueError(
                f"{source.where}: by_name=True is for files of Keras 2; this one stores weights by their place in the model. "
                "Leave it out."
            )
        if skip and "objects_to_skip" not in form.takes:
            raise ValueError(f"{source.where}: objects_to_skip is for .weights.h5; this file is {form.title}. Leave it out.")
        whole = model.compiled and not skip_mismatch and not by_name and not skip
        options = ReadOptions(optimizer=whole, skip_mismatch=skip_mismatch, by_name=by_name, objects_to_skip=skip)
        form.read_weights(source, model, options)
    return restored


def _listed(objects: Iterable[object] | None) -> tuple[object, ...] | None:
    return None if objects is None else tuple(objects)


def _check_free(target: Target, overwrite: bool) -> None:
    """Refuse to replace a file without leave. (Keras asks on the terminal; a program that waits for an answer helps nobody.)"""
    if not overwrite and isinstance(target, Path) and target.exists():
        raise FileExistsError(f"{target} exists and overwrite=False. Choose another path, or write overwrite=True.")

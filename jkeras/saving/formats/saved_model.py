"""Folders that `model.save("folder")` of Keras 2 wrote: a SavedModel of TensorFlow, with what Keras knows of its models.

    keras_metadata.pb                    the architecture and `compile`'s arguments, as JSON
    variables/variables.index, .data-*   weights and optimizer, a checkpoint
    saved_model.pb                       a program; its graph of objects holds the JSON of versions before 2.5
    assets/

The program is neither run nor looked at: the model is made from its config, as from any other file.

Source: `saved_metadata.proto` of Keras, `saved_object_graph.proto` of TensorFlow.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any

from jkeras._base.errors import FileFormatError, UnknownObjectError
from jkeras._safe_io.folder import StoredFolder
from jkeras._safe_io.json import read_json
from jkeras._safe_io.protobuf import Message
from jkeras._safe_io.sources import Source
from jkeras._safe_io.tensor_bundle import TensorBundle, open_bundle
from jkeras.saving import layout_tensorflow
from jkeras.saving.config_limits import check_stored
from jkeras.saving.formats.base import Format, ReadOptions, Target, WriteOptions, errors_name
from jkeras.saving.model_classes import Model
from jkeras.saving.nested import with_parts
from jkeras.saving.serialization import compile_from_training_config, compile_if_known, model_from_config

_PROGRAM, _METADATA = "saved_model.pb", "keras_metadata.pb"
_METADATA_BYTES, _PROGRAM_BYTES = 128 << 20, 512 << 20
_SHAPES = ("__tuple__", "TensorShape")
_NO_MODEL = """{where}: is a SavedModel without a model of Keras: a program alone, which only TensorFlow can run. If you have the
code of the model, build it and write model.load_weights({where!r})."""
_NO_CONFIG = """{where}: its {name} was saved without a config, so the file does not say how to make it. Build the model in
Python, and write model.load_weights({where!r})."""
_NO_SHAPES = """{where}: does not say for which inputs to build {name}. Build it in Python, by a call on data or build(shape), and
write model.load_weights({where!r})."""
_NO_VOCABULARY = """{where}: the vocabulary of {names} is in a table of the program, which is not read. Before you call the
model, set it: layer.set_vocabulary(words), or layer.adapt(texts) with the texts that it was adapted to."""
_OR_IN_PYTHON = "Or build the model in Python, and write model.load_weights({where!r})."


class SavedModel(Format):
    """A SavedModel of Keras 2."""

    title = "SavedModel"
    suffixes = ()
    whole = True

    def sniff(self, source: Source) -> bool:
        """Whether a folder holds one."""
        return source.names is not None and _PROGRAM in source.names

    def write(self, target: Target, model: Model, options: WriteOptions) -> None:
        """Refuses: TensorFlow writes these."""
        raise ValueError("jkeras writes no SavedModel. Write model.save('model.keras').")

    def read(self, source: Source, options: ReadOptions) -> Model:
        where, found = source.where, _metadata(source)
        config, training = _config(found, where), _as_dict(found.get("training_config"))
        with _checkpoint(source) as bundle:
            with errors_name(f"{where}: its config"):
                check_stored(config, lambda: bundle.count)
                model = _model(config, options, found.get("keras_version"), where)
            _build(model, found, where)
            if options.compile and training:
                place = f"{where}: training_config"
                with errors_name(place):
                    compile_if_known(compile_from_training_config, model, training, options.custom_objects, place)
            layout_tensorflow.read_weights(bundle, model, optimizer=bool(model.compiled))
        lookups = [layer for layer in model._flatten_layers() if hasattr(layer, "vocabulary_arguments")]
        empty = [layer.name for layer in lookups if layer.vocabulary_arguments()["vocabulary"] is None]
        if empty:
            warnings.warn(_NO_VOCABULARY.format(where=where, names=", ".join(empty)), stacklevel=4)
        return model

    def read_weights(self, source: Source, model: Model, options: ReadOptions) -> None:
        with _checkpoint(source) as bundle:
            skip = options.skip_mismatch
            layout_tensorflow.read_weights(bundle, model, skip_mismatch=skip, optimizer=options.optimizer)


def _model(config: Mapping[str, Any], options: ReadOptions, version: object, where: str) -> Model:
    try:
        return model_from_config(config, options.custom_objects, version)
    except UnknownObjectError as error:
        raise UnknownObjectError(f"{error} {_OR_IN_PYTHON.format(where=where)}") from error


def _checkpoint(source: Source) -> AbstractContextManager[TensorBundle]:
    assert source.path is not None
    return open_bundle(source.path / "variables" / "variables", os.path.join(source.where, "variables", "variables"))


def _metadata(source: Source) -> Mapping[str, Any]:
    """What Keras noted of the model.

    Raises:
        FileFormatError: there is nothing, or it is damaged.
    """
    assert source.path is not None
    folder = StoredFolder(source.path)
    name = _METADATA if _METADATA in folder else _PROGRAM
    where = os.path.join(source.where, name)
    data = memoryview(folder.read(name, _METADATA_BYTES if name == _METADATA else _PROGRAM_BYTES))
    text = _of_metadata(data, where) if name == _METADATA else _of_program(data, where)
    found = _plain(read_json(text, where=where)) if text else None
    if not isinstance(found, Mapping):
        raise FileFormatError(_NO_MODEL.format(where=source.where))
    return found


def _of_metadata(data: memoryview, where: str) -> str:
    nodes = (Message(part, where) for part in Message(data, where).parts(1))
    return next((node.text(5) for node in nodes if node.text(3) == "root"), "")


def _of_program(data: memoryview, where: str) -> str:
    """The JSON at the first object of the graph of objects, in the first of the programs."""
    for field in (2, 7, 1, 4):
        data = next(iter(Message(data, where).parts(field)), memoryview(b""))
    return Message(data, where).text(3)


def _config(found: Mapping[str, Any], where: str) -> Mapping[str, Any]:
    """The config of the model, in the words of `.h5` files."""
    config = found if found.get("config") else _as_dict(found.get("model_config"))
    settings = config.get("config")
    if not isinstance(settings, (Mapping, list)) or "layer was saved without config" in settings:
        raise FileFormatError(_NO_CONFIG.format(where=where, name=found.get("class_name")))
    return {"class_name": config.get("class_name"), "config": settings}


def _build(model: Model, found: Mapping[str, Any], where: str) -> None:
    """Make the weights of a model of the user's own class, for the shapes that it had."""
    shape = found.get("build_input_shape")
    if not model.built and shape:
        try:
            model.build_from_config({"input_shape": shape})
        except Exception as error:  # whatever the class raises
            raise FileFormatError(f"{where}: the model cannot be built for {shape}: {type(error).__name__}: {error}") from error
    if not model.built:
        raise FileFormatError(_NO_SHAPES.format(where=where, name=type(model).__name__))


def _as_dict(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _plain(value: object) -> Any:
    """JSON with its tuples and shapes as lists, as `.h5` files have them."""
    if isinstance(value, Mapping) and value.get("class_name") in _SHAPES and isinstance(value.get("items"), list):
        return [_plain(item) for item in value["items"]]
    return with_parts(value, _plain)

"""`.h5`: Keras 2's HDF5 files, of whole models and of weights alone.

    attributes         model_config, training_config: JSON; keras_version, backend
    model_weights      the weights, as a file of weights alone holds them at its root
    optimizer_weights
    jkeras_training    the resume state; Keras passes over it

Keras 2 (tf_keras) and Keras 3 open what is written here. A file with weights in `model_weights` and without `model_config` is
one of a whole model of which only the weights can be read.
"""

from __future__ import annotations

import json

from jkeras._base.errors import FileFormatError
from jkeras._safe_io.hdf5 import StoredGroup, create_hdf5
from jkeras._safe_io.json import read_json
from jkeras._safe_io.sources import Source, opened_to_write
from jkeras.saving import layout_keras2
from jkeras.saving.config_limits import check_stored
from jkeras.saving.formats.base import Format, ReadOptions, Target, WriteOptions, errors_name
from jkeras.saving.function_names import warn_of_names
from jkeras.saving.keras2_output import with_names_of_functions, with_vocabularies
from jkeras.saving.model_classes import Model
from jkeras.saving.serialization import (
    compile_from_training_config,
    compile_if_known,
    model_config,
    model_config_keras2,
    model_from_config,
    training_config_keras2,
)
from jkeras.saving.training_state import read_training, write_training

_NO_CONFIG = """{where}: holds weights in the group model_weights, but no architecture (no attribute model_config). Build the
model as it was, and write model.load_weights({where!r})."""


class Keras2Model(Format):
    """`.h5` of a whole model."""

    title = "Keras 2"
    suffixes = (".h5", ".hdf5", ".hdf", ".he5")
    names = ("h5", "hdf5")
    whole = True
    takes = frozenset({"by_name"})

    def sniff(self, source: Source) -> bool:
        root = source.hdf5()
        return root is not None and is_keras2(root) and not _is_weights(root)

    def write(self, target: Target, model: Model, options: WriteOptions) -> None:
        warn_of_names(model, model_config(model), h5=True)
        with opened_to_write(target) as file, create_hdf5(file) as root:
            root.attrs["keras_version"], root.attrs["backend"] = layout_keras2.WRITES_AS, "tensorflow"
            lookups = {layer.name: layer for layer in model._flatten_layers() if hasattr(layer, "vocabulary_arguments")}
            config = with_vocabularies(with_names_of_functions(model_config_keras2(model)), lookups)
            root.attrs["model_config"] = json.dumps(config)
            layout_keras2.write_weights(root.create_group("model_weights"), model)
            training = training_config_keras2(model) if options.include_optimizer and model.compiled else None
            if training is None:
                return
            root.attrs["training_config"] = json.dumps(training)
            if model.optimizer.live_state is not None:
                layout_keras2.write_optimizer(root, model)
                write_training(root, model, missing=("accumulators",))  # Keras 2 accumulates no gradients

    def read(self, source: Source, options: ReadOptions) -> Model:
        root, where = _root(source), source.where
        text = root.attribute("model_config")
        if text is None:
            raise FileFormatError(_NO_CONFIG.format(where=where))
        with errors_name(f"{where}: model_config"):
            config = read_json(text, where=f"{where}: model_config")
            check_stored(config, lambda: layout_keras2.count_stored(_weights(root, where), where))
            model = model_from_config(config, options.custom_objects, root.attribute("keras_version"))
        layout_keras2.read_weights(_weights(root, where), model, where=where)
        training = root.attribute("training_config") if options.compile else None
        if training is not None:
            place = f"{where}: training_config"
            with errors_name(place):
                content = read_json(training, where=place)
                compile_if_known(compile_from_training_config, model, content, options.custom_objects, place)
            if model.compiled:
                _read_optimizer(root, model, where)
        return model

    def read_weights(self, source: Source, model: Model, options: ReadOptions) -> None:
        root = _root(source)
        weights = root if _is_weights(root) else _weights(root, source.where)
        by_name, skip = options.by_name, options.skip_mismatch
        layout_keras2.read_weights(weights, model, by_name=by_name, skip_mismatch=skip, where=source.where)
        if options.optimizer:
            _read_optimizer(root, model, source.where)


class Keras2Weights(Keras2Model):
    """`.h5` of weights alone."""

    whole = False

    def sniff(self, source: Source) -> bool:
        root = source.hdf5()
        return root is not None and _is_weights(root)

    def write(self, target: Target, model: Model, options: WriteOptions) -> None:
        with opened_to_write(target) as file, create_hdf5(file) as root:
            layout_keras2.write_weights(root, model)

    read = Format.read


def is_keras2(root: StoredGroup) -> bool:
    """Whether an HDF5 file is one of Keras 2, rather than of weights of Keras 3."""
    names = ("model_config", "layer_names")
    return any(map(root.has_attribute, names)) or "model_weights" in root.names()


def _is_weights(root: StoredGroup) -> bool:
    return root.has_attribute("layer_names") and not root.has_attribute("model_config")


def _root(source: Source) -> StoredGroup:
    root = source.hdf5()
    assert root is not None
    return root


def _weights(root: StoredGroup, where: str) -> StoredGroup:
    group = root.group("model_weights")
    if group is None:
        raise FileFormatError(f"{where}: has no group model_weights.")
    return group


def _read_optimizer(root: StoredGroup, model: Model, where: str) -> None:
    if root.group("optimizer_weights") is not None:
        layout_keras2.read_optimizer(root, model, where=where)
        read_training(root, model, where)

"""The whole-model file of Keras 2: one HDF5 file.

    attributes       model_config, training_config: JSON; keras_version, backend
    model_weights    the weights, as a weights-only file holds them at its root
    optimizer_weights
    jkeras_training  where the training stands; Keras passes over it

Keras 2 (tf_keras) and Keras 3 open what is written here.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

from jkeras._base.errors import FileFormatError
from jkeras.saving import layout_keras2
from jkeras.saving.config_limits import check_stored
from jkeras.saving.hdf5_door import StoredGroup
from jkeras.saving.json_door import read_json
from jkeras.saving.keras2_output import with_names_of_functions
from jkeras.saving.serialization import (
    compile_from_training_config,
    compile_if_known,
    model_config_keras2,
    model_from_config,
    training_config_keras2,
)
from jkeras.saving.training_state import read_training, write_training

WRITES_AS = "2.15.0"  # the version of Keras whose form is written


def write_h5_model(root: Any, model: Any, include_optimizer: bool) -> None:
    """Write a whole model.

    Args:
        root: of an HDF5 file, open for writing.
        model: built.
        include_optimizer: whether optimizer, `compile` and training go along.
    """
    root.attrs["keras_version"], root.attrs["backend"] = WRITES_AS, "tensorflow"
    root.attrs["model_config"] = json.dumps(with_names_of_functions(model_config_keras2(model)))
    layout_keras2.write_weights(root.create_group("model_weights"), model)
    if not include_optimizer or not model.compiled:
        return
    training = training_config_keras2(model)
    if training is None:
        return
    root.attrs["training_config"] = json.dumps(training)
    if model.optimizer.live_state is not None:
        layout_keras2.write_optimizer(root, model)
        write_training(root, model, missing=("accumulators",))  # Keras 2 accumulates no gradients


def read_h5_model(root: StoredGroup, where: str, custom_objects: Mapping[str, Any] | None, compile: bool) -> Any:
    """The model of a whole-model file.

    Args:
        root: of the file.
        where: the file, for messages.
        custom_objects: what is not Keras' own.
        compile: whether it is compiled as it was.
    """
    with said_of(f"{where}: model_config"):
        config = read_json(root.attribute("model_config"), where=f"{where}: model_config")
        check_stored(config, lambda: layout_keras2.count_stored(_weights(root, where), where))
        model = model_from_config(config, custom_objects, root.attribute("keras_version"))
    layout_keras2.read_weights(_weights(root, where), model, where=where)
    training = root.attribute("training_config") if compile else None
    if training is not None:
        place = f"{where}: training_config"
        with said_of(place):
            compile_if_known(compile_from_training_config, model, read_json(training, where=place), custom_objects, place)
        if model.compiled:
            _read_optimizer(root, model, where)
    return model


def read_h5_weights(root: StoredGroup, model: Any, where: str, by_name: bool, skip_mismatch: bool, optimizer: bool) -> None:
    """Read the weights of a whole-model or a weights-only file into a model.

    Args:
        root: of the file.
        model: built.
        where: the file, for messages.
        by_name: match layers by name.
        skip_mismatch: leave out what does not fit.
        optimizer: whether the optimizer's are read too, where there are any.
    """
    weights = root if root.attribute("layer_names") is not None else _weights(root, where)
    layout_keras2.read_weights(weights, model, by_name=by_name, skip_mismatch=skip_mismatch, where=where)
    if optimizer:
        _read_optimizer(root, model, where)


@contextlib.contextmanager
def said_of(where: str) -> Iterator[None]:
    """Let errors of the block name the file and the place in it, where they do not yet.

    Args:
        where: both.
    """
    try:
        yield
    except FileFormatError as error:
        if str(error).startswith(where.partition(": ")[0]):
            raise
        raise type(error)(f"{where}: {error}") from error


def _weights(root: StoredGroup, where: str) -> StoredGroup:
    group = root.group("model_weights")
    if group is None:
        raise FileFormatError(f"{where}: has no group model_weights.")
    return group


def _read_optimizer(root: StoredGroup, model: Any, where: str) -> None:
    if root.group("optimizer_weights") is not None:
        layout_keras2.read_optimizer(root, model, where=where)
        read_training(root, model, where)

"""`.weights.h5`: the weights of a model as Keras 3 stores them, with the optimizer and the resume state.

`layout_keras3` has the layout; `.keras` archives and sharded weights use it too.
"""

from __future__ import annotations

from collections.abc import Iterable

from jkeras._safe_io.hdf5 import Group, H5Group, create_hdf5
from jkeras._safe_io.sources import Source, opened_to_write
from jkeras.saving import layout_keras3
from jkeras.saving.formats.base import Format, ReadOptions, Target, WriteOptions
from jkeras.saving.formats.keras2 import is_keras2
from jkeras.saving.model_classes import Model
from jkeras.saving.own_state import Assets
from jkeras.saving.training_state import read_training, write_training


class Keras3Weights(Format):
    """`.weights.h5`."""

    title = "Keras 3"
    suffixes = (".weights.h5",)
    names = ("keras",)
    takes = frozenset({"objects_to_skip"})

    def sniff(self, source: Source) -> bool:
        root = source.hdf5()
        return root is not None and not is_keras2(root)

    def write(self, target: Target, model: Model, options: WriteOptions) -> None:
        with opened_to_write(target) as file, create_hdf5(file) as root:
            skip = options.objects_to_skip or ()
            write_keras3(root, model, optimizer=not skip, skip=skip)

    def read_weights(self, source: Source, model: Model, options: ReadOptions) -> None:
        root = source.hdf5()
        assert root is not None
        read_keras3(root, model, source.where, options)


def write_keras3(root: H5Group, model: Model, optimizer: bool = True, skip: Iterable[object] = ()) -> None:
    """Write the weights, but for those of the layers to `skip`, and with the optimizer also the resume state."""
    layout_keras3.write(root, model, optimizer=optimizer, skip=skip)
    if optimizer:
        write_training(root, model)


def read_keras3(root: Group, model: Model, where: str, options: ReadOptions, assets: Assets | None = None) -> None:
    """Read the weights, and with the optimizer also the resume state, from an HDF5 file."""
    optimizer, skip = options.optimizer, options.skip_mismatch
    others = options.objects_to_skip or ()
    layout_keras3.read(root, model, skip_mismatch=skip, optimizer=optimizer, assets=assets, skip=others, where=where)
    if optimizer:
        read_training(root, model, where)

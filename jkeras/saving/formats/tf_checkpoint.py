"""Checkpoints of TensorFlow, which `save_weights("name")` of Keras 2 and `tf.train.Checkpoint` write.

name.index                     which arrays there are, and where
name.data-00000-of-00001       their numbers
checkpoint                     a text that names the newest checkpoint of the folder
"""

from __future__ import annotations

from jkeras._base.errors import FileFormatError
from jkeras._safe_io.sources import Source
from jkeras._safe_io.tensor_bundle import INDEX, is_table, open_bundle
from jkeras.saving import layout_tensorflow
from jkeras.saving.formats.base import Format, ReadOptions, Target, WriteOptions
from jkeras.saving.model_classes import Model


class TensorFlowCheckpoint(Format):
    """A checkpoint of TensorFlow."""

    title = "a checkpoint of TensorFlow"
    suffixes = ()

    def sniff(self, source: Source) -> bool:
        """Whether a file is the index of one."""
        found = source.names is None and is_table(source.file)
        if found and (source.path is None or source.path.suffix != INDEX):
            raise FileFormatError(f"{source.where}: is the index of a checkpoint. Give its path, which ends in {INDEX}.")
        return found

    def write(self, target: Target, model: Model, options: WriteOptions) -> None:
        """Refuses: TensorFlow writes these."""
        raise ValueError("jkeras writes no checkpoints of TensorFlow. Write model.save_weights('model.weights.h5').")

    def read_weights(self, source: Source, model: Model, options: ReadOptions) -> None:
        assert source.path is not None
        with open_bundle(source.path.with_suffix(""), source.where.removesuffix(INDEX)) as bundle:
            skip = options.skip_mismatch
            layout_tensorflow.read_weights(bundle, model, skip_mismatch=skip, optimizer=options.optimizer)

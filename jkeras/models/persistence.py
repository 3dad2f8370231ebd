"""`Persistence`: the methods of a model that write and read files; `jkeras.saving` has the functions behind them."""

from __future__ import annotations

from typing import Any

from jkeras._safe_io.sources import FilePath
from jkeras.saving.api import load_weights, save_model, save_weights
from jkeras.saving.export import export
from jkeras.saving.serialization import to_json


class Persistence:
    """`save`, `save_weights`, `load_weights`, `to_json`, `export`."""

    def save(self: Any, filepath: FilePath, overwrite: bool = True, zipped: bool | None = None, **kwargs: Any) -> None:
        """Write the whole model: architecture, weights, how it was compiled, the optimizer, and where its training stands.

        Args:
            filepath: its suffix gives the format: `.keras` (Keras 3), `.h5` or `.hdf5` (Keras 2); or an open binary file.
            overwrite: whether an existing file is replaced.
            zipped: False writes a folder in place of a `.keras` file.
            kwargs: `include_optimizer=False` leaves the optimizer and the training out; `save_format` is `"keras"` or `"h5"`.

        Raises:
            FileExistsError: there is such a file and `overwrite=False`.
            OSError: it cannot be written; a file that was there before is whole then.
            ValueError: the suffix is of no known format.

        Example:
            >>> import os, tempfile, jkeras
            >>> path = os.path.join(tempfile.mkdtemp(), "model.keras")
            >>> model = jkeras.Sequential([jkeras.Input((4,)), jkeras.layers.Dense(2)])
            >>> model.save(path)
            >>> jkeras.models.load_model(path).count_params()
            10
        """
        save_model(self, filepath, overwrite=overwrite, zipped=zipped, **kwargs)

    def save_weights(
        self: Any, filepath: FilePath, overwrite: bool = True, max_shard_size: float | None = None, **kwargs: Any
    ) -> None:
        """Write the weights, and the optimizer's if the format has a place for them.

        Args:
            filepath: `.weights.h5` (Keras 3), `.weights.json` (Keras 3, in several files), `.h5` or `.hdf5` (Keras 2), or
                `.safetensors`; or an open binary file, which gets what a `.weights.h5` holds.
            overwrite: whether an existing file is replaced.
            max_shard_size: gigabytes per file, for `.weights.json`.
            kwargs: `objects_to_skip`, layers to leave out of a `.weights.h5`; Keras 2's `save_format`, `"h5"`.

        Raises:
            FileExistsError: there is such a file and `overwrite=False`.
            OSError: it cannot be written; a file that was there before is whole then.
            ValueError: the suffix is of no known format, or the model is not built.
        """
        save_weights(self, filepath, overwrite=overwrite, max_shard_size=max_shard_size, **kwargs)

    def load_weights(self: Any, filepath: FilePath, skip_mismatch: bool = False, by_name: bool = False, **kwargs: Any) -> object:
        """Read weights from any file that holds some; all shapes are compared before anything is read.

        A compiled model gets the optimizer's weights too, and then `fit(resume=True)` continues where the saved training stood.

        Args:
            filepath: of the file, or an open binary file; its content tells the format.
            skip_mismatch: leave out what does not fit, with a warning.
            by_name: match layers by name rather than by position; only for files of Keras 2.
            kwargs: `objects_to_skip`, layers that keep their weights; only for `.weights.h5`.

        Returns:
            None; under `jkeras.compat`, for a name without a suffix, what Keras 2 returns.

        Raises:
            FileFormatError: the file is damaged, or not for this model.
            FileNotFoundError: there is none.
        """
        return load_weights(self, filepath, skip_mismatch=skip_mismatch, by_name=by_name, **kwargs)

    def to_json(self: Any, **kwargs: object) -> str:
        """The architecture as text, without weights; `model_from_json` makes the model again.

        Args:
            kwargs: passed to `json.dumps`.

        Raises:
            TypeError: the model holds something that has no config.

        Example:
            >>> import jkeras
            >>> model = jkeras.Sequential([jkeras.Input((4,)), jkeras.layers.Dense(2)])
            >>> jkeras.models.model_from_json(model.to_json()).count_params()
            10
        """
        return to_json(self, **kwargs)

    export = export

"""`Persistence`: the methods of a model that read and write files.

What they do stands a floor above, in `saving/`, which knows every format and every layer. It hands its functions down when jkeras
is imported; here are only their names, their arguments, and what they mean.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, BinaryIO

FilePath = str | os.PathLike[str] | BinaryIO

_doors: dict[str, Callable[..., Any]] = {}


def connect(**doors: Callable[..., Any]) -> None:
    """Hand the functions of `saving/` to the methods here.

    Args:
        doors: `save_model`, `load_model`, `save_weights`, `load_weights`, `export_model`, `to_json`, `model_from_json`.
    """
    _doors.update(doors)


class Persistence:
    """`save`, `save_weights`, `load_weights`, `to_json`, `export`."""

    def save(self, filepath: FilePath, overwrite: bool = True, zipped: bool | None = None, **kwargs: Any) -> None:
        """Write the whole model: architecture, weights, how it was compiled, the optimizer, and where its training stands.

        The file is written beside its place and moved there when it is complete: at any moment there is the old file or the new.

        Args:
            filepath: the suffix tells the format: `.keras` (Keras 3), `.h5` or `.hdf5` (Keras 2). The folder is made where it is
                missing. Or an open binary file, such as `io.BytesIO()`, which gets what a `.keras` holds.
            overwrite: whether a file that exists is replaced.
            zipped: False writes a folder in place of a `.keras` file.
            kwargs: `include_optimizer=False` leaves the optimizer and the training out; `save_format` is `"keras"` or `"h5"`.

        Raises:
            FileExistsError: there is such a file and `overwrite=False`.
            OSError: it cannot be written; a file that was there before is whole then.
            ValueError: the suffix is of no known format.

        Example:
            >>> import tempfile, jkeras
            >>> path = os.path.join(tempfile.mkdtemp(), "model.keras")
            >>> model = jkeras.Sequential([jkeras.Input((4,)), jkeras.layers.Dense(2)])
            >>> model.save(path)
            >>> jkeras.models.load_model(path).count_params()
            10
        """
        _doors["save_model"](self, filepath, overwrite=overwrite, zipped=zipped, **kwargs)

    def save_weights(
        self, filepath: FilePath, overwrite: bool = True, max_shard_size: float | None = None, **kwargs: Any
    ) -> None:
        """Write the weights, with the optimizer's where the format has a place for them.

        Args:
            filepath: `.weights.h5` (Keras 3), `.weights.json` (Keras 3, in several files), `.h5` or `.hdf5` (Keras 2). Or an
                open binary file, which gets what a `.weights.h5` holds.
            overwrite: whether a file that exists is replaced.
            max_shard_size: gigabytes of one file, for `.weights.json`.
            kwargs: Keras 2's `save_format`, `"h5"`.

        Raises:
            FileExistsError: there is such a file and `overwrite=False`.
            OSError: it cannot be written; a file that was there before is whole then.
            ValueError: the suffix is of no known format, or the model was not built.
        """
        _doors["save_weights"](self, filepath, overwrite=overwrite, max_shard_size=max_shard_size, **kwargs)

    def load_weights(self, filepath: FilePath, skip_mismatch: bool = False, by_name: bool = False, **kwargs: Any) -> None:
        """Read weights from any file that holds some: of weights alone or of a whole model, of Keras 2 or Keras 3.

        All shapes are compared before anything is read; where one differs, the model stays as it is. A compiled model gets the
        optimizer's weights too, and then `fit(resume=True)` goes on where the saved training stood.

        Args:
            filepath: of the file, or an open binary file; its content tells the format.
            skip_mismatch: leave out what does not fit, with a warning.
            by_name: match layers by name rather than by position; only for files of Keras 2.
            kwargs: Keras' `objects_to_skip` is not taken.

        Raises:
            FileFormatError: the file is damaged, or not for this model.
            FileNotFoundError: there is none.
        """
        _doors["load_weights"](self, filepath, skip_mismatch=skip_mismatch, by_name=by_name, **kwargs)

    def to_json(self, **kwargs: Any) -> str:
        """The architecture as text, without weights; `model_from_json` makes the model again.

        Args:
            kwargs: handed to `json.dumps`.

        Raises:
            TypeError: the model holds what has no config.

        Example:
            >>> import jkeras
            >>> model = jkeras.Sequential([jkeras.Input((4,)), jkeras.layers.Dense(2)])
            >>> jkeras.models.model_from_json(model.to_json()).count_params()
            10
        """
        text: str = _doors["to_json"](self, **kwargs)
        return text

    def export(
        self,
        filepath: FilePath,
        format: str = "stablehlo",
        verbose: bool | int | None = None,
        input_signature: Any = None,
        platforms: Sequence[str] = ("cpu", "cuda"),
        **kwargs: Any,
    ) -> None:
        """Write the model as a program that JAX runs without jkeras; `jkeras.saving.export` says more.

        Args:
            filepath: of the file.
            format: `"stablehlo"`.
            verbose: False or 0 prints nothing.
            input_signature: shapes and dtypes of the inputs; None takes the model's own.
            platforms: where it must run.
        """
        _doors["export_model"](
            self, filepath, format=format, verbose=verbose, input_signature=input_signature, platforms=platforms, **kwargs
        )


def save_model(model: Any, filepath: FilePath, overwrite: bool = True, zipped: bool | None = None, **kwargs: Any) -> None:
    """Write a whole model; the same as `model.save`.

    Args:
        model: to write.
        filepath, overwrite, zipped, kwargs: as of `Persistence.save`.
    """
    _doors["save_model"](model, filepath, overwrite=overwrite, zipped=zipped, **kwargs)


def load_model(
    filepath: FilePath, custom_objects: Mapping[str, Any] | None = None, compile: bool = True, safe_mode: bool = True
) -> Any:
    """Read a whole model from a file of Keras 2, Keras 3 or jkeras.

    Args:
        filepath: of a `.keras` file or folder or an HDF5 file, or an open binary file; its content tells the format.
        custom_objects: `{name: class or function}` for what is not Keras' own.
        compile: whether it is compiled as it was; the optimizer's state comes along.
        safe_mode: accepted for Keras' sake. Loading is safe in any case: no file can name code to run.

    Returns:
        The model, built, with its weights.

    Raises:
        FileNotFoundError: there is no such file.
        FileFormatError: it is damaged, holds no model, or its weights do not fit its config.
    """
    return _doors["load_model"](filepath, custom_objects=custom_objects, compile=compile, safe_mode=safe_mode)


def model_from_json(json_string: str | bytes, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """The model of a text that `to_json` of any Keras gave, built, its weights not drawn.

    Args:
        json_string: the text.
        custom_objects: `{name: class or function}` for what is not Keras' own.

    Raises:
        FileFormatError: it is no JSON, or of no model.
    """
    return _doors["model_from_json"](json_string, custom_objects)

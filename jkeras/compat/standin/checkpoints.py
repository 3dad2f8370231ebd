"""`tf.train.Checkpoint` and `CheckpointManager`: the Variables of several objects in one file.

A checkpoint is an HDF5 file `PREFIX-N.ckpt.h5` with one array per Variable, under the names by which the objects were given. The
file `checkpoint` beside it names the newest. Of TensorFlow's own checkpoints `load_weights` reads the models.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jkeras._base.atomic import FilePath, atomic_file
from jkeras._safe_io.hdf5 import create_hdf5, open_hdf5, write_array
from jkeras._safe_io.json import read_json
from jkeras._safe_io.tensor_bundle import INDEX
from jkeras.compat.restored import Restored
from jkeras.compat.standin.modules import Module, held_by
from jkeras.layer.base import Layer
from jkeras.metrics.base import Metric
from jkeras.optimizers.base import Optimizer
from jkeras.saving.bare_names import with_suffix
from jkeras.state.variable import Variable

__all__ = ["Checkpoint", "CheckpointManager", "latest_checkpoint"]

_SUFFIX = ".ckpt.h5"
_INDEX = "checkpoint"

_NOT_BUILT = """Checkpoint.restore: {name} is not built yet, and the file {path} has {count} Variables for it.
Build it first: call the model on data, and write optimizer.build(model.trainable_variables)."""
_DIFFERS = """Checkpoint.restore: {name} has {what}, and the file {path} has {there}. Give the checkpoint the same
objects under the same names as when it was written."""
_OF_TENSORFLOW = """{given} is a checkpoint of TensorFlow. Write model.load_weights({given!r}), which reads the model in it, and
its optimizer if the model is compiled."""
_LISTED = re.compile(r'^(?:all_)?model_checkpoint_paths?: "([^"\n]+)"', re.MULTILINE)


class Checkpoint:
    """Objects whose Variables are saved together.

    Args:
        root: one object more, under the name `root`.
        **kwargs: models, layers, optimizers, metrics, Variables and modules, by name.

    Example:
        >>> import tempfile
        >>> step = Variable(3)
        >>> path = Checkpoint(step=step).save(os.path.join(tempfile.mkdtemp(), "ckpt"))
        >>> _ = step.assign(7)
        >>> _ = Checkpoint(step=step).restore(path)
        >>> int(step), os.path.basename(path)
        (3, 'ckpt-1')
    """

    def __init__(self, root: Any = None, **kwargs: Any):
        self._objects = {**({} if root is None else {"root": root}), **kwargs}
        vars(self).update(kwargs)
        self.save_counter = Variable(0, dtype="int32", trainable=False, name="save_counter")

    def save(self, file_prefix: FilePath, options: object = None) -> str:
        """Write the file `PREFIX-N`, where N counts the calls; returns its path without the suffix."""
        self.save_counter.assign_add(1)
        path = self.write(f"{os.fspath(file_prefix)}-{int(self.save_counter)}")
        _note(Path(path), [path])
        return path

    def write(self, file_prefix: FilePath, options: object = None) -> str:
        """Write a file; returns its path without the suffix."""
        path = os.fspath(file_prefix)
        with atomic_file(path + _SUFFIX) as target, create_hdf5(target) as root:
            for name, variables in self._variables().items():
                group = root.create_group(name)
                for i, variable in enumerate(variables):
                    write_array(group, str(i), variable.array)
        return path

    def restore(self, save_path: FilePath | None, options: object = None) -> Restored:
        """Read what `save` wrote; None, which `latest_checkpoint` gives where there is none, changes nothing.

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: it holds other Variables, or an object has none yet.
        """
        if save_path is None:
            return Restored()
        path = Path(os.fspath(save_path).removesuffix(_SUFFIX) + _SUFFIX)
        if not path.exists():
            text = _OF_TENSORFLOW if Path(f"{os.fspath(save_path)}{INDEX}").exists() else "There is no checkpoint {path}."
            raise FileNotFoundError(text.format(path=path, given=os.fspath(save_path)))
        with open_hdf5(path, str(path)) as root:
            found = []
            for name, variables in self._variables().items():
                group = root.group(name)
                stored = [] if group is None else [group.array(str(i)) for i in range(len(group.names()))]
                if len(stored) > len(variables) and not getattr(self._objects.get(name), "built", bool(variables)):
                    raise ValueError(_NOT_BUILT.format(name=name, path=path, count=len(stored)))
                shapes = [tuple(v.shape) for v in variables]
                there = [None if array is None else tuple(array.shape) for array in stored]
                if shapes != there:
                    raise ValueError(_DIFFERS.format(name=name, what=shapes, path=path, there=there))
                found += [(variable, array.read(array.shape)) for variable, array in zip(variables, stored) if array is not None]
        for variable, value in found:
            variable.assign(value)
        return Restored()

    read = restore

    def _variables(self) -> dict[str, list[Any]]:
        held = {name: _variables_of(value) for name, value in self._objects.items()}
        return {**held, "save_counter": [self.save_counter]}


class CheckpointManager:
    """Writes checkpoints into a folder and keeps the newest.

    Args:
        checkpoint: what to save.
        directory: the folder.
        max_to_keep: how many files; None for all.
        keep_checkpoint_every_n_hours, step_counter, checkpoint_interval, init_fn: ignored.
        checkpoint_name: how files are called.
    """

    def __init__(
        self, checkpoint: Checkpoint, directory: FilePath, max_to_keep: int | None = None,
        keep_checkpoint_every_n_hours: object = None, checkpoint_name: str = "ckpt", step_counter: object = None,
        checkpoint_interval: object = None, init_fn: object = None,
    ):  # fmt: skip
        self.checkpoint, self.directory = checkpoint, os.fspath(directory)
        self._most, self._name = max_to_keep, checkpoint_name

    @property
    def checkpoints(self) -> list[str]:
        """The paths of the checkpoints, the newest last."""
        return _noted(Path(self.directory))

    @property
    def latest_checkpoint(self) -> str | None:
        """The newest, or None."""
        return latest_checkpoint(self.directory)

    def save(self, checkpoint_number: int | None = None, check_interval: object = True, options: object = None) -> str:
        """Write a checkpoint, and delete those that are too many; returns its path."""
        if checkpoint_number is not None:
            self.checkpoint.save_counter.assign(int(checkpoint_number) - 1)
        kept = self.checkpoints
        path = self.checkpoint.save(os.path.join(self.directory, self._name))
        kept = [*(other for other in kept if other != path), path]
        for old in kept[: -self._most] if self._most else []:
            Path(old + _SUFFIX).unlink(missing_ok=True)
        _note(Path(path), kept[-self._most :] if self._most else kept)
        return path

    def restore_or_initialize(self) -> str | None:
        """Restore the newest; returns its path, or None."""
        path = self.latest_checkpoint
        self.checkpoint.restore(path)
        return path


def latest_checkpoint(checkpoint_dir: FilePath, latest_filename: object = None) -> str | None:
    """The path of the newest checkpoint in a folder, else of the newest weights that `save_weights("name")` wrote, else None."""
    folder = Path(checkpoint_dir)
    return next(iter(_noted(folder)[::-1]), None) or _newest_weights(folder)


def _variables_of(value: Any) -> list[Any]:
    if isinstance(value, (Optimizer, Metric, Layer)):
        found = list(value.variables)
        optimizer = getattr(value, "optimizer", None)
        return found + (list(optimizer.variables) if isinstance(optimizer, Optimizer) and optimizer.built else [])
    if isinstance(value, Variable):
        return [value]
    if isinstance(value, (Module, list, tuple, dict)):
        return [v for _, part in held_by(value) for v in (part.variables if isinstance(part, Layer) else [part])]
    return []  # a data set's iterator: there is nothing to save


def _newest_weights(folder: Path) -> str | None:
    suffix = with_suffix(Path("-")).name[1:]
    files = sorted(folder.glob(f"*{suffix}"), key=lambda path: path.stat().st_mtime_ns)
    return str(files[-1]).removesuffix(suffix) if files else None


def _note(path: Path, checkpoints: Sequence[str]) -> None:
    with atomic_file(path.parent / _INDEX) as target:
        target.write_text(json.dumps([Path(other).name for other in checkpoints]))


def _noted(folder: Path) -> list[str]:
    index = folder / _INDEX
    if not index.exists():
        return []
    data = index.read_bytes()
    listed = _LISTED.findall(data.decode(errors="replace")) if data.startswith(b"model_checkpoint_path") else None
    if listed is not None:  # the newest comes first, and again in the list of all
        listed, suffix = [*(name for name in listed[1:] if name != listed[0]), listed[0]], INDEX
    else:
        listed, suffix = read_json(data, where=str(index)), _SUFFIX
    names = [Path(str(name)).name for name in listed]
    return [str(folder / name) for name in names if (folder / (name + suffix)).exists()]

"""`OrbaxCheckpoint`: keeps a training run in a folder of checkpoints, for models that are large or spread over devices.

Orbax writes each array from the devices it lies on, in parallel and in the background, and reads it straight to the devices
where it is needed, which may be others. A checkpoint gets its name when it is complete, so an interrupted one is never mistaken
for one. The last `max_to_keep` checkpoints stay, and the best `keep_best` besides them. `restore` reads any of them; `load_model`
and `load_weights` read the last one of a folder.

The package orbax-checkpoint is needed, and imported when the callback is made: `pip install "jkeras[files]"`.
"""

from __future__ import annotations

import contextlib
import operator
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jax

from jkeras._base import paths
from jkeras._base.errors import FileFormatError
from jkeras._base.registry import export
from jkeras._base.types import Tree
from jkeras.callbacks.base import Logs
from jkeras.callbacks.monitor import MonitorCallback, direction
from jkeras.callbacks.printing import say

if TYPE_CHECKING:
    from jkeras.training.steps import Steps

_NO_ORBAX = """OrbaxCheckpoint needs the package orbax-checkpoint. Write

    pip install "jkeras[files]"
"""
_BAD_FREQUENCY = "save_freq must be 'epoch' or a number of batches. Received: {frequency!r}."
_OLD_TRAINING = """{directory} holds checkpoints of another training run, up to number {latest}; this run starts at number {step}.
Resume that run,

    checkpoint.restore(model)
    model.fit(x, y, resume=True, callbacks=[checkpoint])

or give this one its own folder."""
_NONE_THERE = "{directory} holds no checkpoint{which}. {hint}"
_OTHER_WEIGHTS = (
    """The checkpoint {directory}/{step} does not fit this model: {what}. Build the model as it was when it was saved{more}."""
)


def _orbax() -> Any:
    try:
        import orbax.checkpoint
    except ImportError as error:
        raise ImportError(_NO_ORBAX) from error
    return orbax.checkpoint


@export("keras.callbacks.OrbaxCheckpoint")
class OrbaxCheckpoint(MonitorCallback):
    """Saves the training run through orbax.

    Args:
        directory: the folder of the checkpoints; created if missing.
        monitor: the result that tells which checkpoint is better.
        verbose: 1 prints a line for each checkpoint.
        save_best_only: save only when the result has improved.
        mode: `"min"`, `"max"` or `"auto"` (by the name of the result).
        save_freq: `"epoch"`, or a number of batches. Checkpoints are numbered by the epoch, from 0, or by the step.
        initial_value_threshold: what the first checkpoint must beat with `save_best_only`.
        max_to_keep: how many of the last checkpoints to keep; None keeps all. Default 1.
        save_on_background: keep training while a checkpoint is written. That costs a copy of the arrays on the device.
        save_weights_only: leave out the optimizer and the progress of the run.
        keep_best: how many of the best checkpoints by `monitor` to keep besides the last ones. (Keras has no such argument.)

    Raises:
        ImportError: orbax-checkpoint is not installed.

    Example:
        >>> import tempfile, numpy as np, jkeras
        >>> def make():
        ...     model = jkeras.Sequential([jkeras.Input((2,)), jkeras.layers.Dense(1)])
        ...     model.compile("adam", "mse")
        ...     return model
        >>> model, x, y = make(), np.ones((8, 2)), np.ones((8, 1))
        >>> checkpoint = OrbaxCheckpoint(tempfile.mkdtemp(), monitor="loss", max_to_keep=2)
        >>> _ = model.fit(x, y, epochs=3, verbose=0, callbacks=[checkpoint])
        >>> checkpoint.steps()
        [1, 2]
        >>> other = make()
        >>> checkpoint.restore(other)
        2
        >>> bool((other.predict(x, verbose=0) == model.predict(x, verbose=0)).all())
        True
    """

    def __init__(
        self,
        directory: str | os.PathLike[str],
        monitor: str = "val_loss",
        verbose: int = 0,
        save_best_only: bool = False,
        mode: str = "auto",
        save_freq: str | int = "epoch",
        initial_value_threshold: float | None = None,
        max_to_keep: int | None = 1,
        save_on_background: bool = True,
        save_weights_only: bool = False,
        keep_best: int = 0,
    ):
        super().__init__(monitor, mode, initial_value_threshold)
        if save_freq != "epoch" and not (type(save_freq) is int and save_freq > 0):
            raise ValueError(_BAD_FREQUENCY.format(frequency=save_freq))
        self._orbax = _orbax()
        self.directory = Path(os.path.abspath(os.path.expanduser(os.fspath(directory))))
        self.verbose, self.save_best_only, self.save_freq = verbose, save_best_only, save_freq
        self.max_to_keep, self.keep_best = max_to_keep, keep_best
        self.save_on_background, self.save_weights_only = save_on_background, save_weights_only
        if save_freq != "epoch":  # listen to batches only if needed: every call takes time
            self.on_train_batch_end = self._after_batch  # type: ignore[method-assign]
        self._opened: Any = None
        self._first = True  # whether this run has saved nothing yet
        self._architecture: dict[str, str] = {}

    # the folder ---------------------------------------------------------------------------------------------------------

    @property
    def _manager(self) -> Any:
        """Orbax's manager of the folder; made when first needed, so that its threads live no longer than a training run."""
        if self._opened is None:
            managers = self._orbax.checkpoint_managers
            policies = [managers.LatestN(self.max_to_keep)]
            if self.keep_best:
                minimum = direction(self.monitor, self.mode, getattr(self.model, "metrics", None) or (), "OrbaxCheckpoint") < 0
                best = operator.itemgetter(self.monitor)
                policies.append(
                    managers.BestN(get_metric_fn=best, reverse=minimum, n=self.keep_best, keep_checkpoints_without_metrics=False)
                )
            options = self._orbax.CheckpointManagerOptions(
                best_fn=lambda results: results.get(self.monitor, 0.0),  # without it, orbax does not write the results
                preservation_policy=managers.AnyPreservationPolicy(policies),
                enable_async_checkpointing=self.save_on_background,
            )
            pytree = self._orbax.StandardCheckpointHandler
            handlers = {"weights": pytree(), "optimizer": pytree(), "notes": self._orbax.JsonCheckpointHandler()}
            self._opened = self._orbax.CheckpointManager(self.directory, options=options, item_handlers=handlers)
        return self._opened

    def steps(self) -> list[int]:
        """The numbers of the checkpoints in the folder."""
        self.wait_until_finished()
        return sorted(self._manager.all_steps())

    def best_step(self) -> int | None:
        """The number of the checkpoint with the best `monitor`; None if none has it."""
        sign = direction(self.monitor, self.mode, getattr(self.model, "metrics", None) or (), "OrbaxCheckpoint")
        values = {step: (self._manager.metrics(step) or {}).get(self.monitor) for step in self.steps()}
        known = {step: value for step, value in values.items() if value is not None}
        return max(known, key=lambda step: (sign * known[step], step)) if known else None

    def wait_until_finished(self) -> None:
        """Wait for checkpoints that are being written.

        Raises:
            Exception: writing one failed; the error is orbax's.
        """
        if self._opened is not None:
            self._opened.wait_until_finished()

    def close(self) -> None:
        """Finish writing and end orbax's threads; the next use opens the folder again."""
        if self._opened is not None:
            opened, self._opened = self._opened, None
            opened.wait_until_finished()
            opened.close()

    # events -------------------------------------------------------------------------------------------------------------

    def on_train_begin(self, logs: Logs = None) -> None:
        self._first = True
        self.directory.mkdir(parents=True, exist_ok=True)

    def _after_batch(self, batch: int, logs: Logs = None) -> None:
        step = int(self.model.optimizer.iterations)
        if step % int(self.save_freq) == 0:
            self._consider(step, logs)

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        if self.save_freq == "epoch":
            self._consider(epoch, logs)

    def on_train_end(self, logs: Logs = None) -> None:
        self.close()

    def _consider(self, step: int, logs: Logs) -> None:
        """Save, unless only the best is wanted and this is not it."""
        if self.save_best_only:
            value = self.get_monitor_value(logs)
            if value is None or not self.is_improvement(value, self.best):
                return
            self.best = value
        self._save(step, {name: float(value) for name, value in (logs or {}).items()})

    def _save(self, step: int, results: dict[str, float]) -> None:
        latest = self._manager.latest_step()
        if self._first and latest is not None and latest >= step:
            raise ValueError(_OLD_TRAINING.format(directory=self.directory, latest=latest, step=step))
        if self._first and not self.save_weights_only:
            self._architecture = {}
            with contextlib.suppress(TypeError, ValueError):  # a part without a config; `restore` does not need it
                self._architecture = {"model": self.model.to_json()}
        self._first = False
        arrays = self.model.snapshot_arrays(optimizer=not self.save_weights_only)
        args = self._orbax.args
        items = {name: args.StandardSave(tree) for name, tree in arrays.items()}
        if not self.save_weights_only:
            items["notes"] = args.JsonSave({**self.model.snapshot_notes(), **self._architecture})
        self._manager.save(step, args=args.Composite(**items), metrics=results, force=True)
        if self.verbose:
            say(f"Saving the training run to {self.directory / str(step)}")

    # the way back -------------------------------------------------------------------------------------------------------

    def restore(
        self, model: Steps, step: int | str | None = None, layout: Callable[[str, tuple[int, ...]], object] | None = None
    ) -> int:
        """Give a model the weights of a checkpoint and, if it is compiled, the progress of the run.

        Args:
            model: built as it was when it was saved.
            step: number of the checkpoint; None takes the last one, `"best"` the best one by `monitor`.
            layout: `(path, shape) -> sharding`, where to place the weights, for instance
                `lambda path, shape: NamedSharding(mesh, P(None, "model") if len(shape) == 2 else P())`; the optimizer's state
                goes with its weights. None leaves them where they are.

        Returns:
            The number of the checkpoint. `model.fit(..., resume=True)` resumes from there.

        Raises:
            FileNotFoundError: there is no such checkpoint.
            FileFormatError: it belongs to another model or another optimizer; the error names the weight.
        """
        number = self._chosen(step)
        stored = self._manager.item_metadata(number)
        names = {name for name, item in stored.items() if item is not None}
        specs = model.snapshot_specs(optimizer="optimizer" in names, layout=layout)
        for name, tree in specs.items():
            self._check(number, name, tree, stored[name])
        args = self._orbax.args
        items = {name: args.StandardRestore(tree) for name, tree in specs.items()}
        if "optimizer" in specs:
            items["notes"] = args.JsonRestore()
        found = self._manager.restore(number, args=args.Composite(**items))
        model.restore_snapshot({name: found[name] for name in specs}, found.get("notes") or {})
        return number

    def _chosen(self, step: int | str | None) -> int:
        known = self.steps()
        if step is None and known:
            return known[-1]
        if step == "best" and (best := self.best_step()) is not None:
            return best
        if step in known:
            return int(step)  # type: ignore[arg-type]
        which = "" if step is None else f" with the result {self.monitor!r}" if step == "best" else f" {step!r}"
        hint = f"There are: {', '.join(map(str, known))}." if known else "Give the folder that was written."
        raise FileNotFoundError(_NONE_THERE.format(directory=self.directory, which=which, hint=hint))

    def _check(self, step: int, name: str, wanted: Tree, stored: object) -> None:
        """Compare names and shapes with what is stored, before anything is read."""
        expected = {"/".join(path): tuple(spec.shape) for path, spec in paths.flatten(wanted).items()}
        tree = getattr(stored, "tree", stored)
        leaves = jax.tree_util.tree_leaves_with_path(tree, is_leaf=lambda leaf: hasattr(leaf, "shape"))
        found = {jax.tree_util.keystr(path, simple=True, separator="/"): tuple(leaf.shape) for path, leaf in leaves}
        where = "the weight" if name == "weights" else "the optimizer's"
        for path in sorted(expected.keys() | found.keys()):
            if expected.get(path) != found.get(path):
                shapes = f"{where} {path!r} has shape {expected.get(path, '(none)')} here and {found.get(path, '(none)')} there"
                more = "" if name == "weights" else ", and compile it with the same optimizer"
                raise FileFormatError(_OTHER_WEIGHTS.format(directory=self.directory, step=step, what=shapes, more=more))

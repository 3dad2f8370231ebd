"""`Callback`: methods that are called at the events of `fit`, `evaluate` and `predict`.

    on_train_begin
      on_epoch_begin(epoch)
        on_train_batch_begin(batch)   on_train_batch_end(batch)     ... for each batch
        on_test_begin  (on_test_batch_begin  on_test_batch_end)...  on_test_end      the validation
      on_epoch_end(epoch)
    on_train_end

`evaluate` has only the `test` events, `predict` only the `predict` events. A callback overrides the methods it needs. Epochs run
in chunks of many steps; the engine goes step by step only if some callback overrides a batch hook, unless that callback's class
says `every_batch = False`: then its batch hooks are called for the last step of each chunk.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jkeras._base.plain_numbers import TakesPlainNumbers
from jkeras._base.registry import export
from jkeras._base.types import Tree
from jkeras.callbacks.run_parameters import RunParameters

if TYPE_CHECKING:
    from jkeras.training.steps import Steps

Logs = dict[str, Any] | None


@export("keras.callbacks.Callback")
class Callback(TakesPlainNumbers):
    """Base class of callbacks; every method does nothing until a subclass overrides it.

    Attributes:
        model: the model that runs; its current weights, optimizer and `stop_training` may be read and set at every event.
        params: `{"verbose": ..., "epochs": ..., "steps": ...}` of the run; see `RunParameters`.
        validation_data: the validation's inputs, targets and weights in a list, as in Keras 2, while a `fit` validates on
            arrays; otherwise None, or what the callback's own code assigned.
        every_batch: whether batch hooks must be called for each batch (True) or may be called once for several.
        prompt: whether a batch event must come before the next step is dispatched (True), so that weights read there belong to
            that batch, or may come a chunk later, which keeps the device busy.
        may_lag: whether the events of an epoch may come after later epochs are computed, so that many short epochs can be one
            program; for classes that only record, and only epochs. Each class declares it for itself; subclasses do not inherit
            it.
        exact_batches: with `steps_per_execution=3`, the last of 7 batches ends an execution that has room for batches 6 to 8. As
            in Keras the event is called number 8 then (False), or it has the number of the batch, 6 (True). It counts for the
            methods of the class that declares it, not for those that a subclass overrides.
        acts_last: whether it is called after all others, wherever it stands in the list.
        replays: whether the run must keep the values at the start of each chunk, for `model.find_nonfinite()`. That costs a copy
            of the weights and the optimizer's state.
        resumes: True after `on_train_begin` has loaded a training run, which `fit` then resumes.

    Example:
        >>> class Losses(Callback):
        ...     def on_train_begin(self, logs=None):
        ...         self.losses = []
        ...     def on_epoch_end(self, epoch, logs=None):
        ...         self.losses.append(logs["loss"])
        >>> losses = Losses()
        >>> losses.on_train_begin()
        >>> losses.on_epoch_end(0, {"loss": 0.5})
        >>> losses.losses
        [0.5]
    """

    # Class attributes, so that a subclass that forgets super().__init__() has them too.
    model: Any = None
    params: dict[str, Any] | None = None
    every_batch: bool = True
    prompt: bool = True
    may_lag: bool = False
    exact_batches: bool = False
    acts_last: bool = False
    replays: bool = False
    resumes: bool = False

    @property
    def validation_data(self) -> Tree:
        """The validation's arrays in a list."""
        own = self.__dict__.get("_validation_data")
        return self.params.validation_data if own is None and isinstance(self.params, RunParameters) else own

    @validation_data.setter
    def validation_data(self, data: Tree) -> None:
        self.__dict__["_validation_data"] = data

    def set_params(self, params: dict[str, object]) -> None:
        """Receive the run's parameters."""
        self.params = params

    def set_model(self, model: Steps) -> None:
        """Receive the model."""
        self.model = model

    def on_batch_begin(self, batch: int, logs: Logs = None) -> None:
        """Another name for `on_train_batch_begin`."""

    def on_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Another name for `on_train_batch_end`."""

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        """Before epoch `epoch` (from 0) of training."""

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """After epoch `epoch` and its validation; `logs` holds the results, those of the validation with the prefix `val_`."""

    def on_train_batch_begin(self, batch: int, logs: Logs = None) -> None:
        """Before batch `batch` (from 0) of the epoch."""
        self.on_batch_begin(batch, logs)

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        """After batch `batch`; `logs` holds the epoch's results up to here."""
        self.on_batch_end(batch, logs)

    def on_test_batch_begin(self, batch: int, logs: Logs = None) -> None:
        """Before a batch of an evaluation, that of the validation in `fit` too."""

    def on_test_batch_end(self, batch: int, logs: Logs = None) -> None:
        """After a batch of an evaluation; `logs` holds the results up to here."""

    def on_predict_batch_begin(self, batch: int, logs: Logs = None) -> None:
        """Before a batch of a prediction."""

    def on_predict_batch_end(self, batch: int, logs: Logs = None) -> None:
        """After a batch of a prediction; `logs["outputs"]` holds its outputs."""

    def on_train_begin(self, logs: Logs = None) -> None:
        """Before the first epoch."""

    def on_train_end(self, logs: Logs = None) -> None:
        """After the last epoch; `logs` holds that epoch's results."""

    def on_test_begin(self, logs: Logs = None) -> None:
        """Before an evaluation."""

    def on_test_end(self, logs: Logs = None) -> None:
        """After an evaluation; `logs` holds its results."""

    def on_predict_begin(self, logs: Logs = None) -> None:
        """Before a prediction."""

    def on_predict_end(self, logs: Logs = None) -> None:
        """After a prediction."""


HOOKS = tuple(name for name in vars(Callback) if name.startswith("on_"))

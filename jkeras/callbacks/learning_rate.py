"""Callbacks that change the optimizer's learning rate between epochs: by a schedule, or when a result stops improving.

The learning rate is an array in the optimizer's state, so setting it recompiles nothing. Both callbacks add the rate to the
epoch's results as `learning_rate`, and ReduceLROnPlateau each of those in a MultiOptimizer by its optimizer's name, which gets
a number where it stands twice.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from jkeras._base.errors import describe, unexpected_arguments
from jkeras._base.registry import export
from jkeras.callbacks.base import Callback, Logs
from jkeras.callbacks.monitor import MonitorCallback
from jkeras.callbacks.printing import say
from jkeras.optimizers.state import unique_names


def get_rate(optimizer: object) -> float:
    """The current learning rate of an optimizer, the float32 number that it computes with.

    Raises:
        ValueError: the optimizer has none.
    """
    if not hasattr(optimizer, "learning_rate"):
        raise ValueError(
            f"{type(optimizer).__name__} has no `learning_rate` that a callback could change. Compile with a Keras optimizer, "
            "such as Adam(learning_rate=0.001)."
        )
    return float(np.float32(np.asarray(optimizer.learning_rate)))


def rates_of(optimizer: object) -> dict[str, object]:
    """The optimizers whose rates a callback changes, by what logs call these: `learning_rate`, or `learning_rate_sgd` and so on
    for each of the optimizers in a MultiOptimizer; the second of two `sgd` is `learning_rate_sgd_1`.
    """
    several = getattr(optimizer, "optimizers", None)
    if several is None:
        return {"learning_rate": optimizer}
    return dict(zip(unique_names(f"learning_rate_{one.name}" for one in several), several))


@export("keras.callbacks.LearningRateScheduler")
class LearningRateScheduler(Callback):
    """Sets the learning rate at the beginning of every epoch.

    Args:
        schedule: called with `(epoch, learning_rate)`, or with `(epoch)` if it takes one argument; returns the new rate.
        verbose: 1 prints the rate at every epoch.

    Raises:
        ValueError: the schedule did not return a number.

    Example:
        >>> from types import SimpleNamespace
        >>> halve = LearningRateScheduler(lambda epoch, rate: rate * 0.5)
        >>> halve.set_model(SimpleNamespace(optimizer=SimpleNamespace(learning_rate=0.5)))
        >>> halve.on_epoch_begin(0)
        >>> halve.model.optimizer.learning_rate
        0.25
    """

    def __init__(self, schedule: Callable[..., float], verbose: int = 0):
        if not callable(schedule):
            raise ValueError(f"`schedule` must be a function (epoch, learning_rate) -> rate. Received {describe(schedule)}.")
        self.schedule = schedule
        self.verbose = verbose

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        optimizer = self.model.optimizer
        arguments = (epoch, get_rate(optimizer))
        rate = self.schedule(*arguments[: _positional(self.schedule)])
        if isinstance(rate, (bool, np.bool_)) or not (
            isinstance(rate, (int, float, np.number)) or getattr(rate, "shape", None) == ()
        ):
            raise ValueError(f"`schedule` must return the learning rate, a float. At epoch {epoch} it returned {describe(rate)}.")
        optimizer.learning_rate = float(rate)
        if self.verbose > 0:
            say(f"\nEpoch {epoch + 1:05d}: LearningRateScheduler setting learning rate to {float(rate)}.")

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        if logs is not None:
            logs["learning_rate"] = get_rate(self.model.optimizer)


def _positional(function: Callable[..., object]) -> int:
    """How many of the two arguments `(epoch, rate)` a schedule takes."""
    try:
        inspect.signature(function).bind(0, 0.0)
    except TypeError:
        return 1
    except ValueError:  # a built-in function without a signature
        return 2
    return 2


@export("keras.callbacks.ReduceLROnPlateau")
class ReduceLROnPlateau(MonitorCallback):
    """Multiplies the learning rate by `factor` when a result has not improved for `patience` epochs.

    Args:
        monitor: name of the result to watch.
        factor: below 1; `rate <- max(rate * factor, min_lr)`.
        patience: how many epochs without improvement reduce the rate.
        verbose: 1 prints every reduction.
        mode: `"min"`, `"max"` or `"auto"` (by the name of the result).
        min_delta: a smaller change than this is no improvement.
        cooldown: epochs after a reduction that are not counted.
        min_lr: lower bound of the rate.
        kwargs: Keras 2's `epsilon`, its older name for `min_delta`.

    Raises:
        ValueError: `factor` is 1 or more.
        TypeError: an unknown argument, which Keras 3 would ignore.

    Example:
        >>> from types import SimpleNamespace
        >>> reduce = ReduceLROnPlateau(monitor="loss", factor=0.5, patience=2)
        >>> reduce.set_model(SimpleNamespace(optimizer=SimpleNamespace(learning_rate=0.5)))
        >>> reduce.on_train_begin()
        >>> for epoch, loss in enumerate([1.0, 1.0, 1.0]):
        ...     reduce.on_epoch_end(epoch, {"loss": loss})
        >>> reduce.model.optimizer.learning_rate
        0.25
    """

    _remembers = ("best", "cooldown_counter", "wait")

    def __init__(
        self,
        monitor: str = "val_loss",
        factor: float = 0.1,
        patience: int = 10,
        verbose: int = 0,
        mode: str = "auto",
        min_delta: float = 1e-4,
        cooldown: int = 0,
        min_lr: float = 0.0,
        **kwargs: float,
    ):
        min_delta = kwargs.pop("epsilon", min_delta)
        if kwargs:
            known = ("monitor", "factor", "patience", "verbose", "mode", "min_delta", "cooldown", "min_lr")
            raise unexpected_arguments("ReduceLROnPlateau", kwargs, known)
        super().__init__(monitor, mode, min_delta=min_delta)
        if factor >= 1.0:
            raise ValueError(f"ReduceLROnPlateau: `factor` must be below 1, such as 0.1. Received {factor}.")
        self.factor = factor
        self.min_lr = min_lr
        self.patience = patience
        self.verbose = verbose
        self.cooldown = cooldown
        self._reset()

    def _reset(self) -> None:
        self.best = None
        self.cooldown_counter = 0
        self.wait = 0

    def in_cooldown(self) -> bool:
        """Whether the last reduction is so recent that epochs are not counted."""
        return self.cooldown_counter > 0

    def on_train_begin(self, logs: Logs = None) -> None:
        self._reset()

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        logs = {} if logs is None else logs
        optimizers = rates_of(self.model.optimizer)
        logs.update((name, get_rate(optimizer)) for name, optimizer in optimizers.items())
        value = self.get_monitor_value(logs)
        if value is None:
            return
        if self.in_cooldown():
            self.cooldown_counter -= 1
            self.wait = 0
        if self.is_improvement(value, self.best):
            self.best = value
            self.wait = 0
        elif not self.in_cooldown():
            self.wait += 1
            reduced = [self._reduce(epoch, optimizer) for optimizer in optimizers.values() if self.wait >= self.patience]
            if any(reduced):
                self.cooldown_counter = self.cooldown
                self.wait = 0

    def _reduce(self, epoch: int, optimizer: Any) -> bool:
        """Lower the rate unless it is at its lowest; returns whether it did."""
        old = get_rate(optimizer)
        if old <= np.float32(self.min_lr):
            return False
        rate = max(old * self.factor, self.min_lr)
        optimizer.learning_rate = rate
        if self.verbose > 0:
            say(f"\nEpoch {epoch + 1:05d}: ReduceLROnPlateau reducing learning rate to {rate}.")
        return True

"""`LearningRateFinder`: a short training run whose learning rate rises from step to step, to find the rate to use.

While the rate is too small, the loss hardly moves; then it falls; then it explodes. The rate at which it falls fastest is a good
one to train with. Afterwards the model, the optimizer and the progress of training are as they were before.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from jkeras._base.figures import axes_for
from jkeras._base.types import Tree
from jkeras.callbacks.base import Callback, Logs
from jkeras.callbacks.learning_rate import get_rate
from jkeras.state import random

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from jkeras.training.steps import Steps

_WITHOUT_PICTURE = "The numbers are in `finder.rates`, `finder.losses` and `finder.smoothed`."
_BAD_RANGE = """LearningRateFinder raises the rate from `start` to `end`, both positive numbers, start below end, in `steps`
steps, 2 or more. Received: start={start!r}, end={end!r}, steps={steps!r}."""
_ONLY_RISES = """The loss only rises from the rate {start} on. Start lower: LearningRateFinder(start={lower})."""
_WIDTH = 0.04  # of the smoothing for the suggestion, as a part of all steps
_TOO_FEW = """LearningRateFinder saw only {count} finite losses, too few for a suggestion. {hint}"""


class LearningRateFinder(Callback):
    """A range test of the learning rate. (Keras has none.)

    As a callback it turns this `fit` into a test, which ends when the loss explodes or the last rate was tried; then weights,
    optimizer and progress are restored. `find_learning_rate(model, x, y)` does all that in one call. Step k has the rate
    `start * (end / start) ** (k / (steps - 1))`.

    Args:
        start, end: the lowest and the highest rate.
        steps: how many batches to try, or as many as `fit` has, if fewer.
        smoothing: share of the past in the smoothed loss, in [0, 1), which tells when the loss explodes.
        burst: the test ends when the smoothed loss exceeds its lowest value by this factor.

    Attributes:
        rates, losses, smoothed: for each step the rate, the loss of the batch, and the smoothed loss.
        suggestion: the rate at which the loss, smoothed to both sides, falls fastest.
        lowest: the rate at which it is lowest: an upper bound, already too high to train with.

    Raises:
        ValueError: the range is not valid; the optimizer has no rate that can be set; for `suggestion`, there are too few
            losses, or they only rise.
        TypeError: the rate follows a schedule.

    Example:
        >>> import numpy as np, jkeras
        >>> jkeras.utils.set_random_seed(0)
        >>> model = jkeras.Sequential([jkeras.Input((3,)), jkeras.layers.Dense(1)])
        >>> model.compile("sgd", "mse")
        >>> x = np.random.default_rng(0).normal(size=(256, 3))
        >>> finder = LearningRateFinder(1e-4, 10.0, steps=60)
        >>> before = model.get_weights()[0]
        >>> _ = model.fit(x, x[:, :1], epochs=20, verbose=0, callbacks=[finder])
        >>> bool(1e-3 < finder.suggestion < 1.0), bool((model.get_weights()[0] == before).all())
        (True, True)

    Source: L. N. Smith, "Cyclical Learning Rates for Training Neural Networks", WACV 2017, section 3.3.
    """

    exact_batches = True

    def __init__(
        self, start: float = 1e-7, end: float = 10.0, steps: int = 100, smoothing: float = 0.9, burst: float = 4.0
    ) -> None:
        if not (0 < start < end < math.inf) or isinstance(steps, bool) or not isinstance(steps, int) or steps < 2:
            raise ValueError(_BAD_RANGE.format(start=start, end=end, steps=steps))
        if not 0 <= smoothing < 1:
            raise ValueError(f"LearningRateFinder: `smoothing` must be in [0, 1). Received: {smoothing!r}.")
        self.start, self.end, self.steps, self.smoothing, self.burst = start, end, steps, smoothing, burst
        self._reset()

    def _reset(self) -> None:
        self.rates: list[float] = []
        self.losses: list[float] = []
        self.smoothed: list[float] = []
        self._tried = self.steps
        self._average = 0.0
        self._total = 0.0  # of the epoch's losses so far
        self._before: Tree = None

    # events -------------------------------------------------------------------------------------------------------------

    def on_train_begin(self, logs: Logs = None) -> None:
        self._reset()
        get_rate(self.model.optimizer)  # raises for an optimizer without one
        params = self.params or {}
        if params.get("steps") and params.get("epochs"):
            self._tried = max(2, min(self.steps, params["steps"] * params["epochs"]))
        self._before = self.model.snapshot_arrays(), self.model.snapshot_notes()
        self.model.optimizer.learning_rate = self.start

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        self._total = 0.0

    def on_train_batch_begin(self, batch: int, logs: Logs = None) -> None:
        if not self.model.stop_training:
            part = len(self.rates) / (self._tried - 1)
            self.model.optimizer.learning_rate = self.start * (self.end / self.start) ** part

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        if self.model.stop_training or not logs or "loss" not in logs:
            return
        # Results are means over the epoch so far, in which a short last batch counts by its rows, as it does here.
        total = logs["loss"] * (batch + 1)
        self._note(get_rate(self.model.optimizer), total - self._total)
        self._total = total
        if self._is_over():
            self.model.stop_training = True

    def on_train_end(self, logs: Logs = None) -> None:
        self.restore()

    def restore(self) -> None:
        """Restore what was there before; `fit` does it at its end, and after an interruption you can."""
        if self._before is not None:
            self.model.restore_snapshot(*self._before)
            self._before = None

    def _note(self, rate: float, loss: float) -> None:
        self.rates.append(rate)
        self.losses.append(loss)
        self._average = self.smoothing * self._average + (1 - self.smoothing) * loss
        self.smoothed.append(self._average / (1 - self.smoothing ** len(self.losses)))  # without the bias towards 0

    def _is_over(self) -> bool:
        if len(self.rates) >= self._tried or not math.isfinite(self.smoothed[-1]):
            return True
        lowest = min(self.smoothed)
        return len(self.rates) > self._tried // 10 and self.smoothed[-1] - lowest > (self.burst - 1) * max(abs(lowest), 1e-12)

    # what was found -----------------------------------------------------------------------------------------------------

    @property
    def suggestion(self) -> float:
        """The rate at which the loss falls fastest, over the logarithm of the rate."""
        rates, losses = self._curve()
        until = int(np.argmin(losses)) + 1
        if until < 3:
            raise ValueError(_ONLY_RISES.format(start=self.start, lower=self.start / 1e3))
        slope = np.gradient(losses, np.log(rates))
        return float(rates[int(np.argmin(slope[:until]))])

    @property
    def lowest(self) -> float:
        """The rate at which the loss is lowest."""
        rates, losses = self._curve()
        return float(rates[int(np.argmin(losses))])

    def _curve(self) -> tuple[np.ndarray, np.ndarray]:
        """Rates, and the losses smoothed to both sides, so that the curve does not shift towards higher rates.

        The loss is cut off where it explodes, or one number would outweigh all others.
        """
        losses = np.array(self.losses)
        keep = np.isfinite(losses)
        count = int(keep.sum())
        if count < 5:
            hint = (
                "Start lower: the loss explodes at once." if self.rates else "Run it first: model.fit(..., callbacks=[finder])."
            )
            raise ValueError(_TOO_FEW.format(count=count, hint=hint))
        losses = losses[keep]
        first = np.median(losses[: max(3, count // 10)])
        losses = np.minimum(losses, first + abs(first))
        steps = np.arange(count)
        weights = np.exp(-0.5 * ((steps[:, None] - steps) / max(1.0, _WIDTH * count)) ** 2)
        return np.array(self.rates)[keep], weights @ losses / weights.sum(axis=1)

    def plot(self, ax: Axes | None = None) -> Figure:
        """Draw the loss over the rate, with the suggestion.

        Args:
            ax: matplotlib axes to draw on; None makes a figure.

        Returns:
            The matplotlib figure.

        Raises:
            ImportError: matplotlib is not installed.
        """
        try:
            figure, (ax,) = axes_for("LearningRateFinder.plot()", 1, ax, (6.4, 4.0))
        except ImportError as error:
            raise ImportError(f"{error}\n{_WITHOUT_PICTURE}") from error
        rates, losses = self._curve()
        ax.plot(self.rates, self.losses, color="0.8", linewidth=1, label="loss of the batch")
        ax.plot(rates, losses, color="tab:blue", label="smoothed")
        ax.set_xscale("log")
        low, high = min(losses.min(), np.nanmin(self.losses)), losses[0]
        high = max(high, low + 1e-3 * max(abs(low), 1e-6))
        ax.set_ylim(low - 0.1 * (high - low), high + 0.6 * (high - low))
        try:
            best = self.suggestion
        except ValueError:  # the loss only rises: there is none to draw
            best = None
        if best is not None:
            ax.plot([best], [losses[list(rates).index(best)]], "o", color="tab:red", label=f"suggestion {best:.2g}")
        ax.set_xlabel("learning rate")
        ax.set_ylabel("loss")
        ax.grid(alpha=0.3)
        ax.legend(frameon=False)
        return figure


def find_learning_rate(
    model: Steps,
    x: Tree,
    y: Tree = None,
    *,
    start: float = 1e-7,
    end: float = 10.0,
    steps: int = 100,
    smoothing: float = 0.9,
    burst: float = 4.0,
    verbose: int = 0,
    **fit: Any,
) -> LearningRateFinder:
    """Make a range test of the learning rate; afterwards everything is as it was, even the stream of random numbers.

    Args:
        model: compiled.
        x, y: data, as for `fit`.
        start, end, steps, smoothing, burst: as for `LearningRateFinder`.
        verbose: as for `fit`.
        **fit: further arguments of `fit`, such as `batch_size` or `steps_per_epoch`.

    Returns:
        The finder: `finder.suggestion`, `finder.plot()`.

    Example:
        >>> import numpy as np, jkeras
        >>> jkeras.utils.set_random_seed(0)
        >>> model = jkeras.Sequential([jkeras.Input((3,)), jkeras.layers.Dense(1)])
        >>> model.compile("sgd", "mse")
        >>> x = np.random.default_rng(0).normal(size=(64, 3))
        >>> len(find_learning_rate(model, x, x[:, :1], start=1e-4, end=0.1, steps=20).rates)
        20
    """
    finder = LearningRateFinder(start, end, steps, smoothing, burst)
    place = random.stream_position()
    callbacks = [*(fit.pop("callbacks", None) or ()), finder]
    try:
        # Each epoch has at least one batch, so `steps` epochs suffice; the finder ends them.
        model.fit(x, y, epochs=fit.pop("epochs", steps), verbose=verbose, callbacks=callbacks, **fit)
    finally:
        if finder.model is not None:
            finder.restore()
        random.continue_stream(*place)
    return finder

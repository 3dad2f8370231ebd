"""`MonitorCallback`: base of callbacks that watch one result and ask whether it improved.

With `mode="min"` a value is better than the best so far when `value + min_delta < best`, with `"max"` when
`value - min_delta > best`. `"auto"` finds the direction: losses go down; a metric of the model may declare it (`direction`, "up"
or "down"); otherwise the name decides.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import numpy as np

from jkeras.callbacks.base import Callback, Logs

if TYPE_CHECKING:
    from jkeras.training.steps import Steps

_UP = re.compile(
    r"acc|auc|precision|recall|sensitivity|specificity|f1|f_?beta|score|iou|dice|r2|similarity|psnr|ssim|positives|negatives"
)
_DOWN = re.compile(r"loss|error|mse|mae|mape|msle|rmse|crossentropy|divergence|poisson|hinge|perplexity|false_")


class MonitorCallback(Callback):
    """Base of callbacks that act on how one result changes.

    Args:
        monitor: name of the result, such as `"val_loss"`.
        mode: `"min"`, `"max"` or `"auto"`; any other value causes a warning and counts as `"auto"`.
        baseline: what counts as the best so far before the first value; None accepts any first value.
        min_delta: a smaller change than this is no improvement.

    Attributes:
        monitor_op: `np.less` or `np.greater`: a value is better if `monitor_op(value - min_delta, best)`. Subclasses may set it.
        min_delta: as given; negative, as in Keras, once `monitor_op` is `np.less`.
    """

    _remembers: tuple[str, ...] = ("best",)

    def __init__(self, monitor: str = "val_loss", mode: str = "auto", baseline: float | None = None, min_delta: float = 0):
        if mode not in ("auto", "min", "max"):
            warnings.warn(
                f"{type(self).__name__}: unknown mode {mode!r}; 'auto' is used. Write 'auto', 'min' or 'max'.", stacklevel=3
            )
            mode = "auto"
        self.monitor = monitor
        self.mode = mode
        self.best = baseline
        self.min_delta = abs(min_delta)

    _monitor_op: Callable[..., object] | None = None
    # Whether this run has been warned of a missing result; on the class for subclasses that skip super().__init__().
    _told = False

    def set_model(self, model: Steps) -> None:
        """Receive the model of a run."""
        super().set_model(model)
        self._told = False

    def get_state(self) -> dict[str, object]:
        """What a resumed training run must know: the numbers named in `_remembers`."""
        values = {name: getattr(self, name) for name in self._remembers}
        return {name: value.item() if hasattr(value, "item") else value for name, value in values.items()}

    def set_state(self, state: dict[str, object]) -> None:
        """Restore what `get_state` returned; what is missing there keeps its value.

        Args:
            state: numbers by name; only those in `_remembers` are used.
        """
        for name in self._remembers:
            value = state.get(name, self)
            if value is None or isinstance(value, (int, float)):
                setattr(self, name, value)

    @property
    def monitor_op(self) -> Callable[..., object]:
        """The comparison; unless it was set, it is chosen on first use, since it may depend on the model's metrics."""
        if self._monitor_op is None:
            metrics = getattr(self.model, "metrics", None) or ()
            self.monitor_op = np.less if direction(self.monitor, self.mode, metrics, type(self).__name__) < 0 else np.greater
        assert self._monitor_op is not None
        return self._monitor_op

    @monitor_op.setter
    def monitor_op(self, op: Callable[..., object]) -> None:
        self._monitor_op = op
        self.min_delta = -abs(self.min_delta) if op(0, 1) else abs(self.min_delta)

    def is_improvement(self, value: float, reference: float | None) -> bool:
        """Whether a value is better than another by more than `min_delta`; any number is better than None or NaN."""
        if reference is None or np.isnan(reference):
            return not np.isnan(value)
        return bool(self.monitor_op(value - self.min_delta, reference))

    def get_monitor_value(self, logs: Logs) -> float | None:
        """The monitored value; None if it is missing, with one warning per run that lists the results."""
        value = (logs or {}).get(self.monitor)
        if value is None and not self._told:
            self._told = True
            there = ", ".join(logs or {}) or "none"
            warnings.warn(
                f"{type(self).__name__} watches `{self.monitor}`, which is not among the results: {there}. "
                "Write one of these as `monitor`; a name with val_ needs validation data.",
                stacklevel=4,
            )
        return value


def direction(monitor: str, mode: str, metrics: Iterable[object] = (), owner: str = "MonitorCallback") -> int:
    """+1 where a larger value is better, -1 where a smaller one is.

    Raises:
        ValueError: `mode="auto"`, and the direction cannot be told.

    Example:
        >>> direction("val_loss", "auto"), direction("val_accuracy", "auto"), direction("val_loss", "max")
        (-1, 1, 1)
    """
    if mode != "auto":
        return -1 if mode == "min" else 1
    name = monitor.removeprefix("val_").lower()
    if name == "loss":
        return -1
    for metric in metrics:
        way = getattr(metric, "direction", None) or getattr(metric, "_direction", None)
        own = getattr(metric, "name", None)
        if own is not None and way in ("up", "down") and (name == own or name.endswith(f"_{own}")):
            return 1 if way == "up" else -1
    # "down" first: false_positives is a count of mistakes.
    for pattern, sign in ((_DOWN, -1), (_UP, 1)):
        if pattern.search(name):
            return sign
    raise ValueError(f"{owner} cannot tell whether `{monitor}` should go up or down. Write mode='max' or mode='min'.")

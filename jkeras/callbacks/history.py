"""`History`: what every epoch's results were; `fit` returns it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from jkeras._base.lazy import lazy_names
from jkeras._base.registry import export
from jkeras._base.types import Tree
from jkeras.callbacks.base import Callback, Logs

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Every training run needs this file, and few need its pictures.
_load, _ = lazy_names(
    __name__, {"jkeras.callbacks.history_curves": "plot_history", "jkeras.callbacks.history_html": "history_html"}
)


class Results(dict[str, list[Tree]]):
    """Results by name. A missing name is looked up as other releases of Keras spell it: `acc` for `accuracy`, `lr` for
    `learning_rate`, and vice versa.

    Example:
        >>> results = Results(accuracy=[0.5])
        >>> results["acc"], "acc" in results
        ([0.5], False)
    """

    def __missing__(self, name: str) -> list[Tree]:
        start = "val_" if name.startswith("val_") else ""
        other = start + _OTHER_NAMES.get(name.removeprefix(start), "")
        if other in self:
            return self[other]
        raise KeyError(f"{name!r} is not among the results: {', '.join(self) or 'there are none'}.")


_OTHER_NAMES = {"acc": "accuracy", "accuracy": "acc", "lr": "learning_rate", "learning_rate": "lr"}


@export("keras.callbacks.History")
class History(Callback):
    """Records the results of every epoch.

    Attributes:
        history: name of a result -> its value at the end of each epoch.
        epoch: the numbers of the epochs, from 0.

    Example:
        >>> history = History()
        >>> history.on_train_begin()
        >>> history.on_epoch_end(0, {"loss": 0.5})
        >>> history.history, history.epoch
        ({'loss': [0.5]}, [0])
    """

    may_lag = True

    def __init__(self) -> None:
        self.history: dict[str, list[Tree]] = Results()
        self.epoch: list[int] = []

    def on_train_begin(self, logs: Logs = None) -> None:
        self.epoch = []

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        self.epoch.append(epoch)
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(value)

    def plot(self, names: str | Sequence[str] | None = None, **kwargs: object) -> Figure:
        """Draw the learning curves, as `jkeras.visualization.plot_history` does.

        Args:
            names: which quantities, such as `"loss"`; by default all, training and validation together.
            kwargs: `log`, `columns`, `ax`, `path`.

        Returns:
            A matplotlib figure, which a notebook shows.

        Raises:
            ImportError: matplotlib is not installed.
            ValueError: there are no epochs, or a name is unknown.
        """
        return _load("plot_history")(self, names, **kwargs)

    def _repr_html_(self) -> str:
        html: str = _load("history_html")(self)
        return html

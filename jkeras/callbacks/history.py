"""`History`: what every epoch's results were; `fit` returns it.

Pictures of it are made in `visualization/`, which is loaded when the first one is asked for.
"""

from __future__ import annotations

from typing import Any

from jkeras._base.lazy import lazy_names
from jkeras._base.registry import export
from jkeras.callbacks.base import Callback, Logs

_late, _ = lazy_names(__name__, {"plot_history": "jkeras.visualization", "history_html": "jkeras.visualization"})


class Results(dict[str, list[Any]]):
    """Results by name. Where a name is not there, that of another release of Keras is tried: `acc` for `accuracy`, `lr` for
    `learning_rate`, and the other way round.

    Example:
        >>> results = Results(accuracy=[0.5])
        >>> results["acc"], "acc" in results
        ([0.5], False)
    """

    def __missing__(self, name: str) -> list[Any]:
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
        self.history: dict[str, list[Any]] = Results()
        self.epoch: list[int] = []

    def on_train_begin(self, logs: Logs = None) -> None:
        self.epoch = []

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        self.epoch.append(epoch)
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(value)

    def plot(self, names: Any = None, **kwargs: Any) -> Any:
        """Draw the learning curves; `jkeras.visualization.plot_history` says more.

        Args:
            names: which quantities, such as `"loss"`; default all, training and validation together.
            kwargs: `log`, `columns`, `ax`, `path`.

        Returns:
            A figure of matplotlib, which a notebook shows.

        Raises:
            ImportError: matplotlib is not installed.
            ValueError: there are no epochs, or a name is unknown.
        """
        return _late("plot_history")(self, names, **kwargs)

    def _repr_html_(self) -> str:
        html: str = _late("history_html")(self)
        return html

"""Learning curves: loss and metrics from epoch to epoch, in training and on validation data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from jkeras._base.errors import describe, unknown_name
from jkeras._base.figures import INKS, FilePath, axes_for, finish
from jkeras._base.types import Tree

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from jkeras._base.figures import AxesLike

_VALIDATION = "val_"
_FEW = 20  # up to this many epochs, each is marked
_RATES = ("lr", "learning_rate")


class HasHistory(Protocol):
    """What `fit` returns: results by name, a value for each epoch."""

    history: Mapping[str, Sequence[Tree]]  # a mapping; Keras' own histories have plain dicts


Histories = HasHistory | Mapping[str, Tree] | Sequence[HasHistory | Mapping[str, Tree]]


def plot_history(
    history: Histories,
    names: str | Sequence[str] | None = None,
    *,
    labels: Sequence[str] | None = None,
    log: bool | Sequence[str] = False,
    columns: int = 3,
    ax: AxesLike | None = None,
    path: FilePath | None = None,
) -> Figure:
    """Draw learning curves, a panel for each quantity, with training and validation together.

    Args:
        history: what `fit` returned, or its `history` dict; several of them, in a list or as `{label: history}`, are compared,
            each in its own colour.
        names: which quantities, without `val_`, such as `"loss"`; by default all.
        labels: names of the histories in a list.
        log: whether the vertical axes are logarithmic; or the names of the quantities whose axes are.
        columns: how many panels stand in a row.
        ax: axes to draw on, one for each quantity; None makes a figure.
        path: a file to write the figure to; the suffix tells the format.

    Returns:
        The figure.

    Raises:
        ImportError: matplotlib is not installed.
        ValueError: there are no epochs; a name is unknown; axes or labels are too few.

    Example:
        >>> figure = plot_history({"loss": [0.9, 0.5, 0.4], "val_loss": [1.0, 0.7, 0.8]})
        >>> [line.get_label() for line in figure.axes[0].lines]
        ['training', 'validation']
    """
    runs = _runs(history, labels)
    found = list(dict.fromkeys(name.removeprefix(_VALIDATION) for curves in runs.values() for name in curves))
    found.sort(key=lambda name: name in _RATES)
    if not any(len(values) for curves in runs.values() for _, values in curves.values()):
        raise ValueError("There is nothing to draw: the history has no epochs. Call fit first, with epochs=1 or more.")
    wanted = [names] if isinstance(names, str) else list(names) if names is not None else found
    logarithmic = [log] if isinstance(log, str) else found if log is True else list(log or ())
    for name in (*wanted, *logarithmic):
        if name not in found:
            raise unknown_name("quantity of the history", name, found)
    figure, axes = axes_for("plot_history", len(wanted), ax, (4.6, 3.4), columns)
    for axis, name in zip(axes, wanted):
        _draw(axis, name, runs)
        if name in logarithmic:
            axis.set_yscale("log")
    return finish(figure, path)


Curves = dict[str, tuple[np.ndarray, np.ndarray]]  # name -> (epochs from 1, values)


def _runs(history: Histories, labels: Sequence[str] | None) -> dict[str, Curves]:
    """The histories by label; a single one has the empty label."""
    if isinstance(history, Mapping) and any(_is_history(value) for value in history.values()):
        return {str(label): _curves(one) for label, one in history.items()}
    if _is_history(history):
        return {"" if labels is None else str(labels[0]): _curves(history)}
    if not isinstance(history, Sequence) or isinstance(history, str) or not history:
        raise ValueError(f"plot_history takes what fit returned, or a list or dict of such. Received: {describe(history)}.")
    if labels is not None and len(labels) != len(history):
        raise ValueError(f"labels has {len(labels)} names for {len(history)} histories. Give one for each.")
    called = [str(label) for label in labels] if labels is not None else [f"run {i}" for i in range(1, len(history) + 1)]
    return {label: _curves(one) for label, one in zip(called, history)}


def _is_history(value: object) -> bool:
    return isinstance(value, Mapping) or isinstance(getattr(value, "history", None), Mapping)


def _curves(history: Any) -> Curves:
    values: Mapping[str, Sequence[Tree]] = history if isinstance(history, Mapping) else history.history
    numbers = list(getattr(history, "epoch", []))
    count = max((len(v) for v in values.values()), default=0)
    epochs = np.asarray(numbers if len(numbers) == count else range(count), float) + 1
    curves = {}
    for name, row in values.items():
        array = np.asarray(row, dtype=float)
        if 0 < len(array) < count:  # with validation_freq=n there is a value for every n-th epoch
            step = count // len(array)
            curves[name] = epochs[step - 1 :: step][: len(array)], array
        else:
            curves[name] = epochs, array
    return curves


def _draw(axis: Any, name: str, runs: dict[str, Curves]) -> None:
    longest = max(len(epochs) for curves in runs.values() for epochs, _ in curves.values())
    for i, (label, curves) in enumerate(runs.items()):
        for key, validation in ((name, False), (_VALIDATION + name, True)):
            if key not in curves or not len(curves[key][1]):
                continue
            epochs, values = curves[key]
            colour = INKS[i % len(INKS)] if label else INKS[int(validation)]
            style = "--" if label and validation else "-"
            said = ("validation" if validation else "training") if not label else f"{label}, validation" if validation else label
            lines = axis.plot(epochs, np.where(np.isfinite(values), values, np.nan), style, color=colour, linewidth=1.6)
            lines[0].set_label(said if name not in _RATES else label or name)
            if longest <= _FEW:
                for line in lines:
                    line.set(marker="o", markersize=3.5 if longest > 1 else 6)
    axis.set_title(name.replace("_", " "), fontsize=11)
    axis.set_xlabel("epoch")
    if longest > 1:
        axis.xaxis.get_major_locator().set_params(integer=True)
    else:
        axis.set_xticks(sorted({float(epoch) for curves in runs.values() for epochs, _ in curves.values() for epoch in epochs}))
    axis.grid(alpha=0.25)
    axis.spines[["top", "right"]].set_visible(False)
    if len(axis.lines) > 1:
        axis.legend(frameon=False, fontsize=9)

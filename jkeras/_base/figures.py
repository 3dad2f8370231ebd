"""Figures of matplotlib, the one place that imports it.

Pyplot does not know the figures made here: its list of open figures and its current axes stay as they are. In a notebook a
figure shows itself as the value of a cell; in a script `figure.savefig` or `path=` writes it.
"""

from __future__ import annotations

import functools
import io
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, BinaryIO, TypeAlias

import numpy as np

from jkeras._base.atomic import FilePath, atomic_file

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    AxesLike: TypeAlias = Axes | np.ndarray | Sequence[Axes | Sequence[Axes]]


_MISSING = """{what} is drawn with matplotlib, which is not installed. Write

    pip install "jkeras[plots]"
"""
INKS = ("#1f5fa8", "#d2691e", "#2e8b57", "#8b3a8b", "#b22222", "#5d6875", "#b8860b", "#008b8b", "#c71585", "#556b2f")


def matplotlib_for(what: str) -> ModuleType:
    """The package matplotlib, with its modules `figure`, `font_manager`, `patches` and `path`, but not pyplot.

    Args:
        what: what is about to be drawn, for the error.

    Raises:
        ImportError: it is not installed.
    """
    try:
        import matplotlib
        import matplotlib.figure
        import matplotlib.font_manager
        import matplotlib.patches
        import matplotlib.path
    except ImportError as error:
        raise ImportError(_MISSING.format(what=what)) from error
    return matplotlib


def new_figure(what: str, width: float, height: float, layout: str | None = "constrained") -> Figure:
    """An empty figure.

    Args:
        what: what is about to be drawn, for the error.
        width, height: in inches.
        layout: matplotlib's layout engine, which keeps texts apart; None for none.

    Raises:
        ImportError: matplotlib is not installed.
    """
    figure = matplotlib_for(what).figure.Figure(figsize=(width, height), layout=layout)
    if layout == "constrained":
        figure.get_layout_engine().set(w_pad=0.08, h_pad=0.08)
    # IPython asks an object for this method; a figure that pyplot does not know has none.
    figure._repr_png_ = functools.partial(_png, figure)
    return figure


def _png(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()


def axes_for(
    what: str, count: int, ax: AxesLike | None, panel: tuple[float, float], columns: int | None = None
) -> tuple[Figure, list[Axes]]:
    """A figure with `count` panels: a new one, or the one that the caller's axes are in.

    Args:
        what: what is about to be drawn, for errors.
        count: how many axes are needed.
        ax: None, axes, or an array or nested list of axes as `plt.subplots` gives them.
        panel: width and height of one panel in inches.
        columns: how many panels stand in a row; None for all.

    Returns:
        The figure and a list of its `count` axes.

    Raises:
        ImportError: matplotlib is not installed.
        ValueError: fewer axes were given than are needed.
    """
    if ax is not None:
        given = [a for a in np.asarray(ax, dtype=object).ravel() if a is not None]
        if len(given) < count:
            raise ValueError(
                f"{what} needs {count} axes, but received {len(given)}. Write for example "
                f"figure, ax = plt.subplots(1, {count}) and give ax=ax, or omit ax."
            )
        return given[0].figure, given[:count]
    across = min(columns or count, count)
    down = -(-count // across)
    figure = new_figure(what, panel[0] * across, panel[1] * down)
    return figure, [figure.add_subplot(down, across, i + 1) for i in range(count)]


def finish(figure: Figure, path: FilePath | None, dpi: float | None = None, transparent: bool = False) -> Figure:
    """Write a figure if there is a path, and return it.

    Args:
        figure: of matplotlib.
        path: of the file; the suffix tells the format (`.png`, `.svg`, `.pdf`, ...).
        dpi: pixels per inch; by default the figure's.
        transparent: whether the file has no background.
    """
    if path is not None:
        with atomic_file(path) as temporary:
            save(figure, temporary, Path(path).suffix[1:].lower() or "png", dpi, transparent)
    return figure


def save(figure: Figure, target: FilePath | BinaryIO, kind: str, dpi: float | None = None, transparent: bool = False) -> None:
    """Write a figure to a path or a stream, the same bytes each time."""
    undated: dict[str, dict[str, None]] = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}
    with matplotlib_for("A picture").rc_context({"svg.hashsalt": "jkeras"}):
        figure.savefig(target, format=kind, dpi=dpi or figure.dpi, metadata=undated.get(kind), transparent=transparent)


def open_window(figure: Figure) -> None:
    """Show a figure in a window of pyplot's, and return when it is closed; without windows, as on a server, do nothing."""
    from matplotlib import pyplot

    window = pyplot.figure(figsize=figure.get_size_inches(), layout="none", frameon=False)
    axes = window.add_axes((0, 0, 1, 1))
    axes.imshow(pixels(figure))
    axes.axis("off")
    pyplot.show()
    pyplot.close(window)


def pixels(figure: Figure) -> np.ndarray:
    """A figure as it is drawn, `(height, width, 4)`: red, green, blue and opacity as bytes."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.array(canvas.buffer_rgba())


def name_list(names: Sequence[object] | None, count: int, what: str) -> list[str]:
    """The names of classes as text; their numbers if there are no names.

    Raises:
        ValueError: there are fewer names than classes.
    """
    if names is None:
        return [str(i) for i in range(count)]
    if len(names) < count:
        raise ValueError(f"{what} has {len(names)} names, but there are {count} classes. Give one name for each, in order.")
    return [str(name) for name in names]

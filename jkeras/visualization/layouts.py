"""What lies where: each weight of a model as its devices hold it."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from jkeras._base.errors import describe
from jkeras._base.figures import FilePath, axes_for, finish
from jkeras.models.layouts import Layout, Layouts

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_HELD, _WHOLE, _LEFT = "#1c7ed6", "#adb5bd", "#f1f3f5"
_TILE, _GAP = 0.9, 0.1


def plot_layouts(layouts: Layouts, *, ax: Axes | None = None, path: FilePath | None = None) -> Figure:
    """Draw a row for each weight and a column for each device: the coloured part of a tile is what the device holds.

    A tile is the weight with its last axis from left to right and all others from top to bottom. What every device holds whole is
    grey. Above 16 devices, the first 16 are drawn.

    Args:
        layouts: of `model.layouts()`.
        ax: axes to draw on; None makes a figure.
        path: a file to write the figure to; the suffix tells the format.

    Returns:
        The figure.

    Raises:
        ImportError: matplotlib is not installed.
        ValueError: it is something else than layouts.

    Example:
        >>> from jkeras import layers, Sequential
        >>> model = Sequential([layers.Input((4,)), layers.Dense(2, name="top")], name="net")
        >>> model.compile("sgd", "mse", distribution="data")
        >>> [label.get_text() for label in plot_layouts(model.layouts()).axes[0].get_yticklabels()]
        ['net/top/kernel (4, 2)', 'net/top/bias (2,)']
    """
    if not isinstance(layouts, Layouts):
        raise ValueError(f"plot_layouts takes what model.layouts() returns. Received: {describe(layouts)}.")
    devices = list(itertools.islice(itertools.product(*map(range, layouts.mesh.values())), 16))
    size = 2.2 + 0.62 * len(devices), 0.9 + 0.42 * len(layouts.rows)
    figure, (axis,) = axes_for("plot_layouts", 1, ax, size)
    for number, row in enumerate(layouts.rows):
        for column, place in enumerate(devices):
            _draw(axis, row, dict(zip(layouts.mesh, place)), layouts.mesh, column, number)
    axis.set_xlim(-_GAP, len(devices))
    axis.set_ylim(len(layouts.rows), -_GAP)
    axis.set_xticks(np.arange(len(devices)) + _TILE / 2, [str(n) for n in range(len(devices))])
    axis.set_yticks(np.arange(len(layouts.rows)) + _TILE / 2, [f"{row.path} {row.shape}" for row in layouts.rows])
    axis.xaxis.tick_top()
    axis.tick_params(length=0, labelsize=8)
    for side in axis.spines.values():
        side.set_visible(False)
    axes = ", ".join(f"{name}={size}" for name, size in layouts.mesh.items())
    axis.set_title(f"Devices of the mesh {axes}", fontsize=9, parse_math=False)
    return finish(figure, path)


def _draw(axis: Axes, row: Layout, place: Mapping[str, int], mesh: Mapping[str, int], column: int, number: int) -> None:
    """A tile with the part that lies on the device at a place in the mesh."""
    held = np.zeros(_thumbnail(row, mesh))
    held[tuple(slice(*_part(along, place, mesh, n)) for along, n in zip(_axes(row), held.shape))] = 1
    tile = held.reshape(-1, held.shape[-1]) if held.ndim > 1 else held.reshape(1, -1)
    colour = _WHOLE if row.whole else _HELD
    colours = np.asarray([[int(c[i : i + 2], 16) / 255 for i in (1, 3, 5)] for c in (_LEFT, colour)])
    box = column, column + _TILE, number + _TILE, number
    axis.imshow(colours[tile.astype(int)], extent=box, aspect="auto", interpolation="nearest")


def _axes(row: Layout) -> tuple[Any, ...]:
    """The mesh's axis for each of a weight's axes; a scalar counts as one row of one number."""
    return (*row.axes, *[None] * (max(len(row.shape), 1) - len(row.axes)))


def _thumbnail(row: Layout, mesh: Mapping[str, int]) -> tuple[int, ...]:
    """As many entries for each axis as it has parts."""
    return tuple(_parts(along, mesh) for along in _axes(row))


def _names(along: Any) -> tuple[str, ...]:
    return () if along is None else (along,) if isinstance(along, str) else tuple(along)


def _parts(along: Any, mesh: Mapping[str, int]) -> int:
    return math.prod(mesh[name] for name in _names(along))


def _part(along: Any, place: Mapping[str, int], mesh: Mapping[str, int], size: int) -> tuple[int, int]:
    """Which entries of an axis, cut along axes of the mesh, lie at a place."""
    number = 0
    for name in _names(along):
        number = number * mesh[name] + place[name]
    return number, number + size // _parts(along, mesh)

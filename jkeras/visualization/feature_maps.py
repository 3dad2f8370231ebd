"""The outputs of a model's layers for one example: feature maps as tiles, sequences and vectors as strips."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import jax
import numpy as np

from jkeras._base.errors import describe
from jkeras._base.figures import FilePath, axes_for, finish
from jkeras._base.types import Tree
from jkeras.layer.base import Layer
from jkeras.models.model import Model
from jkeras.visualization.mosaic import mosaic, unit_range

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from jkeras._base.figures import AxesLike

_STRIP = 64  # numbers of a vector in one row


def layer_outputs(
    model: Model,
    x: Tree,
    layers: str | Layer | Iterable[str | Layer] | None = None,
    *,
    sample: int = 0,
    limit: int = 16,
    columns: int = 2,
    cmap: str = "viridis",
    ax: AxesLike | None = None,
    path: FilePath | None = None,
) -> Figure:
    """Draw the outputs of layers for one example, a panel for each layer.

    Outputs `(height, width, channels)` are tiles, one for each channel, each stretched to its own range. Outputs `(steps,
    features)` are one image with time from left to right; vectors are strips. Other outputs are left out.

    Args:
        model: built.
        x: what `model.predict` takes; only the row `sample` is used.
        layers: names, paths or layers, as for `model.activations`; by default all whose output can be drawn.
        sample: which row of `x`.
        limit: the most channels of a layer to draw.
        columns: panels in a row.
        cmap: the name of a matplotlib colour map.
        ax: axes to draw on, one for each layer; None makes a figure.
        path: a file to write the figure to; the suffix tells the format.

    Returns:
        The figure.

    Raises:
        ImportError: matplotlib is not installed.
        ValueError: a layer is unknown, its output cannot be drawn, or there is no row `sample`.

    Example:
        >>> from jkeras import Input, Sequential
        >>> from jkeras.layers import Conv2D, Flatten
        >>> model = Sequential([Input((8, 8, 1)), Conv2D(4, 3, name="conv"), Flatten(name="flat")])
        >>> [axes.get_title() for axes in layer_outputs(model, np.ones((2, 8, 8, 1))).axes]
        ['conv (Conv2D): 6 x 6, 4 channels', 'flat (Flatten): 144']
    """
    if not isinstance(model, Model):
        raise ValueError(f"layer_outputs takes a model. Received: {describe(model)}.")
    rows = min(np.shape(leaf)[0] for leaf in jax.tree.leaves(x))
    if not -rows <= sample < rows:
        raise ValueError(f"x has {rows} rows. Received: sample={sample!r}.")
    row = sample % rows
    one = jax.tree.map(lambda array: np.asarray(array)[row : row + 1], x)
    given = model.activations(one, layers)
    found = {name: value[0] for name, value in given.items() if _is_drawable(value)}
    if not found or (layers is not None and len(found) < len(given)):
        other = ", ".join(name for name in given if name not in found)
        raise ValueError(f"What is drawn are outputs of one to three axes for each example. Other outputs are those of {other}.")
    figure, axes = axes_for("layer_outputs", len(found), ax, (4.2, 3.2), columns)
    kinds = {layer.name: type(layer).__name__ for layer in model._flatten_layers()}
    for axis, (name, value) in zip(axes, found.items()):
        kind = kinds.get(name.rpartition("/")[2].partition("#")[0], "")
        picture, size = _picture(value.astype(np.float32), limit)
        axis.imshow(picture, cmap=cmap, aspect="equal" if value.ndim == 3 else "auto", interpolation="nearest")
        axis.set_title(f"{name} ({kind}): {size}" if kind else f"{name}: {size}", fontsize=9, parse_math=False)
        if value.ndim == 1:
            axis.set_box_aspect(min(0.75, 0.08 * len(picture)))
        axis.set_axis_off()
    return finish(figure, path)


def _is_drawable(value: object) -> bool:
    return isinstance(value, np.ndarray) and 2 <= value.ndim <= 4 and value.size > 0 and value.dtype.kind in "fiubV"


def _picture(value: np.ndarray, limit: int) -> tuple[np.ndarray, str]:
    """The image of one output, and its size in words."""
    if value.ndim == 3:
        height, width, channels = value.shape
        tiles = unit_range(np.moveaxis(value[..., :limit], -1, 0))
        some = f"{limit} of {channels} channels" if channels > limit else f"{channels} channel{'s' * (channels != 1)}"
        return mosaic(tiles, line=max(1, width // 24)), f"{height} x {width}, {some}"
    if value.ndim == 2:
        return value.T, f"{value.shape[0]} steps, {value.shape[1]} features"
    rows = -(-len(value) // _STRIP)
    strip = np.full(rows * min(len(value), _STRIP), np.nan, np.float32)
    strip[: len(value)] = value
    return strip.reshape(rows, -1), str(len(value))

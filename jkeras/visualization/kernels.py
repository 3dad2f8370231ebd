"""The kernels of a convolution as images: what each filter looks for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from jkeras._base.errors import describe
from jkeras._base.figures import FilePath, axes_for, finish
from jkeras.layer.base import Layer
from jkeras.layer.tracking import walk
from jkeras.visualization.mosaic import mosaic

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_NAMES = ("kernel", "depthwise_kernel")


def convolution_kernels(
    layer: Layer,
    name: str | None = None,
    *,
    channel: int | None = None,
    limit: int = 64,
    columns: int | None = None,
    cmap: str = "RdBu_r",
    ax: Axes | None = None,
    path: FilePath | None = None,
) -> Figure:
    """Draw the kernels of a convolution layer, a tile for each filter.

    Kernels over three channels are drawn in colour, grey where a weight is 0. Others are drawn for one input channel at a time,
    red where a weight is above 0 and blue where it is below; all tiles share one scale.

    Args:
        layer: a convolution layer, one- or two-dimensional, transposed, depthwise or separable; or a model.
        name: of a layer inside a model; by default the first convolution.
        channel: which input channel; by default all three in colour if there are three, else the mean over the channels.
        limit: the most filters to draw.
        columns: tiles in a row.
        cmap: the name of a matplotlib colour map for kernels that are not drawn in colour.
        ax: axes to draw on; None makes a figure.
        path: a file to write the figure to; the suffix tells the format.

    Returns:
        The figure.

    Raises:
        ImportError: matplotlib is not installed.
        ValueError: there is no such layer or channel; the layer has no such kernel, or was not built.

    Example:
        >>> from jkeras.layers import Conv2D
        >>> layer = Conv2D(8, 3)
        >>> layer.build((None, 28, 28, 1))
        >>> convolution_kernels(layer).axes[0].images[0].get_array().shape
        (11, 11)
    """
    chosen = _find(layer, name)
    kernel = _kernel(chosen)
    inputs = kernel.shape[2]
    if channel is not None and not 0 <= channel < inputs:
        raise ValueError(f"Layer {chosen.name!r} has input channels 0 to {inputs - 1}. Received: channel={channel!r}.")
    colour = channel is None and inputs == 3
    tiles = kernel if colour else kernel[:, :, channel] if channel is not None else kernel.mean(axis=2)
    tiles = np.moveaxis(tiles, -1, 0)
    count = len(tiles)
    tiles = tiles[:limit]
    most = float(np.abs(tiles).max()) or 1.0
    picture = mosaic(0.5 + tiles / (2 * most) if colour else tiles, columns)
    height, width = picture.shape[:2]
    side = 4.5
    size = (side * min(1.0, width / height) + 1.0, side * min(1.0, height / width) + 0.7)
    figure, (axis,) = axes_for("convolution_kernels", 1, ax, size)
    if colour:
        axis.imshow(np.nan_to_num(picture, nan=1.0))
    else:
        image = axis.imshow(picture, cmap=cmap, vmin=-most, vmax=most)
        figure.colorbar(image, ax=axis, fraction=0.046, pad=0.03)
    which = "" if colour or inputs == 1 else f", channel {channel}" if channel is not None else f", mean of {inputs} channels"
    some = f"{len(tiles)} of {count} filters" if len(tiles) < count else f"{count} filters"
    axis.set_title(f"{chosen.name}: {some}{which}", fontsize=10, parse_math=False)
    axis.set_axis_off()
    return finish(figure, path)


def _find(layer: Layer, name: str | None) -> Layer:
    if not isinstance(layer, Layer):
        raise ValueError(f"convolution_kernels takes a layer or a model. Received: {describe(layer)}.")
    parts = [part for _, part in walk(layer)]
    if name is not None:
        parts = [part for part in parts if part.name == name]
        if not parts:
            raise ValueError(f"{layer.name!r} has no layer {name!r}. Write model.summary() to see its layers.")
    found = next((part for part in parts if _is_convolution(part)), None)
    if found is not None:
        return found
    what = f"Layer {name!r}" if name is not None else f"{type(layer).__name__} {layer.name!r}"
    if any("Conv" in type(part).__name__ and not part.built for part in parts):
        raise ValueError(f"{what} was not built: it has no kernels yet. Build it with model.build(input_shape).")
    raise ValueError(f"{what} is no convolution and holds none, or one over more than two axes: there are no kernels to draw.")


def _kernel_variable(layer: Layer) -> Any:
    return next((found for name in _NAMES if (found := getattr(layer, name, None)) is not None), None)


def _is_convolution(layer: Layer) -> bool:
    shape = getattr(_kernel_variable(layer), "shape", ())
    return "Conv" in type(layer).__name__ and len(shape) in (3, 4)


def _kernel(layer: Layer) -> np.ndarray:
    """The kernel as `(height, width, inputs, filters)`; a one-dimensional one has height 1."""
    kernel = np.asarray(_kernel_variable(layer).array, np.float32)
    if kernel.ndim == 3:
        kernel = kernel[None]
    if "Transpose" in type(layer).__name__:
        return np.swapaxes(kernel, 2, 3)
    if "Depthwise" in type(layer).__name__ or "Separable" in type(layer).__name__:
        return kernel.reshape(*kernel.shape[:2], 1, -1)  # each filter sees one channel
    return kernel

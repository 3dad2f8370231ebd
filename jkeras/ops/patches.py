"""Images and their patches: cut into rows or columns, put together again, and pixels traded for channels."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax import lax

from jkeras._base.config import standardize_data_format
from jkeras._base.errors import describe, unknown_name
from jkeras._base.plain_numbers import INTEGERS
from jkeras.nn import patches
from jkeras.nn.conv import spatial
from jkeras.ops.families import Shape
from jkeras.ops.wrapper import Tensor, as_array, operation, publish


def _pair(value: Shape) -> tuple[int, int]:
    return (value, value) if isinstance(value, INTEGERS) else (int(value[0]), int(value[1]))


def _columns(x: jax.Array, kernel_size: Shape, dilation: Shape, padding: Shape, stride: Shape) -> jax.Array:
    (top, left), images = _pair(padding), ("NCHW", "OIHW", "NCHW")
    patches = lax.conv_general_dilated_patches(
        x, _pair(kernel_size), _pair(stride), [(top, top), (left, left)], rhs_dilation=_pair(dilation), dimension_numbers=images
    )
    return patches.reshape(*patches.shape[:2], -1)


@operation("nn")
def unfold(x: Tensor, kernel_size: Shape, dilation: Shape = 1, padding: Shape = 0, stride: Shape = 1) -> Tensor:
    """The patches of images as columns.

    Args:
        x: `(batch, channels, height, width)`.
        kernel_size: of a patch, an int or (height, width), as all further arguments.
        dilation: distance between neighbouring entries of a patch.
        padding: zeros on both sides.
        stride: from one patch to the next.

    Returns:
        `(batch, channels * patch height * patch width, patches)`.
    """
    return _columns(as_array(x), kernel_size, dilation, padding, stride)


@operation("nn")
def fold(x: Tensor, output_size: Shape, kernel_size: Shape, dilation: Shape = 1, padding: Shape = 0, stride: Shape = 1) -> Tensor:
    """Images as sums of their patches: the transpose of `unfold`.

    Args:
        x: `(batch, channels * patch height * patch width, patches)`.
        output_size: height and width of the images.
        kernel_size, dilation, padding, stride: as for `unfold`.

    Returns:
        `(batch, channels, height, width)`.
    """
    x = as_array(x)
    height, width = _pair(kernel_size)
    if x.ndim != 3 or x.shape[1] % (height * width):
        raise ValueError(f"fold takes (batch, channels * {height} * {width}, patches), received {describe(x)}.")
    image = jax.ShapeDtypeStruct((x.shape[0], x.shape[1] // (height * width), *_pair(output_size)), x.dtype)
    (folded,) = jax.linear_transpose(lambda y: _columns(y, kernel_size, dilation, padding, stride), image)(x)
    return folded


def _checked(block_size: int) -> int:
    if block_size < 2:
        raise ValueError(f"The side of a block is at least 2 pixels. Received: block_size={block_size}.")
    return block_size


@operation("nn")
def depth_to_space(x: Tensor, block_size: int, data_format: str = "channels_last") -> Tensor:
    """Channels become blocks of pixels.

    Args:
        x: `(batch, height, width, channels)`, or `(batch, channels, height, width)` for `channels_first`.
        block_size: side of a block, b.
        data_format: `"channels_last"` or `"channels_first"`.

    Returns:
        `(batch, b height, b width, channels / b^2)`, or `(batch, channels / b^2, b height, b width)`.
    """
    x, b = as_array(x), _checked(block_size)
    if standardize_data_format(data_format) == "channels_last":
        n, h, w, c = x.shape
        return jnp.swapaxes(x.reshape(n, h, w, b, b, c // b**2), 2, 3).reshape(n, h * b, w * b, c // b**2)
    n, c, h, w = x.shape
    return jnp.einsum("ncijhw->nchiwj", x.reshape(n, c // b**2, b, b, h, w)).reshape(n, c // b**2, h * b, w * b)


@operation("nn")
def space_to_depth(x: Tensor, block_size: int, data_format: str = "channels_last") -> Tensor:
    """Blocks of pixels become channels: the inverse of `depth_to_space`, with the same arguments."""
    x, b = as_array(x), _checked(block_size)
    if standardize_data_format(data_format) == "channels_last":
        n, h, w, c = x.shape
        return jnp.swapaxes(x.reshape(n, h // b, b, w // b, b, c), 2, 3).reshape(n, h // b, w // b, c * b**2)
    n, c, h, w = x.shape
    return jnp.einsum("nchiwj->ncijhw", x.reshape(n, c, h // b, b, w // b, b)).reshape(n, c * b**2, h // b, w // b)


@operation("image")
def extract_patches(
    images: Tensor,
    size: Shape,
    strides: Shape | None = None,
    dilation_rate: Shape = 1,
    padding: str = "valid",
    data_format: str | None = None,
) -> Tensor:
    """The patches of images, each as one row of values; with three numbers as size, those of volumes.

    Args:
        images: `(batch, height, width, channels)` or one image; volumes `(batch, depth, height, width, channels)` or one.
        size: of a patch, an int or `(height, width)`, or `(depth, height, width)` for volumes.
        strides: from one patch to the next; by default they lie side by side.
        dilation_rate: distance between neighbouring pixels of a patch.
        padding: `"valid"` drops patches that stick out, `"same"` keeps them, with zeros beyond the image.
        data_format: `"channels_last"`, `"channels_first"`, or None for `config.image_data_format()`.

    Returns:
        `(batch, rows, columns, values)`, with a patch's values in the order of its rows, columns and channels; for
        `channels_first` `(batch, values, rows, columns)`.

    Raises:
        ValueError: a patch is larger than the image, or the number of axes or sizes is another.
        TypeError: `size` is neither an int nor a tuple.

    Example:
        >>> extract_patches(jnp.arange(16).reshape(4, 4, 1), 2)[0].tolist()
        [[0, 1, 4, 5], [2, 3, 6, 7]]
    """
    if not isinstance(size, (*INTEGERS, tuple, list)):
        raise TypeError(f"extract_patches takes size as an int, (height, width) or (depth, height, width). Received: {size!r}.")
    rank = 2 if isinstance(size, INTEGERS) else len(size)
    if rank not in (2, 3):
        raise ValueError(f"extract_patches takes two or three numbers as size. Received: size={size!r}.")
    if padding not in ("valid", "same"):
        raise unknown_name("padding of extract_patches", padding, ("valid", "same"))
    images, first = as_array(images), standardize_data_format(data_format) == "channels_first"
    if images.ndim not in (rank + 1, rank + 2):
        what = "images" if rank == 2 else "volumes"
        raise ValueError(
            f"extract_patches takes {what} with {rank + 1} or {rank + 2} axes for size={size}. Received: {describe(images)}."
        )
    names = ("size", "strides", "dilation_rate")
    sizes, steps, rates = (
        spatial(value, rank, name) for value, name in zip((size, size if strides is None else strides, dilation_rate), names)
    )
    one = images.ndim == rank + 1
    batch = images[None] if one else images
    found = patches.extract_patches(jnp.moveaxis(batch, 1, -1) if first else batch, sizes, steps, rates, padding)
    if 0 in found.shape[1:-1]:
        raise ValueError(f"Patches of size={size} with dilation_rate={dilation_rate} do not fit into {describe(images)}.")
    found = jnp.moveaxis(found, -1, 1) if first else found
    return found[0] if one else found


def extract_patches_3d(
    volumes: Tensor,
    size: Shape,
    strides: Shape | None = None,
    dilation_rate: Shape = 1,
    padding: str = "valid",
    data_format: str | None = None,
) -> Tensor:
    """`extract_patches` of volumes; an int as `size` means a cube.

    Raises:
        TypeError: `size` is neither an int nor three of them; else as for `extract_patches`.

    Example:
        >>> extract_patches_3d(jnp.zeros((4, 4, 4, 1)), 2).shape
        (2, 2, 2, 8)
    """
    cube = (size,) * 3 if isinstance(size, INTEGERS) else size
    if not isinstance(cube, (tuple, list)) or len(cube) != 3:
        raise TypeError(f"extract_patches_3d takes size as an int or (depth, height, width). Received: size={size!r}.")
    return extract_patches(volumes, cube, strides, dilation_rate, padding, data_format)


publish(extract_patches_3d, "image")

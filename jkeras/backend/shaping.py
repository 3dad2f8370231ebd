"""Changes of shape: `K.reshape`, `K.repeat`, `K.permute_dimensions`, padding and resizing of images."""

from __future__ import annotations

import builtins
import math
from collections.abc import Sequence

import jax

from jkeras import ops
from jkeras._base.config import standardize_data_format
from jkeras._base.plain_numbers import INTEGERS
from jkeras._base.types import Array, Tree
from jkeras.backend.shapes import as_tensor, at_shape
from jkeras.graph.keras_tensor import is_symbolic
from jkeras.nn import image
from jkeras.ops.wrapper import Tensor, as_array, symbolic


def reshape(x: Tensor, shape: Sequence[Tree]) -> Tensor:
    """The same entries in another shape; one size may be -1, and sizes may come from `K.shape(y)`.

    Example:
        >>> reshape([1, 2, 3, 4], (2, -1)).tolist()
        [[1, 2], [3, 4]]
    """
    if any(is_symbolic(n) for n in shape):
        return at_shape(lambda sizes, array: as_array(array).reshape(sizes), "reshape", shape, x)
    return ops.reshape(x, tuple(int(n) for n in shape))


def transpose(x: Tensor) -> Tensor:
    """All axes in reverse order."""
    return ops.transpose(x)


def permute_dimensions(x: Tensor, pattern: Sequence[int]) -> Tensor:
    """The axes in the order of `pattern`, which counts from 0 with the batch."""
    return ops.transpose(x, tuple(pattern))


def flatten(x: Tensor) -> Tensor:
    """All entries in one axis, the batch included."""
    return ops.reshape(x, (-1,))


def batch_flatten(x: Tensor) -> Tensor:
    """`(batch, everything else)`.

    Example:
        >>> import numpy as np
        >>> batch_flatten(np.zeros((2, 3, 4))).shape
        (2, 12)
    """
    x = as_tensor(x)
    if None in x.shape[1:]:
        return _batch_flatten(x)
    return ops.reshape(x, (-1, math.prod(x.shape[1:])))


_batch_flatten = symbolic(lambda x: x.reshape((x.shape[0], -1)), "batch_flatten", module=__name__)


def expand_dims(x: Tensor, axis: int = -1) -> Tensor:
    """A new axis of size 1, the last by default."""
    return ops.expand_dims(x, axis)


def squeeze(x: Tensor, axis: int) -> Tensor:
    """The array without one of its axes, which has size 1."""
    return ops.squeeze(x, axis)


def concatenate(tensors: Sequence[Tensor], axis: int = -1) -> Tensor:
    """Arrays one after the other along an axis, the last by default."""
    return ops.concatenate(list(tensors), axis=axis)


def stack(x: Sequence[Tensor], axis: int = 0) -> Tensor:
    """Arrays of one shape along a new axis."""
    return ops.stack(list(x), axis=axis)


def repeat(x: Tensor, n: int) -> Tensor:
    """`(rows, features)` n times along a new axis in the middle: `(rows, n, features)`.

    Raises:
        ValueError: x does not have two axes.
    """
    if len(x.shape) != 2:
        raise ValueError(f"K.repeat takes (rows, features). Received: shape {tuple(x.shape)}. See K.repeat_elements and K.tile.")
    return ops.tile(ops.expand_dims(x, 1), (1, n, 1))


def repeat_elements(x: Tensor, rep: int, axis: int) -> Tensor:
    """Each entry along an axis `rep` times in a row.

    Example:
        >>> repeat_elements([1, 2], 2, axis=0).tolist()
        [1, 1, 2, 2]
    """
    return ops.repeat(x, rep, axis=axis)


def tile(x: Tensor, n: Tree) -> Tensor:
    """The whole array n times along each axis."""
    if isinstance(n, INTEGERS):
        n = (n,)
    if any(is_symbolic(k) for k in n):
        return at_shape(lambda times, array: ops.tile(array, times), "tile", n, x)
    return ops.tile(x, tuple(int(k) for k in n))


def gather(reference: Tensor, indices: Tensor) -> Tensor:
    """Rows at indices, as in an embedding."""
    return ops.take(reference, ops.cast(indices, "int32"), axis=0)


def reverse(x: Tensor, axes: int | Sequence[int]) -> Tensor:
    """The entries in reverse order along axes."""
    return ops.flip(x, axis=axes)


def slice(x: Tensor, start: Sequence[int], size: Sequence[int]) -> Tensor:
    """The part that begins at `start` and has `size` entries along each axis, -1 for all that follow.

    Example:
        >>> slice([[1, 2, 3], [4, 5, 6]], (0, 1), (-1, 2)).tolist()
        [[2, 3], [5, 6]]
    """
    ranges = (builtins.slice(int(a), None if n == -1 else int(a) + int(n)) for a, n in zip(start, size))
    return ops.get_item(x, tuple(ranges))


def one_hot(indices: Tensor, num_classes: int) -> Tensor:
    """A new last axis of size `num_classes`, with a one at the index.

    Example:
        >>> one_hot([0, 2], 3).tolist()
        [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]
    """
    return ops.one_hot(ops.cast(indices, "int32"), num_classes)


def temporal_padding(x: Tensor, padding: tuple[int, int] = (1, 1)) -> Tensor:
    """Zeros before and after the steps of `(batch, steps, features)`."""
    return ops.pad(x, ((0, 0), tuple(padding), (0, 0)))


def _spatial_padding(x: Tensor, padding: Sequence[Sequence[int]], data_format: str | None) -> Tensor:
    pairs = [tuple(pair) for pair in padding]
    last = standardize_data_format(data_format) == "channels_last"
    return ops.pad(x, ((0, 0), *pairs, (0, 0)) if last else ((0, 0), (0, 0), *pairs))


def spatial_2d_padding(x: Tensor, padding: Sequence[Sequence[int]] = ((1, 1), (1, 1)), data_format: str | None = None) -> Tensor:
    """Zeros around images: `((top, bottom), (left, right))`."""
    return _spatial_padding(x, padding, data_format)


def spatial_3d_padding(
    x: Tensor, padding: Sequence[Sequence[int]] = ((1, 1), (1, 1), (1, 1)), data_format: str | None = None
) -> Tensor:
    """Zeros around volumes, a pair for each spatial axis."""
    return _spatial_padding(x, padding, data_format)


def resize_images(
    x: Tensor, height_factor: int, width_factor: int, data_format: str | None = None, interpolation: str = "nearest"
) -> Tensor:
    """Images enlarged by integer factors.

    Args:
        x: `(batch, height, width, channels)`, or with the channels before the height.
        height_factor, width_factor: how many times larger.
        data_format: where the channels are; by default the global setting.
        interpolation: `"nearest"` or another of `jkeras.layers.Resizing`.
    """
    last = standardize_data_format(data_format) == "channels_last"
    if interpolation == "nearest":
        return repeat_elements(repeat_elements(x, height_factor, 1 if last else 2), width_factor, 2 if last else 3)
    images = x if last else ops.transpose(x, (0, 2, 3, 1))
    images = _scale(images, height_factor, width_factor, interpolation)
    return images if last else ops.transpose(images, (0, 3, 1, 2))


def _scaled(images: jax.Array, height_factor: int, width_factor: int, interpolation: str) -> Array:
    return image.resize(images, images.shape[1] * height_factor, images.shape[2] * width_factor, interpolation)


_scale = symbolic(_scaled, "resize_images", module=__name__)


def resize_volumes(x: Tensor, depth_factor: int, height_factor: int, width_factor: int, data_format: str | None = None) -> Tensor:
    """Volumes enlarged by integer factors, each entry repeated."""
    first = 1 if standardize_data_format(data_format) == "channels_last" else 2
    for axis, factor in enumerate((depth_factor, height_factor, width_factor), first):
        x = repeat_elements(x, factor, axis)
    return x

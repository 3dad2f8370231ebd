"""`tf.raw_ops`: operations under their bare names, where packages call one that has no other name in TensorFlow."""

from __future__ import annotations

from collections.abc import Sequence

import jax.numpy as jnp

from jkeras import ops
from jkeras._base.types import Array, Tree
from jkeras.nn.sampling import check_modes, grid, sample

__all__ = ["ImageProjectiveTransformV3"]


def ImageProjectiveTransformV3(
    *,
    images: Tree,
    transforms: Tree,
    output_shape: Sequence[int],
    fill_value: float,
    interpolation: str,
    fill_mode: str = "CONSTANT",
    name: object = None,
) -> Array:
    """Images under projective maps.

    The result at `(x, y)` is the image at `((a0 x + a1 y + a2) / k, (b0 x + b1 y + b2) / k)` with `k = c0 x + c1 y + 1`, and the
    fill value where `k` is 0.

    Args:
        images: `(batch, height, width, channels)`.
        transforms: `(a0, a1, a2, b0, b1, b2, c0, c1)` for each image, or once for all: `(batch, 8)` or `(1, 8)`.
        output_shape: height and width of the results.
        fill_value: what lies outside an image with the mode `"CONSTANT"`.
        interpolation: `"NEAREST"` or `"BILINEAR"`.
        fill_mode: `"CONSTANT"`, `"NEAREST"`, `"REFLECT"` or `"WRAP"`, as in `keras.ops.image.affine_transform`. TensorFlow's
            own "WRAP" leaves out a pixel each time around.
        name: for graphs.

    Returns:
        `(batch, *output_shape, channels)` in the dtype of the images; integers are rounded.

    Raises:
        ValueError: an unknown mode.

    Example:
        >>> image = jnp.array([1.0, 2.0, 3.0, 4.0]).reshape(1, 1, 4, 1)
        >>> left_by_two = jnp.array([[1.0, 0.0, 2.0, 0.0, 1.0, 0.0, 0.0, 0.0]])
        >>> moved = ImageProjectiveTransformV3(
        ...     images=image, transforms=left_by_two, output_shape=[1, 3], fill_value=9.0, interpolation="NEAREST"
        ... )
        >>> moved.ravel().tolist()
        [3.0, 4.0, 9.0]
    """
    interpolation, fill_mode = interpolation.lower(), fill_mode.lower()
    check_modes(interpolation, fill_mode)
    images = ops.convert_to_tensor(images)
    a0, a1, a2, b0, b1, b2, c0, c1 = jnp.moveaxis(ops.convert_to_tensor(transforms), -1, 0)[:, :, None, None]
    y, x = grid(*map(int, output_shape))
    k = c0 * x + c1 * y + 1
    divisor = jnp.where(k == 0, 1, k)
    shape = (images.shape[0], *k.shape[1:])
    row = jnp.broadcast_to((b0 * x + b1 * y + b2) / divisor, shape)
    column = jnp.broadcast_to((a0 * x + a1 * y + a2) / divisor, shape)
    moved = sample(images, row, column, interpolation, fill_mode, fill_value)
    return jnp.where((k == 0)[..., None], jnp.asarray(fill_value, moved.dtype), moved)

"""Images whose pixels move, as operations: affine maps, perspective, elastic deformation, and lookups at any places."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax.scipy import ndimage

from jkeras._base.config import standardize_data_format
from jkeras._base.errors import describe, unknown_name
from jkeras.nn import affine, elastic, perspective
from jkeras.nn.image import in_batch, in_layout
from jkeras.nn.sampling import FILL_MODES, check_modes
from jkeras.ops.wrapper import Tensor, as_array, operation
from jkeras.state.seed_generator import key_of


@operation("image")
def affine_transform(
    images: Tensor,
    transform: Tensor,
    interpolation: str = "bilinear",
    fill_mode: str = "constant",
    fill_value: float = 0,
    data_format: str | None = None,
) -> Tensor:
    """Images under affine maps: the result at `(x, y)` is the image at `(a0 x + a1 y + a2, b0 x + b1 y + b2)`.

    Args:
        images: `(batch, height, width, channels)` or one image.
        transform: `(a0, a1, a2, b0, b1, b2, c0, c1)` for all images, or `(batch, 8)`; the last two, of a perspective map, have
            no effect.
        interpolation: `"nearest"` or `"bilinear"`.
        fill_mode: what lies outside an image `abcd`: `"constant"` the fill value, `"nearest"` aaaa|abcd|dddd, `"wrap"`
            abcd|abcd|abcd, `"mirror"` dcb|abcd|cba, `"reflect"` dcba|abcd|dcba.
        fill_value: for `"constant"`.
        data_format: `"channels_last"`, `"channels_first"`, or None for `config.image_data_format()`.

    Returns:
        Images of the same shape and dtype; integers are rounded.

    Raises:
        ValueError: an unknown mode, or another number of axes.

    Example:
        >>> image = jnp.array([1.0, 2.0, 3.0, 4.0]).reshape(1, 4, 1)
        >>> affine_transform(image, [1.0, 0.0, 2.0, 0.0, 1.0, 0.0, 0.0, 0.0]).ravel().tolist()
        [3.0, 4.0, 0.0, 0.0]
    """
    check_modes(interpolation, fill_mode)
    transform = as_array(transform)
    if transform.ndim not in (1, 2) or transform.shape[-1] != 8:
        raise ValueError(f"affine_transform takes maps (batch, 8), or one for all images (8,). Received: {describe(transform)}.")

    def transformed(images: jax.Array) -> jax.Array:
        matrices = jnp.broadcast_to(transform[..., :6], (images.shape[0], 6))
        return affine.affine_transform(images, matrices, interpolation, fill_mode, fill_value)

    return _on_batch(transformed, images, data_format, "affine_transform")


@operation("image")
def perspective_transform(
    images: Tensor,
    start_points: Tensor,
    end_points: Tensor,
    interpolation: str = "bilinear",
    fill_value: float = 0,
    data_format: str | None = None,
) -> Tensor:
    """Images seen from elsewhere: four points move to four others, and everything else with them.

    Args:
        images: `(batch, height, width, channels)` or one image.
        start_points: four points `(x, y)` in pixels, for all images `(4, 2)` or for each `(batch, 4, 2)`.
        end_points: to which they move, in the same shape. No three of them may lie on a line.
        interpolation: `"nearest"` or `"bilinear"`.
        fill_value: what lies outside the images.
        data_format: `"channels_last"`, `"channels_first"`, or None for `config.image_data_format()`.

    Returns:
        Images of the same shape and dtype; integers are rounded.

    Raises:
        ValueError: an unknown interpolation, or other shapes.

    Example:
        >>> image, corners = jnp.array([1.0, 2.0, 3.0, 4.0]).reshape(1, 4, 1), jnp.array([[0, 0], [0, 1], [1, 0], [1, 1]])
        >>> perspective_transform(image, corners, corners + jnp.array([1, 0])).ravel().round(5).tolist()
        [0.0, 1.0, 2.0, 3.0]
    """
    check_modes(interpolation, "constant")
    start, end = as_array(start_points), as_array(end_points)
    if start.shape != end.shape or start.ndim not in (2, 3) or start.shape[-2:] != (4, 2):
        raise ValueError(
            "perspective_transform takes start_points and end_points in one shape, (4, 2) or (batch, 4, 2). Received: "
            f"{describe(start)} and {describe(end)}."
        )

    def transformed(images: jax.Array) -> jax.Array:
        before, after = start.reshape(-1, 4, 2), end.reshape(-1, 4, 2)
        return perspective.perspective_transform(images, before, after, interpolation, fill_value)

    return _on_batch(transformed, images, data_format, "perspective_transform")


@operation("image")
def elastic_transform(
    images: Tensor,
    alpha: float = 20.0,
    sigma: float = 5.0,
    interpolation: str = "bilinear",
    fill_mode: str = "reflect",
    fill_value: float = 0.0,
    seed: Any = None,
    data_format: str | None = None,
) -> Tensor:
    """Images under a random deformation, as of rubber: each pixel moves by random numbers that are alike for neighbours.

    Args:
        images: `(batch, height, width, channels)` or one image.
        alpha: how strong the deformation is.
        sigma: of the Gaussian that smooths the random numbers, in pixels.
        interpolation: `"nearest"` or `"bilinear"`.
        fill_mode, fill_value: as for `affine_transform`.
        seed: an integer, a `SeedGenerator`, a JAX key or None, as for `jkeras.random`.
        data_format: `"channels_last"`, `"channels_first"`, or None for `config.image_data_format()`.

    Returns:
        Images of the same shape and dtype; integers are rounded.

    Raises:
        ValueError: an unknown mode, or another number of axes.

    Example:
        >>> x = jnp.ones((2, 8, 8, 3))
        >>> bool(jnp.allclose(elastic_transform(x, seed=1), x))
        True

    Source: Simard, Steinkraus, Platt, "Best practices for convolutional neural networks applied to visual document analysis",
    2003.
    """
    check_modes(interpolation, fill_mode)
    size = int(6 * sigma) | 1

    def deformed(images: jax.Array) -> jax.Array:
        noise = jax.random.normal(key_of(seed), (2, *images.shape[:3]))
        return elastic.elastic_transform(images, noise, alpha, sigma, size, interpolation, fill_mode, fill_value)

    return _on_batch(deformed, images, data_format, "elastic_transform")


@operation("image")
def map_coordinates(
    inputs: Tensor, coordinates: Tensor, order: int, fill_mode: str = "constant", fill_value: float = 0
) -> Tensor:
    """An array at places between its entries.

    Args:
        inputs: an array with n axes.
        coordinates: `(n, *shape)`, a place along each axis for each entry of the result; the first entry is at 0.
        order: 0 for the nearest entry, 1 for linear interpolation.
        fill_mode, fill_value: as for `affine_transform`.

    Returns:
        `shape`, in the dtype of the inputs; integers are rounded.

    Raises:
        ValueError: an unknown mode or order, or coordinates for another number of axes.

    Example:
        >>> map_coordinates(jnp.array([0.0, 10.0, 20.0]), [[0.5, 1.0, 1.75]], order=1).tolist()
        [5.0, 10.0, 17.5]
    """
    inputs, coordinates = as_array(inputs), as_array(coordinates)
    if coordinates.ndim < 2 or coordinates.shape[0] != inputs.ndim:
        raise ValueError(
            f"map_coordinates takes coordinates ({inputs.ndim}, *shape) for {inputs.ndim} axes of inputs. Received: "
            f"{describe(inputs)} and {describe(coordinates)}."
        )
    if fill_mode not in FILL_MODES:
        raise unknown_name("fill_mode", fill_mode, FILL_MODES)
    if order not in (0, 1):
        raise ValueError(f"map_coordinates takes order=0 (nearest) or order=1 (linear). Received: order={order!r}.")
    return ndimage.map_coordinates(inputs, coordinates, order, fill_mode, fill_value)


def _on_batch(function: Callable[[jax.Array], jax.Array], images: Tensor, data_format: str | None, where: str) -> jax.Array:
    """A function of batches `(batch, height, width, channels)`, on images of any layout."""
    return in_layout(lambda x: in_batch(function, x), as_array(images), standardize_data_format(data_format), where)

"""What the functions of `tf.image` share: NumPy or JAX, batches, dtypes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import DTypeLike

from jkeras._base.errors import describe
from jkeras._base.types import Tree
from jkeras.compat.standin.dtypes import numpy_dtype
from jkeras.compat.standin.host_tensor import host_tensor
from jkeras.state.variable import Variable

__all__ = ["convert_image_dtype"]


def library(*arrays: Any) -> Any:
    """`numpy` where all arrays are NumPy's, else `jax.numpy`."""
    return np if all(isinstance(array, np.ndarray) for array in arrays) else jnp


def as_images(images: Tree) -> Any:
    """Images as an array of NumPy or JAX.

    Raises:
        ValueError: they do not have three or four axes.
    """
    array = (
        np.asarray(images)
        if isinstance(images, np.ndarray)
        else jnp.asarray(images.array if isinstance(images, Variable) else images)
    )
    if array.ndim not in (3, 4):
        raise ValueError(f"tf.image takes (height, width, channels) or a batch of such images. Received: {describe(array)}.")
    return array


def finished(array: Any) -> Any:
    """A result as a tensor."""
    return host_tensor(array) if isinstance(array, np.ndarray) else array


def as_int(value: Any) -> Any:
    """A number of pixels: an int where it is known, else a traced one."""
    return value if isinstance(value, jax.core.Tracer) else int(value)


def convert_image_dtype(image: Tree, dtype: DTypeLike, saturate: bool = False, name: object = None) -> Any:
    """Images in another dtype; floats are from 0 to 1, integers use the whole range of their dtype.

    Args:
        image: any array.
        dtype: the dtype.
        saturate: whether to clip what does not fit.
        name: here and below for graphs.

    Example:
        >>> convert_image_dtype(np.array([0, 255], "uint8"), "float32").tolist()
        [0.0, 1.0]
    """
    array = np.asarray(image) if isinstance(image, np.ndarray) else jnp.asarray(image)
    return finished(converted(array, numpy_dtype(dtype), saturate))


def converted(array: Any, dtype: np.dtype, saturate: bool = False) -> Any:
    """The same for arrays of NumPy and JAX."""
    xp, before = library(array), np.dtype(array.dtype)
    if before == dtype:
        return array
    whole, wanted = (np.issubdtype(kind, np.integer) for kind in (before, dtype))
    if not whole and not wanted:
        return array.astype(dtype)
    if whole and not wanted:
        return array.astype(dtype) * np.asarray(1.0 / np.iinfo(before).max, dtype)
    limits = np.iinfo(dtype)
    if not whole:
        scaled = array * np.asarray(limits.max + 0.5, before)
        return (xp.clip(scaled, limits.min, limits.max) if saturate else scaled).astype(dtype)
    have, get = np.iinfo(before).max, limits.max
    if have > get:
        array = array // ((have + 1) // (get + 1))
        return (xp.clip(array, limits.min, limits.max) if saturate else array).astype(dtype)
    array = xp.clip(array, 0, None) if saturate else array
    return array.astype(dtype) * np.asarray((get + 1) // (have + 1), dtype)


def reshaped(change: Callable[[Any], Any], array: Any) -> Any:
    """Images cut or padded to a shape that may be another one for each image: by NumPy where the values are known.

    JAX compiles a slice or a pad for each shape, which takes a hundred times as long as to run it.

    Args:
        change: a function of an array of NumPy or JAX.
        array: images.
    """
    if isinstance(array, jax.Array) and not isinstance(array, jax.core.Tracer):
        return finished(jax.device_put(change(np.asarray(array))))  # `jnp.asarray` compiles a copy
    return finished(change(array))


def as_floats(array: Any) -> Any:
    """Images as floats; integers are brought to 0 to 1 in float32."""
    return array if np.issubdtype(np.dtype(array.dtype), np.floating) else converted(array, np.dtype("float32"))


def back(floats: Any, like: Any) -> Any:
    """Floats in the dtype of the images that they were made from."""
    return finished(converted(floats, np.dtype(like.dtype), saturate=True))

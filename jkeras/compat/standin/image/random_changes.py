"""Random changes of images.

A draw without `seed` comes from the global stream, or inside `Dataset.map` from the key of the row. `seed` makes it another one.
The `stateless_` functions draw from their `seed` alone. The numbers are not those of TensorFlow.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jkeras._base.types import Array, Tree
from jkeras.compat.standin.image.arrays import as_images, finished, library
from jkeras.compat.standin.image.color import adjust_brightness, adjust_contrast, adjust_hue, adjust_saturation
from jkeras.state.random import draw_key
from jkeras.state.scope import is_traced

__all__ = [
    "random_brightness",
    "random_contrast",
    "random_crop",
    "random_flip_left_right",
    "random_flip_up_down",
    "random_hue",
    "random_saturation",
    "stateless_random_brightness",
    "stateless_random_contrast",
    "stateless_random_crop",
    "stateless_random_flip_left_right",
    "stateless_random_flip_up_down",
    "stateless_random_hue",
    "stateless_random_saturation",
]


class _Images:
    """Stands for these draws in keys and in errors."""

    name = "tf.image"


_IMAGES = _Images()


def key_of_draw(seed: int | None) -> Array:
    """The key of a draw: from the global stream, or the key of a row."""
    return draw_key(_IMAGES, None if seed is None else int(seed))


def stateless_key(seed: Any) -> Array:
    """The key of a pair of integers."""
    words = jnp.asarray(np.asarray(seed) if not is_traced(seed) else seed).astype(jnp.uint32)
    if words.shape != (2,):
        raise ValueError(f"The seed of a stateless function is a pair of integers. Received shape {words.shape}.")
    return jax.random.wrap_key_data(words, impl="threefry2x32")


def _drawn(key: Array, low: Any, high: Any, like: Any) -> Any:
    """A number from `low` to `high`: for NumPy's images as a Python number."""
    value = _uniform(key, low, high)
    return float(value) if isinstance(like, np.ndarray) and not is_traced(value) else value


@jax.jit
def _uniform(key: Array, low: Any, high: Any) -> Array:
    return jax.random.uniform(key, (), jnp.float32, low, high)


@functools.partial(jax.jit, static_argnums=1)
def _coins(key: Array, shape: tuple[int, ...]) -> Array:
    return jax.random.bernoulli(key, 0.5, shape)


def _flip(images: Tree, key: Array, axis: int) -> Any:
    array = as_images(images)
    chosen = _coins(key, array.shape[:-3])
    if isinstance(array, np.ndarray) and not is_traced(chosen):
        return finished(np.where(np.asarray(chosen)[..., None, None, None], np.flip(array, axis), array))
    return jnp.where(chosen[..., None, None, None], jnp.flip(array, axis), array)


def _check_range(lower: float, upper: float) -> None:
    if not 0 <= lower < upper:
        raise ValueError(f"lower must be 0 or more, and less than upper. Received: {lower=}, {upper=}.")


def _brightness(image: Tree, key: Array, max_delta: float) -> Any:
    if max_delta < 0:
        raise ValueError(f"max_delta must be 0 or more. Received: {max_delta}.")
    array = as_images(image)
    return adjust_brightness(array, _drawn(key, -max_delta, max_delta, array))


def _contrast(image: Tree, key: Array, lower: float, upper: float) -> Any:
    _check_range(lower, upper)
    array = as_images(image)
    return adjust_contrast(array, _drawn(key, lower, upper, array))


def _saturation(image: Tree, key: Array, lower: float, upper: float) -> Any:
    _check_range(lower, upper)
    array = as_images(image)
    return adjust_saturation(array, _drawn(key, lower, upper, array))


def _hue(image: Tree, key: Array, max_delta: float) -> Any:
    if not 0 <= max_delta <= 0.5:
        raise ValueError(f"max_delta must be from 0 to 0.5. Received: {max_delta}.")
    array = as_images(image)
    return adjust_hue(array, _drawn(key, -max_delta, max_delta, array))


def _crop(value: Tree, key: Array, size: Sequence[int]) -> Any:
    array = np.asarray(value) if isinstance(value, np.ndarray) else jnp.asarray(value)
    sizes = tuple(int(n) for n in np.asarray(size))
    if len(sizes) != array.ndim or any(n > m for n, m in zip(sizes, array.shape)):
        raise ValueError(f"random_crop: a window of {sizes} is not within an array of shape {tuple(array.shape)}.")
    free = np.array([m - n + 1 for n, m in zip(sizes, array.shape)], np.int32)
    starts = jax.random.randint(key, free.shape, 0, free)
    if library(array) is np and not is_traced(starts):
        return finished(array[tuple(slice(a, a + n) for a, n in zip(np.asarray(starts).tolist(), sizes))])
    return jax.lax.dynamic_slice(jnp.asarray(array), [*starts], sizes)


def random_flip_left_right(image: Tree, seed: int | None = None) -> Any:
    """Images, half of them mirrored."""
    return _flip(image, key_of_draw(seed), -2)


def random_flip_up_down(image: Tree, seed: int | None = None) -> Any:
    """Images, half of them upside down."""
    return _flip(image, key_of_draw(seed), -3)


def random_brightness(image: Tree, max_delta: float, seed: int | None = None) -> Any:
    """`adjust_brightness` by a number from `-max_delta` to `max_delta`."""
    return _brightness(image, key_of_draw(seed), max_delta)


def random_contrast(image: Tree, lower: float, upper: float, seed: int | None = None) -> Any:
    """`adjust_contrast` by a factor from `lower` to `upper`."""
    return _contrast(image, key_of_draw(seed), lower, upper)


def random_saturation(image: Tree, lower: float, upper: float, seed: int | None = None) -> Any:
    """`adjust_saturation` by a factor from `lower` to `upper`."""
    return _saturation(image, key_of_draw(seed), lower, upper)


def random_hue(image: Tree, max_delta: float, seed: int | None = None) -> Any:
    """`adjust_hue` by a number from `-max_delta` to `max_delta`."""
    return _hue(image, key_of_draw(seed), max_delta)


def random_crop(value: Tree, size: Sequence[int], seed: int | None = None, name: object = None) -> Any:
    """A window of a size at a random place; `size` names every axis of the array.

    Example:
        >>> random_crop(np.zeros((8, 8, 3)), (4, 4, 3)).shape
        (4, 4, 3)
    """
    return _crop(value, key_of_draw(seed), size)


def _stateless(function: Callable[..., Any], axis: int | None = None) -> Callable[..., Any]:
    def call(image: Tree, *args: Any, seed: Any = None, **keywords: Any) -> Any:
        if seed is None:
            *args, seed = args  # type: ignore[assignment]
        extra = (axis,) if axis is not None else ()
        return function(image, stateless_key(seed), *extra, *args, **keywords)

    call.__doc__ = f"`{function.__name__.strip('_')}`, drawn from `seed`, a pair of integers, alone."
    return call


stateless_random_flip_left_right = _stateless(_flip, -2)
stateless_random_flip_up_down = _stateless(_flip, -3)
stateless_random_brightness = _stateless(_brightness)
stateless_random_contrast = _stateless(_contrast)
stateless_random_saturation = _stateless(_saturation)
stateless_random_hue = _stateless(_hue)
stateless_random_crop = _stateless(_crop)

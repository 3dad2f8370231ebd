"""Colours as numbers: grey, and hue, saturation and value.

The functions take arrays of NumPy or of JAX, and compute with the library that made them: images from files come in many sizes,
and JAX would compile a program for each.
"""

from __future__ import annotations

from jkeras._base.types import Array, Float

_GRAY = (0.2989, 0.587, 0.114)


def rgb_to_gray(images: Float[Array, "*pixels 3"]) -> Float[Array, "*pixels 1"]:
    """One channel, `0.2989 R + 0.587 G + 0.114 B`.

    Example:
        >>> import numpy as np
        >>> rgb_to_gray(np.array([[100.0, 0.0, 0.0]])).tolist()
        [[29.89]]
    """
    xp = images.__array_namespace__()
    return (images * xp.asarray(_GRAY, dtype=images.dtype)).sum(-1, keepdims=True)


def rgb_to_hsv(
    images: Float[Array, "*pixels 3"],
) -> tuple[Float[Array, " *pixels"], Float[Array, " *pixels"], Float[Array, " *pixels"]]:
    """Hue, saturation and value of pixels from 0 to 1. The hue is a part of the circle that begins with red, 0 for grey.

    Example:
        >>> import numpy as np
        >>> [float(x) for x in rgb_to_hsv(np.array([0.0, 0.5, 0.0]))]
        [0.3333333333333333, 1.0, 0.5]
    """
    xp = images.__array_namespace__()
    red, green, blue = (images[..., i] for i in range(3))
    value = images.max(-1)
    spread = value - images.min(-1)
    safe = xp.where(spread > 0, spread, 1).astype(images.dtype)
    # Compilers may compute a channel twice, rounded differently, so no channel need equal the largest one.
    others = xp.where(green >= blue, (blue - red) / safe + 2, (red - green) / safe + 4)
    sector = xp.where((red >= green) & (red >= blue), (green - blue) / safe, others)
    hue = xp.where(spread > 0, (sector / 6) % 1, 0).astype(images.dtype)
    saturation = xp.where(value > 0, spread / xp.where(value > 0, value, 1), 0).astype(images.dtype)
    return hue, saturation, value


def hsv_to_rgb(
    hue: Float[Array, " *pixels"], saturation: Float[Array, " *pixels"], value: Float[Array, " *pixels"]
) -> Float[Array, "*pixels 3"]:
    """The inverse of `rgb_to_hsv`; a hue of 1 is red again."""
    xp = hue.__array_namespace__()
    channels = []
    for shift in (5, 3, 1):
        place = (shift + hue * 6) % 6
        share = xp.clip(xp.minimum(place, 4 - place), 0, 1)
        channels.append(value - value * saturation * share)
    return xp.stack(channels, -1).astype(value.dtype)

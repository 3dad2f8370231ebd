"""What blocks of several families need: the axis of channels, normalization along it, widths, and padding as TensorFlow's."""

from __future__ import annotations

from typing import Any

from jkeras import layers
from jkeras._base.config import settings
from jkeras.graph import KerasTensor


def channel_axis() -> int:
    """The axis of the channels in a batch of images."""
    return 1 if settings.image_data_format == "channels_first" else -1


def channels_of(x: KerasTensor) -> int:
    """How many channels a batch of images has.

    Raises:
        ValueError: it is not known.
    """
    size = x.shape[channel_axis()]
    if size is None:
        raise ValueError(f"A network needs images with a known number of channels, such as (224, 224, 3). Received: {x.shape}.")
    return size


def normalized(x: KerasTensor, name: str | None = None, **more: Any) -> KerasTensor:
    """A batch of images after BatchNormalization; `more` as it takes."""
    return layers.BatchNormalization(axis=channel_axis(), name=name, **more)(x)


def concatenated(branches: list[KerasTensor], name: str | None = None) -> KerasTensor:
    """Images with the channels of all branches."""
    return layers.Concatenate(axis=channel_axis(), name=name)(branches)


def divisible(width: float, divisor: int = 8) -> int:
    """The multiple of a number that is nearest to a width, and not more than a tenth below it.

    Example:
        >>> divisible(35), divisible(17), divisible(12), divisible(2)
        (32, 16, 16, 8)
    """
    rounded = max(divisor, int(width + divisor / 2) // divisor * divisor)
    return int(rounded + divisor if rounded < 0.9 * width else rounded)


def correct_pad(inputs: KerasTensor, kernel_size: int | tuple[int, int]) -> tuple[tuple[int, int], tuple[int, int]]:
    """The padding with which a convolution with stride 2 has as many outputs as half of its inputs, rounded up.

    It is that of `padding="same"` on images of known size. One of unknown size counts as even.

    Args:
        inputs: a batch of images.
        kernel_size: of the convolution.

    Returns:
        Rows above and below, columns left and right.

    Example:
        >>> correct_pad(KerasTensor((None, 8, 7, 3)), 3)
        ((0, 1), (1, 1))
    """
    sizes = inputs.shape[2:4] if settings.image_data_format == "channels_first" else inputs.shape[1:3]
    kernel = (kernel_size, kernel_size) if isinstance(kernel_size, int) else kernel_size
    rows, columns = ((k // 2 - 1 + (n or 0) % 2, k // 2) for k, n in zip(kernel, sizes))
    return rows, columns


def padded(x: KerasTensor, kernel_size: int, name: str | None = None) -> KerasTensor:
    """Images with `correct_pad` around them."""
    return layers.ZeroPadding2D(correct_pad(x, kernel_size), name=name)(x)

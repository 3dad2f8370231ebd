"""Xception: convolutions that look at each channel alone and then mix the channels, with shortcuts around each block."""

from __future__ import annotations

from typing import Unpack

from jkeras import layers
from jkeras._base.shared_arguments import expand_kwargs
from jkeras.applications.blocks import normalized
from jkeras.applications.frame import Frame, NetworkArguments, member
from jkeras.applications.imagenet_utils import decode_predictions, preprocessor
from jkeras.applications.trained import kernels
from jkeras.graph import KerasTensor
from jkeras.models import Functional

__all__ = ["Xception", "decode_predictions", "preprocess_input"]

_ENTRY = ((2, 128), (3, 256), (4, 728))  # block, filters


def _relu(x: KerasTensor, name: str) -> KerasTensor:
    return layers.Activation("relu", name=f"{name}_act")(x)


def _convolved(x: KerasTensor, filters: int, name: str, strides: int = 1) -> KerasTensor:
    x = layers.Conv2D(filters, 3, strides=strides, use_bias=False, name=name)(x)
    return _relu(normalized(x, f"{name}_bn"), name)


def _separable(x: KerasTensor, filters: int, name: str) -> KerasTensor:
    x = layers.SeparableConv2D(filters, 3, padding="same", use_bias=False, name=name)(x)
    return normalized(x, f"{name}_bn")


def _halving(x: KerasTensor, widths: tuple[int, int], block: int) -> KerasTensor:
    """Two separable convolutions and pooling, around which a convolution with strides leads."""
    shortcut = layers.Conv2D(widths[1], 1, strides=2, padding="same", use_bias=False)(x)
    shortcut = normalized(shortcut)
    for i, filters in enumerate(widths, start=1):
        x = x if (block, i) == (2, 1) else _relu(x, f"block{block}_sepconv{i}")  # the stem ends with one
        x = _separable(x, filters, f"block{block}_sepconv{i}")
    x = layers.MaxPooling2D(3, strides=2, padding="same", name=f"block{block}_pool")(x)
    return layers.Add()([x, shortcut])


def _keeping(x: KerasTensor, block: int) -> KerasTensor:
    """Three separable convolutions with a shortcut around them."""
    shortcut = x
    for i in (1, 2, 3):
        x = _separable(_relu(x, f"block{block}_sepconv{i}"), 728, f"block{block}_sepconv{i}")
    return layers.Add()([x, shortcut])


@expand_kwargs()
def _xception(**kwargs: Unpack[NetworkArguments]) -> Functional:
    """A residual network of separable convolutions.

    Args:
        kwargs: as every network; see `jkeras.applications`.

    Source: François Chollet, "Xception: Deep Learning with Depthwise Separable Convolutions", 2016.
    """
    frame = Frame(299, smallest=71, **kwargs)
    x = _convolved(frame.images, 32, "block1_conv1", strides=2)
    x = _convolved(x, 64, "block1_conv2")
    for block, filters in _ENTRY:
        x = _halving(x, (filters, filters), block)
    for block in range(5, 13):
        x = _keeping(x, block)
    x = _halving(x, (728, 1024), 13)
    for i, filters in ((1, 1536), (2, 2048)):
        x = _relu(_separable(x, filters, f"block14_sepconv{i}"), f"block14_sepconv{i}")
    return frame.with_head(x, kernels("xception", "xception"), named=False)


Xception = member(_xception, "Xception", "xception")
preprocess_input = preprocessor("xception", "tf")

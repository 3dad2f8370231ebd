"""DenseNet: each layer sees the features of all layers before it in its block, and adds 32 of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Unpack

from jkeras import layers
from jkeras._base.shared_arguments import expand_kwargs
from jkeras.applications.blocks import channels_of, concatenated, normalized
from jkeras.applications.frame import Frame, NetworkArguments, member
from jkeras.applications.imagenet_utils import decode_predictions, preprocessor
from jkeras.applications.trained import kernels
from jkeras.graph import KerasTensor
from jkeras.models import Functional

__all__ = ["DenseNet121", "DenseNet169", "DenseNet201", "decode_predictions", "preprocess_input"]

_GROWTH = 32


def _activated(x: KerasTensor, name: str) -> KerasTensor:
    x = normalized(x, f"{name}bn", epsilon=1.001e-5)
    return layers.Activation("relu", name=f"{name}relu")(x)


def _layer(x: KerasTensor, name: str) -> KerasTensor:
    """The features, and 32 more that are computed from them."""
    y = layers.Conv2D(4 * _GROWTH, 1, use_bias=False, name=f"{name}_1_conv")(_activated(x, f"{name}_0_"))
    y = layers.Conv2D(_GROWTH, 3, padding="same", use_bias=False, name=f"{name}_2_conv")(_activated(y, f"{name}_1_"))
    return concatenated([x, y], f"{name}_concat")


def _transition(x: KerasTensor, name: str) -> KerasTensor:
    """Half as many features, at half the size."""
    x = layers.Conv2D(channels_of(x) // 2, 1, use_bias=False, name=f"{name}_conv")(_activated(x, f"{name}_"))
    return layers.AveragePooling2D(2, strides=2, name=f"{name}_pool")(x)


@expand_kwargs()
def _densenet(network: str, blocks: Sequence[int], **kwargs: Unpack[NetworkArguments]) -> Functional:
    """A network in which each layer sees the features of all layers before it.

    Args:
        kwargs: as every network; see `jkeras.applications`.

    Source: Gao Huang et al., "Densely Connected Convolutional Networks", 2016.
    """
    frame = Frame(224, layouts=("channels_last",), **kwargs)
    x = layers.ZeroPadding2D(3)(frame.images)
    x = layers.Conv2D(64, 7, strides=2, use_bias=False, name="conv1_conv")(x)
    x = layers.ZeroPadding2D(1)(_activated(x, "conv1_"))
    x = layers.MaxPooling2D(3, strides=2, name="pool1")(x)
    for block, count in enumerate(blocks, start=2):
        for i in range(1, count + 1):
            x = _layer(x, f"conv{block}_block{i}")
        if block <= len(blocks):
            x = _transition(x, f"pool{block}")
    return frame.with_head(_activated(x, ""), kernels("densenet", network))


DenseNet121 = member(_densenet, "DenseNet121", "densenet121", network="densenet121", blocks=(6, 12, 24, 16))
DenseNet169 = member(_densenet, "DenseNet169", "densenet169", network="densenet169", blocks=(6, 12, 32, 32))
DenseNet201 = member(_densenet, "DenseNet201", "densenet201", network="densenet201", blocks=(6, 12, 48, 32))
preprocess_input = preprocessor("densenet", "torch")

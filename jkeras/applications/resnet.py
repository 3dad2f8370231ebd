"""ResNet: blocks of three convolutions around which a shortcut leads, in four stages of half the size and twice the width."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Unpack

from jkeras import layers
from jkeras._base.shared_arguments import expand_kwargs
from jkeras.applications.blocks import normalized
from jkeras.applications.frame import Frame, NetworkArguments, member
from jkeras.applications.imagenet_utils import decode_predictions, preprocessor
from jkeras.applications.trained import kernels
from jkeras.graph import KerasTensor
from jkeras.models import Functional

__all__ = ["ResNet101", "ResNet152", "ResNet50", "decode_predictions", "preprocess_input"]

EPSILON = 1.001e-5


def stem(x: KerasTensor, activated: bool) -> KerasTensor:
    """The images at a quarter of their size; version 2 activates within its blocks."""
    x = layers.ZeroPadding2D(3, name="conv1_pad")(x)
    x = layers.Conv2D(64, 7, strides=2, name="conv1_conv")(x)
    if activated:
        x = relu(normalized(x, "conv1_bn", epsilon=EPSILON), "conv1_relu")
    x = layers.ZeroPadding2D(1, name="pool1_pad")(x)
    return layers.MaxPooling2D(3, strides=2, name="pool1_pool")(x)


def relu(x: KerasTensor, name: str) -> KerasTensor:
    """The positive part."""
    return layers.Activation("relu", name=name)(x)


def _convolved(
    x: KerasTensor, filters: int, size: int, name: str, strides: int = 1, padding: str = "valid", activated: bool = True
) -> KerasTensor:
    x = layers.Conv2D(filters, size, strides=strides, padding=padding, name=f"{name}_conv")(x)
    x = normalized(x, f"{name}_bn", epsilon=EPSILON)
    return relu(x, f"{name}_relu") if activated else x


def _block(x: KerasTensor, filters: int, strides: int, name: str) -> KerasTensor:
    """`relu(x + branch(x))`; the first block of a stage convolves its shortcut too."""
    shortcut = _convolved(x, 4 * filters, 1, f"{name}_0", strides, activated=False) if name.endswith("block1") else x
    x = _convolved(x, filters, 1, f"{name}_1", strides)
    x = _convolved(x, filters, 3, f"{name}_2", padding="same")
    x = _convolved(x, 4 * filters, 1, f"{name}_3", activated=False)
    return relu(layers.Add(name=f"{name}_add")([shortcut, x]), f"{name}_out")


@expand_kwargs()
def _resnet(network: str, blocks: Sequence[int], **kwargs: Unpack[NetworkArguments]) -> Functional:
    """A residual network: `relu(x + branch(x))`, again and again.

    Args:
        kwargs: as every network; see `jkeras.applications`.

    Source: Kaiming He et al., "Deep Residual Learning for Image Recognition", 2015.
    """
    frame = Frame(224, **kwargs)
    x = stem(frame.images, activated=True)
    for stage, count in enumerate(blocks):
        for block in range(count):
            strides = 2 if stage and not block else 1
            x = _block(x, 64 * 2**stage, strides, f"conv{stage + 2}_block{block + 1}")
    return frame.with_head(x, kernels("resnet", network))


ResNet50 = member(_resnet, "ResNet50", "resnet50", network="resnet50", blocks=(3, 4, 6, 3))
ResNet101 = member(_resnet, "ResNet101", "resnet101", network="resnet101", blocks=(3, 4, 23, 3))
ResNet152 = member(_resnet, "ResNet152", "resnet152", network="resnet152", blocks=(3, 8, 36, 3))
preprocess_input = preprocessor("resnet", "caffe")

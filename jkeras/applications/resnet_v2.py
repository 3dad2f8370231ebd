"""ResNet, version 2: each block normalizes and activates before it convolves, so that nothing lies on the shortcuts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Unpack

from jkeras import layers
from jkeras._base.shared_arguments import expand_kwargs
from jkeras.applications.blocks import normalized
from jkeras.applications.frame import Frame, NetworkArguments, member
from jkeras.applications.imagenet_utils import decode_predictions, preprocessor
from jkeras.applications.resnet import EPSILON, relu, stem
from jkeras.applications.trained import kernels
from jkeras.graph import KerasTensor
from jkeras.models import Functional

__all__ = ["ResNet101V2", "ResNet152V2", "ResNet50V2", "decode_predictions", "preprocess_input"]


def _activated(x: KerasTensor, name: str) -> KerasTensor:
    return relu(normalized(x, f"{name}_bn", epsilon=EPSILON), f"{name}_relu")


def _block(x: KerasTensor, filters: int, strides: int, name: str) -> KerasTensor:
    """`x + branch(relu(x))`; the first block of a stage convolves its shortcut, one with strides takes every second pixel."""
    y = _activated(x, f"{name}_preact")
    if name.endswith("block1"):
        x = layers.Conv2D(4 * filters, 1, strides=strides, name=f"{name}_0_conv")(y)
    elif strides > 1:
        x = layers.MaxPooling2D(1, strides=strides)(x)
    y = layers.Conv2D(filters, 1, use_bias=False, name=f"{name}_1_conv")(y)
    y = layers.ZeroPadding2D(1, name=f"{name}_2_pad")(_activated(y, f"{name}_1"))
    y = layers.Conv2D(filters, 3, strides=strides, use_bias=False, name=f"{name}_2_conv")(y)
    y = layers.Conv2D(4 * filters, 1, name=f"{name}_3_conv")(_activated(y, f"{name}_2"))
    return layers.Add(name=f"{name}_out")([x, y])


@expand_kwargs()
def _resnet_v2(network: str, blocks: Sequence[int], **kwargs: Unpack[NetworkArguments]) -> Functional:
    """A residual network that activates before it convolves: `x + branch(relu(x))`.

    Args:
        kwargs: as every network; see `jkeras.applications`.

    Source: Kaiming He et al., "Identity Mappings in Deep Residual Networks", 2016.
    """
    frame = Frame(224, **kwargs)
    x = stem(frame.images, activated=False)
    for stage, count in enumerate(blocks):
        for block in range(count):
            strides = 2 if block == count - 1 and stage < 3 else 1
            x = _block(x, 64 * 2**stage, strides, f"conv{stage + 2}_block{block + 1}")
    return frame.with_head(_activated(x, "post"), kernels("resnet", network))


ResNet50V2 = member(_resnet_v2, "ResNet50V2", "resnet50v2", network="resnet50v2", blocks=(3, 4, 6, 3))
ResNet101V2 = member(_resnet_v2, "ResNet101V2", "resnet101v2", network="resnet101v2", blocks=(3, 4, 23, 3))
ResNet152V2 = member(_resnet_v2, "ResNet152V2", "resnet152v2", network="resnet152v2", blocks=(3, 8, 36, 3))
preprocess_input = preprocessor("resnet_v2", "tf")

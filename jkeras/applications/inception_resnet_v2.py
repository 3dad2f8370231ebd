"""Inception-ResNet, version 2: Inception's branches, of which each block adds a small share to what it was given."""

from __future__ import annotations

from typing import Unpack

from jkeras import layers
from jkeras._base.shared_arguments import expand_kwargs
from jkeras.applications.blocks import channels_of, normalized
from jkeras.applications.frame import Frame, NetworkArguments, member
from jkeras.applications.imagenet_utils import decode_predictions, preprocessor
from jkeras.applications.inception_v3 import Branch, mixed, stem
from jkeras.applications.trained import kernels
from jkeras.graph import KerasTensor
from jkeras.models import Functional

__all__ = ["InceptionResNetV2", "decode_predictions", "preprocess_input"]

_NAME = "inception_resnet_v2"

# Blocks that change the size, each with the residual blocks behind it: name, how many, share, branches.
_STAGES: dict[str, tuple[list[Branch], str, int, float, list[Branch]]] = {
    "mixed_5b": (
        [[(96, 1, 1)], [(48, 1, 1), (64, 5, 5)], [(64, 1, 1), (96, 3, 3), (96, 3, 3)], ["mean", (64, 1, 1)]],
        "block35",
        10,
        0.17,
        [[(32, 1, 1)], [(32, 1, 1), (32, 3, 3)], [(32, 1, 1), (48, 3, 3), (64, 3, 3)]],
    ),
    "mixed_6a": (
        [[(384, 3, 3, 2)], [(256, 1, 1), (256, 3, 3), (384, 3, 3, 2)], ["halve"]],
        "block17",
        20,
        0.1,
        [[(192, 1, 1)], [(128, 1, 1), (160, 1, 7), (192, 7, 1)]],
    ),
    "mixed_7a": (
        [
            [(256, 1, 1), (384, 3, 3, 2)],
            [(256, 1, 1), (288, 3, 3, 2)],
            [(256, 1, 1), (288, 3, 3), (320, 3, 3, 2)],
            ["halve"],
        ],
        "block8",
        10,
        0.2,
        [[(192, 1, 1)], [(192, 1, 1), (224, 1, 3), (256, 3, 1)]],
    ),
}


def _block(x: KerasTensor, branches: list[Branch], share: float, name: str) -> KerasTensor:
    """`relu(x + share * branches)`; the last block of the network is not activated and adds its branches whole."""
    last = name == "block8_10"
    branch = mixed(x, branches, f"{name}_mixed")
    branch = layers.Conv2D(channels_of(x), 1, padding="same", name=f"{name}_conv")(branch)
    x = layers.CustomScaleLayer(1.0 if last else share)([x, branch])
    return x if last else layers.Activation("relu", name=f"{name}_ac")(x)


@expand_kwargs()
def _inception_resnet_v2(**kwargs: Unpack[NetworkArguments]) -> Functional:
    """A residual network of parallel branches.

    Args:
        kwargs: as every network; see `jkeras.applications`.

    Source: Christian Szegedy et al., "Inception-v4, Inception-ResNet and the Impact of Residual Connections on Learning", 2016.
    """
    frame = Frame(299, smallest=75, **kwargs)
    x = stem(frame.images)
    for name, (first, block, count, share, branches) in _STAGES.items():
        x = mixed(x, first, name)
        for i in range(1, count + 1):
            x = _block(x, branches, share, f"{block}_{i}")
    x = layers.Conv2D(1536, 1, padding="same", use_bias=False, name="conv_7b")(x)
    x = layers.Activation("relu", name="conv_7b_ac")(normalized(x, "conv_7b_bn", scale=False))
    return frame.with_head(x, kernels(_NAME, _NAME), named=False)


InceptionResNetV2 = member(_inception_resnet_v2, "InceptionResNetV2", _NAME)
preprocess_input = preprocessor(_NAME, "tf")

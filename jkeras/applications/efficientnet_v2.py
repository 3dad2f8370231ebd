"""EfficientNet, version 2: its first stages convolve all channels at once, which accelerators do faster than one by one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple, Unpack

from jkeras import layers
from jkeras._base.shared_arguments import expand_kwargs
from jkeras.applications.blocks import channel_axis, channels_of, normalized
from jkeras.applications.efficientnet import DEVIATION, added, block_names, convolved, gated, spread, swish, with_top
from jkeras.applications.frame import Frame, NetworkArguments, member
from jkeras.applications.imagenet_utils import decode_predictions, preprocessor
from jkeras.applications.trained import FOLDER, plain
from jkeras.graph import KerasTensor
from jkeras.models import Functional

__all__ = [
    "EfficientNetV2B0", "EfficientNetV2B1", "EfficientNetV2B2", "EfficientNetV2B3", "EfficientNetV2L", "EfficientNetV2M",
    "EfficientNetV2S", "decode_predictions", "preprocess_input",
]  # fmt: skip

_NORM = {"momentum": 0.9}


class _Stage(NamedTuple):
    """Blocks of one width; the fused ones have one convolution of all channels, and no gate."""

    fused: bool
    repeats: int
    filters: int
    expansion: int
    strides: int


_B = (
    _Stage(True, 1, 16, 1, 1),
    _Stage(True, 2, 32, 4, 2),
    _Stage(True, 2, 48, 4, 2),
    _Stage(False, 3, 96, 4, 2),
    _Stage(False, 5, 112, 6, 1),
    _Stage(False, 8, 192, 6, 2),
)
_S = (
    _Stage(True, 2, 24, 1, 1),
    _Stage(True, 4, 48, 4, 2),
    _Stage(True, 4, 64, 4, 2),
    _Stage(False, 6, 128, 4, 2),
    _Stage(False, 9, 160, 6, 1),
    _Stage(False, 15, 256, 6, 2),
)
_M = (
    _Stage(True, 3, 24, 1, 1),
    _Stage(True, 5, 48, 4, 2),
    _Stage(True, 5, 80, 4, 2),
    _Stage(False, 7, 160, 4, 2),
    _Stage(False, 14, 176, 6, 1),
    _Stage(False, 18, 304, 6, 2),
    _Stage(False, 5, 512, 6, 1),
)
_L = (
    _Stage(True, 4, 32, 1, 1),
    _Stage(True, 7, 64, 4, 2),
    _Stage(True, 7, 96, 4, 2),
    _Stage(False, 10, 192, 4, 2),
    _Stage(False, 19, 224, 6, 1),
    _Stage(False, 25, 384, 6, 2),
    _Stage(False, 7, 640, 6, 1),
)


def _rounded(filters: float) -> int:
    """The nearest multiple of 8."""
    return max(8, int(filters + 4) // 8 * 8)


def _block(x: KerasTensor, stage: _Stage, filters: int, strides: int, drop: float, name: str) -> KerasTensor:
    shortcut, inputs = x, channels_of(x)
    kernel, before = (3, strides) if stage.fused else (1, 1)  # of the convolution that widens
    if stage.expansion != 1:
        x = convolved(x, inputs * stage.expansion, kernel, f"{name}expand_conv", strides=before)
        x = swish(normalized(x, f"{name}expand_bn", **_NORM), f"{name}expand_activation")
        kernel, before = 1, 1
    if not stage.fused:
        settings: dict[str, Any] = {"use_bias": False, "depthwise_initializer": spread(), "name": f"{name}dwconv2"}
        x = layers.DepthwiseConv2D(3, strides=strides, padding="same", **settings)(x)
        x = swish(normalized(x, f"{name}bn", **_NORM), f"{name}activation")
        x = gated(x, max(1, inputs // 4), name)
    x = normalized(convolved(x, filters, kernel, f"{name}project_conv", strides=before), f"{name}project_bn", **_NORM)
    if stage.fused and stage.expansion == 1:
        x = swish(x, f"{name}project_activation")
    return added(x, shortcut, strides, drop, name)


@expand_kwargs(after={"include_preprocessing": "classifier_activation"})
def _efficientnet_v2(
    stages: Sequence[_Stage],
    stem: int,
    width: float,
    depth: float,
    size: int,
    network: str,
    include_preprocessing: bool = True,
    **kwargs: Unpack[NetworkArguments],
) -> Functional:
    """A network of inverted residual blocks, found by a search for fast training.

    Args:
        include_preprocessing: whether the network scales pixels from 0 to 255 itself.
        kwargs: as every network; see `jkeras.applications`.

    Source: Mingxing Tan and Quoc Le, "EfficientNetV2: Smaller Models and Faster Training", 2021.
    """
    frame = Frame(size, **kwargs)
    x = frame.images
    if include_preprocessing and stages is _B and channels_of(x) == 3:
        variance = [deviation**2 for deviation in DEVIATION]
        x = layers.Rescaling(1 / 255)(x)
        x = layers.Normalization(mean=[0.485, 0.456, 0.406], variance=variance, axis=channel_axis())(x)
    elif include_preprocessing:
        x = layers.Rescaling(1 / 128, -1)(x)
    x = normalized(convolved(x, _rounded(stem * width), 3, "stem_conv", strides=2), "stem_bn", **_NORM)
    x = swish(x, "stem_activation")
    total = sum(stage.repeats for stage in stages)  # without `depth`, as the weights were trained
    counts = [math.ceil(depth * stage.repeats) for stage in stages]
    for number, (index, first, name) in enumerate(block_names(counts)):
        stage = stages[index]
        x = _block(x, stage, _rounded(stage.filters * width), stage.strides if first else 1, 0.2 * number / total, name)
    return with_top(frame, x, _rounded(1280 * width), 0.2, plain(f"{FOLDER}efficientnet_v2/", network), **_NORM)


def _efficient(variant: str, stages: Sequence[_Stage], stem: int, size: int, width: float = 1.0, depth: float = 1.0) -> Any:
    network = f"efficientnetv2-{variant.lower()}"
    numbers = {"stages": stages, "stem": stem, "width": width, "depth": depth, "size": size, "network": network}
    return member(_efficientnet_v2, f"EfficientNetV2{variant}", network, **numbers)


EfficientNetV2B0 = _efficient("B0", _B, 32, 224)
EfficientNetV2B1 = _efficient("B1", _B, 32, 240, depth=1.1)
EfficientNetV2B2 = _efficient("B2", _B, 32, 260, width=1.1, depth=1.2)
EfficientNetV2B3 = _efficient("B3", _B, 32, 300, width=1.2, depth=1.4)
EfficientNetV2S = _efficient("S", _S, 24, 384)
EfficientNetV2M = _efficient("M", _M, 24, 480)
EfficientNetV2L = _efficient("L", _L, 32, 480)
preprocess_input = preprocessor("efficientnet_v2", None)

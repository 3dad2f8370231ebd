"""EfficientNet: gated, inverted residual blocks; one number scales width, depth and image size from B0 to B7 together."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple, Unpack

from jkeras import layers
from jkeras._base.config import settings
from jkeras._base.shared_arguments import expand_kwargs
from jkeras.applications.blocks import channel_axis, channels_of, divisible, normalized, padded
from jkeras.applications.frame import Frame, NetworkArguments, member
from jkeras.applications.imagenet_utils import decode_predictions, preprocessor
from jkeras.applications.trained import WeightFiles, plain
from jkeras.graph import KerasTensor
from jkeras.initializers import VarianceScaling
from jkeras.models import Functional

__all__ = [
    "EfficientNetB0", "EfficientNetB1", "EfficientNetB2", "EfficientNetB3", "EfficientNetB4", "EfficientNetB5", "EfficientNetB6",
    "EfficientNetB7", "decode_predictions", "preprocess_input",
]  # fmt: skip

DEVIATION = (0.229, 0.224, 0.225)  # of ImageNet's images between 0 and 1


class _Stage(NamedTuple):
    """Blocks of one width."""

    kernel: int
    repeats: int
    filters: int
    expansion: int
    strides: int


_STAGES = (
    _Stage(3, 1, 16, 1, 1),
    _Stage(3, 2, 24, 6, 2),
    _Stage(5, 2, 40, 6, 2),
    _Stage(3, 3, 80, 6, 2),
    _Stage(5, 3, 112, 6, 1),
    _Stage(5, 4, 192, 6, 2),
    _Stage(3, 1, 320, 6, 1),
)


def spread() -> VarianceScaling:
    """How convolutions begin: so that their outputs spread as their inputs do."""
    return VarianceScaling(2.0, "fan_out", "truncated_normal")


def swish(x: KerasTensor, name: str) -> KerasTensor:
    """`x * sigmoid(x)`."""
    return layers.Activation("swish", name=name)(x)


def convolved(x: KerasTensor, filters: int, kernel: int, name: str, **arguments: Any) -> KerasTensor:
    """A convolution without bias."""
    arguments = {"padding": "same", "use_bias": False, "kernel_initializer": spread(), **arguments}
    return layers.Conv2D(filters, kernel, name=name, **arguments)(x)


def gated(x: KerasTensor, width: int, name: str) -> KerasTensor:
    """The channels, each times a number in (0, 1) that is computed from the means of all channels, through `width` numbers."""
    channels = channels_of(x)
    gate = layers.GlobalAveragePooling2D(name=f"{name}se_squeeze")(x)
    shape = (channels, 1, 1) if settings.image_data_format == "channels_first" else (1, 1, channels)
    gate = layers.Reshape(shape, name=f"{name}se_reshape")(gate)
    gate = convolved(gate, width, 1, f"{name}se_reduce", activation="swish", use_bias=True)
    gate = convolved(gate, channels, 1, f"{name}se_expand", activation="sigmoid", use_bias=True)
    return layers.Multiply(name=f"{name}se_excite")([x, gate])


def added(x: KerasTensor, shortcut: KerasTensor, strides: int, drop: float, name: str) -> KerasTensor:
    """`shortcut + x` if they have one shape; in training some examples go without `x`."""
    if strides != 1 or channels_of(x) != channels_of(shortcut):
        return x
    x = layers.Dropout(drop, noise_shape=(None, 1, 1, 1), name=f"{name}drop")(x) if drop else x
    return layers.Add(name=f"{name}add")([x, shortcut])


def with_top(
    frame: Frame, x: KerasTensor, filters: int, dropout: float, files: WeightFiles, **normalization: float
) -> Functional:
    """The model whose head is a last convolution, the mean over each image, and the classifier."""
    x = normalized(convolved(x, filters, 1, "top_conv"), "top_bn", **normalization)
    x = swish(x, "top_activation")
    if not frame.include_top:
        return frame.model(frame.pooled(x), files)
    x = layers.GlobalAveragePooling2D(name="avg_pool")(x)
    x = layers.Dropout(dropout, name="top_dropout")(x)
    x = frame.classifier(x, kernel_initializer=VarianceScaling(1 / 3, "fan_out", "uniform"))
    return frame.model(x, files)


def block_names(counts: list[int]) -> Iterator[tuple[int, bool, str]]:
    """For each block its stage, whether it is the first there, and how its layers' names begin.

    Example:
        >>> list(block_names([2, 1]))
        [(0, True, 'block1a_'), (0, False, 'block1b_'), (1, True, 'block2a_')]
    """
    for stage, count in enumerate(counts):
        yield from ((stage, i == 0, f"block{stage + 1}{chr(ord('a') + i)}_") for i in range(count))


def _block(x: KerasTensor, stage: _Stage, filters: int, strides: int, drop: float, name: str) -> KerasTensor:
    shortcut, inputs = x, channels_of(x)
    if stage.expansion != 1:
        x = normalized(convolved(x, inputs * stage.expansion, 1, f"{name}expand_conv"), f"{name}expand_bn")
        x = swish(x, f"{name}expand_activation")
    if strides == 2:
        x = padded(x, stage.kernel, f"{name}dwconv_pad")
    x = layers.DepthwiseConv2D(
        stage.kernel,
        strides=strides,
        padding="same" if strides == 1 else "valid",
        use_bias=False,
        depthwise_initializer=spread(),
        name=f"{name}dwconv",
    )(x)
    x = swish(normalized(x, f"{name}bn"), f"{name}activation")
    x = gated(x, max(1, inputs // 4), name)
    x = normalized(convolved(x, filters, 1, f"{name}project_conv"), f"{name}project_bn")
    return added(x, shortcut, strides, drop, name)


@expand_kwargs()
def _efficientnet(
    width: float, depth: float, size: int, dropout: float, network: str, **kwargs: Unpack[NetworkArguments]
) -> Functional:
    """A network of gated, inverted residual blocks. It scales pixels from 0 to 255 itself.

    Args:
        kwargs: as every network; see `jkeras.applications`.

    Source: Mingxing Tan and Quoc Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks", 2019.
    """
    frame = Frame(size, **kwargs)
    x = layers.Normalization(axis=channel_axis())(layers.Rescaling(1 / 255)(frame.images))
    if frame.weights == "imagenet":  # these weights divide once more, by the roots
        x = layers.Rescaling([1 / math.sqrt(deviation) for deviation in DEVIATION])(x)
    x = padded(x, 3, "stem_conv_pad")
    x = normalized(convolved(x, divisible(32 * width), 3, "stem_conv", strides=2, padding="valid"), "stem_bn")
    x = swish(x, "stem_activation")
    counts = [math.ceil(depth * stage.repeats) for stage in _STAGES]
    for number, (index, first, name) in enumerate(block_names(counts)):
        stage = _STAGES[index]
        drop = 0.2 * number / sum(counts)
        x = _block(x, stage, divisible(stage.filters * width), stage.strides if first else 1, drop, name)
    return with_top(frame, x, divisible(1280 * width), dropout, plain("keras-applications/", network))


def _efficient(number: int, width: float, depth: float, size: int, dropout: float) -> Any:
    network = f"efficientnetb{number}"
    numbers = {"width": width, "depth": depth, "size": size, "dropout": dropout, "network": network}
    return member(_efficientnet, f"EfficientNetB{number}", network, **numbers)


EfficientNetB0 = _efficient(0, 1.0, 1.0, 224, 0.2)
EfficientNetB1 = _efficient(1, 1.0, 1.1, 240, 0.2)
EfficientNetB2 = _efficient(2, 1.1, 1.2, 260, 0.3)
EfficientNetB3 = _efficient(3, 1.2, 1.4, 300, 0.3)
EfficientNetB4 = _efficient(4, 1.4, 1.8, 380, 0.4)
EfficientNetB5 = _efficient(5, 1.6, 2.2, 456, 0.4)
EfficientNetB6 = _efficient(6, 1.8, 2.6, 528, 0.5)
EfficientNetB7 = _efficient(7, 2.0, 3.1, 600, 0.5)
preprocess_input = preprocessor("efficientnet", None)

"""MobileNet, version 3: the blocks of version 2, chosen by a search, with gates on the channels and smooth activations."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, Unpack

from jkeras import layers
from jkeras._base.shared_arguments import expand_kwargs
from jkeras.applications.blocks import channels_of, divisible, padded
from jkeras.applications.frame import Frame, NetworkArguments, member
from jkeras.applications.imagenet_utils import decode_predictions, preprocessor
from jkeras.applications.mobilenet import check_alpha, trained_rows
from jkeras.applications.mobilenet_v2 import batch_norm, check_pair
from jkeras.applications.trained import FOLDER, WeightFiles
from jkeras.graph import KerasTensor
from jkeras.models import Functional

__all__ = ["MobileNetV3Large", "MobileNetV3Small", "decode_predictions", "preprocess_input"]


class _Block(NamedTuple):
    """A row of the paper's tables; `minimalistic` makes it one with a kernel of 3, ungated and with ReLU."""

    expansion: float
    filters: int
    kernel: int
    strides: int
    gated: bool
    smooth: bool


_SMALL = (
    _Block(1, 16, 3, 2, True, False),
    _Block(72 / 16, 24, 3, 2, False, False),
    _Block(88 / 24, 24, 3, 1, False, False),
    _Block(4, 40, 5, 2, True, True),
    *[_Block(6, 40, 5, 1, True, True)] * 2,
    *[_Block(3, 48, 5, 1, True, True)] * 2,
    _Block(6, 96, 5, 2, True, True),
    *[_Block(6, 96, 5, 1, True, True)] * 2,
)
_LARGE = (
    _Block(1, 16, 3, 1, False, False),
    _Block(4, 24, 3, 2, False, False),
    _Block(3, 24, 3, 1, False, False),
    _Block(3, 40, 5, 2, True, False),
    *[_Block(3, 40, 5, 1, True, False)] * 2,
    _Block(6, 80, 3, 2, False, True),
    _Block(2.5, 80, 3, 1, False, True),
    *[_Block(2.3, 80, 3, 1, False, True)] * 2,
    *[_Block(6, 112, 3, 1, True, True)] * 2,
    _Block(6, 160, 5, 2, True, True),
    *[_Block(6, 160, 5, 1, True, True)] * 2,
)


def _relu(x: KerasTensor) -> KerasTensor:
    return layers.ReLU()(x)


def _hard_swish(x: KerasTensor) -> KerasTensor:
    return layers.Activation("hard_swish")(x)


def _gated(x: KerasTensor, prefix: str) -> KerasTensor:
    """The channels, each times a number in [0, 1] that is computed from the means of all channels."""
    width = channels_of(x)
    gate = layers.GlobalAveragePooling2D(keepdims=True, name=f"{prefix}squeeze_excite_avg_pool")(x)
    gate = layers.Conv2D(divisible(width * 0.25), 1, padding="same", name=f"{prefix}squeeze_excite_conv")(gate)
    gate = layers.ReLU(name=f"{prefix}squeeze_excite_relu")(gate)
    gate = layers.Conv2D(width, 1, padding="same", name=f"{prefix}squeeze_excite_conv_1")(gate)
    gate = layers.ReLU(6.0)(gate + 3.0) * (1.0 / 6.0)
    return layers.Multiply(name=f"{prefix}squeeze_excite_mul")([x, gate])


def _block(x: KerasTensor, block: _Block, filters: int, number: int) -> KerasTensor:
    prefix = f"expanded_conv_{number}_" if number else "expanded_conv_"
    activation: Callable[[KerasTensor], KerasTensor] = _hard_swish if block.smooth else _relu
    shortcut = x
    if number:
        width = divisible(channels_of(x) * block.expansion)
        x = layers.Conv2D(width, 1, padding="same", use_bias=False, name=f"{prefix}expand")(x)
        x = activation(batch_norm(x, f"{prefix}expand_bn"))
    if block.strides == 2:
        x = padded(x, block.kernel, f"{prefix}depthwise_pad")
    x = layers.DepthwiseConv2D(
        block.kernel,
        strides=block.strides,
        padding="same" if block.strides == 1 else "valid",
        use_bias=False,
        name=f"{prefix}depthwise",
    )(x)
    x = activation(batch_norm(x, f"{prefix}depthwise_bn"))
    x = _gated(x, prefix) if block.gated else x
    x = layers.Conv2D(filters, 1, padding="same", use_bias=False, name=f"{prefix}project")(x)
    x = batch_norm(x, f"{prefix}project_bn")
    if block.strides == 1 and channels_of(shortcut) == filters:
        x = layers.Add(name=f"{prefix}add")([shortcut, x])
    return x


@expand_kwargs(
    after={
        "input_shape": "size",
        "pooling": "classes",
        "dropout_rate": "pooling",
        "include_preprocessing": "classifier_activation",
    }
)
def _mobilenet_v3(
    blocks: Sequence[_Block],
    last: int,
    size: str,
    alpha: float = 1.0,
    minimalistic: bool = False,
    dropout_rate: float = 0.2,
    include_preprocessing: bool = True,
    **kwargs: Unpack[NetworkArguments],
) -> Functional:
    """A network of blocks that a search chose, for devices that compute little. It takes images of any size.

    Args:
        alpha: factor of all widths; trained weights are for 0.75 and 1.
        minimalistic: small kernels and ReLU throughout, and no gates; trained weights are for `alpha=1`.
        dropout_rate: before the classifier.
        include_preprocessing: whether the network scales pixels from 0 to 255 itself.
        kwargs: as every network; see `jkeras.applications`. An `input_tensor` is as wide as an `input_shape` says.

    Source: Andrew Howard et al., "Searching for MobileNetV3", 2019.
    """
    images = kwargs["input_tensor"]
    check_pair(images, kwargs["input_shape"])
    if kwargs["input_shape"] is None and isinstance(images, KerasTensor):
        kwargs["input_shape"] = images.shape[1:]
    frame = Frame(224, sized=False, **kwargs)
    check_alpha(frame, alpha, (1.0,) if minimalistic else (0.75, 1.0))
    trained_rows(frame, (224,))
    if minimalistic:
        blocks = [block._replace(kernel=3, gated=False, smooth=False) for block in blocks]
    activation = _relu if minimalistic else _hard_swish
    x = frame.images
    if include_preprocessing:
        x = layers.Rescaling(1 / 127.5, -1.0)(x)
    x = layers.Conv2D(16, 3, strides=2, padding="same", use_bias=False, name="conv")(x)
    x = activation(batch_norm(x, "conv_bn"))
    for number, block in enumerate(blocks):
        x = _block(x, block, divisible(block.filters * alpha), number)
    x = layers.Conv2D(divisible(channels_of(x) * 6), 1, padding="same", use_bias=False, name="conv_1")(x)
    x = activation(batch_norm(x, "conv_1_bn"))
    if frame.include_top:
        x = layers.GlobalAveragePooling2D(keepdims=True)(x)
        x = activation(layers.Conv2D(divisible(last * max(1.0, alpha)), 1, padding="same", name="conv_2")(x))
        x = layers.Dropout(dropout_rate)(x) if dropout_rate > 0 else x
        x = layers.Flatten()(layers.Conv2D(frame.classes, 1, padding="same", name="logits")(x))
        x = layers.Activation(frame.activation, name="predictions")(x)
    else:
        x = frame.pooled(x)
    return frame.model(x, _files(f"{size}{'_minimalistic' if minimalistic else ''}_224_{float(alpha)}_float"))


def _files(variant: str) -> WeightFiles:
    network = f"mobilenet_v3_{variant}"
    start = f"weights_{network}"
    return WeightFiles(network, f"{FOLDER}mobilenet_v3/", (f"{start}.h5", f"{start}_no_top_v2.h5"))


MobileNetV3Small = member(_mobilenet_v3, "MobileNetV3Small", "MobileNetV3Small", blocks=_SMALL, last=1024, size="small")
MobileNetV3Large = member(_mobilenet_v3, "MobileNetV3Large", "MobileNetV3Large", blocks=_LARGE, last=1280, size="large")
preprocess_input = preprocessor("mobilenet_v3", None)

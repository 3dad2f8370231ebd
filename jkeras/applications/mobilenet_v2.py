"""MobileNet, version 2: blocks that are wide inside and narrow at their ends, with shortcuts between the narrow ends."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Unpack

from jkeras import layers
from jkeras._base.config import settings
from jkeras._base.shared_arguments import expand_kwargs
from jkeras.applications.blocks import channels_of, divisible, normalized, padded
from jkeras.applications.frame import Frame, NetworkArguments, member
from jkeras.applications.imagenet_utils import decode_predictions, preprocessor
from jkeras.applications.mobilenet import check_alpha, relu6, size_for, trained_rows
from jkeras.applications.trained import FOLDER, WeightFiles
from jkeras.graph import KerasTensor
from jkeras.models import Functional

__all__ = ["MobileNetV2", "decode_predictions", "preprocess_input"]

_SIZES = (96, 128, 160, 192, 224)
_ALPHAS = (0.35, 0.5, 0.75, 1.0, 1.3, 1.4)
# filters, repeats, strides of the first; all but the first block are six times as wide inside
_BLOCKS = ((16, 1, 1), (24, 2, 2), (32, 3, 2), (64, 4, 2), (96, 3, 1), (160, 3, 2), (320, 1, 1))


def check_pair(images: KerasTensor | None, shape: Sequence[int | None] | None) -> None:
    """Refuse an `input_tensor` of another width than `input_shape`."""
    first = settings.image_data_format == "channels_first"
    if images is None or shape is None or not isinstance(images, KerasTensor) or len(shape) != 3:
        return
    if images.shape[3 if first else 2] != shape[2 if first else 1]:
        raise ValueError(
            f"input_tensor has the shape {images.shape}, which is not that of input_shape={shape}. Give one of both."
        )


def batch_norm(x: KerasTensor, name: str) -> KerasTensor:
    """The normalization of versions 2 and 3."""
    return normalized(x, name, epsilon=1e-3, momentum=0.999)


def _block(x: KerasTensor, filters: int, strides: int, number: int) -> KerasTensor:
    prefix = f"block_{number}_" if number else "expanded_conv_"
    shortcut = x
    if number:
        x = layers.Conv2D(6 * channels_of(x), 1, padding="same", use_bias=False, name=f"{prefix}expand")(x)
        x = relu6(batch_norm(x, f"{prefix}expand_BN"), f"{prefix}expand")
    if strides == 2:
        x = padded(x, 3, f"{prefix}pad")
    padding = "same" if strides == 1 else "valid"
    x = layers.DepthwiseConv2D(3, strides=strides, use_bias=False, padding=padding, name=f"{prefix}depthwise")(x)
    x = relu6(batch_norm(x, f"{prefix}depthwise_BN"), f"{prefix}depthwise")
    x = layers.Conv2D(filters, 1, padding="same", use_bias=False, name=f"{prefix}project")(x)
    x = batch_norm(x, f"{prefix}project_BN")
    if channels_of(shortcut) == filters and strides == 1:
        x = layers.Add(name=f"{prefix}add")([shortcut, x])
    return x


@expand_kwargs(after={"input_shape": "blocks"})
def _mobilenet_v2(blocks: Sequence[tuple[int, int, int]], alpha: float = 1.0, **kwargs: Unpack[NetworkArguments]) -> Functional:
    """A residual network of separable convolutions whose blocks are narrow at their ends, for devices that compute little.

    Args:
        alpha: factor of all widths; trained weights are for 0.35, 0.5, 0.75, 1, 1.3 and 1.4.
        kwargs: as every network; see `jkeras.applications`. An `input_tensor` is as wide as an `input_shape` says.

    Source: Mark Sandler et al., "MobileNetV2: Inverted Residuals and Linear Bottlenecks", 2018.
    """
    images, shape = kwargs["input_tensor"], kwargs["input_shape"]
    check_pair(images, shape)
    given = images.shape[1:] if shape is None and isinstance(images, KerasTensor) else shape
    frame = Frame(size_for(given, _SIZES), **kwargs)
    check_alpha(frame, alpha, _ALPHAS)
    rows = trained_rows(frame, _SIZES)
    x = layers.Conv2D(divisible(32 * alpha), 3, strides=2, padding="same", use_bias=False, name="Conv1")(frame.images)
    x = relu6(batch_norm(x, "bn_Conv1"), "Conv1")
    number = 0
    for filters, repeats, strides in blocks:
        for repeat in range(repeats):
            x = _block(x, divisible(int(filters * alpha)), 1 if repeat else strides, number)
            number += 1
    x = layers.Conv2D(divisible(1280 * max(1.0, alpha)), 1, use_bias=False, name="Conv_1")(x)
    x = relu6(batch_norm(x, "Conv_1_bn"), "out")
    x = frame.classifier(layers.GlobalAveragePooling2D()(x)) if frame.include_top else frame.pooled(x, named=False)
    start = f"mobilenet_v2_weights_tf_dim_ordering_tf_kernels_{float(alpha)}_{rows}"
    files = WeightFiles("mobilenet_v2", f"{FOLDER}mobilenet_v2/", (f"{start}.h5", f"{start}_no_top.h5"))
    return frame.model(x, files, f"mobilenetv2_{alpha:0.2f}_{rows}")


MobileNetV2 = member(_mobilenet_v2, "MobileNetV2", blocks=_BLOCKS)
preprocess_input = preprocessor("mobilenet_v2", "tf")

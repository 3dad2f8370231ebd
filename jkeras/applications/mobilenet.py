"""MobileNet: each convolution is split in one of every channel alone and one that mixes them; `alpha` scales all widths."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Unpack

from jkeras import layers
from jkeras._base.config import settings
from jkeras._base.shared_arguments import expand_kwargs
from jkeras.applications.blocks import normalized
from jkeras.applications.frame import Frame, NetworkArguments, member
from jkeras.applications.imagenet_utils import decode_predictions, preprocessor
from jkeras.applications.trained import FOLDER, WeightFiles
from jkeras.graph import KerasTensor
from jkeras.models import Functional

__all__ = ["MobileNet", "decode_predictions", "preprocess_input"]

_SIZES = (128, 160, 192, 224)
_ALPHAS = {0.25: "2_5", 0.5: "5_0", 0.75: "7_5", 1.0: "1_0"}
# filters and strides of each block
_BLOCKS = ((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *[(512, 1)] * 5, (1024, 2), (1024, 1))


def size_for(shape: Sequence[int | None] | None, sizes: Sequence[int]) -> int:
    """The size of images for which there are trained weights: the user's, or else 224."""
    if shape is None or len(shape) != 3:
        return 224
    rows, columns = shape[1:] if settings.image_data_format == "channels_first" else shape[:2]
    return rows if rows is not None and rows == columns and rows in sizes else 224


def trained_rows(frame: Frame, sizes: Sequence[int]) -> int | None:
    """The height that the name of a network says, which with trained weights is theirs."""
    rows, columns = frame.rows_and_columns
    if frame.weights != "imagenet" or (rows == columns and rows in sizes):
        return rows
    if None not in (rows, columns):
        warnings.warn(f"There are trained weights for square images of {sizes} pixels; those for 224 are loaded.", stacklevel=6)
    return 224


def check_alpha(frame: Frame, alpha: float, known: Sequence[float]) -> None:
    """Refuse widths for which there are no trained weights."""
    if frame.weights == "imagenet" and alpha not in known:
        raise ValueError(f"There are trained weights for alpha {', '.join(map(str, known))}. Received: alpha={alpha!r}.")


def relu6(x: KerasTensor, name: str) -> KerasTensor:
    """`min(max(x, 0), 6)`."""
    return layers.ReLU(6.0, name=f"{name}_relu")(x)


def _block(x: KerasTensor, filters: int, strides: int, depth_multiplier: int, number: int) -> KerasTensor:
    if strides > 1:
        x = layers.ZeroPadding2D(((0, 1), (0, 1)), name=f"conv_pad_{number}")(x)
    x = layers.DepthwiseConv2D(
        3,
        strides=strides,
        padding="same" if strides == 1 else "valid",
        depth_multiplier=depth_multiplier,
        use_bias=False,
        name=f"conv_dw_{number}",
    )(x)
    x = relu6(normalized(x, f"conv_dw_{number}_bn"), f"conv_dw_{number}")
    x = layers.Conv2D(filters, 1, padding="same", use_bias=False, name=f"conv_pw_{number}")(x)
    return relu6(normalized(x, f"conv_pw_{number}_bn"), f"conv_pw_{number}")


@expand_kwargs(after={"input_shape": "blocks"})
def _mobilenet(
    blocks: Sequence[tuple[int, int]],
    alpha: float = 1.0,
    depth_multiplier: int = 1,
    dropout: float = 1e-3,
    **kwargs: Unpack[NetworkArguments],
) -> Functional:
    """A chain of separable convolutions, for devices that compute little.

    Args:
        alpha: factor of all widths; trained weights are for 0.25, 0.5, 0.75 and 1.
        depth_multiplier: filters for each channel in the depthwise convolutions; trained weights are for 1.
        dropout: rate before the classifier.
        kwargs: as every network; see `jkeras.applications`.

    Source: Andrew Howard et al., "MobileNets: Efficient Convolutional Neural Networks for Mobile Vision Applications", 2017.
    """
    frame = Frame(size_for(kwargs["input_shape"], _SIZES), **kwargs)
    check_alpha(frame, alpha, tuple(_ALPHAS))
    if frame.weights == "imagenet" and depth_multiplier != 1:
        raise ValueError(f"The trained weights are for depth_multiplier=1. Received: {depth_multiplier!r}.")
    rows = trained_rows(frame, _SIZES)
    x = layers.Conv2D(int(32 * alpha), 3, padding="same", use_bias=False, strides=2, name="conv1")(frame.images)
    x = relu6(normalized(x, "conv1_bn"), "conv1")
    for number, (filters, strides) in enumerate(blocks, start=1):
        x = _block(x, int(filters * alpha), strides, depth_multiplier, number)
    if frame.include_top:
        x = layers.GlobalAveragePooling2D(keepdims=True)(x)
        x = layers.Dropout(dropout, name="dropout")(x)
        x = layers.Conv2D(frame.classes, 1, padding="same", name="conv_preds")(x)
        x = layers.Reshape((frame.classes,), name="reshape_2")(x)
        x = layers.Activation(frame.activation, name="predictions")(x)
    else:
        x = frame.pooled(x, named=False)
    start = f"mobilenet_{_ALPHAS.get(alpha)}_{rows}_tf"
    files = WeightFiles("mobilenet", f"{FOLDER}mobilenet/", (f"{start}.h5", f"{start}_no_top.h5"))
    return frame.model(x, files, f"mobilenet_{alpha:0.2f}_{rows}")


MobileNet = member(_mobilenet, "MobileNet", blocks=_BLOCKS)
preprocess_input = preprocessor("mobilenet", "tf")

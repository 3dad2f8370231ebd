"""ConvNeXt: a residual network with the habits of transformers: few, wide kernels, layer normalization, GELU, scaled branches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Unpack

from jkeras import layers
from jkeras._base.shared_arguments import expand_kwargs
from jkeras.applications.blocks import channels_of
from jkeras.applications.efficientnet import DEVIATION
from jkeras.applications.frame import Frame, NetworkArguments, member
from jkeras.applications.imagenet_utils import decode_predictions, preprocessor
from jkeras.applications.trained import FOLDER, plain
from jkeras.graph import KerasTensor
from jkeras.models import Functional, Sequential

__all__ = [
    "ConvNeXtBase", "ConvNeXtLarge", "ConvNeXtSmall", "ConvNeXtTiny", "ConvNeXtXLarge", "decode_predictions", "preprocess_input",
]  # fmt: skip

_MEAN = (0.485, 0.456, 0.406)


def _layer_norm(name: str | None = None) -> layers.Layer:
    return layers.LayerNormalization(epsilon=1e-6, name=name)


def _block(x: KerasTensor, width: int, name: str) -> KerasTensor:
    """`x + branch(x)`, where the branch looks at each channel alone, then mixes the channels of each pixel."""
    y = layers.Conv2D(width, 7, padding="same", groups=width, name=f"{name}_depthwise_conv")(x)
    y = _layer_norm(f"{name}_layernorm")(y)
    y = layers.Dense(4 * width, name=f"{name}_pointwise_conv_1")(y)
    y = layers.Activation("gelu", name=f"{name}_gelu")(y)
    y = layers.Dense(width, name=f"{name}_pointwise_conv_2")(y)
    y = layers.LayerScale(1e-6, width, name=f"{name}_layer_scale")(y)
    return x + layers.Activation("linear", name=f"{name}_identity")(y)


def _entry(stage: int, width: int, name: str) -> Sequential:
    """What makes the images of a stage smaller."""
    if stage == 0:
        convolution = layers.Conv2D(width, 4, strides=4, name=f"{name}_stem_conv")
        return Sequential([convolution, _layer_norm(f"{name}_stem_layernorm")], name=f"{name}_stem")
    convolution = layers.Conv2D(width, 2, strides=2, name=f"{name}_downsampling_conv_{stage - 1}")
    norm = _layer_norm(f"{name}_downsampling_layernorm_{stage - 1}")
    return Sequential([norm, convolution], name=f"{name}_downsampling_block_{stage - 1}")


@expand_kwargs(after={"include_preprocessing": "include_top"})
def _convnext(
    network: str,
    blocks: Sequence[int],
    widths: Sequence[int],
    include_preprocessing: bool = True,
    **kwargs: Unpack[NetworkArguments],
) -> Functional:
    """A residual network with the habits of transformers.

    Args:
        include_preprocessing: whether the network scales pixels from 0 to 255 itself.
        kwargs: as every network; see `jkeras.applications`. The layers' names begin with `name`.

    Source: Zhuang Liu et al., "A ConvNet for the 2020s", 2022.
    """
    frame = Frame(224, layouts=("channels_last",), **kwargs)
    name, x = frame.name or "convnext", frame.images
    files = plain(f"{FOLDER}convnext/", network)
    if include_preprocessing and channels_of(x) == 3:
        mean, variance = [255 * m for m in _MEAN], [(255 * d) ** 2 for d in DEVIATION]
        x = layers.Normalization(mean=mean, variance=variance, name=f"{name}_prestem_normalization")(x)
    entries = [_entry(stage, width, name) for stage, width in enumerate(widths)]
    for stage, (count, width) in enumerate(zip(blocks, widths)):
        x = entries[stage](x)
        for i in range(count):
            x = _block(x, width, f"{name}_stage_{stage}_block_{i}")
    if not frame.include_top:
        return frame.model(_layer_norm()(frame.pooled(x, named=False)), files, name)
    x = layers.GlobalAveragePooling2D(name=f"{name}_head_gap")(x)
    x = _layer_norm(f"{name}_head_layernorm")(x)
    x = layers.Dense(frame.classes, activation=frame.activation, name=f"{name}_head_dense")(x)
    return frame.model(x, files, name)


def _convnext_of(size: str, blocks: Sequence[int], width: int) -> Any:
    network, widths = f"convnext_{size.lower()}", [width, 2 * width, 4 * width, 8 * width]
    return member(_convnext, f"ConvNeXt{size}", network, network=network, blocks=blocks, widths=widths)


ConvNeXtTiny = _convnext_of("Tiny", (3, 3, 9, 3), 96)
ConvNeXtSmall = _convnext_of("Small", (3, 3, 27, 3), 96)
ConvNeXtBase = _convnext_of("Base", (3, 3, 27, 3), 128)
ConvNeXtLarge = _convnext_of("Large", (3, 3, 27, 3), 192)
ConvNeXtXLarge = _convnext_of("XLarge", (3, 3, 27, 3), 256)
preprocess_input = preprocessor("convnext", None)

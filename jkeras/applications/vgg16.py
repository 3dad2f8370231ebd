"""VGG: nothing but convolutions of 3 x 3 and pooling, then three dense layers; here with 16 layers that have weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Unpack

from jkeras import layers
from jkeras._base.shared_arguments import expand_kwargs
from jkeras.applications.frame import Frame, NetworkArguments, member
from jkeras.applications.imagenet_utils import decode_predictions, preprocessor
from jkeras.applications.trained import kernels
from jkeras.models import Functional

__all__ = ["VGG16", "decode_predictions", "preprocess_input"]

_FILTERS = (64, 128, 256, 512, 512)


@expand_kwargs()
def vgg(network: str, convolutions: Sequence[int], **kwargs: Unpack[NetworkArguments]) -> Functional:
    """A chain of small convolutions, with most of its weights in the dense layers at the end.

    Args:
        kwargs: as every network; see `jkeras.applications`.

    Source: Karen Simonyan and Andrew Zisserman, "Very Deep Convolutional Networks for Large-Scale Image Recognition", 2014.
    """
    frame = Frame(224, **kwargs)
    x, files = frame.images, kernels(network, network)
    for block, (filters, count) in enumerate(zip(_FILTERS, convolutions), start=1):
        for conv in range(1, count + 1):
            x = layers.Conv2D(filters, 3, activation="relu", padding="same", name=f"block{block}_conv{conv}")(x)
        x = layers.MaxPooling2D(2, strides=2, name=f"block{block}_pool")(x)
    if not frame.include_top:
        return frame.model(frame.pooled(x, named=False), files)
    x = layers.Flatten(name="flatten")(x)
    for name in ("fc1", "fc2"):
        x = layers.Dense(4096, activation="relu", name=name)(x)
    return frame.model(frame.classifier(x), files)


VGG16 = member(vgg, "VGG16", "vgg16", network="vgg16", convolutions=(2, 2, 3, 3, 3))
preprocess_input = preprocessor("vgg16", "caffe")

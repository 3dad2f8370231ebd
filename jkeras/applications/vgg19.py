"""VGG with 19 layers that have weights; `vgg16` has the family."""

from __future__ import annotations

from jkeras.applications.frame import member
from jkeras.applications.imagenet_utils import decode_predictions, preprocessor
from jkeras.applications.vgg16 import vgg

__all__ = ["VGG19", "decode_predictions", "preprocess_input"]

VGG19 = member(vgg, "VGG19", "vgg19", network="vgg19", convolutions=(2, 2, 4, 4, 4))
preprocess_input = preprocessor("vgg19", "caffe")

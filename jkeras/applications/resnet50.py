"""`keras.applications.resnet50`: the smallest ResNet has a module of its own."""

from jkeras.applications.resnet import ResNet50, decode_predictions, preprocess_input

__all__ = ["ResNet50", "decode_predictions", "preprocess_input"]

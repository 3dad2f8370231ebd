"""`keras.applications.imagenet_utils`: how images were scaled for networks trained on ImageNet."""

from __future__ import annotations

from typing import Any

import numpy as np

from jkeras._base.config import settings
from jkeras._base.errors import describe
from jkeras.graph import KerasTensor

__all__ = ["preprocess_input"]

# mode: divide by, then subtract, then divide by, with one number for each channel of RGB
_SCALES = {
    "caffe": (1.0, (123.68, 116.779, 103.939), (1.0, 1.0, 1.0)),
    "tf": (127.5, (1.0, 1.0, 1.0), (1.0, 1.0, 1.0)),
    "torch": (255.0, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
}


def preprocess_input(x: Any, data_format: str | None = None, mode: str = "caffe") -> Any:
    """Images with values from 0 to 255, scaled as in a mode.

    Args:
        x: `(..., height, width, 3)`, or with the channels first; an array, or a symbolic tensor. It is not changed, while Keras
            overwrites a NumPy array of floats.
        data_format: `"channels_last"` or `"channels_first"`; None is the global setting.
        mode: `"caffe"`: minus the mean of ImageNet, channels in the order BGR; `"tf"`: between -1 and 1; `"torch"`: between 0 and
            1, then minus the mean and divided by the deviation of ImageNet.

    Raises:
        ValueError: another mode or data format.

    Example:
        >>> preprocess_input(np.array([[[0.0, 255.0, 127.5]]]), mode="tf").tolist()
        [[[-1.0, 1.0, 0.0]]]
    """
    if mode not in _SCALES:
        raise ValueError(f"preprocess_input takes mode {', '.join(map(repr, _SCALES))}. Received: {describe(mode)}.")
    layout = data_format or settings.image_data_format
    if layout not in ("channels_first", "channels_last"):
        raise ValueError(f'data_format is "channels_first" or "channels_last". Received: {describe(data_format)}.')
    divisor, mean, deviation = _SCALES[mode]
    first = layout == "channels_first"
    channels = (3, 1, 1) if first else (3,)
    if not isinstance(x, KerasTensor) and not np.issubdtype(x.dtype, np.floating):
        x = x.astype(settings.floatx)
    if mode == "caffe":
        mean = mean[::-1]
        x = x[..., ::-1, :, :] if first else x[..., ::-1]
    return (x / divisor - np.array(mean, x.dtype).reshape(channels)) / np.array(deviation, x.dtype).reshape(channels)

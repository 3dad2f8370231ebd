"""ImageNet at both ends of a network: how images were scaled for training, which sizes fit, what the classes are called."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from jkeras import activations
from jkeras._base.config import settings
from jkeras._base.errors import describe
from jkeras._base.registry import export
from jkeras._base.types import FunctionLike, Tensor
from jkeras._safe_io.json import read_json
from jkeras.graph import KerasTensor
from jkeras.ops import cast
from jkeras.utils.files import get_file

__all__ = ["decode_predictions", "obtain_input_shape", "preprocess_input", "validate_activation"]

CLASSES = 1000
CLASS_INDEX = "https://storage.googleapis.com/download.tensorflow.org/data/imagenet_class_index.json"
CLASS_INDEX_HASH = "c2c37ea517e94d9795004a39431a14cb"

# mode: divide by, then subtract, then divide by, with one number for each channel of RGB
_SCALES: dict[str, tuple[float, tuple[float, ...] | None, tuple[float, ...] | None]] = {
    "caffe": (1.0, (123.68, 116.779, 103.939), None),
    "tf": (127.5, (1.0, 1.0, 1.0), None),
    "torch": (255.0, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
}


@export("keras.applications.imagenet_utils.preprocess_input")
def preprocess_input(x: Tensor, data_format: str | None = None, mode: str = "caffe") -> Tensor:
    """Images with values from 0 to 255, scaled as in a mode.

    Args:
        x: `(..., height, width, 3)`, or with the channels first; an array, or a symbolic tensor. As in Keras, a NumPy array of
            floats that may be written is overwritten; give a copy to keep it.
        data_format: `"channels_last"` or `"channels_first"`; None is the global setting.
        mode: `"caffe"`: minus the mean of ImageNet, channels in the order BGR; `"tf"`: between -1 and 1; `"torch"`: between 0 and
            1, then minus the mean and divided by the deviation of ImageNet.

    Returns:
        Floats of the same shape.

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
    x = _floats(x)
    divisor, mean, deviation = _SCALES[mode]
    channels_first = layout == "channels_first"
    if mode == "caffe":
        mean = mean and mean[::-1]
        x = x[..., ::-1, :, :] if channels_first else x[..., ::-1]

    def by_channel(numbers: tuple[float, ...]) -> np.ndarray:
        return np.array(numbers, x.dtype).reshape((3, 1, 1) if channels_first else (3,))

    if divisor != 1:
        x /= divisor
    if mean is not None:
        x -= by_channel(mean)
    if deviation is not None:
        x /= by_channel(deviation)
    return x


def _floats(x: Tensor) -> Tensor:
    """Images as floats: the array itself if it has floats that may be written."""
    if isinstance(x, KerasTensor):
        return x if "float" in x.dtype else cast(x, settings.floatx)
    if not np.issubdtype(x.dtype, np.floating) and "float" not in str(x.dtype):
        return x.astype(settings.floatx)
    return x if not isinstance(x, np.ndarray) or x.flags.writeable else x.copy()


def preprocessor(place: str, mode: str | None) -> Callable[..., Tensor]:
    """The function `preprocess_input` of a family.

    Args:
        place: its module in `keras.applications`.
        mode: of `preprocess_input`; None for networks that scale their images themselves.
    """

    def prepared(x: Tensor, data_format: str | None = None) -> Tensor:
        return x if mode is None else preprocess_input(x, data_format, mode)

    what = "the same, because the network scales them" if mode is None else f"scaled as in the mode {mode!r} of `imagenet_utils`"
    prepared.__doc__ = f"Images with values from 0 to 255 as the network takes them: {what}."
    prepared.__name__ = prepared.__qualname__ = "preprocess_input"
    prepared.__module__ = f"jkeras.applications.{place}"
    return export(f"keras.applications.{place}.preprocess_input")(prepared)


@export("keras.applications.imagenet_utils.decode_predictions")
def decode_predictions(preds: Tensor, top: int = 5) -> list[list[tuple[str, str, Any]]]:
    """The most probable classes of ImageNet, by name.

    Args:
        preds: `(batch, 1000)`, as a network with the classifier gives.
        top: how many classes for each image.

    Returns:
        For each image, the best first: tuples of WordNet's number, such as `n02504458`, the name, and the score.

    Raises:
        ValueError: another shape, or a damaged file in the cache.
        FileNotFoundError: `models/imagenet_class_index.json` under `$KERAS_HOME` (`~/.keras`) is missing, and the download
            failed; the error says what to put where.

    Example:
        >>> decode_predictions(model.predict(images), top=1)  # doctest: +SKIP
        [[('n02504458', 'African_elephant', 0.91)]]
    """
    if len(preds.shape) != 2 or preds.shape[1] != CLASSES:
        raise ValueError(
            f"decode_predictions takes scores of shape (batch, {CLASSES}), one for each class of ImageNet. Received: "
            f"{describe(preds)}."
        )
    names = _class_names(
        Path(get_file("imagenet_class_index.json", CLASS_INDEX, cache_subdir="models", file_hash=CLASS_INDEX_HASH))
    )
    found = []
    for scores in np.asarray(preds):
        best = scores.argsort()[-top:][::-1]
        found.append([(*names[i], scores[i]) for i in best])
    return found


@functools.lru_cache(maxsize=2)
def _class_names(path: Path) -> list[tuple[str, str]]:
    """WordNet's number and the name of each class."""
    index = read_json(path.read_bytes(), where=str(path))
    try:
        return [(str(number), str(name)) for number, name in (index[str(i)] for i in range(CLASSES))]
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path} is not the index of ImageNet's {CLASSES} classes. Delete it and call again.") from error


def obtain_input_shape(
    input_shape: Sequence[int | None] | None,
    default_size: int | None,
    min_size: int,
    data_format: str,
    require_flatten: bool,
    weights: object = None,
) -> tuple[int | None, ...]:
    """The shape of one image, as the user gave it or as the network has it.

    Args:
        input_shape: the user's; None for the default.
        default_size: height and width that the network was made for.
        min_size: the smallest height and width that it takes.
        data_format: `"channels_last"` or `"channels_first"`.
        require_flatten: whether the size must be known, as a classifier needs it.
        weights: `"imagenet"` needs three channels, and with a classifier the default size.

    Returns:
        Three sizes; None for unknown ones.

    Raises:
        ValueError: the shape does not fit.

    Example:
        >>> obtain_input_shape(None, 224, 32, "channels_last", require_flatten=True)
        (224, 224, 3)
    """
    first = data_format == "channels_first"
    given = tuple(input_shape) if input_shape else None
    trained = weights == "imagenet"
    if given is not None and len(given) != 3:
        raise ValueError(f"input_shape has three sizes, such as (224, 224, 3). Received: input_shape={input_shape}.")
    channels = 3 if given is None or trained else given[0 if first else -1]
    if channels not in (1, 3):
        warnings.warn(f"Images have 1 or 3 channels. Received: input_shape={given}, with {channels}.", stacklevel=5)
    size = default_size if require_flatten else None
    default = (channels, size, size) if first else (size, size, channels)
    if trained and require_flatten:
        if given not in (None, default):
            raise ValueError(f"The trained classifier takes images of shape {default}. Received: input_shape={given}.")
        return default
    shape = given or default
    sizes = shape[1:] if first else shape[:2]
    if trained and shape[0 if first else -1] != 3:
        raise ValueError(f"The trained weights take images with 3 channels. Received: input_shape={given}.")
    if any(n is not None and n < min_size for n in sizes):
        raise ValueError(f"Images are at least {min_size} x {min_size} pixels. Received: input_shape={given}.")
    if require_flatten and None in shape:
        raise ValueError(f"With include_top=True the input shape must be known. Received: input_shape={given}.")
    return shape


def validate_activation(classifier_activation: FunctionLike, weights: object) -> None:
    """Check that a classifier with loaded weights has the activation that it was trained with, or none.

    Raises:
        ValueError: it has another one.
    """
    if weights is not None and activations.get(classifier_activation) not in (activations.softmax, activations.linear):
        raise ValueError(
            "With trained weights, classifier_activation is 'softmax', or None for the logits. Received: "
            f"{describe(classifier_activation)}."
        )

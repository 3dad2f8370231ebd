"""Folders of files as datasets: `image_dataset_from_directory`, and those for texts and audio.

Keras returns a `tf.data.Dataset`, jkeras a `BatchDataset` of NumPy arrays, for `fit`, `evaluate`, `predict` and for-loops, with
the methods `map`, `take`, `cache`, `prefetch` and `shuffle`. Images are read by a thread for each core, while the batch before
them is used.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from jkeras._base.atomic import FilePath
from jkeras._base.config import standardize_data_format
from jkeras._base.errors import describe, unknown_name
from jkeras._base.registry import export
from jkeras._base.types import Tree
from jkeras.preprocessing.audio_files import of_length, read_wav, resampled
from jkeras.preprocessing.image.file_iterators import files_below
from jkeras.preprocessing.image.files import MODES
from jkeras.preprocessing.image.readers import ImageReader
from jkeras.preprocessing.views import BatchDataset, Begun, check_format

_IMAGES = (".bmp", ".gif", ".jpeg", ".jpg", ".png")


@export("keras.utils.image_dataset_from_directory", "keras.preprocessing.image_dataset_from_directory")
def image_dataset_from_directory(
    directory: FilePath,
    labels: str | Sequence[int] | None = "inferred",
    label_mode: str | None = "int",
    class_names: Iterable[str] | None = None,
    color_mode: str = "rgb",
    batch_size: int = 32,
    image_size: tuple[int, int] = (256, 256),
    shuffle: bool = True,
    seed: int | None = None,
    validation_split: float | None = None,
    subset: str | None = None,
    interpolation: str = "bilinear",
    follow_links: bool = False,
    crop_to_aspect_ratio: bool = False,
    pad_to_aspect_ratio: bool = False,
    data_format: str | None = None,
    format: str = "tf",
    verbose: bool = True,
) -> Any:
    """The images in a folder with a subfolder for each class.

    Args:
        directory: the folder.
        labels: `"inferred"` from the subfolders; a list with an integer for each file, sorted by path; None for only images.
        label_mode: `"int"` for numbers, `"categorical"` one-hot, `"binary"` for 0 and 1 as `(batch, 1)`; None for only images.
        class_names: the subfolders, in the order of their numbers; by default sorted.
        color_mode: `"rgb"`, `"rgba"` or `"grayscale"`.
        batch_size: images in a batch.
        image_size: `(height, width)` to resize to.
        shuffle: whether each epoch has its own order.
        seed: of the orders and of the split.
        validation_split: the fraction for validation, of the files in the order that `seed` draws, as in Keras.
        subset: `"training"`, `"validation"`, or `"both"` for a pair of datasets.
        interpolation: `"bilinear"`, `"nearest"`, `"bicubic"`, `"lanczos3"` or `"lanczos5"`.
        follow_links: whether links to folders are followed.
        crop_to_aspect_ratio, pad_to_aspect_ratio: whether to crop images, or pad them with zeros, rather than distort them.
        data_format: where the channels go; by default the global setting.
        format: Keras' argument; `"tf"`.
        verbose: whether to print how many files there are.

    Returns:
        A dataset of float32 images `(batch, height, width, channels)`, 0 to 255, with their labels, and with attributes
        `class_names` and `file_paths`.

    Raises:
        ImportError: Pillow is not installed.
        ValueError: no files, or arguments that do not fit together.
    """
    check_format(format)
    _check_images(color_mode, crop_to_aspect_ratio, pad_to_aspect_ratio)
    height, width = image_size
    first = standardize_data_format(data_format) == "channels_first"
    reader = ImageReader((height, width), color_mode, interpolation, crop_to_aspect_ratio, pad_to_aspect_ratio, first)
    return _dataset(
        directory, labels, label_mode, class_names, batch_size, shuffle, seed, validation_split, subset, follow_links, verbose,
        _IMAGES, reader.begin,
    )  # fmt: skip


def _check_images(color_mode: str, crop: bool, pad: bool) -> None:
    if color_mode not in MODES:
        raise unknown_name("color_mode", color_mode, MODES)
    if crop and pad:
        raise ValueError("crop_to_aspect_ratio and pad_to_aspect_ratio exclude each other. Choose one.")


@export("keras.utils.text_dataset_from_directory", "keras.preprocessing.text_dataset_from_directory")
def text_dataset_from_directory(
    directory: FilePath,
    labels: str | Sequence[int] | None = "inferred",
    label_mode: str | None = "int",
    class_names: Iterable[str] | None = None,
    batch_size: int = 32,
    max_length: int | None = None,
    shuffle: bool = True,
    seed: int | None = None,
    validation_split: float | None = None,
    subset: str | None = None,
    follow_links: bool = False,
    format: str = "tf",
    verbose: bool = True,
) -> Any:
    """The `.txt` files in a folder with a subfolder for each class.

    Args:
        max_length: how many bytes of a text to keep.
        directory, labels, label_mode, class_names, batch_size, shuffle, seed, validation_split, subset, follow_links, format,
            verbose: as for `image_dataset_from_directory`.

    Returns:
        A dataset of arrays of strings with their labels. Models take numbers, which `dataset.map` with a `Tokenizer` makes.

    Raises:
        ValueError: no files, or arguments that do not fit together.
    """

    check_format(format)

    def read(paths: list[str]) -> np.ndarray:
        raw = [Path(path).read_bytes() for path in paths]
        return np.array([(r if max_length is None else r[:max_length]).decode("utf-8", "replace") for r in raw], object)

    return _dataset(
        directory, labels, label_mode, class_names, batch_size, shuffle, seed, validation_split, subset, follow_links, verbose,
        (".txt",), lambda paths: functools.partial(read, paths),
    )  # fmt: skip


@export("keras.utils.audio_dataset_from_directory")
def audio_dataset_from_directory(
    directory: FilePath,
    labels: str | Sequence[int] | None = "inferred",
    label_mode: str | None = "int",
    class_names: Iterable[str] | None = None,
    batch_size: int = 32,
    sampling_rate: int | None = None,
    output_sequence_length: int | None = None,
    ragged: bool = False,
    shuffle: bool = True,
    seed: int | None = None,
    validation_split: float | None = None,
    subset: str | None = None,
    follow_links: bool = False,
    verbose: bool = True,
) -> Any:
    """The `.wav` files in a folder with a subfolder for each class.

    Args:
        sampling_rate: samples per second to convert to; by default as they are.
        output_sequence_length: samples to keep of each file; shorter ones end with zeros. By default the longest file of a
            batch counts, and each length compiles a program of its own.
        ragged: Keras' argument; True is an error, since arrays are dense.
        directory, labels, label_mode, class_names, batch_size, shuffle, seed, validation_split, subset, follow_links, verbose: as
            for `image_dataset_from_directory`.

    Returns:
        A dataset of float32 samples `(batch, samples, channels)`, -1 to 1, with their labels, and with attributes
        `class_names` and `file_paths`.

    Raises:
        ValueError: no files, files with different numbers of channels, or arguments that do not fit together.
    """
    if ragged:
        raise ValueError("ragged=True was given, but arrays are dense here. Give output_sequence_length, or neither.")
    for name, value in (("sampling_rate", sampling_rate), ("output_sequence_length", output_sequence_length)):
        if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value <= 0):
            raise ValueError(f"{name} is a positive int. Received: {name}={value!r}.")

    def read(paths: list[str]) -> np.ndarray:
        clips = [read_wav(path) for path in paths]
        heard = [resampled(clip, rate, sampling_rate or rate) for clip, rate in clips]
        channels = {clip.shape[1] for clip in heard}
        if len(channels) > 1:
            raise ValueError(f"Files with {sorted(channels)} channels are in one batch, such as {paths[0]!r}.")
        length = output_sequence_length or max(len(clip) for clip in heard)
        return np.stack([of_length(clip, length) for clip in heard])

    return _dataset(
        directory, labels, label_mode, class_names, batch_size, shuffle, seed, validation_split, subset, follow_links, verbose,
        (".wav",), lambda paths: functools.partial(read, paths),
    )  # fmt: skip


def _dataset(
    directory: FilePath,
    labels: str | Sequence[int] | None,
    label_mode: str | None,
    class_names: Iterable[str] | None,
    batch_size: int,
    shuffle: bool,
    seed: int | None,
    validation_split: float | None,
    subset: str | None,
    follow_links: bool,
    verbose: bool,
    suffixes: tuple[str, ...],
    start: Callable[[list[str]], Callable[[], np.ndarray]],
) -> BatchDataset | tuple[BatchDataset, ...]:
    if label_mode not in ("int", "categorical", "binary", None):
        raise unknown_name("label_mode", label_mode, ("int", "categorical", "binary"))
    _check_split(validation_split, subset, shuffle, seed)
    paths, numbers, names = _index(directory, labels, label_mode, class_names, suffixes, follow_links)
    if label_mode == "binary" and len(names) != 2:
        raise ValueError(f'label_mode="binary" is for two classes. Found: {names}.')
    if verbose:
        print(f"Found {len(paths)} files{f' belonging to {len(names)} classes' if names else ''}.")
    if shuffle and seed is not None:  # Keras' own draw, so that a split has the same files
        order = np.arange(len(paths))
        np.random.RandomState(seed).shuffle(order)
        paths, numbers = [paths[i] for i in order], numbers[order]

    def part(rows: slice, purpose: str) -> BatchDataset:
        files, targets = paths[rows], _targets(numbers[rows], label_mode, len(names))
        if verbose and purpose:
            print(f"Using {len(files)} files for {purpose}.")
        if not files:
            raise ValueError(
                f"There are no files for {purpose or 'this dataset'} among {len(paths)} in {os.fspath(directory)!r}."
            )

        def begin(wanted: np.ndarray) -> Callable[[], Tree]:
            read = start([files[i] for i in wanted])
            return read if targets is None else lambda: (read(), targets[wanted])

        return BatchDataset(Begun(begin), len(files), batch_size, shuffle, seed, class_names=names, file_paths=files)

    if subset is None:
        return part(slice(None), "")
    at = len(paths) - int((validation_split or 0) * len(paths))
    parts = {"training": slice(at), "validation": slice(at, None)}
    if subset == "both":
        return tuple(part(rows, purpose) for purpose, rows in parts.items())
    return part(parts[subset], subset)


def _check_split(validation_split: float | None, subset: str | None, shuffle: bool, seed: int | None) -> None:
    if (validation_split is None) != (subset is None):
        raise ValueError(f"validation_split and subset go together. Received: {validation_split!r} and {subset!r}.")
    if subset is None:
        return
    if subset not in ("training", "validation", "both"):
        raise unknown_name("subset", subset, ("training", "validation", "both"))
    if not 0 < (validation_split or 0) < 1:
        raise ValueError(f"validation_split must be a fraction between 0 and 1. Received: {validation_split!r}.")
    if shuffle and seed is None:
        raise ValueError("A split of files in random order needs a seed, or the parts would overlap. Write seed=1.")


def _index(
    directory: FilePath,
    labels: str | Sequence[int] | None,
    label_mode: str | None,
    class_names: Iterable[str] | None,
    suffixes: tuple[str, ...],
    follow_links: bool,
) -> tuple[list[str], np.ndarray, list[str]]:
    """Paths of the files, their numbers and the names of the classes."""
    if not os.path.isdir(directory):
        raise ValueError(f"There is no folder {os.fspath(directory)!r}.")
    if isinstance(labels, str) and labels != "inferred":
        raise unknown_name("labels", labels, ("inferred",))
    if class_names is not None and not isinstance(labels, str):
        raise ValueError("class_names are the subfolders that labels='inferred' reads. Leave them out where you give labels.")
    if isinstance(labels, str) and label_mode is not None:
        folders = sorted(entry.name for entry in os.scandir(directory) if entry.is_dir(follow_symlinks=True))
        names = folders if class_names is None else list(class_names)
        if set(names) - set(folders):
            raise ValueError(f"The folders of {os.fspath(directory)!r} are {folders}. Received: class_names={names}.")
        found = [files_below(os.path.join(directory, name), suffixes, follow_links) for name in names]
        numbers = np.repeat(np.arange(len(names)), [len(files) for files in found]).astype("int32")
        return [path for files in found for path in files], numbers, names
    paths = files_below(directory, suffixes, follow_links)
    if isinstance(labels, str) or labels is None or label_mode is None:
        return paths, np.zeros(len(paths), "int32"), []
    numbers = np.asarray(labels)
    if numbers.shape != (len(paths),) or numbers.dtype.kind not in "iu":
        raise ValueError(f"Expected an integer for each of the {len(paths)} files as labels. Received: {describe(numbers)}.")
    return paths, numbers.astype("int32"), [str(n) for n in sorted(set(numbers.tolist()))]


def _targets(numbers: np.ndarray, label_mode: str | None, classes: int) -> np.ndarray | None:
    if label_mode is None or not classes:
        return None
    if label_mode == "int":
        return numbers
    return np.eye(classes, dtype="float32")[numbers] if label_mode == "categorical" else numbers.astype("float32")[:, None]

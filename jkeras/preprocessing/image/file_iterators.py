"""Batches of image files: from folders named after classes (`DirectoryIterator`) or from a table (`DataFrameIterator`)."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from jax.typing import DTypeLike

from jkeras._base import config
from jkeras._base.atomic import FilePath
from jkeras._base.config import standardize_data_format
from jkeras._base.errors import describe, unknown_name
from jkeras._base.registry import export
from jkeras._base.types import Tree
from jkeras.preprocessing.image.files import img_to_array, load_img
from jkeras.preprocessing.image.iterators import Iterator, split_of

if TYPE_CHECKING:
    from pandas import DataFrame

    from jkeras.preprocessing.image.generator import ImageDataGenerator

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".ppm", ".tif", ".tiff")
_CHANNELS = {"rgb": 3, "rgba": 4, "grayscale": 1}
_BY_CLASS = ("categorical", "binary", "sparse")


def files_below(folder: FilePath, suffixes: tuple[str, ...], follow_links: bool = False) -> list[str]:
    """The files below a folder with one of the suffixes, sorted, folder by folder."""
    found = sorted(os.walk(folder, followlinks=follow_links), key=lambda entry: entry[0])
    return [os.path.join(root, name) for root, _, names in found for name in sorted(names) if name.lower().endswith(suffixes)]


class FileIterator(Iterator):
    """What both iterators share: reading the files of a batch, and its targets.

    Args:
        image_data_generator: what changes the images.
        target_size: `(height, width)` of the images.
        color_mode: `"rgb"`, `"rgba"` or `"grayscale"`.
        class_mode: the targets: `"categorical"` one-hot, `"binary"` and `"sparse"` numbers, `"input"` the images themselves,
            None for no targets; from a table also `"raw"` and `"multi_output"`, the columns' values.
        batch_size, shuffle, seed: as for `Iterator`.
        data_format, save_to_dir, save_prefix, save_format, subset, dtype: as for `NumpyArrayIterator`.
        interpolation, keep_aspect_ratio: as for `load_img`.
    """

    class_modes: tuple[str | None, ...] = (*_BY_CLASS, "input", None)
    filepaths: list[str]
    classes: Tree = None  # numbers, or a list of them for each image
    class_indices: dict[str, int]
    labels: Tree
    sample_weight: np.ndarray | None = None

    def __init__(
        self,
        image_data_generator: ImageDataGenerator,
        *,
        target_size: tuple[int, int] = (256, 256),
        color_mode: str = "rgb",
        class_mode: str | None = "categorical",
        data_format: str | None = None,
        save_to_dir: FilePath | None = None,
        save_prefix: str = "",
        save_format: str = "png",
        subset: str | None = None,
        interpolation: str = "nearest",
        keep_aspect_ratio: bool = False,
        dtype: DTypeLike | None = None,
    ):
        if color_mode not in _CHANNELS:
            raise unknown_name("color_mode", color_mode, _CHANNELS)
        if class_mode not in self.class_modes:
            raise unknown_name("class_mode", class_mode, [mode for mode in self.class_modes if mode])
        self.image_data_generator, self.class_mode, self.color_mode = image_data_generator, class_mode, color_mode
        self.target_size, self.subset = (int(target_size[0]), int(target_size[1])), subset
        self.interpolation, self.keep_aspect_ratio = interpolation, keep_aspect_ratio
        self.data_format, self.dtype = standardize_data_format(data_format), dtype or config.floatx()
        self.save_to_dir, self.save_prefix, self.save_format = save_to_dir, save_prefix, save_format
        self.split = split_of(image_data_generator, subset)
        channels = (_CHANNELS[color_mode],)
        self.image_shape = (
            (*self.target_size, *channels) if self.data_format == "channels_last" else (*channels, *self.target_size)
        )

    def begin(self, batch_size: int, shuffle: bool, seed: int | None) -> None:
        """Initialize, once the files are known."""
        self.samples = len(self.filepaths)
        Iterator.__init__(self, self.samples, batch_size, shuffle, seed)

    @property
    def num_classes(self) -> int:
        """How many classes there are."""
        return len(self.class_indices)

    def _image(self, row: int) -> np.ndarray:
        with load_img(
            self.filepaths[row],
            color_mode=self.color_mode,
            target_size=self.target_size,
            interpolation=self.interpolation,
            keep_aspect_ratio=self.keep_aspect_ratio,
        ) as image:
            array = img_to_array(image, data_format=self.data_format, dtype=self.dtype)
        return self.changed(self.image_data_generator, array, row)

    def batch_of(self, rows: np.ndarray) -> Tree:
        """`x`, `(x, y)` or `(x, y, sample_weight)`."""
        images = np.stack([self._image(row) for row in rows]).astype(self.dtype, copy=False)
        if self.save_to_dir:
            self.save(self.save_to_dir, self.save_prefix, self.save_format, images, rows, self.data_format)
        if self.class_mode is None:
            return images
        targets = self._targets(images, rows)
        return (images, targets) if self.sample_weight is None else (images, targets, self.sample_weight[rows])

    def _targets(self, images: np.ndarray, rows: np.ndarray) -> Tree:
        if self.class_mode == "input":
            return images.copy()
        if self.class_mode in ("binary", "sparse"):
            return np.asarray(self.classes, self.dtype)[rows]
        if self.class_mode == "categorical":
            out = np.zeros((len(rows), self.num_classes), self.dtype)
            for place, row in zip(out, rows):
                place[self.classes[row]] = 1
            return out
        return [column[rows] for column in self.labels] if self.class_mode == "multi_output" else self.labels[rows]


@export("keras.preprocessing.image.DirectoryIterator")
class DirectoryIterator(FileIterator):
    """Batches of the images in a folder; each folder in it is a class. `ImageDataGenerator.flow_from_directory` makes it.

    Args:
        directory: the folder.
        image_data_generator: what changes the images.
        classes: the names of the folders, in the order of their numbers; by default all, sorted.
        batch_size, shuffle, seed: as for `Iterator`.
        follow_links: whether links to folders are followed.
        settings: as for `FileIterator`.

    Attributes:
        class_indices: number by name.
        classes: the number of each image's class.
        filenames, filepaths: of the images, relative to the folder and in full.

    Raises:
        ValueError: the folder does not exist, or holds no usable images.
    """

    def __init__(
        self,
        directory: FilePath,
        image_data_generator: ImageDataGenerator,
        *,
        classes: Iterable[str] | None = None,
        batch_size: int = 32,
        shuffle: bool = True,
        seed: int | None = None,
        follow_links: bool = False,
        **settings: Any,
    ):
        super().__init__(image_data_generator, **settings)
        if not os.path.isdir(directory):
            raise ValueError(f"There is no folder {os.fspath(directory)!r}. It must hold a folder with images for each class.")
        self.directory = directory
        names = list(classes or sorted(n for n in os.listdir(directory) if os.path.isdir(os.path.join(directory, n))))
        self.class_indices = {name: i for i, name in enumerate(names)}
        self.filepaths, numbers = [], []
        for name, number in self.class_indices.items():
            found = files_below(os.path.join(directory, name), SUFFIXES, follow_links)
            if self.split is not None:
                found = found[int(self.split[0] * len(found)) : int(self.split[1] * len(found))]
            self.filepaths += found
            numbers += [number] * len(found)
        self.filenames = [os.path.relpath(path, directory) for path in self.filepaths]
        self.classes = self.labels = np.array(numbers, "int32")
        print(f"Found {len(self.filepaths)} images belonging to {self.num_classes} classes.")
        self.begin(batch_size, shuffle, seed)


@export("keras.preprocessing.image.DataFrameIterator")
class DataFrameIterator(FileIterator):
    """Batches of the images named in a pandas table. `ImageDataGenerator.flow_from_dataframe` makes it.

    Args:
        dataframe: the table.
        directory: what the names are relative to; None if they are full paths.
        image_data_generator: what changes the images.
        x_col: the column with the names.
        y_col: the column with the targets, or a list of columns; classes are strings, or lists of strings.
        weight_col: a column with sample weights.
        classes: the classes in the order of their numbers; rows of others are left out. By default all, sorted.
        batch_size, shuffle, seed: as for `Iterator`.
        validate_filenames: whether rows without an image file are left out, with a warning.
        settings: as for `FileIterator`.

    Raises:
        TypeError: names that are not strings, or classes of another kind.
        ValueError: a column is missing.
    """

    class_modes = (*_BY_CLASS, "input", "multi_output", "raw", None)

    def __init__(
        self,
        dataframe: DataFrame,
        directory: FilePath | None = None,
        image_data_generator: Any = None,
        *,
        x_col: str = "filename",
        y_col: str | Sequence[str] = "class",
        weight_col: str | None = None,
        classes: Iterable[str] | None = None,
        batch_size: int = 32,
        shuffle: bool = True,
        seed: int | None = None,
        validate_filenames: bool = True,
        **settings: Any,
    ):
        super().__init__(image_data_generator, **settings)
        self.directory, by_class = directory or "", self.class_mode in _BY_CLASS
        several = y_col if isinstance(y_col, (list, tuple)) else [y_col]
        wanted = [x_col, *(several if self.class_mode not in (None, "input") else ()), *([weight_col] if weight_col else [])]
        for name in wanted:
            if name not in dataframe.columns:
                raise ValueError(f"The table has no column {name!r}. Its columns are {list(dataframe.columns)}.")
        if self.class_mode == "multi_output" and not isinstance(y_col, list):
            raise TypeError(f'class_mode="multi_output" takes a list of columns as y_col. Received: {y_col!r}.')
        for name in dataframe[x_col]:
            if not isinstance(name, str):
                raise TypeError(f"The column {x_col!r} holds names of files. Found: {describe(name)}.")
        paths = [os.path.join(self.directory, name) for name in dataframe[x_col]]
        kept = [i for i, path in enumerate(paths) if not validate_filenames or _is_image(path)]
        if len(kept) < len(paths):
            warnings.warn(
                f"{len(paths) - len(kept)} names in the column {x_col!r} are not image files and are left out.", stacklevel=3
            )
        if by_class:
            labels = [_names(label, y_col) for label in dataframe[y_col]]
            names = list(dict.fromkeys(classes)) if classes else sorted({n for i in kept for n in labels[i]})
            self.class_indices = {name: i for i, name in enumerate(names)}
            kept = [i for i in kept if any(n in self.class_indices for n in labels[i])]
        if self.split is not None:
            kept = kept[int(self.split[0] * len(kept)) : int(self.split[1] * len(kept))]
        self.filepaths = [paths[i] for i in kept]
        self.filenames = [dataframe[x_col].iloc[i] for i in kept]
        if by_class:
            numbers = [[self.class_indices[n] for n in labels[i] if n in self.class_indices] for i in kept]
            single = all(isinstance(dataframe[y_col].iloc[i], str) for i in kept)
            self.classes = self.labels = [n[0] for n in numbers] if single else numbers
        elif self.class_mode == "multi_output":
            self.labels = [np.array(dataframe[name].iloc[kept].tolist()) for name in y_col]
        elif self.class_mode == "raw":
            self.labels = dataframe[y_col].iloc[kept].to_numpy()
        if weight_col is not None:
            self.sample_weight = dataframe[weight_col].iloc[kept].to_numpy()
        checked = "validated" if validate_filenames else "non-validated"
        print(f"Found {len(kept)} {checked} image filenames{f' belonging to {self.num_classes} classes' if by_class else ''}.")
        self.begin(batch_size, shuffle, seed)


def _is_image(path: str) -> bool:
    return path.lower().endswith(SUFFIXES) and os.path.isfile(path)


def _names(label: object, column: str | Sequence[str]) -> list[str]:
    if isinstance(label, str):
        return [label]
    if isinstance(label, (list, tuple)):
        return list(label)
    raise TypeError(
        f"Classes must be strings, or lists of strings. Found in the column {column!r}: {describe(label)}. Write "
        'df[column].astype(str), or class_mode="raw" for numbers.'
    )

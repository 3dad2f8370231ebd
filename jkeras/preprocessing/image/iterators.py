"""Batches of randomly changed images: from arrays (`NumpyArrayIterator`), and a base for other sources.

What is drawn for an image depends only on the seed, the epoch and the image's number. So two iterators with the same seed give
images and masks the same changes, and neither workers nor the batch size make a difference.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np
from jax.typing import DTypeLike

from jkeras._base import config
from jkeras._base.atomic import FilePath
from jkeras._base.config import standardize_data_format
from jkeras._base.errors import describe, unknown_name
from jkeras._base.registry import export
from jkeras._base.types import Tree
from jkeras.data.py_dataset import PyDataset
from jkeras.preprocessing.image.files import array_to_img
from jkeras.state.random import next_seed

if TYPE_CHECKING:
    from jkeras.preprocessing.image.generator import ImageDataGenerator


@export("keras.preprocessing.image.Iterator")
class Iterator(PyDataset):
    """Endless batches for a for-loop and `next`; a dataset of `len` batches for `fit`.

    Args:
        n: number of images.
        batch_size: images in a batch; the last may have fewer.
        shuffle: whether each epoch has its own order.
        seed: of orders and changes; by default from the global stream.
    """

    def __init__(self, n: int, batch_size: int = 32, shuffle: bool = False, seed: int | None = None):
        super().__init__()
        self.n, self.batch_size, self.shuffle = n, batch_size, shuffle
        self.seed = next_seed() if seed is None else int(seed)
        self.batch_index = self.total_batches_seen = self._epoch = 0

    def __len__(self) -> int:
        return -(-self.n // self.batch_size)

    @property
    def index_array(self) -> np.ndarray:
        """The numbers of the images in the order of the current epoch."""
        if not self.shuffle:
            return np.arange(self.n)
        return np.random.default_rng((self.seed, self._epoch)).permutation(self.n)

    def __getitem__(self, index: int) -> Tree:
        """Batch number `index` of the current epoch.

        Raises:
            IndexError: there is none.
        """
        if not 0 <= index < len(self):
            raise IndexError(f"There are {len(self)} batches of {self.batch_size} images, and none with the number {index}.")
        return self.batch_of(self.index_array[index * self.batch_size : (index + 1) * self.batch_size])

    def __iter__(self) -> Iterator:
        return self

    def __next__(self) -> Tree:
        if not self.n:
            raise StopIteration
        batch = self[self.batch_index]
        self.batch_index += 1
        self.total_batches_seen += 1
        if self.batch_index == len(self):
            self.batch_index = 0
            self._epoch += 1
        return batch

    next = __next__

    def reset(self) -> None:
        """Start again with the first batch."""
        self.batch_index = 0

    def on_epoch_end(self) -> None:
        """The next epoch has another order and other changes."""
        self._epoch += 1

    def batch_of(self, rows: np.ndarray) -> Tree:
        """The batch of some images; subclasses define it."""
        raise NotImplementedError(f"{type(self).__name__} must define `batch_of(self, rows)`.")

    def changed(self, generator: ImageDataGenerator, image: np.ndarray, row: int) -> np.ndarray:
        """An image with the generator's random changes and its scaling."""
        rng = np.random.default_rng((self.seed, self._epoch, int(row)))
        image = generator.apply_transform(image, generator.draw(image.shape, rng))
        return generator.standardize(image)

    def save(self, folder: FilePath, prefix: str, kind: str, images: np.ndarray, rows: np.ndarray, data_format: str) -> None:
        """Write the images of a batch into a folder."""
        for image, row in zip(images, rows):
            name = f"{prefix}_{row}_{self._epoch}_{self.seed % 10**7}.{kind}"
            array_to_img(image, data_format, scale=True).save(os.path.join(folder, name))


def split_of(generator: ImageDataGenerator, subset: str | None) -> tuple[float, float] | None:
    """The part of the data in a subset: the first `validation_split` is for validation, the rest for training.

    Raises:
        ValueError: an unknown subset, or one without a `validation_split`.
    """
    if subset is None:
        return None
    if subset not in ("training", "validation"):
        raise unknown_name("subset", subset, ("training", "validation"))
    split = generator.validation_split
    if not split:
        raise ValueError(f"subset={subset!r} needs a generator with a split: ImageDataGenerator(validation_split=0.2).")
    return (0.0, split) if subset == "validation" else (split, 1.0)


@export("keras.preprocessing.image.NumpyArrayIterator")
class NumpyArrayIterator(Iterator):
    """Batches of arrays; `ImageDataGenerator.flow` makes it.

    Args:
        x: `(images, height, width, channels)`, or a pair of them and further arrays that stay as they are.
        y: targets; None for only images.
        image_data_generator: what changes the images.
        batch_size, shuffle, seed: as for `Iterator`.
        sample_weight: a weight for each image.
        data_format: where the channels are; by default the global setting.
        save_to_dir, save_prefix, save_format: where to write the changed images, and how.
        subset: `"training"` or `"validation"`, if the generator has a `validation_split`.
        ignore_class_split: whether the subsets may have different classes.
        dtype: of the images, by default `floatx()`.

    Raises:
        ValueError: different lengths, no images, or subsets with different classes.
    """

    def __init__(
        self,
        x: Tree,
        y: Tree,
        image_data_generator: ImageDataGenerator,
        batch_size: int = 32,
        shuffle: bool = False,
        sample_weight: Tree = None,
        seed: int | None = None,
        data_format: str | None = None,
        save_to_dir: FilePath | None = None,
        save_prefix: str = "",
        save_format: str = "png",
        subset: str | None = None,
        ignore_class_split: bool = False,
        dtype: DTypeLike | None = None,
    ):
        x, *rest = x if isinstance(x, (tuple, list)) else (x,)
        more = [np.asarray(a) for part in rest for a in (part if isinstance(part, list) else [part])]
        images = np.asarray(x, dtype=dtype or config.floatx())
        parts: dict[str, Tree] = {"y": y, "sample_weight": sample_weight, **{f"x[{i + 1}]": a for i, a in enumerate(more)}}
        for name, part in parts.items():
            if part is not None and len(part) != len(images):
                raise ValueError(f"Images and {name} have one length. Received: {len(images)} and {len(part)}.")
        if images.ndim != 4:
            raise ValueError(f"Images must have the axes (images, height, width, channels). Received: {describe(images)}.")
        split = split_of(image_data_generator, subset)
        rows = slice(None)
        if split is not None:
            at = int(len(images) * image_data_generator.validation_split)
            same = y is None or ignore_class_split or np.array_equal(np.unique(y[:at]), np.unique(y[at:]))
            if not same:
                raise ValueError(
                    "Training and validation have different classes. Shuffle the data first, or write ignore_class_split=True."
                )
            rows = slice(at) if subset == "validation" else slice(at, None)
        self.x, self.x_misc = images[rows], [a[rows] for a in more]
        self.y = None if y is None else np.asarray(y)[rows]
        self.sample_weight = None if sample_weight is None else np.asarray(sample_weight)[rows]
        self.image_data_generator, self.dtype = image_data_generator, self.x.dtype
        self.data_format = standardize_data_format(data_format)
        self.save_to_dir, self.save_prefix, self.save_format = save_to_dir, save_prefix, save_format
        super().__init__(len(self.x), batch_size, shuffle, seed)

    def batch_of(self, rows: np.ndarray) -> Tree:
        """`x`, `(x, y)` or `(x, y, sample_weight)`."""
        images = np.stack([self.changed(self.image_data_generator, self.x[row].copy(), row) for row in rows])
        images = images.astype(self.dtype, copy=False)
        if self.save_to_dir:
            self.save(self.save_to_dir, self.save_prefix, self.save_format, images, rows, self.data_format)
        x = images if not self.x_misc else [images, *(a[rows] for a in self.x_misc)]
        if self.y is None:
            return x
        return (x, self.y[rows]) if self.sample_weight is None else (x, self.y[rows], self.sample_weight[rows])

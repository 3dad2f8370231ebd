"""CIFAR-10: 60,000 colour photographs of 32 x 32 pixels in ten classes.

| label | class      | label | class |
|-------|------------|-------|-------|
| 0     | airplane   | 5     | dog   |
| 1     | automobile | 6     | frog  |
| 2     | bird       | 7     | horse |
| 3     | cat        | 8     | ship  |
| 4     | deer       | 9     | truck |
"""

from __future__ import annotations

from jkeras._base.registry import export
from jkeras.datasets._cache import Split
from jkeras.datasets._cifar import Archive, load_splits

ARCHIVE = Archive(
    folder="cifar-10-batches-bin",
    name="cifar-10-binary.tar.gz",
    url="https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
    md5="c32a1d4ab5d03f1284b67883e8d87530",
    train=tuple(f"data_batch_{i}.bin" for i in range(1, 6)),
    test=("test_batch.bin",),
)


@export("keras.datasets.cifar10.load_data")
def load_data() -> tuple[Split, Split]:
    """CIFAR-10, from the cache folder or, if it is not there, from its publisher.

    Reads `datasets/cifar-10-batches-bin/{data_batch_1..5,test_batch}.bin` or `datasets/cifar-10-binary.tar.gz` under
    `$KERAS_HOME` (`~/.keras`). A download is checked against the publisher's MD5. Keras keeps the pickled version, which is not
    read here.

    Returns:
        `(x_train, y_train), (x_test, y_test)`: uint8 images `(50000, 32, 32, 3)` and `(10000, 32, 32, 3)`, 0 to 255, channels
        first if `image_data_format()` says so; uint8 labels `(50000, 1)` and `(10000, 1)`.

    Raises:
        FileNotFoundError: not in the cache, and the download failed; the error says which file to put where.
        ValueError: a file in the cache has another layout, or a download another hash.

    Example:
        >>> (x_train, y_train), (x_test, y_test) = load_data()  # doctest: +SKIP
        >>> x_train.shape, y_train.shape  # doctest: +SKIP
        ((50000, 32, 32, 3), (50000, 1))

    Source: Alex Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009.
    """
    return load_splits(ARCHIVE, label_bytes=1, column=0, classes=10)

"""CIFAR-100: 60,000 colour photographs of 32 x 32 pixels in 100 fine classes, which form 20 coarse ones."""

from __future__ import annotations

from jkeras._base.errors import unknown_name
from jkeras._base.registry import export
from jkeras.datasets._cache import Split
from jkeras.datasets._cifar import Archive, load_splits

ARCHIVE = Archive(
    folder="cifar-100-binary",
    name="cifar-100-binary.tar.gz",
    url="https://www.cs.toronto.edu/~kriz/cifar-100-binary.tar.gz",
    md5="03b5dce01913d631647c71ecec9e9cb8",
    train=("train.bin",),
    test=("test.bin",),
)
_LABELS = {"coarse": {"column": 0, "classes": 20}, "fine": {"column": 1, "classes": 100}}


@export("keras.datasets.cifar100.load_data")
def load_data(label_mode: str = "fine") -> tuple[Split, Split]:
    """CIFAR-100, from the cache folder or, if it is not there, from its publisher.

    Reads `datasets/cifar-100-binary/{train,test}.bin` or `datasets/cifar-100-binary.tar.gz` under `$KERAS_HOME` (`~/.keras`).
    A download is checked against the publisher's MD5. Keras keeps the pickled version, which is not read here.

    Args:
        label_mode: `"fine"` (0 to 99, the default) or `"coarse"` (0 to 19).

    Returns:
        `(x_train, y_train), (x_test, y_test)`: uint8 images `(50000, 32, 32, 3)` and `(10000, 32, 32, 3)`, 0 to 255, channels
        first if `image_data_format()` says so; uint8 labels `(50000, 1)` and `(10000, 1)`.

    Raises:
        FileNotFoundError: not in the cache, and the download failed; the error says which file to put where.
        ValueError: another `label_mode`, a file with another layout, or a download with another hash.

    Example:
        >>> (x_train, y_train), (x_test, y_test) = load_data("coarse")  # doctest: +SKIP
        >>> x_test.shape, int(y_train.max())  # doctest: +SKIP
        ((10000, 32, 32, 3), 19)

    Source: Alex Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009.
    """
    if label_mode not in _LABELS:
        raise unknown_name("label_mode", label_mode, _LABELS)
    return load_splits(ARCHIVE, label_bytes=2, **_LABELS[label_mode])

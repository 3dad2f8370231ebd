"""MNIST: 70,000 handwritten digits of 28 x 28 grey pixels."""

from __future__ import annotations

import os

from jkeras._base.registry import export
from jkeras.datasets._cache import Split, check_images, obtain, read_arrays

URL = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz"
SHA256 = "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1"


@export("keras.datasets.mnist.load_data")
def load_data(path: str | os.PathLike[str] = "mnist.npz") -> tuple[Split, Split]:
    """MNIST, from the cache folder or, if it is not there, from its publisher.

    Args:
        path: the file, relative to `$KERAS_HOME/datasets` (`~/.keras/datasets`), or absolute; by default `"mnist.npz"`. A file
            with fewer images works too.

    Returns:
        `(x_train, y_train), (x_test, y_test)`: uint8 images `(60000, 28, 28)` and `(10000, 28, 28)`, 0 to 255; uint8 labels
        `(60000,)` and `(10000,)`, 0 to 9.

    Raises:
        FileNotFoundError: not in the cache, and the download failed; the error says which file to put where.
        ValueError: the file lacks these arrays, or a download has another hash.

    Example:
        >>> (x_train, y_train), (x_test, y_test) = load_data()  # doctest: +SKIP
        >>> x_train.shape, y_train.shape  # doctest: +SKIP
        ((60000, 28, 28), (60000,))

    Source: Yann LeCun, Corinna Cortes, Christopher Burges, "The MNIST database of handwritten digits", 1998 (CC BY-SA 3.0).
    """
    place = obtain(path, URL, SHA256)
    arrays = read_arrays(place, ("x_train", "y_train", "x_test", "y_test"))
    x_train, y_train, x_test, y_test = arrays
    return check_images(place, x_train, y_train, (28, 28)), check_images(place, x_test, y_test, (28, 28))

"""Fashion-MNIST: 70,000 pictures of clothes, 28 x 28 grey pixels, in ten classes; a harder MNIST of the same shape.

| label | class       | label | class      |
|-------|-------------|-------|------------|
| 0     | T-shirt/top | 5     | Sandal     |
| 1     | Trouser     | 6     | Shirt      |
| 2     | Pullover    | 7     | Sneaker    |
| 3     | Dress       | 8     | Bag        |
| 4     | Coat        | 9     | Ankle boot |

An IDX file is two zero bytes, a type byte (8: uint8), the number of dimensions, each dimension as a big-endian 32-bit
number, and the values.
"""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from pathlib import Path

import numpy as np

from jkeras._base.registry import export
from jkeras.datasets._cache import Split, check_images, damaged, obtain

URL = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"
MD5 = {
    "train-images-idx3-ubyte.gz": "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
    "train-labels-idx1-ubyte.gz": "25c81989df183df01b3e8a0aad5dffbe",
    "t10k-images-idx3-ubyte.gz": "bef4ecab320f06d8554ea6380940ec79",
    "t10k-labels-idx1-ubyte.gz": "bb300cfdad3c16e7a12a480ee83cd310",
}  # the publisher provides no other hash


@export("keras.datasets.fashion_mnist.load_data")
def load_data() -> tuple[Split, Split]:
    """Fashion-MNIST, from the cache folder or, if it is not there, from its publisher.

    Reads the four gzipped IDX files in `$KERAS_HOME/datasets/fashion-mnist` (`~/.keras/datasets/fashion-mnist`), where Keras
    keeps them too. A download is checked against the publisher's MD5.

    Returns:
        `(x_train, y_train), (x_test, y_test)`: uint8 images `(60000, 28, 28)` and `(10000, 28, 28)`, 0 to 255; uint8 labels
        `(60000,)` and `(10000,)`, 0 to 9.

    Raises:
        FileNotFoundError: not in the cache, and the download failed; the error says which file to put where.
        ValueError: a file in the cache has another layout, or a download another hash.

    Example:
        >>> (x_train, y_train), (x_test, y_test) = load_data()  # doctest: +SKIP
        >>> x_train.shape, y_train.shape  # doctest: +SKIP
        ((60000, 28, 28), (60000,))

    Source: Han Xiao, Kashif Rasul, Roland Vollgraf, "Fashion-MNIST: a Novel Image Dataset for Benchmarking Machine Learning
    Algorithms", 2017 (MIT licence).
    """
    return _load_split("train"), _load_split("t10k")


def _load_split(part: str) -> Split:
    names = f"{part}-images-idx3-ubyte.gz", f"{part}-labels-idx1-ubyte.gz"
    images, labels = [obtain(Path("fashion-mnist", name), URL + name, MD5[name]) for name in names]
    return check_images(images, _read_idx(images, 3), _read_idx(labels, 1), (28, 28))


def _read_idx(path: Path, ndim: int) -> np.ndarray:
    try:
        with gzip.open(path, "rb") as file:
            head = file.read(4 + 4 * ndim)
            if len(head) < 4 + 4 * ndim or head[:4] != bytes((0, 0, 8, ndim)):
                raise damaged(path, f"it does not start like an IDX file of uint8 with {ndim} dimensions does")
            shape = struct.unpack(f">{ndim}I", head[4:])
            size = math.prod(shape)
            body = file.read()
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise damaged(path, f"it is not a complete gzip file ({error})") from error
    if len(body) != size:
        raise damaged(path, f"it announces {size:,} values {shape}, and holds {len(body):,}")
    return np.frombuffer(bytearray(body), np.uint8).reshape(shape)

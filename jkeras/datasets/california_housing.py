"""California housing: 20,640 districts of California with eight numbers each, and the median price of a house in 1990.

The numbers are position, age of the houses, rooms, bedrooms, people, households and income of a district.
"""

from __future__ import annotations

import os

from jkeras._base.errors import unknown_name
from jkeras._base.registry import export
from jkeras.datasets._cache import Split, check_table, obtain, read_arrays
from jkeras.datasets._split import check_test_split, shuffled_split

URL = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/california_housing.npz"
SHA256 = "1a2e3a52e0398de6463aebe6f4a8da34fb21fbb6b934cf88c3425e766f2a1a6f"
_ROWS = {"small": 600, "large": None}


@export("keras.datasets.california_housing.load_data")
def load_data(
    version: str = "large", path: str | os.PathLike[str] = "california_housing.npz", test_split: float = 0.2, seed: int = 113
) -> tuple[Split, Split]:
    """California housing, from the cache folder or, if it is not there, from its publisher.

    Args:
        version: `"large"` for all rows, `"small"` for the first 600.
        path: the file, relative to `$KERAS_HOME/datasets` (`~/.keras/datasets`), or absolute.
        test_split: the share of the test set, at least 0 and less than 1.
        seed: of the order; the same seed gives the same split on every machine.

    Returns:
        `(x_train, y_train), (x_test, y_test)`: rows `(16512, 8)` and `(4128, 8)`; prices in dollars `(16512,)` and `(4128,)`.

    Raises:
        FileNotFoundError: not in the cache, and the download failed; the error says which file to put where.
        ValueError: the file lacks these arrays, a download has another hash, or an argument is out of range.

    Example:
        >>> (x_train, y_train), (x_test, y_test) = load_data(version="small")  # doctest: +SKIP
        >>> x_train.shape, y_train.shape  # doctest: +SKIP
        ((480, 8), (480,))

    Source: R. Kelley Pace, Ronald Barry, "Sparse Spatial Autoregressions", 1997.
    """
    check_test_split(test_split)
    if version not in _ROWS:
        raise unknown_name("version", version, _ROWS)
    place = obtain(path, URL, SHA256)
    x, y = check_table(place, *read_arrays(place, ("x", "y")))
    return shuffled_split(x[: _ROWS[version]], y[: _ROWS[version]], test_split, seed)

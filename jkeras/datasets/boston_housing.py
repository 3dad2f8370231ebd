"""Boston housing: 506 districts of Boston with 13 numbers each, and the median price of a house in the 1970s.

One of the columns, B, was made of the share of Black residents, on the assumption that it influences prices. Use the data set to
show what is wrong with that, and `california_housing` for everything else.
"""

from __future__ import annotations

import os

from jkeras._base.registry import export
from jkeras.datasets._cache import Split, check_table, obtain, read_arrays
from jkeras.datasets._split import check_test_split, shuffled_split

URL = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/boston_housing.npz"
SHA256 = "f553886a1f8d56431e820c5b82552d9d95cfcb96d1e678153f8839538947dff5"


@export("keras.datasets.boston_housing.load_data")
def load_data(
    path: str | os.PathLike[str] = "boston_housing.npz", test_split: float = 0.2, seed: int = 113
) -> tuple[Split, Split]:
    """Boston housing, from the cache folder or, if it is not there, from its publisher.

    Args:
        path: the file, relative to `$KERAS_HOME/datasets` (`~/.keras/datasets`), or absolute.
        test_split: the share of the test set, at least 0 and less than 1.
        seed: of the order; the same seed gives the same split on every machine.

    Returns:
        `(x_train, y_train), (x_test, y_test)`: float64 rows `(404, 13)` and `(102, 13)`; prices in thousands of dollars, float64
        `(404,)` and `(102,)`.

    Raises:
        FileNotFoundError: not in the cache, and the download failed; the error says which file to put where.
        ValueError: the file lacks these arrays, a download has another hash, or `test_split` is out of range.

    Example:
        >>> (x_train, y_train), (x_test, y_test) = load_data()  # doctest: +SKIP
        >>> x_train.shape, y_train.shape  # doctest: +SKIP
        ((404, 13), (404,))

    Source: David Harrison, Daniel L. Rubinfeld, "Hedonic Housing Prices and the Demand for Clean Air", 1978.
    """
    check_test_split(test_split)
    place = obtain(path, URL, SHA256)
    return shuffled_split(*check_table(place, *read_arrays(place, ("x", "y"))), test_split, seed)

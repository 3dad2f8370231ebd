"""Digits: 1,797 real handwritten digits of 8 x 8 grey pixels, without a download.

They come with the scikit-learn package, so a tutorial or a test can train on real data anywhere. Keras has no such loader.
"""

from __future__ import annotations

import numpy as np

from jkeras._base.registry import export
from jkeras.datasets._cache import Split
from jkeras.datasets._split import check_test_split, shuffled_split


@export("keras.datasets.digits.load_data")
def load_data(test_split: float = 0.2, seed: int = 113) -> tuple[Split, Split]:
    """Scikit-learn's handwritten digits, shuffled and split.

    The pixels, 0 to 16 in the source, are scaled to the full range of uint8: `v * 255 // 16`.

    Args:
        test_split: the share of the test set, at least 0 and less than 1; by default 0.2.
        seed: of the shuffle; the same seed gives the same split on every machine. By default 113.

    Returns:
        `(x_train, y_train), (x_test, y_test)`: uint8 images `(n, 8, 8)`, 0 to 255; uint8 labels `(n,)`, 0 to 9. By default n is
        1,437 and 360.

    Raises:
        ImportError: scikit-learn is not installed.
        ValueError: `test_split` is out of range.

    Example:
        >>> (x_train, y_train), (x_test, y_test) = load_data()
        >>> x_train.shape, x_test.shape, int(x_train.max())
        ((1437, 8, 8), (360, 8, 8), 255)

    Source: E. Alpaydin, C. Kaynak, "Optical Recognition of Handwritten Digits", UCI Machine Learning Repository, 1998.
    """
    check_test_split(test_split)
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise ImportError("datasets.digits reads the data inside scikit-learn. Write `pip install scikit-learn`.") from error
    digits = load_digits()
    images = (digits.images.astype(np.int64) * 255 // 16).astype(np.uint8)
    return shuffled_split(images, digits.target.astype(np.uint8), test_split, seed)

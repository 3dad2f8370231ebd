"""Rows in an order that a seed draws, cut into a train and a test set."""

from __future__ import annotations

import numpy as np

from jkeras.datasets._cache import Split


def check_test_split(test_split: float) -> None:
    """Check that a share leaves something to train on."""
    if not 0 <= test_split < 1:
        raise ValueError(f"test_split={test_split!r}: expected a share of at least 0 and less than 1, such as 0.2.")


def shuffled_split(x: np.ndarray, y: np.ndarray, test_split: float, seed: int) -> tuple[Split, Split]:
    """The rows in the seed's order; the last ones are the test set.

    Args:
        x, y: inputs and targets.
        test_split: share of the test set.
        seed: of the order.
    """
    # RandomState's streams are frozen across NumPy's versions; a Generator's are not.
    order = np.random.RandomState(seed).permutation(len(x))
    train = int(len(x) * (1 - test_split))
    x, y = x[order], y[order]
    return (x[:train], y[:train]), (x[train:], y[train:])

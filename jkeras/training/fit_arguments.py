"""What single arguments of `fit` say."""

from __future__ import annotations

from typing import Any

from jkeras.data import as_source, unpack_x_y_sample_weight


def validation_source(data: Any, batch_size: int | None, steps: int | None) -> Any:
    """The source of `validation_data`: `(x, y)`, `(x, y, sample_weight)`, or what gives batches."""
    if not isinstance(data, (tuple, list)):
        return as_source(data, steps=steps)
    x, y, sample_weight = unpack_x_y_sample_weight(data)
    return as_source(x, y, sample_weight, batch_size=batch_size, steps=steps)


def validates(epoch: int, frequency: int | list[int]) -> bool:
    """Whether an epoch, from 0, ends with a validation."""
    return (epoch + 1) % frequency == 0 if isinstance(frequency, int) else epoch + 1 in frequency


def verbosity(verbose: int | str) -> int:
    """0, 1 or 2 for what a user wrote."""
    if verbose not in ("auto", 0, 1, 2):
        raise ValueError(f"verbose is 0 (silent), 1 (a live line), 2 (a line per epoch) or 'auto'. Received: {verbose!r}.")
    return 1 if verbose == "auto" else int(verbose)

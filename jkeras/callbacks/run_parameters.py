"""`RunParameters`: the `params` that a run passes to its callbacks, including those of Keras 2."""

from __future__ import annotations

import weakref
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from jkeras._base.types import Array

if TYPE_CHECKING:
    from jkeras.data.source import Source


class RunParameters(dict[str, Any]):
    """`verbose`, `epochs` and `steps`, as in Keras 3. Keras 2's other entries are looked up on `[...]`.

    Args:
        now: the entries of Keras 3.
        source: of the data: has `num_samples` and `batch_size`.
        metrics: names of the results.
        validation: source of the validation data, or None. It is released when the run ends.

    Example:
        >>> from types import SimpleNamespace
        >>> params = RunParameters({"epochs": 2}, SimpleNamespace(num_samples=64, batch_size=32), ["loss"])
        >>> params, params["samples"], params["metrics"], params["nb_epoch"]
        ({'epochs': 2}, 64, ['loss'], 2)
    """

    def __init__(self, now: Mapping[str, object], source: Source, metrics: Sequence[str], validation: Source | None = None):
        super().__init__(now)
        samples, both = source.num_samples, [*metrics, *(f"val_{name}" for name in metrics if validation is not None)]
        self._before = {
            "samples": samples,
            "nb_sample": samples,
            "batch_size": source.batch_size,
            "metrics": both,
            "do_validation": validation is not None,
        }
        self._validation = None if validation is None else weakref.ref(validation)

    def __missing__(self, name: str) -> object:
        if name == "nb_epoch":
            return self["epochs"]
        return self._before[name]

    def __reduce__(self) -> tuple[object, ...]:
        return dict, (dict(self),)  # a copy or a pickle holds the plain entries, and no data

    @property
    def validation_data(self) -> list[Array] | None:
        """Inputs, targets and sample weights of the validation, in a list; None unless they are arrays."""
        source: object = None if self._validation is None else self._validation()
        if not hasattr(source, "arrays"):
            return None
        x, y, sample_weight = source.arrays
        targets = jax.tree.leaves(y)
        weights = jax.tree.leaves(sample_weight) or [np.ones(len(target), np.float32) for target in targets]
        return [*jax.tree.leaves(x), *targets, *weights]

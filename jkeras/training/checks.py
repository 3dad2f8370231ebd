"""Checks before training starts."""

from __future__ import annotations

import inspect
from typing import Any

import jax
import numpy as np

_OLD_STEP = """{cls}.train_step takes {names}. In jkeras a step is a pure function of a `TrainState` and a batch:

    def train_step(self, state, batch):
        x, y, sample_weight = batch
        grads, outcome = jax.grad(self.objective, has_aux=True)(
            state.params, state.state, x, y, sample_weight, state.key)
        state = self.apply_gradients(state._replace(state=outcome.state), grads)
        return self.update_metrics(state, y, outcome, sample_weight)
"""


def check_train_step(model: Any) -> None:
    """Refuse a `train_step(self, data)` in the style of Keras' TensorFlow loops, and show what to write."""
    parameters = inspect.signature(model.train_step).parameters
    if len(parameters) != 2:
        raise TypeError(_OLD_STEP.format(cls=type(model).__name__, names=tuple(parameters)))


def check_finite(**data: Any) -> None:
    """Find NaN and infinities in float arrays.

    Raises:
        ValueError: with the place of the first one.
    """
    for name, structure in data.items():
        for leaf in jax.tree.leaves(structure):
            array = np.asarray(leaf)
            if array.dtype.kind != "f" or np.isfinite(array).all():
                continue
            place = tuple(int(i) for i in np.argwhere(~np.isfinite(array))[0])
            raise ValueError(
                f"The data {name} has {array[place]} at {place}, and {int((~np.isfinite(array)).sum())} such values in all. "
                "Clean it, for example with np.nan_to_num, or switch the check off: jkeras.config.set_check_finite(False)."
            )

"""Checks before training starts."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import jax
import numpy as np

from jkeras import losses, metrics
from jkeras._base.types import Tree

if TYPE_CHECKING:
    from jkeras.training.objective.objective import CompileConfig
    from jkeras.training.steps import Steps

_ALL_FROZEN = """No weight of {name!r} is trainable now, so training it changes nothing. `trainable` counts at once here and in
Keras 3; in Keras 2 it counted from the next compile() on. Where two models share layers, as in a GAN, set it before each step:

    discriminator.trainable = True
    discriminator.train_on_batch(images, labels)
    discriminator.trainable = False
    gan.train_on_batch(noise, ones)
"""


BY_SHAPE = ("accuracy", "acc", "crossentropy", "ce")  # these names mean different functions for different shapes


def check_names(config: CompileConfig) -> None:
    """Resolve the names in a `compile` call at once, so that a typo is an error there.

    Args:
        config: has `loss`, `metrics` and `weighted_metrics` as given to `compile`.

    Raises:
        ValueError: a name is unknown; the text names the nearest.
    """
    for loss in flat_names(config.loss):
        if loss not in BY_SHAPE:
            losses.get(loss)
    for metric in (*flat_names(config.metrics), *flat_names(config.weighted_metrics)):
        if isinstance(metric, str) and metric not in BY_SHAPE:
            metrics.get(metric)


def flat_names(value: object) -> list[object]:
    if isinstance(value, dict):
        return [leaf for v in value.values() for leaf in flat_names(v)]
    if isinstance(value, (list, tuple)):
        return [leaf for v in value for leaf in flat_names(v)]
    return [] if value is None else [value]


def warn_all_frozen(model: Steps) -> None:
    """Warn that training changes nothing: the model has weights, and none is trainable."""
    if model.weights and not model.trainable_weights:
        warnings.warn(_ALL_FROZEN.format(name=model.name), stacklevel=2)


def check_finite(**data: Tree) -> None:
    """Find NaN and infinities in float arrays.

    Raises:
        ValueError: there is one; the text says where the first is.
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

"""`TrainState`: everything a training run needs to continue, as one pytree of arrays."""

from __future__ import annotations

from typing import NamedTuple

import jax
import numpy as np

from jkeras._base.types import Array, Scalar, Tree


class TrainState(NamedTuple):
    """What a training step takes and gives.

    Attributes:
        params: nested dict of the trainable weights.
        state: nested dict of the other weights, of what metrics that layers hold accumulate, and of variables from elsewhere.
        opt_state: what the optimizer carries.
        metrics: `{name: accumulators}` of the running epoch.
        iteration: int32 scalar, steps since the run began.
        epoch: int32 scalar.
        position: int32 scalar, batches seen of the running epoch.
        rng: the run's key, or the numbers it is made from.
    """

    params: Tree
    state: Tree
    opt_state: Tree
    metrics: Tree
    iteration: Scalar
    epoch: Scalar
    position: Scalar
    rng: Array | np.ndarray

    @property
    def key(self) -> Array:
        """The key of this step: what all its random draws derive from."""
        return jax.random.fold_in(self.rng, self.iteration)


class Outcome(NamedTuple):
    """What a forward pass with its loss gives besides the loss.

    Attributes:
        loss: the scalar loss, unscaled.
        state: the other weights' new values.
        y_pred: the model's outputs.
        losses: `{name in the logs: scalar}` before weighting, for models with several losses; else empty.
        masks: for each output the mask that came with it, or None.
        rows: which rows of the batch count; None for all.
        x: the inputs.
        assigned: nested dict of what the forward pass assigned to trainable weights, such as a masked kernel.
    """

    loss: Array
    state: Tree
    y_pred: Tree
    losses: dict[str, Array]
    masks: Tree = ()
    rows: Array | None = None
    x: Tree = None
    assigned: Tree = None

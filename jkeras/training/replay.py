"""`Replay`: the batch that a run is at, and what the model makes of it, for callbacks that look inside."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from jkeras.training.layer_statistics import layer_statistics
from jkeras.training.nonfinite import NonFinite, first_nonfinite, is_finite
from jkeras.training.program import batch_of
from jkeras.training.state import TrainState


class Chunk(NamedTuple):
    """What a dispatch was given.

    Attributes:
        data: a block.
        at, stop: its batches from number `at` up to, but not including, `stop`.
        epoch: of the run.
        first: number in the epoch of the block's batch 0.
        source: of the data.
        seed: of their order.
        before: a copy of the state before it, where a callback asked for that.
    """

    data: Any
    at: int
    stop: int
    epoch: int
    first: int
    source: Any
    seed: int
    before: TrainState | None

    def rows(self, number: int) -> np.ndarray | None:
        """Which rows of the user's arrays batch `number` of the epoch is made of; None for streams."""
        order, size = getattr(self.source, "order", None), self.source.batch_size
        return None if order is None or size is None else order(self.epoch, self.seed)[number * size : (number + 1) * size]


class Replay:
    """Looking at the batch under way."""

    _run: Any

    def current_batch(self) -> tuple[Any, Any, Any]:
        """The batch `(x, y, sample_weight)` that a running `fit` computed last; for callbacks.

        Raises:
            RuntimeError: no `fit` runs, or it has computed none.
        """
        chunk = self._chunk("current_batch")
        return batch_of(chunk.data, chunk.stop - 1)

    def find_nonfinite(self, logs: dict[str, Any] | None = None) -> NonFinite | None:
        """Where NaN or infinity came in during the last chunk of a running `fit`; for callbacks with `replays = True`.

        The chunk is computed again, batch by batch, from the weights before it; then the layers are looked at in the first bad
        batch. As long as all is well it costs a look at the loss and at the weights.

        Args:
            logs: the results so far; None looks at the weights alone.

        Returns:
            None where loss and weights are finite.

        Raises:
            RuntimeError: no `fit` runs, or no callback with `replays = True` listens.
        """
        chunk = self._chunk("find_nonfinite")
        if chunk.before is None:
            raise RuntimeError("find_nonfinite() looks back at the weights before a chunk. Set `replays = True` in the callback.")
        loss = (logs or {}).get("loss", 0.0)
        if is_finite((loss, self._run.state.params)):
            return None
        return first_nonfinite(self, chunk)

    def layer_statistics(self, batch: tuple[Any, Any, Any], training: bool = True) -> dict[str, dict[str, dict[str, float]]]:
        """Statistics of every layer's outputs and gradients for a batch, by one compiled call.

        Args:
            batch: `(x, y, sample_weight)`; None where absent.
            training: whether dropout drops and batch normalization uses the batch's statistics.

        Returns:
            `{"activations": {layer: {name: number}}, "gradients": {layer: {name: number}}}`. The names: `mean`, `std`, `norm`,
            `zero` (fraction of the numbers that are 0) and, for activations, `dead` (fraction of the units, on the last axis,
            that are 0 in all rows). Gradients are those of the layer's own weights.

        Example:
            >>> from jkeras import Sequential, layers
            >>> model = Sequential([layers.Input((2,)), layers.Dense(1, use_bias=False, kernel_initializer="ones", name="out")])
            >>> model.compile("sgd", "mse")
            >>> found = model.layer_statistics((np.ones((4, 2)), np.zeros((4, 1)), None))
            >>> found["activations"]["out"]["mean"], found["gradients"]["out"]["mean"]
            (2.0, 4.0)
        """
        return layer_statistics(self, batch, training)

    def _chunk(self, what: str) -> Chunk:
        chunk = None if self._run is None else self._run.chunk
        if chunk is None:
            raise RuntimeError(f"{what}() is for callbacks of a running fit, from the first on_train_batch_end on.")
        return chunk

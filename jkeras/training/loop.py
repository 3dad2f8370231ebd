"""The loop: batches in, dispatches, references back into the boxes, callbacks.

The compiled step owns the arrays of the running `TrainState`; after each dispatch the boxes get the new references, so a callback
always sees current weights. Values that callbacks change (weights, learning rate) are read again before the next dispatch that
follows a callback. Results are read from the device only by those who ask for them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jkeras.data.array_source import ArraySource
from jkeras.state import random
from jkeras.training.state import TrainState
from jkeras.training.transfer import optimizer_state, read_weights, weight_writer

_NO_BATCH = """The data gave no batch in epoch {epoch}. A generator is used up after one pass: let it go on for ever and say how
long an epoch is, or pass what can be read again (arrays, a PyDataset):

    def batches():
        while True:
            yield x, y

    model.fit(batches(), steps_per_epoch=100, epochs=10)
"""


class TrainingRun:
    """One call of `fit`: its state, its step, its callbacks.

    Args:
        model: compiled, and built for the data.
        step: the compiled `(TrainState, batch) -> (TrainState, logs)`.
        events: the callbacks.
        steps_per_call: batches between two batch events.
    """

    def __init__(self, model: Any, step: Callable[..., Any], events: Any, steps_per_call: int):
        self.model, self.step, self.events, self.steps_per_call = model, step, events, steps_per_call
        self.seed = random.next_seed()
        self.write = weight_writer(model)
        self.state = self._first_state()
        self._kept = True  # whether the boxes have what `state` has

    def _first_state(self) -> TrainState:
        params, state = read_weights(self.model, donate=True)
        opt_state = optimizer_state(self.model.optimizer, params, self.model.trainable_weights)
        self.model.optimizer.state = opt_state
        start = jnp.zeros((), jnp.int32)
        return TrainState(params, state, opt_state, {}, start, jnp.copy(start), jnp.copy(start), jax.random.key(self.seed))

    def _refresh(self) -> None:
        """Take over what callbacks changed."""
        params, state = read_weights(self.model, donate=True)
        self.state = self.state._replace(params=params, state=state, opt_state=self.model.optimizer.state)

    def _keep(self) -> None:
        self.write(self.state)
        self.model.optimizer.state = self.state.opt_state
        self._kept = True

    def epoch(self, epoch: int, source: Any) -> dict[str, Any]:
        """Run one epoch and return its logs, still on the device."""
        self._refresh()
        self.state = self.state._replace(
            metrics=self.model._fresh_metrics(), epoch=jnp.asarray(epoch, jnp.int32), position=jnp.zeros((), jnp.int32)
        )
        every_batch = self.events.has_train_batch_hooks
        # Code of the user's own runs between batches that are streamed: it may read, hold and change weights.
        streamed = not isinstance(source, ArraySource)
        logs: dict[str, Any] = {}
        number = -1
        try:
            for number, batch in enumerate(self.model._checked(source, source.batches(epoch, self.seed))):
                first = number % self.steps_per_call == 0
                if first:
                    self.events.on_train_batch_begin(number)
                if streamed or (first and every_batch):
                    self._refresh()
                self.state, logs = self.step(self.state, batch)
                self._kept = False
                if streamed:
                    self._keep()
                if (number + 1) % self.steps_per_call == 0:
                    self._keep()
                    self.events.on_train_batch_end(number, logs)
                    if self.model.stop_training:
                        break
            else:
                if (number + 1) % self.steps_per_call:
                    self._keep()
                    self.events.on_train_batch_end(number, logs)
        finally:
            if not self._kept:  # else a callback may have set other weights since
                self._keep()
        if number < 0:
            raise ValueError(_NO_BATCH.format(epoch=epoch + 1))
        self.model._objective.show(self.state.metrics)
        return logs


def evaluate_source(model: Any, source: Any, step: Callable[..., Any], events: Any) -> dict[str, Any]:
    """Run the test step over a source and return the logs, still on the device."""
    params, state = read_weights(model, donate=False)
    zero = jnp.zeros((), jnp.int32)
    run = TrainState(params, state, (), model._fresh_metrics(), zero, zero, zero, random.next_key())
    logs: dict[str, Any] = {}
    events.on_test_begin()
    number = -1
    for number, batch in enumerate(model._checked(source, source.batches())):
        events.on_test_batch_begin(number)
        run, logs = step(run, batch)
        events.on_test_batch_end(number, logs)
        if getattr(model, "stop_evaluating", False):
            break
    if number < 0:
        raise ValueError("The data gave no batch to evaluate. Pass data with at least one row.")
    weight_writer(model)(run)
    model._objective.show(run.metrics)
    events.on_test_end(logs)
    return logs


def predict_source(model: Any, source: Any, step: Callable[..., Any], events: Any) -> Any:
    """Run the predict step over a source and return the outputs as numpy arrays."""
    params, state = read_weights(model, donate=False)
    zero = jnp.zeros((), jnp.int32)
    run = TrainState(params, state, (), {}, zero, zero, zero, random.next_key())
    outputs = []
    events.on_predict_begin()
    for number, batch in enumerate(source.batches()):
        events.on_predict_batch_begin(number)
        run, y = step(run, batch)
        outputs.append(y)
        events.on_predict_batch_end(number, {"outputs": y})
        if getattr(model, "stop_predicting", False):
            break
    if not outputs:
        raise ValueError("The data gave no batch to predict. Pass data with at least one row.")
    weight_writer(model)(run)
    events.on_predict_end()
    return jax.tree.map(_join, *outputs)


def _join(*parts: Any) -> np.ndarray:
    arrays = [np.asarray(part) for part in parts]
    return np.concatenate(arrays) if arrays[0].ndim else np.stack(arrays)

"""The loop: blocks in, dispatches, references back into the boxes, callbacks.

A dispatch runs many steps; it owns the arrays of the running `TrainState`, and after it the boxes get the new references, so a
callback always sees current weights. Values that callbacks change (weights, learning rate) are read again before the next
dispatch that follows a callback.

The device is kept busy: a dispatch is asked for its results only when the next one is on its way. Where a callback listens to
batches, it gets what it asked for: a dispatch ends where its batch ends, and its results are read at once.
"""

from __future__ import annotations

import contextlib
import dataclasses
import threading
from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jkeras.state import random
from jkeras.state.variable import gate
from jkeras.training.moment import Moment, metric_values, metrics_from, plain_results, stream_place
from jkeras.training.pace import Stopwatch
from jkeras.training.program import Program, shapes_of
from jkeras.training.reading import restore
from jkeras.training.replay import Chunk
from jkeras.training.short_epochs import epochs_per_dispatch, told_late
from jkeras.training.state import TrainState
from jkeras.training.transfer import (
    WeightWriter,
    optimizer_state,
    read_weights,
    training_threads,
    weights_for_reading,
    write_some,
    write_weights,
)

_NO_BATCH = """The data gave no batch in epoch {epoch}. A generator is used up after one pass: let it go on for ever and say how
long an epoch is, or pass what can be read again (arrays, a PyDataset):

    def batches():
        while True:
            yield x, y

    model.fit(batches(), steps_per_epoch=100, epochs=10)
"""


class Place:
    """How far a run has come: the numbers of its moment that the host counts, and the last results, still on the device."""

    def __init__(self) -> None:
        self.moment = Moment()
        self.logs: dict[str, Any] = {}

    def move(self, **numbers: Any) -> None:
        """Note new numbers."""
        self.moment = dataclasses.replace(self.moment, **numbers)


class TrainingRun:
    """One call of `fit`: its state, its program, its callbacks.

    Args:
        model: compiled, and built for the data.
        program: from `training_program`.
        events: the callbacks.
        steps_per_event: batches between two batch events; 1 lets the measured speed say how many a dispatch holds, unless a
            callback must hear of each batch.
    """

    def __init__(self, model: Any, program: Program, events: Any, steps_per_event: int = 1):
        self.model, self.program, self.events, self.steps_per_event = model, program, events, steps_per_event
        self.paced = steps_per_event == 1 and not events.has_train_batch_hooks
        self.seed = random.next_seed()
        self.write = WeightWriter(model)
        self.state = self._first_state()
        self.metrics: Any = model._fresh_metrics()
        self.watch = Stopwatch()
        self._unread: Any = None  # arguments of `_read` for the dispatch under way
        self.chunk: Chunk | None = None  # what the last dispatch was given
        self.place = Place()

    def _first_state(self) -> TrainState:
        params, state = read_weights(self.model, donate=True)
        opt_state = optimizer_state(self.model, params)
        self.model.optimizer.state = opt_state
        start = np.zeros((), np.int32)
        numbers: Any = np.array([0, self.seed], np.uint32)
        key = jax.random.wrap_key_data(numbers, impl="threefry2x32")
        return TrainState(params, state, opt_state, None, start, start, start, key)

    def __enter__(self) -> TrainingRun:
        training_threads.add(threading.get_ident())
        self.model._run = self
        # Metric objects make their boxes when they are first shown, which takes from the global stream: so it is the same stretch
        # of the stream in a run that is taken up again.
        self.model._objective.show(self.metrics)
        return self

    def __exit__(self, *error: object) -> None:
        training_threads.discard(threading.get_ident())
        # A step that failed may have taken its arguments with it: then there is nothing left to go on with.
        alive = not any(leaf.is_deleted() for leaf in jax.tree.leaves(self.state) if isinstance(leaf, jax.Array))
        self.model._moment = self.moment() if alive else None
        self.model._run = None

    def moment(self) -> Moment:
        """Where the run stands."""
        key: Any = np.asarray(jax.random.key_data(self.state.rng))
        return dataclasses.replace(
            self.place.moment,
            iteration=int(self.state.iteration),
            seed=self.seed,
            key=(int(key[0]), int(key[1])),
            stream=stream_place(),
            metrics=metric_values(self.metrics),
            logs=plain_results(self.place.logs),
            callbacks=self.events.remembered(),
        )

    def resume(self, moment: Moment, feed: Any) -> None:
        """Go on from a moment.

        Args:
            moment: of a run that was stopped.
            feed: of the same data, from their beginning.
        """
        # The averages are put back below; kept, a later file of this run would hold these old ones.
        self.place.moment, self.place.logs = dataclasses.replace(moment, averaged={}), moment.logs
        self.seed = moment.seed
        numbers: Any = np.array(moment.key, np.uint32)
        key = jax.random.wrap_key_data(numbers, impl="threefry2x32")
        self.state = self.state._replace(iteration=np.array(moment.iteration, np.int32), rng=key)
        if moment.position:
            self.metrics = metrics_from(moment.metrics, self.metrics)
        write_some(self.model, moment.averaged)
        feed.source.seek(moment.consumed)
        random.continue_stream(*moment.stream)
        self.events.remind(moment.callbacks)

    def begin_epoch(self, epoch: int, feed: Any) -> None:
        """Tell the callbacks that an epoch begins."""
        state, moment = self.model.optimizer.state, self.place.moment
        self.events.params["steps"] = feed.source.num_batches  # it may be another one than in the epoch before
        self.events.on_epoch_begin(epoch)
        if moment.begun and moment.epoch == epoch:
            # The run is taken up again within the epoch: what callbacks do to the learning rate here was done before.
            self.model.optimizer.state = state
        else:
            self.place.logs = {}
        source = feed.source
        self.place.move(epoch=epoch, begun=True, batches=source.num_batches, batch_size=source.batch_size)

    def end_epoch(self) -> None:
        """Note that the epoch is over; what callbacks save from here on goes on with the next one."""
        moment = self.place.moment
        if moment.begun:  # else it was one of several, which are over since their dispatch
            self.place.move(epoch=moment.epoch + 1, position=0, begun=False, consumed=moment.consumed + moment.position)

    def epochs(self, first: int, last: int, feed: Any) -> Iterator[tuple[int, dict[str, Any] | None]]:
        """Begin epochs `first` to `last`, and give the number of each; its logs too where it has run, with others, already."""
        while first < last:
            count = epochs_per_dispatch(self, feed, last - first)
            if count > 1:
                yield from told_late(self, first, count, feed)
            else:
                self.begin_epoch(first, feed)
                yield first, None
            first += count

    def epoch(self, epoch: int, feed: Any) -> dict[str, Any]:
        """Run one epoch, or what is left of it, and return its logs, still on the device."""
        self.watch.lap()
        number = first = self.place.moment.position
        logs: dict[str, Any] = self.place.logs
        with contextlib.closing(feed.blocks(epoch, self.seed, number)) as blocks:
            for block in blocks:
                at = 0
                if number and self.model.stop_training:
                    break
                while at < block.batches and not (number and self.model.stop_training):
                    if self.paced or number % self.steps_per_event == 0:
                        self.events.on_train_batch_begin(number)
                    stop = at + self._steps(block.batches - at, number)
                    shapes = shapes_of((self.state, self.metrics, block.data)) if not self.program.runs else None
                    with self.taken():
                        self.chunk = Chunk(block.data, at, stop, epoch, number - at, feed.source, self.seed, self._kept())
                        run, args, whole = self.program.prepare(
                            self.state, self.metrics, block.data, at, stop, epoch, number - at
                        )
                        self.state, self.metrics, logs = whole(run(*args))
                    number, steps, at = number + stop - at, stop - at, stop
                    self.place.logs = logs
                    self.place.move(position=number)
                    self._after(number, steps, logs, shapes)
        if not number:
            raise ValueError(_NO_BATCH.format(epoch=epoch + 1))
        self._finish(number, logs, told=number == first)
        return logs

    def one_batch(self, feed: Any, fresh: bool) -> dict[str, Any]:
        """Run the first step of an epoch and return its logs, still on the device; metrics go on unless `fresh`."""
        block = next(feed.blocks())
        try:
            self.state, self.metrics, logs = self.program.call(self.state, self.metrics, block.data, 0, 1, 0, 0 if fresh else 1)
        finally:
            self._keep()
        self.model._objective.show(self.metrics)
        return logs

    def _steps(self, left: int, number: int) -> int:
        """How many steps the next dispatch holds."""
        if self.paced:
            return min(left, self.program.pace.steps(self.events.hears_train_batches))
        return min(left, self.steps_per_event - number % self.steps_per_event)

    @contextlib.contextmanager
    def taken(self) -> Iterator[None]:
        """For a dispatch: the state as it is now, which the dispatch takes, and afterwards the new one in the boxes."""
        # The code of a stream may read weights in its thread; it must not meet arrays that were given away.
        with gate:
            self._refresh()
            try:
                yield
            finally:
                self._keep()

    def _refresh(self) -> None:
        """Take over what callbacks, or the code of a stream, changed."""
        opt_state = self.model.optimizer.state
        if opt_state is not self.state.opt_state or not self.write.is_current():
            params, state = read_weights(self.model, donate=True)
            self.state = self.state._replace(params=params, state=state, opt_state=opt_state)

    def _kept(self) -> TrainState | None:
        """A copy of the state that a dispatch begins with, where a callback wants to look back at it."""
        return jax.tree.map(jnp.copy, self.state) if self.events.wants_replay else None

    def _keep(self) -> None:
        self.write(self.state)
        self.model.optimizer.state = self.state.opt_state

    def _after(self, number: int, steps: int, logs: Any, shapes: Any) -> None:
        """Read the dispatch before this one, and this one too where a callback needs it now."""
        before, self._unread = self._unread, (number, steps, logs, self.program.runs > 0)
        self.program.runs += 1
        if shapes is not None:
            self.program.choose((*shapes, 0, 1, 0, 0))
        if before is not None:
            self._read(*before)
        if self.events.needs_prompt_batches:
            self._read_last()

    def _read(self, number: int, steps: int, logs: Any, timed: bool) -> None:
        """Wait for a dispatch, measure it (the first one compiles) and tell of it."""
        seconds = self.watch.lap(logs)
        if self.paced and timed:
            self.program.pace.note(steps, seconds, self.watch.pages)
        if self.paced or number % self.steps_per_event == 0:
            self.events.on_train_batch_end(number - 1, logs)

    def _read_last(self) -> None:
        if self._unread is not None:
            unread, self._unread = self._unread, None
            self._read(*unread)

    def _finish(self, number: int, logs: Any, told: bool) -> None:
        self._read_last()
        if not (self.paced or told) and number % self.steps_per_event:
            self.events.on_train_batch_end(number - 1, logs)
        self.model._objective.show(self.metrics)


def reading_state(model: Any, metrics: Any = None) -> TrainState:
    """What a reading program takes: the weights as they are, and the numbers of a key."""
    params, state = weights_for_reading(model)
    zero = np.zeros((), np.int32)
    return TrainState(params, state, (), metrics, zero, zero, zero, random.next_key_numbers())


def evaluate_feed(model: Any, feed: Any, program: Program, events: Any, padded: bool, metrics: Any) -> tuple[dict[str, Any], Any]:
    """Run the test step over the data, from these accumulators on; return the logs, still on the device, and the accumulators."""
    vars(model)["stop_evaluating"] = False  # not an attribute that layers could be found in
    events.on_test_begin()  # before the weights are read: a callback may change them here
    run = reading_state(model, metrics)
    logs: dict[str, Any] = {}
    number = 0
    with contextlib.closing(feed.padded_blocks() if padded else feed.blocks()) as blocks:
        for block, at, stop in _pieces(blocks, events.has_test_batch_hooks):
            if number and model.stop_evaluating:
                break
            events.on_test_batch_begin(number)
            jax.block_until_ready(logs)  # so that no more than one block waits
            changing, logs = program.call(run, block.data, at, stop, block.rows)
            run = restore(run, changing)
            number += stop - at
            events.on_test_batch_end(number - 1, logs)
    if not number:
        raise ValueError("The data gave no batch to evaluate. Pass data with at least one row.")
    _keep_state(model, run)
    model._objective.show(run.metrics)
    events.on_test_end(logs)
    return logs, run.metrics


def predict_feed(model: Any, feed: Any, program: Program, events: Any, padded: bool) -> Any:
    """Run the predict step over the data and return the outputs as numpy arrays."""
    vars(model)["stop_predicting"] = False
    events.on_predict_begin()
    run = reading_state(model)
    parts: list[Any] = []
    late: Any = None  # outputs that may still be computed
    number = 0
    with contextlib.closing(feed.padded_blocks() if padded else feed.blocks()) as blocks:
        for block, at, stop in _pieces(blocks, events.has_predict_batch_hooks):
            if number and model.stop_predicting:
                break
            events.on_predict_batch_begin(number)
            changing, outputs = program.call(run, block.data, at, stop)
            run = restore(run, changing)
            number += stop - at
            if late is not None:
                parts.append(_rows(*late))
            late = outputs, at, stop, block.rows if padded else None
            events.on_predict_batch_end(number - 1, {"outputs": _rows(*late)} if events.has_predict_batch_hooks else {})
    if late is None:
        raise ValueError("The data gave no batch to predict. Pass data with at least one row.")
    _keep_state(model, run)
    events.on_predict_end()
    return jax.tree.map(lambda *pieces: np.concatenate(pieces), *parts, _rows(*late))


def predict_row(model: Any, batch: Any, program: Program, events: Any) -> Any:
    """The outputs for a single row, as numpy arrays."""
    events.on_predict_begin()
    events.on_predict_batch_begin(0)
    run = reading_state(model)
    changing, outputs = program.call(run, batch)
    _keep_state(model, changing)
    outputs = np.array(outputs) if isinstance(outputs, jax.Array) else jax.tree.map(np.array, outputs)
    events.on_predict_batch_end(0, {"outputs": outputs})
    events.on_predict_end()
    return outputs


def _keep_state(model: Any, run: TrainState) -> None:
    """Put what a reading step may have changed into the boxes, unless a run in another thread owns them."""
    if run.state and not training_threads - {threading.get_ident()}:
        params, _ = read_weights(model, donate=False)
        write_weights(model, params, run.state)


def _pieces(blocks: Iterator[Any], one_by_one: bool) -> Iterator[tuple[Any, int, int]]:
    """The parts of blocks to dispatch: all of each, or batch by batch."""
    for block in blocks:
        yield from [(block, i, i + 1) for i in range(block.batches)] if one_by_one else [(block, 0, block.batches)]


def _batches(outputs: Any, at: int, stop: int) -> Any:
    return jax.tree.map(lambda y: np.asarray(y)[at:stop], outputs)


def _rows(outputs: Any, at: int, stop: int, rows: int | None) -> Any:
    """Outputs of batches `at` to `stop` of a block, row by row, without what was padded."""

    def join(y: np.ndarray) -> np.ndarray:
        if y.ndim == 1:  # one number per batch
            return y
        y = y.reshape(-1, *y.shape[2:])
        return y if rows is None else y[: rows - at * (len(y) // (stop - at))]

    return jax.tree.map(join, _batches(outputs, at, stop))

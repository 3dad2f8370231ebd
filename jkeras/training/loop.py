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
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jkeras._base import paths
from jkeras.state import random
from jkeras.state.variable import gate
from jkeras.training.moment import Moment, metric_values, metrics_from, plain_results, stream_place
from jkeras.training.pace import Stopwatch
from jkeras.training.program import Program, shapes_of
from jkeras.training.reading import restore
from jkeras.training.replay import Chunk
from jkeras.training.short_epochs import epochs_per_dispatch, told_late
from jkeras.training.state import TrainState
from jkeras.training.trackers import begun, tracker_places
from jkeras.training.transfer import (
    Exchange,
    optimizer_state,
    read_weights,
    training_threads,
    write_some,
    write_weights,
)
from jkeras.training.whole_step import with_all_variables

_NO_BATCH = """The data gave no batch in epoch {epoch}. A generator is used up after one pass: let it go on for ever and say how
long an epoch is, or pass what can be read again (arrays, a PyDataset):

    def batches():
        while True:
            yield x, y

    model.fit(batches(), steps_per_epoch=100, epochs=10)
"""


_GONE = """The step had taken the weights when it failed, and they went with it. Load them again, from a file that ModelCheckpoint
or BackupAndRestore wrote, and compile with a new optimizer."""


class Place:
    """How far a run has come: the numbers of its moment that the host counts, and the last results, still on the device."""

    def __init__(self) -> None:
        self.moment = Moment()
        self.logs: dict[str, Any] = {}

    def move(self, **numbers: Any) -> None:
        """Note new numbers."""
        self.moment = dataclasses.replace(self.moment, **numbers)


class Batches:
    """What goes from one `train_on_batch` to the next.

    Attributes:
        metrics: accumulators; None before the first.
    """

    def __init__(self) -> None:
        self.metrics: Any = None


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
        self.exchange = Exchange(model)
        self.state = self._first_state()
        self.metrics: Any = model._fresh_metrics()
        self.watch = Stopwatch()
        self._unread: Any = None  # arguments of `_read` for the dispatch under way
        self._shapes: Any = None  # of what the program's first dispatch took
        self.chunk: Chunk | None = None  # what the last dispatch was given
        self.place = Place()

    def _first_state(self) -> TrainState:
        params, state = self.exchange.read()
        held = self.exchange.held
        opt_state = optimizer_state(self.model, held, params)
        self.fits = tuple(held.trained)
        self.model.optimizer.put_state(opt_state, self.fits)
        start = np.zeros((), np.int32)
        numbers: Any = np.array([0, self.seed], np.uint32)
        key = jax.random.wrap_key_data(numbers, impl="threefry2x32")
        return TrainState(params, state, opt_state, None, start, start, start, key)

    def __enter__(self) -> TrainingRun:
        training_threads.add(threading.get_ident())
        self.model._run = self
        self.seed = random.order_seed(self.seed)
        # Metric objects make their boxes when they are first shown, which takes from the global stream: so it is the same stretch
        # of the stream in a run that is taken up again.
        self.model._show(self.metrics)
        return self

    def __exit__(self, *error: object) -> None:
        training_threads.discard(threading.get_ident())
        # A step that failed may have taken its arguments with it: then there is nothing left to go on with.
        self.model._moment = None if self._is_gone() else self.moment()
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
            metrics=metric_values(self._accumulated()),
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
            self._accumulate(metrics_from(moment.metrics, self._accumulated()))
        write_some(self.model, moment.averaged)
        feed.source.seek(moment.consumed)
        random.continue_stream(*moment.stream)
        self.events.remind(moment.callbacks)

    def _accumulated(self) -> dict[str, Any]:
        """What all metrics have accumulated, those that layers hold among them."""
        held = {"/".join(place.path): paths.get(self.state.state, place.path) for place in tracker_places(self.model)}
        return {**self.metrics, "held": held} if held else self.metrics

    def _accumulate(self, metrics: dict[str, Any]) -> None:
        held = metrics.pop("held", {})
        self.metrics = metrics
        for place in tracker_places(self.model):
            place.variable.assign(held["/".join(place.path)])

    def begin_epoch(self, epoch: int, feed: Any) -> None:
        """Tell the callbacks that an epoch begins."""
        optimizer, moment = self.model.optimizer, self.place.moment
        state = optimizer.state if moment.begun else None
        self.events.params["steps"] = feed.source.num_batches  # it may be another one than in the epoch before
        self.events.on_epoch_begin(epoch)
        if moment.begun and moment.epoch == epoch:
            # The run is taken up again within the epoch: what callbacks do to the learning rate here was done before.
            optimizer.state = state
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
                    place = at, stop, epoch, number - at
                    (logs,) = self.dispatch(self.program.call, block.data, *place, source=feed.source)
                    number, steps, at = number + stop - at, stop - at, stop
                    self.place.logs = logs
                    self.place.move(position=number)
                    self._after(number, steps, logs)
        if not number:
            raise ValueError(_NO_BATCH.format(epoch=epoch + 1))
        self._finish(number, logs, told=number == first)
        return logs

    def one_batch(self, feed: Any, before: Batches) -> dict[str, Any]:
        """Run one step and return its logs, still on the device.

        Args:
            feed: of one batch.
            before: what the batches before it left.
        """
        fresh = before.metrics is None
        if not fresh:
            self.metrics = before.metrics
        block = next(feed.blocks())
        (logs,) = self.dispatch(self.program.call, block.data, 0, 1, 0, 0 if fresh else 1)
        before.metrics = self.metrics
        self.model._show(self.metrics)
        return logs

    def _steps(self, left: int, number: int) -> int:
        """How many steps the next dispatch holds."""
        if self.paced:
            return min(left, self.program.pace.steps(self.events.hears_train_batches))
        return min(left, self.steps_per_event - number % self.steps_per_event)

    def dispatch(self, program: Callable[..., Any], data: Any, *place: Any, source: Any = None) -> list[Any]:
        """Run a program from the state as it is now, and put the new state into the boxes.

        Args:
            program: `(state, metrics, data, *place) -> (state, metrics, *results)`; it takes the state's arrays.
            data: a block.
            place: where in the block, and in the run, the dispatch begins and ends.
            source: of the data, for callbacks that look at the batch.

        Returns:
            The results.
        """

        def attempt() -> list[Any]:
            with self._taken():
                if source is not None:
                    at, stop, epoch, first = place
                    self.chunk = Chunk(data, at, stop, epoch, first, source, self.seed, self._kept())
                if source is not None and not self.program.runs:
                    self._shapes = shapes_of((self.state, self.metrics, data))
                self.state, self.metrics, *results = program(self.state, self.metrics, data, *place)
            return results

        return with_all_variables(self.model, attempt, self._look_again)

    def _look_again(self) -> None:
        """The model has more variables than before."""
        self.exchange = Exchange(self.model)

    @contextlib.contextmanager
    def _taken(self) -> Iterator[None]:
        """For a dispatch: the state as it is now, which the dispatch takes, and afterwards the new one in the boxes."""
        # The code of a stream may read weights in its thread; it must not meet arrays that were given away.
        with gate:
            self._refresh()
            try:
                yield
            except BaseException as error:
                if self._is_gone():
                    error.add_note(_GONE)
                raise
            finally:
                self._keep()

    def _is_gone(self) -> bool:
        """Whether a step that failed has taken the state with it."""
        return any(leaf.is_deleted() for leaf in jax.tree.leaves(self.state) if isinstance(leaf, jax.Array))

    def _refresh(self) -> None:
        """Take over what callbacks, or the code of a stream, changed."""
        optimizer = self.model.optimizer
        if not optimizer.is_taken(self.state.opt_state) or not self.exchange.is_current():
            params, state = self.exchange.read()
            self.state = self.state._replace(params=params, state=state, opt_state=optimizer.take_state())

    def _kept(self) -> TrainState | None:
        """A copy of the state that a dispatch begins with, where a callback wants to look back at it."""
        return jax.tree.map(jnp.copy, self.state) if self.events.wants_replay else None

    def _keep(self) -> None:
        self.exchange.write(self.state)
        self.model.optimizer.put_state(self.state.opt_state, self.fits)

    def _after(self, number: int, steps: int, logs: Any) -> None:
        """Read the dispatch before this one, and this one too where a callback needs it now."""
        before, self._unread = self._unread, (number, steps, logs, self.program.runs > 0)
        self.program.runs += 1
        if self._shapes is not None:
            self.program.choose((*self._shapes, 0, 1, 0, 0))
            self._shapes = None
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
        self.model._show(self.metrics)


class Reading:
    """One call of `evaluate` or `predict`: what its programs take, and what they may change.

    Args:
        model: built.
        metrics: accumulators at their start.
        by_batch: whether callbacks act between two dispatches. Then each one begins with the weights as they are, and its
            changes are in the boxes when it has ended; else once for all.
    """

    def __init__(self, model: Any, metrics: Any = None, by_batch: bool = False):
        self.model, self.by_batch = model, by_batch
        zero = np.zeros((), np.int32)
        params, state = read_weights(model)
        self.state = TrainState(params, state, (), metrics, zero, zero, zero, random.next_key_numbers())
        self._begun = False

    def dispatch(self, program: Program, *args: Any) -> Any:
        """The results of a program `(run, *args) -> (run, results)`."""
        if self.by_batch and self._begun:
            self._read()
        changing, results = with_all_variables(self.model, lambda: program.call(self.state, *args), self._look_again)
        self.state, self._begun = restore(self.state, changing), True
        if self.by_batch:
            self._keep()
        return results

    def end(self) -> None:
        """The last dispatch is done."""
        if not self.by_batch:
            self._keep()

    def _look_again(self) -> None:
        """The model has more variables than before."""
        self._keep()
        self._read()

    def _read(self) -> None:
        params, state = read_weights(self.model)
        self.state = self.state._replace(params=params, state=state)

    def _keep(self) -> None:
        """Put what steps may have changed into the boxes, unless a run in another thread owns them."""
        if self.state.state and not training_threads - {threading.get_ident()}:
            write_weights(self.model, self.state.state)


def evaluate_feed(
    model: Any, feed: Any, program: Program, events: Any, padded: bool, metrics: Any = None
) -> tuple[dict[str, Any], Any]:
    """Run the test step over the data, from these accumulators on or from fresh ones.

    Returns:
        The logs, still on the device, and the accumulators.
    """
    vars(model)["stop_evaluating"] = False  # not an attribute that layers could be found in
    events.on_test_begin()  # before the weights are read: a callback may change them here
    run = Reading(model, model._fresh_metrics() if metrics is None else metrics, events.has_test_batch_hooks)
    if metrics is None:
        run.state = run.state._replace(state=begun(model, run.state.state))
    logs: dict[str, Any] = {}
    number = 0
    with contextlib.closing(feed.padded_blocks() if padded else feed.blocks()) as blocks:
        for block, at, stop in _pieces(blocks, events.has_test_batch_hooks):
            if number and model.stop_evaluating:
                break
            events.on_test_batch_begin(number)
            jax.block_until_ready(logs)  # so that no more than one block waits
            logs = run.dispatch(program, block.data, at, stop, block.rows)
            number += stop - at
            events.on_test_batch_end(number - 1, logs)
    if not number:
        raise ValueError("The data gave no batch to evaluate. Pass data with at least one row.")
    run.end()
    model._show(run.state.metrics)
    events.on_test_end(logs)
    return logs, run.state.metrics


def predict_feed(model: Any, feed: Any, program: Program, events: Any, padded: bool) -> Any:
    """Run the predict step over the data and return the outputs as numpy arrays."""
    vars(model)["stop_predicting"] = False
    events.on_predict_begin()
    run = Reading(model, by_batch=events.has_predict_batch_hooks)
    parts: list[Any] = []
    late: Any = None  # outputs that may still be computed
    number = 0
    with contextlib.closing(feed.padded_blocks() if padded else feed.blocks()) as blocks:
        for block, at, stop in _pieces(blocks, events.has_predict_batch_hooks):
            if number and model.stop_predicting:
                break
            events.on_predict_batch_begin(number)
            outputs = run.dispatch(program, block.data, at, stop)
            number += stop - at
            if late is not None:
                parts.append(_rows(*late))
            late = outputs, at, stop, block.rows if padded else None
            events.on_predict_batch_end(number - 1, {"outputs": _rows(*late)} if events.has_predict_batch_hooks else {})
    if late is None:
        raise ValueError("The data gave no batch to predict. Pass data with at least one row.")
    run.end()
    events.on_predict_end()
    return jax.tree.map(lambda *pieces: np.concatenate(pieces), *parts, _rows(*late))


def predict_batch(model: Any, batch: Any, size: int, program: Program, events: Any) -> Any:
    """The outputs for all rows as one batch, as numpy arrays.

    Args:
        model: built.
        batch: `(x, y, sample_weight)`.
        size: rows that the program computes; those that are missing are copies of the first.
        program: from `batch_program`.
        events: the callbacks.
    """
    events.on_predict_begin()
    events.on_predict_batch_begin(0)
    run = Reading(model)
    rows = jax.tree.leaves(batch)[0].shape[0]
    outputs = run.dispatch(program, batch if rows == size else _filled(batch, rows, size))
    run.end()
    kept = rows if rows < size else None
    outputs = _on_host(outputs, kept) if isinstance(outputs, jax.Array) else jax.tree.map(lambda y: _on_host(y, kept), outputs)
    events.on_predict_batch_end(0, {"outputs": outputs})
    events.on_predict_end()
    return outputs


def _filled(batch: Any, rows: int, size: int) -> Any:
    numbers = np.arange(size) * (np.arange(size) < rows)
    return jax.tree.map(lambda a: (jnp if isinstance(a, jax.Array) else np).take(a, numbers, axis=0), batch)


def _on_host(y: Any, rows: int | None) -> np.ndarray:
    return np.array(y if rows is None else np.asarray(y)[:rows])


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

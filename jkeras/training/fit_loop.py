"""`FitLoop`: batch stacks in, dispatches, callbacks. One call of `fit`, epoch by epoch:

    with loop:
        for epoch, logs in loop.epochs(first, last):
            ...

A dispatch runs many steps. The device is kept busy: the results of a dispatch are read only when the next one is on its way.
Where a callback listens to batches, a dispatch ends where its batch ends, and its results are read at once.

*Short epochs.* Where an epoch is a handful of batches, the host takes longer to dispatch and to read it than the device to
compute it. So where nobody has to act between two epochs (no validation, no callback but those that record results), a dispatch
holds as many whole epochs as fit into a stack and into the time that a dispatch should last, and callbacks hear of them
afterwards, in order. The results equal those of one epoch after another, bit for bit. If you interrupt such a run, the weights
may be a dispatch ahead of the history. Fewer than a hundred epochs gain less than a second program would cost a model that also
trains without it.
"""

from __future__ import annotations

import contextlib
import dataclasses
import threading
import warnings
from collections.abc import Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jkeras._base import paths, processes
from jkeras._base.copying import copied
from jkeras._base.types import Logs, Scalar, Tree
from jkeras.callbacks import CallbackList, ProgbarLogger
from jkeras.data.array_source import ArraySource
from jkeras.data.array_stacker import ArrayStacker
from jkeras.data.stream_stacker import Stacker
from jkeras.layer.tracking import inventory
from jkeras.state import random
from jkeras.state.variable import threads
from jkeras.training.objective.trackers import logs_of_epoch, tracker_places
from jkeras.training.programs.steps_per_dispatch import Stopwatch
from jkeras.training.programs.training import Program, TrainingProgram
from jkeras.training.resume.state import ResumeState, metric_values, metrics_from, plain_results
from jkeras.training.run import Run, write_some
from jkeras.training.state import TrainState
from jkeras.training.steps import Steps, reports_metrics_alone

_FEWEST_EPOCHS = 100  # that are joined

_NO_BATCH = """The data gave no batch in epoch {epoch}{so}. A generator is used up after one pass: let it go on for ever and say
how long an epoch is, or pass what can be read again (arrays, a PyDataset):

    def batches():
        while True:
            yield x, y

    model.fit(batches(), steps_per_epoch=100, epochs=10)
"""


class Dispatch(NamedTuple):
    """What the last dispatch was given.

    Attributes:
        data: a batch stack.
        at, stop: its batches from number `at` up to, but not including, `stop`.
        epoch: of the run.
        first: number in the epoch of the stack's batch 0.
        source: of the data.
        seed: of their order.
        before: a copy of the state before it, where a callback asked for that.
    """

    data: Tree
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


class _Unread(NamedTuple):
    """A dispatch under way: batches of the epoch up to its end, its steps, its logs, and whether its time counts."""

    number: int
    steps: int
    logs: Logs
    timed: bool


class FitLoop:
    """One call of `fit`.

    Args:
        model: compiled, and built for the data.
        stacker: of the training data.
        program: from `training_program`.
        events: the callbacks.
        steps: batches of a dispatch, and so from one batch event to the next; None lets the measured speed decide, unless a
            callback hears of each batch.

    Attributes:
        run: with the state between two dispatches.
        last: what the last dispatch was given; None before the first.
    """

    def __init__(self, model: Steps, stacker: Stacker, program: Program, events: CallbackList, steps: int | None = None):
        self.model, self.stacker, self.program, self.events = model, stacker, program, events
        self._measured = steps is None and not processes.of_any(events.has_train_batch_hooks, "what callbacks hear")
        self._steps_per_event = steps or 1
        self.seed = random.next_seed()
        self.run = Run(model, _key(0, self.seed), model._trainer.objective.init_metrics(), trains=True)
        self.last: Dispatch | None = None
        self._position = ResumeState()  # the numbers of it that the host counts
        self._logs: Logs = {}  # of the epoch so far, still on the device
        self._unread: _Unread | None = None
        self._watch = Stopwatch()

    def __enter__(self) -> FitLoop:
        threads.training.add(threading.get_ident())
        self.model._trainer.loop = self
        self.seed = random.order_seed(self.seed)
        processes.check_same("seeds", self.seed)
        # Metric objects make their variables when they are first shown, which draws from the global stream: so a resumed run
        # draws the same numbers.
        self._show()
        return self

    def __exit__(self, *error: object) -> None:
        threads.training.discard(threading.get_ident())
        # A step that failed may have taken its arguments with it: then there is nothing left to resume.
        self.model._trainer.resume_state = None if self.run.is_gone() else self.resume_state()
        self.model._trainer.loop = None

    # resuming -------------------------------------------------------------------------------------------------------

    def resume_state(self) -> ResumeState:
        """Where the run stands."""
        key = np.asarray(jax.random.key_data(self.run.state.rng))
        return dataclasses.replace(
            self._position,
            iteration=int(self.run.state.iteration),
            seed=self.seed,
            key=(int(key[0]), int(key[1])),
            stream=random.stream_position(),
            metrics=metric_values(self._accumulated()),
            logs=plain_results(self._logs),
            callbacks=self.events.remembered(),
        )

    def resume(self, found: ResumeState) -> None:
        """Continue where another run stopped."""
        # The averages are put back below; kept, a later file of this run would hold these old ones.
        self._position, self._logs = dataclasses.replace(found, averaged={}), dict(found.logs)
        self.seed = found.seed
        iteration: Scalar = np.array(found.iteration, np.int32)
        self.run.state = self.run.state._replace(iteration=iteration, rng=_key(*found.key))
        if found.position:
            self._accumulate(metrics_from(found.metrics, self._accumulated()))
        write_some(self.model, found.averaged)
        self.stacker.source.seek(found.consumed)
        random.continue_stream(*found.stream)
        self.events.remind(found.callbacks)

    def _accumulated(self) -> Logs:
        """What all metrics have accumulated, those that layers hold among them."""
        state = self.run.state
        held = {"/".join(place.path): paths.get(state.state, place.path) for place in tracker_places(self.model)}
        return {**state.metrics, "held": held} if held else state.metrics

    def _accumulate(self, metrics: Logs) -> None:
        held = metrics.pop("held", {})
        self.run.state = self.run.state._replace(metrics=metrics)
        for place in tracker_places(self.model):
            place.variable.assign(held["/".join(place.path)])

    # epochs ---------------------------------------------------------------------------------------------------------

    def epochs(self, first: int, last: int) -> Iterator[tuple[int, Logs]]:
        """Run epochs `first` to `last`: the number of each and its logs, still on the device. `end_epoch` follows each.

        A later epoch without any batch ends the run, with a warning; that of a generator does not begin.

        Raises:
            ValueError: the first epoch has no batch.
        """
        begun = first
        while first < last:
            count = self._epochs_per_dispatch(last - first)
            if count > 1:
                yield from self._joined_epochs(first, count)
            else:
                ends = first > begun and not self.stacker.source.has_more()
                if not ends:
                    self._begin_epoch(first)
                    logs = self._epoch(first)
                    ends = not self._position.position
                if ends:
                    if first == begun:
                        raise ValueError(_NO_BATCH.format(epoch=first + 1, so=""))
                    warnings.warn(_NO_BATCH.format(epoch=first + 1, so=", so training ends here"), stacklevel=4)
                    self._move(begun=False)
                    return
                yield first, dict(logs)
            first += count

    def _begin_epoch(self, epoch: int) -> None:
        optimizer, position, source = self.model._trainer.optimizer, self._position, self.stacker.source
        before = optimizer.state if position.begun else None
        if self.events.params is not None:
            self.events.params["steps"] = source.num_batches  # it may differ from the epoch before
        self.events.on_epoch_begin(epoch)
        if position.begun and position.epoch == epoch:
            # The run is resumed within the epoch: what callbacks do to the learning rate here was done before.
            optimizer.state = before
        else:
            self._logs = {}
        self._move(epoch=epoch, begun=True, batches=source.num_batches, batch_size=source.batch_size)

    def end_epoch(self) -> None:
        """Note that the epoch is over: what callbacks save from now on resumes with the next one."""
        position = self._position
        if position.begun:  # joined epochs are over since their dispatch
            self._move(epoch=position.epoch + 1, position=0, begun=False, consumed=position.consumed + position.position)

    def _move(self, **numbers: Tree) -> None:
        self._position = dataclasses.replace(self._position, **numbers)

    def _epoch(self, epoch: int) -> Logs:
        """Run one epoch, or what is left of it."""
        self._watch.lap()
        number = first = self._position.position
        with contextlib.closing(self.stacker.stacks(epoch, self.seed, number)) as stacks:
            for stack in stacks:
                at = 0
                if number and self.model.stop_training:
                    break
                while at < stack.batches and not (number and self.model.stop_training):
                    if self._measured or number % self._steps_per_event == 0:
                        self.events.on_train_batch_begin(number)
                    steps = self._next_steps(stack.batches - at, number)
                    self._logs = self._dispatch(stack.data, at, at + steps, epoch, number - at)
                    number, at = number + steps, at + steps
                    self._move(position=number)
                    self._after(number, steps)
                    self.model.stop_training = processes.of_any(bool(self.model.stop_training), "the end of steps")
        if not number:
            return {}
        self._read_last()
        if not (self._measured or number == first) and number % self._steps_per_event:
            self.events.on_train_batch_end(number - 1, self._logs)
        self._show()
        if not reports_metrics_alone(self.model):
            self._logs = logs_of_epoch(self.model, self.run.state, self._logs)
        return self._logs

    def _next_steps(self, left: int, number: int) -> int:
        """How many steps the next dispatch holds."""
        if self._measured:
            steps = min(left, self.program.speed.steps(self.events.hears_train_batches))
            return processes.of_first(steps, "the next steps")
        return min(left, self._steps_per_event - number % self._steps_per_event)

    def _dispatch(self, data: Tree, at: int, stop: int, epoch: int, first: int) -> Logs:
        def remember(state: TrainState) -> None:
            kept = copied(state._replace(metrics=None)) if self.events.wants_replay else None
            self.last = Dispatch(data, at, stop, epoch, first, self.stacker.source, self.seed, kept)

        logs: Logs = self.run.dispatch(self.program, data, at, stop, epoch, first, before=remember)
        return logs

    def _after(self, number: int, steps: int) -> None:
        """Read the dispatch before this one, and this one too where a callback needs it now."""
        before, self._unread = self._unread, _Unread(number, steps, self._logs, timed=self.program.runs > 0)
        self.program.runs += 1
        if before is not None:
            self._read(before)
        if self.events.needs_prompt_batches:
            self._read_last()

    def _read(self, dispatch: _Unread) -> None:
        """Wait for a dispatch, measure it (the first one compiles) and tell the callbacks."""
        with processes.waiting():
            seconds = self._watch.lap(dispatch.logs)
        if self._measured and dispatch.timed:
            self.program.speed.note(dispatch.steps, seconds, self._watch.pages)
        if self._measured or dispatch.number % self._steps_per_event == 0:
            self.events.on_train_batch_end(dispatch.number - 1, dispatch.logs)

    def _read_last(self) -> None:
        unread, self._unread = self._unread, None
        if unread is not None:
            self._read(unread)

    def _show(self) -> None:
        self.model._trainer.objective.show(self.run.state.metrics)

    # single batches -------------------------------------------------------------------------------------------------

    def one_batch(self, metrics: Logs | None) -> Logs:
        """Run one step and return its logs, still on the device.

        Args:
            metrics: accumulators to continue from; None for fresh ones.
        """
        if metrics is not None:
            self.run.state = self.run.state._replace(metrics=metrics)
        stack = next(self.stacker.stacks())
        logs: Logs = self.run.dispatch(self.program, stack.data, 0, 1, 0, 0 if metrics is None else 1)
        self._show()
        return logs

    # short epochs ---------------------------------------------------------------------------------------------------

    def _epochs_per_dispatch(self, left: int) -> int:
        """How many epochs the next dispatch holds; 1 where it holds one or a part of one."""
        stacker = self.stacker
        if not isinstance(stacker, ArrayStacker) or not isinstance(self.program, TrainingProgram):
            return 1
        if self.program.epochs is None or self._position.begun:
            return 1
        steps = processes.of_first(self.program.speed.steps(self.events.hears_train_batches), "the next epochs")
        return max(1, min(left, stacker.epochs_per_stack, steps // stacker.source.num_batches))

    def _joined_epochs(self, first: int, count: int) -> Iterator[tuple[int, Logs]]:
        """Run several epochs as one dispatch; then give each one's number and logs, once its callbacks know that it began."""
        program, stacker = self.program, self.stacker
        assert isinstance(program, TrainingProgram) and program.epochs is not None and isinstance(stacker, ArrayStacker)
        batches, data = stacker.source.num_batches, stacker.epochs(first, count, self.seed)
        self._watch.lap()
        self._logs, table = self.run.dispatch(program.epochs, data, 0, batches, first, 0, count)
        with processes.waiting():
            seconds = self._watch.lap(table)
        program.speed.note(count * batches, seconds, self._watch.pages)
        program.runs += 1
        consumed = self._position.consumed + count * batches
        self._move(epoch=first + count, consumed=consumed, batches=batches, batch_size=stacker.source.batch_size)
        self._show()
        progress = self.events.find(ProgbarLogger)
        for epoch, row in enumerate(np.asarray(table)[:count].tolist(), first):
            self.events.on_epoch_begin(epoch)
            if progress is not None:
                progress.backdate(seconds / count)
            yield epoch, dict(zip(self._logs, row))


def may_join_epochs(model: Steps, source: object, events: CallbackList, epochs: int) -> bool:
    """Whether a `fit` without validation may run several epochs as one dispatch.

    Args:
        model: compiled, and prepared for the data.
        source: of the data.
        events: the callbacks.
        epochs: how many are to run.
    """
    trainer = model._trainer
    if not isinstance(source, ArraySource) or not trainer.jit or inventory(model).trackers:
        return False
    if epochs < _FEWEST_EPOCHS and not trainer.has_program("short epochs"):
        return False
    if not (events.all_may_lag and reports_metrics_alone(model)):
        return False
    objective = trainer.objective
    results = jax.tree.leaves(jax.eval_shape(objective.results, objective.init_metrics()))
    return all(r.shape == () and r.dtype == results[0].dtype and jnp.issubdtype(r.dtype, jnp.floating) for r in results)


def _key(high: int, low: int) -> jax.Array:
    numbers: Tree = np.array([high, low], np.uint32)
    key: jax.Array = jax.random.wrap_key_data(numbers, impl="threefry2x32")
    return key

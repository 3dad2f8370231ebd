"""Short epochs: many of them as one dispatch.

Where an epoch is a handful of batches, the host takes longer to dispatch and to read it than the device to compute it. So where
nobody has to act between two epochs (no validation, no callback but those that take down results), a dispatch holds as many whole
epochs as fit into a block and into the time that a dispatch should last, and callbacks hear of them afterwards, in order. The
numbers are those of epoch after epoch, bit for bit. Who interrupts a run may find the weights a dispatch ahead of its history.

It is done for a hundred epochs and more: fewer gain less than a second program would cost a model that also trains without.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jkeras.callbacks import ProgbarLogger
from jkeras.data.feed import ArrayFeed
from jkeras.layers.tracking import inventory
from jkeras.training.step import reports_metrics_alone

_FEWEST = 100


def join_epochs(model: Any, feed: Any, events: Any, epochs: int) -> bool:
    """Whether a `fit` without validation may run several epochs as one dispatch; tells the feed, if so.

    Args:
        model: compiled, and prepared for the data.
        feed: of the data.
        events: the callbacks.
        epochs: how many are to run.
    """
    if epochs < _FEWEST and not any(which == "short epochs" for which, *_ in model._loop_programs):
        return False
    if not (isinstance(feed, ArrayFeed) and feed.epochs_per_block > 1 and model._traced):
        return False
    if not (events.all_may_lag and reports_metrics_alone(model)) or inventory(model).trackers:
        return False
    results = jax.tree.leaves(jax.eval_shape(model._objective.results, model._fresh_metrics()))
    feed.joins_epochs = all(
        r.shape == () and r.dtype == results[0].dtype and jnp.issubdtype(r.dtype, jnp.floating) for r in results
    )
    return feed.joins_epochs


def epochs_per_dispatch(run: Any, feed: Any, left: int) -> int:
    """How many epochs the next dispatch holds; 1 where it holds one or a part of one.

    Args:
        run: a `TrainingRun`.
        feed: of the data.
        left: epochs that are still to run.
    """
    if run.program.epochs is None or run.place.moment.begun:
        return 1
    steps = run.program.pace.steps(run.events.hears_train_batches)
    return max(1, min(left, feed.epochs_per_block, steps // feed.source.num_batches))


def told_late(run: Any, first: int, count: int, feed: Any) -> Iterator[tuple[int, dict[str, Any]]]:
    """Run several epochs as one dispatch; then give each one's number and logs, when its callbacks know that it began.

    Args:
        run: a `TrainingRun`.
        first: number of the first epoch.
        count: how many.
        feed: of the data.
    """
    batches, data = feed.source.num_batches, feed.epochs(first, count, run.seed)
    run.watch.lap()
    logs, table = run.dispatch(run.program.epochs, data, 0, batches, first, 0, count)
    seconds = run.watch.lap(table)
    run.program.pace.note(count * batches, seconds, run.watch.pages)
    run.program.runs += 1
    run.place.logs = logs
    consumed = run.place.moment.consumed + count * batches
    run.place.move(epoch=first + count, consumed=consumed, batches=batches, batch_size=feed.source.batch_size)
    run.model._show(run.metrics)
    progress = run.events.find(ProgbarLogger)
    for epoch, row in enumerate(np.asarray(table)[:count].tolist(), first):
        run.events.on_epoch_begin(epoch)
        if progress is not None:
            progress.backdate(seconds / count)
        yield epoch, dict(zip(logs, row))

"""`Moment`: where a run of `fit` stands, beside its weights and its optimizer.

Order of data, dropout and every other draw are functions of a seed, the epoch and the number of the step; so a handful of
numbers and the accumulators of the metrics are all that a file must hold for `fit(resume=True)` to go on bit for bit, also from
the middle of an epoch.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import jax
import numpy as np

from jkeras._base.errors import describe
from jkeras.state import random

_NOTHING = """fit(resume=True) goes on with a training that was stopped, but {name!r} holds none. Load it from a file that was
saved during or after a `fit`, with its optimizer:

    model = jkeras.models.load_model("training.keras")      # or: model.compile(...); model.load_weights("training.keras")
    model.fit(x, y, epochs=10, resume=True)

`compile` begins a new training, so it comes before `load_weights`."""

_OTHER_DATA = """The training was saved after {position} of {batches} batches of epoch {epoch}, in batches of {size} rows. These
data make {found_batches} batches of {found_size}, so there is no such place in them. Give fit the data and the batch_size of the
first run; other data may follow once the epoch has ended."""

_OTHER_METRICS = """The training was saved in the middle of an epoch with these accumulators of loss and metrics:

    {saved}

The model was compiled with others:

    {found}

Compile with the loss and the metrics of the first run."""


@dataclasses.dataclass(frozen=True)
class Moment:
    """Where a run stands.

    Attributes:
        epoch: the running epoch, or the next one where none is running.
        position: batches of it that were done.
        begun: whether `on_epoch_begin` of this epoch was called.
        iteration: steps since the run began.
        consumed: batches of the finished epochs since the run began.
        seed: of the data's order.
        key: the numbers of the run's key, two uint32.
        stream: seed of the global stream of random numbers, and how many were taken.
        batches, batch_size: of an epoch and of a batch; None where unknown.
        metrics: accumulators by name.
        logs: results of the epoch so far.
        averaged: where the weights at the end of `fit` are a moving average (`use_ema`): what they were before, by path.
        callbacks: what callbacks want to remember.
    """

    epoch: int = 0
    position: int = 0
    begun: bool = False
    iteration: int = 0
    consumed: int = 0
    seed: int = 0
    key: tuple[int, int] = (0, 0)
    stream: tuple[int, int] = (0, 0)
    batches: int | None = None
    batch_size: int | None = None
    metrics: dict[str, np.ndarray] = dataclasses.field(default_factory=dict)
    logs: dict[str, float] = dataclasses.field(default_factory=dict)
    averaged: dict[str, Any] = dataclasses.field(default_factory=dict)
    callbacks: list[dict[str, Any]] = dataclasses.field(default_factory=list)


def current_moment(model: Any) -> Moment | None:
    """Where the model's training stands: that of the run under way, else where the last one ended or what a file brought.

    Args:
        model: any model.

    Returns:
        None where it was never fitted since `compile`.
    """
    run = model.__dict__.get("_run")
    return model.__dict__.get("_moment") if run is None else run.moment()


def moment_to_resume(model: Any, source: Any, initial_epoch: int) -> Moment:
    """The model's moment, held against the data.

    Args:
        model: compiled.
        source: of the training data.
        initial_epoch: as given to `fit`; the file says where the training goes on, so it must be 0.

    Raises:
        ValueError: there is no training to go on with, or the data are others in the middle of an epoch.
    """
    moment = model.__dict__.get("_moment")
    if moment is None or model.optimizer.live_state is None:
        raise ValueError(_NOTHING.format(name=model.name))
    if initial_epoch:
        raise ValueError(
            f"Received resume=True and initial_epoch={initial_epoch}. The training itself knows that it goes on in epoch "
            f"{moment.epoch}: leave initial_epoch out."
        )
    found = (source.num_batches, source.batch_size)
    differs = any(a is not None and b is not None and a != b for a, b in zip(found, (moment.batches, moment.batch_size)))
    if moment.position and differs:
        raise ValueError(
            _OTHER_DATA.format(
                position=moment.position,
                epoch=moment.epoch + 1,
                batches=moment.batches,
                size=moment.batch_size,
                found_batches=found[0],
                found_size=found[1],
            )
        )
    return moment


def metric_values(metrics: Any) -> dict[str, np.ndarray]:
    """Accumulators as host arrays by name.

    Example:
        >>> metric_values({"loss": {"total": np.float32(3), "count": np.float32(2)}})
        {'loss/count': array(2., dtype=float32), 'loss/total': array(3., dtype=float32)}
    """
    found = jax.tree_util.tree_leaves_with_path(metrics)
    return {jax.tree_util.keystr(path, simple=True, separator="/"): np.array(leaf) for path, leaf in found}


def metrics_from(values: dict[str, np.ndarray], fresh: Any) -> Any:
    """Accumulators in the structure of fresh ones.

    Raises:
        ValueError: they are others.
    """
    expected = metric_values(fresh)

    def shown(arrays: dict[str, np.ndarray]) -> str:
        return ", ".join(f"{name}: {describe(value)}" for name, value in sorted(arrays.items())) or "none"

    if shown(expected) != shown(values):
        raise ValueError(_OTHER_METRICS.format(saved=shown(values), found=shown(expected)))
    return jax.tree.unflatten(jax.tree.structure(fresh), [values[name] for name in expected])


def plain_results(logs: Any) -> dict[str, float]:
    """The scalars among results, as Python numbers."""
    return {name: float(value) for name, value in jax.device_get(logs or {}).items() if np.ndim(value) == 0}


def stream_place() -> tuple[int, int]:
    """Seed of the global stream of random numbers, and how many were taken."""
    return random.stream_seed(), random.numbers_taken()

"""`ResumeState`: where a run of `fit` stands, besides its weights and its optimizer.

The order of the data, dropout and every other draw are functions of a seed, the epoch and the number of the step. So a handful of
numbers and the accumulators of the metrics are all a file needs for `fit(resume=True)` to continue bit for bit, even from the
middle of an epoch.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import jax
import numpy as np

from jkeras._base.errors import describe
from jkeras._base.types import Array, Logs, Tree
from jkeras.data.source import Source
from jkeras.optimizers.state import named_leaves
from jkeras.training.steps import Steps

_NOTHING = """fit(resume=True) continues a training run, but {name!r} holds none. Load it from a file that was saved during or
after a `fit`, with its optimizer:

    model = jkeras.models.load_model("training.keras")      # or: model.compile(...); model.load_weights("training.keras")
    model.fit(x, y, epochs=10, resume=True)

`compile` begins a new training, so it comes before `load_weights`."""

_OTHER_DATA = """\
The training run was saved after {position} of {batches} batches of epoch {epoch}, in batches of {batch_size} rows.
These data make {found.num_batches} batches of {found.batch_size}, so it cannot resume within this epoch. Give fit the data and
the batch_size of the first run; you may change them once the epoch has ended."""

_OTHER_METRICS = """The training run was saved in the middle of an epoch with these accumulators of loss and metrics:

    {saved}

The model was compiled with others:

    {found}

Compile with the loss and the metrics of the first run."""


@dataclasses.dataclass(frozen=True)
class ResumeState:
    """Where a run stands.

    Attributes:
        epoch: the running epoch, or the next one where none is running.
        position: batches of it that are done.
        begun: whether `on_epoch_begin` of this epoch was called.
        iteration: steps since the run began.
        consumed: batches of the finished epochs since the run began.
        seed: of the data's order.
        key: the two uint32 numbers of the run's key.
        stream: seed of the global stream of random numbers, and how many were drawn.
        batches, batch_size: of an epoch and of a batch; None where unknown.
        metrics: accumulators by name.
        logs: results of the epoch so far.
        averaged: where the weights at the end of `fit` are a moving average (`use_ema`): what they were before, by path.
        callbacks: what callbacks remember.
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
    averaged: Mapping[str, Array | np.ndarray] = dataclasses.field(default_factory=dict)
    callbacks: list[dict[str, Any]] = dataclasses.field(default_factory=list)


def current_resume_state(model: Steps) -> ResumeState | None:
    """Where the model's training stands: that of the run under way, else where the last one ended or what a file held.

    Args:
        model: any model.

    Returns:
        None where it was never fitted since `compile`.
    """
    trainer = model._trainer
    return trainer.resume_state if trainer.loop is None else trainer.loop.resume_state()


def resume_state_for(model: Steps, source: Source, initial_epoch: int) -> ResumeState:
    """The model's resume state, checked against the data.

    Args:
        model: compiled.
        source: of the training data.
        initial_epoch: as given to `fit`; the resume state says where to continue, so it must be 0.

    Raises:
        ValueError: there is no run to resume, or the data differ in the middle of an epoch.
    """
    state = model._trainer.resume_state
    if state is None or model._trainer.optimizer.live_state is None:
        raise ValueError(_NOTHING.format(name=model.name))
    if initial_epoch:
        raise ValueError(
            f"Received resume=True and initial_epoch={initial_epoch}. The run continues by itself in epoch "
            f"{state.epoch}: leave initial_epoch out."
        )
    found = (source.num_batches, source.batch_size)
    differs = any(a is not None and b is not None and a != b for a, b in zip(found, (state.batches, state.batch_size)))
    if state.position and differs:
        raise ValueError(_OTHER_DATA.format(**vars(state) | {"epoch": state.epoch + 1}, found=source))
    return state


def metric_values(metrics: Tree) -> dict[str, np.ndarray]:
    """Accumulators as host arrays by name.

    Example:
        >>> metric_values({"loss": {"total": np.float32(3), "count": np.float32(2)}})
        {'loss/count': array(2., dtype=float32), 'loss/total': array(3., dtype=float32)}
    """
    return {name: np.array(leaf) for name, leaf in named_leaves(metrics).items()}


def metrics_from(values: dict[str, np.ndarray], fresh: Tree) -> Tree:
    """Accumulators in the structure of fresh ones.

    Raises:
        ValueError: there are others, or of other shapes.
    """
    expected = metric_values(fresh)

    def shown(arrays: dict[str, np.ndarray]) -> str:
        return ", ".join(f"{name}: {describe(value)}" for name, value in sorted(arrays.items())) or "none"

    if shown(expected) != shown(values):
        raise ValueError(_OTHER_METRICS.format(saved=shown(values), found=shown(expected)))
    return jax.tree.unflatten(jax.tree.structure(fresh), [values[name] for name in expected])


def plain_results(logs: Logs) -> dict[str, float]:
    """The scalars among results, as Python numbers."""
    return {name: float(value) for name, value in jax.device_get(logs or {}).items() if np.ndim(value) == 0}

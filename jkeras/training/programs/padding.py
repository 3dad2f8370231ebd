"""Whether a batch may be padded with rows that weigh nothing, so that batches of several sizes have one shape."""

from __future__ import annotations

import functools
from collections.abc import Callable

import jax

from jkeras._base.types import Tree
from jkeras.losses import Loss
from jkeras.metrics import MeanMetricWrapper
from jkeras.training.programs.forward import ForwardPass, function_keeps_rows_apart
from jkeras.training.steps import Steps


def rows_can_be_masked(model: Steps, y_spec: Tree, forward: ForwardPass, rows: int) -> bool:
    """Whether losses and metrics stay the same when rows of weight zero are added.

    Args:
        model: with an objective.
        y_spec: pytree of shapes of a batch of targets.
        forward: the model's forward pass.
        rows: of the batch.
    """
    own = ("test_step", "objective", "compute_loss", "compute_metrics", "update_metrics")
    overridden = any(getattr(type(model), name) is not getattr(Steps, name) for name in own)
    if forward.adds_losses or not model._trainer.jit or overridden:
        return False
    objective = model._trainer.objective
    targets = objective.targets(y_spec) if objective.losses or objective.tracked else []
    predictions = jax.tree.leaves(forward.outputs_at(rows))
    for term in objective.losses:
        # For a loss without reduction the mean is reported, over padded rows too.
        if type(term.loss).__call__ is not Loss.__call__ or term.loss.reduction in (None, "none"):
            return False
        if not isinstance(term.outputs, int) or not by_row(term.loss.call, targets[term.outputs], predictions[term.outputs]):
            return False
    for tracked in objective.tracked:
        metric = tracked.metric
        if not type(metric).__module__.startswith("jkeras.metrics.") or metric.counts_rows:
            return False
        if isinstance(metric, MeanMetricWrapper):
            fn = functools.partial(metric.fn, **metric._fn_kwargs)
            if not by_row(fn, targets[tracked.output], predictions[tracked.output]):
                return False
    return forward.keeps_rows_apart


def by_row(fn: Callable[..., Tree], target: Tree, prediction: Tree) -> bool:
    """Whether a function of a batch gives one value, or one row of values, for each row, whatever the others hold."""
    return target is not None and function_keeps_rows_apart(fn, target, prediction)

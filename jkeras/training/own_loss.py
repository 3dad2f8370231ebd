"""What a `compute_loss` of the user's hands to the compiled losses.

A class may compare something else than the outputs of its model with something else than the targets of the data:

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        mean, spread = ops.split(y_pred, 2, axis=-1)
        return super().compute_loss(x, [y, y], [mean, spread], sample_weight)

The losses of `compile` are then for what it hands on, as in Keras: `loss=["mse", "mae"]` here. The metrics stay with the outputs.
"""

from __future__ import annotations

import functools
import inspect
from typing import TYPE_CHECKING, NamedTuple

import jax
import jax.numpy as jnp

from jkeras._base.types import Array, Batch, Tree
from jkeras.graph.infer import at_size
from jkeras.layer.leaks import hide_tracers
from jkeras.layer.tracking import inventory
from jkeras.state.functionalize import abstractly, functionalize
from jkeras.state.scope import UnknownVariables, current, pop, push

if TYPE_CHECKING:
    from jkeras.training.steps import Steps


class Handed(NamedTuple):
    """Shapes and dtypes of what is compared by the compiled losses; None and None where they are not asked.

    Attributes:
        y, y_pred: targets and outputs.
    """

    y: Tree
    y_pred: Tree


class OutputsKnown(BaseException):
    """The code that is traced has come to outputs that it compares with targets.

    Args:
        y, y_pred: targets and outputs.
    """

    def __init__(self, y: Tree, y_pred: Tree):
        super().__init__()
        self.given = y, y_pred

    @property
    def handed(self) -> Handed:
        """Their shapes and dtypes."""
        return shapes_of(*self.given)


def shapes_of(y: Tree, y_pred: Tree) -> Handed:
    """Shapes and dtypes of targets and outputs."""
    return Handed(*jax.tree.map(lambda a: jax.ShapeDtypeStruct(jnp.shape(a), jnp.result_type(a)), (y, y_pred)))


def loss_of(model: Steps, x: Tree, y: Tree, y_pred: Tree, sample_weight: Tree, training: bool) -> Array:
    """`model.compute_loss`, which may have an argument `training` or not."""
    flag = {"training": training} if "training" in inspect.signature(model.compute_loss).parameters else {}
    outside = push(current().for_layer(None, None))  # the flag is that of the forward pass
    try:
        return model.compute_loss(x=x, y=y, y_pred=y_pred, sample_weight=sample_weight, **flag)
    finally:
        pop(outside)


def handed_to_losses(model: Steps, specs: Batch, rows: int) -> Handed | None:
    """What the model's own `compute_loss` hands to the compiled losses, found by a trace that ends where it does.

    Args:
        model: it has a forward pass.
        specs: of a batch, with None for the axis of rows.
        rows: of the batch.

    Returns:
        None for the targets and the outputs as they are, and where the method fails: the step will say so.
    """
    if getattr(type(model).compute_loss, "__module__", "").startswith("jkeras."):
        return None
    if model.loss is None:
        return Handed(None, None)
    batch = jax.tree.map(lambda s: at_size(s, rows), specs)
    own: tuple[Tree, Tree] = None, None

    def run(x: Tree, y: Tree, sample_weight: Tree, training: bool) -> tuple[()]:
        nonlocal own
        own = y, model(x, training=training)
        loss_of(model, x, *own, sample_weight, training)
        return ()

    model._trainer.finds_outputs = True
    try:
        for training in (False, True):
            call = functools.partial(run, training=training)
            if model._trainer.jit:
                abstractly(call, *batch)
            else:  # run_eagerly is for code that looks at values
                variables = [variable for _, variable in inventory(model).entries]
                zeros = jax.tree.map(lambda s: jnp.zeros(s.shape, s.dtype), batch)
                functionalize(call, variables)([v.array for v in variables], *zeros)
    except OutputsKnown as found:
        return None if all(given is mine for given, mine in zip(found.given, own)) else found.handed
    except (Exception, UnknownVariables):
        return None
    finally:
        model._trainer.finds_outputs = False
        hide_tracers(model)
    return Handed(None, None)

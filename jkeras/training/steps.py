"""`Steps`: a layer with the pure steps that train, evaluate and predict.

A step is a pure function `(TrainState, batch) -> (TrainState, logs)`. A subclass may override `train_step` and write it in the
terms of the default:

    def train_step(self, state, batch):
        x, y, sample_weight = batch
        grad = jax.grad(self.objective, has_aux=True)
        grads, outcome = grad(state.params, state.state, x, y, sample_weight, state.key)
        state = self.apply_gradients(state._replace(state=outcome.state), grads)
        return self.update_metrics(state, y, outcome, sample_weight)
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp

from jkeras._base import paths
from jkeras._base.types import Array, Batch, Logs, Tree
from jkeras.callbacks import History
from jkeras.layer.base import Layer
from jkeras.layer.leaks import hide_tracers
from jkeras.layer.pure import layer_positions, refuse_assigned
from jkeras.layer.tracking import Tracker, inventory, weight_entries
from jkeras.nn.updates import after_all
from jkeras.optimizers.state import Constraints
from jkeras.state.functionalize import functionalize
from jkeras.state.scope import complete_scope, current, get_mask, set_mask
from jkeras.training import keras_step
from jkeras.training.dialects import any_form
from jkeras.training.objective.containers import one_by_one
from jkeras.training.objective.logs import flat_results
from jkeras.training.objective.objective import add_loss
from jkeras.training.objective.trackers import results, updated
from jkeras.training.overwriting import divide, overwritten, unite
from jkeras.training.own_loss import loss_of
from jkeras.training.state import Outcome, TrainState
from jkeras.training.whole_step import take_over

if TYPE_CHECKING:
    from jkeras.data.prepared import Preparation
    from jkeras.training.trainer import Trainer


class Steps(Layer):
    """A layer with the pure steps of a model and their parts."""

    optimizer: Any
    loss: object
    history: History | None
    stop_training = stop_evaluating = stop_predicting = False
    _trainer: Trainer

    def _preparation(self) -> Preparation | None:
        """What the host does to the inputs of each batch before the compiled step gets them; None for nothing."""
        return None

    @any_form
    def train_step(self, state: TrainState, batch: Batch) -> tuple[TrainState, Logs]:
        """One step of gradient descent.

        Args:
            state: before the step.
            batch: `(x, y, sample_weight)`; None where absent.

        Returns:
            The state after it, and the logs: results of the running epoch so far.
        """
        x, y, sample_weight = batch
        scale = self.optimizer.loss_scale(state.opt_state)
        grad = jax.grad(self.objective, has_aux=True)
        keeps = {"keeps_assigned": True} if "keeps_assigned" in inspect.signature(self.objective).parameters else {}
        grads, outcome = grad(state.params, state.state, x, y, sample_weight, state.key, scale=scale, **keeps)
        if outcome.assigned:  # gradient descent goes on from there
            state = state._replace(params=paths.nest({**paths.flatten(state.params), **paths.flatten(outcome.assigned)}))
        state = self.apply_gradients(state._replace(state=outcome.state), grads)
        return self.update_metrics(state, y, outcome, sample_weight)

    @any_form
    def test_step(self, state: TrainState, batch: Batch) -> tuple[TrainState, Logs]:
        """One batch of an evaluation: as `train_step`, without training."""
        return self._test_step(state, batch, None)

    def _test_step(self, state: TrainState, batch: Batch, rows: Array | None) -> tuple[TrainState, Logs]:
        """`test_step` of a batch in which only the rows count where `rows` is True."""
        x, y, sample_weight = batch
        given = () if rows is None else (rows,)
        _, outcome = self.objective(state.params, state.state, x, y, sample_weight, state.key, False, None, *given)
        state = state._replace(state=outcome.state, iteration=state.iteration + 1, position=state.position + 1)
        return self.update_metrics(state, y, outcome, sample_weight)

    @any_form
    def predict_step(self, state: TrainState, batch: Batch) -> tuple[TrainState, Tree]:
        """One batch of a prediction: the state and the model's outputs."""
        y_pred, after = self.apply(state.params, state.state, batch[0], training=False, rng=state.key)
        return state._replace(state=after), y_pred

    def objective(
        self,
        params: Tree,
        state: Tree,
        x: Tree,
        y: Tree,
        sample_weight: Tree,
        rng: Array,
        training: bool = True,
        scale: Array | None = None,
        rows: Array | None = None,
        keeps_assigned: bool = False,
    ) -> tuple[Array, Outcome]:
        """The loss as a pure function of the weights, for `jax.grad`.

        Args:
            params, state: nested dicts of weights.
            x, y, sample_weight: a batch.
            rng: a key for dropout and the like.
            training: the training flag.
            scale: a factor for the differentiated loss, against underflow in half precision.
            rows: `(n,)` booleans, which rows of the batch count; None for all.
            keeps_assigned: whether the caller takes over `outcome.assigned`, what the forward pass assigns to trainable weights.
                Else such an assignment in training is an error, because it would be lost.

        Returns:
            `(loss, outcome)`: the scalar to differentiate, and the plain loss, new state, outputs and parts of the loss.
        """
        flat_params, flat_state = paths.flatten(params), paths.flatten(state)
        held = inventory(self)
        entries = held.weights + [(p, v) for p, v in held.entries[len(held.weights) :] if p in flat_state]
        values = [flat_params[p] if p in flat_params else flat_state[p] for p, _ in entries]
        step = complete_scope()
        if step is not None and step.values is not None:  # what the step has assigned so far
            assigned = {key: value for key, value in step.values.items() if step.start.get(key) is not value}
            values = [assigned.get(id(v), value) if p in flat_state else value for (p, v), value in zip(entries, values)]

        def loss_and_outcome() -> tuple[Array, Tree, list[Array | None], Logs]:
            if keeps_assigned:
                current().differentiated = frozenset(id(v) for p, v in entries if p in flat_params)
            y_pred = self(x, training=training)
            masks = [get_mask(leaf) for leaf in jax.tree.leaves(y_pred)]
            if rows is not None:
                _mask_rows(y_pred, rows)
            with self._trainer.noting_losses(y, y_pred, sample_weight) as parts:
                loss = loss_of(self, x, y, y_pred, sample_weight, training)
            return _one_number(loss, training) if jnp.ndim(loss) else loss, y_pred, masks, parts

        pure = functionalize(loss_and_outcome, [v for _, v in entries], layer_positions(self))
        try:
            result = pure(values, rng=rng, training=training)
        finally:
            hide_tracers(self)
        loss, y_pred, masks, parts = result.output
        replaced = [(p, new) for (p, _), old, new in zip(entries, values, result.values) if new is not old and p in flat_params]
        if not keeps_assigned:
            refuse_assigned(zip(entries, values, result.values), flat_params, training)
        if step is not None:
            moved = [(p, v) for (p, v), before, after in zip(entries, values, result.values) if after is not before]
            step.ahead |= {id(v) for p, v in moved if p in flat_state}  # the optimizer sets the others
        after = paths.nest([(p, value) for (p, _), value in zip(entries, result.values) if p in flat_state])
        return loss if scale is None else loss * scale, Outcome(loss, after, y_pred, parts, masks, rows, x, paths.nest(replaced))

    def compute_loss(
        self, x: Tree = None, y: Tree = None, y_pred: Tree = None, sample_weight: Tree = None, training: bool = True
    ) -> Array:
        """The scalar that training minimises: the compiled losses, `add_loss`, and regularization. May be overridden.

        An override may call this method with targets and outputs of other structures than the data's and the model's. The losses
        of `compile` are then for those; `own_loss.py` has an example.

        Args:
            x, y, y_pred, sample_weight: inputs, targets, outputs and weights of a batch.
            training: whether this is a training step.
        """
        total, compiled = self._trainer.compiled_loss(y, y_pred, sample_weight)
        added = self.losses
        if training and not added and not compiled:
            raise ValueError(
                "There is nothing to minimise: the model was compiled without a loss and no layer added one. "
                "Write compile(loss=...), or call self.add_loss(...) in a layer, or override compute_loss."
            )
        loss: Array = sum(map(jnp.sum, added), total)
        self._trainer.note_loss_of_step(loss, y_pred)
        return loss

    stateless_compute_loss = keras_step.stateless_compute_loss

    def compute_metrics(self, x: Tree, y: Tree, y_pred: Tree, sample_weight: Tree = None) -> Logs:
        """Update the compiled metrics by a batch and give the results of all. May be overridden, to update others too.

        Args:
            x, y, y_pred, sample_weight: inputs, targets, outputs and weights of a batch.

        Returns:
            `{name: result}`, the logs.

        Example:
            >>> import numpy as np
            >>> from jkeras import Sequential, layers, metrics
            >>> class Model(Sequential):
            ...     def __init__(self, *args):
            ...         super().__init__(*args)
            ...         self.largest = metrics.Mean(name="largest")
            ...     def compute_metrics(self, x, y, y_pred, sample_weight=None):
            ...         self.largest.update_state(jnp.max(x))
            ...         return super().compute_metrics(x, y, y_pred, sample_weight)
            >>> model = Model([layers.Dense(1)])
            >>> model.compile("sgd", "mse")
            >>> model.evaluate(np.ones((4, 2)), np.ones((4, 1)), verbose=0, return_dict=True)["largest"]
            1.0
        """
        if self._trainer.is_prepared:
            self._trainer.track_loss_of_step()
            self._trainer.objective.update_metric_objects(y, y_pred, sample_weight)
        return self.get_metrics_result()

    def get_metrics_result(self) -> Logs:
        """The results of all `metrics` so far, by name."""
        names = {id(metric): name for name, metric in self._trainer.compiled_metrics}
        return flat_results((names.get(id(m), m.name), m.result()) for m in one_by_one(self.metrics))

    @property
    def metrics(self) -> list[Any]:
        """What is reported: the mean of the loss, the compiled metrics, the means of the losses of several outputs, and the
        metrics that the model and its layers hold.

        As in Keras 3 the compiled metrics are one object, `compile_metrics`, with a list of its own. They are there once the
        shapes of the data are known. Metrics of a model inside this one belong to its training. May be overridden.

        Example:
            >>> import numpy as np
            >>> from jkeras import Input, Sequential, layers
            >>> model = Sequential([Input((2,)), layers.Dense(1)])
            >>> model.compile("sgd", "mse", metrics=["mae"])
            >>> _ = model.evaluate(np.ones((4, 2)), np.ones((4, 1)), verbose=0)
            >>> [metric.name for metric in model.metrics], [metric.name for metric in model.metrics[1].metrics]
            (['loss', 'compile_metrics'], ['mae'])
        """
        held = inventory(self).trackers
        own = [tracker for _, tracker, layer in held if layer is self or not isinstance(layer, Steps)]
        return [*self._trainer.shown_metrics, *own]

    def _trackers(self) -> list[Tracker]:
        """Metrics in attributes; those that were compiled too are known already."""
        known = self._trainer.compiled_ids
        return [tracker for tracker in super()._trackers() if id(tracker) not in known]

    def apply_gradients(self, state: TrainState, grads: Tree) -> TrainState:
        """The state after an optimizer step. Pure.

        Args:
            state: before the step.
            grads: pytree like `state.params`.
        """
        places = overwritten(inventory(self))
        (params, old), (grads, new) = divide(state.params, places), divide(grads, places)
        params, opt_state = self._trainer.optimizer.update(after_all(grads), state.opt_state, params, self._constraints())
        params = unite(params, old, new)
        return state._replace(params=params, opt_state=opt_state, iteration=state.iteration + 1, position=state.position + 1)

    def _constraints(self) -> Constraints | None:
        trainable = {id(variable) for variable in self.trainable_weights}
        found = {"/".join(p): v.constraint for p, v in weight_entries(self) if v.constraint is not None and id(v) in trainable}
        return found or None

    def update_metrics(self, state: TrainState, y: Tree, outcome: Outcome, sample_weight: Tree) -> tuple[TrainState, Logs]:
        """Accumulate a batch into the metrics. Pure.

        Returns:
            The state with new accumulators, and the logs: each metric's result so far.
        """
        objective = self._trainer.objective
        count = jax.tree.leaves(outcome.y_pred)[0].shape[0] if outcome.rows is None else jnp.sum(outcome.rows)
        values = {"loss": outcome.loss, **outcome.losses}
        take_over(self, state)
        if type(self).compute_metrics is not Steps.compute_metrics:

            def update() -> Logs:
                for name, value in values.items():
                    objective.loss_means[name].update_state(value, sample_weight=count)
                return self.compute_metrics(outcome.x, y, outcome.y_pred, sample_weight)

            return updated(self, state, outcome, update)
        metrics = add_loss(state.metrics, values, count)
        metrics = objective.update_metrics(metrics, y, outcome, sample_weight)
        state = state._replace(metrics=metrics)
        return state, results(self, state)


def has_forward_pass(model: Steps) -> bool:
    """Whether a model computes outputs; one whose steps train other models, as a GAN does, need not."""
    return type(model).call is not Layer.call or type(model).forward is not Layer.forward


def reports_metrics_alone(model: Steps, step: str = "train_step") -> bool:
    """Whether a step reports its metrics and nothing else, as the default step does."""
    pieces = (step, "update_metrics", "compute_metrics", "get_metrics_result")
    return all(getattr(type(model), name) is getattr(Steps, name) for name in pieces)


def _one_number(loss: Array, training: bool) -> Array:
    """A loss without reduction as the number that an evaluation reports."""
    if training:
        raise ValueError(
            f"Training minimises one number, and the loss is an array of shape {loss.shape}. Give it a reduction, such as "
            "reduction='sum_over_batch_size', or let compute_loss return its mean. evaluate takes it as it is."
        )
    return jnp.mean(loss)


def _mask_rows(y_pred: Tree, rows: Array) -> None:
    """Exclude rows from losses: masked entries weigh nothing and are not counted."""
    for leaf in {id(leaf): leaf for leaf in jax.tree.leaves(y_pred)}.values():
        mask = get_mask(leaf)
        set_mask(leaf, rows if mask is None else mask & rows.reshape(-1, *(1,) * (mask.ndim - 1)))

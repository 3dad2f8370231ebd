"""The step: one batch, as a pure function `(TrainState, batch) -> (TrainState, logs)`.

A model trains by `train_step`; a subclass may override it, and builds it from the same pieces as the default:

    def train_step(self, state, batch):
        x, y, sample_weight = batch
        grad = jax.grad(self.objective, has_aux=True)
        grads, outcome = grad(state.params, state.state, x, y, sample_weight, state.key)
        state = self.apply_gradients(state._replace(state=outcome.state), grads)
        return self.update_metrics(state, y, outcome, sample_weight)
"""

from __future__ import annotations

import inspect
from typing import Any

import jax
import jax.numpy as jnp

from jkeras._base import paths
from jkeras.layers.leaks import hide_tracers
from jkeras.layers.pure import layer_positions, refuse_assigned
from jkeras.layers.tracking import inventory, weight_entries
from jkeras.nn.updates import after_all
from jkeras.state.scope import complete_scope, get_mask, pop, push, set_mask, substitute
from jkeras.training.logs import flat_results
from jkeras.training.objective import Objective, add_loss
from jkeras.training.state import Outcome, TrainState
from jkeras.training.trackers import results, updated
from jkeras.training.whole_step import take_over

Batch = tuple[Any, Any, Any]


class Steps:
    """The pure steps of a model and the pieces they are made of."""

    optimizer: Any
    _objective: Objective | None
    _parts: tuple[Any, dict[str, Any]] | None = None  # while a loss is computed: the outputs, and the losses of each

    def train_step(self, state: TrainState, batch: Batch) -> tuple[TrainState, dict[str, Any]]:
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
        grads, outcome = grad(state.params, state.state, x, y, sample_weight, state.key, scale=scale)
        state = self.apply_gradients(state._replace(state=outcome.state), grads)
        return self.update_metrics(state, y, outcome, sample_weight)

    def test_step(self, state: TrainState, batch: Batch) -> tuple[TrainState, dict[str, Any]]:
        """One batch of an evaluation: as `train_step`, without training."""
        return self._test_step(state, batch, None)

    def _test_step(self, state: TrainState, batch: Batch, rows: Any) -> tuple[TrainState, dict[str, Any]]:
        """`test_step` of a batch in which only the rows count where `rows` is True."""
        x, y, sample_weight = batch
        given = () if rows is None else (rows,)
        _, outcome = self.objective(state.params, state.state, x, y, sample_weight, state.key, False, None, *given)
        state = state._replace(state=outcome.state, iteration=state.iteration + 1, position=state.position + 1)
        return self.update_metrics(state, y, outcome, sample_weight)

    def predict_step(self, state: TrainState, batch: Batch) -> tuple[TrainState, Any]:
        """One batch of a prediction: the state and the model's outputs."""
        y_pred, after = self.apply(state.params, state.state, batch[0], training=False, rng=state.key)  # type: ignore[attr-defined]
        return state._replace(state=after), y_pred

    def objective(
        self,
        params: Any,
        state: Any,
        x: Any,
        y: Any,
        sample_weight: Any,
        rng: Any,
        training: bool = True,
        scale: Any = None,
        rows: Any = None,
    ) -> tuple[Any, Outcome]:
        """The loss as a pure function of the weights, for `jax.grad`.

        Args:
            params, state: nested dicts of weights.
            x, y, sample_weight: a batch.
            rng: a key for dropout and the like.
            training: the training flag.
            scale: a factor for the differentiated loss, against underflow in half precision.
            rows: `(n,)` booleans, which rows of the batch count; None for all.

        Returns:
            `(loss, outcome)`: the scalar to differentiate, and the plain loss, new state, outputs and parts of the loss.
        """
        flat_params, flat_state = paths.flatten(params), paths.flatten(state)
        held = inventory(self)
        entries = held.weights + [(p, b) for p, b in held.entries[len(held.weights) :] if p in flat_state]
        values = {id(b): flat_params[p] if p in flat_params else flat_state[p] for p, b in entries}
        step = complete_scope()
        if step is not None and step.values is not None:  # what the step has assigned so far
            given = {key for key in values if step.values.get(key) is not step.start.get(key)}
            values.update((id(b), step.values[id(b)]) for p, b in entries if id(b) in given and p in flat_state)
        scope = substitute(values, rng=rng, training=training, positions=layer_positions(self))  # type: ignore[arg-type]
        token = push(scope)
        try:
            y_pred = self(x, training=training)  # type: ignore[operator]
            masks = [get_mask(leaf) for leaf in jax.tree.leaves(y_pred)]
            if rows is not None:
                _mask_rows(y_pred, rows)
            flag = {"training": training} if "training" in inspect.signature(self.compute_loss).parameters else {}
            inner = push(scope.for_layer(None, None))  # the flag is that of the forward pass
            try:
                parts: dict[str, Any] = {}
                vars(self)["_parts"] = y_pred, parts  # not an attribute that layers could be found in
                loss = self.compute_loss(x=x, y=y, y_pred=y_pred, sample_weight=sample_weight, **flag)
                if not parts and self._objective is not None and self._objective.loss_names:
                    self._loss_parts(y, y_pred, sample_weight)  # a `compute_loss` of the user's own did not ask for them
            finally:
                vars(self)["_parts"] = None
                pop(inner)
            if jnp.ndim(loss):
                loss = _one_number(loss, training)
        finally:
            pop(token)
            hide_tracers(self)
        refuse_assigned((((p, b), scope.start[id(b)], values[id(b)]) for p, b in entries), flat_params)
        if step is not None:
            step.ahead |= {key for key, value in scope.start.items() if values[key] is not value}
        after = paths.nest([(p, values[id(b)]) for p, b in entries if p in flat_state])
        return loss if scale is None else loss * scale, Outcome(loss, after, y_pred, parts, masks, rows, x)

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: bool = True
    ) -> Any:
        """The scalar that training minimises: the compiled losses, `add_loss`, and regularization. May be overridden.

        Args:
            x, y, y_pred, sample_weight: inputs, targets, outputs and weights of a batch.
            training: whether this is a training step.
        """
        total, _ = self._loss_parts(y, y_pred, sample_weight)
        added = self.losses  # type: ignore[attr-defined]
        if training and not added and (self._objective is None or not self._objective.has_losses):
            raise ValueError(
                "There is nothing to minimise: the model was compiled without a loss and no layer added one. "
                "Write compile(loss=...), or call self.add_loss(...) in a layer, or override compute_loss."
            )
        return sum(added, total)

    def _loss_parts(self, y: Any, y_pred: Any, sample_weight: Any) -> tuple[Any, dict[str, Any]]:
        if self._objective is None:
            return jnp.zeros((), jnp.float32), {}
        total, parts = self._objective.loss(y, y_pred, sample_weight)
        if self._parts is not None and self._parts[0] is y_pred:
            self._parts[1].update(parts)
        return total, parts

    def compute_metrics(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> dict[str, Any]:
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
        if self._objective is not None:
            self._objective.update_metric_objects(y, y_pred, sample_weight)
        return self.get_metrics_result()

    def get_metrics_result(self) -> dict[str, Any]:
        """The results of all `metrics` so far, by name."""
        names = {id(metric): name for name, metric in self._compiled_metrics()}  # type: ignore[attr-defined]
        return flat_results((names.get(id(m), m.name), m.result()) for m in self.metrics)  # type: ignore[attr-defined]

    def apply_gradients(self, state: TrainState, grads: Any) -> TrainState:
        """The state after an optimizer step. Pure.

        Args:
            state: before the step.
            grads: pytree like `state.params`.
        """
        params, opt_state = self.optimizer.update(after_all(grads), state.opt_state, state.params, self._constraints())
        return state._replace(params=params, opt_state=opt_state, iteration=state.iteration + 1, position=state.position + 1)

    def _constraints(self) -> dict[str, Any] | None:
        entries = weight_entries(self)  # type: ignore[arg-type]
        trainable = {id(b) for b in self.trainable_weights}  # type: ignore[attr-defined]
        found = {"/".join(p): b.constraint for p, b in entries if b.constraint is not None and id(b) in trainable}
        return found or None

    def update_metrics(
        self, state: TrainState, y: Any, outcome: Outcome, sample_weight: Any
    ) -> tuple[TrainState, dict[str, Any]]:
        """Accumulate a batch into the metrics. Pure.

        Returns:
            The state with new accumulators, and the logs: each metric's result so far.
        """
        assert self._objective is not None
        count = jax.tree.leaves(outcome.y_pred)[0].shape[0] if outcome.rows is None else jnp.sum(outcome.rows)
        values = {"loss": outcome.loss, **outcome.losses}
        take_over(self, state)
        if type(self).compute_metrics is not Steps.compute_metrics:

            def update() -> dict[str, Any]:
                for name, value in values.items():
                    self._loss_means[name].update_state(value, sample_weight=count)  # type: ignore[attr-defined]
                return self.compute_metrics(outcome.x, y, outcome.y_pred, sample_weight)

            return updated(self, state, outcome, update)
        metrics = add_loss(state.metrics, values, count)
        metrics = self._objective.update_metrics(metrics, y, outcome, sample_weight)
        state = state._replace(metrics=metrics)
        return state, results(self, state)


def reports_metrics_alone(model: Any, step: str = "train_step") -> bool:
    """Whether what a step reports follows from its metrics, as it does for the step that is not overridden."""
    pieces = (step, "update_metrics", "compute_metrics", "get_metrics_result")
    return all(getattr(type(model), name) is getattr(Steps, name) for name in pieces)


def _one_number(loss: Any, training: bool) -> Any:
    """A loss without reduction as the number that an evaluation reports."""
    if training:
        raise ValueError(
            f"Training minimises one number, and the loss is an array of shape {loss.shape}. Give it a reduction, such as "
            "reduction='sum_over_batch_size', or let compute_loss return its mean. evaluate takes it as it is."
        )
    return jnp.mean(loss)


def _mask_rows(y_pred: Any, rows: Any) -> None:
    """Let losses leave rows out: masked entries weigh nothing and are not counted."""
    for leaf in {id(leaf): leaf for leaf in jax.tree.leaves(y_pred)}.values():
        mask = get_mask(leaf)
        set_mask(leaf, rows if mask is None else mask & rows.reshape(-1, *(1,) * (mask.ndim - 1)))

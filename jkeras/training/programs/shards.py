"""Steps whose results have the same bits on any number of devices: `compile(reproducible="devices")`.

A batch is split into a fixed number of virtual shards, 8 unless you say otherwise, and a device computes some of them, one after
the other. What a shard gives is computed by the same compiled computation on the same number of rows wherever it runs; gradients,
losses and what metrics count are added in a binary tree over the shards (`nn/tree_sum.py`); then each device updates its copy of
the weights. So nothing depends on how many devices there are:

    batch -> shards -> (gradients, loss, counts) of each -> sums in a tree -> update

A shard's loss is its share of the loss of the whole batch: what is divided by, such as a sum of weights, is known of all shards
before one of them is differentiated. Draws depend on the number of the shard. A batch that does not divide into the shards is
padded with rows that weigh nothing, where it is proven that no result can tell.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jax.sharding import PartitionSpec as P

from jkeras._base import paths
from jkeras._base.types import Array, Batch, Logs, Scalar, Tree
from jkeras.graph.spec import Spec
from jkeras.layer.tracking import inventory, walk
from jkeras.losses import Loss
from jkeras.losses.total import TotalLoss
from jkeras.metrics import Metric
from jkeras.nn.losses_align import divide_or_zero
from jkeras.nn.tree_sum import alone, hidden_zero, sum_of_parts, sum_over_devices
from jkeras.state.placement import Placement
from jkeras.state.scope import current
from jkeras.training.objective.objective import Objective, add_loss
from jkeras.training.objective.terms import Term, name_of
from jkeras.training.objective.trackers import results
from jkeras.training.overwriting import overwritten
from jkeras.training.programs.forward import ForwardPass
from jkeras.training.programs.padding import by_row, rows_can_be_masked
from jkeras.training.state import Outcome, TrainState
from jkeras.training.steps import Steps

Counts = Sequence[Array | int | None]

_ONLY = 'reproducible="devices" '
_OVERRIDDEN = """{name}.{method} is overridden. reproducible="devices" runs the library's step on each shard of a batch, and
cannot split one of your own. Put what it does into a loss, a metric or a layer, or compile without `reproducible`."""
_CHANGED = """The forward pass changes {path!r}, as the statistics of BatchNormalization are. With reproducible="devices" a shard
does not see the whole batch. Use LayerNormalization or GroupNormalization, set trainable=False for the layer, or compile without
`reproducible`."""
_ADDED = """{layer!r} adds to the loss in its forward pass. Whether that is a sum or a mean over the rows is not known, so
reproducible="devices" cannot add the shares of its shards. Give the model an output for it and a loss for that output."""
_NO_ROWS = """The metric {name!r} is a function that looks at several rows at once, or gives one number for all of them, and a
shard sees some rows alone. Give one value for each row, as `jnp.mean(..., axis=-1)` does, or compile without `reproducible`."""
_COMPARED = """{what} looks at several rows at once, or cannot be shown to look at each alone, and a shard sees some rows alone.
So the numbers would not be those of the whole batch. Compile without `reproducible`."""
_PADDING = """A batch of {rows} rows does not divide into {shards} shards, and rows that weigh nothing would change its results:
a layer, loss or metric looks at several rows at once. Give all batches a multiple of {shards} rows: another batch_size, data[:n],
or steps_per_epoch."""


class ShardedStep:
    """The steps of `fit` and `evaluate` over virtual shards, `(state, batch) -> (state, logs)`.

    Args:
        model: compiled, with a known objective.
        shards: how many, a power of two.
        placement: where arrays lie.

    Raises:
        ValueError: the result could depend on the number of devices, or would not be that of the whole batch.
    """

    def __init__(self, model: Steps, shards: int, placement: Placement):
        self.model, self.shards, self._mesh = model, shards, placement.mesh
        check_devices(model, shards, placement)
        _check_methods(model)
        _check_objective(model)
        assert isinstance(placement.rows, str)
        self._axis, self._start = placement.rows, model._trainer.objective.init_metrics()

    def train(self, state: TrainState, batch: Batch) -> tuple[TrainState, Logs]:
        """One step of gradient descent."""
        model, rows = self.model, jax.tree.leaves(batch)[0].shape[0]
        grads, values, counted = self._sums(state, batch, None, True)

        def update(_: Scalar, carry: Tree, grads: Tree, values: Tree, counted: Tree) -> Tree:
            params, opt_state, metrics = carry
            after = model.apply_gradients(state._replace(params=params, opt_state=opt_state), grads)
            return after.params, after.opt_state, _accumulated(metrics, values, counted, rows)

        before = state.params, state.opt_state, state.metrics
        params, opt_state, metrics = alone(update, hidden_zero(state.iteration), before, grads, values, counted)
        return self._after(state._replace(params=params, opt_state=opt_state, metrics=metrics))

    def test(self, state: TrainState, batch: Batch, rows: Array | None = None) -> tuple[TrainState, Logs]:
        """One batch of an evaluation, in which only the rows count where `rows` is True."""
        _, values, counted = self._sums(state, batch, rows, False)
        number = jax.tree.leaves(batch)[0].shape[0] if rows is None else jnp.sum(rows)

        def update(_: Scalar, metrics: Tree, values: Tree, counted: Tree) -> Tree:
            return _accumulated(metrics, values, counted, number)

        return self._after(state._replace(metrics=alone(update, hidden_zero(state.iteration), state.metrics, values, counted)))

    def _after(self, state: TrainState) -> tuple[TrainState, Logs]:
        state = state._replace(iteration=state.iteration + 1, position=state.position + 1)
        return state, results(self.model, state)

    def _sums(self, state: TrainState, batch: Batch, rows: Array | None, training: bool) -> tuple[Tree, Tree, Tree]:
        """Gradients, losses by name and what metrics count, of the whole batch."""
        scale = self.model.optimizer.loss_scale(state.opt_state) if training else None
        data = self._padded(batch, rows, training)
        run = jax.shard_map(
            functools.partial(self._on_device, training),
            mesh=self._mesh,
            in_specs=(P(), P(), P(), P(), P(), P(self._axis)),
            out_specs=P(),
            check_vma=False,
        )
        found: tuple[Tree, Tree, Tree] = run(hidden_zero(state.iteration), state.key, scale, state.params, state.state, data)
        if rows is None:
            self._check_rows(batch, training)
        return found

    def _padded(self, batch: Batch, rows: Array | None, training: bool) -> tuple[Batch, Array | None]:
        """A batch that divides into the shards, and which of its rows count."""
        size = jax.tree.leaves(batch)[0].shape[0]
        missing = -size % self.shards
        if not missing:
            return batch, rows
        if rows is None:
            y, forward, whole = self._probed(batch, training)
            if not rows_can_be_masked(self.model, y, forward, whole):
                raise ValueError(_PADDING.format(rows=size, shards=self.shards))
        counts = jnp.arange(size + missing) < size
        if rows is not None:
            counts = counts & jnp.pad(rows, (0, missing))
        return jax.tree.map(lambda a: jnp.concatenate([a, jnp.repeat(a[:1], missing, axis=0)]), batch), counts

    def _probed(self, batch: Batch, training: bool) -> tuple[Tree, ForwardPass, int]:
        """Shapes of targets, a forward pass that tells whether rows are kept apart, and its number of rows."""
        rows = max(jax.tree.leaves(batch)[0].shape[0], 2)
        x = jax.tree.map(lambda a: Spec((None, *a.shape[1:]), a.dtype), batch[0])
        y = jax.tree.map(lambda a: jax.ShapeDtypeStruct((rows, *a.shape[1:]), a.dtype), batch[1])
        return y, ForwardPass(self.model, x, rows, training), rows

    def _check_rows(self, batch: Batch, training: bool) -> None:
        """Refuse layers and losses that compare the rows of a batch."""
        y, forward, rows = self._probed(batch, training)
        if not forward.keeps_rows_apart:
            raise ValueError(_COMPARED.format(what="A layer"))
        objective = self.model._trainer.objective
        targets, predictions = objective.targets(y), jax.tree.leaves(forward.outputs_at(rows))
        for term in objective.losses:
            for loss in _each(term.loss):
                if isinstance(term.outputs, int) and not by_row(loss.call, targets[term.outputs], predictions[term.outputs]):
                    raise ValueError(_COMPARED.format(what=f"The loss {name_of(loss)}"))

    def _on_device(
        self, training: bool, zero: Scalar, key: Array, scale: Scalar | None, params: Tree, state: Tree, data: Tree
    ) -> tuple[Tree, Tree, Tree]:
        """Within `shard_map`: the sums over all shards, from the rows of this device."""
        devices = self._mesh.shape[self._axis]
        own = self.shards // devices
        data = jax.tree.map(lambda a: a.reshape(own, a.shape[0] // own, *a.shape[1:]), data)
        first = lax.axis_index(self._axis) * own

        def total(part: Callable[..., Tree], *fixed: Tree) -> Tree:
            return sum_over_devices(sum_of_parts(part, own, zero, data, *fixed), self._axis, devices)

        def share(counts: Counts | None, number: Scalar, shard: Tree, first: Scalar, key: Array, *values: Tree) -> Tree:
            (scale, params, state), (batch, rows) = values, shard
            key = jax.random.fold_in(key, first + number)
            return self._share(counts, params, state, batch, rows, key, training, scale)

        fixed = first, key, scale, params, state
        whole = self._counts(share, total, jax.tree.map(lambda a: a[0], data), fixed)
        arrays = [count for count in whole if isinstance(count, jax.Array)]

        def part(number: Scalar, shard: Tree, arrays: list[Array], *fixed: Tree) -> Tree:
            left = iter(arrays)
            return share([next(left) if isinstance(c, jax.Array) else c for c in whole], number, shard, *fixed)[0]

        found: tuple[Tree, Tree, Tree] = total(part, arrays, *fixed)
        return found

    def _counts(self, share: Callable[..., Tree], total: Callable[..., Tree], shard: Tree, fixed: tuple[Tree, ...]) -> Counts:
        """What the losses are divided by in the whole batch."""
        kinds: list[Counts] = []

        def counted(number: Scalar, shard: Tree, *fixed: Tree) -> list[Array]:
            found = share(None, number, shard, *fixed)[1]
            kinds.append(found)
            return [count for count in found if isinstance(count, jax.Array)]

        known = jax.eval_shape(counted, jnp.int32(0), shard, *fixed)
        sums = iter(total(counted, *fixed) if known else ())
        return [next(sums) if isinstance(count, jax.Array) else count and count * self.shards for count in kinds[0]]

    def _share(
        self,
        counts: Counts | None,
        params: Tree,
        state: Tree,
        batch: Batch,
        rows: Array | None,
        key: Array,
        training: bool,
        scale: Scalar | None,
    ) -> tuple[Tree, Counts]:
        """What a shard adds to the gradients, the losses and the metrics, and by what it would divide its own losses."""
        model, (x, y, sample_weight) = self.model, batch
        objective, shares = model._trainer.objective, _Shares(self.shards, counts)
        factor = jnp.asarray(1.0 if scale is None else scale) / self.shards

        def loss(params: Tree) -> tuple[Array, Outcome]:
            with model._trainer.with_losses([shares.of(term) for term in objective.losses]):
                return model.objective(params, state, x, y, sample_weight, key, training, factor, rows)

        if not training or counts is None:
            grads, (_, outcome) = (), loss(params)
        else:
            grads, outcome = jax.grad(loss, has_aux=True)(params)
        _refuse_changes(state, outcome.state)
        if counts is None:
            _check_functions(objective, y, outcome.y_pred)
        values = {name: value / self.shards for name, value in {"loss": outcome.loss, **outcome.losses}.items()}
        nothing = jax.tree.map(jnp.asarray, self._start)
        counted = objective.update_metrics(nothing, y, outcome, sample_weight)
        return (grads, values, {t.name: counted[t.name] for t in objective.tracked}), shares.found


def sharded_step(model: Steps) -> ShardedStep | None:
    """The steps over virtual shards of a model that was compiled with `reproducible`; None for others."""
    trainer = model._trainer
    if trainer.shards is None or trainer.placement is None:
        return None
    return ShardedStep(model, trainer.shards, trainer.placement)


class _Shares:
    """The losses of a shard: what each adds to the loss of the whole batch, times the number of shards.

    That factor makes what belongs to no row, such as the regularization of weights, the same for all.

    Args:
        shards: how many there are.
        counts: by what the losses of the whole batch are divided; None where that is not known yet.

    Attributes:
        found: by what this shard's losses would be divided, in the order in which they are called.
    """

    def __init__(self, shards: int, counts: Counts | None):
        self._shards, self._counts = shards, counts
        self.found: list[Array | int | None] = []

    def of(self, term: Term) -> Term:
        """A term of the objective with the share of its loss."""

        def share(y_true: Tree, y_pred: Tree, sample_weight: Tree = None) -> Array:
            for layer, _ in current().losses or ():
                raise ValueError(_ADDED.format(layer=getattr(layer, "name", "A layer")))
            first, *others = (self._of_one(loss, y_true, y_pred, sample_weight) for loss in _each(term.loss))
            return sum(others, first)

        loss: Any = share
        return term._replace(loss=loss)

    def _of_one(self, loss: Loss, y_true: Tree, y_pred: Tree, sample_weight: Tree) -> Array:
        total, own = loss.total_and_count(y_true, y_pred, sample_weight)
        self.found.append(own)
        if self._counts is None:
            return total
        whole = self._counts[len(self.found) - 1]
        if own is None or whole is None:
            return total * self._shards
        return divide_or_zero(total * self._shards, whole) if isinstance(whole, jax.Array) else total / own


def _each(loss: Loss) -> Sequence[Loss]:
    return loss.losses if isinstance(loss, TotalLoss) else [loss]


def _accumulated(metrics: Tree, values: Logs, counted: Tree, rows: Scalar) -> Tree:
    """Accumulators with what a batch adds."""
    metrics = add_loss(metrics, values, rows)
    return {**metrics, **{name: jax.tree.map(jnp.add, metrics[name], added) for name, added in counted.items()}}


def _refuse_changes(before: Tree, after: Tree) -> None:
    known = paths.flatten(before)
    for path, value in paths.flatten(after).items():
        if value is not known[path]:
            raise ValueError(_CHANGED.format(path="/".join(path)))


def check_devices(model: Steps, shards: int, placement: Placement) -> None:
    """Refuse devices on which shards cannot be added in the same order.

    Raises:
        ValueError: the model is cut, or the number of devices does not divide the shards in two again and again.
    """
    weights = [variable for _, variable in inventory(model).weights]
    cut = any(axis for v in weights for spec in (placement.weight(v), placement.slot(v)) for axis in spec)
    if cut or len(placement.mesh.shape) != 1 or not isinstance(placement.rows, str):
        raise ValueError(
            f"{_ONLY}holds where each device has the whole model and optimizer. Write distribution='data', or compile without "
            "`reproducible`; the sums of a model that is cut are XLA's."
        )
    if placement.output is not None and any(placement.output(path) for path in _outputs(model)):
        raise ValueError(f"{_ONLY}computes shards apart, so rules cannot cut the outputs of layers.")
    devices = placement.mesh.size
    if devices & (devices - 1) or devices > shards:
        raise ValueError(
            f"{_ONLY}splits a batch into {shards} shards, so the devices are a power of two, {shards} at most. Received: "
            f"{devices}. Give a DeviceMesh of fewer, or more shards: reproducible='devices,shards={max(16, 2 * shards)}'."
        )


def _outputs(model: Steps) -> list[str]:
    return [f"{layer.path}/output" for _, layer in walk(model) if layer.path]


def _check_methods(model: Steps) -> None:
    methods = ("train_step", "test_step", "objective", "compute_loss", "update_metrics", "compute_metrics", "get_metrics_result")
    for method in methods:
        if getattr(type(model), method) is not getattr(Steps, method):
            raise ValueError(_OVERRIDDEN.format(name=type(model).__name__, method=method))
    scales = overwritten(inventory(model))
    if scales:
        path = "/".join(min(scales))
        raise ValueError(f"{_ONLY}does not add what float8 training writes over {path!r}. Use another dtype policy.")


def _check_objective(model: Steps) -> None:
    objective = model._trainer.objective
    if not objective.losses:
        raise ValueError(f"{_ONLY}minimises compiled losses. Write compile(loss=...).")
    for loss in (one for term in objective.losses for one in _each(term.loss)):
        if type(loss).__call__ is not Loss.__call__ or loss.reduction in (None, "none"):
            raise ValueError(
                f"{_ONLY}adds losses that are a sum or a mean over rows. Received: {name_of(loss)}, which has "
                + ("no reduction." if type(loss).__call__ is Loss.__call__ else "a `__call__` of its own; override `call`.")
            )
    for tracked in objective.tracked:
        if not _adds_up(tracked.metric):
            raise ValueError(
                f"{_ONLY}adds what metrics count in each shard. Of {tracked.name!r} it is not known that its accumulators start "
                "at zero and that a batch only adds to them, row by row. If they do, write `adds_up = True` in the class; else "
                "use it in evaluate, without `reproducible`."
            )


def _adds_up(metric: Metric) -> bool:
    """Whether the sum of what a metric makes of the parts of a batch is what it makes of the batch."""
    return metric.adds_up or type(metric).__module__.startswith("jkeras.metrics.")


def _check_functions(objective: Objective, y: Tree, y_pred: Tree) -> None:
    """Refuse functions as metrics that do not look at each row alone, for the mean of the shards' results is another one."""
    targets, predictions = objective.targets(y), jax.tree.leaves(y_pred)
    for tracked in objective.tracked:
        fn = getattr(tracked.metric, "fn", None)
        if fn is None or fn.__module__.startswith("jkeras."):
            continue
        pair = targets[tracked.output], predictions[tracked.output]
        target, prediction = (jax.ShapeDtypeStruct((max(len(a), 2), *a.shape[1:]), a.dtype) for a in pair)
        if not by_row(functools.partial(fn, **tracked.metric._fn_kwargs), target, prediction):
            raise ValueError(_NO_ROWS.format(name=tracked.name))

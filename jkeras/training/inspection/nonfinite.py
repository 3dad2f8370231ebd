"""Where NaN or infinity comes from: the first batch, and in it the first layer, whose numbers are not finite.

The steps of the last dispatch are computed again one by one from a copy of the state before it, with the same keys, until the
loss or a new weight is not finite. That batch is then run once more with an intercept on every layer: on its inputs and outputs,
and on the gradients that reach them. Forward, in the order of the calls, the first bad output points to the layer; backward, in
the opposite order, it is the layer that gets a finite gradient and passes on another.

`current_batch` and `find_nonfinite` are methods of `Model`, for callbacks.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence

import jax
import jax.numpy as jnp
import numpy as np

from jkeras._base import paths
from jkeras._base.compiling import precision_scope
from jkeras._base.types import Array, Batch, Logs, Tree
from jkeras.training.dialects import pure_step
from jkeras.training.fit_loop import Dispatch
from jkeras.training.inspection.intercepts import layers_intercepted
from jkeras.training.inspection.layer_statistics import floats
from jkeras.training.programs.training import batch_of
from jkeras.training.state import TrainState
from jkeras.training.steps import Steps
from jkeras.training.whole_step import whole_step

_MOST = 10  # rows that a message lists


@dataclasses.dataclass(frozen=True)
class NonFinite:
    """A batch whose loss or step is not finite.

    Attributes:
        epoch, batch: from 0.
        what: in words, what was not finite first.
        layer: path of the layer, such as `"block/dense"`; None where no layer is to blame.
        rows: of the batch, in which the input or else the layer's output is not finite.
        data_rows: the same rows as numbers in the arrays that `fit` was given; None for streams.
        before: the state before this batch; None where its weights are not finite either.
    """

    epoch: int
    batch: int
    what: str
    layer: str | None = None
    rows: tuple[int, ...] = ()
    data_rows: tuple[int, ...] | None = None
    before: TrainState | None = dataclasses.field(default=None, repr=False)

    def __str__(self) -> str:
        text = f"epoch {self.epoch + 1}, batch {self.batch}: {self.what}"
        if self.rows:
            text += f"\n    rows of the batch: {_listed(self.rows)}"
        if self.rows and self.data_rows is not None:
            text += f"\n    rows of the data: {_listed(self.data_rows)}"
        return text


def _listed(rows: tuple[int, ...]) -> str:
    rest = len(rows) - _MOST
    return ", ".join(map(str, rows[:_MOST])) + (f" and {rest} more" if rest > 0 else "")


@jax.jit
def _all_finite(leaves: list[Array]) -> Array:
    return jnp.all(jnp.stack([jnp.all(jnp.isfinite(leaf)) for leaf in leaves]))


def is_finite(tree: Tree) -> bool:
    """Whether all floating numbers of a pytree are finite."""
    leaves = floats(jax.tree.map(jnp.asarray, tree))
    return not leaves or bool(_all_finite(leaves))


def current_batch(self: Steps) -> Batch:
    """The batch `(x, y, sample_weight)` that a running `fit` computed last; for callbacks.

    Raises:
        RuntimeError: no `fit` runs, or it has computed none.
    """
    dispatch = _last_dispatch(self, "current_batch")
    batch: Batch = batch_of(dispatch.data, dispatch.stop - 1)
    return batch


def find_nonfinite(self: Steps, logs: Logs | None = None) -> NonFinite | None:
    """Where NaN or infinity came in during the last dispatch of a running `fit`; for callbacks with `replays = True`.

    The dispatch is computed again, batch by batch, from the weights before it; then the layers are looked at in the first bad
    batch. As long as all is well it costs a look at the loss and at the weights.

    Args:
        logs: the results so far; None looks at the weights alone.

    Returns:
        None where loss and weights are finite.

    Raises:
        RuntimeError: no `fit` runs, or no callback with `replays = True` listens.
    """
    dispatch = _last_dispatch(self, "find_nonfinite")
    if dispatch.before is None:
        raise RuntimeError("find_nonfinite() looks back at the weights before a dispatch. Set `replays = True` in the callback.")
    loop = self._trainer.loop
    assert loop is not None
    loss = (logs or {}).get("loss", 0.0)
    if is_finite((loss, loop.run.state.params)):
        return None
    return _first_nonfinite(self, dispatch)


def _last_dispatch(model: Steps, what: str) -> Dispatch:
    loop = model._trainer.loop
    if loop is None or loop.last is None:
        raise RuntimeError(f"{what}() is for callbacks of a running fit, from the first on_train_batch_end on.")
    return loop.last


def _first_nonfinite(model: Steps, dispatch: Dispatch) -> NonFinite:
    """The first bad batch of a dispatch, and what is bad in it.

    Args:
        model: whose run it is.
        dispatch: with the state before it.
    """
    assert dispatch.before is not None
    state = dispatch.before._replace(metrics=model._trainer.objective.init_metrics(), epoch=np.array(dispatch.epoch, np.int32))
    start = dispatch.first + dispatch.at
    if not is_finite((state.params, state.state)):
        leaves = {**paths.flatten(state.params), **paths.flatten(state.state)}
        names = ["/".join(path) for path, leaf in leaves.items() if not is_finite(leaf)]
        return NonFinite(dispatch.epoch, start, f"the weights were not finite before this batch: {', '.join(names)}")
    step = jax.jit(_step, static_argnums=0) if model._trainer.jit else _step
    for index in range(dispatch.at, dispatch.stop):
        number, batch = dispatch.first + index, batch_of(dispatch.data, index)
        # Fresh accumulators at each step: the loss is this batch's own.
        state = state._replace(metrics=model._trainer.objective.init_metrics(), position=np.array(number, np.int32))
        after, loss = step(model, state, batch)
        if not is_finite((loss, after.params)):
            return _look(model, dispatch, number, state, batch, float(loss))
        state = after
    last = dispatch.first + dispatch.stop - 1
    what = f"NaN or infinity came up in batches {start} to {last}, but not when they were computed again"
    return NonFinite(dispatch.epoch, start, what, before=dispatch.before)


def _step(model: Steps, state: TrainState, batch: Tree) -> tuple[TrainState, Tree]:
    with precision_scope():
        after, logs = whole_step(model, pure_step(model, "train_step"))(state, batch)
    return after, jnp.asarray(logs.get("loss", 0.0))


def _look(model: Steps, dispatch: Dispatch, number: int, state: TrainState, batch: Tree, loss: float) -> NonFinite:
    """Find the layer."""
    order: list[tuple[str, str]] = []
    probe = _make_probe(model, order)
    found = jax.device_get((jax.jit(probe) if model._trainer.jit else probe)(state, batch))
    size = jax.tree.leaves(batch)[0].shape[0]
    bad = {name: _numbers(_count(floats(part), size)[2]) for name, part in zip(("x", "y", "sample_weight"), batch)}
    what, layer, rows = _verdict(found, order, bad, loss)
    rows = bad["x"] or rows
    numbers = dispatch.rows(number) if rows else None
    data_rows = None if numbers is None else tuple(int(numbers[row]) for row in rows)
    return NonFinite(dispatch.epoch, number, what, layer, rows, data_rows, state)


def _verdict(
    found: dict[str, dict[str, Tree]], order: list[tuple[str, str]], bad: dict[str, tuple[int, ...]], loss: float
) -> tuple[str, str | None, tuple[int, ...]]:
    """What came first, in words; the layer; the rows."""
    data = "".join(f"; {name} itself holds such values" for name in bad if bad[name])
    for name, side in order:
        count, size, rows = found["forward"][f"{name}|{side}"]
        if count:
            of = f"{int(count)} of {int(size)} values are not finite in the {side} of layer {name!r}"
            made = "" if side == "output" or bad["x"] else ", which array operations before it made"
            return of + made + data, name, _numbers(rows)
    if not np.isfinite(loss):
        return f"the loss is {loss}, though the outputs of all layers are finite{data}", None, bad["y"] or bad["sample_weight"]
    bad_weights = [weight for weight, count in found["weights"].items() if count]
    for name, side in reversed(order):
        weights = [weight for weight in bad_weights if weight.rpartition("/")[0] == name.partition("#")[0]]
        if side == "output" and found["backward"].get(f"{name}|output", 0):
            return f"the loss is {loss}, but the gradient that reaches the output of layer {name!r} is not finite", name, ()
        if side == "output" and weights:
            return f"the loss is {loss}, but layer {name!r} makes a gradient of {', '.join(weights)} not finite", name, ()
        if side == "input" and found["backward"].get(f"{name}|input", 0):
            return f"the loss is {loss}, but the gradient that layer {name!r} hands back to its input is not finite", name, ()
    if bad_weights:
        listed = ", ".join(bad_weights)
        return f"the loss is {loss}, but the gradient of {listed} is not finite", bad_weights[0].rpartition("/")[0], ()
    return f"the loss is {loss} and the gradients are finite, but the optimizer's step makes weights that are not", None, ()


def _make_probe(model: Steps, order: list[tuple[str, str]]) -> Callable[[TrainState, Tree], Tree]:
    """A function of state and batch that counts what is not finite, place by place; `order` gets the places as they come."""
    own_loss = type(model).train_step is Steps.train_step

    def probe(state: TrainState, batch: Tree) -> Tree:
        x, y, sample_weight = batch
        rows = jax.tree.leaves(x)[0].shape[0]

        def run(params: Tree, zeros: Mapping[str, Sequence[Array | float]]) -> Tree:
            loss: Array | float
            seen: dict[str, Tree] = {}
            order.clear()

            def touch(name: str, side: str, tree: Tree) -> Tree:
                key = f"{name}|{side}"
                added = iter(zeros.get(key) or [0.0] * len(floats(tree)))
                tree = jax.tree.map(lambda a: a + next(added) if floats(a) else a, tree)
                order.append((name, side))
                seen[key] = floats(tree)
                return tree

            with layers_intercepted(model, touch), precision_scope():
                if own_loss:
                    scale = model.optimizer.loss_scale(state.opt_state)
                    loss, _ = model.objective(params, state.state, x, y, sample_weight, state.key, True, scale)
                else:  # what its own step minimises is not known here: the forward pass alone
                    outputs, _ = model.apply(params, state.state, x, training=True, rng=state.key)
                    loss = sum(jnp.sum(leaf) for leaf in floats(outputs)) * 0.0
            return loss, seen

        shapes = jax.eval_shape(lambda: run(state.params, {})[1])
        zeros = {key: [jnp.zeros(a.shape, a.dtype) for a in arrays] for key, arrays in shapes.items()}
        (gradients, reaching), seen = jax.grad(run, argnums=(0, 1), has_aux=True)(state.params, zeros)
        forward = {key: _count(arrays, rows) for key, arrays in seen.items()}
        if not own_loss:
            return {"forward": forward, "backward": {}, "weights": {}}
        weights = {"/".join(path): _count([leaf], 0)[0] for path, leaf in paths.flatten(gradients).items()}
        return {"forward": forward, "backward": {key: _count(a, rows)[0] for key, a in reaching.items()}, "weights": weights}

    return probe


def _count(arrays: list[Array], rows: int) -> Batch:
    """How many numbers are not finite, of how many, and in which rows."""
    wrong = [~jnp.isfinite(a) for a in arrays]
    count = sum((jnp.sum(w, dtype=jnp.int32) for w in wrong), jnp.int32(0))
    by_row = [jnp.any(w.reshape(rows, -1), axis=1) for w in wrong if rows and w.ndim and w.shape[0] == rows]
    return count, jnp.int32(sum(a.size for a in arrays)), jnp.any(jnp.stack(by_row), axis=0) if by_row else None


def _numbers(rows: Array | None) -> tuple[int, ...]:
    """Which rows are marked, by number."""
    return () if rows is None else tuple(np.flatnonzero(rows).tolist())

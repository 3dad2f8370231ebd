"""The programs of `evaluate` and `predict`, which read a model and leave its parameters alone.

Batches are padded to one shape, so one compilation serves data of any length. Padded rows weigh nothing in losses and metrics,
and their outputs are dropped. Where the model's rows depend on each other, or no weight can exclude a row (a user's loss that
gives one number for a whole batch, a user's metric class, an overridden step), the short last batch is compiled as a second
shape.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jkeras._base.compiling import precision_scope
from jkeras._base.types import Array, Scalar, Tree
from jkeras.nn.fusing import with_fused_convolutions
from jkeras.training.dialects import complete_step
from jkeras.training.objective.trackers import results
from jkeras.training.programs.groups import batches_per_group, run_groups
from jkeras.training.programs.placed import compiled, rows_cut
from jkeras.training.programs.shards import sharded_step
from jkeras.training.programs.training import Call, Program, batch_of, like, traced_once, zeros_of
from jkeras.training.state import TrainState
from jkeras.training.steps import Steps, reports_metrics_alone
from jkeras.training.whole_step import whole_step


def evaluation_program(model: Steps, padded: bool) -> Program:
    """The program `(state, data, start, stop, rows) -> (state, logs)`.

    Args:
        model: compiled.
        padded: whether rows of the stack from number `rows` on are to be left out.
    """
    derived = reports_metrics_alone(model, "test_step")
    sharded = sharded_step(model)
    if sharded is not None:
        own = whole_step(model, sharded.test)
    else:
        own = whole_step(model, model._test_step) if padded else complete_step(model, "test_step")
    test_step = traced_once(model, _fused(model, own))
    batch_at = rows_cut(batch_of, model._trainer.placement if sharded is None else None)

    def step(state: TrainState, data: Tree, index: Scalar, rows: Scalar) -> tuple[TrainState, Tree]:
        batch = batch_at(data, index)
        if not padded:
            return test_step(state, batch)
        size = jax.tree.leaves(batch)[0].shape[0]
        return test_step(state, batch, index * size + jnp.arange(size) < rows)

    def in_loop(state: TrainState, data: Tree, start: Scalar, stop: Scalar, rows: Scalar) -> tuple[TrainState, Tree]:
        def body(index: Scalar, carry: Tree) -> Tree:
            changing, logs = carry
            new, new_logs = step(_restored(state, changing), data, index, rows)
            return like(_changing(new), changing), logs if derived else like(new_logs, logs)

        state = _with_key(state)
        with precision_scope():
            logs = None if derived else zeros_of(lambda state: step(state, data, start, rows)[1], state)
            changing, logs = lax.fori_loop(start, stop, body, (_changing(state), logs))
        return changing, results(model, _restored(state, changing)) if derived else logs

    def one_by_one(state: TrainState, data: Tree, start: int, stop: int, rows: int) -> tuple[TrainState, Tree]:
        state, logs = _with_key(state), None
        for index in range(start, stop):
            state, logs = step(state, data, index, rows)
        return _changing(state), logs

    return _program(model, in_loop, "the evaluation loop", 1 if padded else 2, one_by_one)


def prediction_program(model: Steps) -> Program:
    """The program `(state, data, start, stop) -> (state, outputs)`; the outputs are stacked like the data."""
    own_step = type(model).predict_step is Steps.predict_step
    predict_step = traced_once(model, _fused(model, complete_step(model, "predict_step")))
    placement = model._trainer.placement
    batch_at = rows_cut(batch_of, placement)

    def in_loop(state: TrainState, data: Tree, start: Scalar, stop: Scalar) -> tuple[TrainState, Tree]:
        def body(index: Scalar, carry: Tree) -> Tree:
            changing, outputs = carry
            new, y = predict_step(_restored(state, changing), batch_at(data, index))
            outputs = jax.tree.map(lambda stack, part: lax.dynamic_update_index_in_dim(stack, part, index, 0), outputs, y)
            return like(_changing(new), changing), outputs

        state = _with_key(state)
        capacity = jax.tree.leaves(data)[0].shape[0]
        with precision_scope():
            batch = zeros_of(lambda state: predict_step(state, batch_at(data, start))[1], state)
            outputs = jax.tree.map(lambda y: jnp.broadcast_to(y, (capacity, *y.shape)), batch)
            size = batches_per_group(predict_step, state, data) if own_step and placement is None else 1
            if size > 1:
                outputs, start = run_groups(predict_step, state, data, outputs, size, start, stop)
            return lax.fori_loop(start, stop, body, (_changing(state), outputs))

    def one_by_one(state: TrainState, data: Tree, start: int, stop: int) -> tuple[TrainState, Tree]:
        state, found = _with_key(state), []
        for index in range(start, stop):
            state, y = predict_step(state, batch_of(data, index))
            found.append(y)
        return _changing(state), jax.tree.map(lambda *parts: jnp.stack(parts), *found)

    return _program(model, in_loop, "the prediction loop", 1, one_by_one)


def batch_program(model: Steps) -> Program:
    """The program `(state, batch) -> (state, outputs)` for a single batch on one device: no loop.

    A call of a small model is mostly arguments and results. So the compiled part takes the weights and the key alone, and gives a
    new state only where the step makes one.
    """
    predict_step = _fused(model, complete_step(model, "predict_step"))

    def one(params: Tree, kept: Tree, rng: Array | np.ndarray, batch: Tree) -> tuple[Tree, Tree]:
        zero = jnp.zeros((), jnp.int32)
        with precision_scope():
            new, y = predict_step(_with_key(TrainState(params, kept, (), None, zero, zero, zero, rng)), batch)
        return (None if _same_arrays(new.state, kept) else new.state), y

    jitted = compiled(one, None, "the prediction of a batch", 1) if model._trainer.jit else one

    def call(state: TrainState, batch: Tree) -> tuple[TrainState, Tree]:
        changed, found = jitted(state.params, state.state, state.rng, batch)
        return state if changed is None else state._replace(state=changed), found

    return Program(call)


def _same_arrays(new: Tree, old: Tree) -> bool:
    """Whether a traced function gives back the very arrays that it was given."""
    after, before = jax.tree.leaves(new), jax.tree.leaves(old)
    return len(after) == len(before) and all(a is b for a, b in zip(after, before))


def _fused(model: Steps, step: Call) -> Call:
    """A step that reads the model, with each convolution and what follows it as one operation.

    Programs for placements stay as they are: those of one device and of many give the same bits where that is asked for.
    """
    trainer = model._trainer
    return with_fused_convolutions(step) if trainer.jit and trainer.placement is None else step


def _program(model: Steps, run: Call, name: str, programs: int, eager: Call) -> Program:
    """The program of a function that returns only what it may have changed of the state."""
    placement = model._trainer.placement
    found_lie = () if placement is None else (placement.results,)
    jitted = compiled(run, placement, name, programs, _changing, found_lie) if model._trainer.jit else eager

    def call(state: TrainState, *args: object) -> tuple[TrainState, Tree]:
        changing, found = jitted(state, *args)
        return _restored(state, changing), found

    return Program(call)


def _with_key(state: TrainState) -> TrainState:
    """A state whose `rng` is `(seed, number)` on the host, with the key made of them."""
    seed, number = state.rng
    return state._replace(rng=jax.random.fold_in(jax.random.key(seed), number))


def _changing(state: TrainState) -> TrainState:
    """What a reading step may change; the parameters are not part of it, and so are not copied."""
    return state._replace(params=None, opt_state=None, epoch=None, rng=None)  # type: ignore[arg-type]


def _restored(state: TrainState, changing: TrainState) -> TrainState:
    """The whole state again."""
    return changing._replace(params=state.params, opt_state=state.opt_state, epoch=state.epoch, rng=state.rng)

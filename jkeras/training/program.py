"""Programs: many steps as one compiled call.

    state, metrics, logs = train(state, metrics, data, start, stop, epoch, first)

`data` is a block of stacked batches (`data/feed.py`), and the loop runs the step over its batches `start` to `stop`. The bounds
are run-time arguments: one compilation serves every length, and the results do not depend on how an epoch is cut into calls.
(With bounds known at compile time XLA unrolls a loop of length 1, and its last bits differ.) The training state is given away.

Where an epoch is a handful of batches, the program for short epochs runs many of them in one call (`short_epochs.py`):

    state, metrics, logs, table = program.epochs(state, metrics, data, 0, length, epoch, 0, count)

A model that holds an operation which is slow inside a compiled loop on a CPU runs step by step instead, with the same
signature (`nn/cpu/slow_loops.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from jkeras._base.compiling import compiler_options, precision_scope
from jkeras.nn.cpu.slow_loops import slow_in_loop
from jkeras.training.checks import warn_all_frozen
from jkeras.training.pace import Pace
from jkeras.training.recompiles import watched
from jkeras.training.state import TrainState
from jkeras.training.step import reports_metrics_alone
from jkeras.training.trackers import begun, results
from jkeras.training.whole_step import whole_step

_STRUCTURE = """The training step gives a state of another structure than it takes:

before: {before}
after:  {after}

A step must return every part of the state it was given. If you override train_step, start from `state` and write
`state._replace(...)`."""


class Program:
    """A compiled loop over steps, and how long its steps take.

    Attributes:
        call: `(state, metrics, data, start, stop, epoch, first) -> (state, metrics, logs)`.
        epochs: the same for `count` stretches of batches, one behind the other in the block, each an epoch of its own:
            `(state, metrics, data, start, stop, epoch, first, count) -> (state, metrics, logs, table)`, with the results of an
            epoch in a row of the table, in the order of their names. None where a dispatch is never more than an epoch.
        pace: how many steps a dispatch should hold.
        runs: dispatches so far.
    """

    def __init__(
        self,
        call: Callable[..., Any],
        stepwise: Callable[[], Callable[..., Any]] | None = None,
        epochs: Callable[..., Any] | None = None,
    ):
        self.call, self.epochs = call, epochs
        self.pace = Pace()
        self.runs = 0
        self._stepwise = stepwise

    def choose(self, args: tuple[Any, ...]) -> None:
        """After the first dispatch: go step by step from here on if the program holds what is slow inside a loop.

        Args:
            args: what the dispatch was called with, arrays or their shapes.
        """
        if self._stepwise is not None:
            loop: Any = self.call if self.epochs is None else self.epochs
            count = () if self.epochs is None else (1,)
            if jax.default_backend() == "cpu" and slow_in_loop(loop.trace(*args, *count).jaxpr):
                self.call, self.epochs = self._stepwise(), None
            self._stepwise = None


def shapes_of(tree: Any) -> Any:
    """The same tree with shapes and dtypes, which outlive arrays that are given away."""
    return jax.tree.map(lambda a: jax.ShapeDtypeStruct(a.shape, a.dtype) if hasattr(a, "dtype") else a, tree)


def training_program(model: Any, short_epochs: bool = False) -> Program:
    """The program of `fit` for a model whose objective is known.

    Args:
        model: compiled.
        short_epochs: whether a dispatch may hold several epochs.
    """
    warn_all_frozen(model)
    # What the default step reports follows from the metrics, so it is computed once per dispatch; another's logs are carried.
    derived = reports_metrics_alone(model)
    objective, start_metrics = model._objective, model._fresh_metrics()
    train_step = whole_step(model, model.train_step)

    def begin(state: TrainState, metrics: Any, epoch: Any, position: Any) -> TrainState:
        metrics = jax.tree.map(lambda fresh, old: jnp.where(position == 0, fresh, old), start_metrics, metrics)
        weights = begun(model, state.state, lambda fresh, old: jnp.where(position == 0, fresh, old))
        epoch, position = jnp.asarray(epoch, jnp.int32), jnp.asarray(position, jnp.int32)
        return state._replace(state=weights, metrics=metrics, epoch=epoch, position=position)

    def end(state: TrainState, logs: Any) -> Any:
        logs = results(model, state) if derived else logs
        return state._replace(metrics=None), state.metrics, logs

    def in_loop(state: TrainState, metrics: Any, data: Any, start: Any, stop: Any, epoch: Any, first: Any) -> Any:
        def body(index: Any, carry: Any) -> Any:
            state, logs = carry
            new, new_logs = train_step(state, batch_of(data, index))
            return like(new, state), logs if derived else like(new_logs, logs)

        with precision_scope():
            state = begin(state, metrics, epoch, first + start)
            logs = None if derived else zeros_of(lambda s: train_step(s, batch_of(data, start))[1], state)
            return end(*lax.fori_loop(start, stop, body, (state, logs)))

    def one_step(state: TrainState, metrics: Any, data: Any, start: Any, epoch: Any, first: Any) -> Any:
        with precision_scope():
            state = begin(state, metrics, epoch, first + start)
            new, logs = train_step(state, batch_of(data, start))
            return end(like(new, state), logs)

    def step_by_step(step: Callable[..., Any]) -> Callable[..., Any]:
        def run(state: TrainState, metrics: Any, data: Any, start: int, stop: int, epoch: int, first: int) -> Any:
            logs = None
            for index in range(start, stop):
                state, metrics, logs = step(state, metrics, data, index, epoch, first)
            return state, metrics, logs

        return run

    if not model._traced:
        return Program(step_by_step(one_step))
    options: dict[str, Any] = {"donate_argnums": 0, "compiler_options": compiler_options()}

    def stepwise() -> Callable[..., Any]:
        return step_by_step(watched(jax.jit(one_step, **options), "the training step", programs=2))

    if short_epochs:
        run = over_epochs(in_loop, objective.results)
        epochs = watched(jax.jit(run, **options), "the loop over short epochs", programs=2)
        return Program(lambda *args: epochs(*args, 1)[:3], stepwise, epochs)
    return Program(watched(jax.jit(in_loop, **options), "the training loop", programs=2), stepwise)


def over_epochs(in_loop: Callable[..., Any], results: Callable[[Any], dict[str, Any]]) -> Callable[..., Any]:
    """`Program.epochs`, to be compiled.

    Args:
        in_loop: `Program.call` of one stretch of batches.
        results: `metrics -> logs`, scalars of one floating dtype.
    """

    def in_epochs(state: TrainState, metrics: Any, data: Any, start: Any, stop: Any, epoch: Any, first: Any, count: Any) -> Any:
        def body(number: Any, carry: Any) -> Any:
            state, metrics, _, table = carry
            shift = number * (stop - start)
            state, metrics, logs = in_loop(state, metrics, data, start + shift, stop + shift, epoch + number, first - shift)
            return state, metrics, logs, table.at[number].set(jnp.stack(jax.tree.leaves(logs)))

        state = state._replace(epoch=jnp.asarray(epoch, jnp.int32), position=jnp.asarray(first, jnp.int32))
        logs = zeros_of(results, metrics)
        rows = jax.tree.leaves(data)[0].shape[0]
        table = jnp.zeros((rows, len(logs)), jnp.result_type(*jax.tree.leaves(logs)))
        return lax.fori_loop(0, count, body, (state, metrics, logs, table))

    return in_epochs


def batch_of(data: Any, index: Any) -> Any:
    """Batch number `index` of a block."""
    return jax.tree.map(lambda a: lax.dynamic_index_in_dim(a, index, 0, keepdims=False), data)


def like(new: Any, old: Any) -> Any:
    """A step's results in the dtypes of its arguments, as a loop's carry and a second call need them.

    Raises:
        ValueError: the structures differ.
    """
    before, after = jax.tree.structure(old), jax.tree.structure(new)
    same: bool = before == after  # type: ignore[operator]
    if not same:
        raise ValueError(_STRUCTURE.format(before=before, after=after))

    def settle(new: Any, old: Any) -> Any:
        settled = getattr(new, "dtype", None) == old.dtype and not getattr(new, "weak_type", False)
        return new if settled else lax.convert_element_type(jnp.asarray(new), old.dtype)

    return jax.tree.map(settle, new, old)


def zeros_of(fn: Callable[..., Any], *args: Any) -> Any:
    """Zeros in the shapes of a function's results."""
    return jax.tree.map(lambda s: jnp.zeros(s.shape, s.dtype), jax.eval_shape(fn, *args))

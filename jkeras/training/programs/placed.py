"""How a program is compiled, for one device or many: there batches are cut by rows, and the state comes back lying as it lay."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import jax
from jax.sharding import NamedSharding

from jkeras._base.compiling import compiler_options
from jkeras._base.types import Tree
from jkeras.layer.base import Layer
from jkeras.layer.intercept import intercepted
from jkeras.state.placement import Placement
from jkeras.state.scope import keep_mask
from jkeras.training.programs.recompiles import watched
from jkeras.training.state import TrainState


def compiled(
    run: Callable[..., Tree],
    placement: Placement | None,
    name: str,
    programs: int,
    kept: Callable[[TrainState], Tree] = lambda state: state,
    results: Sequence[Any] = (),
    **options: Any,
) -> Callable[..., Tree]:
    """A program's function compiled for where the model lies, and watched for compilations too many.

    Args:
        run: `(state, *args) -> (state, *results)`; the state may lack parts of the one that came in.
        placement: where things lie; None is one device.
        name: of the program, for warnings.
        programs: how many compilations are expected.
        kept: `state -> state` without the parts that do not come back.
        results: where each of the results lies on many devices; None leaves it to the partitioner.
        options: of `jax.jit`.
    """
    options = {"compiler_options": compiler_options(), **options}
    run = outputs_cut(run, placement)
    jitted = jax.jit(run, **options) if placement is None else Placed(run, placement, kept, results, **options)
    return watched(jitted, name, programs)


class Placed:
    """`jax.jit` of a program's function, whose first result is the state.

    Left to the partitioner, the state could come back in another layout, and the next call would be another program.

    Args:
        run, placement, kept, results, options: as of `compiled`.
    """

    def __init__(
        self,
        run: Callable[..., Tree],
        placement: Placement,
        kept: Callable[[TrainState], Tree],
        results: Sequence[Any],
        **options: Any,
    ):
        self._run, self._placement, self._kept, self._results, self._options = run, placement, kept, results, options
        self._jitted: dict[Any, Any] = {}

    def __call__(self, state: TrainState, *args: Tree) -> Tree:
        return self._for(state)(state, *args)

    def trace(self, state: TrainState, *args: Tree) -> Any:
        """As of a jitted function."""
        return self._for(state).trace(state, *args)

    def _for(self, state: TrainState) -> Any:
        shardings = jax.tree.map(lambda leaf: leaf.sharding, self._kept(state))
        leaves, structure = jax.tree.flatten(shardings)
        key = structure, tuple(leaves)
        if key not in self._jitted:
            self._jitted[key] = jax.jit(self._run, out_shardings=(shardings, *self._results), **self._options)
        return self._jitted[key]


def outputs_cut(run: Callable[..., Tree], placement: Placement | None) -> Callable[..., Tree]:
    """A function that runs a model, with the outputs of layers cut as the placement says."""
    if placement is None or placement.output is None:
        return run
    sharding, cut = placement.sharding, placement.output

    def intercept(layer: Layer, maths: Callable[..., Tree], *args: object, **kwargs: object) -> Tree:
        outputs = maths(*args, **kwargs)
        path = f"{layer.path}/output"
        spec = None if layer.path is None else cut(path)
        return outputs if spec is None else jax.tree.map(functools.partial(_cut, sharding(*spec), path), outputs)

    @functools.wraps(run)
    def cutting(*args: Tree) -> Tree:
        with intercepted(intercept):
            return run(*args)

    return cutting


def _cut(sharding: NamedSharding, path: str, output: jax.Array) -> jax.Array:
    if len(sharding.spec) > output.ndim:
        raise ValueError(
            f"The rule for {path!r} has {len(sharding.spec)} axes, {tuple(sharding.spec)}, and the output has the shape "
            f"{output.shape}, with the batch axis."
        )
    return keep_mask(output, jax.lax.with_sharding_constraint(output, sharding))


def rows_cut(batch_of: Callable[..., Tree], placement: Placement | None) -> Callable[..., Tree]:
    """A function that takes a batch out of a stack, with its rows dealt out to the devices."""
    if placement is None:
        return batch_of
    return lambda *args: placement.cut_rows(batch_of(*args))

"""The one seam: code that reads and writes variables -> a pure function over arrays.

Everything that is compiled goes through here: `apply`, the training step, a metric with variables, a child layer inside a scan.
What the code does besides returning something (assigning variables, adding losses, passing masks on) is part of the result.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

import jax

from jkeras._base.types import Array, Tree
from jkeras.state.scope import UnknownVariables, current, masks_among, pop, push, substitute
from jkeras.state.variable import Variable

if TYPE_CHECKING:
    from jax.extend.core import ClosedJaxpr


class Result(NamedTuple):
    """All that a functionalized call gives: a pytree of arrays, but for the owners.

    Attributes:
        output: what the code returned.
        masks: `{number of the leaf: mask}` of the output's leaves that have one.
        losses: the scalars that were added on the way.
        values: the variables' values afterwards, in the order of the variables.
        owners: the layers that added the losses.
    """

    output: Tree
    masks: dict[int, jax.Array]
    losses: list[jax.Array]
    values: list[jax.Array]
    owners: list[object]


def functionalize(
    fn: Callable[..., Tree], variables: Sequence[Variable], positions: dict[int, int] | None = None, complete: bool = False
) -> Callable[..., Result]:
    """Turn `fn`, which reads and writes `variables`, into `pure(values, *args, rng=None, training=None, **kwargs) -> Result`.

    Args:
        fn: any callable.
        variables: their values become arguments and results. Other variables read as constants.
        positions: `{id(layer): index}` for draws that depend neither on names nor on the order of calls between layers.
        complete: whether `fn` may use these variables alone. If it meets others, the call raises `UnknownVariables` with them;
            then `functionalize(fn, [*variables, *others])` is the function you want.

    Returns:
        A pure function, which leaves the variables as they are.

    Example:
        >>> counter = Variable(0.0, name="counter")
        >>> pure = functionalize(lambda x: counter.assign_add(x) * 2, [counter])
        >>> result = jax.jit(pure)([1.0], 2.0)
        >>> float(result.output), float(result.values[0]), float(counter.value)
        (6.0, 3.0, 0.0)
    """
    ids = [id(variable) for variable in variables]

    def pure(
        values: Sequence[Array], *args: Tree, rng: jax.Array | None = None, training: bool | None = None, **kwargs: Tree
    ) -> Result:
        plain = [value.array if isinstance(value, Variable) else value for value in values]
        scope = substitute(dict(zip(ids, plain)), rng=rng, training=training, positions=positions)
        scope.unknown = {} if complete else None
        token = push(scope)
        try:
            result = _result(fn(*args, **kwargs), ids)
        finally:
            pop(token)
        if scope.unknown:
            raise UnknownVariables(list(scope.unknown.values()))
        return result

    return pure


def _result(output: Tree, ids: Sequence[int] | None = None) -> Result:
    """What the code that just ran in the current scope gave; without ids, the values of all variables that it assigned."""
    scope = current()
    assert scope.values is not None and scope.losses is not None
    values = [*scope.values.values()] if ids is None else [scope.values[i] for i in ids]
    masks = masks_among(jax.tree.leaves(output)) if scope.masks else {}
    return Result(output, masks, [loss for _, loss in scope.losses], values, [owner for owner, _ in scope.losses])


def abstractly(fn: Callable[..., Tree], *args: Tree) -> Tree:
    """Shapes and dtypes of `fn(*args)` without computing anything; all variables keep their values, and need not have one.

    Args:
        fn: code that may read, write and make variables.
        args: pytrees of arrays or `jax.ShapeDtypeStruct`.
    """
    return jax.eval_shape(lambda *arrays: _run_abstractly(fn, arrays).output, *args)


def trace_abstractly(fn: Callable[..., Tree], *args: Tree) -> tuple[ClosedJaxpr, Result]:
    """The program of `fn(*args)`, and shapes and dtypes of its result, with the values of all variables that it assigned."""

    def run(*arrays: Tree) -> Result:
        return _run_abstractly(fn, arrays)._replace(owners=[])

    program, shapes = jax.make_jaxpr(run, return_shape=True)(*args)
    return program, shapes


def _run_abstractly(fn: Callable[..., Tree], args: tuple[Tree, ...]) -> Result:
    token = push(substitute({}, abstract=True))
    try:
        return _result(fn(*args))
    finally:
        pop(token)

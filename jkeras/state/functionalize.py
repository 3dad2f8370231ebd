"""The one seam: code that reads and writes boxes -> a pure function over arrays.

Everything that is compiled goes through here: `apply`, the training step, a metric with variables, a child layer inside a scan.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax

from jkeras.state.scope import UnknownVariables, pop, push, substitute
from jkeras.state.variable import Variable


class Result(NamedTuple):
    """What a functionalized call gives.

    Attributes:
        output: what the code returned.
        values: the boxes' values afterwards, in the order of the boxes.
        losses: `(layer, scalar)` pairs that were added on the way.
    """

    output: Any
    values: list[Any]
    losses: list[tuple[Any, Any]]


def functionalize(
    fn: Callable[..., Any], boxes: Sequence[Variable], positions: dict[int, int] | None = None, complete: bool = False
) -> Callable[..., Result]:
    """Turn `fn`, which reads and writes `boxes`, into `pure(values, *args, rng=None, training=None, **kwargs) -> Result`.

    Args:
        fn: any callable.
        boxes: the boxes whose values become arguments and results. Others read as constants.
        positions: `{id(layer): index}` for draws that do not depend on names or call order between layers.
        complete: whether the function must be one of these boxes alone. If it meets others, the call raises `UnknownVariables`
            with them; `functionalize(fn, [*boxes, *others])` is the function that is wanted.

    Returns:
        A pure function; the boxes are untouched by it.

    Example:
        >>> counter = Variable(0.0, name="counter")
        >>> pure = functionalize(lambda x: counter.assign_add(x) * 2, [counter])
        >>> result = jax.jit(lambda v, x: pure(v, x)[:2])([1.0], 2.0)
        >>> float(result[0]), float(result[1][0]), float(counter.value)
        (6.0, 3.0, 0.0)
    """
    ids = [id(box) for box in boxes]

    def pure(values: Sequence[Any], *args: Any, rng: Any = None, training: bool | None = None, **kwargs: Any) -> Result:
        scope = substitute(dict(zip(ids, values)), rng=rng, training=training, positions=positions)
        scope.unknown = {} if complete else None
        token = push(scope)
        try:
            output = fn(*args, **kwargs)
        finally:
            pop(token)
        if scope.unknown:
            raise UnknownVariables(list(scope.unknown.values()))
        assert scope.values is not None and scope.losses is not None
        return Result(output, [scope.values[i] for i in ids], scope.losses)

    return pure


def abstractly(fn: Callable[..., Any], *args: Any, training: bool | None = None) -> Any:
    """Shapes and dtypes of `fn(*args)` without computing anything; all boxes keep their values, and need not have one.

    Args:
        fn: code that may read, write and make boxes.
        args: pytrees of arrays or `jax.ShapeDtypeStruct`.
    """
    return jax.eval_shape(_abstract(fn, training), *args)


def trace_abstractly(fn: Callable[..., Any], *args: Any) -> tuple[Any, Any]:
    """The same, with the program: `(closed jaxpr, shapes and dtypes)`."""
    program, shapes = jax.make_jaxpr(_abstract(fn), return_shape=True)(*args)
    return program, shapes


def _abstract(fn: Callable[..., Any], training: bool | None = None) -> Callable[..., Any]:
    def run(*args: Any) -> Any:
        token = push(substitute({}, training=training, abstract=True))
        try:
            return fn(*args)
        finally:
            pop(token)

    return run

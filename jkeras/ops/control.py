"""Control flow inside compiled programs: branches, loops, scans, maps. Branches and bodies are functions of arrays."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
from jax import lax

from jkeras._base.types import Array, Tree
from jkeras.ops.wrapper import Tensor, as_integers, inspector, operand, operation, symbolic


@operation()
def cond(pred: Tensor, true_fn: Callable[[], Tree], false_fn: Callable[[], Tree]) -> Tree:
    """The result of one of two functions without arguments.

    Args:
        pred: a scalar boolean, which may be computed.
        true_fn, false_fn: both give results of one structure, shape and dtype; only one runs.

    Example:
        >>> import jax.numpy as jnp
        >>> int(cond(jnp.array(True), lambda: 1, lambda: 2))
        1
    """
    return lax.cond(pred, true_fn, false_fn)


@operation()
def switch(index: Tensor, branches: Sequence[Callable[..., Tree]], *operands: Tree) -> Tree:
    """The result of the function at an index, which is clipped to the list.

    Example:
        >>> int(switch(1, [lambda x: x + 1, lambda x: x * 10], 5))
        50
    """
    return lax.switch(as_integers(index), branches, *operands)


@operation()
def while_loop(
    cond: Callable[..., Tree], body: Callable[..., Tree], loop_vars: Tree, maximum_iterations: int | None = None
) -> Tree:
    """Apply a function to variables as long as a condition holds.

    Args:
        cond: takes the variables, gives a scalar boolean.
        body: takes the variables, gives their next values.
        loop_vars: a list or tuple of variables, or one variable.
        maximum_iterations: the largest number of steps; None for no bound.

    Returns:
        The variables' last values: a tuple, or the one variable.

    Example:
        >>> int(while_loop(lambda i: i < 10, lambda i: i + 3, 0))
        12
    """
    several = isinstance(loop_vars, (list, tuple))
    start = tuple(loop_vars) if several else (loop_vars,)

    def continues(carry: tuple[Tensor, tuple[Tree, ...]]) -> Array:
        step, values = carry
        within = True if maximum_iterations is None else step < maximum_iterations
        return jnp.logical_and(cond(*values), within)

    def advance(carry: tuple[Tensor, tuple[Tree, ...]]) -> tuple[Tensor, tuple[Tree, ...]]:
        step, values = carry
        results = body(*values)
        return step + 1, tuple(results) if several else (results,)

    _, values = lax.while_loop(continues, advance, (0, start))
    return values if several else values[0]


@operation()
def fori_loop(lower: Tensor, upper: Tensor, body_fun: Callable[[Tree, Tree], Tree], init_val: Tree) -> Tree:
    """Apply `value = body_fun(i, value)` for i from lower to upper - 1.

    Example:
        >>> int(fori_loop(0, 4, lambda i, total: total + i, 0))
        6
    """
    return lax.fori_loop(lower, upper, body_fun, init_val)


@operation()
def scan(
    f: Callable[[Tree, Tree], tuple[Tree, Tree]],
    init: Tree,
    xs: Tree = None,
    length: int | None = None,
    reverse: bool = False,
    unroll: int | bool = 1,
) -> tuple[Tree, Tree]:
    """Run along the first axis with a carry: `carry, y = f(carry, x)`.

    Args:
        f: the step.
        init: the first carry.
        xs: arrays with a common first axis; None for none.
        length: the number of steps, if xs is None.
        reverse: from the end to the start.
        unroll: how many steps to write out in a row; True for all.

    Returns:
        The last carry, and all ys stacked.

    Example:
        >>> import jax.numpy as jnp
        >>> last, sums = scan(lambda total, x: (total + x, total + x), 0, jnp.array([1, 2, 3]))
        >>> int(last), sums.tolist()
        (6, [1, 3, 6])
    """
    if not isinstance(unroll, bool) and (not isinstance(unroll, int) or unroll < 1):
        raise ValueError(f"unroll is a positive int, or True for all steps. Received: {unroll!r}.")
    return lax.scan(f, init, _arrays(xs), length=length, reverse=reverse, unroll=unroll)


@operation()
def associative_scan(f: Callable[[Tree, Tree], Tree], elems: Tree, reverse: bool = False, axis: int = 0) -> Tree:
    """All running results of an associative function, in parallel.

    Args:
        f: `f(a, b)` for slices a and b, with `f(f(a, b), c) = f(a, f(b, c))`.
        elems: arrays.
        reverse: from the end to the start.
        axis: along which.

    Example:
        >>> import jax.numpy as jnp
        >>> associative_scan(lambda a, b: a + b, jnp.array([1, 2, 3])).tolist()
        [1, 3, 6]
    """
    return lax.associative_scan(f, elems, reverse=reverse, axis=axis)


@operation()
def map_(f: Callable[[Tree], Tree], xs: Tree) -> Tree:
    """The results of a function for each entry along the first axis, one after the other, stacked.

    Example:
        >>> import jax.numpy as jnp
        >>> map(lambda x: x**2, jnp.array([1, 2, 3])).tolist()
        [1, 4, 9]
    """
    return lax.map(f, _arrays(xs))


@operation()
def vectorized_map(function: Callable[[Tree], Tree], elements: Tree) -> Tree:
    """The results of a function for each entry along the first axis, all at once, stacked.

    Example:
        >>> import jax.numpy as jnp
        >>> vectorized_map(lambda pair: pair[0] @ pair[1], (jnp.ones((2, 3)), jnp.ones((2, 3)))).tolist()
        [3.0, 3.0]
    """
    return jax.vmap(function)(elements)


def _arrays(xs: Tree) -> Tree:
    """A tuple or dict of arrays as it is; a plain list of numbers as one array."""
    return operand(xs) if isinstance(xs, list) and not any(hasattr(x, "shape") for x in xs) else xs


@inspector("numpy")
def vectorize(
    pyfunc: Callable[..., Tree], *, excluded: Sequence[int | str] | None = None, signature: str | None = None
) -> Callable[..., Tree]:
    """A function of scalars (or of the shapes in a signature) as a function of arrays that broadcasts.

    Args:
        pyfunc: made of operations.
        excluded: numbers and names of arguments to pass as they are.
        signature: shapes that pyfunc takes and gives, such as `"(n),(n)->()"`.

    Example:
        >>> import jax.numpy as jnp
        >>> vectorize(lambda a, b: a + b)(jnp.array([1, 2]), 10).tolist()
        [11, 12]
    """
    fn = jnp.vectorize(pyfunc, excluded=frozenset(excluded or ()), signature=signature)
    return symbolic(fn, getattr(pyfunc, "__name__", "vectorized").strip("<>"), pyfunc.__module__)

"""Choices and loops: `K.switch`, `K.map_fn`, `K.foldl`, `K.rnn`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike

from jkeras import ops
from jkeras._base.errors import describe
from jkeras._base.types import Tree
from jkeras.graph.keras_tensor import is_symbolic
from jkeras.ops.wrapper import Tensor, as_array, symbolic
from jkeras.state.scope import is_traced
from jkeras.state.variable import Variable

_StepFunction = Callable[[Tree, list[Tree]], tuple[Tree, list[Tree]]]


def switch(condition: Tensor, then_expression: Tree, else_expression: Tree) -> Tensor:
    """One of two values.

    Args:
        condition: a boolean; or an array of them, which chooses entry by entry, or row by row if it has fewer axes.
        then_expression, else_expression: arrays of one shape, or functions without arguments that return them. Both functions
            are called, unless the condition is a single boolean.

    Example:
        >>> import numpy as np
        >>> switch(np.array([True, False]), np.ones((2, 2)), np.zeros((2, 2))).tolist()
        [[1.0, 1.0], [0.0, 0.0]]
    """
    both = callable(then_expression) and callable(else_expression)
    if getattr(condition, "shape", ()) == () and not is_symbolic(condition):
        if not is_traced(condition.array if isinstance(condition, Variable) else condition):
            chosen = then_expression if bool(condition) else else_expression
            return chosen() if callable(chosen) else chosen
        if both:
            return ops.cond(condition, then_expression, else_expression)
    x, y = (v() if callable(v) else v for v in (then_expression, else_expression))
    missing = len(getattr(x, "shape", ())) - len(getattr(condition, "shape", ()))
    for _ in range(missing):
        condition = ops.expand_dims(condition, -1)
    return ops.where(ops.cast(condition, "bool"), x, y)


def _map(fn: Callable[[Tree], Tree], elems: Tree, dtype: DTypeLike | None) -> Tree:
    found = jax.lax.map(fn, jax.tree.map(as_array, elems))
    return found if dtype is None else jax.tree.map(lambda a: a.astype(dtype), found)


_map_node = symbolic(_map, "map_fn", module=__name__)


def map_fn(fn: Callable[[Tree], Tree], elems: Tree, name: str | None = None, dtype: DTypeLike | None = None) -> Tree:
    """`fn` of each element along the first axis, one after the other.

    Args:
        fn: takes an element, or a tuple of them if `elems` is a tuple.
        elems: an array or a tuple of arrays.
        name: Keras 2's argument; no effect.
        dtype: of the result, if it should differ.
    """
    return _map_node(fn, elems, dtype)


def _fold(fn: Callable[[Tree, Tree], Tree], elems: Tree, initializer: Tree, reverse: bool) -> Tree:
    elems = jax.tree.map(as_array, elems)
    if initializer is None:
        start = -1 if reverse else 0
        initializer = jax.tree.map(lambda a: a[start], elems)
        elems = jax.tree.map(lambda a: a[:-1] if reverse else a[1:], elems)
    initializer = jax.tree.map(as_array, initializer)
    return jax.lax.scan(lambda total, x: (_like(fn(total, x), total), None), initializer, elems, reverse=reverse)[0]


def _like(new: Tree, old: Tree) -> Tree:
    return jax.tree.map(lambda a, b: as_array(a, b.dtype), new, old)


_fold_node = symbolic(_fold, "fold", module=__name__)


def foldl(fn: Callable[[Tree, Tree], Tree], elems: Tree, initializer: Tree = None, name: str | None = None) -> Tree:
    """`fn(... fn(fn(initializer, elems[0]), elems[1]) ...)`; the initializer is by default the first element.

    Example:
        >>> float(foldl(lambda total, x: total + x, jnp.array([1.0, 2.0, 3.0])))
        6.0
    """
    return _fold_node(fn, elems, initializer, False)


def foldr(fn: Callable[[Tree, Tree], Tree], elems: Tree, initializer: Tree = None, name: str | None = None) -> Tree:
    """As `foldl`, from the last element to the first."""
    return _fold_node(fn, elems, initializer, True)


def print_tensor(x: Tensor, message: str = "", summarize: int = 3) -> Tensor:
    """Print the values whenever they are computed, even in a compiled program, and return them.

    Args:
        x: any shape.
        message: printed before the values.
        summarize: Keras 2's argument; long arrays are abbreviated as in NumPy.
    """
    return _print_node(x, message)


def _print(x: Tree, message: str) -> Tree:
    jax.debug.print("{message} {x}", message=message, x=x)
    return x


_print_node = symbolic(_print, "print_tensor", module=__name__)


def rnn(
    step_function: _StepFunction,
    inputs: Tensor,
    initial_states: Sequence[Tensor],
    go_backwards: bool = False,
    mask: Tensor | None = None,
    constants: Sequence[Tensor] | None = None,
    unroll: bool = False,
    input_length: int | None = None,
    time_major: bool = False,
    zero_output_for_mask: bool = False,
    return_all_outputs: bool = True,
) -> tuple[Tensor, Tensor, list[Tensor]]:
    """Run a step over the time axis of a sequence, as a compiled loop.

    Args:
        step_function: `(input, states) -> (output, new_states)`; the input is `(batch, ...)`, and the constants follow the
            states.
        inputs: `(batch, time, ...)`.
        initial_states: a list of arrays `(batch, ...)`.
        go_backwards: from the last step to the first, which is then the order of the outputs.
        mask: `(batch, time)` or `(batch, time, 1)`; where it is False, states stay and the output repeats the one before.
        constants: arrays that every step gets.
        unroll: write out the steps instead of looping.
        input_length: Keras 2's argument; the length is that of the array.
        time_major: whether time is the first axis of inputs, mask and outputs.
        zero_output_for_mask: whether the output is zero where the mask is False.
        return_all_outputs: whether the second result has all steps, or only the last.

    Returns:
        `(last output, outputs (batch, time, ...), new states)`.
    """
    return _rnn_node(
        step_function, inputs, list(initial_states), mask, list(constants or []),
        (go_backwards, unroll, time_major, zero_output_for_mask, return_all_outputs),
    )  # fmt: skip


def _rnn(
    step_function: _StepFunction,
    inputs: Tree,
    states: list[Tree],
    mask: Tree,
    constants: list[Tree],
    flags: tuple[bool, ...],
) -> Tree:
    go_backwards, unroll, time_major, zero_masked, every = flags
    inputs, states = jax.tree.map(as_array, inputs), jax.tree.map(as_array, states)
    if not time_major:
        inputs = jax.tree.map(lambda a: jnp.swapaxes(a, 0, 1), inputs)
    length = jax.tree.leaves(inputs)[0].shape[0]
    if mask is not None:
        mask = as_array(mask, "bool")
        mask = mask[..., 0] if mask.ndim == 3 else mask
        if mask.ndim != 2:
            raise ValueError(f"The mask of K.rnn must be (batch, time) or (batch, time, 1). Received: {describe(mask)}.")
        mask = mask if time_major else mask.T

    def step(states: list[Tree], x: Tree) -> tuple[Tree, list[Tree]]:
        output, new = step_function(x, [*states, *constants])
        return ops.convert_to_tensor(output), [as_array(a, b.dtype) for a, b in zip(new, states)]

    def masked_step(carry: Tree, xs: Tree) -> Tree:
        states, before = carry
        x, keep = xs
        output, new = step(states, x)
        new = [_choose(keep, a, b) for a, b in zip(new, states)]
        return (new, _choose(keep, output, before)), _choose(keep, output, jnp.zeros_like(output) if zero_masked else before)

    options: dict[str, Any] = {"reverse": go_backwards, "unroll": max(length, 1) if unroll else 1}
    if mask is None:

        def plain_step(carry: Tree, x: Tree) -> Tree:
            output, new = step(carry, x)
            return new, output

        states, outputs = jax.lax.scan(plain_step, states, inputs, **options)
    else:
        first = jax.eval_shape(lambda: step(states, jax.tree.map(lambda a: a[0], inputs))[0])
        start = states, jnp.zeros(first.shape, first.dtype)
        (states, _), outputs = jax.lax.scan(masked_step, start, (inputs, mask), **options)
    outputs = outputs[::-1] if go_backwards else outputs
    last = outputs[-1]
    outputs = outputs if every else outputs[-1:]
    return last, outputs if time_major else jnp.swapaxes(outputs, 0, 1), states


def _choose(keep: Tree, new: Tree, old: Tree) -> Tree:
    return jnp.where(keep.reshape(keep.shape + (1,) * (new.ndim - keep.ndim)), new, old)


_rnn_node = symbolic(_rnn, "rnn", module=__name__)

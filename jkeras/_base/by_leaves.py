"""Compiled functions whose trees travel as lists of leaves.

JAX remembers, for as long as the process lives, the structures and the names of the arguments of what was compiled. The names of
layers are in both (`dense_7`), so every model that a process makes, fits and drops would leave a new record behind. As lists of
leaves, models of one shape leave one.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

import jax


class Trees:
    """How the arguments of a function are nested, and once it was traced, its result.

    Attributes:
        inputs: a structure for each argument.
        output: that of the result; None before tracing.
    """

    def __init__(self, inputs: tuple[Any, ...]):
        self.inputs, self.output = inputs, None

    def opened(self, *arguments: Any) -> tuple[Any, ...]:
        """The arguments, from the first one on, as trees."""
        return tuple(jax.tree.unflatten(tree, leaves) for tree, leaves in zip(self.inputs, arguments))

    def closed(self, result: Any) -> Any:
        """The leaves of the result."""
        leaves, self.output = jax.tree.flatten(result)
        return leaves

    def whole(self, leaves: Any) -> Any:
        """The result as a tree."""
        return jax.tree.unflatten(self.output, leaves)


class Open:
    """In the place of `Trees` where trees are passed as they are."""

    def opened(self, *arguments: Any) -> tuple[Any, ...]:
        """The arguments."""
        return arguments

    def closed(self, result: Any) -> Any:
        """The result."""
        return result


class ByLeaves:
    """`jax.jit` of a function, with lists of leaves in the place of trees.

    Args:
        fn: `(trees, *arguments) -> result`, which begins with `trees.opened(*arguments)` and ends with `trees.closed(result)`, so
            that no call stands between `jax.jit` and it.
        compile: makes a compiled function of one.
        options: for `compile`.

    Example:
        >>> def double(trees, x):
        ...     (x,) = trees.opened(x)
        ...     return trees.closed({name: 2 * value for name, value in x.items()})
        >>> ByLeaves(double)({"a": 1.0})["a"].item()
        2.0
    """

    def __init__(self, fn: Callable[..., Any], compile: Callable[..., Any] = jax.jit, **options: Any):
        self.fn, self.compile = fn, functools.partial(compile, **options)
        self.__name__, self.__qualname__ = fn.__name__, fn.__qualname__
        parameters = list(inspect.signature(fn).parameters.values())
        self.__signature__ = inspect.Signature(parameters[1:])
        self._programs: dict[Any, tuple[Callable[..., Any], Trees]] = {}

    def prepare(self, *arguments: Any) -> tuple[Callable[..., Any], list[Any], Callable[[Any], Any]]:
        """A call in three parts, `whole(program(*leaves))`: the program, what it takes, and what makes a tree of its result."""
        leaves: list[Any] = []
        inputs: list[Any] = []
        for argument in arguments:
            found, tree = jax.tree.flatten(argument)
            leaves.append(found)
            inputs.append(tree)
        key = tuple(inputs)
        if key not in self._programs:
            trees = Trees(key)
            run: Any = functools.partial(self.fn, trees)
            run.__name__, run.__qualname__ = self.__name__, self.__qualname__
            self._programs[key] = self.compile(run), trees
        program, trees = self._programs[key]
        return program, leaves, trees.whole

    def __call__(self, *arguments: Any) -> Any:
        """Call the function."""
        program, leaves, whole = self.prepare(*arguments)
        return whole(program(*leaves))

    def trace(self, *arguments: Any) -> Any:
        """As `jax.jit(fn).trace`."""
        program, leaves, _ = self.prepare(*arguments)
        return program.trace(*leaves)  # type: ignore[attr-defined]

    def eval_shape(self, *arguments: Any) -> Any:
        """As `jax.eval_shape(fn, *arguments)`."""
        program, leaves, whole = self.prepare(*arguments)
        return whole(jax.eval_shape(program, *leaves))


def by_leaves(fn: Callable[..., Any], compile: Callable[..., Any] = jax.jit, **options: Any) -> ByLeaves:
    """`ByLeaves` of an ordinary function, `(*arguments) -> result`.

    Example:
        >>> by_leaves(lambda x: x["a"] + x["b"])({"a": 1, "b": 2}).item()
        3
    """

    def run(trees: Trees, *arguments: Any) -> Any:
        return trees.closed(fn(*trees.opened(*arguments)))

    made = ByLeaves(run, compile, **options)
    made.__name__, made.__qualname__ = fn.__name__, fn.__qualname__
    made.__signature__ = inspect.signature(fn)
    return made

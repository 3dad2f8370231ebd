"""Shape inference: the shapes and dtypes of a function's results, derived by JAX from those of its arguments.

An axis of unknown size becomes a symbol, with which JAX computes as with a number (`jax.export.symbolic_shape`). The result
says exactly which axes of the outputs depend on it: `max(t - 60, 0)` is unknown, and never 0. Symbols stand for positions: all
arguments share the size of their first axis, of their second axis, and so on.

Code may ask questions about a size that a symbol cannot answer. Then inference tries again, each time with something that
answers more:

1. symbols times a number with many divisors: does a window fit, does a reshape come out even?
2. the same with one symbol for all axes but the first: square matrices;
3. numbers: a Python loop over an axis, a table for sixteen positions. What differs between two numbers is unknown;
4. where at most one number works: for some axes the known sizes of other arguments, for all others symbols.
"""

from __future__ import annotations

import functools
import itertools
import operator
import re
import time
from collections.abc import Callable
from typing import Any, NoReturn, TypeAlias

import jax
import jax.numpy as jnp
from jax import export

from jkeras._base.errors import UnknownSizeError, known_sizes, standing_for_unknown
from jkeras._base.types import Tree
from jkeras.graph.spec import Spec, is_spec
from jkeras.state.functionalize import abstractly
from jkeras.state.variable import Variable

_MULTIPLE = 2**8 * 3**2 * 5 * 7 * 11 * 13
_NUMBERS = (24, 48, 120, 6, 2, 96, 192, 480, 960, 4800, 16, 12, 8, 4, 3, 1)
_LARGE, _LONG = 48, 0.5  # no numbers above 48 once the search has computed for half a second: loops within loops over an axis
_USUALLY, _AT_MOST = 2, 5  # how many numbers to try; the latter where a number in a shape may depend on an axis

_STRINGS = """{what!r} takes numbers, but its input is of dtype string. Turn strings into numbers first, with a layer such as
StringLookup, Hashing or TextVectorization, and call it on their results."""

_moving: set[Callable[..., Tree]] = {operator.getitem}

Size: TypeAlias = Any  # an int, or a symbol, whose type JAX keeps to itself
Sizes = Callable[[int, int], Size]
"""The size of an unknown axis: from the index of its argument among all leaves, and its own position."""


def infer(fn: Callable[..., Tree], args: tuple[Tree, ...], kwargs: dict[str, Tree]) -> Tree:
    """A pytree of `Spec` for `fn(*args, **kwargs)`.

    Args:
        fn: a layer or function; it may read and make variables.
        args, kwargs: with specs or symbolic tensors in place of arrays; everything else is passed as it is.

    Raises:
        UnknownSizeError: a weight's shape depends on an unknown axis.
        Exception: what `fn` raises, if it fails at every size that was tried.

    Example:
        >>> import jax.numpy as jnp
        >>> infer(jnp.matmul, (Spec((None, 3), "float32"), Spec((3, 5), "float32")), {})
        Spec((None, 5), float32)
        >>> infer(lambda x: x[:, 30:-30], (Spec((None, None, 3), "float32"),), {})
        Spec((None, None, 3), float32)
    """
    inference = _Inference(fn, args, kwargs)
    texts = [i for i in inference.indices if inference.leaves[i].dtype == "string"]
    if not texts:
        return inference.result()
    if fn not in _moving:
        raise TypeError(_STRINGS.format(what=getattr(fn, "name", getattr(fn, "__name__", "this function"))))
    for i in texts:
        inference.leaves[i] = Spec(inference.leaves[i].shape, "int32")
    return jax.tree.map(lambda spec: Spec(spec.shape, "string"), inference.result(), is_leaf=is_spec)


def moves_entries(fn: Callable[..., Tree]) -> None:
    """Note that a function only moves the entries of arrays, and so may be applied to texts, which have the same shapes."""
    _moving.add(fn)


def raise_named(fn: Callable[..., Tree], args: tuple[Tree, ...], size: int, reason: Exception) -> NoReturn:
    """Raise the error of a function that failed at a trial size; where possible with the names of axes in its place.

    Args:
        fn, args: as for `infer`.
        size: at which it failed.
        reason: the error.
    """
    if re.search(rf"\({size}[,)]", str(reason)):
        _Inference(fn, args, {}).fail(reason)
    raise reason


def at_size(spec: Tree, size: int) -> jax.ShapeDtypeStruct:
    """The spec with unknown axes of the given size."""
    return jax.ShapeDtypeStruct([size if n is None else n for n in spec.shape], jnp.dtype(spec.dtype))


class _Inference:
    """One function with its arguments, tried at several sizes."""

    def __init__(self, fn: Callable[..., Tree], args: tuple[Tree, ...], kwargs: dict[str, Tree]):
        self.fn = fn
        self.leaves, self.tree = jax.tree.flatten((args, kwargs), is_leaf=lambda v: is_spec(v) or isinstance(v, Variable))
        self.indices = [i for i, leaf in enumerate(self.leaves) if is_spec(leaf)]
        unknown = [(i, axis) for i in self.indices for axis, n in enumerate(self.leaves[i].shape) if n is None]
        self.positions = {axis for _, axis in unknown}
        # All but the batch. A mask goes with another argument and shares its axes.
        self.inner = [(i, axis) for i, axis in unknown if axis and self.leaves[i].dtype != "bool"]

    def result(self) -> Tree:
        """Specs of the outputs, by the first way that works."""
        if not self.positions:
            return self.at(lambda index, axis: None)
        found = self.attempt(lambda index, axis: _symbol(axis))
        if not found:
            return self.by_trial()
        if len(self.inner) > len({axis for _, axis in self.inner}) and self.hides_an_axis(found[0]):
            found += self.attempt(lambda index, axis: _symbol(axis, index if axis else 0)) or self.attempt(self.all_different)
        return _agreed(found)

    def by_trial(self) -> Tree:
        """The results for code that plain symbols do not satisfy."""
        found = self.attempt(lambda index, axis: _MULTIPLE * _symbol(axis))
        if not found and len(self.positions - {0}) > 1:
            found = self.attempt(lambda index, axis: _MULTIPLE * _symbol(min(axis, 1)))
        return found[0] if found and not self.hides_an_axis(found[0]) else self.by_numbers(found)

    def all_different(self, index: int, axis: int) -> int:
        """A different size for each axis, so that the difference of two is not 0. The first are the largest."""
        inner = [*self.inner, (index, axis)]
        return 24 * (len(inner) - inner.index((index, axis)))

    def by_numbers(self, found: list[Tree]) -> Tree:
        """What results at several numbers agree on, and those found before."""
        known = {n for i in self.indices for n in self.leaves[i].shape if n}
        named = known | {n for n in self.leaves if type(n) is int and n > 0}
        # The first one occurs in no known shape, so an error can show it as None.
        first = next(n for n in (*_NUMBERS, 0) if n not in known)
        others = [n for n in (*_NUMBERS, *sorted(named - {*_NUMBERS})) if n != first]
        valid, reason, begun = [], None, time.thread_time()

        def too_long() -> bool:
            return time.thread_time() - begun > _LONG

        try:
            found.append(self.at(_number(first), first))
            valid.append(first)
        except jax.errors.JAXTypeError:  # it looks at values, and no size helps
            raise
        except Exception as error:
            reason = error
        for tried, size in enumerate(others, start=1):
            if self.are_enough(found, tried):
                break
            if size > _LARGE and too_long():
                continue
            more = self.attempt(_number(size), None if size in known else size)
            found += more
            valid += [size] * len(more)
        if len(found) <= 1 and len(found) == len(valid):
            found += self.pinned() or [result for size in valid for result in self.around(size)]
        if not found:
            assert reason is not None
            self.fail(reason)
        if len(self.inner) > 1 and self.hides_an_axis(_agreed(found)) and not too_long():
            found += self.attempt(self.all_different)
        return _agreed(found)

    def fail(self, reason: Exception) -> NoReturn:
        """Raise the error, where possible with the names of axes in place of numbers that nobody passed."""
        try:
            self.at(lambda index, axis: _symbol(axis))
        except Exception as named:
            if type(named) is type(reason) and _what(named) == _what(reason):
                raise
        raise reason

    def pinned(self) -> list[Tree]:
        """Results where some axes have the known size of another argument, and all others stay symbols.

        A product of `(None, None)` and `(7, 4)` needs 7 for the axis that both share; the other axis may have any size.
        """
        known = sorted({1, *(n for i in self.indices for n in self.leaves[i].shape if n)})
        begun, positions = time.thread_time(), sorted(self.positions)
        for count in range(1, len(positions) + 1):
            found: list[Tree] = []
            for axes in itertools.combinations(positions, count):
                for sizes in itertools.product(known, repeat=count):
                    if time.thread_time() - begun > _LONG:
                        return found
                    found += self.attempt(_with_sizes(dict(zip(axes, sizes))))
            if found:
                return found
        return []

    def around(self, size: int) -> list[Tree]:
        """Results at other sizes than the only valid one; failing that, with one longer axis."""
        others = [result for n in (2 * size, size + 1, size - 1) for result in self.attempt(_number(n))]
        if others:
            return others
        return [r for axis in sorted(self.positions) for r in self.attempt(_longer_along(axis, size))]

    def are_enough(self, found: list[Tree], tried: int) -> bool:
        """Whether there is nothing to learn from further numbers."""
        if len(found) < _USUALLY:
            return False
        agreed = _agreed(found)
        if any(0 in leaf.shape for leaf in jax.tree.leaves(agreed)):
            return False
        return tried >= _AT_MOST or (tried >= _USUALLY and not self.hides_an_axis(agreed))

    def at(self, size_of: Sizes, shown_as_unknown: int | None = None, run: Callable[..., Tree] | None = None) -> Tree:
        """Specs of the outputs at a size for each unknown axis."""
        with standing_for_unknown(shown_as_unknown):
            outputs = abstractly(run or self.run, *self.arrays(size_of))
        return jax.tree.map(lambda a: Spec(known_sizes(a.shape), a.dtype), outputs)

    def attempt(self, size_of: Sizes, shown_as_unknown: int | None = None) -> list[Tree]:
        """`at` in a list, empty where it fails. The error stays inside, since JAX takes long to filter a traceback."""
        failed = False

        def run(*arrays: Tree) -> Tree:
            nonlocal failed
            try:
                return self.run(*arrays)
            except UnknownSizeError:
                raise
            except Exception:
                failed = True

        specs = self.at(size_of, shown_as_unknown, run)
        return [] if failed else [specs]

    def arrays(self, size_of: Sizes) -> list[jax.ShapeDtypeStruct]:
        """The specs with a size for each unknown axis."""
        made = []
        for i in self.indices:
            shape = [size_of(i, axis) if n is None else n for axis, n in enumerate(self.leaves[i].shape)]
            made.append(jax.ShapeDtypeStruct(shape, jnp.dtype(self.leaves[i].dtype)))
        return made

    def run(self, *arrays: Tree) -> Tree:
        """The function on these arrays in place of its specs."""
        filled = list(self.leaves)
        for i, array in zip(self.indices, arrays):
            filled[i] = array
        args, kwargs = jax.tree.unflatten(self.tree, filled)
        return self.fn(*args, **kwargs)

    def hides_an_axis(self, outputs: Tree) -> bool:
        """Whether an output has fewer unknown axes than the inputs, so a number in its shape may depend on one."""
        return any(leaf.shape.count(None) < len(self.positions) for leaf in jax.tree.leaves(outputs))


def _number(size: int) -> Sizes:
    return lambda index, axis: size


def _longer_along(longer: int, size: int) -> Sizes:
    return lambda index, axis: size + (axis == longer)


def _with_sizes(sizes: dict[int, int]) -> Sizes:
    return lambda index, axis: sizes.get(axis) or _symbol(axis)


def _what(error: Exception) -> str:
    """The beginning of an error message, before the first shape."""
    return re.split(r"[\d(]", str(error), maxsplit=1)[0]


@functools.cache
def _symbol(axis: int, index: int = 0) -> Size:
    """The symbol for a position, or for one argument's; always the same object, so JAX's caches recognise it."""
    return export.symbolic_shape((f"axis{axis}" if axis else "batch") + f"_of_{index}" * bool(index), scope=_scope())[0]


@functools.cache
def _scope() -> export.SymbolicScope:
    return export.SymbolicScope()


def _agreed(results: list[Tree]) -> Tree:
    """The specs with None where results differ."""
    if len({str(jax.tree.structure(result)) for result in results}) > 1:
        raise ValueError(
            "The number of outputs depends on the size of an unknown axis. Give the size, for example Input((10, 4))."
        )
    return functools.reduce(lambda a, b: jax.tree.map(_merge, a, b), results)


def _merge(a: Spec, b: Spec) -> Spec:
    if len(a.shape) != len(b.shape):
        raise ValueError(f"The number of axes depends on the size of an unknown axis: {a.shape} and {b.shape}.")
    return Spec([m if m == n else None for m, n in zip(a.shape, b.shape)], a.dtype)

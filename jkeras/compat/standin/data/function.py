"""`RowFunction`: a user's function over the rows of a block, compiled where JAX can trace it, else row by row.

Row `i` of a stream gets the key `fold_in(key of the run, i)`, and each draw in the function derives from it. So the values do not
depend on how the rows are cut into blocks, nor, up to rounding, on whether the function was compiled.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jkeras._base.types import Array, Tree
from jkeras.compat.standin.data.node import Block
from jkeras.compat.standin.data.structure import as_element, as_tensor, as_traced, runs_of_one_shape, signature, stack
from jkeras.compat.standin.host_tensor import STRING
from jkeras.data.source import naming
from jkeras.state.functionalize import functionalize
from jkeras.state.random import PositionsByUse
from jkeras.state.scope import UnknownVariables, current
from jkeras.state.variable import Variable

_MOST_SHAPES = 4  # rows of more shapes are not worth a program each
_MOST_ATTEMPTS = 20
_CORES = os.cpu_count() or 1


class RowFunction:
    """A function of one element.

    Args:
        function: the components of a tuple become its arguments.
        parallel: how many rows to compute at once where it is not compiled.

    Attributes:
        draws: whether a traced function draws random numbers; known once it was traced.
    """

    def __init__(self, function: Callable[..., Any], parallel: int = 1):
        self.function, self.parallel = function, parallel
        self._reset()

    def _reset(self) -> None:
        self.draws = False
        self._traced: dict[Any, Tree] = {}
        self._variables: list[Variable] = []
        self._sizes: dict[Any, list[int]] = {}
        self._shapes: set[Any] = set()
        self._compiled: Any = None

    def __getstate__(self) -> dict[str, Any]:
        return {"function": self.function, "parallel": self.parallel}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(**state)  # type: ignore[misc]

    def shapes(self, example: Tree) -> Tree | None:
        """What the function returns for an element of these shapes, as shapes; None where it cannot be traced."""
        kind = signature(example)
        if kind not in self._traced:
            self._traced[kind] = self._trace(example)
        return self._traced[kind]

    def _trace(self, example: Tree) -> Tree | None:
        if any(leaf.dtype == STRING for leaf in jax.tree.leaves(example)):
            return None
        two = jax.tree.map(lambda s: jax.ShapeDtypeStruct((2, *s.shape), s.dtype), example)
        for _ in range(_MOST_ATTEMPTS):
            try:
                values = [variable.array for variable in self._variables]
                result = jax.eval_shape(self._over_rows, values, two, np.zeros(2, np.uint32), np.uint32(0))
                return jax.tree.map(lambda s: jax.ShapeDtypeStruct(s.shape[1:], s.dtype), result)
            except UnknownVariables as error:
                self._variables.extend(error.variables)
            except Exception:  # whatever keeps it from being traced; row by row, a real error comes again
                return None
        return None

    def _over_rows(self, values: list[Array], rows: Tree, key: Array, first: Array) -> Tree:
        count = jax.tree.leaves(rows)[0].shape[0]
        root = jax.random.wrap_key_data(key, impl="threefry2x32")
        keys = jax.vmap(lambda i: jax.random.fold_in(root, i))(first + jnp.arange(count, dtype=jnp.uint32))

        def one(row: Tree, key: Array) -> Tree:
            pure = functionalize(self._note_draws, self._variables, PositionsByUse(), complete=True)
            return pure(values, row, rng=key).output

        return jax.vmap(one)(rows, keys)

    def _note_draws(self, row: Tree) -> Tree:
        result = as_traced(called(self.function, row))
        self.draws = self.draws or bool(current().counts)
        return result

    def over(self, block: Block, key: np.ndarray, first: int) -> Iterator[Block]:
        """The results for the rows of a block.

        Args:
            block: the rows.
            key: data of the run's key.
            first: number of the first row in the stream.
        """
        kind = signature(block.row(0))
        on_host = False
        if kind not in self._shapes:
            on_host = len(self._shapes) >= _MOST_SHAPES
            if not on_host:
                self._shapes.add(kind)
        if (
            not on_host
            and self.shapes(jax.tree.map(lambda a: jax.ShapeDtypeStruct(a.shape[1:], a.dtype), block.data)) is not None
        ):
            yield Block(self._run_compiled(block, key, first, kind), block.rows)
            return
        results = (as_element(result) for result in self._one_by_one(block, key, first, on_host))
        for group in runs_of_one_shape(results, block.rows):
            yield Block(stack(group), len(group))

    def _run_compiled(self, block: Block, key: np.ndarray, first: int, kind: Any) -> Tree:
        if self._compiled is None:
            self._compiled = jax.jit(self._over_rows)
        known = self._sizes.setdefault(kind, [])
        size = min((n for n in known if n >= block.rows), default=0)
        if not size:
            size = block.rows if not known else 1 << (block.rows - 1).bit_length()
            known.append(size)
        data = block.data
        if size > block.rows:
            data = jax.tree.map(lambda a: np.concatenate([a, np.broadcast_to(a[:1], (size - len(a), *a.shape[1:]))]), data)
        result = self._compiled([variable.array for variable in self._variables], data, key, np.uint32(first))
        return jax.tree.map(lambda a: np.asarray(a)[: block.rows], result)

    def _one_by_one(self, block: Block, key: np.ndarray, first: int, on_host: bool = False) -> Iterator[Any]:
        def one(i: int) -> Any:
            row = jax.tree.map(lambda a: as_tensor(a[i, ...], on_host), block.data)
            pure = functionalize(lambda row: called(self.function, row), [], PositionsByUse())
            with naming(f"element {first + i} of a tf.data.Dataset"):
                return pure([], row, rng=_row_key(key, np.uint32(first + i))).output

        workers = min(self.parallel, block.rows, _CORES)
        if workers < 2:
            yield from map(one, range(block.rows))
            return
        with ThreadPoolExecutor(workers) as pool:
            yield from pool.map(one, range(block.rows))

    def each(self, block: Block, key: np.ndarray, first: int) -> Iterator[Any]:
        """What the function returns for each row, as it returns it."""
        return self._one_by_one(block, key, first)


@jax.jit
def _row_key(data: Array, number: Array) -> Array:
    return jax.random.fold_in(jax.random.wrap_key_data(data, impl="threefry2x32"), number)


def called(function: Callable[..., Any], element: Tree) -> Any:
    """The function of an element, whose components become arguments where it is a tuple."""
    return function(*element) if isinstance(element, tuple) else function(element)

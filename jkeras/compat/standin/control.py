"""`tf.cond`, `tf.while_loop`, `tf.map_fn` and the like: control flow on values, in compiled functions and line by line.

Where values are known, branches and loops run as Python, so they may change Variables. In a compiled function they become JAX's.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import DTypeLike

from jkeras import ops
from jkeras._base.types import Array, Tree
from jkeras.compat.standin.functions import NEEDS_VALUES
from jkeras.compat.standin.host_tensor import STRING, encoded, host_tensor, is_text
from jkeras.state.scope import is_traced
from jkeras.state.variable import Variable

__all__ = [
    "TensorArray", "case", "cond", "control_dependencies", "custom_gradient", "device", "foldl", "foldr",
    "grad_pass_through", "group", "identity_n", "init_scope", "map_fn", "no_op", "recompute_grad", "scan", "switch_case",
    "vectorized_map", "while_loop",
]  # fmt: skip


def custom_gradient(f: Callable[..., Tree]) -> Callable[..., Tree]:
    """A function with a gradient of its own: `f` returns results, and a function from their gradients to those of the arguments.

    Example:
        >>> clipped = custom_gradient(lambda x: (x * x, lambda upstream: upstream * jnp.clip(2 * x, -1, 1)))
        >>> float(clipped(jnp.float32(3.0))), float(jax.grad(clipped)(3.0))
        (9.0, 1.0)
    """
    return ops.custom_gradient(f)


def cond(
    pred: Tree, true_fn: Callable[[], Tree] | None = None, false_fn: Callable[[], Tree] | None = None, name: object = None
) -> Tree:
    """The result of one of two functions; `name`, here and in all functions below, is for graphs.

    Example:
        >>> cond(True, lambda: 1, lambda: 2)
        1
    """
    assert true_fn is not None and false_fn is not None
    pred = pred.array if isinstance(pred, Variable) else pred
    if is_traced(pred):
        return ops.cond(pred, true_fn, false_fn)
    return true_fn() if pred else false_fn()


def case(
    pred_fn_pairs: Sequence[tuple[Tree, Callable[[], Tree]]],
    default: Callable[[], Tree] | None = None,
    exclusive: bool = False,
    strict: bool = False,
    name: object = None,
) -> Tree:
    """The result of the function beside the first predicate that is true, or of the default, or of the last function."""
    (pred, fn), *others = pred_fn_pairs
    if not others and default is None:
        return fn()
    return cond(pred, fn, (lambda: case(others, default)) if others else default)


def switch_case(
    branch_index: Tree,
    branch_fns: Sequence[Callable[[], Tree]] | dict[int, Callable[[], Tree]],
    default: Any = None,
    name: object = None,
) -> Tree:
    """The result of the function with an index; of the default, or of the last function, where there is no such index."""
    branches = [branch_fns[i] for i in sorted(branch_fns)] if isinstance(branch_fns, dict) else list(branch_fns)
    branches = [fn[1] if isinstance(fn, tuple) else fn for fn in branches]
    count, last = len(branches), len(branches) - 1 if default is None else len(branches)
    branches += [] if default is None else [default]
    index = ops.where(
        (ops.convert_to_tensor(branch_index) < 0) | (ops.convert_to_tensor(branch_index) >= count), last, branch_index
    )
    return ops.switch(index, branches) if is_traced(index) else branches[int(index)]()


def while_loop(
    cond: Callable[..., Tree],
    body: Callable[..., Tree],
    loop_vars: Sequence[Tree],
    shape_invariants: object = None,
    parallel_iterations: object = None,
    back_prop: object = True,
    swap_memory: object = False,
    maximum_iterations: int | None = None,
    name: object = None,
) -> tuple[Tree, ...]:
    """Apply a function to variables as long as a condition holds; returns their last values.

    A tape cannot go back through such a loop in a compiled function: JAX does not know its length. Write a `for` over a Python
    range there.

    Example:
        >>> [int(v) for v in while_loop(lambda i, s: i < 4, lambda i, s: (i + 1, s + i), [0, 0])]
        [4, 6]
    """
    values = tuple(loop_vars)
    if any(is_traced(leaf) for leaf in jax.tree.leaves(values)):
        return tuple(ops.while_loop(cond, body, jax.tree.map(jnp.asarray, values), maximum_iterations))
    done = 0
    while (maximum_iterations is None or done < maximum_iterations) and bool(cond(*values)):
        found = body(*values)
        values, done = tuple(found) if isinstance(found, (list, tuple)) else (found,), done + 1
    return values


def map_fn(
    fn: Callable[[Tree], Tree],
    elems: Tree,
    dtype: object = None,
    parallel_iterations: object = None,
    back_prop: object = True,
    swap_memory: object = False,
    infer_shape: object = True,
    name: object = None,
    fn_output_signature: object = None,
) -> Tree:
    """The results of a function for each entry of the first axis, stacked.

    It runs as Python where it looks at values, and where the entries or the results, as `fn_output_signature` says, are texts.

    Example:
        >>> map_fn(lambda x: x * x, jnp.array([1, 2, 3])).tolist()
        [1, 4, 9]
    """
    elems = jax.tree.map(lambda leaf: host_tensor(leaf) if is_text(leaf) else ops.convert_to_tensor(leaf), elems)
    results = dtype if fn_output_signature is None else fn_output_signature
    if STRING in jax.tree.leaves(results) or any(map(is_text, jax.tree.leaves(elems))):
        return _map_rows(fn, elems)
    try:
        return ops.map(fn, elems)
    except NEEDS_VALUES:
        if any(is_traced(leaf) for leaf in jax.tree.leaves(elems)):
            raise
        return _map_rows(fn, elems)


def _map_rows(fn: Callable[[Tree], Tree], elems: Tree) -> Tree:
    rows = range(len(jax.tree.leaves(elems)[0]))
    found = [fn(jax.tree.map(lambda leaf, i=i: leaf[i], elems)) for i in rows]
    return jax.tree.map(_stacked, *found)


def _stacked(*leaves: Tree) -> Tree:
    if is_text(leaves[0]):
        return host_tensor(np.stack([encoded(leaf) for leaf in leaves]))
    return jnp.stack([jnp.asarray(leaf) for leaf in leaves])


def vectorized_map(fn: Callable[[Tree], Tree], elems: Tree, fallback_to_while_loop: object = True, warn: object = True) -> Tree:
    """`map_fn`, for all entries at once."""
    return ops.vectorized_map(fn, elems)


def scan(
    fn: Callable[[Tree, Tree], Tree],
    elems: Tree,
    initializer: Tree = None,
    parallel_iterations: object = None,
    back_prop: object = True,
    swap_memory: object = False,
    infer_shape: object = True,
    reverse: bool = False,
    name: object = None,
) -> Tree:
    """All values of `a = fn(a, entry)`, along the first axis; without an initializer the first is the first entry.

    Example:
        >>> scan(lambda a, x: a + x, jnp.array([1, 2, 3])).tolist()
        [1, 3, 6]
    """
    elems = jax.tree.map(ops.convert_to_tensor, elems)
    first = initializer
    if initializer is None:
        start = -1 if reverse else 0
        first = jax.tree.map(lambda leaf: leaf[start], elems)
        elems = jax.tree.map(lambda leaf: leaf[:-1] if reverse else leaf[1:], elems)
    first = jax.tree.map(jnp.asarray, first)

    def step(carry: Tree, entry: Tree) -> tuple[Tree, Tree]:
        found = fn(carry, entry)
        return found, found

    _, found = jax.lax.scan(step, first, elems, reverse=reverse)
    if initializer is not None:
        return found
    parts = (lambda a, b: [b, a[None]]) if reverse else (lambda a, b: [a[None], b])
    return jax.tree.map(lambda a, b: jnp.concatenate(parts(a, b)), first, found)


def foldl(fn: Callable[[Tree, Tree], Tree], elems: Tree, initializer: Tree = None, **options: object) -> Tree:
    """The last value of `a = fn(a, entry)`."""
    return jax.tree.map(lambda leaf: leaf[-1], scan(fn, elems, initializer))


def foldr(fn: Callable[[Tree, Tree], Tree], elems: Tree, initializer: Tree = None, **options: object) -> Tree:
    """`foldl` from the last entry to the first."""
    return jax.tree.map(lambda leaf: leaf[0], scan(fn, elems, initializer, reverse=True))


def recompute_grad(f: Callable[..., Tree]) -> Callable[..., Tree]:
    """A function whose intermediate results are computed again for its gradient, as by `jax.checkpoint`."""
    return jax.checkpoint(f)


def grad_pass_through(f: Callable[[Array], Array]) -> Callable[[Array], Array]:
    """A function whose gradient is that of the identity."""

    def call(x: Array) -> Array:
        return x + ops.stop_gradient(f(x) - x)

    return call


def identity_n(input: Sequence[Tree], name: object = None) -> list[Array]:
    """The values as arrays."""
    return [ops.convert_to_tensor(x) for x in input]


def group(*inputs: object, **options: object) -> None:
    """Nothing: what was to run has run."""


def no_op(name: object = None) -> None:
    """Nothing."""


@contextlib.contextmanager
def control_dependencies(control_inputs: object) -> Iterator[None]:
    """A block; operations run in the order of the lines anyway."""
    yield


@contextlib.contextmanager
def init_scope() -> Iterator[None]:
    """A block; Variables are made where the line stands."""
    yield


@contextlib.contextmanager
def device(device_name: object) -> Iterator[None]:
    """A block whose new arrays lie on a device such as `"/GPU:0"`; JAX's default where there is none of that kind."""
    kind, _, number = str(device_name or "").lower().rpartition("/")[2].removeprefix("device:").partition(":")
    platform = {"cpu": "cpu", "gpu": "gpu", "tpu": "tpu"}.get(kind)
    try:
        found = jax.local_devices(backend=platform) if platform else []
    except RuntimeError:  # no such device: TensorFlow's soft placement
        found = []
    with jax.default_device(found[min(int(number or 0), len(found) - 1)]) if found else contextlib.nullcontext():
        yield


class TensorArray:
    """Arrays by their number, for loops of Python.

    Args:
        dtype: of the arrays.
        size: how many there will be.
        dynamic_size: whether there may be more.
        clear_after_read, tensor_array_name, infer_shape, element_shape, name: for graphs; ignored.

    Example:
        >>> found = TensorArray("float32", size=2)
        >>> for i in range(2):
        ...     found = found.write(i, i + 0.5)
        >>> found.stack().tolist()
        [0.5, 1.5]
    """

    def __init__(
        self, dtype: DTypeLike, size: int = 0, dynamic_size: bool = False, clear_after_read: object = None,
        tensor_array_name: object = None, infer_shape: object = True, element_shape: object = None, name: object = None,
    ):  # fmt: skip
        self.dtype, self.dynamic_size = dtype, dynamic_size
        self._entries: list[Array | None] = [None] * int(size)

    def write(self, index: int, value: Tree, name: object = None) -> TensorArray:
        """Put an array in a place; returns the whole."""
        index = int(index)
        if index >= len(self._entries) and not self.dynamic_size:
            raise IndexError(f"tf.TensorArray of size {len(self._entries)} has no place {index}. Write dynamic_size=True.")
        self._entries += [None] * (index + 1 - len(self._entries))
        self._entries[index] = ops.convert_to_tensor(value, dtype=self.dtype)
        return self

    def read(self, index: int, name: object = None) -> Array:
        """The array in a place."""
        found = self._entries[int(index)]
        if found is None:
            raise ValueError(f"tf.TensorArray: nothing was written to the place {int(index)}.")
        return found

    def size(self, name: object = None) -> int:
        """How many places there are."""
        return len(self._entries)

    def _filled(self) -> list[Array]:
        like = next((entry for entry in self._entries if entry is not None), jnp.zeros((), self.dtype))
        return [jnp.zeros_like(like) if entry is None else entry for entry in self._entries]

    def stack(self, name: object = None) -> Array:
        """The arrays along a new first axis; zeros where nothing was written."""
        return jnp.stack(self._filled())

    def concat(self, name: object = None) -> Array:
        """The arrays one after another."""
        return jnp.concatenate(self._filled())

    def gather(self, indices: Sequence[int], name: object = None) -> Array:
        """Some of the arrays along a new first axis."""
        return jnp.stack([self.read(int(i)) for i in indices])

    def unstack(self, value: Tree, name: object = None) -> TensorArray:
        """Fill the places with the entries of an array's first axis."""
        self._entries = list(ops.convert_to_tensor(value, dtype=self.dtype))
        return self

"""One wrapper for all operations: a function of arrays becomes a function of arrays, variables and symbolic tensors.

`symbolic(fn, name)` looks at the leaves of the arguments. If a `KerasTensor` is among them, it records the call in the graph, and
shape inference runs `fn` abstractly. A variable is replaced by its value. Otherwise it calls `fn` directly.

`@operation()` wraps a function and adds it to the table of all operations, which `jkeras.ops` exports.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any, TypeVar, cast

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike, DTypeLike

from jkeras._base.config import settings
from jkeras._base.errors import describe
from jkeras._base.registry import export
from jkeras._base.sparse_arrays import all_dense, any_sparse, is_sparse, refuse_matrix
from jkeras._base.types import Tensor as Tensor
from jkeras._base.types import Tree
from jkeras.graph.infer import infer, moves_entries
from jkeras.graph.keras_tensor import KerasTensor, apply_symbolic, is_leaf, record
from jkeras.graph.spec import Spec
from jkeras.ops.texts import MOVING, any_texts
from jkeras.state.variable import Variable

Function = Callable[..., Tree]
F = TypeVar("F", bound=Function)

_NATIVE: tuple[type, ...] = (jax.Array, np.ndarray, np.generic, int, float, complex)
_operations: dict[str, Function] = {}
_areas: dict[str, dict[str, Function]] = {"image": {}, "linalg": {}, "nn": {}, "numpy": {}}
_APART = {"image"}  # areas whose operations `ops` itself does not offer


def symbolic(fn: F, name: str, module: str = "jkeras.ops", of_length: Function | None = None, takes_sparse: bool = False) -> F:
    """Make a function of arrays work on variables and symbolic tensors as well.

    Args:
        fn: takes arrays anywhere in its arguments, also nested in lists and dicts.
        name: of the operation, and of its nodes in a graph.
        module: where users find it.
        of_length: `of_length(n, *args, **kwargs)` gives n results, of a function that gives as many as values say. What symbolic
            calls result in is derived from it, with an n that is open.
        takes_sparse: whether `fn` takes sparse arrays; other functions get dense ones in their place.

    Returns:
        A function with the signature and docstring of `fn`.

    Example:
        >>> double = symbolic(lambda x: 2 * x, "double")
        >>> double(Variable([1.0, 2.0])).tolist(), double(KerasTensor((None, 3))).shape
        ([2.0, 4.0], (None, 3))
    """

    on_texts = MOVING.get(name)

    def op(*args: Tree, **kwargs: Tree) -> Tree:
        leaves, structure = jax.tree.flatten((args, kwargs), is_leaf=is_leaf)
        if any(isinstance(leaf, KerasTensor) for leaf in leaves):
            if of_length is None:
                return apply_symbolic(op, name, *args, **kwargs)
            return record(op, name, args, kwargs, lambda: infer(counted, (Spec((None,), "bool"), *args), kwargs))
        if any(isinstance(leaf, Variable) for leaf in leaves):
            arrays = [leaf.array if isinstance(leaf, Variable) else leaf for leaf in leaves]
            args, kwargs = jax.tree.unflatten(structure, arrays)
        if not takes_sparse and any_sparse((args, kwargs)):
            args, kwargs = all_dense((args, kwargs))
        if on_texts is not None and any_texts(leaves):
            given = inspect.signature(fn).bind(*args, **kwargs)
            given.apply_defaults()
            return on_texts(*given.args)
        return fn(*args, **kwargs)

    def counted(entries: jax.Array, *args: Tree, **kwargs: Tree) -> Tree:
        assert of_length is not None
        return of_length(entries.shape[0], *args, **kwargs)

    op.__name__ = op.__qualname__ = name
    op.__module__, op.__doc__ = module, fn.__doc__
    op.__wrapped__ = fn  # type: ignore[attr-defined]
    if on_texts is not None:
        moves_entries(op)
    return cast(F, op)


def operation(
    area: str | None = None, name: str | None = None, of_length: Function | None = None, takes_sparse: bool = False
) -> Callable[[Function], Function]:
    """Decorator: make a function an operation under its public name, which drops a trailing underscore.

    Args:
        area: the sub-namespace that it also belongs to: `"numpy"`, `"nn"` or `"linalg"`; `"image"` has operations of its own.
        name: the public name, if it is not the function's own.
        of_length, takes_sparse: as for `symbolic`.
    """

    def add(fn: Function) -> Function:
        return publish(symbolic(fn, name or fn.__name__.rstrip("_"), of_length=of_length, takes_sparse=takes_sparse), area)

    return add


def inspector(area: str | None = None) -> Callable[[Function], Function]:
    """Decorator: add a function that answers at once, without a node in the graph, also for variables and symbolic tensors."""

    def add(fn: Function) -> Function:
        fn.__module__ = "jkeras.ops"
        return publish(fn, area)

    return add


def publish(op: Function, area: str | None = None) -> Function:
    """Add a function to the table of operations as it is."""
    name, paths = op.__name__, []
    if area not in _APART:
        _operations[name] = op
        paths.append(f"keras.ops.{name}")
    if area is not None:
        _areas[area][name] = op
        paths.append(f"keras.ops.{area}.{name}")
    return export(*paths)(op)


def operations(area: str | None = None) -> dict[str, Function]:
    """The operations of `ops` by name, or those of one sub-namespace."""
    return dict(_operations if area is None else _areas[area])


def find(name: str) -> Function:
    """An operation by its name, wherever it belongs."""
    return (_operations | _areas["image"])[name]


def operand(x: Tensor) -> ArrayLike:
    """What `jax.numpy` accepts, unchanged; anything else (lists, tuples) as an array."""
    if not isinstance(x, _NATIVE):
        refuse_matrix(x)
        x = jnp.asarray(x)
    return x


def as_array(x: Tensor, dtype: DTypeLike | None = None) -> jax.Array:
    """A JAX array, in a dtype if one is given; a sparse one stays sparse."""
    if not isinstance(x, jax.Array) and not is_sparse(x):
        refuse_matrix(x)
        x = jnp.asarray(x)
    return x if dtype is None or x.dtype == dtype else x.astype(dtype)


def as_float(x: Tensor) -> jax.Array:
    """A JAX array of floats (or complex numbers): integers and booleans in the default float dtype."""
    x = as_array(x)
    return x if jnp.issubdtype(x.dtype, jnp.inexact) else x.astype(settings.floatx)


def as_integers(x: Tensor) -> ArrayLike:
    """Integers as they are, and whole numbers that are floats, as the inputs of models are by default, as int32.

    Raises:
        TypeError: outside of `jit`, where a number is not whole.
    """
    x = operand(x)
    if not jnp.issubdtype(jnp.result_type(x), jnp.floating):
        return x
    x = jnp.asarray(x)
    if not isinstance(x, jax.core.Tracer) and not bool(jnp.all(jnp.isfinite(x) & (x == jnp.round(x)))):
        raise TypeError(
            f"Expected integers, received fractions or infinities in {describe(x)}: write ops.cast(x, 'int32') to cut them off."
        )
    return x.astype("int32")


def axes(axis: int | Sequence[int] | None) -> Any:
    """Axes as JAX takes them: a list as a tuple."""
    return tuple(axis) if isinstance(axis, list) else axis


def no_sparse(sparse: bool | None) -> None:
    """Raise ValueError if the caller asked for a sparse result: operations compute with dense arrays."""
    if sparse:
        raise ValueError("sparse=True was given, but arrays are dense here. Leave out `sparse`.")

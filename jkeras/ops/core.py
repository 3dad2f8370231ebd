"""Conversions between arrays, variables, symbolic tensors and numpy, and what is known of a value without computing it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import DTypeLike

from jkeras._base.dtypes import dtype_of_values, standardize_dtype
from jkeras._base.sparse_arrays import all_dense, is_sparse
from jkeras._base.types import Tree
from jkeras.graph.keras_tensor import KerasTensor
from jkeras.ops.wrapper import Tensor, as_array, inspector, operation, symbolic
from jkeras.state.variable import Variable

_KNOWN = (np.ndarray, np.generic, int, float, complex)


@operation(takes_sparse=True)
def cast(x: Tensor, dtype: DTypeLike | None) -> Tensor:
    """The same values in another dtype. A sparse array of JAX stays sparse.

    Example:
        >>> cast([1.7, 2.0], "int32").tolist()
        [1, 2]
    """
    return as_array(x, standardize_dtype(dtype))


@operation()
def saturate_cast(x: Tensor, dtype: DTypeLike | None) -> Tensor:
    """The same values in another dtype, clipped to its range.

    Example:
        >>> saturate_cast([-3.0, 300.0], "uint8").tolist()
        [0, 255]
    """
    x, dtype = as_array(x), jnp.dtype(standardize_dtype(dtype))
    if dtype == jnp.bool_:
        return x != 0
    (least, greatest), (own_low, own_high) = _bounds(dtype), (0, 1) if x.dtype == jnp.bool_ else _bounds(x.dtype)
    # A bound that x's dtype cannot hold would overflow, and does not limit x.
    low, high = (jnp.asarray(np.asarray(n, x.dtype)) for n in (max(least, own_low), min(greatest, own_high)))
    if jnp.issubdtype(x.dtype, jnp.floating) and jnp.issubdtype(dtype, jnp.integer):
        # float(2**31 - 1) rounds up to 2**31, which is outside.
        high = jnp.where(high.astype(float) > float(greatest), jnp.nextafter(high, jnp.zeros_like(high)), high)
        return jnp.where(x >= high, np.asarray(greatest, dtype), jnp.clip(x, low, high).astype(dtype))
    return jnp.clip(x, low, high).astype(dtype)


def _bounds(dtype: DTypeLike) -> tuple[float, float]:
    if jnp.issubdtype(dtype, jnp.floating):
        return float(jnp.finfo(dtype).min), float(jnp.finfo(dtype).max)
    return int(jnp.iinfo(dtype).min), int(jnp.iinfo(dtype).max)


@operation(takes_sparse=True)
def convert_to_tensor(
    x: Tensor, dtype: DTypeLike | None = None, sparse: bool | None = None, ragged: bool | None = None
) -> Tensor:
    """A JAX array with the values of x.

    Numbers that are known stay so in traced code, where they may say how to pad, or what shape to take.

    Args:
        x: an array, a variable, numbers or nested lists of them.
        dtype: of the result, by default x's own.
        sparse: False turns a sparse array of `jax.experimental.sparse` into a dense one; else it stays as it is, as others do.
        ragged: must be False: the rows of an array have one length.

    Example:
        >>> convert_to_tensor([1, 2]).dtype
        dtype('int32')
    """
    if ragged:
        raise ValueError("ragged=True was given, but the rows of an array have one length. Pad them, and pass a mask.")
    if sparse is False:
        x = all_dense(x)
    known = not isinstance(x, jax.Array) and all(isinstance(leaf, _KNOWN) for leaf in jax.tree.leaves(x))
    with jax.ensure_compile_time_eval() if known else contextlib.nullcontext():
        return as_array(x, None if dtype is None else standardize_dtype(dtype))


@operation("numpy")
def array(x: Tensor, dtype: DTypeLike | None = None) -> Tensor:
    """A new JAX array with the values of x.

    Example:
        >>> array([1, 2], dtype="float32").tolist()
        [1.0, 2.0]
    """
    return jnp.array(x, None if dtype is None else standardize_dtype(dtype))


@operation("numpy")
def view(x: Tensor, dtype: DTypeLike | None = None) -> Tensor:
    """The same bits read as another dtype.

    Example:
        >>> import jax.numpy as jnp
        >>> view(jnp.array([1.0]), "int32").tolist()
        [1065353216]
    """
    return as_array(x).view(None if dtype is None else standardize_dtype(dtype))


@inspector()
def convert_to_numpy(x: Tensor) -> np.ndarray:
    """A numpy array with the values of x, which may be sparse: a copy.

    Example:
        >>> import jax.numpy as jnp
        >>> convert_to_numpy(jnp.ones(2))
        array([1., 1.], dtype=float32)
    """
    return np.array(all_dense(x))


@inspector()
def is_tensor(x: object) -> bool:
    """Whether x is an array of JAX, dense or sparse; lists, numpy arrays, variables and symbolic tensors are not.

    Example:
        >>> import jax.numpy as jnp
        >>> is_tensor(jnp.ones(2)), is_tensor([1.0, 1.0])
        (True, False)
    """
    return isinstance(x, jax.Array) or is_sparse(x)


@inspector()
def shape(x: Tensor) -> tuple[int | None, ...]:
    """The sizes of the axes, None where a symbolic tensor's size is unknown.

    Example:
        >>> from jkeras import KerasTensor
        >>> shape(KerasTensor((None, 3)))
        (None, 3)
    """
    return tuple(x.shape) if hasattr(x, "shape") else np.shape(x)


@inspector("numpy")
def ndim(x: Tensor) -> int:
    """The number of axes.

    Example:
        >>> from jkeras import KerasTensor
        >>> ndim(KerasTensor((None, 3)))
        2
    """
    return len(shape(x))


@inspector()
def dtype(x: Tensor) -> str:
    """The name of the dtype.

    Example:
        >>> import jax.numpy as jnp
        >>> dtype(jnp.ones(2))
        'float32'
    """
    return dtype_of_values(x.dtype if isinstance(x, (KerasTensor, Variable)) else as_array(x).dtype)


@operation("numpy")
def size(x: Tensor) -> Tensor:
    """The number of entries."""
    return jnp.size(as_array(x))


@operation()
def stop_gradient(variable: Tensor) -> Tensor:
    """The same values, constant for differentiation.

    Example:
        >>> import jax
        >>> float(jax.grad(lambda x: x * stop_gradient(x))(3.0))
        3.0
    """
    return jax.lax.stop_gradient(as_array(variable))


@inspector()
def custom_gradient(f: Callable[..., Tree]) -> Callable[..., Tree]:
    """A function with a custom gradient.

    Args:
        f: returns `(outputs, gradient)`, where `gradient(upstream)` returns the gradients of the inputs.

    Returns:
        A function that returns the outputs.

    Example:
        >>> import jax
        >>> import jax.numpy as jnp
        >>> clipped = custom_gradient(lambda x: (x**2, lambda upstream: upstream * jnp.clip(2 * x, -1, 1)))
        >>> float(clipped(3.0)), float(jax.grad(clipped)(3.0))
        (9.0, 1.0)
    """
    return symbolic(jax.custom_gradient(f), getattr(f, "__name__", "custom_gradient").strip("<>"), f.__module__)

"""`tf.py_function` and its kin: Python inside a function for tensors; and `tf.ensure_shape`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np
from jax.typing import DTypeLike

from jkeras._base.types import Tree
from jkeras.compat.standin.data.structure import as_component, as_tensor
from jkeras.compat.standin.tensor_spec import TensorSpec
from jkeras.state.scope import is_traced

__all__ = ["ensure_shape", "numpy_function", "py_func", "py_function"]

_COMPILED = """tf.{name} runs Python, and the function around it is being compiled. Call it on values:
outside of compiled functions, or in Dataset.map, which runs such a function element by element. In a step write
jax.pure_callback."""


def py_function(func: Callable[..., Any] | None = None, inp: Sequence[Tree] = (), Tout: Any = None, name: object = None) -> Any:
    """Call a function with tensors.

    Args:
        func: the function.
        inp: its arguments.
        Tout: the dtype of the result, or a list of dtypes.

    Returns:
        A tensor, or a list of them.

    Raises:
        TypeError: inside a function that is compiled.

    Example:
        >>> py_function(lambda x: float(x) * 2, [3.0], "float32").tolist()
        6.0
    """
    assert func is not None
    if any(is_traced(value) for value in jax.tree.leaves(inp)):
        raise TypeError(_COMPILED.format(name="py_function"))
    return _results(func(*(as_tensor(as_component(value)) for value in inp)), Tout)


def numpy_function(
    func: Callable[..., Any] | None = None,
    inp: Sequence[Tree] = (),
    Tout: Any = None,
    stateful: object = True,
    name: object = None,
) -> Any:
    """Call a function with NumPy arrays; arguments as for `py_function`."""
    assert func is not None
    if any(is_traced(value) for value in jax.tree.leaves(inp)):
        raise TypeError(_COMPILED.format(name="numpy_function"))
    return _results(func(*(as_component(value)[()] for value in inp)), Tout)


py_func = numpy_function


def _results(results: Any, dtypes: Any) -> Any:
    if isinstance(dtypes, (list, tuple)):
        several = results if isinstance(results, (list, tuple)) else [results] if dtypes else []
        return [_result(value, dtype) for value, dtype in zip(several, dtypes, strict=True)]
    return _result(results, dtypes)


def _result(value: Any, dtype: DTypeLike | TensorSpec) -> Any:
    wanted = dtype if isinstance(dtype, TensorSpec) else TensorSpec(None, dtype)
    return as_tensor(as_component(value).astype(wanted.dtype, copy=False))


def ensure_shape(x: Tree, shape: Sequence[int | None], name: object = None) -> Tree:
    """The tensor itself.

    Raises:
        ValueError: it has another shape.
    """
    if not TensorSpec(shape, x.dtype).is_compatible_with(x):
        raise ValueError(f"tf.ensure_shape: expected the shape {tuple(shape)}. Received: {tuple(np.shape(x))}.")
    return x

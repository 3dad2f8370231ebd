"""Functions of texts on symbolic tensors: nodes that run on the host, in front of the compiled part of a model.

JAX derives no shapes from texts. Those of a result are what the function returns for texts made up in two sizes: where the two
differ, an axis is unknown.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from jkeras._base.types import Tree
from jkeras.compat.standin.host_tensor import STRING
from jkeras.graph import ArrayFunction, KerasTensor, Spec
from jkeras.graph.keras_tensor import Node, is_leaf, symbolic_leaves

_SIZES = (2, 3)
_TEXT = b"0"  # a number, for functions that read one


def in_graphs(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, which records a node where an argument is symbolic.

    Example:
        >>> length = in_graphs(lambda texts: np.array([len(text) for text in texts]))
        >>> length(KerasTensor((None,), "string"))
        <KerasTensor shape=(None,), dtype=int64, name=lambda>
    """

    @functools.wraps(function)
    def call(*args: Tree, **kwargs: Tree) -> Any:
        if not symbolic_leaves((args, kwargs)):
            return function(*args, **kwargs)
        return Node(ArrayFunction(function, function.__name__), args, kwargs, _specs(function, args, kwargs)).outputs

    return call


def _specs(function: Callable[..., Any], args: Tree, kwargs: Tree) -> Tree:
    def result(size: int) -> Tree:
        known = jax.tree.map(lambda leaf: _made_up(leaf, size), (args, kwargs), is_leaf=is_leaf)
        return function(*known[0], **known[1])

    return jax.tree.map(_agreed, *map(result, _SIZES))


def _made_up(leaf: Any, size: int) -> Any:
    if not isinstance(leaf, KerasTensor):
        return leaf
    shape = [size if axis is None else axis for axis in leaf.shape]
    return np.full(shape, _TEXT, object) if leaf.dtype == "string" else np.zeros(shape, leaf.dtype)


def _agreed(one: Any, other: Any) -> Spec:
    shape = tuple(a if a == b else None for a, b in zip(one.shape, other.shape, strict=True))
    return Spec(shape, "string" if one.dtype == STRING else one.dtype.name)

"""Sparse arrays of JAX, `jax.experimental.sparse.BCOO` and its kin: where they are, and how they become dense.

Layers and operations compute with dense arrays. So a sparse one becomes dense where the library's maths begins; until then it
travels as it is, through models, the `call` of your own layers, `jit` and `grad`.

JAX loads these classes on request. A process in which nobody has asked for them has no such arrays, and looking for one costs
nothing.
"""

from __future__ import annotations

import sys

import jax

from jkeras._base.errors import describe
from jkeras._base.types import Tree

_MATRIX = """Received the sparse matrix {value}, where an array is needed. Write S.toarray(). (fit, evaluate and predict take
SciPy's matrices as they are.)"""

_MODULE = "jax.experimental.sparse"


def is_sparse(value: object) -> bool:
    """Whether a value is a sparse array of JAX.

    Example:
        >>> from jax.experimental import sparse
        >>> is_sparse(sparse.BCOO.fromdense(jax.numpy.eye(2))), is_sparse(jax.numpy.eye(2))
        (True, False)
    """
    module = sys.modules.get(_MODULE)
    return module is not None and isinstance(value, module.JAXSparse)


def any_sparse(tree: Tree) -> bool:
    """Whether there is a sparse array in a pytree."""
    return _MODULE in sys.modules and any(map(is_sparse, jax.tree.leaves(tree, is_leaf=is_sparse)))


def all_dense(tree: Tree) -> Tree:
    """The pytree with dense arrays in place of sparse ones.

    Example:
        >>> from jax.experimental import sparse
        >>> all_dense([sparse.BCOO.fromdense(jax.numpy.eye(2)), 1])[0].tolist()
        [[1.0, 0.0], [0.0, 1.0]]
    """
    if not any_sparse(tree):
        return tree
    return jax.tree.map(lambda value: value.todense() if is_sparse(value) else value, tree, is_leaf=is_sparse)


def refuse_matrix(value: object) -> None:
    """Raise an error for a sparse matrix of SciPy or its kind.

    Raises:
        TypeError: it is one.
    """
    if hasattr(value, "tocsr"):
        raise TypeError(_MATRIX.format(value=f"{type(value).__name__} {describe(value)}"))

"""`tf.linalg`: matrices."""

from __future__ import annotations

from typing import Any

from jkeras import ops
from jkeras._base.types import Tree
from jkeras.compat.standin.arrays import einsum, matmul, norm
from jkeras.compat.standin.creation import eye
from jkeras.compat.standin.mathematics import l2_normalize
from jkeras.compat.standin.renamed import renamed

__all__ = [
    "cholesky",
    "det",
    "diag",
    "diag_part",
    "eigh",
    "einsum",
    "eye",
    "inv",
    "l2_normalize",
    "matmul",
    "matvec",
    "norm",
    "qr",
    "solve",
    "trace",
    "matrix_transpose",
]

cholesky = renamed("cholesky", ops.cholesky, "input")
det = renamed("det", ops.det, "input")
eigh = renamed("eigh", ops.eigh, "tensor")
inv = renamed("inv", ops.inv, "input")
qr = renamed("qr", ops.qr, "input")
solve = renamed("solve", ops.solve, "matrix rhs")
trace = renamed("trace", ops.trace, "x")


def diag(diagonal: Any, name: Any = None) -> Any:
    """The matrix with this diagonal.

    Example:
        >>> diag([1, 2]).tolist()
        [[1, 0], [0, 2]]
    """
    return ops.diag(diagonal)


def diag_part(input: Tree, name: Any = None) -> Any:
    """The diagonals of the last two axes."""
    return ops.diagonal(input, axis1=-2, axis2=-1)


def matvec(a: Any, b: Any, name: Any = None) -> Any:
    """The product of matrices and vectors."""
    return ops.squeeze(ops.matmul(a, ops.expand_dims(b, -1)), -1)


def matrix_transpose(a: Any, name: Any = None) -> Any:
    """The last two axes swapped."""
    return ops.swapaxes(a, -1, -2)

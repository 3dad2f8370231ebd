"""`tf.linalg`: matrices."""

from __future__ import annotations

from jkeras import ops
from jkeras._base.types import Tree
from jkeras.compat.standin.arrays import einsum as einsum
from jkeras.compat.standin.arrays import matmul as matmul
from jkeras.compat.standin.arrays import norm as norm
from jkeras.compat.standin.creation import eye as eye
from jkeras.compat.standin.mathematics import l2_normalize as l2_normalize
from jkeras.compat.standin.renamed import renamed as _renamed
from jkeras.ops.wrapper import Tensor

globals().update(_renamed({"input": "cholesky det inv qr", "tensor": "eigh", "matrix rhs": "solve", "x": "trace"}))


def diag(diagonal: Tree, name: object = None) -> Tensor:
    """The matrix with this diagonal.

    Example:
        >>> diag([1, 2]).tolist()
        [[1, 0], [0, 2]]
    """
    return ops.diag(diagonal)


def diag_part(input: Tree, name: object = None) -> Tensor:
    """The diagonals of the last two axes."""
    return ops.diagonal(input, axis1=-2, axis2=-1)


def matvec(a: Tree, b: Tree, name: object = None) -> Tensor:
    """The product of matrices and vectors."""
    return ops.squeeze(ops.matmul(a, ops.expand_dims(b, -1)), -1)


def matrix_transpose(a: Tree, name: object = None) -> Tensor:
    """The last two axes swapped."""
    return ops.swapaxes(a, -1, -2)

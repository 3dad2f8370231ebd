"""`tf.linalg`: matrices."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

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


def matvec(a: Tree, b: Tree, transpose_a: bool = False, adjoint_a: bool = False, name: object = None) -> Tensor:
    """The product of matrices, or of the transposed or adjoint ones, and vectors."""
    if transpose_a or adjoint_a:
        a = ops.swapaxes(ops.conj(a) if adjoint_a else a, -1, -2)
    return ops.squeeze(ops.matmul(a, ops.expand_dims(b, -1)), -1)


def matrix_transpose(a: Tree, name: object = None) -> Tensor:
    """The last two axes swapped."""
    return ops.swapaxes(a, -1, -2)


def set_diag(input: Tree, diagonal: Tree, name: object = None, k: int = 0, align: object = None) -> Tensor:
    """The matrices with other diagonals.

    Example:
        >>> set_diag([[1, 2], [3, 4]], [0, 0]).tolist()
        [[0, 2], [3, 0]]
    """
    x, diagonal = ops.convert_to_tensor(input), ops.convert_to_tensor(diagonal)
    places = jnp.arange(diagonal.shape[-1])
    found: Tensor = x.at[..., places + max(-k, 0), places + max(k, 0)].set(diagonal.astype(x.dtype))
    return found


def band_part(input: Tree, num_lower: int, num_upper: int, name: object = None) -> Tensor:
    """The matrices with zeros outside a band around the diagonal; -1 keeps a whole side."""
    x = ops.convert_to_tensor(input)
    rows, columns = jnp.arange(x.shape[-2])[:, None], jnp.arange(x.shape[-1])
    low = True if int(num_lower) < 0 else rows - columns <= num_lower
    high = True if int(num_upper) < 0 else columns - rows <= num_upper
    return jnp.where(jnp.logical_and(low, high), x, jnp.zeros_like(x))


def svd(tensor: Tree, full_matrices: bool = False, compute_uv: bool = True, name: object = None) -> Any:
    """The singular value decomposition, in TensorFlow's order `s, u, v` with `x = u @ diag(s) @ transpose(v)`.

    Example:
        >>> [part.shape for part in svd(jnp.ones((4, 2)))]
        [(2,), (4, 2), (2, 2)]
    """
    x = ops.convert_to_tensor(tensor)
    if not compute_uv:
        return jnp.linalg.svd(x, compute_uv=False)
    u, s, vh = jnp.linalg.svd(x, full_matrices=full_matrices)
    return s, u, jnp.conj(jnp.swapaxes(vh, -1, -2))


def adjoint(matrix: Tree, name: object = None) -> Tensor:
    """The conjugate transpose."""
    return jnp.conj(jnp.swapaxes(ops.convert_to_tensor(matrix), -1, -2))


def logdet(matrix: Tree, name: object = None) -> Tensor:
    """The logarithm of the determinant of positive definite matrices."""
    return jnp.linalg.slogdet(ops.convert_to_tensor(matrix))[1]


def slogdet(input: Tree, name: object = None) -> tuple[Tensor, Tensor]:
    """The sign of the determinant, and the logarithm of its absolute value."""
    sign, size = jnp.linalg.slogdet(ops.convert_to_tensor(input))
    return sign, size


def eigvalsh(tensor: Tree, name: object = None) -> Tensor:
    """The eigenvalues of symmetric matrices."""
    return jnp.linalg.eigvalsh(ops.convert_to_tensor(tensor))


def pinv(a: Tree, rcond: Tree = None, validate_args: object = False, name: object = None) -> Tensor:
    """The pseudoinverse."""
    return ops.pinv(a) if rcond is None else ops.pinv(a, rcond)


def lstsq(matrix: Tree, rhs: Tree, l2_regularizer: float = 0.0, fast: object = True, name: object = None) -> Tensor:
    """The solution of least squares, with the squared size of the solution as a penalty."""
    a, b = ops.convert_to_tensor(matrix), ops.convert_to_tensor(rhs)
    at = jnp.swapaxes(a, -1, -2)
    return jnp.linalg.solve(at @ a + l2_regularizer * jnp.eye(a.shape[-1], dtype=a.dtype), at @ b)


def triangular_solve(matrix: Tree, rhs: Tree, lower: bool = True, adjoint: bool = False, name: object = None) -> Tensor:
    """The solution of equations with a triangular matrix."""
    a, b = ops.convert_to_tensor(matrix), ops.convert_to_tensor(rhs)
    return jax.scipy.linalg.solve_triangular(a, b, trans=2 if adjoint else 0, lower=lower)


def expm(input: Tree, name: object = None) -> Tensor:
    """The exponential of matrices."""
    return jax.scipy.linalg.expm(ops.convert_to_tensor(input))


def cross(a: Tree, b: Tree, name: object = None) -> Tensor:
    """The product of vectors in space."""
    return jnp.cross(ops.convert_to_tensor(a), ops.convert_to_tensor(b))


def normalize(
    tensor: Tree, ord: str | float = "euclidean", axis: int | None = None, name: object = None
) -> tuple[Tensor, Tensor]:
    """The array divided by its norm, and the norm."""
    size = norm(tensor, ord, axis, keepdims=True)
    return ops.divide(tensor, size), size


def tensordot(a: Tree, b: Tree, axes: Any, name: object = None) -> Tensor:
    """A sum of products over some axes."""
    return ops.tensordot(a, b, axes)


tensor_diag, tensor_diag_part = diag, diag_part

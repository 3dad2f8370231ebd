"""Linear algebra: factorisations, inverses, determinants, systems of equations. All work on batches `(..., n, n)`."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
from jax import lax

from jkeras._base.errors import describe, unknown_name
from jkeras._base.types import Tree
from jkeras.nn import lengths
from jkeras.ops.families import Axis, define
from jkeras.ops.wrapper import Function, Tensor, as_array, as_float, axes, operation


def _matrices(x: Tensor) -> jax.Array:
    x = as_float(x)
    if x.ndim < 2:
        raise ValueError(f"Expected matrices (..., m, n), received {describe(x)}.")
    return x


def _squares(x: Tensor) -> jax.Array:
    x = _matrices(x)
    if x.shape[-1] != x.shape[-2]:
        raise ValueError(f"Expected square matrices (..., n, n), received {describe(x)}.")
    return x


def _of_squares(fn: Function) -> Function:
    """Square matrices."""

    def op(x: Tensor) -> Tensor:
        return fn(_squares(x))

    return op


define(_of_squares, jnp.linalg, "det eig eigh inv", area="linalg")


@operation("linalg")
def cholesky(x: Tensor, upper: bool = False) -> Tensor:
    """The triangular L with `L L^T = x`, or with `upper` the U with `U^T U = x`.

    Args:
        x: symmetric positive definite matrices, `(..., n, n)`.
        upper: which triangle.

    Raises:
        ValueError: outside of `jit`, where x is not positive definite; inside, the result is NaN.

    Example:
        >>> cholesky([[4.0, 2.0], [2.0, 5.0]]).tolist()
        [[2.0, 0.0], [1.0, 2.0]]
    """
    factor = jnp.linalg.cholesky(_squares(x), upper=upper)
    if not isinstance(factor, jax.core.Tracer) and bool(jnp.isnan(factor).any()):
        raise ValueError(
            "The Cholesky decomposition failed: the matrix is not positive definite. Add a small multiple of eye(n)."
        )
    return factor


@operation("linalg")
def cholesky_inverse(x: Tensor, upper: bool = False) -> Tensor:
    """The inverse of the matrix that x is the Cholesky factor of: `(L L^T)^-1`, or with `upper` `(U^T U)^-1`.

    Args:
        x: factors, `(..., n, n)`.
        upper: which triangle they are.
    """
    x = _squares(x)
    inverse = _triangular(x, jnp.broadcast_to(jnp.eye(x.shape[-1], dtype=x.dtype), x.shape), lower=not upper)
    transposed = jnp.swapaxes(inverse, -1, -2)
    return inverse @ transposed if upper else transposed @ inverse


@operation("linalg")
def norm(x: Tensor, ord: int | float | str | None = None, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """A norm of vectors or matrices; where it is 0, so is its gradient.

    Args:
        x: numbers.
        ord: `2` (default for vectors), another power p, `inf`, `-inf`; for matrices `"fro"` (default), `"nuc"`, `1`, `2`, `inf`.
        axis: one axis for vectors, two for matrices; None for the array as a whole.
        keepdims: whether reduced axes stay, with size 1.

    Example:
        >>> norm([[3.0, 4.0], [0.0, 2.0]], axis=1).tolist()
        [5.0, 2.0]
    """
    return lengths.norm(as_float(x), ord, axes(axis), keepdims)


@operation("linalg")
def qr(x: Tensor, mode: str = "reduced") -> tuple[Tensor, Tensor]:
    """`x = q r` with orthonormal columns in q and an upper triangle r.

    Args:
        x: `(..., m, n)`.
        mode: `"reduced"` gives q `(m, k)`, r `(k, n)` with k the smaller size; `"complete"` gives `(m, m)` and `(m, n)`.
    """
    if mode not in ("reduced", "complete"):
        raise unknown_name("mode", mode, ("reduced", "complete"))
    return tuple(jnp.linalg.qr(_matrices(x), mode=mode))  # type: ignore[return-value]


@operation("linalg")
def svd(x: Tensor, full_matrices: bool = True, compute_uv: bool = True) -> Tree:
    """`x = u diag(s) vh`, the singular values s in falling order.

    Args:
        x: `(..., m, n)`.
        full_matrices: whether u and vh are square.
        compute_uv: whether to give u and vh at all.

    Returns:
        `(u, s, vh)`, or s alone.
    """
    result = jnp.linalg.svd(_matrices(x), full_matrices=full_matrices, compute_uv=compute_uv)
    return tuple(result) if compute_uv else result


@operation("linalg")
def lu_factor(x: Tensor) -> tuple[Tensor, Tensor]:
    """The LU factorisation with row swaps.

    Args:
        x: `(..., n, n)`.

    Returns:
        L below and U on and above the diagonal, in one array; and the row that each row was swapped with.
    """
    factors, pivots, _ = lax.linalg.lu(_matrices(x))
    return factors, pivots


@operation("linalg")
def solve(a: Tensor, b: Tensor) -> Tensor:
    """x with `a x = b`.

    Args:
        a: `(..., n, n)`.
        b: `(..., n)` or `(..., n, k)`.

    Example:
        >>> solve([[2.0, 0.0], [0.0, 4.0]], [1.0, 1.0]).tolist()
        [0.5, 0.25]
    """
    a, b = _squares(a), as_float(b)
    if b.ndim not in (a.ndim - 1, a.ndim) or b.shape[a.ndim - 2] != a.shape[-1]:
        raise ValueError(f"solve takes a (..., n, n) with b (..., n) or (..., n, k), received {describe((a, b))}.")
    return jnp.linalg.solve(a, b[..., None])[..., 0] if b.ndim < a.ndim else jnp.linalg.solve(a, b)


def _triangular(a: Tensor, b: Tensor, lower: bool) -> jax.Array:
    a, b = _matrices(a), as_float(b)
    dtype = jnp.promote_types(a.dtype, b.dtype)
    columns = b[..., None] if b.ndim == a.ndim - 1 else b
    x = lax.linalg.triangular_solve(a.astype(dtype), columns.astype(dtype), left_side=True, lower=lower)
    return x[..., 0] if b.ndim == a.ndim - 1 else x


@operation("linalg")
def solve_triangular(a: Tensor, b: Tensor, lower: bool = False) -> Tensor:
    """x with `a x = b` for a triangular a, whose other triangle is not read.

    Args:
        a: `(..., n, n)`.
        b: `(..., n)` or `(..., n, k)`.
        lower: which triangle, the upper one by default.
    """
    return _triangular(a, b, lower)


@operation("linalg")
def lstsq(a: Tensor, b: Tensor, rcond: float | None = None) -> Tensor:
    """x with the least `|a x - b|`, and among these the shortest.

    Args:
        a: `(m, n)`.
        b: `(m,)` or `(m, k)`.
        rcond: singular values below this multiple of the largest count as 0; None for machine precision times the larger size.
    """
    return jnp.linalg.lstsq(as_array(a), as_array(b), rcond=rcond)[0]


@operation("linalg")
def pinv(x: Tensor, rcond: float | None = None) -> Tensor:
    """The Moore-Penrose inverse; rcond as in `lstsq`."""
    return jnp.linalg.pinv(_matrices(x), rcond=rcond)


@operation("linalg")
def matrix_rank(x: Tensor, tol: Tensor | None = None) -> Tensor:
    """How many singular values are above tol, by default machine precision times the larger size times the largest of them."""
    return jnp.linalg.matrix_rank(_matrices(x), tol).astype("int32")


@operation()
def logdet(x: Tensor) -> Tensor:
    """The logarithm of the determinant's absolute value."""
    return jnp.linalg.slogdet(_squares(x))[1]


@operation("numpy")
def slogdet(x: Tensor) -> tuple[Tensor, Tensor]:
    """The determinant's sign, and the logarithm of its absolute value."""
    return tuple(jnp.linalg.slogdet(_squares(x)))  # type: ignore[return-value]


@operation("linalg")
def jvp(fun: Callable[..., Tree], primals: Sequence[Tree], tangents: Sequence[Tree], has_aux: bool = False) -> tuple[Tree, ...]:
    """The value of a function and its derivative along a direction.

    Args:
        fun: a function of arrays.
        primals: a list or tuple of arguments.
        tangents: the direction, in the same form.
        has_aux: whether fun gives a pair, whose second part is not differentiated.

    Returns:
        `(value, derivative)`, with has_aux `(value, derivative, aux)`.

    Example:
        >>> [float(y) for y in jvp(lambda x: x**2, (3.0,), (1.0,))]
        [9.0, 6.0]
    """
    return jax.jvp(fun, tuple(primals), tuple(tangents), has_aux=has_aux)

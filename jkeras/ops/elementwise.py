"""Operations on each entry by itself: arithmetic, comparison, logic, bits, and the functions of calculus."""

from __future__ import annotations

import jax.numpy as jnp
from jax import lax

from jkeras._base.errors import describe
from jkeras.ops.families import binary, bits, closeness, define, divisors, inverted_bits, unary
from jkeras.ops.wrapper import Tensor, as_array, as_float, as_integers, operand, operation

_UNARY = """
abs=absolute absolute angle arccos arccosh arcsin arcsinh arctan arctanh cbrt
conj=conjugate conjugate copy cos cosh deg2rad exp exp2 expm1 fabs i0 imag isfinite isinf isnan isneginf isposinf isreal log
log10 log1p log2 logical_not negative rad2deg real reciprocal sign signbit sin sinc sinh sqrt square tan tanh
"""
_BINARY = """
add arctan2 divide=true_divide equal floor_divide fmax fmin fmod greater greater_equal heaviside hypot less less_equal
logaddexp logaddexp2 logical_and logical_or logical_xor maximum minimum mod=remainder multiply nextafter not_equal power subtract
true_divide
"""
_BITS = """
bitwise_and bitwise_or bitwise_xor bitwise_left_shift=left_shift bitwise_right_shift=right_shift left_shift right_shift
"""

define(unary, jnp, _UNARY)
define(binary, jnp, _BINARY)
define(bits, jnp, _BITS)
define(inverted_bits, jnp, "bitwise_invert=invert bitwise_not=invert")
define(divisors, jnp, "gcd lcm")
define(closeness, jnp, "allclose isclose")


@operation("numpy")
def ceil(x: Tensor) -> Tensor:
    """The smallest whole number that is not below each entry, as a float."""
    return jnp.ceil(as_float(x))


@operation("numpy")
def floor(x: Tensor) -> Tensor:
    """The largest whole number that is not above each entry, as a float."""
    return jnp.floor(as_float(x))


@operation("numpy")
def trunc(x: Tensor) -> Tensor:
    """Each entry without its fraction; integers stay what they are."""
    x = as_array(x)
    return jnp.trunc(x) if jnp.issubdtype(x.dtype, jnp.inexact) else x


@operation("numpy")
def round_(x: Tensor, decimals: int = 0) -> Tensor:
    """Each entry rounded to a number of decimals, halves to the even neighbour.

    Args:
        x: numbers.
        decimals: digits after the point; negative ones count to the left of it.

    Example:
        >>> round([0.5, 1.5, 2.5]).tolist(), round([1234, 1250], decimals=-2).tolist()
        ([0.0, 2.0, 2.0], [1200, 1200])
    """
    x = as_array(x)
    if decimals < 0 and jnp.issubdtype(x.dtype, jnp.integer):
        return (jnp.round(as_float(x) / 10**-decimals) * 10**-decimals).astype(x.dtype)
    return jnp.round(x, decimals)


@operation("numpy")
def clip(x: Tensor, x_min: Tensor, x_max: Tensor) -> Tensor:
    """Each entry brought into `[x_min, x_max]`; None for no bound."""
    x = as_array(x)
    return jnp.clip(x.astype("int32") if x.dtype == bool else x, x_min, x_max)


@operation("numpy")
def divide_no_nan(x1: Tensor, x2: Tensor) -> Tensor:
    """The quotient, 0 where the divisor is 0.

    Example:
        >>> divide_no_nan([1.0, 2.0], [0.0, 4.0]).tolist()
        [0.0, 0.5]
    """
    x1, x2 = operand(x1), as_array(x2)
    # The inner `where` keeps the gradient free of the NaN of the branch not taken.
    return jnp.where(x2 == 0, 0, jnp.divide(x1, jnp.where(x2 == 0, 1, x2)))


@operation("numpy")
def ldexp(x1: Tensor, x2: Tensor) -> Tensor:
    """`x1 * 2**x2` for integers x2."""
    return jnp.ldexp(operand(x1), as_integers(x2))


@operation("numpy")
def nan_to_num(x: Tensor, nan: float = 0.0, posinf: float | None = None, neginf: float | None = None) -> Tensor:
    """Each entry, with numbers in place of NaN and the infinities.

    Args:
        x: numbers.
        nan: for NaN.
        posinf, neginf: for the infinities; None means the dtype's largest and smallest number.
    """
    return jnp.nan_to_num(operand(x), nan=nan, posinf=posinf, neginf=neginf)


@operation("numpy")
def isin(x1: Tensor, x2: Tensor, assume_unique: bool = False, invert: bool = False) -> Tensor:
    """Whether each entry of x1 occurs in x2, or with `invert` that it does not."""
    return jnp.isin(operand(x1), operand(x2), assume_unique=assume_unique, invert=invert)


@operation()
def erf(x: Tensor) -> Tensor:
    """The error function, `2 / sqrt(pi)` times the integral of `exp(-t^2)` from 0 to x."""
    return lax.erf(as_float(x))


@operation()
def erfc(x: Tensor) -> Tensor:
    """`1 - erf(x)`, exact for large x as well."""
    return lax.erfc(as_float(x))


@operation()
def erfinv(x: Tensor) -> Tensor:
    """The inverse of `erf` on (-1, 1)."""
    return lax.erf_inv(as_float(x))


@operation()
def rsqrt(x: Tensor) -> Tensor:
    """`1 / sqrt(x)`."""
    return lax.rsqrt(as_float(x))


@operation()
def view_as_complex(x: Tensor) -> Tensor:
    """Complex numbers from `(..., 2)` real and imaginary parts."""
    x = as_array(x)
    if x.ndim == 0 or x.shape[-1] != 2:
        raise ValueError(f"view_as_complex takes real and imaginary parts along a last axis of size 2, received {describe(x)}.")
    return lax.complex(x[..., 0], x[..., 1])


@operation()
def view_as_real(x: Tensor) -> Tensor:
    """Real and imaginary parts along a new last axis."""
    x = as_array(x)
    return jnp.stack([jnp.real(x), jnp.imag(x)], axis=-1)


@operation("nn")
def polar(abs_: Tensor, angle: Tensor) -> Tensor:
    """The complex numbers `r (cos a + i sin a)` of moduli r and angles a in radians."""
    radius, angle = as_float(abs_), as_float(angle)
    return lax.complex(radius * jnp.cos(angle), radius * jnp.sin(angle))


@operation("nn")
def psnr(x1: Tensor, x2: Tensor, max_val: Tensor) -> Tensor:
    """Peak signal-to-noise ratio in decibels: `20 log10(max_val) - 10 log10(mean((x1 - x2)^2))`.

    Args:
        x1, x2: of one shape.
        max_val: the largest value that signals can have, such as 255 or 1.0.
    """
    x1, x2 = as_array(x1), as_array(x2)
    if x1.shape != x2.shape:
        raise ValueError(f"psnr compares arrays of one shape, received {describe(x1)} and {describe(x2)}.")
    return 20 * jnp.log10(jnp.asarray(max_val, x2.dtype)) - 10 * jnp.log10(jnp.mean(jnp.square(x1 - x2)))

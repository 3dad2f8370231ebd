"""The affine map y = x W + b over the last axis.

All leading axes are batch axes; they become one, so that the product and both of its gradients are products of two matrices, the
one form that is fast everywhere. The product runs in the dtype of its operands, so half-precision operands give a half-precision
result.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

from jkeras._base.types import Array, Float
from jkeras.nn.product import product


def dense(
    x: Float[Array, " *batch inputs"], kernel: Float[Array, " inputs units"], bias: Float[Array, " units"] | None = None
) -> Float[Array, " *batch units"]:
    """The affine map of the last axis: `y[..., j] = sum_i x[..., i] kernel[i, j] + bias[j]`.

    Args:
        x: `(..., inputs)`.
        kernel: `(inputs, units)`.
        bias: `(units,)`, or None for none.

    Returns:
        `(..., units)` in the common dtype of the operands.

    Example:
        >>> import jax.numpy as jnp
        >>> dense(jnp.array([[1.0, 2.0]]), jnp.eye(2), jnp.array([0.5, 0.0])).tolist()
        [[1.5, 2.0]]
    """
    y = product(x, kernel)
    return y if bias is None else _plus(y, bias)


# Outside of a compiled program, a compiled sum is called in a tenth of the time.
_plus = jax.jit(jnp.add, inline=True)

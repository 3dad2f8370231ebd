"""Programs that are slow inside a loop.

XLA:CPU brings a convolution to the one layout for which it has a good kernel, except inside loop bodies, where any other layout
falls to a plain nest of loops, 15 to 100 times slower. Convolutions of `jkeras.nn.conv` always have that layout. A user's own
`lax.conv_general_dilated` may have another, and its gradients, as JAX transposes them, always do: a training step that holds one
is better dispatched step by step than put into a loop.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from jax import lax

from jkeras.nn.traced import equations

if TYPE_CHECKING:
    from jax.extend.core import ClosedJaxpr, Jaxpr, JaxprEqn


def slow_in_loop(jaxpr: ClosedJaxpr | Jaxpr) -> bool:
    """Whether a program holds an operation that on a CPU is far slower inside a loop body than outside.

    Args:
        jaxpr: from `jax.make_jaxpr`, or its `.jaxpr`.

    Returns:
        True if some operation of the program, or of a program inside it, is known to be slow there.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> x, kernel = jnp.ones((1, 3, 8, 8)), jnp.ones((4, 3, 3, 3))
        >>> slow_in_loop(jax.make_jaxpr(lambda x, kernel: jax.lax.conv(x, kernel, (1, 1), "SAME"))(x, kernel))
        True
    """
    return any(e.primitive is lax.conv_general_dilated_p and _is_uncanonical(e) for e in equations(jaxpr))


def _is_uncanonical(equation: JaxprEqn) -> bool:
    """Whether a convolution is anything but images (batch, *space, channels) with kernels (*window, in, out)."""
    params, ndim = equation.params, len(equation.params["dimension_numbers"].out_spec)
    space = tuple(range(1, ndim - 1))
    images, kernel = (0, ndim - 1, *space), (ndim - 1, ndim - 2, *range(ndim - 2))
    layouts = tuple(map(tuple, params["dimension_numbers"]))
    return layouts != (images, kernel, images) or params["batch_group_count"] > 1

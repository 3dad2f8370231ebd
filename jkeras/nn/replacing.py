"""A value that takes the place of a weight within a forward pass, and hands its gradient on to the weight.

A masked convolution assigns `kernel * mask` to its kernel. What follows computes with
the new value. Its gradient is the weight's, as for a gradient tape, which sees where a variable is read and not what was assigned
to it.
"""

from __future__ import annotations

import jax

from jkeras._base.types import Array


@jax.custom_jvp
def replacing(old: Array, new: Array) -> Array:
    """The new value, with the derivative of the old one.

    Example:
        >>> jax.value_and_grad(lambda w: replacing(w, 3.0 * w) ** 2)(2.0)
        (Array(36., dtype=float32, weak_type=True), Array(12., dtype=float32, weak_type=True))
    """
    return new


@replacing.defjvp
def _replacing_jvp(primals: tuple[Array, Array], tangents: tuple[Array, Array]) -> tuple[Array, Array]:
    return primals[1], tangents[0]

"""Which programs are slow inside a loop on a platform.

XLA:CPU brings a convolution to the one layout for which it has a good kernel, except inside loop bodies, where any other layout
falls to a plain nest of loops, 15 to 100 times slower. Convolutions of `jkeras.nn.conv` are never in another layout. A user's own
`lax.conv_general_dilated` may be, and its gradients, as JAX transposes them, always are: a training step that holds one is better
dispatched step by step than put into a loop.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from jax import lax

# For each platform and operation: whether an equation is slow inside a loop body.
_SLOW: dict[tuple[str, str], Callable[[Any], bool]] = {}


def slow_in_loop(jaxpr: Any, platform: str) -> bool:
    """Whether a program holds an operation that is far slower inside a loop body than outside.

    Args:
        jaxpr: from `jax.make_jaxpr`, or its `.jaxpr`.
        platform: where it will run: `"cpu"`, `"cuda"`, `"tpu"`, ...

    Returns:
        True if some operation of the program, or of a program inside it, is known to be slow there.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> x, kernel = jnp.ones((1, 3, 8, 8)), jnp.ones((4, 3, 3, 3))
        >>> program = jax.make_jaxpr(lambda x, kernel: jax.lax.conv(x, kernel, (1, 1), "SAME"))(x, kernel)
        >>> slow_in_loop(program, "cpu"), slow_in_loop(program, "cuda")
        (True, False)
    """
    return any(
        rule(equation)
        for equation in equations(getattr(jaxpr, "jaxpr", jaxpr))
        if (rule := _SLOW.get((platform, equation.primitive.name))) is not None
    )


def equations(jaxpr: Any) -> Iterator[Any]:
    """All equations of a program and of the programs in their parameters."""
    for equation in jaxpr.eqns:
        yield equation
        for value in equation.params.values():
            for inner in value if isinstance(value, (tuple, list)) else (value,):
                inner = getattr(inner, "jaxpr", inner)
                if hasattr(inner, "eqns"):
                    yield from equations(inner)


def _is_uncanonical(equation: Any) -> bool:
    """Whether a convolution is anything but images (batch, *space, channels) with kernels (*window, in, out)."""
    params, ndim = equation.params, equation.outvars[0].aval.ndim
    space = tuple(range(1, ndim - 1))
    images, kernel = (0, ndim - 1, *space), (ndim - 1, ndim - 2, *range(ndim - 2))
    layouts = tuple(map(tuple, params["dimension_numbers"]))
    return layouts != (images, kernel, images) or params["batch_group_count"] > 1


_SLOW["cpu", lax.conv_general_dilated_p.name] = _is_uncanonical

"""A program without our own convolutions, for readers that know only JAX's operations.

`jax.jit` compiles `conv_primitive`'s operations, and `jax.export` writes what they are lowered to; but a converter walks over the
traced program itself and stumbles over names that it does not know. Here a function is traced, and its program is run anew with
`lax.conv_general_dilated` in their places. Functions that are called within it are taken apart on the way; the bodies of loops
stay as they are.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from jkeras.nn.conv_geometry import Geometry
from jkeras.nn.conv_primitive import GENERAL, dimension_numbers, input_gradient_p

_CALLS = ("jit", "pjit", "closed_call", "core_call")


def _spread(dy: Any, kernel: Any, geometry: Geometry, precision: Any) -> Any:
    """The transposed convolution with a kernel in the usual layout; XLA's own transpose names the axes in another order."""
    if geometry.groups > 1:
        general: Callable[..., Any] = GENERAL[input_gradient_p]
        return general(dy, kernel, geometry, precision)
    around = geometry.transposed()
    turned = jnp.swapaxes(jnp.flip(kernel, range(geometry.rank)), -1, -2)
    return lax.conv_general_dilated(
        dy, turned, around.strides, around.padding, geometry.strides, around.dilation, dimension_numbers(geometry),
        precision=precision,
    )  # fmt: skip


_OPERATIONS: dict[Any, Callable[..., Any]] = {**GENERAL, input_gradient_p: _spread}


def with_general_convolutions(fn: Callable[..., Any]) -> Callable[..., Any]:
    """The same function of arrays, with XLA's own convolutions.

    Args:
        fn: from arrays to a pytree of arrays.

    Example:
        >>> import jax.numpy as jnp
        >>> from jkeras.nn.conv import conv
        >>> fn = with_general_convolutions(lambda x: conv(x, jnp.ones((2, 1, 1))))
        >>> [e.primitive.name for e in jax.make_jaxpr(fn)(jnp.ones((1, 3, 1))).eqns if "conv" in e.primitive.name]
        ['conv_general_dilated']
    """

    def general(*args: Any) -> Any:
        closed, shapes = jax.make_jaxpr(fn, return_shape=True)(*args)
        results = _run(closed, jax.tree.leaves(args))
        return jax.tree.unflatten(jax.tree.structure(shapes), results)

    return general


def _run(closed: Any, args: list[Any]) -> list[Any]:
    """Run a traced program, operation by operation."""
    values: dict[Any, Any] = dict(zip(closed.jaxpr.constvars, closed.consts))
    values.update(zip(closed.jaxpr.invars, args))

    def read(atom: Any) -> Any:
        return atom.val if hasattr(atom, "val") else values[atom]

    for equation in closed.jaxpr.eqns:
        primitive, inputs = equation.primitive, [read(atom) for atom in equation.invars]
        if primitive in _OPERATIONS:
            results: Any = _OPERATIONS[primitive](*inputs, **equation.params)
        elif primitive.name in _CALLS:
            results = _run(equation.params["jaxpr"], inputs)
        else:
            results = primitive.bind(*inputs, **primitive.get_bind_params(equation.params))
        listed = primitive.multiple_results or primitive.name in _CALLS
        values.update(zip(equation.outvars, results if listed else [results]))
    return [read(atom) for atom in closed.jaxpr.outvars]

"""Traced programs, for readers that walk over them: all their equations, and the same program in JAX's own operations.

`jax.jit` compiles our operations (`operation.py`), and `jax.export` writes what they are lowered to; but a converter walks over
the traced program itself and stumbles over names that it does not know. For it a function is traced, and its program is run again
with JAX's operations in place of ours. Functions called within it are taken apart on the way; bodies of loops stay as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
from jax import lax

from jkeras._base.types import Array, Tree
from jkeras.nn.conv_geometry import Geometry
from jkeras.nn.conv_primitive import dimension_numbers, input_gradient
from jkeras.nn.operation import Operation

if TYPE_CHECKING:
    from jax.extend.core import ClosedJaxpr, Jaxpr, JaxprEqn

_CALLS = ("jit", "pjit", "closed_call", "core_call")


def equations(jaxpr: ClosedJaxpr | Jaxpr) -> Iterator[JaxprEqn]:
    """All equations of a program and of the programs in their parameters."""
    for equation in jaxpr.eqns:
        yield equation
        for program in programs(equation):
            yield from equations(program)


def programs(equation: Any) -> Iterator[Any]:
    """The programs in an equation's parameters."""
    for value in equation.params.values():
        for inner in value if isinstance(value, (tuple, list)) else (value,):
            if hasattr(inner, "eqns"):
                yield inner


def with_general_operations(fn: Callable[..., Tree]) -> Callable[..., Tree]:
    """The same function of arrays, in JAX's own operations, as every platform computes them.

    Args:
        fn: from arrays to a pytree of arrays.

    Example:
        >>> import jax.numpy as jnp
        >>> from jkeras.nn.conv import conv
        >>> fn = with_general_operations(lambda x: conv(x, jnp.ones((2, 1, 1))))
        >>> [e.primitive.name for e in jax.make_jaxpr(fn)(jnp.ones((1, 3, 1))).eqns if "conv" in e.primitive.name]
        ['conv_general_dilated']
    """

    def general(*args: Tree) -> Tree:
        closed, shapes = jax.make_jaxpr(fn, return_shape=True)(*args)
        results = _run(closed, jax.tree.leaves(args))
        return jax.tree.unflatten(jax.tree.structure(shapes), results)

    return general


def _run(closed: ClosedJaxpr, args: Sequence[Any]) -> list[Any]:
    """Run a traced program, operation by operation."""
    values: dict[object, Any] = dict(zip(closed.jaxpr.constvars, closed.consts))
    values.update(zip(closed.jaxpr.invars, args))
    for equation in closed.jaxpr.eqns:
        inputs = [atom.val if hasattr(atom, "val") else values.get(atom) for atom in equation.invars]
        values.update(zip(equation.outvars, _results(equation, inputs)))
    return [atom.val if hasattr(atom, "val") else values[atom] for atom in closed.jaxpr.outvars]


def _results(equation: JaxprEqn, inputs: Sequence[Any]) -> list[Any]:
    primitive, params = equation.primitive, equation.params
    if primitive.name == input_gradient.name:
        return [_spread(*inputs, **params)]
    if primitive.name in Operation.named:
        return [Operation.named[primitive.name].general(*inputs, **params)]
    if primitive.name in _CALLS:
        return _run(params["jaxpr"], inputs)
    if primitive.name == "platform_index":  # of a `Choice`, whose branches follow
        return []
    if params.get("branches_platforms") is not None:
        return _run(params["branches"][-1], inputs[1:])
    return run_equation(equation, inputs)


def run_equation(equation: JaxprEqn, inputs: Sequence[Any]) -> list[Any]:
    """The results of an equation, as JAX computes it.

    Args:
        equation: of a traced program.
        inputs: arrays, also traced ones.
    """
    primitive = equation.primitive
    results = primitive.bind(*inputs, **primitive.get_bind_params(equation.params))
    return list(results) if primitive.multiple_results else [results]


def _spread(dy: Array, kernel: Array, geometry: Geometry, precision: lax.PrecisionLike) -> Array:
    """The transposed convolution with a kernel in the usual layout; XLA's own transpose names the axes in another order."""
    if geometry.groups > 1:
        return input_gradient.general(dy, kernel, geometry, precision)
    around = geometry.transposed()
    turned = jnp.swapaxes(jnp.flip(kernel, range(geometry.rank)), -1, -2)
    return lax.conv_general_dilated(
        dy, turned, around.strides, around.padding, geometry.strides, around.dilation, dimension_numbers(geometry),
        precision=precision,
    )  # fmt: skip

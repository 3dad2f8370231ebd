"""Traced programs, for readers that walk over them: all their equations, and the same program in JAX's own operations.

`jax.jit` compiles our operations (`operation.py`), and `jax.export` writes what they are lowered to; but a converter walks over
the traced program itself and stumbles over names that it does not know. For it a function is traced, and its program is run again
with JAX's operations in place of ours. Functions called within it are taken apart on the way; bodies of loops stay as they are.
The same serves programs whose bits must not depend on how XLA would simplify them: there, equal operations become one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jkeras._base.types import Array, Tree
from jkeras.nn.conv_geometry import Geometry
from jkeras.nn.conv_primitive import dimension_numbers, input_gradient
from jkeras.nn.operation import Operation

if TYPE_CHECKING:
    from jax.extend.core import ClosedJaxpr, Jaxpr, JaxprEqn

_CALLS = ("jit", "pjit", "closed_call", "core_call")
_BINARY = (
    "add", "add_any", "sub", "mul", "div", "max", "min", "pow", "rem", "atan2", "eq", "ne", "lt", "le", "gt", "ge", "and", "or",
)  # fmt: skip


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


def with_general_operations(fn: Callable[..., Tree], once: bool = False) -> Callable[..., Tree]:
    """The same function of arrays, in JAX's own operations, as every platform computes them.

    Args:
        fn: from arrays to a pytree of arrays.
        once: whether equal operations on the same arrays become one.

    Example:
        >>> import jax.numpy as jnp
        >>> from jkeras.nn.conv import conv
        >>> fn = with_general_operations(lambda x: conv(x, jnp.ones((2, 1, 1))))
        >>> [e.primitive.name for e in jax.make_jaxpr(fn)(jnp.ones((1, 3, 1))).eqns if "conv" in e.primitive.name]
        ['conv_general_dilated']
    """

    def general(*args: Tree) -> Tree:
        closed, shapes = jax.make_jaxpr(fn, return_shape=True)(*args)
        results = _run(closed, jax.tree.leaves(args), {} if once else None)
        return jax.tree.unflatten(jax.tree.structure(shapes), results)

    return general


def _run(closed: ClosedJaxpr, args: Sequence[Any], done: dict[object, Any] | None = None) -> list[Any]:
    """Run a traced program, operation by operation; with a dict, each only once, which goes there with its results."""
    values: dict[object, Any] = dict(zip(closed.jaxpr.constvars, closed.consts))
    values.update(zip(closed.jaxpr.invars, args))
    for equation in closed.jaxpr.eqns:
        inputs = [atom.val if hasattr(atom, "val") else values.get(atom) for atom in equation.invars]
        values.update(zip(equation.outvars, _results(equation, inputs, done)))
    return [atom.val if hasattr(atom, "val") else values[atom] for atom in closed.jaxpr.outvars]


def _results(equation: JaxprEqn, inputs: Sequence[Any], done: dict[object, Any] | None) -> list[Any]:
    if done is None:
        return _computed(equation, inputs, done)
    if equation.primitive.name in _BINARY:
        result: Any = equation.outvars[0].aval
        inputs = [_spread_over(result.shape, atom.aval, value, done) for atom, value in zip(equation.invars, inputs)]
    key = None if equation.effects else _key(equation, inputs)
    if key is None:
        return _computed(equation, inputs, done)
    if key not in done:
        done[key] = _computed(equation, inputs, done), inputs  # which keep their identity as long as they are here
    results: list[Any] = done[key][0]
    return results


def _spread_over(shape: tuple[int, ...], aval: Any, value: Any, done: dict[object, Any]) -> Any:
    """An operand in the shape of the result: else each operation has a broadcast of its own, where it is lowered."""
    if aval.shape == shape:
        return value
    key = "spread", shape, _identity(value)
    if key not in done:
        done[key] = jnp.broadcast_to(jnp.asarray(value, aval.dtype), shape), value
    return done[key][0]


def _key(equation: JaxprEqn, inputs: Sequence[Any]) -> object:
    """Equal for operations that give the same; None where that is not known."""
    known = [_identity(value) for value in inputs]
    key = equation.primitive, tuple(known), tuple(sorted(equation.params.items(), key=lambda item: item[0]))
    try:
        hash(key)
    except TypeError:
        return None
    return key


def _identity(value: Any) -> object:
    """A number by its bits, any other value by its identity."""
    if isinstance(value, jax.core.Tracer) or not isinstance(value, (jax.Array, np.ndarray, np.generic, int, float)):
        return id(value)
    small = np.size(value) == 1 and not jax.dtypes.issubdtype(jnp.result_type(value), jax.dtypes.extended)
    return (str(jnp.result_type(value)), np.shape(value), np.asarray(value).tobytes()) if small else id(value)


def _computed(equation: JaxprEqn, inputs: Sequence[Any], done: dict[object, Any] | None) -> list[Any]:
    primitive, params = equation.primitive, equation.params
    if primitive.name == input_gradient.name:
        return [_spread(*inputs, **params)]
    if primitive.name in Operation.named:
        return [Operation.named[primitive.name].general(*inputs, **params)]
    if primitive.name in _CALLS:
        return _run(params["jaxpr"], inputs, done)
    if primitive.name == "platform_index":  # of a `Choice`, whose branches follow, and do not ask
        return [None]
    if params.get("branches_platforms") is not None:
        return _run(params["branches"][-1], inputs[1:], done)
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

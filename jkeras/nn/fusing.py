"""Programs that read a model, with each convolution and what follows it as one operation.

Outside of training, batch normalization multiplies each channel by a number and adds another. After a convolution the factors go
into its kernel and the rest into its bias, as part of the program and for the weights of the moment:

    (conv(x, kernel) + bias) * factor + shift = conv(x, kernel * factor) + (bias * factor + shift)

So do biases, the sum with a shortcut, and a rectifier behind it. Layers know nothing of this. The function is traced, and its
operations are run again one by one, where a convolution waits for what is done to its result. Whatever else needs the result
ends the waiting, and so does a second use: then the operations are what they were. Results differ in their last bits, by as much
as `factor` is rounded.
"""

from __future__ import annotations

import collections
import dataclasses
import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from jkeras._base.types import Array, Tree
from jkeras.nn import conv_fused, conv_primitive
from jkeras.nn.conv_geometry import Geometry
from jkeras.nn.traced import equations, run_equation

if TYPE_CHECKING:
    from jax.extend.core import ClosedJaxpr, JaxprEqn

_CALLS = {"jit": "jaxpr", "pjit": "jaxpr", "closed_call": "call_jaxpr", "custom_jvp_call": "call_jaxpr"}


@dataclasses.dataclass(frozen=True)
class Waiting:
    """A convolution, and what has been done to its result so far.

    Attributes:
        x, kernel, geometry, precision: of the convolution.
        factor, shift: one number per filter; None for nothing.
        added: an array like the result; None for nothing.
        rectified: whether negative results become 0, after all else.
    """

    x: Array
    kernel: Array
    geometry: Geometry
    precision: Any
    factor: Array | None = None
    shift: Array | None = None
    added: Array | None = None
    rectified: bool = False

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the result."""
        return conv_primitive.output_shape(self.x, self.kernel, geometry=self.geometry)

    def result(self) -> Array:
        """The result, by one operation."""
        kernel = self.kernel if self.factor is None else self.kernel * self.factor
        if self.shift is None and self.added is None and not self.rectified:
            return conv_primitive.output(self.x, kernel, geometry=self.geometry, precision=self.precision)
        bias = jnp.zeros(kernel.shape[-1], kernel.dtype) if self.shift is None else self.shift
        added = () if self.added is None else (self.added,)
        if self.precision is not None:  # which the fused operation does not take
            y = conv_primitive.output(self.x, kernel, geometry=self.geometry, precision=self.precision)
            last = self.geometry.channels_last
            return conv_fused.finished(y, bias, *added, rectified=self.rectified, channels_last=last)
        return conv_fused.output(self.x, kernel, bias, *added, geometry=self.geometry, rectified=self.rectified)

    def times(self, factor: Array) -> Waiting | None:
        """With the result multiplied per filter; None where that comes too late."""
        if self.added is not None or self.rectified:
            return None
        shift = None if self.shift is None else self.shift * factor
        return dataclasses.replace(self, factor=factor if self.factor is None else self.factor * factor, shift=shift)

    def plus(self, shift: Array) -> Waiting | None:
        """With a number per filter added; None where that comes too late."""
        if self.rectified:
            return None
        return dataclasses.replace(self, shift=shift if self.shift is None else self.shift + shift)

    def plus_all(self, added: Array | Waiting) -> Waiting | None:
        """With an array added; None where that comes too late."""
        return None if self.added is not None or self.rectified else dataclasses.replace(self, added=_array(added))


def with_fused_convolutions(fn: Callable[..., Tree]) -> Callable[..., Tree]:
    """The same function of arrays, whose convolutions of float32 are one operation with what follows them.

    Args:
        fn: from pytrees of arrays to a pytree of arrays. It is not differentiated afterwards.

    Example:
        >>> from jkeras.nn.conv import conv
        >>> fn = with_fused_convolutions(lambda x, k: jnp.maximum(3 * conv(x, k), 0))
        >>> [e.primitive.name for e in jax.make_jaxpr(fn)(jnp.ones((1, 3, 1)), jnp.ones((2, 1, 4))).eqns][-1]
        'conv_fused'
    """

    def fused(*args: Tree) -> Tree:
        closed, shapes = jax.make_jaxpr(fn, return_shape=True)(*args)
        found = [_array(value) for value in _Runner().run(closed, jax.tree.leaves(args))]
        return jax.tree.unflatten(jax.tree.structure(shapes), found)

    return fused


class _Runner:
    """Runs a traced program; its values are arrays, and convolutions that wait."""

    def __init__(self) -> None:
        # What is one number per channel, repeated: the numbers and their axis, by the id of an array that is kept here too.
        self.per_channel: dict[int, tuple[Array, int, Array]] = {}

    def run(self, closed: ClosedJaxpr, args: Sequence[Any]) -> list[Any]:
        """Its results."""
        jaxpr = closed.jaxpr
        uses = collections.Counter(id(atom) for e in jaxpr.eqns for atom in e.invars)
        uses.update(id(atom) for atom in jaxpr.outvars)
        values: dict[Any, Any] = dict(zip(jaxpr.constvars, closed.consts))
        values.update((invar, value if uses[id(invar)] < 2 else _array(value)) for invar, value in zip(jaxpr.invars, args))
        for equation in jaxpr.eqns:
            inputs = [atom.val if hasattr(atom, "val") else values[atom] for atom in equation.invars]
            for outvar, value in zip(equation.outvars, self.results(equation, inputs)):
                values[outvar] = value if uses[id(outvar)] < 2 else _array(value)
        return [atom.val if hasattr(atom, "val") else values[atom] for atom in jaxpr.outvars]

    def results(self, equation: JaxprEqn, inputs: list[Any]) -> list[Any]:
        """Of one operation."""
        name, params = equation.primitive.name, equation.params
        waits = any(isinstance(value, Waiting) for value in inputs)
        aval: Any = equation.outvars[0].aval if equation.outvars else None
        if name in _CALLS and (waits or any(e.primitive.name == "conv" for e in equations(params[_CALLS[name]]))):
            return self.run(params[_CALLS[name]], inputs)
        if name == "conv" and aval.dtype == np.float32:
            x, kernel = map(_array, inputs)
            return [Waiting(x, kernel, params["geometry"], params["precision"])]
        if waits and (found := self.absorbed(name, inputs)) is not None:
            return [found]
        inputs = [_array(value) for value in inputs]
        results = run_equation(equation, inputs)
        if name in ("reshape", "broadcast_in_dim"):
            self.note(inputs[0], results[0])
        return results

    def note(self, given: Any, spread: Any) -> None:
        """Keep in mind that an array is a vector along one of its axes, where it is."""
        if np.ndim(given) == 1 and given.size > 1:
            axes = [axis for axis, size in enumerate(spread.shape) if size == given.size]
            if len(axes) == 1 and spread.size == given.size:
                self.per_channel[id(spread)] = given, axes[0], spread

    def absorbed(self, name: str, inputs: list[Any]) -> Waiting | None:
        """A convolution that waits, with one operation more; None where it cannot have it."""
        if name == "max":
            waiting, other = inputs if isinstance(inputs[0], Waiting) else inputs[::-1]
            is_zero = isinstance(other, (int, float, np.generic, np.ndarray)) and np.ndim(other) == 0 and other == 0
            return dataclasses.replace(waiting, rectified=True) if is_zero and not waiting.rectified else None
        if name == "sub" and isinstance(inputs[0], Waiting):
            vector = self.vector_for(inputs[0], inputs[1])
            return None if vector is None else inputs[0].plus(-vector)
        if name not in ("mul", "add"):
            return None
        waiting, other = sorted(inputs, key=_window, reverse=True)
        vector = self.vector_for(waiting, other)
        if vector is not None:
            return waiting.times(vector) if name == "mul" else waiting.plus(vector)
        if name == "mul" or waiting.shape != other.shape:
            return None
        return waiting.plus_all(other)

    def vector_for(self, waiting: Waiting, other: Any) -> Array | None:
        """A number per filter that an operand consists of; None for another operand."""
        filters = waiting.kernel.shape[-1]
        if isinstance(other, Waiting):
            return None
        if np.ndim(other) == 0:
            return jnp.full(filters, other, waiting.kernel.dtype)
        axis = waiting.geometry.rank + 1 if waiting.geometry.channels_last else 1
        vector, found, _ = self.per_channel.get(id(other), (None, None, None))
        return vector if found == axis and vector is not None and vector.size == filters else None


def _array(value: Any) -> Any:
    return value.result() if isinstance(value, Waiting) else value


def _window(value: Any) -> int:
    """Of a convolution that waits; of two, the one with more work goes on waiting."""
    return math.prod(value.geometry.window) if isinstance(value, Waiting) else 0

"""Weights as integers of 8 or 4 bits, with scales.

| form         | kept of `kernel (in, out)`                                                                            |
|--------------|-------------------------------------------------------------------------------------------------------|
| int8         | `kernel` int8; `kernel_scale (out,)`                                                                  |
| int4         | `kernel` int8 `(in, out / 2)`, two numbers in a byte; `kernel_scale (out,)`                           |
| int4, blocks | the same; `kernel_scale` and `kernel_zero (blocks, out)`; `g_idx (in,)`, the block of each row        |

The product of an int8 kernel with inputs as integers is one of integers. Kernels of 4 bits become floats before they are
multiplied, rows of tables once they are looked up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp

from jkeras._base.types import Array, Weights
from jkeras.layer.base import Layer
from jkeras.layer.declaration import Weight
from jkeras.layers.quantization.layout import KernelLayout, TableLayout
from jkeras.layers.quantization.quantized import Quantized, stored
from jkeras.nn.int4 import pack_int4, unpack_int4
from jkeras.nn.quantization import affine_dequantize, group_index
from jkeras.nn.quantized_kernels import QuantizedTable, ScaledKernel
from jkeras.quantizers import AbsMaxQuantizer, abs_max_quantize_grouped_with_zero_point
from jkeras.quantizers.config import QuantizerLike, takes_axis

AnyLayout = KernelLayout | TableLayout


class Integers(Quantized):
    """Base of these forms.

    Args:
        layouts: of the weights that become integers.
        weights: makes integers of them; None for the default.
        inputs: makes integers of what they are multiplied by; None leaves that as it is.
    """

    def __init__(self, layouts: tuple[AnyLayout, ...], weights: QuantizerLike = None, inputs: QuantizerLike = None):
        super().__init__(tuple(layout.role for layout in layouts))
        self.layouts = {layout.role: layout for layout in layouts}
        self.quantizer, self.inputs = weights, inputs

    def floats(self, layer: Any, role: str) -> Array:
        """The numbers that the integers stand for."""
        return self.floats_of(stored(layer), role)

    def floats_of(self, w: Weights, role: str) -> Array:
        """The same, of arrays by name."""
        raise NotImplementedError


class Int8(Integers):
    """An integer of 8 bits for each entry, a scale for each channel of a kernel and for each row of a table."""

    def variables(self, role: str) -> Iterator[Weight]:
        """The integers and their scale."""
        layout, shape = self.layouts[role], self.shapes[role]
        shared = layout.shared(len(shape))
        scale = [1 if axis in shared else size for axis, size in enumerate(shape)]
        yield Weight(role, shape, "zeros", "int8", trainable=False)
        yield Weight(f"{role}_scale", _shape(layout.placed, *scale), "ones", trainable=False)

    def kept(self, role: str, value: Array) -> dict[str, Array]:
        """The integers and their scale."""
        layout = self.layouts[role]
        integers, scale = _quantized(self.quantizer or AbsMaxQuantizer(), value, layout.shared(value.ndim))
        return {role: integers, f"{role}_scale": layout.placed(scale)}

    def floats_of(self, w: Weights, role: str) -> Array:
        """The integers, divided by their scale."""
        scale = self.layouts[role].spread(getattr(w, f"{role}_scale"))
        return getattr(w, role).astype(scale.dtype) / scale  # type: ignore[no-any-return]

    def read(self, layer: Layer, w: Weights) -> Weights:
        """The weights, with a product of integers in place of each kernel."""
        for role, layout in self.layouts.items():
            integers, scale = getattr(w, role), getattr(w, f"{role}_scale")
            made: Any
            if isinstance(layout, TableLayout):
                made = QuantizedTable((integers, scale), _row, lambda: ScaledKernel(integers.T, scale, self.inputs))  # noqa: B023
            else:
                made = ScaledKernel(integers, scale, self.inputs)
            setattr(w, role, made)
        return w


class Int4(Integers):
    """An integer of 4 bits for each entry, two of them in a byte, and a scale as for `Int8`. Arguments as for `Integers`."""

    hidden = True

    def variables(self, role: str) -> Iterator[Weight]:
        """The bytes and their scale."""
        yield self._bytes(role)
        yield Weight(f"{role}_scale", self._sizes(role)[1:], "ones", trainable=False)

    def kept(self, role: str, value: Array) -> dict[str, Array]:
        """The bytes and their scale."""
        quantizer = self.quantizer or AbsMaxQuantizer(value_range=(-8, 7))
        integers, scale = _quantized(quantizer, self.layouts[role].matrix(value), 0)
        return {f"_{role}": self._packed(role, integers), f"{role}_scale": scale[0]}

    def shown(self, layer: Any, role: str) -> Array:
        """The integers in the shape of the weight, as Keras gives them."""
        return self.layouts[role].weight(self._integers(stored(layer), role), self.shapes[role])

    def floats_of(self, w: Weights, role: str) -> Array:
        """What the integers stand for."""
        scale, integers = getattr(w, f"{role}_scale"), self._integers(w, role)
        return self.layouts[role].weight(integers.astype(scale.dtype) / scale, self.shapes[role])

    def read(self, layer: Layer, w: Weights) -> Weights:
        """The weights, with a product of floats in place of each kernel, and floats in place of the rows that are looked up."""
        for role, layout in self.layouts.items():
            table = isinstance(layout, TableLayout)
            setattr(w, role, self._table(w, role) if table else self._kernel(self.floats_of(w, role)))
        return w

    def rows(self, w: Weights, role: str) -> tuple[tuple[Array, ...], Callable[..., Array]]:
        """What is kept of the rows of a table, and what makes floats of some rows."""
        width = self.shapes[role][1]
        kept = getattr(w, f"_{role}"), getattr(w, f"{role}_scale")
        return kept, lambda packed, scale: _row(unpack_int4(packed, width, axis=-1), scale)

    def _kernel(self, floats: Array) -> ScaledKernel:
        return ScaledKernel(floats, jnp.ones((), floats.dtype), self.inputs)

    def _table(self, w: Weights, role: str) -> QuantizedTable:
        return QuantizedTable(*self.rows(w, role), lambda: self._kernel(self.floats_of(w, role).T))

    def _bytes(self, role: str) -> Weight:
        layout = self.layouts[role]
        packed = [*_shape(layout.turned, *self._sizes(role))]
        packed[layout.packed_axis] = -(-packed[layout.packed_axis] // 2)
        return Weight(role, tuple(packed), "zeros", "int8", trainable=False, attribute=f"_{role}")

    def _packed(self, role: str, integers: Array) -> Array:
        layout = self.layouts[role]
        return pack_int4(layout.turned(integers), axis=layout.packed_axis)

    def _integers(self, w: Weights, role: str) -> Array:
        layout = self.layouts[role]
        length = _shape(layout.turned, *self._sizes(role))[layout.packed_axis]
        return layout.turned(unpack_int4(getattr(w, f"_{role}"), length, axis=layout.packed_axis))

    def _sizes(self, role: str) -> tuple[int, ...]:
        """The sizes of the weight as a matrix."""
        return _shape(self.layouts[role].matrix, *self.shapes[role])


class Int4Blocks(Int4):
    """4-bit integers, of which those of a block share a scale and a zero point.

    Args:
        layouts: as for `Integers`.
        block_size: how many entries along the axis of the sum make a block.
        options: as for `Integers`.
    """

    def __init__(self, layouts: tuple[AnyLayout, ...], block_size: int, **options: QuantizerLike):
        super().__init__(layouts, **options)
        self.block_size = block_size

    def variables(self, role: str) -> Iterator[Weight]:
        """The bytes, scales and zero points, and the block of each row, which weights of one layer share."""
        layout, (rows, columns) = self.layouts[role], self._sizes(role)
        scale = _shape(layout.turned, -(-rows // self.block_size), columns)
        yield self._bytes(role)
        yield Weight(f"{role}_scale", scale, "ones", trainable=False)
        yield Weight(f"{role}_zero", scale, "zeros", layout.zero_dtype, trainable=False)
        if role == self.roles[0]:
            index: Any = lambda shape, dtype: group_index(shape[0], self.block_size).astype(dtype)  # noqa: E731
            yield Weight("g_idx", (rows,), index, "float32", trainable=False, autocast=False)

    def kept(self, role: str, value: Array) -> dict[str, Array]:
        """Bytes, scales and zero points."""
        layout = self.layouts[role]
        made: Any = abs_max_quantize_grouped_with_zero_point(layout.matrix(value), self.block_size)
        integers, scale, zero = made
        beside = {f"{role}_scale": layout.turned(scale), f"{role}_zero": layout.turned(zero)}
        return {f"_{role}": self._packed(role, integers), **beside}

    def floats_of(self, w: Weights, role: str) -> Array:
        """What the integers stand for."""
        layout, integers = self.layouts[role], self._integers(w, role)
        scale, zero = (layout.turned(getattr(w, f"{role}_{what}")) for what in ("scale", "zero"))
        return layout.weight(affine_dequantize(integers, scale, zero, w.g_idx.astype(jnp.int32)), self.shapes[role])

    def rows(self, w: Weights, role: str) -> tuple[tuple[Array, ...], Callable[..., Array]]:
        """What is kept of the rows of a table, and what makes floats of some rows."""
        width = self.shapes[role][1]

        def floats(packed: Array, scale: Array, zero: Array) -> Array:
            index = w.g_idx.astype(jnp.int32)
            integers = unpack_int4(packed, width, axis=-1).astype(scale.dtype)
            return (integers - zero[..., index].astype(scale.dtype)) * scale[..., index]

        return (getattr(w, f"_{role}"), getattr(w, f"{role}_scale"), getattr(w, f"{role}_zero")), floats


def _quantized(quantizer: Any, x: Array, axis: Any) -> tuple[Array, Array]:
    """Integers and scale; one of Keras' quantizers of weights is not told the axes."""
    found: tuple[Array, Array] = quantizer(x, axis=axis) if takes_axis(quantizer) else quantizer(x)
    return found


def _row(integers: Array, scale: Array) -> Array:
    return integers.astype(scale.dtype) / scale[..., None]


def _shape(function: Any, *sizes: int) -> tuple[int, ...]:
    """The shape that a function makes of a shape."""
    shape: tuple[int, ...] = jax.eval_shape(function, jax.ShapeDtypeStruct(sizes, jnp.float32)).shape
    return shape

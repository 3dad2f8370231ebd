"""Kernels that were rounded with a view to data, by GPTQ or AWQ.

A kernel is kept as a matrix of unsigned integers, transposed: `quantized_kernel (out, in)`, or `(out / 2, in)` if they have
exactly 4 bits, with `kernel_scale` and `kernel_zero (out, groups)` and `g_idx (in,)`, the group of each row. AWQ has
`awq_scales (in,)` too: each row was multiplied by one before it was rounded.

The data are seen while the kernel is there as it was; it is replaced once its integers are known (`models/calibration.py`). A
layer that is made in this form has zeros until it is given weights.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import jax.numpy as jnp

from jkeras._base.types import Array, Weights
from jkeras.layer.base import Layer
from jkeras.layer.declaration import Weight
from jkeras.layers.quantization.quantized import Quantized, stored
from jkeras.nn.int4 import pack_int4, unpack_int4
from jkeras.nn.quantization import AffineKernel, affine_dequantize

_NEEDS_DATA = """{layer!r} cannot be quantized on its own: {mode!r} needs to see its inputs. Write model.quantize(config=...) of a
model that holds it."""


class Calibrated(Quantized):
    """A kernel as unsigned integers, with scales and zero points by groups.

    Args:
        mode: `"gptq"` or `"awq"`.
        bits: of an integer.
        group_size: how many rows share a scale; -1: all.
        zero_name: of the Variable with zero points.
    """

    hidden = True
    takes_update = False

    def __init__(self, mode: str, bits: int, group_size: int, zero_name: str):
        super().__init__(("kernel",))
        self.mode, self._bits, self._group_size, self._zero_name = mode, bits, group_size, zero_name

    def variables(self, role: str) -> Iterator[Weight]:
        """Integers, scales, zero points, and the group of each row."""
        rows, columns = self.matrix_shape()
        groups = 1 if self._group_size == -1 else -(-rows // self._group_size)
        packed = -(-columns // 2) if self._bits == 4 else columns
        yield Weight("kernel", (packed, rows), "zeros", "uint8", trainable=False, attribute="quantized_kernel")
        yield Weight("kernel_scale", (columns, groups), "ones", trainable=False)
        yield Weight(self._zero_name, (columns, groups), "zeros", "uint8", trainable=False, attribute="kernel_zero")
        if self.mode == "awq":
            yield Weight("awq_scales", (rows,), "ones", trainable=False)
        yield Weight("g_idx", (rows,), "zeros", "float32", trainable=False, autocast=False)

    def matrix_shape(self) -> tuple[int, int]:
        """Rows and columns. The largest of three axes is that of the inputs if it is the first, else that of the outputs.

        Raises:
            NotImplementedError: the kernel has neither two nor three axes.
        """
        shape = self.shapes["kernel"]
        if len(shape) not in (2, 3):
            raise NotImplementedError(f"{self.mode.upper()} is for kernels of two or three axes. Received: shape {shape}.")
        inputs = 1 if len(shape) == 2 or shape.index(max(shape)) == 0 else 2
        return math.prod(shape[:inputs]), math.prod(shape[inputs:])

    def begin(self, layer: Layer) -> None:
        """Take the shape.

        Raises:
            NotImplementedError: see `matrix_shape`.
        """
        super().begin(layer)
        self.matrix_shape()

    def all_kept(self, layer: Layer) -> dict[str, Array]:
        """Nobody knows it without data.

        Raises:
            ValueError: always.
        """
        raise ValueError(_NEEDS_DATA.format(layer=layer.name, mode=self.mode))

    def order(self, layer: Layer) -> list[str]:
        """The layer's other weights, then what is kept of the kernel."""
        return self._ordered(layer, 0)

    def rounded(self, kernel: AffineKernel, row_scales: Array | None = None) -> dict[str, Array]:
        """What is kept of a rounded kernel, by attribute.

        Args:
            kernel: as a matrix `(in, out)`.
            row_scales: what its rows were multiplied by, for AWQ.
        """
        integers = kernel.q.T.astype(jnp.uint8)
        packed = pack_int4(integers) if self._bits == 4 else integers
        beside = {"kernel_scale": kernel.scale.T, "kernel_zero": kernel.zero_point.T, "g_idx": kernel.groups}
        scales = {} if row_scales is None else {"awq_scales": row_scales}
        return {"quantized_kernel": packed, **beside, **scales}

    def shown(self, layer: Any, role: str) -> Any:
        """The integers, as Keras gives them."""
        return self._integers(stored(layer))

    def read(self, layer: Any, w: Weights) -> Weights:
        """The weights, with the floats that the integers stand for."""
        w.kernel = self._floats(w)
        return w

    def _floats(self, w: Weights) -> Array:
        integers = self._integers(w).T
        matrix = affine_dequantize(integers, w.kernel_scale.T, w.kernel_zero.T, w.g_idx.astype(jnp.int32))
        if self.mode == "awq":
            matrix = matrix / w.awq_scales[:, None]
        return matrix.reshape(self.shapes["kernel"])

    def _integers(self, w: Weights) -> Array:
        return unpack_int4(w.quantized_kernel, self.matrix_shape()[1]) if self._bits == 4 else w.quantized_kernel

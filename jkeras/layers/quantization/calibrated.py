"""Kernels that were rounded with a view to data, by GPTQ or AWQ.

A kernel is kept as a matrix of unsigned integers, transposed: `quantized_kernel (out, in)`, `(out / 2, in)` where 4 bits are
enough, with `kernel_scale` and `kernel_zero (out, groups)` and `g_idx (in,)`, the group of each row. AWQ has `awq_scales (in,)`
too: each row was multiplied by one before it was rounded.

`quantize` makes room for all of it, and the layer goes on with the kernel as it is. `fill` is called once the data have been
seen, and files hold filled layers.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import jax.numpy as jnp

from jkeras._base.types import Array, Tree, Weights
from jkeras.layer.base import Layer
from jkeras.layer.declaration import Weight
from jkeras.layer.tracking import note_change
from jkeras.layers.quantization.quantized import Quantized, stored
from jkeras.nn.int4 import pack_int4, unpack_int4
from jkeras.nn.quantization import AffineKernel, affine_dequantize
from jkeras.state.scope import current

_UNFILLED = """{layer!r} was made with the policy {policy!r}, but has no kernel yet. Load the weights of a quantized model, or
make the layer without this policy and call model.quantize({mode!r}, config) once it has its weights."""


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

    @property
    def flag(self) -> str:
        """The attribute of a layer that says whether it is filled."""
        return f"is_{self.mode}_calibrated"

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

    def convert(self, layer: Any) -> None:
        """Make room; the kernel as it is moves to another attribute."""
        held = vars(layer)
        for weight in self._in_place_of("kernel", layer.kernel.shape):
            layer._make_weight(weight)
        held["_kernel"] = held.pop("kernel")
        note_change()
        setattr(layer, self.flag, False)

    def order(self, layer: Layer) -> list[str]:
        """The layer's other weights, then what is kept of the kernel."""
        return [name for name in self._ordered(layer, 0) if name != "_kernel"]

    def fill(self, layer: Any, kernel: AffineKernel, row_scales: Array | None = None) -> None:
        """Replace the kernel.

        Args:
            layer: whose kernel it is.
            kernel: the rounded one, as a matrix `(in, out)`.
            row_scales: what its rows were multiplied by, for AWQ.
        """
        integers = kernel.q.T.astype(jnp.uint8)
        layer.quantized_kernel.assign(pack_int4(integers) if self._bits == 4 else integers)
        layer.kernel_scale.assign(kernel.scale.T)
        layer.kernel_zero.assign(kernel.zero_point.T)
        layer.g_idx.assign(kernel.groups)
        if row_scales is not None:
            layer.awq_scales.assign(row_scales)
        self._filled(layer)

    def load(self, layer: Layer, store: Mapping[str, Tree]) -> None:
        """Restore what `save` stored, which is filled."""
        super().load(layer, store)
        self._filled(layer)

    def _filled(self, layer: Any) -> None:
        if "_kernel" in vars(layer):
            del layer._kernel
        setattr(layer, self.flag, True)

    def shown(self, layer: Any, role: str) -> Any:
        """The integers, as Keras gives them, or the kernel that they will be made of."""
        return self._integers(stored(layer)) if getattr(layer, self.flag) else layer._kernel

    def read(self, layer: Any, w: Weights) -> Weights:
        """The weights, with the floats that the integers stand for.

        Raises:
            ValueError: there are none yet.
        """
        if "_kernel" in vars(w):
            w.kernel = w._kernel
        elif getattr(layer, self.flag) or current().abstract:  # a graph is made before its weights are read
            w.kernel = self._floats(w)
        else:
            policy = layer.dtype_policy.name
            raise ValueError(_UNFILLED.format(layer=layer.name, policy=policy, mode=self.mode))
        return w

    def _floats(self, w: Weights) -> Array:
        integers = self._integers(w).T
        matrix = affine_dequantize(integers, w.kernel_scale.T, w.kernel_zero.T, w.g_idx.astype(jnp.int32))
        if self.mode == "awq":
            matrix = matrix / w.awq_scales[:, None]
        return matrix.reshape(self.shapes["kernel"])

    def _integers(self, w: Weights) -> Array:
        return unpack_int4(w.quantized_kernel, self.matrix_shape()[1]) if self._bits == 4 else w.quantized_kernel

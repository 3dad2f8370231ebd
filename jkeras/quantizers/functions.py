"""The functions of `keras.quantizers`: the maths of `nn/` for arrays, Variables and symbolic tensors, with Keras' checks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np

from jkeras._base.device import device
from jkeras._base.errors import describe
from jkeras._base.registry import export
from jkeras._base.types import DTypeLike, Tensor
from jkeras.nn import fake_quantization, float8, int4, quantization
from jkeras.ops.wrapper import Function, as_array, as_float, symbolic

Axes = int | Sequence[int] | None
Levels = tuple[int, int]


def _public(fn: Function) -> Function:
    return symbolic(fn, fn.__name__, "jkeras.quantizers")


def _computed(fn: Callable[..., Any], x: Tensor, on_host: bool) -> Any:
    """`fn` of an array, where new arrays lie, or on the host; the results lie where new arrays do."""
    if not on_host:
        return fn(as_float(x))
    with device("cpu"):
        results = fn(as_float(np.asarray(x)))
    return jax.tree.map(lambda y: jnp.asarray(np.asarray(y)), results)


def _plain(axis: Axes) -> int | tuple[int, ...] | None:
    return axis if axis is None or isinstance(axis, int) else tuple(axis)


@_public
def abs_max_quantize(
    inputs: Tensor,
    axis: Axes,
    value_range: Levels = (-127, 127),
    dtype: DTypeLike = "int8",
    epsilon: float = 1e-7,
    to_numpy: bool = False,
) -> tuple[Tensor, Tensor]:
    """`q = round(x scale)` with `scale = value_range[1] / (max |x| + epsilon)`, the maximum over some axes.

    Args:
        inputs: floats of any shape.
        axis: the axis or axes that share a scale.
        value_range: the least and the largest integer.
        dtype: of the integers.
        epsilon: keeps the scale of zeros finite.
        to_numpy: compute on the host, to spare the memory of an accelerator.

    Returns:
        `(q, scale)`: the integers, and the scale with size 1 along the axes. `q / scale` is near the inputs.

    Example:
        >>> q, scale = abs_max_quantize([[-1.0, 0.25], [4.0, 2.0]], axis=0)
        >>> q.tolist(), scale.tolist()
        ([[-32, 16], [127, 127]], [[31.75, 63.5]])
    """
    options = (_plain(axis), tuple(value_range), dtype, epsilon)
    return cast(tuple[Tensor, Tensor], _computed(lambda x: quantization.abs_max_quantize(x, *options), inputs, to_numpy))


@_public
def abs_max_quantize_grouped_with_zero_point(
    inputs: Tensor,
    block_size: int,
    value_range: Levels = (-8, 7),
    dtype: DTypeLike = "int8",
    epsilon: float = 1e-7,
    to_numpy: bool = False,
) -> tuple[Tensor, Tensor, Tensor]:
    """`q = round(w / scale + zero_point)`, with a scale and a zero point for each column of each block of rows.

    Args:
        inputs: `(n, units)`.
        block_size: rows of a block; the last may have fewer.
        value_range: the least and the largest integer.
        dtype: of the integers.
        epsilon: added to the range of each block.
        to_numpy: compute on the host, to spare the memory of an accelerator.

    Returns:
        `(q, scale, zero_point)`, the last two of shape `(blocks, units)`. `(q - zero_point) scale` is near the inputs.

    Example:
        >>> q, scale, zero_point = abs_max_quantize_grouped_with_zero_point([[-1.0], [2.0], [0.5], [1.0]], block_size=2)
        >>> print(q.ravel(), scale.ravel().round(3), zero_point.ravel())
        [-8  7 -1  7] [0.2   0.067] [-3 -8]
    """
    levels = tuple(value_range)

    def quantized(w: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
        if w.ndim != 2:
            raise ValueError(f"Blocks are made of the rows of a matrix (n, units). Received: {describe(w)}.")
        scale, zero_point = quantization.affine_parameters(w, levels, group_size=block_size, epsilon=epsilon)
        index = quantization.group_index(w.shape[0], block_size)
        return quantization.affine_quantize(w, scale, zero_point, index, levels, dtype), scale, zero_point

    return cast(tuple[Tensor, Tensor, Tensor], _computed(quantized, inputs, to_numpy))


@export("keras.quantizers.fake_quant_with_min_max_vars")
@_public
def fake_quant_with_min_max_vars(
    inputs: Tensor,
    min_vals: Tensor,
    max_vals: Tensor,
    num_bits: int = 8,
    narrow_range: bool = False,
    axis: int | None = None,
) -> Tensor:
    """Round to the nearest of `2**num_bits` values, evenly spaced over a range in which 0 is one of them.

    Args:
        inputs: floats of any shape.
        min_vals, max_vals: the range: numbers, or one for each entry along `axis`. The gradient of inputs below or above it goes
            to its ends, that of the others straight to the inputs.
        num_bits: of the integers that the values stand for.
        narrow_range: do without the least integer.
        axis: along which each entry has a range of its own; None: one range for all.

    Returns:
        The shape and dtype of the inputs.

    Source: Benoit Jacob et al., "Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference",
    2018.

    Example:
        >>> fake_quant_with_min_max_vars([-1.0, 0.2, 0.4, 9.0], 0.0, 1.5, num_bits=2).tolist()
        [0.0, 0.0, 0.5, 1.5]
    """
    ends = (as_float(min_vals), as_float(max_vals))
    return fake_quantization.fake_quantize(as_float(inputs), *ends, int(num_bits), narrow_range, axis)


@_public
def compute_float8_scale(amax: Tensor, scale: Tensor, dtype_max: Tensor, margin: int = 0) -> Tensor:
    """The next scale: `amax 2**margin / dtype_max`, or the old one where the maximum is 0 or not finite.

    Args:
        amax: the largest absolute value that is expected.
        scale: the current scale, by which arrays are divided.
        dtype_max: the largest number of the 8-bit dtype.
        margin: powers of two to spare.

    Example:
        >>> compute_float8_scale(896.0, 1.0, 448.0).item()
        2.0
    """
    return float8.next_scale(as_float(amax), as_float(scale), as_float(dtype_max), margin)


@_public
def compute_float8_amax_history(x: Tensor, amax_history: Tensor) -> Tensor:
    """The history with `max |x|` as its first entry, in place of the oldest, which is the second.

    Args:
        x: floats of any shape.
        amax_history: `(steps,)`.

    Example:
        >>> compute_float8_amax_history([-7.0, 2.0], [3.0, 1.0, 2.0]).tolist()
        [7.0, 2.0, 3.0]
    """
    return float8.next_amax_history(as_float(x), as_float(amax_history))


@_public
def quantize_and_dequantize(inputs: Tensor, scale: Tensor, quantized_dtype: DTypeLike, compute_dtype: DTypeLike) -> Tensor:
    """`inputs / scale` as 8-bit floats, times `scale` again; what is too large becomes the largest number.

    Args:
        inputs: floats of any shape.
        scale: by which they are divided.
        quantized_dtype: `"float8_e4m3fn"` or `"float8_e5m2"`.
        compute_dtype: of the result.

    Example:
        >>> quantize_and_dequantize([1.1, 1000.0], 1.0, "float8_e4m3fn", "float32").tolist()
        [1.125, 448.0]
    """
    return float8.round_to(as_float(inputs), as_float(scale), quantized_dtype, compute_dtype)


@_public
def pack_int4(arr: Tensor, axis: int = 0, dtype: str = "int8") -> tuple[Tensor, tuple[int, ...], int]:
    """Pairs of 4-bit integers along an axis as bytes, the first of a pair in the low half.

    Args:
        arr: int8 in `[-8, 7]`, or uint8 in `[0, 15]`.
        axis: the axis of the pairs. An odd one ends with a 0 in addition.
        dtype: of the array.

    Returns:
        The bytes, their shape, and the length of the axis before.

    Raises:
        ValueError: `dtype` is neither int8 nor uint8.
        TypeError: the array has another dtype.

    Example:
        >>> import jax.numpy as jnp
        >>> packed, shape, length = pack_int4(jnp.array([1, -2, 3], "int8"))
        >>> packed.tolist(), shape, length
        ([-31, 3], (2,), 3)
    """
    _check_byte(dtype)
    arr = as_array(arr)
    if arr.dtype != dtype:
        raise TypeError(f"The array to pack has the dtype that `dtype` says, {dtype}. Received: {describe(arr)}.")
    packed = int4.pack_int4(arr, axis)
    return packed, packed.shape, arr.shape[axis]


@_public
def unpack_int4(packed: Tensor, orig_len: int, axis: int = 0, dtype: str = "int8") -> Tensor:
    """The 4-bit integers that `pack_int4` packed.

    Args:
        packed: bytes, int8 or uint8.
        orig_len: the length of the axis before it was packed.
        axis: the axis of the pairs.
        dtype: int8 for integers in `[-8, 7]`, uint8 for those in `[0, 15]`.

    Raises:
        ValueError: `dtype` is neither int8 nor uint8.
        TypeError: the array has another dtype.

    Example:
        >>> import jax.numpy as jnp
        >>> unpack_int4(jnp.array([-31, 3], "int8"), 3).tolist()
        [1, -2, 3]
    """
    _check_byte(dtype)
    packed = as_array(packed)
    if packed.dtype not in (jnp.int8, jnp.uint8):
        raise TypeError(f"Packed integers are int8 or uint8. Received: {describe(packed)}.")
    return int4.unpack_int4(packed.astype(dtype), orig_len, axis)


def _check_byte(dtype: str) -> None:
    if dtype not in ("int8", "uint8"):
        raise ValueError(f"The dtype of packed integers is 'int8' or 'uint8'. Received: {dtype!r}.")

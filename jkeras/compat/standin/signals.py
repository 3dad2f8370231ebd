"""`tf.signal`: Fourier transforms, frames and windows."""

from __future__ import annotations

import math
from collections.abc import Callable

import jax.numpy as jnp
from jax.typing import DTypeLike

from jkeras import ops
from jkeras._base.types import Array, Tree

__all__ = [
    "fft", "fft2d", "fftshift", "frame", "hamming_window", "hann_window", "ifft", "ifft2d", "ifftshift", "irfft",
    "linear_to_mel_weight_matrix", "overlap_and_add", "rfft", "rfft2d", "stft",
]  # fmt: skip


def fft(input: Tree, name: object = None) -> Array:
    """The Fourier transform of complex numbers along the last axis; `name`, here and in all functions below, is for graphs."""
    return jnp.fft.fft(ops.convert_to_tensor(input))


def ifft(input: Tree, name: object = None) -> Array:
    """The inverse of `fft`."""
    return jnp.fft.ifft(ops.convert_to_tensor(input))


def fft2d(input: Tree, name: object = None) -> Array:
    """The Fourier transform along the last two axes."""
    return jnp.fft.fft2(ops.convert_to_tensor(input))


def ifft2d(input: Tree, name: object = None) -> Array:
    """The inverse of `fft2d`."""
    return jnp.fft.ifft2(ops.convert_to_tensor(input))


def rfft(input_tensor: Tree, fft_length: Tree = None, name: object = None) -> Array:
    """The Fourier transform of real numbers along the last axis, `n // 2 + 1` complex numbers."""
    return jnp.fft.rfft(ops.convert_to_tensor(input_tensor), _length(fft_length))


def irfft(input_tensor: Tree, fft_length: Tree = None, name: object = None) -> Array:
    """The inverse of `rfft`."""
    return jnp.fft.irfft(ops.convert_to_tensor(input_tensor), _length(fft_length))


def rfft2d(input_tensor: Tree, fft_length: Tree = None, name: object = None) -> Array:
    """The Fourier transform of real numbers along the last two axes."""
    sizes = None if fft_length is None else [int(n) for n in fft_length]
    return jnp.fft.rfft2(ops.convert_to_tensor(input_tensor), sizes)


def fftshift(x: Tree, axes: int | tuple[int, ...] | None = None, name: object = None) -> Array:
    """The frequency 0 moved to the middle."""
    return jnp.fft.fftshift(ops.convert_to_tensor(x), axes)


def ifftshift(x: Tree, axes: int | tuple[int, ...] | None = None, name: object = None) -> Array:
    """The inverse of `fftshift`."""
    return jnp.fft.ifftshift(ops.convert_to_tensor(x), axes)


def hann_window(window_length: int, periodic: bool = True, dtype: DTypeLike = "float32", name: object = None) -> Array:
    """A raised cosine.

    Example:
        >>> hann_window(4).tolist()
        [0.0, 0.5, 1.0, 0.5]
    """
    return _cosine(window_length, periodic, 0.5, dtype)


def hamming_window(window_length: int, periodic: bool = True, dtype: DTypeLike = "float32", name: object = None) -> Array:
    """A raised cosine that does not end at 0."""
    return _cosine(window_length, periodic, 0.54, dtype)


def _cosine(length: int, periodic: bool, mean: float, dtype: DTypeLike) -> Array:
    if length == 1:
        return jnp.ones(1, dtype)
    places = jnp.arange(length) * (2 * math.pi / (length if periodic else length - 1))
    return (mean - (1 - mean) * jnp.cos(places)).round(7).astype(dtype)


def frame(
    signal: Tree,
    frame_length: int,
    frame_step: int,
    pad_end: bool = False,
    pad_value: Tree = 0,
    axis: int = -1,
    name: object = None,
) -> Array:
    """Pieces of an axis, which may overlap, along a new axis.

    Example:
        >>> frame([1, 2, 3, 4, 5], 3, 2).tolist()
        [[1, 2, 3], [3, 4, 5]]
    """
    x = jnp.moveaxis(ops.convert_to_tensor(signal), axis, -1)
    size = x.shape[-1]
    if pad_end:
        count = -(-size // frame_step)
        missing = max((count - 1) * frame_step + frame_length - size, 0)
        x = jnp.pad(x, [(0, 0)] * (x.ndim - 1) + [(0, missing)], constant_values=pad_value)
    else:
        count = max(0, 1 + (size - frame_length) // frame_step)
    places = jnp.arange(count)[:, None] * frame_step + jnp.arange(frame_length)
    found = x[..., places]
    at = axis % jnp.ndim(signal)
    return jnp.moveaxis(found, (-2, -1), (at, at + 1))


def overlap_and_add(signal: Tree, frame_step: int, name: object = None) -> Array:
    """The inverse of `frame`: overlapping pieces are added."""
    x = ops.convert_to_tensor(signal)
    count, length = x.shape[-2:]
    places = jnp.arange(count)[:, None] * frame_step + jnp.arange(length)
    return jnp.zeros((*x.shape[:-2], (count - 1) * frame_step + length), x.dtype).at[..., places].add(x)


def stft(
    signals: Tree,
    frame_length: int,
    frame_step: int,
    fft_length: int | None = None,
    window_fn: Callable[..., Array] | None = hann_window,
    pad_end: bool = False,
    name: object = None,
) -> Array:
    """The Fourier transforms of windows, `(..., frames, fft_length // 2 + 1)` complex numbers.

    Example:
        >>> stft(jnp.ones(100), 32, 16).shape
        (5, 17)
    """
    frame_length = int(frame_length)
    size = 1 << (frame_length - 1).bit_length() if fft_length is None else int(fft_length)
    pieces = frame(signals, frame_length, int(frame_step), pad_end)
    pieces = pieces if window_fn is None else pieces * window_fn(frame_length, dtype=pieces.dtype)
    return jnp.fft.rfft(pieces, size)


def linear_to_mel_weight_matrix(
    num_mel_bins: int = 20, num_spectrogram_bins: int = 129, sample_rate: float = 8000, lower_edge_hertz: float = 125.0,
    upper_edge_hertz: float = 3800.0, dtype: DTypeLike = "float32", name: object = None,
) -> Array:  # fmt: skip
    """The matrix `(num_spectrogram_bins, num_mel_bins)` from a spectrogram to the mel scale."""

    def mel(hertz: Array) -> Array:
        return 1127.0 * jnp.log1p(hertz / 700.0)

    bins = mel(jnp.linspace(0.0, sample_rate / 2, num_spectrogram_bins))[1:, None]
    edges = jnp.linspace(mel(jnp.float32(lower_edge_hertz)), mel(jnp.float32(upper_edge_hertz)), num_mel_bins + 2)
    low, middle, high = edges[:-2], edges[1:-1], edges[2:]
    weights = jnp.maximum(0.0, jnp.minimum((bins - low) / (middle - low), (high - bins) / (high - middle)))
    return jnp.pad(weights, ((1, 0), (0, 0))).astype(dtype)


def _length(fft_length: Tree) -> int | None:
    return None if fft_length is None else int(jnp.asarray(fft_length).reshape(-1)[0])

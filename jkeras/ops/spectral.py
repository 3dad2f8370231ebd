"""Fourier transforms of arrays and of short frames of a signal. Complex arrays are pairs `(real, imaginary)`, as in Keras."""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import DTypeLike

from jkeras._base.errors import describe, unknown_name
from jkeras._base.plain_numbers import INTEGERS
from jkeras.ops.wrapper import Tensor, as_array, operation

# Where the squared windows add up to less, the signal cannot be recovered.
_NOTHING = 1e-10


def _join(x: tuple[Tensor, Tensor]) -> jax.Array:
    if not isinstance(x, (tuple, list)) or len(x) != 2:
        raise ValueError(f"Expected a pair (real, imaginary) of arrays, received {describe(x)}.")
    real, imaginary = as_array(x[0]), as_array(x[1])
    if real.shape != imaginary.shape or not jnp.issubdtype(real.dtype, jnp.floating):
        raise ValueError(f"Expected two float arrays of one shape, received {describe(real)} and {describe(imaginary)}.")
    return jax.lax.complex(real, imaginary)


def _part(x: jax.Array) -> tuple[Tensor, Tensor]:
    return jnp.real(x), jnp.imag(x)


@operation()
def fft(x: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    """The discrete Fourier transform along the last axis of a pair (real, imaginary)."""
    return _part(jnp.fft.fft(_join(x)))


@operation()
def fft2(x: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    """The discrete Fourier transform along the last two axes of a pair (real, imaginary)."""
    return _part(jnp.fft.fft2(_join(x)))


@operation()
def ifft2(x: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    """The inverse of `fft2`."""
    return _part(jnp.fft.ifft2(_join(x)))


@operation()
def rfft(x: Tensor, fft_length: int | None = None) -> tuple[Tensor, Tensor]:
    """The non-negative frequencies of the Fourier transform of real numbers, along the last axis.

    Args:
        x: `(..., n)`.
        fft_length: to which x is cut or filled with zeros, n by default.

    Returns:
        A pair (real, imaginary) of `(..., fft_length // 2 + 1)`.
    """
    return _part(jnp.fft.rfft(as_array(x), n=fft_length))


@operation()
def irfft(x: tuple[Tensor, Tensor], fft_length: int | None = None) -> Tensor:
    """The inverse of `rfft`; fft_length is `2 (n - 1)` by default."""
    return jnp.fft.irfft(_join(x), n=fft_length)


@operation()
def extract_sequences(x: Tensor, sequence_length: int, sequence_stride: int) -> Tensor:
    """Frames of a signal, one every few steps.

    Args:
        x: `(..., n)`.
        sequence_length: of a frame.
        sequence_stride: from the start of one to the start of the next.

    Returns:
        `(..., frames, sequence_length)`.

    Example:
        >>> extract_sequences([1, 2, 3, 4, 5], 3, 2).tolist()
        [[1, 2, 3], [3, 4, 5]]
    """
    return _frames(as_array(x), sequence_length, sequence_stride)


def _frames(x: jax.Array, length: int, stride: int) -> jax.Array:
    starts = np.arange(0, x.shape[-1] - length + 1, stride)
    return x[..., starts[:, None] + np.arange(length)]


_WINDOWS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "hann": lambda angle: 0.5 - 0.5 * np.cos(angle),
    "hamming": lambda angle: 0.54 - 0.46 * np.cos(angle),
}


def _window(window: Tensor, length: int, fft_length: int, dtype: DTypeLike | None) -> jax.Array:
    """The window's values with zeros on both sides up to fft_length."""
    if fft_length < length:
        raise ValueError(f"fft_length={fft_length} is less than sequence_length={length}: give at least {length}.")
    if window is None:
        return jnp.ones(fft_length, dtype)
    if isinstance(window, str):
        if window not in _WINDOWS:
            raise unknown_name("window", window, _WINDOWS)
        window = _WINDOWS[window](2 * np.pi * np.arange(length) / length)
    window = as_array(window, dtype)
    if window.shape != (length,):
        raise ValueError(f"A window has sequence_length={length} values, received {describe(window)}.")
    left = (fft_length - length) // 2
    return jnp.pad(window, (left, fft_length - length - left))


@operation()
def stft(
    x: Tensor, sequence_length: int, sequence_stride: int, fft_length: int, window: Tensor = "hann", center: bool = True
) -> tuple[Tensor, Tensor]:
    """The Fourier transform of windowed frames of a signal.

    Args:
        x: `(..., n)`, float32 or float64.
        sequence_length: of a frame.
        sequence_stride: from the start of one to the start of the next.
        fft_length: of a transform, at least sequence_length.
        window: `"hann"`, `"hamming"`, an array of sequence_length values, or None.
        center: whether to extend the signal by reflection, so that the first frame is centred at its start.

    Returns:
        A pair (real, imaginary) of `(..., frames, fft_length // 2 + 1)`.
    """
    x = as_array(x)
    if x.dtype not in (jnp.float32, jnp.float64):
        raise TypeError(f"stft takes float32 or float64, received {describe(x)}: write ops.cast(x, 'float32').")
    values = _window(window, sequence_length, fft_length, x.dtype)
    if center:
        x = jnp.pad(x, [(0, 0)] * (x.ndim - 1) + [(fft_length // 2,) * 2], mode="reflect")
    return _part(jnp.fft.rfft(_frames(x, fft_length, sequence_stride) * values))


@operation()
def istft(
    x: tuple[Tensor, Tensor],
    sequence_length: int,
    sequence_stride: int,
    fft_length: int,
    length: int | None = None,
    window: Tensor = "hann",
    center: bool = True,
) -> Tensor:
    """The signal of which x is the `stft`: `sum(w y) / sum(w^2)` over the frames y that cover a position, w their window there.

    Args:
        x: a pair (real, imaginary) of `(..., frames, fft_length // 2 + 1)`.
        sequence_length, sequence_stride, fft_length, window, center: as for `stft`.
        length: of the signal, where it is known.

    Returns:
        `(..., length)`. Without a window it is the inverse as well; Keras' differs there by a factor.
    """
    spectrum = _join(x)
    if not isinstance(sequence_stride, INTEGERS) or sequence_stride < 1:
        raise ValueError(f"istft takes a positive integer as sequence_stride. Received: {sequence_stride!r}.")
    if spectrum.ndim < 2:
        raise ValueError(f"istft takes (..., frames, frequencies), received {describe(spectrum)}.")
    values = _window(window, sequence_length, fft_length, jnp.real(spectrum).dtype)
    stretches = jnp.fft.irfft(spectrum, n=fft_length) * values
    count = spectrum.shape[-2]
    total = fft_length + sequence_stride * (count - 1)
    places = sequence_stride * np.arange(count)[:, None] + np.arange(fft_length)
    signal = jnp.zeros((*spectrum.shape[:-2], total), stretches.dtype).at[..., places].add(stretches)
    weight = jnp.zeros(total, values.dtype).at[places].add(jnp.square(values))
    signal = signal / jnp.where(weight > _NOTHING, weight, 1)
    start = fft_length // 2 if center else 0
    stop = start + length if length is not None else total - start
    return signal[..., start:stop]

"""Spectrograms: how strong each frequency is in each short frame of a signal.

A frame's Fourier transform is a product with windowed cosines and sines, so the transforms of all frames are a convolution whose
kernels hold these. The mel scale spaces frequencies as people hear them: `mel(f) = 1127 log(1 + f / 700)`; a mel band sums up a
spectrum by a triangle that peaks at 1 in its middle.
"""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np

from jkeras._base.types import Array, Float
from jkeras.nn.conv import conv

MODES = ("log", "magnitude", "psd", "real", "imag", "angle", "stft")


def spectrogram(
    x: Float[Array, " batch samples"],
    real_kernel: Float[Array, " frame 1 frequencies"] | None,
    imag_kernel: Float[Array, " frame 1 frequencies"] | None,
    mode: str,
    *,
    stride: int,
    padding: str,
    epsilon: float = 1e-7,
) -> Float[Array, " batch frames values"]:
    """The spectrum of each frame of a signal, as convolutions with a real and an imaginary kernel.

    Args:
        x: `(batch, samples)`.
        real_kernel, imag_kernel: `(frame_length, 1, frequencies)`; None where the mode needs none.
        mode: `"real"` or `"imag"`, a = x * real_kernel or b = x * imag_kernel; `"stft"`, both side by side; `"angle"`, that of
            a + ib, 0 where it is 0; `"psd"`, `a^2 + b^2`, doubled at all frequencies but the first and the last;
            `"magnitude"`, `sqrt(a^2 + b^2)`; `"log"`, its logarithm.
        stride: from the start of a frame to that of the next.
        padding: `"valid"` or `"same"`.
        epsilon: the least value under the root and in the logarithm.

    Returns:
        `(batch, frames, frequencies)`, twice as many values for `"stft"`.

    Example:
        >>> wave, one = jnp.array([[1.0, -1.0, 1.0, -1.0]]), jnp.ones((2, 1, 1))
        >>> spectrogram(wave, one * jnp.array([1.0, -1.0])[:, None, None], 0 * one, "psd", stride=2, padding="valid").tolist()
        [[[4.0], [4.0]]]
    """
    kernels = [kernel for kernel in (real_kernel, imag_kernel) if kernel is not None]
    y = conv(x[..., None], jnp.concatenate(kernels, axis=-1), strides=stride, padding=padding)
    if mode in ("real", "imag", "stft"):
        return y
    a, b = jnp.split(y, 2, axis=-1)
    if mode == "angle":
        silent = (a == 0) & (b == 0)  # no direction, and no gradient
        return jnp.where(silent, 0, jnp.arctan2(b, jnp.where(silent, 1, a)))
    power = jnp.square(a) + jnp.square(b)
    if mode == "psd":
        last = power.shape[-1] - 1
        places = np.arange(last + 1)
        return power * np.where((places > 0) & (places < last), 2, 1).astype(power.dtype)
    magnitude = jnp.sqrt(jnp.maximum(power, epsilon))
    return magnitude if mode == "magnitude" else jnp.log(jnp.maximum(magnitude, epsilon))


def mel_bands(bands: int, frequencies: int, sampling_rate: float, low: float, high: float) -> np.ndarray:
    """The triangles that turn a spectrum into mel bands.

    Args:
        bands: how many; their middles and ends are evenly spaced on the mel scale between `low` and `high`.
        frequencies: how many a spectrum has, evenly spaced from 0 to half of `sampling_rate`; the first, 0 Hz, is in no band.
        sampling_rate: samples per second.
        low, high: where the first band starts and the last one ends, in Hz.

    Returns:
        `(frequencies, bands)`, float64, so that `spectrum @ mel_bands(...)` has the bands.

    Example:
        >>> mel_bands(2, 5, 8000, 0.0, 4000.0).round(2).tolist()
        [[0.0, 0.0], [0.6, 0.4], [0.0, 0.87], [0.0, 0.38], [0.0, 0.0]]

    Source: Steve Young et al., "The HTK Book", 2002.
    """
    mels = _mel(np.linspace(0.0, sampling_rate / 2, frequencies))[:, None]
    edges = np.linspace(_mel(np.asarray(low)), _mel(np.asarray(high)), bands + 2)
    start, middle, end = edges[:-2], edges[1:-1], edges[2:]
    triangles = np.minimum((mels - start) / (middle - start), (end - mels) / (end - middle))
    return np.maximum(triangles, 0.0) * (np.arange(frequencies) > 0)[:, None]


def _mel(hertz: np.ndarray) -> np.ndarray:
    return 1127.0 * np.log(1.0 + hertz / 700.0)


def decibels(power: Float[Array, " *shape"], reference: float, least: float, range_below_peak: float) -> Float[Array, " *shape"]:
    """`10 log10(power / reference)`, at most `range_below_peak` below the largest value of the array.

    Args:
        power: any shape.
        reference: the power of 0 decibels; its absolute value counts.
        least: powers below count as this.
        range_below_peak: in decibels.

    Example:
        >>> decibels(jnp.array([1.0, 100.0, 1e-9]), 1.0, 1e-10, 60.0).tolist()
        [0.0, 20.0, -40.0]
    """
    found = 10.0 * jnp.log10(jnp.maximum(power, least)) - 10.0 * np.log10(max(abs(reference), least))
    return jnp.maximum(found, jnp.max(found) - range_below_peak)

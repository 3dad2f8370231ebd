"""Layers that turn signals into spectrograms: one with kernels that can learn, one on the mel scale."""

from __future__ import annotations

import warnings
from typing import Unpack

import jax.numpy as jnp

from jkeras import initializers
from jkeras._base.config import settings, standardize_data_format
from jkeras._base.errors import describe, unknown_name
from jkeras._base.registry import export
from jkeras._base.types import Array, DTypeLike, Tensor, Weights
from jkeras.graph import Spec
from jkeras.layer.base import BaseArguments, Layer
from jkeras.layer.declaration import Declaration, Weight
from jkeras.layer.input_spec import InputSpec
from jkeras.nn.spectrogram import MODES, decibels, mel_bands, spectrogram
from jkeras.ops.spectral import stft


@export("keras.layers.STFTSpectrogram")
class STFTSpectrogram(Layer):
    """The short-time Fourier transform of a signal, by convolutions with kernels that start as the transform and may learn.

    Args:
        mode: `"log"` (default), `"magnitude"`, `"psd"`, `"real"`, `"imag"`, `"angle"`, or `"stft"`: real and imaginary parts.
        frame_length: samples in a frame. Default 256.
        frame_step: from the start of a frame to that of the next; default half a frame.
        fft_length: of the transform; default the least power of 2 that is not below `frame_length`.
        window: None, an array `(frame_length,)`, or what `scipy.signal.get_window` knows. Default `"hann"`.
        periodic: whether a named window is periodic instead of symmetric. Default False.
        scaling: of the window w, by `sqrt(sum w^2)` for `"density"` (default), `sum |w|` for `"spectrum"`, or None.
        padding: `"valid"` (default) or `"same"`.
        expand_dims: whether frequencies get an axis of their own, so that the output is an image. Default False.
        data_format: `"channels_last"` or `"channels_first"`; default the configured one.
        kwargs: as every layer; with `trainable=False` the transform stays as it is.

    Call:
        x: float `(batch, samples, channels)`, or `(batch, channels, samples)`. Returns, with f values of each of the channels,
            `(batch, frames, channels * f)` or `(batch, frames, f, channels)`; with channels first
            `(batch, channels * f, frames)` or `(batch, channels, frames, f)`.

    Raises:
        ValueError: an unknown mode, window, scaling or padding; a step beyond the frame; a transform shorter than the frame.
        TypeError: inputs that are no floats.

    Example:
        >>> import numpy as np
        >>> STFTSpectrogram(frame_length=8, frame_step=4)(np.ones((1, 32, 1), np.float32)).shape
        (1, 7, 5)
    """

    def __init__(
        self,
        mode: str = "log",
        frame_length: int = 256,
        frame_step: int | None = None,
        fft_length: int | None = None,
        window: object = "hann",
        periodic: bool = False,
        scaling: str | None = "density",
        padding: str = "valid",
        expand_dims: bool = False,
        data_format: str | None = None,
        **kwargs: Unpack[BaseArguments],
    ):
        super().__init__(**kwargs)
        if frame_step is not None and not 1 <= frame_step <= frame_length:
            raise ValueError(f"frame_step is between 1 and frame_length={frame_length}. Received: frame_step={frame_step}.")
        if fft_length is not None and fft_length < frame_length:
            raise ValueError(f"fft_length is at least frame_length={frame_length}. Received: fft_length={fft_length}.")
        if fft_length is not None and fft_length & (fft_length - 1):
            warnings.warn(f"fft_length={fft_length} is no power of 2, as would be usual.", stacklevel=2)
        for name, value, known in (("mode", mode, MODES), ("padding", padding, ("valid", "same"))):
            if value not in known:
                raise unknown_name(name, value, known)
        self.mode, self.padding, self.expand_dims = mode, padding, expand_dims
        self.frame_length, self.frame_step, self.fft_length = frame_length, frame_step, fft_length
        self.window, self.periodic, self.scaling = window, periodic, scaling
        self._kernels = {
            side: initializers.STFT(side, window, scaling, periodic) for side in ("real", "imag") if mode in (side, *_OF_BOTH)
        }
        self.data_format = standardize_data_format(data_format)
        self.input_spec = InputSpec(ndim=3)

    def declare(self, x: Spec) -> Declaration:
        """`real_kernel` and `imag_kernel`, `(frame_length, 1, fft_length // 2 + 1)`, or the one that the mode needs."""
        fft_length = self.fft_length or 1 << (self.frame_length - 1).bit_length()
        for side, initializer in self._kernels.items():
            yield Weight(f"{side}_kernel", (self.frame_length, 1, fft_length // 2 + 1), initializer)

    def forward(self, w: Weights, x: Array) -> Array:
        """The spectra of all channels."""
        if not jnp.issubdtype(x.dtype, jnp.floating):
            raise TypeError(f"{self.name} takes a signal of floats. Received {describe(x)}. Give x.astype('float32').")
        last = self.data_format == "channels_last"
        x = jnp.swapaxes(x, 1, 2) if last else x
        batch, channels, samples = x.shape
        a, b = (getattr(w, f"{side}_kernel") if side in self._kernels else None for side in ("real", "imag"))
        stride = self.frame_step or self.frame_length // 2
        signals = x.reshape(-1, samples)
        y = spectrogram(signals, a, b, self.mode, stride=stride, padding=self.padding, epsilon=settings.epsilon)
        y = y.reshape(batch, channels, *y.shape[1:])
        if self.expand_dims:
            return jnp.moveaxis(y, 1, 3) if last else y
        flat = jnp.moveaxis(y, 1, 2).reshape(batch, y.shape[2], -1)
        return flat if last else jnp.swapaxes(flat, 1, 2)


_OF_BOTH = tuple(mode for mode in MODES if mode not in ("real", "imag"))


@export("keras.layers.MelSpectrogram")
class MelSpectrogram(Layer):
    """The spectrum of each frame of a signal in bands that are evenly spaced on the mel scale, in decibels if asked for.

        S = |STFT|^mag_exp @ mel bands,    10 log10(max(S, min_power) / ref_power), at most top_db below its peak

    It is computed in float32, or in float64 if that is the layer's dtype.

    Args:
        fft_length: of a transform. Default 2048.
        sequence_stride: from the start of a frame to that of the next. Default 512.
        sequence_length: of the window; default `fft_length`.
        window: `"hann"` (default), `"hamming"`, an array `(sequence_length,)`, or None.
        sampling_rate: samples per second. Default 16000.
        num_mel_bins: how many bands. Default 128.
        min_freq, max_freq: where the first band starts and the last one ends, in Hz. Default 20 and `sampling_rate / 2`.
        power_to_db: whether to give decibels. Default True.
        top_db: how far below the peak of all inputs decibels may be. Default 80.
        mag_exp: exponent of the magnitudes, 2 (default) for power.
        min_power: the least power. Default 1e-10.
        ref_power: the power of 0 decibels. Default 1.
        kwargs: as every layer.

    Call:
        x: `(samples,)` or `(batch, samples)`. Returns `(num_mel_bins, frames)` or `(batch, num_mel_bins, frames)`.

    Raises:
        ValueError: `fft_length` is below `sequence_length`.

    Example:
        >>> import numpy as np
        >>> MelSpectrogram(fft_length=64, sequence_stride=16, num_mel_bins=8)(np.ones((2, 160), np.float32)).shape
        (2, 8, 11)
    """

    def __init__(
        self,
        fft_length: int = 2048,
        sequence_stride: int = 512,
        sequence_length: int | None = None,
        window: Tensor = "hann",
        sampling_rate: int = 16000,
        num_mel_bins: int = 128,
        min_freq: float = 20.0,
        max_freq: float | None = None,
        power_to_db: bool = True,
        top_db: float = 80.0,
        mag_exp: float = 2.0,
        min_power: float = 1e-10,
        ref_power: float = 1.0,
        **kwargs: Unpack[BaseArguments],
    ):
        super().__init__(**kwargs)
        self.autocast = False  # a spectrum of a signal in half precision would be of its rounding
        self.fft_length, self.sequence_stride, self.window = fft_length, sequence_stride, window
        self.sequence_length = sequence_length or fft_length
        if fft_length < self.sequence_length:
            raise ValueError(f"fft_length is at least sequence_length={self.sequence_length}. Received: fft_length={fft_length}.")
        self.sampling_rate, self.num_mel_bins, self.mag_exp = sampling_rate, num_mel_bins, mag_exp
        self.min_freq, self.max_freq = min_freq, max_freq or int(sampling_rate / 2)
        self.power_to_db, self.top_db = power_to_db, top_db
        self.min_power, self.ref_power = min_power, ref_power

    def forward(self, w: Weights, x: Array) -> Array:
        """The bands of each frame."""
        x = x.astype("float64" if self.compute_dtype == "float64" else "float32")
        options = (self.sequence_length, self.sequence_stride, self.fft_length, self.window)
        a, b = stft(x, *options)
        magnitude = _power(jnp.square(a) + jnp.square(b), self.mag_exp / 2)
        bands = mel_bands(self.num_mel_bins, magnitude.shape[-1], self.sampling_rate, self.min_freq, self.max_freq)
        y = jnp.matmul(magnitude, bands.astype(x.dtype), precision="highest")
        if self.power_to_db:
            y = decibels(y, self.ref_power, self.min_power, self.top_db)
        return jnp.swapaxes(y, -1, -2).astype(self.compute_dtype)

    def linear_to_mel_weight_matrix(
        self,
        num_mel_bins: int = 20,
        num_spectrogram_bins: int = 129,
        sampling_rate: float = 8000,
        lower_edge_hertz: float = 125.0,
        upper_edge_hertz: float = 3800.0,
        dtype: DTypeLike = "float32",
    ) -> Array:
        """The triangles `(num_spectrogram_bins, num_mel_bins)` that turn spectra into mel bands; see `mel_bands`."""
        bands = mel_bands(num_mel_bins, num_spectrogram_bins, sampling_rate, lower_edge_hertz, upper_edge_hertz)
        return jnp.asarray(bands, dtype)


def _power(x: Array, exponent: float) -> Array:
    """`x ** exponent`, with gradient 0 where x is 0."""
    if exponent == 1:
        return x
    return jnp.where(x > 0, jnp.where(x > 0, x, 1) ** exponent, 0)

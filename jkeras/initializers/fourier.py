"""The kernel of a short-time Fourier transform, which makes a convolution a spectrogram."""

from __future__ import annotations

from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np

from jkeras._base.dtypes import standardize_dtype
from jkeras._base.errors import describe, unknown_name
from jkeras._base.registry import export
from jkeras._base.types import Array, DTypeLike
from jkeras.initializers.base import Initializer


@export("keras.initializers.STFT", "keras.initializers.STFTInitializer", "keras.initializers.stft")
class STFT(Initializer):
    """Windowed cosines or sines: `w_t cos(2 pi t f / n) / s` for time t and frequency f, or `-w_t sin(2 pi t f / n) / s`.

    For a kernel of shape `(frame_length, channels, frequencies)`, `n = 2 (frequencies - 1)`.

    Args:
        side: `"real"` (default) for cosines, `"imag"` for sines.
        window: None, an array `(frame_length,)`, or what `scipy.signal.get_window` knows; `"hann"` by default.
        scaling: s: `"density"` (default) for `sqrt(sum w^2)`, `"spectrum"` for `sum |w|`, None for 1.
        periodic: whether a named window is periodic instead of symmetric; False by default.

    Raises:
        ValueError: an unknown side, window or scaling; at the call, a window of another length.

    Example:
        >>> STFT(window=None)((4, 1, 3))[:, 0, 2].round(3).tolist()
        [1.0, -1.0, 1.0, -1.0]
    """

    def __init__(self, side: str = "real", window: object = "hann", scaling: str | None = "density", periodic: bool = False):
        if side not in ("real", "imag"):
            raise unknown_name("side", side, ("real", "imag"))
        if scaling not in (None, "density", "spectrum"):
            raise unknown_name("scaling", scaling, ("density", "spectrum"))
        if isinstance(window, str):
            _named_window(window, 1, periodic)
        self.side, self.window, self.scaling, self.periodic = side, window, scaling, periodic

    def __call__(self, shape: Sequence[int], dtype: DTypeLike | None = None, *, key: Array | None = None) -> Array:
        """The kernel `(frame_length, channels, frequencies)`, the same for all channels."""
        length, _, frequencies = shape
        angle = 2 * np.pi * np.arange(length)[:, None, None] * np.arange(frequencies) / max(1, 2 * (frequencies - 1))
        kernel = np.cos(angle) if self.side == "real" else -np.sin(angle)
        if self.window is not None:
            kernel = kernel * self._scaled_window(length)[:, None, None]
        return jnp.broadcast_to(jnp.asarray(kernel, standardize_dtype(dtype)), tuple(shape))

    def _scaled_window(self, length: int) -> np.ndarray:
        window = _named_window(self.window, length, self.periodic) if isinstance(self.window, str) else np.asarray(self.window)
        if window.shape != (length,):
            raise ValueError(f"Expected a window of shape ({length},), one number per sample; received {describe(window)}.")
        return window / {None: 1.0, "density": np.sqrt(np.sum(window**2)), "spectrum": np.sum(np.abs(window))}[self.scaling]


def _named_window(name: str, length: int, periodic: bool) -> np.ndarray:
    # scipy comes with jax, but loading its signal part takes most of a second, which only spectrograms should pay.
    from scipy.signal import get_window

    return get_window(name, length, periodic)

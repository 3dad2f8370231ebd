"""`tf.audio`: sound in WAV files of 16 bits."""

from __future__ import annotations

import io
import wave
from typing import Any, NamedTuple

import numpy as np

from jkeras._base.types import Tree
from jkeras.compat.standin.host_tensor import host_tensor, text_of

__all__ = ["decode_wav", "encode_wav"]

_WIDTH = "tf.audio.decode_wav takes WAV files of 16 bits, as TensorFlow does. Received one of {bits} bits."
_SCALE = 1 << 15


class DecodedWav(NamedTuple):
    """What `decode_wav` gives.

    Attributes:
        audio: float32 `(samples, channels)`, from -1 to 1.
        sample_rate: samples per second.
    """

    audio: Any
    sample_rate: Any


def decode_wav(contents: Any, desired_channels: int = -1, desired_samples: int = -1, name: object = None) -> DecodedWav:
    """The samples in the bytes of a WAV file.

    Args:
        contents: the bytes, as from `tf.io.read_file`.
        desired_channels: how many channels; what is too many is left out, and the last one repeated. -1 for all.
        desired_samples: how many samples; what is too many is left out, and zeros come at the end. -1 for all.
        name: for graphs.

    Raises:
        ValueError: samples of other than 16 bits.
        wave.Error: not a WAV file.

    Example:
        >>> sound = decode_wav(encode_wav([[0.0], [0.5], [-1.0]], 8000), desired_samples=4)
        >>> sound.audio.tolist(), int(sound.sample_rate)
        ([[0.0], [0.5], [-1.0], [0.0]], 8000)
    """
    with wave.open(io.BytesIO(text_of(contents))) as file:
        channels, rate, count = file.getnchannels(), file.getframerate(), file.getnframes()
        if file.getsampwidth() != 2:
            raise ValueError(_WIDTH.format(bits=8 * file.getsampwidth()))
        samples = np.frombuffer(file.readframes(count), "<i2").reshape(-1, channels).astype(np.float32) / _SCALE
    if desired_channels != -1:
        samples = samples[:, np.minimum(np.arange(desired_channels), channels - 1)]
    if desired_samples != -1:
        samples = np.pad(samples[:desired_samples], ((0, max(0, desired_samples - len(samples))), (0, 0)))
    return DecodedWav(host_tensor(samples), host_tensor(np.int32(rate)))


def encode_wav(audio: Tree, sample_rate: Tree, name: object = None) -> Any:
    """The bytes of a WAV file of 16 bits with samples `(samples, channels)` from -1 to 1; louder ones are cut off."""
    scaled = np.asarray(audio, np.float32) * _SCALE
    rounded = np.trunc(scaled + np.copysign(np.float32(0.5), scaled))  # halves away from zero
    samples = np.clip(rounded, -_SCALE, _SCALE - 1).astype("<i2")
    target = io.BytesIO()
    with wave.open(target, "wb") as file:
        file.setnchannels(samples.shape[1])
        file.setsampwidth(2)
        file.setframerate(int(sample_rate))
        file.writeframes(samples.tobytes())
    return host_tensor(target.getvalue())

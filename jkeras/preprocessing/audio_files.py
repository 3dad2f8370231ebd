"""WAV files as arrays: samples as floats from -1 to 1, and how many of them make a second.

A WAV file is a list of chunks, each with a name of four letters and a size. `fmt ` says how numbers are stored, `data` holds
them. Sizes in a file are claims: what is read never exceeds the file itself.
"""

from __future__ import annotations

import math
import os
import struct
from pathlib import Path

import numpy as np

from jkeras._base.atomic import FilePath
from jkeras._base.errors import FileFormatError

_WHOLE, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
_FLOATS = {4: "<f4", 8: "<f8"}


def read_wav(path: FilePath) -> tuple[np.ndarray, int]:
    """The samples of a WAV file.

    Args:
        path: of a file with whole numbers of 8, 16, 24 or 32 bits, or floats of 32 or 64.

    Returns:
        float32 `(samples, channels)`, whole numbers divided by the largest, and the samples per second.

    Raises:
        FileFormatError: it is no WAV file, it is damaged, or its numbers are stored in another way.
    """
    where, raw = os.fspath(path), Path(path).read_bytes()
    if len(raw) < 12 or raw[:4] != b"RIFF" or raw[8:12] != b"WAVE":
        raise FileFormatError(f"{where}: this is no WAV file. It begins with {raw[:12]!r}, not with RIFF....WAVE.")
    chunks = _chunks(raw)
    form, data = chunks.get(b"fmt ", b""), chunks.get(b"data")
    if len(form) < 16 or data is None:
        raise FileFormatError(f"{where}: the WAV file has no {'samples' if len(form) >= 16 else 'format'}.")
    kind, channels, rate, _, _, bits = struct.unpack("<HHIIHH", form[:16])
    if kind == _EXTENSIBLE and len(form) >= 26:
        (kind,) = struct.unpack("<H", form[24:26])
    width = bits // 8
    known = (kind == _WHOLE and bits in (8, 16, 24, 32)) or (kind == _FLOAT and width in _FLOATS)
    if not known or not channels or not rate:
        raise FileFormatError(
            f"{where}: WAV files have whole numbers of 8, 16, 24 or 32 bits, or floats of 32 or 64, here. "
            f"Found: format {kind}, {bits} bits, {channels} channels, {rate} samples per second."
        )
    numbers = data[: len(data) // (width * channels) * width * channels]
    samples = np.frombuffer(numbers, _FLOATS[width]).astype(np.float32) if kind == _FLOAT else _fractions(numbers, width)
    return samples.reshape(-1, channels), rate


def _chunks(raw: bytes) -> dict[bytes, bytes]:
    """The first chunk of each name."""
    found: dict[bytes, bytes] = {}
    at = 12
    while at + 8 <= len(raw):
        name, size = raw[at : at + 4], int.from_bytes(raw[at + 4 : at + 8], "little")
        found.setdefault(name, raw[at + 8 : at + 8 + size])
        at += 8 + size + size % 2  # chunks begin at even places
    return found


def _fractions(numbers: bytes, width: int) -> np.ndarray:
    """Whole numbers of some bytes, those of one byte without sign, as fractions of the largest."""
    if width == 1:
        return (np.frombuffer(numbers, np.uint8).astype(np.float32) - 128) / 128
    parts = np.frombuffer(numbers, np.uint8).reshape(-1, width)
    wide = np.zeros((len(parts), 4), np.uint8)
    wide[:, 4 - width :] = parts  # the highest bytes, so that the sign is right
    return wide.reshape(-1).view("<i4").astype(np.float32) / np.float32(2**31)


def resampled(samples: np.ndarray, rate: int, wanted: int) -> np.ndarray:
    """Samples `(samples, channels)` at another rate, without frequencies that it cannot hold.

    Raises:
        ValueError: there would be over a hundred times as many; a damaged file may claim any rate.
    """
    if rate == wanted:
        return samples
    if wanted > 100 * rate:
        raise ValueError(f"From {rate} samples per second, {wanted} cannot be made. Is the file damaged?")
    from scipy.signal import resample_poly

    common = math.gcd(rate, wanted)
    return np.asarray(resample_poly(samples, wanted // common, rate // common, axis=0), np.float32)


def of_length(samples: np.ndarray, length: int) -> np.ndarray:
    """The first samples, and zeros behind them where there are fewer."""
    return np.pad(samples[:length], ((0, max(0, length - len(samples))), (0, 0)))

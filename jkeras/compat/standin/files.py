"""`tf.io` and `tf.io.gfile`: files of this machine."""

from __future__ import annotations

import glob
import os
from collections.abc import Sequence
from typing import Any

import numpy as np

__all__: list[str] = []


def path_of(name: Any) -> str:
    """A path as text, from text, bytes, a path object or a string tensor."""
    value = name.numpy() if hasattr(name, "numpy") else name
    if isinstance(value, np.ndarray):
        value = value[()]
    return os.fsdecode(value)


def matching_files(patterns: Any) -> list[str]:
    """The files that match one or several patterns, sorted."""
    several = isinstance(patterns, Sequence) and not isinstance(patterns, (str, bytes))
    several = several or (isinstance(patterns, np.ndarray) and patterns.ndim > 0)
    found = [name for pattern in (patterns if several else [patterns]) for name in glob.glob(path_of(pattern))]
    return sorted(dict.fromkeys(found))

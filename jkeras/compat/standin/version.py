"""`tf.version`: which TensorFlow the stand-in follows, and that it is jkeras."""

from __future__ import annotations

from jkeras._base.version import __version__
from jkeras.compat.identity import TENSORFLOW_VERSION

__all__ = ["GIT_VERSION", "VERSION"]

VERSION = TENSORFLOW_VERSION
GIT_VERSION = f"jkeras-{__version__}"

"""The folder in which files from the network and compiled programs are kept."""

from __future__ import annotations

import os
from pathlib import Path


def keras_home() -> Path:
    """The folder of all caches: `$KERAS_HOME` if it is set, else `~/.keras`."""
    return Path(os.environ.get("KERAS_HOME") or "~/.keras").expanduser()

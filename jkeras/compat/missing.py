"""The errors for a missing name: they say the name, the file and line that need it, and what to write instead.

Both are subclasses of what Python itself would raise, so that `hasattr`, `try: import ...` and the like work as usual.
"""

from __future__ import annotations

import importlib
import linecache
import sys
from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path
from types import FrameType

from jkeras.compat.hints import hint_for

_BETWEEN = (str(Path(__file__).parent), "<frozen importlib", importlib.__file__)
_NOT_TENSORFLOW = (
    "This `tensorflow` is not TensorFlow but jkeras' stand-in, which has Keras and the lines that Keras scripts need around it."
)
_REAL = "If the script needs TensorFlow itself, run it without jkeras where TensorFlow is installed."


class MissingModuleError(ModuleNotFoundError):
    """A module of Keras or TensorFlow that jkeras does not have."""


class MissingNameError(AttributeError):
    """A name in a module of Keras or TensorFlow that jkeras does not have."""


def missing_text(name: str, known: Iterable[str]) -> str:
    """The text of the error for `import NAME`, for `from MODULE import OBJECT` with their names joined, or for an attribute.

    Args:
        name: `keras.layers.Foo`.
        known: full names that exist.
    """
    lines = [f"{name} is not in jkeras.", *(f"  needed by {line}" for line in _needed_by())]
    if is_tensorflow(name):
        lines.append(_NOT_TENSORFLOW)
    hint = hint_for(name)
    if hint is not None:
        lines.append(hint)
    else:
        near = nearest_names(name, known)
        if near:
            lines.append(f"There is {', '.join(near)}.")
        if is_tensorflow(name):
            lines.append(_REAL)
        elif not near:
            lines.append("Give the object to jkeras yourself: a subclass of Layer, Loss, Metric or Callback fits everywhere.")
    return "\n".join(lines)


def is_tensorflow(name: str) -> bool:
    """Whether a full name is one of TensorFlow's own.

    Example:
        >>> is_tensorflow("tensorflow.lite"), is_tensorflow("tensorflow.keras.layers.Foo"), is_tensorflow("keras.layers")
        (True, False, False)
    """
    parts = name.split(".")
    return parts[0] == "tensorflow" and "keras" not in parts


def nearest_names(name: str, known: Iterable[str]) -> list[str]:
    """Up to three known names: first the same last part elsewhere, then similar spellings in the same module.

    Example:
        >>> nearest_names("keras.layers.Adam", ["keras.optimizers.Adam", "keras.layers.Add"])
        ['keras.optimizers.Adam']
        >>> nearest_names("keras.layers.Dens", ["keras.layers.Dense", "keras.layers.Dot"])
        ['keras.layers.Dense']
    """
    module, _, last = name.rpartition(".")
    known = list(dict.fromkeys(known))
    same = [full for full in known if full.rpartition(".")[2] == last]
    beside = {full.rpartition(".")[2].lower(): full for full in known if full.rpartition(".")[0] == module}
    alike = [beside[key] for key in get_close_matches(last.lower(), beside, n=3, cutoff=0.65)]
    return list(dict.fromkeys([*same, *alike]))[:3]


def _needed_by() -> list[str]:
    """The line that asks, and the script's own line if it is another."""
    frames = list(_frames())
    if not frames:
        return []
    script = next((frame for frame in frames if frame.f_globals.get("__name__") == "__main__"), None)
    chosen = [frames[0], *([script] if script is not None and script is not frames[0] else [])]
    return [_line(frame) for frame in chosen]


def _frames() -> Iterable[FrameType]:
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        file = frame.f_code.co_filename
        if not file.startswith(_BETWEEN):
            yield frame
        frame = frame.f_back


def _line(frame: FrameType) -> str:
    file, number = frame.f_code.co_filename, frame.f_lineno
    source = linecache.getline(file, number, frame.f_globals).strip()
    return f"{file}, line {number}" + (f": {source}" if source else "")

"""How an error speaks: what was received, what was expected, what to write instead.

Every check on user input goes through these helpers, so that messages read alike and unknown names come with the nearest
known one.
"""

from __future__ import annotations

import contextlib
import contextvars
import difflib
import numbers
import types
from collections.abc import Iterable

from jkeras._base.context import holding


class FileFormatError(ValueError):
    """A file is not what it should be: damaged, of another format, of another version, or not for this model.

    The text names the file, the path inside it, and what is wrong there.

    Example:
        >>> raise FileFormatError("model.keras: config.json: this is no JSON.")
        Traceback (most recent call last):
            ...
        jkeras._base.errors.FileFormatError: model.keras: config.json: this is no JSON.
    """


class UnsafeFileError(FileFormatError):
    """A file asks for what no file may ask for: code to run, a file or address to open, memory without bound."""


class UnknownObjectError(FileFormatError):
    """A file names a class or a function that is not known here, or gives it arguments that it does not take."""


class WrongTypeError(FileFormatError, TypeError):
    """A config has a value of another type than belongs there."""


class NoFileError(FileNotFoundError, FileFormatError):
    """There is no such file. Python says FileNotFoundError, Keras ValueError: it is both."""


class UnexpectedArgumentError(TypeError, ValueError):
    """An argument that a constructor does not take. Python says TypeError, some of Keras' classes ValueError: it is both."""


class MisfitError(ValueError, TypeError, IndexError):
    """Shapes, axes or dtypes that an operation does not take. JAX says TypeError or IndexError, Keras ValueError: all three."""


class NotBuiltError(ValueError, AttributeError):
    """An attribute that a layer has once it knows the shape of its input; `hasattr` is False until then."""


class UnknownSizeError(ValueError):
    """A weight's shape depends on an axis of unknown size, and no size that was tried fits."""


# The size that stands for an unknown one while a layer is tried at it.
_stand_in: contextvars.ContextVar[int | None] = contextvars.ContextVar("stand_in", default=None)


def standing_for_unknown(size: int | None) -> contextlib.AbstractContextManager[None]:
    """A block in which texts show axes of this size as None, which it stands for, and layers are built as for None.

    Args:
        size: one that no known axis has; None for no such size.

    Example:
        >>> import numpy as np
        >>> with standing_for_unknown(24):
        ...     describe(np.zeros((24, 3), np.float32))
        'float32(None, 3)'
    """
    return holding(_stand_in, size)


def known_sizes(shape: Iterable[object]) -> tuple[int | None, ...]:
    """A shape with None for each axis whose size is unknown: a symbol, or the number that stands for one now.

    Example:
        >>> with standing_for_unknown(24):
        ...     known_sizes((24, 3))
        (None, 3)
    """
    stand_in = _stand_in.get()
    return tuple(int(n) if isinstance(n, numbers.Integral) and n != stand_in else None for n in shape)


def describe(value: object) -> str:
    """A short description of a value for an error text: `float32(None, 28, 28)` for arrays and specs, the name of a function,
    `repr` otherwise.

    Example:
        >>> import numpy as np
        >>> describe(np.zeros((2, 3), np.float32))
        'float32(2, 3)'
    """
    shape, dtype = getattr(value, "shape", None), getattr(value, "dtype", None)
    if shape is not None and dtype is not None:
        shown = known_sizes(shape)
        return f"{dtype}{shown}" if shown else f"{dtype} scalar"
    if isinstance(value, (list, tuple)) and value and len(value) <= 8:
        inner = ", ".join(describe(v) for v in value)
        return f"[{inner}]" if isinstance(value, list) else f"({inner})"
    if isinstance(value, dict) and len(value) <= 8:
        return "{" + ", ".join(f"{k!r}: {describe(v)}" for k, v in value.items()) + "}"
    text = value.__name__ if isinstance(value, types.FunctionType) else repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def nearest(name: str, known: Iterable[str]) -> str:
    """A hint `Did you mean 'adam'?` or, when nothing is near, the known names; of more than ten, the five nearest.

    Example:
        >>> nearest("gelo", ["elu", "gelu", "relu"]), nearest("x", ["mean", "sum"])
        ("Did you mean 'gelu'?", "Known names: 'mean', 'sum'.")
    """
    likeness = {k: difflib.SequenceMatcher(None, k.lower(), name.lower()).ratio() for k in known if isinstance(k, str)}
    letters = sorted(name.lower())  # whoever swaps two letters means the name that has the same ones: mes, adma
    ranked = sorted(likeness, key=lambda k: (-likeness[k] - 0.2 * (sorted(k.lower()) == letters), k))
    if not ranked:
        return "No name is known here."
    if likeness[ranked[0]] >= 0.6:
        return f"Did you mean {ranked[0]!r}?"
    if len(ranked) <= 10:
        return f"Known names: {', '.join(map(repr, sorted(ranked)))}."
    return f"The nearest of {len(ranked)} known names: {', '.join(map(repr, ranked[:5]))}."


def unknown_name(kind: str, name: object, known: Iterable[str]) -> ValueError:
    """The error for a string that names nothing: `Unknown optimizer 'admm'. Did you mean 'adam'?`"""
    return ValueError(f"Unknown {kind} {name!r}. {nearest(str(name), known)}")


def unexpected_arguments(owner: str, names: Iterable[str], known: Iterable[str]) -> TypeError:
    """The error for keyword arguments that a constructor does not take."""
    names = list(names)
    listed = ", ".join(repr(n) for n in names)
    return TypeError(f"{owner} does not take the argument{'s' * (len(names) > 1)} {listed}. {nearest(names[0], known)}")

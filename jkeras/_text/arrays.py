"""Arrays of texts: NumPy arrays of dtype `object` that hold `bytes`, UTF-8 for what was `str`.

JAX has no strings, so texts stay in NumPy. `bytes`, because a text in a file or from a network need not be valid in any encoding,
and because two texts are the same token where their bytes are.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

TEXT = np.dtype(object)


class TextArray(np.ndarray):
    """An array of texts; `str` in comparisons is taken as UTF-8.

    Example:
        >>> words = as_texts(["one", "two"])
        >>> (words == "two").tolist(), words.tolist()
        ([False, True], [b'one', b'two'])
    """

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **keywords: Any) -> Any:
        plain = [np.asarray(as_texts(value)) if is_text(value) else value for value in inputs]
        return getattr(ufunc, method)(*plain, **keywords)


def is_text(value: object) -> bool:
    """Whether a value is a text, an array of texts, or nested lists of texts; an empty list is not.

    Example:
        >>> is_text([["a"], ["b"]]), is_text([1.0]), is_text(np.array(["a"]))
        (True, False, True)
    """
    while isinstance(value, (list, tuple)) and value:
        value = value[0]
    if isinstance(value, np.ndarray):
        return value.dtype.kind in "SUT" or (value.dtype == TEXT and value.size > 0 and is_text(value.flat[0]))
    return isinstance(value, (str, bytes))


def is_listed_text(value: object) -> bool:
    """Whether a value is a text or nested lists of texts, with no array among them."""
    while isinstance(value, (list, tuple)) and value:
        value = value[0]
    return isinstance(value, (str, bytes))


def as_texts(value: object) -> TextArray:
    """Texts in any form as an array of `bytes`.

    Args:
        value: a text, nested lists of texts, or an array of them.

    Raises:
        ValueError: lists of different lengths.
        TypeError: something in it is not text.

    Example:
        >>> as_texts([["Ä"], [b"b"]]).tolist()
        [[b'\\xc3\\x84'], [b'b']]
    """
    if isinstance(value, (str, bytes)):
        flat: list[Any] = [value]
        shape: tuple[int, ...] = ()
    elif isinstance(value, np.ndarray):
        if isinstance(value, TextArray):
            return value
        flat, shape = value.ravel().tolist(), value.shape
    else:
        flat, shape = _flattened(value)
    return texts(flat, shape)


def texts(flat: Sequence[object], shape: tuple[int, ...] | None = None) -> TextArray:
    """Texts in a row as an array of this shape."""
    array = np.empty(len(flat), TEXT)
    try:
        array[:] = [*map(str.encode, flat)]  # type: ignore[arg-type]
    except (TypeError, UnicodeEncodeError):  # not all of them are `str`, or one holds bytes that are not UTF-8
        array[:] = [text if type(text) is bytes else _encoded(text) for text in flat]
    return array.reshape((len(flat),) if shape is None else shape).view(TextArray)


def _encoded(text: object) -> bytes:
    if isinstance(text, str):
        return text.encode("utf-8", "surrogateescape")
    if isinstance(text, bytes):
        return bytes(text)
    raise TypeError(f"Expected text, str or bytes. Received: {text!r} of type {type(text).__name__}.")


def _flattened(value: Any) -> tuple[list[Any], tuple[int, ...]]:
    """Nested lists as one list, and the shape that they had."""
    flat, shape = list(value), [len(value)]
    while flat and isinstance(flat[0], (list, tuple, np.ndarray)) and not (isinstance(flat[0], np.ndarray) and not flat[0].ndim):
        size = len(flat[0])
        if any(isinstance(part, (str, bytes)) or len(part) != size for part in flat):
            raise ValueError(
                "The lists of texts differ in length, and there are no ragged arrays here. Pad them to one length, for "
                "example with ''."
            )
        flat = [entry for part in flat for entry in part]
        shape.append(size)
    if flat and isinstance(flat[0], np.ndarray):
        flat = [entry[()] for entry in flat]
    return flat, tuple(shape)

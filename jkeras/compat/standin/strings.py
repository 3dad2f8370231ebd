"""`tf.strings`: texts as string tensors on the host; a function of each text, and some over an axis of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax.typing import DTypeLike

from jkeras._base.errors import describe
from jkeras._base.types import Tree
from jkeras.compat.standin.dtypes import numpy_dtype
from jkeras.compat.standin.host_tensor import STRING, encoded, host_tensor, text_of
from jkeras.compat.standin.texts_in_graphs import in_graphs

__all__ = [
    "as_string",
    "bytes_split",
    "format",
    "join",
    "length",
    "lower",
    "reduce_join",
    "regex_full_match",
    "regex_replace",
    "split",
    "strip",
    "substr",
    "to_number",
    "unicode_split",
    "upper",
]


def _texts(value: Tree) -> np.ndarray:
    array = encoded(value)
    if array.dtype != STRING:
        raise TypeError(f"tf.strings takes strings. Received: {describe(value)}. Write tf.strings.as_string(...) for numbers.")
    return array


def _each(function: Callable[[bytes], Any], value: Tree, dtype: DTypeLike = object) -> Any:
    array = _texts(value)
    flat = np.empty(array.size, dtype)
    flat[:] = [function(text) for text in array.ravel()]
    result = flat.reshape(array.shape)
    return host_tensor(result) if result.dtype == STRING else jnp.asarray(result)


def lower(input: Tree, encoding: str = "", name: object = None) -> Any:
    """Texts in lower case; without `encoding="utf-8"` only the letters of ASCII. `name`, here and below, is for graphs.

    Example:
        >>> lower(["One", "TWO"]).numpy().tolist()
        [b'one', b'two']
    """
    return _each(lambda text: text.decode().lower().encode() if encoding else text.lower(), input)


def upper(input: Tree, encoding: str = "", name: object = None) -> Any:
    """Texts in upper case; without `encoding="utf-8"` only the letters of ASCII."""
    return _each(lambda text: text.decode().upper().encode() if encoding else text.upper(), input)


def strip(input: Tree, name: object = None) -> Any:
    """Texts without white space at both ends."""
    return _each(bytes.strip, input)


def length(input: Tree, unit: str = "BYTE", name: object = None) -> Any:
    """Bytes, or with `unit="UTF8_CHAR"` characters, of each text."""
    return _each(lambda text: len(text.decode() if unit == "UTF8_CHAR" else text), input, np.int32)


def substr(input: Tree, pos: int, len: int, unit: str = "BYTE", name: object = None) -> Any:
    """A part of each text.

    Args:
        input: texts.
        pos: where it begins; negative numbers count from the end.
        len: how long it is.
        unit: `"BYTE"` or `"UTF8_CHAR"`.
    """
    start, count = int(pos), int(len)

    def part(text: bytes) -> bytes:
        whole: Any = text.decode() if unit == "UTF8_CHAR" else text
        at = start if start >= 0 else max(whole.__len__() + start, 0)
        found = whole[at : at + count]
        return found.encode() if isinstance(found, str) else found

    return _each(part, input)


def regex_replace(input: Tree, pattern: Any, rewrite: Any, replace_global: bool = True, name: object = None) -> Any:
    """Texts with another text where a pattern matches; `\\\\1` stands for a group of the pattern.

    Example:
        >>> regex_replace(["a1b22"], "[0-9]+", "#").numpy().tolist()
        [b'a#b#']
    """
    compiled, new = re.compile(_one(pattern)), _one(rewrite)
    return _each(lambda text: compiled.sub(new, text, count=0 if replace_global else 1), input)


def regex_full_match(input: Tree, pattern: Any, name: object = None) -> Any:
    """Whether a pattern matches each text as a whole."""
    compiled = re.compile(_one(pattern))
    return _each(lambda text: compiled.fullmatch(text) is not None, input, bool)


def _one(value: Any) -> bytes:
    return bytes(encoded(value)[()])


def split(input: Tree, sep: Any = None, maxsplit: int = -1, name: object = None) -> Any:
    """The parts of a text between separators, by default white space.

    Args:
        input: one text. For several, all must have the same number of parts: there are no ragged tensors.
        sep: the separator.
        maxsplit: how many splits at most; -1 for all.

    Raises:
        ValueError: texts with different numbers of parts.

    Example:
        >>> split("data/cats/1.png", "/")[-2].numpy()
        b'cats'
    """
    array, mark = _texts(input), None if sep is None or _one(sep) == b"" else _one(sep)
    rows = [text.split(mark, maxsplit) for text in array.ravel()]
    if len({len(row) for row in rows}) > 1:
        raise ValueError(
            "tf.strings.split: the texts have different numbers of parts, and there are no ragged tensors here. Split one text "
            "at a time, for example in dataset.map(...) before batch(...)."
        )
    flat = np.empty(sum(map(len, rows)), object)
    flat[:] = [part for row in rows for part in row]
    return host_tensor(flat.reshape(*array.shape, -1) if flat.size else flat.reshape(*array.shape, 0))


def bytes_split(input: Tree, name: object = None) -> Any:
    """The bytes of one text."""
    text = _one(input)
    return host_tensor([text[i : i + 1] for i in range(len(text))])


def unicode_split(input: Tree, input_encoding: str = "UTF-8", errors: str = "replace", name: object = None) -> Any:
    """The characters of one text."""
    return host_tensor([character.encode() for character in _one(input).decode(input_encoding, errors)])


def join(inputs: Sequence[Tree], separator: str = "", name: object = None) -> Any:
    """Texts of several tensors, joined element by element.

    Example:
        >>> join([["a", "b"], "c"], separator="-").numpy().tolist()
        [b'a-c', b'b-c']
    """
    mark, arrays = _one(separator), np.broadcast_arrays(*(_texts(value) for value in inputs))
    result = np.empty(arrays[0].size, object)
    result[:] = [mark.join(texts) for texts in zip(*(array.ravel() for array in arrays))]
    return host_tensor(result.reshape(arrays[0].shape))


def reduce_join(inputs: Tree, axis: int | None = None, keepdims: bool = False, separator: str = "", name: object = None) -> Any:
    """Texts joined along an axis, by default all of them.

    Example:
        >>> reduce_join([["a", "b"], ["c", "d"]], axis=-1).numpy().tolist()
        [b'ab', b'cd']
    """
    array, mark = _texts(inputs), _one(separator)
    if axis is None:
        result = np.empty((), object)
        result[()] = mark.join(array.ravel())
        return host_tensor(result.reshape((1,) * array.ndim) if keepdims else result)
    moved = np.moveaxis(array, axis, -1)
    result = np.empty(moved.shape[:-1], object)
    for place in np.ndindex(result.shape):
        result[place] = mark.join(moved[place])
    return host_tensor(np.expand_dims(result, axis) if keepdims else result)


def to_number(input: Tree, out_type: DTypeLike = "float32", name: object = None) -> Any:
    """The numbers that texts spell.

    Example:
        >>> to_number(["1.5", "2"]).tolist()
        [1.5, 2.0]
    """
    dtype = numpy_dtype(out_type)
    return _each(float if np.issubdtype(dtype, np.floating) else int, input, dtype)


def as_string(
    input: Tree, precision: int = -1, scientific: bool = False, shortest: bool = False, width: int = -1, fill: str = "",
    name: object = None,
) -> Any:  # fmt: skip
    """Numbers as texts.

    Args:
        input: numbers or booleans.
        precision: digits behind the point of floats; six by default.
        scientific: whether to write floats as `1.500000e+00`.
        shortest: whether to write floats in the shorter of both forms.
        width: the least length of a text.
        fill: what makes it as long: `"0"`, `"-"` for spaces behind it, by default spaces before it.

    Example:
        >>> as_string([1, 20]).numpy().tolist(), as_string(1.5, precision=2).numpy()
        ([b'1', b'20'], b'1.50')
    """
    array = np.asarray(input)
    kind = "e" if scientific else "g" if shortest else "f"
    digits = f".{precision}" if precision >= 0 else ""

    def text(value: Any) -> str:
        if isinstance(value, bool):
            found = str(value).lower()
        elif isinstance(value, float):
            found = f"{value:{digits}{kind}}"
        else:
            found = str(value)
        size = max(width, 0)
        return found.zfill(size) if fill == "0" else found.ljust(size) if fill == "-" else found.rjust(size)

    result = np.empty(array.size, object)
    result[:] = [text(value) for value in array.ravel().tolist()]
    return host_tensor(result.reshape(array.shape))


def format(template: str, inputs: Any, placeholder: str = "{}", summarize: int = 3, name: object = None) -> Any:
    """A text with values in place of `{}`; texts among them are quoted."""
    values = inputs if isinstance(inputs, (tuple, list)) else (inputs,)
    for value in values:
        array = encoded(value)
        shown = f'"{text_of(array).decode()}"' if array.dtype == STRING and not array.ndim else str(array[()])
        template = template.replace(placeholder, shown, 1)
    return host_tensor(template)


# How many parts a text has is known only when it is there.
_OF_VALUES = ("bytes_split", "split", "unicode_split")
globals().update({name: in_graphs(globals()[name]) for name in __all__ if name not in _OF_VALUES})

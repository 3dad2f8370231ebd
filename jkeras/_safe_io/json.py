"""The safe reader for JSON: everything it returns is small, shallow, and says each thing once.

A config holds a few thousand values, nested a hundred levels at most. A text that is larger or deeper, repeats a key, or holds
something that JSON has no word for (NaN) is refused before a single object is made. So readers of configs need not think about
recursion or memory.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from typing import Any, NoReturn

import numpy as np

from jkeras._base.errors import FileFormatError, UnsafeFileError

MAX_BYTES = 32 * 2**20
MAX_DEPTH = 100
MAX_VALUES = 4_000_000
MAX_OBJECTS, MAX_TENSORS = 80_000, 20_000  # as many as a model of ten thousand layers has
_CHUNK = 2**20
_ESCAPE = re.compile(rb"\\.", re.DOTALL)


def read_json(text: str | bytes, *, where: str) -> Any:
    """The value of a JSON text from a file.

    Args:
        text: UTF-8 if it is bytes.
        where: the file and the place in it, for messages.

    Returns:
        Dicts, lists, strings, finite numbers, booleans and None.

    Raises:
        UnsafeFileError: it is larger than 32 MiB, deeper than 100 levels, or holds more than 4 million values, or more objects
            than a model of ten thousand layers.
        FileFormatError: it is not JSON, repeats a key, or holds NaN or an infinite number.

    Example:
        >>> read_json('{"units": 3}', where="config.json")
        {'units': 3}
        >>> read_json('{"units": NaN}', where="config.json")
        Traceback (most recent call last):
            ...
        jkeras._base.errors.FileFormatError: config.json: NaN is not a JSON value.
    """
    if not isinstance(text, (str, bytes)):
        raise FileFormatError(f"{where}: expected the text of a JSON document, received {type(text).__name__}.")
    if len(text) > MAX_BYTES:
        raise UnsafeFileError(f"{where}: {len(text):,} bytes of JSON; no config needs more than {MAX_BYTES:,}.")
    data = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    _check_size(data, where)

    def no_constant(name: str) -> NoReturn:
        raise FileFormatError(f"{where}: {name} is not a JSON value.")

    def finite(digits: str) -> float:
        value = float(digits)
        if not math.isfinite(value):
            raise FileFormatError(f"{where}: the number {digits[:40]} is beyond the range of floats.")
        return value

    def once(pairs: list[tuple[str, object]]) -> dict[str, object]:
        found = dict(pairs)
        if len(found) < len(pairs):
            twice = next(key for key, count in Counter(key for key, _ in pairs).items() if count > 1)
            raise FileFormatError(f"{where}: the key {twice[:80]!r} occurs twice in one object, so it is unclear which counts.")
        return found

    try:
        decoded = data.decode("utf-8", "surrogatepass")
        return json.loads(decoded, parse_constant=no_constant, parse_float=finite, object_pairs_hook=once)
    except FileFormatError:
        raise
    except (ValueError, RecursionError) as error:  # ValueError: of JSON, of UTF-8, and of integers with thousands of digits
        raise FileFormatError(f"{where}: this is not JSON: {error}") from None


def _check_size(data: bytes, where: str) -> None:
    """Count depth and values, outside of strings and without parsing."""
    for word, most in ((b'"class_name"', MAX_OBJECTS), (b'"keras_history"', MAX_TENSORS)):
        if data.count(word) > most:
            raise UnsafeFileError(f"{where}: more than {most:,} times {word.decode()}: too many layers, or calls of them.")
    data = _ESCAPE.sub(b"", data)
    depth, inside, values = 0, 0, 0
    for start in range(0, len(data), _CHUNK):
        chunk = np.frombuffer(data, np.uint8, min(_CHUNK, len(data) - start), start)
        quoted = (np.cumsum(chunk == ord('"'), dtype=np.int64) + inside) % 2 == 1
        opens = ((chunk == ord("{")) | (chunk == ord("["))) & ~quoted
        closes = ((chunk == ord("}")) | (chunk == ord("]"))) & ~quoted
        depths = depth + np.cumsum(opens.astype(np.int8) - closes.astype(np.int8), dtype=np.int64)
        values += int(np.count_nonzero(opens) + np.count_nonzero((chunk == ord(",")) & ~quoted))
        if int(depths.max()) > MAX_DEPTH:
            raise UnsafeFileError(f"{where}: JSON nested deeper than {MAX_DEPTH} levels; no config is.")
        if values > MAX_VALUES:
            raise UnsafeFileError(f"{where}: more than {MAX_VALUES:,} values of JSON; no config has as many.")
        depth, inside = int(depths[-1]), int(quoted[-1])

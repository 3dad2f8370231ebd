"""Vocabularies as files: those that a user names, and `vocabulary.txt` in `.keras` archives, one term a line.

A line cannot hold a term with a line end in it, and an empty last line is none. Where a vocabulary has such terms, the archive
gets `vocabulary.json` instead, a list of strings, which Keras does not know; it finds the terms in the layer's config.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from jkeras._base.errors import FileFormatError, describe
from jkeras._safe_io.json import read_json

TEXT, EXACT = "vocabulary.txt", "vocabulary.json"


def read_lines(path: str | os.PathLike[str], layer: str) -> list[bytes]:
    """The lines of a file, without those at its end that are empty.

    Raises:
        ValueError: there is no such file.
    """
    file = Path(path)
    if not file.is_file():
        raise ValueError(f"{layer!r}: there is no vocabulary file {os.fspath(path)!r}. It has one term a line.")
    lines = file.read_bytes().replace(b"\r\n", b"\n").split(b"\n")
    while lines and not lines[-1]:
        lines.pop()
    return lines


def are_lines(terms: list[bytes]) -> bool:
    """Whether a file of these terms, one a line, says where each of them ends, for Keras too.

    Example:
        >>> are_lines([b"", b"a"]), are_lines([b"a", b""]), are_lines(["a\u2028b".encode()])
        (True, False, False)
    """
    shown = _shown(terms)
    return "\n".join(shown).splitlines() == shown and (not shown or shown[-1] != "")


def _shown(terms: list[bytes]) -> list[str]:
    return [term.decode("utf-8", "surrogateescape") for term in terms]


def read_asset(folder: str, layer: str) -> list[bytes]:
    """The terms that `write_asset` wrote into a folder; none where it wrote none."""
    text = Path(folder) / TEXT
    if text.is_file():
        return read_lines(text, layer)
    exact = Path(folder) / EXACT
    if not exact.is_file():
        return []
    found = read_json(exact.read_bytes(), where=EXACT)
    if not isinstance(found, list) or not all(isinstance(term, str) for term in found):
        raise FileFormatError(f"{EXACT} of {layer!r}: expected a list of strings. Received: {describe(found)}.")
    return [term.encode("utf-8", "surrogateescape") for term in found]


def write_asset(folder: str, terms: list[bytes]) -> None:
    """Write terms into a folder."""
    if are_lines(terms):
        (Path(folder) / TEXT).write_bytes(b"\n".join(terms))
    else:
        (Path(folder) / EXACT).write_text(json.dumps(_shown(terms)))

"""Vocabularies as files of lines: those that a user names, and `vocabulary.txt` in `.keras` archives."""

from __future__ import annotations

import os
from pathlib import Path

NAME = "vocabulary.txt"


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


def write_lines(folder: str, terms: list[bytes]) -> None:
    """Write `vocabulary.txt` into a folder."""
    (Path(folder) / NAME).write_bytes(b"\n".join(terms))

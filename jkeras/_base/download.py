"""Files from the network: where they are kept, how they get there, how they are checked.

A file is looked for in the cache folder (`$KERAS_HOME` or `~/.keras`, read at each call) before any connection is made. A
download goes to a temporary name in the folder of its target, is counted and hashed while it arrives, and gets its final name
only when both are right, so an interruption leaves no partial file. With `JKERAS_OFFLINE=1` in the environment no connection is
made.
"""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import os
import secrets
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from jkeras._base.errors import unknown_name

TIMEOUT = 10.0  # seconds without an answer, for the connection and for each read
_BLOCK = 1 << 18
_DIGITS = {64: "sha256", 32: "md5"}


def is_offline() -> bool:
    """Whether the environment forbids connections: `JKERAS_OFFLINE` is set to anything but 0."""
    return os.environ.get("JKERAS_OFFLINE", "0") not in ("", "0")


def hash_algorithm_for(file_hash: str, algorithm: str = "auto") -> str:
    """`"sha256"` or `"md5"`: the one that is named, or with `"auto"` the one whose hashes have this length.

    Raises:
        ValueError: another name, or a hash whose length fits neither.

    Example:
        >>> hash_algorithm_for("d41d8cd98f00b204e9800998ecf8427e")
        'md5'
    """
    if algorithm in _DIGITS.values():
        return algorithm
    if algorithm != "auto":
        raise unknown_name("hash_algorithm", algorithm, ("auto", *_DIGITS.values()))
    if len(file_hash) not in _DIGITS:
        raise ValueError(
            f"file_hash={file_hash!r} has {len(file_hash)} characters. Expected the 64 hexadecimal digits of a SHA-256 or the "
            f"32 of an MD5; `sha256sum FILE` prints the first."
        )
    return _DIGITS[len(file_hash)]


def hash_of(path: str | os.PathLike[str], algorithm: str = "sha256") -> str:
    """The hash of a file in hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest()


@contextlib.contextmanager
def atomic_write(target: Path) -> Iterator[IO[bytes]]:
    """A binary file that becomes `target` if the block ends without an error, and is removed otherwise."""
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
    try:
        with open(part, "xb") as file:
            yield file
        os.replace(part, target)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


class _Progress:
    """Bytes and percent on stderr: rewritten in place on a terminal, one line at the end elsewhere."""

    def __init__(self, name: str, total: int | None):
        self.name, self.total, self.received = name, total, 0
        self.live, self.shown_at = sys.stderr.isatty(), 0.0

    def add(self, count: int) -> None:
        self.received += count
        if self.live and time.monotonic() - self.shown_at > 0.1:
            self.shown_at = time.monotonic()
            self.show("")

    def show(self, end: str) -> None:
        of = f" of {self.total:,} bytes ({100 * self.received // self.total}%)" if self.total else " bytes"
        start = "\r" if self.live else ""
        print(f"{start}{self.name}: {self.received:,}{of}", end=end, file=sys.stderr, flush=True)


def download(url: str, target: Path, file_hash: str | None = None, algorithm: str = "auto") -> Path:
    """Download a URL to a path, whole and checked or not at all.

    Args:
        url: an `http`, `https` or `file` URL.
        target: the path to write; its folder is made. A file that is there is replaced only at the very end.
        file_hash: the SHA-256 or MD5 that the file must have; None checks its length alone.
        algorithm: `"auto"`, `"sha256"` or `"md5"`.

    Returns:
        `target`.

    Raises:
        FileNotFoundError: no connection is allowed, or none came through to the end; the text says what to put where.
        ValueError: the file arrived and is not the expected one.
    """
    scheme = urllib.parse.urlsplit(url).scheme
    if scheme not in ("http", "https", "file"):
        raise ValueError(f"Cannot download {url!r}: expected an http, https or file URL, such as 'https://host/name.npz'.")
    algorithm = hash_algorithm_for(file_hash, algorithm) if file_hash is not None else "sha256"
    if scheme != "file" and is_offline():
        raise _absent(url, target, "JKERAS_OFFLINE is set")
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT) as source, atomic_write(target) as file:
            found = _copy(source, file, target.name, algorithm)
            if file_hash is not None and found != file_hash.lower():
                raise ValueError(
                    f"The file at {url} is incomplete or not the expected one: its {algorithm} is {found}, "
                    f"expected {file_hash}. Nothing was kept."
                )
    except (OSError, http.client.HTTPException) as error:
        raise _absent(url, target, str(error) or type(error).__name__) from error
    return target


def _copy(source: IO[bytes], file: IO[bytes], name: str, algorithm: str) -> str:
    """Copy a response to a file and return its hash; ConnectionError if it ends before its announced length."""
    announced = getattr(source, "headers", {}).get("Content-Length")
    progress = _Progress(name, int(announced) if announced and announced.isdigit() else None)
    hasher = hashlib.new(algorithm)
    try:
        while block := source.read(_BLOCK):
            file.write(block)
            hasher.update(block)
            progress.add(len(block))
    finally:
        progress.show("\n")
    if progress.total is not None and progress.received != progress.total:
        raise ConnectionError(f"the connection ended after {progress.received:,} of {progress.total:,} bytes")
    return hasher.hexdigest()


def _absent(url: str, target: Path, reason: str) -> FileNotFoundError:
    return FileNotFoundError(
        f"{target.name} was not downloaded: {reason}. Fetch it by hand from\n  {url}\nand put it at\n  {target}\n"
        f"(the cache folder follows the environment variable KERAS_HOME)."
    )

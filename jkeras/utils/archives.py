"""Unpack a tar or zip archive that may be malicious.

The archive is read member by member into a fresh folder beside the destination, and moved there once it is complete. Only plain
files, folders and links are made, and every name must stay inside. Of a file's mode only the executable bit counts; links in zip
files become small files, as with `zipfile`. Links come last, so that no member is ever written through one. A link may go up
only at its start, and no further than its own depth: then it cannot leave, whatever other links it passes.

One member that breaks a rule is enough to refuse the archive. Limits protect against bombs: on the number of members, on the
depth of folders, on the unpacked size (1 GiB, or 200 times the archive if that is more), and on how much memory a tar's header
may claim: a header of gigabytes compresses to a few kilobytes.
"""

from __future__ import annotations

import bz2
import contextlib
import gzip
import io
import itertools
import lzma
import ntpath
import os
import shutil
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import IO, Any, NamedTuple

MAX_MEMBERS = 5_000_000
FREE_BYTES = 1 << 30
MAX_RATIO = 200
MAX_DEPTH = 100
MAX_READ = 4 << 20  # of a tar at once: more than a block of data or any honest header
_STREAMS: dict[bytes, Callable[[Path], Any]] = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ\0": lzma.open}
_BAD_BYTES = (tarfile.TarError, zipfile.BadZipFile, gzip.BadGzipFile, zlib.error, lzma.LZMAError, EOFError)
_REFUSED = (ValueError, RuntimeError, *_BAD_BYTES)  # RuntimeError: an encrypted or unknown zip


class Member(NamedTuple):
    """What tar and zip have in common."""

    name: str
    kind: str  # "file", "folder", "symlink", "hardlink", or "other"
    size: int
    executable: bool
    target: str  # of a link
    open: Callable[[], IO[bytes]]  # of a file


def extract_archive(path: Path, destination: Path, formats: Iterable[str] = ("tar", "zip")) -> None:
    """Unpack an archive into a folder, whole or not at all.

    Args:
        path: the archive.
        destination: the folder; created if missing. Files of the same names in it are replaced, others stay.
        formats: the allowed formats: `"tar"` (plain, gz, bz2, xz), `"zip"`.

    Raises:
        ValueError: the archive has none of these formats, is damaged, exceeds a limit, or has a member that would leave the
            folder.
    """
    budget = max(FREE_BYTES, MAX_RATIO * path.stat().st_size)
    destination.parent.mkdir(parents=True, exist_ok=True)
    workplace = Path(tempfile.mkdtemp(prefix=f".{destination.name}.", suffix=".part", dir=destination.parent))
    fresh = workplace / "unpacked"
    fresh.mkdir()
    try:
        if "tar" in formats and (tar := _open_tar(path)) is not None:
            with contextlib.closing(tar.fileobj), tar:  # type: ignore[type-var]
                _write_members(_tar_members(tar), fresh, budget)
        elif "zip" in formats and zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as zipped:
                _write_members(_zip_members(zipped), fresh, budget)
        else:
            raise ValueError(f"it does not have the format {' or '.join(formats) or '(none was given)'}")
        if destination.is_dir():
            _merge(fresh, destination)
        else:
            os.replace(fresh, destination)
    except _REFUSED as error:
        raise ValueError(f"{path} was not unpacked: {error}. Nothing was written to {destination}.") from error
    finally:
        shutil.rmtree(workplace, ignore_errors=True)


class _Sips:
    """A stream, for `tarfile`, that limits how much is read at once."""

    def __init__(self, stream: IO[bytes]):
        self._stream = stream
        self.seek, self.tell, self.close = stream.seek, stream.tell, stream.close

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= MAX_READ:
            raise tarfile.ReadError(f"one of its headers claims {size} bytes; the limit is {MAX_READ:,}")
        return self._stream.read(size)


def _open_tar(path: Path) -> tarfile.TarFile | None:
    """The archive as a tar, by its content; None if it is not one. Its first header is read here, with the limit too."""
    with open(path, "rb") as file:
        start = file.read(6)
    opener = next((opener for magic, opener in _STREAMS.items() if start.startswith(magic)), io.FileIO)
    stream = _Sips(opener(path))
    try:
        return tarfile.TarFile(fileobj=stream, mode="r")  # type: ignore[arg-type]
    except tarfile.ReadError as error:
        stream.close()
        if "claims" in str(error):
            raise
        return None
    except BaseException:
        stream.close()
        raise


def _tar_members(tar: tarfile.TarFile) -> Iterator[Member]:
    for info in tar:
        tests = {"file": info.isreg, "folder": info.isdir, "symlink": info.issym, "hardlink": info.islnk}
        kind = next((kind for kind, test in tests.items() if test()), "other")
        source: Callable[[], Any] = partial(tar.extractfile, info)
        yield Member(info.name, kind, info.size, bool(info.mode & 0o100), info.linkname, source)


def _zip_members(zipped: zipfile.ZipFile) -> Iterator[Member]:
    for info in zipped.infolist():
        kind = "folder" if info.is_dir() else "file"
        executable = bool(info.external_attr >> 16 & 0o100)
        yield Member(info.filename, kind, info.file_size, executable, "", partial(zipped.open, info))


def _write_members(members: Iterable[Member], root: Path, budget: int) -> None:
    links: dict[Path, str] = {}
    total = 0
    for count, member in enumerate(members, 1):
        total += member.size if member.kind == "file" else 0
        if member.size < 0 or total > budget or count > MAX_MEMBERS:
            raise ValueError(f"it unpacks to more than {budget:,} bytes or {MAX_MEMBERS:,} members")
        path = root.joinpath(*_inner_parts(member.name, member.name))
        if member.kind == "folder":
            path.mkdir(parents=True, exist_ok=True)
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        if member.kind == "symlink":
            links[path] = _inner_target(member, depth=len(path.relative_to(root).parts) - 1)
        elif member.kind == "hardlink":
            source_path = root.joinpath(*_inner_parts(member.target, member.name))
            if not source_path.is_file() or source_path == path:
                raise ValueError(f"the link {member.name!r} points to {member.target!r}, which is no earlier file")
            path.unlink(missing_ok=True)
            os.link(source_path, path)
        elif member.kind == "file":
            path.unlink(missing_ok=True)
            with member.open() as source, open(path, "xb") as file:
                shutil.copyfileobj(source, file, 1 << 20)
            if member.executable:
                mode = path.stat().st_mode
                path.chmod(mode | (mode & 0o444) >> 2)
        else:
            raise ValueError(f"the member {member.name!r} is neither a file nor a folder nor a link")
    for path, target in links.items():
        path.unlink(missing_ok=True)
        path.symlink_to(target)


def _inner_parts(name: str, member: str) -> list[str]:
    """The components of a relative path without `..`; ValueError for others, even if they leave the folder only on Windows."""
    parts = name.replace(os.sep, "/").split("/")
    if name.startswith(("/", "\\")) or ntpath.splitdrive(name)[0] or ".." in name.replace("\\", "/").split("/") or "\0" in name:
        raise ValueError(f"the member {member!r} would be written or point outside of the folder")
    inner = [part for part in parts if part not in ("", ".")]
    if len(inner) > MAX_DEPTH:
        raise ValueError(f"the member {member[:80]!r}... lies {len(inner)} folders deep; the most is {MAX_DEPTH}")
    return inner


def _inner_target(member: Member, depth: int) -> str:
    """A symbolic link's target, if it goes up at most `depth` times and only at its start."""
    steps = member.target.replace(os.sep, "/").split("/")
    ups = sum(1 for _ in itertools.takewhile(lambda step: step == "..", steps))
    _inner_parts("/".join(steps[ups:]) if ups else member.target, member.name)
    if ups > depth:
        raise ValueError(f"the link {member.name!r} points to {member.target!r}, outside of the folder")
    return member.target


def _merge(fresh: Path, destination: Path) -> None:
    """Move the entries of a folder into another, never through a link there."""
    destination.mkdir(exist_ok=True)
    for entry in sorted(fresh.iterdir()):
        place = destination / entry.name
        if entry.is_dir() and not entry.is_symlink():
            if place.is_symlink():
                place.unlink()
            _merge(entry, place)
        else:
            os.replace(entry, place)

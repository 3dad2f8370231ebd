"""A file from a URL, kept in the cache folder and unpacked on request."""

from __future__ import annotations

import os
import sys
import urllib.parse
from collections.abc import Iterable
from pathlib import Path

from jkeras._base.cache_folder import keras_home
from jkeras._base.config import settings
from jkeras._base.download import download, hash_algorithm_for, hash_of
from jkeras._base.errors import unknown_name
from jkeras._base.registry import export
from jkeras.utils.archives import extract_archive


@export("keras.utils.get_file")
def get_file(
    fname: str | os.PathLike[str] | None = None,
    origin: str | None = None,
    untar: bool = False,
    md5_hash: str | None = None,
    file_hash: str | None = None,
    cache_subdir: str | os.PathLike[str] = "datasets",
    hash_algorithm: str = "auto",
    extract: bool = False,
    archive_format: str | Iterable[str] | None = "auto",
    cache_dir: str | os.PathLike[str] | None = None,
    force_download: bool = False,
) -> str:
    """The path of a file from a URL, downloaded unless it is in the cache.

    Args:
        fname: name in the cache, without folders; None takes the last part of the URL.
        origin: the URL: http, https or file.
        untar: the same as `extract=True, archive_format="tar"`; kept for older programs.
        md5_hash: the same as `file_hash=..., hash_algorithm="md5"`; kept for older programs.
        file_hash: SHA-256 or MD5 that the file must have, in the cache or after a download. A cached file with another hash is
            replaced.
        cache_subdir: folder under `cache_dir`, or an absolute path. Default `"datasets"`.
        hash_algorithm: `"auto"` (by the length of the hash), `"sha256"` or `"md5"`.
        extract: unpack the file, a tar or zip archive. If `fname` is `a.tgz`, the folder is `a_extracted`; if it is `a`, the
            folder is `a` and the archive `a_archive`; without `fname` the folder has the archive's name.
        archive_format: `"auto"`, `"tar"`, `"zip"` or a list of the two.
        cache_dir: None takes `$KERAS_HOME` or `~/.keras`.
        force_download: download even if the file is in the cache.

    Returns:
        The path of the file, or of the folder with `extract`. An archive is unpacked when it was downloaded or when
        its folder is missing or empty. Where old scripts run (`jkeras.compat`), links beside the folder lead to what is in
        it, because until Keras 3.6 an archive was unpacked there.

    Raises:
        ValueError: an argument is wrong, the hash differs, or the archive cannot be unpacked safely.
        FileNotFoundError: the download failed; the error says which file to put where. (Keras raises a plain Exception.)

    Example:
        >>> import pathlib, tempfile
        >>> folder = pathlib.Path(tempfile.mkdtemp())
        >>> _ = (folder / "words.txt").write_text("to be or not to be")
        >>> path = get_file("copy.txt", origin=(folder / "words.txt").as_uri(), cache_dir=folder)
        >>> pathlib.Path(path).relative_to(folder).as_posix(), open(path).read()
        ('datasets/copy.txt', 'to be or not to be')
    """
    if origin is None:
        raise ValueError("get_file received no origin. Write get_file(origin='https://host/name.zip').")
    if md5_hash is not None and file_hash is None:
        file_hash, hash_algorithm = md5_hash, "md5"
    folder = (Path(cache_dir) if cache_dir is not None else keras_home()).expanduser() / cache_subdir
    name = _file_name(fname, origin)
    if not (extract or untar):
        target = folder / name
        _ensure(target, origin, file_hash, hash_algorithm, force_download)
        return str(target)
    formats = ("tar",) if untar else _formats(archive_format)
    archive, unpacked = _archive_names(name, given=fname is not None)
    fresh = _ensure(folder / archive, origin, file_hash, hash_algorithm, force_download)
    destination = folder / unpacked
    if fresh or not destination.is_dir() or not any(destination.iterdir()):
        extract_archive(folder / archive, destination, formats)
    if settings.keras2_files:
        _link_beside(destination)
    return str(destination)


def _link_beside(unpacked: Path) -> None:
    """Make what is in a folder available next to it too. A name that is taken is left alone.

    If the name is the folder's own, an old script takes the folder for the one inside it, whose entries are linked then.
    """
    inner = unpacked / unpacked.name
    for entry in [*unpacked.iterdir(), *(inner.iterdir() if inner.is_dir() else ())]:
        link = entry.parent.parent / entry.name
        if not (entry.is_symlink() or os.path.lexists(link)):
            link.symlink_to(entry.relative_to(link.parent), target_is_directory=entry.is_dir())


def _file_name(fname: str | os.PathLike[str] | None, origin: str) -> str:
    name = os.fspath(fname) if fname else os.path.basename(urllib.parse.urlsplit(origin).path)
    # Backslashes and drives denote folders only on Windows, but a name that is valid on one system must be valid on all.
    if name in ("", ".", "..") or any(mark in name for mark in "/\\:\0"):
        raise ValueError(
            f"Received fname={fname!r} and origin={origin!r}: expected a file name without folders. Write fname='name.zip', "
            f"and set the folder with cache_dir and cache_subdir."
        )
    return name


def _archive_names(name: str, given: bool) -> tuple[str, str]:
    """The names of the archive and of the folder it is unpacked to, chosen as in Keras."""
    stem = name.partition(".")[0]
    if given and stem != name:
        return name, f"{stem}_extracted"
    return f"{name}_archive", name


def _formats(archive_format: str | Iterable[str] | None) -> tuple[str, ...]:
    if archive_format is None:
        return ()
    formats = (archive_format,) if isinstance(archive_format, str) else tuple(archive_format)
    if formats == ("auto",):
        return ("tar", "zip")
    for one in formats:
        if one not in ("tar", "zip"):
            raise unknown_name("archive_format", one, ("auto", "tar", "zip"))
    return formats


def _ensure(target: Path, origin: str, file_hash: str | None, algorithm: str, force: bool) -> bool:
    """Make sure the file is in its place; returns whether it had to be downloaded."""
    if not force and target.is_file():
        if file_hash is None or hash_of(target, hash_algorithm_for(file_hash, algorithm)) == file_hash.lower():
            return False
        print(f"{target} does not have the hash {file_hash}: downloading it again from {origin}", file=sys.stderr)
    download(origin, target, file_hash, algorithm)
    return True

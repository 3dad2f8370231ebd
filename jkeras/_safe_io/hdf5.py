"""The safe reader for HDF5, and what writers of it share.

HDF5 is a file system in a file: it has links to other files, arrays that live in other files or are computed from others,
filters that are loaded as plugins, types that hold pointers. A weights file needs groups, plain arrays and a few attributes;
everything else is refused here, before HDF5 itself can follow it:

* a path is walked part by part, and the kind of each link is asked for before it is opened (h5py's `a["x/y"]`, and even
  `"x/y" in a`, follow links on their own);
* an array's place, filters, type, rank and size are checked when it is found; its numbers are read only by `read(shape)`, and
  only if that is its shape. So a file cannot make a reader allocate what the model does not have;
* attributes have bounds.

Readers see `StoredGroup` and `StoredArray`; h5py's own objects stay in here. Writers get h5py's file from `create_hdf5`, and use
`write_array` and `write_names`.
"""

from __future__ import annotations

import contextlib
import functools
import math
import os
from collections.abc import Hashable, Iterator, MutableMapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import jax.numpy as jnp
import numpy as np

from jkeras._base.atomic import is_discarding
from jkeras._base.errors import FileFormatError, UnsafeFileError
from jkeras._safe_io.hdf5_texts import check_numbers, check_texts
from jkeras._safe_io.stored_array import MAX_RANK, StoredArray
from jkeras._safe_io.window import RawFile, Window

_MAX_MEMBERS = 1_000_000
_ATTRIBUTE_BYTES = 32 << 20
_SPLIT_AT = 64_512  # bytes of an attribute; HDF5 keeps attributes in a header of 64 KiB
# Compressed arrays above the floor must be stored in at least a thousandth of their size, as nothing but zeros is smaller.
_FLOOR, _MOST_PACKED = 64 << 20, 1000
_CHUNK_BYTES = 8 << 20
_FILTERS = {1: "deflate", 2: "shuffle", 3: "fletcher32", 32000: "lzf"}
_FAILURES = (
    *(OSError, RuntimeError, ValueError, KeyError, TypeError, IndexError, OverflowError, MemoryError),
    *(AttributeError, NotImplementedError),
)


class H5Group(Protocol):
    """What writers use of an h5py group."""

    attrs: MutableMapping[str, Any]

    def create_group(self, name: str) -> H5Group: ...

    def require_group(self, name: str) -> H5Group: ...

    def create_dataset(self, name: str, *, data: object) -> H5Group: ...


@functools.cache
def _h5py() -> Any:
    import h5py  # here, so that `import jkeras` does not wait for it

    return h5py


@contextlib.contextmanager
def open_hdf5(source: Path | RawFile, where: str) -> Iterator[StoredGroup]:
    """Open a file for reading.

    Args:
        source: a path, which is opened once; or a seekable, unbuffered binary file.
        where: what messages call it.

    Yields:
        Its root group, valid until the block ends.

    Raises:
        FileFormatError: it is not an HDF5 file, or damaged.

    Example:
        >>> import io
        >>> file = io.BytesIO()
        >>> with create_hdf5(file) as root:
        ...     write_array(root.create_group("dense"), "kernel", np.ones((2, 3), np.float32))
        >>> with open_hdf5(file, "my file") as root:
        ...     root.names(), root.array("dense/kernel").shape, root.array("dense/kernel").read((2, 3)).sum().item()
        (['dense'], (2, 3), 6.0)
    """
    with contextlib.ExitStack() as opened:
        with _damage(where):
            file = opened.enter_context(open(source, "rb", buffering=0)) if isinstance(source, Path) else source
            window = file if isinstance(file, Window) else Window(file, 0, file.seek(0, os.SEEK_END))
            check_numbers(window, where)
            stored = opened.enter_context(_h5py().File(window, "r", locking=False))
            root = StoredGroup(stored["/"].id, where, "", _Source(window, stored))
        yield root


@contextlib.contextmanager
def create_hdf5(target: Path | RawFile) -> Iterator[H5Group]:
    """Create a file; yields its root, as h5py has it.

    Args:
        target: a path, or an empty binary file, seekable and unbuffered, open for reading and writing.
    """
    with contextlib.ExitStack() as opened:
        file = opened.enter_context(open(target, "w+b", buffering=0)) if isinstance(target, Path) else target
        window = file if isinstance(file, Window) else Window(file, 0)
        yield opened.enter_context(_h5py().File(window, "w"))


def write_array(group: H5Group, name: str, value: object) -> None:
    """Write a NumPy or JAX array as Keras does; bfloat16, which HDF5 does not know, as two bytes with its name beside them.

    Where the file is thrown away anyway, nothing of the array is written.
    """
    array = np.asarray(value)
    stored = group.create_dataset(name, data=array[:0].ravel() if is_discarding() and array.ndim else array)
    if array.dtype == jnp.bfloat16:
        stored.attrs["dtype"] = "bfloat16"


def write_names(group: H5Group, name: str, values: Sequence[str]) -> None:
    """Write a list of names as an attribute, or as `name0`, `name1`, ... if it is too long for one."""
    encoded = [value.encode() for value in values]
    width = max(map(len, encoded), default=1)
    if width > _SPLIT_AT:
        raise ValueError(f"HDF5 holds names of up to {_SPLIT_AT} bytes. Received one of {width}: {values[0][:40]}...")
    rows = _SPLIT_AT // width
    if len(encoded) <= rows:
        group.attrs[name] = np.array(encoded) if encoded else np.zeros((0,))
        return
    for part, start in enumerate(range(0, len(encoded), rows)):
        group.attrs[f"{name}{part}"] = np.array(encoded[start : start + rows])


class _Source:
    """The bytes of an opened file, for what HDF5 does not tell."""

    def __init__(self, window: Window, opened: Any):
        self._window, self.verify = window, window.verify
        self.size = int(opened.id.get_filesize())
        self._start = int(opened.id.get_create_plist().get_userblock())
        # HDF5 counts from the end of a user block. Models have none; a file with one is read by HDF5 alone.
        self.byte_range = None if self._start else window.byte_range

    def read(self, offset: int, count: int) -> bytes:
        """Bytes at an address of HDF5's."""
        self._window.seek(self._start + offset)
        return self._window.read(count) or b""


class StoredGroup:
    """A group of an opened file.

    Args:
        handle: h5py's low-level group.
        where: the file, for messages.
        path: the group's place in it.
        source: the bytes of the file.
    """

    def __init__(self, handle: Any, where: str, path: str, source: _Source):
        self._handle, self.where, self.path, self._source = handle, where, path, source

    @property
    def address(self) -> Hashable:
        """Where the group lies in the file; the same for two paths to one group."""
        address: int = _h5py().h5o.get_info(self._handle).addr
        return address

    def names(self) -> list[str]:
        """Names of the members; none is opened."""
        with _damage(self._place("")):
            if self._handle.get_num_objs() > _MAX_MEMBERS:
                raise UnsafeFileError(f"{self._place('')}: has more than {_MAX_MEMBERS} members.")
            return [name.decode("utf-8", "surrogateescape") for name in self._handle]

    def verify(self) -> None:
        """Raise FileFormatError if the file is known to be damaged; ask before you use what was read."""
        self._source.verify()

    def group(self, name: str) -> StoredGroup | None:
        """The group of a name, which may be a path; None if there is none.

        Raises:
            FileFormatError: the path crosses a link, or leads to something else.
        """
        found = self._member(name, _h5py().h5g.GroupID, "a group")
        return None if found is None else StoredGroup(found, self.where, self._inside(name), self._source)

    def is_group(self, name: str) -> bool:
        """Whether there is a group of this name, which may be a path.

        Raises:
            FileFormatError: the path crosses a link.
        """
        return isinstance(self._find(name), _h5py().h5g.GroupID)

    def array(self, name: str) -> StoredArray | None:
        """The array of a name, which may be a path; None if there is none. Its numbers stay in the file.

        Raises:
            FileFormatError: the path crosses a link or leads to something else, or the array is not a plain one.
        """
        found = self._member(name, _h5py().h5d.DatasetID, "an array")
        with _damage(self._place(name)):
            return None if found is None else HDF5Array(found, self.where, self._inside(name), self._source)

    def has_attribute(self, name: str) -> bool:
        """Whether there is an attribute of this name, whole or split."""
        with _damage(f"{self._place('')}: attribute {name!r}"):
            return any(_h5py().h5a.exists(self._handle, part.encode()) for part in (name, f"{name}0"))

    def attribute(self, name: str, default: object = None) -> Any:
        """An attribute: text, a number, or a list of them; the parts `name0`, `name1`, ... of a split one are joined.

        Raises:
            FileFormatError: it is too large, or of a type that no attribute of a model has.
        """
        with _damage(f"{self._place('')}: attribute {name!r}"):
            h5a = _h5py().h5a
            if h5a.exists(self._handle, name.encode()):
                return self._attribute(name)
            parts: list[object] = []
            count = 0
            while h5a.exists(self._handle, f"{name}{count}".encode()):
                part = self._attribute(f"{name}{count}")
                parts += part if isinstance(part, list) else [part]
                count += 1
            return parts if count else default

    def _attribute(self, name: str) -> Any:
        h5py, place = _h5py(), f"{self._place('')}: attribute {name!r}"
        found = h5py.h5a.open(self._handle, name.encode())
        kind, shape = found.get_type(), found.shape
        if shape is None or len(shape) > 1:
            raise FileFormatError(f"{place}: is neither a value nor a list.")
        if kind.get_class() not in (h5py.h5t.STRING, h5py.h5t.INTEGER, h5py.h5t.FLOAT, h5py.h5t.ENUM):
            raise UnsafeFileError(f"{place}: is neither text nor a number.")
        size: int | None = math.prod(shape) * kind.get_size()
        if kind.get_class() == h5py.h5t.STRING and kind.is_variable_str():
            address = h5py.h5o.get_info(self._handle).addr
            size = check_texts(self._source.read, address, name, math.prod(shape), place)
        if size is None or size > _ATTRIBUTE_BYTES:
            raise UnsafeFileError(f"{place}: is larger than an attribute of a model may be.")
        owner = (h5py.Dataset if isinstance(self._handle, h5py.h5d.DatasetID) else h5py.Group)(self._handle)
        return _plain(owner.attrs[name])

    def _member(self, name: str, kind: type, what: str) -> Any:
        found = self._find(name)
        if found is not None and not isinstance(found, kind):
            raise FileFormatError(f"{self._place(name)}: is not {what}.")
        return found

    def _find(self, name: str) -> Any:
        h5py, current = _h5py(), self._handle
        for i, part in enumerate(parts := name.split("/")):
            place = self._place("/".join(parts[: i + 1]))
            if part in ("", ".", "..") or "\0" in part:
                raise FileFormatError(f"{place}: {part!r} is not the name of a group or an array.")
            with _damage(place):
                if not isinstance(current, h5py.h5g.GroupID):
                    raise FileFormatError(f"{self._place('/'.join(parts[:i]))}: is not a group.")
                encoded = part.encode("utf-8", "surrogateescape")
                if not current.links.exists(encoded):
                    return None
                if current.links.get_info(encoded).type != h5py.h5l.TYPE_HARD:
                    raise UnsafeFileError(f"{place}: is a link to another place or file. Models hold none.")
                current = h5py.h5o.open(current, encoded)
        return current

    def _inside(self, name: str) -> str:
        return f"{self.path}/{name}".strip("/")

    def _place(self, name: str) -> str:
        inside = self._inside(name)
        return f"{self.where}: {inside}" if inside else self.where


class MergedGroup:
    """A group that is spread over several files.

    Args:
        groups: its parts.

    Attributes:
        where: the first file.
        path: the group's place in the files.
    """

    def __init__(self, groups: Sequence[StoredGroup]):
        self._groups = list(groups)
        self.where, self.path = (groups[0].where, groups[0].path) if groups else ("", "")

    def verify(self) -> None:
        """Raise FileFormatError if a part is known to be damaged."""
        for group in self._groups:
            group.verify()

    def names(self) -> list[str]:
        """Names of what is in any of the parts."""
        return list(dict.fromkeys(name for group in self._groups for name in group.names()))

    @property
    def address(self) -> Hashable:
        """Where its parts lie."""
        return tuple(group.address for group in self._groups)

    def is_group(self, name: str) -> bool:
        """Whether there is a group of this name in any of the parts."""
        return any(group.is_group(name) for group in self._groups)

    def group(self, name: str) -> MergedGroup | None:
        """The group of a name, or None."""
        found = [below for group in self._groups if (below := group.group(name)) is not None]
        return MergedGroup(found) if found else None

    def array(self, name: str) -> StoredArray | None:
        """The array of a name, or None."""
        return next((array for group in self._groups if (array := group.array(name)) is not None), None)

    def attribute(self, name: str, default: object = None) -> Any:
        """An attribute of the first part that has it."""
        return next((value for group in self._groups if (value := group.attribute(name)) is not None), default)


Group = StoredGroup | MergedGroup


class HDF5Array(StoredArray):
    """An array in an opened HDF5 file.

    Args:
        handle: h5py's low-level dataset.
        where: the file, for messages.
        path: the array's place in it.
        source: the bytes of the file.

    Raises:
        FileFormatError: it is not a plain array of numbers.
        UnsafeFileError: it lives elsewhere, needs a plugin, or claims more than is there.
    """

    def __init__(self, handle: Any, where: str, path: str, source: _Source):
        self._handle, self._source, self.place = handle, source, f"{where}: {path}"
        self.where, self.path = where, path
        properties = handle.get_create_plist()
        self._check_storage(properties)
        super().__init__(where, path, self._numbers(), self._sizes(), source.size)
        self.stored_bytes = int(handle.get_storage_size())
        self._check_size(properties)

    @property
    def direct(self) -> bool:
        return self._offset is not None

    def fill(self, found: np.ndarray) -> np.ndarray:
        if not found.size:
            return found
        with _damage(self.place):
            if self._offset is None or self._source.byte_range is None:
                self._handle.read(_h5py().h5s.ALL, _h5py().h5s.ALL, found)
            elif self._source.byte_range.read_into(self._offset, found.reshape(-1).view(np.uint8)) != self.bytes:
                raise FileFormatError(f"{self.place}: is cut off: the file ends before its numbers do.")
        return found

    def _check_storage(self, properties: Any) -> None:
        h5d = _h5py().h5d
        if properties.get_layout() not in (h5d.COMPACT, h5d.CONTIGUOUS, h5d.CHUNKED):
            raise UnsafeFileError(f"{self.place}: is a virtual array, made of arrays of other files. Models hold none.")
        if properties.get_layout() == h5d.CONTIGUOUS and properties.get_external_count():
            raise UnsafeFileError(f"{self.place}: is an array whose numbers are in another file. Models hold none.")
        for i in range(properties.get_nfilters()):
            code = properties.get_filter(i)[0]
            if code not in _FILTERS:
                raise UnsafeFileError(
                    f"{self.place}: is packed with filter {code}, which needs a plugin. Known: {', '.join(_FILTERS.values())}."
                )

    def _numbers(self) -> np.dtype:
        h5t, kind = _h5py().h5t, self._handle.get_type()
        name = self._name_of_type()
        if kind.get_class() == h5t.OPAQUE and kind.get_size() == 2 and name in (None, "bfloat16"):
            return np.dtype("V2")  # how Keras stores bfloat16, with or without its name
        if name == "bfloat16":
            raise FileFormatError(f"{self.place}: is called bfloat16, and its type in the file is another one.")
        if kind.get_class() not in (h5t.INTEGER, h5t.FLOAT, h5t.ENUM):
            raise UnsafeFileError(f"{self.place}: does not hold real numbers; its type is of HDF5 class {kind.get_class()}.")
        found = kind.dtype
        if kind.get_class() == h5t.ENUM and found.kind != "b":  # HDF5 stores booleans as two names
            raise UnsafeFileError(f"{self.place}: holds numbers that stand for names (an enumeration). Weights have none.")
        if found.kind not in "fiub" or found.itemsize > 8:
            raise FileFormatError(f"{self.place}: holds {found}, which no weight is of.")
        return found.newbyteorder("=")

    def _name_of_type(self) -> str | None:
        """What its attribute `dtype` says; None if there is none, or it cannot be the name of a type."""
        h5py, found = _h5py(), None
        if h5py.h5a.exists(self._handle, b"dtype"):
            found = h5py.h5a.open(self._handle, b"dtype")
        if found is None or found.get_type().get_class() != h5py.h5t.STRING or found.shape != ():
            return None
        return StoredGroup(self._handle, self.where, self.path, self._source).attribute("dtype")

    def _sizes(self) -> tuple[int, ...]:
        space = self._handle.get_space()
        if space.get_simple_extent_type() not in (_h5py().h5s.SIMPLE, _h5py().h5s.SCALAR):
            raise FileFormatError(f"{self.place}: is empty, without a shape.")
        shape = tuple(int(n) for n in space.get_simple_extent_dims())
        if len(shape) > MAX_RANK or any(n < 0 for n in shape):
            raise UnsafeFileError(f"{self.place}: has the shape {shape}.")
        return shape

    @functools.cached_property
    def _offset(self) -> int | None:
        """Where its bytes begin, if they are the numbers exactly as they are wanted, whole and within the file; else None."""
        h5t, whole, properties = _h5py().h5t, self._source.byte_range, self._handle.get_create_plist()
        if whole is None or properties.get_layout() != _h5py().h5d.CONTIGUOUS or properties.get_nfilters():
            return None
        kind = self._handle.get_type()
        if kind.get_class() != h5t.OPAQUE and not kind.equal(h5t.py_create(self._type)):
            return None  # the other byte order
        with _damage(self.place):
            offset = self._handle.get_offset()
        if offset is None or self.stored_bytes != self.bytes or not 0 < offset <= whole.size - self.bytes:
            return None
        return int(offset)

    def _check_size(self, properties: Any) -> None:
        if self.stored_bytes > self.file_bytes:
            raise FileFormatError(f"{self.place}: claims {self.stored_bytes} bytes of a file of {self.file_bytes}.")
        if self.bytes and not self.stored_bytes:
            raise FileFormatError(f"{self.place}: has the shape {self.shape}, but its numbers were never written.")
        if self.bytes > _FLOOR and self.bytes > _MOST_PACKED * self.stored_bytes:
            raise UnsafeFileError(f"{self.place}: {self.stored_bytes} bytes claim to be {self.bytes} bytes of numbers.")
        if properties.get_layout() == _h5py().h5d.CHUNKED:
            chunk = math.prod(properties.get_chunk()) * self._type.itemsize
            if chunk > max(_CHUNK_BYTES, self.bytes):
                raise UnsafeFileError(f"{self.place}: is stored in pieces of {chunk} bytes, but has {self.bytes}.")


def _plain(value: object) -> Any:
    """Bytes as text, numbers as Python's, arrays as lists."""
    if isinstance(value, np.ndarray):
        return [_plain(item) for item in value]
    if isinstance(value, bytes):
        return value.decode("utf-8")
    return value.item() if isinstance(value, np.generic) else value


@contextlib.contextmanager
def _damage(place: str) -> Iterator[None]:
    """Turn what h5py raises on damaged files into FileFormatError."""
    try:
        yield
    except (FileFormatError, FileNotFoundError, PermissionError, IsADirectoryError):
        raise
    except _FAILURES as error:
        raise FileFormatError(f"{place}: cannot be read as HDF5; the file is damaged or cut short. ({error})") from error

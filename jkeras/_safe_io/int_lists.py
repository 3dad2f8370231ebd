"""The safe reader for arrays of lists of integers, as NumPy saves them: of a pickle, only what such an array needs.

NumPy saves an array of Python lists as a pickle: a program for a stack machine, which may call anything that can be imported.
The machine here knows 26 instructions, those in which integers, lists, tuples and short texts are written. A name in the program
is one of five, and becomes a mark; a call becomes a mark too. So nothing is imported and nothing is called, and what is left is
the list that the program gives to its array.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NamedTuple

from jkeras._base.errors import FileFormatError, UnsafeFileError

MAX_BYTES = 64 << 20  # IMDB's reviews have 2e7
MAX_TEXT = 255  # bytes; the longest name has 27
MAX_GROUPS = 100  # open at the same time; arrays have 4
MAX_OBJECTS = 1_000_000  # instructions that are no integer; IMDB has 1.3e5
_HEADER = re.compile(
    rb"\x93NUMPY(?:\x01.{3}|[\x02\x03].{5}){'descr': '\|O', 'fortran_order': False, 'shape': \((\d{1,9}),\), } *\n", re.DOTALL
)
_NAMES = {
    "numpy.core.multiarray _reconstruct", "numpy._core.multiarray _reconstruct", "numpy ndarray", "numpy dtype", "_codecs encode",
}  # fmt: skip


class _Name(NamedTuple):
    """A name in the program."""

    full: str


class _Made:
    """What a call in the program stands for.

    Attributes:
        by: the name that is called.
        state: what the program puts into it.
    """

    def __init__(self, by: str):
        self.by = by
        self.state: object = None


def read_int_lists(data: bytes, where: str) -> list[list[int]]:
    """The lists of integers in an .npy file.

    Args:
        data: the whole file.
        where: what messages call it.

    Raises:
        UnsafeFileError: it does anything but make such lists, or is larger than any data set.
        FileFormatError: it is damaged, or holds something else.

    Example:
        >>> import io
        >>> import numpy as np
        >>> lists = np.empty(2, object)
        >>> lists[:] = [1, 2, 300], []
        >>> file = io.BytesIO()
        >>> np.save(file, lists, allow_pickle=True)
        >>> read_int_lists(file.getvalue(), "reviews.npy")
        [[1, 2, 300], []]
    """
    if len(data) > MAX_BYTES:
        raise UnsafeFileError(f"{where}: {len(data):,} bytes; no more than {MAX_BYTES:,} are read.")
    header = _HEADER.match(data)
    if header is None:
        raise FileFormatError(f"{where}: is not an array of lists as NumPy saves them.")
    try:
        lists = _contents(_Machine(data, header.end(), where).run(), where)
    except FileFormatError:
        raise
    except (ValueError, IndexError, KeyError, TypeError, EOFError, RecursionError) as error:
        raise FileFormatError(f"{where}: is damaged: {error!r}") from error
    if len(lists) != int(header[1]):
        raise FileFormatError(f"{where}: announces {int(header[1])} lists, and holds {len(lists)}.")
    return lists


def _contents(result: object, where: str) -> list[list[int]]:
    """The lists in the state of an array: `(version, shape, dtype, order, contents)`."""
    state = result.state if isinstance(result, _Made) and result.by.endswith("_reconstruct") else None
    lists = state[-1] if isinstance(state, tuple) and len(state) == 5 else None
    if not isinstance(lists, list):
        raise FileFormatError(f"{where}: holds no array of lists.")
    total = 0
    for one in lists:
        total += len(one) if isinstance(one, list) else MAX_BYTES + 1
        if total > MAX_BYTES or not all(type(value) is int for value in one):
            raise FileFormatError(f"{where}: holds something else than lists of integers.")
    return lists


class _Machine:
    """Runs a program: `stack` is the innermost open group of values, `groups` the ones around it."""

    def __init__(self, data: bytes, start: int, where: str):
        self.data, self.at, self.where = data, start, where
        self.stack: list[Any] = []
        self.groups: list[list[Any]] = []
        self.memo: dict[int, Any] = {}

    def run(self) -> object:
        """The value that the program ends with."""
        others = 0
        while True:
            self._integers()
            code = self.number(1)
            if code == 0x2E:  # the end
                (result,) = self.stack
                return result
            others += 1
            known = _INSTRUCTIONS.get(code)
            if known is None or others > MAX_OBJECTS:
                what = f"the instruction {bytes([code])!r}" if known is None else f"more than {MAX_OBJECTS:,} objects"
                raise UnsafeFileError(f"{self.where}: its pickle has {what}, which an array of lists of integers has not.")
            known(self)

    def _integers(self) -> None:
        """Push the integers that follow. There are millions, so this is a loop over local names."""
        data, at, push = self.data, self.at, self.stack.append
        while True:
            code = data[at]
            if code == 0x4D:  # M: of two bytes
                push(data[at + 1] | data[at + 2] << 8)
                at += 3
            elif code == 0x4B:  # K: of one
                push(data[at + 1])
                at += 2
            elif code == 0x4A:  # J: of four, with a sign
                push(int.from_bytes(data[at + 1 : at + 5], "little", signed=True))
                at += 5
            else:
                self.at = at
                return

    def take(self, size: int) -> bytes:
        """The next bytes of the program."""
        found = self.data[self.at : self.at + size]
        if len(found) < size:
            raise EOFError("it is cut off")
        self.at += size
        return found

    def number(self, size: int) -> int:
        """The next bytes as a number."""
        return int.from_bytes(self.take(size), "little")

    def text(self, size: int) -> str:
        """A text, after its length.

        Args:
            size: bytes of the length.
        """
        length = self.number(size)
        if length > MAX_TEXT:
            raise UnsafeFileError(f"{self.where}: its pickle has a text of {length:,} bytes; no more than {MAX_TEXT} are read.")
        return self.take(length).decode()

    def line(self) -> str:
        """The text up to the end of the line."""
        end = self.data.index(b"\n", self.at, self.at + 100)
        return self.take(end + 1 - self.at)[:-1].decode()

    def close(self) -> list[Any]:
        """The values of the innermost group, which ends here."""
        values, self.stack = self.stack, self.groups.pop()
        return values

    def name(self, module: object, name: object) -> None:
        """A name, if it is one of those of arrays."""
        if not isinstance(module, str) or not isinstance(name, str):  # tuples of tuples would become texts without end
            raise UnsafeFileError(f"{self.where}: its pickle names something by a value that is not a text.")
        full = f"{module} {name}"
        if full not in _NAMES:
            raise UnsafeFileError(f"{self.where}: its pickle names {full[:80]!r}, which an array of lists of integers does not.")
        self.stack.append(_Name(full))

    def name_of_stack(self) -> None:
        """A name whose two parts are on the stack."""
        name, module = self.stack.pop(), self.stack.pop()
        self.name(module, name)

    def call(self) -> None:
        """What stands for a call."""
        arguments, function = self.stack.pop(), self.stack.pop()
        if not isinstance(function, _Name) or not isinstance(arguments, tuple):
            raise UnsafeFileError(f"{self.where}: its pickle calls something that is not a name.")
        if function.full != "_codecs encode":
            self.stack.append(_Made(function.full))
        elif [type(argument) for argument in arguments] == [str, str]:
            self.stack.append(arguments[0].encode("latin-1"))
        else:
            raise UnsafeFileError(f"{self.where}: its pickle encodes something that is not a text.")

    def put_in(self) -> None:
        """Put a state into what a call stands for."""
        state, made = self.stack.pop(), self.stack[-1]
        if not isinstance(made, _Made):
            raise UnsafeFileError(f"{self.where}: its pickle changes something that is not an array.")
        made.state = state

    def extend(self, values: list[Any]) -> None:
        """Put values at the end of a list."""
        if not isinstance(self.stack[-1], list):
            raise UnsafeFileError(f"{self.where}: its pickle appends to something that is not a list.")
        self.stack[-1].extend(values)

    def group(self, size: int) -> None:
        """A tuple of the last values."""
        if len(self.stack) < size:
            raise EOFError("a tuple lacks values")
        values = tuple(self.stack[len(self.stack) - size :])
        del self.stack[len(self.stack) - size :]
        self.stack.append(values)

    def open(self) -> None:
        """Begin a group."""
        if len(self.groups) == MAX_GROUPS:
            raise UnsafeFileError(f"{self.where}: its pickle opens more than {MAX_GROUPS} groups inside each other.")
        self.groups.append(self.stack)
        self.stack = []

    def long(self) -> None:
        """An integer of up to eight bytes."""
        size = self.number(1)
        if size > 8:
            raise UnsafeFileError(f"{self.where}: its pickle has an integer of {size} bytes.")
        self.stack.append(int.from_bytes(self.take(size), "little", signed=True))


def _pushing(read: Callable[[_Machine], Any]) -> Callable[[_Machine], None]:
    def push(machine: _Machine) -> None:
        value = read(machine)  # first: it may close a group
        machine.stack.append(value)

    return push


def _remembering(size: int) -> Callable[[_Machine], None]:
    return lambda machine: machine.memo.__setitem__(machine.number(size), machine.stack[-1])


_INSTRUCTIONS: dict[int, Callable[[_Machine], object]] = {
    0x80: lambda machine: machine.take(1),  # the version
    0x95: lambda machine: machine.take(8),  # the length of a part
    ord("("): _Machine.open,
    ord("]"): _pushing(lambda machine: []),
    ord("a"): lambda machine: machine.extend([machine.stack.pop()]),
    ord("e"): lambda machine: machine.extend(machine.close()),
    ord(")"): _pushing(lambda machine: ()),
    ord("t"): _pushing(lambda machine: tuple(machine.close())),
    0x85: lambda machine: machine.group(1),
    0x86: lambda machine: machine.group(2),
    0x87: lambda machine: machine.group(3),
    ord("N"): _pushing(lambda machine: None),
    0x88: _pushing(lambda machine: True),
    0x89: _pushing(lambda machine: False),
    0x8A: _Machine.long,
    ord("U"): _pushing(lambda machine: machine.take(machine.number(1)).decode("latin-1")),
    ord("C"): _pushing(lambda machine: machine.take(machine.number(1))),
    0x8C: _pushing(lambda machine: machine.text(1)),
    ord("X"): _pushing(lambda machine: machine.text(4)),
    ord("q"): _remembering(1),
    ord("r"): _remembering(4),
    0x94: lambda machine: machine.memo.__setitem__(len(machine.memo), machine.stack[-1]),
    ord("h"): _pushing(lambda machine: machine.memo[machine.number(1)]),
    ord("j"): _pushing(lambda machine: machine.memo[machine.number(4)]),
    ord("c"): lambda machine: machine.name(machine.line(), machine.line()),
    0x93: _Machine.name_of_stack,
    ord("R"): _Machine.call,
    ord("b"): _Machine.put_in,
}

"""Processes that work as one, as `jax.distributed` joins them: which one this is, and what they must agree on.

Each runs the same script. What a program is given must be equal in all, and they must run the same programs in the same order;
so whatever could differ, such as measured times, is taken from process 0. Every process must make the calls of this file that
exchange something: all but `several`, `is_first`, `began` and `waiting`. A failure in a `together` block passes through all of
them, so one that fails does not leave the others at another point of the work.

Numbers travel over the link that `distribution.initialize` sets up. Where one called `jax.distributed.initialize` itself,
they travel as sums over the devices.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any, Protocol

import jax
import numpy as np


class Link(Protocol):
    """What connects processes besides JAX."""

    def began(self) -> None:
        """Something begins that none ends alone."""

    def waits(self, begins: bool) -> None:
        """This process begins to wait for its devices, or has its results."""

    def of_all(self, what: str, value: int) -> list[tuple[str, int]]:
        """What all say, in their order, and their numbers."""


class FailedElsewhereError(RuntimeError):
    """Another process failed in a block that all leave together."""

    def __init__(self, what: str):
        super().__init__(f"Another process failed in {what}; its message says why.")


_APART = """The processes are at different points of the work:
{lines}
Each must run the same script with the same arguments, and data that yield batches must yield the same number in each."""
_FAILURE = "a failure"  # what a process says that has failed, whatever the others ask for
_links: list[Link] = []  # none, or one


def use_link(link: Link) -> None:
    """Exchange numbers over a link from now on."""
    _links[:] = [link]


def several() -> bool:
    """Whether there are several processes."""
    return jax.distributed.is_initialized() and jax.process_count() > 1


def is_first() -> bool:
    """Whether this one prints and writes."""
    return not several() or jax.process_index() == 0


def began() -> None:
    """Note that something begins which all processes do together: who does not come is missed."""
    for link in _links:
        link.began()


@contextlib.contextmanager
def waiting() -> Iterator[None]:
    """A block that waits for the devices: where all processes do so for long, something is stuck."""
    for link in _links:
        link.waits(True)
    try:
        yield
    finally:
        for link in _links:
            link.waits(False)


def of_first(number: int, what: str = "a number of process 0") -> int:
    """Process 0's number."""
    return _of_all(number, what)[0] if several() else number


def text_of_first(text: str) -> str:
    """Process 0's text, of at most 255 bytes."""
    if not several():
        return text
    from jax.experimental import multihost_utils  # only several processes load it

    room = np.zeros(256, np.uint8)
    written = np.frombuffer(text.encode(), np.uint8)
    room[: len(written)] = written
    return bytes(np.asarray(multihost_utils.broadcast_one_to_all(room), np.uint8)).rstrip(b"\0").decode()


def of_any(flag: bool, what: str = "a flag") -> bool:
    """Whether a flag is set in one of the processes."""
    return any(_of_all(int(flag), what)) if several() else flag


def check_same(what: str, number: int) -> None:
    """Check that a number is the same in all processes.

    Raises:
        ValueError: it is not.
    """
    if several() and len(set(found := _of_all(number, what))) > 1:
        raise ValueError(
            f"The processes have different {what}: {found}. Each must run the same script with the same arguments; for draws, "
            "call jkeras.utils.set_random_seed with one number in all of them."
        )


@contextlib.contextmanager
def together(what: str) -> Iterator[None]:
    """A block that all processes leave together, in which one of them may fail.

    Args:
        what: was done in it.

    Raises:
        FailedElsewhereError: it failed in another process.
    """
    try:
        yield
    except FailedElsewhereError:
        raise FailedElsewhereError(what) from None
    except BaseException:
        with contextlib.suppress(FailedElsewhereError):
            of_any(True, _FAILURE)
        raise
    go_on(what)


def go_on(what: str) -> None:
    """A point of such a block which all processes reach, unless one has failed.

    Args:
        what: comes then.

    Raises:
        FailedElsewhereError: one has.
    """
    if of_any(False, what):
        raise FailedElsewhereError(what)


def _of_all(number: int, what: str) -> list[int]:
    for link in _links:
        said = link.of_all(what, number)
        if any(asked == _FAILURE for asked, _ in said):
            raise FailedElsewhereError(what)
        if any(asked != what for asked, _ in said):
            raise RuntimeError(_APART.format(lines="\n".join(f"    process {n}: {asked}" for n, (asked, _) in enumerate(said))))
        return [value for _, value in said]
    from jax.experimental import multihost_utils

    found: Any = multihost_utils.process_allgather(np.int32(number))
    return [int(value) for value in np.ravel(found)]

"""Processes that work as one, as `jax.distributed` joins them: which one this is, and what they must agree on.

Each runs the same script. What a program is given must be equal in all, and they must run the same programs in the same order;
so whatever could differ, such as measured times, is taken from process 0. Every process must make the calls of this file that
exchange something: all but `several` and `is_first`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import jax
import numpy as np


def several() -> bool:
    """Whether there are several processes."""
    return jax.distributed.is_initialized() and jax.process_count() > 1


def is_first() -> bool:
    """Whether this one prints and writes."""
    return not several() or jax.process_index() == 0


def of_first(number: int) -> int:
    """Process 0's number."""
    if not several():
        return number
    return int(_exchange().broadcast_one_to_all(np.int32(number)))


def text_of_first(text: str) -> str:
    """Process 0's text, of at most 255 bytes."""
    if not several():
        return text
    room = np.zeros(256, np.uint8)
    written = np.frombuffer(text.encode(), np.uint8)
    room[: len(written)] = written
    return bytes(np.asarray(_exchange().broadcast_one_to_all(room), np.uint8)).rstrip(b"\0").decode()


def of_any(flag: bool) -> bool:
    """Whether a flag is set in one of the processes."""
    return bool(_of_all(int(flag)).any()) if several() else flag


def check_same(what: str, number: int) -> None:
    """Check that a number is the same in all processes.

    Raises:
        ValueError: it is not.
    """
    if several() and len(set(found := _of_all(number).ravel().tolist())) > 1:
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
        RuntimeError: it failed in another process.
    """
    try:
        yield
    except BaseException:
        of_any(True)
        raise
    if of_any(False):
        raise RuntimeError(f"Another process failed in {what}; its message says why.")


def _exchange() -> Any:
    """JAX's tools for that, which only several processes load."""
    from jax.experimental import multihost_utils

    return multihost_utils


def _of_all(number: int) -> np.ndarray:
    return np.asarray(_exchange().process_allgather(np.int32(number)))

"""What functions of `tf` use where nothing else is passed: the writer of summaries, the strategy, the generator, the session.

A block, such as `with writer.as_default()`, changes them for its thread and until it ends, as in TensorFlow. Generator and
session belong to the process.
"""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import TYPE_CHECKING

from jkeras._base.context import holding

if TYPE_CHECKING:
    from jkeras.compat.standin.distribution import Strategy
    from jkeras.compat.standin.generators import Generator
    from jkeras.compat.standin.summaries import SummaryWriter
    from jkeras.compat.standin.version_one import Session


class Defaults:
    """The current defaults.

    Attributes:
        writer: of summaries.
        strategies: those whose blocks are around, the innermost one last.
        generator, session: as they were set.
    """

    writer: SummaryWriter | None = None
    strategies: tuple[Strategy, ...] = ()
    generator: Generator | None = None
    session: Session | None = None


process = Defaults()  # outside of all blocks
_current: ContextVar[Defaults] = ContextVar("jkeras_tensorflow_defaults", default=process)
current: Callable[[], Defaults] = _current.get


@contextlib.contextmanager
def within(**changes: object) -> Iterator[None]:
    """A block with other defaults.

    Args:
        changes: attributes of `Defaults`.
    """
    inner = copy.copy(current())
    vars(inner).update(changes)
    with holding(_current, inner):
        yield

"""One line to the user: on standard output, or to the `jkeras` log if interactive logging is off.

jkeras.utils.disable_interactive_logging()
logging.basicConfig(level="INFO", format="%(asctime)s %(name)s %(message)s")
model.fit(x, y, verbose=2)        # 2026-01-31 12:00:00,000 jkeras 210/210 - 0s - loss: 0.6635
"""

from __future__ import annotations

import logging
import sys

from jkeras._base.config import settings
from jkeras._base.processes import is_first
from jkeras._base.registry import export


@export("keras.utils.enable_interactive_logging", "keras.config.enable_interactive_logging")
def enable_interactive_logging() -> None:
    """Write progress and the callbacks' messages to standard output, which is the default.

    Example:
        >>> enable_interactive_logging()
        >>> is_interactive_logging_enabled()
        True
    """
    settings.interactive_logging = True


@export("keras.utils.disable_interactive_logging", "keras.config.disable_interactive_logging")
def disable_interactive_logging() -> None:
    """Send progress and the callbacks' messages to the log `jkeras`, at level INFO and in whole lines.

    Example:
        >>> disable_interactive_logging()
        >>> is_interactive_logging_enabled()
        False
        >>> enable_interactive_logging()
    """
    settings.interactive_logging = False


@export("keras.utils.is_interactive_logging_enabled", "keras.config.is_interactive_logging_enabled")
def is_interactive_logging_enabled() -> bool:
    """Whether progress and messages go to standard output rather than to the log."""
    return settings.interactive_logging


def say(text: str, end: str = "\n") -> None:
    """Write a message to the chosen place; `sys.stdout` is looked up at each call, so that it can be redirected.

    Of several processes that work as one, the first speaks.
    """
    if not is_first():
        return
    if settings.interactive_logging:
        sys.stdout.write(text + end)
        sys.stdout.flush()
    elif text.strip():
        logging.getLogger("jkeras").info(text.strip())


def can_write_over() -> bool:
    """Whether a line can be overwritten: on a terminal and in a notebook, but not in a file, a pipe or a log."""
    stream = sys.stdout
    live = type(stream).__module__.startswith("ipykernel") or bool(getattr(stream, "isatty", lambda: False)())
    return live and settings.interactive_logging

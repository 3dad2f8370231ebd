"""One line to the user: on standard output, or to the `jkeras` log where interactive logging is off."""

from __future__ import annotations

import logging
import sys

from jkeras._base.config import settings


def say(text: str, end: str = "\n") -> None:
    """Write a message where the user wants it; `sys.stdout` is looked up at each call, so that it can be redirected."""
    if settings.interactive_logging:
        sys.stdout.write(text + end)
        sys.stdout.flush()
    elif text.strip():
        logging.getLogger("jkeras").info(text.strip())

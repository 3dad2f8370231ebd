"""`tf.logging` of TensorFlow 1: levels and messages of the log `tensorflow`."""

from __future__ import annotations

import logging

from jkeras._base.types import Tree

_OFFERED = "DEBUG ERROR FATAL INFO WARN debug error fatal get_verbosity info set_verbosity warn warning"
__all__ = _OFFERED.split()

DEBUG, INFO, WARN, ERROR, FATAL = logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR, logging.FATAL

_log = logging.getLogger("tensorflow")
debug, info, warning, error, fatal = _log.debug, _log.info, _log.warning, _log.error, _log.fatal
warn = warning


def set_verbosity(v: Tree) -> None:
    """Set the lowest level that the logs `tensorflow` and `jkeras` show.

    Example:
        >>> set_verbosity(ERROR)
        >>> get_verbosity() == ERROR
        True
    """
    _log.setLevel(v)
    logging.getLogger("jkeras").setLevel(v)


def get_verbosity() -> int:
    """The lowest level that is shown."""
    return _log.getEffectiveLevel()

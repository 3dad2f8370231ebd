"""`tf.data.Options`: settings of TensorFlow's runtime, which scripts make and which have no effect here."""

from __future__ import annotations

from typing import Any

__all__ = ["Options"]


class _Settings:
    """Attributes of any name; each is settings too, until it is set."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        value = _Settings()
        vars(self)[name] = value
        return value


class Options(_Settings):
    """Threads, automatic sharding and optimizations of a pipeline. They can be set and read, and change nothing.

    Example:
        >>> options = Options()
        >>> options.experimental_optimization.map_parallelization = True
        >>> options.deterministic = False
        >>> options.merge(Options()).deterministic
        False
    """

    def merge(self, options: Options) -> Options:
        """These options, overridden by others."""
        both = Options()
        vars(both).update({**vars(self), **vars(options)})
        return both

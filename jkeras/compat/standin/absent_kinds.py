"""Kinds of tensors that do not exist here, for code that asks `isinstance(x, tf.RaggedTensor)`: nothing is one.

Making one is an error that says what to write.
"""

from __future__ import annotations

from typing import NoReturn

from jkeras.compat.hints import hint_for

__all__ = ["IndexedSlices", "RaggedTensor", "SparseTensor"]


class _Absent:
    def __init__(self, *args: object, **kwargs: object):
        raise self._error()

    @classmethod
    def _error(cls) -> NotImplementedError:
        return NotImplementedError(f"tf.{cls.__name__} is not in jkeras. {hint_for(f'tensorflow.{cls.__name__}')}")


class RaggedTensor(_Absent):
    """Rows of different lengths; nothing is an instance.

    Example:
        >>> isinstance([[1], [2, 3]], RaggedTensor)
        False
    """

    @classmethod
    def from_row_lengths(cls, *args: object, **kwargs: object) -> NoReturn:
        """An error that says what to write."""
        raise cls._error()

    from_row_splits = from_value_rowids = from_tensor = from_row_lengths


class SparseTensor(_Absent):
    """A matrix of which only the entries that are not zero are kept; nothing is an instance."""


class IndexedSlices(_Absent):
    """A gradient of some rows only; nothing is an instance: gradients are arrays."""

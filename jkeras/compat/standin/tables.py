"""`tf.lookup`: tables from keys to values, on the host for texts and for numbers outside compiled code."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import DTypeLike

from jkeras._base.errors import describe
from jkeras.compat.standin.data.structure import as_component
from jkeras.compat.standin.dtypes import numpy_dtype
from jkeras.compat.standin.files import path_of
from jkeras.compat.standin.host_tensor import STRING, encoded, host_tensor
from jkeras.compat.standin.texts_in_graphs import in_graphs

__all__ = ["KeyValueTensorInitializer", "StaticHashTable", "TextFileIndex", "TextFileInitializer"]


class KeyValueTensorInitializer:
    """Keys and their values.

    Args:
        keys: one-dimensional, texts or integers.
        values: as many, texts or numbers.
        key_dtype, value_dtype: None for those of the arrays.
        name: has no effect.

    Raises:
        ValueError: not as many values as keys, or a key that occurs twice with different values.
    """

    def __init__(
        self,
        keys: Any,
        values: Any,
        key_dtype: DTypeLike | None = None,
        value_dtype: DTypeLike | None = None,
        name: object = None,
    ):
        self.keys, self.values = (_row(part, dtype) for part, dtype in ((keys, key_dtype), (values, value_dtype)))
        if len(self.keys) != len(self.values):
            raise ValueError(f"A table has a value for each key. Received {len(self.keys)} keys and {len(self.values)} values.")
        known = dict(zip(self.keys.tolist(), self.values.tolist(), strict=True))
        twice = [key for key, value in zip(self.keys.tolist(), self.values.tolist(), strict=True) if known[key] != value]
        if twice:
            raise ValueError(f"A key has one value. Received several for {twice[0]!r}.")


class TextFileIndex:
    """What a column of `TextFileInitializer` is: the line, its number, or else the part of the line with this number."""

    WHOLE_LINE = -2
    LINE_NUMBER = -1


class TextFileInitializer(KeyValueTensorInitializer):
    """Keys and values from the lines of a file.

    Args:
        filename: of a text in UTF-8.
        key_dtype, value_dtype: of the columns.
        key_index, value_index: a column, or a member of `TextFileIndex`.
        vocab_size: how many lines to read; None for all.
        delimiter: between columns.
        value_index_offset: what is added to the number of a line.
        name: has no effect.
    """

    def __init__(
        self,
        filename: Any,
        key_dtype: DTypeLike,
        key_index: int,
        value_dtype: DTypeLike,
        value_index: int,
        vocab_size: int | None = None,
        delimiter: str = "\t",
        name: object = None,
        value_index_offset: int = 0,
    ):
        with open(path_of(filename), "rb") as file:
            lines = file.read().splitlines()[:vocab_size]

        def column(index: int, offset: int) -> list[Any]:
            if index == TextFileIndex.WHOLE_LINE:
                return lines
            if index == TextFileIndex.LINE_NUMBER:
                return [number + offset for number in range(len(lines))]
            return [line.split(delimiter.encode())[index] for line in lines]

        super().__init__(column(key_index, 0), column(value_index, value_index_offset), key_dtype, value_dtype)


class StaticHashTable:
    """A table that does not change.

    Args:
        initializer: a `KeyValueTensorInitializer` or `TextFileInitializer`.
        default_value: for other keys.
        name, experimental_is_anonymous: have no effect.

    Example:
        >>> table = StaticHashTable(KeyValueTensorInitializer(["a", "b"], [1, 2]), default_value=-1)
        >>> table.lookup(["b", "z"]).tolist(), int(table.size())
        ([2, -1], 2)
        >>> jax.jit(StaticHashTable(KeyValueTensorInitializer([7, 3], [0.5, 1.5]), 0.0).lookup)(jnp.array([3, 4])).tolist()
        [1.5, 0.0]
    """

    def __init__(
        self,
        initializer: KeyValueTensorInitializer,
        default_value: Any,
        name: object = None,
        experimental_is_anonymous: bool = False,
    ):
        self._keys, self._values = initializer.keys, initializer.values
        self._default = _row([default_value], self._values.dtype)[0]
        self._numbers = dict(zip(self._keys.tolist(), range(len(self._keys)), strict=True))
        self.default_value = host_tensor(self._default)

    @property
    def key_dtype(self) -> Any:
        """The dtype of the keys."""
        return self._keys.dtype

    @property
    def value_dtype(self) -> Any:
        """The dtype of the values."""
        return self._values.dtype

    def size(self, name: object = None) -> Any:
        """How many keys there are."""
        return host_tensor(np.array(len(self._keys)))

    def export(self, name: object = None) -> tuple[Any, Any]:
        """All keys and all values."""
        return host_tensor(self._keys), host_tensor(self._values)

    def lookup(self, keys: Any, name: object = None) -> Any:
        """The values of keys, in the shape of the keys.

        Raises:
            TypeError: keys of another kind than the table's.
        """
        if isinstance(keys, jax.core.Tracer) or (isinstance(keys, jax.Array) and self._values.dtype != STRING):
            return self._among_numbers(keys)
        return in_graphs(self._found)(keys)

    __getitem__ = lookup

    def _found(self, keys: Any) -> Any:
        wanted = encoded(keys)
        self._check(wanted.dtype)
        values = [*self._values, self._default]
        found = [values[self._numbers.get(key, -1)] for key in wanted.ravel().tolist()]
        return host_tensor(np.array(found, self._values.dtype).reshape(wanted.shape))

    def _among_numbers(self, keys: jax.Array) -> jax.Array:
        self._check(keys.dtype)
        if self._values.dtype == STRING:
            raise TypeError("Texts are no results of compiled code. Look them up in dataset.map, or outside of it.")
        if not len(self._keys):
            return jnp.full(keys.shape, self._default)
        order = np.argsort(self._keys)
        ordered, values = jnp.asarray(self._keys[order]), jnp.asarray(np.append(self._values[order], self._default))
        place = jnp.searchsorted(ordered, keys)
        there = ordered[jnp.minimum(place, len(ordered) - 1)] == keys
        return values[jnp.where(there, place, len(ordered))]

    def _check(self, dtype: Any) -> None:
        if (dtype == STRING) != (self._keys.dtype == STRING) or jnp.issubdtype(dtype, jnp.floating):
            raise TypeError(f"The table has keys of dtype {_named(self._keys.dtype)}. Received {_named(dtype)}.")


def _named(dtype: Any) -> str:
    """The name of a dtype, `string` for texts."""
    return "string" if dtype == STRING else str(np.dtype(dtype))


def _row(part: Any, dtype: DTypeLike | None) -> np.ndarray:
    array = encoded(part)
    if dtype is not None and numpy_dtype(dtype) != array.dtype:
        array = np.array([one.decode() if isinstance(one, bytes) else one for one in array.ravel()]).astype(numpy_dtype(dtype))
    if array.ndim != 1:
        raise ValueError(f"Keys and values are one-dimensional. Received: {describe(part)}.")
    return as_component(array)

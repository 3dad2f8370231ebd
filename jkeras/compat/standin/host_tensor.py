"""`HostTensor`: tensors that JAX cannot hold, or need not: strings, and images of many sizes, as NumPy arrays.

A string tensor is an array of dtype `object` that holds `bytes`, as TensorFlow's `numpy()` shows them; `str` in comparisons and
sums is taken as UTF-8. Numbers stay in JAX's dtypes, so that a value does not depend on where it was computed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jax
import numpy as np

from jkeras.compat.standin.array_shape import ArrayShape

STRING = np.dtype(object)


class HostTensor(np.ndarray):
    """An array on the host with the methods of a tensor.

    Example:
        >>> words = host_tensor(["one", "two"])
        >>> words[0].numpy(), (words == "two").tolist(), (words + "!").numpy().tolist()
        (b'one', [False, True], [b'one!', b'two!'])
    """

    def numpy(self) -> Any:
        """The values as a NumPy array; a single value as itself."""
        return np.asarray(self)[()]

    @property  # type: ignore[misc]
    def shape(self) -> ArrayShape:  # type: ignore[override]
        """The sizes of the axes, with TensorFlow's methods."""
        return ArrayShape(super().shape)

    def get_shape(self) -> ArrayShape:
        """The shape."""
        return self.shape

    def set_shape(self, shape: object) -> None:
        """Does nothing: the shape is known."""

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **keywords: Any) -> Any:
        strings = any(isinstance(x, np.ndarray) and x.dtype == STRING for x in inputs)
        plain = [encoded(x) if strings else np.asarray(x) if isinstance(x, HostTensor) else x for x in inputs]
        if "out" in keywords:
            keywords["out"] = tuple(np.asarray(x) for x in keywords["out"])
        result = getattr(ufunc, method)(*plain, **keywords)
        return tuple(map(host_tensor, result)) if isinstance(result, tuple) else host_tensor(result)

    def __getitem__(self, index: Any) -> Any:
        return host_tensor(super().__getitem__(index))

    def __iter__(self) -> Iterator[Any]:
        return (self[i] for i in range(len(self)))

    def __repr__(self) -> str:
        kind = "string" if self.dtype == STRING else self.dtype
        return f"<tf.Tensor: shape={self.shape}, dtype={kind}, numpy={self.numpy()!r}>"


def encoded(value: Any) -> np.ndarray:
    """An array of `bytes` for text in any form; other values as plain arrays."""
    if isinstance(value, (str, bytes)):
        return _objects([value], ())
    array = np.asarray(value)
    if array.dtype.kind in "US" or (array.dtype == STRING and any(isinstance(v, str) for v in array.flat)):
        return _objects(array.ravel().tolist(), array.shape)
    return array


def text_of(value: Any) -> bytes:
    """The one text in an array of strings."""
    found: Any = encoded(value)[()]
    return bytes(found)


def is_text(value: Any) -> bool:
    """Whether a value is text, an array of texts, or a list of texts.

    Example:
        >>> is_text([["a"], ["b"]]), is_text([1.0])
        (True, False)
    """
    while isinstance(value, (list, tuple)) and value:
        value = value[0]
    return isinstance(value, (str, bytes)) or (isinstance(value, np.ndarray) and value.dtype.kind in "OUS")


def _objects(values: list[Any], shape: tuple[int, ...]) -> np.ndarray:
    array = np.empty(len(values), object)
    array[:] = [value.encode() if isinstance(value, str) else value for value in values]
    return array.reshape(shape)


def host_tensor(value: Any) -> HostTensor:
    """A value as a tensor on the host, in a dtype that JAX has, or as a string tensor."""
    array = encoded(value)
    if array.dtype != STRING:
        array = array.astype(jax.dtypes.canonicalize_dtype(array.dtype), copy=False)
    return array.view(HostTensor)

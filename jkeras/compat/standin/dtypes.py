"""`tf.float32` and the other dtypes: objects with TensorFlow's attributes that stand for NumPy's dtypes.

Every `dtype=` takes them, and they equal the dtypes of arrays, which are NumPy's own: `tf.as_dtype(x.dtype).max`.
"""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np
from jax.typing import DTypeLike

# TensorFlow's names and numbers for dtypes; `tf.zeros(1, 1)` means a number.
_NUMBERS = {
    "float32": 1, "float64": 2, "int32": 3, "uint8": 4, "int16": 5, "int8": 6, "string": 7, "complex64": 8, "int64": 9,
    "bool": 10, "bfloat16": 14, "uint16": 17, "complex128": 18, "float16": 19, "uint32": 22, "uint64": 23,
}  # fmt: skip
_NAMES = {number: name for name, number in _NUMBERS.items()}


class _DTypesAreInstances(type):
    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, np.dtype) or type.__instancecheck__(cls, instance)


class DType(metaclass=_DTypesAreInstances):
    """A dtype; the dtypes of arrays count as instances.

    Attributes:
        name: `"float32"`; `"string"` for texts.
        dtype: NumPy's, which stands for it in arrays; `object` for texts.

    Example:
        >>> int8.min, int8.limits, float32.size, float32.is_floating
        (-128, (0, 127), 4, True)
        >>> float32 == np.dtype("float32") == float32 == "float32"
        True
    """

    def __init__(self, name: str):
        self.name = name
        self.dtype = np.dtype(object if name == "string" else jnp.dtype(name))

    @property
    def as_numpy_dtype(self) -> type:
        """NumPy's type of one number; `object` for texts."""
        return object if self.name == "string" else self.dtype.type

    @property
    def as_datatype_enum(self) -> int:
        """TensorFlow's number.

        Raises:
            TypeError: it has none.
        """
        if self.name not in _NUMBERS:
            raise TypeError(f"tf.{self.name} has no number in TensorFlow.")
        return _NUMBERS[self.name]

    @property
    def base_dtype(self) -> DType:
        """The same."""
        return self

    @property
    def real_dtype(self) -> DType:
        """That of the parts of a complex number; else the same."""
        part = {"complex64": "float32", "complex128": "float64"}.get(self.name)
        return self if part is None else _MADE[part]

    @property
    def size(self) -> int:
        """Bytes of a number; 0 for texts."""
        return 0 if self.name == "string" else self.dtype.itemsize

    @property
    def is_floating(self) -> bool:
        """Whether it is for real numbers."""
        return jnp.issubdtype(self.dtype, jnp.floating)

    @property
    def is_integer(self) -> bool:
        """Whether it is for whole numbers."""
        return jnp.issubdtype(self.dtype, jnp.integer)

    @property
    def is_unsigned(self) -> bool:
        """Whether it is for whole numbers that are not negative."""
        return jnp.issubdtype(self.dtype, jnp.unsignedinteger)

    @property
    def is_complex(self) -> bool:
        """Whether it is for complex numbers."""
        return jnp.issubdtype(self.dtype, jnp.complexfloating)

    @property
    def is_bool(self) -> bool:
        """Whether it is for truth values."""
        return self.name == "bool"

    @property
    def is_numeric(self) -> bool:
        """Whether it is for numbers."""
        return self.is_floating or self.is_integer or self.is_complex

    @property
    def is_numpy_compatible(self) -> bool:
        """Whether NumPy's arrays can have it."""
        return True

    @property
    def is_quantized(self) -> bool:
        """False: there are none of these."""
        return False

    @property
    def min(self) -> Any:
        """The least number.

        Raises:
            TypeError: it is for texts, truth values or complex numbers.
        """
        return self._range()[0]

    @property
    def max(self) -> Any:
        """The greatest number; raises as `min`."""
        return self._range()[1]

    @property
    def limits(self) -> tuple[Any, Any]:
        """0 and the greatest number that an image has: 1 for floats."""
        return (0, 1) if self.is_floating or self.is_bool else (0, self.max)

    def _range(self) -> tuple[Any, Any]:
        if self.is_integer:
            return int(jnp.iinfo(self.dtype).min), int(jnp.iinfo(self.dtype).max)
        if not self.is_floating:
            raise TypeError(f"tf.{self.name} has no least and no greatest number. Integers and floats have.")
        found = jnp.finfo(self.dtype)
        return self.as_numpy_dtype(found.min), self.as_numpy_dtype(found.max)

    def is_compatible_with(self, other: DTypeLike) -> bool:
        """Whether it is the same."""
        return self == other

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if isinstance(other, str) and other in ("string", "str"):
            return self.name == "string"
        try:
            wanted: Any = other
            return other is not None and self.dtype == np.dtype(jnp.dtype(wanted))
        except TypeError:
            return False

    def __hash__(self) -> int:
        return hash(self.dtype)

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return as_dtype, (self.name,)

    def __repr__(self) -> str:
        return f"tf.{self.name}"

    def __str__(self) -> str:
        return f"<dtype: {self.name!r}>"


_MADE = {name: DType(name) for name in _NUMBERS}
half, double = _MADE["float16"], _MADE["float64"]
globals().update(_MADE)
__all__ = ["DType", "as_dtype", "double", "half", *_MADE]


def as_dtype(type_value: Any) -> DType:
    """The dtype of a name, a NumPy type, a dtype, or one of TensorFlow's numbers.

    Example:
        >>> as_dtype("float32") is as_dtype(1) is as_dtype(np.dtype("float32"))
        True
    """
    if type(type_value) is int and type_value in _NAMES:
        return _MADE[_NAMES[type_value]]
    if isinstance(type_value, str) and type_value in _MADE:
        return _MADE[type_value]
    found = np.dtype(jnp.dtype(type_value))
    name = "string" if found.kind in "OSU" else found.name
    return _MADE.get(name) or DType(name)


def numpy_dtype(type_value: Any) -> np.dtype:
    """NumPy's dtype for what `as_dtype` takes."""
    return as_dtype(type_value).dtype

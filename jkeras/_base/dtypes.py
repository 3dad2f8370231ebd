"""Dtypes and dtype policies: what a layer computes in, and what its weights are kept in.

| policy           | computes in | weights  |
|------------------|-------------|----------|
| `float32`        | float32     | float32  |
| `bfloat16`       | bfloat16    | bfloat16 |
| `float16`        | float16     | float16  |
| `mixed_bfloat16` | bfloat16    | float32  |
| `mixed_float16`  | float16     | float32  |
"""

from __future__ import annotations

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import DTypeLike

from jkeras._base import registry
from jkeras._base.config import settings
from jkeras._base.configurable import Configurable, resolve
from jkeras._base.errors import describe, unknown_name
from jkeras._base.registry import export

_NAMES = (
    "bool", "int4", "int8", "int16", "int32", "int64", "uint4", "uint8", "uint16", "uint32", "uint64",
    "float16", "bfloat16", "float32", "float64", "complex64", "complex128", "float8_e4m3fn", "float8_e5m2",
)  # fmt: skip


# "int" is Keras' own, on JAX; the others TensorFlow's, which Keras 2 took.
_OTHER_NAMES = {"int": "int32", "float": "float32", "half": "float16", "double": "float64"}


_PLAIN: dict[Any, Any] = {int: 0, float: 0.0, bool: False}


def standardize_dtype(dtype: DTypeLike | None) -> str:
    """The name of a dtype: from a string, a numpy or jax dtype, a Python type; None gives `floatx()`.

    Raises:
        ValueError: an unknown dtype; `"string"` is one, because no array has it.
    """
    if dtype is None:
        return settings.floatx
    if dtype is float or dtype is int or dtype is bool:  # numpy dtypes are equal to these types, but hash otherwise
        return {float: settings.floatx, int: "int32", bool: "bool"}[dtype]
    name = dtype if isinstance(dtype, str) else _name_of(dtype) if isinstance(dtype, np.dtype) else jnp.dtype(dtype).name
    name = _OTHER_NAMES.get(name, name)
    if name not in _NAMES:
        raise unknown_name("dtype", dtype, _NAMES)
    return name


def dtype_of_values(dtype: DTypeLike | None) -> str:
    """`standardize_dtype`, and `"string"` for texts: for what may stand for arrays of texts, which layers on the host take.

    Example:
        >>> dtype_of_values("str"), dtype_of_values(np.dtype(object)), dtype_of_values("float32")
        ('string', 'string', 'float32')
    """
    return "string" if _is_of_texts(dtype) else standardize_dtype(dtype)


def _is_of_texts(dtype: Any) -> bool:
    inner = getattr(dtype, "dtype", None)  # of an object that stands for a dtype
    dtype = inner if isinstance(inner, np.dtype) else dtype
    if isinstance(dtype, str):
        return dtype in ("string", "str", "object")
    if isinstance(dtype, np.dtype):
        return dtype.kind in "OSU"
    return dtype is object or (isinstance(dtype, type) and issubclass(dtype, (str, bytes)))


def optional_dtype(dtype: DTypeLike | None) -> str | None:
    """`standardize_dtype`, and None for None: for operations that choose a dtype by their operands if none is given."""
    return None if dtype is None else standardize_dtype(dtype)


@functools.lru_cache(maxsize=256)
def _name_of(dtype: np.dtype[Any]) -> str:
    """The name of a dtype, cached, since numpy builds it each time."""
    return str(dtype.name)


def result_type(*dtypes: DTypeLike) -> str:
    """The dtype that an operation on operands of these dtypes has; `int` and `float` stand for plain Python numbers.

    Example:
        >>> result_type("int32", "bfloat16"), result_type("float16", float), result_type()
        ('bfloat16', 'float16', 'float32')
    """
    if not dtypes:
        return settings.floatx
    known = [settings.floatx if dtype is None else dtype for dtype in dtypes]
    if all(dtype in (int, float, bool) for dtype in known):
        known = [standardize_dtype(dtype) for dtype in known]
    # Without `jax_enable_x64` there are no wide types, and jnp would warn about each.
    operands = [_PLAIN[d] if isinstance(d, type) and d in _PLAIN else _narrow(standardize_dtype(d)) for d in known]
    return standardize_dtype(jnp.result_type(*operands))


def _narrow(dtype: str) -> np.dtype[Any]:
    return np.dtype(jax.dtypes.canonicalize_dtype(dtype))


def is_float(dtype: DTypeLike) -> bool:
    """Whether a dtype is a float dtype, bfloat16 and the 8-bit floats included."""
    return jnp.issubdtype(dtype, jnp.floating)


def is_float_dtype(dtype: DTypeLike) -> bool:
    """Whether a dtype's name is that of floats, bfloat16 included; `"string"` and the like are not.

    Example:
        >>> is_float_dtype("bfloat16"), is_float_dtype("int32")
        (True, False)
    """
    return dtype_of_values(dtype).startswith(("float", "bfloat"))


def is_int_dtype(dtype: DTypeLike) -> bool:
    """Whether a dtype's name is that of integers, unsigned ones included.

    Example:
        >>> is_int_dtype("uint8"), is_int_dtype("bool")
        (True, False)
    """
    return dtype_of_values(dtype).startswith(("int", "uint"))


@export("keras.DTypePolicy", "keras.dtype_policies.DTypePolicy", "keras.mixed_precision.DTypePolicy")
class DTypePolicy(Configurable):
    """A pair of dtypes: what a layer computes in and what its weights are kept in.

    Args:
        name: a dtype name, `mixed_bfloat16` or `mixed_float16`; None gives the global policy's name, of a map its default's.

    Example:
        >>> DTypePolicy("mixed_bfloat16").compute_dtype
        'bfloat16'
    """

    def __init__(self, name: str | None = None):
        if name is None:
            name = plain_name(dtype_policy())
        if not isinstance(name, str):
            raise TypeError(f"A policy has a name, such as 'mixed_bfloat16'. Received: {describe(name)}.")
        if name in ("mixed_bfloat16", "mixed_float16"):
            self._compute, self._variable = name.removeprefix("mixed_"), "float32"
        else:
            self._compute = self._variable = standardize_dtype(name)
        self.name: str = name
        self.compute = np.dtype(jnp.dtype(self._compute))

    @property
    def compute_dtype(self) -> str:
        """What the layer's maths runs in; float inputs are cast to it."""
        return self._compute

    @property
    def variable_dtype(self) -> str:
        """What the weights are kept in."""
        return self._variable

    @property
    def quantization_mode(self) -> str | None:
        """The form in which kernels are kept; None: as they are trained."""
        return None

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and other.name == self.name

    def __hash__(self) -> int:
        return hash(self.name)

    def __repr__(self) -> str:
        return f'<{type(self).__name__} "{self.name}">'


export("keras.FloatDTypePolicy", "keras.dtype_policies.FloatDTypePolicy", "keras.mixed_precision.Policy")(DTypePolicy)
FloatDTypePolicy = DTypePolicy  # Keras' older name

_cache: dict[str, DTypePolicy] = {}


def plain_name(policy: Any) -> str:
    """The name of a policy that `DTypePolicy(name)` can be: that of a map's default, of what a quantized one starts from.

    Args:
        policy: of any kind.
    """
    policy = getattr(policy, "default_policy", policy)
    name: str = getattr(policy, "source_name", policy.name)
    return name


def get_policy(identifier: DTypePolicy | DTypeLike | dict[str, Any] | None) -> DTypePolicy:
    """A policy from None (the global one), a name, a dtype, a config dict or a policy.

    Raises:
        ValueError: no such policy, or none of these.
    """
    if isinstance(identifier, DTypePolicy):
        return identifier
    if identifier is None:
        return dtype_policy()
    if isinstance(identifier, dict):
        return resolve("dtype_policies", identifier)
    name = identifier if isinstance(identifier, str) else _name_of_dtype(identifier)
    if name not in _cache:
        _cache[name] = registry.lookup("dtype_policies", "quantized_policy")(name) if "_from_" in name else DTypePolicy(name)
    return _cache[name]


def _name_of_dtype(dtype: Any) -> str:
    try:
        return standardize_dtype(dtype)
    except TypeError as error:
        raise ValueError(f"A dtype is a name such as 'float32', or a DTypePolicy. Received: {describe(dtype)}.") from error


def dtype_policy() -> DTypePolicy:
    """The policy that layers take when they are given none."""
    return get_policy(settings.floatx if settings.policy is None else settings.policy)


def set_dtype_policy(policy: DTypePolicy | DTypeLike | dict[str, Any]) -> None:
    """Set the policy of layers made from now on: a name such as `"mixed_bfloat16"` or a `DTypePolicy`.

    Raises:
        ValueError: no such policy; None, which stands for the policy that is set.
    """
    if policy is None:
        raise ValueError("A policy is a name such as 'float32' or 'mixed_bfloat16', or a DTypePolicy. Received: None.")
    settings.policy = get_policy(policy)

"""Dtype policies: what layers compute in, and what their weights are kept in."""

from __future__ import annotations

from typing import Any

from jkeras._base.configurable import object_config, resolve
from jkeras._base.dtype_policy_map import DTypePolicyMap as DTypePolicyMap
from jkeras._base.dtypes import DTypePolicy as DTypePolicy
from jkeras._base.dtypes import FloatDTypePolicy as FloatDTypePolicy
from jkeras._base.dtypes import get_policy as get
from jkeras._base.errors import describe
from jkeras._base.quantized_policies import AWQDTypePolicy as AWQDTypePolicy
from jkeras._base.quantized_policies import GPTQDTypePolicy as GPTQDTypePolicy
from jkeras._base.quantized_policies import Int4DTypePolicy as Int4DTypePolicy
from jkeras._base.quantized_policies import QuantizedDTypePolicy as QuantizedDTypePolicy
from jkeras._base.quantized_policies import QuantizedFloat8DTypePolicy as QuantizedFloat8DTypePolicy
from jkeras._base.types import Config, CustomObjects

__all__ = [
    "AWQDTypePolicy",
    "DTypePolicy",
    "DTypePolicyMap",
    "FloatDTypePolicy",
    "GPTQDTypePolicy",
    "Int4DTypePolicy",
    "QuantizedDTypePolicy",
    "QuantizedFloat8DTypePolicy",
    "deserialize",
    "get",
    "serialize",
]


def serialize(dtype_policy: DTypePolicy) -> dict[str, Any]:
    """The config of a policy.

    Example:
        >>> serialize(DTypePolicy("mixed_bfloat16"))["config"]
        {'name': 'mixed_bfloat16'}
    """
    return object_config(dtype_policy)


def deserialize(config: Config, custom_objects: CustomObjects = None) -> DTypePolicy:
    """The policy of a config.

    Args:
        config: from `serialize`.
        custom_objects: your own classes by name.

    Raises:
        ValueError: it is the config of something else.

    Example:
        >>> deserialize(serialize(GPTQDTypePolicy("gptq/4/128", "float32")))
        <GPTQDTypePolicy "gptq/4/128_from_float32">
    """
    made = resolve("dtype_policies", config, custom_objects)
    if not isinstance(made, DTypePolicy):
        raise ValueError(f"Not the config of a dtype policy: {describe(config)}.")
    return made

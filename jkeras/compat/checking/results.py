"""The classes of what functions of the stand-in give, which their annotations say, and what TensorFlow's tensors have."""

from __future__ import annotations

import typing
from functools import cache

import jax
import jax.numpy as jnp

from jkeras.compat.install import ADDED
from jkeras.compat.standin.host_tensor import HostTensor
from jkeras.compat.tensorflow_table import PLACES
from jkeras.graph import KerasTensor

# Functions that give a tensor whatever they get.
_OF_TENSORS = """
abs add argmax argmin broadcast_to cast clip_by_value concat constant convert_to_tensor cumsum divide exp expand_dims eye fill
gather gather_nd linspace matmul maximum minimum multiply norm one_hot ones ones_like pad pow range rank reduce_all reduce_any
reduce_max reduce_mean reduce_min reduce_prod reduce_sum repeat reshape reverse roll round sigmoid sign sin sqrt square squeeze
stack subtract tanh tile transpose where zeros zeros_like math.exp math.log math.reduce_max math.reduce_mean math.reduce_min
math.reduce_std math.reduce_sum math.reduce_variance math.sqrt nn.relu nn.sigmoid nn.softmax random.normal
random.truncated_normal random.uniform
"""
TENSOR_FUNCTIONS = frozenset(f"tensorflow.{name}" for name in _OF_TENSORS.split())
_STANDIN = f"{__name__.partition('.checking')[0]}.standin."


def result_of(function: object) -> type | None:
    """The class of what a function or method of the stand-in returns; None if it is not one class.

    Example:
        >>> from jkeras.compat.standin.data.dataset import Dataset
        >>> result_of(Dataset.range) is Dataset, result_of(Dataset.reduce), result_of(len)
        (True, None, None)
    """
    if isinstance(function, type) or not str(getattr(function, "__module__", "")).startswith(_STANDIN):
        return None
    try:
        found = typing.get_type_hints(function).get("return")
    except (NameError, TypeError):
        return None
    known = isinstance(found, type) and (found is jax.Array or found.__module__.startswith(_STANDIN))
    return found if known else None


@cache
def names_of_tensors() -> frozenset[str]:
    """What a tensor may have: an array, one in a compiled step, one of texts, or a symbolic one."""
    kinds = (type(jnp.zeros(())), jax.core.Tracer, HostTensor, KerasTensor)
    of_classes = (name for kind in kinds for name in dir(kind))
    return frozenset({*of_classes, *vars(KerasTensor((1,))), *ADDED})


def name_in_tensorflow(cls: type) -> str:
    """Under which full name scripts know a class of the stand-in.

    Example:
        >>> name_in_tensorflow(jax.Array), name_in_tensorflow(HostTensor)
        ('tensorflow.Tensor', 'tensorflow.Tensor')
        >>> from jkeras.compat.standin.data.dataset import Dataset
        >>> name_in_tensorflow(Dataset)
        'tensorflow.data.Dataset'
    """
    if issubclass(cls, (jax.Array, HostTensor)):
        return "tensorflow.Tensor"
    places = [name for name, homes in PLACES.items() if cls.__module__ in homes.split()]
    return f"{min(places, key=len, default='tensorflow')}.{cls.__name__}"

"""What the constructor of every layer takes, as types: a constructor hands it on as its `**kwargs: Unpack[BaseArguments]`."""

from __future__ import annotations

from typing import TypedDict

from jax.typing import DTypeLike

from jkeras._base.dtypes import DTypePolicy
from jkeras._base.types import FunctionLike, Tree


class LayerArguments(TypedDict, total=False):
    """What every layer takes, not shown in signatures; see `Layer`."""

    trainable: bool
    dtype: DTypeLike | DTypePolicy | None
    autocast: bool
    name: str | None
    input_shape: Tree
    batch_input_shape: Tree
    input_dim: int
    batch_size: int | None
    weights: Tree


class BaseArguments(LayerArguments, total=False):
    """The same, and `activity_regularizer`, which some families of layers show in their signatures."""

    activity_regularizer: FunctionLike

"""`Loss`: a function of targets and predictions, a reduction, a name.

The function gives one value per sample, and the reduction makes of them the number that is minimised. A loss holds no state: it
may be called inside any JAX transform as it stands.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike

from jkeras._base.config import floatx
from jkeras._base.configurable import Configurable
from jkeras._base.dtypes import get_policy
from jkeras._base.naming import auto_name, to_snake_case
from jkeras._base.registry import export
from jkeras._base.types import Array, Tree
from jkeras.losses.reduction import reduce_losses, standardize_reduction, total_and_count
from jkeras.state.scope import get_mask


def map_arrays(fn: Callable[..., Array], *ys: Tree) -> Tree:
    """Apply `fn` to an array, or to each array of a dict, list or tuple of arrays; a list of numbers is an array."""
    first = ys[0]
    if isinstance(first, dict) or (isinstance(first, (list, tuple)) and any(getattr(y, "ndim", 0) for y in first)):
        return jax.tree.map(fn, *ys)
    return fn(*ys)


@export("keras.losses.Loss", "keras.Loss")
class Loss(Configurable):
    """Base class of losses; override `call(y_true, y_pred)`, which gives one value per sample.

    Args:
        name: default is made from the class' name.
        reduction: one of `sum_over_batch_size` (default), `mean`, `mean_with_sample_weight`, `sum`, `none`, None.
        dtype: targets and predictions are cast to it, and the loss is computed in it; default `floatx()`.

    Example:
        >>> class Cubic(Loss):
        ...     def call(self, y_true, y_pred):
        ...         return jnp.mean(jnp.abs(y_true - y_pred) ** 3, axis=-1)
        >>> float(Cubic()([[0.0], [0.0]], [[1.0], [2.0]]))
        4.5
    """

    def __init__(self, name: str | None = None, reduction: str | None = "sum_over_batch_size", dtype: DTypeLike | None = None):
        self.name = name or auto_name(to_snake_case(type(self).__name__))
        self.reduction = standardize_reduction(reduction)
        self._policy = get_policy(dtype or floatx())

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments in plain form; as in Keras without a dtype that was not given."""
        config = super().get_config()
        return {k: v for k, v in config.items() if (k, v) != ("dtype", None)}

    @property
    def dtype(self) -> str:
        """What the loss is computed in."""
        return self._policy.compute_dtype

    def __call__(self, y_true: Tree, y_pred: Tree, sample_weight: Tree = None) -> Array:
        """The reduced loss.

        Args:
            y_true: targets; arrays, lists of numbers, or a structure of arrays.
            y_pred: predictions, likewise. A mask that travels with them counts.
            sample_weight: `(n,)`, or one weight per loss value.

        Returns:
            A scalar, or one value per sample without reduction.
        """
        values, mask = self._values(y_true, y_pred)
        return reduce_losses(values, sample_weight, mask, self.reduction)

    def total_and_count(self, y_true: Tree, y_pred: Tree, sample_weight: Tree = None) -> tuple[Array, Array | int | None]:
        """The loss of a part of a batch, as what is added and what is counted; see `losses/reduction.py`.

        Raises:
            ValueError: it has no reduction, or does not give a value for each sample.
        """
        values, mask = self._values(y_true, y_pred)
        rows = jax.tree.leaves(y_pred)[0].shape[:1]
        if values.shape[:1] != rows:
            raise ValueError(
                f"The loss {self.name} gives an array of shape {values.shape} for {rows[0]} samples, of which no sum or mean is "
                "known. Let it give one value for each, as `jnp.mean(..., axis=-1)` does; the reduction makes one of them."
            )
        return total_and_count(values, sample_weight, mask, self.reduction)

    def _values(self, y_true: Tree, y_pred: Tree) -> tuple[Array, Array | None]:
        """One loss per sample, and which of them count."""
        mask = get_mask(y_pred)
        y_true, y_pred = map_arrays(self._as_target, y_true), map_arrays(self._as_float, y_pred)
        values = self.call(y_true, y_pred)
        own_mask = get_mask(values)
        if own_mask is not None:
            mask = own_mask if mask is None else mask & own_mask
        return jnp.asarray(values, self.dtype), mask

    def call(self, y_true: Tree, y_pred: Tree) -> Array:
        """One loss per sample.

        Args:
            y_true: targets in the loss' dtype.
            y_pred: predictions in the loss' dtype.
        """
        raise NotImplementedError(f"{type(self).__name__} does not define `call(self, y_true, y_pred)`.")

    def check_targets(self, y_true: Tree, y_pred_spec: Tree) -> None:
        """Raise ValueError where targets cannot belong to such predictions; called once, before training, on host data.

        Args:
            y_true: all targets, a numpy array.
            y_pred_spec: has `.shape` (with None for the batch) and `.dtype`.
        """

    def _as_float(self, y: Tree) -> Array:
        return jnp.asarray(y, self.dtype)

    def _as_target(self, y: Tree) -> Array:
        return self._as_float(y)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}>"

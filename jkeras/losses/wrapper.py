"""`LossFunctionWrapper`: any function `fn(y_true, y_pred)` as a `Loss`. All losses of the library are made this way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Self, TypedDict

import jax.numpy as jnp
from jax.typing import DTypeLike

from jkeras._base.configurable import arguments_with_function
from jkeras._base.registry import export
from jkeras._base.types import Array, Config, CustomObjects, Tree
from jkeras.losses.base import Loss
from jkeras.losses.checks import numbers
from jkeras.losses.functions import published
from jkeras.nn.losses_align import match_ranks
from jkeras.nn.losses_crossentropy import labels_that_count
from jkeras.state.scope import set_mask


class LossArguments(TypedDict, total=False):
    """What every loss of a function takes beside the function's own arguments; see `Loss`."""

    reduction: Annotated[str | None, "sum_over_batch_size"]
    name: Annotated[str | None, None]
    dtype: Annotated[Any, None]


@export("keras.losses.LossFunctionWrapper")
class LossFunctionWrapper(Loss):
    """A function as a loss.

    Targets and predictions whose ranks differ by a last axis of size 1 are brought together first.

    Args:
        fn: `(y_true, y_pred, **kwargs) -> one value per sample`.
        reduction: see `Loss`.
        name: default is made from the class' name.
        dtype: see `Loss`.
        kwargs: further arguments of fn.

    Example:
        >>> from jkeras.losses import huber
        >>> loss = LossFunctionWrapper(huber, delta=2.0)
        >>> float(loss([[0.0]], [[1.0]]))
        0.5
    """

    def __init__(
        self,
        fn: Callable[..., Array],
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        dtype: DTypeLike | None = None,
        **kwargs: Any,
    ):
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.fn = fn
        self._fn_kwargs = kwargs

    def call(self, y_true: Tree, y_pred: Tree) -> Array:
        """What the function gives."""
        if not self._takes_labels and hasattr(y_true, "ndim") and hasattr(y_pred, "ndim"):
            y_true, y_pred = match_ranks(y_true, y_pred)
        values = self.fn(y_true, y_pred, **self._fn_kwargs)
        if self._takes_labels and self._fn_kwargs.get("ignore_class") is not None:
            axis = self._fn_kwargs.get("axis", -1)
            set_mask(values, labels_that_count(y_true, y_pred, self._fn_kwargs["ignore_class"], axis))
        return values

    def check_targets(self, y_true: Tree, y_pred_spec: Tree) -> None:
        """Raise ValueError where targets cannot belong to such predictions; a function of the user's own is not checked."""
        public = published(self.fn)
        if public is None:
            return
        y, pred = numbers(y_true), tuple(getattr(y_pred_spec, "shape", ()))
        if y is not None and pred:
            known: dict[str, int | None] = {k: v for k, v in self._fn_kwargs.items() if k == "axis" and isinstance(v, int)}
            if self._takes_labels:
                known["ignore_class"] = self._fn_kwargs.get("ignore_class")
            public.check(self, y, pred, **known)

    @property
    def _takes_labels(self) -> bool:
        public = published(self.fn)
        return public is not None and public.takes_labels

    def _as_target(self, y: Tree) -> Array:
        # A half-precision float cannot hold every class number, so labels stay integers.
        return jnp.asarray(y) if self._takes_labels else self._as_float(y)

    @classmethod
    def from_config(cls, config: Config, custom_objects: CustomObjects = None) -> Self:
        """Make a loss from what `get_config` gave; `fn` is the name of a loss function, in plain form or in Keras'."""
        return cls(**arguments_with_function(config, "keras.losses", custom_objects))


def takes_arrays_alone(loss: object) -> bool:
    """Whether a loss compares an array with an array, as those of the library do, and not structures of arrays."""
    return isinstance(loss, LossFunctionWrapper) and published(loss.fn) is not None

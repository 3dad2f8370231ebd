"""Sums and means over all samples seen, the accumulators that most metrics are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import DTypeLike

from jkeras._base.configurable import arguments_with_function
from jkeras._base.registry import export
from jkeras._base.types import Array, Config, CustomObjects, Tree
from jkeras.metrics.base import Metric, State
from jkeras.nn.losses_align import divide_or_zero, merge_mask
from jkeras.nn.metrics import per_sample
from jkeras.state.scope import get_mask


@export("keras.metrics.Sum")
class Sum(Metric):
    """The (weighted) sum of all values.

    Args:
        name: default `sum`.
        dtype: see `Metric`.

    Example:
        >>> metric = Sum()
        >>> metric.update_state([1.0, 3.0])
        >>> float(metric.result())
        4.0
    """

    counts_rows = True

    def __init__(self, name: str | None = "sum", dtype: DTypeLike | None = None):
        super().__init__(name=name, dtype=dtype)

    def init(self) -> State:
        """A total of 0."""
        return {"total": _zero(self.accumulator_dtype)}

    def update(self, state: State, values: Tree, sample_weight: Tree = None) -> State:
        """Add values `(n, ...)`, with weights `(n,)` if any."""
        weight = merge_mask(sample_weight, None, self.accumulator_dtype, rescale=False)
        values, _ = per_sample(jnp.asarray(values, self.accumulator_dtype), weight, jnp.sum)
        return {"total": state["total"] + jnp.sum(values)}

    def compute(self, state: State) -> Array:
        """The total."""
        return state["total"]


@export("keras.metrics.Mean")
class Mean(Metric):
    """The (weighted) mean of all values; 0 before the first.

    Args:
        name: default `mean`.
        dtype: see `Metric`.

    Example:
        >>> metric = Mean()
        >>> metric.update_state([1.0, 3.0], sample_weight=[3.0, 1.0])
        >>> float(metric.result())
        1.5
    """

    def __init__(self, name: str | None = "mean", dtype: DTypeLike | None = None):
        super().__init__(name=name, dtype=dtype)

    def init(self) -> State:
        """A total and a count of 0."""
        return {"total": _zero(self.accumulator_dtype), "count": _zero(self.accumulator_dtype)}

    def update(self, state: State, values: Tree, sample_weight: Tree = None) -> State:
        """Add values `(n, ...)`, each sample's mean counting once, or as often as its weight says."""
        weight = merge_mask(sample_weight, None, self.accumulator_dtype, rescale=False)
        values, weight = per_sample(jnp.asarray(values, self.accumulator_dtype), weight, jnp.mean)
        number = values.size if weight is None else jnp.sum(weight)
        return {"total": state["total"] + jnp.sum(values), "count": state["count"] + jnp.asarray(number, state["count"].dtype)}

    def compute(self, state: State) -> Array:
        """`total / count`."""
        return divide_or_zero(state["total"], state["count"])


def widen(y: Array) -> Array:
    """An array as it is, but for half precision, which becomes float32."""
    y = jnp.asarray(y)
    return y.astype(jnp.float32) if y.dtype in (jnp.float16, jnp.bfloat16) else y


@export("keras.metrics.MeanMetricWrapper")
class MeanMetricWrapper(Mean):
    """The mean of a function of targets and predictions.

    Half-precision predictions are widened to float32 first. A mask that travels with the predictions counts as a weight.

    Args:
        fn: `(y_true, y_pred, **kwargs) -> one value per sample`.
        name: default is made from the class' name.
        dtype: see `Metric`.
        kwargs: further arguments of fn.

    Example:
        >>> metric = MeanMetricWrapper(lambda y, p: jnp.abs(y - p), name="distance")
        >>> metric.update_state(jnp.array([1.0, 2.0]), jnp.array([1.0, 4.0]))
        >>> float(metric.result())
        1.0
    """

    # Whether targets `(batch,)` become `(batch, 1)` beside predictions `(batch, 1)`, so that `y_true * y_pred` is one number per
    # row. Functions that `compile(metrics=...)` is given expect it since Keras 2; Keras 3 passes them on as they are.
    targets_as_column = False

    def __init__(self, fn: Callable[..., Array], name: str | None = None, dtype: DTypeLike | None = None, **kwargs: object):
        super().__init__(name=name, dtype=dtype)
        self.fn = fn
        self._fn_kwargs = kwargs

    def __getattr__(self, name: str) -> Any:
        """An argument of the function, such as `metric.threshold`, or a variable."""
        further = self.__dict__.get("_fn_kwargs", {})
        return further[name] if name in further else super().__getattr__(name)

    def update(self, state: State, y_true: Tree, y_pred: Tree, sample_weight: Tree = None) -> State:  # type: ignore[override]
        """Add one batch of the function's values."""
        weight = merge_mask(sample_weight, get_mask(y_pred), self.accumulator_dtype, rescale=False)
        y_true, y_pred = _arrays(y_true), _arrays(y_pred)
        if self.targets_as_column and getattr(y_true, "ndim", 0) == 1 and getattr(y_pred, "shape", ())[1:] == (1,):
            y_true = y_true[:, None]
        values = self.fn(y_true, y_pred, **self._fn_kwargs)
        return super().update(state, values, weight)

    @classmethod
    def from_config(cls, config: Config, custom_objects: CustomObjects = None) -> Self:
        """Make a metric from what `get_config` gave; `fn` is the name of a function, in plain form or in Keras'."""
        return cls(**arguments_with_function(config, "keras.metrics", custom_objects))


def _zero(dtype: DTypeLike | None) -> Array:
    """A scalar for which nothing is compiled, as it would be without the second dtype."""
    zero = np.zeros((), dtype)
    return jnp.asarray(zero, jax.dtypes.canonicalize_dtype(zero.dtype))


def _arrays(y: Tree) -> Tree:
    """Structures are left to the function."""
    structure = isinstance(y, dict) or (isinstance(y, (list, tuple)) and any(getattr(part, "ndim", 0) for part in y))
    return y if structure else widen(y)

"""Dynamic loss scaling for float16.

Gradients in float16 underflow. The loss is multiplied by a scale before differentiation and the gradients are divided by it
afterwards; a step with an infinite or NaN gradient is left out and halves the scale, a long run of good steps doubles it.
Source: Micikevicius et al., "Mixed Precision Training", 2018.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jkeras._base.registry import export
from jkeras.optimizers.base import Optimizer
from jkeras.optimizers.lookup import get
from jkeras.optimizers.state import widen


class ScaledState(NamedTuple):
    """State of a `LossScaleOptimizer`.

    Args:
        inner: state of the inner optimizer.
        scale: float32 scalar, the current factor.
        good_steps: int32 scalar, finite steps since the last change of the factor.
    """

    inner: Any
    scale: Any
    good_steps: Any

    @property
    def iterations(self) -> Any:
        """Steps of the inner optimizer."""
        return self.inner.iterations

    @property
    def learning_rate(self) -> Any:
        """Rate of the inner optimizer."""
        return self.inner.learning_rate


@export("keras.optimizers.LossScaleOptimizer", "keras.mixed_precision.LossScaleOptimizer")
class LossScaleOptimizer(Optimizer):
    """An optimizer whose gradients are those of a scaled loss.

    Args:
        inner_optimizer: the optimizer to wrap.
        initial_scale: first factor, default 2**15.
        dynamic_growth_steps: finite steps after which the factor doubles, default 2000.
        name: a name.

    Example:
        >>> from jkeras.optimizers import SGD
        >>> optimizer = LossScaleOptimizer(SGD(1.0), initial_scale=8.0)
        >>> params = {"w": jnp.asarray(1.0)}
        >>> state = optimizer.init(params)
        >>> params, state = optimizer.update({"w": jnp.asarray(jnp.inf)}, state, params)
        >>> float(params["w"]), float(state.scale)
        (1.0, 4.0)
    """

    def __init__(
        self, inner_optimizer: Any, initial_scale: float = 32768.0, dynamic_growth_steps: int = 2000, name: str | None = None
    ):
        super().__init__(learning_rate=0.0, name=name)
        self.inner_optimizer = get(inner_optimizer)
        self.initial_scale = float(initial_scale)
        self.dynamic_growth_steps = dynamic_growth_steps

    @property
    def learning_rate(self) -> Any:
        """The inner optimizer's learning rate."""
        self._lend()
        return self.inner_optimizer.learning_rate

    @learning_rate.setter
    def learning_rate(self, value: Any) -> None:
        self._lend()
        self.inner_optimizer.learning_rate = value
        if self.state is not None:
            self.state = self.state._replace(inner=self.inner_optimizer.state)  # type: ignore[attr-defined]

    def _lend(self) -> None:
        if self.state is not None:
            self.inner_optimizer.state = self.state.inner  # type: ignore[attr-defined]

    def init(self, params: Any) -> Any:
        """The state before the first step."""
        inner = self.inner_optimizer.init(params)
        return ScaledState(inner, jnp.asarray(self.initial_scale, jnp.float32), jnp.zeros((), jnp.int32))

    def update(self, grads: Any, state: Any, params: Any, constraints: Any = None) -> tuple[Any, Any]:
        """One step with the gradients of the scaled loss; nothing but the scale changes where one is not finite."""
        grads = jax.tree.map(lambda g: g / state.scale, widen(grads))
        finite = jnp.all(jnp.stack([jnp.isfinite(g).all() for g in jax.tree.leaves(grads)]))
        new_params, inner = self.inner_optimizer.update(grads, state.inner, params, constraints)
        keep = lambda new, old: jax.tree.map(lambda a, b: jnp.where(finite, a, b), new, old)  # noqa: E731
        grown = state.good_steps + 1 >= self.dynamic_growth_steps
        scale = jnp.where(finite, jnp.where(grown, state.scale * 2, state.scale), state.scale / 2)
        good_steps = jnp.where(finite & ~grown, state.good_steps + 1, 0)
        return keep(new_params, params), ScaledState(keep(inner, state.inner), scale, good_steps)

    def finalize(self, params: Any, state: Any) -> Any:
        """As the inner optimizer."""
        return self.inner_optimizer.finalize(params, state.inner)

    def loss_scale(self, state: Any) -> Any:
        """The current factor for the loss."""
        return state.scale


def with_loss_scale(optimizer: Any) -> Any:
    """The optimizer with dynamic loss scaling, unless it has it."""
    return optimizer if isinstance(optimizer, LossScaleOptimizer) else LossScaleOptimizer(optimizer)

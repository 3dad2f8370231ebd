"""Dynamic loss scaling for float16.

Gradients in float16 underflow. The loss is multiplied by a scale before differentiation and the gradients are divided by it
afterwards; a step with an infinite or NaN gradient is left out and halves the scale, a long run of good steps doubles it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jkeras._base.configurable import serialize
from jkeras._base.registry import export
from jkeras._base.shared_arguments import shown
from jkeras._base.types import Array, Tree
from jkeras.optimizers.arguments import OptimizerArguments
from jkeras.optimizers.base import Optimizer
from jkeras.optimizers.lookup import get
from jkeras.optimizers.state import Assignable, Constraints, OptimizerState, widen
from jkeras.optimizers.state_in_variables import PartOfState

_INERT = {"dynamic": True, **{name: default for name, _, default in shown(OptimizerArguments)}}


class ScaleSlots(NamedTuple):
    """What loss scaling adds to a state.

    Args:
        inner: state of the inner optimizer.
        scale: float32 scalar, the current factor.
        good_steps: int32 scalar, finite steps since the last change of the factor.
    """

    inner: Tree
    scale: Array
    good_steps: Array


@export("keras.optimizers.LossScaleOptimizer", "keras.mixed_precision.LossScaleOptimizer")
class LossScaleOptimizer(Optimizer):
    """An optimizer whose gradients are those of a scaled loss.

    Args:
        inner_optimizer: the optimizer to wrap.
        initial_scale: first factor, default 2**15.
        dynamic_growth_steps: finite steps after which the factor doubles, default 2000.
        name: a name.
        kwargs: what Keras reads from older files, and only the values that change nothing: `dynamic=True`, and the defaults of
            `weight_decay`, `clipnorm` and so on, which are the inner optimizer's to have.

    Raises:
        ValueError: an argument that belongs to the inner optimizer, or is unknown.

    The inner optimizer's own `loss_scale_factor` is switched off, since one factor takes its place. What the inner optimizer
    shows, such as its learning rate, is a view of its part of the state: reading is live, and writing changes the next step.

    Example:
        >>> from jkeras.optimizers import SGD
        >>> optimizer = LossScaleOptimizer(SGD(1.0), initial_scale=8.0)
        >>> params = {"w": jnp.asarray(1.0)}
        >>> state = optimizer.init(params)
        >>> params, state = optimizer.update({"w": jnp.asarray(jnp.inf)}, state, params)
        >>> float(params["w"]), float(optimizer.loss_scale(state))
        (1.0, 4.0)

    Source: Micikevicius, Narang, Alben and others, "Mixed Precision Training", 2018.
    """

    def __init__(
        self,
        inner_optimizer: object,
        initial_scale: float = 32768.0,
        dynamic_growth_steps: int = 2000,
        name: str | None = None,
        **kwargs: object,
    ):
        for argument, value in kwargs.items():
            if argument not in _INERT or value != _INERT[argument]:
                raise ValueError(
                    f"LossScaleOptimizer does not take {argument}={value!r}. What shapes a step is said to the optimizer inside: "
                    f"LossScaleOptimizer(SGD(0.1, clipnorm=1.0)); a constant factor is its loss_scale_factor, without this class."
                )
        inner: Any = get(inner_optimizer)
        inner.loss_scale_factor = None
        self.inner_optimizer: Optimizer = inner
        super().__init__(learning_rate=inner._rate, name=name)
        inner._in_variables = _Inner(self)
        self.initial_scale = float(initial_scale)
        self.dynamic_growth_steps = dynamic_growth_steps
        self._unscaled = False

    @property
    def _rate(self) -> Any:
        return self.inner_optimizer._rate

    @_rate.setter
    def _rate(self, rate: Any) -> None:
        self.inner_optimizer._rate = rate

    def remember(self, variables: Iterable[Assignable], names: Iterable[str]) -> None:
        """Note which variables the leaves of the state belong to, here and in the inner optimizer."""
        super().remember(variables, names)
        self.inner_optimizer.remember(self._trained, self._keys)

    def init(self, params: Tree) -> OptimizerState:
        """The state before the first step: the inner optimizer's, and the factor."""
        inner = self.inner_optimizer.init(params)
        slots = ScaleSlots(inner, jnp.asarray(self.initial_scale, jnp.float32), jnp.zeros((), jnp.int32))
        return OptimizerState(inner.iterations, inner.learning_rate, slots)

    def _update(
        self, grads: Tree, state: OptimizerState, params: Tree, constraints: Constraints, missing: frozenset[str]
    ) -> tuple[Tree, OptimizerState]:
        slots = state.slots
        old = _Inner(self).of(state)
        grads = jax.tree.map(lambda g: g / slots.scale, widen(grads))
        finite = jnp.all(jnp.asarray([jnp.isfinite(g).all() for g in jax.tree.leaves(grads)], bool))
        moved = self.inner_optimizer.whole_update(grads, old, params, constraints, missing)
        new_params, inner = jax.tree.map(lambda new, before: jnp.where(finite, new, before), moved, (params, old))
        grown = slots.good_steps + 1 >= self.dynamic_growth_steps
        scale = jnp.where(finite, jnp.where(grown, slots.scale * 2, slots.scale), slots.scale / 2)
        good_steps = jnp.where(finite & ~grown, slots.good_steps + 1, 0)
        return new_params, OptimizerState(inner.iterations, inner.learning_rate, ScaleSlots(inner, scale, good_steps))

    def finalize(self, params: Tree, state: OptimizerState) -> Tree:
        """As the inner optimizer."""
        return self.inner_optimizer.finalize(params, state.slots.inner)

    def scale_loss(self, loss: Array) -> Array:
        """The loss to differentiate in a loop that calls `apply`: multiplied by the current factor."""
        return loss * (self.initial_scale if self._state is None else self._state.slots.scale)

    get_scaled_loss = scale_loss  # Keras 2's name

    def get_unscaled_gradients(self, grads: Sequence[Array | None]) -> list[Array | None]:
        """Keras 2's way: the gradients divided by the factor, for the next `apply_gradients`, which would do it otherwise."""
        self._unscaled = True
        return [None if g is None else g / self.scale_loss(jnp.float32(1)) for g in grads]

    def apply(self, grads: Sequence[Array | None], trainable_variables: Iterable[Assignable] | None = None) -> None:
        """Change the variables by the gradients of a scaled loss, unless `get_unscaled_gradients` gave them."""
        if self._unscaled:
            self._unscaled = False
            grads = [None if g is None else g * self.scale_loss(jnp.float32(1)) for g in grads]
        super().apply(grads, trainable_variables)

    def loss_scale(self, state: OptimizerState) -> Array:
        """The current factor for the loss."""
        return state.slots.scale

    def get_config(self) -> dict[str, Any]:
        """The inner optimizer's config and the constructor's other arguments."""
        return {
            "name": self.name,
            "inner_optimizer": serialize(self.inner_optimizer),
            "initial_scale": self.initial_scale,
            "dynamic_growth_steps": self.dynamic_growth_steps,
        }


class _Inner(PartOfState):
    """The state of the inner optimizer, whose numbers the whole state holds."""

    def of(self, state: OptimizerState) -> OptimizerState:
        """The part in a whole state."""
        inner: OptimizerState = state.slots.inner
        return inner._replace(iterations=state.iterations, learning_rate=state.learning_rate)

    def into(self, state: OptimizerState, part: OptimizerState) -> OptimizerState:
        """The whole state with another part."""
        return OptimizerState(part.iterations, part.learning_rate, state.slots._replace(inner=part))


def with_loss_scale(optimizer: object) -> LossScaleOptimizer:
    """The optimizer with dynamic loss scaling, unless it has it."""
    return optimizer if isinstance(optimizer, LossScaleOptimizer) else LossScaleOptimizer(optimizer, name="loss_scale_optimizer")

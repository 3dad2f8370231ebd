"""Any optax transformation as an optimizer.

The transformation holds its own learning rate, clipping and decay; nothing is added to it. Its learning rate can be read and
set where it was built with `optax.inject_hyperparams`, which keeps it as an array in the state.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import optax

from jkeras._base.errors import describe
from jkeras._base.registry import export
from jkeras._base.types import Tree
from jkeras.optimizers.base import Optimizer, keep
from jkeras.optimizers.constraining import constrain
from jkeras.optimizers.face import replace_scalar
from jkeras.optimizers.state import Constraints, OptimizerState


@export("keras.optimizers.OptaxOptimizer")
class OptaxOptimizer(Optimizer):
    """An `optax.GradientTransformation` behind the interface of `Optimizer`.

    Args:
        transformation: what `optax.adam(1e-3)` or `optax.chain(...)` gives.
        name: a name; `optax_optimizer` by default.

    Raises:
        TypeError: `transformation` is something else.

    Example:
        >>> optimizer = OptaxOptimizer(optax.sgd(0.5))
        >>> params, grads = {"w": jnp.asarray(2.0)}, {"w": jnp.asarray(1.0)}
        >>> params, state = optimizer.update(grads, optimizer.init(params), params)
        >>> float(params["w"])
        1.5
    """

    def __init__(self, transformation: optax.GradientTransformation, name: str | None = None):
        if not isinstance(transformation, optax.GradientTransformation):
            raise TypeError(f"Expected an optax transformation such as optax.adam(1e-3); received {describe(transformation)}.")
        super().__init__(learning_rate=0.0, name=name)
        self.transformation = transformation

    def rule(self) -> optax.GradientTransformationExtraArgs:
        """The transformation itself; it ignores the learning rate and the step it is given."""
        return optax.with_extra_args_support(self.transformation)

    def get_config(self) -> dict[str, Any]:
        """Not possible: an optax transformation is a pair of functions.

        Raises:
            TypeError: always.
        """
        raise TypeError("An optax transformation has no config. Keep the line that builds it, and pass it to `compile` again.")

    def _initial_rate(self) -> None:
        return None

    def _update(
        self, grads: Tree, state: OptimizerState, params: Tree, constraints: Constraints, missing: frozenset[str]
    ) -> tuple[Tree, OptimizerState]:
        updates, slots = self.rule().update(grads, state.slots, params)
        new_params = optax.apply_updates(params, updates)
        if missing:
            new_params, slots = keep(missing, (new_params, slots), (params, state.slots))
        return constrain(new_params, constraints), state._replace(iterations=state.iterations + 1, slots=slots)

    def _read_rate(self) -> jax.Array:
        rate = None if self._state is None else optax.tree_utils.tree_get(self._state.slots, "learning_rate")
        if rate is None:
            raise AttributeError(
                "The learning rate is inside the optax transformation and cannot be read or set"
                + (" before the optimizer is built. " if self._state is None else ". ")
                + "Build it as optax.inject_hyperparams(optax.adam, hyperparam_dtype=jnp.float32)(learning_rate=1e-3)."
            )
        return jnp.asarray(rate)

    def _write_rate(self, value: Any) -> None:
        new = replace_scalar(self._read_rate(), float(value))
        state = self._check_built()
        self._state = state._replace(slots=optax.tree_utils.tree_set(state.slots, learning_rate=new))

"""TimeDistributed: the same layer at each step of a sequence.

Steps are independent, so `jax.vmap` maps the layer over the time axis: each of its products and convolutions becomes one over
batch and time. The result is that of a loop over the steps, also for layers that look at their batch as a whole. Only a layer
that changes its own state in training (batch normalization) makes a step depend on the previous one: then the steps run in a
`scan` that passes the state on.
"""

from __future__ import annotations

from typing import Unpack

import jax
import jax.numpy as jnp

from jkeras._base.errors import describe
from jkeras._base.registry import export
from jkeras._base.types import Tree
from jkeras.graph import Spec
from jkeras.layer.base import BaseArguments, Layer
from jkeras.layer.pure import layer_positions
from jkeras.layer.structures import is_shape
from jkeras.layer.tracking import state_entries
from jkeras.layers.wrapper import Wrapper
from jkeras.state.functionalize import functionalize
from jkeras.state.random import draw_key
from jkeras.state.scope import current

# Up to this many steps a scan is unrolled: XLA:CPU runs some products and convolutions far slower inside a loop.
UNROLLED_STEPS = 16


@export("keras.layers.TimeDistributed")
class TimeDistributed(Wrapper):
    """Apply a layer to every step of the inputs' second axis.

    Args:
        layer: any layer or model; all steps share its weights.
        kwargs: the arguments of every layer.

    Call:
        inputs: `(batch, time, ...)`, or a structure of such arrays.
        training: passed to the layer, which in training draws new numbers at each step and updates its state step by step.
        mask: `(batch, time, ...)`: the layer gets the part of each step, if it takes a mask. The whole travels on.

    Returns:
        `(batch, time, ...)`. Losses that the layer adds count for each step. (Keras leaves out the layer's own
        `activity_regularizer`.)

    Example:
        >>> import numpy as np
        >>> from jkeras.layers import Dense
        >>> TimeDistributed(Dense(4))(np.ones((2, 5, 3), np.float32)).shape
        (2, 5, 4)
    """

    supports_masking = True

    def __init__(self, layer: Layer, **kwargs: Unpack[BaseArguments]):
        super().__init__(layer, **kwargs)
        # The inner layer casts its inputs, and may want them as they are.
        self.autocast = False

    def build(self, input_shape: Tree = None) -> None:
        """Make the layer's weights for one step of inputs of this shape."""
        self.layer._ensure_built((jax.tree.map(self._step_spec, input_shape, is_leaf=is_shape),), {})

    def _step_spec(self, shape: Tree) -> Spec:
        if len(shape) < 3:
            raise ValueError(f"{self.name} takes inputs of at least 3 axes, (batch, time, ...). Received shape: {tuple(shape)}.")
        return Spec((shape[0], *shape[2:]), self.layer.compute_dtype)

    def call(self, inputs: Tree, training: bool | None = None, mask: Tree = None) -> Tree:
        """The layer's outputs, step by step along the second axis."""
        first = jax.tree.leaves(inputs)[0]
        if mask is not None and (mask.ndim < 2 or mask.shape[:2] != first.shape[:2]):
            raise ValueError(f"{self.name}: a mask begins with (batch, time), as {describe(first)}. Received: {describe(mask)}.")
        variables = [variable for _, variable in state_entries(self.layer)]
        pure = functionalize(self.layer, variables, layer_positions(self.layer))
        part = mask if self.layer._plan.takes_mask else None
        key = self._key(bool(training))
        keys = None if key is None else jax.random.split(key, first.shape[1])
        values = [variable.array for variable in variables]
        changed: set[int] = set()

        def step(values: list[jax.Array], now: tuple[Tree, Tree, Tree]) -> tuple[list[jax.Array], Tree]:
            x, part, rng = now
            result = pure(values, x, rng=rng, training=training, **({} if part is None else {"mask": part}))
            changed.update(i for i, (a, b) in enumerate(zip(values, result.values)) if a is not b)
            return result.values, (result.output, result.losses)

        axes = (1, None if part is None else 1, None if keys is None else 0)
        mapped = jax.vmap(lambda *now: step(values, now)[1], axes, (1, 0))
        if not all(variable.trainable for variable in variables):
            jax.eval_shape(mapped, inputs, part, keys)  # computes nothing, but finds what a step changes
        if changed:
            steps = jax.tree.map(lambda a: jnp.moveaxis(a, 1, 0), (inputs, part))
            after, (outputs, losses) = jax.lax.scan(step, values, (*steps, keys), unroll=first.shape[1] <= UNROLLED_STEPS)
            outputs = jax.tree.map(lambda a: jnp.moveaxis(a, 0, 1), outputs)
            for i in changed:
                variables[i].assign(after[i])
        else:
            outputs, losses = mapped(inputs, part, keys)
        for value in losses:
            self.add_loss(jnp.sum(value))
        return outputs

    def _key(self, training: bool) -> jax.Array | None:
        """A key for the layer's draws; None if there is none, which is an error in a layer that draws."""
        scope = current()
        given = training if not scope.functional else scope.rng is not None or scope.abstract
        return draw_key(self) if given else None

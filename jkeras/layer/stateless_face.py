"""Keras 3's stateless face: `stateless_call`, with lists of arrays in the order of the lists of variables.

    y, non_trainable = model.stateless_call(trainable, non_trainable, x, training=True)

The lists are `trainable_variables` and `non_trainable_variables`. The second holds what a call may change: the other weights,
what recurrent layers keep between batches, and, where a layer draws random numbers, one `SeedState` for all of them. Inside code
that has a key of its own, such as the steps of `fit`, draws take that key and the seed stays as it is. The pure face of this
package is `apply` (`pure.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp
import numpy as np

from jkeras._base.compiling import precision_scope
from jkeras._base.types import Array, Tensor, Tree
from jkeras.layer.leaks import hide_tracers
from jkeras.layer.pure import layer_positions, refuse_assigned
from jkeras.layer.tracking import KeptState, inventory, weight_entries
from jkeras.state import random
from jkeras.state.functionalize import functionalize
from jkeras.state.scope import current, set_mask
from jkeras.state.seed_generator import SeedGenerator
from jkeras.state.variable import Variable

if TYPE_CHECKING:
    from jkeras.layer.base import Layer

_COUNT = """{layer!r} has {expected} {name}, so that stateless_call takes as many arrays in this place. Received: {received}.
Take the lists from the model itself:

    model.stateless_call(model.trainable_variables, model.non_trainable_variables, x)"""

_SHAPE = "{name} holds an array of shape {received} for the variable {path!r}, whose shape is {expected}."


class SeedState(Variable):
    """A seed and a count, from which the draws of a layer and those below it derive in a stateless call."""


class StatelessFace:
    """`stateless_call`, and the lists of variables that it goes by."""

    def stateless_call(  # type: ignore[misc]
        self: Layer,
        trainable_variables: Sequence[Tensor],
        non_trainable_variables: Sequence[Tensor],
        *args: Tree,
        return_losses: bool = False,
        **kwargs: Tree,
    ) -> tuple[Tree, ...]:
        """The layer's outputs as a pure function of lists of arrays.

        Args:
            trainable_variables, non_trainable_variables: arrays (or variables) in the order of the attributes of these names.
            args, kwargs: of the call.
            return_losses: whether to give `losses` as well: what the call added, and the regularization of weights.

        Returns:
            `(outputs, non_trainable_variables)`, the latter as the call leaves them, or these and the losses.

        Raises:
            ValueError: the layer is not built, or a list does not fit.

        Example:
            >>> from jkeras.layers import Dense
            >>> layer = Dense(2)
            >>> layer.build((None, 3))
            >>> y, others = jax.jit(layer.stateless_call)(layer.trainable_variables, [], jnp.ones((4, 3)))
            >>> y.shape, others
            ((4, 2), [])
        """
        self._require_built("stateless_call", "layer.build(input_shape)")
        trained, others = self.trainable_variables, self.non_trainable_variables
        values = _arrays(self, "trainable_variables", trained, trainable_variables)
        values += _arrays(self, "non_trainable_variables", others, non_trainable_variables)
        listed = {id(variable): value for variable, value in zip((*trained, *others), values)}
        seed = next((listed[id(variable)] for variable in others if isinstance(variable, SeedState)), None)
        rest = [variable for _, variable in inventory(self).entries if id(variable) not in listed]
        variables, values = [*trained, *others, *rest], [*values, *(variable.array for variable in rest)]
        rng, next_seed = _key_and_next_seed(self, seed)

        def call() -> tuple[Tree, list[Array]]:
            outputs = self(*args, **kwargs)
            return outputs, list(self.losses) if return_losses else []

        training = kwargs.pop("training", current().training)
        try:
            with precision_scope():
                result = functionalize(call, variables, layer_positions(self))(values, rng=rng, training=training)
        finally:
            hide_tracers(self)
        paths = {id(variable): path for path, variable in weight_entries(self)}
        entries = [((paths[id(variable)], variable), old, new) for variable, old, new in zip(trained, values, result.values)]
        refuse_assigned(entries, set(paths.values()), training)
        outputs, losses = result.output
        leaves = jax.tree.leaves(outputs)
        for number, mask in result.masks.items():
            if number < len(leaves):
                set_mask(leaves[number], mask)
        pairs = zip(others, result.values[len(trained) :])
        after = [next_seed if isinstance(variable, SeedState) else value for variable, value in pairs]
        return (outputs, after, losses) if return_losses else (outputs, after)

    def _beside_weights(self: Layer) -> list[Variable]:  # type: ignore[misc]
        """What a call may change and is no weight."""
        kept: list[Variable] = [variable for _, variable in weight_entries(self) if isinstance(variable, KeptState)]
        draws = any(
            (part._plan.takes_rng and part.draws) or any(isinstance(v, SeedGenerator) for v in vars(part).values())
            for part in inventory(self).layers
        )
        if draws and "_seed_state" not in self.__dict__:
            with random.taking_nothing():
                seed = np.array(random.stream_position(), np.uint32)
                self.__dict__["_seed_state"] = SeedState(seed, trainable=False, autocast=False, name="seed_generator_state")
        return [*kept, self.__dict__["_seed_state"]] if draws else kept


def _arrays(layer: Layer, name: str, variables: list[Variable], values: Sequence[Tensor]) -> list[Array]:
    """A list of values as arrays in their variables' dtypes."""
    if len(values) != len(variables):
        raise ValueError(_COUNT.format(layer=layer.name, name=name, expected=len(variables), received=len(values)))
    arrays = []
    for variable, value in zip(variables, values):
        array = jnp.asarray(value.array if isinstance(value, Variable) else value, variable.stored_dtype)
        if array.shape != variable.shape:
            raise ValueError(_SHAPE.format(name=name, received=array.shape, path=variable.path, expected=variable.shape))
        arrays.append(array)
    return arrays


def _key_and_next_seed(layer: Layer, seed: Array | None) -> tuple[Array, Array | None]:
    """The key of a call, and the seed for the next one. The key of the code around comes first."""
    if current().rng is not None:
        return random.draw_key(layer), seed
    if seed is None:
        return jax.random.key(random.stream_position()[0]), None
    return jax.random.fold_in(jax.random.key(seed[0]), seed[1]), seed.at[1].add(1)

"""Optimizers that override `apply` or `apply_gradients`: what the method does to gradients is part of the compiled step.

    class Centralized(Adam):
        def apply(self, grads, trainable_variables=None):
            return super().apply([g - ops.mean(g) for g in grads], trainable_variables)

In a hand-written loop the method is called as it stands. In `fit` the step calls it with variables that have the step's values,
and `super().apply` leads to the library's step.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp

from jkeras._base.types import Array, Tree
from jkeras.optimizers.state import Assignable, Constraints, leaf_name, named_leaves
from jkeras.state.functionalize import functionalize
from jkeras.state.scope import current
from jkeras.state.variable import Variable

if TYPE_CHECKING:
    from jkeras.optimizers.base import Optimizer

_LIBRARY = f"{__name__.partition('.')[0]}."


class Inner:
    """A step that runs through an overridden `apply`.

    Args:
        optimizer: whose step it is.
        places: the weights' variables by name.
        state: before the step; what `super().apply` makes of it afterwards.
        constraints: by name.
    """

    def __init__(self, optimizer: Optimizer, places: Mapping[str, Variable], state: Tree, constraints: Constraints):
        self.optimizer, self.places, self.state, self.constraints = optimizer, places, state, constraints

    def apply(self, grads: Sequence[Array | None], variables: Iterable[Assignable] | None) -> None:
        """What `super().apply` does there."""
        keys = {id(variable): key for key, variable in self.places.items()}
        found = dict(zip([keys[id(v)] for v in (self.places.values() if variables is None else variables)], grads))
        missing = frozenset(key for key in self.places if found.get(key) is None)
        before = {key: variable.array for key, variable in self.places.items()}
        filled = {key: jnp.zeros_like(before[key]) if key in missing else jnp.asarray(found[key]) for key in before}
        nest = self.optimizer._nest
        after, self.state = self.optimizer._update(nest(filled), self.state, nest(before), self.constraints, missing)
        for key, value in named_leaves(after).items():
            self.places[key].assign(value)


def through_own_apply(
    optimizer: Optimizer, grads: Tree, state: Tree, params: Tree, constraints: Constraints, missing: frozenset[str]
) -> tuple[Tree, Tree]:
    """One step through an `apply` or `apply_gradients` that the optimizer's class overrides; arguments as for `_update`."""
    before, gradients = named_leaves(params), named_leaves(grads)
    places = optimizer.variables_of(before)
    optimizer._inner = inner = Inner(optimizer, places, state, constraints)

    def run() -> None:
        given = [(None if name in missing else gradients[name], variable) for name, variable in places.items()]
        if overrides(optimizer, "apply_gradients"):
            optimizer.apply_gradients(given)
        else:
            optimizer.apply([g for g, _ in given], [v for _, v in given])

    try:
        after = functionalize(run, list(places.values()))([before[name] for name in places], rng=current().rng).values
    finally:
        optimizer._inner = None
    new = dict(zip(places, after))
    return jax.tree_util.tree_map_with_path(lambda path, _: new[leaf_name(path)], params), inner.state


def overrides(optimizer: object, *names: str) -> bool:
    """Whether a class of the user's own defines one of these methods."""
    return any(not getattr(type(optimizer), name).__module__.startswith(_LIBRARY) for name in names)

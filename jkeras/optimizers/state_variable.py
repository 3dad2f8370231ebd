"""`StateVariable`: a leaf of an optimizer's state as a variable, as Keras' `optimizer.variables` lists them.

Between steps it shows what the state holds and writes there. In code that gives it another value (`StatelessScope`, the
`update_step` of a class in Keras' form) it is a variable like any other.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from typing import Any, Protocol

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from jkeras._base.types import Array
from jkeras.optimizers.state import OptimizerState, named_leaves, split_name
from jkeras.state.random import taking_nothing
from jkeras.state.scope import is_traced, scope_of
from jkeras.state.variable import Variable

_TRACED = """A value that JAX is still tracing was assigned to {path!r}, a variable of an optimizer, which lasts longer than the
traced function. Pass the variables to the function as a list of arrays, and return new ones:

    weights, optimizer_variables = optimizer.stateless_apply(optimizer_variables, grads, weights)
"""


class Owner(Protocol):
    """An optimizer as its variables see it."""

    name: str
    _at_work: bool
    _in_variables: Any  # not None in a traced function whose program hands the state through

    @property
    def state(self) -> OptimizerState | None: ...

    @state.setter
    def state(self, state: OptimizerState | None) -> None: ...

    def _write_rate(self, value: object) -> None: ...

    @property
    def shown_state(self) -> OptimizerState:
        """The state, or what it begins with."""


class StateVariable(Variable):
    """A variable of an optimizer.

    Args:
        owner: the optimizer.
        leaf: name of the leaf, such as `slots/momentums/dense/kernel`.
        first: its first value.
        name: by default the leaf's.
        kwargs: as for `Variable`.
    """

    def __init__(self, owner: Owner, leaf: str, first: Any, name: str | None = None, **kwargs: Any):
        super().__init__(first, trainable=False, name=name or leaf.removeprefix("slots/").replace("/", "_"), **kwargs)
        self.owner, self.leaf = owner, leaf
        self.path = f"{owner.name}/{self.name}"

    @property
    def stored(self) -> Array:
        """The current array, a copy where it is the state's, which a step gives away."""
        held = self._held()
        scope = scope_of(self)
        if held is None or (scope is not None and scope.values is not None and id(self) in scope.values):
            return Variable.stored.fget(self)  # type: ignore[attr-defined]
        return jnp.copy(held)

    def assign(self, value: ArrayLike) -> Array:
        """Put a new array in its place."""
        if self._held() is None or scope_of(self) is not None:
            return super().assign(value)
        if is_traced(value) and self.owner._in_variables is None:
            raise ValueError(_TRACED.format(path=self.path))
        new = jnp.array(value, self.stored_dtype).reshape(self.shape)  # a copy: the state is given away
        if self.leaf == "learning_rate":
            self.owner._write_rate(new)
            return new
        leaves, structure = jax.tree.flatten(self.owner.state)
        if not leaves:
            raise ValueError("The optimizer has no state yet: call `optimizer.build(trainable_variables)` first.")
        leaves[_numbers_of_leaves(structure)[self.leaf]] = new
        self.owner.state = jax.tree.unflatten(structure, leaves)
        return new

    def __repr__(self) -> str:
        return f"<Variable path={self.path}, shape={self.shape}, dtype={self.stored_dtype}, value={np.asarray(self.stored)}>"

    def _held(self) -> Array | None:
        """The state's array, where the optimizer's class is not at work on variables of its own."""
        if self.owner._at_work:
            return None
        leaves, structure = jax.tree.flatten(self.owner.shown_state)
        number = _numbers_of_leaves(structure).get(self.leaf)
        return None if number is None else leaves[number]


@functools.lru_cache(maxsize=16)
def _numbers_of_leaves(structure: jax.tree_util.PyTreeDef) -> dict[str, int]:
    """By name; a walk over names takes long, and each variable of an optimizer asks."""
    return named_leaves(jax.tree.unflatten(structure, range(structure.num_leaves)))


def view_of(owner: Owner, leaf: str, array: Array, weights: Iterable[str]) -> StateVariable:
    """A variable for a leaf of the state.

    Args:
        owner: the optimizer.
        leaf: name of the leaf.
        array: what it holds.
        weights: names of the weights.
    """
    place, weight = split_name(leaf, frozenset(weights))
    kind = _KINDS.get(place) or _singular(place.rpartition("/")[2])
    name = kind if weight is None else f"{weight.replace('/', '_')}_{kind}"
    with taking_nothing():
        return StateVariable(owner, leaf, "zeros", name, shape=array.shape, dtype=array.dtype)


# What Keras calls them.
_KINDS = {"iterations": "iteration", "ema": "average", "accumulators": "gradient_accumulator"}


def _singular(name: str) -> str:
    return f"{name[:-3]}y" if name.endswith("ies") else name.removesuffix("s")

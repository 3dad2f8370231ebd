"""The state of an optimizer in Variables, for steps that apply it to Variables within a traced function.

In `fit` a program takes the optimizer's state and gives the next one. A function with a gradient tape calls `apply_gradients`
instead, on as many optimizers as it likes, and nobody hands their states through. So these states move into Variables: like those
of the model they are arguments and results of the program around the function (`state/functionalize.py`).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import jax

from jkeras._base.copying import copied
from jkeras._base.types import Tree
from jkeras.optimizers.state import OptimizerState
from jkeras.state.random import taking_nothing
from jkeras.state.variable import Variable

_ALWAYS = -1  # an age: the function that is traced did not make them, even where it was the first to need them


class StateInVariables:
    """A state whose leaves are held by Variables.

    Args:
        state: pytree of arrays.
        names: of the leaves.
    """

    def __init__(self, state: Tree, names: Iterable[str]):
        leaves, self.structure = jax.tree.flatten(state)
        with taking_nothing():
            self.variables = [
                Variable(leaf, trainable=False, autocast=False, name=name.replace("/", "_"))
                for name, leaf in zip(names, copied(leaves))
            ]
        for variable in self.variables:
            variable._age = _ALWAYS

    def read(self) -> Tree:
        """The state now."""
        return jax.tree.unflatten(self.structure, [variable.stored for variable in self.variables])

    def write(self, state: Tree) -> None:
        """Put another state into the Variables."""
        for variable, leaf in zip(self.variables, jax.tree.leaves(state)):
            variable.assign(leaf)


class PartOfState:
    """The state of an optimizer inside another one: where it looks in place of an attribute of its own.

    Reading gives the part of the state that the whole has now, and writing changes what its next step takes. The whole may itself
    be inside another optimizer.

    Args:
        whole: the optimizer around it.
    """

    def __init__(self, whole: Any):
        self.whole = whole

    @property
    def structure(self) -> Any:
        """That of the part now."""
        return jax.tree.structure(self.read())

    def read(self) -> OptimizerState | None:
        """The part now; None before there is a state."""
        state = self.whole._state
        return None if state is None else self.of(state)

    def write(self, part: OptimizerState) -> None:
        """Put another part into the whole state."""
        self.whole.state = self.into(self.whole._check_built(), part)

    def of(self, state: OptimizerState) -> OptimizerState | None:
        """The part in a state of the whole; None where there is none yet."""
        raise NotImplementedError(f"{type(self).__name__} must define `of(self, state)` and return a part of the state.")

    def into(self, state: OptimizerState, part: OptimizerState) -> OptimizerState:
        """A state of the whole with another part."""
        raise NotImplementedError(f"{type(self).__name__} must define `into(self, state, part)` and return the whole state.")

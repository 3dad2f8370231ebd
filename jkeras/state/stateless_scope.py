"""`StatelessScope`: Keras 3's way to run code on other values of its variables, and to see what it assigned."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextvars import Token

import jax.numpy as jnp

from jkeras._base.errors import describe
from jkeras._base.types import Array, Tensor
from jkeras.state.random import next_key
from jkeras.state.scope import Scope, current, pop, push, substitute
from jkeras.state.variable import Variable


class StatelessScope:
    """While it is open, variables read as given here, and what is assigned to any variable stays in it.

    `functionalize` does the same for a function, as a pure function. Random draws take the key of the code around, or else the
    next one of the global stream.

    Args:
        state_mapping: pairs `(variable, value)`.
        collect_losses: whether `losses` lists what `add_loss` adds meanwhile.
        initialize_variables: Keras' argument; variables draw their first value when it is needed.

    Raises:
        ValueError: a key that is no variable, or a value of another shape.

    Example:
        >>> counter = Variable(1.0, name="counter")
        >>> with StatelessScope([(counter, 5.0)]) as scope:
        ...     _ = counter.assign_add(2.0)
        >>> float(scope.get_current_value(counter)), float(counter.value)
        (7.0, 1.0)
    """

    def __init__(
        self,
        state_mapping: Iterable[tuple[Variable, Tensor]] | Mapping[Variable, Tensor] | None = None,
        collect_losses: bool = False,
        initialize_variables: bool = True,
    ):
        self.collect_losses, self.initialize_variables = collect_losses, initialize_variables
        self.losses: list[Array] = []
        self.state_mapping: dict[int, Array] = {}
        self._held: list[Variable] = []  # so that an id stays that of its variable
        self._open: list[tuple[Token[Scope], Scope]] = []
        pairs = state_mapping.items() if isinstance(state_mapping, Mapping) else state_mapping or ()
        for update in pairs:
            self.add_update(update)

    def add_update(self, update: tuple[Variable, Tensor]) -> None:
        """Give a variable a value in this scope.

        Args:
            update: the variable and the value.
        """
        variable, value = update
        if not isinstance(variable, Variable):
            raise ValueError(f"state_mapping is a list of pairs (variable, value). Received as variable: {describe(variable)}.")
        array = jnp.asarray(value.array if isinstance(value, Variable) else value, variable.stored_dtype)
        if array.shape != variable.shape:
            raise ValueError(f"The variable {variable.path!r} has shape {variable.shape}. Received: {describe(array)}.")
        self.state_mapping[id(variable)] = array
        self._held.append(variable)

    def add_loss(self, loss: Array) -> None:
        """Add to `losses`."""
        self.losses.append(loss)

    def get_current_value(self, variable: Variable) -> Array | None:
        """The value that a variable has in this scope; None where it was neither given nor assigned."""
        return self.state_mapping.get(id(variable))

    def __enter__(self) -> StatelessScope:
        around = current()
        rng = next_key() if around.rng is None else around.rng
        scope = substitute(self.state_mapping, rng=rng, training=around.training, positions=around.positions)
        scope.keeps_all, scope.counts = True, around.counts
        self._open.append((push(scope), scope))
        return self

    def __exit__(self, *error: object) -> None:
        token, scope = self._open.pop()
        pop(token)
        if self.collect_losses:
            self.losses += [loss for _, loss in scope.losses or ()]

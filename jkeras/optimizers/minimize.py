"""`optimizer.minimize(loss, variables)`: gradients of a function, or of what a tape has seen, and the step with them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import jax

from jkeras._base.errors import describe
from jkeras._base.types import Array
from jkeras.optimizers.state import Assignable
from jkeras.state.functionalize import functionalize
from jkeras.state.random import next_key
from jkeras.state.tape import GradientTape, recording
from jkeras.state.variable import Variable

if TYPE_CHECKING:
    from jkeras.optimizers.state_number import Iterations

_NO_TAPE = """optimizer.minimize takes a function without arguments that returns the loss, or a loss together with the tape that
saw it. Received loss={loss} and no tape. Write one of

    optimizer.minimize(lambda: loss_fn(y, model(x)), model.trainable_variables)
    optimizer.minimize(loss, model.trainable_variables, tape=tape)
"""


class Minimizing:
    """What an optimizer does with a loss rather than with its gradients."""

    apply_gradients: Callable[..., Iterations]

    def minimize(
        self, loss: Callable[[], Array] | Array, var_list: Sequence[Variable], tape: GradientTape | None = None
    ) -> Iterations:
        """Change variables by one step that makes a loss smaller.

        Args:
            loss: a function without arguments that returns a scalar; or a scalar, with its tape.
            var_list: the variables, or a function that returns them.
            tape: that saw the loss.

        Returns:
            How many steps the optimizer has made.

        Raises:
            ValueError: a scalar without a tape.

        Example:
            >>> from jkeras import Variable, optimizers
            >>> w, optimizer = Variable(3.0, name="w"), optimizers.SGD(0.25)
            >>> _ = optimizer.minimize(lambda: w * w, [w])
            >>> float(w.value)
            1.5
        """
        return self.apply_gradients(self.compute_gradients(loss, var_list, tape))

    def compute_gradients(
        self, loss: Callable[[], Array] | Array, var_list: Sequence[Variable], tape: GradientTape | None = None
    ) -> list[tuple[Array | None, Assignable]]:
        """Pairs of gradients and variables, for `apply_gradients`; arguments as for `minimize`."""
        if not callable(loss):
            if tape is None:
                raise ValueError(_NO_TAPE.format(loss=describe(loss)))
            variables = list(var_list() if callable(var_list) else var_list)
            return list(zip(tape.gradient(loss, variables), variables))
        if recording() is not None:
            with GradientTape() as own:
                value = loss()
            variables = list(var_list() if callable(var_list) else var_list)
            return list(zip(own.gradient(value, variables), variables))
        if callable(var_list):
            loss()  # Keras' order: the first call may make the variables
            var_list = var_list()
        variables = list(var_list)

        pure, key = functionalize(loss, variables), next_key()
        grads = jax.grad(lambda values: pure(values, rng=key).output)([variable.array for variable in variables])
        return list(zip(grads, variables))

"""The loop that all compiled programs over batches are made of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from jax import lax


def counted_loop(start: Any, stop: Any, body: Callable[[Any, Any], Any], carry: Any) -> Any:
    """`lax.fori_loop` with bounds known at run time.

    JAX keeps what it traced for as long as the traced function lives, and for a `fori_loop` that includes a function of JAX' own,
    which lives for ever: every model that a process makes would leave something behind. Here both functions go with the program.

    Args:
        start, stop: the numbers that `body` is called with, `stop` excluded.
        body: `(number, carry) -> carry`.
        carry: what goes from one turn to the next.

    Example:
        >>> int(counted_loop(1, 4, lambda number, total: total + number, 0))
        6
    """

    def goes_on(turn: Any) -> Any:
        return turn[0] < turn[1]

    def run(turn: Any) -> Any:
        number, stop, carry = turn
        return number + 1, stop, body(number, carry)

    return lax.while_loop(goes_on, run, (start, stop, carry))[2]

"""A live view of one number of an optimizer's state.

Keras users write `float(optimizer.learning_rate)`, `optimizer.learning_rate.assign(1e-4)`, `optimizer.learning_rate * 0.5`,
`optimizer.iterations.numpy()`. `StateNumber` allows all of these: it reads and writes the state at the moment it is asked, and
arithmetic with it gives plain numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike, DTypeLike


class StateNumber:
    """A live view of one number of an optimizer: behaves as a number when read, takes `assign` when written.

    Args:
        read: gives the current scalar.
        write: takes the new one.

    Example:
        >>> held = [0.5]
        >>> rate = StateNumber(lambda: held[0], lambda v: held.__setitem__(0, v))
        >>> rate.assign(0.25)
        >>> float(rate), rate * 2, f"{rate:.3f}"
        (0.25, 0.5, '0.250')
    """

    stands_for_number = True

    # Above jax and numpy arrays, so that `array * rate` comes to `__rmul__` here.
    __array_priority__ = 200

    def __init__(self, read: Callable[[], ArrayLike], write: Callable[[Any], None]):
        self._read, self._write = read, write

    @property
    def value(self) -> jax.Array:
        """The current scalar as an array."""
        return jnp.asarray(self._read())

    def numpy(self) -> np.ndarray:
        """The current scalar as a NumPy array."""
        return np.asarray(self._read())

    def assign(self, value: object) -> None:
        """Set the number; a compiled step sees it from the next call on, without compiling again."""
        self._write(value)

    def item(self) -> float:
        """The current scalar as a Python number."""
        return self.numpy().item()

    def _plain(self) -> Any:
        """The current scalar for arithmetic: a number, or inside of a step the array that is not known yet."""
        value = self._read()
        return value if isinstance(value, jax.core.Tracer) else np.asarray(value).item()

    @property
    def dtype(self) -> jnp.dtype:
        """The dtype of the scalar."""
        return self.value.dtype

    @property
    def shape(self) -> tuple[int, ...]:
        """Always `()`."""
        return ()

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> np.ndarray:
        return np.array(self.numpy(), dtype=dtype)

    def __jax_array__(self) -> jax.Array:
        return self.value

    def __float__(self) -> float:
        return float(self.item())

    def __int__(self) -> int:
        return int(self.item())

    def __bool__(self) -> bool:
        return bool(self.item())

    def __format__(self, spec: str) -> str:
        return format(self.item(), spec) if spec else repr(self)

    def __repr__(self) -> str:
        # NumPy's form is the shortest that names the float32: 0.01, not 0.009999999776482582.
        return str(self.numpy())

    def __hash__(self) -> int:
        return hash(self.item())

    def __eq__(self, other: object) -> Any:
        return self._plain() == other

    def __lt__(self, other: object) -> Any:
        return self._plain() < other

    def __le__(self, other: object) -> Any:
        return self._plain() <= other

    def __gt__(self, other: object) -> Any:
        return self._plain() > other

    def __ge__(self, other: object) -> Any:
        return self._plain() >= other

    def __neg__(self) -> Any:
        return -self._plain()

    def __add__(self, other: object) -> Any:
        return self._plain() + other

    __radd__ = __add__

    def __sub__(self, other: object) -> Any:
        return self._plain() - other

    def __rsub__(self, other: object) -> Any:
        return other - self._plain()

    def __mul__(self, other: object) -> Any:
        return self._plain() * other

    __rmul__ = __mul__

    def __truediv__(self, other: object) -> Any:
        return self._plain() / other

    def __rtruediv__(self, other: object) -> Any:
        return other / self._plain()

    def __floordiv__(self, other: object) -> Any:
        return self._plain() // other

    def __mod__(self, other: object) -> Any:
        return self._plain() % other

    def __pow__(self, other: object) -> Any:
        return self._plain() ** other

    def __round__(self, digits: int | None = None) -> Any:
        return round(self._plain(), digits)


class LearningRate(StateNumber):
    """The live learning rate that `optimizer.learning_rate` gives."""


class Iterations(StateNumber):
    """The live count of weight changes that `optimizer.iterations` gives."""

    def __index__(self) -> int:
        return int(self)

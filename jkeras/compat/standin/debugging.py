"""`tf.debugging`: assertions on values. In a compiled function values are not known: there only shapes are checked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import DTypeLike

from jkeras._base.config import set_check_finite
from jkeras._base.tracebacks import disable_traceback_filtering, enable_traceback_filtering, is_traceback_filtering_enabled
from jkeras._base.types import Array, Tree
from jkeras.compat.standin.errors import InvalidArgumentError
from jkeras.state.scope import is_traced
from jkeras.state.variable import Variable

_COMPARISONS = {
    "equal": np.equal,
    "none_equal": np.not_equal,
    "less": np.less,
    "less_equal": np.less_equal,
    "greater": np.greater,
    "greater_equal": np.greater_equal,
}
_SIGNS: dict[str, Callable[[Any], Any]] = {
    "positive": lambda x: x > 0,
    "negative": lambda x: x < 0,
    "non_negative": lambda x: x >= 0,
    "non_positive": lambda x: x <= 0,
}


def _known(value: Tree) -> Any:
    """The values, or None where they are not known."""
    value = value.array if isinstance(value, Variable) else value
    return None if is_traced(value) else np.asarray(value)


def get_static_value(tensor: Tree, partial: bool = False) -> np.ndarray | None:
    """The values of an array; None in a compiled function, where they are not known.

    Example:
        >>> get_static_value([1, 2]).tolist()
        [1, 2]
    """
    return _known(tensor)


def _comparing(name: str, holds: Callable[[Any, Any], Any]) -> Callable[..., None]:
    def check(x: Tree, y: Tree, message: str | None = None, summarize: object = None, name: object = None, **_: object) -> None:
        one, other = _known(x), _known(y)
        if one is not None and other is not None and not np.all(holds(one, other)):
            raise InvalidArgumentError(f"{message or ''} {check.__name__}: it does not hold for {one} and {other}.".strip())

    check.__name__ = check.__qualname__ = f"assert_{name}"
    check.__doc__ = f"Raise InvalidArgumentError unless all entries of two arrays are {name.replace('_', ' ')}."
    return check


def _signed(name: str, holds: Callable[[Any], Any]) -> Callable[..., None]:
    def check(x: Tree, message: str | None = None, summarize: object = None, name: object = None, **_: object) -> None:
        value = _known(x)
        if value is not None and not np.all(holds(value)):
            raise InvalidArgumentError(f"{message or ''} {check.__name__}: it does not hold for {value}.".strip())

    check.__name__ = check.__qualname__ = f"assert_{name}"
    check.__doc__ = f"Raise InvalidArgumentError unless all entries of an array are {name.replace('_', ' ')}."
    return check


_made = {f"assert_{name}": _comparing(name, holds) for name, holds in _COMPARISONS.items()}
_made |= {f"assert_{name}": _signed(name, holds) for name, holds in _SIGNS.items()}
globals().update(_made)
__all__ = [
    *_made, "Assert", "assert_all_finite", "assert_integer", "assert_near", "assert_rank", "assert_rank_at_least",
    "assert_rank_in", "assert_scalar", "assert_shapes", "assert_type", "check_numerics", "disable_check_numerics",
    "enable_check_numerics", "is_numeric_tensor", "set_log_device_placement", "disable_traceback_filtering",
    "enable_traceback_filtering", "is_traceback_filtering_enabled",
]  # fmt: skip


def Assert(condition: Tree, data: Sequence[Tree] = (), summarize: object = None, name: object = None) -> None:
    """Raise InvalidArgumentError, with the data, unless a condition holds.

    Example:
        >>> Assert(1 < 2, ["fine"])
    """
    value = _known(condition)
    if value is not None and not np.all(value):
        raise InvalidArgumentError(f"Assert: expected a true condition. Data: {list(data)}.")


def assert_near(
    x: Tree, y: Tree, rtol: float | None = None, atol: float | None = None, message: str | None = None, summarize: object = None,
    name: object = None,
) -> None:  # fmt: skip
    """Raise InvalidArgumentError unless two arrays are close to each other."""
    one, other = _known(x), _known(y)
    if one is None or other is None:
        return
    tolerance = 10 * float(jnp.finfo(one.dtype if jnp.issubdtype(one.dtype, jnp.floating) else jnp.float32).eps)
    if not np.allclose(one, other, tolerance if rtol is None else rtol, tolerance if atol is None else atol):
        raise InvalidArgumentError(f"{message or ''} assert_near: {one} is not near {other}.".strip())


def assert_rank(x: Tree, rank: int, message: str | None = None, summarize: object = None, name: object = None) -> None:
    """Raise ValueError unless an array has so many axes."""
    assert_rank_in(x, [rank], message)


def assert_rank_in(
    x: Tree, ranks: Iterable[int], message: str | None = None, summarize: object = None, name: object = None
) -> None:
    """Raise ValueError unless an array has one of these numbers of axes."""
    wanted = [int(rank) for rank in ranks]
    if jnp.ndim(x) not in wanted:
        raise ValueError(f"{message or ''} Expected an array with {wanted} axes. Received: {np.shape(x)}.".strip())


def assert_rank_at_least(x: Tree, rank: int, message: str | None = None, summarize: object = None, name: object = None) -> None:
    """Raise ValueError where an array has fewer axes."""
    if jnp.ndim(x) < rank:
        raise ValueError(f"{message or ''} Expected an array with {rank} axes or more. Received: {np.shape(x)}.".strip())


def assert_scalar(tensor: Tree, name: object = None, message: str | None = None) -> Tree:
    """Raise ValueError unless an array has no axes; returns it."""
    assert_rank(tensor, 0, message)
    return tensor


def assert_shapes(
    shapes: Any, data: Sequence[Tree] = (), summarize: object = None, message: str | None = None, name: object = None
) -> None:
    """Raise ValueError unless arrays have shapes such as `("n", 3)`, where a name stands for one size.

    Args:
        shapes: pairs of an array and a shape.
        data, summarize, name: ignored.
        message: for the error.
    """
    sizes: dict[object, int] = {}
    for x, wanted in shapes.items() if isinstance(shapes, dict) else shapes:
        found = np.shape(x)
        wanted = tuple(wanted) if isinstance(wanted, (list, tuple, str)) else (wanted,)
        known = [size if isinstance(size, int) or size in (None, ".") else sizes.get(size) for size in wanted]
        if len(found) != len(wanted) or any(isinstance(k, int) and k != n for k, n in zip(known, found)):
            raise ValueError(f"{message or ''} assert_shapes: expected {wanted}, with {sizes}. Received: {found}.".strip())
        sizes |= {size: n for size, n in zip(wanted, found) if isinstance(size, str) and size != "."}


def assert_type(tensor: Tree, tf_type: DTypeLike, message: str | None = None, name: object = None) -> None:
    """Raise TypeError unless an array has a dtype."""
    if jnp.dtype(tensor.dtype) != jnp.dtype(tf_type):
        raise TypeError(f"{message or ''} Expected the dtype {jnp.dtype(tf_type)}. Received: {tensor.dtype}.".strip())


def assert_integer(x: Tree, message: str | None = None, name: object = None) -> None:
    """Raise TypeError unless an array holds integers."""
    if not jnp.issubdtype(jnp.result_type(x), jnp.integer):
        raise TypeError(f"{message or ''} Expected integers. Received: {jnp.result_type(x)}.".strip())


def check_numerics(tensor: Tree, message: str, name: object = None) -> Array:
    """The array. Raise InvalidArgumentError where it is not finite."""
    value = _known(tensor)
    if value is not None and not np.isfinite(value).all():
        raise InvalidArgumentError(f"{message} : Tensor had NaN or Inf values.")
    return jnp.asarray(tensor)


def assert_all_finite(x: Tree, message: str, name: object = None) -> Array:
    """`check_numerics`."""
    return check_numerics(x, message)


def enable_check_numerics(stack_height_limit: object = 30, path_length_limit: object = 50) -> None:
    """Let training stop where a loss is not finite, as `jkeras.config.set_check_finite(True)` does."""
    set_check_finite(True)


def disable_check_numerics() -> None:
    """Train on, whatever the numbers are."""
    set_check_finite(False)


def is_numeric_tensor(tensor: Tree) -> bool:
    """Whether something is an array of numbers."""
    return isinstance(tensor, jax.Array) and jnp.issubdtype(tensor.dtype, jnp.number)


def set_log_device_placement(enabled: object) -> None:
    """Does nothing."""

"""Code that reads and writes variables, run under a JAX transform inside a pure call.

`jax.checkpoint(f)` and `jax.jit(f)` call `f` once, at a trace level of their own, and only results may leave it. So what a layer
does on the way (new values of weights, added losses, masks of its outputs) leaves as results too and enters the scope outside,
and a call means the same with and without the transform. What the code reads, such as values and the random key, is closed over.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import jax
import numpy as np

from jkeras._base.types import Array, Tree
from jkeras.state.scope import Scope, current, is_traced, masks_among, same_trace, set_mask, substitute

_OTHER_TRACE = """A weight was assigned by rematerialized code inside a further JAX transform (a scan, vmap, grad or jit within
`call`). The value cannot leave that transform. Let the inner function return the value, and assign it outside:

    total, _ = jax.lax.scan(lambda t, x: (t + x, None), self.total.value, xs)
    self.total.assign(total)
"""


class Effects(NamedTuple):
    """What code leaves behind, as a pytree of arrays.

    Attributes:
        values: `{id(variable): array}` of the variables that were assigned.
        losses: the scalars that were added.
        masks: `{number of the output: mask}`.
    """

    values: dict[int, jax.Array]
    losses: list[jax.Array]
    masks: dict[int, jax.Array]


def run_under(transform: Callable[[Callable[[], Tree]], Callable[[], Tree]], fn: Callable[[], Tree]) -> Tree:
    """`transform(fn)()`, where `fn` may read and write variables, draw, add losses and pass masks.

    Outside a pure call nothing stands in for the variables, so there `fn` runs as it is; also where only shapes are needed.

    Args:
        transform: turns a function without arguments into one that calls it once, such as `jax.checkpoint`.
        fn: closes over what it needs; results that are not arrays bypass the transform.

    Example:
        >>> import jax.numpy as jnp
        >>> from jkeras.state import Variable, functionalize
        >>> total = Variable(1.0, name="total")
        >>> pure = functionalize(lambda x: run_under(jax.checkpoint, lambda: total.assign_add(x) * 2), [total])
        >>> [float(v) for v in (*pure([1.0], 2.0).values, total.value)]
        [3.0, 1.0]
    """
    outer = current()
    if outer.values is None or outer.abstract:
        return fn()
    recorded: dict[str, Tree] = {}

    def pure() -> tuple[list[Array], Effects]:
        with _scope_inside(outer) as inner:
            outputs = fn()
            leaves, recorded["tree"] = jax.tree.flatten(outputs)
            arrays = [i for i, leaf in enumerate(leaves) if isinstance(leaf, (jax.Array, np.ndarray))]
            recorded["rest"] = [None if i in arrays else leaf for i, leaf in enumerate(leaves)]
            recorded["arrays"] = arrays
            return [leaves[i] for i in arrays], _effects(inner, outer, recorded, [leaves[i] for i in arrays])

    arrays, effects = transform(pure)()
    _settle(outer, effects, recorded["owners"], arrays)
    leaves = recorded["rest"]
    for i, array in zip(recorded["arrays"], arrays):
        leaves[i] = array
    return jax.tree.unflatten(recorded["tree"], leaves)


def _scope_inside(outer: Scope) -> Scope:
    """A scope like the outer one, at the present trace level; changes stay in it."""
    assert outer.values is not None
    inner = substitute(dict(outer.values), rng=outer.rng, training=outer.training, positions=outer.positions)
    inner.layer, inner.compute = outer.layer, outer.compute
    inner.counts = outer.counts  # draws continue where the code outside stopped
    inner.masks, inner.losses = dict(outer.masks), list(outer.losses or ())
    return inner


def _effects(inner: Scope, outer: Scope, recorded: dict[str, Tree], arrays: list[jax.Array]) -> Effects:
    assert inner.values is not None and outer.values is not None and inner.losses is not None
    added = inner.losses[len(outer.losses or ()) :]
    recorded["owners"] = [owner for owner, _ in added]
    assigned = {key: value for key, value in inner.values.items() if value is not outer.values.get(key)}
    return Effects(assigned, [value for _, value in added], masks_among(arrays))


def _settle(outer: Scope, effects: Effects, owners: list[object], arrays: list[jax.Array]) -> None:
    """Repeat in the scope outside what the code did inside."""
    assert outer.values is not None
    if any(map(is_traced, effects.values.values())) and not same_trace(outer):
        raise ValueError(_OTHER_TRACE)
    outer.values.update(effects.values)
    if outer.losses is not None:
        outer.losses.extend(zip(owners, effects.losses))
    for number, mask in effects.masks.items():
        set_mask(arrays[number], mask)

"""Code that reads and writes boxes, run under a JAX transform inside a pure call.

`jax.checkpoint(f)` and `jax.jit(f)` call `f` once, at a trace level of their own, and nothing but results may leave it. What a
layer does on the way (new values of weights, added losses, masks of its outputs) therefore leaves as results too and is put
into the scope outside, so that a call means the same with the transform and without it. Values that the code reads, the random
key and the draws' numbers among them, are closed over.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np

from jkeras.state.scope import Scope, current, is_traced, masks_among, pop, push, same_trace, set_mask, substitute

_OTHER_TRACE = """A weight was assigned by rematerialized code inside a further JAX transform (a scan, vmap, grad or jit within
`call`). The value cannot leave that transform. Let the inner function return the value, and assign it outside:

    total, _ = jax.lax.scan(lambda t, x: (t + x, None), self.total.value, xs)
    self.total.assign(total)
"""


class Effects(NamedTuple):
    """What running code leaves behind, as a pytree of arrays.

    Attributes:
        values: `{id(box): array}` of the boxes that were assigned.
        losses: the scalars that were added.
        masks: `{number of the output: mask}`.
    """

    values: dict[int, Any]
    losses: list[Any]
    masks: dict[int, Any]


def run_under(transform: Callable[[Callable[[], Any]], Callable[[], Any]], fn: Callable[[], Any]) -> Any:
    """`transform(fn)()`, where `fn` may read and write boxes, draw, add losses and pass masks.

    Outside a pure call there is nothing that could stand in for the boxes; there `fn` runs as it is, and so it does where only
    shapes are asked for.

    Args:
        transform: takes a function without arguments to one that calls it once, such as `jax.checkpoint`.
        fn: closes over what it needs; arrays among its results keep their place, anything else passes by.

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
    recorded: dict[str, Any] = {}

    def pure() -> tuple[list[Any], Effects]:
        inner = _scope_inside(outer)
        token = push(inner)
        try:
            outputs = fn()
            leaves, recorded["tree"] = jax.tree.flatten(outputs)
            arrays = [i for i, leaf in enumerate(leaves) if isinstance(leaf, (jax.Array, np.ndarray))]
            recorded["rest"] = [None if i in arrays else leaf for i, leaf in enumerate(leaves)]
            recorded["arrays"] = arrays
            return [leaves[i] for i in arrays], _effects(inner, outer, recorded, [leaves[i] for i in arrays])
        finally:
            pop(token)

    arrays, effects = transform(pure)()
    _settle(outer, effects, recorded["owners"], arrays)
    leaves = recorded["rest"]
    for place, array in zip(recorded["arrays"], arrays):
        leaves[place] = array
    return jax.tree.unflatten(recorded["tree"], leaves)


def _scope_inside(outer: Scope) -> Scope:
    """A scope at the present trace level in which all is as in the outer one; what changes here, changes here alone."""
    assert outer.values is not None
    inner = substitute(dict(outer.values), rng=outer.rng, training=outer.training, positions=outer.positions)
    inner.layer, inner.compute = outer.layer, outer.compute
    inner.counts = outer.counts  # draws go on counting where the code outside stopped
    inner.masks, inner.losses = dict(outer.masks), list(outer.losses or ())
    return inner


def _effects(inner: Scope, outer: Scope, recorded: dict[str, Any], arrays: list[Any]) -> Effects:
    assert inner.values is not None and outer.values is not None and inner.losses is not None
    added = inner.losses[len(outer.losses or ()) :]
    recorded["owners"] = [owner for owner, _ in added]
    assigned = {key: value for key, value in inner.values.items() if value is not outer.values.get(key)}
    return Effects(assigned, [value for _, value in added], masks_among(arrays))


def _settle(outer: Scope, effects: Effects, owners: list[Any], arrays: list[Any]) -> None:
    """Do to the scope outside what the code did inside."""
    assert outer.values is not None
    if any(map(is_traced, effects.values.values())) and not same_trace(outer):
        raise ValueError(_OTHER_TRACE)
    outer.values.update(effects.values)
    if outer.losses is not None:
        outer.losses.extend(zip(owners, effects.losses))
    for number, mask in effects.masks.items():
        set_mask(arrays[number], mask)

"""Shape inference: what a function gives for arguments of known shape and dtype, computed by nobody but JAX.

Axes of unknown size are tried at two sizes; an output axis that differs between the two is unknown as well.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from jkeras._base.errors import standing_for_unknown
from jkeras.graph.spec import Spec, is_spec
from jkeras.state.functionalize import abstractly_each

_PROBES = ((24, 48), (60, 120), (72, 144))


def infer(fn: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], training: bool | None = None) -> Any:
    """A pytree of `Spec` for `fn(*args, **kwargs)`.

    Args:
        fn: a layer or function; it may read boxes, and make them.
        args, kwargs: with specs or symbolic tensors where arrays will stand; everything else is passed as it is.
        training: the training flag of the scope it runs in.

    Example:
        >>> import jax.numpy as jnp
        >>> infer(jnp.matmul, (Spec((None, 3), "float32"), Spec((3, 5), "float32")), {})
        Spec((None, 5), float32)
    """
    leaves, tree = jax.tree.flatten((args, kwargs), is_leaf=is_spec)
    places = [i for i, leaf in enumerate(leaves) if is_spec(leaf)]

    def run(*arrays: Any) -> Any:
        filled = list(leaves)
        for i, array in zip(places, arrays):
            filled[i] = array
        args, kwargs = jax.tree.unflatten(tree, filled)
        return fn(*args, **kwargs)

    def probe(*sizes: int) -> list[Any]:
        return abstractly_each(run, [tuple(at_size(leaves[i], size) for i in places) for size in sizes], training=training)

    known = {n for i in places for n in leaves[i].shape}
    if None not in known:
        return jax.tree.map(lambda a: Spec(a.shape, a.dtype), probe(0)[0])
    # A size that is known elsewhere would be shown as unknown in an error.
    small, large = next((sizes for sizes in _PROBES if sizes[0] not in known), _PROBES[0])
    with standing_for_unknown(small):
        return jax.tree.map(_merge, *probe(small, large))


def at_size(spec: Any, size: int) -> jax.ShapeDtypeStruct:
    """The spec with unknown axes of the given size."""
    return jax.ShapeDtypeStruct([size if n is None else n for n in spec.shape], jnp.dtype(spec.dtype))


def _merge(a: Any, b: Any) -> Spec:
    if len(a.shape) != len(b.shape):
        raise ValueError(f"The number of axes depends on the size of an unknown axis: {a.shape} and {b.shape}.")
    return Spec([m if m == n else None for m, n in zip(a.shape, b.shape)], a.dtype)

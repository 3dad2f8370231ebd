"""Copies of arrays, for programs that take arrays away from whoever holds them."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from jkeras._base.types import Tree


def copied(tree: Tree) -> Tree:
    """The same numbers in arrays that nobody else holds, on the same devices.

    Unlike `jnp.copy` it compiles nothing, which is most of the time that copies of many shapes would take.

    Args:
        tree: pytree of arrays of JAX.

    Example:
        >>> a = jnp.zeros(3)
        >>> copied([a])[0] is a
        False
    """
    leaves = jax.tree.leaves(tree)
    if all(not isinstance(leaf, jax.Array) or leaf.is_fully_addressable for leaf in leaves):
        return jax.device_put(tree, may_alias=False)
    return jax.tree.map(jnp.copy, tree)  # some lie with other processes as well

"""Constraints: functions that bring a weight back to where it is allowed to be, after every step."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax.tree_util import KeyPath

from jkeras._base.errors import unknown_name
from jkeras._base.types import Tree
from jkeras.optimizers.state import Constraints, leaf_name, named_leaves


def constrain(params: Tree, constraints: Constraints) -> Tree:
    """The parameters with each constraint applied to the weight of its name.

    Args:
        params: pytree of arrays.
        constraints: functions by leaf name, such as `{"dense/kernel": MaxNorm(2.0)}`.

    Returns:
        A pytree like `params`.

    Raises:
        ValueError: a name is not that of a leaf.

    Example:
        >>> constrain({"w": jnp.asarray([-1.0, 2.0])}, {"w": jax.nn.relu})["w"].tolist()
        [0.0, 2.0]
    """
    if not constraints:
        return params
    known = named_leaves(params)
    for name in constraints:
        if name not in known:
            raise unknown_name("weight in constraints:", name, known)

    def apply(path: KeyPath, w: jax.Array) -> jax.Array:
        constraint = constraints.get(leaf_name(path))
        return w if constraint is None else jnp.asarray(constraint(w)).astype(w.dtype)

    return jax.tree_util.tree_map_with_path(apply, params)

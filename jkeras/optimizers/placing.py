"""Where the arrays of an optimizer's state lie on many devices."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax

from jkeras._base.types import Array, Tree
from jkeras.optimizers.state import leaf_name, named_leaves, split_name
from jkeras.state.placement import Placement, Weight


def state_shardings(placement: Placement, weights: Mapping[str, Weight], opt_state: Tree) -> Tree:
    """A sharding for each leaf: what has a weight's shape lies as the slots of that weight, everything else everywhere.

    Args:
        placement: of the model.
        weights: its weights by their names in the state.
        opt_state: arrays, or their shapes.
    """

    def of(path: Any, leaf: Array) -> jax.sharding.Sharding:
        name = split_name(leaf_name(path), weights)[1]
        weight = None if name is None else weights[name]
        as_weight = weight is not None and tuple(leaf.shape) == tuple(weight.shape)
        return placement.slot_sharding(weight) if weight is not None and as_weight else placement.everywhere

    return jax.tree_util.tree_map_with_path(of, opt_state)


def shardings_beside(params: Tree, opt_state: Tree) -> Tree | None:
    """A sharding for each leaf, where weights lie on several devices: what has a weight's shape lies as the weight does.

    Args:
        params: arrays, nested by the names of the weights.
        opt_state: arrays, or their shapes.

    Returns:
        None where all weights lie on one device.
    """
    found = {name: leaf for name, leaf in named_leaves(params).items() if isinstance(leaf, jax.Array)}
    meshes = [leaf.sharding.mesh for leaf in found.values() if isinstance(leaf.sharding, jax.sharding.NamedSharding)]
    if not meshes:
        return None

    def of(path: Any, leaf: Array) -> jax.sharding.Sharding:
        name = split_name(leaf_name(path), found)[1]
        as_weight = name is not None and tuple(leaf.shape) == tuple(found[name].shape)
        own = found[name].sharding if name is not None and as_weight else None
        return own if isinstance(own, jax.sharding.NamedSharding) else jax.sharding.NamedSharding(meshes[0], jax.P())

    return jax.tree_util.tree_map_with_path(of, opt_state)

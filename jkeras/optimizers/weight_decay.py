"""Decoupled weight decay: every weight shrinks by a fraction of itself before the rule moves it.

    w <- w - w * weight_decay * learning_rate

The gradient is not touched, so an adaptive rule does not rescale the decay.

Source: Loshchilov, Hutter, "Decoupled weight decay regularization", 2019.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

import jax
from jax.tree_util import KeyPath

from jkeras._base.types import Tree
from jkeras.optimizers.state import leaf_name


class Exclusions(NamedTuple):
    """Which weights do not decay: those with these names, or at the end of these paths, and patterns searched for in a name."""

    names: frozenset[str] = frozenset()
    patterns: tuple[str, ...] = ()

    def __contains__(self, name: object) -> bool:
        named = any(path == name or path.endswith(f"/{name}") for path in self.names)
        return named or any(re.search(p, str(name)) for p in self.patterns)


def decay_weights(
    params: Tree, decay_of: Callable[[str, jax.Array], float | None], learning_rate: jax.Array, excluded: Exclusions
) -> Tree:
    """The parameters after decay.

    Args:
        params: pytree of float arrays.
        decay_of: the fraction per unit of learning rate, for the name and the array of a leaf; None for no decay.
        learning_rate: scalar.
        excluded: leaves that stay as they are.

    Returns:
        A pytree like `params`.
    """

    def shrink(path: KeyPath, w: jax.Array) -> jax.Array:
        name = leaf_name(path)
        decay = None if name in excluded else decay_of(name, w)
        return w if decay is None else w - w * decay * learning_rate

    return jax.tree_util.tree_map_with_path(shrink, params)

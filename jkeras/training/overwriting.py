"""Weights that an update overwrites by their gradients: scales of float8 training, whose next values the backward pass gives.

No optimizer sees them: `divide` takes them out of the parameters before it works, and `unite` puts their new values in.
"""

from __future__ import annotations

from collections.abc import Mapping

from jkeras._base import paths
from jkeras._base.types import Array, Tree
from jkeras.layer.tracking import Inventory, Path
from jkeras.optimizers.state import overwritten_value

Leaves = Mapping[Path, Array]


def overwritten(held: Inventory) -> frozenset[Path]:
    """The paths of the trained weights that are overwritten."""
    return frozenset(path for path, variable in held.weights if variable.overwrite_with_gradient and id(variable) in held.trained)


def divide(tree: Tree, places: frozenset[Path]) -> tuple[Tree, Leaves]:
    """A tree of nested dicts without the leaves at some paths, and these leaves.

    Example:
        >>> divide({"dense": {"kernel": 1, "scale": 2}}, frozenset({("dense", "scale")}))
        ({'dense': {'kernel': 1}}, {('dense', 'scale'): 2})
    """
    if not places:
        return tree, {}
    flat = paths.flatten(tree)
    return paths.nest({p: leaf for p, leaf in flat.items() if p not in places}), {p: flat[p] for p in flat if p in places}


def unite(tree: Tree, old: Leaves, new: Leaves) -> Tree:
    """A tree with leaves of their own again: the new ones, where they are good."""
    if not old:
        return tree
    chosen = {path: overwritten_value(leaf, new[path]) for path, leaf in old.items()}
    return paths.nest({**paths.flatten(tree), **chosen})

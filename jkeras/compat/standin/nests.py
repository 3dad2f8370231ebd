"""`tf.nest`: nests of lists, tuples and dicts, by `jax.tree`. None is a leaf, as in TensorFlow."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import jax

from jkeras._base.types import Tree
from jkeras.state.variable import Variable


def is_nested(structure: Tree) -> bool:
    """Whether something is a list, a tuple or a dict."""
    return isinstance(structure, (list, tuple, dict))


def _is_leaf(value: Tree) -> bool:
    return value is None or isinstance(value, Variable)


def flatten(structure: Tree, expand_composites: object = False) -> list[Tree]:
    """The leaves in order; dicts in the order of their keys.

    Example:
        >>> flatten({"b": [1, None], "a": 3})
        [3, 1, None]
    """
    return jax.tree.leaves(structure, is_leaf=_is_leaf)


def map_structure(func: Callable[..., Tree], *structure: Tree, **options: object) -> Tree:
    """The nest of a function's results for the leaves.

    Example:
        >>> map_structure(lambda a, b: a + b, [1, (2,)], [10, (20,)])
        [11, (22,)]
    """
    return jax.tree.map(func, *structure, is_leaf=_is_leaf)


def pack_sequence_as(structure: Tree, flat_sequence: Sequence[Tree], expand_composites: object = False) -> Tree:
    """Leaves in a nest of the given form."""
    return jax.tree.unflatten(jax.tree.structure(structure, is_leaf=_is_leaf), list(flat_sequence))


def assert_same_structure(nest1: Tree, nest2: Tree, check_types: bool = True, expand_composites: object = False) -> None:
    """Nothing, for two nests of one form.

    Raises:
        ValueError: they differ.
    """
    one: object = jax.tree.structure(nest1, is_leaf=_is_leaf)
    other: object = jax.tree.structure(nest2, is_leaf=_is_leaf)
    if one != other:
        raise ValueError(f"The two nests do not have the same structure. Received: {one} and {other}.")

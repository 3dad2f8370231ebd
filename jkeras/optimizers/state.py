"""What an optimizer carries from step to step, and the small tools that walk over it.

An `OptimizerState` is a pytree of arrays whose structure never changes: it can be donated to a compiled step, be the carry of a
`scan`, or be saved by any library that knows pytrees. Slots (momenta and the like) have the structure and dtypes of the
parameters. Parameters below 32 bits are *computed* in float32 and stored back in their own dtype: in bfloat16 itself
`beta_2 = 0.999` rounds to 1 and learning stops.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol, TypeAlias, TypeVar

import jax
import jax.numpy as jnp
from jax.tree_util import KeyPath

from jkeras._base.types import Array, Tree

Leaf = TypeVar("Leaf")
Constraints: TypeAlias = Mapping[str, Callable[[Array], Array]]  # by the names of leaves


class Assignable(Protocol):
    """A variable as optimizers see it. One with a `path` is named by it, one with a `constraint` obeys it."""

    @property
    def value(self) -> Array: ...

    def assign(self, value: Array) -> object: ...


class OptimizerState(NamedTuple):
    """The state of an optimizer.

    Args:
        iterations: how often `update` was called; int32 scalar. With gradient accumulation every micro-batch counts.
        learning_rate: float32 scalar; with a schedule, its value at `iterations`. None for a raw optax transformation.
        slots: the rule's own state, such as `AdamSlots`.
        ema: the moving average of the parameters, or None without `use_ema`.
        accumulators: the gradients summed since the last change of the parameters, or None without accumulation.
    """

    iterations: jax.Array
    learning_rate: jax.Array | None
    slots: Tree
    ema: Tree = None
    accumulators: Tree = None


def leaf_name(path: Sequence[object]) -> str:
    """The name of a leaf: its keys joined by slashes; a tuple key counts as several.

    Example:
        >>> [leaf_name(p) for p, _ in jax.tree_util.tree_leaves_with_path({"dense": {"kernel": 1}, "out/bias": 2})]
        ['dense/kernel', 'out/bias']
    """
    parts: list[str] = []
    for key in path:
        value = next((getattr(key, a) for a in ("key", "name", "idx") if hasattr(key, a)), key)
        parts += map(str, value) if isinstance(value, tuple) else [str(value)]
    return "/".join(parts)


def short_path(variable: object) -> str:
    """The end of a variable's path, its layer and its own name, as in the `params` of a model; empty without a path.

    Example:
        >>> from types import SimpleNamespace
        >>> short_path(SimpleNamespace(path="sequential/dense/kernel"))
        'dense/kernel'
    """
    return "/".join(str(getattr(variable, "path", None) or "").split("/")[-2:])


def is_overwritten(variable: object) -> bool:
    """Whether an update puts the gradient of a variable in its place."""
    return bool(getattr(variable, "overwrite_with_gradient", False))


def overwritten_value(old: Array, gradient: Array) -> Array:
    """What an update makes of a variable that is overwritten: its gradient; the old value, where the step overflowed or the loss
    does not depend on it.

    Example:
        >>> [float(overwritten_value(jnp.array(2.0), jnp.array(new))) for new in (3.0, 0.0, jnp.inf)]
        [3.0, 2.0, 2.0]
    """
    return jnp.where(jnp.all(jnp.isfinite(gradient)) & jnp.any(gradient != 0), gradient, old)


def named_leaves(tree: Tree) -> dict[str, Tree]:
    """The leaves of a pytree by name."""
    return {leaf_name(path): leaf for path, leaf in jax.tree_util.tree_leaves_with_path(tree)}


def parts_of_weights(leaves: Mapping[str, Leaf], weights: Iterable[str]) -> dict[str, dict[str, Leaf]]:
    """The leaves of a state that belong to a weight: by the weight's name, and by where in the state they are.

    Args:
        leaves: of a state, by name.
        weights: names of leaves of the parameters.

    Example:
        >>> parts_of_weights({"count": 1, "momentums/dense/kernel": 2}, ["dense/kernel"])
        {'dense/kernel': {'momentums': 2}}
    """
    known = frozenset(weights)
    found: dict[str, dict[str, Leaf]] = {}
    for name, leaf in leaves.items():
        place, weight = split_name(name, known)
        if weight is not None:
            found.setdefault(weight, {})[place] = leaf
    return found


def split_name(name: str, weights: Container[str]) -> tuple[str, str | None]:
    """A leaf's name as its place in the state and the weight that it belongs to, None where it belongs to none."""
    keys = name.split("/")
    for i in range(1, len(keys)):
        weight = "/".join(keys[i:])
        if weight in weights:
            return "/".join(keys[:i]), weight
    return name, None


def widen(tree: Tree) -> Tree:
    """Float leaves in at least float32."""

    def wide(x: object) -> jax.Array:
        x = jnp.asarray(x)
        return x.astype(jnp.promote_types(x.dtype, jnp.float32)) if jnp.issubdtype(x.dtype, jnp.floating) else x

    return jax.tree.map(wide, tree)


def cast_like(tree: Tree, reference: Tree) -> Tree:
    """The leaves of `tree` in the dtypes of `reference`."""
    return jax.tree.map(lambda x, r: jnp.asarray(x).astype(r.dtype), tree, reference)


def zeros_like(params: Tree) -> Tree:
    """A slot: zeros with the shapes and dtypes of the parameters."""
    return jax.tree.map(jnp.zeros_like, params)


def full_like(params: Tree, value: float) -> Tree:
    """A slot that starts at a number, with the shapes and dtypes of the parameters."""
    return jax.tree.map(lambda w: jnp.full_like(w, value), params)


def keras_order(
    state: OptimizerState, groups: Sequence[Sequence[str]], variables: Sequence[str], order: Sequence[str] = ()
) -> list[int]:
    """The order in which Keras lists (and saves) an optimizer's variables.

    Iteration and learning rate come first, then averages, accumulators and slots. Slots of one group are interleaved, variable
    by variable; groups follow each other.

    Args:
        state: the state to order.
        groups: slot names by group, such as `(("momentums", "velocities"), ("velocity_hats",))`.
        variables: leaf names in the order the variables were given; others follow in tree order.
        order: names of slots in the order in which they were made, where the groups do not say it.

    Returns:
        Indices into `jax.tree.leaves(state)`.
    """
    places = {name: (g, i) for g, group in enumerate(groups) for i, name in enumerate(group)}
    ranks = {name: i for i, name in enumerate(variables)}
    made = {name: i for i, name in enumerate(order)}
    sections = ("iterations", "learning_rate", "ema", "accumulators", "slots")

    def rank(path: KeyPath) -> tuple[int, int, int, int]:
        section = sections.index(path[0].name)
        if section == 4 and leaf_name(path[1:]) in made:
            return section, made[leaf_name(path[1:])], 0, 0
        slot = getattr(path[1], "name", "") if section == 4 and len(path) > 1 else ""
        group, within = places.get(slot, (len(groups), 0))
        variable = leaf_name(path[2:] if slot else path[1:])
        return section, group, ranks.get(variable, len(ranks)), within

    paths = [path for path, _ in jax.tree_util.tree_leaves_with_path(state)]
    return sorted(range(len(paths)), key=lambda i: rank(paths[i]))


def unique_names(names: Iterable[str]) -> list[str]:
    """The names, changed where one was taken or would be both a leaf and a branch of the nested parameters."""
    out: dict[str, None] = {}
    branches: set[str] = set()
    for name in names:
        candidate, count = name, 0
        above = _above(name)
        while candidate in out or candidate in branches or not above.isdisjoint(out):
            count += 1
            candidate, above = f"{name.replace('/', '_')}_{count}", set()
        out[candidate] = None
        branches |= above
    return list(out)


def _above(name: str) -> set[str]:
    parts = name.split("/")
    return {"/".join(parts[:i]) for i in range(1, len(parts))}

"""`rearrange`: reshape, transpose and reshape again, written as names of axes.

In `"b (h p) w -> b h (p w)"` each side lists axes; parentheses hold axes that share one. The left side splits the array's axes,
and the right side orders and merges them.
"""

from __future__ import annotations

import math
import re

import jax
import jax.numpy as jnp

from jkeras._base.errors import describe
from jkeras.ops.wrapper import Tensor, as_array, operation

Groups = list[list[str]]


@operation()
def rearrange(tensor: Tensor, pattern: str, **axes_lengths: int) -> Tensor:
    """The entries in another order and shape, by names of axes.

    Args:
        tensor: an array.
        pattern: such as `"b h w c -> b (h w) c"`; `...` stands for any number of axes.
        axes_lengths: sizes of axes that the shape leaves open: all but one of each group on the left.

    Raises:
        ValueError: the pattern does not fit the shape, or its sides differ in their names.

    Example:
        >>> import jax.numpy as jnp
        >>> rearrange([[0, 1], [2, 3]], "h w -> (w h)").tolist()
        [0, 2, 1, 3]
        >>> rearrange(jnp.zeros((2, 6)), "b (h w) -> b h w", h=2).shape
        (2, 2, 3)

    Source: Rogozhnikov, "Einops: Clear and Reliable Tensor Manipulations with Einstein-like Notation", 2022.
    """
    x = as_array(tensor)
    left, right = _parse(pattern, x)
    names = [name for group in left for name in group]
    targets = [name for group in right for name in group]
    if sorted(names) != sorted(targets) or len(set(names)) != len(names):
        raise ValueError(f"Each name occurs once on both sides of a pattern. Received: {pattern!r}.")
    sizes = _sizes(left, x, pattern, axes_lengths)
    apart = x.reshape([sizes[name] for name in names])
    ordered = jnp.transpose(apart, [names.index(name) for name in targets])
    return ordered.reshape([math.prod(sizes[name] for name in group) for group in right])


def _parse(pattern: str, x: jax.Array) -> tuple[Groups, Groups]:
    sides = pattern.split("->")
    if len(sides) != 2:
        raise ValueError(f'A pattern has two sides, such as "b h w c -> b (h w) c". Received: {pattern!r}.')
    left, right = (re.findall(r"\([^()]*\)|\.\.\.|[A-Za-z_]\w*|1|\S", side) for side in sides)
    missing = x.ndim - sum(token != "..." for token in left)
    others = [f".{i}" for i in range(max(missing, 0))]
    groups_left, groups_right = _groups(left, others), _groups(right, others)
    if len(groups_left) != x.ndim:
        raise ValueError(f"The left side of {pattern!r} has {len(groups_left)} axes, but the array is {describe(x)}.")
    return groups_left, groups_right


def _groups(tokens: list[str], others: list[str]) -> Groups:
    groups: Groups = []
    for token in tokens:
        if token == "...":
            groups.extend([name] for name in others)
        elif token == "1":
            groups.append([])
        elif token.startswith("("):
            groups.append([part for word in token[1:-1].split() for part in (others if word == "..." else [word])])
        elif token.isidentifier():
            groups.append([token])
        else:
            raise ValueError(f"Unexpected {token!r} in a pattern: names, `...`, `1` and one level of parentheses are allowed.")
    return groups


def _sizes(left: Groups, x: jax.Array, pattern: str, given: dict[str, int]) -> dict[str, int]:
    sizes = dict(given)
    for group, size in zip(left, x.shape):
        unknown = [name for name in group if name not in sizes]
        known = math.prod(sizes[name] for name in group if name in sizes)
        if len(unknown) > 1:
            raise ValueError(f"Give the sizes of all but one of {unknown} in {pattern!r}, such as {unknown[0]}=2.")
        if size % known or (not unknown and size != known):
            raise ValueError(f"An axis of size {size} of {describe(x)} cannot be split as {group} with {given} ({pattern!r}).")
        if unknown:
            sizes[unknown[0]] = size // known
    return sizes

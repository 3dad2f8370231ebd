"""Sums in an order that does not depend on how many devices add.

Floating-point addition is not associative, so a sum has the same bits only if it is added in the same order. Here the order is a
binary tree over a fixed number of parts: neighbours first, then neighbouring pairs, and so on. A device adds the subtree of its
own parts (`sum_of_parts`), and devices add the levels above (`sum_over_devices`), which are the upper part of the same tree:

    parts          0   1   2   3   4   5   6   7
    2 devices      '---'   '---'   '---'   '---'    within a device
                   '-------'       '-------'        within a device
                   '-----------------------'        between devices

Each part is computed in a compiled computation of its own (`alone`), the same one for any number of devices: XLA fuses and
contracts operations by what stands beside them, and so would give a part other bits where its neighbourhood differs. A loop whose
number of rounds is known only when the program runs is such a computation.
"""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import lax

from jkeras._base.types import Array, Scalar, Tree
from jkeras.nn.traced import with_general_operations


def hidden_zero(number: Scalar) -> Array:
    """0, of which the compiler does not know that it is one.

    Args:
        number: an integer of at least 0 that is known only when the program runs, such as a count of steps.
    """
    return jnp.minimum(number, 0)


def alone(fn: Callable[..., Tree], zero: Scalar, carry: Tree, *fixed: Tree) -> Tree:
    """`fn(number, carry, *fixed)` for number 0, compiled apart from what stands around it.

    Args:
        fn: its results have the structure, shapes and dtypes of `carry`. What it takes from elsewhere may be computed outside.
        zero: from `hidden_zero`.
        carry, fixed: pytrees of arrays.
    """

    # A program for several devices passes through XLA's partitioner, which takes called functions apart and computes equal things
    # once. One for a single device does not, and its last bits would differ.
    fn = with_general_operations(fn, once=True)

    def body(number: Scalar, carry: Tree) -> Tree:
        # What depends on the number of the round cannot be moved out of the loop.
        number, carry, held = lax.optimization_barrier((number, carry, fixed))
        return fn(number, carry, *held)

    return lax.fori_loop(zero, zero + 1, body, carry)


def sum_of_parts(part: Callable[..., Tree], count: int, zero: Scalar, data: Tree, *fixed: Tree) -> Tree:
    """The sum of `part(number, data[number], *fixed)` over all numbers, added in a binary tree. One part is computed at a time.

    Args:
        part: gives a pytree of arrays.
        count: of the parts, a power of two.
        zero: from `hidden_zero`.
        data: pytree of arrays `(count, ...)`.
        fixed: what all parts take.

    Returns:
        The sum, in which no zero is negative. It takes the memory of `log2(count) + 1` parts.

    Example:
        >>> sum_of_parts(lambda number, x, y: number * x + y, 4, jnp.int32(0), jnp.ones(4), 2.0).item()
        14.0
    """
    part = jax.jit(part, inline=True)  # so that it is traced once

    def piece(number: Scalar) -> Tree:
        return jax.tree.map(lambda a: lax.dynamic_index_in_dim(a, number, 0, keepdims=False), data)

    shapes = jax.eval_shape(lambda number, *fixed: part(number, piece(number), *fixed), zero, *fixed)
    nothing = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shapes)

    def add(total: Tree, more: Tree) -> Tree:
        return jax.tree.map(jnp.add, total, more)

    def subtree(first: Scalar, level: int) -> Tree:
        if level == 0:
            # The piece is taken outside: the rest is the same computation for any number of parts.
            return alone(lambda _, total, *given: add(total, part(*given)), zero, nothing, first, piece(first), *fixed)
        half = 1 << (level - 1)
        return lax.fori_loop(zero, zero + 2, lambda number, total: add(total, subtree(first + half * number, level - 1)), nothing)

    return subtree(zero, _level(count))


def sum_over_devices(tree: Tree, axis: str, size: int) -> Tree:
    """The sum of a pytree over devices, within `shard_map`: the same bits on each of them.

    The arrays become one vector. At each level of the tree a device sends half of what it has to its partner and adds the other
    half (recursive halving); then the sums go back the same way (recursive doubling). Each device sends
    `2 (size - 1) / size` of the bytes, as in a ring, in `2 log2(size)` messages.

    Args:
        tree: of arrays.
        axis: of the mesh.
        size: devices along it, a power of two.

    Source: Thakur, Rabenseifner, Gropp, "Optimization of collective communication operations in MPICH", 2005.
    """
    if size == 1:
        return tree
    leaves, structure = jax.tree.flatten(tree)
    found: list[Array] = list(leaves)
    for dtype in dict.fromkeys(leaf.dtype for leaf in leaves):
        chosen = [i for i, leaf in enumerate(leaves) if leaf.dtype == dtype]
        flat = jnp.concatenate([leaves[i].ravel() for i in chosen])
        summed = _sum_of_vector(jnp.pad(flat, (0, -len(flat) % size)), axis, size)
        at = 0
        for i in chosen:
            found[i] = summed[at : at + leaves[i].size].reshape(leaves[i].shape)
            at += leaves[i].size
    return jax.tree.unflatten(structure, found)


def _sum_of_vector(vector: Array, axis: str, size: int) -> Array:
    device, levels = lax.axis_index(axis), range(_level(size))

    def swapped(mine: Array, level: int) -> Array:
        return lax.ppermute(mine, axis, [(one, one ^ (1 << level)) for one in range(size)])

    for level in levels:
        side, halves = (device >> level) & 1, vector.reshape(2, -1)
        vector = halves[side] + swapped(halves[1 - side], level)
    for level in reversed(levels):
        side, other = (device >> level) & 1, swapped(vector, level)
        vector = jnp.where(side == 0, jnp.concatenate([vector, other]), jnp.concatenate([other, vector]))
    return vector


def _level(count: int) -> int:
    assert count & (count - 1) == 0, count
    return count.bit_length() - 1

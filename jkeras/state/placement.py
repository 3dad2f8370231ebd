"""`Placement`: where a model's arrays lie when they lie on many devices.

The devices form a mesh with named axes, and a sharding says along which of them each axis of an array is cut. Programs are written
for whole arrays; XLA's partitioner cuts them by the shardings of what goes in and comes out, and adds the communication. So the
core knows of devices in these places alone: variables are put where they belong, batches are cut by rows, and a program gives its
state back as it lay before.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterable
from typing import Protocol

import jax
import numpy as np
from jax.sharding import NamedSharding, PartitionSpec

from jkeras._base.types import Array, Tree
from jkeras.state.variable import Variable, gate, materialize


class Weight(Protocol):
    """What a rule may ask of a weight."""

    @property
    def path(self) -> str: ...

    @property
    def shape(self) -> tuple[int, ...]: ...


@dataclasses.dataclass(frozen=True, eq=False)
class Placement:
    """Where weights, slots and batches lie.

    Args:
        mesh: of the devices.
        weight: a weight's axes of the mesh.
        slot: those of what an optimizer keeps in a weight's shape.
        rows: the axes of the mesh along which batches are cut; None keeps them whole everywhere.
    """

    mesh: jax.sharding.Mesh
    weight: Callable[[Weight], PartitionSpec]
    slot: Callable[[Weight], PartitionSpec]
    rows: str | tuple[str, ...] | None

    def sharding(self, *axes: object) -> NamedSharding:
        """An array's sharding, from the axes of the mesh for each of its own."""
        return NamedSharding(self.mesh, PartitionSpec(*axes))

    @property
    def everywhere(self) -> NamedSharding:
        """The sharding of what each device holds whole."""
        return self.sharding()

    def weight_sharding(self, weight: Weight) -> NamedSharding:
        """A weight's sharding."""
        return NamedSharding(self.mesh, self.weight(weight))

    def slot_sharding(self, weight: Weight) -> NamedSharding:
        """The sharding of an optimizer's array for a weight, of its shape."""
        return NamedSharding(self.mesh, self.slot(weight))

    def scope(self) -> contextlib.AbstractContextManager[object]:
        """A block in which programs are traced and run for the mesh."""
        return jax.set_mesh(self.mesh)

    def put_variables(self, variables: Iterable[Variable]) -> None:
        """Move variables to where they belong; those without a value are drawn there, and are never whole on one device."""
        with gate:
            wanted = [(variable, self.weight_sharding(variable)) for variable in variables]
            materialize((variable for variable, _ in wanted), [sharding for _, sharding in wanted])
            for variable, sharding in wanted:
                variable._value = put(variable._value, sharding)

    def put_everywhere(self, tree: Tree) -> Tree:
        """Arrays, numbers and keys on every device."""
        return jax.tree.map(lambda leaf: put(leaf, self.everywhere), tree)

    def put_stack(self, tree: Tree) -> Tree:
        """A batch stack, `(capacity, rows, ...)`, with its rows on the devices that compute them.

        Rows that cannot be dealt out evenly lie everywhere; `cut_rows` deals them out in the program.
        """
        parts = 1 if self.rows is None else int(np.prod([self.mesh.shape[axis] for axis in np.atleast_1d(self.rows)]))

        def put_leaf(leaf: Array | np.ndarray) -> jax.Array:
            return put(leaf, self.everywhere if leaf.shape[1] % parts else self.sharding(None, self.rows))

        return jax.tree.map(put_leaf, tree)

    def cut_rows(self, batch: Tree) -> Tree:
        """Within a program: the rows of a batch, dealt out to the devices; any number of them."""
        return jax.tree.map(lambda leaf: jax.lax.with_sharding_constraint(leaf, self.sharding(self.rows)), batch)


def put(value: Tree, sharding: NamedSharding) -> jax.Array:
    """An array in a sharding; each process passes the same, and copies its own part.

    Args:
        value: an array of the host or of devices, a number, or a key.
        sharding: where it shall lie.
    """
    if isinstance(value, jax.Array) and value.sharding == sharding:
        return value
    if sharding.is_fully_addressable:
        return jax.device_put(value, sharding)
    if isinstance(value, jax.Array) and not value.is_fully_addressable:
        moved: jax.Array = jax.jit(lambda a: a, out_shardings=sharding)(value)
        return moved
    if isinstance(value, jax.Array) and jax.dtypes.issubdtype(value.dtype, jax.dtypes.prng_key):
        return jax.random.wrap_key_data(put(jax.random.key_data(value), sharding), impl=jax.random.key_impl(value))
    whole = np.asarray(value)
    return jax.make_array_from_callback(whole.shape, sharding, lambda part: whole[part])

"""`Placement`: where a model's arrays lie when they lie on many devices.

The devices form a mesh with named axes, and a sharding says along which of them each axis of an array is cut. Programs are
written for whole arrays; XLA's partitioner cuts them by the shardings of what goes in and comes out, and adds the communication.
So the core knows of devices in these places alone: variables are put where they belong, batches are cut by rows, and a program
gives its state back as it lay before.
"""

from __future__ import annotations

import contextlib
import dataclasses
import math
from collections.abc import Callable, Iterable
from typing import Protocol

import jax
import numpy as np
from jax.sharding import NamedSharding, PartitionSpec

from jkeras._base.types import Tree
from jkeras.state.spread import gathered, put
from jkeras.state.variable import Variable, gate, materialize

_UNEVEN = """A process gave a batch of {rows} rows for its {own} devices. With auto_shard_dataset=False a process yields its part
of a batch, whose rows must divide evenly over its devices. Leave out the last, short batch, or fill it up."""


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
        output: those of a layer's output, by its path such as `"block/dense/output"`; None leaves them to the partitioner.
        parts: whether what yields batches gives each process its own rows, rather than the same whole batches.
    """

    mesh: jax.sharding.Mesh
    weight: Callable[[Weight], PartitionSpec]
    slot: Callable[[Weight], PartitionSpec]
    rows: str | tuple[str, ...] | None
    output: Callable[[str], PartitionSpec | None] | None = None
    parts: bool = False

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

    def claim(self, variables: Iterable[Variable]) -> None:
        """Say where the first values of variables belong, whoever draws or reads them."""
        for variable in variables:
            if variable._value is None:
                variable._home = self.weight_sharding(variable)

    def put_everywhere(self, tree: Tree) -> Tree:
        """Arrays, numbers and keys on every device."""
        return jax.tree.map(lambda leaf: put(leaf, self.everywhere), tree)

    @property
    def results(self) -> NamedSharding | None:
        """Where results lie that the host reads; None leaves it to the partitioner."""
        return None if self.everywhere.is_fully_addressable else self.everywhere

    def stack_sharding(self, rows: int) -> NamedSharding:
        """The sharding of a batch stack, `(capacity, rows, ...)`: rows lie on the devices that compute them.

        Rows that cannot be dealt out evenly lie everywhere; `cut_rows` deals them out in the program.
        """
        return self.everywhere if rows % self._row_parts else self.sharding(None, self.rows)

    def put_stack(self, tree: Tree) -> Tree:
        """A batch stack of the host on the devices."""
        return jax.tree.map(lambda leaf: put(leaf, self.stack_sharding(leaf.shape[1])), tree)

    def put_parts(self, tree: Tree) -> Tree:
        """A batch stack of which each process gives the rows of its own devices.

        Raises:
            ValueError: the rows cannot be dealt out to the devices evenly.
        """
        rows = jax.tree.leaves(tree)[0].shape[1]
        sharding = self.sharding(None, self.rows)
        places = sharding.addressable_devices_indices_map((1, self._row_parts))
        own = len({str(place) for place in places.values()})
        if rows % own:
            raise ValueError(_UNEVEN.format(rows=rows, own=own))
        return jax.tree.map(lambda leaf: jax.make_array_from_process_local_data(sharding, leaf), tree)

    @property
    def _row_parts(self) -> int:
        """Into how many parts rows are dealt out."""
        axes = () if self.rows is None else tuple(np.atleast_1d(self.rows))
        return math.prod(self.mesh.shape[axis] for axis in axes)

    def cut_rows(self, batch: Tree) -> Tree:
        """Within a program: the rows of a batch, dealt out to the devices; any number of them."""
        return jax.tree.map(lambda leaf: jax.lax.with_sharding_constraint(leaf, self.sharding(self.rows)), batch)


def gather_variables(variables: Iterable[Variable]) -> None:
    """Move variables that lie on several devices to the default one."""
    with gate:
        for variable in variables:
            variable._home = None
            if variable._value is not None:
                variable._value = gathered(variable._value)

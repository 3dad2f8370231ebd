"""`model.layouts`: what lies where, and what a step sends between devices, before anything runs."""

from __future__ import annotations

import collections
import dataclasses
import functools
import math
import re
from collections.abc import Iterable
from typing import Any

import jax
import jax.numpy as jnp
from jax.sharding import NamedSharding, PartitionSpec

from jkeras._base.compiling import compiler_options, precision_scope
from jkeras._base.types import Tree
from jkeras.layer.tracking import inventory
from jkeras.models.describe import _bytes, _input_specs, _training_step
from jkeras.nn.tree_sum import sum_over_devices
from jkeras.optimizers.placing import state_shardings
from jkeras.optimizers.state import named_leaves, parts_of_weights
from jkeras.state.placement import Placement
from jkeras.training.programs.placed import outputs_cut
from jkeras.training.programs.shards import check_devices
from jkeras.training.steps import Steps

_NO_DISTRIBUTION = """{name!r} lies on one device. Say how to spread it:

    model.compile("adam", "mse", distribution="fsdp")
"""
_COLLECTIVE = re.compile(r"= (.*?) (all-reduce|all-gather|reduce-scatter|all-to-all|collective-permute)(-start)?\(")
_SHAPE = re.compile(r"\b[a-z]+(\d+)?\w*\[([\d,]*)\]")


@dataclasses.dataclass(frozen=True)
class Layout:
    """One weight.

    Attributes:
        path: of the weight.
        shape: of the whole.
        axes: for each of its axes the axis of the mesh along which it is cut, or None.
        device_bytes: what a device holds of it.
        slot_bytes: what a device holds of the optimizer's arrays for it.
        whole: whether each device holds all of it.
    """

    path: str
    shape: tuple[int, ...]
    axes: tuple[Any, ...]
    device_bytes: int
    slot_bytes: int
    whole: bool


@dataclasses.dataclass(frozen=True)
class Layouts:
    """What `model.layouts()` gives; printed, a table.

    Attributes:
        mesh: the sizes of its axes by name.
        rows: one for each weight.
        device_bytes: of weights and optimizer on a device.
        whole_bytes: of these, what each device holds whole.
        collectives: for each kind of communication in a step of training how often, and the bytes of the results; what a loop
            within the step sends counts once.
    """

    mesh: dict[str, int]
    rows: tuple[Layout, ...]
    device_bytes: int
    whole_bytes: int
    collectives: dict[str, tuple[int, int]]

    def __repr__(self) -> str:
        axes = ", ".join(f"{name}={size}" for name, size in self.mesh.items())
        width = max([len(row.path) for row in self.rows] + [6])
        lines = [f"Mesh: {axes}", "", f"{'weight':<{width}}  {'shape':<20}{'cut along':<24}{'a device':>12}{'its slots':>12}"]
        for row in self.rows:
            cut = "whole" if row.whole else str(row.axes)
            sizes = _bytes(row.device_bytes), _bytes(row.slot_bytes)
            lines.append(f"{row.path:<{width}}  {row.shape!s:<20}{cut:<24}{sizes[0]:>12}{sizes[1]:>12}")
        lines += ["", f"A device holds {_bytes(self.device_bytes)}, of which each has {_bytes(self.whole_bytes)} whole."]
        sent = [f"{count} {kind} ({_bytes(size)})" for kind, (count, size) in self.collectives.items()]
        lines.append(f"A step of training sends: {', '.join(sent) or 'nothing'}.")
        return "\n".join(lines)


def layouts(self: Steps, input_shape: Tree = None, batch_size: int = 32) -> Layouts:
    """How weights and optimizer are spread over the devices, and what a step of training sends. Nothing is computed.

    The step is compiled as `describe` does it: its loss is the mean square of the outputs.

    Args:
        input_shape: of the inputs without the batch axis, as for `describe`; needed where the model is not built.
        batch_size: rows of a step, of all devices together.

    Raises:
        ValueError: the model lies on one device, a rule does not fit it, or the inputs' sizes are not known.

    Example:
        >>> from jkeras import layers, Sequential
        >>> model = Sequential([layers.Input((4,)), layers.Dense(2, name="top")], name="net")
        >>> model.compile("sgd", "mse", distribution="data")
        >>> [(row.path, row.whole) for row in model.layouts().rows]
        [('net/top/kernel', True), ('net/top/bias', True)]
    """
    run, arguments = spread_step(self, input_shape, batch_size)
    opt_state = arguments[2]
    placement = self._trainer.placement
    assert placement is not None
    shards = self._trainer.shards
    if shards is not None:
        check_devices(self, shards, placement)
    with precision_scope(), placement.scope():
        text = run.lower(*arguments).compile().as_text() if shards is None else _sum_in_tree(arguments[0], placement)
    named = {"/".join(path): variable for path, variable in inventory(self).weights}
    slots = parts_of_weights(named_leaves(opt_state), named)
    rows = tuple(_row(variable, placement, slots.get(name, {}).values()) for name, variable in named.items())
    leaves = jax.tree.leaves(arguments[:3])
    return Layouts(
        mesh=dict(placement.mesh.shape),
        rows=rows,
        device_bytes=sum(map(_device_bytes, leaves)),
        whole_bytes=sum(_device_bytes(leaf) for leaf in leaves if leaf.sharding.is_fully_replicated),
        collectives=collectives(text or ""),
    )


def spread_step(model: Steps, input_shape: Tree = None, batch_size: int = 32) -> tuple[Any, tuple[Tree, Tree, Tree, Tree]]:
    """A step of training under `jax.jit`, and what to call it with, as shapes that say where they lie.

    Args:
        model, input_shape, batch_size: as for `layouts`.

    Returns:
        `(params, state, opt_state, x) -> (params, state, opt_state)`, and the shapes of these four.
    """
    specs = _input_specs(model, input_shape, batch_size)
    placement = model._trainer.placement
    if placement is None:
        raise ValueError(_NO_DISTRIBUTION.format(name=model.name))
    held, optimizer = inventory(model), model.optimizer
    named = {"/".join(path): variable for path, variable in held.weights}
    params, state = held.nested([_struct(v, placement.weight_sharding(v)) for _, v in held.entries])
    opt_state = jax.eval_shape(optimizer.init, params) if optimizer is not None else ()
    shardings = state_shardings(placement, named, opt_state)
    opt_state = jax.tree.map(_struct, opt_state, shardings)
    x = jax.tree.map(lambda spec: _struct(spec, placement.everywhere), specs)
    step = _training_step(model, optimizer)
    run = jax.jit(
        outputs_cut(lambda params, state, opt_state, x: step(params, state, opt_state, placement.cut_rows(x)), placement),
        donate_argnums=(0, 1, 2),
        out_shardings=jax.tree.map(lambda leaf: leaf.sharding, (params, state, opt_state)),
        compiler_options=compiler_options(),
    )
    return run, (params, state, opt_state, x)


def _sum_in_tree(gradients: Tree, placement: Placement) -> str | None:
    """The program of the sum over devices with `reproducible`; the loss and the metrics add a few numbers to it."""
    assert isinstance(placement.rows, str)
    run = functools.partial(sum_over_devices, axis=placement.rows, size=placement.mesh.size)
    summed = jax.shard_map(run, mesh=placement.mesh, in_specs=PartitionSpec(), out_specs=PartitionSpec(), check_vma=False)
    text: str | None = jax.jit(summed).lower(gradients).compile().as_text()
    return text


def _row(variable: Any, placement: Placement, slots: Iterable[Any]) -> Layout:
    own = _struct(variable, placement.weight_sharding(variable))
    axes = tuple(own.sharding.spec)
    whole = own.sharding.is_fully_replicated
    return Layout(variable.path, own.shape, axes, _device_bytes(own), sum(map(_device_bytes, slots)), whole)


def _struct(array: Any, sharding: NamedSharding) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(tuple(array.shape), jnp.dtype(array.dtype), sharding=sharding)


def _device_bytes(struct: jax.ShapeDtypeStruct) -> int:
    assert struct.sharding is not None
    return math.prod(struct.sharding.shard_shape(struct.shape)) * struct.dtype.itemsize


def collectives(text: str) -> dict[str, tuple[int, int]]:
    """The communication in a compiled program: how often each kind occurs, and the bytes of the results. Loops count once.

    Args:
        text: of the program, as XLA prints it.

    Example:
        >>> collectives("  %all-reduce.1 = (f32[4,2]{1,0}, f32[]) all-reduce(%a, %b), channel_id=1")
        {'all-reduce': (1, 36)}
    """
    found: dict[str, list[int]] = collections.defaultdict(lambda: [0, 0])
    for written, kind, starts in _COLLECTIVE.findall(text):
        found[kind][0] += 1
        shapes = _SHAPE.findall(written)
        if starts and kind == "all-gather":  # operands and results
            shapes = shapes[len(shapes) // 2 :]
        found[kind][1] += sum(int(bits or 8) * math.prod(int(n) for n in sizes.split(",") if n) // 8 for bits, sizes in shapes)
    return {kind: (count, size) for kind, (count, size) in found.items()}

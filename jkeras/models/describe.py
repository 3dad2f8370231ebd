"""`model.describe`: what a step of a model costs, before anything runs, from XLA's own analyses.

FLOPs come from XLA's analysis of the program before its optimization, so that they do not depend on a device's tricks; a product
and a sum are two. XLA counts the body of a loop once, so the other turns of loops of known length (recurrent layers) are added
here. Memory is what XLA plans for the program as compiled for the device in use.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp

from jkeras._base.compiling import compiler_options, precision_scope
from jkeras._base.types import Array, Tree
from jkeras.data.array_stacker import bytes_of
from jkeras.graph.spec import Spec, is_spec
from jkeras.layer.structures import shapes_to_specs
from jkeras.layer.tracking import inventory
from jkeras.training.steps import Steps

if TYPE_CHECKING:
    from jax.extend.core import Jaxpr
    from jax.stages import Lowered

    from jkeras.optimizers.base import Optimizer

_NO_SHAPE = """{name!r} has no known input shape yet. Say for which inputs to describe it, without the batch axis:

    model.describe(input_shape=(784,))
"""


@dataclasses.dataclass(frozen=True)
class Cost:
    """What one compiled step takes.

    Attributes:
        flops: operations on floating numbers of the whole batch.
        argument_bytes: weights, optimizer's state and inputs.
        output_bytes: results that are no update in place.
        activation_bytes: what lives between first and last operation: activations kept for the gradient, scratch space.
    """

    flops: float
    argument_bytes: int
    output_bytes: int
    activation_bytes: int

    @property
    def peak_bytes(self) -> int:
        """The most memory at a time, in bytes."""
        return self.argument_bytes + self.output_bytes + self.activation_bytes


@dataclasses.dataclass(frozen=True)
class Description:
    """What `model.describe()` gives; printed, a table.

    Attributes:
        name: of the model.
        inputs: shapes and dtypes of a batch, in the structure of the inputs.
        batch_size: rows of it.
        parameters, trainable_parameters: numbers of entries.
        parameter_bytes, optimizer_bytes: their memory, and that of the optimizer's state (0 before `compile`).
        inference: the cost of a forward pass.
        training: the cost of a step of training, None where nothing is trainable or it was not asked for.
        device: the kind of device it was compiled for.
    """

    name: str
    inputs: Tree
    batch_size: int
    parameters: int
    trainable_parameters: int
    parameter_bytes: int
    optimizer_bytes: int
    inference: Cost
    training: Cost | None
    device: str

    def __repr__(self) -> str:
        inputs = ", ".join(f"{s.dtype}{tuple(s.shape)}" for s in jax.tree.leaves(self.inputs))
        lines = [
            f'Model: "{self.name}" on {self.device}, a batch of {inputs}',
            f"Parameters: {self.parameters:,} ({_bytes(self.parameter_bytes)}), trainable: {self.trainable_parameters:,}; "
            f"optimizer's state: {_bytes(self.optimizer_bytes)}",
            "",
            f"{'one step':<12}{'FLOPs':>12}{'per row':>12}{'arguments':>12}{'activations':>13}{'peak memory':>13}",
        ]
        for label, cost in (("inference", self.inference), ("training", self.training)):
            if cost is not None:
                numbers = _count(cost.flops), _count(cost.flops / self.batch_size)
                sizes = [_bytes(n) for n in (cost.argument_bytes, cost.activation_bytes, cost.peak_bytes)]
                lines.append(f"{label:<12}{numbers[0]:>12}{numbers[1]:>12}{sizes[0]:>12}{sizes[1]:>13}{sizes[2]:>13}")
        return "\n".join(lines)


def _count(n: float) -> str:
    for unit, size in (("T", 1e12), ("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if n >= size:
            return f"{n / size:.2f} {unit}"
    return f"{n:.0f}"


def _bytes(n: float) -> str:
    for unit, size in (("GB", 2**30), ("MB", 2**20), ("KB", 2**10)):
        if n >= size:
            return f"{n / size:.2f} {unit}"
    return f"{n:.0f} B"


def describe(self: Steps, input_shape: Tree = None, batch_size: int = 32, training: bool = True) -> Description:
    """Parameters, FLOPs and memory of a step, before anything runs. No weights are made and nothing is computed.

    A step of training is the forward pass, the gradients and, in a compiled model, the optimizer's update. Targets are not
    known, so the loss is the mean square of the outputs, which costs next to nothing.

    Args:
        input_shape: of the inputs without the batch axis, a list or dict for several; needed where the model is not built or
            has sizes that are unknown.
        batch_size: rows of a step.
        training: whether training is described too; it takes most of the time.

    Returns:
        A `Description`: printed, a table; its attributes have the numbers.

    Raises:
        ValueError: the inputs' sizes are not known.

    Example:
        >>> from jkeras import layers, Sequential
        >>> model = Sequential([layers.Dense(10, activation="relu"), layers.Dense(1)])
        >>> found = model.describe(input_shape=(4,), batch_size=8, training=False)
        >>> found.parameters, found.inference.flops >= 2 * 8 * (4 * 10 + 10)
        (61, True)
    """
    if isinstance(batch_size, bool) or not isinstance(batch_size, int) or batch_size < 1:
        raise ValueError(f"batch_size is a positive whole number. Received: {batch_size!r}.")
    specs = _input_specs(self, input_shape, batch_size)
    held = inventory(self)
    params, state = held.nested([jax.ShapeDtypeStruct(v.shape, jnp.dtype(v.dtype)) for _, v in held.entries])
    optimizer = self.optimizer
    opt_state = jax.eval_shape(optimizer.init, params) if optimizer is not None else ()

    def forward(params: Tree, state: Tree, x: Tree) -> Tree:
        return self.apply(params, state, x, training=False, rng=jax.random.key(0))[0]

    backwards = None
    if training and jax.tree.leaves(params):
        backwards = _cost(_training_step(self, optimizer), (params, state, opt_state, specs), donated=(0, 1, 2))
    return Description(
        name=self.name,
        inputs=specs,
        batch_size=batch_size,
        parameters=sum(variable.size for variable in self.weights),
        trainable_parameters=sum(variable.size for variable in held.trained.values()),
        parameter_bytes=sum(variable.size * jnp.dtype(variable.dtype).itemsize for variable in self.weights),
        optimizer_bytes=bytes_of(opt_state),
        inference=_cost(forward, (params, state, specs)),
        training=backwards,
        device=jax.devices()[0].device_kind,
    )


def _input_specs(model: Steps, input_shape: Tree, batch_size: int) -> Tree:
    """Shapes and dtypes of a batch, from the argument, the graph or what the model was built for; the model is built then."""
    specs = None
    if input_shape is not None:
        specs = shapes_to_specs(_with_batch(input_shape, batch_size), model.compute_dtype)
        if not model.built:
            model._ensure_built((specs,), {})
    program = getattr(model, "_program", None) if model.built else None
    if program is not None and specs is None:
        specs = model.input
    elif program is not None:
        leaves, tree = jax.tree.flatten(specs, is_leaf=is_spec)
        if len(leaves) != len(program.inputs):
            raise ValueError(f"{model.name!r} has {len(program.inputs)} inputs. Received: input_shape={input_shape!r}.")
        specs = jax.tree.unflatten(tree, [Spec(s.shape, t.dtype) for s, t in zip(leaves, program.inputs)])
    elif specs is None and model.built and model._build_shapes:
        specs = shapes_to_specs(model._build_shapes[0], model.compute_dtype)
    part = getattr(model, "_host_part", None) if program is not None else None
    if part:  # the step begins with what the host has made of the inputs
        specs = part.specs()
    if specs is None:
        raise ValueError(_NO_SHAPE.format(name=model.name))

    def settle(spec: Tree) -> jax.ShapeDtypeStruct:
        sizes = (batch_size, *spec.shape[1:])
        if None in sizes:
            shape = tuple(spec.shape[1:])
            raise ValueError(
                f"An input of {model.name!r} has the shape {shape}, in which a size is unknown. Give one to describe it for, "
                f"such as describe(input_shape={tuple(100 if n is None else n for n in shape)})."
            )
        return jax.ShapeDtypeStruct(sizes, jnp.dtype(spec.dtype))

    return jax.tree.map(settle, specs, is_leaf=is_spec)


def _with_batch(shape: Tree, batch_size: int) -> Tree:
    if isinstance(shape, int):
        return (batch_size, shape)
    if isinstance(shape, dict):
        return {name: _with_batch(one, batch_size) for name, one in shape.items()}
    if all(n is None or isinstance(n, int) for n in shape):
        return (batch_size, *shape)
    return [_with_batch(one, batch_size) for one in shape]


def _training_step(model: Steps, optimizer: Optimizer | None) -> Callable[..., Tree]:
    def step(params: Tree, state: Tree, opt_state: Tree, x: Tree) -> Tree:
        def loss(params: Tree) -> tuple[Array, Tree]:
            y, after, added = model.apply_with_losses(params, state, x, training=True, rng=jax.random.key(0))
            floats = [leaf for leaf in jax.tree.leaves(y) if jnp.issubdtype(leaf.dtype, jnp.floating)]
            return sum((jnp.mean(jnp.square(leaf)).astype(jnp.float32) for leaf in floats), added), after

        gradients, after = jax.grad(loss, has_aux=True)(params)
        if optimizer is None:
            return gradients, after, opt_state
        params, opt_state = optimizer.update(gradients, opt_state, params, model._constraints())
        return params, after, opt_state

    return step


def _cost(step: Callable[..., Tree], specs: tuple[Tree, ...], donated: tuple[int, ...] = ()) -> Cost:
    with precision_scope():
        traced = jax.jit(step, donate_argnums=donated, compiler_options=compiler_options()).trace(*specs)
        lowered = traced.lower()
        memory: Any = lowered.compile().memory_analysis()
    return Cost(
        flops=_flops(lowered) + _turns(traced.jaxpr.jaxpr),
        argument_bytes=memory.argument_size_in_bytes,
        output_bytes=memory.output_size_in_bytes - memory.alias_size_in_bytes,
        activation_bytes=memory.temp_size_in_bytes,
    )


def _flops(lowered: Lowered) -> float:
    return float((lowered.cost_analysis() or {}).get("flops", 0.0))


def _turns(jaxpr: Jaxpr) -> float:
    """The FLOPs of the turns of its loops that XLA does not count: all after the first."""
    from jax.extend.core import jaxpr_as_fun

    total = 0.0
    for equation in jaxpr.eqns:
        if equation.primitive.name == "scan":
            body, length = equation.params["jaxpr"], equation.params["length"]
            specs = [jax.ShapeDtypeStruct(a.shape, a.dtype) for a in body.in_avals]
            once = _flops(jax.jit(jaxpr_as_fun(body)).lower(*specs))
            total += length * (once + _turns(body.jaxpr)) - once
        else:
            total += sum(_turns(inner) for inner in _inner(equation.params.values()))
    return total


def _inner(values: Iterable[Any]) -> Iterator[Jaxpr]:
    for value in values:
        if isinstance(value, (list, tuple)):
            yield from _inner(value)
        elif hasattr(value, "eqns"):
            yield value
        elif hasattr(getattr(value, "jaxpr", None), "eqns"):
            yield value.jaxpr

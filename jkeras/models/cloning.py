"""`clone_model`: the same architecture with new weights.
 Each layer is made again from its config, and the calls of the graph are repeated on the new layers. The models share nothing,
unless `clone_function` returns a layer as it is.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import TypeGuard, TypeVar

import jax

from jkeras._base.configurable import deserialize, in_memory, serialize
from jkeras._base.errors import describe
from jkeras._base.registry import export
from jkeras._base.types import Tree
from jkeras.graph import KerasTensor
from jkeras.graph.keras_tensor import ArrayFunction, is_leaf, symbolic_leaves
from jkeras.layer.base import Layer
from jkeras.layers.input import Input, InputLayer, is_optional
from jkeras.models.functional import Functional
from jkeras.models.model import Model, takes_graph
from jkeras.models.sequential import Sequential

L = TypeVar("L", bound=Layer)
CloneFunction = Callable[[Layer], Layer]
CallFunction = Callable[..., Tree]

_OWN_COMPILE = """The clone of model {name!r} is not compiled, because {kind} has a `compile` of its own. Call its compile(), or
define get_compile_config(self) and compile_from_config(self, config) as well."""

_COMPILED = ("loss", "loss_weights", "metrics", "weighted_metrics")


@export("keras.models.clone_model")
def clone_model(
    model: Model,
    input_tensors: Tree = None,
    clone_function: CloneFunction | None = None,
    call_function: CallFunction | None = None,
    recursive: bool = False,
) -> Model:
    """A model of the same architecture, with new layers and new initial weights.

    Args:
        model: a graph, a stack, or a model of a class of your own that `get_config` describes.
        input_tensors: symbolic tensors, or input layers, to build the clone on; default new inputs of the same shapes.
        clone_function: `layer -> layer`, called on each layer but the inputs; default makes one from the layer's config.
        call_function: `(layer, *args, **kwargs) -> outputs`, called for each call in the graph; default calls the layer.
        recursive: whether models inside the model are cloned layer by layer with the same functions.

    Returns:
        A model of the same class; of a class that makes its graph in its own constructor, a `Functional` where you pass a
            function or tensors. It is built for the same shapes, and compiled as the model is, by `compile_from_config` if its
            class has one of its own. A warning says where that cannot be: an optimizer, loss or metric without a config, or a
            class with a `compile` alone.

    Raises:
        ValueError: an argument does not fit the model's kind.

    Example:
        >>> from jkeras.layers import Dense, Input
        >>> x = Input((4,))
        >>> model = Functional(x, Dense(2, name="out")(x))
        >>> twin = clone_model(model)
        >>> twin.get_layer("out") is model.get_layer("out"), twin.count_params()
        (False, 10)
    """
    _check(model, input_tensors, clone_function, call_function, recursive)

    def copy(layer: Layer) -> Layer:
        if recursive and _has_graph(layer):
            inner = None if isinstance(layer, Sequential) else call_function
            return clone_model(layer, clone_function=clone_function, call_function=inner, recursive=True)
        return (clone_function or clone_layer)(layer)

    made = _cloned(model, input_tensors, clone_function, call_function, recursive, copy)
    if model.built and not made.built:
        made.build_from_config(model.get_build_config())
    _compile_alike(model, made)
    return made


def _cloned(
    model: Model,
    input_tensors: Tree,
    clone_function: CloneFunction | None,
    call_function: CallFunction | None,
    recursive: bool,
    copy: CloneFunction,
) -> Model:
    own_graph = _has_graph(model) and not isinstance(model, Sequential) and not takes_graph(type(model))
    plain = input_tensors is None and clone_function is None and call_function is None and not recursive
    if not _has_graph(model) or (own_graph and plain):
        return clone_layer(model)
    given = None if input_tensors is None else _tensors(input_tensors)
    if isinstance(model, Sequential):
        return _clone_stack(model, given or [], copy)
    if given is not None and len(given) == len(model.inputs) and not _fits_in(input_tensors, model.input):
        raise ValueError(
            f"The input_tensors have the structure of model.input, which is {describe(model.input)}. Received: "
            f"{describe(input_tensors)}."
        )
    return _clone_graph(model, given, copy, call_function or _call)


def _compile_alike(model: Model, clone: Model) -> None:
    """Compile the clone as the model was, with an optimizer, losses and metrics of its own, if these have a config."""
    config = model._trainer.config
    if config is None:
        return
    if _definer(clone, "compile_from_config") is not Model:
        with in_memory():
            clone.compile_from_config(model.get_compile_config())
        return
    if _definer(clone, "compile") is not Model:
        warnings.warn(_OWN_COMPILE.format(name=model.name, kind=type(clone).__name__), stacklevel=3)
        return
    try:
        with in_memory():
            optimizer = deserialize(serialize(model.optimizer))
            parts = {name: deserialize(serialize(getattr(config, name))) for name in _COMPILED}
    except (TypeError, NotImplementedError) as error:
        warnings.warn(f"The clone of model {model.name!r} is not compiled: {error} Call its compile().", stacklevel=3)
        return
    steps = config.steps_per_execution
    clone.compile(optimizer, **parts, run_eagerly=config.run_eagerly, steps_per_execution=steps, jit_compile=config.jit)


def _definer(model: Model, name: str) -> type:
    return next(cls for cls in type(model).__mro__ if name in vars(cls))


def clone_layer(layer: L) -> L:
    """A new layer from the config of one; the user's own classes and functions in it need not be registered.

    Args:
        layer: of any kind.
    """
    with in_memory():
        made: L = type(layer).__dict__.get("_declared_as", type(layer)).from_config(layer.get_config())
    return made


def _has_graph(model: object) -> TypeGuard[Functional]:
    return isinstance(model, Functional) and model._has_graph


def _fits_in(given: Tree, inputs: Tree) -> bool:
    """Whether tensors are named as the inputs are: where these are in a dict, in one with its keys."""
    if isinstance(given, dict) or isinstance(inputs, dict):
        both = isinstance(given, dict) and isinstance(inputs, dict)
        return both and given.keys() == inputs.keys() and all(_fits_in(given[key], inputs[key]) for key in given)
    parts = zip(given, inputs) if isinstance(given, (list, tuple)) and isinstance(inputs, (list, tuple)) else ()
    return all(_fits_in(*pair) for pair in parts)


def _call(layer: Layer, *args: object, **kwargs: object) -> Tree:
    return layer(*args, **kwargs)


def _check(model: object, input_tensors: Tree, clone_function: object, call_function: object, recursive: bool) -> None:
    if not isinstance(model, Model):
        raise ValueError(f"clone_model takes a model. Received: {describe(model)}.")
    for name, given in (("clone_function", clone_function), ("call_function", call_function)):
        if given is not None and not callable(given):
            raise ValueError(f"{name} is a function. Received: {describe(given)}.")
    if call_function is not None and (isinstance(model, Sequential) or not _has_graph(model)):
        raise ValueError(f"call_function is for models with a graph. Received: {type(model).__name__} {model.name!r}.")
    if not _has_graph(model) and (input_tensors is not None or clone_function is not None or recursive):
        raise ValueError(
            f"{type(model).__name__} {model.name!r} has a `call` of its own and no graph, so it is cloned from its config as a "
            "whole. Leave out input_tensors, clone_function and recursive."
        )


def _clone_stack(model: Sequential, given: list[KerasTensor], copy: CloneFunction) -> Sequential:
    if len(given) > 1:
        raise ValueError(f"A Sequential has one input. Received: {len(given)} input_tensors.")
    first: list[KerasTensor | InputLayer] = []
    if given:
        source = None if given[0].node is None else given[0].node.operation
        first = [source if isinstance(source, InputLayer) else Input(batch_shape=given[0].shape, dtype=given[0].dtype)]
    elif model._input_layer is not None:
        first = [clone_layer(model._input_layer)]
    return Sequential([*first, *(copy(layer) for layer in model.layers)], trainable=model.trainable, name=model.name)


def _clone_graph(model: Functional, given: list[KerasTensor] | None, copy: CloneFunction, call: CallFunction) -> Model:
    program = model._program
    if given is None:
        given = [Input(batch_shape=t.shape, dtype=t.dtype, name=t.name, optional=is_optional(t)) for t in program.inputs]
    if len(given) != len(program.inputs):
        raise ValueError(f"Model {model.name!r} has {len(program.inputs)} inputs. Received: {len(given)} input_tensors.")
    tensors: dict[int, KerasTensor] = {id(old): new for old, new in zip(program.inputs, given)}
    made: dict[int, Layer] = {}

    def new(structure: Tree) -> Tree:
        return jax.tree.map(lambda t: tensors[id(t)] if isinstance(t, KerasTensor) else t, structure, is_leaf=is_leaf)

    for node in program.nodes:
        if not node.inputs or all(id(t) in tensors for t in node.flat_outputs):
            continue
        operation = node.operation
        if isinstance(operation, ArrayFunction):
            outputs = operation.fn(*new(node.args), **new(node.kwargs))
            symbolic_leaves(outputs)[0].node.operation.name = operation.name  # type: ignore[union-attr]
        else:
            assert isinstance(operation, Layer)
            if id(operation) not in made:
                made[id(operation)] = copy(operation)
            outputs = call(made[id(operation)], *new(node.args), **new(node.kwargs))
        tensors.update((id(old), fresh) for old, fresh in zip(node.flat_outputs, symbolic_leaves(outputs)))
    inputs, outputs = (new(structure) for structure in model._structure)
    cls = type(model).__dict__.get("_declared_as", type(model))
    return (cls if takes_graph(cls) else Functional)(inputs=inputs, outputs=outputs, name=model.name, trainable=model.trainable)


def _tensors(structure: Tree) -> list[KerasTensor]:
    """The symbolic tensors of a structure, in which input layers stand for their outputs."""
    leaves = jax.tree.leaves(structure, is_leaf=lambda v: isinstance(v, (KerasTensor, InputLayer)))
    found = [leaf.output if isinstance(leaf, InputLayer) else leaf for leaf in leaves]
    for tensor in found:
        if not isinstance(tensor, KerasTensor):
            raise ValueError(f"input_tensors are symbolic tensors, as Input(...) gives them. Received: {describe(tensor)}.")
    return found

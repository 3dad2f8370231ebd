"""`Functional`: a model made of a graph between symbolic inputs and outputs. Running it is one loop over the graph.

A pickle or a copy of one holds its symbolic tensors, not the sorted steps, which hold functions and ids. A graph is a long chain,
so it is stored node by node, and nothing recurses along it.
"""

from __future__ import annotations

import functools
import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from jkeras._base.errors import describe, known_sizes
from jkeras._base.naming import auto_name, to_snake_case
from jkeras._base.registry import export
from jkeras._base.sparse_arrays import is_sparse
from jkeras._base.types import Array, Tree
from jkeras._text.arrays import TEXT
from jkeras.data import prepared
from jkeras.data.arrays import to_host_arrays
from jkeras.graph import KerasTensor, Program, infer
from jkeras.graph.keras_tensor import Operation, is_leaf, is_symbolic
from jkeras.graph.program import Values
from jkeras.graph.spec import is_spec
from jkeras.graph.topology import operations_of
from jkeras.layer.base import Layer
from jkeras.layer.structures import array_specs, single, specs_to_shapes
from jkeras.layers.input import InputLayer, is_optional
from jkeras.models.host_part import HostPart, HostResults, Preparation
from jkeras.models.model import Model, check_unique_names, takes_graph
from jkeras.saving.graph_config import graph_config
from jkeras.state.scope import set_mask
from jkeras.training.trainer import Trainer

_ADDED_STAY = """Model {model!r}: the config leaves out {count} {what} from add_{what}(symbolic tensor). Add it again to
the model made from it."""

_WHICH_FIRST = """Model {model!r} takes a dict of inputs, {names}. Received without names: {given}. Which of them is the first
cannot be told: write {{{names[0]!r}: ..., {names[1]!r}: ...}}."""

_NOT_OPTIONAL = """Model {model!r} received None for the input {name!r}, which is not optional. Give an array, or make the model
with Input({shape}, optional=True)."""


@export("keras.models.Functional", "keras.src.models.functional.Functional")
class Functional(Model):
    """The model between `inputs` and `outputs`; `Model(inputs, outputs)` makes one.

    Args:
        inputs: a symbolic tensor, or a nested list, tuple or dict of them.
        outputs: likewise; must depend on the inputs alone.
        name: default `model`, `model_1`, ...
        kwargs: `trainable`, `dtype`.

    Raises:
        ValueError: the graph is disconnected, or two layers have one name.
    """

    _has_graph = True  # False for an object that its constructor made without one, where others of its class have one
    _cut_inputs: Mapping[int, InputLayer] = {}  # by position, for those that another graph computes
    _graph_losses: tuple[KerasTensor, ...] = ()
    _graph_metrics: tuple[tuple[str, KerasTensor], ...] = ()

    def __init__(self, inputs: Tree = None, outputs: Tree = None, name: str | None = None, **kwargs: Any):
        inputs, outputs = kwargs.pop("input", inputs), kwargs.pop("output", outputs)  # Keras 1's names
        if inputs is outputs is None and type(self).call is not Functional.call:
            Layer.__init__(self, name=name, **kwargs)
            self._trainer, self._has_graph = Trainer(self), False
            return
        for what, given in (("inputs", inputs), ("outputs", outputs)):
            for leaf in jax.tree.leaves(given, is_leaf=is_leaf) or [None]:
                if not isinstance(leaf, KerasTensor):
                    raise ValueError(
                        f"Model({what}=...) takes symbolic tensors, as Input(...) and layers called on them give. "
                        f"Received: {describe(leaf)}."
                    )
        default = "model" if type(self) is Functional else to_snake_case(type(self).__name__)
        Layer.__init__(self, name=name or auto_name(default), **kwargs)
        self._trainer = Trainer(self)
        self._structure = inputs, outputs
        self._trace_graph()
        self.built = True
        self._settle()
        self._trainer.claim()

    def __getstate__(self) -> dict[str, Any]:
        """All attributes but the sorted graph; the nodes of the graph first, in running order."""
        state = super().__getstate__()
        nodes = list(self._program.nodes) if "_structure" in self.__dict__ else []
        return {"nodes": nodes, **{k: v for k, v in state.items() if k not in ("_program", "_found_host_part")}}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__({name: value for name, value in state.items() if name != "nodes"})

    @functools.cached_property
    def _program(self) -> Program:
        """The sorted graph. A copy sorts it when it first needs it, because parts of a cycle may be missing before."""
        inputs, outputs = self._structure
        added = self._graph_losses, self._graph_metrics
        return Program(inputs, (outputs, added) if any(added) else outputs)

    def _trace_graph(self) -> None:
        self.__dict__.pop("_program", None)
        operations = operations_of(self._program.nodes)
        self._cut_inputs = _cut_inputs(self._program.inputs, operations)
        self._operations = [*self._cut_inputs.values(), *operations]
        check_unique_names(f"model {self.name!r}", self._operations)

    def add_loss(self, loss: object) -> None:
        """Add to what training minimises: from `call`, or once with a symbolic tensor of the graph, as in Keras 2.

        Files do not hold losses of the graph: add them again after loading.

        Args:
            loss: a scalar or a tensor, whose mean counts; or a list of them. Symbolic ones depend on the model's inputs alone.

        Raises:
            ValueError: the graph is disconnected: a symbolic loss needs another input.

        Example:
            >>> from jkeras import Input, Model, layers, ops
            >>> x = Input((4,))
            >>> code = layers.Dense(2)(x)
            >>> model = Model(x, layers.Dense(4)(code))
            >>> model.add_loss(ops.mean(ops.square(model.output - x)) + 0.1 * ops.mean(ops.square(code)))
            >>> model.compile("adam")
        """
        given = loss if isinstance(loss, (list, tuple)) else [loss]
        symbolic = [value for value in given if is_symbolic(value)]
        super().add_loss([value for value in given if not is_symbolic(value)])
        if symbolic:
            self._extend_graph("_graph_losses", symbolic)

    def add_metric(self, value: object, name: str | None = None, aggregation: str | None = "mean") -> None:
        """Report a value in the logs: from `call`, or once with a symbolic tensor of the graph, as in Keras 2.

        Args:
            value: as for every layer; or a symbolic tensor that depends on the model's inputs alone, whose mean counts.
            name: in the logs.
            aggregation: `"mean"`.

        Raises:
            ValueError: no name, or a disconnected graph.
        """
        if not is_symbolic(value):
            super().add_metric(value, name, aggregation)
        elif name is None:
            raise ValueError(f"Model {self.name!r}: give the metric a name, add_metric(tensor, name='mean_of_code').")
        else:
            self._extend_graph("_graph_metrics", [(name, value)])

    def _extend_graph(self, what: str, new: Sequence[object]) -> None:
        before = getattr(self, what)
        setattr(self, what, (*before, *new))
        try:
            self._trace_graph()
        except ValueError:
            setattr(self, what, before)
            raise
        self._trainer.forget()

    def call(self, inputs: Tree, training: bool | None = None, mask: Tree = None) -> Tree:
        """Run the graph.

        Args:
            inputs: arrays in the structure of the model's inputs, or a dict by input name.
            training: as every layer.
            mask: of the inputs, in their structure, with None for an input that has none.

        Returns:
            Arrays in the structure of the model's outputs; a single output comes without its list or tuple, as in Keras 3.
        """
        values = self._host_part.resume(inputs) if isinstance(inputs, HostResults) else self._values(inputs, mask)
        if not (self._graph_losses or self._graph_metrics):
            return _without_list(self._program.outputs(values))
        outputs, (losses, metrics) = self._program.outputs(values)
        for value in losses:
            super().add_loss(jnp.mean(value))
        for name, value in metrics:
            super().add_metric(value, name)
        return _without_list(outputs)

    def _values(self, inputs: Tree, mask: Tree) -> Values:
        """The values of all tensors of the graph."""
        arrays = self._arrange(inputs)
        if mask is not None:
            by_name = isinstance(mask, dict) and not isinstance(self._structure[0], dict)
            masks = [mask.get(name) for name in self.input_names] if by_name else _leaves(mask)
            for array, one in zip(arrays, masks):
                if one is not None:
                    set_mask(array, one)
        values = self._program.bind(arrays)
        for operation, gather, store in self._program.steps:
            args, kwargs = gather(values)
            store(values, operation(*args, **kwargs))
        return values

    @property
    def _host_part(self) -> HostPart:
        """The steps of the graph that run on the host, before the compiled ones; it is false where there are none."""
        found: HostPart | None = self.__dict__.get("_found_host_part")
        if found is None or found.program is not self._program:
            found = self.__dict__["_found_host_part"] = HostPart(self, self._program)
        return found

    @property
    def _graph_outputs(self) -> Tree:
        """Symbolic outputs, losses and metrics."""
        return self._structure[1], self._graph_losses, self._graph_metrics

    def _preparation(self) -> prepared.Preparation | None:
        own_call = type(self).call is not Functional.call
        return super()._preparation() if own_call or not self._passes_strings() else Preparation(self)

    def run_host_layers(self, x: Tree) -> Tree:
        """Run the layers that work on the host, such as `TextVectorization`, at the start of the graph.

        `fit`, `evaluate` and `predict` do so by themselves. In a loop of your own the results take the place of the inputs:
        `model(results)`, `model.apply(params, state, results)`, under `jit` too.

        Args:
            x: texts and arrays, as for a call.

        Returns:
            A pytree of arrays.

        Example:
            >>> from jkeras import Input, Model, layers
            >>> x = Input((1,), dtype="string")
            >>> ids = layers.StringLookup(vocabulary=["yes", "no"])(x)
            >>> model = Model(x, layers.Embedding(3, 2)(ids))
            >>> jax.jit(model)(model.run_host_layers([["no"]])).shape
            (1, 1, 2)
        """
        return Preparation(self)(to_host_arrays(x, "x"))

    def _infer(self, fn: Callable[..., Tree], specs: tuple[Tree, ...], kwargs: dict[str, Tree]) -> Tree:
        """In the structure of the model's outputs; `call` gives a single output without its list."""
        if type(self).call is not Functional.call:
            return super()._infer(fn, specs, kwargs)
        inputs, outputs = self._structure
        if _are_alike(specs[0], inputs):
            return array_specs(outputs)  # what the graph was made for
        if any(tensor.dtype == "string" for tensor in self.inputs):
            return self._infer_by_steps(specs[0])
        found = super()._infer(fn, specs, kwargs)
        return type(outputs)([found]) if _is_single(outputs) else found

    def _infer_by_steps(self, inputs: Tree) -> Tree:
        """The specs of the outputs, step by step: no function that JAX traces has strings."""
        values = self._program.bind(jax.tree.leaves(inputs, is_leaf=is_spec))
        for operation, gather, store in self._program.steps:
            args, kwargs = gather(values)
            specs = operation.compute_output_spec if isinstance(operation, Layer) else None
            store(values, infer(operation, args, kwargs) if specs is None else specs(*args, **kwargs))
        found = self._program.outputs(values)
        return found[0] if self._graph_losses or self._graph_metrics else found

    def _arrange(self, inputs: Tree) -> list[Tree]:
        """The inputs' arrays in the order of the graph, each with the rank and dtype of its symbolic tensor.

        The batch size that the graph was made with binds only layers that keep something for each row.
        """
        expected = self._program.inputs
        structure = self._structure[0]
        if isinstance(inputs, dict):
            names = list(structure) if isinstance(structure, dict) else self.input_names
            for name in names:
                if name not in inputs:
                    raise ValueError(f"Model {self.name!r} lacks the input {name!r}. Received a dict with {sorted(inputs)}.")
            arrays = _leaves({k: inputs[k] for k in names}) if isinstance(structure, dict) else [inputs[k] for k in names]
        else:
            if isinstance(structure, dict) and list(structure) != sorted(structure):
                raise ValueError(_WHICH_FIRST.format(model=self.name, names=list(structure), given=describe(inputs)))
            arrays = _leaves(inputs)
        if len(arrays) != len(expected):
            raise ValueError(
                f"Model {self.name!r} has {len(expected)} input{'s' * (len(expected) != 1)} "
                f"({', '.join(t.name for t in expected)}), but received {len(arrays)}: {describe(inputs)}."
            )
        return [self._fit_to(tensor, array) for tensor, array in zip(expected, arrays)]

    def _fit_to(self, tensor: KerasTensor, array: Tree) -> Array | None:
        if array is None:
            if is_optional(tensor):
                return None
            raise ValueError(_NOT_OPTIONAL.format(model=self.name, name=tensor.name, shape=tensor.shape[1:]))
        if (array.dtype == TEXT) != (tensor.dtype == "string"):
            raise ValueError(
                f"Model {self.name!r} expects the input {tensor.name!r} of dtype {tensor.dtype}, but received {describe(array)}. "
                f"Give {'texts' if tensor.dtype == 'string' else 'numbers'}, or make the model with Input(dtype=...) for these."
            )
        given, shape, wanted = array, array.shape, tensor.shape
        if len(shape) == len(wanted) - 1 and wanted[-1] == 1:
            array = array[..., None]
        elif len(shape) == len(wanted) + 1 and shape[-1] == 1:
            array = array[..., 0]
        fits = len(array.shape) == len(wanted) and all(m is None or m == n for m, n in zip(wanted[1:], array.shape[1:]))
        if not fits:
            raise ValueError(
                f"Model {self.name!r} expects the input {tensor.name!r} with shape {tensor.shape}, but received "
                f"{describe(given)}. {_what_to_write(shape, wanted)}"
            )
        if tensor.dtype == "string" or jax.dtypes.canonicalize_dtype(tensor.dtype) == array.dtype:
            return array
        return array.astype(jnp.dtype(tensor.dtype))

    def get_config(self) -> dict[str, Any]:
        """Name and graph, in Keras' form; of a class that makes its graph in its own constructor, that constructor's arguments.

        Raises:
            TypeError: the graph calls a function that no file can name.
        """
        if not takes_graph(type(self)):
            return super().get_config()
        for what, added in (("loss", self._graph_losses), ("metric", self._graph_metrics)):
            if added:
                warnings.warn(_ADDED_STAY.format(model=self.name, count=len(added), what=what), stacklevel=2)
        return {"name": self.name, "trainable": self.trainable, **graph_config(self)}

    def get_build_config(self) -> dict[str, Any] | None:
        """None where there is a graph: it knows all shapes."""
        return None if self._has_graph else super().get_build_config()

    # structure ------------------------------------------------------------------------------------------------------

    def _note_arrival(self, name: str, value: object) -> None:
        if not self._has_graph:  # which knows its layers and their order
            super()._note_arrival(name, value)

    def _sublayers(self) -> list[Layer]:
        return [op for op in self._operations if isinstance(op, Layer)] if self._has_graph else super()._sublayers()

    @property
    def operations(self) -> list[Operation]:
        """Layers and array functions of the graph, in running order."""
        return list(self._operations)

    @property
    def inputs(self) -> list[KerasTensor]:
        """The symbolic inputs, flat."""
        return list(self._program.inputs)

    @property
    def outputs(self) -> list[KerasTensor]:
        """The symbolic outputs, flat."""
        return jax.tree.leaves(self._structure[1], is_leaf=is_symbolic)

    @property
    def input(self) -> Tree:
        """The symbolic inputs, in their structure."""
        return self._structure[0] if self._has_graph else super().input

    @property
    def output(self) -> Tree:
        """The symbolic outputs, in their structure."""
        return self._structure[1] if self._has_graph else super().output

    @property
    def input_shape(self) -> Tree:
        """Shape of the input, or a list of shapes for several."""
        return specs_to_shapes(single(self.inputs))

    @property
    def output_shape(self) -> Tree:
        """Shape of the output, or a list of shapes for several."""
        return specs_to_shapes(single(self.outputs))

    @property
    def input_names(self) -> list[str]:
        """Names of the inputs, for dicts of data."""
        return [t.name for t in self.inputs]

    @property
    def output_names(self) -> list[str]:
        """Names of the outputs, for dicts of targets, losses and metrics: keys of a flat dict, else the layers' names."""
        if isinstance(self.output, dict) and len(self.output) == len(self.outputs):
            return sorted(self.output)
        names = [t.node.operation.name if t.node is not None else t.name for t in self.outputs]
        return [n if names.count(n) == 1 or names.index(n) == i else f"{n}_{names[:i].count(n)}" for i, n in enumerate(names)]


Model._functional = Functional


def _what_to_write(shape: tuple[int, ...], wanted: tuple[int | None, ...]) -> str:
    """The function that turns data of one shape into data of another."""
    sizes = wanted[1:]
    if len(shape) == len(sizes) and all(m == n or None in (m, n) for m, n in zip(known_sizes(shape), sizes)):
        return "The batch axis is missing: write x[None]."
    known = [n for n in sizes if n is not None]
    if len(known) == len(sizes) and math.prod(shape[1:]) == math.prod(known):
        return f"Reshape the data: x.reshape((-1, {', '.join(map(str, known))}))."
    return f"Give data of that shape, or make the model for these: Input(shape={tuple(shape[1:])})."


def _leaves(inputs: Tree) -> list[Tree]:
    """Arrays, dense or sparse, with None for one that is left out."""
    return jax.tree.leaves(inputs, is_leaf=lambda value: value is None or is_sparse(value))


def _cut_inputs(inputs: Sequence[KerasTensor], operations: Sequence[Operation]) -> dict[int, InputLayer]:
    """Input layers for tensors that another graph computes, by their positions; named like the tensors where they can be."""
    taken = {operation.name for operation in operations}
    found: dict[int, InputLayer] = {}
    for position, tensor in enumerate(inputs):
        if tensor.node is None or not isinstance(tensor.node.operation, InputLayer):
            name = tensor.name
            while name in taken:
                name += "_input"
            taken.add(name)
            found[position] = InputLayer(batch_shape=tensor.shape, dtype=tensor.dtype, name=name)
    return found


def _is_single(outputs: Tree) -> bool:
    return isinstance(outputs, (list, tuple)) and len(outputs) == 1


def _without_list(outputs: Tree) -> Tree:
    return outputs[0] if _is_single(outputs) else outputs


def _are_alike(specs: Tree, tensors: Tree) -> bool:
    """Whether two structures have the same shapes and dtypes in the same places."""
    (given, tree), (made, structure) = (jax.tree.flatten(value, is_leaf=is_spec) for value in (specs, tensors))
    same = tree == structure  # type: ignore[operator]
    return same and all(is_spec(a) and a.shape == b.shape and a.dtype == b.dtype for a, b in zip(given, made))

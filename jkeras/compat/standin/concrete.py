"""What TensorFlow tells of a `tf.function`: the kinds of arguments that it was traced for, and what it gives for them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import numpy as np

from jkeras._base.types import Tree
from jkeras.compat.standin.tensor_spec import TensorSpec
from jkeras.state.variable import Variable

_Parameters = list[tuple[inspect.Parameter, Tree]]
_OPEN_SIZES = 2, 3  # an axis is open where results differ for these


class ConcreteFunction:
    """A function for one kind of arguments.

    Args:
        function: the function; it is compiled where it is called.
        signature: of the Python function.
        args, kwargs: of this kind: arrays or specs, and other values.
        outputs: from arguments with structs in place of arrays to the structs of the results.

    Attributes:
        structured_input_signature: the specs of the arguments by position and by name.
        structured_outputs: the specs of the results.

    Example:
        >>> from jkeras.compat.standin.functions import function
        >>> double = function(lambda x, times=2: x * times)
        >>> one = double.get_concrete_function(TensorSpec((None, 3)))
        >>> one.structured_outputs
        TensorSpec(shape=(None, 3), dtype=tf.float32, name=None)
        >>> one.structured_input_signature
        ((TensorSpec(shape=(None, 3), dtype=tf.float32, name='x'), 2), {})
        >>> one(np.ones((1, 3), "float32")).tolist()
        [[2.0, 2.0, 2.0]]
    """

    def __init__(
        self,
        function: Callable[..., Tree],
        signature: inspect.Signature,
        args: Sequence[Tree],
        kwargs: Mapping[str, Tree],
        outputs: Callable[..., Tree],
    ):
        self._function = function
        self._parameters = _parameters(signature, args, kwargs)
        named = {one.name: value for one, value in self._parameters if one.kind is inspect.Parameter.KEYWORD_ONLY}
        self._given = [value for one, value in self._parameters if one.name not in named], named
        positional = [_named(value, one.name) for one, value in self._parameters if one.name not in named]
        self.structured_input_signature = tuple(positional), {name: _named(value, name) for name, value in named.items()}
        found = [jax.tree.map(_struct_spec, outputs(*_sized((tuple(args), dict(kwargs)), size))) for size in _OPEN_SIZES]
        self.structured_outputs = jax.tree.map(_open, *found, is_leaf=_is_spec)

    def __call__(self, *args: Tree, **kwargs: Tree) -> Tree:
        """The results; arguments that are no arrays, and that are left out, are those of this kind."""
        given, named = self._given
        return self._function(*args, *given[len(args) :], **{**named, **kwargs})

    def pretty_printed_signature(self, verbose: bool = True) -> str:
        """The signature as text, in TensorFlow's form."""
        return _signature_text(self._parameters, self.structured_outputs)

    def __str__(self) -> str:
        return f"ConcreteFunction {self.pretty_printed_signature()}"


def add_signatures(compiled: Any, traced: Any, func: Callable[..., Tree], wanted: Sequence[Tree] | None) -> None:
    """Give a function what TensorFlow's have to tell of their kinds of arguments.

    Args:
        compiled: the function.
        traced: with its programs.
        func: the Python function.
        wanted: its `input_signature`, or None.
    """
    signature = inspect.signature(func)

    def get_concrete_function(*args: Tree, **kwargs: Tree) -> ConcreteFunction:
        given = tuple(wanted) if wanted is not None and not (args or kwargs) else args
        return ConcreteFunction(compiled, signature, given, kwargs, lambda args, kwargs: traced.outputs(args, kwargs))

    def pretty_printed_concrete_signatures(verbose: bool = True) -> str:
        kinds = [(program.given, program.outputs) for program in traced.programs.values()]
        texts = [_signature_text(_parameters(signature, *given), jax.tree.map(_struct_spec, found)) for given, found in kinds]
        return "\n\n".join(texts)

    compiled.input_signature = wanted
    compiled.get_concrete_function = get_concrete_function
    compiled.pretty_printed_concrete_signatures = pretty_printed_concrete_signatures
    compiled.experimental_get_tracing_count = lambda: len(traced.programs)


def _parameters(signature: inspect.Signature, args: Sequence[Tree], kwargs: Mapping[str, Tree]) -> _Parameters:
    """The parameters of a function with specs of what is given for them."""
    bound = signature.bind(*args, **kwargs)
    bound.apply_defaults()
    return [(signature.parameters[name], _specs(value)) for name, value in bound.arguments.items()]


def _signature_text(parameters: _Parameters, outputs: Tree) -> str:
    lines = [f"  {one.name} ({one.kind.name}): {_text(value)}" for one, value in parameters]
    return "\n".join(["Input Parameters:", *lines, "Output Type:", f"  {_text(outputs)}", "Captures:", "  None"])


def _is_spec(value: object) -> bool:
    return isinstance(value, TensorSpec)


def _is_array(value: object) -> bool:
    return isinstance(value, (jax.Array, np.ndarray, np.generic, jax.ShapeDtypeStruct))


def _specs(value: Tree) -> Tree:
    return jax.tree.map(lambda leaf: _struct_spec(leaf) if _is_array(leaf) else leaf, value, is_leaf=_is_leaf)


def _is_leaf(value: object) -> bool:
    return isinstance(value, (TensorSpec, Variable)) or value is None


def _struct_spec(leaf: Tree) -> TensorSpec:
    return TensorSpec(leaf.shape, leaf.dtype)


def _named(value: Tree, name: str) -> Tree:
    return TensorSpec(value.shape, value.dtype, value.name or name) if _is_spec(value) else value


def _sized(given: Tree, size: int) -> Tree:
    """The arguments with arrays' structs in place of specs, where open axes have a size."""

    def struct(leaf: Tree) -> Tree:
        if not _is_spec(leaf):
            return leaf
        if leaf.shape is None:
            raise ValueError(f"get_concrete_function needs to know how many axes an array has. Received: {leaf}.")
        return jax.ShapeDtypeStruct(tuple(size if n is None else n for n in leaf.shape), leaf.dtype)

    return jax.tree.map(struct, given, is_leaf=_is_leaf)


def _open(one: TensorSpec, other: TensorSpec) -> TensorSpec:
    return TensorSpec([a if a == b else None for a, b in zip(one.shape or (), other.shape or ())], one.dtype)


def _text(value: Tree) -> str:
    """A value as TensorFlow names its type."""
    if _is_spec(value):
        return repr(TensorSpec(value.shape, value.dtype))
    if isinstance(value, dict):
        return f"Dict[{', '.join(f'[{key!r}, {_text(part)}]' for key, part in value.items())}]"
    if isinstance(value, (list, tuple)):
        return f"{type(value).__name__.capitalize()}[{', '.join(map(_text, value))}]"
    return f"Literal[{value!r}]"

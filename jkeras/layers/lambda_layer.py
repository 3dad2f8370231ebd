"""Lambda: a function as a layer.

A file of a model names the function and does not hold it. Keras writes a lambda as bytecode into the file, and reading runs
it; here bytecode is neither written nor read. The function is found by its name, or by the layer's, among the registered ones
and those in `custom_objects`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Self, Unpack

import jax

from jkeras._base import registry
from jkeras._base.configurable import copied, function_config, is_object_config, serialize
from jkeras._base.errors import FileFormatError, UnsafeFileError, describe
from jkeras._base.registry import export
from jkeras._base.types import Config, CustomObjects, Tree
from jkeras.graph import Spec
from jkeras.graph.spec import is_spec
from jkeras.layer.base import BaseArguments, Layer
from jkeras.layer.structures import shapes_to_specs, specs_to_shapes
from jkeras.state.initial import argument_names

_BYTECODE = """The Lambda layer {layer!r} holds its function as bytecode, which is code that a file brings along; it is never run.
Give the function itself, under the layer's name: custom_objects={{{layer!r}: function}}."""

_UNKNOWN = """The Lambda layer {layer!r} calls the function {name!r}, which is neither registered nor in custom_objects. Give it:
custom_objects={{{key!r}: function}}."""

_OF_KERAS2 = ("module", "function_type", "output_shape_type", "output_shape_module", "mask_type", "mask_module")


@export("keras.layers.Lambda")
class Lambda(Layer):
    """A layer that calls a function.

    Args:
        function: takes the inputs, and `mask` and `training` if it has arguments of these names.
        output_shape: of an example, or a function from the input's shape to the output's. The shape is found by running the
            function on shapes alone; this says the sizes that stay unknown, and all of them where the function looks at values.
        mask: the output's mask, or a function `(inputs, mask) -> mask`; None where there is none.
        arguments: further keyword arguments of the function.
        kwargs: as every layer.

    Raises:
        TypeError: `function` cannot be called.

    Example:
        >>> import numpy as np
        >>> Lambda(lambda x: 2 * x)(np.ones((1, 2), np.float32)).tolist()
        [[2.0, 2.0]]
    """

    def __init__(
        self,
        function: Callable[..., Tree],
        output_shape: Tree = None,
        mask: Tree = None,
        arguments: dict[str, Any] | None = None,
        **kwargs: Unpack[BaseArguments],
    ):
        if not callable(function):
            raise TypeError(f"Lambda takes a function, for example Lambda(lambda x: x / 255). Received: {describe(function)}.")
        super().__init__(**kwargs)
        self.function, self.mask, self._output_shape = function, mask, output_shape
        self.arguments = dict(arguments or {})
        self.supports_masking = mask is not None
        self._takes = argument_names(function)

    def call(self, inputs: Tree, mask: Tree = None, training: bool | None = None) -> Tree:
        """What the function gives."""
        given = {"mask": mask, "training": training}
        return self.function(inputs, **self.arguments, **{k: v for k, v in given.items() if k in self._takes})

    def _infer(self, fn: Callable[..., Tree], specs: tuple[Tree, ...], kwargs: dict[str, Tree]) -> Tree:
        if self._output_shape is None:
            return super()._infer(fn, specs, kwargs)
        said = self._said(specs[0])
        try:
            found = super()._infer(fn, specs, kwargs)
        except jax.errors.JAXTypeError:
            return said
        alike = jax.tree.structure(found) == jax.tree.structure(said)  # type: ignore[operator]
        return jax.tree.map(_with_sizes, found, said) if alike else found

    def _said(self, inputs: Tree) -> Tree:
        """Specs of what `output_shape` says."""
        shapes, said = specs_to_shapes(inputs), self._output_shape
        batch = jax.tree.leaves(inputs, is_leaf=is_spec)[0].shape[0]
        return shapes_to_specs(said(shapes) if callable(said) else (batch, *said), self.compute_dtype)

    def compute_mask(self, inputs: Tree, previous_mask: Tree = None) -> Tree:
        """What `mask` says."""
        return self.mask(inputs, previous_mask) if callable(self.mask) else self.mask

    def get_config(self) -> dict[str, Any]:
        """The arguments, the function by its name."""
        arguments = {"function": self.function, "mask": self.mask, "output_shape": self._output_shape}
        config = {k: v for k, v in super().get_config().items() if k not in arguments}
        written = {k: _written(v) for k, v in arguments.items()}
        return {**config, **written, "arguments": serialize(self.arguments)}

    @classmethod
    def from_config(cls, config: Config, custom_objects: CustomObjects = None, safe_mode: bool | None = None) -> Self:
        """A layer from a config of Keras 2, Keras 3 or jkeras, with the function found by its name.

        Args:
            config: from `get_config`.
            custom_objects: `{name: function}`.
            safe_mode: Keras' argument; bytecode is never run.

        Raises:
            UnsafeFileError: the function is bytecode, and `custom_objects` has none of the layer's name.
            FileFormatError: the function's name is unknown.
        """
        if not isinstance(config, Mapping):
            raise FileFormatError(f"The config of a Lambda is a dict. Found: {describe(config)}.")
        name = str(config.get("name", "lambda"))
        rest = {k: v for k, v in copied(config).items() if k not in (*_OF_KERAS2, "function", "mask", "output_shape")}
        found: dict[str, Tree] = {"function": _find(config.get("function"), name, custom_objects)}
        for key in ("mask", "output_shape"):
            value = config.get(key)
            found[key] = _find(value, f"{name}/{key}", custom_objects) if _is_function(value) else value
        return super().from_config({**rest, **found}, custom_objects)


def _with_sizes(found: Spec, said: Spec) -> Spec:
    """A spec with the sizes of another in place of unknown ones."""
    if len(found.shape) != len(said.shape):
        return found
    return Spec([n if m is None else m for m, n in zip(found.shape, said.shape)], found.dtype)


def _written(value: object) -> Tree:
    """As `serialize` writes it, but every function as a dict: a Lambda of Keras finds none by a string."""
    found = serialize(value)
    return function_config(value) if callable(value) and isinstance(found, str) else found


def _is_function(value: object) -> bool:
    """Whether a value of a config stands for a function: a name, Keras 3's dict, or Keras 2's `[code, defaults, closure]`."""
    if (
        isinstance(value, str)
        or is_object_config(value)
        or (isinstance(value, Mapping) and value.get("class_name") == "__lambda__")
    ):
        return True
    return isinstance(value, list) and len(value) == 3 and isinstance(value[0], str)


def _find(value: object, layer: str, custom_objects: CustomObjects) -> Callable[..., Tree]:
    if callable(value):
        return value
    own = registry.get_registered_object(layer, custom_objects)
    if callable(own):
        return own
    name = value["config"] if is_object_config(value) and value["class_name"] == "function" else value
    if not isinstance(name, str):
        if name is value and _is_function(value):
            raise UnsafeFileError(_BYTECODE.format(layer=layer))
        raise UnsafeFileError(f"The Lambda layer {layer!r} names its function by {describe(name)}. A file may only give a name.")
    found = registry.get_registered_object(name, custom_objects)
    if found is None:
        try:
            return registry.find_function(name, custom_objects)
        except ValueError:
            key = layer if name == "<lambda>" else name
            raise FileFormatError(_UNKNOWN.format(layer=layer, name=name, key=key)) from None
    if not callable(found):
        raise FileFormatError(f"custom_objects[{name!r}] is called by the Lambda layer {layer!r}, but it is {describe(found)}.")
    return found

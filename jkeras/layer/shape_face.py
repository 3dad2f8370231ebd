"""The shape face of layers: the shapes of outputs, and the shapes that `build` and similar methods get."""

from __future__ import annotations

import inspect
from collections.abc import Callable

from jkeras._base.types import Tree
from jkeras.graph import infer, symbolic_like
from jkeras.layer.call_plan import CallPlan
from jkeras.layer.messages import SHAPE_IN_CALL, SHAPE_NAMES
from jkeras.layer.structures import shapes_to_specs, specs_to_shapes
from jkeras.state.scope import current


class ShapeFace:
    """`compute_output_shape` and `compute_output_spec`."""

    _plan: CallPlan
    _ensure_built: Callable[..., None]
    __call__: Callable[..., Tree]

    def compute_output_spec(self, *args: Tree, **kwargs: Tree) -> Tree:
        """Symbolic tensors like the outputs, for symbolic tensors in place of the inputs. No call is recorded."""
        if type(self).compute_output_shape is ShapeFace.compute_output_shape:
            return symbolic_like(self._infer(self, args, kwargs))
        shapes = self._shapes_for(self.compute_output_shape, args, kwargs)
        return symbolic_like(shapes_to_specs(self.compute_output_shape(*shapes), self.compute_dtype))  # type: ignore[attr-defined]

    def compute_output_shape(self, input_shape: Tree, *other_shapes: Tree) -> Tree:
        """Shape of the output for a shape of the input, with None for unknown axes. You may override it.

        In a class that extends a library layer, this is the shape that the library layer gives for its first input, so `call` may
        ask for it and still return something else.

        Args:
            input_shape: of the first input, nested like the input.
            other_shapes: of further inputs.
        """
        dtype = self.compute_dtype  # type: ignore[attr-defined]
        specs = tuple(shapes_to_specs(shape, dtype) for shape in (input_shape, *other_shapes))
        self._ensure_built(specs, {})
        fn = self._library_call()
        if fn is None and current().layer is self:
            raise NotImplementedError(SHAPE_IN_CALL.format(cls=type(self).__name__))
        return specs_to_shapes(self._infer(fn or self, specs, {}))

    def _infer(self, fn: Callable[..., Tree], specs: tuple[Tree, ...], kwargs: dict[str, Tree]) -> Tree:
        return infer(fn, specs, kwargs)

    def _library_call(self) -> Callable[..., Tree] | None:
        """The `call` of the library class that a user's class extends; None if there is no such pair of classes."""
        owner = next(cls for cls in type(self).__mro__ if cls.__module__.partition(".")[0] == "jkeras")
        abstract = not owner._plan.own_call and hasattr(owner.forward, "is_base")  # type: ignore[attr-defined]
        if abstract or owner.call is type(self).call:  # type: ignore[attr-defined]
            return None

        def call(*args: Tree) -> Tree:
            with current().for_layer(self, None):
                return owner.call(self, *args)  # type: ignore[attr-defined]

        return call

    def _shapes_for(self, method: Callable[..., Tree], specs: tuple[Tree, ...], kwargs: dict[str, Tree]) -> list[Tree]:
        """The arguments for `build` and similar methods: for `x_shape` the shape of argument `x`; for a single one, whatever its
        name is, the first shape.

        Raises:
            ValueError: one of several is not named after an argument of the call.
        """
        parameters = [p for p in inspect.signature(method).parameters.values() if p.kind is not p.VAR_KEYWORD]
        shapes = [specs_to_shapes(s) for s in specs]
        if any(p.kind is p.VAR_POSITIONAL for p in parameters):
            return shapes
        given = {**dict(zip(self._plan.names, specs)), **kwargs}
        named = {f"{name}_shape": specs_to_shapes(value) for name, value in given.items()}
        if len(parameters) < 2:
            return shapes[: len(parameters)]
        known = [f"{name}_shape" for name in self._plan.known or ()]
        astray = [p.name for p in parameters if p.default is p.empty and p.name not in (*named, *known)]
        library = (
            method.__module__.partition(".")[0] == "jkeras"
        )  # its shapes are in order, whatever an extending class calls them
        if astray and (library or self._plan.takes_more or self._plan.known is None):
            return shapes[: len(parameters)]
        if astray:
            raise ValueError(SHAPE_NAMES.format(cls=type(self).__name__, method=method.__name__, name=astray[0], known=known))
        return [named.get(p.name, None if p.default is p.empty else p.default) for p in parameters]

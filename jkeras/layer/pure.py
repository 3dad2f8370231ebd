"""The pure face, once for all layers and models: `init` and `apply`.

    params, state = layer.init(jax.random.key(0), x)
    y, state = layer.apply(params, state, x, training=True, rng=jax.random.key(1))

`params` holds what is currently trainable, `state` the other weights and what metrics in layers accumulate: nested dicts by layer
and weight name. Both functions leave the variables untouched, so you can pass them to `jit`, `grad`, `vmap`, `scan`, `remat` and
`jax.export` directly.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Container, Iterable
from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp
import numpy as np

from jkeras._base import paths
from jkeras._base.compiling import precision_scope
from jkeras._base.errors import unknown_name
from jkeras._base.types import Array, Tree
from jkeras.graph.spec import Spec, is_spec
from jkeras.layer import messages
from jkeras.layer.leaks import hide_tracers
from jkeras.layer.structures import shapes_to_specs
from jkeras.layer.tracking import OTHERS, Entry, Path, inventory, state_entries, walk, weight_entries
from jkeras.state.functionalize import Result, functionalize
from jkeras.state.initial import draw_together
from jkeras.state.variable import Variable, materialize

if TYPE_CHECKING:
    from jkeras.layer.base import Layer

Nested = dict[str, Tree]


def as_spec(value: Tree, dtype: str) -> Tree:
    """A spec of what `init` was given: an array, a spec, a symbolic tensor, or a shape, to which the dtype applies."""

    def of(leaf: Tree) -> Spec:
        array = leaf if is_spec(leaf) else jax.eval_shape(jnp.asarray, leaf)
        return Spec(array.shape, array.dtype)

    return jax.tree.map(of, shapes_to_specs(value, dtype), is_leaf=is_spec)


def layer_positions(layer: Layer) -> dict[int, int]:
    """A number for each layer, so that random draws do not depend on names."""
    return {id(part): i for i, (_, part) in enumerate(walk(layer))}


def split_values(entries: list[Entry], values: Iterable[Array], trainable: Container[int]) -> tuple[Nested, Nested]:
    """Nested `params` and `state` of values in the order of the entries."""
    params: list[tuple[Path, Array]] = []
    state: list[tuple[Path, Array]] = []
    for (path, variable), value in zip(entries, values):
        (params if id(variable) in trainable else state).append((path, value))
    return paths.nest(params), paths.nest(state)


_ASSIGNED = """The weight {path!r} is trainable, and the forward pass or the loss assigned it. Only gradient descent changes
trainable weights, so the new value would be lost. Make a counter or an average with trainable=False:

    self.total = self.add_weight(name="total", shape=(), initializer="zeros", trainable=False)
"""
_NOT_KEPT = """The weight {path!r} is trainable, and the forward pass assigned it. Outside of training the new value serves this
call and is not kept."""


def refuse_assigned(
    values: Iterable[tuple[Entry, object, object]], params: Container[Path], training: bool | None = True
) -> None:
    """Raise if a forward pass in training assigned a trainable weight, since the new value would be lost; else warn.

    Args:
        values: `((path, variable), before, after)`.
        params: paths of the trainable weights.
        training: whether the forward pass was one of training.

    Raises:
        ValueError: names the weight.
    """
    for (path, variable), before, after in values:
        if after is not before and path in params:
            if training:
                raise ValueError(_ASSIGNED.format(path=variable.path))
            warnings.warn(_NOT_KEPT.format(path=variable.path), stacklevel=4)


class PureFace:
    """`init` and `apply` of a class with weights."""

    def init(self: Layer, key: jax.Array, *inputs: Tree, **kwargs: Tree) -> tuple[Nested, Nested]:  # type: ignore[misc]
        """New values for all weights, as pure data.

        Args:
            key: a JAX PRNG key.
            inputs: arrays, specs (`jax.ShapeDtypeStruct`) or shapes of the layer's inputs; unnecessary once it is built.

        Returns:
            `(params, state)`: nested dicts of the trainable and the other weights.

        Example:
            >>> import jax
            >>> from jkeras.layers import Dense
            >>> params, state = Dense(3).init(jax.random.key(0), (None, 4))
            >>> jax.tree.map(lambda a: a.shape, params), state
            ({'bias': (3,), 'kernel': (4, 3)}, {})
        """
        if not hasattr(key, "dtype"):
            raise TypeError(f"init takes a JAX key. Received: {key!r}. Write init(jax.random.key(0), x).")
        if inputs:
            self._ensure_built(tuple(as_spec(x, self.compute_dtype) for x in inputs), kwargs)
        self._require_built("init", "init(key, x)")
        entries = state_entries(self)
        keys = jax.vmap(jax.random.fold_in, (None, 0))(key, jnp.arange(len(entries), dtype=jnp.uint32)) if entries else key
        values = draw_together([variable._initial for _, variable in entries], keys)
        return split_values(entries, values, {id(b) for b in self.trainable_weights})

    def params_and_state(self: Layer) -> tuple[Nested, Nested]:  # type: ignore[misc]
        """The current values of the weights, in the structure of `init`: after `fit`, what it learned.

        Example:
            >>> from jkeras.layers import Dense
            >>> layer = Dense(3)
            >>> layer.build((None, 4))
            >>> sorted(layer.params_and_state()[0])
            ['bias', 'kernel']
        """
        self._require_built("params_and_state", "layer.build(input_shape)")
        entries = state_entries(self)
        materialize(variable for _, variable in entries)
        return split_values(entries, [variable.array for _, variable in entries], {id(b) for b in self.trainable_weights})

    def set_params_and_state(self: Layer, params: Nested, state: Nested) -> None:  # type: ignore[misc]
        """Set the weights, for example to what your own training loop learned, for `predict`, `summary` and files.

        Args:
            params, state: in the structure of `init`.

        Raises:
            KeyError: a weight is in neither.
            ValueError: a shape differs.
        """
        self._require_built("set_params_and_state", "layer.build(input_shape)")
        flat = {**paths.flatten(params), **paths.flatten(state)}
        entries = weight_entries(self) + [(path, variable) for path, variable in inventory(self).entries if path in flat]
        values = [(variable, _value_of(flat, path, variable)) for path, variable in entries]
        for variable, value in values:
            variable.assign(jnp.array(value, copy=True))

    def apply(  # type: ignore[misc]
        self: Layer,
        params: Nested,
        state: Nested,
        *inputs: Tree,
        training: bool = False,
        rng: jax.Array | None = None,
        **kwargs: Tree,
    ) -> tuple[Tree, Nested]:
        """The layer's outputs as a pure function of its weights.

        Args:
            params, state: from `init`, or any values of that structure.
            inputs: the layer's inputs.
            training: whether dropout drops and batch normalization uses the batch's statistics.
            rng: a key for layers that draw; needed only if one does.

        Returns:
            `(outputs, new_state)`, the state in the structure of `state`.

        Raises:
            KeyError: a weight is in neither `params` nor `state`.
        """
        result, new_state = self._pure_call(self, params, state, inputs, training, rng, kwargs)
        return result.output, new_state

    def apply_with_losses(  # type: ignore[misc]
        self: Layer,
        params: Nested,
        state: Nested,
        *inputs: Tree,
        training: bool = False,
        rng: jax.Array | None = None,
        **kwargs: Tree,
    ) -> tuple[Tree, Nested, jax.Array]:
        """`apply` with a third result: the sum of `add_loss`, activity and weight regularization."""
        result, new_state = self._pure_call(self._call_and_losses, params, state, inputs, training, rng, kwargs)
        output, total = result.output
        return output, new_state, total

    def _pure_call(  # type: ignore[misc]
        self: Layer,
        fn: Callable[..., Tree],
        params: Nested,
        state: Nested,
        inputs: tuple[Tree, ...],
        training: bool,
        rng: jax.Array | None,
        kwargs: dict[str, Tree],
    ) -> tuple[Result, Nested]:
        if not self.built:
            self._ensure_built(tuple(as_spec(x, self.compute_dtype) for x in inputs), kwargs)
        flat_params, flat_state = paths.flatten(params), paths.flatten(state)
        entries = inventory(self).entries
        entries = [(path, variable) for path, variable in entries if path[0] != OTHERS or path in flat_state]
        unknown = (flat_params.keys() | flat_state.keys()) - {path for path, _ in entries}
        if unknown:
            raise unknown_name(f"weight of {self.name!r}", "/".join(min(unknown)), ["/".join(path) for path, _ in entries])
        weights = {id(variable) for _, variable in inventory(self).weights}
        values = [
            _value_of(flat_params if path in flat_params else flat_state, path, variable)
            if id(variable) in weights or path in flat_state
            else variable.array  # of a tracker that is new, or left out of `state`
            for path, variable in entries
        ]
        pure = functionalize(fn, [variable for _, variable in entries], layer_positions(self))
        try:
            with precision_scope():
                result = pure(values, *inputs, rng=rng, training=training, **kwargs)
        finally:
            hide_tracers(self)
        refuse_assigned(zip(entries, values, result.values), flat_params, training)
        after = [(p, v) for (p, _), v in zip(entries, result.values) if p in flat_state]
        return result, paths.nest(after)

    def _call_and_losses(self: Layer, *inputs: Tree, **kwargs: Tree) -> tuple[Tree, jax.Array]:  # type: ignore[misc]
        output = self(*inputs, **kwargs)
        return output, sum(map(jnp.sum, self.losses), jnp.zeros((), jnp.float32))


def _value_of(flat: dict[Path, Array], path: Path, variable: Variable) -> Array:
    if path not in flat:
        known = ", ".join("/".join(p) for p in flat) or "nothing"
        raise KeyError(
            f"The weight {'/'.join(path)!r} is neither in params nor in state (found: {known}). "
            "Give both as `init` returned them: params, state = model.init(key, x)."
        )
    if np.shape(flat[path]) != variable.shape:
        shapes = {"expected": variable.shape, "received": np.shape(flat[path])}
        raise ValueError(messages.WEIGHT_SHAPE.format(path="/".join(path), **shapes))
    return flat[path]

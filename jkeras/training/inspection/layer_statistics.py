"""Statistics of activations and gradients, layer by layer: one compiled call, a handful of numbers per layer back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from jkeras._base import paths
from jkeras._base.compiling import precision_scope
from jkeras._base.types import Array, Batch, Tree
from jkeras.data import as_source
from jkeras.training.inspection.intercepts import layers_intercepted
from jkeras.training.run import read_weights
from jkeras.training.steps import Steps
from jkeras.training.whole_step import complete_function, with_all_variables

Statistics = dict[str, dict[str, dict[str, float]]]


def layer_statistics(self: Steps, batch: Batch, training: bool = True) -> Statistics:
    """Statistics of every layer's outputs and gradients for a batch, by one compiled call. A method of `Model`.

    Args:
        batch: `(x, y, sample_weight)`; None where absent.
        training: whether dropout drops and batch normalization uses the batch's statistics.

    Returns:
        `{"activations": {layer: {name: number}}, "gradients": {layer: {name: number}}}`. The names: `mean`, `std`, `norm`,
        `zero` (fraction of the numbers that are 0) and, for activations, `dead` (fraction of the units, on the last axis,
        that are 0 in all rows). Gradients are those of the layer's own weights.

    Raises:
        RuntimeError: the model was not compiled.
        ValueError: `fit` would not take the batch.

    Example:
        >>> import numpy as np
        >>> from jkeras import Sequential, layers
        >>> model = Sequential([layers.Input((2,)), layers.Dense(1, use_bias=False, kernel_initializer="ones", name="out")])
        >>> model.compile("sgd", "mse")
        >>> found = model.layer_statistics((np.ones((4, 2)), np.zeros((4, 1)), None))
        >>> found["activations"]["out"]["mean"], found["gradients"]["out"]["mean"]
        (2.0, 4.0)
    """
    rows = len(jax.tree.leaves(batch[0])[0])
    source: Any = as_source(*batch, batch_size=rows, prepare=self._preparation())
    self._trainer.prepare_for(source, "layer_statistics")
    program = self._trainer.program_for(("statistics", training), lambda: _program(self, training))
    found = with_all_variables(self, lambda: program(*read_weights(self), *source.arrays))
    return jax.tree.map(float, jax.device_get(found))


def _program(model: Steps, training: bool) -> Callable[..., Tree]:
    def measure(params: Tree, state: Tree, x: Tree, y: Tree, sample_weight: Tree) -> Tree:
        def loss(params: Tree) -> Tree:
            outputs: dict[str, Tree] = {}

            def look(name: str, side: str, tree: Tree) -> Tree:
                if side == "output" and (leaves := floats(tree)):
                    outputs[name] = leaves[0]
                return tree

            with layers_intercepted(model, look):
                value, _ = model.objective(params, state, x, y, sample_weight, jax.random.key(0), training)
            return value, outputs

        with precision_scope():
            gradients, outputs = jax.grad(loss, has_aux=True)(params)
        by_layer: dict[str, list[Tree]] = {}
        for path, gradient in paths.flatten(gradients).items():
            by_layer.setdefault("/".join(path[:-1]) or path[-1], []).append(gradient.astype(jnp.float32).reshape(-1))
        return {
            "activations": {name: {**_spread(y), "dead": _dead(y)} for name, y in outputs.items()},
            "gradients": {name: _spread(jnp.concatenate(parts)) for name, parts in by_layer.items()},
        }

    complete = complete_function(measure)
    return jax.jit(complete) if model._trainer.jit else complete


def floats(tree: Tree) -> list[Array]:
    """The arrays of floating numbers in a pytree."""
    return [a for a in jax.tree.leaves(tree) if hasattr(a, "dtype") and jnp.issubdtype(a.dtype, jnp.floating) and a.size]


def _spread(values: Tree) -> dict[str, Array]:
    values = values.astype(jnp.float32)
    norm = jnp.sqrt(jnp.sum(jnp.square(values)))
    return {"mean": jnp.mean(values), "std": jnp.std(values), "norm": norm, "zero": jnp.mean(values == 0, dtype=jnp.float32)}


def _dead(values: Tree) -> Array:
    """The fraction of the units that are 0 in all rows."""
    units = values.reshape(-1, values.shape[-1]) if values.ndim > 1 else values.reshape(-1, 1)
    return jnp.mean(jnp.all(units == 0, axis=0), dtype=jnp.float32)

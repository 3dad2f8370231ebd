"""Statistics of activations and gradients, layer by layer: one compiled call, a handful of numbers per layer back."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from jkeras._base import paths
from jkeras._base.compiling import precision_scope
from jkeras.data import as_source
from jkeras.layers.tracking import inventory
from jkeras.training.taps import tapped
from jkeras.training.transfer import read_weights
from jkeras.training.whole_step import complete_function, with_all_variables

Statistics = dict[str, dict[str, dict[str, float]]]


def layer_statistics(model: Any, batch: tuple[Any, Any, Any], training: bool) -> Statistics:
    """As `Replay.layer_statistics` says.

    Raises:
        RuntimeError: the model was not compiled.
        ValueError: the batch is of no data that `fit` would take.
    """
    model._require_compiled("layer_statistics")
    rows = len(jax.tree.leaves(batch[0])[0])
    source: Any = as_source(*batch, batch_size=rows)
    model._prepare_for(source)
    key = ("statistics", training, inventory(model).switches)
    if key not in model._loop_programs:
        model._loop_programs[key] = _program(model, training)
    program = model._loop_programs[key]
    found = with_all_variables(model, lambda: program(*read_weights(model), *source.arrays))
    return jax.tree.map(float, jax.device_get(found))


def _program(model: Any, training: bool) -> Any:
    def measure(params: Any, state: Any, x: Any, y: Any, sample_weight: Any) -> Any:
        def loss(params: Any) -> Any:
            outputs: dict[str, Any] = {}

            def look(name: str, side: str, tree: Any) -> Any:
                if side == "output" and (leaves := floats(tree)):
                    outputs[name] = leaves[0]
                return tree

            with tapped(model, look):
                value, _ = model.objective(params, state, x, y, sample_weight, jax.random.key(0), training)
            return value, outputs

        with precision_scope():
            gradients, outputs = jax.grad(loss, has_aux=True)(params)
        by_layer: dict[str, list[Any]] = {}
        for path, gradient in paths.flatten(gradients).items():
            by_layer.setdefault("/".join(path[:-1]) or path[-1], []).append(gradient.astype(jnp.float32).reshape(-1))
        return {
            "activations": {name: {**_spread(y), "dead": _dead(y)} for name, y in outputs.items()},
            "gradients": {name: _spread(jnp.concatenate(parts)) for name, parts in by_layer.items()},
        }

    complete = complete_function(measure)
    return jax.jit(complete) if model._traced else complete


def floats(tree: Any) -> list[Any]:
    """The arrays of floating numbers in a pytree."""
    return [a for a in jax.tree.leaves(tree) if hasattr(a, "dtype") and jnp.issubdtype(a.dtype, jnp.floating) and a.size]


def _spread(values: Any) -> dict[str, Any]:
    values = values.astype(jnp.float32)
    norm = jnp.sqrt(jnp.sum(jnp.square(values)))
    return {"mean": jnp.mean(values), "std": jnp.std(values), "norm": norm, "zero": jnp.mean(values == 0, dtype=jnp.float32)}


def _dead(values: Any) -> Any:
    """The fraction of the units that give 0 everywhere."""
    units = values.reshape(-1, values.shape[-1]) if values.ndim > 1 else values.reshape(-1, 1)
    return jnp.mean(jnp.all(units == 0, axis=0), dtype=jnp.float32)

"""`Activations`: what every layer of a model gives for an input, in one compiled call."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jkeras._base.compiling import precision_scope
from jkeras._base.config import settings
from jkeras._base.errors import describe, unknown_name
from jkeras.data import as_source
from jkeras.data.array_source import ArraySource
from jkeras.layers.base import Layer
from jkeras.layers.tracking import inventory, walk
from jkeras.training.taps import tapped
from jkeras.training.transfer import read_weights
from jkeras.training.whole_step import complete_function, with_all_variables


class Activations:
    """`model.activations`, for every kind of model."""

    def activations(
        self, x: Any, layers: Iterable[str | Layer] | None = None, batch_size: int | None = None, training: bool = False
    ) -> dict[str, Any]:
        """The outputs of the layers, in the order in which they run.

        The forward pass is compiled at the first call; a call with inputs of the same shape runs what is there. The Keras way,
        `Model(model.inputs, layer.output).predict(x)`, gives the same for a layer of a graph.

        Args:
            x: arrays, or a list or dict of them, as for `predict`.
            layers: the layers wanted, by name, path (`"encoder/conv1"`) or object; all by default, those inside others included.
            batch_size: rows computed at a time; all at once by default.
            training: whether layers behave as in training: dropout drops, batch normalization takes the batch's statistics.
                Weights and moving averages stay as they are.

        Returns:
            `{name: array}`. A layer inside another is named by its path, and the second call of a shared layer is
            `"name#2"`. A layer that gives several arrays has them in their structure.

        Raises:
            ValueError: an unknown layer; no data that `predict` would take.

        Example:
            >>> from jkeras import layers, Sequential
            >>> model = Sequential([layers.Input((2,)), layers.Dense(3, name="hidden"), layers.ReLU(name="relu")])
            >>> {name: y.shape for name, y in model.activations(np.ones((5, 2))).items()}
            {'hidden': (5, 3), 'relu': (5, 3)}
        """
        source = as_source(x, batch_size=batch_size)
        if not isinstance(source, ArraySource):
            raise ValueError(f"activations takes arrays. Received: {describe(x)} of type {type(x).__name__}.")
        self._build_for(source)  # type: ignore[attr-defined]
        wanted = None if layers is None else self._paths_of(layers)
        key = ("activations", wanted, bool(training), inventory(self).switches, settings.matmul_precision)
        programs = self._loop_programs  # type: ignore[attr-defined]
        if key not in programs:
            programs[key] = _program(self, wanted, bool(training))
        program, names = programs[key]
        rows = source.num_samples
        size = rows if batch_size is None else batch_size

        def outputs(i: int) -> Any:
            batch = jax.tree.map(lambda a: a[i : i + size], source.arrays[0])
            return with_all_variables(self, lambda: program(*read_weights(self), batch))

        parts = [outputs(i) for i in range(0, rows, size)]
        if len(parts) > 1:
            parts = [jax.tree.map(lambda *pieces: np.concatenate(pieces), *parts)]
        return dict(zip(names, jax.tree.map(np.asarray, parts[0])))

    def _paths_of(self, layers: Iterable[str | Layer]) -> tuple[str, ...]:
        """The paths of layers; names of layers further down are found if only one layer has them."""
        known = {"/".join(path): layer for path, layer in walk(self) if path}  # type: ignore[arg-type]
        found = []
        for wanted in [layers] if isinstance(layers, (str, Layer)) else layers:
            fits = [p for p, layer in known.items() if layer is wanted or p == wanted]
            fits = fits or [p for p, layer in known.items() if layer.name == wanted]
            if len(fits) > 1:
                raise ValueError(f"Several layers are called {wanted!r}. Give one of the paths {', '.join(map(repr, fits))}.")
            if not fits:
                raise unknown_name("layer", getattr(wanted, "name", wanted), known)
            found += fits
        return tuple(found)


def _program(model: Any, wanted: tuple[str, ...] | None, training: bool) -> tuple[Any, list[str]]:
    """The compiled forward pass, and the names of its results, known once it was traced."""
    names: list[str] = []

    def run(params: Any, state: Any, x: Any) -> list[Any]:
        found: dict[str, Any] = {}

        def look(name: str, side: str, tree: Any) -> Any:
            if side == "output" and (wanted is None or name.partition("#")[0] in wanted):
                found[name] = tree
            return tree

        with precision_scope(), tapped(model, look):
            model.apply(params, state, x, training=training, rng=jax.random.key(0))
        names[:] = found
        return [jax.tree.map(jnp.asarray, tree) for tree in found.values()]

    complete = complete_function(run)
    return (jax.jit(complete) if model._traced else complete), names

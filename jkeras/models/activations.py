"""`model.activations`: what every layer of a model gives for an input, in one compiled call."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import jax
import jax.numpy as jnp
import numpy as np

from jkeras._base.compiling import precision_scope
from jkeras._base.errors import describe, unknown_name
from jkeras._base.types import Tree
from jkeras.data import as_source
from jkeras.data.array_source import ArraySource
from jkeras.data.arrays import common_length, is_arrays, to_host_arrays
from jkeras.layer.base import Layer
from jkeras.layer.tracking import walk
from jkeras.training.inspection.intercepts import layers_intercepted
from jkeras.training.run import read_weights
from jkeras.training.steps import Steps
from jkeras.training.whole_step import complete_function, with_all_variables


def activations(
    self: Steps, x: Tree, layers: Iterable[str | Layer] | None = None, batch_size: int | None = None, training: bool = False
) -> dict[str, Tree]:
    """The outputs of the layers, in the order in which they run. A method of `Model`.

    The forward pass is compiled at the first call; later calls with inputs of the same shape reuse it. The Keras way,
    `Model(model.inputs, layer.output).predict(x)`, gives the same for a layer of a graph.

    Args:
        x: arrays, or a list or dict of them, as for `predict`.
        layers: the wanted layers by name, path (`"encoder/conv1"`) or object; all by default, including those inside others.
        batch_size: rows computed at a time; all at once by default.
        training: whether layers behave as in training: dropout drops, batch normalization takes the batch's statistics.
            Weights and moving averages stay as they are.

    Returns:
        `{name: array}`. A layer inside another is named by its path, and the second call of a shared layer is
        `"name#2"`. Several arrays of a layer come in their structure.

    Raises:
        ValueError: an unknown layer, or data that `predict` would not take.

    Example:
        >>> from jkeras import layers, Sequential
        >>> model = Sequential([layers.Input((2,)), layers.Dense(3, name="hidden"), layers.ReLU(name="relu")])
        >>> {name: y.shape for name, y in model.activations(np.ones((5, 2))).items()}
        {'hidden': (5, 3), 'relu': (5, 3)}
    """
    prepare = self._preparation()
    # Prepared as one batch: texts of two batches may become rows of different lengths.
    whole = common_length(to_host_arrays(x, "x")) if prepare is not None and is_arrays(x) else batch_size
    source = as_source(x, batch_size=whole, prepare=prepare)
    if not isinstance(source, ArraySource):
        raise ValueError(f"activations takes arrays. Received: {describe(x)} of type {type(x).__name__}.")
    self._trainer.build_for(source)
    wanted = None if layers is None else _paths_of(self, layers)
    key = ("activations", wanted, bool(training))
    program, names = self._trainer.program_for(key, lambda: _program(self, wanted, bool(training)))
    rows = source.num_samples
    size = rows if batch_size is None else batch_size

    def outputs(i: int) -> Tree:
        batch = jax.tree.map(lambda a: a[i : i + size], source.arrays[0])
        return with_all_variables(self, lambda: program(*read_weights(self), batch))

    parts = [outputs(i) for i in range(0, rows, size)]
    if len(parts) > 1:
        parts = [jax.tree.map(lambda *pieces: np.concatenate(pieces), *parts)]
    return dict(zip(names, jax.tree.map(np.asarray, parts[0])))


def _paths_of(model: Steps, layers: Iterable[str | Layer]) -> tuple[str, ...]:
    """The paths of layers; a name further down counts if only one layer has it."""
    known = {"/".join(path): layer for path, layer in walk(model) if path}
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


def _program(model: Steps, wanted: tuple[str, ...] | None, training: bool) -> tuple[Callable[..., list[Tree]], list[str]]:
    """The compiled forward pass, and the names of its results, known once it was traced."""
    names: list[str] = []

    def run(params: Tree, state: Tree, x: Tree) -> list[Tree]:
        found: dict[str, Tree] = {}

        def look(name: str, side: str, tree: Tree) -> Tree:
            if side == "output" and (wanted is None or name.partition("#")[0] in wanted):
                found[name] = tree
            return tree

        with precision_scope(), layers_intercepted(model, look):
            model.apply(params, state, x, training=training, rng=jax.random.key(0))
        names[:] = found
        return [jax.tree.map(jnp.asarray, tree) for tree in found.values()]

    complete = complete_function(run)
    return (jax.jit(complete) if model._trainer.jit else complete), names

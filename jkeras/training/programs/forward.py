"""`ForwardPass`: what a model makes of a batch of known shape, found by tracing it once before anything is compiled."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp

from jkeras._base.types import Tree
from jkeras.graph.infer import at_size, raise_named
from jkeras.layer.base import Layer
from jkeras.layer.tracking import inventory
from jkeras.layers.lambda_layer import Lambda
from jkeras.nn.row_dependence import rows_apart
from jkeras.state.functionalize import functionalize, trace_abstractly
from jkeras.training.steps import Steps

if TYPE_CHECKING:
    from jax.extend.core import ClosedJaxpr


class ForwardPass:
    """What a model makes of a batch.

    Args:
        model: built.
        specs: of its inputs, with None for the axis of rows.
        rows: of the batch.
        training: whether it is one of training.

    Attributes:
        outputs: shapes and dtypes.
        adds_losses: whether layers add to the loss.
    """

    def __init__(self, model: Steps, specs: Tree, rows: int, training: bool = False):
        self._model, self._specs, self.rows, self._training = model, specs, rows, training
        batch = jax.tree.map(lambda s: at_size(s, rows), specs)
        self._program = None
        if model._trainer.jit:
            run = functools.partial(model, training=training)
            try:
                self._program, result = trace_abstractly(run, batch)
            except (TypeError, ValueError) as error:
                raise_named(run, (specs,), rows, error)
            self.outputs = result.output
            self._count = len(jax.tree.leaves((result.output, result.masks)))
        else:  # run_eagerly is for calls that look at values
            zeros = jax.tree.map(lambda s: jnp.zeros(s.shape, s.dtype), batch)
            if not model.built:
                model(zeros, training=False)  # makes the weights
                for metric in model.metrics:
                    if metric is not model._trainer.loss_mean:  # which no call updates
                        metric.reset_state()
            variables = [variable for _, variable in inventory(model).entries]
            result = functionalize(model, variables)([v.array for v in variables], zeros, training=False)
            self.outputs = jax.tree.map(lambda a: jax.ShapeDtypeStruct(a.shape, a.dtype), result.output)
        self.adds_losses = bool(result.losses)

    def outputs_at(self, rows: int) -> Tree:
        """Shapes and dtypes of the outputs for another number of rows."""

        def at(y: Tree) -> Tree:
            return jax.ShapeDtypeStruct((rows, *y.shape[1:]), y.dtype) if y.shape[:1] == (self.rows,) else y

        return jax.tree.map(at, self.outputs)

    @functools.cached_property
    def keeps_rows_apart(self) -> bool:
        """Whether each row of the outputs, and of all that the model keeps, provably depends on one row of the inputs."""
        if self._program is None or self.rows < 2:
            return False
        inputs = [True] * len(self._program.jaxpr.invars)
        if not rows_apart(self._program, inputs, self.rows, self._count):
            return False
        if self._is_of_the_library:
            return True
        try:
            twin = ForwardPass(self._model, self._specs, self.rows + 1, self._training)._program
        except (TypeError, ValueError):  # there is no such batch
            return True
        return rows_apart(self._program, inputs, self.rows, self._count, twin)

    @property
    def _is_of_the_library(self) -> bool:
        """Whether all code that runs is the library's, which never computes with the number of rows."""
        parts = self._model._flatten_layers()
        operations = [op for part in parts for op in getattr(part, "_operations", ())]
        values = [value for part in parts for value in vars(part).values() if callable(value)]
        functions = [value for value in values if not isinstance(value, Layer)]
        own = [_is_own_code(type(part)) or isinstance(part, Lambda) for part in parts]
        return not any((*own, *map(_is_own_code, functions))) and all(isinstance(op, Layer) for op in operations)


def _is_own_code(value: object) -> bool:
    """Whether a class or a function is the user's, or may be."""
    module = getattr(value, "__module__", None) or getattr(type(value), "__module__", "")
    return not f"{module}.".startswith(("jkeras.", "jax.", "numpy."))


def function_keeps_rows_apart(fn: Callable[..., Tree], *specs: Tree) -> bool:
    """Whether each row of a function's results provably depends on the same row of its arguments alone.

    Args:
        fn: takes arrays.
        specs: of its arguments, all with the same number of rows.

    Example:
        >>> scores = jax.ShapeDtypeStruct((4, 3), "float32")
        >>> [function_keeps_rows_apart(f, scores) for f in (jnp.sin, lambda x: x / jnp.max(x), lambda x: x / len(x))]
        [True, False, False]
    """
    rows = specs[0].shape[0]
    if rows < 2 or any(spec.shape[:1] != (rows,) for spec in specs):
        return False

    def traced(rows: int) -> tuple[ClosedJaxpr, Any]:
        return trace_abstractly(fn, *(jax.ShapeDtypeStruct((rows, *spec.shape[1:]), spec.dtype) for spec in specs))

    try:
        (program, result), (twin, _) = traced(rows), traced(rows + 1)
    except (TypeError, ValueError):  # the function itself will say so
        return False
    return rows_apart(program, [True] * len(specs), rows, len(jax.tree.leaves(result.output)), twin)


def bucket(rows: int) -> int:
    """The size to pad a small batch to, so that a handful of programs serves all sizes.

    Example:
        >>> [bucket(n) for n in (2, 5, 8, 9, 20, 33, 70, 600)]
        [2, 6, 8, 12, 24, 48, 72, 640]
    """
    step = 1 << max(rows.bit_length() - (2 if rows <= 64 else 4), 0)
    return -(-rows // step) * step

"""The forward pass of a model on a batch of known shape, looked at once before anything is compiled for it."""

from __future__ import annotations

import functools
from typing import Any

import jax
import jax.numpy as jnp

from jkeras.graph.infer import at_size, raise_named
from jkeras.layers.base import Layer
from jkeras.layers.lambda_layer import Lambda
from jkeras.layers.tracking import inventory
from jkeras.nn.row_dependence import rows_apart, same_but_for_sizes
from jkeras.state.functionalize import functionalize, trace_abstractly
from jkeras.state.scope import current


class ForwardPass:
    """What a model makes of a batch.

    Args:
        model: built.
        specs: of its inputs, with None for the axis of rows.
        rows: of the batch.

    Attributes:
        outputs: shapes and dtypes.
        adds_losses: whether layers add to the loss.
    """

    def __init__(self, model: Any, specs: Any, rows: int):
        self._model, self._specs, self.rows = model, specs, rows
        batch = jax.tree.map(lambda s: at_size(s, rows), specs)
        self._program = None
        if model._traced:
            run = functools.partial(_run, model)
            try:
                self._program, (self.outputs, losses, _) = trace_abstractly(run, batch)
            except (TypeError, ValueError) as error:
                raise_named(run, (specs,), rows, error)
            self.adds_losses = bool(losses)
        else:  # run_eagerly serves calls that look at values
            zeros = jax.tree.map(lambda s: jnp.zeros(s.shape, s.dtype), batch)
            if not model.built:
                model(zeros, training=False)  # makes the weights
                for metric in model.metrics:
                    metric.reset_state()
            boxes = [box for _, box in inventory(model).entries]
            result = functionalize(model, boxes)([box.value for box in boxes], zeros, training=False)
            self.outputs = jax.tree.map(lambda a: jax.ShapeDtypeStruct(a.shape, a.dtype), result.output)
            self.adds_losses = bool(result.losses)

    def outputs_at(self, rows: int) -> Any:
        """Shapes and dtypes of the outputs for another number of rows."""

        def at(y: Any) -> Any:
            return jax.ShapeDtypeStruct((rows, *y.shape[1:]), y.dtype) if y.shape[:1] == (self.rows,) else y

        return jax.tree.map(at, self.outputs)

    @functools.cached_property
    def keeps_rows_apart(self) -> bool:
        """Whether it is proved that a row of the outputs, and of all that the model keeps, depends on one row of the inputs."""
        if self._program is None or self.rows < 2:
            return False
        count = len(jax.tree.leaves(self.outputs))
        if not rows_apart(self._program, [True] * len(self._program.jaxpr.invars), self.rows, count):
            return False
        return self._is_of_the_library or not self._computes_with_rows()

    @property
    def _is_of_the_library(self) -> bool:
        """Whether all code that runs is the library's, which never computes with the number of rows."""
        parts = self._model._flatten_layers()
        operations = [op for part in parts for op in getattr(part, "_operations", ())]
        own = [type(part).__module__.startswith("jkeras.") and not isinstance(part, Lambda) for part in parts]
        return all(own) and all(isinstance(op, Layer) for op in operations)

    def _computes_with_rows(self) -> bool:
        """Whether the numbers in the program depend on how many rows there are."""
        try:
            other = ForwardPass(self._model, self._specs, self.rows + 1)
        except (TypeError, ValueError):  # there is no such batch
            return False
        return not same_but_for_sizes(self._program, other._program)


def _run(model: Any, x: Any) -> tuple[Any, list[Any], list[Any]]:
    """Outputs, losses, and the values that variables have afterwards."""
    y = model(x, training=False)
    scope = current()
    return y, [value for _, value in scope.losses or ()], list((scope.values or {}).values())


def bucket(rows: int) -> int:
    """The size to fill a batch of few rows up to, so that a handful of programs serves all sizes.

    Example:
        >>> [bucket(n) for n in (2, 5, 8, 9, 20, 33, 70, 600)]
        [2, 6, 8, 12, 24, 48, 72, 640]
    """
    step = 1 << max(rows.bit_length() - (2 if rows <= 64 else 4), 0)
    return -(-rows // step) * step

"""Keras 3's stateless methods of metrics: lists of arrays in the order of `metric.variables` in place of variables."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from jkeras._base.types import Array, Tree
from jkeras.layer.tracking import Tracker
from jkeras.state import Variable, functionalize


class Stateless(Tracker):
    """Gives a metric `stateless_update_state`, `stateless_result` and `stateless_reset_state`."""

    update_state: Callable[..., object]

    def stateless_update_state(self, metric_variables: Sequence[Array], *args: object, **kwargs: object) -> list[Array]:
        """The variables' values after one more batch.

        Args:
            metric_variables: values in the order of `variables`.
            args, kwargs: as for `update_state`.

        Raises:
            ValueError: another number of values than variables.
        """
        return functionalize(self.update_state, self._matching(metric_variables))(metric_variables, *args, **kwargs).values

    def stateless_result(self, metric_variables: Sequence[Array]) -> Tree:
        """The metric's value for these variables' values."""
        return functionalize(self.result, self._matching(metric_variables))(metric_variables).output

    def stateless_reset_state(self) -> list[Array]:
        """The variables' values before the first batch."""
        variables = self.variables
        return functionalize(self.reset_state, variables)([variable.array for variable in variables]).values

    def _matching(self, values: Sequence[Array]) -> list[Variable]:
        variables = self.variables
        if len(values) != len(variables):
            raise ValueError(
                f"{type(self).__name__} has {len(variables)} variables, {[variable.name for variable in variables]}. "
                f"Received {len(values)} values."
            )
        return variables

"""The loss functions of `nn/`, also for variables and symbolic tensors: `losses/` and `metrics/` export these very functions.

On symbolic tensors they become part of the graph, for `model.add_loss` of a functional model.
"""

from __future__ import annotations

from typing import Any

from jkeras.ops.wrapper import F, Function, symbolic

_made: dict[Function, Any] = {}


def loss_function(fn: F) -> F:
    """The operation made of a function of `nn/`: the same object for every caller.

    Args:
        fn: `(y_true, y_pred, ...) -> one value per sample`, of arrays.
    """
    return _made.setdefault(fn, symbolic(fn, fn.__name__, "jkeras.losses"))

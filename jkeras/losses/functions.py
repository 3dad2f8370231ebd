"""How a loss function of `nn/` becomes a public one: `huber = publish(losses_regression.huber, "huber_loss")`.

It takes variables and symbolic tensors then, `compile(loss="huber")` knows it by its name and its short names, and targets are
checked before training.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from jkeras._base.registry import export
from jkeras.losses import checks
from jkeras.ops.loss_functions import loss_function
from jkeras.ops.wrapper import F


class Published(NamedTuple):
    """What a `Loss` must know of a function.

    Attributes:
        check: `(loss, y_true, y_pred_spec, ...)` raises ValueError where targets cannot belong to such predictions.
        takes_labels: whether targets are the numbers of classes.
    """

    check: Callable[..., None]
    takes_labels: bool


_published: dict[int, Published] = {}  # by id: a function of the user's own need not be hashable


def published(fn: object) -> Published | None:
    """What is known of a public function; None for one of the user's own."""
    return _published.get(id(fn))


def publish(fn: F, *short_names: str, check: Callable[..., None] = checks.check_elementwise, takes_labels: bool = False) -> F:
    """The public function for one of `nn/`.

    Args:
        fn: `(y_true, y_pred, ...) -> one value per sample`, of arrays; its name is the public one.
        short_names: further strings that `compile(loss=...)` takes for it.
        check: see `Published`.
        takes_labels: see `Published`.
    """
    public = loss_function(fn)
    _published[id(public)] = Published(check, takes_labels)
    return export(f"keras.losses.{fn.__name__}", aliases=short_names)(public)

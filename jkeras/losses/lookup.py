"""What users and files write for a loss: to the loss and back.

>>> get("mse").__name__, serialize(get("Huber"))["config"]["delta"]
('mean_squared_error', 1.0)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from jkeras._base.family import EXPECTED, family
from jkeras._base.naming import to_snake_case
from jkeras._base.types import Array, Tree
from jkeras.losses.base import Loss
from jkeras.losses.crossentropy import binary_crossentropy, categorical_crossentropy, sparse_categorical_crossentropy
from jkeras.losses.total import TotalLoss
from jkeras.losses.wrapper import LossFunctionWrapper

get, serialize, deserialize = family(
    "losses",
    "loss",
    "a name such as 'mse', an object such as Huber(), or a function (y_true, y_pred) -> losses",
    "Huber",
    refusal=EXPECTED,
    by_name=True,
    config_argument="name",
)


def resolve(identifier: object, y_true_spec: Tree = None, y_pred_spec: Tree = None) -> Loss | None:
    """The `Loss` that an entry of `compile(loss=...)` means.

    Args:
        identifier: as for `get`, or `"crossentropy"` / `"ce"`, which choose the binary, sparse or categorical one by the shapes;
            or a list of these, for their sum.
        y_true_spec: has `.shape`, that of the targets; needed for `"crossentropy"`.
        y_pred_spec: has `.shape`, that of the output.

    Returns:
        A loss named as the user wrote it; None for None.

    Raises:
        ValueError: an unknown name.

    Example:
        >>> resolve("mse").name
        'mse'
    """
    if isinstance(identifier, (list, tuple)):
        parts = [loss for one in identifier if (loss := resolve(one, y_true_spec, y_pred_spec)) is not None]
        return TotalLoss(parts) if len(parts) > 1 else next(iter(parts), None)
    if isinstance(identifier, str) and identifier.lower() in ("crossentropy", "ce"):
        found: Any = _crossentropy(y_true_spec, y_pred_spec)
    else:
        found = get(identifier)
    if found is None or isinstance(found, Loss):
        return found
    name = identifier if isinstance(identifier, str) else getattr(found, "name", None) or getattr(found, "__name__", None)
    return LossFunctionWrapper(found, name=name if isinstance(identifier, str) else to_snake_case(name or type(found).__name__))


def _crossentropy(y_true_spec: Tree, y_pred_spec: Tree) -> Callable[..., Array]:
    if not hasattr(y_true_spec, "shape") or not hasattr(y_pred_spec, "shape"):
        raise ValueError("loss='crossentropy' chooses by shapes, which are not known here. Write 'binary_crossentropy', ...")
    true, pred = tuple(y_true_spec.shape), tuple(y_pred_spec.shape)
    if len(pred) < 2 or pred[-1] == 1:
        return binary_crossentropy
    sparse = len(true) < len(pred) or true[-1] == 1
    return sparse_categorical_crossentropy if sparse else categorical_crossentropy

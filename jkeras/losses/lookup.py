"""From what users and files write for a loss to the loss, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jkeras._base import configurable
from jkeras._base.errors import describe
from jkeras._base.naming import to_snake_case
from jkeras._base.registry import export
from jkeras.losses import functions
from jkeras.losses.base import Loss
from jkeras.losses.wrapper import LossFunctionWrapper


@export("keras.losses.get")
def get(identifier: Any) -> Any:
    """The loss function or `Loss` that an identifier stands for.

    Args:
        identifier: None (gives None), a name such as `"mse"` (a function) or `"MeanSquaredError"` (an object), a class, a config
            dict, a function, or a `Loss`.

    Raises:
        ValueError: an unknown name, or something that cannot be called.

    Example:
        >>> get("mse") is functions.mean_squared_error
        True
    """
    return deserialize(identifier)


@export("keras.losses.serialize")
def serialize(loss: Any) -> Any:
    """The config dict of a `Loss`, or the name of a function.

    Example:
        >>> serialize(get("Huber"))["config"]["delta"]
        1.0
    """
    return configurable.serialize(loss)


@export("keras.losses.deserialize")
def deserialize(name: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """The loss for what `serialize` gave.

    Args:
        name: as for `get`.
        custom_objects: the user's own losses by name.

    Raises:
        ValueError: an unknown name, or something that cannot be called.
    """
    if configurable.is_object_config(name) and name["class_name"] == "function":
        name = name["config"]
    found = configurable.resolve("losses", name, custom_objects)
    if found is not None and not callable(found):
        raise ValueError(
            f"Expected a loss: a name such as 'mse', an object such as Huber(), or a function (y_true, y_pred) -> losses; "
            f"received {describe(name)}."
        )
    return found


def resolve(identifier: Any, y_true_spec: Any = None, y_pred_spec: Any = None) -> Loss | None:
    """The `Loss` that an entry of `compile(loss=...)` means.

    Args:
        identifier: as for `get`, or `"crossentropy"` / `"ce"`, which choose the binary, sparse or categorical one by the shapes.
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
    if isinstance(identifier, str) and identifier.lower() in ("crossentropy", "ce"):
        found: Any = _crossentropy(y_true_spec, y_pred_spec)
    else:
        found = get(identifier)
    if found is None or isinstance(found, Loss):
        return found
    name = identifier if isinstance(identifier, str) else getattr(found, "name", None) or getattr(found, "__name__", None)
    return LossFunctionWrapper(found, name=name if isinstance(identifier, str) else to_snake_case(name or type(found).__name__))


def _crossentropy(y_true_spec: Any, y_pred_spec: Any) -> Any:
    if y_true_spec is None or y_pred_spec is None:
        raise ValueError("loss='crossentropy' chooses by shapes, which are not known here. Write 'binary_crossentropy', ...")
    true, pred = tuple(y_true_spec.shape), tuple(y_pred_spec.shape)
    if len(pred) < 2 or pred[-1] == 1:
        return functions.binary_crossentropy
    sparse = len(true) < len(pred) or true[-1] == 1
    return functions.sparse_categorical_crossentropy if sparse else functions.categorical_crossentropy

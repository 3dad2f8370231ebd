"""`LambdaCallback`: a callback from functions."""

from __future__ import annotations

from collections.abc import Callable

from jkeras._base.errors import unexpected_arguments
from jkeras._base.registry import export
from jkeras.callbacks.base import HOOKS, Callback


@export("keras.callbacks.LambdaCallback")
class LambdaCallback(Callback):
    """A callback made of functions, one for each event it hears.

    Args:
        on_epoch_begin: called with `(epoch, logs)`.
        on_epoch_end: called with `(epoch, logs)`.
        on_train_begin: called with `(logs)`.
        on_train_end: called with `(logs)`.
        on_train_batch_begin: called with `(batch, logs=logs)`.
        on_train_batch_end: called with `(batch, logs=logs)`.
        **kwargs: any other event of `Callback` by its name, such as `on_test_end`; or further attributes of the object.

    Raises:
        TypeError: a keyword begins with `on_` and is no event.

    Example:
        >>> LambdaCallback(on_epoch_end=lambda epoch, logs: print(epoch, logs["loss"])).on_epoch_end(3, {"loss": 0.5})
        3 0.5
    """

    def __init__(
        self,
        on_epoch_begin: Callable[..., object] | None = None,
        on_epoch_end: Callable[..., object] | None = None,
        on_train_begin: Callable[..., object] | None = None,
        on_train_end: Callable[..., object] | None = None,
        on_train_batch_begin: Callable[..., object] | None = None,
        on_train_batch_end: Callable[..., object] | None = None,
        **kwargs: Callable[..., object],
    ):
        unknown = [name for name in kwargs if name.startswith("on_") and name not in HOOKS]
        if unknown:
            raise unexpected_arguments("LambdaCallback", unknown, HOOKS)
        named = {
            "on_epoch_begin": on_epoch_begin,
            "on_epoch_end": on_epoch_end,
            "on_train_begin": on_train_begin,
            "on_train_end": on_train_end,
            "on_train_batch_begin": on_train_batch_begin,
            "on_train_batch_end": on_train_batch_end,
        }
        self.__dict__.update({name: function for name, function in {**named, **kwargs}.items() if function is not None})

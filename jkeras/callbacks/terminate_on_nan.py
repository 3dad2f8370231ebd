"""`TerminateOnNaN`: end training at the first batch whose loss is not finite."""

from __future__ import annotations

import numpy as np

from jkeras._base.registry import export
from jkeras.callbacks.base import Callback, Logs
from jkeras.callbacks.printing import say


@export("keras.callbacks.TerminateOnNaN")
class TerminateOnNaN(Callback):
    """Stops training when the loss is NaN or infinite, and says at which batch.

    It looks at every batch, so training goes step by step.

    Args:
        raise_error: raise a RuntimeError at once rather than end training normally.

    Raises:
        RuntimeError: from training, with `raise_error=True`.

    Example:
        >>> from types import SimpleNamespace
        >>> stop = TerminateOnNaN()
        >>> stop.set_model(SimpleNamespace(stop_training=False))
        >>> stop.on_batch_end(3, {"loss": float("nan")})
        Batch 3: Invalid loss, terminating training
        >>> stop.model.stop_training
        True
    """

    def __init__(self, raise_error: bool = False):
        self.raise_error = raise_error

    def on_batch_end(self, batch: int, logs: Logs = None) -> None:
        loss = (logs or {}).get("loss")
        if loss is None or np.isfinite(loss):
            return
        if self.raise_error:
            raise RuntimeError(
                f"The loss is {loss} at batch {batch}. A smaller learning rate, `clipnorm=1.0` in the optimizer, or a look "
                "at the data for NaN may help."
            )
        say(f"Batch {batch}: Invalid loss, terminating training")
        self.model.stop_training = True

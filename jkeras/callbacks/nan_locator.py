"""`NaNLocator`: where a NaN comes from: which batch, which layer, which rows.

It keeps a copy of the weights from before each chunk of steps. When the loss or a weight is not finite, the chunk is computed
again batch by batch, and its first bad batch layer by layer, forward and backward.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from jkeras.callbacks.base import Callback, Logs
from jkeras.callbacks.printing import say

if TYPE_CHECKING:
    from jkeras.training.inspection.nonfinite import NonFinite

_RESTORED = "\n    The model has the weights from before this batch."


class NaNLocator(Callback):
    """Stops training at the first batch whose loss or step is not finite, and names the layer. (Keras has none.)

    It looks between chunks of steps, at the loss and at the weights, so it does not make training go step by step. It costs
    memory: a copy of the weights and of the optimizer's state.

    Args:
        restore_weights: restore the weights and the optimizer's state from before the bad batch.
        raise_error: raise a FloatingPointError with the message, rather than print it and end training normally.

    Attributes:
        found: what was found, with `epoch`, `batch` (both from 0), `layer`, `rows` of the batch, `data_rows` of the arrays
            given to `fit`, and `what` in words; None if nothing was.

    Raises:
        FloatingPointError: from training, with `raise_error=True`.

    Example:
        >>> import numpy as np, jkeras
        >>> from jkeras import layers, ops
        >>> root = layers.Lambda(ops.sqrt, name="root")
        >>> model = jkeras.Sequential([jkeras.Input((1,)), root, layers.Dense(1)])
        >>> model.compile("sgd", "mse")
        >>> x = np.ones((6, 1), "float32")
        >>> x[4] = -1
        >>> locator = NaNLocator()
        >>> _ = model.fit(x, x, batch_size=2, shuffle=False, verbose=0, callbacks=[locator])
        NaNLocator: epoch 1, batch 2: 1 of 2 values are not finite in the output of layer 'root'
            rows of the batch: 0
            rows of the data: 4
            The model has the weights from before this batch.
        >>> locator.found.layer, locator.found.data_rows
        ('root', (4,))
    """

    every_batch = False
    replays = True

    def __init__(self, restore_weights: bool = True, raise_error: bool = False):
        self.restore_weights = restore_weights
        self.raise_error = raise_error
        self.found: NonFinite | None = None

    def on_train_begin(self, logs: Logs = None) -> None:
        self.found = None

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        if self.found is not None:
            return
        self.found = self.model.find_nonfinite(logs)
        if self.found is None:
            return
        text = f"NaNLocator: {self.found}"
        before = self.found.before
        if self.restore_weights and before is not None:
            self.model.set_params_and_state(before.params, before.state)
            self.model.optimizer.state = before.opt_state
            text += _RESTORED
        if self.raise_error:
            raise FloatingPointError(text)
        say(text)
        self.model.stop_training = True

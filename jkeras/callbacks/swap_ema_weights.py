"""`SwapEMAWeights`: evaluate, predict and save with the moving average of the weights, train with the weights themselves."""

from __future__ import annotations

from typing import Any

from jkeras._base.registry import export
from jkeras._base.types import Tree
from jkeras.callbacks.base import Callback, Logs

_NO_AVERAGE = """SwapEMAWeights needs an optimizer that keeps a moving average of the weights. Write, for example,

    model.compile(optimizer=jkeras.optimizers.Adam(use_ema=True), ...)

Received: {optimizer}."""


@export("keras.callbacks.SwapEMAWeights")
class SwapEMAWeights(Callback):
    """Swaps in the moving average of the weights during an evaluation or a prediction.

    Args:
        swap_on_epoch: swap at the end of each epoch too, until the next one begins, so that callbacks after this one, such as
            ModelCheckpoint, see the average.

    Raises:
        ValueError: the optimizer was made without `use_ema=True`.

    Example:
        >>> import numpy as np, jkeras
        >>> model = jkeras.Sequential([jkeras.Input((1,)), jkeras.layers.Dense(1, use_bias=False, kernel_initializer="ones")])
        >>> model.compile(jkeras.optimizers.SGD(0.25, use_ema=True, ema_momentum=0.5), "mse")
        >>> seen = []
        >>> see = jkeras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append(model.get_weights()[0].item()))
        >>> x = np.ones((4, 1))
        >>> _ = model.fit(x, 3 * x, epochs=2, verbose=0, callbacks=[see, SwapEMAWeights(swap_on_epoch=True), see])
        >>> seen  # weights and average at the end of each epoch
        [2.0, 2.0, 2.5, 2.25]
        >>> model.get_weights()[0].item()  # what stays after fit is the average
        2.25
    """

    def __init__(self, swap_on_epoch: bool = False):
        self.swap_on_epoch = swap_on_epoch
        self._swapped = self._outer = False
        self._average: Tree = None

    def on_train_begin(self, logs: Logs = None) -> None:
        self._swapped = False
        self._average = None

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        if self.swap_on_epoch and self._swapped:
            self._swap()

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        if self.swap_on_epoch and not self._swapped:
            self._swap()
            self._average = self.model.params_and_state()[0]

    def on_train_end(self, logs: Logs = None) -> None:
        if self._swapped:  # training ended with the average in the model and the weights in place of the average
            self._put(self._average, self._average)
            self._swapped, self._average = False, None

    def on_test_begin(self, logs: Logs = None) -> None:
        self._outer = self._swapped  # an evaluation by a callback at the end of an epoch finds the average already swapped in
        if not self._swapped:
            self._swap()

    def on_test_end(self, logs: Logs = None) -> None:
        if not self._outer:
            self._swap()

    on_predict_begin, on_predict_end = on_test_begin, on_test_end

    def _swap(self) -> None:
        average = _average_of(self.model.optimizer)
        self._put(average, self.model.params_and_state()[0])
        self._swapped = not self._swapped

    def _put(self, params: Tree, average: Tree) -> None:
        self.model.set_params_and_state(params, self.model.params_and_state()[1])
        self.model.optimizer.state = _with_average(self.model.optimizer, average)


def _average_of(optimizer: Any) -> Tree:
    """The average in an optimizer's state, even inside a loss scale's."""
    inner = getattr(optimizer, "inner_optimizer", optimizer)
    if not getattr(inner, "use_ema", False) or optimizer.live_state is None:
        raise ValueError(_NO_AVERAGE.format(optimizer=f"{type(inner).__name__}(use_ema={getattr(inner, 'use_ema', False)})"))
    return optimizer.state.ema if inner is optimizer else optimizer.state.slots.inner.ema


def _with_average(optimizer: Any, average: Tree) -> Tree:
    """The optimizer's state with another average."""
    state = optimizer.state
    if not hasattr(optimizer, "inner_optimizer"):
        return state._replace(ema=average)
    return state._replace(slots=state.slots._replace(inner=state.slots.inner._replace(ema=average)))

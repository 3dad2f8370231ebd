"""`LayerStatistics`: statistics of every layer's activations and gradients, epoch by epoch."""

from __future__ import annotations

from collections.abc import Iterable

from jkeras._base.errors import unknown_name
from jkeras._base.types import Tree
from jkeras.callbacks.base import Callback, Logs

_NAMES = ("mean", "std", "norm", "zero", "dead")
_BAD_BATCH = """LayerStatistics takes one batch, (x, y) or (x, y, sample_weight), or None for one of the training:

    LayerStatistics((x_val[:256], y_val[:256]))

Received: {given}."""


class LayerStatistics(Callback):
    """Measures every layer's outputs and gradients on one batch at the end of each epoch. (Keras has none.)

    The numbers are added to the epoch's results, so History and CSVLogger have them too, and so does TensorBoard if it comes
    after this callback: `activations/dense/mean`, `gradients/dense/norm`. One compiled call measures all.

    Args:
        batch: the batch to measure, `(x, y)` or `(x, y, sample_weight)`; None keeps the last one of the first epoch.
        activations, gradients: whether to measure outputs, and gradients of the layers' own weights.
        statistics: which of `mean`, `std`, `norm` (Euclidean), `zero` (fraction of the numbers that are 0) and `dead` (fraction
            of the units, on the last axis, that are 0 in all rows; of activations alone).
        layers: paths of layers, such as `"block/dense"`; None for all.
        freq: every how many epochs.
        training: whether dropout is active and batch normalization uses the batch's statistics.

    Attributes:
        history: each epoch with the result of `model.layer_statistics`: `[(epoch, {"activations": ..., "gradients": ...})]`.

    Raises:
        TypeError: `batch` is not a batch.
        ValueError: an unknown statistic or layer.

    Example:
        >>> import numpy as np, jkeras
        >>> model = jkeras.Sequential([jkeras.Input((2,)), jkeras.layers.Dense(4, activation="relu", name="hidden")])
        >>> model.compile("sgd", "mse")
        >>> x, y = np.ones((8, 2)), np.zeros((8, 4))
        >>> history = model.fit(x, y, verbose=0, callbacks=[LayerStatistics((x, y), statistics=["norm", "dead"])])
        >>> list(history.history)
        ['loss', 'activations/hidden/norm', 'activations/hidden/dead', 'gradients/hidden/norm']
    """

    def __init__(
        self,
        batch: tuple[object, ...] | None = None,
        activations: bool = True,
        gradients: bool = True,
        statistics: Iterable[str] = _NAMES,
        layers: Iterable[str] | None = None,
        freq: int = 1,
        training: bool = True,
    ):
        if batch is not None and not (isinstance(batch, (tuple, list)) and 1 <= len(batch) <= 3):
            raise TypeError(_BAD_BATCH.format(given=type(batch).__name__))
        self.statistics = tuple(statistics)
        for name in self.statistics:
            if name not in _NAMES:
                raise unknown_name("statistic", name, _NAMES)
        if isinstance(freq, bool) or not isinstance(freq, int) or freq < 1:
            raise ValueError(f"LayerStatistics: `freq` is a number of epochs, 1 or more. Received: {freq!r}.")
        self.batch = None if batch is None else (*batch, None, None)[:3]
        self.kinds = tuple(name for name, wanted in (("activations", activations), ("gradients", gradients)) if wanted)
        self.layers = None if layers is None else tuple(layers)
        self.freq, self.training = freq, training
        self.history: list[tuple[int, dict[str, Tree]]] = []
        self._held = self.batch

    def on_train_begin(self, logs: Logs = None) -> None:
        self.history = []
        self._held = self.batch

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        if (epoch + 1) % self.freq:
            return
        if self._held is None:
            self._held = self.model.current_batch()
        found = self.model.layer_statistics(self._held, training=self.training)
        self._check({name for kind in found.values() for name in kind})
        self.history.append((epoch, found))
        if logs is not None:
            logs.update(self._selected(found))

    def _check(self, known: set[str]) -> None:
        for name in self.layers or ():
            if name not in known:
                raise unknown_name("layer", name, sorted(known))

    def _selected(self, found: dict[str, Tree]) -> dict[str, float]:
        return {
            f"{kind}/{layer}/{name}": found[kind][layer][name]
            for kind in self.kinds
            for layer in found[kind]
            for name in self.statistics
            if name in found[kind][layer] and (self.layers is None or layer in self.layers)
        }

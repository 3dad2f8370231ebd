"""OptimizerMap: which optimizer a weight has, by the path of the weight."""

from __future__ import annotations

import re
from collections.abc import Iterator, MutableMapping
from typing import Any

from jkeras._base.configurable import Configurable, serialize
from jkeras._base.errors import describe
from jkeras._base.registry import export
from jkeras.optimizers.base import Optimizer


@export("keras.optimizers.OptimizerMap")
class OptimizerMap(Configurable, MutableMapping[str, Optimizer]):
    """Optimizers by path: a key is a whole path, or else a regular expression for whole paths.

    As in Keras, a path begins with the name of the model that built the layer, `sequential/dense/kernel`, or with the layer's
    own, `dense/kernel`, where the layer was built before. So write `".*dense/.*"` for the weights of the layer `dense`: it fits
    both.

    Args:
        default_optimizer: for paths that no key fits.
        optimizer_map: a dict to start from.

    Raises:
        TypeError: what is given is no optimizer, or no dict.
        ValueError: a key that is there already or no string, or a value that is no optimizer; several keys fit a path.

    Example:
        >>> from jkeras.optimizers import SGD, Adam
        >>> optimizers = OptimizerMap(Adam(), {".*encoder/.*": SGD()})
        >>> [type(optimizers[path]).__name__ for path in ("encoder/kernel", "sequential/encoder/kernel", "head/kernel")]
        ['SGD', 'SGD', 'Adam']
    """

    def __init__(self, default_optimizer: Optimizer, optimizer_map: dict[str, Optimizer] | None = None):
        if not isinstance(default_optimizer, Optimizer):
            raise TypeError(f"OptimizerMap takes an optimizer, such as Adam(), first. Received: {describe(default_optimizer)}.")
        if optimizer_map is not None and not isinstance(optimizer_map, dict):
            raise TypeError(f"optimizer_map is a dict of optimizers by path. Received: {describe(optimizer_map)}.")
        self.default_optimizer = default_optimizer
        self._by_key = dict(optimizer_map or {})

    def __getitem__(self, path: str) -> Optimizer:
        if path in self._by_key:
            return self._by_key[path]
        fitting = [key for key in self._by_key if re.fullmatch(key, path)]
        if len(fitting) > 1:
            raise ValueError(f"Several keys fit the path {path!r}: {fitting}. Let one key fit each path.")
        return self._by_key[fitting[0]] if fitting else self.default_optimizer

    def __setitem__(self, key: str, optimizer: Optimizer) -> None:
        if key in self._by_key:
            raise ValueError(f"{key!r} has an optimizer already: {describe(self._by_key[key])}. Delete it first.")
        if not isinstance(key, str):
            raise ValueError(f"A key is a path or a regular expression. Received: {describe(key)}.")
        self._by_key[key] = plain(optimizer)

    def __delitem__(self, key: str) -> None:
        del self._by_key[key]

    def __len__(self) -> int:
        return len(self._by_key)

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_key)

    def __call__(self, variable: Any) -> Optimizer:
        """The optimizer of a variable, by its path."""
        return self[variable.path]

    def get_config(self) -> dict[str, Any]:
        """The default and the dict as they are now."""
        return {"default_optimizer": serialize(self.default_optimizer), "optimizer_map": serialize(self._by_key)}


def plain(optimizer: object) -> Optimizer:
    """The optimizer, unless it is none, or holds others.

    Raises:
        ValueError: it is.
    """
    if not isinstance(optimizer, Optimizer):
        raise ValueError(f"Each weight has an optimizer, such as Adam(). Received: {describe(optimizer)}.")
    if hasattr(optimizer, "inner_optimizer") or hasattr(optimizer, "optimizers"):
        raise ValueError(
            f"{type(optimizer).__name__} holds optimizers, and cannot be one of several. Give the optimizers inside to the "
            "MultiOptimizer, and that to a LossScaleOptimizer."
        )
    return optimizer

"""Arguments that `fit`, `evaluate` and `predict` had in Keras 2 and Keras 1: `workers=4`, `nb_epoch=10`."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable
from typing import Any

from jkeras._base.errors import unexpected_arguments
from jkeras.data.py_dataset import PyDataset

_QUEUE = {
    "workers": "workers",
    "use_multiprocessing": "use_multiprocessing",
    "max_queue_size": "max_queue_size",
    "nb_worker": "workers",
    "pickle_safe": "use_multiprocessing",
    "max_q_size": "max_queue_size",
}
_IN_SAMPLES = {"samples_per_epoch": "steps_per_epoch", "nb_val_samples": "validation_steps", "val_samples": "steps"}


def keras2_arguments(method: Callable[..., Any], x: Any, given: dict[str, Any], epochs: int = 1) -> int:
    """Do what older arguments say.

    A `PyDataset` makes its batches from now on in as many workers as they say: in threads, also where `use_multiprocessing=True`
    was given here. Keras 2 forked the process, which may deadlock under JAX, and processes that start afresh run a script that
    has no `if __name__ == "__main__"` a second time. `PyDataset(use_multiprocessing=True)` asks for such processes. Generators
    always run in one thread, a few batches ahead, so there is nothing to set.

    Args:
        method: that they were given to.
        x: the data.
        given: the arguments that the method does not have.
        epochs: as given by its name of today.

    Returns:
        The number of epochs.

    Raises:
        TypeError: an argument that no Keras had, or one that counts samples where batches are counted now.
    """
    for name, value in given.items():
        if name in _QUEUE:
            if isinstance(x, PyDataset) and not (_QUEUE[name] == "use_multiprocessing" and value):
                setattr(x, _QUEUE[name], value)
        elif name == "nb_epoch" and method.__name__.startswith("fit"):
            warnings.warn(f"The argument 'nb_epoch' of {method.__name__} is called 'epochs' since Keras 2.", stacklevel=3)
            epochs = value
        elif name in _IN_SAMPLES:
            raise TypeError(
                f"{name}={value!r} counts samples, as in Keras 1. Write {_IN_SAMPLES[name]}=..., which counts batches: {name} "
                "divided by the batch size."
            )
        else:
            takes = inspect.signature(method).parameters.values()
            known = [p.name for p in takes if p.name != "self" and p.kind is not inspect.Parameter.VAR_KEYWORD]
            raise unexpected_arguments(method.__name__, [name], known)
    return epochs

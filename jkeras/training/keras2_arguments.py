"""Arguments that `compile`, `fit`, `evaluate` and `predict` had in Keras 2 and Keras 1: `workers=4`, `nb_epoch=10`."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable
from typing import Any

from jkeras._base.errors import unexpected_arguments
from jkeras._base.old_arguments import Gone, leave_out
from jkeras.data.py_dataset import PyDataset

_QUEUE = {
    "workers": "workers",
    "use_multiprocessing": "use_multiprocessing",
    "max_queue_size": "max_queue_size",
    "nb_worker": "workers",
    "pickle_safe": "use_multiprocessing",
    "max_q_size": "max_queue_size",
}
_COMPILE = {
    "cloning": Gone(),
    "distribute": Gone((None,), "A run uses JAX's first device."),
    "experimental_run_tf_function": Gone(),
    "pss_evaluation_shards": Gone(),
    "sample_weight_mode": Gone(),
    "target_tensors": Gone((None,), "Give the targets to fit as y, or write a compute_loss of your own."),
}
_WEIGHT_MODES = (None, "temporal", "samplewise")
_IN_SAMPLES = {"samples_per_epoch": "steps_per_epoch", "nb_val_samples": "validation_steps", "val_samples": "steps"}


def compile_arguments(given: dict[str, Any]) -> dict[str, Any]:
    """What `compile` does not know, without what it need not know.

    `sample_weight_mode="temporal"` says that sample weights are `(rows, steps)`; here that is seen by their shape.

    Args:
        given: arguments by name.

    Returns:
        Those that are left; `experimental_steps_per_execution` under its name of today.

    Raises:
        TypeError: an argument of Keras 2 that asks for what there is not.
        ValueError: a `sample_weight_mode` that no Keras had.
    """
    left = leave_out("compile", given, _COMPILE)
    if "experimental_steps_per_execution" in left:
        left["steps_per_execution"] = left.pop("experimental_steps_per_execution")
    modes = given.get("sample_weight_mode")
    listed = modes.values() if isinstance(modes, dict) else modes if isinstance(modes, (list, tuple)) else [modes]
    for mode in listed:
        if mode not in _WEIGHT_MODES:
            raise ValueError(f"sample_weight_mode is None or 'temporal'. Received: {mode!r}.")
    return left


def in_order_of_today(loss_weights: Any, metrics: Any) -> tuple[Any, Any]:
    """`loss_weights` and `metrics` as Keras 3 orders them: in Keras 2, `compile(optimizer, loss, metrics)` had metrics third.

    Example:
        >>> in_order_of_today(["accuracy"], None), in_order_of_today([1.0, 0.5], ["accuracy"])
        ((None, ['accuracy']), ([1.0, 0.5], ['accuracy']))
    """
    entries = loss_weights.values() if isinstance(loss_weights, dict) else loss_weights
    are_metrics = isinstance(loss_weights, (list, tuple, dict, str)) and any(isinstance(e, str) or callable(e) for e in entries)
    return (metrics, loss_weights) if are_metrics else (loss_weights, metrics)


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
        elif name == "show_accuracy":
            raise TypeError("show_accuracy is of Keras 0. Write metrics=['accuracy'] in compile.")
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

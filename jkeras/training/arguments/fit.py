"""What arguments of `compile`, `fit`, `evaluate` and `predict` mean, those of Keras 2 and Keras 1 among them."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Mapping
from typing import Any

from jkeras._base.errors import unexpected_arguments
from jkeras._base.old_arguments import Gone, leave_out
from jkeras._base.plain_numbers import INTEGERS
from jkeras._base.types import Tree
from jkeras.data import unpack_x_y_sample_weight
from jkeras.data.prepared import Preparation
from jkeras.data.py_dataset import PyDataset
from jkeras.data.source import Source
from jkeras.training.arguments.limits import limited_source

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


def compile_arguments(given: Mapping[str, Any]) -> dict[str, Any]:
    """Keras 2's arguments of `compile`: leave out those that change nothing.

    `sample_weight_mode="temporal"` says that sample weights are `(rows, steps)`; here their shape says so.

    Args:
        given: arguments by name.

    Returns:
        The others; `experimental_steps_per_execution` under its current name.

    Raises:
        TypeError: an argument of Keras 2 that asks for something jkeras lacks.
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


def in_current_order(loss_weights: Any, metrics: object) -> tuple[object, object]:
    """`loss_weights` and `metrics` as Keras 3 orders them: in Keras 2, `compile(optimizer, loss, metrics)` had metrics third.

    Example:
        >>> in_current_order(["accuracy"], None), in_current_order([1.0, 0.5], ["accuracy"])
        ((None, ['accuracy']), ([1.0, 0.5], ['accuracy']))
    """
    entries = loss_weights.values() if isinstance(loss_weights, dict) else loss_weights
    are_metrics = isinstance(loss_weights, (list, tuple, dict, str)) and any(isinstance(e, str) or callable(e) for e in entries)
    return (metrics, loss_weights) if are_metrics else (loss_weights, metrics)


def keras2_arguments(method: Callable[..., object], x: Tree, given: Mapping[str, Any], epochs: int = 1) -> int:
    """Apply older arguments.

    A `PyDataset` then makes its batches in that many workers: in threads, even with `use_multiprocessing=True`. Keras 2 forked
    the process, which may deadlock under JAX, and new processes run a script without `if __name__ == "__main__"` a second time.
    `PyDataset(use_multiprocessing=True)` asks for such processes. Generators always run in one thread, a few batches ahead.

    Args:
        method: the one called.
        x: the data.
        given: arguments that the method does not have.
        epochs: as given by its current name.

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


def validation_source(data: Tree, batch_size: int | None, steps: int | None, prepare: Preparation | None = None) -> Source:
    """The source of `validation_data`: `(x, y)`, `(x, y, sample_weight)`, or what gives batches."""
    if not isinstance(data, (tuple, list)):
        return limited_source(data, steps=steps, prepare=prepare)
    x, y, sample_weight = unpack_x_y_sample_weight(data)
    return limited_source(x, y, sample_weight, batch_size=batch_size, steps=steps, prepare=prepare)


def validates(epoch: int, frequency: int | list[int]) -> bool:
    """Whether an epoch, from 0, ends with a validation."""
    return (epoch + 1) % frequency == 0 if isinstance(frequency, INTEGERS) else epoch + 1 in frequency


def verbosity(verbose: int | str) -> int:
    """0, 1 or 2 for what a user wrote."""
    if verbose not in ("auto", 0, 1, 2):
        raise ValueError(f"verbose is 0 (silent), 1 (a live line), 2 (a line per epoch) or 'auto'. Received: {verbose!r}.")
    return 1 if verbose == "auto" else int(verbose)

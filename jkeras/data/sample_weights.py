"""Sample weights of a batch: those you give, by output, times those of the classes.

| targets     | `sample_weight`                                     | `class_weight`                                     |
|-------------|-----------------------------------------------------|----------------------------------------------------|
| one array   | an array                                            | `{class: weight}`                                  |
| several     | an array `(n,)` for all, or a list or dict of them  | a list or dict of such tables                      |

A list has one entry per output, which may be None; a dict names the outputs that have one. A single output may have a list or
a dict of one. The weight of a sample is that of its class, 1 for classes without an entry.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import numpy as np

from jkeras._base.config import floatx
from jkeras._base.errors import describe, unknown_name
from jkeras._base.types import Tree

_ONE_TABLE = """`class_weight` is {received}, but there are {count} outputs. Write a table for each that needs
one, by name:

    class_weight={{{name!r}: {{0: 1.0, 1: 5.0}}}}"""


@dataclasses.dataclass(frozen=True)
class Weighing:
    """Makes the sample weights of a batch.

    Args:
        class_weight: as given to `fit`, or None.
        output_names: of the model's outputs; None stands for `output_1`, `output_2`, ...

    Example:
        >>> weighing = Weighing({"a": {0: 1.0, 1: 5.0}}, ["a", "b"])
        >>> weighing([np.array([0, 1]), np.array([0, 1])], None)
        {'a': array([1., 5.], dtype=float32)}
    """

    class_weight: Tree = None
    output_names: Sequence[str] | None = None

    def __call__(self, y: Tree, sample_weight: Tree) -> Tree:
        """The weights of a batch: None, an array, or a list or dict of them by output.

        Args:
            y: targets.
            sample_weight: those given with the batch.

        Raises:
            ValueError: weights for outputs that the model lacks, or of the wrong shape.
        """
        given = per_output(y, sample_weight)
        if self.class_weight is None:
            return given
        if not _is_nest(y):
            return _product(given, class_weights(y, _only_entry(self.class_weight)))
        names = self.output_names or (list(y) if isinstance(y, Mapping) else [f"output_{i + 1}" for i in range(len(y))])
        targets, weights = _by_name(y, names), _by_name(given, names)
        tables = _by_name(_tables(self.class_weight, names), names)
        for name in (*tables, *weights):
            if name not in targets:
                raise unknown_name("output in the weights:", name, targets)
        of_classes = {name: class_weights(targets[name], table) for name, table in tables.items()}
        return {n: _product(weights.get(n), of_classes.get(n)) for n in targets if n in weights or n in of_classes}


def per_output(y: Tree, sample_weight: Tree) -> Tree:
    """Sample weights by output: one array for several outputs is used for each of them.

    Raises:
        ValueError: another number of weights than outputs, or one array with a weight per element stands for several outputs.
    """
    if sample_weight is None or isinstance(sample_weight, Mapping):
        return sample_weight
    if not _is_nest(sample_weight):
        if _is_nest(y) and any(n != 1 for n in sample_weight.shape[1:]):
            raise ValueError(
                f"One `sample_weight` for several outputs must have one number per sample, shape (n,). Received "
                f"{describe(sample_weight)}. Pass one array per output, in the structure of y."
            )
        return jax.tree_util.tree_map(lambda _: sample_weight, y) if _is_nest(y) else sample_weight
    if not _is_nest(y) and len(sample_weight) == 1:
        return sample_weight[0]
    if not isinstance(y, (list, tuple)) or len(y) != len(sample_weight):
        raise ValueError(
            f"`sample_weight` must have the structure of `y`, one array (or None) per output. Received "
            f"sample_weight={describe(sample_weight)} for y={describe(y)} with {len(jax.tree.leaves(y))} outputs."
        )
    return sample_weight


def class_weights(y: Tree, class_weight: Mapping[int, float]) -> np.ndarray:
    """One weight per sample from a weight per class.

    Args:
        y: targets: class numbers `(n, ...)` or `(n, ..., 1)`, or one-hot / probabilities `(n, ..., classes)`, of which the
            largest counts.
        class_weight: class number -> weight; classes without an entry weigh 1. Classes may be strings such as `"1"`.

    Returns:
        Weights in `floatx()`, `(n,)` or one for each step.

    Raises:
        ValueError: no targets, several outputs, or keys that are not class numbers.

    Example:
        >>> class_weights(np.array([0, 1, 1, 2]), {0: 2.0, 1: 0.5})
        array([2. , 0.5, 0.5, 1. ], dtype=float32)
    """
    if y is None or isinstance(y, (list, tuple, Mapping)):
        received = "no y" if y is None else f"y={describe(y)}"
        raise ValueError(
            f"`class_weight` needs one array of class targets; received {received}. For several outputs pass one table "
            "per output, by its name."
        )
    table = _class_table(class_weight)
    labels = np.asarray(y)
    if labels.ndim > 1 and labels.shape[-1] == 1:
        labels = labels[..., 0]
    elif labels.ndim > 1 and labels.max() <= 1:  # else they are class numbers, one for each step, not probabilities
        labels = labels.argmax(-1)
    present, position = np.unique(np.round(labels).astype(np.int64), return_inverse=True)
    weights = np.array([table.get(int(c), 1.0) for c in present], dtype=floatx())
    return weights[position].reshape(labels.shape)


def _class_table(class_weight: Tree) -> dict[int, float]:
    try:
        return {_class_number(key): np.asarray(weight, "float64").item() for key, weight in class_weight.items()}
    except (AttributeError, TypeError, ValueError) as error:
        is_list = isinstance(class_weight, (np.ndarray, list, tuple))  # what scikit-learn's compute_class_weight gives
        hint = " Write dict(enumerate(weights))." if is_list else ""
        raise ValueError(
            "`class_weight` must be a dict of class number -> weight, such as {0: 1.0, 1: 5.0}. "
            f"Received {describe(class_weight)}.{hint}"
        ) from error


def _class_number(key: Any) -> int:
    """A key as a class: 1, 1.0, np.int64(1), or "1", as JSON has it."""
    number = int(key)
    if not isinstance(key, str) and number != key:
        raise ValueError(f"{key!r} is no whole number.")
    return number


def _by_name(value: Tree, names: Sequence[str]) -> dict[str, Tree]:
    """Entries by output, without those that are None."""
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        if len(names) != len(value):
            raise ValueError(f"There are {len(names)} outputs, {', '.join(names)}, but {len(value)} in {describe(value)}.")
        value = dict(zip(names, value))
    return {name: entry for name, entry in value.items() if entry is not None}


def _tables(class_weight: object, names: Sequence[str]) -> Tree:
    """A list or dict of tables; a single table becomes one."""
    if isinstance(class_weight, (list, tuple)) or _is_by_output(class_weight):
        return class_weight
    if len(names) > 1:
        raise ValueError(_ONE_TABLE.format(received=describe(class_weight), count=len(names), name=names[0]))
    return [class_weight]


def _is_nest(value: object) -> bool:
    return isinstance(value, (list, tuple, Mapping))


def _is_by_output(class_weight: object) -> bool:
    return isinstance(class_weight, Mapping) and any(isinstance(table, Mapping) for table in class_weight.values())


def _only_entry(class_weight: Tree) -> Tree:
    """The table for the only output, from a list or dict of one."""
    tables = list(class_weight.values()) if isinstance(class_weight, Mapping) else class_weight
    alone = isinstance(tables, (list, tuple)) and len(tables) == 1 and isinstance(tables[0], Mapping)
    return tables[0] if alone else class_weight


def _product(given: Tree, of_classes: np.ndarray | None) -> Tree:
    """Sample weights `(n,)`, `(n, 1)`, ... times those of classes."""
    if given is None or of_classes is None:
        return of_classes if given is None else given
    if isinstance(given, Mapping):  # by the name of the only output
        return {name: _product(weight, of_classes) for name, weight in given.items()}
    return given * of_classes.reshape(of_classes.shape + (1,) * (given.ndim - of_classes.ndim))

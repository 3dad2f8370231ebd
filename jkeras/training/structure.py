"""Which target, loss and metric belongs to which output: by position in lists, by name in dicts."""

from __future__ import annotations

from typing import Any

import jax

from jkeras._base.errors import describe, unknown_name


def output_names(model: Any, y_pred: Any) -> list[str]:
    """A name for each output, in the order of `jax.tree.leaves(y_pred)`: the model's own names, else `output_1`, ..."""
    leaves = jax.tree.leaves(y_pred)
    if isinstance(y_pred, dict):
        return sorted(map(str, y_pred))
    names = getattr(model, "output_names", None)
    if names is not None and len(names) == len(leaves):
        return list(names)
    return [f"output_{i + 1}" for i in range(len(leaves))]


def per_output(what: str, value: Any, names: list[str]) -> list[Any]:
    """One entry per output from a dict by name, a list by position, or a single value for a single output.

    Raises:
        ValueError: another number of entries than outputs, or a name that no output has.
    """
    if isinstance(value, dict):
        for key in value:
            if key not in names:
                raise unknown_name(f"output in {what}:", key, names)
        return [value.get(name) for name in names]
    if len(names) == 1:
        return [value[0] if isinstance(value, (list, tuple)) and len(value) == 1 else value]
    entries = list(value) if isinstance(value, (list, tuple)) else [value]
    if len(entries) != len(names):
        raise ValueError(
            f"The model has {len(names)} outputs ({', '.join(names)}), but {what} has {len(entries)}: {describe(value)}. "
            f"Give a list of {len(names)}, or a dict by output name."
        )
    return entries


def split_targets(what: str, value: Any, names: list[str]) -> list[Any]:
    """`per_output` for targets and sample weights; None stands for none."""
    if value is None:
        return [None] * len(names)
    if what == "sample_weight" and not isinstance(value, (dict, list, tuple)):
        return [value] * len(names)
    return per_output(what, value, names)

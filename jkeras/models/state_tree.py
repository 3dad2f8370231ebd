"""All variables of a model by their paths, as nested dicts of arrays: `get_state_tree` and `set_state_tree`, as in Keras.

`params_and_state()` is the same for pure functions; these also hold the variables of the optimizer and of the metrics. Two kinds
of names differ from Keras': where a class of yours has layers in attributes, slots leave out the model's name
(`adam/hidden_kernel_momentum`; Keras `adam/net_hidden_kernel_momentum`), and a metric has the name that logs show.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import jax.numpy as jnp
import numpy as np

from jkeras._base import paths
from jkeras._base.errors import describe, unknown_name
from jkeras._base.types import Tree
from jkeras.training.objective.containers import one_by_one

if TYPE_CHECKING:
    from jkeras.models.model import Model

_KINDS = ("trainable_variables", "non_trainable_variables", "optimizer_variables", "metrics_variables")
_FORMATS = ("backend_tensor", "numpy_array")

_TWICE = """The path {path!r} stands for two variables of {model!r}, so a tree cannot hold both. Give them different names."""


def get_state_tree(self: Model, value_format: str = "backend_tensor") -> dict[str, Tree]:
    """The values of all variables, nested by their paths.

    Args:
        value_format: `"backend_tensor"` for arrays of JAX, `"numpy_array"` for NumPy's.

    Returns:
        `{"trainable_variables", "non_trainable_variables", "optimizer_variables", "metrics_variables"}`, each a nested dict.

    Raises:
        ValueError: another format, or two variables of one path.

    Example:
        >>> from jkeras import Sequential, layers
        >>> model = Sequential([layers.Input((2,)), layers.Dense(1, name="dense")], name="m")
        >>> tree = model.get_state_tree("numpy_array")
        >>> tree["trainable_variables"]["m"]["dense"]["kernel"].shape, tree["optimizer_variables"]
        ((2, 1), {})
    """
    if value_format not in _FORMATS:
        raise unknown_name("value_format", value_format, _FORMATS)
    tree: dict[str, Tree] = {}
    for kind in _KINDS:
        to_array = np.asarray if value_format == "numpy_array" else jnp.asarray
        tree[kind] = paths.nest((path, to_array(variable)) for path, variable in _by_path(self, kind).items())
    return tree


def set_state_tree(self: Model, state_tree: Mapping[str, Tree]) -> None:
    """Give variables the values of such a tree, or of a part of it.

    Args:
        state_tree: nested as by `get_state_tree`.

    Raises:
        ValueError: it names a kind of variable or a path that the model does not have, or two variables have one path.
    """
    for kind, values in state_tree.items():
        if kind not in _KINDS:
            raise unknown_name("kind of variable", kind, _KINDS)
        if not isinstance(values, Mapping):
            raise ValueError(f"{kind} of a state tree is a nested dict of arrays. Received: {describe(values)}.")
        known = _by_path(self, kind)
        for path, value in paths.flatten(values).items():
            if path not in known:
                raise unknown_name(f"path in {kind}:", "/".join(path), ["/".join(one) for one in known])
            known[path].assign(value)


def _by_path(model: Model, kind: str) -> dict[tuple[str, ...], Any]:
    found: dict[tuple[str, ...], Any] = {}
    for path, variable in _with_paths(model, kind):
        if path in found:
            raise ValueError(_TWICE.format(path="/".join(path), model=model.name))
        found[path] = variable
    return found


def _with_paths(model: Model, kind: str) -> Iterable[tuple[tuple[str, ...], Any]]:
    if kind == "metrics_variables":
        return [((metric.name, variable.name), variable) for metric in one_by_one(model.metrics) for variable in metric.variables]
    if kind == "optimizer_variables":
        variables = [] if model.optimizer is None else model.optimizer.variables
    else:
        variables = getattr(model, kind)
    return [(tuple(variable.path.split("/")), variable) for variable in variables]

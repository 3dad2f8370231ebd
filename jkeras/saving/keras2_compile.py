"""`compile`'s arguments in words that both Keras 2 and Keras 3 accept in an `.h5` file.

Each refuses some of the other's words, and even some of its own: in such a file, Keras 3 does not find a loss called `"mse"`,
but it finds `"mean_squared_error"`; tf_keras takes an optimizer called `"Adam"` for its older one, which does not know later
arguments even if they mean nothing. So losses get their long names, and arguments that mean nothing are left out. Objects are
written without their modules, except those inside an optimizer (a schedule, an inner optimizer), which Keras 3 finds by module.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping

from jkeras._base import registry
from jkeras._base.configurable import is_object_config
from jkeras._base.types import Config
from jkeras.saving.nested import with_parts

# Arguments of all optimizers, with values that change nothing; settings of an average mean nothing without the average.
_SILENT: dict[str, object] = {
    **dict.fromkeys(("weight_decay", "clipnorm", "clipvalue", "global_clipnorm", "loss_scale_factor")),
    **dict.fromkeys(("gradient_accumulation_steps", "ema_overwrite_frequency")),
    "use_ema": False,
}
# Arguments of losses and metrics that only later versions take, with the value that means nothing.
_SILENT_IN_LOSSES: dict[str, object] = {"dtype": None, "axis": -1, "from_sorted_ids": False}


def plain_optimizer(config: Config) -> dict[str, object]:
    """An optimizer's config without the arguments that mean nothing.

    Example:
        >>> plain_optimizer({"learning_rate": 0.1, "clipnorm": None, "use_ema": False, "ema_momentum": 0.99, "momentum": 0.9})
        {'learning_rate': 0.1, 'momentum': 0.9}
    """
    found = {k: v for k, v in config.items() if not (k in _SILENT and v == _SILENT[k])}
    if "use_ema" not in found:
        found.pop("ema_momentum", None)
    inner = found.get("inner_optimizer")
    if inner is None:
        return found
    found.pop("name", None)  # tf_keras' loss scale has none
    return {**found, "inner_optimizer": {**inner, "config": plain_optimizer(inner["config"])}}


def plain_objects(value: object) -> object:
    """Losses and metrics by class alone, functions by name, without arguments that mean nothing, in any structure.

    Example:
        >>> plain_objects([{"module": "keras.losses", "class_name": "Huber", "config": {"delta": 0.5, "dtype": None}}])
        [{'class_name': 'Huber', 'config': {'delta': 0.5}}]
    """
    if is_object_config(value):
        if value["class_name"] == "function":
            return value["config"]
        settings = {k: v for k, v in value["config"].items() if not (k in _SILENT_IN_LOSSES and v == _SILENT_IN_LOSSES[k])}
        return {"class_name": value.get("registered_name") or value["class_name"], "config": plain_objects(settings)}
    return with_parts(value, plain_objects)


def long_names(losses: object) -> object:
    """Losses with their names written out, in any structure.

    Example:
        >>> long_names({"a": "mse", "b": ["kld", None]})
        {'a': 'mean_squared_error', 'b': ['kl_divergence', None]}
    """
    if isinstance(losses, str) and losses in registry.names("losses"):
        known = registry.lookup("losses", losses)
        return known.__name__ if inspect.isfunction(known) else losses
    return losses if isinstance(losses, Mapping) and "class_name" in losses else with_parts(losses, long_names)

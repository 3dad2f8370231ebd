"""`compile`'s arguments in words that Keras 2 and Keras 3 both take from an `.h5` file.

Each refuses some of the other's words, and even some of its own: Keras 3 does not find a loss that is called `"mse"` in such a
file, and `"mean_squared_error"` it does; tf_keras takes an optimizer called `"Adam"` for its older one, which does not know
arguments that came later, not even where they say nothing. So losses get their long names, and arguments that say nothing are
left out.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from jkeras._base import registry

# What the base of all optimizers takes, where it changes nothing; an average's settings mean nothing without the average.
_SILENT: dict[str, Any] = {
    **dict.fromkeys(("weight_decay", "clipnorm", "clipvalue", "global_clipnorm", "loss_scale_factor")),
    **dict.fromkeys(("gradient_accumulation_steps", "ema_overwrite_frequency")),
    "use_ema": False,
}


def plain_optimizer(config: Mapping[str, Any]) -> dict[str, Any]:
    """An optimizer's arguments without those that say nothing.

    Args:
        config: as of `get_config`.

    Example:
        >>> plain_optimizer({"learning_rate": 0.1, "clipnorm": None, "use_ema": False, "ema_momentum": 0.99, "momentum": 0.9})
        {'learning_rate': 0.1, 'momentum': 0.9}
    """
    found = {k: v for k, v in config.items() if not (k in _SILENT and v == _SILENT[k])}
    if "use_ema" not in found:
        found.pop("ema_momentum", None)
    return found


def long_names(losses: Any) -> Any:
    """Losses with their names written out, in whatever structure they are.

    Args:
        losses: as given to `compile`, in JSON form.

    Example:
        >>> long_names({"a": "mse", "b": ["kld", None]})
        {'a': 'mean_squared_error', 'b': ['kl_divergence', None]}
    """
    if isinstance(losses, Mapping):
        return losses if "class_name" in losses else {k: long_names(v) for k, v in losses.items()}
    if isinstance(losses, list):
        return [long_names(v) for v in losses]
    if isinstance(losses, str) and losses in registry.names("losses"):
        known = registry.lookup("losses", losses)
        return known.__name__ if inspect.isfunction(known) else losses
    return losses

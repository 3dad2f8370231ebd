"""The arguments of `compile` as a config, and `compile` called with one.

Losses and metrics given as strings stay strings; objects become their configs, functions their names. A function of yours is
found again by that name: registered, or in `custom_objects`. The default `steps_per_execution=None` is written as 1, which is
Keras' default, and 1 is read as None.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from types import ModuleType

from jkeras import losses, metrics, optimizers
from jkeras._base import registry
from jkeras._base.configurable import is_object_config, serialize
from jkeras._base.errors import FileFormatError, describe
from jkeras._base.types import Config
from jkeras.saving.nested import parts, with_parts
from jkeras.training.steps import Steps

# What each argument holds, in words and as types, and whether lists and dicts of several may hold it.
_FIELDS: dict[str, tuple[str, type | tuple[type, ...], bool]] = {
    "optimizer": ("a name or an object", str, False),
    "loss": ("names or objects", str, True),
    "loss_weights": ("numbers", (int, float), True),
    "metrics": ("names or objects", str, True),
    "weighted_metrics": ("names or objects", str, True),
    "run_eagerly": ("True or False", bool, False),
    "steps_per_execution": ("a whole number", (int, str), False),
    "jit_compile": ("True, False or 'auto'", (bool, str), False),
}


def compile_config(model: Steps) -> dict[str, object] | None:
    """The config of a compiled model; None if it is not compiled, or compiled with something that has no config."""
    given = model._trainer.config
    if given is None:
        return None
    try:
        return {
            "optimizer": serialize(model.optimizer),
            **{name: serialize(getattr(given, name)) for name in ("loss", "loss_weights", "metrics", "weighted_metrics")},
            "run_eagerly": given.run_eagerly,
            "steps_per_execution": given.steps_per_execution or 1,
            "jit_compile": given.jit,
        }
    except (TypeError, NotImplementedError) as error:
        warnings.warn(
            f"Model {model.name!r} is saved as if it was not compiled: {error} Call compile() after loading.", stacklevel=2
        )
        return None


def compile_model(model: Steps, config: Config | None) -> None:
    """Compile a model as a config of jkeras or Keras says; unknown fields are ignored.

    Raises:
        FileFormatError: the config is not a dict, or names something unknown.
    """
    if config is not None and not isinstance(config, Mapping):
        raise FileFormatError(f"A compile config is a dict. Found: {describe(config)}.")
    if not config:
        return
    fields = {name: config[name] for name in _FIELDS if config.get(name) is not None}
    for name, value in fields.items():
        _check_type(name, value)
    if fields.get("steps_per_execution") == 1:
        del fields["steps_per_execution"]  # Keras' default, which says nothing: the measured speed decides
    fields["optimizer"] = optimizers.get(_revive(fields.get("optimizer", "rmsprop"), optimizers))
    for name, area in (("loss", losses), ("metrics", metrics), ("weighted_metrics", metrics)):
        fields[name] = _revive(fields.get(name), area)
    model.compile(**fields)


def _check_type(name: str, value: object) -> None:
    """Refuse what no `compile` writes into a field: that is damage, not an unknown name."""

    wanted, kinds, nested = _FIELDS[name]

    def fits(part: object) -> bool:
        if is_object_config(part):
            return kinds is str and isinstance(part["config"], (Mapping, str))
        if nested and isinstance(part, (Mapping, list, tuple)):
            return all(map(fits, parts(part)))
        return part is None or isinstance(part, kinds)

    if not fits(value):
        raise FileFormatError(f"The {name!r} of a compile config is {wanted}. Found: {describe(value)}.")


def _revive(value: object, area: ModuleType) -> object:
    """Objects for the configs in a nested structure, and registered functions for their names; other strings as they are."""
    if is_object_config(value):
        return area.deserialize(value)
    own = registry.get_registered_object(value) if isinstance(value, str) else None
    return with_parts(value, lambda part: _revive(part, area)) if own is None else own

"""Schedules to configs and back."""

from __future__ import annotations

from typing import Any

from jkeras._base import configurable
from jkeras._base.errors import describe
from jkeras._base.registry import export
from jkeras._base.types import Config, CustomObjects
from jkeras.optimizers.schedules.base import LearningRateSchedule


@export("keras.optimizers.schedules.serialize")
def serialize(learning_rate_schedule: LearningRateSchedule) -> dict[str, Any]:
    """The config of a schedule.

    Args:
        learning_rate_schedule: a schedule.

    Returns:
        A JSON-ready dict with `module`, `class_name`, `config` and `registered_name`.
    """
    return configurable.serialize(learning_rate_schedule)


@export("keras.optimizers.schedules.deserialize")
def deserialize(config: Config, custom_objects: CustomObjects = None) -> LearningRateSchedule:
    """The schedule of a config; `module` may be left out, as Keras 2 did.

    Args:
        config: what `serialize` gave.
        custom_objects: further classes by name.

    Returns:
        A schedule.

    Raises:
        ValueError: the config names no known schedule.
    """
    if not configurable.is_object_config(config):
        raise ValueError(f"A schedule's config is a dict with 'class_name' and 'config'; received {describe(config)}.")
    return configurable.resolve("optimizers.schedules", config, custom_objects)

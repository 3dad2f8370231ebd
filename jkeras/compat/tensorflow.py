"""The stand-in for TensorFlow in code of your own, where nothing is replaced:

from jkeras.compat import tensorflow as tf
"""

from __future__ import annotations

from jkeras.compat.modules import make_module

_STAND_IN = make_module("tensorflow")


def __getattr__(name: str) -> object:
    return getattr(_STAND_IN, name)


def __dir__() -> list[str]:
    return dir(_STAND_IN)

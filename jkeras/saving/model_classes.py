"""The classes of models: models stand on `saving/`, so it has them as types, and finds them in the registry by name."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, TypeAlias, TypeGuard

from jkeras._base import registry

if TYPE_CHECKING:
    from jkeras.models import functional, model

Functional: TypeAlias = "functional.Functional"
Model: TypeAlias = "model.Model"


@functools.cache
def model_class(name: str) -> type[Model]:
    """`Model`, `Functional` or `Sequential`."""
    found: type[Model] = registry.built_in("keras.models", name)
    return found


def is_model(part: object) -> TypeGuard[Model]:
    """Whether an object is a model."""
    return isinstance(part, model_class("Model"))


def is_stored_whole(part: object) -> bool:
    """Whether an object has a `.keras` file of its own: a model, or a `FeatureSpace`."""
    return is_model(part) or getattr(part, "stored_whole", False)


def is_graph(part: object) -> TypeGuard[Functional]:
    """Whether an object is a model with a graph, functional or sequential."""
    return isinstance(part, model_class("Functional")) and part._has_graph

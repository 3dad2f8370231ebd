"""The config face of layers: what a layer was made with, and what it was built for.

`get_config` comes from the constructor's arguments. A layer's weights also depend on the shapes that it was built for;
`get_build_config` gives those, so a layer outside a graph gets its weights back before any data arrive.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any, Self

import jax

from jkeras._base import configurable
from jkeras._base.dtype_policy_map import DTypePolicyMap
from jkeras._base.dtypes import DTypePolicy
from jkeras._base.old_arguments import Gone, leave_out
from jkeras._base.types import Config, CustomObjects, Tree
from jkeras.layer.call_plan import CallPlan
from jkeras.layer.structures import is_shape
from jkeras.state.scope import Scope

LEGACY = ("input_shape", "batch_input_shape", "input_dim", "batch_size", "weights")
GONE = {
    "adjustment": Gone((None,), "BatchNormalization scales nothing at random."),
    "causal": Gone((False, None), "Give it to the call: layer(inputs, use_causal_mask=True)."),
    "dynamic": Gone((False, None), "To run a layer operation by operation, write model.compile(..., run_eagerly=True)."),
    "force_generator": Gone(),
    "fused": Gone(),
    "implementation": Gone(),
    "input_length": Gone(),
    "rng_type": Gone(),
    "robust_masking": Gone(),
    "softmax_robust_masking": Gone(),
    "sparse": Gone((False, None), "Arrays are dense here."),
    "time_major": Gone((False, None), "Give arrays of shape (batch, time, features): numpy.swapaxes(x, 0, 1)."),
    "virtual_batch_size": Gone((None,), "BatchNormalization takes the whole batch: choose the batch_size of fit."),
}
_BASE = ("name", "trainable", "dtype")


class ConfigFace(configurable.Configurable):
    """`get_config` and `from_config`, `get_build_config` and `build_from_config` of every layer."""

    name: str
    built: bool
    build: Callable[..., None]
    _plan: CallPlan
    _trainable: bool
    _dtype_policy: DTypePolicy
    _build_shapes: tuple[Tree, ...] | None = None
    _left_out: tuple[str, ...] = ()  # arguments of Keras 2 that change nothing
    _unwritten: tuple[str, ...] = ()  # arguments that Keras leaves out of the config where they are None

    def _without_old_arguments(self, names: list[str], given: dict[str, object]) -> list[str]:
        """The names without those of arguments that are gone, which the config leaves out too."""
        left = leave_out(type(self).__name__, {name: given[name] for name in names}, GONE)
        self._left_out = tuple(name for name in names if name not in left)
        return list(left)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments in Keras' JSON shape; where your class overrides this, `super().get_config()` has only
        `name`, `trainable` and `dtype`, as in Keras.
        """
        base = {"name": self.name, "trainable": self._trainable, "dtype": configurable.object_config(self._dtype_policy)}
        if _writes_its_own(type(self)):
            return base
        named = configurable.constructor_signature(type(self)).parameters
        hidden = (*LEGACY, *self._left_out)
        arguments = {k: v for k, v in configurable.init_arguments(self).items() if k in named or k not in hidden}
        arguments = {k: v for k, v in arguments.items() if v is not None or k not in self._unwritten}
        if getattr(type(self).__init__, "is_base", False):  # Keras omits the base's own arguments at their defaults
            arguments = {k: v for k, v in arguments.items() if (k, v) not in (("activity_regularizer", None), ("autocast", True))}
        return {**base, **{k: configurable.with_tuples(v) for k, v in arguments.items() if k not in base}}

    @classmethod
    def from_config(cls, config: Config, custom_objects: CustomObjects = None) -> Self:
        """A layer from what `get_config` returned, even if its constructor does not take name, trainable or dtype."""
        with configurable.in_todays_words(config, cls) as todays:
            arguments = configurable.read_arguments(cls, todays, custom_objects)
        policy = arguments.get("dtype")
        if isinstance(policy, DTypePolicy) and not isinstance(policy, DTypePolicyMap) and policy.quantization_mode is None:
            arguments["dtype"] = policy.name  # as Keras hands it on: a constructor may take the name of a dtype alone
        accepted = configurable.accepted_arguments(cls)
        if accepted is None:
            return cls(**arguments)
        after = {k: arguments.pop(k) for k in _BASE if k in arguments and k not in accepted}
        layer = cls(**arguments)
        for key, value in after.items():
            setattr(layer, "dtype_policy" if key == "dtype" else key, value)
        return layer

    def get_build_config(self) -> dict[str, Tree] | None:
        """The shapes that the layer was built for; None if there are none, or it is not built yet.

        Returns:
            `{"input_shape": shape}`, with None where `build()` needed none, or `{"shapes_dict": {name: shape}}` if `build` takes
            several.
        """
        shapes = self._build_shapes
        if not self.built or shapes is None:
            return None
        if len(shapes) < 2:
            return {"input_shape": _listed(shapes[0]) if shapes else None}
        names = _build_arguments(type(self).build, self._plan)
        return {"shapes_dict": {name: _listed(shape) for name, shape in zip(names, shapes)}}

    def build_from_config(self, config: Config | None) -> None:
        """Make the weights for the shapes of a build config, if it has any.

        Args:
            config: from `get_build_config`.
        """
        if self.built or not config:
            return
        shapes: list[Tree] = []
        if config.get("input_shape") is not None:
            shapes = [_tupled(config["input_shape"])]
        elif isinstance(config.get("shapes_dict"), Mapping):
            shapes = [_tupled(shape) for shape in config["shapes_dict"].values()]
        if not shapes and not _needs_no_shape(self):
            return
        with Scope():
            self.build(*shapes)
        self.built = True


def _needs_no_shape(layer: object) -> bool:
    """Whether a layer knows its weights before its inputs, as `Embedding` does."""
    declare = getattr(layer, "declare", None)
    return declare is not None and all(p.default is not p.empty for p in inspect.signature(declare).parameters.values())


def build_as_written(layer: object, entry: object) -> None:
    """Build a layer of yours that overrides `build_from_config` by the entry of a file, before the graph calls it.

    Args:
        layer: made of the entry.
        entry: with a `build_config`, if the layer was built.
    """
    own = isinstance(layer, ConfigFace) and type(layer).build_from_config is not ConfigFace.build_from_config
    config = entry.get("build_config") if isinstance(entry, Mapping) else None
    if own and isinstance(layer, ConfigFace) and isinstance(config, Mapping) and not layer.built:
        layer.build_from_config(config)
        layer.built = True


def _writes_its_own(cls: type) -> bool:
    """Whether a class of yours that extends no library layer overrides `get_config`."""
    owner = next(c for c in cls.__mro__ if "get_config" in vars(c))
    above = cls.__mro__[cls.__mro__.index(owner) + 1 :]
    return owner is not ConfigFace and not configurable.is_library(owner) and not any(_names_arguments(c) for c in above)


def _names_arguments(cls: type) -> bool:
    """Whether a class is a library layer with arguments of its own, rather than the base of all layers or of all models."""
    own = vars(cls).get("__init__")
    if own is None or not configurable.is_library(cls) or getattr(own, "is_base", False):
        return False
    named = [p.name for p in inspect.signature(own).parameters.values() if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
    return bool(set(named[1:]) - set(_BASE))


def _build_arguments(build: Callable[..., None], plan: CallPlan) -> list[str]:
    """The names of the shapes that `build` takes: its own, or those of the call's arguments."""
    parameters = list(inspect.signature(build).parameters.values())[1:]
    names = [p.name for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    return names or [f"{name}_shape" for name in plan.names if name not in ("training", "mask")]


def _listed(shape: Tree) -> Tree:
    if isinstance(shape, Mapping):
        return {k: _listed(v) for k, v in shape.items()}
    return [_listed(v) for v in shape] if isinstance(shape, (list, tuple)) else None if shape is None else int(shape)


def _tupled(shape: Tree) -> Tree:
    """A shape as a tuple; lists and dicts of shapes as such."""
    return jax.tree.map(lambda s: tuple(s) if is_shape(s) else s, shape, is_leaf=is_shape)

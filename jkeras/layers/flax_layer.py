"""FlaxLayer: a module of Flax as a layer, of `flax.linen` or of `flax.nnx`.

A linen module is a recipe: `init` makes its variables and `apply` runs it on them, so the bridge is a pair of functions for
`JaxLayer`. An nnx module holds its variables. It is cut into its graph, its parameters, the state of its random streams, and the
rest; a call puts it together again with the layer's arrays in their places. The streams start anew from the layer's key in each
call in training, so that they are no state, and a run can be repeated.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from typing import Any, Unpack

import jax

from jkeras._base.configurable import serialize
from jkeras._base.registry import export
from jkeras._base.types import Array, Tree
from jkeras.layer.base import BaseArguments
from jkeras.layers.jax_layer import JaxLayer

_LACKING = """FlaxLayer takes a module of flax.linen or flax.nnx. Received: {module!r}."""

_UNSAVED = """FlaxLayer: {cls} needs get_config and from_config to be saved, as in Keras: `get_config(self)` returns the arguments
of its constructor, and the classmethod `from_config(cls, config)` makes a module of them."""

_OWN_VALUES = (
    """FlaxLayer: {module} is a module of flax.nnx, which holds its variables. Set them there and leave `variables` out."""
)


class FlaxArguments(BaseArguments, total=False):
    """What `JaxLayer` takes besides the functions and their values."""

    seed: int | None
    native_serialization_platforms: object


@export("keras.layers.FlaxLayer")
class FlaxLayer(JaxLayer):
    """A module of `flax.linen` or `flax.nnx` as a layer; its parameters are weights, its other variables state.

    Args:
        module: a linen module, or an nnx module with its variables in it, which the layer copies.
        method: what to call in place of `__call__`: a method, its name, or a function that takes the module first. It takes
            `inputs`, and `training` if it likes. An nnx module is also switched by `train()` and `eval()`.
        variables: for linen, what `module.init` gave, to start from; default: `module.init`, when the layer meets inputs.
        kwargs: as every layer; `seed`.

    Raises:
        TypeError: `module` is neither.

    Example:
        >>> import numpy as np
        >>> from flax import linen
        >>> FlaxLayer(linen.Dense(3))(np.ones((2, 4), np.float32)).shape
        (2, 3)
    """

    def __init__(
        self,
        module: Any,
        method: str | Callable[..., Tree] | None = None,
        variables: Tree = None,
        **kwargs: Unpack[FlaxArguments],
    ):
        if isinstance(method, str):
            method = getattr(module, method)
        super().__init__(*_bridge(module)(module, method, variables), **kwargs)
        self.module, self.method = module, method

    def _get_init_rng(self) -> dict[str, Array]:
        return {"params": self._get_init_seed(), "dropout": self._get_init_seed()}

    def _get_call_rng(self, training: bool) -> dict[str, Array]:
        return {"dropout": self._get_call_seed()} if training else {}

    def get_config(self) -> dict[str, Any]:
        """The module by its class and `get_config`, the method by its name.

        Raises:
            TypeError: the module's class has not both of `get_config` and `from_config`.
        """
        if not all(hasattr(self.module, needed) for needed in ("get_config", "from_config")):
            raise TypeError(_UNSAVED.format(cls=type(self.module).__name__))
        config = {k: v for k, v in super().get_config().items() if k not in ("variables", "call_fn", "init_fn")}
        bound = getattr(self.method, "__self__", None) is self.module and self.method is not None
        return {**config, "method": self.method.__name__ if bound else serialize(self.method)}  # type: ignore[union-attr]


def _bridge(module: object) -> Callable[[Any, Any, Tree], tuple[Any, Any, Tree, Tree]]:
    if "flax" in sys.modules:  # else nothing is a module of it
        from flax import linen, nnx

        if isinstance(module, linen.Module):
            return _linen
        if isinstance(module, nnx.Module):
            return _nnx
    raise TypeError(_LACKING.format(module=module))


def _takes_training(module: Any, method: Callable[..., Tree] | None) -> bool:
    return "training" in inspect.signature(method or module.__call__).parameters


def _linen(module: Any, method: Callable[..., Tree] | None, variables: Tree) -> tuple[Any, Any, Tree, Tree]:
    flag = _takes_training(module, method)

    def call_fn(params: Tree, state: Tree, rng: Tree, inputs: Tree, training: bool) -> tuple[Tree, Tree]:
        options = {"training": training} if flag else {}
        outputs, after = module.apply({**params, **state}, inputs, rngs=rng, method=method, mutable=[*state], **options)
        return outputs, {**state, **after}

    def init_fn(rng: Tree, inputs: Tree, training: bool) -> tuple[Tree, Tree]:
        return _parted(module.init(rng, inputs, method=method, **({"training": training} if flag else {})))

    return call_fn, init_fn, *((None, None) if variables is None else _parted(variables))


def _parted(variables: Tree) -> tuple[dict[str, Tree], dict[str, Tree]]:
    """The collection of parameters, and the others."""
    return tuple({k: v for k, v in variables.items() if (k == "params") is wanted} for wanted in (True, False))  # type: ignore[return-value]


def _nnx(module: Any, method: Callable[..., Tree] | None, variables: Tree) -> tuple[Any, Any, Tree, Tree]:
    from flax import nnx

    if variables is not None:
        raise ValueError(_OWN_VALUES.format(module=type(module).__name__))
    flag, unbound = _takes_training(module, method), getattr(method or module.__call__, "__func__", method or module.__call__)
    graph, *parts = nnx.split(module, nnx.Param, nnx.RngState, nnx.Intermediate, ...)

    def call_fn(params: Tree, state: Tree, rng: Tree, inputs: Tree, training: bool) -> tuple[Tree, Tree]:
        streams = _restarted(parts[1], rng["dropout"]) if rng else parts[1]
        copy = nnx.merge(graph, _filled(parts[0], params), streams, parts[2], _filled(parts[3], state))
        copy.train() if training else copy.eval()
        outputs = unbound(copy, inputs, **({"training": training} if flag else {}))
        return outputs, nnx.to_pure_dict(nnx.split(copy, nnx.Param, nnx.RngState, nnx.Intermediate, ...)[-1])

    return call_fn, None, nnx.to_pure_dict(parts[0]), nnx.to_pure_dict(parts[3])


def _filled(template: Any, values: Tree) -> Any:
    """A state of nnx with other values."""
    from flax import nnx

    state = jax.tree.map(lambda leaf: leaf, template)
    nnx.replace_by_pure_dict(state, values)
    return state


def _restarted(streams: Any, key: Array) -> Any:
    """Random streams from a key, each with one of its own; their counts stay where the module's were."""
    leaves, structure = jax.tree.flatten(streams)
    base = jax.random.wrap_key_data(key)
    fresh = [
        jax.random.fold_in(base, i) if jax.dtypes.issubdtype(leaf.dtype, jax.dtypes.prng_key) else leaf
        for i, leaf in enumerate(leaves)
    ]
    return jax.tree.unflatten(structure, fresh)

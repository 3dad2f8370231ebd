"""JaxLayer: a function of JAX as a layer, its parameters and state as variables."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, Unpack

import jax
import jax.numpy as jnp
import numpy as np

from jkeras._base.dtypes import is_float
from jkeras._base.errors import describe
from jkeras._base.registry import export
from jkeras._base.types import Array, Tree
from jkeras.graph.spec import Spec, is_spec
from jkeras.layer.base import BaseArguments, Layer
from jkeras.layer.structures import is_shape
from jkeras.state import random
from jkeras.state.variable import Variable

_NO_VALUES = """{layer!r}: call_fn takes params or state, and nothing says what they are. Give init_fn, which makes them for
inputs of a shape, or their values as params and state."""

_OTHER_STATE = """{layer!r}: call_fn must return its state in the structure that it has: {expected}.
Received {received}. A call_fn with an argument `state` returns (outputs, state)."""

_ARGUMENTS = {"call_fn": ("params", "state", "rng", "inputs", "training"), "init_fn": ("rng", "inputs", "training")}


@export("keras.layers.JaxLayer")
class JaxLayer(Layer):
    """A pure function `call_fn` and its parameters, whose names say what it takes:

        call_fn(params, state, rng, inputs, training) -> outputs, state        with any of them but `inputs` left out
        init_fn(rng, inputs, training) -> params, state

    A function without `state` returns the outputs alone, and its `init_fn` the parameters alone.

    Args:
        call_fn: what the layer computes. `rng` is a key as `jax.random.PRNGKey` gives it in training, and None otherwise;
            `inputs` is one array or a pytree of them.
        init_fn: makes the parameters, and the state, when the layer first meets inputs; it gets ones of their shape, and
            `training=True`.
        params, state: pytrees of arrays to start from, in place of `init_fn`. What is no number in them stays as it is.
        seed: an integer that is mixed into the key of every draw.
        native_serialization_platforms: accepted as in Keras; it speaks of TensorFlow and changes nothing.
        kwargs: as every layer.

    Attributes:
        params, state: the pytrees, with variables for arrays; None before they are known.

    Raises:
        ValueError: functions with other arguments; nothing says what the parameters are; a state of another structure.

    Example:
        >>> def init(rng, inputs):
        ...     return {"kernel": jax.random.normal(rng, (inputs.shape[-1], 2))}
        >>> def call(params, inputs):
        ...     return inputs @ params["kernel"]
        >>> layer = JaxLayer(call, init)
        >>> layer(np.ones((4, 3), np.float32)).shape, layer.params["kernel"].shape
        ((4, 2), (3, 2))
    """

    def __init__(
        self,
        call_fn: Callable[..., Tree],
        init_fn: Callable[..., Tree] | None = None,
        params: Tree = None,
        state: Tree = None,
        seed: int | None = None,
        native_serialization_platforms: object = None,
        **kwargs: Unpack[BaseArguments],
    ):
        super().__init__(**kwargs)
        self.call_fn, self.init_fn, self.seed = call_fn, init_fn, seed
        self.native_serialization_platforms = native_serialization_platforms
        self._takes = _arguments("call_fn", call_fn)
        self._init_takes = _arguments("init_fn", init_fn) if init_fn is not None else ()
        self.params: Tree = None
        self.state: Tree = None
        holds = {"params", "state"} & set(self._takes)
        if params is not None or state is not None:
            self._hold(params, state)
        elif init_fn is None and holds:
            raise ValueError(_NO_VALUES.format(layer=self.name))
        self.built = not holds or params is not None or state is not None
        if "rng" in self._takes:
            random.follow_generators()

    def _ensure_built(self, specs: tuple[Tree, ...], kwargs: dict[str, Tree], lenient: bool = False) -> None:
        self._dtypes = [s.dtype for s in jax.tree.leaves(specs[0], is_leaf=is_spec) if isinstance(s, Spec)]
        super()._ensure_built(specs, kwargs, lenient)

    def build(self, input_shape: Tree) -> None:
        """Make parameters and state by `init_fn`, for inputs of ones; an unknown size counts as 1."""
        if self.params is not None or self.state is not None or not {"params", "state"} & set(self._takes):
            return
        assert self.init_fn is not None  # or there would be values
        shapes, structure = jax.tree.flatten(input_shape, is_leaf=is_shape)
        dtypes = getattr(self, "_dtypes", [self.compute_dtype] * len(shapes))
        ones = [jnp.ones([n or 1 for n in shape], dtype) for shape, dtype in zip(shapes, dtypes, strict=True)]
        given = {"rng": self._get_init_rng(), "inputs": jax.tree.unflatten(structure, ones), "training": True}
        made = self.init_fn(*(given[name] for name in self._init_takes))
        self._hold(*(made if "state" in self._takes else (made, None)))

    def _hold(self, params: Tree, state: Tree) -> None:
        self.params, self.state = self._as_variables(params, "params"), self._as_variables(state, "state")

    def _as_variables(self, values: Tree, kind: str) -> Tree:
        def variable(path: tuple[Any, ...], value: Tree) -> Tree:
            if not isinstance(value, (jax.Array, np.ndarray, np.generic, bool, int, float, Variable)):
                return value
            array = jnp.asarray(value)
            name = jax.tree_util.keystr(path, simple=True, separator="_").replace("/", "_")
            name = name if name.isidentifier() else f"{kind}_{name}"
            dtype, trained = None if is_float(array.dtype) else array.dtype, kind == "params"
            return self.add_weight(array.shape, array, dtype, trained, autocast=trained, name=name)  # no state is rounded

        return jax.tree_util.tree_map_with_path(variable, values, is_leaf=_is_variable)

    def call(self, inputs: Tree, training: bool = False) -> Tree:
        """What the function gives; its new state is kept."""
        given = {"inputs": inputs, "training": training, "params": _arrays(self.params), "state": _arrays(self.state)}
        if "rng" in self._takes:
            given["rng"] = self._get_call_rng(training)
        outputs = self.call_fn(*(given[name] for name in self._takes))
        if "state" in self._takes:
            outputs, state = outputs
            self._keep(state, given["state"])
        return jax.tree.map(self._as_computed, outputs)

    def _as_computed(self, output: Tree) -> Tree:
        """In the compute dtype under mixed precision, where a state in its own dtype may have widened it."""
        mixed = self.compute_dtype != self.variable_dtype
        return output.astype(self.compute_dtype) if mixed and is_float(output.dtype) else output

    def _keep(self, state: Tree, before: Tree) -> None:
        expected, received = (jax.tree.flatten(tree)[1] for tree in (before, state))
        if received != expected:  # type: ignore[operator]
            raise ValueError(_OTHER_STATE.format(layer=self.name, expected=expected, received=received))
        for variable, value in zip(jax.tree.leaves(self.state, is_leaf=_is_variable), jax.tree.leaves(state), strict=True):
            if isinstance(variable, Variable):
                variable.assign(value)

    # Keras' names: a class of yours may override those of `rng` to give a function keys in another structure.

    def _get_init_rng(self) -> Tree:
        return self._get_init_seed()

    def _get_call_rng(self, training: bool) -> Tree:
        return self._get_call_seed() if training else None

    def _get_init_seed(self) -> Array:
        return jax.random.key_data(random.next_key())

    def _get_call_seed(self) -> Array:
        return jax.random.key_data(random.draw_key(self, self.seed))

    def get_config(self) -> dict[str, Any]:
        """The functions by their names; files hold the values of parameters and state among the weights."""
        return {name: value for name, value in super().get_config().items() if name not in ("params", "state")}


def _arguments(what: str, function: Callable[..., Tree]) -> tuple[str, ...]:
    """The names of a function's arguments, in their order."""
    names, known = tuple(inspect.signature(function).parameters), _ARGUMENTS[what]
    if "inputs" not in names or set(names) - set(known):
        raise ValueError(
            f"{what} takes `inputs`, and further arguments among {', '.join(known)}, under these names. "
            f"Received {describe(function)} with the arguments {', '.join(names) or 'none'}."
        )
    return names


def _is_variable(value: object) -> bool:
    return isinstance(value, Variable)


def _arrays(tree: Tree) -> Tree:
    """The same pytree with arrays for variables."""
    return jax.tree.map(lambda leaf: leaf, tree)

"""Rematerialization: forget what a layer computed in the forward pass, and compute it again in the backward pass.

The gradient of a deep model keeps every layer's inner values until it has used them. A layer under `jax.checkpoint` keeps only
its inputs and computes the rest once more. Values, gradients, draws and updates of weights stay the same, memory shrinks, and
time grows by at most one forward pass.

    model.layers[3].remat = True                       # one layer, or a whole model used as a layer
    with jkeras.RematScope("full"): block = Block(...)  # all layers made here
    f = jkeras.remat(f)                                # any function

The choice is an attribute of the layer and not part of its config: a layer read from a file has none.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import jax

from jkeras._base.config import settings
from jkeras._base.errors import unknown_name
from jkeras._base.registry import export
from jkeras._base.types import Tree
from jkeras.graph import Spec
from jkeras.graph.spec import is_spec
from jkeras.layer.leaks import hide_tracers
from jkeras.layer.transform import run_under
from jkeras.state.scope import current

if TYPE_CHECKING:
    from jkeras.layer.base import Layer

MODES = ("full", "activations", "larger_than", "list_of_layers", None)
Policy = str | Callable[..., Tree] | None


def _checkpoint(policy: Policy) -> Callable[[Callable[..., Tree]], Callable[..., Tree]]:
    """`jax.checkpoint` with a policy: a function, or a name in `jax.checkpoint_policies`."""
    if isinstance(policy, str):
        known = [name for name in dir(jax.checkpoint_policies) if not name.startswith(("_", "save_", "offload_"))]
        if policy not in known:
            raise unknown_name("remat policy", policy, known)
        policy = getattr(jax.checkpoint_policies, policy)
    return functools.partial(jax.checkpoint, policy=policy)  # type: ignore[arg-type]


@export("keras.remat")
def remat(f: Callable[..., Tree], policy: Policy = None) -> Callable[..., Tree]:
    """`f` with a gradient that keeps only the arguments and computes the rest again.

    Args:
        f: a function or layer; inside a layer it may use weights and other layers, and draw.
        policy: which values to keep all the same: a name in `jax.checkpoint_policies`, such as `"dots_saveable"`, or a policy.
            None keeps nothing. Keras has no such argument.

    Returns:
        A function with the arguments and results of `f`.

    Example:
        >>> import jax.numpy as jnp
        >>> float(jax.grad(remat(lambda x: jnp.sin(jnp.sin(x))))(0.0))
        1.0

    Source: Chen, Xu, Zhang and Guestrin, "Training Deep Nets with Sublinear Memory Cost", 2016.
    """
    checkpoint = _checkpoint(policy)

    @functools.wraps(f)
    def rematerialized(*args: Tree, **kwargs: Tree) -> Tree:
        thunk = functools.partial(f, *args, **kwargs)
        return run_under(checkpoint, thunk) if current().functional else checkpoint(thunk)()

    return rematerialized


@export("keras.RematScope")
class RematScope:
    """Makes the layers that are created inside it rematerialize.

    With `"full"`, a layer that holds others from the same scope leaves it to them, so each value is computed again only once.

    Args:
        mode: `"full"`, every layer; `"activations"`, the activation functions of layers that have one; `"larger_than"`, layers
            whose outputs together have more than `output_size_threshold` elements; `"list_of_layers"`, layers with a name in
            `layer_names`; None, no layer.
        output_size_threshold: a number of elements, including the batch axis.
        layer_names: names, for `"list_of_layers"`.
        policy: as for `remat`; not in Keras.

    Raises:
        ValueError: an unknown mode or policy.

    Example:
        >>> from jkeras.layers import Dense
        >>> with RematScope("list_of_layers", layer_names=["wide"]):
        ...     narrow, wide = Dense(8, name="narrow"), Dense(512, name="wide")
        >>> narrow.remat, wide.remat
        (None, RematScope('list_of_layers'))
    """

    def __init__(
        self,
        mode: str | None = "full",
        output_size_threshold: int = 1024,
        layer_names: Iterable[str] | None = None,
        policy: Policy = None,
    ):
        if mode not in MODES:
            raise unknown_name("remat mode", mode, [m for m in MODES if m])
        self.mode = mode
        self.output_size_threshold = output_size_threshold
        self.layer_names = list(layer_names or ())
        self.policy = policy
        self._transform = _checkpoint(policy)
        self._outside: list[RematScope | None] = []

    def __enter__(self) -> RematScope:
        self._outside.append(settings.remat)
        settings.remat = self
        return self

    def __exit__(self, *_: object) -> None:
        settings.remat = self._outside.pop()

    def __repr__(self) -> str:
        return f"RematScope({self.mode!r}{f', policy={self.policy!r}' if self.policy is not None else ''})"


class Activation:
    """The attribute `activation` of a layer: what was set, rematerialized while the layer's maths runs if `remat` says so."""

    def __get__(self, layer: Layer, owner: type[Layer]) -> Tree:
        if layer is None:
            return self
        if "activation" not in vars(layer):
            raise AttributeError("activation")  # `__getattr__` says more
        activation, scope = vars(layer)["activation"], layer._remat
        if activation is None or scope is None or scope.mode != "activations" or current().layer is not layer:
            return activation
        return remat(activation, scope.policy)

    def __set__(self, layer: Layer, activation: Tree) -> None:
        vars(layer)["activation"] = activation

    def __delete__(self, layer: Layer) -> None:
        del vars(layer)["activation"]


class RematFace:
    """The attributes `remat` and `activation` of a layer."""

    _remat: RematScope | None = None
    activation = Activation()

    @property
    def remat(self) -> RematScope | None:
        """How the layer rematerializes; None if it does not.

        Set it to True or False, a mode, a `RematScope`, or a policy: a name such as `"dots_saveable"` or a function.
        """
        return self._remat

    @remat.setter
    def remat(self, choice: RematScope | bool | Policy) -> None:
        scope = _as_scope(choice)
        if scope is not None and scope.mode == "list_of_layers" and self.name not in scope.layer_names:  # type: ignore[attr-defined]
            scope = None
        self._remat = scope


def _as_scope(choice: RematScope | bool | Policy) -> RematScope | None:
    if choice is None or choice is False:
        return None
    if isinstance(choice, RematScope):
        return choice if choice.mode is not None else None
    if choice is True:
        return RematScope("full")
    return RematScope(choice) if choice in MODES else RematScope("full", policy=choice)


def rematerialized(layer: Layer, maths: Callable[..., Tree], *args: Tree, **kwargs: Tree) -> Tree:
    """A layer's maths, rematerialized as its attribute `remat` says."""
    fn = functools.partial(maths, *args, **kwargs)
    scope = layer._remat
    if scope is None or current().abstract:
        return fn()
    if scope.mode == "activations":
        with current().for_layer(layer, current().training, current().compute):
            return fn()
    if not _applies(layer, scope, args):
        return fn()
    try:
        return run_under(scope._transform, fn)
    finally:
        hide_tracers(layer)


def _applies(layer: Layer, scope: RematScope, args: tuple[Tree, ...]) -> bool:
    if scope.mode == "full":
        return all(below._remat is not scope for below in layer._flatten_layers()[1:])
    if scope.mode == "larger_than":
        specs = jax.tree.map(lambda a: Spec(a.shape, a.dtype), args)
        outputs = jax.tree.leaves(layer.compute_output_spec(*specs), is_leaf=is_spec)
        return sum(math.prod(spec.shape) for spec in outputs) > scope.output_size_threshold
    return True

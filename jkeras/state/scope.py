"""The one ambient thing: which values the boxes have right now, and what the running call collects.

Outside every transform the *root* scope is current and a box reads its own array. `functionalize` pushes a scope whose
`values` stand in for some boxes; a running layer pushes one that says which layer runs and whether it trains. Nothing else in
the package is ambient: masks, collected losses and random keys live here too, so that a trace that is thrown away takes all
of its traces with it.
"""

from __future__ import annotations

import itertools
import weakref
from collections.abc import Callable
from contextvars import ContextVar, Token
from typing import Any

import jax

_made = itertools.count()  # numbers variables and scopes in the order in which they are made
next_age: Callable[[], int] = _made.__next__


class UnknownVariables(BaseException):
    """Code that was to be a pure function of some variables used others, too.

    It goes past `except Exception` in a user's code: whoever made the function catches it and makes another of all variables.

    Args:
        variables: the others.
    """

    def __init__(self, variables: list[Any]):
        super().__init__(f"used without a value of the call: {[v.path for v in variables]}")
        self.variables = variables


class Scope:
    """What is current: substituted values, random key, training flag, collected losses, masks.

    Attributes:
        values: `{id(box): array}` for the boxes this scope stands in for; None where it substitutes nothing.
        abstract: stands in for every box, with zeros where a box has no value yet; for shape inference.
        training: what `training=None` means here.
        rng: the key that all draws derive from; None where no key was given.
        interceptors: run around the maths of each layer, the last one outermost; see `layers/intercept.py`.
        layer: the layer whose `call` runs.
        compute: the dtype in which float variables are read there; None where they are read as they are stored.
        losses: `(layer, scalar)` pairs from `add_loss` and activity regularizers; None at the root.
        positions: `{id(layer): index}`, a name for each layer that does not depend on how it was called before.
        unknown: `{id(box): box}` of the boxes that were used and have no value here; None where nobody asks.
        age: boxes made later were made by the code that runs here.
        made: such boxes, where they were assigned.
        start: the values that `values` began with.
        ahead: ids of boxes of which another function, whose results are on their way here, has newer values.
    """

    __slots__ = (
        "abstract", "age", "ahead", "compute", "counts", "interceptors", "layer", "losses", "made", "masks", "parent",
        "positions", "rng", "start", "trace", "training", "unknown", "values",
    )  # fmt: skip

    def __init__(self, parent: Scope | None = None):
        self.parent = parent
        self.values: dict[int, Any] | None = None
        self.abstract = False
        self.training: bool | None = None
        self.rng: Any = None
        self.interceptors: tuple[Any, ...] = () if parent is None else parent.interceptors
        self.layer: Any = None
        self.compute: Any = None
        self.losses: list[tuple[Any, Any]] | None = None
        self.masks: dict[int, tuple[Any, Any]] = {}
        self.positions: dict[int, int] = {}
        self.counts: dict[int, int] = {}
        self.trace: Any = None
        self.unknown: dict[int, Any] | None = None
        self.age = 0
        self.made: list[Any] = []
        self.start: dict[int, Any] = {}
        self.ahead: set[int] = set()

    def for_layer(self, layer: Any, training: bool | None, compute: Any = None) -> Scope:
        """The scope in which a layer's `call` runs: all as here, but for the layer, the flag and the dtype."""
        inner = Scope.__new__(Scope)
        inner.parent, inner.values, inner.abstract, inner.trace = self.parent, self.values, self.abstract, self.trace
        inner.rng, inner.losses, inner.masks = self.rng, self.losses, self.masks
        inner.positions, inner.counts = self.positions, self.counts
        inner.unknown, inner.age, inner.made, inner.start, inner.ahead = self.unknown, self.age, self.made, self.start, self.ahead
        inner.interceptors = self.interceptors
        inner.layer, inner.training, inner.compute = layer, training, compute
        return inner

    @property
    def functional(self) -> bool:
        """Whether values here are those of a pure function, not of the boxes."""
        return self.values is not None or (self.parent is not None and self.parent.functional)


_root = Scope()
_current: ContextVar[Scope] = ContextVar("jkeras_scope", default=_root)

current: Callable[[], Scope] = _current.get
push: Callable[[Scope], Token[Scope]] = _current.set
pop: Callable[[Token[Scope]], None] = _current.reset


def substitute(
    values: dict[int, Any],
    *,
    rng: Any = None,
    training: bool | None = None,
    positions: dict[int, int] | None = None,
    abstract: bool = False,
) -> Scope:
    """A scope in which the boxes with these ids have these values; it must be left at the trace level it was made at."""
    scope = Scope(_current.get())
    scope.values, scope.rng, scope.training, scope.abstract = values, rng, training, abstract
    scope.losses, scope.positions = [], positions or {}
    scope.age, scope.start = next_age(), dict(values)
    scope.trace = _trace_state()
    return scope


def _trace_state() -> Any:
    """What tells one trace level from another."""
    # jax.extend loads Pallas, a good part of what `import jkeras` would cost; only functional scopes need this.
    from jax.extend.core import get_opaque_trace_state

    return get_opaque_trace_state()


def complete_scope() -> Scope | None:
    """The scope around us that has, or asks for, a value of every box; None where there is none."""
    scope: Scope | None = _current.get()
    while scope is not None and scope.unknown is None:
        scope = scope.parent
    return scope


def set_mask(x: Any, mask: Any) -> None:
    """Let a mask travel with an array until it reaches a layer that asks for one."""
    masks = _current.get().masks
    key = id(x)
    masks[key] = (weakref.ref(x, lambda _: masks.pop(key, None)), mask)


def get_mask(x: Any) -> Any:
    """The mask that travels with an array, or None."""
    found = _current.get().masks.get(id(x))
    return found[1] if found is not None and found[0]() is x else None


def same_trace(scope: Scope) -> bool:
    """Whether we are at the trace level at which the scope was made."""
    return scope.trace == _trace_state()


def is_traced(value: Any) -> bool:
    """Whether a value is a tracer: known in shape and dtype only, while JAX records a program."""
    return isinstance(value, jax.core.Tracer)

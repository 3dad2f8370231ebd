"""The one ambient thing: which values variables have right now, and what the running call collects.

Outside every transform the *root* scope is current and a variable reads its own array. `functionalize` pushes a scope whose
`values` stand in for some variables; a running layer pushes one that says which layer runs and whether it trains. Nothing else in
the package is ambient: masks, collected losses and random keys live here too, so a trace that is thrown away takes them along.
"""

from __future__ import annotations

import contextlib
import itertools
import weakref
from collections.abc import Callable, Iterable, Iterator
from contextvars import ContextVar, Token
from typing import TYPE_CHECKING

import jax

from jkeras._base.registry import export
from jkeras._base.types import Tree

if TYPE_CHECKING:
    from jkeras.state.variable import Variable

_made = itertools.count()  # numbers variables and scopes in the order in which they are made
next_age: Callable[[], int] = _made.__next__


class UnknownVariables(BaseException):
    """Code that should be a pure function of some variables used others as well.

    It is a BaseException, so that no `except Exception` of yours swallows it. Whoever made the function catches it, and makes one
    of all variables instead.

    Args:
        variables: the others.
    """

    def __init__(self, variables: list[Variable]):
        super().__init__(f"used without a value of the call: {[v.path for v in variables]}")
        self.variables = variables


class Scope:
    """What is current: substituted values, random key, training flag, collected losses, masks.

    Attributes:
        values: `{id(variable): array}` for the variables that this scope stands in for; None where it substitutes nothing.
        abstract: stands in for every variable, with an empty array where one has no value here; for shape inference.
        symbolic: whether the user says that code runs for shapes alone here.
        keeps_all: whether what is assigned to any variable stays here.
        by_line: whether code runs line by line on known values here, though they are not the variables' own.
        training: what `training=None` means here.
        rng: the key that all draws derive from; None where no key was given.
        interceptors: run around the maths of each layer, the last one outermost; see `layer/intercept.py`.
        layer: the layer whose `call` runs.
        path: what the paths of variables that are made here begin with.
        namer: who opened the innermost `name_scope`, and under which name.
        compute: the dtype in which that layer reads float variables; None where they are read as they are stored.
        losses: `(layer, scalar)` pairs from `add_loss` and activity regularizers; None at the root.
        positions: `{id(layer): index}`, which identifies a layer however it was called before.
        unknown: `{id(variable): variable}` of those that were used and have no value here; None where nobody asks.
        age: variables made later were made by the code that runs here.
        made: such variables, where they were assigned, and others that only `keeps_all` lets in.
        start: the values that `values` began with.
        differentiated: ids of variables by whose first values this code is differentiated; what is assigned to one of them hands
            its gradient on to the first value.
        ahead: ids of variables that have newer values in another function, whose results have not arrived here yet.
        handed_on: `{id(layer): arrays}`, what a use of a float8 layer hands on to the next; None: it ran in a further function.
    """

    def __init__(self, parent: Scope | None = None, path: str | None = None):
        self.parent = parent
        self.path: str = path if path is not None else "" if parent is None else parent.path
        self.namer: tuple[object, str] = (None, "")
        self.values: dict[int, jax.Array] | None = None
        self.abstract = self.keeps_all = self.by_line = self.symbolic = False
        self.training: bool | None = None
        self.rng: jax.Array | None = None
        self.interceptors: tuple[Callable[..., Tree], ...] = () if parent is None else parent.interceptors
        self.layer: object = None
        self.compute: str | None = None
        self.losses: list[tuple[object, jax.Array]] | None = None
        self.masks: dict[int, tuple[weakref.ref[jax.Array], jax.Array]] = {}
        self.positions: dict[int, int] = {}
        self.counts: dict[int, int] = {}
        self.trace: object = None
        self.unknown: dict[int, Variable] | None = None
        self.age = 0
        self.made: list[Variable] = []
        self.start: dict[int, jax.Array] = {}
        self.differentiated: frozenset[int] = frozenset()
        self.ahead: set[int] = set()
        self.handed_on: dict[int, Tree] = {}

    def for_layer(self, layer: object, training: bool | None, compute: str | None = None) -> Scope:
        """The scope in which a layer's `call` runs: this one but for the layer, the flag and the dtype."""
        inner = Scope.__new__(Scope)
        inner.__dict__.update(self.__dict__)
        inner.layer, inner.training, inner.compute = layer, training, compute
        return inner

    def named(self, path: str, namer: tuple[object, str] = (None, "")) -> Scope:
        """This scope but for the path."""
        inner = Scope.__new__(Scope)
        inner.__dict__.update(self.__dict__)
        inner.path, inner.namer = path, namer
        return inner

    def __enter__(self) -> Scope:
        """Make it the current one, for the block."""
        self.token = push(self)
        return self

    def __exit__(self, *_: object) -> None:
        pop(self.token)

    @property
    def functional(self) -> bool:
        """Whether values here are those of a pure function, not the variables' own."""
        return self.values is not None or (self.parent is not None and self.parent.functional)


_root = Scope()
_current: ContextVar[Scope] = ContextVar("jkeras_scope", default=_root)

current: Callable[[], Scope] = _current.get
push: Callable[[Scope], Token[Scope]] = _current.set
pop: Callable[[Token[Scope]], None] = _current.reset


def path_here(name: str) -> str:
    """The path of what is made here under a name.

    Example:
        >>> with Scope(path="encoder"):
        ...     path_here("kernel")
        'encoder/kernel'
    """
    path = _current.get().path
    return f"{path}/{name}" if path else name


@export("keras.name_scope")
class name_scope:
    """A block in which the paths of new variables, and of layers that are built, begin with a name.

    Args:
        name: without slashes. Blocks within each other add up.
        caller: whoever opens the block, if it may open it again within itself.
        deduplicate: whether a block of the same name and caller directly within this one adds nothing.
        override_parent: the path around, in place of the blocks that are open.

    Example:
        >>> from jkeras import Variable
        >>> with name_scope("encoder"), name_scope("first"):
        ...     Variable(1.0, name="scale").path
        'encoder/first/scale'
    """

    def __init__(self, name: str, caller: object = None, deduplicate: bool = True, override_parent: str | None = None):
        if not isinstance(name, str) or "/" in name:
            raise ValueError(f"A name scope has a name without '/'; nest scopes instead. Received: {name!r}.")
        self.name, self.caller, self.deduplicate, self.override_parent = name, caller, deduplicate, override_parent
        self._tokens: list[Token[Scope]] = []  # one for each time it is open

    def __enter__(self) -> str:
        scope, path = _current.get(), path_here(self.name)
        outer, name = scope.namer
        if self.deduplicate and outer is not None and outer is self.caller and name == self.name:
            path = scope.path
        elif self.override_parent is not None:
            path = "/".join(part for part in (*self.override_parent.split("/"), self.name) if part)
        self._tokens.append(push(scope.named(path, (self.caller, self.name))))
        return self.name

    def __exit__(self, *_: object) -> None:
        pop(self._tokens.pop())


def substitute(
    values: dict[int, jax.Array],
    *,
    rng: jax.Array | None = None,
    training: bool | None = None,
    positions: dict[int, int] | None = None,
    abstract: bool = False,
) -> Scope:
    """A scope in which the variables with these ids have these values; leave it at the trace level at which you made it."""
    scope = Scope(_current.get())
    scope.values, scope.rng, scope.training, scope.abstract = values, rng, training, abstract
    scope.keeps_all = abstract
    scope.losses, scope.positions = [], {} if positions is None else positions
    scope.age, scope.start = next_age(), dict(values)
    scope.trace = _trace_state()
    return scope


def _trace_state() -> object:
    """What tells one trace level from another."""
    # jax.extend loads Pallas, a good part of what `import jkeras` would cost; only functional scopes need this.
    from jax.extend.core import get_opaque_trace_state

    return get_opaque_trace_state()


@contextlib.contextmanager
def outside() -> Iterator[None]:
    """A block in which variables have their own values, and not those of the pure function that runs."""
    token = push(_root)
    try:
        yield
    finally:
        pop(token)


def complete_scope() -> Scope | None:
    """The scope around us that has, or asks for, a value of every variable; None where there is none."""
    scope: Scope | None = _current.get()
    while scope is not None and scope.unknown is None:
        scope = scope.parent
    return scope


def pure_scopes() -> list[Scope]:
    """The scopes of the pure function that runs and of those around it, up to a whole step."""
    found: list[Scope] = []
    scope: Scope | None = _current.get()
    while scope is not None and scope.unknown is None:
        found += [scope] if scope.values is not None and not scope.abstract else []
        scope = scope.parent
    return found


def runs_by_line() -> bool:
    """Whether code runs line by line on known values here, and is not a pure function to be traced."""
    scope: Scope | None = _current.get()
    while scope is not None and scope.values is None:
        scope = scope.parent
    return scope is None or scope.by_line


def set_mask(x: jax.Array, mask: jax.Array) -> None:
    """Let a mask travel with an array until it reaches a layer that asks for one. Outside of traced code the array also shows it,
    under Keras' name.
    """
    masks = _current.get().masks
    key = id(x)
    masks[key] = (weakref.ref(x, lambda _: masks.pop(key, None)), mask)
    if not (is_traced(x) or is_traced(mask)):
        with contextlib.suppress(AttributeError):  # JAX does not promise that its arrays take attributes
            x._keras_mask = mask  # type: ignore[attr-defined]


def get_mask(x: object) -> jax.Array | None:
    """The mask that travels with an array, or that code has given it under Keras' name; None without one."""
    found = _current.get().masks.get(id(x))
    if found is not None and found[0]() is x:
        return found[1]
    return getattr(x, "__dict__", {}).get("_keras_mask")  # not by `getattr`: a symbolic tensor makes a node of its mask then


def keep_mask(old: jax.Array, new: jax.Array) -> jax.Array:
    """The new array, with the mask of the old one."""
    mask = get_mask(old)
    if mask is not None:
        set_mask(new, mask)
    return new


def masks_among(leaves: Iterable[object]) -> dict[int, jax.Array]:
    """`{number of the leaf: mask}` of those leaves that have one."""
    return {i: mask for i, leaf in enumerate(leaves) if (mask := get_mask(leaf)) is not None}


def scope_of(variable: object) -> Scope | None:
    """The innermost scope that has a value for a variable, or keeps what is assigned to it; None where there is none."""
    scope: Scope | None = _current.get()
    while scope is not None and (scope.values is None or not (scope.keeps_all or id(variable) in scope.values)):
        scope = scope.parent
    return scope


def same_trace(scope: Scope) -> bool:
    """Whether we are at the trace level at which the scope was made."""
    return scope.trace == _trace_state()


def is_traced(value: object) -> bool:
    """Whether a value is a tracer: known in shape and dtype only, while JAX records a program."""
    return isinstance(value, jax.core.Tracer)

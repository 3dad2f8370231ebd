"""The recompile detector: which argument made `jax.jit` compile a function again, and how it changed.

A jitted function compiles for each abstract signature: the structure of its arguments, and of each leaf the shape, dtype, weak
type and placement. With `jkeras.config.set_recompile_check("warn")`, or `"raise"`, a `Watched` stands before the function,
remembers the signatures that it has seen, and compares a new one with the one most like it. With `"off"`, `watched` gives the
function back as it is.
"""

from __future__ import annotations

import functools
import inspect
import warnings
from collections import Counter
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np

from jkeras._base.config import settings
from jkeras._base.types import Tree

Signature = dict[str, str]
_SHOWN = 8


class RecompileWarning(UserWarning):
    """A compiled function is compiled again."""


class RecompileError(RuntimeError):
    """A compiled function would be compiled again."""


class Change(NamedTuple):
    """One argument that differs from an earlier call.

    Attributes:
        path: where it stands, such as `batch[0]['x']`.
        before, after: what was there, such as `float32[32,4]`; `"nothing"` where there was no such leaf.
    """

    path: str
    before: str
    after: str

    def __str__(self) -> str:
        return f"{self.path}: {self.before} -> {self.after}"


def watched(jitted: Callable[..., Tree], name: str, programs: int = 1) -> Callable[..., Tree]:
    """A jitted function that reports compiles beyond the expected ones, by the setting `jkeras.config.recompile_check()`.

    Args:
        jitted: what `jax.jit` gave.
        name: for the report.
        programs: how many are expected: 2 where a short last batch has one of its own.

    Returns:
        The same function where the check is off, else a `Watched`.
    """
    return jitted if settings.recompile_check == "off" else Watched(jitted, name, programs, settings.recompile_check)


class Watched:
    """A jitted function with a memory of the signatures it was called with.

    Args:
        jitted, name, programs: as for `watched`.
        action: `"warn"` or `"raise"`; the error comes before the call, when no argument has been given away yet.

    Example:
        >>> import jax.numpy as jnp
        >>> f = Watched(jax.jit(lambda x: x + 1), "add_one", action="raise")
        >>> _ = f(jnp.zeros(3)), f(jnp.ones(3))
        >>> f(jnp.zeros((2, 3)))
        Traceback (most recent call last):
        ...
        jkeras.training.programs.recompiles.RecompileError: 'add_one' needs program number 2, where 1 is expected. What changed:
            x: float32[3] -> float32[2,3]
    """

    def __init__(self, jitted: Callable[..., Tree], name: str, programs: int = 1, action: str = "warn"):
        self.jitted, self.name, self.programs, self.action = jitted, name, programs, action
        self.seen: list[Signature] = []
        self._names = _argument_names(jitted)

    def __call__(self, *args: object, **kwargs: object) -> Tree:
        """Call the function; report first where its signature is new and all expected programs exist."""
        signature = signature_of(args, kwargs, self._names)
        known = signature in self.seen
        if not known and len(self.seen) >= self.programs:
            self._report(min((_changes(before, signature) for before in self.seen), key=len))  # the one most like it
        before = self._compiles()
        result = self.jitted(*args, **kwargs)
        if not known:
            self.seen.append(signature)
        elif self._compiles() != before:
            self._report([])
        return result

    def __getattr__(self, name: str) -> Any:
        return getattr(self.jitted, name)

    def _compiles(self) -> int:
        return compiles_by_name()[f"jit({getattr(self.jitted, '__name__', None)})"]

    def _report(self, changes: list[Change]) -> None:
        if changes:
            lines = [str(change) for change in changes[:_SHOWN]]
            lines += [f"... and {len(changes) - _SHOWN} more"] * (len(changes) > _SHOWN)
            needs = f"needs program number {len(self.seen) + 1}, where {self.programs} is expected"
        else:
            lines = ["no argument; a setting of JAX did (x64, precision, mesh, ...), or its caches were cleared"]
            needs = "was compiled again"
        text = f"{self.name!r} {needs}. What changed:\n" + "\n".join(f"    {line}" for line in lines)
        if self.action == "raise":
            raise RecompileError(text)
        warnings.warn(text, RecompileWarning, stacklevel=3)


def signature_of(args: tuple[object, ...], kwargs: dict[str, object], names: list[str] | None = None) -> Signature:
    """What `jax.jit` tells calls apart by: `{path of the leaf: description}`, and one entry for the structure.

    Args:
        args, kwargs: of a call.
        names: of the positional arguments, for readable paths.
    """
    further = (f"args[{i}]" for i in range(len(names or ()), len(args)))
    named = dict(zip((*(names or ()), *further), args)) | kwargs
    leaves, tree = jax.tree_util.tree_flatten_with_path(named)
    signature = {f"{path[0].key}{jax.tree_util.keystr(path[1:])}": describe_leaf(leaf) for path, leaf in leaves}
    signature["(structure)"] = str(tree)
    return signature


def describe_leaf(leaf: Tree) -> str:
    """A leaf as a compiled function sees it: dtype, shape, `weak` for Python numbers, and where it is if that is fixed.

    Example:
        >>> describe_leaf(np.zeros((2, 3), np.float32)), describe_leaf(1.0)
        ('float32[2,3]', 'float32[] weak')
    """
    if not isinstance(leaf, (jax.Array, np.ndarray, np.generic, bool, int, float, complex)):
        return f"{type(leaf).__name__} {leaf!r}"
    aval = jax.typeof(leaf)
    text = f"{aval.dtype}[{','.join(map(str, aval.shape))}]"
    if getattr(aval, "weak_type", False):
        text += " weak"
    return f"{text} on {leaf.sharding}" if isinstance(leaf, jax.Array) and leaf.committed else text


def _changes(before: Signature, after: Signature) -> list[Change]:
    paths = [*after, *(path for path in before if path not in after)]
    found = [Change(p, before.get(p, "nothing"), after.get(p, "nothing")) for p in paths if before.get(p) != after.get(p)]
    leaves = [change for change in found if change.path != "(structure)"]
    # Where leaves came or went, the structure says nothing more.
    return leaves if any("nothing" in (c.before, c.after) for c in leaves) else found


def _argument_names(fn: Callable[..., Tree]) -> list[str]:
    try:
        parameters = inspect.signature(fn).parameters.values()
    except (TypeError, ValueError):
        return []
    return [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]


@functools.cache
def compiles_by_name() -> Counter[str]:
    """How often XLA has compiled, by the program's name `jit(f)`, counted from the first call of this on."""
    counts: Counter[str] = Counter()

    def count(event: str, duration_secs: float, **kwargs: str | int) -> None:
        if event == "/jax/core/compile/backend_compile_duration":
            counts[str(kwargs.get("fun_name"))] += 1

    jax.monitoring.register_event_duration_secs_listener(count)
    return counts

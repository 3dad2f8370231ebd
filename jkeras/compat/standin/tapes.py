"""`tf.GradientTape`, also in code that runs line by line.

Inside a function that is traced (a `train_step`, a `tf.function`) a tape is `jkeras.state.tape.GradientTape`. In a bare loop, or
in a plain function, nothing is traced: the block has computed with numbers when the tape is asked. So the `with` statement is
read again from its source file, made into a function of the names that it uses, with the values that they had when it began, and
compiled like a `tf.function`. The program computes the target once more, with the same random draws. Where its number is not that
of the block, it may have been traced when an object that it uses was in another state, and is traced anew. If that does not help,
the block runs again line by line. If it gives its own number again, the compiled one differs by rounding, as a small difference
of large numbers does. Else the block does something that another run does not repeat, and is refused.

A block that looks at values cannot be compiled. It runs once more under `jax.vjp`, where arrays have their values: `if`,
`float()`, `.numpy()` and indices read them. What the block itself prints, it prints once.
"""

from __future__ import annotations

import contextlib
import copy
import functools
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import FrameType
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jkeras._base.types import Array, Tree
from jkeras.compat.standin import op_graph
from jkeras.compat.standin.blocks import Block, block_at, function_of, known_value
from jkeras.compat.standin.functions import NEEDS_VALUES, Compiled, Weak, weakly
from jkeras.compat.standin.gradient_rules import back
from jkeras.compat.standin.op_graph import Graph
from jkeras.nn.inner_gradients import DERIVE
from jkeras.state import tape as traced_tape
from jkeras.state.random import PositionsByUse, next_key
from jkeras.state.scope import Scope, current, pop, push, runs_by_line, substitute
from jkeras.state.variable import Variable

__all__ = ["GradientTape", "UnconnectedGradients"]

_MISSING = object()

_NOT_FOUND = """The tape was asked for a gradient of {what}, which the block did not compute. Compute it
inside of `with`, and give it a name:

    with tf.GradientTape() as tape:
        loss = loss_fn(y, model(x))
    grads = tape.gradient(loss, model.trainable_variables)
"""

_OTHER_NUMBER = """The block gave the target {before}, and {after} when it was run again for its gradient. It draws random numbers
from NumPy or Python, reads from an iterator, steps an environment, or changes an object that it uses. Draw with tf.random, do the
rest before the block, and leave only the computation of the loss inside it:

    states, actions, rewards = play(environment, model)       # lists or arrays of one episode
    with tf.GradientTape() as tape:
        loss = loss_fn(model(states), actions, rewards)
"""

_NEEDS_VALUES = """To find the gradient, the block of line {line} of {file} is run again with arrays whose values
are not known. It reads such a value: in an `if`, in NumPy, as an index of Python or in `.numpy()`. Choose actions and step an
environment before the block, and leave only the computation of the loss inside it:

    states, actions, rewards = play(environment, model)       # lists or arrays of one episode
    with tf.GradientTape() as tape:
        loss = loss_fn(model(states), actions, rewards)
"""


_NOT_BY_LINE = """The block of line {line} of {file} looks at values, so it cannot be compiled; and its tape
uses stop_recording, or is asked for a gradient by something that the block computes. Move what looks at values behind the
block."""

_NOT_IN_GRAPH = """While the operations of a function are looked at, because it calls tf.gradients or because the rules for
the gradients of TensorFlow's operations are replaced, a tape gives gradients, where it was entered, and no Jacobians."""


class UnconnectedGradients:
    """What `gradient` gives for a source on which the target does not depend."""

    NONE, ZERO = "none", "zero"


class _Place(NamedTuple):
    """Where a value is among the names of a block.

    Attributes:
        name: of a variable of the block.
        leaf: its number in the nest that the variable holds.
    """

    name: str
    leaf: int


class _Draws(NamedTuple):
    """Where the draws of a block begin, for another run that draws the same.

    Attributes:
        key: the scope's.
        positions, counts: as in `Scope`.
    """

    key: Array
    positions: dict[int, int]
    counts: dict[int, int]

    def begin(self, scope: Scope) -> None:
        """Let a scope draw from here on."""
        scope.positions, scope.counts = copy.copy(self.positions), dict(self.counts)


class GradientTape(traced_tape.GradientTape):
    """A tape; arguments as for `jkeras.state.tape.GradientTape`."""

    _frame: FrameType | None = None  # in which the block ran line by line
    _graph: Graph | None = None  # of the function in which the block runs, if its operations are known

    def __enter__(self) -> GradientTape:
        self._graph = op_graph.current()
        if self._graph is not None:
            return self
        if traced_tape.recording() is not None:
            super().__enter__()
            return self
        frame = sys._getframe(1)
        block = block_at(frame.f_code.co_filename, frame.f_lineno) if runs_by_line() else None
        if block is None:
            raise traced_tape.NeedsTrace(traced_tape.NO_FUNCTION)
        self._block, self._frame = block, frame
        found = {name: _look_up(frame, name) for name in block.uses}
        self._before = {name: _as_now(value) for name, value in found.items() if value is not _MISSING}
        outer = current()
        scope = Scope(outer)
        if outer.rng is None:
            scope.rng, scope.positions = next_key(), PositionsByUse()
        else:
            scope.rng, scope.positions, scope.counts = outer.rng, outer.positions, outer.counts
        self._draws = _Draws(scope.rng, copy.copy(scope.positions), dict(scope.counts))
        self._token = push(scope)
        return self

    def __exit__(self, *error: object) -> None:
        if self._frame is not None:
            pop(self._token)

    def watch(self, tensor: Tree) -> None:
        """Allow derivatives with respect to arrays, for what uses them from now on."""
        if self._frame is None and self._graph is None:
            super().watch(tensor)

    @contextlib.contextmanager
    def stop_recording(self) -> Iterator[None]:
        """A block whose results are constants for the tape."""
        with super().stop_recording() if self._frame is None else contextlib.nullcontext():
            yield

    def reset(self) -> None:
        """Begin anew."""
        if self._frame is None:
            super().reset()

    def watched_variables(self) -> tuple[Variable, ...]:
        """The Variables with respect to which derivatives may be asked for."""
        if self._frame is None:
            return super().watched_variables()
        found: dict[int, Variable] = {}
        for value in self._before.values():
            held = getattr(value, "trainable_variables", None) or jax.tree.leaves(value, is_leaf=_is_variable)
            found.update((id(leaf), leaf) for leaf in held if isinstance(leaf, Variable) and leaf.trainable)
        return tuple(found.values())

    def _ask(self, kind: str, targets: list[Array], weights: list[Array] | None, sources: Tree, zeros: bool) -> Tree:
        if self._graph is not None:
            return self._ask_graph(kind, targets, weights, sources, zeros)
        if self._frame is None:
            return super()._ask(kind, targets, weights, sources, zeros)
        self._spend()
        now = {**self._frame.f_globals, **self._frame.f_locals} if _is_function(self._frame) else self._frame.f_globals
        now = {name: value for name, value in now.items() if name in self._block.names}
        own = next((name for name, value in now.items() if value is self), None)
        leaves, structure = jax.tree.flatten(sources, is_leaf=_is_variable)
        found = [_place_of(target, now) for target in targets]
        by = [leaf if isinstance(leaf, Variable) else _place_of(leaf, now) or _place_of(leaf, self._before) for leaf in leaves]
        asked = [place for place in found if place is not None]
        if len(asked) < len(targets) or own is None:
            missing = next((target for target, place in zip(targets, found) if place is None), None)
            raise RuntimeError(_NOT_FOUND.format(what=f"{missing!r:.80}"))
        ids = tuple(id(p) if isinstance(p, Variable) else p for p in by)
        key = own, kind, tuple(asked), ids, zeros, tuple(self._draws.counts.items())
        if key in self._block.looking or current().functional:  # a block around this one runs under `jax.vjp`
            return jax.tree.unflatten(structure, self._by_line(now, key, targets, by, weights))
        known = key in self._block.programs
        try:
            numbers, answers = self._derived(key, by, weights)
        except (*NEEDS_VALUES, AttributeError) as error:
            if isinstance(error, AttributeError) and "no attribute numpy" not in str(error):
                raise
            try:
                answers = self._by_line(now, key, targets, by, weights)
            except NEEDS_VALUES as still:
                still.add_note(_NEEDS_VALUES.format(line=self._block.statement.lineno, file=self._block.file))
                raise still from None
            self._block.looking.add(key)
            return jax.tree.unflatten(structure, answers)
        if known and not all(map(_agree, targets, numbers)):
            self._block.programs.pop(key, None)
            numbers, answers = self._derived(key, by, weights)
        self._check(now, asked, targets, numbers)
        return jax.tree.unflatten(structure, answers)

    def _ask_graph(self, kind: str, targets: list[Array], weights: list[Array] | None, sources: Tree, zeros: bool) -> Tree:
        """The gradient by the rules that stand in TensorFlow's registry."""
        self._spend()
        graph = op_graph.current()
        if kind != "gradient" or graph is None:
            raise RuntimeError(_NOT_IN_GRAPH)
        leaves, structure = jax.tree.flatten(sources, is_leaf=_is_variable)
        arrays = [leaf.array if isinstance(leaf, Variable) else leaf for leaf in leaves]
        found = back(graph, targets, [None] * len(targets) if weights is None else weights, arrays)
        filled = [jnp.zeros_like(array) if zeros and g is None else g for array, g in zip(arrays, found)]
        return jax.tree.unflatten(structure, filled)

    def _derived(self, key: Any, by: Sequence[Variable | _Place | None], weights: list[Array] | None) -> tuple[Any, Any]:
        """The targets once more, and their derivatives."""
        own, kind, asked, _, zeros, _ = key
        programs = self._block.programs
        if key not in programs:
            sources = [weakly(p, lambda _: programs.pop(key, None)) if isinstance(p, Variable) else p for p in by]
            fn = functools.partial(_differentiate, self._block, self._draws, own, kind, asked, sources, zeros)
            programs[key] = Compiled(fn, keeps=False)
        tapes = {name: value for name, value in self._before.items() if isinstance(value, traced_tape.GradientTape)}
        given = {name: value for name, value in self._before.items() if name not in tapes}
        made = {name: (value._persistent, value._watches_all) for name, value in tapes.items()}
        numbers, answers = programs[key].run(self._draws.key, given, made, weights)
        return numbers, answers

    def _scope(self, values: dict[int, Array]) -> Scope:
        """For another run of the block, line by line: it draws the same, and what it assigns stays in there."""
        scope = substitute(values, rng=self._draws.key)
        self._draws.begin(scope)
        scope.keeps_all = scope.by_line = True
        return scope

    def _check(self, now: Mapping[str, Any], asked: Sequence[_Place], before: list[Array], after: list[Array]) -> None:
        """Refuse a block that does not give its numbers again; where it does, others differ by rounding."""
        if all(map(_agree, before, after)):
            return
        with self._scope({}):
            found = self._again(now, self._before)
        if not all(map(_agree, before, [_array_at(place, found) for place in asked])):
            raise RuntimeError(_OTHER_NUMBER.format(before=_shown(before[0]), after=_shown(after[0])))

    def _again(self, now: Mapping[str, Any], names: Mapping[str, Any]) -> Mapping[str, Any]:
        """All names after another run of the block, in which its tapes do nothing."""
        own = self._block.names_after_as()
        tapes = {name: now[name] for name in own if isinstance(now.get(name), GradientTape)}
        names = {**names, **tapes}
        return function_of(self._block, names, without=tapes)(**names)

    def _by_line(
        self,
        now: Mapping[str, Any],
        key: Any,
        targets: list[Array],
        by: Sequence[Variable | _Place | None],
        weights: list[Array] | None,
    ) -> list[Array | None]:
        """The derivatives, from another run of the block on arrays whose values are known."""
        _, kind, asked, _, zeros, _ = key
        inside = [p for p in by if isinstance(p, _Place) and p.name not in self._before]
        if inside or self._block.mentions("stop_recording"):
            raise RuntimeError(_NOT_BY_LINE.format(line=self._block.statement.lineno, file=self._block.file))
        sources = [p for p in by if p is not None]
        reached: set[int] = set()

        def run(values: list[Array]) -> tuple[list[Array], list[Array]]:
            values = [_noting(number, reached)(value) for number, value in enumerate(values)]
            places = [(p, value) for p, value in zip(sources, values) if isinstance(p, _Place)]
            held = {id(p): value for p, value in zip(sources, values) if isinstance(p, Variable)}
            with self._scope(held):
                found = self._again(now, _with_values(self._before, places))
                again = [_array_at(place, found) for place in asked]
                return again, [jax.lax.stop_gradient(target) for target in again]

        arrays = [p.stored if isinstance(p, Variable) else _value_at(p, self._before) for p in sources]
        derivatives, numbers = DERIVE[kind](run, arrays, weights or [])
        self._check(now, asked, targets, numbers)
        found = {id(p): (d if zeros or n in reached else None) for n, (p, d) in enumerate(zip(sources, derivatives))}
        return [found.get(id(p)) for p in by]


def _noting(number: int, reached: set[int]) -> Callable[[Array], Array]:
    """The identity; its number is noted where a derivative comes back to it."""

    @jax.custom_vjp
    def same(x: Array) -> Array:
        return x

    def back(_: None, derivative: Array) -> tuple[Array]:
        reached.add(number)
        return (derivative,)

    same.defvjp(lambda x: (x, None), back)
    return same


def _with_values(names: Mapping[str, Any], values: Sequence[tuple[_Place, Array]]) -> dict[str, Any]:
    """The names, with other arrays in some places."""
    found = dict(names)
    for place, value in values:
        leaves, structure = jax.tree.flatten(found[place.name], is_leaf=_is_variable)
        leaves[place.leaf] = value
        found[place.name] = jax.tree.unflatten(structure, leaves)
    return found


def _shown(value: Array) -> np.ndarray:
    return np.asarray(known_value(value))


def _agree(one: Array, other: Array) -> bool:
    """Whether half of the digits of two arrays' dtype agree, at the size of their largest entry."""
    before, after = _shown(one), _shown(other)
    dtype = before.dtype if jnp.issubdtype(before.dtype, jnp.inexact) else jnp.float32
    digits = float(jnp.finfo(dtype).eps) ** 0.5
    before, after = (a.astype(np.promote_types(a.dtype, np.float32)) for a in (before, after))
    size = np.max(np.abs(before), initial=0, where=np.isfinite(before))
    return before.shape == after.shape and np.allclose(before, after, rtol=0, atol=digits * size, equal_nan=True)


def _differentiate(
    block: Block,
    draws: _Draws,
    own: str,
    kind: str,
    asked: list[_Place],
    by: list[Weak | _Place | None],
    zeros: bool,
    given: Mapping[str, Any],
    made: Mapping[str, tuple[bool, bool]],
    weights: list[Array] | None,
) -> tuple[list[Array], list[Array | None]]:
    """Run the block where it is traced, and ask its tape: the targets and the derivatives."""
    draws.begin(current())
    values = {**given, **{name: GradientTape(*options) for name, options in made.items()}}
    found = function_of(block, values)(**values)
    targets = [_array_at(place, found) for place in asked]
    sources = [_value_at(p, found) if isinstance(p, _Place) else None if p is None else p() for p in by]
    known = [i for i, source in enumerate(sources) if source is not None]
    tape = found[own]
    tape._spent = False
    answers = tape._ask(kind, targets, weights, [sources[i] for i in known], zeros)
    return targets, [answers[known.index(i)] if i in known else None for i in range(len(sources))]


def _as_now(value: Any) -> Any:
    """A list, dict or set as it is now, since the block may change it."""
    return copy.copy(value) if type(value) in (list, dict, set) else value


def _look_up(frame: FrameType, name: str) -> object:
    return frame.f_locals.get(name, frame.f_globals.get(name, _MISSING))


def _is_function(frame: FrameType) -> bool:
    return frame.f_locals is not frame.f_globals


def _is_variable(value: object) -> bool:
    return isinstance(value, Variable)


def _place_of(value: object, names: Mapping[str, Any]) -> _Place | None:
    for name, held in names.items():
        if held is value or (isinstance(held, Variable) and held.array is value):  # a block may give a Variable as it is
            return _Place(name, 0)
    for name, held in names.items():
        if isinstance(held, (list, tuple, dict)):
            for number, leaf in enumerate(jax.tree.leaves(held, is_leaf=_is_variable)):
                if leaf is value:
                    return _Place(name, number)
    return None


def _value_at(place: _Place, names: Mapping[str, Any]) -> Any:
    return jax.tree.leaves(names[place.name], is_leaf=_is_variable)[place.leaf]


def _array_at(place: _Place, names: Mapping[str, Any]) -> Array:
    value = _value_at(place, names)
    return value.array if isinstance(value, Variable) else value

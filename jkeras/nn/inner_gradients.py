"""Gradients that a traced program asks for on its way.

`jax.grad` wants a function. Code with a gradient tape (`state/tape.py`) has none: it computes, asks for the gradient of one
number with respect to others that it computed before, and goes on. So such code is traced first, and leaves three kinds of
equations:

    b = mark(a)                     # b is a, and gradients with respect to b may be asked for
    watch(a)                        # the same, for the uses of a that follow
    g = derivative(loss, b)         # the request

`resolved` then runs the program. The equations between a mark and its request that depend on the mark are a function of it: they
run once, under `jax.vjp`, which gives their values and the gradient. Nothing is computed twice. A request within the equations of
another is differentiated in its turn, so gradients of gradients need no rule of their own. Where two requests share equations, as
the two tapes of a GAN do, the second one runs them again, and XLA merges the copies.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jkeras._base.types import Array

if TYPE_CHECKING:  # jax.extend loads Pallas, which `import jkeras` does not wait for
    from jax.extend.core import ClosedJaxpr, JaxprEqn, Primitive

Pauses = tuple[tuple[int, int], ...]
KINDS = ("gradient", "jacobian", "batch_jacobian")
_MARK, _WATCH, _DERIVATIVE = "tape_mark", "tape_watch", "tape_derivative"
_EVENTS = itertools.count()
next_event: Callable[[], int] = _EVENTS.__next__


class Unconnected(NamedTuple):
    """A source on which a target does not depend.

    Attributes:
        request: its number in the program.
        source: its number in the request.
    """

    request: int
    source: int


@functools.cache
def _primitive(name: str) -> Primitive:
    from jax.extend.core import Primitive

    primitive = Primitive(name)
    if name == _DERIVATIVE:
        primitive.multiple_results = True
        primitive.def_abstract_eval(_shapes)
    else:
        primitive.def_abstract_eval(lambda x, event: jax.core.ShapedArray(x.shape, x.dtype))
    return primitive


def _shapes(
    *arrays: Any, kind: str, targets: int, weighted: bool, events: tuple[int, ...], pauses: Pauses
) -> list[jax.core.ShapedArray]:
    target, sources = arrays[0], arrays[targets * (2 if weighted else 1) :]
    shape = () if kind == "gradient" else target.shape
    own = 1 if kind == "batch_jacobian" else 0
    return [jax.core.ShapedArray((*shape, *s.shape[own:]), s.dtype) for s in sources]


def mark(x: Array, event: int) -> Array:
    """`x`, with respect to which derivatives may be asked for.

    Args:
        x: a traced array.
        event: a number for `derivative`.
    """
    marked: Array = _primitive(_MARK).bind(x, event=event)
    return marked


def watch(x: Array, event: int) -> None:
    """Allow derivatives with respect to `x`, of what uses it from now on; arguments as for `mark`."""
    _primitive(_WATCH).bind(x, event=event)


def derivative(
    targets: Sequence[Array],
    weights: Sequence[Array] | None,
    sources: Sequence[Array],
    events: Sequence[int],
    kind: str = "gradient",
    pauses: Pauses = (),
) -> list[Array]:
    """Derivatives of the sum of targets.

    Args:
        targets: arrays of any shapes; for Jacobians a single one.
        weights: arrays like the targets, by which they are multiplied before they are summed; None for ones.
        sources: arrays.
        events: for each source the number with which it was marked or watched; for a value in between, that of an earlier one.
        kind: one of `KINDS`.
        pauses: pairs of events; what was computed between them is constant.

    Returns:
        For each source an array of its shape; `(*target, *source)` for `jacobian`, and `(n, *target[1:], *source[1:])` for
        `batch_jacobian`.
    """
    return _primitive(_DERIVATIVE).bind(
        *targets,
        *(weights or ()),
        *sources,
        kind=kind,
        targets=len(targets),
        weighted=weights is not None,
        events=tuple(events),
        pauses=pauses,
    )


class _Request:
    """A derivative that a program asks for.

    Attributes:
        equation: the request itself.
        targets, weights, sources: its inputs.
        needed: numbers of the equations that depend on the sources, and on which the targets depend.
        inner: those of them that compute a source, which depends on another source then.
        free: what must be known before it can be answered.
        connected: for each source whether a target is a differentiable function of it.
    """

    def __init__(
        self,
        equations: Sequence[JaxprEqn],
        number: int,
        positions: dict[int, int],
        made: dict[object, int],
        earlier: dict[int, _Request],
    ):
        self.equation = equation = equations[number]
        count = equation.params["targets"]
        inputs = list(equation.invars)
        self.targets, inputs = inputs[:count], inputs[count:]
        self.weights, self.sources = (inputs[:count], inputs[count:]) if equation.params["weighted"] else ([], inputs)
        known: dict[object, int] = {}
        for source, event in zip(self.sources, equation.params["events"]):
            if not _is_literal(source):
                start = positions[event]
                known[source] = start if equations[start].invars[0] is source else max(start, made.get(source, -1))
        paused = {n for begin, end in equation.params["pauses"] for n in range(positions[begin], positions[end])}
        self.needed = list(_needed(equations, list(_dependents(equations, number, known, paused)), self.targets))
        inside = [equations[n] for n in self.needed]
        computed = {variable for e in inside for variable in e.outvars}
        self.inner = {made[source]: source for source in known if source in computed}
        nested = [atom for n in self.needed if n in earlier for atom in earlier[n].free]
        known_before = [atom for e in (*inside, equation) for atom in _inputs(e)]
        self.free: list[object] = [atom for atom in dict.fromkeys((*nested, *known_before)) if atom not in computed]
        self.connected = [
            not _is_literal(source) and _reaches(equations, number, source, known[source], self.targets, made, positions[event])
            for source, event in zip(self.sources, equation.params["events"])
        ]


def _spec(variable: Any) -> jax.core.ShapedArray:
    spec: jax.core.ShapedArray = variable.aval
    return spec


def _is_literal(atom: object) -> bool:
    return hasattr(atom, "val")


def _inputs(equation: JaxprEqn) -> Iterable[object]:
    return (atom for atom in equation.invars if not _is_literal(atom))


def _dependents(equations: Sequence[JaxprEqn], stop: int, starts: dict[object, int], paused: set[int]) -> Iterable[int]:
    """The equations before number `stop` that use one of the sources, or what comes of it."""
    changed: set[object] = set()
    for number in range(min(starts.values(), default=stop) + 1, stop):
        equation = equations[number]
        if number not in paused and any(atom in changed or starts.get(atom, stop) < number for atom in _inputs(equation)):
            yield number
            changed.update(equation.outvars)


def _needed(equations: Sequence[JaxprEqn], among: Sequence[int], targets: Sequence[object]) -> Iterable[int]:
    """Those of the equations that the targets depend on, in order."""
    wanted = {atom for atom in targets if not _is_literal(atom)}
    found = []
    for number in reversed(among):
        equation = equations[number]
        if not wanted.isdisjoint(equation.outvars):
            found.append(number)
            wanted.update(_inputs(equation))
    return reversed(found)


def _reaches(
    equations: Sequence[JaxprEqn],
    stop: int,
    source: object,
    start: int,
    targets: Sequence[object],
    made: dict[object, int],
    event: int,
) -> bool:
    """Whether a source reaches a target by differentiable equations."""
    own = equations[event]
    if source not in own.invars and source not in own.outvars and made.get(source, -1) <= event:
        return False  # older than the tape, and never watched
    reached = {source}
    for number in range(start + 1, stop):
        equation = equations[number]
        if equation.primitive.name != "stop_gradient" and any(atom in reached for atom in _inputs(equation)):
            reached.update(v for v in equation.outvars if jnp.issubdtype(_spec(v).dtype, jnp.inexact))
    return any(atom in reached for atom in targets if not _is_literal(atom))


class _Program:
    """A traced program with requests in it."""

    def __init__(self, closed: ClosedJaxpr):
        self.jaxpr, self.consts = closed.jaxpr, closed.consts
        self.equations = equations = closed.jaxpr.eqns
        self.made = made = {variable: i for i, equation in enumerate(equations) for variable in equation.outvars}
        positions = {e.params["event"]: i for i, e in enumerate(equations) if e.primitive.name in (_MARK, _WATCH)}
        self.requests: dict[int, _Request] = {}
        for i, equation in enumerate(equations):
            if equation.primitive.name == _DERIVATIVE:
                self.requests[i] = _Request(equations, i, positions, made, self.requests)

    def unconnected(self) -> set[Unconnected]:
        """The sources on which their targets do not depend."""
        return {
            Unconnected(number, source)
            for number, request in enumerate(self.requests.values())
            for source, connected in enumerate(request.connected)
            if not connected
        }

    def run(self, arguments: Sequence[Array]) -> list[Array]:
        """The results for these arguments."""
        values = dict(zip(self.jaxpr.constvars, self.consts))
        values.update(zip(self.jaxpr.invars, arguments))
        self._run(range(len(self.equations)), values)
        return _read(values, self.jaxpr.outvars)

    def _run(self, numbers: Iterable[int], values: dict[object, Any]) -> None:
        """Run some of the equations, each as soon as its inputs are there; `values` takes their results."""
        numbers = list(numbers)
        answered: list[int] = []  # the requests that no later one differentiates
        for number in reversed([n for n in numbers if n in self.requests]):
            if not any(number in self.requests[later].needed for later in answered):
                answered.append(number)
        owner: dict[int, int] = {}  # equation -> the request that runs it
        for answer in reversed(answered):
            for number in self.requests[answer].needed:
                owner.setdefault(number, answer)
        waiting: list[int] = []  # for what a later request computes
        for number in numbers:
            if number in owner:
                continue
            request = self.requests.get(number)
            if request is None:
                if not self._try(number, values):
                    waiting.append(number)
                continue
            for atom in request.free:
                self._find(atom, values)
            self._differentiate(request, [n for n in request.needed if owner.get(n) == number], values)
            waiting = [n for n in waiting if not self._try(n, values)]

    def _try(self, number: int, values: dict[object, Any]) -> bool:
        """Run an equation that is no request, if its inputs are there."""
        equation = self.equations[number]
        if not all(atom in values for atom in _inputs(equation)):
            return False
        self._evaluate(equation, values)
        return True

    def _find(self, atom: object, values: dict[object, Any]) -> None:
        """Compute a value that no request should wait for: it is constant for the request that computes its inputs."""
        if atom not in values:
            equation = self.equations[self.made[atom]]
            for needed in _inputs(equation):
                self._find(needed, values)
            self._run([self.made[atom]], values)

    @staticmethod
    def _evaluate(equation: JaxprEqn, values: dict[object, Any]) -> None:
        """Run an equation that is no request."""
        primitive, inputs = equation.primitive, _read(values, equation.invars)
        if primitive.name == _MARK:
            values[equation.outvars[0]] = inputs[0]
        elif primitive.name != _WATCH:
            results = primitive.bind(*inputs, **primitive.get_bind_params(equation.params))
            values.update(zip(equation.outvars, results if primitive.multiple_results else [results]))

    def _differentiate(self, request: _Request, own: Sequence[int], values: dict[object, Any]) -> None:
        """Answer a request, and give the values of the equations that it runs for the whole program."""
        kept = [v for n in own for v in self.equations[n].outvars if type(v).__name__ != "DropVar"]
        computed = set(request.inner.values())

        def targets_of(sources: list[Array]) -> tuple[list[Array], list[Array]]:
            given: dict[object, Array] = dict(zip(request.sources, sources))
            inner: dict[object, Any] = {**values, **given}
            for number in request.needed:
                for variable in self.equations[number].outvars:
                    inner.pop(variable, None)
            part: list[int] = []
            for number in request.needed:
                part.append(number)
                if number in request.inner:
                    self._run(part, inner)
                    inner[request.inner[number]] += given[request.inner[number]]
                    part = []
            self._run(part, inner)
            return _read(inner, request.targets), _read(inner, kept)

        sources = [jnp.zeros(_spec(s).shape, _spec(s).dtype) if s in computed else values[s] for s in request.sources]
        results, found = DERIVE[request.equation.params["kind"]](targets_of, sources, _read(values, request.weights))
        values.update(zip(kept, found))
        values.update(zip(request.equation.outvars, results))


def _read(values: dict[object, Any], atoms: Sequence[Any]) -> list[Any]:
    return [atom.val if _is_literal(atom) else values[atom] for atom in atoms]


Differentiable = Callable[[list[Array]], tuple[list[Array], list[Array]]]  # sources -> targets, and what else it computes
Derivatives = tuple[list[Array], list[Array]]


def _gradient(fn: Differentiable, sources: list[Array], weights: list[Array]) -> Derivatives:
    targets, pullback, kept = jax.vjp(fn, sources, has_aux=True)
    weights = (
        [jnp.broadcast_to(w, t.shape).astype(t.dtype) for w, t in zip(weights, targets)]
        if weights
        else [jnp.ones(np.shape(t), t.dtype) for t in targets]
    )
    return pullback(weights)[0], kept


def _jacobian(fn: Differentiable, sources: list[Array], _: list[Array]) -> Derivatives:
    (target,), pullback, kept = jax.vjp(fn, sources, has_aux=True)
    basis = jnp.eye(target.size, dtype=target.dtype).reshape(-1, *target.shape)
    rows = jax.vmap(lambda row: pullback([row])[0])(basis)
    return [row.reshape(*target.shape, *source.shape) for row, source in zip(rows, sources)], kept


def _batch_jacobian(fn: Differentiable, sources: list[Array], _: list[Array]) -> Derivatives:
    (target,), pullback, kept = jax.vjp(fn, sources, has_aux=True)
    size = target[0].size
    basis = jnp.eye(size, dtype=target.dtype).reshape(size, 1, *target.shape[1:])
    rows = jax.vmap(lambda row: pullback([jnp.broadcast_to(row, target.shape)])[0])(basis)
    return [jnp.moveaxis(row, 0, 1).reshape(*target.shape, *source.shape[1:]) for row, source in zip(rows, sources)], kept


DERIVE: dict[str, Callable[[Differentiable, list[Array], list[Array]], Derivatives]] = {
    "gradient": _gradient,
    "jacobian": _jacobian,
    "batch_jacobian": _batch_jacobian,
}


def resolved(closed: ClosedJaxpr, unconnected: set[Unconnected]) -> Callable[[Sequence[Array]], list[Array]] | set[Unconnected]:
    """A program that answers the requests in a traced one.

    Args:
        closed: of code that called `mark`, `watch` and `derivative`.
        unconnected: what the code was told of already.

    Returns:
        From flat arguments to flat results; or, where more sources are unconnected than the code knows, those.
    """
    program = _Program(closed)
    found = program.unconnected()
    return program.run if found <= unconnected else found | unconnected

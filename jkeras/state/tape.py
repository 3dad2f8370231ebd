"""`GradientTape`: gradients of what a block of code computed, inside a function that runs as a program.

    with GradientTape() as tape:
        loss = loss_of(model(x))
    grads = tape.gradient(loss, model.trainable_variables)

JAX differentiates functions, and a block is none. But the code around it is traced: `taped` traces it with marks where a tape
begins and requests where it is asked, and `nn/inner_gradients.py` answers them by `jax.vjp` of the equations in between. So a
tape needs a function around it that is traced: a training step, or one for `taped`.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator, Sequence
from contextvars import ContextVar

import jax
import jax.numpy as jnp

from jkeras._base.dtypes import is_float
from jkeras._base.errors import describe
from jkeras._base.types import Array, Tree
from jkeras.nn.inner_gradients import Unconnected, derivative, mark, next_event, resolved, watch
from jkeras.state.functionalize import Result, functionalize
from jkeras.state.scope import UnknownVariables, current, is_traced, same_trace
from jkeras.state.variable import Variable

NO_FUNCTION = """A gradient tape works inside a function that is traced, and this code runs line by line. Put the step into a
function, and decorate it:

    @tf.function
    def train_step(x, y):
        with tf.GradientTape() as tape:
            loss = loss_fn(y, model(x, training=True))
        grads = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(grads, model.trainable_variables))
        return loss
"""

_OTHER_TRACE = """A gradient tape was entered inside another JAX transform than the step it belongs to (a scan, vmap, grad or jit
within the step). Use `jax.grad` there, or enter the tape around the transform."""

_SPENT = """This tape was asked once already. Write `GradientTape(persistent=True)` to ask it several times."""

_ELSEWHERE = """The tape was asked for derivatives outside of the function in which it was entered, or inside another transform.
Ask it where it was entered."""

_CONSTANT = """tape.watch: the array {array} is a constant of the program. Pass it to the function as an argument, or make a
tf.Variable of it."""


class NeedsTrace(RuntimeError):
    """A tape was entered in code that runs line by line, and it cannot work there."""


_recording: ContextVar[Recording | None] = ContextVar("jkeras_tape_recording", default=None)
recording: Callable[[], Recording | None] = _recording.get


class Recording:
    """A function with tapes in it, while it is traced.

    Args:
        variables: whose values are arguments of the program.
        unconnected: the sources that are known not to matter.

    Attributes:
        scope: in which the function runs.
        tapes, requests: how many tapes were entered, and how many derivatives asked for.
    """

    def __init__(self, variables: Sequence[Variable], unconnected: set[Unconnected]):
        self.variables, self.unconnected = variables, unconnected
        self.scope = current()
        self.tapes = self.requests = 0
        self._marked: dict[int, tuple[Array, Array]] = {}  # id of a variable -> what stands for its value, and that value

    @property
    def values(self) -> dict[int, jax.Array]:
        """The variables' current values by their ids."""
        assert self.scope.values is not None
        return self.scope.values

    def mark(self, variable: Variable, event: int) -> Array:
        """Give a variable a value that derivatives can be asked for."""
        value = self.values[id(variable)]
        known, original = self._marked.get(id(variable), (None, value))
        self.values[id(variable)] = marked = mark(value, event)
        self._marked[id(variable)] = marked, original if value is known else value
        return marked

    def has_assigned(self, variable: Variable) -> bool:
        """Whether the function has assigned one of the variables so far."""
        value = self.values[id(variable)]
        marked, original = self._marked.get(id(variable), (None, None))
        return (original if value is marked else value) is not self.scope.start[id(variable)]

    def end(self) -> list[bool]:
        """Take the marks off; for each variable, whether the function assigned it."""
        assigned = [self.has_assigned(variable) for variable in self.variables]
        for key, (marked, original) in self._marked.items():
            if self.values[key] is marked:
                self.values[key] = original
        return assigned


def taped(fn: Callable[..., Tree], variables: Sequence[Variable], **options: Tree) -> Callable[..., Result]:
    """`functionalize`, for a function that uses gradient tapes.

    Args:
        fn: any callable.
        variables: their values become arguments and results; a tape knows these.
        options: as for `functionalize`.

    Returns:
        A pure function as `functionalize` gives. The values of variables that `fn` does not assign are the arguments themselves.

    Example:
        >>> w = Variable(3.0, name="w")
        >>> def step(x):
        ...     with GradientTape() as tape:
        ...         loss = w * w * x
        ...     w.assign_sub(0.1 * tape.gradient(loss, w))
        ...     return loss
        >>> result = jax.jit(taped(step, [w]))([3.0], 2.0)
        >>> float(result.output), round(float(result.values[0]), 6)
        (18.0, 1.8)
    """

    def pure(values: Sequence[Array], *args: Tree, rng: jax.Array | None = None, training: bool | None = None) -> Result:
        unconnected: set[Unconnected] = set()
        assigned: list[bool] = []

        def recorded(*args: Tree) -> Tree:
            recording = Recording(variables, unconnected)
            token = _recording.set(recording)
            try:
                return fn(*args)
            finally:
                _recording.reset(token)
                assigned[:] = recording.end()

        def run(values: Sequence[Array], rng: jax.Array | None, *args: Tree) -> Result:
            return functionalize(recorded, variables, **options)(values, *args, rng=rng, training=training)._replace(owners=[])

        given = (list(values), rng, *args)
        while True:
            closed, shapes = jax.make_jaxpr(functools.partial(run), return_shape=True)(*given)  # JAX keeps traces by function
            found = resolved(closed, unconnected)
            if callable(found):
                break
            unconnected = found
        result: Result = jax.tree.unflatten(jax.tree.structure(shapes), found(jax.tree.leaves(given)))
        return result._replace(values=[new if changed else old for new, old, changed in zip(result.values, values, assigned)])

    return pure


class GradientTape:
    """Derivatives of what is computed in a `with` block, as TensorFlow's class of this name gives them.

    Args:
        persistent: whether it may be asked more than once. Default False.
        watch_accessed_variables: whether derivatives with respect to any trainable Variable may be asked for. Default True; else
            only for those that were passed to `watch`.

    Raises:
        NeedsTrace: entered where nothing is traced; see `taped`.
    """

    def __init__(self, persistent: bool = False, watch_accessed_variables: bool = True):
        self._persistent, self._watches_all = persistent, watch_accessed_variables
        self._recording: Recording | None = None
        self._spent = False
        self._forget()

    def _forget(self) -> None:
        self._event = 0  # before which nothing counts
        self._variables: dict[int, tuple[Array, int]] = {}
        self._pauses: list[tuple[int, int]] = []
        self._watched: dict[int, tuple[object, int]] = {}  # id -> what was watched (kept, so that the id stays its own), event

    def __enter__(self) -> GradientTape:
        found = recording()
        if found is None:
            raise NeedsTrace(NO_FUNCTION)
        if not same_trace(found.scope):
            raise RuntimeError(_OTHER_TRACE)
        self._recording = found
        found.tapes += 1
        self._start()
        return self

    def _start(self) -> None:
        assert self._recording is not None
        self._event = next_event()
        watch(jnp.zeros(()), self._event)
        for variable in self._recording.variables:
            if is_float(variable.stored_dtype):
                event = next_event()
                self._variables[id(variable)] = self._recording.mark(variable, event), event

    def __exit__(self, *_: object) -> None:
        pass

    def watch(self, tensor: Tree) -> None:
        """Allow derivatives with respect to arrays, for what uses them from now on.

        Args:
            tensor: an array or Variable, or a nest of them.

        Raises:
            ValueError: a number that is a constant of the program.
        """
        for leaf in jax.tree.leaves(tensor, is_leaf=_is_variable):
            if isinstance(leaf, Variable):
                self._watched[id(leaf)] = leaf, 0
                continue
            if not is_traced(leaf) and jnp.ndim(leaf) == 0:
                raise ValueError(_CONSTANT.format(array=describe(leaf)))
            event = next_event()
            watch(leaf, event)
            self._watched[id(leaf)] = leaf, event

    def gradient(
        self,
        target: Tree,
        sources: Tree,
        output_gradients: Tree = None,
        unconnected_gradients: str = "none",
    ) -> Tree:
        """The gradient of the sum of all entries of the target.

        Args:
            target: an array, or a nest of arrays, of any shapes.
            sources: Variables and arrays that were watched or computed in the block; or a nest of them.
            output_gradients: arrays like the target to multiply it with before summing; None for ones.
            unconnected_gradients: `"none"` gives None for a source on which the target does not depend, `"zero"` gives zeros.

        Returns:
            An array, or None, for each source, in a nest like that of the sources.

        Raises:
            RuntimeError: a tape that is not persistent was asked before.
        """
        targets = [leaf.array if isinstance(leaf, Variable) else leaf for leaf in jax.tree.leaves(target, is_leaf=_is_variable)]
        weights = None if output_gradients is None else [jnp.asarray(w) for w in jax.tree.leaves(output_gradients)]
        zeros = str(getattr(unconnected_gradients, "value", unconnected_gradients)).lower() == "zero"
        return self._ask("gradient", targets, weights, sources, zeros)

    def jacobian(
        self, target: Array, sources: Tree, unconnected_gradients: str = "none", parallel_iterations: object = None,
        experimental_use_pfor: object = True,
    ) -> Tree:  # fmt: skip
        """The derivative of each entry of the target: arrays of shape `(*target, *source)`; arguments as for `gradient`."""
        zeros = str(getattr(unconnected_gradients, "value", unconnected_gradients)).lower() == "zero"
        return self._ask("jacobian", [target], None, sources, zeros)

    def batch_jacobian(
        self, target: Array, source: Array, unconnected_gradients: str = "none", parallel_iterations: object = None,
        experimental_use_pfor: object = True,
    ) -> Array:  # fmt: skip
        """For each row of the target its derivative by the same row of the source, `(n, *target[1:], *source[1:])`."""
        zeros = str(getattr(unconnected_gradients, "value", unconnected_gradients)).lower() == "zero"
        found: Array = self._ask("batch_jacobian", [target], None, source, zeros)
        return found

    def watched_variables(self) -> tuple[Variable, ...]:
        """The Variables with respect to which derivatives may be asked for."""
        assert self._recording is not None
        return tuple(v for v in self._recording.variables if id(v) in self._variables and self._knows(v))

    @contextlib.contextmanager
    def stop_recording(self) -> Iterator[None]:
        """A block whose results are constants for the tape."""
        begin, end = next_event(), next_event()
        watch(jnp.zeros(()), begin)
        yield
        watch(jnp.zeros(()), end)
        self._pauses.append((begin, end))

    def reset(self) -> None:
        """Begin anew, as if the block were entered here."""
        self._forget()
        self._start()

    def _knows(self, variable: Variable) -> bool:
        return id(variable) in self._watched or (self._watches_all and variable.trainable)

    def _counts(self, source: Tree) -> bool:
        return isinstance(source, Variable) and self._knows(source) and is_float(source.stored_dtype)

    def _spend(self) -> None:
        asked, self._spent = self._spent, not self._persistent
        if asked:
            raise RuntimeError(_SPENT)

    def _ask(self, kind: str, targets: list[Array], weights: list[Array] | None, sources: Tree, zeros: bool) -> Tree:
        """Ask for one kind of derivative; None, or zeros, where there is none."""
        self._spend()
        if self._recording is None or self._recording is not recording() or not same_trace(self._recording.scope):
            raise RuntimeError(_ELSEWHERE)
        leaves, structure = jax.tree.flatten(sources, is_leaf=_is_variable)
        unknown = [leaf for leaf in leaves if self._counts(leaf) and id(leaf) not in self._variables]
        if unknown:
            raise UnknownVariables(unknown)
        entries = [self._entry(leaf) for leaf in leaves]
        places = [i for i, entry in enumerate(entries) if entry is not None]
        found: list[Array | None] = [None] * len(leaves)
        if places and all(is_traced(t) and jnp.issubdtype(t.dtype, jnp.inexact) for t in targets):
            arrays, events = zip(*(entries[i] for i in places))
            number, self._recording.requests = self._recording.requests, self._recording.requests + 1
            results = derivative(targets, weights, arrays, events, kind, tuple(self._pauses))
            for source, (place, result) in enumerate(zip(places, results)):
                if Unconnected(number, source) not in self._recording.unconnected:
                    found[place] = result
        if zeros:
            found = [jnp.zeros(leaf.shape, leaf.dtype) if g is None else g for g, leaf in zip(found, leaves)]
        return jax.tree.unflatten(structure, found)

    def _entry(self, source: Tree) -> tuple[Array, int] | None:
        """An array and an event, for `derivative`; None for what the tape does not watch."""
        if isinstance(source, Variable):
            return self._variables[id(source)] if self._counts(source) else None
        if id(source) in self._watched:
            return source, self._watched[id(source)][1]
        computed = is_traced(source) and jnp.issubdtype(source.dtype, jnp.inexact)
        return (source, self._event) if computed else None


def _is_variable(value: object) -> bool:
    return isinstance(value, Variable)

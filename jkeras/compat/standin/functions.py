"""`tf.function`: a function of arrays and Variables as one compiled program.

The function is traced as a pure function of its arrays and of all Variables that it uses, which tracing finds; afterwards the
Variables have their new values. Gradient tapes work inside. As in TensorFlow it is traced once for each combination of shapes,
dtypes and other arguments, and what Python does in it happens while it is traced. A program lives as long as the objects that it
was traced for: none of them is kept alive.
"""

from __future__ import annotations

import functools
import weakref
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Hashable, Sequence
from types import MethodType
from typing import Any, NamedTuple, TypeVar

import jax
import numpy as np

from jkeras._base.compiling import compiler_options
from jkeras._base.types import Array, Tree
from jkeras.compat.standin.concrete import add_signatures
from jkeras.compat.standin.gradient_rules import NeedsGraph, replaced
from jkeras.compat.standin.host_tensor import is_text
from jkeras.compat.standin.op_graph import explored
from jkeras.state.random import PositionsByUse, next_key, stream_position
from jkeras.state.scope import UnknownVariables, current
from jkeras.state.tape import recording, taped
from jkeras.state.variable import Variable, materialize, owned_value, put_value

__all__ = ["function"]

NEEDS_VALUES = (
    jax.errors.ConcretizationTypeError,
    jax.errors.TracerArrayConversionError,
    jax.errors.TracerIntegerConversionError,
    jax.errors.NonConcreteBooleanIndexError,
)
_ROUNDS = 16

_NEVER_ENDING = """tf.function: {name} makes new Variables each time it is traced. Create Variables once, outside of it or under
`if self.v is None:`."""

_NOT_TRACED = """tf.function: {name} looks at the values of its arrays, so it runs as Python, and has no concrete function. Write
`tf.where` or `tf.cond` in place of an `if` on values."""

_TAPE_NEEDS_TRACE = """{name} uses a gradient tape, and reads the value of an array while it is traced, in an `if`, in NumPy or in
`.numpy()`. Write `tf.where` or `tf.cond` there, or move that part out of the function."""

F = TypeVar("F", bound=Callable[..., object])


Weak = Callable[[], Any]  # the object, or None when it is gone


def weakly(value: object, then: Callable[[object], object] | None = None) -> Weak:
    """A reference that does not keep an object alive, where its class allows that.

    Args:
        value: any object.
        then: called when it is gone.
    """
    try:
        return weakref.WeakMethod(value, then) if isinstance(value, MethodType) else weakref.ref(value, then)
    except TypeError:
        return lambda: value


class _Program(NamedTuple):
    """A traced function.

    Attributes:
        call: `(values of changing, values of the others, key, arrays) -> (result, new values of changing)`.
        changing, others: the Variables that it assigns, and those that it only reads.
        objects: ids of the arguments that are no arrays or plain values.
        outputs: structs of the results.
        given: the arguments, with structs in place of arrays.
    """

    call: Callable[..., tuple[Tree, list[Array]]]
    changing: list[Weak]
    others: list[Weak]
    objects: frozenset[int]
    outputs: Tree
    given: Tree = None


class Compiled:
    """A function of arrays and Variables that is compiled for each kind of arguments.

    Args:
        fn: the function.
        keeps: whether Variables have the values afterwards that it assigned; else they stay as they were.
    """

    def __init__(self, fn: Callable[..., Tree], keeps: bool = True):
        self.fn, self.keeps = fn, keeps
        self.name = getattr(fn, "__name__", type(fn).__name__)
        self.programs: dict[Hashable, _Program] = {}
        self._objects: dict[int, Weak] = {}  # arguments that are known by their ids
        self.by_line = False  # runs as Python, since it looks at values

    def __call__(self, *args: Tree, **kwargs: Tree) -> Tree:
        if recording() is not None or current().functional or current().layer is not None:
            return self.fn(*args, **kwargs)
        return self.run(next_key(), *args, **kwargs)

    def run(self, key: Array, *args: Tree, **kwargs: Tree) -> Tree:
        """Run the program of the function.

        Args:
            key: for what it draws.
            args, kwargs: of the function.
        """
        if self.by_line:
            return self.fn(*args, **kwargs)
        leaves, structure = jax.tree.flatten((args, kwargs), is_leaf=_is_variable)
        if any(isinstance(leaf, np.ndarray) and is_text(leaf) for leaf in leaves):  # compiled code has no strings
            return self.fn(*args, **kwargs)
        program, arrays = self._program(args, kwargs, leaves, structure)
        return self.fn(*args, **kwargs) if program is None else self._run(program, key, arrays)

    def outputs(self, args: tuple[Tree, ...], kwargs: dict[str, Tree]) -> Tree:
        """The structs of the results for arguments with arrays or structs in them.

        Raises:
            ValueError: the function looks at values.
        """
        program, _ = self._program(args, kwargs, *jax.tree.flatten((args, kwargs), is_leaf=_is_variable))
        if program is None:
            raise ValueError(_NOT_TRACED.format(name=self.name))
        return program.outputs

    def _program(
        self, args: tuple[Tree, ...], kwargs: dict[str, Tree], leaves: list[Any], structure: Any
    ) -> tuple[_Program | None, list[Any]]:
        """The program for some arguments, None if the function looks at values; and the arrays among them."""
        places = [i for i, leaf in enumerate(leaves) if _is_array(leaf)]
        arrays = [leaves[i] for i in places]
        objects: set[int] = set()
        # Those of the arguments themselves do not count: f(a=x, b=y) is f(b=y, a=x).
        order = [_order_of_keys(value) for value in (*args, *(kwargs[name] for name in sorted(kwargs)))]
        rules = replaced()
        kind = structure, tuple(order), tuple(self._known(leaf, objects) for leaf in leaves), rules
        program = self.programs.get(kind)
        if program is None or any(variable() is None for variable in (*program.changing, *program.others)):
            given = [None if i in places else weakly(leaf) for i, leaf in enumerate(leaves)]

            def run(arrays: Sequence[Array]) -> Tree:
                filled = [None if leaf is None else leaf() for leaf in given]
                for place, array in zip(places, arrays):
                    filled[place] = array
                positional, named = jax.tree.unflatten(structure, filled)  # `named` is sorted
                values = [_in_order(value, below) for value, below in zip([*positional, *named.values()], order)]
                return self.fn(*values[: len(positional)], **dict(zip(named, values[len(positional) :])))

            try:
                program = self._trace(explored(run) if rules else run, arrays, frozenset(objects))
            except NeedsGraph:
                program = self._trace(explored(run), arrays, frozenset(objects))
            if program is None:
                return None, arrays
            self.programs[kind] = program._replace(given=jax.tree.map(_shown, (args, kwargs), is_leaf=_is_variable))
        return program, arrays

    def _known(self, leaf: Any, objects: set[int]) -> Hashable:
        """What tells one argument from another; `objects` gets its id if nothing else does."""
        if _is_array(leaf):
            return "array", leaf.shape, leaf.dtype.name, getattr(leaf, "weak_type", False)
        if isinstance(leaf, (bool, int, float, complex, str, bytes, type(None))):
            return type(leaf), leaf
        if isinstance(leaf, MethodType):
            return "method", self._known(leaf.__self__, objects), self._known(leaf.__func__, objects)
        key = id(leaf)
        objects.add(key)
        if key not in self._objects:
            self._objects[key] = weakly(leaf, functools.partial(_forget, weakref.ref(self), key))
        return "object", key

    def _trace(self, run: Callable[[Sequence[Array]], Tree], arrays: Sequence[Array], objects: frozenset[int]) -> _Program | None:
        """The program of the function for such arguments; None where it looks at values."""
        assigned: list[bool] = []
        asked: list[bool] = []

        def pure(values: Sequence[Array], key: Array, arrays: Sequence[Array]) -> tuple[Tree, list[Array]]:
            def within(arrays: Sequence[Array]) -> Tree:
                try:
                    return run(arrays)
                finally:
                    asked[:] = [bool((found := recording()) is not None and found.tapes)]

            result = taped(within, [variable() for variable in used], positions=PositionsByUse(), complete=True)(
                values, arrays, rng=key
            )
            assigned[:] = [self.keeps and new is not old for new, old in zip(result.values, values)]
            return result.output, result.values

        used = next(([*p.changing, *p.others] for p in self.programs.values() if p.objects == objects), [])
        variables: list[Variable] = [variable for one in used if (variable := one()) is not None]
        for _ in range(_ROUNDS):
            used = [weakref.ref(variable) for variable in variables]
            taken = stream_position()
            try:
                specs = [jax.ShapeDtypeStruct(v.shape, v.stored_dtype) for v in variables]
                outputs, _ = jax.eval_shape(functools.partial(pure), specs, jax.random.key(0), arrays)
            except UnknownVariables as found:
                variables += found.variables
                continue
            except NEEDS_VALUES as error:
                if any(asked):
                    error.add_note(_TAPE_NEEDS_TRACE.format(name=self.name))
                    raise
                self.by_line = True
                return None
            if stream_position() == taken:  # it made no Variables, which the next trace would meet
                break
        else:
            raise ValueError(_NEVER_ENDING.format(name=self.name))
        changes = list(assigned)

        def call(changing: list[Array], others: list[Array], key: Array, arrays: Sequence[Array]) -> tuple[Tree, list[Array]]:
            mixed, taken = iter(changing), iter(others)
            values = [next(mixed if changes_it else taken) for changes_it in changes]
            output, new = pure(values, key, arrays)
            return output, [value for value, changes_it in zip(new, changes) if changes_it]

        program = jax.jit(call, donate_argnums=0, compiler_options=compiler_options())
        sides: dict[bool, list[Weak]] = {True: [], False: []}
        for one, changes_it in zip(used, changes):
            sides[changes_it].append(one)
        return _Program(program, sides[True], sides[False], objects, outputs)

    def _run(self, program: _Program, key: Array, arrays: Sequence[Array]) -> Tree:
        assigned, read = ([variable() for variable in side] for side in (program.changing, program.others))
        materialize([*assigned, *read])
        others = [variable.stored for variable in read]
        changing = [owned_value(variable) for variable in assigned]
        output, new = program.call(changing, others, key, arrays)
        for variable, value in zip(assigned, new):
            put_value(variable, value)
        return output


def _forget(compiled: weakref.ref[Compiled], key: int, _: object) -> None:
    """An argument is gone, and with it the programs that were traced for it."""
    found = compiled()
    if found is not None:
        found._objects.pop(key, None)
        for kind, program in list(found.programs.items()):
            if key in program.objects:
                found.programs.pop(kind, None)


class _Keys(NamedTuple):
    """The keys of a dict, in their order, and the orders below them."""

    names: tuple[Hashable, ...]
    below: tuple[Hashable, ...]


def _order_of_keys(tree: Tree) -> Any:
    """In which order the dicts of a tree have their keys, which JAX sorts; None where there are no dicts.

    Only what JAX takes apart by itself is looked into: a user's subclass of a dict or a list is one argument as a whole.
    """
    if type(tree) in (dict, OrderedDict, defaultdict):
        return _Keys(tuple(tree), tuple(_order_of_keys(value) for value in tree.values()))
    if type(tree) in (list, tuple) or (isinstance(tree, tuple) and hasattr(tree, "_fields")):
        below = tuple(_order_of_keys(value) for value in tree)
        return below if any(order is not None for order in below) else None
    return None


def _in_order(tree: Tree, order: Any) -> Tree:
    """A tree whose dicts have their keys in an order again; all that differs is made anew."""
    if order is None:
        return tree
    if isinstance(order, _Keys):
        entries = {name: _in_order(tree[name], below) for name, below in zip(order.names, order.below)}
        return defaultdict(tree.default_factory, entries) if isinstance(tree, defaultdict) else type(tree)(entries)
    parts = [_in_order(value, below) for value, below in zip(tree, order)]
    return type(tree)._make(parts) if hasattr(tree, "_fields") else type(tree)(parts)


def _is_variable(value: object) -> bool:
    return isinstance(value, Variable)


def _is_array(value: object) -> bool:
    return isinstance(value, (jax.Array, np.ndarray, np.generic, jax.ShapeDtypeStruct))


def _shown(leaf: Tree) -> Tree:
    """An argument as signatures show it, which keeps no object alive."""
    if _is_array(leaf):
        return jax.ShapeDtypeStruct(leaf.shape, leaf.dtype)
    return leaf if isinstance(leaf, (bool, int, float, complex, str, bytes)) else f"<{type(leaf).__name__}>"


def function(func: F | None = None, **options: Any) -> Any:
    """Compile a function of arrays and Variables.

    A function that looks at the values of its arrays, by an `if` or by NumPy, runs as Python instead, line by line.

    Args:
        func: the function; None when used as `@tf.function(...)`.
        **options: `input_signature` for `get_concrete_function()` without arguments; `reduce_retracing`, `jit_compile` and so
            on, which change nothing here.

    Returns:
        The function, with TensorFlow's attributes `python_function`, `input_signature`, `get_concrete_function(*args, **kwargs)`,
        `pretty_printed_concrete_signatures()` and `experimental_get_tracing_count()`.

    Example:
        >>> import jax.numpy as jnp
        >>> total = Variable(0.0)
        >>> @function(jit_compile=True)
        ... def add(x):
        ...     total.assign_add(x)
        ...     return 2 * total
        >>> float(add(jnp.float32(3.0))), float(add(jnp.float32(4.0))), float(total.value)
        (6.0, 14.0, 7.0)
    """
    if func is None:
        return functools.partial(function, **options)
    made = Compiled(func)

    @functools.wraps(func)
    def compiled(*args: Tree, **kwargs: Tree) -> Tree:
        return made(*args, **kwargs)

    compiled.python_function = func  # type: ignore[attr-defined]
    add_signatures(compiled, made, func, options.get("input_signature"))
    return compiled

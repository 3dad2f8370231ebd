"""A `with` statement that ran line by line, read again from its source file as a function of the names that it uses.

A block of a program is no function, so nothing can run it once more. Its source can: `block_at` finds the statement of a line,
and `function_of` compiles a function whose arguments are the block's names and whose result is all of them at its end. What a
block of a method says of its class, `super()` and private names, is written in full. `return`, `break` and `continue` that leave
the block do nothing in the function, since its names are wanted at the end.
"""

from __future__ import annotations

import ast
import copy
import functools
import linecache
from collections.abc import Callable, Container, Hashable, Iterable
from typing import Any, NamedTuple, cast

import jax

from jkeras.compat.standin.functions import Compiled
from jkeras.state.scope import is_traced

_FUNCTION = "_block"


class Block(NamedTuple):
    """A `with` statement.

    Attributes:
        statement: the statement.
        file: where it stands.
        uses: the names that it uses.
        names: those, and the names that it assigns.
        programs: the derivatives that it was asked for so far.
        looking: those for which it looks at values.
    """

    statement: ast.With
    file: str
    uses: tuple[str, ...]
    names: frozenset[str]
    programs: dict[Hashable, Compiled]
    looking: set[Hashable]

    def names_after_as(self) -> list[str]:
        """What the statement calls the objects that it enters."""
        return [item.optional_vars.id for item in self.statement.items if isinstance(item.optional_vars, ast.Name)]

    def mentions(self, attribute: str) -> bool:
        """Whether an attribute of this name is read anywhere in the block."""
        return any(isinstance(n, ast.Attribute) and n.attr == attribute for n in ast.walk(self.statement))


def known_value(value: Any) -> Any:
    """A number that is known although derivatives are computed with respect to what it depends on."""
    return jax.lax.stop_gradient(value) if is_traced(value) else value


# In place of Python's, where a block runs again: it has printed already, and JAX refuses to make numbers of its arrays.
_BUILTINS: dict[str, Any] = {
    "print": lambda *_, **__: None,
    "breakpoint": lambda *_, **__: None,
    "float": lambda *args: float(*map(known_value, args)),
    "int": lambda *args, **options: int(*map(known_value, args), **options),
}


@functools.lru_cache(maxsize=64)
def block_at(file: str, line: int) -> Block | None:
    """The `with` statement on a line of a file; None where it cannot be read."""
    try:
        tree = ast.parse("".join(linecache.getlines(file)))
    except SyntaxError:
        return None
    statements = [node for node in ast.walk(tree) if isinstance(node, ast.With)]
    found = [node for node in statements if node.lineno <= line <= node.items[-1].context_expr.lineno]
    if not found or any(isinstance(n, (ast.Yield, ast.YieldFrom, ast.Await)) for n in ast.walk(found[-1])):
        return None
    node = _outside_of_class(tree, found[-1])
    used = {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}
    used |= {n.target.id for n in ast.walk(node) if isinstance(n, ast.AugAssign) and isinstance(n.target, ast.Name)}
    names = {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
    return Block(node, file, tuple(sorted(used)), frozenset(names), {}, set())


def _outside_of_class(tree: ast.Module, statement: ast.With) -> ast.With:
    """A statement of a method, as it must be written outside of the class: with `super()` and private names in full."""
    around: list[Any] = [node for node in ast.walk(tree) if statement in ast.walk(node)]  # from the outside in
    classes = [number for number, node in enumerate(around) if isinstance(node, ast.ClassDef)]
    functions = [node for node in around[classes[-1] :] if isinstance(node, ast.FunctionDef)] if classes else []
    if not functions:
        return statement
    arguments = [*functions[0].args.posonlyargs, *functions[0].args.args]
    changed = _OutsideOfClass(around[classes[-1]].name, arguments[0].arg if arguments else None).visit(copy.deepcopy(statement))
    return cast(ast.With, changed)


class _OutsideOfClass(ast.NodeTransformer):
    def __init__(self, cls: str, first: str | None):
        self.cls, self.first = cls.lstrip("_"), first

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        if isinstance(node.func, ast.Name) and node.func.id == "super" and not node.args and self.first is not None:
            node.args = [ast.Name("__class__", ast.Load()), ast.Name(self.first, ast.Load())]
        return node

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        self.generic_visit(node)
        if node.attr.startswith("__") and not node.attr.endswith("__"):
            node.attr = f"_{self.cls}{node.attr}"
        return node


def function_of(block: Block, names: Iterable[str], without: Container[str] = ()) -> Callable[..., dict[str, Any]]:
    """A function of these names that runs a block and returns all its names.

    Args:
        block: the `with` statement.
        names: of the arguments.
        without: tapes that are arguments, and not made by the statement.
    """
    statement: Any = _WithoutJumps().visit(copy.deepcopy(block.statement))
    statement.items = [item for item in statement.items if getattr(item.optional_vars, "id", None) not in without]
    body = [statement] if statement.items else statement.body
    arguments = ast.arguments([], [ast.arg(name) for name in names], None, [], [], None, [])
    done = ast.Return(ast.Call(ast.Name("locals", ast.Load()), [], []))
    module = ast.parse(f"def {_FUNCTION}(): pass")
    function: Any = module.body[0]
    function.args, function.body = arguments, [*body, done]
    space = {name: value for name, value in _BUILTINS.items() if name not in names}
    exec(compile(ast.fix_missing_locations(module), block.file, "exec"), space)
    made: Callable[..., dict[str, Any]] = space[_FUNCTION]
    return made


class _WithoutJumps(ast.NodeTransformer):
    """A block whose names are wanted at its end: it neither returns nor leaves a loop around it."""

    def visit_Return(self, node: ast.Return) -> ast.stmt:
        return ast.Pass() if node.value is None else ast.Expr(node.value)

    def visit_Break(self, node: ast.stmt) -> ast.stmt:
        return ast.Pass()

    visit_Continue = visit_Global = visit_Nonlocal = visit_Break

    def visit_For(self, node: Any) -> Any:
        return node  # its jumps are its own

    visit_While = visit_FunctionDef = visit_Lambda = visit_ClassDef = visit_For

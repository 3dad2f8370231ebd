"""What a script's names stand for, as far as its text says so plainly: objects of jkeras, its own classes, their instances.

Everything unsure counts as unknown: a variable that gets a value of another kind anywhere, an argument, a class with a base that
is not known. A finding built on what is known here is then hardly ever a false alarm.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple

import jax

from jkeras.compat.checking.results import TENSOR_FUNCTIONS, result_of
from jkeras.compat.finder import NAMES, NEEDS_TENSORFLOW
from jkeras.compat.modules import find_name, find_object, place_of

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_SCOPES = (*_FUNCTIONS, ast.ClassDef)
_CHECKED = NAMES | NEEDS_TENSORFLOW
_CATCHES_MISSING = {"AttributeError", "Exception", "BaseException", "ImportError", "ModuleNotFoundError"}


class OwnClass(NamedTuple):
    """A class that the script defines.

    Attributes:
        node: its definition.
        bases: what it derives from; all of them are known.
    """

    node: ast.ClassDef
    bases: tuple[type | OwnClass, ...]

    @property
    def mro(self) -> Iterator[type | OwnClass]:
        """The class and what it derives from."""
        yield self
        for base in self.bases:
            yield from base.mro if isinstance(base, OwnClass) else [base]


class Script:
    """A script as a tree, with what its names stand for.

    Args:
        tree: the parsed text.

    Attributes:
        imported: the script's name for a thing -> its full name, such as `keras.layers.Dense`.
        modules: the same for modules alone.
        missing: lines and full names of imports that jkeras does not have.
        guarded: ids of the nodes in a `try` that expects a missing name.
        own_names: names that the script itself may give to attributes, of whatever object.
    """

    def __init__(self, tree: ast.Module):
        self.tree = tree
        self.imported: dict[str, str] = {}
        self.modules: dict[str, str] = {}
        self.missing: list[tuple[int, str]] = []
        self.guarded = _guarded(tree)
        self._above = {id(child): node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
        self._scopes: dict[int, dict[str, list[ast.AST | None]]] = {}
        self._classes: dict[int, OwnClass | None] = {}
        self._assumed: dict[int, list[type | OwnClass]] = {}  # of names whose values are being looked at
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                self._add_import(node)
            elif isinstance(node, ast.ImportFrom):
                self._add_import_from(node)
        self.own_names = frozenset(_own_names(tree))

    def _add_import(self, node: ast.Import) -> None:
        for alias in node.names:
            root = alias.name.partition(".")[0]
            if root not in _CHECKED:
                continue
            if place_of(alias.name):
                self.imported[alias.asname or root] = self.modules[alias.asname or root] = alias.name if alias.asname else root
            else:
                self._add_missing(node, alias.name)

    def _add_import_from(self, node: ast.ImportFrom) -> None:
        if not node.module or node.level or node.module.partition(".")[0] not in _CHECKED:
            return
        if not place_of(node.module):
            self._add_missing(node, node.module)
            return
        for alias in node.names:
            full = f"{node.module}.{alias.name}"
            if alias.name == "*" or alias.name.startswith("__"):
                continue
            if place_of(full):
                self.imported[alias.asname or alias.name] = self.modules[alias.asname or alias.name] = full
            elif find_name(full):
                self.imported[alias.asname or alias.name] = full
            else:
                self._add_missing(node, full)

    def _add_missing(self, node: ast.Import | ast.ImportFrom, full: str) -> None:
        if id(node) not in self.guarded:
            self.missing.append((node.lineno, full))

    # What an expression stands for.

    def full_name(self, node: ast.expr) -> str | None:
        """The full name of `keras.layers.Dense` or `Dense`, if it begins with an import of Keras or TensorFlow."""
        parts: list[str] = []
        while isinstance(node, ast.Attribute):
            parts.append(node.attr)
            node = node.value
        if not isinstance(node, ast.Name) or node.id not in self.imported:
            return None
        bound = self._bindings(node.id, node)
        if bound is None or not all(isinstance(one, (ast.Import, ast.ImportFrom)) for one in bound):
            return None
        return ".".join([self.imported[node.id], *reversed(parts)])

    def object_of(self, node: ast.expr) -> object:
        """The object of jkeras that an expression names; None if unknown."""
        full = self.full_name(node)
        return None if full is None else find_object(full)

    def class_of(self, node: ast.expr) -> type | OwnClass | None:
        """The class that an expression names."""
        if isinstance(node, ast.Name):
            bound = self._bindings(node.id, node)
            if bound is not None and len(bound) == 1 and isinstance(bound[0], ast.ClassDef):
                return self.own_class(bound[0])
        found = self.object_of(node)
        return found if isinstance(found, type) else None

    def own_class(self, node: ast.ClassDef) -> OwnClass | None:
        """A class of the script; None if what it derives from is not known whole."""
        if id(node) not in self._classes:
            self._classes[id(node)] = None  # for a class that names itself as a base
            bases = [None if isinstance(base, ast.Starred) else self.class_of(base) for base in node.bases]
            known = [base for base in bases if base is not None]
            if known and len(known) == len(bases) and not node.keywords:
                self._classes[id(node)] = OwnClass(node, tuple(known))
        return self._classes[id(node)]

    def classes_of_value(self, node: ast.expr) -> list[type | OwnClass]:
        """The classes of which `node` may be an instance; empty if that is not plain."""
        if isinstance(node, ast.Call):
            made = self.class_of(node.func)
            return [made] if made else self._classes_of_result(node.func)
        if not isinstance(node, ast.Name):
            return []
        owner = self._self_of(node)
        if owner is not None:
            return [owner]
        values = self._bindings(node.id, node)
        if not values:
            return []
        if id(values) in self._assumed:
            return self._assumed[id(values)]
        return self._classes_bound(values)

    def _classes_bound(self, values: list[ast.AST | None]) -> list[type | OwnClass]:
        """The classes of what a name is bound to; in `data = data.map(f)` the name on the right has those of the other values."""
        known: list[type | OwnClass] = []
        waiting = values
        for _ in range(2):
            self._assumed[id(values)] = [*known]
            found = [self.classes_of_value(value) if isinstance(value, ast.Call) else [] for value in waiting]
            known += [one for classes in found for one in classes if one not in known]
            waiting = [value for value, classes in zip(waiting, found, strict=True) if not classes]
        del self._assumed[id(values)]
        return [] if waiting else known

    def _classes_of_result(self, function: ast.expr) -> list[type | OwnClass]:
        """The class of what a function of the stand-in gives, or a method of one of its objects, by its annotation."""
        if self.full_name(function) in TENSOR_FUNCTIONS:
            return [jax.Array]
        called = [self.object_of(function)]
        if called == [None] and isinstance(function, ast.Attribute):
            owner = self.class_of(function.value)
            owners = self.classes_of_value(function.value) if owner is None else [owner]
            called = [getattr(one, function.attr, None) if isinstance(one, type) else None for one in owners]
        results = [result_of(one) for one in called]
        known: list[type | OwnClass] = [one for one in results if one is not None]
        return known if len(known) == len(results) else []

    def _self_of(self, node: ast.Name) -> OwnClass | None:
        """The class, if a name is the first argument of a method of a class whose bases are known."""
        function = self._function_that_binds(node)
        if not isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
            return None
        owner, arguments = self._above.get(id(function)), [*function.args.posonlyargs, *function.args.args]
        if not isinstance(owner, ast.ClassDef) or not arguments or arguments[0].arg != node.id:
            return None
        if _decorators(function) & {"staticmethod", "classmethod"} or self._scope(function)[node.id] != [None]:
            return None
        return self.own_class(owner)

    def enclosing_class(self, node: ast.AST) -> OwnClass | None:
        """The class in one of whose methods a node stands."""
        above = self._above.get(id(node))
        while above is not None and not isinstance(above, ast.ClassDef):
            above = self._above.get(id(above))
        return self.own_class(above) if isinstance(above, ast.ClassDef) else None

    # Scopes.

    def _function_that_binds(self, node: ast.Name) -> ast.AST | None:
        above = self._above.get(id(node))
        while above is not None:
            if isinstance(above, (*_FUNCTIONS, ast.Module)) and node.id in self._scope(above):
                return above
            above = self._above.get(id(above))
        return None

    def _bindings(self, name: str, at: ast.AST) -> list[ast.AST | None] | None:
        """What the name has been bound to in the scope that holds for a node; None stands for something unknown."""
        above: ast.AST | None = at
        inside = False
        while above is not None:
            if isinstance(above, _FUNCTIONS) or (isinstance(above, ast.ClassDef) and not inside) or isinstance(above, ast.Module):
                found = self._scope(above).get(name)
                if found is not None:
                    return found
            inside = inside or isinstance(above, _FUNCTIONS)
            above = self._above.get(id(above))
        return None

    def _scope(self, scope: ast.AST) -> dict[str, list[ast.AST | None]]:
        if id(scope) not in self._scopes:
            found: dict[str, list[ast.AST | None]] = {}
            for name, value in _bound_in(scope):
                found.setdefault(name, []).append(value)
            if isinstance(scope, ast.Module):  # a function may change what is bound here
                for node in ast.walk(scope):
                    if isinstance(node, (ast.Global, ast.Nonlocal)):
                        for name in node.names:
                            found.setdefault(name, []).append(None)
            self._scopes[id(scope)] = found
        return self._scopes[id(scope)]


def _bound_in(scope: ast.AST) -> Iterator[tuple[str, ast.AST | None]]:
    """The names that a scope binds, without the scopes in it."""
    if isinstance(scope, _FUNCTIONS):
        arguments = scope.args
        every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]
        yield from ((one.arg, None) for one in every if one is not None)
    waiting: list[ast.AST] = [*scope.body] if isinstance(getattr(scope, "body", None), list) else []  # type: ignore[attr-defined]
    plain: set[int] = set()
    while waiting:
        node = waiting.pop(0)
        if isinstance(node, ast.Assign) and all(isinstance(target, ast.Name) for target in node.targets):
            plain |= {id(target) for target in node.targets}
            yield from ((target.id, node.value) for target in node.targets if isinstance(target, ast.Name))
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            plain.add(id(node.target))
            if node.value is not None:
                yield node.target.id, node.value
        elif isinstance(node, ast.withitem) and isinstance(node.optional_vars, ast.Name):
            plain.add(id(node.optional_vars))
            entered = ast.Attribute(node.context_expr, "__enter__", ast.Load())
            yield node.optional_vars.id, ast.Call(entered, [], [])
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            yield from ((alias.asname or alias.name.partition(".")[0], node) for alias in node.names)
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield node.name, node
        elif isinstance(node, (ast.Global, ast.Nonlocal, ast.MatchStar, ast.MatchAs, ast.ExceptHandler, ast.MatchMapping)):
            names = getattr(node, "names", [getattr(node, "name", None) or getattr(node, "rest", None)])
            yield from ((name, None) for name in names if name)
        elif isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load) and id(node) not in plain:
            yield node.id, None
        if not isinstance(node, _SCOPES):
            waiting += ast.iter_child_nodes(node)


def _decorators(function: ast.FunctionDef | ast.AsyncFunctionDef) -> set[str]:
    return {one.id for one in function.decorator_list if isinstance(one, ast.Name)}


def _own_names(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and not isinstance(node.ctx, ast.Load):
            yield node.attr
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
        elif isinstance(node, ast.ClassDef):
            yield from (name for name, _ in _bound_in(node))


def _guarded(tree: ast.Module) -> frozenset[int]:
    """The nodes in the bodies of `try` statements whose handlers catch a missing name."""
    found: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Try) and any(_catches_missing(handler) for handler in node.handlers):
            found |= {id(inner) for statement in node.body for inner in ast.walk(statement)}
    return frozenset(found)


def _catches_missing(handler: ast.ExceptHandler) -> bool:
    if handler.type is None:
        return True
    return any(isinstance(node, ast.Name) and node.id in _CATCHES_MISSING for node in ast.walk(handler.type))

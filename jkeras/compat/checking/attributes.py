"""Finds attributes that a class of Keras, or an instance of it, does not have here: `model.fit_twice`, `self.add_graph`.

An instance has more attributes than its class: those that methods assign, and weights with names from `declare`. They are read
from the source of the modules that define the class: whatever is assigned to `self` there, and every string that could be a name.
"""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Iterator
from difflib import get_close_matches
from functools import cache

import jax

from jkeras._base.registry import path_of
from jkeras.compat.checking.finding import Finding
from jkeras.compat.checking.results import name_in_tensorflow, names_of_tensors
from jkeras.compat.checking.script import OwnClass, Script
from jkeras.compat.hints import hint_for
from jkeras.compat.missing import is_tensorflow

_LIBRARY = f"{__name__.partition('.')[0]}."


def missing_attributes(script: Script) -> Iterator[Finding]:
    """Attributes that are read, of a class, of an instance, or of `super()`."""
    for node in ast.walk(script.tree):
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load) and id(node) not in script.guarded:
            owners = _owners(script, node)
            if owners and not node.attr.startswith("__") and not any(_has(one, node.attr) for one in owners):
                named = _named(owners[0])
                yield Finding(node.lineno, f"{named}.{node.attr}", _hint(owners[0], named, node.attr))


def _owners(script: Script, node: ast.Attribute) -> list[type | OwnClass]:
    """The classes of which one should have the attribute; none if that is not plain or the script may set it."""
    value = node.value
    if isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id == "super" and not value.args:
        owner = script.enclosing_class(node)
        return list(owner.bases) if owner else []
    if node.attr in script.own_names:
        return []
    found = script.class_of(value)
    if found is not None:
        return [found]
    return script.classes_of_value(value)


def _has(owner: type | OwnClass, name: str) -> bool:
    if isinstance(owner, OwnClass):
        return _defines(owner.node, name) or any(_has(base, name) for base in owner.bases)
    if owner is jax.Array:
        return name in names_of_tensors()
    return hasattr(owner, name) or not _is_checked(owner) or name in instance_names(owner)


def _defines(node: ast.ClassDef, name: str) -> bool:
    """Whether a class of the script gives itself the attribute, or may: with `setattr`, or `__getattr__`."""
    for inner in ast.walk(node):
        if isinstance(inner, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)) and inner.name in (name, "__getattr__"):
            return True
        if isinstance(inner, ast.Name) and inner.id in (name, "setattr", "vars"):
            return True
        if isinstance(inner, ast.Attribute) and (
            inner.attr in ("__dict__", "__setattr__") or (inner.attr == name and not isinstance(inner.ctx, ast.Load))
        ):
            return True
    return False


def _is_checked(cls: type) -> bool:
    """Whether the attributes of a class' instances can be read from its source: it is one of this package's parts."""
    if not cls.__module__.startswith(_LIBRARY):
        return False
    if cls.__module__.startswith(f"{_LIBRARY}compat.") and (type(cls) is not type or cls.__new__ is not object.__new__):
        return False  # it may make objects of other classes
    dynamic = next((one for one in cls.__mro__ if "__getattr__" in vars(one)), None)
    return dynamic is None or dynamic.__module__.startswith((f"{_LIBRARY}layer.", f"{_LIBRARY}layers.", f"{_LIBRARY}metrics."))


@cache
def instance_names(cls: type) -> frozenset[str]:
    """Names that instances of a class may have beyond those of the class.

    Example:
        >>> from jkeras.layers import Dense
        >>> {"units", "kernel"} <= instance_names(Dense), "heads" in instance_names(Dense)
        (True, False)
    """
    # `Model(inputs, outputs)` makes an instance of a subclass.
    made: list[type] = [cls, *(_subclasses(cls) if "__new__" in vars(cls) else [])]
    classes = {one for each in made for one in each.__mro__ if one.__module__.startswith(_LIBRARY)}
    names = {name for one in made for name in dir(one)}
    return frozenset(names.union(*(_names_in_source(one.__module__) for one in classes)))


def _subclasses(cls: type) -> Iterator[type]:
    subclasses: list[type] = cls.__subclasses__()
    for one in subclasses:
        if one.__module__.startswith(_LIBRARY):
            yield one
            yield from _subclasses(one)


@cache
def _names_in_source(module: str) -> frozenset[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(inspect.getsource(sys.modules[module]))):
        if isinstance(node, ast.Attribute) and not isinstance(node.ctx, ast.Load):
            found.add(node.attr)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.isidentifier():
            found.add(node.value)
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            found.add(node.target.id)
    return frozenset(found)


def _named(owner: type | OwnClass) -> str:
    """The public name of a class, `keras.layers.Dense`; for one of the script's, that of what it derives from."""
    cls = _of_the_library(owner)
    if cls is jax.Array or cls.__module__.startswith(f"{_LIBRARY}compat."):
        return name_in_tensorflow(cls)
    path = path_of(cls) or f"{cls.__module__}.{cls.__name__}"
    return f"keras.{cls.__name__}" if path.startswith("keras.models.") else path


def _of_the_library(owner: type | OwnClass) -> type:
    return next(one for one in owner.mro if isinstance(one, type)) if isinstance(owner, OwnClass) else owner


def _hint(owner: type | OwnClass, named: str, name: str) -> str | None:
    cls = _of_the_library(owner)
    told = None if is_tensorflow(named) else hint_for(f"{named}.{name}")
    if told:
        return told
    arguments = [] if cls is jax.Array else inspect.signature(cls).parameters
    public = [one for one in {*dir(cls), *arguments} if not one.startswith("_")]
    near = get_close_matches(name, sorted(public), n=3, cutoff=0.75)
    return f"There is {', '.join(near)}." if near else None

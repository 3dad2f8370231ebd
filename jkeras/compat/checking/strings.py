"""Finds names in strings that jkeras does not know: `compile(optimizer="ftrll")`, `Dense(8, activation="softmx")`."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable, Iterator

from jkeras import activations, constraints, initializers, losses, metrics, optimizers, regularizers
from jkeras.compat.checking.finding import Finding
from jkeras.compat.checking.script import OwnClass, Script
from jkeras.models import Model
from jkeras.training.arguments.checks import BY_SHAPE

_Get = Callable[[object], object]
_COMPILE: dict[str, _Get] = {
    "optimizer": optimizers.get,
    "loss": losses.get,
    "metrics": metrics.get,
    "weighted_metrics": metrics.get,
}
# What the last part of a parameter's name says about the strings it takes.
_BY_ENDING: dict[str, _Get] = {
    "activation": activations.get,
    "initializer": initializers.get,
    "regularizer": regularizers.get,
    "constraint": constraints.get,
}
_OF_ONE_LAYER = {"RandomFourierFeatures": {"gaussian", "laplacian"}}  # names that no other layer takes
# Names of the script's own come in by these.
_REGISTERING = {"get_custom_objects", "custom_object_scope", "CustomObjectScope", "register_keras_serializable"}


def unknown_strings(script: Script) -> Iterator[Finding]:
    """The strings in `compile` and in the arguments of layers, whose names are not known."""
    own = frozenset(_own(script.tree))
    for node in ast.walk(script.tree):
        if not isinstance(node, ast.Call) or id(node) in script.guarded:
            continue
        known = own | _OF_ONE_LAYER.get(getattr(script.object_of(node.func), "__name__", ""), set())
        for parameter, get, value in _named_parts(script, node):
            for leaf in _strings(value):
                problem = None if leaf.value.rpartition(">")[2] in known else _problem(get, parameter, leaf.value)
                if problem is not None:
                    yield Finding(leaf.line, f'{parameter}="{leaf.value}"', problem)


class _Leaf:
    def __init__(self, node: ast.Constant):
        self.line, self.value = node.lineno, str(node.value)


def _strings(value: ast.expr) -> Iterator[_Leaf]:
    """The strings in an argument, in lists and as values of dicts."""
    if isinstance(value, ast.Constant) and isinstance(value.value, str):
        yield _Leaf(value)
    elif isinstance(value, (ast.List, ast.Tuple)):
        for part in value.elts:
            yield from _strings(part)
    elif isinstance(value, ast.Dict):
        for part in value.values:
            yield from _strings(part)


def _problem(get: _Get, parameter: str, name: str) -> str | None:
    if parameter in ("loss", "metrics", "weighted_metrics") and name in BY_SHAPE:
        return None
    try:
        get(name)
    except (ValueError, TypeError) as error:
        return str(error).partition(" If it is your own")[0]
    return None


def _named_parts(script: Script, call: ast.Call) -> Iterator[tuple[str, _Get, ast.expr]]:
    """The arguments of a call that take names, with the functions that look these up."""
    if isinstance(call.func, ast.Attribute) and call.func.attr == "compile":
        keywords = {keyword.arg: keyword.value for keyword in call.keywords if keyword.arg}
        if _is_model(script, call.func.value):
            keywords |= _positional(Model.compile, call.args, skip=1)
        elif not keywords.keys() & {"loss", "metrics"}:
            return  # another `compile`
        yield from ((name, _COMPILE[name], value) for name, value in keywords.items() if name in _COMPILE)
        return
    called = script.object_of(call.func)
    if isinstance(called, type):
        arguments = {keyword.arg: keyword.value for keyword in call.keywords if keyword.arg}
        arguments |= _positional(called, call.args)
        for name, value in arguments.items():
            get = _BY_ENDING.get(name.rpartition("_")[2])
            if get is not None:
                yield name, get, value


def _is_model(script: Script, value: ast.expr) -> bool:
    classes = script.classes_of_value(value)
    own = [one for cls in classes for one in (cls.mro if isinstance(cls, OwnClass) else [cls])]
    return bool(classes) and any(isinstance(one, type) and issubclass(one, Model) for one in own)


def _positional(called: Callable[..., object], values: list[ast.expr], skip: int = 0) -> dict[str, ast.expr]:
    """The positional arguments of a call by the names of their parameters."""
    if any(isinstance(value, ast.Starred) for value in values):
        return {}
    try:
        parameters = [*inspect.signature(called).parameters.values()][skip:]
    except (TypeError, ValueError):
        return {}
    plain = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    return dict(zip(plain, values, strict=False))


def _own(tree: ast.Module) -> Iterator[str]:
    """Names that the script may have registered, if it registers any: of functions and classes, in dicts and arguments."""
    if not any(getattr(node, "attr", getattr(node, "id", None)) in _REGISTERING for node in ast.walk(tree)):
        return
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            yield node.name
        elif isinstance(node, ast.Dict):
            yield from (key.value for key in node.keys if isinstance(key, ast.Constant) and isinstance(key.value, str))
        elif isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant) and isinstance(node.slice.value, str):
            yield node.slice.value
        elif isinstance(node, ast.keyword) and node.arg:
            yield node.arg
            if node.arg == "name" and isinstance(node.value, ast.Constant):
                yield str(node.value.value)

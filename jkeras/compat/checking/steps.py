"""Finds a `train_step`, `test_step` or `predict_step` whose arguments fit none of the three forms."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from jkeras.compat.checking.finding import Finding
from jkeras.compat.checking.script import Script
from jkeras.models import Model

_STEPS = ("train_step", "test_step", "predict_step")
_HINT = """Write {name}(self, state, batch), with a TrainState; {name}(self, state, data), in Keras' form on JAX; or
{name}(self, data), in TensorFlow's."""


def unfit_steps(script: Script) -> Iterator[Finding]:
    """The steps of models that can be called neither with a state and a batch nor with data alone."""
    for node in ast.walk(script.tree):
        if not isinstance(node, ast.ClassDef):
            continue
        own = script.own_class(node)
        if own is None or not any(isinstance(one, type) and issubclass(one, Model) for one in own.mro):
            continue
        for method in node.body:
            if isinstance(method, ast.FunctionDef) and method.name in _STEPS and not _fits(method):
                shown = f"{node.name}.{method.name}({ast.unparse(method.args)})"
                yield Finding(method.lineno, shown, _HINT.format(name=method.name))


def _fits(method: ast.FunctionDef) -> bool:
    """Whether a method takes one argument or two besides `self`; a decorator may change that, so it counts as one that does."""
    if any(not ast.unparse(one).startswith(("tf.function", "function", "override")) for one in method.decorator_list):
        return True
    arguments = method.args
    if any(default is None for default in arguments.kw_defaults):
        return False  # an argument by keyword alone that has no default
    most = len(arguments.posonlyargs) + len(arguments.args)
    least = most - len(arguments.defaults)
    return least <= 3 and (most >= 2 or arguments.vararg is not None)

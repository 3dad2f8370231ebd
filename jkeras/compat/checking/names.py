"""Finds names in modules of Keras and TensorFlow that jkeras does not have, such as `tf.device`."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from jkeras.compat.checking.finding import Finding
from jkeras.compat.checking.script import Script
from jkeras.compat.hints import hint_for
from jkeras.compat.missing import nearest_names
from jkeras.compat.modules import find_name, known_names, place_of


def missing_names(script: Script) -> Iterator[Finding]:
    """The imports, and the chains of names that begin with an imported module."""
    for line, name in [*script.missing, *_chains(script)]:
        near = [] if hint_for(name) else nearest_names(name, known_names(name.rpartition(".")[0]))
        yield Finding(line, name, hint_for(name) or (f"There is {', '.join(near)}." if near else None))


def _chains(script: Script) -> Iterator[tuple[int, str]]:
    inner = {id(node.value) for node in ast.walk(script.tree) if isinstance(node, ast.Attribute)}
    for node in ast.walk(script.tree):
        if isinstance(node, ast.Attribute) and id(node) not in inner and id(node) not in script.guarded:
            root, *parts = _parts(node)
            if root in script.modules:
                yield from _first_missing(node.lineno, script.modules[root], parts)


def _parts(node: ast.expr) -> list[str]:
    """The parts of `a.b.c`; those of anything that does not begin with a name have no root."""
    if isinstance(node, ast.Attribute):
        return [*_parts(node.value), node.attr]
    return [node.id if isinstance(node, ast.Name) else ""]


def _first_missing(line: int, module: str, parts: list[str]) -> Iterator[tuple[int, str]]:
    for part in parts:
        full = f"{module}.{part}"
        if place_of(full):
            module = full
            continue
        if not part.startswith("__") and not find_name(full):
            yield line, full
        return

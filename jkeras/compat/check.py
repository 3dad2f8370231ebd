"""Checks a script before it runs: which missing names of Keras and TensorFlow it uses, with their lines.

The script is read, not run. Names are followed from the imports through attributes (`tf.data.Dataset`), and no further. So the
list may be incomplete, and it includes lines in branches that are never taken.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple

from jkeras.compat.finder import NAMES
from jkeras.compat.missing import is_tensorflow
from jkeras.compat.modules import find_name, place_of


class Absent(NamedTuple):
    """A name that is missing.

    Attributes:
        line: where the script uses it.
        name: in full, such as `tensorflow.GradientTape`.
        is_tensorflow: whether it is TensorFlow's own rather than Keras'.
    """

    line: int
    name: str
    is_tensorflow: bool


def check_script(source: str, filename: str = "<script>") -> list[Absent]:
    """The names of Keras and TensorFlow in a script that jkeras does not have, in the order of their lines.

    Args:
        source: the text of the script.
        filename: for the error if it is not Python.

    Raises:
        SyntaxError: the text is not Python.

    Example:
        >>> check_script("import tensorflow as tf\\nx = tf.constant(1)\\ntf.lite.Interpreter()")
        [Absent(line=3, name='tensorflow.lite', is_tensorflow=True)]
    """
    tree = ast.parse(source, filename)
    known: dict[str, str] = {}
    found = [*_imports(tree, known), *_attributes(tree, known)]
    return sorted({Absent(line, name, is_tensorflow(name)) for line, name in found})


def _imports(tree: ast.AST, known: dict[str, str]) -> Iterator[tuple[int, str]]:
    """Imported names that are missing; `known` gets the names under which the script has the others."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.partition(".")[0] not in NAMES:
                    continue
                if place_of(alias.name):
                    root = alias.name.partition(".")[0]
                    known[alias.asname or root] = alias.name if alias.asname else root
                else:
                    yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom) and node.module and node.module.partition(".")[0] in NAMES:
            if not place_of(node.module):
                yield node.lineno, node.module
                continue
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                if alias.name == "*":
                    continue
                if place_of(full):
                    known[alias.asname or alias.name] = full
                elif not find_name(full):
                    yield node.lineno, full


def _attributes(tree: ast.AST, known: dict[str, str]) -> Iterator[tuple[int, str]]:
    inner = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and id(node) not in inner:
            chain = _chain(node)
            if chain and chain[0] in known:
                yield from _first_absent(node.lineno, known[chain[0]], chain[1:])


def _chain(node: ast.expr) -> list[str]:
    """The parts of `a.b.c`; none if it does not begin with a name."""
    if isinstance(node, ast.Name):
        return [node.id]
    if isinstance(node, ast.Attribute) and (above := _chain(node.value)):
        return [*above, node.attr]
    return []


def _first_absent(line: int, module: str, parts: list[str]) -> Iterator[tuple[int, str]]:
    for part in parts:
        full = f"{module}.{part}"
        if place_of(full):
            module = full
            continue
        if not part.startswith("__") and not find_name(full):
            yield line, full
        return

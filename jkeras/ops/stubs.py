"""The text of `__init__.pyi`: every operation's signature, for editors and type checkers.

After changing operations write it again:

    python -c "from jkeras.ops.stubs import write; write()"
"""

from __future__ import annotations

import inspect
import textwrap
from pathlib import Path

from jkeras.ops.wrapper import Function, operations

PATH = Path(__file__).with_name("__init__.pyi")

_HEADER = '''"""Written by `jkeras.ops.stubs`: the operations, which tables define at run time."""

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
from jax.typing import DTypeLike

from jkeras._base.types import Tensor, Tree
from jkeras.ops import image as image
from jkeras.ops import linalg as linalg
from jkeras.ops import nn as nn
from jkeras.ops import numpy as numpy

Axis: TypeAlias = int | Sequence[int] | None
Shape: TypeAlias = int | Sequence[int]
'''

_WIDTH = 130
_STARS: dict[object, str] = {inspect.Parameter.VAR_POSITIONAL: "*", inspect.Parameter.VAR_KEYWORD: "**"}


def render() -> str:
    """The stub's text."""
    return _HEADER + "".join(_stub(name, op) for name, op in sorted(operations().items()))


def write() -> None:
    """Write the stub beside this file."""
    PATH.write_text(render())


def _stub(name: str, op: Function) -> str:
    signature = inspect.signature(op)
    parts = _parameters(signature)
    result = f") -> {signature.return_annotation}:"
    sentence = textwrap.wrap((op.__doc__ or "").partition("\n\n")[0], _WIDTH - 10)
    doc = "\n    ".join([*sentence, ""] if len(sentence) > 1 else sentence)
    head = f"def {name}({', '.join(parts)}{result}"
    if len(head) > _WIDTH:
        inner = f"    {', '.join(parts)}\n"
        if len(inner) > _WIDTH + 1:
            inner = "".join(f"    {part},\n" for part in parts)
        head = f"def {name}(\n{inner}{result}"
    return f'\n{head}\n    """{doc}"""\n'


def _parameters(signature: inspect.Signature) -> list[str]:
    parts: list[str] = []
    for p in signature.parameters.values():
        if p.kind is p.KEYWORD_ONLY and not any(part.startswith("*") for part in parts):
            parts.append("*")
        default = "" if p.default is p.empty else f" = {_literal(p.default)}"
        parts.append(f"{_STARS.get(p.kind, '')}{p.name}: {p.annotation}{default}")
    return parts


def _literal(value: object) -> str:
    return f'"{value}"' if isinstance(value, str) else repr(value)

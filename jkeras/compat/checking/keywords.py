"""Finds arguments by names that a function of the stand-in for `tensorflow` does not take: `tf.cumsum(x, along=1)`."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator

from jkeras.compat.checking.finding import Finding
from jkeras.compat.checking.script import Script
from jkeras.compat.missing import is_tensorflow
from jkeras.compat.modules import find_object


def unknown_keywords(script: Script) -> Iterator[Finding]:
    """The arguments of calls by full names, where the signature lists all that the function takes."""
    for node in ast.walk(script.tree):
        if not isinstance(node, ast.Call) or not node.keywords or id(node) in script.guarded:
            continue
        full = script.full_name(node.func)
        known = _keywords(find_object(full)) if full is not None and is_tensorflow(full) else None
        if known is not None:
            for keyword in node.keywords:
                if keyword.arg is not None and keyword.arg not in known:
                    yield Finding(keyword.lineno, f"{full}({keyword.arg}=)", f"It takes {', '.join(known)}.")


def _keywords(function: object) -> list[str] | None:
    """The names that a function or class takes; None if it may take others."""
    if not callable(function) or not str(getattr(function, "__module__", "")).startswith(f"{__name__.partition('.')[0]}."):
        return None
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return None
    if any(one.kind is one.VAR_KEYWORD for one in parameters):
        return None
    return [one.name for one in parameters if one.kind in (one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY)]

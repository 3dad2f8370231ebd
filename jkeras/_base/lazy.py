"""Names of a package that are loaded on first use, so that `import jkeras` does not wait for what few scripts need."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from typing import Any

from jkeras._base.registry import entered_by


def lazy_names(
    package: str, table: dict[str, str], kind: str | None = None
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """The `__getattr__` and `__dir__` of a package that loads some names on first use.

    Args:
        package: the package's `__name__`.
        table: `{module: "the names that it holds"}`; for a module in this package its own name stands for itself.
        kind: of parts of models, such as `"layers"`, if the names are such: strings and files may name them too.

    Returns:
        Two functions for the package to bind. A name is loaded once, then it is an attribute like any other.

    Example:
        >>> load, names = lazy_names("jkeras", {"jkeras.backend": "backend"})
        >>> load("backend").epsilon()
        1e-07
    """

    if kind is not None:
        entered_by(kind, table)
    names = {name: module for module, held in table.items() for name in held.split()}

    def load(name: str) -> Any:
        if name not in names:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        module = importlib.import_module(names[name])
        value = module if names[name] == f"{package}.{name}" else getattr(module, name)
        setattr(sys.modules[package], name, value)
        return value

    def listed() -> list[str]:
        return sorted({*vars(sys.modules[package]), *names})

    return load, listed

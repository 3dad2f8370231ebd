"""Packages that see no `tensorflow` while they are imported.

They do all their work without TensorFlow, and hand part of it to TensorFlow's own kinds of tensors where it is installed. Which
of both they do, they decide when they are imported. A script may import the stand-in before or after them.

Python looks into `sys.modules`, which all threads share, before it asks any finder. So while such a package is imported, no
thread finds the stand-in there. Other threads may import it all the same; then the package sees it too.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import Loader
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any


class Hiding(threading.local):
    """Whether the stand-in for `tensorflow` is hidden now from this thread."""

    active = False

    @contextmanager
    def block(self) -> Iterator[None]:
        """A block in which `import tensorflow` is an ImportError, even if it was imported before."""
        outer, self.active = self.active, True
        loaded = {name: module for name, module in [*sys.modules.items()] if name.partition(".")[0] == "tensorflow"}
        for name in loaded:
            sys.modules.pop(name, None)
        try:
            yield
        finally:
            sys.modules.update(loaded)
            self.active = outer


class _Loader(Loader):
    """Another loader, which runs a module while `tensorflow` is hidden."""

    def __init__(self, loader: Loader, hiding: Hiding):
        self._loader, self._hiding = loader, hiding

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        with self._hiding.block():
            self._loader.exec_module(module)

    def __getattr__(self, name: str) -> object:
        return getattr(self._loader, name)


def hiding_spec(name: str, path: Sequence[str] | None, hiding: Hiding, others: Iterable[Any]) -> ModuleSpec | None:
    """The spec of an installed module, which runs while `tensorflow` is hidden; None if it is not installed.

    Args:
        name: of the module.
        path: of the package that it is in.
        hiding: by which the finder of `tensorflow` goes.
        others: finders to ask for it.
    """
    spec = spec_of_others(name, path, others)
    if spec is not None:
        spec.loader = None if spec.loader is None else _Loader(spec.loader, hiding)
    return spec


def spec_of_others(name: str, path: Sequence[str] | None, others: Iterable[Any]) -> ModuleSpec | None:
    """What other finders know of a module; None if none of them does."""
    for finder in others:
        find = getattr(finder, "find_spec", None)  # Python passes over finders without it
        spec: ModuleSpec | None = None if find is None else find(name, path)
        if spec is not None:
            return spec
    return None

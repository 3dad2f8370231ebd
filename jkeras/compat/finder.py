"""The import hook: a finder on `sys.meta_path` that makes jkeras' modules for those of Keras and TensorFlow."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

from jkeras.compat import keras_table, tensorflow_table
from jkeras.compat.missing import MissingModuleError, missing_text
from jkeras.compat.modules import make_module

# The top-level names that are taken over.
NAMES = frozenset(root.partition(".")[0] for root in (*keras_table.ROOTS, *tensorflow_table.PLACES))
# Packages that need TensorFlow itself: importing them says what to write instead.
NEEDS_TENSORFLOW = frozenset({"tensorflow_datasets"})
# The package `tensorboard` imports this module to learn that there is no TensorFlow whose file system it could use.
NO_TENSORFLOW = "tensorboard.compat.notf"


class CompatFinder(MetaPathFinder):
    """Finds `keras`, `tensorflow` and their submodules; for a missing one it raises rather than let other finders look."""

    def find_spec(self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None) -> ModuleSpec | None:
        if name == NO_TENSORFLOW:
            return ModuleSpec(name, Empty())
        if name in NEEDS_TENSORFLOW:
            raise MissingModuleError(missing_text(name, ()))
        if name.partition(".")[0] not in NAMES:
            return None
        return ModuleSpec(name, _Made(make_module(name)), is_package=True)


class _Made(Loader):
    """Returns a finished module."""

    def __init__(self, module: ModuleType):
        self.module = module

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return self.module

    def exec_module(self, module: ModuleType) -> None:
        """Nothing to do."""


class Empty(Loader):
    """A module with nothing in it."""

    def create_module(self, spec: ModuleSpec) -> None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        """Nothing to run."""

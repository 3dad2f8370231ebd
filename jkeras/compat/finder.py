"""The import hook: a finder on `sys.meta_path` that makes jkeras' modules for those of Keras and TensorFlow.

The stand-in for `tensorflow` is offered to packages too, not only to scripts. A package that asks `try: import tensorflow` finds
it, and works because what it may ask next is there, or is missing in the way Python says it: a module that is not there is an
ImportError, a name an AttributeError, and the classes that `isinstance` asks for exist. Where a package does more with TensorFlow
if it is there, `install(tensorflow=False)` leaves the name `tensorflow` alone, and `install(without_tensorflow=(name, ...))`
hides it from such packages while they are imported (`hidden.py`).
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from importlib.abc import Loader
from importlib.machinery import ModuleSpec
from importlib.metadata import DistributionFinder
from types import ModuleType

from jkeras.compat import keras_table, tensorflow_table
from jkeras.compat.hidden import Hiding, hiding_spec, spec_of_others
from jkeras.compat.identity import CompatDistribution, distributions
from jkeras.compat.missing import MissingModuleError, missing_text
from jkeras.compat.modules import make_module

# The top-level names that are taken over.
NAMES = frozenset(root.partition(".")[0] for root in (*keras_table.ROOTS, *tensorflow_table.PLACES))
# Packages that need TensorFlow itself: importing them says what to write instead.
NEEDS_TENSORFLOW = frozenset({"tensorflow_addons", "tensorflow_datasets", "tensorflow_hub", "tensorflow_text"})
# The package `tensorboard` imports this module to learn that there is no TensorFlow whose file system it could use.
NO_TENSORFLOW = "tensorboard.compat.notf"


class CompatFinder(DistributionFinder):
    """Finds `keras`, `tensorflow`, their submodules and versions; for a missing one it raises rather than let others look.

    Args:
        names: the top-level modules that it stands for.
        without_tensorflow: modules from which it hides `tensorflow` while they are imported.
    """

    def __init__(self, names: frozenset[str] = NAMES, without_tensorflow: Iterable[str] = ()):
        self.names = names
        self.without_tensorflow = frozenset(without_tensorflow)
        self.hiding = Hiding()

    def find_spec(self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None) -> ModuleSpec | None:
        if name == NO_TENSORFLOW:
            return ModuleSpec(name, Empty())
        if name in NEEDS_TENSORFLOW:
            raise MissingModuleError(missing_text(name, ()))
        others = (finder for finder in sys.meta_path if finder is not self)
        if name in self.without_tensorflow and "tensorflow" in self.names:
            return hiding_spec(name, path, self.hiding, others)
        if name.partition(".")[0] not in self.names:
            return None
        if self.hiding.active and name.partition(".")[0] == "tensorflow":
            if spec_of_others(name, path, others) is not None:
                raise ModuleNotFoundError(f"No module named {name!r}", name=name)
            return None
        return ModuleSpec(name, _Made(make_module(name)), is_package=True)

    def find_distributions(self, context: DistributionFinder.Context | None = None) -> Iterable[CompatDistribution]:
        """For `importlib.metadata`: what it stands for, as if installed."""
        return distributions(context.name if context else None, self.names)


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

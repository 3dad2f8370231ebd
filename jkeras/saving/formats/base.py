"""`Format`: what every file format says of itself and can do.

A format tells its own files by their content, is chosen by a suffix for writing, and reads and writes. A new one is a class in
a file of its own, and an entry in the list in `known.py`; nothing else knows the formats one by one.
"""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, ClassVar

from jkeras._base.errors import FileFormatError
from jkeras._base.types import CustomObjects
from jkeras._safe_io.sources import Source
from jkeras.saving.model_classes import Model

Target = Path | BinaryIO

_WEIGHTS_ONLY = """{where}: holds weights, but no architecture. Build the model as it was, and write

    model.load_weights({where!r})
"""


@dataclass(frozen=True, kw_only=True)
class WriteOptions:
    """What a caller may ask for when a file is written.

    Args:
        include_optimizer: whether optimizer, `compile` and resume state are written with a whole model.
        zipped: False writes a folder.
        max_shard_size: gigabytes per file.
        objects_to_skip: layers whose weights are left out.
    """

    include_optimizer: bool = True
    zipped: bool | None = None
    max_shard_size: float | None = None
    objects_to_skip: tuple[object, ...] | None = None


@dataclass(frozen=True, kw_only=True)
class ReadOptions:
    """What a caller may ask for when a file is read.

    Args:
        custom_objects: `{name: class or function}` for what is not Keras' own.
        compile: whether the model is compiled as it was.
        optimizer: whether optimizer and resume state are read with weights.
        skip_mismatch: leave out weights that do not fit, with a warning.
        by_name: match layers by name.
        objects_to_skip: layers that keep their weights.
    """

    custom_objects: CustomObjects = None
    compile: bool = True
    optimizer: bool = False
    skip_mismatch: bool = False
    by_name: bool = False
    objects_to_skip: tuple[object, ...] | None = None


class Format(ABC):
    """A file format.

    Attributes:
        title: what it is, for messages.
        suffixes: of files that are written in it, the usual one first.
        names: values of Keras 2's argument `save_format` for it.
        whole: whether it holds whole models, rather than weights alone.
        takes: the options that not every format takes, of `zipped`, `max_shard_size`, `by_name` and `objects_to_skip`.
    """

    title: ClassVar[str]
    suffixes: ClassVar[tuple[str, ...]]
    names: ClassVar[tuple[str, ...]] = ()
    whole: ClassVar[bool] = False
    takes: ClassVar[frozenset[str]] = frozenset()

    @abstractmethod
    def sniff(self, source: Source) -> bool:
        """Whether the content of a file is of this format."""

    @abstractmethod
    def write(self, target: Target, model: Model, options: WriteOptions) -> None:
        """Write a model, or its weights; nothing is left behind, and nothing lost, if that fails."""

    def read(self, source: Source, options: ReadOptions) -> Model:
        """Make the model that a file holds; an error for formats of weights alone."""
        raise FileFormatError(_WEIGHTS_ONLY.format(where=source.where))

    def read_weights(self, source: Source, model: Model, options: ReadOptions) -> None:
        """Read the weights of a file into a built model, all or none."""
        model.set_weights(self.read(source, ReadOptions(compile=False)).get_weights())

    def claim(self, path: Path, options: WriteOptions) -> int:
        """How strongly a path asks for this format: the length of its suffix, 0 if it is not one of these."""
        return max((len(suffix) for suffix in self.suffixes if path.name.lower().endswith(suffix)), default=0)


@contextlib.contextmanager
def errors_name(where: str) -> Iterator[None]:
    """Let errors of the block name the file and the place in it, unless they already do."""
    try:
        yield
    except FileFormatError as error:
        if str(error).startswith(where.partition(": ")[0]):
            raise
        raise type(error)(f"{where}: {error}") from error

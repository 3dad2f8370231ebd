"""Stored arrays and the boxes they are for: plan first, read then, assign last.

A `Plan` collects pairs of a box and a stored array. Nothing is read while it grows: shapes and types are compared, and what does
not fit is noted. Then `read` looks at the whole: too much memory for such a file, or anything that does not fit, and not a single
number is read. Only when all arrays are there do the boxes get them. So a failed load leaves a model as it was.
"""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jkeras._base.errors import FileFormatError, UnsafeFileError
from jkeras.saving.hdf5_door import StoredArray
from jkeras.saving.together import read_together
from jkeras.state.variable import Variable, gate, materialize, put_value

# A packed file may be much smaller than what it holds, as zeros pack well; but not by any factor.
_FLOOR, _MOST_PACKED = 32 << 20, 100
_SHOWN = 5


class Item(NamedTuple):
    """Boxes that are read together.

    Args:
        boxes: where the arrays go.
        stored: the arrays.
        convert: makes the boxes' arrays of the stored ones, where an old layer stored them otherwise.
    """

    boxes: Sequence[Variable]
    stored: Sequence[StoredArray]
    convert: Callable[[list[np.ndarray]], Sequence[np.ndarray]] | None = None


class Plan:
    """What is to be read from a file.

    Args:
        where: the file, for messages.
        skip_mismatch: whether what does not fit is left out, with a warning, instead of refused.
    """

    def __init__(self, where: str, skip_mismatch: bool = False):
        self.where, self.skip_mismatch = where, skip_mismatch
        self.items: list[Item] = []
        self.problems: list[str] = []
        self._extra: list[StoredArray] = []

    def match(self, owner: str, boxes: Sequence[Variable], stored: Sequence[StoredArray]) -> None:
        """Pair the boxes of a layer with arrays, in order; note what does not fit.

        Args:
            owner: the layer, for messages.
            boxes: its weights.
            stored: as many arrays.
        """
        misfits = [text for box, array in zip(boxes, stored, strict=True) if (text := misfit(owner, box, array))]
        self.problems += misfits
        if not misfits:
            self.items.append(Item(boxes, stored))

    def count(self, stored: Sequence[StoredArray]) -> None:
        """Let arrays that are read otherwise count for the whole."""
        self._extra += stored

    def read(self) -> list[tuple[Variable, jax.Array]]:
        """Read everything.

        Raises:
            FileFormatError: something does not fit, and `skip_mismatch` is off.
            UnsafeFileError: the file is far too small for what it claims to hold.
        """
        self._report()
        arrays = [array for item in self.items for array in item.stored] + self._extra
        check_total(self.where, arrays)
        pairs: list[tuple[Variable, jax.Array]] = []
        found = read_together([array for item in self.items for array in item.stored])
        for item in self.items:
            values: Sequence[np.ndarray] = list(itertools.islice(found, len(item.stored)))
            values = values if item.convert is None else item.convert(list(values))
            pairs += [(box, jnp.asarray(value, box.dtype)) for box, value in zip(item.boxes, values, strict=True)]
        return pairs

    def _report(self) -> None:
        if not self.problems:
            return
        shown = "".join(f"\n  {text}" for text in self.problems[:_SHOWN])
        more = f"\n  ... and {len(self.problems) - _SHOWN} more" if len(self.problems) > _SHOWN else ""
        if not self.skip_mismatch:
            raise FileFormatError(
                f"{self.where}: its weights do not fit the model.{shown}{more}\n"
                "Build the model that was saved, or load what fits with load_weights(path, skip_mismatch=True)."
            )
        warnings.warn(f"{self.where}: these weights do not fit the model and were left out.{shown}{more}", stacklevel=4)


def misfit(owner: str, box: Variable, stored: StoredArray) -> str | None:
    """What is wrong with an array for a box; None where it fits."""
    if stored.shape != box.shape:
        return f"{owner}: weight {box.name!r} has shape {box.shape}; the file has {stored.shape} at {stored.path}"
    if not stored.fits(box.dtype):
        return f"{owner}: weight {box.name!r} is {box.dtype}; the file has {stored.dtype} at {stored.path}"
    return None


def fits(boxes: Sequence[Variable], stored: Sequence[StoredArray]) -> bool:
    """Whether as many arrays are stored as there are boxes, each of its box's shape and type."""
    return len(boxes) == len(stored) and not any(misfit("", box, array) for box, array in zip(boxes, stored))


def check_total(where: str, arrays: Sequence[StoredArray]) -> None:
    """Refuse arrays that take far more memory than their file has bytes."""
    total = sum(array.bytes for array in arrays)
    sizes = {array.where: array.file_bytes for array in arrays}
    if total > max(_FLOOR, _MOST_PACKED * sum(sizes.values())):
        raise UnsafeFileError(f"{where}: a file of {sum(sizes.values())} bytes claims to hold {total} bytes of weights.")


def assign(pairs: Sequence[tuple[Variable, jax.Array]]) -> None:
    """Give boxes arrays that nobody else holds."""
    with gate:
        for box, value in pairs:
            put_value(box, value)


class HostValues:
    """Arrays of boxes for writing, none of them copied, where the platform allows it.

    As a context it keeps the arrays where they are: a training run in another thread waits with its next step.

    Args:
        boxes: all that will be asked for; those without a value draw it, in one call.
    """

    def __init__(self, boxes: Sequence[Variable]):
        self._boxes = boxes

    def __enter__(self) -> Callable[[Variable], np.ndarray]:
        gate.acquire()
        materialize(self._boxes)
        return _value_of

    def __exit__(self, *_: Any) -> None:
        gate.release()


def _value_of(box: Variable) -> np.ndarray:
    if box._value is None:  # one that a layer stores, and no layer holds
        materialize([box])
    return np.asarray(box._value)

"""Stored arrays and the Variables they are for: plan first, then read, assign last.

A `Plan` collects pairs of a Variable and a stored array. Nothing is read while it grows: shapes and types are compared, and
misfits are noted. Then `read` looks at the whole: if anything does not fit, or it takes too much memory for such a file, not a
single number is read. The Variables get their arrays only when all are there. So a failed load leaves a model as it was.
"""

from __future__ import annotations

import contextlib
import itertools
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import jax
import numpy as np

from jkeras._base.errors import FileFormatError, UnsafeFileError
from jkeras._safe_io.parallel import read_parallel
from jkeras._safe_io.stored_array import StoredArray
from jkeras.state.spread import as_before, put_at, whole
from jkeras.state.variable import Variable, gate, materialize, place_of, put_value

# A packed file may be much smaller than its content, as zeros pack well; but not by any factor.
_FLOOR, _MOST_PACKED = 32 << 20, 100
_SHOWN = 5


class Item(NamedTuple):
    """Variables that are read together.

    Args:
        variables: where the arrays go.
        stored: the arrays.
        convert: turns stored arrays into the Variables', if an old layer stored them in another form.
    """

    variables: Sequence[Variable]
    stored: Sequence[StoredArray]
    convert: Callable[[list[np.ndarray]], Sequence[np.ndarray]] | None = None


class Plan:
    """What to read from a file.

    Args:
        where: the file, for messages.
        skip_mismatch: whether misfits are left out, with a warning, instead of refused.
    """

    def __init__(self, where: str, skip_mismatch: bool = False):
        self.where, self.skip_mismatch = where, skip_mismatch
        self.items: list[Item] = []
        self.problems: list[str] = []

    def match(self, owner: str, variables: Sequence[Variable], stored: Sequence[StoredArray]) -> None:
        """Pair the Variables of a layer with as many arrays, in order; note misfits."""
        misfits = [text for variable, array in zip(variables, stored, strict=True) if (text := misfit(owner, variable, array))]
        self.problems += misfits
        if not misfits:
            self.items.append(Item(variables, stored))

    def read(self, elsewhere: Sequence[StoredArray] = ()) -> list[tuple[Variable, jax.Array]]:
        """Read everything.

        Args:
            elsewhere: arrays that are read elsewhere, and count towards the total.

        Raises:
            FileFormatError: something does not fit, and `skip_mismatch` is off.
            UnsafeFileError: the file is far too small for what it claims to hold.
        """
        self._report()
        arrays = [array for item in self.items for array in item.stored]
        check_total(self.where, [*arrays, *elsewhere])
        pairs: list[tuple[Variable, jax.Array]] = []
        found = read_parallel(arrays)
        for item in self.items:
            values: Sequence[np.ndarray] = list(itertools.islice(found, len(item.stored)))
            values = values if item.convert is None else item.convert(list(values))
            pairs += [
                (variable, put_at(value, variable.dtype, place_of(variable)))
                for variable, value in zip(item.variables, values, strict=True)
            ]
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


def misfit(owner: str, variable: Variable, stored: StoredArray) -> str | None:
    """Why an array does not fit a Variable; None if it does."""
    if stored.shape != variable.shape:
        return f"{owner}: weight {variable.name!r} has shape {variable.shape}; the file has {stored.shape} at {stored.path}"
    if not stored.fits(variable.dtype):
        return f"{owner}: weight {variable.name!r} is {variable.dtype}; the file has {stored.dtype} at {stored.path}"
    return None


def fits(variables: Sequence[Variable], stored: Sequence[StoredArray]) -> bool:
    """Whether there is one array for each Variable, of its shape and type."""
    return len(variables) == len(stored) and not any(misfit("", variable, array) for variable, array in zip(variables, stored))


def check_total(where: str, arrays: Sequence[StoredArray]) -> None:
    """Refuse arrays that take far more memory than their file has bytes."""
    total = sum(array.bytes for array in arrays)
    sizes = {array.where: array.file_bytes for array in arrays}
    if total > max(_FLOOR, _MOST_PACKED * sum(sizes.values())):
        raise UnsafeFileError(f"{where}: a file of {sum(sizes.values())} bytes claims to hold {total} bytes of weights.")


def assign(pairs: Sequence[tuple[Variable, jax.Array]]) -> None:
    """Assign arrays that nobody else holds; they go to the devices of those that they replace."""
    with gate:
        for variable, value in pairs:
            put_value(variable, value if variable._value is None else as_before(value, variable._value))


@contextlib.contextmanager
def host_values(variables: Sequence[Variable]) -> Iterator[Callable[[Variable], np.ndarray]]:
    """Arrays of Variables for writing, without a copy where the platform allows it.

    The arrays stay in place until the block ends: a training run in another thread waits before its next step. Variables without
    a value draw it, in one call.
    """
    with gate:
        materialize(variables)
        yield _value_of


def _value_of(variable: Variable) -> np.ndarray:
    if variable._value is None:  # one that a layer stores but no layer holds
        materialize([variable])
    assert variable._value is not None
    return whole(variable._value)

"""`.safetensors`: a table of names, dtypes and shapes, followed by the bytes of the weights; nothing in it can run.

A weight's name is its path, `dense/kernel`, in the layouts that Keras uses. The numbers that default layer names get in one
process are left out, so that a model which is made again finds its weights. Names and shapes are compared with the model before
any array is read, and either all weights are assigned or none.

Reading needs the package safetensors: `pip install "jkeras[files]"`.
"""

from __future__ import annotations

import json
import os
import struct
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np

from jkeras._base.atomic import atomic_file, is_discarding
from jkeras._base.errors import FileFormatError, NoFileError
from jkeras._safe_io.sources import Source
from jkeras.layer.base import Layer
from jkeras.layer.tracking import weight_entries
from jkeras.saving.formats.base import Format, ReadOptions, Target, WriteOptions
from jkeras.saving.matching import assign, host_values
from jkeras.saving.model_classes import Model
from jkeras.state.spread import put_at
from jkeras.state.variable import Variable, place_of

_NO_SAFETENSORS = """{what} needs the package safetensors. Write

    pip install "jkeras[files]"
"""
_DIFFERS = """{path} does not hold the weights of {model!r}:
{lines}
Build the model as it was when it was saved, or pass skip_mismatch=True to read only what fits."""
_SHOWN = 8
_NAMES = {
    **{f"{kind}{bits}": f"{kind[0].upper()}{bits}" for kind in ("int", "uint") for bits in (8, 16, 32, 64)},
    "float16": "F16",
    "float32": "F32",
    "float64": "F64",
    "bfloat16": "BF16",
    "bool": "BOOL",
    "complex64": "C64",
    "float8_e4m3fn": "F8_E4M3",
    "float8_e5m2": "F8_E5M2",
}
_KINDS = {"BF16": "f", "F": "f", "I": "i", "U": "u", "BOOL": "b", "C": "c"}


class Safetensors(Format):
    """`.safetensors`."""

    title = "for other libraries"
    suffixes = (".safetensors",)

    def sniff(self, source: Source) -> bool:
        start = source.start
        return start[8:9] == b"{" and (b'"__metadata__"' in start or b'"data_offsets"' in start)

    def write(self, target: Target, model: Model, options: WriteOptions) -> None:
        assert isinstance(target, Path)  # an open file has no suffix, so it does not ask for this format
        save_safetensors(model, target)

    def read_weights(self, source: Source, model: Model, options: ReadOptions) -> None:
        if source.path is None:
            raise FileFormatError(f"{source.where}: is a safetensors file. Give its path, which the package safetensors needs.")
        load_safetensors(model, source.path, options.skip_mismatch)


def save_safetensors(
    model: Layer, filepath: str | os.PathLike[str], overwrite: bool = True, metadata: Mapping[str, str] | None = None
) -> None:
    """Write the weights of a model.

    Args:
        model: a built model or layer.
        filepath: of the file; a missing folder is made.
        overwrite: whether an existing file is replaced.
        metadata: texts to store beside the weights.

    Raises:
        FileExistsError: there is such a file and `overwrite=False`.
        ValueError: the model is not built.

    Example:
        >>> import tempfile, jkeras
        >>> path = os.path.join(tempfile.mkdtemp(), "model.safetensors")
        >>> model = jkeras.Sequential([jkeras.Input((4,)), jkeras.layers.Dense(2)])
        >>> save_safetensors(model, path)
        >>> from safetensors import safe_open
        >>> with safe_open(path, framework="np") as file:
        ...     print(sorted(file.keys()))
        ['dense/bias', 'dense/kernel']
    """
    if not overwrite and os.path.exists(filepath):
        raise FileExistsError(f"{os.fspath(filepath)} exists, and overwrite=False. Pass overwrite=True, or give another path.")
    variables = _variables_of(model, "save_safetensors")
    texts = {"format": "jkeras", **{str(k): str(v) for k, v in (metadata or {}).items()}}
    # The largest numbers first, so that all begin at multiples of their size, as readers want it.
    listed = sorted(variables.items(), key=lambda item: (-jnp.dtype(item[1].stored_dtype).itemsize, item[0]))
    with atomic_file(filepath) as temporary, open(temporary, "wb") as file, host_values(list(variables.values())) as value:
        file.write(_header(listed, texts))
        for _, variable in listed:  # one after the other: the memory of one is enough
            array = np.ascontiguousarray(value(variable))
            if not is_discarding():
                file.write(array.reshape(-1).view(np.uint8).data)


def load_safetensors(model: Layer, filepath: str | os.PathLike[str], skip_mismatch: bool = False) -> None:
    """Read the weights of a model.

    Args:
        model: a built model or layer.
        filepath: of the file. Its floats may be of another precision than the model's.
        skip_mismatch: leave out weights that are missing in the file or have another shape, with a warning.

    Raises:
        ImportError: the package safetensors is missing.
        FileNotFoundError: there is no such file.
        FileFormatError: it is damaged, or not of this model; the message names the weights that differ.
        ValueError: the model is not built.

    Example:
        >>> import tempfile, jkeras
        >>> path = os.path.join(tempfile.mkdtemp(), "model.safetensors")
        >>> first, second = (jkeras.Sequential([jkeras.Input((4,)), jkeras.layers.Dense(2)]) for _ in range(2))
        >>> save_safetensors(first, path)
        >>> load_safetensors(second, path)
        >>> bool((first.get_weights()[0] == second.get_weights()[0]).all())
        True
    """
    library = _library("load_safetensors")
    path = Path(filepath)
    if not path.is_file():
        raise NoFileError(f"{path} is not a file. Give the path of a .safetensors file.")
    variables = _variables_of(model, "load_safetensors")
    try:
        with library.safe_open(path, framework="np") as file:
            wanted = _plan(model, variables, file, path, skip_mismatch)
            arrays = [
                (variable, put_at(file.get_tensor(name), variable.stored_dtype, place_of(variable)))
                for name, variable in wanted.items()
            ]
    except library.SafetensorError as error:
        raise FileFormatError(f"{path} is not a safetensors file, or damaged: {error}.") from error
    assign(arrays)


def _header(listed: Sequence[tuple[str, Variable]], metadata: Mapping[str, str]) -> bytes:
    """The length of the table in 8 bytes, and the table, filled up to a multiple of 8."""
    table: dict[str, object] = {"__metadata__": metadata}
    end = 0
    for name, variable in listed:
        start, end = end, end + variable.size * jnp.dtype(variable.stored_dtype).itemsize
        table[name] = {"dtype": _NAMES[variable.stored_dtype], "shape": list(variable.shape), "data_offsets": [start, end]}
    text = json.dumps(table, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text


def _plan(model: Layer, variables: dict[str, Variable], file: Any, path: Path, skip_mismatch: bool) -> dict[str, Variable]:
    """The weights to read; names, shapes and kinds of dtype are compared first."""
    stored = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118 (it is not a dict)
    wrong = {name: text for name, variable in variables.items() if (text := _difference(variable, stored.get(name)))}
    for name in sorted(stored.keys() - variables):
        wrong[name] = f"{tuple(stored[name].get_shape())} in the file, none in the model"
    if not wrong:
        return variables
    listed = [f"    {name}: {text}" for name, text in list(wrong.items())[:_SHOWN]]
    lines = "\n".join(listed + [f"    ... and {len(wrong) - _SHOWN} more"] * (len(wrong) > _SHOWN))
    text = _DIFFERS.format(path=path, model=model.name, lines=lines)
    if not skip_mismatch:
        raise FileFormatError(text)
    warnings.warn(f"Skipped:\n{lines}\nin {path}.", stacklevel=3)
    return {name: variable for name, variable in variables.items() if name not in wrong}


def _difference(variable: Variable, stored: Any) -> str | None:
    """What is wrong with a weight's entry in the file, or None."""
    if stored is None:
        return f"{variable.shape} in the model, none in the file"
    shape, dtype = tuple(stored.get_shape()), stored.get_dtype()
    if shape != variable.shape:
        return f"{variable.shape} in the model, {shape} in the file"
    kind = next((kind for start, kind in _KINDS.items() if dtype.startswith(start)), "?")
    own = "f" if jnp.issubdtype(variable.dtype, jnp.floating) else np.dtype(variable.dtype).kind
    return None if kind == own else f"{variable.dtype} in the model, {dtype} in the file"


def _variables_of(model: Layer, what: str) -> dict[str, Variable]:
    model._require_built(what, "model.build(input_shape)")
    return {"/".join(path): variable for path, variable in weight_entries(model, lasting=True)}


def _library(what: str) -> Any:
    try:
        import safetensors
        import safetensors.numpy
    except ImportError as error:
        raise ImportError(_NO_SAFETENSORS.format(what=what)) from error
    return safetensors

"""Weights as safetensors: a table of names, dtypes and shapes, and after it the bytes; nothing in it can run.

A weight's name is its path, `dense/kernel`, in the layouts that Keras uses. The numbers that default layer names have in one
process are left out, so that a model which is made a second time finds its weights. Names and shapes are compared with the model
before any array is read, and either all weights are assigned or none.

The package safetensors is needed: `pip install "jkeras[files]"`.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np

from jkeras._base.atomic import atomic_file
from jkeras._base.errors import FileFormatError
from jkeras.layers.tracking import weight_entries
from jkeras.state.variable import Variable, materialize

_NO_SAFETENSORS = """{what} needs the package safetensors. Write

    pip install "jkeras[files]"
"""
_DIFFERS = """{path} does not hold the weights of {model!r}:
{lines}
Build the model as it was when it was saved, or pass skip_mismatch=True to read only what fits."""
_SHOWN = 8
_KINDS = {"BF16": "f", "F": "f", "I": "i", "U": "u", "BOOL": "b", "C": "c"}


def save_safetensors(
    model: Any, filepath: str | os.PathLike[str], overwrite: bool = True, metadata: Mapping[str, str] | None = None
) -> None:
    """Write the weights of a model.

    Args:
        model: a built model or layer.
        filepath: the file; its folder is made where it is missing.
        overwrite: whether a file that exists is replaced.
        metadata: texts to put beside the weights.

    Raises:
        ImportError: the package safetensors is missing.
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
    library = _library("save_safetensors")
    if not overwrite and os.path.exists(filepath):
        raise FileExistsError(f"{os.fspath(filepath)} exists, and overwrite=False. Pass overwrite=True, or give another path.")
    boxes = _boxes(model, "save_safetensors")
    materialize(boxes.values())
    arrays = {name: np.ascontiguousarray(box.value).reshape(box.shape) for name, box in boxes.items()}
    texts = {"format": "jkeras", **{str(k): str(v) for k, v in (metadata or {}).items()}}
    with atomic_file(filepath) as temporary:
        library.numpy.save_file(arrays, temporary, metadata=texts)


def load_safetensors(model: Any, filepath: str | os.PathLike[str], skip_mismatch: bool = False) -> None:
    """Read the weights of a model.

    Args:
        model: a built model or layer.
        filepath: of the file. Its floats may be of another precision than the model's.
        skip_mismatch: leave weights out that are missing in the file or of another shape, with a warning.

    Raises:
        ImportError: the package safetensors is missing.
        FileNotFoundError: there is no such file.
        FileFormatError: it is damaged, or not of this model; the text says which weights differ.
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
        raise FileNotFoundError(f"{path} is no file. Give the path of a .safetensors file.")
    boxes = _boxes(model, "load_safetensors")
    try:
        with library.safe_open(path, framework="np") as file:
            wanted = _plan(model, boxes, file, path, skip_mismatch)
            arrays = [(box, file.get_tensor(name)) for name, box in wanted.items()]
    except library.SafetensorError as error:
        raise FileFormatError(f"{path} is no safetensors file, or damaged: {error}.") from error
    for box, array in arrays:
        box.assign(jnp.asarray(array, box.dtype))


def _plan(model: Any, boxes: dict[str, Variable], file: Any, path: Path, skip_mismatch: bool) -> dict[str, Variable]:
    """The weights to read; names, shapes and kinds of dtype are compared first."""
    stored = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118 (it is no dict)
    wrong = {name: text for name, box in boxes.items() if (text := _difference(box, stored.get(name)))}
    for name in sorted(stored.keys() - boxes):
        wrong[name] = f"{tuple(stored[name].get_shape())} in the file, none in the model"
    if not wrong:
        return boxes
    listed = [f"    {name}: {text}" for name, text in list(wrong.items())[:_SHOWN]]
    lines = "\n".join(listed + [f"    ... and {len(wrong) - _SHOWN} more"] * (len(wrong) > _SHOWN))
    text = _DIFFERS.format(path=path, model=model.name, lines=lines)
    if not skip_mismatch:
        raise FileFormatError(text)
    warnings.warn(f"Skipped:\n{lines}\nin {path}.", stacklevel=3)
    return {name: box for name, box in boxes.items() if name not in wrong}


def _difference(box: Variable, stored: Any) -> str | None:
    """What is wrong with a weight's entry in the file, or None."""
    if stored is None:
        return f"{box.shape} in the model, none in the file"
    shape, dtype = tuple(stored.get_shape()), stored.get_dtype()
    if shape != box.shape:
        return f"{box.shape} in the model, {shape} in the file"
    kind = next((kind for start, kind in _KINDS.items() if dtype.startswith(start)), "?")
    own = "f" if jnp.issubdtype(box.dtype, jnp.floating) else np.dtype(box.dtype).kind
    return None if kind == own else f"{box.dtype} in the model, {dtype} in the file"


def _boxes(model: Any, what: str) -> dict[str, Variable]:
    model._require_built(what, "model.build(input_shape)")
    return {"/".join(path): box for path, box in weight_entries(model, lasting=True)}


def _library(what: str) -> Any:
    try:
        import safetensors
        import safetensors.numpy
    except ImportError as error:
        raise ImportError(_NO_SAFETENSORS.format(what=what)) from error
    return safetensors

"""`install` and `uninstall`: set up and remove the import hook, the user's settings file, and `.numpy()` of arrays."""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Callable, Iterable
from typing import Any

import jax
import numpy as np

from jkeras._base.cache_folder import keras_home
from jkeras._base.config import set_epsilon, set_floatx, set_image_data_format, settings
from jkeras._base.types import Array
from jkeras._text.arrays import TextArray
from jkeras.compat.finder import NAMES, CompatFinder, Empty
from jkeras.compat.modules import CompatModule
from jkeras.compat.restored import Restored
from jkeras.compat.standin.array_shape import ArrayShape
from jkeras.compat.standin.op_graph import Op, tensor_of
from jkeras.compat.standin.tensor_spec import TensorShape
from jkeras.compat.standin.variables import assign_of
from jkeras.graph import KerasTensor
from jkeras.state.variable import Variable

_IMPORTED = """{name} is already imported, from {file}. jkeras does not replace a module that code may already hold.
Restart Python (in a notebook: restart the kernel) and call jkeras.compat.install() before the first import of {name}, or run the
file with `python -m jkeras script.py`."""
_SETTERS: dict[str, Callable[[Any], None]] = {
    "floatx": set_floatx,
    "epsilon": set_epsilon,
    "image_data_format": set_image_data_format,
}

_ARRAY: Any = jax.Array
_installed: list[Any] = []  # the finder, the settings that were changed, the methods that were replaced


def is_installed() -> bool:
    """Whether `import keras` gives jkeras."""
    return bool(_installed)


def install(tensorflow: bool = True, without_tensorflow: Iterable[str] = ("keras_hub",)) -> None:
    """From now on `import keras`, `import tensorflow` and their submodules give jkeras.

    `floatx`, `epsilon` and `image_data_format` are taken from `keras.json` in `$KERAS_HOME` or `~/.keras`, if there is one.
    JAX's arrays, and those of texts, get `numpy()`, `get_shape()` and `set_shape()` as TensorFlow's have, and the shapes of
    arrays, weights and symbolic tensors `as_list()`, `rank` and so on. `model.to_json()` has the keys of Keras 2, and
    `model.save("name")` without a suffix writes a folder, as in Keras 2. A second call does nothing.

    Such a shape is a tuple of a class of its own. Where `jax.tree` takes shapes apart, as in the carry of a loop of `jax.lax`, or
    compares their structure with that of a plain tuple, write `tuple(x.shape)`. The shape of an array cannot be assigned to,
    which NumPy allows.

    Args:
        tensorflow: False leaves the name `tensorflow` alone, for packages that do more with TensorFlow where they find it.
        without_tensorflow: packages that find no `tensorflow` while they are imported, and so do all their work with Keras;
            by default keras_hub.

    Raises:
        TypeError: `without_tensorflow` is a string.
        RuntimeError: Keras or TensorFlow are imported already.

    Example:
        >>> install()                                               # doctest: +SKIP
        >>> from tensorflow.keras.layers import Dense               # doctest: +SKIP
        >>> Dense                                                   # doctest: +SKIP
        <class 'jkeras.layers.dense.Dense'>
    """
    if isinstance(without_tensorflow, str):
        raise TypeError(f"without_tensorflow takes names of packages. Received a string: write ({without_tensorflow!r},).")
    if _installed:
        return
    names = NAMES if tensorflow else NAMES - {"tensorflow"}
    there = next((name for name in sorted(names) if sys.modules.get(name) is not None), None)
    if there is not None:
        file = getattr(sys.modules[there], "__file__", None) or "somewhere else"
        raise RuntimeError(_IMPORTED.format(name=there, file=file))
    finder = CompatFinder(names, without_tensorflow)
    sys.meta_path.insert(0, finder)
    settings.keras2_files, settings.restored, settings.lenient, settings.shape = True, Restored(), True, ArrayShape
    before = [(kind, name, vars(kind).get(name)) for kind, methods in _METHODS.items() for name in methods]
    _installed.extend((finder, _read_settings(), before))
    for kind, methods in _METHODS.items():
        for name, method in methods.items():
            setattr(kind, name, method)


def uninstall() -> None:
    """Undo `install`: the next `import keras` finds what is installed under this name. Existing objects stay as they are."""
    if not _installed:
        return
    finder, changed, before = _installed
    _installed.clear()
    settings.keras2_files, settings.restored, settings.lenient, settings.shape = False, None, False, tuple
    sys.meta_path.remove(finder)
    for name, module in [*sys.modules.items()]:
        if isinstance(module, CompatModule) or isinstance(getattr(module, "__loader__", None), Empty):
            del sys.modules[name]
    for field, value in changed.items():
        setattr(settings, field, value)
    for kind, name, method in before:
        delattr(kind, name) if method is None else setattr(kind, name, method)


def _numpy(self: Array) -> np.ndarray:
    """The values as a NumPy array of one's own, which may be changed."""
    return np.array(self)


def _plain_texts(self: TextArray) -> Any:
    """The texts as a plain array; a single one as itself."""
    return np.asarray(self)[()]


def _numpy_if_known(self: jax.core.Tracer) -> Callable[[], np.ndarray]:
    value = jax.lax.stop_gradient(self)
    if isinstance(value, jax.core.Tracer):
        raise AttributeError("numpy")  # JAX says more
    return lambda: np.array(value)


def _op(self: jax.core.Tracer) -> Op:
    return tensor_of(self, "op").op


def _name(self: jax.core.Tracer) -> str:
    return tensor_of(self, "name").name


def _consumers(self: jax.core.Tracer) -> Callable[[], list[Op]]:
    return tensor_of(self, "consumers").consumers


def _get_shape(self: Array) -> TensorShape:
    """The shape, with TensorFlow's methods."""
    return TensorShape(self.shape)


def _set_shape(self: Array, shape: object) -> None:
    """Does nothing: the shape is known."""


def _with_methods(shape: property) -> property:
    """The property `shape` of a class of arrays, whose value has TensorFlow's methods."""
    read: Any = shape.__get__
    return property(lambda self: ArrayShape(read(self)))


def _shape(self: KerasTensor | Variable) -> tuple[int | None, ...]:
    """The shape; that of a tensor or weight made under compat has TensorFlow's methods."""
    return vars(self)["shape"]  # type: ignore[no-any-return]


def _keep_shape(self: KerasTensor | Variable, shape: Iterable[int | None]) -> None:
    vars(self)["shape"] = TensorShape(shape)


# Methods of TensorFlow's tensors that arrays get. What has no values yet has no `numpy`.
_SHAPES: dict[str, Callable[..., Any]] = {"get_shape": _get_shape, "set_shape": _set_shape}
_METHODS: dict[Any, dict[str, Any]] = {
    **{kind: {"shape": _with_methods(vars(kind)["shape"])} for kind in _ARRAY.__subclasses__() if "shape" in vars(kind)},
    _ARRAY: {"numpy": _numpy, "assign": property(assign_of), **_SHAPES},
    jax.core.Tracer: {  # `jax.grad` of code that runs line by line has values
        "numpy": property(_numpy_if_known),
        "assign": property(assign_of),
        "op": property(_op),  # these three while a function's operations are known
        "name": property(_name),
        "consumers": property(_consumers),
        "shape": _with_methods(vars(jax.core.Tracer)["shape"]),
        **_SHAPES,
    },
    TextArray: {"numpy": _plain_texts, **_SHAPES},
    KerasTensor: {**_SHAPES, "shape": property(_shape, _keep_shape)},
    Variable: {"shape": property(_shape, _keep_shape)},
}
ADDED = frozenset(name for methods in _METHODS.values() for name in methods)  # for those who ask without installing


def _read_settings() -> dict[str, object]:
    """Apply `keras.json`; returns the settings that it changed, as they were before."""
    path = keras_home() / "keras.json"
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        warnings.warn(f"{path} is not read: {error}. Fix it or delete it.", stacklevel=3)
        return {}
    chosen = {key: value for key, value in config.items() if key in _SETTERS} if isinstance(config, dict) else {}
    before = {key: getattr(settings, key) for key in chosen}
    for key, value in chosen.items():
        try:
            _SETTERS[key](value)
        except (TypeError, ValueError) as error:
            warnings.warn(f"{path}: {error} The default stays.", stacklevel=3)
    return before

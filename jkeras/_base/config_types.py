"""Whether the arguments in a config are of the kinds that a class of the library takes.

Python lets `Dense(3, kernel_initializer=L2())` pass: nothing looks at an initializer until it is called. In a file that is an
error, and reading is the time to say so. Kinds come from the constructor's annotations, and from names of arguments that mean the
same everywhere (`kernel_initializer`). The constructor checks the rest.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from jkeras._base import registry
from jkeras._base.errors import WrongTypeError, describe

_MOST, _MOST_FLOAT = 2**63, 3.5e38
# Layers that stand for an activation: `Dense(3, activation=LeakyReLU())`.
_ACTIVATION_LAYERS = {"Activation", "ELU", "LeakyReLU", "PReLU", "ReLU", "Softmax", "ThresholdedReLU", "Lambda"}
# By the last word of an argument's name: what it is called, and the areas of Keras that such an object is from.
_OBJECTS: dict[str, tuple[str, tuple[str, ...]]] = {
    "initializer": ("an initializer", ("initializers", "random", "ops")),
    "regularizer": ("a regularizer", ("regularizers", "ops")),
    "quantizer": ("a quantizer", ("quantizers",)),
    "constraint": ("a constraint", ("constraints", "ops", "activations", "backend")),
    "activation": ("an activation", ("activations", "ops", "layers", "backend", "nn")),
    "dtype": ("the name of a dtype, or a policy", ("", "dtype_policies", "mixed_precision")),
}


def check_arguments(cls: type, arguments: Mapping[str, object], signature: inspect.Signature) -> None:
    """Refuse arguments of a kind that a class of the library does not take.

    Args:
        cls: the class.
        arguments: of its constructor, as a config has them, with objects made.
        signature: of the constructor.

    Raises:
        WrongTypeError: one is of another kind.
    """
    for name, value in arguments.items():
        word = name.rpartition("_")[2]
        if word in _OBJECTS:
            wanted, areas = _OBJECTS[word]
            fits = value is None or isinstance(value, str) or _is_object(value, areas)
        else:
            parameter = signature.parameters.get(name)
            annotation = "Any" if parameter is None else str(parameter.annotation)
            annotation = _BY_NAME.get(name, annotation) if annotation in ("Any", "Tree", "object") else annotation
            wanted, test = _KINDS.get(annotation.removesuffix(" | None"), ("", lambda value: True))
            default = parameter is not None and parameter.default is None
            fits = test(value) or (value is None and (default or annotation.endswith("| None")))
        if not fits:
            raise WrongTypeError(f"{cls.__name__} takes {wanted} as {name!r}. The config has {describe(value)}.")


def _is_object(value: Any, areas: tuple[str, ...]) -> bool:
    """Whether a value is an object of the user's own, or one of the library from one of these areas."""
    kind = value if inspect.isroutine(value) or inspect.isclass(value) or not _is_instance(value) else type(value)
    path = registry.path_of(kind)
    if path is None:
        return callable(value) or _is_instance(value) or isinstance(value, (type, np.dtype))
    area = path.rpartition(".")[0].removeprefix("j").removeprefix("keras").removeprefix(".")
    if area == "layers":
        return "layers" in areas and kind.__name__ in _ACTIVATION_LAYERS
    return area in areas


def _is_instance(value: object) -> bool:
    return hasattr(value, "get_config") and not inspect.isclass(value)


def _is_number(value: object) -> bool:
    if isinstance(value, np.ndarray):
        value = value[()] if not value.ndim else None
    if isinstance(value, bool) or not isinstance(value, (int, float, np.integer, np.floating)):
        return False
    return abs(value if isinstance(value, int) else float(value)) < _MOST_FLOAT


def _is_whole(value: Any) -> bool:
    return _is_number(value) and float(value).is_integer() and abs(value) < _MOST


def _is_truth(value: object) -> bool:
    return value is None or isinstance(value, (bool, np.bool_)) or (_is_number(value) and value in (0, 1))


def _listed(test: Callable[[object], bool], depth: int = 1) -> Callable[[object], bool]:
    """A list of such values; nested lists if `depth` is more than 1."""

    def fits(value: object) -> bool:
        if isinstance(value, np.ndarray):
            value = value.tolist()
        inner = test if depth == 1 else _either(test, _listed(test, depth - 1))
        return isinstance(value, (list, tuple)) and all(map(inner, value))

    return fits


def _either(*tests: Callable[[object], bool]) -> Callable[[object], bool]:
    return lambda value: any(test(value) for test in tests)


def _or_none(test: Callable[[object], bool]) -> Callable[[object], bool]:
    return lambda value: value is None or test(value)


_SIZES = ("a whole number, or a list of them", _either(_is_whole, _listed(_is_whole)))
# By annotation.
_KINDS: dict[str, tuple[str, Callable[[object], bool]]] = {
    "bool": ("True or False", _is_truth),
    "float": ("a number", _is_number),
    "int": ("a whole number", _is_whole),
    "str": ("a string", lambda value: isinstance(value, str)),
    "numbers": ("a number, or an array of them", _either(_is_number, _listed(_is_number, 32))),
    "Ints": _SIZES,
    "int | Sequence[int]": _SIZES,
    "Sequence[int]": ("a list of whole numbers", _listed(_is_whole)),
    "Sequence[int | None]": ("a list of whole numbers and None", _listed(_or_none(_is_whole))),
    "Sequence[float]": ("a list of numbers", _listed(_is_number)),
    "Shape": ("a list of sizes", _listed(_or_none(_is_whole), 2)),
    "Factor": ("a number, or two of them", _either(_is_number, _listed(_is_number))),
    "_Margins": ("a whole number, or a list of them", _either(_is_whole, _listed(_is_whole, 2))),
    "Axes": ("a whole number, or a list of them", _or_none(_either(_is_whole, _listed(_is_whole)))),
    "dict[str, Any]": ("a dict", lambda value: isinstance(value, Mapping)),
}
# By name, where the annotation does not say it.
_BY_NAME = {
    "mask_value": "numbers",
    "zero_output_for_mask": "bool",
    **dict.fromkeys(("scale", "offset", "mean", "variance"), "numbers | None"),
    "trainable": "bool",
    "batch_input_shape": "Shape | None",
    "input_shape": "Shape | None",
    "batch_shape": "Shape | None",
    "batch_size": "int | None",
}

"""Inception, version 3: blocks of parallel branches with kernels of several sizes, large ones split into rows and columns.

A branch is a list of steps, each on the result of the one before: a convolution `(filters, rows, columns)`, one that halves the
images, `(filters, rows, columns, 2)`, the name of a kind of pooling, or a list of steps that all begin here and are joined.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Unpack

from jkeras import layers
from jkeras._base.shared_arguments import expand_kwargs
from jkeras.applications.blocks import concatenated, normalized
from jkeras.applications.frame import Frame, NetworkArguments, member
from jkeras.applications.imagenet_utils import decode_predictions, preprocessor
from jkeras.applications.trained import kernels
from jkeras.graph import KerasTensor
from jkeras.models import Functional

__all__ = ["InceptionV3", "decode_predictions", "preprocess_input"]

Branch = Sequence[Any]
_POOLING = {
    "mean": lambda: layers.AveragePooling2D(3, strides=1, padding="same"),
    "halve": lambda: layers.MaxPooling2D(3, strides=2),
}


def _small(pooled: int) -> list[Branch]:
    return [
        [(64, 1, 1)],
        [(48, 1, 1), (64, 5, 5)],
        [(64, 1, 1), (96, 3, 3), (96, 3, 3)],
        ["mean", (pooled, 1, 1)],
    ]


def _long(width: int) -> list[Branch]:
    return [
        [(192, 1, 1)],
        [(width, 1, 1), (width, 1, 7), (192, 7, 1)],
        [(width, 1, 1), (width, 7, 1), (width, 1, 7), (width, 7, 1), (192, 1, 7)],
        ["mean", (192, 1, 1)],
    ]


def _wide(name: str) -> list[Branch]:
    return [
        [(320, 1, 1)],
        [(384, 1, 1), [name, (384, 1, 3), (384, 3, 1)]],
        [(448, 1, 1), (384, 3, 3), [None, (384, 1, 3), (384, 3, 1)]],
        ["mean", (192, 1, 1)],
    ]


_BLOCKS: dict[str, list[Branch]] = {
    "mixed0": _small(32),
    "mixed1": _small(64),
    "mixed2": _small(64),
    "mixed3": [[(384, 3, 3, 2)], [(64, 1, 1), (96, 3, 3), (96, 3, 3, 2)], ["halve"]],
    "mixed4": _long(128),
    "mixed5": _long(160),
    "mixed6": _long(160),
    "mixed7": _long(192),
    "mixed8": [[(192, 1, 1), (320, 3, 3, 2)], [(192, 1, 1), (192, 1, 7), (192, 7, 1), (192, 3, 3, 2)], ["halve"]],
    "mixed9": _wide("mixed9_0"),
    "mixed10": _wide("mixed9_1"),
}


def convolved(x: KerasTensor, filters: int, rows: int, columns: int, strides: int = 1, padding: str | None = None) -> KerasTensor:
    """A convolution, normalized and activated; one that halves the images uses no pixels beyond their edges."""
    padding = padding or ("same" if strides == 1 else "valid")
    x = layers.Conv2D(filters, (rows, columns), strides=strides, padding=padding, use_bias=False)(x)
    return layers.Activation("relu")(normalized(x, scale=False))


def stem(x: KerasTensor) -> KerasTensor:
    """The images at an eighth of their size."""
    x = convolved(x, 32, 3, 3, 2)
    x = convolved(x, 32, 3, 3, padding="valid")
    x = convolved(x, 64, 3, 3)
    x = _POOLING["halve"]()(x)
    x = convolved(x, 80, 1, 1, padding="valid")
    x = convolved(x, 192, 3, 3, padding="valid")
    return _POOLING["halve"]()(x)


def mixed(x: KerasTensor, branches: Sequence[Branch], name: str | None) -> KerasTensor:
    """The channels of all branches."""
    return concatenated([_branch(x, steps) for steps in branches], name)


def _branch(x: KerasTensor, steps: Branch) -> KerasTensor:
    for step in steps:
        if isinstance(step, tuple):
            x = convolved(x, *step)
        elif isinstance(step, str):
            x = _POOLING[step]()(x)
        else:
            name, *parallel = step
            x = mixed(x, [[one] for one in parallel], name)
    return x


@expand_kwargs()
def _inception_v3(**kwargs: Unpack[NetworkArguments]) -> Functional:
    """A network of parallel branches.

    Args:
        kwargs: as every network; see `jkeras.applications`.

    Source: Christian Szegedy et al., "Rethinking the Inception Architecture for Computer Vision", 2015.
    """
    frame = Frame(299, smallest=75, **kwargs)
    x = stem(frame.images)
    for name, branches in _BLOCKS.items():
        x = mixed(x, branches, name)
    return frame.with_head(x, kernels("inception_v3", "inception_v3"), named=False)


InceptionV3 = member(_inception_v3, "InceptionV3", "inception_v3")
preprocess_input = preprocessor("inception_v3", "tf")

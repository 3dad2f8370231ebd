"""Finds `x.shape.as_list()`, `x.shape.rank` and the like in methods: shapes of arrays are tuples here.

Those of symbolic tensors have such methods, so what may build a functional model is not reported.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from jkeras.compat.checking.finding import Finding
from jkeras.compat.checking.script import Script
from jkeras.compat.standin.tensor_spec import METHODS_OF_SHAPES
from jkeras.layers.messages import SHAPES_ARE_TUPLES

_NAMES = ("rank", "ndims", "dims", "as_list", "num_elements", "is_fully_defined")


def shapes_as_tensor_shapes(script: Script) -> Iterator[Finding]:
    """Attributes of TensorFlow's shapes that are asked of the shape of an array."""
    for node in ast.walk(script.tree):
        if not isinstance(node, ast.Attribute) or node.attr not in _NAMES or id(node) in script.guarded:
            continue
        if not script.gets_arrays(node):
            continue
        shape = node.value
        if isinstance(shape, ast.Attribute) and shape.attr == "shape" and "spec" not in ast.unparse(shape.value).lower():
            yield Finding(node.lineno, ast.unparse(node), f"{SHAPES_ARE_TUPLES}{METHODS_OF_SHAPES}")

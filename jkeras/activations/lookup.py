"""What users and files write for an activation: to the function and back. A layer stands for an activation, too.

>>> get("relu")([-1.0, 2.0]).tolist(), serialize(get("swish"))
([0.0, 2.0], 'silu')
>>> deserialize("double", custom_objects={"double": lambda x: 2 * x})(4)
8
"""

from __future__ import annotations

from jkeras._base.family import family

# Importing the catalogue is what fills the registry.
from jkeras.activations.catalogue import CATALOGUE

get, serialize, deserialize = family(
    "activations",
    "activation",
    "None, a name such as 'relu', a config dict or a function",
    "relu",
    none=CATALOGUE["linear"],
    by_name=True,
)

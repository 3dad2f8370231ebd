"""What users and files write for a constraint: to the object and back.

>>> get("max_norm").get_config()
{'max_value': 2, 'axis': 0}
>>> deserialize({"class_name": "MaxNorm", "config": {"max_value": 3, "axis": 0}}).max_value
3
"""

from __future__ import annotations

from jkeras._base.family import family

get, serialize, deserialize = family(
    "constraints", "constraint", "None, a name such as 'max_norm', a config dict or a function", "max_norm"
)

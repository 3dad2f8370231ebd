"""What users and files write for a regularizer: to the object and back.

>>> get("l2").get_config()
{'l2': 0.01}
>>> deserialize({"class_name": "L2", "config": {"l2": 0.5}}).get_config()
{'l2': 0.5}
"""

from __future__ import annotations

from jkeras._base.family import family

get, serialize, deserialize = family(
    "regularizers", "regularizer", "None, a name such as 'l2', a config dict or a function", "l2"
)

"""`tf.data`: pipelines of elements.

A `Dataset` is a face on a *node* (`node.py`), which makes *blocks*: rows of the stream, stacked, one array per component. Each
transformation is a small frozen node. `mapping.py` runs a function over a block as one compiled call where it can be traced, and
row by row with the same values where it cannot. `source.py` is how `fit` reads a dataset.
"""

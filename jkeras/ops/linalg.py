"""The operations of linear algebra, as `keras.ops.linalg` groups them."""

from jkeras.ops.wrapper import operations

globals().update(operations("linalg"))
__all__ = sorted(operations("linalg"))

"""The operations that numpy has as well, as `keras.ops.numpy` groups them."""

from jkeras.ops.wrapper import operations

globals().update(operations("numpy"))
__all__ = sorted(operations("numpy"))

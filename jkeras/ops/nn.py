"""The operations of neural networks, as `keras.ops.nn` groups them."""

from jkeras.ops.wrapper import operations

globals().update(operations("nn"))
__all__ = sorted(operations("nn"))

"""The operations on images, as `keras.ops.image` groups them."""

from jkeras.ops.wrapper import operations

globals().update(operations("image"))
__all__ = sorted(operations("image"))

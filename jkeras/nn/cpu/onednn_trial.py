"""Tries oneDNN: `python -m jkeras.nn.cpu.onednn_trial` computes each kind of operation by it and by XLA, and compares."""

from __future__ import annotations

import functools
import sys

import jax
import jax.numpy as jnp
import numpy as np

from jkeras._base.types import Array
from jkeras.nn import conv_primitive, product
from jkeras.nn.conv_fused import finished
from jkeras.nn.conv_geometry import Geometry, margins
from jkeras.nn.cpu import conv_onednn, products
from jkeras.nn.cpu.onednn_asked import EQUAL, TRYING

# Size of the images, window, strides, dilation and padding.
_CASES = (
    ((16, 15), (3, 3), (1, 1), (1, 1), "same"),
    ((14, 14), (5, 4), (1, 1), (1, 1), "valid"),
    ((15, 16), (3, 2), (2, 3), (1, 1), "same"),
    ((30, 30), (7, 7), (2, 2), (1, 1), "same"),
    ((16, 15), (3, 3), (1, 1), (4, 2), "same"),
)


def main() -> None:
    """Say that it tries, and `equal`; or fail."""
    rng = np.random.default_rng(0)

    def random(*shape: int) -> Array:
        return jnp.asarray(rng.normal(size=shape), "float32")

    sys.stdout.write(TRYING)
    sys.stdout.flush()
    x, dy = random(512, 96), random(512, 160)
    if "__onednn" not in jax.jit(products.kernel_gradient).lower(x, dy).as_text():
        raise RuntimeError("This process does not use oneDNN.")
    _compare(jax.jit(products.kernel_gradient)(x, dy), product.kernel_gradient.general(x, dy, precision=None))
    for size, window, strides, dilation, padding in _CASES:
        g = Geometry(size, window, strides, dilation, margins(padding, size, window, strides, dilation))
        images, kernel, gradient = random(33, *size, 17), random(*window, 17, 24), random(33, *g.out, 24)
        output = jax.jit(conv_onednn.output, static_argnums=2)(images, kernel, g)
        expected = conv_primitive.lax_conv(images, kernel, g)
        _compare(output, expected)
        for added in ((), (gradient,)):
            follows = jax.jit(functools.partial(conv_onednn.fused, geometry=g, rectified=True))
            _compare(
                follows(images, kernel, kernel[0, 0, 0], *added), finished(expected, kernel[0, 0, 0], *added, rectified=True)
            )
        if strides == (1, 1):
            found = jax.jit(conv_onednn.kernel_gradient, static_argnums=2)(images, gradient, g)
            _compare(found, conv_primitive.kernel_gradient.general(images, gradient, geometry=g, precision=None))
    sys.stdout.write(EQUAL)


def _compare(found: Array, expected: Array) -> None:
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4 * float(jnp.abs(expected).max()))


if __name__ == "__main__":
    main()

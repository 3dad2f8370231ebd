"""The geometry of a convolution: everything about it but the numbers.

Along one axis of size n a window of k entries, `dilation` apart, starts every `stride` positions of the padded input:

    out = (low + n + high - ((k - 1) dilation + 1)) // stride + 1        y[j] = sum_t x[j stride + t dilation - low] kernel[t]

The same relation, read for x or for the kernel as the unknown, describes both gradients, so one `Geometry` serves all three.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from jax.core import max_dim  # as `max`, and takes symbolic sizes

from jkeras._base.errors import unknown_name
from jkeras._base.plain_numbers import INTEGERS
from jkeras._base.types import Ints

PADDINGS = ("valid", "same", "causal")


@dataclasses.dataclass(frozen=True)
class Geometry:
    """Sizes, steps and margins along the spatial axes, and how channels are cut into groups.

    Attributes:
        size: of the input, per spatial axis.
        window: of the kernel.
        strides: steps between windows.
        dilation: distance between the inputs that neighbouring kernel entries meet.
        padding: zeros before and after; negative ones cut off.
        groups: number of blocks that channels and filters are cut into.
        channels_last: layout of input and output; the kernel is always `(*window, channels / groups, filters)`.
    """

    size: tuple[int, ...]
    window: tuple[int, ...]
    strides: tuple[int, ...]
    dilation: tuple[int, ...]
    padding: tuple[tuple[int, int], ...]
    groups: int = 1
    channels_last: bool = True

    @property
    def rank(self) -> int:
        """The number of spatial axes."""
        return len(self.size)

    @property
    def out(self) -> tuple[int, ...]:
        """The number of windows per spatial axis; 0 where none fits."""
        axes = zip(self.size, self.window, self.strides, self.dilation, self.padding)
        return tuple(max_dim((n + low + high - ((k - 1) * d + 1)) // s + 1, 0) for n, k, s, d, (low, high) in axes)

    def images(self, batch: int, channels: int, space: tuple[int, ...]) -> tuple[int, ...]:
        """The shape of images of this layout."""
        return (batch, *space, channels) if self.channels_last else (batch, channels, *space)

    def transposed(self) -> Geometry:
        """The stride-1 convolution that turns the (spread) gradient of the output into that of the input.

        The output gradient is spread with `strides - 1` zeros between its entries, the kernel reversed.
        """
        spread = tuple((o - 1) * s + 1 for o, s in zip(self.out, self.strides))
        before = [(k - 1) * d - low for k, d, (low, _) in zip(self.window, self.dilation, self.padding)]
        extents = [n + (k - 1) * d for n, k, d in zip(self.size, self.window, self.dilation)]
        padding = tuple((b, e - o - b) for b, e, o in zip(before, extents, spread))
        return dataclasses.replace(self, size=spread, strides=(1,) * self.rank, padding=padding)


def spatial(value: Ints, rank: int, name: str) -> tuple[int, ...]:
    """One int per spatial axis, from an int (the same for all) or a sequence of that length."""
    values = (value,) * rank if isinstance(value, INTEGERS) else tuple(int(v) for v in value)
    if len(values) != rank or min(values) < 1:
        raise ValueError(f"{name}={value!r} does not fit {rank} spatial axes: give a positive int or a tuple of {rank} of them.")
    return values


def margins(
    padding: str, size: Sequence[int], window: Sequence[int], strides: Sequence[int], dilation: Sequence[int]
) -> tuple[tuple[int, int], ...]:
    """Zeros before and after each axis for `"valid"`, `"same"` and `"causal"`.

    Example:
        >>> margins("same", (5,), (3,), (2,), (1,))
        ((1, 1),)
        >>> margins("causal", (5,), (3,), (1,), (2,))
        ((4, 0),)
    """
    extents = [(k - 1) * d + 1 for k, d in zip(window, dilation)]
    if padding == "valid":
        return ((0, 0),) * len(extents)
    if padding == "same":
        totals = [max_dim((-(-n // s) - 1) * s + e - n, 0) for n, s, e in zip(size, strides, extents)]
        return tuple((t // 2, t - t // 2) for t in totals)
    if padding != "causal":
        raise unknown_name("padding", padding, PADDINGS)
    if len(extents) != 1:
        raise ValueError(f'padding="causal" is for one spatial axis, received {len(extents)}: use "same" or "valid".')
    return ((extents[0] - 1, 0),)

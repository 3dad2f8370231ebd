"""NASNet: two kinds of cells that a search found, stacked; each cell takes the results of the two cells before it."""

from __future__ import annotations

from typing import Any, Unpack

from jkeras import layers
from jkeras._base.shared_arguments import expand_kwargs
from jkeras.applications.blocks import channels_of, concatenated, normalized, padded
from jkeras.applications.frame import Frame, NetworkArguments, member
from jkeras.applications.imagenet_utils import decode_predictions, preprocessor
from jkeras.applications.trained import FOLDER, WeightFiles
from jkeras.graph import KerasTensor
from jkeras.models import Functional

__all__ = ["NASNetLarge", "NASNetMobile", "decode_predictions", "preprocess_input"]


def _relu(x: KerasTensor, name: str | None = None) -> KerasTensor:
    return layers.Activation("relu", name=name)(x)


def _batch_norm(x: KerasTensor, name: str) -> KerasTensor:
    return normalized(x, name, momentum=0.9997, epsilon=1e-3)


def _convolved(x: KerasTensor, filters: int, name: str) -> KerasTensor:
    return layers.Conv2D(filters, 1, padding="same", use_bias=False, kernel_initializer="he_normal", name=name)(x)


def _separable(x: KerasTensor, filters: int, kernel: int, name: str, strides: int = 1) -> KerasTensor:
    """Two separable convolutions, the first with strides."""
    for i in (1, 2):
        x = _relu(x)
        halves = i == 1 and strides == 2
        if halves:
            x = padded(x, kernel, f"separable_conv_1_pad_{name}")
        settings: dict[str, Any] = {"strides": 2, "padding": "valid"} if halves else {"padding": "same"}
        x = layers.SeparableConv2D(filters, kernel, use_bias=False, name=f"separable_conv_{i}_{name}", **settings)(x)
        x = _batch_norm(x, f"separable_conv_{i}_bn_{name}")
    return x


def _mean(x: KerasTensor, name: str) -> KerasTensor:
    return layers.AveragePooling2D(3, strides=1, padding="same", name=name)(x)


def _add(a: KerasTensor, b: KerasTensor, name: str | None = None) -> KerasTensor:
    return layers.Add(name=name)([a, b])


def _halved(p: KerasTensor, filters: int, name: str) -> KerasTensor:
    """Every second pixel, and every second one shifted by one, so that none is lost altogether."""
    p = _relu(p, f"adjust_relu_1_{name}")
    even = layers.AveragePooling2D(1, strides=2, name=f"adjust_avg_pool_1_{name}")(p)
    even = _convolved(even, filters // 2, f"adjust_conv_1_{name}")
    odd = layers.Cropping2D(((1, 0), (1, 0)))(layers.ZeroPadding2D(((0, 1), (0, 1)))(p))
    odd = layers.AveragePooling2D(1, strides=2, name=f"adjust_avg_pool_2_{name}")(odd)
    odd = _convolved(odd, filters // 2, f"adjust_conv_2_{name}")
    return _batch_norm(concatenated([even, odd]), f"adjust_bn_{name}")


class _Cells:
    """The cells so far, of which two matter: the last, `x`, and the one before, `p`.

    Args:
        x: what the first cell takes.
    """

    def __init__(self, x: KerasTensor):
        self.x, self.p, self.p_is_larger = x, x, False
        self.begun = False

    def _adjusted(self, filters: int, name: str) -> KerasTensor:
        """The last cell but one, in the size and width of a cell; the first cell of all takes it as it is."""
        if self.p_is_larger:
            return _halved(self.p, filters, name)
        if self.begun and channels_of(self.p) != filters:
            return _batch_norm(_convolved(_relu(self.p), filters, f"adjust_conv_projection_{name}"), f"adjust_bn_{name}")
        return self.p

    def _begin(self, filters: int, kind: str, name: str) -> tuple[KerasTensor, KerasTensor]:
        p = self._adjusted(filters, name)
        h = _batch_norm(_convolved(_relu(self.x), filters, f"{kind}_conv_1_{name}"), f"{kind}_bn_1_{name}")
        return h, p

    def normal(self, filters: int, name: str) -> None:
        """Add a cell that keeps the size."""
        h, p = self._begin(filters, "normal", name)

        def part(kind: str) -> str:
            return f"normal_{kind}_{name}"

        left, right = _separable(h, filters, 5, part("left1")), _separable(p, filters, 3, part("right1"))
        x1 = _add(left, right, part("add_1"))
        left, right = _separable(p, filters, 5, part("left2")), _separable(p, filters, 3, part("right2"))
        x2 = _add(left, right, part("add_2"))
        x3 = _add(_mean(h, part("left3")), p, part("add_3"))
        x4 = _add(_mean(p, part("left4")), _mean(p, part("right4")), part("add_4"))
        x5 = _add(_separable(h, filters, 3, part("left5")), h, part("add_5"))
        self.p, self.x = self.x, concatenated([p, x1, x2, x3, x4, x5], part("concat"))
        self.p_is_larger, self.begun = False, True

    def reduction(self, filters: int, name: str, keep_older: bool = False) -> None:
        """Add a cell that halves the size; with `keep_older` the next cell takes what this one took."""
        h, p = self._begin(filters, "reduction", name)

        def part(kind: str) -> str:
            return f"reduction_{kind}_{name}"

        def halving(x: KerasTensor, kernel: int, kind: str) -> KerasTensor:
            return _separable(x, filters, kernel, part(kind), strides=2)

        h3 = padded(h, 3, part("pad_1"))
        left, right = halving(h, 5, "left1"), halving(p, 7, "right1")
        x1 = _add(left, right, part("add_1"))
        left = layers.MaxPooling2D(3, strides=2, name=part("left2"))(h3)
        x2 = _add(left, halving(p, 7, "right2"), part("add_2"))
        left = layers.AveragePooling2D(3, strides=2, name=part("left3"))(h3)
        x3 = _add(left, halving(p, 5, "right3"), part("add3"))
        x4 = _add(x2, _mean(x1, part("left4")))
        left = _separable(x1, filters, 3, part("left4"))
        right = layers.MaxPooling2D(3, strides=2, name=part("right5"))(h3)
        x5 = _add(left, right, part("add4"))
        older = self.p if keep_older else self.x
        self.p, self.x = older, concatenated([x2, x3, x4, x5], part("concat"))
        self.p_is_larger, self.begun = True, True


@expand_kwargs(after={"input_shape": "variant"})
def _nasnet(
    filters: int,
    repeats: int,
    stem: int,
    keep_older: bool,
    size: int,
    default_shape: tuple[int, int, int] | None,
    variant: str,
    **kwargs: Unpack[NetworkArguments],
) -> Functional:
    """A network of cells that a search found.

    Args:
        kwargs: as every network; see `jkeras.applications`. Without the classifier the small network is made for images of
            224 x 224 pixels if `input_shape` does not say otherwise.

    Source: Barret Zoph et al., "Learning Transferable Architectures for Scalable Image Recognition", 2017.
    """
    shape = kwargs["input_shape"]
    if kwargs["weights"] == "imagenet" and shape is not None and None in shape:
        raise ValueError(f"With trained weights the input shape must be known. Received: input_shape={shape}.")
    kwargs["input_shape"] = shape if shape is not None or kwargs["include_top"] else default_shape
    frame = Frame(size, layouts=("channels_last",), **kwargs)
    x = layers.Conv2D(stem, 3, strides=2, use_bias=False, kernel_initializer="he_normal", name="stem_conv1")(frame.images)
    cells = _Cells(_batch_norm(x, "stem_bn1"))
    cells.reduction(filters // 4, "stem_1")
    cells.reduction(filters // 2, "stem_2")
    for stage in range(3):
        if stage:
            cells.reduction(filters * 2**stage, f"reduce_{stage * repeats}", keep_older)
        for i in range(repeats):
            cells.normal(filters * 2**stage, f"{stage * repeats + i + (1 if stage else 0)}")
    x = _relu(cells.x)
    x = frame.classifier(layers.GlobalAveragePooling2D()(x)) if frame.include_top else frame.pooled(x, named=False)
    published, cached = f"NASNet-{variant}", f"nasnet_{variant}"
    names, kept = (f"{published}.h5", f"{published}-no-top.h5"), (f"{cached}.h5", f"{cached}_no_top.h5")
    return frame.model(x, WeightFiles(cached, f"{FOLDER}nasnet/", names, kept))


NASNetMobile = member(
    _nasnet,
    "NASNetMobile",
    "nasnet_mobile",
    filters=44,
    repeats=4,
    stem=32,
    keep_older=False,
    size=224,
    default_shape=(224, 224, 3),
    variant="mobile",
)
NASNetLarge = member(
    _nasnet,
    "NASNetLarge",
    "nasnet_large",
    filters=168,
    repeats=6,
    stem=96,
    keep_older=True,
    size=331,
    default_shape=None,
    variant="large",
)
preprocess_input = preprocessor("nasnet", "tf")

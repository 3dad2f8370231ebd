"""What all networks have in common: arguments, checks, the input, the head, trained weights.

A family is a function that asks a `Frame` for the images, calls its blocks on them, and hands the features back:

    @expand_kwargs()
    def _resnet(network, blocks, **kwargs: Unpack[NetworkArguments]) -> Functional:
        frame = Frame(224, **kwargs)
        x = frame.images
        ...
        return frame.with_head(x, kernels("resnet", network))

A network is a `member` of it, the family's function with its own numbers filled in:

    ResNet50 = member(_resnet, "ResNet50", "resnet50", network="resnet50", blocks=(3, 4, 6, 3))
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Sequence
from typing import Annotated, Any, TypedDict

from jkeras import layers
from jkeras._base.config import settings
from jkeras._base.errors import describe
from jkeras._base.forwarding import forwarder
from jkeras._base.registry import export
from jkeras._base.types import FunctionLike, Tree
from jkeras.applications.imagenet_utils import CLASSES, obtain_input_shape, validate_activation
from jkeras.applications.trained import WeightFiles
from jkeras.graph import KerasTensor
from jkeras.graph.topology import source_inputs
from jkeras.models import Functional

_POOLING = {"avg": layers.GlobalAveragePooling2D, "max": layers.GlobalMaxPooling2D}


class NetworkArguments(TypedDict, total=False):
    """Arguments of every network; `jkeras.applications` explains them."""

    include_top: Annotated[bool, True]
    weights: Annotated[str | os.PathLike[str] | None, "imagenet"]
    input_tensor: Annotated[KerasTensor | None, None]
    input_shape: Annotated[Sequence[int | None] | None, None]
    pooling: Annotated[str | None, None]
    classes: Annotated[int, 1000]
    classifier_activation: Annotated[FunctionLike, "softmax"]
    name: Annotated[str | None, None]


class Frame:
    """The beginning and the end of one network.

    Args:
        size: height and width of the images that the network was made for.
        smallest: size that its strides allow.
        sized: whether the classifier needs to know the size.
        layouts: of images, that the network takes.
        arguments: as in `NetworkArguments`.

    Attributes:
        images: the symbolic input of the network's first layer.
        shape: of one image.

    Raises:
        ValueError: an argument is wrong, or does not fit to the trained weights.
    """

    def __init__(
        self,
        size: int,
        smallest: int = 32,
        sized: bool = True,
        layouts: Sequence[str] = ("channels_last", "channels_first"),
        *,
        include_top: bool,
        weights: str | os.PathLike[str] | None,
        input_tensor: KerasTensor | None,
        input_shape: Sequence[int | None] | None,
        pooling: str | None,
        classes: int,
        classifier_activation: FunctionLike,
        name: str | None,
    ):
        self.include_top, self.weights, self.pooling = include_top, weights, pooling
        self.classes, self.activation, self.name = classes, classifier_activation, name
        layout = settings.image_data_format
        if layout not in layouts:
            raise ValueError(f"This network takes images with {layouts[0]} alone. Received: the data format {layout!r}.")
        if pooling is not None and pooling not in _POOLING:
            raise ValueError(f"pooling is None, 'avg' or 'max'. Received: {describe(pooling)}.")
        if input_tensor is not None and not isinstance(input_tensor, KerasTensor):
            raise ValueError(
                "input_tensor is a symbolic tensor, as Input((224, 224, 3)) and layers called on it give; call the network "
                f"itself on arrays. Received: {describe(input_tensor)}."
            )
        self._check_weights()
        self.shape = obtain_input_shape(input_shape, size, smallest, layout, include_top and sized, weights)
        self.images = layers.Input(self.shape) if input_tensor is None else input_tensor
        sources = [self.images] if input_tensor is None else source_inputs(input_tensor)
        self._inputs: Tree = sources[0] if len(sources) == 1 else sources

    def _check_weights(self) -> None:
        if self.weights not in (None, "imagenet") and not os.path.exists(self.weights):
            raise ValueError(
                "weights is None for random ones, 'imagenet' for those trained on ImageNet, or the path of a file. "
                f"Received: {self.weights!r}, and there is no such file."
            )
        if not self.include_top:
            return
        if self.weights == "imagenet" and self.classes != CLASSES:
            raise ValueError(
                f"The classifier trained on ImageNet has {CLASSES} classes. Received: classes={self.classes!r}. Take "
                "include_top=False and add a Dense layer of your own, or weights=None."
            )
        validate_activation(self.activation, self.weights)

    @property
    def rows_and_columns(self) -> tuple[int | None, int | None]:
        """Height and width of an image."""
        sizes = self.shape[1:] if settings.image_data_format == "channels_first" else self.shape[:2]
        return sizes[0], sizes[1]

    def pooled(self, x: KerasTensor, named: bool = True) -> KerasTensor:
        """The features of each image, pooled as the user asked; `named` as in `avg_pool`."""
        return x if self.pooling is None else _POOLING[self.pooling](name=f"{self.pooling}_pool" if named else None)(x)

    def classifier(self, x: KerasTensor, **more: Any) -> KerasTensor:
        """The last layer: a score for each class; `more` as Dense takes."""
        return layers.Dense(self.classes, activation=self.activation, name="predictions", **more)(x)

    def with_head(self, x: KerasTensor, files: WeightFiles, named: bool = True) -> Functional:
        """The model whose head is the usual one: the mean over each image, and then the classifier."""
        if self.include_top:
            x = self.classifier(layers.GlobalAveragePooling2D(name="avg_pool")(x))
        else:
            x = self.pooled(x, named)
        return self.model(x, files)

    def model(self, x: KerasTensor, files: WeightFiles, name: str | None = None) -> Functional:
        """The model from the images to `x`, with the weights that the user asked for; `name` if there is no other."""
        model = Functional(self._inputs, x, name=self.name or name)
        if self.weights is not None:
            model.load_weights(files.obtain(self.include_top) if self.weights == "imagenet" else self.weights)
        return model


def member(family: Callable[..., Functional], title: str, name: str | None = None, **numbers: Any) -> Callable[..., Functional]:
    """One network of a family: its function with some arguments filled in.

    Args:
        family: makes a model; its docstring becomes the network's.
        title: the public name, such as `ResNet50`.
        name: default of the argument `name`.
        numbers: the arguments that tell the network from others of its family.

    Returns:
        A function with the other arguments of the family.
    """

    def network(**kwargs: Any) -> Functional:
        return family(**numbers, **kwargs)

    network.__name__ = network.__qualname__ = title
    network.__module__, network.__doc__ = family.__module__, f"{title}: {family.__doc__}"
    parameters = [p for p in inspect.signature(family).parameters.values() if p.name not in numbers]
    parameters = [p.replace(default=name) if p.name == "name" else p for p in parameters]
    made = forwarder(network, parameters, by_name=[p.name for p in parameters])
    return export(f"keras.applications.{title}")(made)

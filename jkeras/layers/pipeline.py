"""Pipeline: layers in a row as one layer, such as all the steps that prepare images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

from jkeras._base.configurable import serialize
from jkeras._base.errors import describe
from jkeras._base.registry import export
from jkeras._base.types import Config, CustomObjects, Tree
from jkeras.layer.base import Layer


@export("keras.layers.Pipeline")
class Pipeline(Layer):
    """Layers in a row: each takes what the one before gives, which may be a dict of images, labels and boxes.

    A bare call trains, as it does for the layers that augment images. Unlike a `Sequential` it is no model.

    Args:
        layers: a list of layers.
        name: of the layer.

    Call:
        inputs: what the first layer takes.

    Raises:
        ValueError: `layers` is no list of layers.

    Example:
        >>> import numpy as np
        >>> from jkeras.layers import CenterCrop, Rescaling
        >>> Pipeline([CenterCrop(1, 2), Rescaling(0.5)])(np.arange(4.0).reshape(1, 1, 4, 1)).ravel().tolist()
        [0.5, 1.0]
    """

    def __init__(self, layers: Sequence[Layer], name: str | None = None):
        if not isinstance(layers, (list, tuple)) or not all(isinstance(layer, Layer) for layer in layers):
            raise ValueError(
                f"Pipeline takes a list of layers: Pipeline([RandomFlip(), Rescaling(1 / 255)]). Received: {describe(layers)}."
            )
        super().__init__(name=name)
        self._pipeline_layers = list(layers)

    @property
    def layers(self) -> list[Layer]:
        """The layers, in the order in which they run."""
        return list(self._pipeline_layers)

    def _casts_inputs(self) -> bool:
        return False  # each layer casts its own

    def call(self, inputs: Tree, training: bool = True, mask: Tree = None) -> Tree:
        """What the last layer gives."""
        for number, layer in enumerate(self._pipeline_layers):
            masked = {"mask": mask} if number == 0 and mask is not None and layer._plan.takes_mask else {}
            inputs = layer(inputs, **masked)
        return inputs

    def get_config(self) -> dict[str, Any]:
        """The layers and the name, which is all that the constructor takes."""
        return {"layers": serialize(self._pipeline_layers), "name": self.name}

    @classmethod
    def from_config(cls, config: Config, custom_objects: CustomObjects = None) -> Self:
        """A pipeline from what `get_config` gave.

        Raises:
            ValueError: the config has no list of layers.
        """
        if not isinstance(config.get("layers"), (list, tuple)):
            raise ValueError(f"The config of a Pipeline has a list of layers. Received: layers={config.get('layers')!r}.")
        return super().from_config(config, custom_objects)

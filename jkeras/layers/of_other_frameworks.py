"""Keras' layers around programs of TensorFlow and modules of PyTorch: here they say what to write instead."""

from __future__ import annotations

from typing import Any, NoReturn, Self

from jkeras._base.errors import FileFormatError
from jkeras._base.registry import export
from jkeras._base.types import Config, CustomObjects
from jkeras.layer.base import Layer


class _Elsewhere(Layer):
    """A layer that only another framework can run."""

    _instead: str

    @classmethod
    def from_config(cls, config: Config, custom_objects: CustomObjects = None) -> Self:
        """Refuse, as the constructor does.

        Raises:
            FileFormatError: always.
        """
        raise FileFormatError(cls._instead)

    def _refuse(self) -> NoReturn:
        raise NotImplementedError(self._instead)


@export("keras.layers.TFSMLayer")
class TFSMLayer(_Elsewhere):
    """In Keras, a SavedModel of TensorFlow as a layer. It needs TensorFlow, and so does not exist here.

    Args:
        filepath, call_endpoint, call_training_endpoint, trainable, name, dtype: as in Keras.

    Raises:
        NotImplementedError: always.
    """

    _instead = (
        "A TFSMLayer runs a program of TensorFlow, which jkeras does not. Where the model was made, save it as .keras or .h5 and "
        "load that by load_model; or run it by itself: tf.saved_model.load(path)."
    )

    def __init__(
        self,
        filepath: str,
        call_endpoint: str = "serve",
        call_training_endpoint: str | None = None,
        trainable: bool = True,
        name: str | None = None,
        dtype: Any = None,
    ):
        self._refuse()


@export("keras.layers.TorchModuleWrapper")
class TorchModuleWrapper(_Elsewhere):
    """In Keras, a module of PyTorch as a layer. It needs PyTorch, and so does not exist here.

    Args:
        module, name, output_shape, kwargs: as in Keras.

    Raises:
        NotImplementedError: always.
    """

    _instead = (
        "A TorchModuleWrapper runs a module of PyTorch, which jkeras does not. Build the same layers here and set their weights: "
        "layer.set_weights([w.detach().numpy(), ...]); PyTorch's Linear has the transpose of Dense's kernel. A pure function of "
        "JAX is a layer by JaxLayer, a module of Flax by FlaxLayer."
    )

    def __init__(self, module: Any, name: str | None = None, output_shape: Any = None, **kwargs: Any):
        self._refuse()

"""Which versions of Keras and TensorFlow jkeras gives itself out as, to modules and to `importlib.metadata`.

`keras` is Keras 3, with JAX as its backend. What lies under `tensorflow`, and `tf_keras`, is the Keras of TensorFlow 2.15.
Code compares these versions, so they are plain digits; `tf.version.GIT_VERSION` says that jkeras answers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from importlib.metadata import Distribution
from pathlib import Path
from typing import Final

from jkeras.saving.keras2_output import KERAS3_VERSION
from jkeras.saving.layout_keras2 import WRITES_AS as TENSORFLOW_VERSION

_OF_KERAS_3 = ("keras", "keras_core")
_OF_KERAS_2_IN_KERAS_3 = ("keras.api._v1", "keras.api._v2")
# A distribution's name as packages ask for it, the module it installs, its version.
DISTRIBUTIONS: Final = (
    ("keras", "keras", KERAS3_VERSION),
    ("tensorflow", "tensorflow", TENSORFLOW_VERSION),
    ("tf_keras", "tf_keras", TENSORFLOW_VERSION),
)


def version() -> str:
    """The version of Keras whose interface `import keras` gives: `keras.version()`.

    Example:
        >>> version().split(".")[0]
        '3'
    """
    return KERAS3_VERSION


def is_keras_3(module: str) -> bool:
    """Whether a module of Keras is one of Keras 3's rather than of TensorFlow's Keras 2.

    Example:
        >>> is_keras_3("keras.layers"), is_keras_3("tensorflow.keras.layers"), is_keras_3("keras.api._v2.keras")
        (True, False, False)
    """
    return module.partition(".")[0] in _OF_KERAS_3 and not module.startswith(_OF_KERAS_2_IN_KERAS_3)


def version_of(module: str) -> str:
    """The `__version__` of a module.

    Example:
        >>> version_of("tensorflow.keras")
        '2.15.0'
    """
    return KERAS3_VERSION if is_keras_3(module) else TENSORFLOW_VERSION


class CompatDistribution(Distribution):
    """What `importlib.metadata` answers about `keras` and `tensorflow` while jkeras stands for them.

    Args:
        name: of the distribution.
        module: what it installs.
        version: plain digits.

    Example:
        >>> CompatDistribution("keras", "keras", "3.0.0").version
        '3.0.0'
    """

    def __init__(self, name: str, module: str, version: str):
        self._texts = {
            "METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\nSummary: {module}, as jkeras has it\n",
            "top_level.txt": f"{module}\n",
        }

    def read_text(self, filename: str) -> str | None:
        """The text of a file of the distribution's metadata, or None."""
        return self._texts.get(filename)

    def locate_file(self, path: object) -> Path:
        """Where a file of the distribution would be: beside jkeras."""
        return Path(__file__).parents[2] / str(path)


def distributions(name: str | None, modules: Iterable[str]) -> Iterator[CompatDistribution]:
    """The distributions of this name, or all for None, whose module is among `modules`."""
    asked = None if name is None else _normalized(name)
    for own, module, release in DISTRIBUTIONS:
        if module in modules and asked in (None, _normalized(own)):
            yield CompatDistribution(own, module, release)


def _normalized(name: str) -> str:
    """As installers compare names: `TF-Keras` is `tf_keras`."""
    return name.lower().replace("-", "_").replace(".", "_")

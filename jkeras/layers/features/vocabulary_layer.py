"""`VocabularyLayer`: how a layer with a vocabulary learns it, and how configs and files hold it.

The `Vocabulary` has the terms: the layer itself, or a lookup inside it.
"""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from jkeras._base import configurable
from jkeras._base.config import floatx
from jkeras._base.errors import UnsafeFileError
from jkeras._base.types import Config, CustomObjects, Tree
from jkeras.layer.host_layer import HostLayer
from jkeras.layers.features.adapting import batches_to_adapt
from jkeras.layers.features.vocabulary_files import read_asset, write_asset

if TYPE_CHECKING:
    from jkeras.layers.features.vocabulary import Vocabulary

_PATH_IN_CONFIG = """The config of a {cls} names the vocabulary file {path!r}. Files that configs name are not read, because a
config may come from anywhere. Put the terms in their place, config["vocabulary"] = [...], or None and call
set_vocabulary({path!r})."""


class VocabularyLayer(HostLayer):
    """A layer with a vocabulary."""

    @property
    def terms(self) -> Vocabulary:
        """What has the terms."""
        raise NotImplementedError

    @property
    def learns(self) -> bool:
        """Whether `adapt` finds the terms."""
        return not self.terms._fixed

    def adapt(self, data: Tree, batch_size: int | None = None, steps: int | None = None) -> None:
        """Count the tokens of data and keep the most frequent ones, at most `max_tokens`; of equally many the last in order.

        Args:
            data: an array or list; or batches: a generator, an iterable, a dataset. For "tf_idf" each row is a document.
            batch_size: as in Keras, without effect.
            steps: how many batches to read; None for all.

        Raises:
            ValueError: the layer was made with a vocabulary, or there are no data.
        """
        self.reset_state()
        for batch in batches_to_adapt(data, steps, self.name):
            self.update_state(batch)
        self.finalize_state()

    def reset_state(self) -> None:
        """Forget what `update_state` has counted."""
        raise NotImplementedError

    def update_state(self, data: Tree) -> None:
        """Count the tokens of a batch."""
        raise NotImplementedError

    def finalize_state(self) -> None:
        """Make the vocabulary of what was counted."""
        raise NotImplementedError

    # files ----------------------------------------------------------------------------------------------------------

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments; a vocabulary that was learned or read from a file is not among them.

        Except where its terms have line ends, or the last one is empty: a file of lines could not hold it.
        """
        config = {name: value for name, value in super().get_config().items() if name != "has_input_vocabulary"}
        return {**config, **self.terms.vocabulary_config()}

    @classmethod
    def from_config(cls, config: Config, custom_objects: CustomObjects = None) -> Self:
        """A layer from what `get_config` returned.

        Raises:
            UnsafeFileError: the config names a vocabulary file.
        """
        layer: Self
        with configurable.in_todays_words(config, cls) as todays:
            layer = super().from_config(arguments_of_lookup(cls, todays), custom_objects)
        return layer

    def get_build_config(self) -> dict[str, Tree] | None:
        """Nothing: such a layer has no weights."""
        return {}

    def save_own_variables(self, store: MutableMapping[str, Any]) -> None:
        """Put the IDF weights into a store."""
        if self.terms.idf_weights is not None:
            store["idf_weights"] = self.terms.idf_weights

    def load_own_variables(self, store: Mapping[str, Any]) -> None:
        """Take the IDF weights from a store."""
        if self.terms.output_mode == "tf_idf" and "idf_weights" in store:
            self.terms.idf_weights = np.asarray(store["idf_weights"], floatx())

    def save_assets(self, folder: str) -> None:
        """Write the vocabulary into a folder, unless the config has it."""
        lines = self.terms.lines()
        if self.terms.input_vocabulary is None and lines:
            write_asset(folder, lines)

    def load_assets(self, folder: str | None) -> None:
        """Read the vocabulary from a folder."""
        if self.terms.input_vocabulary is None and folder is not None:
            self.terms.take_lines(read_asset(folder, self.terms.name))


def arguments_of_lookup(cls: type, config: Any) -> Any:
    """The config of a layer with a vocabulary, without weights that belong to none.

    Raises:
        UnsafeFileError: it names a vocabulary file.
    """
    if not isinstance(config, Mapping):
        return config
    vocabulary = config.get("vocabulary")
    if isinstance(vocabulary, (str, bytes)):
        raise UnsafeFileError(_PATH_IN_CONFIG.format(cls=cls.__name__, path=vocabulary))
    return config if vocabulary is not None else {**config, "idf_weights": None}  # they come with the vocabulary

"""`IntegerLookup`: from integers of any size to indices of a vocabulary, and back."""

from __future__ import annotations

from typing import Any

import numpy as np

from jkeras._base.errors import describe
from jkeras._base.registry import export
from jkeras._base.types import Tree
from jkeras._text.tables import NumberTable
from jkeras.layer.host_layer import integer_dtype
from jkeras.layers.features.index_lookup import IndexLookup


@export("keras.layers.IntegerLookup")
class IntegerLookup(IndexLookup):
    """The index of each integer in a vocabulary, or with `invert` the integer of each index.

    Outputs and modes are those of `StringLookup`. It runs on the host, in NumPy, with 64-bit integers.

    Args:
        max_tokens: the most indices, special ones included; None for all.
        num_oov_indices: how many indices integers out of vocabulary share; 0 makes them an error.
        mask_token: with "int" it has index 0; in other modes it counts nowhere. None for no such token.
        oov_token: what `invert` returns for integers out of vocabulary.
        vocabulary: the terms, or the path of a file with one a line; None leaves them to `adapt`.
        vocabulary_dtype: `"int64"`.
        idf_weights: one for each term, for "tf_idf" with a vocabulary.
        invert: whether to map indices to integers, with "int" alone.
        output_mode: `"int"`, `"one_hot"`, `"multi_hot"`, `"count"` or `"tf_idf"`.
        sparse: must be False: there are no sparse tensors here.
        pad_to_max_tokens: whether the encodings have `max_tokens` entries, however many terms there are.
        oov_method: how integers out of vocabulary share indices: `"floormod"` takes the remainder, `"farmhash"` the hash.
        salt: one or two numbers, for `"farmhash"`: hash with SipHash under them instead.
        name: of the layer.
        kwargs: as every layer.

    Raises:
        ValueError: arguments that do not fit together.

    Example:
        >>> layer = IntegerLookup(vocabulary=[12, 1138], num_oov_indices=2)
        >>> layer([[12, 1138, 7]]).tolist()
        [[2, 3, 1]]
    """

    input_dtype = "int64"
    _term_dtype = "int64"
    _table_class = NumberTable

    def __init__(
        self,
        max_tokens: int | None = None,
        num_oov_indices: int = 1,
        mask_token: int | None = None,
        oov_token: int | None = -1,
        vocabulary: Tree = None,
        vocabulary_dtype: str = "int64",
        idf_weights: Tree = None,
        invert: bool = False,
        output_mode: str = "int",
        sparse: bool = False,
        pad_to_max_tokens: bool = False,
        oov_method: str = "floormod",
        salt: Any = None,
        name: str | None = None,
        **kwargs: Any,
    ):
        if vocabulary_dtype not in ("int64", "int32"):
            raise ValueError(f"IntegerLookup: vocabulary_dtype is 'int64'. Received: {vocabulary_dtype!r}.")
        if salt is not None and oov_method != "farmhash":
            raise ValueError(f"IntegerLookup: salt is for oov_method='farmhash'. Received: oov_method={oov_method!r}.")
        super().__init__(
            max_tokens, num_oov_indices, mask_token, oov_token, vocabulary, idf_weights, invert, output_mode, sparse,
            pad_to_max_tokens, oov_method, salt, name=name, **kwargs,
        )  # fmt: skip
        self._term_dtype = integer_dtype()

    def _as_tokens(self, values: Tree) -> list[int]:
        try:
            return [int(value) for value in np.asarray(values).ravel().tolist()]
        except (TypeError, ValueError) as error:
            raise ValueError(f"{self.name!r}: the terms are integers. Received: {describe(values)}.") from error

    def _shown(self, token: int) -> int:
        return token

    def _checked(self, x: Tree) -> np.ndarray:
        array = np.asarray(x)
        if array.dtype.kind not in "iub" and not (array.dtype.kind == "f" and (array == np.trunc(array)).all()):
            raise TypeError(f"{self.name!r} looks up integers. Received: {describe(x)}. Write StringLookup for strings.")
        return array.astype(np.int64)

    def _terms(self, indices: np.ndarray) -> np.ndarray:
        other = -1 if self.oov_token is None else self.oov_token
        special = [other if token is None else token for token in self._special]
        known = np.array([*special, *self._tokens, other], np.int64)
        indices = indices.astype(np.int64)
        within = (indices >= 0) & (indices < len(known))
        return known[np.where(within, indices, len(known) - 1)].astype(self._term_dtype)

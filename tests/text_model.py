"""A model with every layer for texts and tables, for tests of files; Keras made `golden/texts/keras3_text.keras` of it."""

from typing import Any

import numpy as np

DATA = [
    np.array([["a b"], ["b c a"], ["é zzz"], ["x"]], object),
    np.array([[5, 7], [1, 1], [7, 7], [9, 5]]),
    np.linspace(0, 1, 8).reshape(4, 2).astype("float32"),
]
LEARNED = np.array(["a b c", "b c d", "q é"])


def adapted(layer: Any, data: Any) -> Any:
    """The layer, adapted."""
    layer.adapt(data)
    return layer


def model(keras: Any) -> Any:
    """Learned vocabularies and given ones, encodings, hashes, crosses, bins, statistics."""
    layers = keras.layers
    text, ids, numbers = keras.Input((1,), dtype="string"), keras.Input((2,), dtype="int64"), keras.Input((2,))
    weighted = layers.TextVectorization(output_mode="tf_idf", max_tokens=9, pad_to_max_tokens=True, ngrams=2)
    words = layers.TextVectorization(output_sequence_length=5)
    given = layers.StringLookup(vocabulary=["a b", "b"], num_oov_indices=3, mask_token="")
    features = [
        adapted(weighted, LEARNED)(text),
        layers.Flatten()(layers.Embedding(20, 3)(adapted(words, LEARNED)(text))),
        layers.Flatten()(layers.Embedding(6, 3)(given(text))),
        adapted(layers.StringLookup(output_mode="count"), LEARNED)(text),
        adapted(layers.IntegerLookup(output_mode="multi_hot"), np.array([5, 5, 7]))(ids),
        layers.Hashing(10, salt=[3, 4], output_mode="one_hot")(text),
        layers.HashedCrossing(6, output_mode="one_hot")([text, text]),
        layers.CategoryEncoding(12, output_mode="count")(ids),
        layers.Flatten()(
            adapted(layers.Discretization(num_bins=3, output_mode="one_hot"), np.linspace(0, 1, 50).astype("float32"))(numbers)
        ),
        adapted(layers.Normalization(), np.arange(20.0).reshape(10, 2).astype("float32"))(numbers),
    ]
    return keras.Model([text, ids, numbers], features)

"""keras-self-attention: additive, multiplicative and weighted attention over sequences with padding, and a file."""

import os

os.environ["TF_KERAS"] = "1"

import numpy as np
from keras_self_attention import ScaledDotProductAttention, SeqSelfAttention, SeqWeightedAttention
from tensorflow import keras

rng = np.random.default_rng(0)
words = rng.integers(1, 50, (64, 12))
words[:, 8:] = 0
tags = words % 3

for options in (
    {"attention_activation": "sigmoid"},
    {"attention_type": SeqSelfAttention.ATTENTION_TYPE_MUL, "kernel_regularizer": keras.regularizers.l2(1e-6)},
    {"attention_width": 5, "history_only": True, "attention_regularizer_weight": 1e-4},
):
    model = keras.models.Sequential(
        [
            keras.layers.Embedding(50, 16, mask_zero=True),
            keras.layers.Bidirectional(keras.layers.LSTM(8, return_sequences=True)),
            SeqSelfAttention(**options),
            keras.layers.Dense(3, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["sparse_categorical_accuracy"])
    losses = model.fit(words, tags, epochs=4, batch_size=16, verbose=0).history["loss"]
    assert losses[-1] < losses[0], losses
model.save("attention.h5")
again = keras.models.load_model("attention.h5", custom_objects={"SeqSelfAttention": SeqSelfAttention})
np.testing.assert_allclose(again.predict(words[:4], verbose=0), model.predict(words[:4], verbose=0), rtol=1e-5, atol=1e-6)

inputs = keras.layers.Input((12, 6))
summary, weights = SeqWeightedAttention(return_attention=True)(ScaledDotProductAttention()(inputs))
model = keras.models.Model(inputs, [summary, weights])
summary, weights = model.predict(rng.normal(size=(2, 12, 6)), verbose=0)
assert summary.shape == (2, 6)
np.testing.assert_allclose(weights.sum(-1), 1, rtol=1e-5)

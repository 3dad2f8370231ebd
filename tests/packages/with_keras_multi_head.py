"""keras-multi-head: the wrapper around layers, and attention with several heads."""

import numpy as np
from keras_multi_head import MultiHead, MultiHeadAttention
from tensorflow import keras

rng = np.random.default_rng(0)
words = rng.integers(1, 50, (32, 10))
model = keras.models.Sequential([
    keras.layers.Embedding(50, 16, name="Embedding"),
    MultiHead(keras.layers.Bidirectional(keras.layers.LSTM(8)), layer_num=3, reg_index=[1, 4], reg_factor=0.1),
    keras.layers.Flatten(),
    keras.layers.Dense(2, activation="softmax"),
])  # fmt: skip
model.build((None, 10))
model.compile("adam", "sparse_categorical_crossentropy")
losses = model.fit(words, words[:, 0] % 2, epochs=5, verbose=0).history["loss"]
assert losses[-1] < losses[0], losses

inputs = keras.layers.Input((6, 12))
attention = MultiHeadAttention(head_num=3, name="Multi-Head")
model = keras.models.Model(inputs, attention(inputs))
x = rng.normal(size=(4, 6, 12)).astype("float32")
before = model.predict(x, verbose=0)
model.save("heads.h5")
again = keras.models.load_model("heads.h5", custom_objects={"MultiHeadAttention": MultiHeadAttention})
np.testing.assert_allclose(again.predict(x, verbose=0), before, rtol=1e-5, atol=1e-6)

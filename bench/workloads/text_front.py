"""Texts in `fit`: `TextVectorization` in front of a small model, which learns from 100,000 lines of 17 words.

jkeras gets the model with the layer in it, and texts; TensorFlow a `tf.data` pipeline that runs the layer, as Keras' guides say
for speed. In the first row the texts are an array, and the time is that of a whole `fit` of three epochs, since jkeras turns
them into numbers once. In the second a generator yields them, so every epoch turns them into numbers anew.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import numpy as np

from bench import feeding
from bench.workload import Record, Workload
from bench.workloads.text import LINES, TOKENS, lines

BATCH, LENGTH, EPOCHS = 256, 30, 3


def data(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Lines, and whether their first letter is one of the first half."""
    texts = lines(count)
    return np.array(texts, object), np.array([line[0].lower() < "i" for line in texts], np.float32)


def batches(texts: np.ndarray, y: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Endless batches, in order."""
    while True:
        for at in range(0, len(texts) - BATCH + 1, BATCH):
            yield texts[at : at + BATCH], y[at : at + BATCH]


class TextFront(Workload):
    libraries = ("jkeras", "tensorflow")
    environment = {"KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3"}

    def __init__(self, name: str, title: str, streamed: bool):
        self.name, self.title, self.streamed = name, title, streamed  # type: ignore[misc]
        self.measures = "epoch" if streamed else f"fit of {EPOCHS} epochs, compiled before"  # type: ignore[misc]

    def sizes(self) -> str:
        return f"{LINES:,} lines, {TOKENS:,} tokens, {LENGTH} indices a line, batch {BATCH}, adam"

    def run(self, library: str, quick: bool) -> Record:
        texts, y = data((LINES // 50 if quick else LINES) // BATCH * BATCH)
        begin = time.perf_counter()
        if library == "jkeras":
            import jkeras as keras
        else:
            import keras
        layer = keras.layers.TextVectorization(max_tokens=TOKENS, output_sequence_length=LENGTH)
        layer.adapt(texts[: len(texts) // 4])
        parts = [keras.layers.Embedding(TOKENS, 32), keras.layers.GlobalAveragePooling1D(), keras.layers.Dense(32, "relu")]
        front = [keras.Input((1,), dtype="string"), layer] if library == "jkeras" else [keras.Input((LENGTH,), dtype="int64")]
        model = keras.Sequential([*front, *parts, keras.layers.Dense(1)])
        model.compile(keras.optimizers.Adam(1e-3), keras.losses.BinaryCrossentropy(from_logits=True))
        feed, steps = self.feed(library, layer, texts, y), len(texts) // BATCH
        how: Any = {"verbose": 0, **({"steps_per_epoch": steps} if self.streamed else {})}
        return self.times(model, feed, how, begin)

    def feed(self, library: str, layer: Any, texts: np.ndarray, y: np.ndarray) -> dict[str, Any]:
        """The arguments of `fit` that are the data."""
        if library == "jkeras":
            return {"x": batches(texts[:, None], y)} if self.streamed else {"x": texts[:, None], "y": y, "batch_size": BATCH}
        import tensorflow as tf

        rows = tf.data.Dataset.from_tensor_slices((texts.tolist(), y))
        rows = rows.repeat() if self.streamed else rows.shuffle(len(y))
        made = rows.batch(BATCH).map(lambda x, y: (layer(x), y), num_parallel_calls=tf.data.AUTOTUNE)
        return {"x": made.prefetch(tf.data.AUTOTUNE)}

    def times(self, model: Any, feed: dict[str, Any], how: dict[str, Any], begin: float) -> Record:
        losses = model.fit(**feed, **how).history["loss"]
        start, busy, seconds = time.perf_counter() - begin, feeding.Busy(), []
        epochs = 1 if self.streamed else EPOCHS
        for _ in range(EPOCHS):
            at = time.perf_counter()
            losses += model.fit(**feed, **how, epochs=epochs).history["loss"]
            seconds.append(time.perf_counter() - at)
        return {"start": start, "seconds": seconds, "losses": losses, "busy": busy.share()}


WORKLOADS = {
    "text_front": TextFront("text_front", "texts in fit, three epochs", False),
    "text_stream": TextFront("text_stream", "texts from a generator, an epoch", True),
}

"""`TextVectorization` on 100,000 lines of 17 words: learning the vocabulary, and turning batches of 1,024 lines into indices.

TensorFlow gets its own tensors in a `tf.data` pipeline, in which Keras runs the layer; jkeras gets arrays. The checksum of the
indices shows that both did the same work.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from bench.workload import Record, Workload

LINES, BATCH, TOKENS = 100_000, 1024, 10_000


def lines(count: int) -> list[str]:
    """Lines of 5 to 29 words out of 20,000, as frequent as words are, some with a capital and a comma."""
    rng = np.random.default_rng(0)
    letters = np.array(list("abcdefghijklmnop"))
    words = ["".join(rng.choice(letters, size)) for size in rng.integers(2, 9, 20_000)]
    words += [f"{word.capitalize()}," for word in words]
    shares = 1 / np.arange(1, 20_001)
    lengths = rng.integers(5, 30, count)
    drawn = rng.choice(20_000, lengths.sum(), p=shares / shares.sum()) + 20_000 * (rng.random(lengths.sum()) < 0.2)
    texts = np.array(words, object)[drawn].tolist()
    ends = np.cumsum(lengths).tolist()
    return [" ".join(texts[begin:end]) for begin, end in zip([0, *ends], ends)]


class Text(Workload):
    name = "text"
    title = "TextVectorization, 100,000 lines"
    measures = "pass"
    libraries = ("jkeras", "tensorflow")
    environment = {"KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3"}
    passes = 4

    def sizes(self) -> str:
        return f"{LINES:,} lines, batch {BATCH}, {TOKENS:,} tokens, 30 indices a line"

    def run(self, library: str, quick: bool) -> Record:
        texts = np.array(lines(LINES // 50 if quick else LINES), object)
        layers, batches = jkeras_batches(texts) if library == "jkeras" else tensorflow_batches(texts)
        layer = layers.TextVectorization(max_tokens=TOKENS, output_sequence_length=30)
        begin = time.perf_counter()
        layer.adapt(texts)
        adapting, seconds, checksum = time.perf_counter() - begin, [], 0
        for _ in range(2 if quick else self.passes):
            begin, checksum = time.perf_counter(), 0
            for ids in batches(layer):
                checksum += int(np.asarray(ids).sum())
            seconds.append(time.perf_counter() - begin)
        return {"seconds": seconds[1:], "adapt": adapting, "checksum": checksum}


def jkeras_batches(texts: np.ndarray) -> tuple[Any, Any]:
    """The layers, and a function from a layer to its results for all batches."""
    from jkeras import layers

    return layers, lambda layer: (layer(texts[at : at + BATCH]) for at in range(0, len(texts), BATCH))


def tensorflow_batches(texts: np.ndarray) -> tuple[Any, Any]:
    """The same with Keras on TensorFlow."""
    import keras
    import tensorflow as tf

    data = tf.data.Dataset.from_tensor_slices(texts.tolist()).batch(BATCH)
    return keras.layers, lambda layer: data.map(layer, num_parallel_calls=tf.data.AUTOTUNE).prefetch(tf.data.AUTOTUNE)


WORKLOAD = Text()

"""MNIST from bytes, as TensorFlow's guide on data has it: map, shuffle, batch, prefetch, fit; a network of one hidden layer.

Both libraries run the same lines, jkeras under the name of TensorFlow. `tf_data_random` also changes each image at random.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from bench.workload import Record, Workload, record
from bench.workloads.mlp import WORKLOAD as MLP

BATCH = 128


class TfData(Workload):
    libraries = ("jkeras", "tensorflow")
    environment = {"KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3"}
    epochs = 4

    def __init__(self, name: str, title: str, random: bool):
        self.name, self.title, self.random = name, title, random  # type: ignore[misc]

    def sizes(self) -> str:
        return f"{MLP.rows:,} rows of 784 bytes, batch {BATCH}, adam"

    def run(self, library: str, quick: bool) -> Record:
        from bench.libraries import keras_fit

        x, y = MLP.data(2560 if quick else MLP.rows)
        images, labels = (x * 255).astype(np.uint8).reshape(-1, 28, 28), y.astype(np.int64)
        tf = tensorflow(library)
        keras = tf.keras
        keras.utils.set_random_seed(0)
        seen = keras_fit.clock(keras)
        begin = time.perf_counter()
        model = keras.Sequential(
            [
                keras.layers.Input((28, 28)),
                keras.layers.Flatten(),
                keras.layers.Dense(128, activation="relu"),
                keras.layers.Dense(10),
            ]
        )
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(optimizer=keras.optimizers.Adam(0.001), loss=loss, metrics=["accuracy"])
        dataset = self.dataset(tf, images, labels)
        model.fit(dataset, epochs=2 if quick else self.epochs, verbose=0, callbacks=[seen])
        return record([moment - begin for moment in seen.times], seen.losses, accuracies=seen.accuracies)

    def dataset(self, tf: Any, images: np.ndarray, labels: np.ndarray) -> Any:
        """The pipeline."""

        def normalized(image: Any, label: Any) -> tuple[Any, Any]:
            return tf.cast(image, tf.float32) / 255.0, label

        def changed(image: Any, label: Any) -> tuple[Any, Any]:
            image = image * tf.random.uniform((), 0.9, 1.1) + tf.random.uniform((), -0.1, 0.1)
            return image, label

        dataset = tf.data.Dataset.from_tensor_slices((images, labels))
        dataset = dataset.map(normalized, num_parallel_calls=tf.data.AUTOTUNE).shuffle(len(images))
        if self.random:
            dataset = dataset.map(changed, num_parallel_calls=tf.data.AUTOTUNE)
        return dataset.batch(BATCH).prefetch(tf.data.AUTOTUNE)


def tensorflow(library: str) -> Any:
    """The module `tensorflow`: jkeras' or the real one."""
    if library == "jkeras":
        import jkeras.compat

        jkeras.compat.install()
    import tensorflow

    return tensorflow


WORKLOADS = {
    "tf_data": TfData("tf_data", "tf.data: MNIST, map, shuffle, batch 128", False),
    "tf_data_random": TfData("tf_data_random", "tf.data: the same with random images", True),
}

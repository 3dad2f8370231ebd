"""Keras' example of a GAN with `tf.GradientTape` and two optimizers, in a `train_step(self, data)`; the same code for both."""

from __future__ import annotations

import os
import time
from typing import Any

import numpy as np

from bench.workload import Record, Workload, record

ROWS, QUICK_ROWS, BATCH, LATENT, EPOCHS = 6_400, 640, 64, 128, 3


def gan(tf: Any) -> Any:
    """The model, compiled; `tf` is TensorFlow or the stand-in for it."""
    keras, layers = tf.keras, tf.keras.layers
    down, up = {"strides": 2, "padding": "same"}, {"strides": 2, "padding": "same"}
    discriminator = keras.Sequential(
        [
            layers.Input((28, 28, 1)),
            layers.Conv2D(64, 3, **down),
            layers.LeakyReLU(negative_slope=0.2),
            layers.Conv2D(128, 3, **down),
            layers.LeakyReLU(negative_slope=0.2),
            layers.GlobalMaxPooling2D(),
            layers.Dense(1),
        ]
    )
    generator = keras.Sequential(
        [
            layers.Input((LATENT,)),
            layers.Dense(7 * 7 * 128),
            layers.LeakyReLU(negative_slope=0.2),
            layers.Reshape((7, 7, 128)),
            layers.Conv2DTranspose(128, 4, **up),
            layers.LeakyReLU(negative_slope=0.2),
            layers.Conv2DTranspose(128, 4, **up),
            layers.LeakyReLU(negative_slope=0.2),
            layers.Conv2D(1, 7, padding="same", activation="sigmoid"),
        ]
    )

    class GAN(keras.Model):
        def __init__(self):
            super().__init__()
            self.d_loss, self.g_loss = keras.metrics.Mean(name="d_loss"), keras.metrics.Mean(name="g_loss")

        @property
        def metrics(self):
            return [self.d_loss, self.g_loss]

        def train_step(self, real):
            real = real[0] if isinstance(real, tuple) else real
            rows = tf.shape(real)[0]
            made = generator(tf.random.normal((rows, LATENT)))
            labels = tf.concat([tf.ones((rows, 1)), tf.zeros((rows, 1))], axis=0)
            labels += 0.05 * tf.random.uniform(tf.shape(labels))
            with tf.GradientTape() as tape:
                d_loss = loss_fn(labels, discriminator(tf.concat([made, real], axis=0)))
            grads = tape.gradient(d_loss, discriminator.trainable_weights)
            d_optimizer.apply_gradients(zip(grads, discriminator.trainable_weights))
            with tf.GradientTape() as tape:
                scores = discriminator(generator(tf.random.normal((rows, LATENT))))
                g_loss = loss_fn(tf.zeros((rows, 1)), scores)
            grads = tape.gradient(g_loss, generator.trainable_weights)
            g_optimizer.apply_gradients(zip(grads, generator.trainable_weights))
            self.d_loss.update_state(d_loss)
            self.g_loss.update_state(g_loss)
            return {"d_loss": self.d_loss.result(), "loss": self.g_loss.result()}

    loss_fn = keras.losses.BinaryCrossentropy(from_logits=True)
    d_optimizer, g_optimizer = keras.optimizers.Adam(3e-4), keras.optimizers.Adam(3e-4)
    model = GAN()
    model.discriminator, model.generator = discriminator, generator
    model.compile()
    return model


def tensorflow(library: str) -> Any:
    """TensorFlow, or jkeras' stand-in for it."""
    if library == "jkeras":
        import jkeras.compat

        jkeras.compat.install()
    else:
        os.environ["KERAS_BACKEND"] = "tensorflow"
    import tensorflow

    return tensorflow


class TapeGAN(Workload):
    name = "tape_gan"
    title = "GAN with gradient tapes"
    libraries = ("jkeras", "tensorflow")

    def sizes(self) -> str:
        return f"{ROWS:,} images of 28 x 28, batch {BATCH}, two Adam"

    def run(self, library: str, quick: bool) -> Record:
        tf = tensorflow(library)
        x = np.random.default_rng(0).random((QUICK_ROWS if quick else ROWS, 28, 28, 1)).astype("float32")
        times: list[float] = []

        class Clock(tf.keras.callbacks.Callback):
            def on_epoch_end(self, epoch, logs=None):
                times.append(time.perf_counter() - begin)
                losses.append(float(logs["loss"]))

        losses: list[float] = []
        tf.keras.utils.set_random_seed(0)
        begin = time.perf_counter()
        gan(tf).fit(x, batch_size=BATCH, epochs=2 if quick else EPOCHS, verbose=0, callbacks=[Clock()])
        return record(times, losses)


WORKLOAD = TapeGAN()

"""Augmentation alone: batches of 128 images of 224 by 224 pixels through the image layers, compiled, as in a training step.

`augment` is the usual recipe: flip, turn, zoom, contrast, a rectangle erased. `augment_policy` is RandAugment and MixUp. Keras
gets the same lines, and both run under `jax.jit` through `stateless_call`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from bench.workload import Record, Workload

BATCH, SIDE = 128, 224


class Augmentation(Workload):
    libraries = ("jkeras", "keras")
    measures = "batch"

    def __init__(self, name: str, title: str, layers: Callable[[Any], list[Any]]):
        self.name, self.title, self.layers = name, title, layers  # type: ignore[misc]

    def sizes(self) -> str:
        return f"{BATCH} images of {SIDE} x {SIDE} x 3 bytes"

    def run(self, library: str, quick: bool) -> Record:
        import jax

        from bench.libraries import keras_fit

        keras = keras_fit.module(library)
        images = np.random.default_rng(0).integers(0, 256, (8 if quick else BATCH, SIDE, SIDE, 3), np.uint8)
        steps = self.layers(keras.layers)
        for step in steps:
            step.build(images.shape)

        @jax.jit
        def augment(images: Any, states: Any) -> Any:
            after = []
            for step, state in zip(steps, states):
                images, state = step.stateless_call([], state, images, training=True)
                after.append(state)
            return images, after

        states = [[jax.numpy.asarray(v.value) for v in step.non_trainable_variables] for step in steps]
        on_device, seconds = jax.device_put(images), []
        for _ in range(4 if quick else 12):
            begin = time.perf_counter()
            result, states = augment(on_device, states)
            jax.block_until_ready(result)
            seconds.append(time.perf_counter() - begin)
        return {"start": seconds[0], "seconds": seconds[1:]}


def _recipe(layers: Any) -> list[Any]:
    return [
        layers.RandomFlip("horizontal"),
        layers.RandomRotation(0.05),
        layers.RandomZoom(0.2),
        layers.RandomContrast(0.3),
        layers.RandomErasing(),
    ]


def _policy(layers: Any) -> list[Any]:
    return [layers.RandAugment(), layers.MixUp()]


WORKLOADS = {
    "augment": Augmentation("augment", "augmentation: flip, turn, zoom, contrast, erasing", _recipe),
    "augment_policy": Augmentation("augment_policy", "augmentation: RandAugment and MixUp", _policy),
}

"""The hand-written scan: an epoch is one program over data that stay on the device."""

from __future__ import annotations

import time

import jax
import numpy as np

from bench.libraries import plain_jax
from bench.workload import Record, Training, record


def train(workload: Training, library: str, x: np.ndarray, y: np.ndarray, epochs: int) -> Record:
    """Trains for some epochs, one dispatch per epoch."""
    begin = time.perf_counter()
    inputs, labels = jax.device_put(x), jax.device_put(y)
    step = plain_jax.step_of(workload, plain_jax.patch_conv if workload.patches else plain_jax.conv)
    steps = len(x) // workload.batch

    def epoch(carry, inputs, labels, key):
        order = jax.random.permutation(key, len(inputs)).reshape(steps, workload.batch)
        return jax.lax.scan(lambda carry, index: (step(carry, inputs[index], labels[index]), None), carry, order)[0]

    compiled = jax.jit(epoch, donate_argnums=0)
    carry, keys = plain_jax.start(workload), jax.random.split(jax.random.key(1), epochs)
    times, losses, accuracies = [], [], []
    for key in keys:
        carry = compiled(carry, inputs, labels, key)
        carry, loss, accuracy = plain_jax.sums_read(carry, steps)
        losses.append(loss)
        accuracies.append(accuracy)
        times.append(time.perf_counter() - begin)
    return record(times, losses, accuracies=accuracies)

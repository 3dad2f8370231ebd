"""The hand-written loop: one jitted step with donated state; the data stay on the device, and a step gets row numbers."""

from __future__ import annotations

import time

import jax
import numpy as np

from bench.libraries import plain_jax
from bench.workload import Record, Training, record


def train(workload: Training, library: str, x: np.ndarray, y: np.ndarray, epochs: int) -> Record:
    """Trains for some epochs, one dispatch per step."""
    begin = time.perf_counter()
    rng = np.random.default_rng(0)
    inputs, labels = jax.device_put(x), jax.device_put(y)
    step = plain_jax.step_of(workload, plain_jax.conv)
    indexed = jax.jit(lambda carry, x, y, index: step(carry, x[index], y[index]), donate_argnums=0)
    carry = plain_jax.start(workload)
    steps = len(x) // workload.batch
    times, losses, accuracies = [], [], []
    for _ in range(epochs):
        order = rng.permutation(len(x)).astype(np.int32).reshape(steps, workload.batch)
        for index in order:
            carry = indexed(carry, inputs, labels, index)
        carry, loss, accuracy = plain_jax.sums_read(carry, steps)
        losses.append(loss)
        accuracies.append(accuracy)
        times.append(time.perf_counter() - begin)
    return record(times, losses, accuracies=accuracies)

"""Counts the arithmetic of one epoch: the matrix products and convolutions of loss and gradient, from the hand-written model.

A product of `(m, k)` and `(k, n)` is `2 m n k` operations. Everything else (activations, sums, the optimizer) is left out,
because the machine's peak is that of a matrix product. `python -m bench.flops NAME ...` prints one line of JSON: the peak, and
the operations of an epoch of each workload.
"""

from __future__ import annotations

import json
import math
import os
import sys
import time
from typing import Any

os.environ["JAX_PLATFORMS"] = "cpu"

import jax
import numpy as np
from jax.extend.core import jaxprs_in_params

from bench.libraries import plain_jax
from bench.workload import Training
from bench.workloads import workload


def product(equation: Any) -> float:
    """Operations of a `dot_general`."""
    (contracted, _), _ = equation.params["dimension_numbers"]
    left = equation.invars[0].aval.shape
    return 2.0 * math.prod(equation.outvars[0].aval.shape) * math.prod(left[i] for i in contracted)


def convolution(equation: Any) -> float:
    """Operations of a convolution; the zeros inside a dilated input do not count."""
    numbers = equation.params["dimension_numbers"]
    kernel = equation.invars[1].aval.shape
    window = math.prod(kernel) / kernel[numbers.rhs_spec[0]]
    return 2.0 * math.prod(equation.outvars[0].aval.shape) * window / math.prod(equation.params["lhs_dilation"])


COUNTED = {"dot_general": product, "conv_general_dilated": convolution}


def operations(jaxpr: Any) -> float:
    """Operations of a program and of all programs inside it; a loop's body counts once per iteration."""
    total = 0.0
    for equation in jaxpr.eqns:
        name = equation.primitive.name
        if name in COUNTED:
            total += COUNTED[name](equation)
        turns = equation.params.get("length", 1) if name == "scan" else 1
        total += turns * sum(operations(inner) for inner in jaxprs_in_params(equation.params))
    return total


def epoch(task: Training) -> float:
    """Operations of an epoch of a training workload."""
    params, state = jax.eval_shape(task.init, jax.random.key(0))
    x, y = (jax.ShapeDtypeStruct(part.shape, part.dtype) for part in task.data(task.batch))
    slope = jax.grad(plain_jax.loss_of(task, plain_jax.conv), has_aux=True)
    program = jax.make_jaxpr(slope)(params, state, x, y)
    return operations(program.jaxpr) * (task.rows // task.batch)


def peak(size: int = 2048, runs: int = 7) -> float:
    """The measured peak: operations per second of a square float32 product, the best of several runs."""
    a = jax.numpy.asarray(np.random.default_rng(0).random((size, size), dtype=np.float32))
    multiply = jax.jit(lambda a: a @ a)
    multiply(a).block_until_ready()
    seconds = []
    for _ in range(runs):
        begin = time.perf_counter()
        multiply(a).block_until_ready()
        seconds.append(time.perf_counter() - begin)
    return 2.0 * size**3 / min(seconds)


def main() -> None:
    counts = {name: epoch(task) for name in sys.argv[1:] if isinstance(task := workload(name), Training)}
    print(json.dumps({"peak": peak(), "epochs": counts}))


if __name__ == "__main__":
    main()

"""A training spread over devices, beside the same in hand-written JAX: time of an epoch, and what a step sends.

    python -m bench.scale --markdown bench/results/scale.md

It takes about two minutes on two cores. Where there is one device, it starts itself again with eight virtual ones.
Both sides run the same Adam on the same MLP, data parallel, as a compiled loop over the batches of an epoch, which are shuffled
on the host. On virtual devices, which share the cores of one machine, only the ratio means something.
"""

from __future__ import annotations

import argparse
import itertools
import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.sharding import AxisType, NamedSharding
from jax.sharding import PartitionSpec as P

import jkeras
from bench.machine import commit, cores, model_name
from jkeras import layers
from jkeras.models.layouts import collectives

VIRTUAL = "xla_force_host_platform_device_count"
SIZES, BATCH, BATCHES = (512, 1024, 1024, 16), 256, 40
RNG = np.random.default_rng(0)
X = RNG.normal(size=(BATCH * BATCHES, SIZES[0])).astype("float32")
Y = RNG.normal(size=(BATCH * BATCHES, SIZES[-1])).astype("float32")
REPRODUCIBLE = "data, the same bits on any number"
WAYS: dict[str, Callable[[], dict[str, Any]]] = {
    "data": lambda: {"distribution": "data"},
    "zero": lambda: {"distribution": jkeras.distribution.DataParallel(shards_optimizer=True)},
    "fsdp": lambda: {"distribution": jkeras.distribution.FullySharded(smallest=1 << 16)},
    REPRODUCIBLE: lambda: {"distribution": "data", "reproducible": "devices"},
}


def model(way: dict[str, Any]) -> Any:
    """The MLP, compiled."""
    hidden = [layers.Dense(n, "relu") for n in SIZES[1:-1]]
    net = jkeras.Sequential([layers.Input(SIZES[:1]), *hidden, layers.Dense(SIZES[-1])])
    net.compile(jkeras.optimizers.Adam(1e-3), "mse", **way)
    return net


def handwritten() -> tuple[Callable[[], None], str]:
    """An epoch in plain JAX, and the text of its program."""
    mesh = jax.make_mesh((jax.device_count(),), ("data",), axis_types=(AxisType.Auto,))
    whole, rows = NamedSharding(mesh, P()), NamedSharding(mesh, P(None, "data"))
    params = [(RNG.normal(size=(n, m)).astype("float32") / n**0.5, np.zeros(m, "float32")) for n, m in itertools.pairwise(SIZES)]
    optimizer = optax.adam(1e-3)

    def loss(params: Any, x: Any, y: Any) -> Any:
        for kernel, bias in params[:-1]:
            x = jax.nn.relu(x @ kernel + bias)
        kernel, bias = params[-1]
        return jnp.mean((x @ kernel + bias - y) ** 2)

    def epoch(params: Any, state: Any, xs: Any, ys: Any) -> Any:
        def body(i: Any, carry: Any) -> Any:
            params, state, total = carry
            value, grads = jax.value_and_grad(loss)(params, xs[i], ys[i])
            updates, state = optimizer.update(grads, state, params)
            return optax.apply_updates(params, updates), state, total + value

        return jax.lax.fori_loop(0, xs.shape[0], body, (params, state, jnp.zeros(())))

    run = jax.jit(epoch, donate_argnums=(0, 1), out_shardings=(whole, whole, whole))
    state = [jax.device_put(params, whole), jax.device_put(optimizer.init(params), whole)]

    def put() -> tuple[jax.Array, jax.Array]:
        order = RNG.permutation(len(X))
        shape = (BATCHES, BATCH, -1)
        return jax.device_put(X[order].reshape(shape), rows), jax.device_put(Y[order].reshape(shape), rows)

    def once() -> None:
        *state[:], total = run(*state, *put())
        float(total)

    return once, run.lower(*state, *put()).compile().as_text() or ""


def seconds(run: Callable[[], object]) -> float:
    """How long a call takes."""
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def measure(rounds: int) -> tuple[dict[str, list[float]], dict[str, dict[str, tuple[int, int]]]]:
    """Seconds of an epoch of each way in each round, and what a step sends."""
    byhand, text = handwritten()
    models = {name: model(way()) for name, way in WAYS.items()}
    runs: dict[str, Callable[[], object]] = {"hand-written": byhand}
    for name, net in models.items():
        runs[name] = lambda net=net: net.fit(X, Y, batch_size=BATCH, verbose=0)
    found: dict[str, list[float]] = {name: [] for name in runs}
    for number in range(rounds + 2):
        for name, run in runs.items():
            spent = seconds(run)
            if number >= 2:  # the first compile, the second measures the speed
                found[name].append(spent)
    sent = {
        "hand-written": collectives(text),
        **{name: net.layouts(batch_size=BATCH).collectives for name, net in models.items()},
    }
    return found, sent


def report(found: dict[str, list[float]], sent: dict[str, dict[str, tuple[int, int]]]) -> str:
    """The table."""
    base = found["hand-written"]
    weights = 4 * sum(n * m + m for n, m in itertools.pairwise(SIZES))
    lines = [
        "# Many devices",
        "",
        f"Written by `python -m bench.scale` at {commit()}: {cores()} cores, {model_name()}.",
        f"{jax.device_count()} virtual devices; an MLP of {weights / 2**20:.1f} MB, batch {BATCH}, Adam.",
        f"Medians of {len(base)} epochs, taken in turn.",
        "",
        "| | seconds of an epoch | throughput against hand-written | a step sends |",
        "|---|---|---|---|",
    ]
    for name, times in found.items():
        ratio = statistics.median(b / t for b, t in zip(base, times, strict=True))
        what = ", ".join(f"{count} {kind} ({size / 2**20:.2f} MB)" for kind, (count, size) in sent[name].items())
        lines.append(f"| {name} | {statistics.median(times):.3f} | {ratio:.2f} | {what} |")
    price = statistics.median(b / a for a, b in zip(found["data"], found[REPRODUCIBLE], strict=True))
    lines += ["", f'`compile(reproducible="devices")` takes {price:.2f} times as long as `distribution="data"` alone.']
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure, print, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--markdown", type=Path)
    arguments = parser.parse_args()
    flags = os.environ.get("XLA_FLAGS", "")
    if VIRTUAL not in flags and jax.device_count() == 1:
        os.environ["XLA_FLAGS"] = f"{flags} --{VIRTUAL}=8".strip()
        os.execv(sys.executable, [sys.executable, "-m", "bench.scale", *sys.argv[1:]])
    text = report(*measure(arguments.rounds))
    print(text)
    if arguments.markdown:
        arguments.markdown.write_text(text)


if __name__ == "__main__":
    main()

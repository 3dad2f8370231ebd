"""The benchmark on a GPU: the table of `bench/`, and CIFAR-10 to 94 % with plain `compile` and `fit`.

    python -m bench.gpu                        # needs a GPU and the real CIFAR-10; writes gpu.json and gpu.md
    python -m bench.gpu --no-table --seeds 20
    python -m bench.gpu --reduced              # a CPU, few images, a narrow net: checks that everything runs
    python -m bench.gpu --reduced --synthetic  # without the data set: times only, no accuracy

A run is one `fit` with a fixed number of epochs and one `evaluate`. The first run of a process is the cold one: it starts with
building the model and includes compilation. The others start with new weights and a new optimizer state in the same compiled
model, so they have no step to compile; if something compiles anyway, its time is shown and subtracted. The time to 94 % is the
time of these runs if their mean accuracy is 94 % or more.
"""

from __future__ import annotations

import argparse
import dataclasses
import importlib.util
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from bench.workloads import TRAINING, workload

ROOT = Path(__file__).resolve().parent.parent
GOAL = 0.94
# Library of the table -> module it needs. PyTorch is left out: the table's PyTorch loops are written for the CPU.
PEERS = {"jkeras": "jax", "keras": "keras", "optax": "optax", "scan": "jax"}
ROWS = (*TRAINING, "streamed", "evaluate", "predict", "predict_one")
_COMPILING = "/jax/core/compile/backend_compile_duration"
_NO_DATA = """CIFAR-10 could not be read: {error}
An accuracy is meaningful only on the real images. Put the binary version into `datasets/cifar-10-batches-bin` of the folder
that KERAS_HOME names, or let this program download it. To measure only times, add --synthetic."""


def device() -> dict[str, str]:
    """Name and platform of the accelerator, found by another process, because a process that asks holds its memory."""
    code = "import jax, json; d = jax.devices()[0]; print(json.dumps({'platform': d.platform, 'name': d.device_kind}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False)
    if done.returncode:
        raise SystemExit(f"JAX does not start:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def table(names: list[str], rounds: int, quick: bool) -> list[dict[str, Any]]:
    """The workloads of `bench/`, each library in its own process, in turns."""
    rows = []
    for name in names:
        found: dict[str, list[float]] = {}
        errors: dict[str, str] = {}
        peers = [peer for peer in workload(name).libraries if peer in PEERS and importlib.util.find_spec(PEERS[peer])]
        for _ in range(rounds):
            for peer in peers:
                record = worker(name, peer, quick)
                if "error" in record:
                    errors[peer] = record["error"]
                elif "seconds" in record:
                    found.setdefault(peer, []).append(statistics.median(record["seconds"]))
        rows.append({"workload": name, "seconds": {p: statistics.median(v) for p, v in found.items()}, "errors": errors})
    return rows


def worker(name: str, peer: str, quick: bool) -> dict[str, Any]:
    """One measurement; `{"error": ...}` if it failed."""
    environment = {**os.environ, "KERAS_BACKEND": "jax"}
    command = [sys.executable, "-m", "bench.worker", name, peer, *(["--quick"] if quick else [])]
    try:
        done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=environment, timeout=600, check=False)
        return json.loads(done.stdout.splitlines()[-1]) if done.returncode == 0 else {"error": done.stderr.strip()[-300:]}
    except (subprocess.TimeoutExpired, IndexError, json.JSONDecodeError) as error:
        return {"error": str(error)[:300]}


def data(recipe: Any, synthetic: bool) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Bytes and one-hot labels for training and test."""
    if synthetic:
        from bench.synthetic import classes

        x, y = classes(recipe.rows + recipe.test_rows, (32, 32, 3), 10, noise=3.0)
        x = (255 * x).astype("uint8")
        parts = (x[: recipe.rows], y[: recipe.rows]), (x[recipe.rows :], y[recipe.rows :])
    else:
        from jkeras.datasets import cifar10

        try:
            parts = cifar10.load_data()
        except (OSError, ValueError) as error:
            raise SystemExit(_NO_DATA.format(error=error)) from None
    one_hot = np.eye(10, dtype="float32")
    (x, y), (x_test, y_test) = parts
    return (x[: recipe.rows], one_hot[y[: recipe.rows].ravel()]), (
        x_test[: recipe.test_rows],
        one_hot[y_test[: recipe.test_rows].ravel()],
    )


class Compilations:
    """What XLA has compiled since the last call: which programs, and in how many seconds."""

    def __init__(self) -> None:
        import jax

        self.heard: list[tuple[str, float]] = []
        jax.monitoring.register_event_duration_secs_listener(self._hear)

    def _hear(self, event: str, duration: float, fun_name: str = "", **_: Any) -> None:
        if event == _COMPILING:
            self.heard.append((fun_name, duration))

    def take(self) -> tuple[list[str], float]:
        """The programs' names and their seconds since the last call."""
        heard, self.heard = self.heard, []
        return [name for name, _ in heard], sum(seconds for _, seconds in heard)


def cifar(recipe: Any, seeds: int, synthetic: bool) -> dict[str, Any]:
    """The cold run, then one warm run per seed."""
    import jax

    import jkeras
    from bench import cifar94

    train, test = data(recipe, synthetic)
    heard = Compilations()
    begin = time.perf_counter()
    kernel = cifar94.whitening_kernel(train[0][:5000])
    jkeras.utils.set_random_seed(0)
    trained, evaluated = cifar94.models(recipe, kernel)
    cifar94.compile_models(trained, evaluated, recipe)
    trained.optimizer.build(trained.trainable_variables)
    start = trained.optimizer.state
    runs = [one_run(trained, evaluated, recipe, train, test, heard, begin)]
    for seed in range(seeds):
        jkeras.utils.set_random_seed(seed)
        trained.set_params_and_state(*trained.init(jax.random.key(seed)))
        trained.optimizer.state = start
        heard.take()
        runs.append(one_run(trained, evaluated, recipe, train, test, heard, time.perf_counter()))
        print(f"seed {seed}: {runs[-1]}", flush=True)
    if synthetic:
        runs = [{k: v for k, v in run.items() if k != "accuracy"} for run in runs]
    return {"recipe": dataclasses.asdict(recipe), "synthetic": synthetic, "cold": runs[0], "warm": runs[1:]}


def one_run(
    trained: Any, evaluated: Any, recipe: Any, train: Any, test: Any, heard: Compilations, begin: float
) -> dict[str, Any]:
    """Fit and evaluate: the seconds of each, XLA's compilations in them and their seconds, and the accuracies."""
    history = trained.fit(*train, batch_size=recipe.batch, epochs=recipe.epochs, verbose=0)
    fitted, (fit_programs, fit_compiled) = time.perf_counter(), heard.take()
    _, accuracy = evaluated.evaluate(*test, batch_size=recipe.batch, verbose=0)
    seconds, (_, test_compiled) = time.perf_counter() - fitted, heard.take()
    return {
        "fit_seconds": round(fitted - begin, 4),
        "fit_programs": fit_programs,
        "fit_compile_seconds": round(fit_compiled, 4),
        "evaluate_seconds": round(seconds, 4),
        "evaluate_compile_seconds": round(test_compiled, 4),
        "train_accuracy": round(float(history.history["accuracy"][-1]), 4),
        "losses": [round(float(loss), 4) for loss in history.history["loss"]],
        "accuracy": round(float(accuracy), 4),
    }


def markdown(result: dict[str, Any]) -> str:
    """One section of the report."""
    found = result["cifar"]
    recipe, warm = found["recipe"], found["warm"]
    lines = [
        f"## {result['device']['name']} ({result['date']}, jax {result['jax']})",
        "",
        f"CIFAR-10, {recipe['rows']:,} images, {recipe['epochs']} epochs, batch {recipe['batch']}, widths "
        f"{'-'.join(map(str, recipe['widths']))}, {recipe['policy']}, {len(warm)} seeds; `compile`, `fit`, `evaluate`.",
        "",
        "| | |",
        "|---|---|",
        *(f"| {name} | {value} |" for name, value in findings(found)),
    ]
    if result["reduced"]:
        lines += ["", "A reduced run: it shows that the program works, but nothing about speed or accuracy."]
    if result["table"]:
        lines += ["", "Seconds, medians:", "", f"| workload | {' | '.join(PEERS)} |", "|---" * (1 + len(PEERS)) + "|"]
    for row in result["table"]:
        cells = [f"{row['seconds'][p]:.4g}" if p in row["seconds"] else "failed" if p in row["errors"] else "-" for p in PEERS]
        lines.append(f"| {row['workload']} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def findings(found: dict[str, Any]) -> list[tuple[str, str]]:
    """The results of the CIFAR-10 runs, as pairs of strings."""
    cold, warm = found["cold"], found["warm"]
    times = sorted(run["fit_seconds"] - run["fit_compile_seconds"] for run in warm)
    middle = statistics.median(times)
    pairs = [
        ("`fit`, already compiled, median (range)", f"{middle:.2f} s ({times[0]:.2f} to {times[-1]:.2f})"),
        ("first `fit`, model building and compilation included", f"{cold['fit_seconds']:.2f} s"),
        ("of which XLA compilation", f"{cold['fit_compile_seconds']:.2f} s"),
        ("`evaluate`, six views, median", f"{statistics.median(run['evaluate_seconds'] for run in warm):.2f} s"),
    ]
    if found["synthetic"]:
        return [*pairs, ("test accuracy", "none: synthetic images")]
    accuracies = [run["accuracy"] for run in warm]
    mean = statistics.mean(accuracies)
    reached = f"{middle:.2f} s" if mean >= GOAL else f"not reached in {found['recipe']['epochs']} epochs"
    listed = ", ".join(f"{a:.2%}" for a in accuracies)
    return [*pairs, ("test accuracy, mean (each seed)", f"{mean:.2%} ({listed})"), (f"time to a mean of {GOAL:.0%}", reached)]


def arguments(argv: list[str] | None) -> argparse.Namespace:
    """The parsed command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.gpu", description=__doc__.splitlines()[0])
    parser.add_argument("--reduced", action="store_true", help="few images, a narrow net; the default without a GPU")
    parser.add_argument("--synthetic", action="store_true", help="synthetic images: times only")
    parser.add_argument("--seeds", type=int, default=None, help="warm runs; default 5, reduced 1")
    parser.add_argument("--epochs", type=int, default=None)
    parser.add_argument("--rows", type=int, default=None, help="training images")
    parser.add_argument("--policy", default=None, help="dtype policy, default mixed_bfloat16, reduced float32")
    parser.add_argument("--no-table", action="store_true", help="only CIFAR-10")
    parser.add_argument("--only", default=None, help="workloads of the table, separated by commas")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=Path, default=ROOT / "bench" / "results")
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> dict[str, Any]:
    """Measure, print, and write `gpu.json` and `gpu.md`."""
    chosen, found = arguments(argv), device()
    if found["platform"] != "gpu" and not chosen.reduced:
        print(f"No GPU here (JAX runs on {found['platform']}): running at the reduced size, as with --reduced.", flush=True)
        chosen.reduced = True
    rows: list[dict[str, Any]] = []
    if not chosen.no_table:
        rows = table(chosen.only.split(",") if chosen.only else list(ROWS), chosen.rounds, chosen.reduced)

    import jax

    from bench.cifar94 import REDUCED, Recipe

    recipe = REDUCED if chosen.reduced else Recipe()
    changes = {name: getattr(chosen, name) for name in ("epochs", "rows", "policy") if getattr(chosen, name) is not None}
    recipe = dataclasses.replace(recipe, **changes)
    seeds = chosen.seeds if chosen.seeds is not None else 1 if chosen.reduced else 5
    result = {
        "device": found,
        "machine": platform.platform(),
        "jax": jax.__version__,
        "date": time.strftime("%Y-%m-%d"),
        "reduced": chosen.reduced,
        "cifar": cifar(recipe, seeds, chosen.synthetic),
        "table": rows,
    }
    chosen.out.mkdir(parents=True, exist_ok=True)
    (chosen.out / "gpu.json").write_text(json.dumps(result, indent=1) + "\n")
    (chosen.out / "gpu.md").write_text(markdown(result))
    print(markdown(result))
    return result


if __name__ == "__main__":
    main()

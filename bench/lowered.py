"""The training programs as an accelerator would get them, made on a machine without one: what can be checked is checked.

    python -m bench.lowered --markdown bench/results/lowered.md

JAX lowers a program for CUDA and TPUs anywhere; only XLA's last steps need the device. For each workload the loop of `fit` is
taken as it is about to be called and lowered for both, in float32 and in bfloat16. Then:

* nothing in it belongs to a CPU, and nothing calls back to the host;
* what it takes of the state is given back in place (donated);
* one `while` runs over the batches, and it holds no transfer to the host;
* under `mixed_bfloat16` the products and convolutions take bfloat16, or ask to be computed in it.

What asks the device itself cannot be seen from here: whether cuDNN takes attention, and which kernels XLA picks.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path
from typing import Any
from unittest import mock

import jax
import numpy as np

import jkeras
from bench import machine
from bench.report import lines
from bench.workload import Training
from bench.workloads import TRAINING, workload
from jkeras.training.programs.training import TrainingProgram, _apart

PLATFORMS = ("cuda", "tpu")
POLICIES = ("float32", "mixed_bfloat16")
_CPUS = re.compile(r"\bcpu\.\w+|__onednn|lapack_|xla_cpu")
_HOSTS = re.compile(r"callback|infeed|outfeed|stablehlo\.send|stablehlo\.recv")
_PRODUCTS = re.compile(r"stablehlo\.(?:dot_general|convolution).*?: \((tensor<[^>]*>), (tensor<[^>]*>)\) -> ")


class Caught(Exception):
    """The loop of `fit`, and what it is about to be called with."""


def loop(model: Any, x: Any, y: Any, batch: int) -> tuple[Any, tuple[Any, ...]]:
    """The jitted loop of `fit`, and the shapes of its arguments: `(state, metrics, data, *bounds)`."""

    def catch(self: TrainingProgram, state: Any, *args: Any) -> Any:
        shapes = jax.tree.map(lambda a: jax.ShapeDtypeStruct(np.shape(a), jax.dtypes.result_type(a)), (*_apart(state), *args[:1]))
        raise Caught(self._loop, (*shapes, *args[1:]))

    with mock.patch.object(TrainingProgram, "__call__", catch):
        try:
            model.fit(x, y, batch_size=batch, epochs=1, verbose=0, callbacks=[EachEpoch()])
        except Caught as caught:
            found, arguments = caught.args
            return found, arguments
    raise RuntimeError("fit has not called its loop.")


class EachEpoch(jkeras.callbacks.Callback):
    """Keeps short epochs from being joined."""


def lowered(model: Any, x: Any, y: Any, batch: int, platform: str) -> str:
    """The loop's StableHLO for a platform."""
    run, arguments = loop(model, x, y, batch)
    text: str = run.trace(*arguments).lower(lowering_platforms=(platform,)).as_text(debug_info=True)
    return text


def checks(text: str, model: Any, policy: str) -> dict[str, str]:
    """What is wrong with a lowered loop, by check; an empty text where nothing is."""
    found = {"of a CPU": _CPUS.search(text), "calls the host": _HOSTS.search(text)}
    said = {name: match.group(0) if match else "" for name, match in found.items()}
    given, weights = text.count("tf.aliasing_output") + text.count("jax.buffer_donor"), len(model.weights)
    said["in place"] = "" if given >= weights else f"{given} of {weights} weights"
    main = text[text.index("func.func public @main") :].partition("func.func private")[0]
    loops = len(re.findall(r"^    \S+ = stablehlo\.while", main, re.MULTILINE))
    said["one loop"] = "" if loops == 1 else f"{loops} loops"
    wide = [line for line in text.splitlines() if _is_wide(line)]
    said["bfloat16"] = f"{len(wide)} products in float32" if policy == "mixed_bfloat16" and wide else ""
    return said


def _is_wide(line: str) -> bool:
    """Whether a line is a product with a float32 operand that does not ask for bfloat16."""
    product = _PRODUCTS.search(line)
    return product is not None and "precision_type = bf16" not in line and any(side.endswith("f32>") for side in product.groups())


def measure(name: str) -> list[list[str]]:
    """The rows of a workload: one for each platform and policy."""
    task, rows = workload(name), []
    assert isinstance(task, Training)
    x, y = task.data(2 * task.batch)
    for policy in POLICIES:
        jkeras.config.set_dtype_policy(policy)
        try:
            model = task.model(jkeras)
            for platform in PLATFORMS:
                text = lowered(model, x, task.keras_targets(y), task.batch, platform)
                said = checks(text, model, policy)
                products = len(_PRODUCTS.findall(text))
                rows.append([task.title, platform, policy, str(products), *(value or "yes" for value in said.values())])
        finally:
            jkeras.config.set_dtype_policy("float32")
    return rows


def main() -> int:
    """Lower, check, print, write; the exit code says whether all checks hold."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", type=lambda text: text.split(","), default=list(TRAINING), metavar="NAME,...")
    parser.add_argument("--markdown", type=Path, help="write the page there, for `python -m bench --report`")
    args = parser.parse_args()
    rows = [row for name in args.only for row in measure(name)]
    head = [
        "workload",
        "platform",
        "policy",
        "products",
        "nothing of a CPU",
        "no call to the host",
        "in place",
        "one loop",
        "bfloat16",
    ]
    about = f"Written by `python -m bench.lowered` at {machine.commit()}, jax {jax.__version__}. What does not hold is named."
    text = "\n".join(["# Training programs lowered for accelerators", "", about, "", *lines(head, rows)])
    sys.stdout.write(text)
    if args.markdown:
        args.markdown.write_text(text)
    return int(any(value != "yes" for row in rows for value in row[4:]))


if __name__ == "__main__":
    sys.exit(main())

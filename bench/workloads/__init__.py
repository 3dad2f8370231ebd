"""The workloads, by name; each name is also the name of the file that holds it."""

from __future__ import annotations

import importlib

from bench.workload import Workload

TRAINING = ("table", "mlp", "cnn", "cnn5x5", "resnet20", "lstm", "transformer")
OTHERS = ("streamed", "evaluate", "predict", "predict_one", "import", "first_step", "memory")
NAMES = TRAINING + OTHERS


def workload(name: str) -> Workload:
    """The workload of a name."""
    file = "start_up" if name == "import" else name
    return importlib.import_module(f"bench.workloads.{file}").WORKLOAD

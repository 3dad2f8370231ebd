"""The workloads, by name; each name is also the name of the file that holds it, but for those in `FILES`."""

from __future__ import annotations

import importlib

from bench.workload import Workload

TRAINING = ("table", "mlp", "cnn", "cnn5x5", "resnet20", "lstm", "transformer")
DOORS = ("save_keras", "load_keras", "save_h5", "load_h5")
BATCHES = ("train_on_batch", "test_on_batch", "fit_one_batch", "gan")
OTHERS = ("streamed", "evaluate", "predict", "predict_one", *BATCHES, "import", "first_step", *DOORS, "memory")
NAMES = TRAINING + OTHERS
FILES = {"import": "start_up", **dict.fromkeys(DOORS, "files"), **dict.fromkeys(BATCHES, "batches")}


def workload(name: str) -> Workload:
    """The workload of a name."""
    module = importlib.import_module(f"bench.workloads.{FILES.get(name, name)}")
    found: Workload = module.WORKLOADS[name] if name in (*DOORS, *BATCHES) else module.WORKLOAD
    return found

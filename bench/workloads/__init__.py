"""The workloads by name; each is in the file of that name, except those in `FILES`."""

from __future__ import annotations

import importlib

from bench.workload import Workload

TRAINING = ("table", "mlp", "cnn", "cnn5x5", "resnet20", "lstm", "transformer")
FILE_TASKS = ("save_keras", "load_keras", "save_h5", "load_h5")
BATCHES = ("train_on_batch", "test_on_batch", "fit_one_batch", "gan")
PIPELINES = ("tf_data", "tf_data_random")
NETWORKS = ("resnet50_step", "resnet50_predict", "mobilenet_v2_step", "mobilenet_v2_predict")
LAYERS = ("conv_lstm", "group_norm", "einsum_dense", "muon", "adafactor", "embedding")
AUGMENTATION = ("augment", "augment_policy")
DATA = ("jpeg_folder", "memmap_64gb", "memmap_64gb_random", "text_front", "text_stream")
ONE_CALLS = ("evaluate", "predict", "predict_one")
INFERENCE = tuple(f"{name}_inference" for name in TRAINING[2:])
OTHERS = (
    *("streamed", "beside", "text", "tape_gan"),
    *(*PIPELINES, *DATA, *AUGMENTATION, *NETWORKS, *LAYERS, *ONE_CALLS, *INFERENCE, *BATCHES),
    *("import", "first_step", *FILE_TASKS, "memory"),
)
NAMES = TRAINING + OTHERS
HEAVY = (
    *("cnn5x5", "resnet20", "tape_gan", "tf_data_random", "memmap_64gb_random", "text_front", "memory", "save_h5", "load_h5"),
    *(
        "test_on_batch",
        "fit_one_batch",
        "gan",
        *INFERENCE,
        *AUGMENTATION,
        *NETWORKS,
        *(name for name in LAYERS if name != "group_norm"),
    ),
)
"""What a quick look leaves out: it takes long to compile, or differs little from a row that stays."""
FILES = {
    "import": "start_up",
    **dict.fromkeys(FILE_TASKS, "files"),
    **dict.fromkeys(BATCHES, "batches"),
    **dict.fromkeys(PIPELINES, "tf_data"),
    **dict.fromkeys(NETWORKS, "networks"),
    **dict.fromkeys(LAYERS, "layers"),
    **dict.fromkeys(INFERENCE, "inference"),
    **dict.fromkeys(AUGMENTATION, "augmentation"),
    **dict.fromkeys(("memmap_64gb", "memmap_64gb_random"), "memmap"),
    **dict.fromkeys(("text_front", "text_stream"), "text_front"),
}


def workload(name: str) -> Workload:
    """The workload with this name."""
    module = importlib.import_module(f"bench.workloads.{FILES.get(name, name)}")
    found: Workload = module.WORKLOADS[name] if hasattr(module, "WORKLOADS") else module.WORKLOAD
    return found

"""Makes the files of this folder with real Keras 3 and real Keras 2 (tf_keras).

    python tests/golden/make_keras_files.py

Each file has its inputs, the outputs of the library that wrote it, and, where it was trained, the losses of the epochs that would
come next, in `expected.npz` under `<file>/x0`, `<file>/y0`, `<file>/losses`. The models are those of `tests/saving_models.py`.
"""

import os
import sys
from pathlib import Path

os.environ["KERAS_BACKEND"] = "jax"
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import keras
import numpy as np
import tf_keras

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from saving_models import build, data, losses, predict  # noqa: E402 (the folder above must be known first)

# Model, optimizer, endings of the files: what is saved of each library.
KERAS_3 = [
    ("dense", keras.optimizers.Adam(0.01), (".keras", ".h5", ".weights.h5")),
    ("nested", keras.optimizers.RMSprop(0.01, momentum=0.5, centered=True), (".keras",)),
    ("recurrent", None, (".keras",)),
    ("attention", None, (".keras",)),
    ("convolution", None, (".weights.h5",)),
]
KERAS_2 = [
    ("dense", tf_keras.optimizers.Adam(0.01), (".keras", ".h5", ".weights.h5")),
    ("nested", tf_keras.optimizers.SGD(0.01, momentum=0.9), (".keras", ".h5")),
    ("recurrent", None, (".keras", ".h5")),
    ("attention", None, (".keras", ".h5")),
    ("convolution", None, (".h5",)),
    ("embedding", None, (".h5",)),
]
LEGACY = [("dense", tf_keras.optimizers.legacy.Adam(0.01), (".h5",))]


def main():
    expected = {}
    for prefix, library, cases in (
        ("keras3", keras, KERAS_3),
        ("keras2", tf_keras, KERAS_2),
        ("keras2_legacy", tf_keras, LEGACY),
    ):
        for name, optimizer, endings in cases:
            make(f"{prefix}_{name}", library, name, optimizer, endings, expected)
    np.savez_compressed(HERE / "expected.npz", **expected)
    print(sum(path.stat().st_size for path in HERE.iterdir() if path.is_file()), "bytes")


def make(stem, library, name, optimizer, endings, expected):
    model = build(library, name, seed=11)
    x, y = data(name, rows=4)
    if optimizer is not None:
        model.compile(optimizer, "mse")
        losses(model, x, y, epochs=2)
    files = [f"{stem}{ending}" for ending in endings]
    for file in files:
        (model.save_weights if file.endswith(".weights.h5") else model.save)(HERE / file)
    inputs, outputs = x if isinstance(x, list) else [x], predict(model, x)
    after = losses(model, x, y, epochs=3) if optimizer is not None else None
    for file in files:
        expected |= {f"{file}/x{i}": value for i, value in enumerate(inputs)}
        expected |= {f"{file}/y{i}": value for i, value in enumerate(outputs)}
        if after is not None:
            expected[f"{file}/losses"] = np.array(after)


if __name__ == "__main__":
    main()

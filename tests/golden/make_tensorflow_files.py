"""Makes the SavedModels and checkpoints in the folder `tensorflow` with real Keras 2 (tf_keras).

    python tests/golden/make_tensorflow_files.py

Programs are cut out of the SavedModels, and notes on any object but the model: nothing reads them. `dense_24` has its notes where
TensorFlow 2.2 to 2.4 put them, in `saved_model.pb`. Inputs, outputs and the losses of the next epochs are in `expected.npz`, as
those of `make_keras_files.py`. The models are those of `tests/saving_models.py`.
"""

import os
import shutil
import sys
import tempfile
from pathlib import Path

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import numpy as np
import tensorflow as tf
import tf_keras
from tensorflow.core.protobuf import saved_model_pb2
from tf_keras.protobuf import saved_metadata_pb2

HERE = Path(__file__).resolve().parent
OUT = HERE / "tf_files"
sys.path.insert(0, str(HERE.parent))

from saving_models import build, data, losses, predict  # noqa: E402 (the folder above must be known first)

# Model, optimizer, whether the whole model is saved or its weights.
CASES = [
    ("dense", tf_keras.optimizers.Adam(0.01), True),
    ("nested", tf_keras.optimizers.legacy.Adam(0.01), True),
    ("recurrent", None, True),
    ("nested", tf_keras.optimizers.legacy.Adam(0.01), False),
    ("recurrent", None, False),
    ("attention", None, False),
    ("convolution", None, False),
    ("branches", tf_keras.optimizers.RMSprop(0.01, momentum=0.5), False),
    ("branches", tf_keras.optimizers.RMSprop(0.01, momentum=0.5), True),
]


def main():
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir()
    expected = {}
    for name, optimizer, whole in CASES:
        make(name, optimizer, whole, expected)
    np.savez_compressed(OUT / "expected.npz", **expected)
    print(sum(path.stat().st_size for path in OUT.rglob("*") if path.is_file()), "bytes")


def make(name, optimizer, whole, expected):
    model = build(tf_keras, name, seed=11)
    x, y = data(name, rows=4)
    if optimizer is not None:
        model.compile(optimizer, "mse")
        losses(model, x, y, epochs=2)
    title = name if whole else f"{name}_weights"
    if whole:
        keep(model, OUT / title)
    elif name == "branches":
        tf.train.Checkpoint(model=model).write(OUT / title)
    else:
        with tempfile.TemporaryDirectory() as folder:
            model.save_weights(Path(folder) / title, save_format="tf")
            for file in Path(folder).glob(f"{title}.*"):
                shutil.copy(file, OUT)
    inputs = x if isinstance(x, list) else [x]
    expected |= {f"{title}/x{i}": value for i, value in enumerate(inputs)}
    expected |= {f"{title}/y{i}": value for i, value in enumerate(predict(model, x))}
    if optimizer is not None:
        expected[f"{title}/losses"] = np.array(losses(model, x, y, epochs=3))


def keep(model, target):
    """Save a model, and keep what says something of it."""
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "model"
        model.save(made, save_format="tf")
        shutil.copytree(made / "variables", target / "variables")
        notes = saved_metadata_pb2.SavedMetadata.FromString((made / "keras_metadata.pb").read_bytes())
    del notes.nodes[1:]
    program = saved_model_pb2.SavedModel(saved_model_schema_version=1)
    (target / "saved_model.pb").write_bytes(program.SerializeToString())
    (target / "keras_metadata.pb").write_bytes(notes.SerializeToString())
    if target.name == "dense":
        program.meta_graphs.add().object_graph_def.nodes.add().user_object.metadata = notes.nodes[0].metadata
        old = target.with_name("dense_24")
        shutil.copytree(target, old)
        (old / "keras_metadata.pb").unlink()
        (old / "saved_model.pb").write_bytes(program.SerializeToString())


if __name__ == "__main__":
    main()

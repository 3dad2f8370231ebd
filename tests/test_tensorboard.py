"""Event files: TensorBoard reads back what happened, under Keras' tags, and nothing imports TensorFlow."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import jkeras
from jkeras import layers
from jkeras.callbacks import LayerStatistics, TensorBoard
from jkeras.callbacks.tensorboard import _batch_range, as_images

# TensorBoard's own switch: use its stub even if TensorFlow is installed, which takes long to import.
sys.modules.setdefault("tensorboard.compat.notf", ModuleType("notf"))
accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
ROOT = Path(__file__).resolve().parent.parent
_rng = np.random.default_rng(0)
X = _rng.integers(0, 7, size=(12, 4)).astype("int32")
Y = _rng.normal(size=(12, 1)).astype("float32")


def net():
    model = jkeras.Sequential(
        [
            layers.Input((4,), dtype="int32"),
            layers.Embedding(7, 3, name="words"),
            layers.Conv1D(2, 2, name="conv"),
            layers.Flatten(),
            layers.Dense(1, name="out"),
        ]
    )
    model.compile(jkeras.optimizers.SGD(0.05), "mse", metrics=["mae"])
    return model


def read(folder):
    found = accumulator.EventAccumulator(str(folder), size_guidance={"tensors": 0, "images": 0})
    found.Reload()
    return found


def tensors(found, tag):
    """`[(step, array)]` of a tag."""
    from tensorboard.util import tensor_util

    return [(event.step, tensor_util.make_ndarray(event.tensor_proto)) for event in found.Tensors(tag)]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A training of two epochs with all that can be written, and what came of it."""
    folder = tmp_path_factory.mktemp("logs")
    model = net()
    seen = []
    weights = jkeras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: seen.append(model.get_weights()),
        on_train_batch_end=lambda batch, logs: seen.append(logs["loss"]),
    )
    (labels := folder / "labels.tsv").write_text("\n".join("abcdefg"))
    board = TensorBoard(
        folder,
        histogram_freq=1,
        write_images=True,
        write_steps_per_second=True,
        update_freq=2,
        embeddings_freq=1,
        embeddings_metadata={"words": str(labels)},
    )
    statistics = LayerStatistics(layers=["out"], statistics=["mean"])
    history = model.fit(X, Y, batch_size=4, epochs=2, verbose=0, validation_data=(X, Y), callbacks=[weights, statistics, board])
    return folder, model, history, seen


def test_scalars_are_the_history_under_keras_tags(run):
    folder, _, history, seen = run
    train, validation = read(folder / "train"), read(folder / "validation")
    for found, prefix in ((train, ""), (validation, "val_")):
        for name in ("loss", "mae"):
            steps, values = zip(*tensors(found, f"epoch_{name}"), strict=True)
            assert steps == (0, 1)
            np.testing.assert_array_equal(values, np.float32(history.history[prefix + name]))
    assert [s for s, _ in tensors(validation, "evaluation_loss_vs_iterations")] == [3, 6]
    assert [float(v) for _, v in tensors(train, "epoch_learning_rate")] == [np.float32(0.05)] * 2
    losses = [loss for loss in seen if isinstance(loss, float)]
    batches = tensors(train, "batch_loss")
    assert [step for step, _ in batches] == [2, 4, 6]
    np.testing.assert_array_equal([v for _, v in batches], np.float32(losses[1::2]))
    assert all(v > 0 for tag in ("epoch_steps_per_second", "batch_steps_per_second") for _, v in tensors(train, tag))
    activations = [v for _, v in tensors(train, "activations/out/mean")]
    np.testing.assert_array_equal(activations, np.float32(history.history["activations/out/mean"]))


def test_tags_are_those_keras_writes(run):
    """As they stand in Keras 3: a histogram for each weight by its path, and a picture of what is more than a number."""
    folder, model, _, _ = run
    tags = set(read(folder / "train").Tags()["tensors"])
    assert {f"{box.path}/histogram" for box in model.weights} <= tags
    assert {tag for tag in tags if tag.endswith("/image")} == {f"{box.path}/image" for box in model.weights[:4]}
    assert {"epoch_loss", "epoch_learning_rate", "batch_loss", "keras", "model_summary"} <= tags


def test_histograms_count_the_weights(run):
    folder, model, _, seen = run
    at_ends = [weights for weights in seen if isinstance(weights, list)]
    for number, box in enumerate(model.weights):
        for step, buckets in tensors(read(folder / "train"), f"{box.path}/histogram"):
            values = at_ends[step][number]
            assert buckets[:, 2].sum() == values.size
            np.testing.assert_allclose([buckets[0, 0], buckets[-1, 1]], [values.min(), values.max()], rtol=1e-6)


def test_text_and_graph_are_the_model(run):
    folder, model, _, _ = run
    found = read(folder / "train")
    ((_, text),) = tensors(found, "model_summary")
    assert "words (Embedding)" in text.item().decode() and "Total params" in text.item().decode()
    ((_, config),) = tensors(found, "keras")
    assert json.loads(config.item()) == json.loads(model.to_json())
    from tensorboard.plugins.graph.keras_util import keras_model_to_graph_def

    nodes = {node.name.rpartition("/")[2] for node in keras_model_to_graph_def(json.loads(config.item())).node}
    assert {"words", "conv", "out"} <= nodes


def test_pictures_and_projector_can_be_read(run):
    from PIL import Image

    folder, model, _, _ = run
    _, picture = tensors(read(folder / "train"), f"{model.layers[0].weights[0].path}/image")[-1]
    width, height, encoded = int(picture[0]), int(picture[1]), picture[2]
    assert np.array(Image.open(io.BytesIO(encoded))).shape == (height, width) == (3, 7)
    config = (folder / "projector_config.pbtxt").read_text()
    assert 'tensor_path: "words.tsv"' in config and "labels.tsv" in config
    np.testing.assert_allclose(np.loadtxt(folder / "words.tsv"), model.get_weights()[0], rtol=1e-6)


def test_it_listens_to_batches_only_where_it_must(tmp_path):
    def hears(**options):
        return jkeras.callbacks.CallbackList([TensorBoard(tmp_path, **options)]).has_train_batch_hooks

    assert not hears(histogram_freq=1, write_steps_per_second=True)
    assert hears(update_freq="batch") and hears(update_freq=5) and hears(profile_batch=2)


def test_a_profile_is_written(tmp_path):
    net().fit(X, Y, batch_size=4, verbose=0, callbacks=[TensorBoard(tmp_path, write_graph=False, profile_batch="2,3")])
    assert list(tmp_path.glob("train/plugins/profile/*/*.xplane.pb"))


def test_evaluation_alone_is_written(tmp_path):
    net().evaluate(X, Y, verbose=0, callbacks=[TensorBoard(tmp_path)])
    assert tensors(read(tmp_path / "validation"), "evaluation_mae_vs_iterations")


def test_a_weight_as_a_picture():
    assert as_images(np.zeros(5)).shape == (1, 5, 1, 1) and as_images(np.zeros((9, 2))).shape == (1, 2, 9, 1)
    assert as_images(np.zeros((4, 5, 6))).shape == (6, 4, 5, 1)
    assert as_images(np.zeros((3, 3, 4, 8))) is None and as_images(np.array([1.0, np.nan])) is None


@pytest.mark.parametrize("given, found", [(0, (0, 0)), (3, (3, 3)), ("2,5", (2, 5)), ((2, 5), (2, 5)), ([4, 4], (4, 4))])
def test_ranges_of_batches(given, found):
    assert _batch_range(given) == found


def test_bad_arguments_are_refused(tmp_path):
    for wrong in (-1, (5, 2), "a", (1, 2, 3), 1.5, True):
        with pytest.raises(ValueError, match="profile_batch"):
            TensorBoard(tmp_path, profile_batch=wrong)
    with pytest.raises(ValueError, match="update_freq"):
        TensorBoard(tmp_path, update_freq=0)
    board = TensorBoard(tmp_path, embeddings_freq=1, embeddings_metadata={"word": "labels.tsv"})
    with pytest.raises(ValueError, match=r"'word'.*words"):
        net().fit(X, Y, verbose=0, callbacks=[board])


def test_without_the_package_it_says_what_to_install_and_with_it_no_tensorflow_is_imported():
    code = """
import sys, tempfile
import jkeras
sys.modules["tensorflow"] = None  # whoever imports it fails
from jkeras.callbacks.event_writer import EventWriter
EventWriter(tempfile.mkdtemp()).text("a", "b", 0)
for name in [n for n in sys.modules if n.partition(".")[0] == "tensorboard"]:
    del sys.modules[name]
sys.modules["tensorboard"] = None
try:
    jkeras.callbacks.TensorBoard()
except ImportError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0 and 'pip install "jkeras[tensorboard]"' in done.stdout, done.stderr[-2000:]

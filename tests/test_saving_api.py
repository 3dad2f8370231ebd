"""Whole files: real Keras opens what jkeras writes, jkeras opens what Keras writes, and content decides the format."""

import gzip
import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import zipfile
from functools import partial
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest
from keras.src.saving import saving_lib

import jkeras
from jkeras import layers
from jkeras._base.errors import FileFormatError
from jkeras.callbacks import ModelCheckpoint
from jkeras.saving.formats import WriteOptions
from jkeras.saving.formats.known import format_for

X = np.random.default_rng(0).normal(size=(12, 6)).astype("float32")
Y = X[:, :2]


def make_model():
    x = layers.Input((6,), name="x")
    inner = jkeras.Sequential([layers.Input((6,)), layers.Dense(5, activation="relu"), layers.BatchNormalization()], name="inner")
    h = inner(x)
    shared = layers.Dense(5, name="shared")
    h = layers.Add()([shared(h), shared(shared(h))])
    model = jkeras.Model(x, layers.Dense(2, name="out")(layers.Dropout(0.3)(h)), name="net")
    model.compile(jkeras.optimizers.Adam(0.01), "mse", metrics=["mae"])
    return model


@pytest.fixture(scope="module")
def fresh():
    """A model as at its beginning: always the same one, so that its programs are compiled once."""
    jkeras.utils.set_random_seed(0)
    model = make_model()
    weights = model.get_weights()

    def again():
        jkeras.utils.set_random_seed(0)
        model.set_weights(weights)
        model.compile(jkeras.optimizers.Adam(0.01), "mse", metrics=["mae"])
        return model

    return again


@pytest.fixture
def trained(fresh):
    model = fresh()
    model.fit(X, Y, epochs=2, batch_size=4, verbose=0)
    return model


WHOLE = [".keras", ".h5", ".hdf5", "folder"]


def save(model, path, suffix):
    if suffix == "folder":
        model.save(path / "m", zipped=False)
        return path / "m"
    model.save(path / f"m{suffix}")
    return path / f"m{suffix}"


@pytest.mark.parametrize("suffix", WHOLE)
def test_a_model_comes_back_as_it_was(trained, tmp_path, suffix):
    other = jkeras.models.load_model(save(trained, tmp_path, suffix))
    np.testing.assert_array_equal(trained.predict(X, verbose=0), other.predict(X, verbose=0))
    assert trained.evaluate(X, Y, verbose=0) == other.evaluate(X, Y, verbose=0)
    assert [w.path for w in other.weights] == [w.path for w in trained.weights]
    assert int(other.optimizer.iterations) == 6
    assert other.fit(X, Y, verbose=0, epochs=3, resume=True).epoch == [2]


@pytest.mark.parametrize("suffix", WHOLE)
def test_keras_opens_it_and_trains_on(trained, tmp_path, suffix):
    path = save(trained, tmp_path, suffix)
    if suffix == "folder":
        path = zipped(path, tmp_path / "again.keras")
    other = keras.models.load_model(path)
    np.testing.assert_allclose(other.predict(X, verbose=0), trained.predict(X, verbose=0), rtol=1e-5, atol=1e-6)
    assert other.optimizer.iterations == 6
    np.testing.assert_allclose(other.evaluate(X, Y, verbose=0), trained.evaluate(X, Y, verbose=0), rtol=1e-5)


def zipped(folder, path):
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("metadata.json", "config.json", "model.weights.h5"):
            archive.write(folder / name, name)
    return path


@pytest.fixture(scope="module")
def theirs(tmp_path_factory):
    """Files of Keras, what its model predicts, and the losses of its next epochs."""
    folder = tmp_path_factory.mktemp("theirs")
    x = keras.layers.Input((6,), name="x")
    inner = keras.Sequential([keras.layers.Input((6,)), keras.layers.Dense(5, "relu"), keras.layers.BatchNormalization()])
    h = keras.layers.Dropout(0.0)(inner(x))
    model = keras.Model(x, keras.layers.Dense(2)(h))
    model.compile(keras.optimizers.Adam(0.01), "mse", metrics=["mae"])
    model.fit(X, Y, epochs=2, batch_size=4, verbose=0, shuffle=False)
    for suffix in (".keras", ".h5"):
        model.save(folder / f"m{suffix}")
    with (
        zipfile.ZipFile(folder / "m.keras") as source,
        zipfile.ZipFile(folder / "m.deflated", "w", zipfile.ZIP_DEFLATED) as target,
    ):
        for name in source.namelist():
            target.writestr(name, source.read(name))
    predicted = model.predict(X, verbose=0)
    return folder, predicted, model.fit(X, Y, epochs=2, batch_size=4, verbose=0, shuffle=False).history["loss"]


@pytest.mark.parametrize("suffix", [".keras", ".h5", ".deflated"])
def test_what_keras_writes_is_opened_and_trained_on(theirs, suffix):
    folder, predicted, losses = theirs
    model = jkeras.models.load_model(folder / f"m{suffix}")
    np.testing.assert_allclose(model.predict(X, verbose=0), predicted, rtol=1e-5, atol=1e-6)
    history = model.fit(X, Y, epochs=2, batch_size=4, verbose=0, shuffle=False).history
    np.testing.assert_allclose(history["loss"], losses, rtol=1e-5)


TF_KERAS = """
import sys, json
import numpy as np
import tf_keras
x = np.load(sys.argv[2])
model = tf_keras.models.load_model(sys.argv[1])
np.save(sys.argv[3], model.predict(x, verbose=0))
"""


def test_keras_2_opens_an_h5_file(trained, tmp_path):
    pytest.importorskip("tf_keras")
    trained.save(tmp_path / "m.h5")
    np.save(tmp_path / "x.npy", X)
    command = [sys.executable, "-c", TF_KERAS, *(str(tmp_path / n) for n in ("m.h5", "x.npy", "y.npy"))]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    np.testing.assert_allclose(np.load(tmp_path / "y.npy"), trained.predict(X, verbose=0), rtol=1e-5, atol=1e-6)


# options ----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_without_the_optimizer(trained, tmp_path, suffix):
    trained.save(tmp_path / f"m{suffix}", include_optimizer=False)
    other = jkeras.models.load_model(tmp_path / f"m{suffix}")
    assert not other.compiled
    np.testing.assert_array_equal(trained.predict(X, verbose=0), other.predict(X, verbose=0))


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_without_compiling(trained, tmp_path, suffix):
    trained.save(tmp_path / f"m{suffix}")
    other = jkeras.models.load_model(tmp_path / f"m{suffix}", compile=False)
    assert not other.compiled
    assert other.optimizer is None


@pytest.mark.parametrize("name", ["m.keras", "m.h5", "w.weights.h5", "w.weights.json", "w.h5"])
def test_a_file_is_replaced_unless_told_otherwise(trained, tmp_path, name):
    write = trained.save if name[0] == "m" else trained.save_weights
    write(tmp_path / name)
    write(tmp_path / name)
    before = (tmp_path / name).read_bytes()
    with pytest.raises(FileExistsError, match="overwrite=True"):
        write(tmp_path / name, overwrite=False)
    assert (tmp_path / name).read_bytes() == before


@pytest.mark.parametrize(("suffix", "wrong"), [(".keras", ".h5"), (".h5", ".keras"), (".h5", ""), (".keras", ".bin")])
def test_formats_are_told_by_content(trained, tmp_path, suffix, wrong):
    trained.save(tmp_path / f"m{suffix}")
    (tmp_path / f"m{suffix}").rename(tmp_path / f"x{wrong}")
    assert jkeras.models.load_model(tmp_path / f"x{wrong}").count_params() == trained.count_params()


@pytest.mark.parametrize("name", ["w.weights.h5", "w.weights.json", "w.h5", "m.h5", "m.keras"])
def test_weights_are_read_from_every_file(trained, tmp_path, name):
    (trained.save if name[0] == "m" else trained.save_weights)(tmp_path / name)
    other = make_model()
    other.load_weights(tmp_path / name)
    np.testing.assert_array_equal(trained.predict(X, verbose=0), other.predict(X, verbose=0))
    if name != "w.h5":  # which holds no optimizer
        assert int(other.optimizer.iterations) == 6


class Stream(io.RawIOBase):
    """A file that goes forward alone, as a connection does."""

    def __init__(self, data=b""):
        self.data = bytearray(data)

    def readable(self):
        return True

    def writable(self):
        return True

    def write(self, data):
        self.data += data
        return len(data)

    def readinto(self, buffer):
        count = min(len(buffer), len(self.data))
        buffer[:count] = self.data[:count]
        del self.data[:count]
        return count


# The mode for writing a file, and, if it must be reopened, the mode for reading.
OPEN_FILES = {
    "memory": (lambda path: io.BytesIO(), None),
    "disk": (partial(open, mode="w+b"), None),
    "read only": (partial(open, mode="wb"), partial(open, mode="rb")),
    "without a buffer": (partial(open, mode="w+b", buffering=0), None),
    "temporary": (lambda path: tempfile.NamedTemporaryFile(dir=path.parent), None),  # noqa: SIM115 - the test closes it
    "spooled": (lambda path: tempfile.SpooledTemporaryFile(), None),  # noqa: SIM115 - likewise
    "packed": (partial(gzip.open, mode="wb"), partial(gzip.open, mode="rb")),
    "stream": (lambda path: Stream(), None),
}


@pytest.mark.parametrize("kind", OPEN_FILES)
def test_open_files_are_written_and_read(trained, tmp_path, kind):
    expected = trained.predict(X, verbose=0)
    for save, load in (
        (lambda file: trained.save(file), jkeras.models.load_model),
        (lambda file: jkeras.models.save_model(trained, file, save_format="h5"), jkeras.models.load_model),
        (trained.save_weights, None),
    ):
        to_write, to_read = OPEN_FILES[kind]
        written = to_write(tmp_path / "file")
        save(written)
        if to_read is not None:
            written.close()
        with written if to_read is None else to_read(tmp_path / "file") as file:
            if load is None:
                other = jkeras.models.clone_model(trained)
                other.load_weights(file)
            else:
                other = load(file)
            assert not file.closed
        np.testing.assert_array_equal(other.predict(X, verbose=0), expected)


def test_an_open_file_holds_what_a_file_does(trained, tmp_path):
    file = io.BytesIO(b"before")
    file.seek(0, 2)
    trained.save(file)
    (tmp_path / "m.keras").write_bytes(file.getvalue()[6:])
    theirs = keras.models.load_model(tmp_path / "m.keras")
    np.testing.assert_allclose(theirs.predict(X, verbose=0), trained.predict(X, verbose=0), rtol=1e-5, atol=1e-6)
    file = io.BytesIO()
    saving_lib.save_model(theirs, file)
    np.testing.assert_allclose(jkeras.models.load_model(file).predict(X), trained.predict(X), rtol=1e-5, atol=1e-6)


def test_what_is_no_open_binary_file_is_refused(trained, tmp_path):
    for wrong in (3, None, [], io.StringIO()):
        for call in (trained.save, jkeras.models.load_model, trained.save_weights, trained.load_weights):
            with pytest.raises(TypeError, match="binary"):
                call(wrong)
    with pytest.raises(ValueError, match="folder"):
        trained.save(io.BytesIO(), zipped=False)
    for content, match in ((b"", "empty"), (b'{"weight_map": {}}', "path"), (b"PK", "zip"), (b"text", "begins with")):
        with pytest.raises(FileFormatError, match=rf"<BytesIO>.*{match}"):
            jkeras.models.load_model(io.BytesIO(content))


def test_a_failing_write_leaves_an_open_file_as_it_was(trained, monkeypatch):
    file = io.BytesIO(b"kept")
    monkeypatch.setattr("jkeras.saving.layout_keras3.write", lambda *args, **options: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        trained.save(file)
    assert file.getvalue() == b"kept"


def test_a_shared_layer_and_a_folder_given_as_text(trained, tmp_path):
    jkeras.models.save_model(trained, str(tmp_path / "a" / "b" / "m.keras"))
    other = jkeras.saving.load_model(str(tmp_path / "a" / "b" / "m.keras"))
    assert other.count_params() == trained.count_params()


def test_hdf5_behind_a_block_of_the_users_own(trained, tmp_path):
    trained.save(tmp_path / "m.h5")
    with h5py.File(tmp_path / "m.h5") as source, h5py.File(tmp_path / "u.h5", "w", userblock_size=1024) as target:
        target.attrs.update(source.attrs)
        for name in source:
            source.copy(name, target)
    assert jkeras.models.load_model(tmp_path / "u.h5").count_params() == trained.count_params()


def test_the_members_are_those_of_keras_in_its_order(trained, tmp_path):
    trained.save(tmp_path / "m.keras")
    with zipfile.ZipFile(tmp_path / "m.keras") as archive:
        assert archive.namelist() == ["metadata.json", "config.json", "model.weights.h5"]
        assert {info.compress_type for info in archive.infolist()} == {zipfile.ZIP_STORED}
        metadata = json.loads(archive.read("metadata.json"))
    assert metadata["keras_version"].startswith("3.")
    assert metadata["date_saved"][10] == "@"


def test_a_subclass_with_custom_objects(tmp_path):
    class Twice(layers.Layer):
        def call(self, x):
            return 2 * x

    model = jkeras.Sequential([layers.Input((3,)), Twice()])
    model.save(tmp_path / "m.keras")
    with pytest.raises(FileFormatError, match="Twice"):
        jkeras.models.load_model(tmp_path / "m.keras")
    other = jkeras.models.load_model(tmp_path / "m.keras", custom_objects={"Twice": Twice})
    np.testing.assert_array_equal(other.predict(X[:, :3], verbose=0), 2 * X[:, :3])


# errors -----------------------------------------------------------------------------------------------------------------------


def test_a_missing_file_is_named_with_what_is_near(trained, tmp_path):
    trained.save(tmp_path / "model.keras")
    with pytest.raises(FileNotFoundError, match=r"model\.h5.*There is: model\.keras"):
        jkeras.models.load_model(tmp_path / "model.h5")
    with pytest.raises(FileNotFoundError, match="no folder"):
        trained.load_weights(tmp_path / "nowhere" / "w.h5")


@pytest.mark.parametrize("name", ["w.weights.h5", "w.weights.json", "w.h5"])
def test_weights_are_no_model(trained, tmp_path, name):
    trained.save_weights(tmp_path / name)
    with pytest.raises(FileFormatError, match="holds weights, but no architecture"):
        jkeras.models.load_model(tmp_path / name)


def test_a_saved_model_of_tensorflow_is_explained(tmp_path):
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "saved_model.pb").write_bytes(b"")
    with pytest.raises(FileFormatError, match="SavedModel"):
        jkeras.models.load_model(tmp_path / "m")


@pytest.mark.parametrize(
    "given", [("m",), ("m.onnx",), ("m", "h5"), ("m.onnx", "keras"), ("m.h5", "tf"), ("m", "pickle"), ("m.h5", None, True)]
)
def test_formats_that_are_not_written(given):
    path, save_format, zipped = (*given, None, None)[:3]
    with pytest.raises(ValueError, match=r"suffix|SavedModel|save_format|zipped"):
        format_for(Path(path), WriteOptions(zipped=zipped), save_format, whole=True)


@pytest.mark.parametrize("given", [("w",), ("w.keras",), ("w.h5", "tf"), ("w.h5", "pickle"), ("w.h5", None, 1.0)])
def test_formats_of_weights_that_are_not_written(given):
    path, save_format, size = (*given, None, None)[:3]
    with pytest.raises(ValueError, match=r"suffix|SavedModel|save_format|max_shard_size"):
        format_for(Path(path), WriteOptions(max_shard_size=size), save_format, whole=False)


def test_unknown_arguments_are_no_typos_that_pass(trained, tmp_path):
    with pytest.raises(ValueError, match="include_optimzer"):  # as in Keras
        trained.save(tmp_path / "m.keras", include_optimzer=False)
    trained.save(tmp_path / "m.keras")
    with pytest.raises(TypeError, match="skip"):
        trained.load_weights(tmp_path / "m.keras", skip=True)
    with pytest.raises(ValueError, match="by_name=True is for files of Keras 2"):
        trained.load_weights(tmp_path / "m.keras", by_name=True)


def test_a_model_that_was_not_built_says_how_to_build_it(trained, tmp_path):
    trained.save_weights(tmp_path / "w.weights.h5")
    model = jkeras.Sequential([layers.Dense(3)])
    for call in (model.save_weights, model.load_weights):
        with pytest.raises(ValueError, match="build"):
            call(tmp_path / "w.weights.h5")


@pytest.mark.parametrize("suffix", [".keras", ".h5", ".weights.h5"])
def test_weights_of_another_model_leave_the_model_as_it_is(trained, tmp_path, suffix):
    path = tmp_path / f"m{suffix}"
    (trained.save_weights if "weights" in suffix else trained.save)(path)
    other = jkeras.Sequential([layers.Input((6,)), layers.Dense(7)])
    before = other.get_weights()
    with pytest.raises(FileFormatError):
        other.load_weights(path)
    assert all((a == b).all() for a, b in zip(before, other.get_weights(), strict=True))


# writing never loses a file ----------------------------------------------------------------------------------------------------

NAMES = ["m.keras", "m.h5", "folder", "w.weights.h5", "w.weights.json", "w.h5"]


@pytest.mark.parametrize("name", NAMES)
def test_a_failing_write_leaves_the_old_file_and_nothing_else(trained, tmp_path, name, monkeypatch):
    def write():
        if name == "folder":
            trained.save(tmp_path / name, zipped=False)
        else:
            (trained.save if name[0] == "m" else trained.save_weights)(tmp_path / name)

    write()
    content = {p.name: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}
    create, left = h5py.Group.create_dataset, [5]

    def full(self, *args, **kwargs):
        left[0] -= 1
        if not left[0]:
            raise OSError(28, "No space left on device")
        return create(self, *args, **kwargs)

    monkeypatch.setattr(h5py.Group, "create_dataset", full)
    with pytest.raises(OSError, match="No space left"):
        write()
    assert {p.name: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()} == content


@pytest.mark.skipif(not Path("/dev/full").exists() or not shutil.which("mount"), reason="needs a disk that can be filled")
def test_a_disk_that_is_full(trained, tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", disk], capture_output=True, check=False)
    if done.returncode:
        pytest.skip("may not mount a small disk")
    try:
        trained.save(disk / "m.keras")
        model = jkeras.Sequential([layers.Input((100,)), layers.Dense(1000)])
        with pytest.raises(OSError, match=r"m\.keras"):
            model.save(disk / "m.keras")
        assert [p.name for p in disk.iterdir()] == ["m.keras"]
        assert jkeras.models.load_model(disk / "m.keras").count_params() == trained.count_params()
    finally:
        subprocess.run(["umount", disk], check=True)


@pytest.mark.parametrize("name", ["m.keras", "m.h5"])
def test_readers_see_the_old_file_or_the_new_one(tmp_path, name):
    model = jkeras.Sequential([layers.Input((6,)), layers.Dense(20, use_bias=False)])
    values = [np.full((6, 20), v, "float32") for v in (1.0, 2.0)]
    model.set_weights([values[0]])
    model.save(tmp_path / name)
    seen, failed, stop = set(), [], threading.Event()

    def read():
        while not stop.is_set():
            try:
                seen.update(np.unique(jkeras.models.load_model(tmp_path / name).get_weights()[0]).tolist())
            except Exception as error:
                failed.append(error)

    reader = threading.Thread(target=read)
    reader.start()
    for i in range(20):
        model.set_weights([values[i % 2]])
        model.save(tmp_path / name)
    stop.set()
    reader.join()
    assert not failed
    assert seen <= {1.0, 2.0}


# ModelCheckpoint ---------------------------------------------------------------------------------------------------------------


@pytest.fixture
def fit(fresh):
    def run(callback, **options):
        model = fresh()
        model.fit(X, Y, **{"epochs": 3, "batch_size": 4, "verbose": 0, "callbacks": [callback], **options})
        return model

    return run


def names(folder):
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_a_file_for_every_epoch_by_template(fit, tmp_path, suffix):
    template = str(tmp_path / "weights" / "{epoch:02d}-{val_loss:.2f}") + suffix
    model = fit(ModelCheckpoint(template), validation_data=(X, Y))
    losses = model.history.history["val_loss"]
    assert names(tmp_path) == sorted(f"weights/{i + 1:02d}-{loss:.2f}{suffix}" for i, loss in enumerate(losses))


@pytest.mark.parametrize("name", ["w.weights.h5", "w.h5", "w.weights.json"])
def test_a_checkpoint_of_weights(fit, tmp_path, name):
    model = fit(ModelCheckpoint(tmp_path / name, save_weights_only=True))
    other = make_model()
    other.load_weights(tmp_path / name)
    np.testing.assert_array_equal(model.get_weights()[0], other.get_weights()[0])


@pytest.mark.parametrize("mode", ["min", "max", "auto"])
def test_only_the_best(fit, tmp_path, mode, capsys):
    keep = ModelCheckpoint(tmp_path / "{epoch}.keras", monitor="loss", mode=mode, save_best_only=True, verbose=1)
    history = fit(keep).history.history["loss"]
    best, wanted = None, []
    for i, loss in enumerate(history):
        if best is None or (loss > best if mode == "max" else loss < best):
            best = loss
            wanted.append(f"{i + 1}.keras")
    assert names(tmp_path) == wanted
    assert keep.best == best
    text = capsys.readouterr().out
    assert "saving model to" in text
    assert text.count("did not improve") == 3 - len(wanted)


def test_a_threshold_and_a_number_that_is_none(fit, tmp_path):
    fit(ModelCheckpoint(tmp_path / "m.keras", monitor="loss", mode="min", save_best_only=True, initial_value_threshold=0.0))
    assert not names(tmp_path)
    keep = ModelCheckpoint(tmp_path / "m.keras", monitor="loss", save_best_only=True)
    keep.set_model(make_model())
    keep.on_epoch_end(0, {"loss": float("nan")})
    assert not names(tmp_path)
    keep.on_epoch_end(1, {"loss": 1.0})
    assert names(tmp_path) == ["m.keras"]


def test_every_so_many_batches(fit, tmp_path):
    fit(ModelCheckpoint(tmp_path / "{epoch}-{batch}.keras", save_freq=2))
    assert names(tmp_path) == ["1-2.keras", "2-1.keras", "2-3.keras", "3-2.keras"]


def test_every_so_many_epochs(fit, tmp_path):
    fit(ModelCheckpoint(tmp_path / "{epoch}.keras", period=2))
    assert names(tmp_path) == ["2.keras"]


def test_saving_by_epoch_does_not_slow_training_to_single_steps(tmp_path):
    events = jkeras.callbacks.CallbackList([ModelCheckpoint(tmp_path / "m.keras")])
    assert not events.hears_train_batches
    assert jkeras.callbacks.CallbackList([ModelCheckpoint(tmp_path / "m.keras", save_freq=5)]).has_train_batch_hooks


def test_what_a_checkpoint_cannot_do_it_says(fit, tmp_path):
    with pytest.raises(ValueError, match=r"\.keras, \.h5"):
        ModelCheckpoint("model")
    with pytest.raises(ValueError, match=r"\.weights\.h5"):
        ModelCheckpoint("w.keras", save_weights_only=True)
    with pytest.raises(ValueError, match="number of batches"):
        ModelCheckpoint("m.keras", save_freq="batch")
    with pytest.raises(TypeError, match="save_best"):
        ModelCheckpoint("m.keras", save_best=True)
    with pytest.raises(KeyError, match="val_loss, which is not among the results: epoch, loss"):
        fit(ModelCheckpoint(tmp_path / "{val_loss}.keras"))
    with pytest.warns(UserWarning, match="watches `val_loss`"):
        fit(ModelCheckpoint(tmp_path / "m.keras", save_best_only=True), epochs=1)


def test_a_relative_path_without_a_folder(fit, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    fit(ModelCheckpoint("m.keras"), epochs=1)
    assert os.listdir() == ["m.keras"]


def test_keras_opens_attention_in_h5(tmp_path):
    """Its call takes two tensors, which Keras 3 does not read from a graph in Keras 2's words."""
    words = layers.Input((5, 6))
    seen = layers.MultiHeadAttention(2, 3)(words, words)
    model = jkeras.Model(words, layers.Dense(2)(layers.GlobalAveragePooling1D()(seen)))
    x, path = np.stack([X[:, None] * k for k in range(5)], axis=1).reshape(12, 5, 6), tmp_path / "m.h5"
    model.save(path)
    for library in (jkeras, keras):
        loaded = library.models.load_model(path)
        np.testing.assert_allclose(loaded.predict(x, verbose=0), model.predict(x, verbose=0), atol=1e-6)


def test_a_layer_alone_is_no_model(tmp_path):
    with pytest.raises(TypeError, match=r"writes a model. Received: .*Dense.*Sequential\(\[layer\]\)"):
        jkeras.saving.save_model(jkeras.layers.Dense(2), tmp_path / "layer.keras")
    assert not any(tmp_path.iterdir())

"""Files carry what objects store in `save_own_variables` and `save_assets`, between jkeras and Keras 3."""

import io
import zipfile
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest

import jkeras
from jkeras._base.errors import FileFormatError, UnsafeFileError

X = np.arange(12, dtype="float32").reshape(4, 3) / 12


def classes(k):
    """Classes of a library that store something otherwise than by number."""

    class Halves(k.layers.Layer):
        """Two arrays that are no weights by themselves, a sum of them that is, a number, and a file."""

        def build(self, input_shape):
            self.factor = self.add_weight(shape=(input_shape[-1],), initializer="zeros", name="factor")
            self.words, self.count = [], 0

        def call(self, x):
            return x * self.factor

        def save_own_variables(self, store):
            store["half"] = np.asarray(self.factor) / 2
            store["below/other"] = np.asarray(self.factor) / 2
            store["whole"] = self.factor
            store["count"] = self.count
            assert len(store) == 4 and "half" in store and store["half"].shape == (3,)
            del store["whole"]

        def load_own_variables(self, store):
            assert "half" in store and len(store.keys()) == 3
            self.factor.assign(store["half"] + store["below/other"])
            self.count = int(store["count"])

        def save_assets(self, folder):
            Path(folder, "wörter.txt").write_text(" ".join(self.words), encoding="utf-8")

        def load_assets(self, folder):
            self.words = Path(folder, "wörter.txt").read_text(encoding="utf-8").split()

    class More(k.layers.Dense):
        """A layer of the library that stores a number more, and calls the base."""

        seen = 0

        def save_own_variables(self, store):
            super().save_own_variables(store)
            store["seen"] = np.int32(self.seen)

        def load_own_variables(self, store):
            self.seen = int(store["seen"])
            super().load_own_variables({name: store[name] for name in store.keys() if name != "seen"})  # noqa: SIM118

    class Net(k.Model):
        """A model with layers in a list, and something of its own."""

        def __init__(self):
            super().__init__()
            self.parts = [Halves(), More(2)]
            self.epochs = 0

        def call(self, x):
            for part in self.parts:
                x = part(x)
            return x

        def save_own_variables(self, store):
            store["epochs"] = self.epochs

        def load_own_variables(self, store):
            self.epochs = int(store["epochs"])

        def get_config(self):
            return {}

        @classmethod
        def from_config(cls, config):
            return cls()

    class Counter(k.metrics.Metric):
        def __init__(self, name="counter", **kwargs):
            super().__init__(name=name, **kwargs)
            self.count = self.add_variable((), "zeros", name="count")

        def update_state(self, y_true, y_pred, sample_weight=None):
            self.count.assign(self.count + 1.0)

        def result(self):
            return self.count + 0.0

        def save_own_variables(self, store):
            store["count"] = self.count

        def load_own_variables(self, store):
            self.count.assign(store["count"])

    class Distance(k.losses.Loss):
        scale = 1.0

        def call(self, y_true, y_pred):
            return k.ops.mean(k.ops.abs(y_true - y_pred), axis=-1) * self.scale

        def save_own_variables(self, store):
            store["scale"] = self.scale

        def load_own_variables(self, store):
            self.scale = float(store["scale"])

    class Descent(k.optimizers.SGD):
        mood = 0

        def save_own_variables(self, store):
            super().save_own_variables(store)
            store["mood"] = self.mood

        def load_own_variables(self, store):
            self.mood = int(store["mood"])
            super().load_own_variables({name: store[name] for name in store.keys() if name != "mood"})  # noqa: SIM118

    class Counting(k.layers.Layer):
        """A layer that holds a metric."""

        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.counter = Counter()

        def call(self, x):
            return x

    return {c.__name__: c for c in (Halves, More, Net, Counter, Distance, Descent, Counting)}


def flat(k, own):
    return k.Sequential([k.Input((3,)), own["Halves"](), own["More"](2)])


def nested(k, own):
    x = k.Input((3,))
    return k.Model(x, k.layers.Dense(2)(k.Sequential([k.Input((3,)), own["Halves"](), own["More"](3)])(x)))


def subclassed(k, own):
    model = own["Net"]()
    model(X)
    return model


MODELS = [flat, nested, subclassed]


def parts(model):
    """The layers of a model that store for themselves."""
    layers = list(getattr(model, "parts", model.layers))
    layers = [inner for layer in layers for inner in getattr(layer, "layers", [layer])]
    return {type(layer).__name__: layer for layer in layers if type(layer).__name__ in ("Halves", "More")}


def filled(k, make):
    """A model with weights, words and numbers; its classes."""
    own = classes(k)
    model = make(k, own)
    model.set_weights([np.linspace(1, 2, w.size, dtype="float32").reshape(w.shape) for w in model.get_weights()])
    found = parts(model)
    found["Halves"].words, found["Halves"].count, found["More"].seen = ["a", "b"], 7, 5
    if make is subclassed:
        model.epochs = 3
    return model, own


def assert_took_all(model, make, outputs, files=True):
    np.testing.assert_allclose(np.asarray(model(X)), outputs, rtol=1e-6)
    found = parts(model)
    assert (found["Halves"].words, found["Halves"].count, found["More"].seen) == (["a", "b"] if files else [], 7, 5)
    assert make is not subclassed or model.epochs == 3


WAYS = [(jkeras, jkeras), (keras, jkeras), (jkeras, keras)]
every_way = pytest.mark.parametrize(("writer", "reader"), WAYS, ids=["here", "from keras", "to keras"])


@every_way
@pytest.mark.parametrize("make", MODELS, ids=lambda make: make.__name__)
def test_layers_and_models_store_for_themselves(writer, reader, make, tmp_path):
    model, _ = filled(writer, make)
    outputs = np.asarray(model(X))
    model.save(tmp_path / "m.keras")
    assert_took_all(reader.models.load_model(tmp_path / "m.keras", custom_objects=classes(reader)), make, outputs)
    model.save_weights(tmp_path / "m.weights.h5")
    again = make(reader, classes(reader))
    again.load_weights(tmp_path / "m.weights.h5")
    assert_took_all(again, make, outputs, files=False)


@pytest.mark.parametrize("form", ["folder", "shards", "open file"])
def test_every_form_of_keras_3_holds_it(form, tmp_path):
    model, own = filled(jkeras, nested)
    outputs = np.asarray(model(X))
    if form == "shards":
        model.save_weights(tmp_path / "m.weights.json", max_shard_size=4e-8)
        again = nested(jkeras, own)
        again.load_weights(tmp_path / "m.weights.json")
    else:
        place = tmp_path / "m" if form == "folder" else io.BytesIO()
        model.save(place, zipped=False if form == "folder" else None)
        again = jkeras.models.load_model(place, own)
    assert_took_all(again, nested, outputs, files=form != "shards")


@every_way
def test_optimizers_losses_and_metrics_store_for_themselves(writer, reader, tmp_path):
    own = classes(writer)
    model = writer.Sequential([writer.Input((3,)), own["Counting"](), writer.layers.Dense(1)])
    model.compile(own["Descent"](0.1, momentum=0.9), own["Distance"]())
    model.fit(X, X[:, :1], epochs=2, verbose=0)
    model.optimizer.mood, model.loss.scale = 4, 3.0
    model.layers[0].counter.update_state(X, X)
    model.save(tmp_path / "m.keras")
    again = reader.models.load_model(tmp_path / "m.keras", custom_objects=classes(reader))
    assert (again.optimizer.mood, again.loss.scale, float(again.layers[0].counter.result())) == (4, 3.0, 1.0)
    assert int(again.optimizer.iterations) == int(model.optimizer.iterations) == 2
    for mine, theirs in zip(model.optimizer.variables, again.optimizer.variables, strict=True):
        np.testing.assert_allclose(np.asarray(mine), np.asarray(theirs), rtol=1e-6)


def test_a_second_optimizer_of_a_model_is_stored_as_in_keras(tmp_path):
    """Both write its arrays; one that is not built when they are read starts afresh, with a warning."""

    def make(k):
        class Two(k.Sequential):
            pass

        model = Two([k.Input((3,)), k.layers.Dense(1, name="d")])
        model.other = k.optimizers.SGD(0.1, momentum=0.5)
        model.other.build(model.trainable_variables)
        return model

    ours, theirs = make(jkeras), make(keras)
    ours.other.iterations.assign(9)
    ours.save_weights(tmp_path / "w.weights.h5")
    theirs.load_weights(tmp_path / "w.weights.h5")
    assert int(theirs.other.iterations) == 9
    unbuilt = make(jkeras)
    unbuilt.other = jkeras.optimizers.SGD(0.1, momentum=0.5)
    with pytest.warns(UserWarning, match=r"2 variables, and the file 4, .*optimizer\.build"):
        unbuilt.load_weights(tmp_path / "w.weights.h5")


# all or nothing -----------------------------------------------------------------------------------


def everything(model):
    found = parts(model)
    return [found["Halves"].words, found["Halves"].count, found["More"].seen, *(w.tolist() for w in model.get_weights())]


def failing(own, method, when):
    """The classes, one of whose methods does its work and raises then."""

    class Failing(own["Halves"]):
        pass

    def run(self, source):
        getattr(super(Failing, self), method)(source)
        if when[0]:
            raise RuntimeError("out of patience")

    setattr(Failing, method, run)
    Failing.__name__ = "Halves"
    return {**own, "Halves": Failing}


@pytest.mark.parametrize("method", ["load_own_variables", "load_assets"])
def test_a_failed_load_leaves_the_model_as_it_was(method, tmp_path):
    model, own = filled(jkeras, nested)
    model.save(tmp_path / "m.keras")
    when = [False]
    again = jkeras.models.load_model(tmp_path / "m.keras", failing(own, method, when))
    again.set_weights([w + 1 for w in again.get_weights()])
    parts(again)["Halves"].words.append("mine")
    before, when[0] = everything(again), True
    with pytest.raises(FileFormatError, match=rf"layer 'halves\w*': its {method} failed: RuntimeError: out of patience"):
        jkeras.models.load_model(tmp_path / "m.keras", failing(own, method, [True]))
    if method == "load_own_variables":  # weights alone include no asset files
        with pytest.raises(FileFormatError, match=r"out of patience.*below/other"):
            again.load_weights(tmp_path / "m.keras")
        with pytest.warns(UserWarning, match="out of patience"):
            again.load_weights(tmp_path / "m.keras", skip_mismatch=True)
        assert parts(again)["Halves"].words == before[0] and parts(again)["More"].seen == 5
        return
    assert everything(again) == before


def test_what_is_no_number_is_not_stored(tmp_path):
    class Words(jkeras.layers.Flatten):
        def save_own_variables(self, store):
            store[self.key] = self.value

    layer = Words()
    model = jkeras.Sequential([jkeras.Input((3,)), layer])
    for key, value, error in (
        ("words", np.array(["a"]), TypeError),
        ("words", "text", TypeError),
        ("words", None, TypeError),
        ("z", 1j, TypeError),
        (0, 1.0, ValueError),
        ("../x", 1.0, ValueError),
        ("a//b", 1.0, ValueError),
        ("/a", 1.0, ValueError),
        ("", 1.0, ValueError),
    ):
        layer.key, layer.value = key, value
        with pytest.raises(error, match="layer 'words"):
            model.save(tmp_path / "m.keras")
        assert not list(tmp_path.iterdir())


# files of layers ----------------------------------------------------------------------------------


class Files(jkeras.layers.Layer):
    """Writes what a test wants, and tells what it was given."""

    write, given = staticmethod(lambda folder: None), None

    def call(self, x):
        return x

    def save_assets(self, folder):
        type(self).write(Path(folder))

    def load_assets(self, folder):
        type(self).given = None if folder is None else {p.name: p.read_bytes() for p in Path(folder).rglob("*") if p.is_file()}


def archive_with(tmp_path, members):
    """A `.keras` of a model with such a layer, and further members."""
    Files.given = "not asked"
    jkeras.Sequential([jkeras.Input((3,)), Files()]).save(tmp_path / "m.keras")
    with zipfile.ZipFile(tmp_path / "m.keras", "a") as target:
        for name, data in members:
            target.writestr(name, data, zipfile.ZIP_DEFLATED)
    return lambda: jkeras.models.load_model(tmp_path / "m.keras", {"Files": Files})


def test_files_are_given_to_their_layer_alone(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    archive_with(
        tmp_path, [("assets/layers/files/a.txt", b"1"), ("assets/layers/files/b/c.txt", b"2"), ("assets/other/d", b"3")]
    )()
    assert Files.given == {"a.txt": b"1", "c.txt": b"2"}
    archive_with(tmp_path, [("assets/layers/other/a.txt", b"1")])()
    assert Files.given is None
    archive_with(tmp_path, [])()
    assert Files.given == "not asked"  # as in Keras, if no layer wrote any
    assert not list((tmp_path / "temporary").iterdir())


def link(name):
    info = zipfile.ZipInfo(name)
    info.external_attr = 0o120777 << 16
    return info


@pytest.mark.parametrize(
    ("members", "match"),
    [
        ([("assets/../../escaped.txt", b"x")], "leads out"),
        ([("assets/layers\\..\\..\\escaped.txt", b"x")], "separates paths"),
        ([("/assets/escaped.txt", b"x")], "absolute"),
        ([(link("assets/layers/files/a"), b"/etc/hostname")], "link"),
        ([("assets/layers/files/a", b"x"), ("assets/layers/files/a/b", b"x")], "beside another"),
        ([("assets/layers/files", b"x"), ("assets/layers/files/b", b"x")], "beside another"),
        ([("assets/layers/files/zeros", bytes(40 << 20))], "would grow"),
        ([(f"assets/layers/files/{i}", bytes(20 << 20)) for i in range(2)], "would grow"),
    ],
    ids=["out", "backslash", "absolute", "link", "file and folder", "folder and file", "one large", "many large"],
)  # fmt: skip
def test_files_that_lead_elsewhere_or_fill_the_disk_are_refused(members, match, tmp_path, monkeypatch):
    load = archive_with(tmp_path, members)
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    with pytest.raises(FileFormatError, match=match):
        load()
    assert {p.name for p in tmp_path.rglob("*")} == {"m.keras", "temporary"} and Files.given == "not asked"


def test_a_folder_of_links_is_refused(tmp_path):
    model = jkeras.Sequential([jkeras.Input((3,)), Files()])
    Files.write = staticmethod(lambda folder: (folder / "kept").write_text("1"))
    model.save(tmp_path / "m", zipped=False)
    jkeras.models.load_model(tmp_path / "m", {"Files": Files})
    assert Files.given == {"kept": b"1"}
    (tmp_path / "m" / "assets" / "layers" / "files" / "up").symlink_to("/etc")
    with pytest.raises(UnsafeFileError, match="link to a folder"):
        jkeras.models.load_model(tmp_path / "m", {"Files": Files})
    Files.write = staticmethod(lambda folder: (folder / "up").symlink_to("/etc/hostname"))
    with pytest.raises(ValueError, match="plain files"):
        model.save(tmp_path / "m.keras")
    assert not (tmp_path / "m.keras").exists()
    Files.write = staticmethod(lambda folder: None)


def test_a_store_without_bound_is_refused(tmp_path):
    model, _ = filled(jkeras, flat)
    model.save_weights(tmp_path / "w.weights.h5")
    with h5py.File(tmp_path / "w.weights.h5", "r+") as file:
        group = file["layers/halves/vars"]
        group["loop"] = group  # a hard link: a group that contains itself
    with pytest.raises(UnsafeFileError, match="nested deeper"):
        model.load_weights(tmp_path / "w.weights.h5")

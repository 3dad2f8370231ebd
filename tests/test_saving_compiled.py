"""How a model was compiled, in files of Keras 2 and Keras 3: metrics by function name, and unknown classes."""

import json
import zipfile

import h5py
import numpy as np
import pytest

import jkeras
from jkeras import layers
from jkeras._base.errors import FileFormatError

RNG = np.random.default_rng(0)
X = RNG.normal(size=(12, 4)).astype("float32")
ONE_HOT = np.eye(3, dtype="float32")[RNG.integers(0, 3, 12)]


def compiled(units=3, activation="softmax", loss="categorical_crossentropy", metrics=()):
    model = jkeras.Sequential([layers.Input((4,)), layers.Dense(units, activation=activation, name="d")])
    model.compile("adam", loss, metrics=list(metrics))
    return model


def with_training(path, **changes):
    """A whole-model `.h5` whose training_config is changed."""
    compiled().save(path)
    with h5py.File(path, "r+") as file:
        training = {**json.loads(file.attrs["training_config"]), **changes}
        file.attrs["training_config"] = json.dumps(training)
    return path


def wrapped(fn, name):
    """A metric as tf_keras writes it into `.h5`: the name that was given, and the function that it stood for."""
    return [[{"class_name": "MeanMetricWrapper", "config": {"name": name, "dtype": "float32", "fn": fn}}]]


# The function's name, the class that computes the same, units of the output, targets.
METRICS = {
    "categorical_accuracy": ("CategoricalAccuracy", 3, ONE_HOT),
    "sparse_categorical_accuracy": ("SparseCategoricalAccuracy", 3, np.argmax(ONE_HOT, -1)[:, None].astype("float32")),
    "binary_accuracy": ("BinaryAccuracy", 3, ONE_HOT),
    "top_k_categorical_accuracy": ("TopKCategoricalAccuracy", 7, np.eye(7, dtype="float32")[RNG.integers(0, 7, 12)]),
    "sparse_top_k_categorical_accuracy": ("SparseTopKCategoricalAccuracy", 7, RNG.integers(0, 7, (12, 1)).astype("float32")),
    "mean_squared_error": ("MeanSquaredError", 3, ONE_HOT),
    "mse": ("MeanSquaredError", 3, ONE_HOT),
    "kullback_leibler_divergence": ("KLDivergence", 3, ONE_HOT),
    "logcosh": ("LogCoshError", 3, ONE_HOT),
    "cosine_similarity": ("CosineSimilarity", 3, ONE_HOT),  # as a metric the sign is plus
    "categorical_hinge": ("CategoricalHinge", 3, ONE_HOT),
}


@pytest.mark.parametrize("fn", METRICS)
def test_metrics_of_tf_keras_by_the_names_of_functions(fn, tmp_path):
    class_name, units, targets = METRICS[fn]
    loss = "sparse_categorical_crossentropy" if fn.startswith("sparse") else "mean_squared_error"
    compiled(units).save(tmp_path / "m.h5")
    with h5py.File(tmp_path / "m.h5", "r+") as file:
        training = json.loads(file.attrs["training_config"])
        file.attrs["training_config"] = json.dumps({**training, "loss": loss, "metrics": wrapped(fn, "seen")})
    model = jkeras.models.load_model(tmp_path / "m.h5")
    found = model.evaluate(X, targets, verbose=0, return_dict=True)
    metric = getattr(jkeras.metrics, class_name)()
    metric.update_state(targets, model(X))
    np.testing.assert_allclose(found["seen"], float(metric.result()), rtol=1e-5)


@pytest.mark.filterwarnings("ignore:.*HDF5 file")
@pytest.mark.parametrize("suffix", [".h5", ".keras"])
def test_accuracy_of_tf_keras(suffix, tmp_path):
    tf_keras = pytest.importorskip("tf_keras")
    for units, activation, loss, targets in (
        (3, "softmax", "categorical_crossentropy", ONE_HOT),
        (3, "softmax", "sparse_categorical_crossentropy", np.argmax(ONE_HOT, -1)),
        (1, "sigmoid", "binary_crossentropy", ONE_HOT[:, :1]),
    ):
        theirs = tf_keras.Sequential([tf_keras.Input((4,)), tf_keras.layers.Dense(units, activation=activation)])
        theirs.compile("adam", loss, metrics=["accuracy"])
        theirs.fit(X, targets, verbose=0)
        theirs.save(tmp_path / f"m{suffix}")
        ours = jkeras.models.load_model(tmp_path / f"m{suffix}")
        expected = theirs.evaluate(X, targets, verbose=0, return_dict=True)
        found = ours.evaluate(X, targets, verbose=0, return_dict=True)
        assert list(found) == list(expected)
        np.testing.assert_allclose(list(found.values()), list(expected.values()), rtol=1e-5)


UNKNOWN = {
    "loss": {"loss": "loss_of_mine"},
    "loss object": {"loss": {"class_name": "Custom>Mine", "config": {"name": "mine"}}},
    "metric": {"metrics": wrapped("metric_of_mine", "mine")},
    "metric object": {"metrics": [{"class_name": "Mine", "config": {}}]},
    "optimizer": {"optimizer_config": {"class_name": "Custom>Mine", "config": {"learning_rate": 0.1}}},
    "argument": {"optimizer_config": {"class_name": "Adam", "config": {"learning_rate": 0.1, "turbo": True}}},
}


@pytest.mark.parametrize("changes", UNKNOWN.values(), ids=UNKNOWN)
def test_what_is_not_known_leaves_the_model_uncompiled_with_a_warning(changes, tmp_path):
    path = with_training(tmp_path / "m.h5", **changes)
    with pytest.warns(UserWarning, match=r"m\.h5: training_config: the model is loaded, but not compiled\.(.|\n)*custom_objects"):
        model = jkeras.models.load_model(path)
    assert not model.compiled and model.optimizer is None
    with h5py.File(path) as file:
        np.testing.assert_array_equal(model.get_weights()[0], file["model_weights/d/d/kernel:0"][()])
    model.compile("sgd", "mse")
    model.fit(X, ONE_HOT, verbose=0)


def test_so_it_is_in_a_keras_file_and_in_json(tmp_path):
    def distance(y_true, y_pred):
        return abs(y_true - y_pred)

    model = compiled(loss=distance)
    model.save(tmp_path / "m.keras")
    for read in (lambda own: jkeras.models.load_model(tmp_path / "m.keras", own),
                 lambda own: jkeras.models.model_from_json(model.to_json(), own)):  # fmt: skip
        with pytest.warns(UserWarning, match="not compiled"):
            assert not read(None).compiled
        assert read({"distance": distance}).loss is distance


@pytest.mark.parametrize("training", ["[]", "[1]", '"adam"', "3", "true"])
def test_a_training_config_that_is_no_dict_is_refused(training, tmp_path):
    path = with_training(tmp_path / "m.h5")
    with h5py.File(path, "r+") as file:
        file.attrs["training_config"] = training
    with pytest.raises(FileFormatError, match=r"training_config.*is a dict"):
        jkeras.models.load_model(path)
    compiled().save(tmp_path / "m.keras")
    source = zipfile.ZipFile(tmp_path / "m.keras")
    config = {**json.loads(source.read("config.json")), "compile_config": json.loads(training)}
    with zipfile.ZipFile(tmp_path / "n.keras", "w") as target:
        for name in source.namelist():
            target.writestr(name, json.dumps(config) if name == "config.json" else source.read(name))
    with pytest.raises(FileFormatError, match="is a dict"):
        jkeras.models.load_model(tmp_path / "n.keras")


@jkeras.saving.register_keras_serializable("own_compile")
def smallest_gap(y_true, y_pred):
    return jkeras.ops.min(jkeras.ops.abs(y_true - y_pred), axis=-1)


@jkeras.saving.register_keras_serializable("own_compile")
class OwnCompile(jkeras.Sequential):
    """As Keras' guide on saving has it: what `compile` takes has names of its own."""

    def compile(self, solver, gap, measures=()):
        super().compile(solver, gap, metrics=list(measures))
        self.given = (solver, gap, measures)

    def get_compile_config(self):
        return dict(zip(("solver", "gap", "measures"), self.given))

    def compile_from_config(self, config):
        self.compile(**{name: jkeras.saving.deserialize_keras_object(part) for name, part in config.items()})


@pytest.mark.parametrize("solver", ("sgd", jkeras.optimizers.SGD(0.5)))
def test_a_class_may_say_itself_how_it_was_compiled(solver, tmp_path):
    model = OwnCompile([layers.Input((4,)), layers.Dense(3)])
    model.compile(solver, smallest_gap, ["mae", smallest_gap])
    model.fit(X, ONE_HOT, verbose=0)
    model.save(tmp_path / "own.keras")
    again = jkeras.models.load_model(tmp_path / "own.keras")
    assert type(again) is OwnCompile and again.given[1:] == (smallest_gap, ["mae", smallest_gap])
    assert float(again.optimizer.learning_rate) == float(model.optimizer.learning_rate)
    assert int(again.optimizer.iterations) == 1
    np.testing.assert_allclose(again.evaluate(X, ONE_HOT, verbose=0), model.evaluate(X, ONE_HOT, verbose=0), rtol=1e-6)

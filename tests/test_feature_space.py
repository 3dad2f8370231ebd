"""`FeatureSpace`: Keras' values for each kind of feature and cross, data in every form, models, and files of both libraries."""

import itertools
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest
from feature_table import TABLE, columns, made_by

import jkeras
from jkeras import layers
from jkeras.models import load_model
from jkeras.utils import FeatureSpace, PyDataset

GOLDEN = Path(__file__).parent / "golden/texts"
WANTED = np.load(GOLDEN / "keras3_feature_space.npy")


@pytest.fixture(scope="module")
def space():
    made = made_by(jkeras)
    made.adapt(TABLE)
    return made


def rows(*sizes):
    """The table cut into batches."""
    starts = np.cumsum([0, *sizes])
    return [columns(slice(a, b)) for a, b in itertools.pairwise(starts)]


def single_rows():
    return [{name: column[i] for name, column in TABLE.items()} for i in range(4)]


class Batches(PyDataset):
    def __len__(self):
        return 2

    def __getitem__(self, index):
        return rows(2, 2)[index], np.zeros(2)


def test_values_are_those_of_keras(space):
    np.testing.assert_array_equal(space(TABLE), WANTED)


@pytest.mark.parametrize(
    "data",
    (
        lambda: iter(rows(2, 2)),
        lambda: [(batch, 0) for batch in rows(3, 1)],
        lambda: iter(single_rows()),
        lambda: Batches(),
        columns,
    ),
    ids=("generator", "tuples", "single rows", "PyDataset", "arrays"),
)
def test_data_of_any_form_teach_the_same(data):
    made = made_by(jkeras)
    made.adapt(data())
    np.testing.assert_allclose(made(TABLE), WANTED, atol=1e-6)


def test_a_single_row_gives_a_vector(space):
    np.testing.assert_array_equal(space(single_rows()[2]), WANTED[2])


def test_a_dict_holds_each_feature_and_cross():
    made = made_by(jkeras, "dict")
    made.adapt(TABLE)
    found = made(TABLE)
    assert [*found] == [*sorted(TABLE), "word_X_hashed", "word_X_number"]
    np.testing.assert_array_equal(np.concatenate([*found.values()], axis=1), WANTED)
    assert {name: x.shape[0] for name, x in made(single_rows()[0]).items()} == {name: x.shape[1] for name, x in found.items()}


def test_a_model_takes_the_table_as_it_is(space, tmp_path):
    dense = layers.Dense(2)
    model = jkeras.Model(space.get_inputs(), dense(space.get_encoded_features()))
    model.compile("sgd", "mse")
    history = model.fit(columns(), np.ones((4, 2)), epochs=3, batch_size=2, verbose=0)
    assert history.history["loss"][-1] < history.history["loss"][0]
    np.testing.assert_allclose(model.predict(columns(), verbose=0), dense(WANTED), atol=1e-5)
    model.save(tmp_path / "m.keras")
    np.testing.assert_allclose(load_model(tmp_path / "m.keras").predict(columns(), verbose=0), dense(WANTED), atol=1e-5)


def test_it_takes_symbolic_tensors_of_other_inputs(space):
    inputs = {name: jkeras.Input((1,), dtype=x.dtype) for name, x in space.get_inputs().items()}
    model = jkeras.Model(inputs, space(inputs))
    np.testing.assert_array_equal(model.predict(columns(), verbose=0), WANTED)


def test_compiled_code_calls_back_for_numbers():
    made = FeatureSpace({"n": "integer_categorical", "x": "float_normalized"})
    made.adapt({"n": [3, 4, 4], "x": [1.0, 2.0, 3.0]})
    data = {"n": np.array([4, 9]), "x": np.array([2.0, 1.0], "float32")}
    np.testing.assert_allclose(jax.jit(made)(data), made(data), atol=1e-6)
    one = jax.vmap(made)(data)
    np.testing.assert_allclose(one, made(data), atol=1e-6)


def test_what_needs_no_data_runs_at_once():
    made = FeatureSpace({"word": FeatureSpace.feature("string", layers.StringLookup(vocabulary=["a", "b"]), "one_hot"),
                         "x": FeatureSpace.float_discretized(None, bin_boundaries=[0.0, 1.0])})  # fmt: skip
    assert made({"word": ["b", "q"], "x": [0.5, 7.0]}).tolist() == [[0, 0, 1, 0, 1, 0], [1, 0, 0, 0, 0, 1]]
    made.adapt({"word": ["z"], "x": [1.0]})
    assert made.preprocessors["word"].get_vocabulary() == ["[UNK]", "a", "b"]


def test_files_of_keras_and_our_own(space, tmp_path):
    of_keras = load_model(GOLDEN / "keras3_feature_space.keras")
    np.testing.assert_array_equal(of_keras(TABLE), WANTED)
    of_keras.save(tmp_path / "again.keras")
    again = load_model(tmp_path / "again.keras")
    np.testing.assert_array_equal(again(TABLE), WANTED)
    assert again.get_config() == of_keras.get_config()
    again.adapt({name: column[:2] for name, column in TABLE.items()})
    assert again.preprocessors["word"].vocabulary_size() == 3


def test_keras_reads_our_file(space, tmp_path):
    pytest.importorskip("tensorflow")
    space.save(tmp_path / "space.keras")
    code = f"""
import os; os.environ["KERAS_BACKEND"] = "jax"
import keras, numpy as np
from feature_table import TABLE
np.save({str(tmp_path / "out.npy")!r}, np.asarray(keras.models.load_model({str(tmp_path / "space.keras")!r})(TABLE)))
"""
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parent, capture_output=True)
    np.testing.assert_array_equal(np.load(tmp_path / "out.npy"), WANTED)


def test_a_config_makes_a_space_that_is_still_to_learn(space):
    made = FeatureSpace.from_config(space.get_config())
    assert made.get_config() == space.get_config()
    with pytest.raises(ValueError, match=r"features 'normal', 'bin', 'word', 'number' learn"):
        made(TABLE)
    made.adapt(TABLE)
    np.testing.assert_array_equal(made(TABLE), WANTED)


def of(kind, x):
    return FeatureSpace({"x": kind})({"x": [x]})


def test_texts_become_vectors():
    made = FeatureSpace({"text": FeatureSpace.feature("string", layers.TextVectorization(output_mode="count"), "float")})
    made.adapt({"text": ["red dog", "red cat"]})
    assert made({"text": ["red cat cat", "cow"]}).tolist() == [[0, 1, 0, 2], [1, 0, 0, 0]]
    assert made.get_encoded_features().shape == (None, 4)


DOUBLE = layers.Lambda(lambda x: x * 2)


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: FeatureSpace({}), ValueError, "at least one feature"),
        (lambda: FeatureSpace({"x": "flaot"}), ValueError, "Did you mean 'float'"),
        (lambda: FeatureSpace({"x": "float"}, output_mode="list"), ValueError, "output_mode='list'"),
        (lambda: FeatureSpace({"x": "float"}, crosses=[("x", "y")]), ValueError, "Received: 'y'"),
        (lambda: FeatureSpace({"x": "float"}, crosses=[("x", "x")], crossing_dim=0), ValueError, "crossing_dim"),
        (lambda: FeatureSpace.feature("float32", DOUBLE, "vector"), ValueError, "output_mode='vector'"),
        (lambda: FeatureSpace.cross(("a", "b"), 3, "float"), ValueError, "output_mode='float'"),
        (lambda: FeatureSpace({"x": "float"})([1.0]), ValueError, "dict of columns"),
        (lambda: FeatureSpace({"x": "float"})({"y": [1.0]}), KeyError, "has the features"),
        (lambda: FeatureSpace({"x": "float_normalized"}).adapt(np.ones(3)), ValueError, "dict of columns, or an iterable"),
        (lambda: FeatureSpace({"x": "float_normalized"}).get_inputs(), ValueError, r"adapt\(data\)"),
        (lambda: of(FeatureSpace.feature("float32", DOUBLE, "one_hot"), 1.0), ValueError, "must return integers"),
        (lambda: of(FeatureSpace.feature("int32", DOUBLE, "one_hot"), 1), ValueError, "not known how many"),
        (lambda: of(FeatureSpace.integer_hashed(3, output_mode="int"), 1), ValueError, "cannot be concatenated"),
    ],
)  # fmt: skip
def test_wrong_arguments(make, error, text):
    with pytest.raises(error, match=text):
        make()

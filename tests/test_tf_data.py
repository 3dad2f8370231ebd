"""`tf.data`: datasets give the elements of TensorFlow's manual, feed `fit`, and depend on the seeds alone."""

import pickle

import jax
import numpy as np
import pytest
from documents import compat_in

import jkeras
from jkeras import layers
from jkeras.compat.standin.data.dataset import Dataset
from jkeras.compat.standin.data.source import OrderedRows, StreamOfBatches
from jkeras.data import as_source


@pytest.fixture(scope="module")
def tf(tmp_path_factory):
    with compat_in(tmp_path_factory.mktemp("tf")):
        import tensorflow

        yield tensorflow


def values(dataset):
    """The elements as Python numbers and lists."""
    return [jax.tree.map(lambda a: a.tolist() if hasattr(a, "tolist") else a, element) for element in dataset.as_numpy_iterator()]


def epochs(source, count=2, seed=0):
    return [[x.ravel().tolist() for x, _, _ in source.batches(epoch, seed)] for epoch in range(count)]


X = np.arange(24, dtype=np.float32).reshape(12, 2)
Y = np.arange(12) % 3


def model():
    jkeras.utils.set_random_seed(0)
    made = jkeras.Sequential([layers.Input((2,)), layers.Dense(3, activation="softmax")])
    made.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return made


# fit


def test_a_pipeline_trains_as_its_arrays_do(tf):
    arrays = model().fit(X / 24, Y, batch_size=4, epochs=3, shuffle=False, verbose=0)
    dataset = tf.data.Dataset.from_tensor_slices((X, Y))
    dataset = (
        dataset.map(lambda x, y: (tf.cast(x, tf.float32) / 24.0, y), num_parallel_calls=tf.data.AUTOTUNE).batch(4).prefetch(1)
    )
    made = model()
    history = made.fit(dataset, epochs=3, verbose=0, validation_data=dataset)
    np.testing.assert_allclose(history.history["loss"], arrays.history["loss"], rtol=1e-6)
    assert made.predict(dataset, verbose=0).shape == (12, 3)
    np.testing.assert_allclose(made.evaluate(dataset, verbose=0), made.evaluate(X / 24, Y, batch_size=4, verbose=0), rtol=1e-6)


PIPELINES = {
    "arrays": (lambda d: d.batch(5), OrderedRows),
    "shuffled": (lambda d: d.shuffle(12).batch(5), OrderedRows),
    "a part of it in the buffer": (lambda d: d.shuffle(3, seed=1).batch(5), OrderedRows),
    "shuffled, then mapped": (lambda d: d.shuffle(12).map(lambda x: -x).batch(5).prefetch(1), OrderedRows),
    "cached": (lambda d: d.map(lambda x: x + 1).cache().shuffle(12).batch(5, drop_remainder=True), OrderedRows),
    "python": (lambda d: d.map(lambda x: np.asarray(x) + 1).shuffle(12).batch(5), StreamOfBatches),
    "random": (lambda d: d.map(lambda x: x + jkeras.random.uniform(())).batch(5), StreamOfBatches),
    "mapped batches": (lambda d: d.batch(5).map(lambda x: x - x.mean()), StreamOfBatches),
    "no batches of one size": (lambda d: d.filter(lambda x: x[0] > 4).batch(5), StreamOfBatches),
}


@pytest.mark.parametrize("name", PIPELINES)
@pytest.mark.parametrize("seed", [0, 1])
def test_a_source_gives_the_batches_of_the_dataset_and_can_start_anywhere(name, seed):
    make, kind = PIPELINES[name]
    source = as_source(make(Dataset.from_tensor_slices(X)))
    assert type(source) is kind
    first, second = epochs(source, 2, seed)
    assert (first != second) == any(word in name for word in ("shuffled", "part", "cached", "python", "random"))
    assert source.num_batches in (len(first), None)
    assert source.first_rows == len(first[0]) // 2
    assert source.spec.shape == (None, 2)
    for start in (1, 2):
        assert [x.ravel().tolist() for x, _, _ in source.batches(1, seed, start)] == second[start:]
    again = as_source(make(Dataset.from_tensor_slices(X)))
    assert epochs(again, 2, seed) == [first, second]


@pytest.mark.parametrize("name", ["arrays", "shuffled", "random", "mapped batches"])
def test_steps_and_endless_datasets(name):
    make, _ = PIPELINES[name]
    data = Dataset.from_tensor_slices(X[:10])
    whole = epochs(as_source(make(data)), 3)
    with pytest.raises(ValueError, match="steps_per_epoch"):
        as_source(make(data).repeat())
    parts = epochs(as_source(make(data).repeat(), steps=3), 2)
    if name in ("arrays", "mapped batches"):
        batches = [batch for epoch in whole for batch in epoch]
        assert parts == [batches[:3], batches[3:6]]
    assert sum(map(len, parts), 0) == 6
    unended = as_source(make(data.repeat()), steps=3)
    assert [len(epoch) for epoch in epochs(unended, 2)] == [3, 3]
    with pytest.warns(UserWarning, match="ran out of data"):
        assert len(epochs(as_source(make(data), steps=3), 1)[0]) == 2


def test_a_dataset_of_unknown_length_with_steps_goes_on_and_starts_over():
    source = as_source(Dataset.from_tensor_slices(X).filter(lambda x: x[0] >= 0).batch(4), steps=2)
    assert epochs(source, 1) == epochs(source, 1)
    with pytest.warns(UserWarning, match="ran out of data"):
        parts = epochs(source, 4)
    assert [len(part) for part in parts] == [2, 1, 2, 1] and parts[0] == parts[2]


def test_random_functions_draw_anew_in_each_epoch_and_a_run_repeats(tf):
    def noisy(x, y):
        return x + tf.random.normal(tf.shape(x)), y

    def losses():
        dataset = tf.data.Dataset.from_tensor_slices((X, Y)).shuffle(12).map(noisy).batch(4)
        return model().fit(dataset, epochs=3, verbose=0).history["loss"]

    first = losses()
    assert losses() == first and len(set(first)) == 3


# functions


def branch(x):
    return x * 2 if x > 2 else x


FUNCTIONS = {
    "traced": lambda x: x * 3 + 1,
    "draws": lambda x: x + jkeras.random.uniform((2,)) * jkeras.random.normal(()),
    "layers": layers.RandomTranslation(0.5, 0.5),
}


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("batch", [1, 3, 5])
def test_a_compiled_function_gives_the_values_of_single_rows(name, batch):
    function, images = FUNCTIONS[name], np.arange(80, dtype=np.float32).reshape(5, 4, 4, 1)
    data = Dataset.from_tensor_slices(images if name == "layers" else X[:5])

    def eager(x):
        assert np.asarray(x) is not None
        return function(x)

    jkeras.utils.set_random_seed(3)
    compiled = data.map(function).batch(batch)
    one_by_one = Dataset(data._node).map(eager).batch(batch)
    assert compiled._node.parent.traced and not one_by_one._node.parent.traced
    for a, b in zip(compiled, one_by_one, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-6)


def test_a_function_is_called_once_where_it_is_traced_and_for_each_row_where_not():
    calls = []
    list(Dataset.range(100).map(lambda x: calls.append(x) or x + 1).batch(8))
    assert len(calls) <= 4
    calls.clear()
    assert values(Dataset.range(5).map(lambda x: calls.append(int(x)) or branch(x))) == [0, 1, 2, 6, 8]
    assert calls == [0, 1, 2, 3, 4]


def test_each_row_has_its_own_draws_and_layers_do_not_share_them():
    flips = [layers.RandomFlip("horizontal"), layers.RandomFlip("horizontal")]
    image = np.arange(2.0).reshape(1, 2, 1)
    data = Dataset.from_tensors(image).repeat(64).map(lambda x: tuple(flip(x, training=True)[0, 0, 0] for flip in flips))
    one, two = np.array(values(data)).T
    assert 10 < one.sum() < 54 and 10 < two.sum() < 54 and (one != two).any()


def test_a_function_sees_the_present_values_of_variables():
    scale = jkeras.Variable(2.0)
    data = Dataset.range(1, 3).map(lambda x: scale * x)
    assert values(data) == [2.0, 4.0]
    scale.assign(3.0)
    assert values(data) == [3.0, 6.0]


def test_datasets_can_be_pickled():
    data = Dataset.from_tensor_slices((X, {"y": Y})).map(tuple_of).cache().shuffle(5, seed=1).batch(2)
    first, restored = values(data), pickle.loads(pickle.dumps(data))
    assert values(restored) == values(data) != first


def tuple_of(x, y):
    return x, y["y"]

"""Models that begin with layers for texts: training, evaluation, prediction, nesting, files both ways."""

import copy
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest
from documents import compat_in
from text_model import DATA, model

import jkeras
from jkeras import Input, Model, Sequential, ops
from jkeras import layers as L

GOLDEN = Path(__file__).parent / "golden"
X = np.array([["a b"], ["c d e"], ["f"], ["q a a a a a"]] * 10, object)
Y = np.linspace(0, 1, 40)[:, None].astype("float32")


def words(**options):
    layer = L.TextVectorization(**options)
    layer.adapt(["a b c", "b c d e f"])
    return layer


def classifier(vectorize, given=True):
    """Texts to a number."""
    stack = [vectorize, L.Embedding(20, 4), L.GlobalAveragePooling1D(), L.Dense(1)]
    return Sequential([*([Input((1,), dtype="string")] if given else []), *stack])


def test_training_on_texts_is_training_on_their_indices():
    vectorize = words(output_sequence_length=4)
    whole = classifier(vectorize)
    inner = Sequential([L.Embedding(20, 4), L.GlobalAveragePooling1D(), L.Dense(1)])
    inner.build((None, 4))
    inner.set_weights(whole.get_weights())
    found = []
    for net, x in ((whole, X), (inner, np.asarray(vectorize(X)))):
        jkeras.utils.set_random_seed(0)
        net.compile("adam", "mse")
        history = net.fit(x, Y, epochs=2, batch_size=8, validation_split=0.2, verbose=0).history
        found.append((history, net.evaluate(x, Y, verbose=0), net.predict(x, verbose=0), net.train_on_batch(x[:8], Y[:8])))
    (h1, e1, p1, t1), (h2, e2, p2, t2) = found
    for name, values in h1.items():
        np.testing.assert_allclose(values, h2[name], rtol=1e-5)
    np.testing.assert_allclose(e1, e2)
    np.testing.assert_allclose(p1, p2)
    np.testing.assert_allclose(t1, t2)
    np.testing.assert_allclose(whole.predict(X, verbose=0), whole(X), atol=1e-6)
    assert whole(["a b", "c"]).shape == whole.predict(["a b", "c"], verbose=0).shape == (2, 1)
    assert whole.predict_on_batch(X[:3]).shape == (3, 1)


def test_the_longest_text_of_a_batch_gives_its_length():
    net = classifier(words(), given=False)
    net.compile("adam", "mse")
    batches = [X[i : i + 4, 0] for i in range(0, 40, 4)]
    expected = np.concatenate([net(batch) for batch in batches])
    np.testing.assert_allclose(net.predict(X[:, 0], batch_size=4, verbose=0), expected, atol=1e-6)
    losses = [net.fit(X[:, 0], Y, batch_size=6, verbose=0, shuffle=True).history["loss"][0] for _ in range(3)]
    assert np.isfinite(losses).all()


def test_generators_of_texts():
    def batches():
        for i in range(0, 40, 8):
            yield X[i : i + 8], Y[i : i + 8]

    vectorize = words(output_sequence_length=4)
    results, start = [], classifier(vectorize).get_weights()
    for source in (batches(), None):
        net = classifier(vectorize)
        net.set_weights(start)
        net.compile("sgd", "mse")
        data = {"x": source} if source is not None else {"x": X, "y": Y, "batch_size": 8, "shuffle": False}
        results.append(net.fit(**data, verbose=0, validation_data=(X, Y)).history)
    assert results[0].keys() == results[1].keys()
    for name in results[0]:
        np.testing.assert_allclose(results[0][name], results[1][name], rtol=1e-5)


def test_several_inputs_and_a_slice():
    word, number = Input((2,), dtype="string", name="word"), Input((3,), name="number")
    lookup = L.StringLookup(vocabulary=["a", "b"], output_mode="one_hot")
    crossed = L.HashedCrossing(5, output_mode="one_hot")([word[:, 0:1], word[:, 1:2]])
    net = Model({"word": word, "number": number}, L.Concatenate()([lookup(word[:, 0:1]), number, crossed]))
    data = {"word": np.array([["a", "u"], ["z", "b"]]), "number": np.ones((2, 3), "float32")}
    np.testing.assert_array_equal(net.predict(data, verbose=0)[:, :6], [[0, 1, 0, 1, 1, 1], [1, 0, 0, 1, 1, 1]])
    np.testing.assert_array_equal(jax.jit(net)(net.run_host_layers(data)), net(data))
    net.compile("sgd", "mse")
    assert np.isfinite(net.evaluate(data, np.ones((2, 11)), verbose=0))


def test_models_in_models():
    vectorize = words(output_sequence_length=4)
    inner = classifier(vectorize)
    preprocessing = Sequential([Input((1,), dtype="string"), vectorize])
    outer = Sequential([Input((1,), dtype="string"), inner, L.Dense(1)])
    chain = Sequential([Input((1,), dtype="string"), preprocessing, L.Embedding(20, 2), L.Flatten(), L.Dense(1)])
    for net in (outer, chain):
        np.testing.assert_allclose(net.predict(X, verbose=0), net(X), atol=1e-6)
    before = inner.get_weights()[0]
    outer.compile("sgd", "mse")
    outer.fit(X, Y, verbose=0)
    assert not np.allclose(inner.get_weights()[0], before)
    np.testing.assert_array_equal(preprocessing.predict(X, verbose=0), vectorize(X))
    assert outer(Input((1,), dtype="string")).shape == (None, 1)
    twin = jkeras.models.clone_model(inner)
    twin.set_weights(inner.get_weights())
    twin.layers[0].set_vocabulary(vectorize.get_vocabulary())
    np.testing.assert_allclose(twin.predict(X, verbose=0), inner.predict(X, verbose=0), atol=1e-6)
    np.testing.assert_allclose(copy.deepcopy(inner).predict(X, verbose=0), inner.predict(X, verbose=0), atol=1e-6)


def test_what_is_left_of_a_text_model_is_described_and_exported(tmp_path):
    net = classifier(words(output_sequence_length=4))
    assert net.describe(training=False).inference.flops > 0
    with pytest.raises(ValueError, match="takes strings, and an exported program has none"):
        net.export(tmp_path / "m")


def test_integers_may_be_wider_than_jaxs():
    net = Sequential([Input((1,), dtype="int64"), L.IntegerLookup(vocabulary=[2**40, 7])])
    x = np.array([[2**40], [7], [2**40 + 7]])
    assert net(x).tolist() == net.predict(x, verbose=0).tolist() == [[1], [2], [0]]


def test_apply_is_pure_on_what_the_host_made():
    net = classifier(words(output_sequence_length=4))
    x = net.run_host_layers(X)
    params, state = net.params_and_state()
    y, _ = jax.jit(net.apply)(params, state, x)
    np.testing.assert_allclose(y, net(X), atol=1e-6)


def test_what_cannot_run_says_so():
    class Own(Model):
        def __init__(self):
            super().__init__()
            self.vectorize, self.embedding = words(), L.Embedding(9, 2)

        def call(self, x):
            return self.embedding(self.vectorize(x))

    assert Own()(X[:3]).shape == (3, 3, 2)
    with pytest.raises(TypeError, match="Make those layers the beginning of a graph"):
        Own().predict(X)
    net = classifier(words())
    with pytest.raises(ValueError, match="of dtype string, but received"):
        net.predict(np.ones((2, 1)))
    index = Input((1,), dtype="int64")
    with pytest.raises(TypeError, match="call the last layer on what it predicts"):
        Model(index, L.StringLookup(vocabulary=["a"], invert=True)(index)).predict(np.array([[1]]))


def same_outputs(first, second):
    for a, b in zip(first, second, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_files(suffix, tmp_path):
    net = model(jkeras)
    net.save(tmp_path / f"m{suffix}")
    again = jkeras.models.load_model(tmp_path / f"m{suffix}")
    same_outputs(again.predict(DATA, verbose=0), net(DATA))
    same_outputs(again(DATA), net(DATA))


def test_a_file_of_keras():
    with np.load(GOLDEN / "texts" / "keras3_text.npz") as expected:
        same_outputs(jkeras.models.load_model(GOLDEN / "texts" / "keras3_text.keras").predict(DATA, verbose=0), expected.values())


_KERAS = """
import sys, numpy as np, keras, tensorflow as tf
sys.path.insert(0, {tests!r})
from text_model import DATA
net = keras.models.load_model({path!r})
np.savez({out!r}, *[np.asarray(y) for y in net([tf.constant(x) for x in DATA])])
"""


@pytest.mark.slow
def test_keras_reads_our_file(tmp_path):
    pytest.importorskip("tensorflow")
    net, path, out = model(jkeras), tmp_path / "m.keras", tmp_path / "out.npz"
    net.save(path)
    code = _KERAS.format(tests=str(GOLDEN.parent), path=str(path), out=str(out))
    subprocess.run([sys.executable, "-c", code], check=True, env={"KERAS_BACKEND": "tensorflow", "PATH": ""}, timeout=300)
    with np.load(out) as found:
        same_outputs(found.values(), net(DATA))


def test_the_names_of_a_model_are_free_for_layers():
    class Net(Model):
        def __init__(self):
            super().__init__()
            self.preparation, self.host_part, self.graph_outputs = L.Dense(2), L.Dense(2), L.Dense(1)

        def call(self, x):
            return self.graph_outputs(self.host_part(self.preparation(x)))

    assert Net().predict(np.ones((3, 2)), verbose=0).shape == (3, 1)


def test_activations_of_texts():
    net, vectorize = classifier(words()), words()
    found = net.activations(X[:3], batch_size=2)
    assert next(iter(found.values())).shape == (3, vectorize(X[:3]).shape[1], 4)


def test_rows_are_prepared_once_where_they_fit_and_else_batch_by_batch(monkeypatch):
    calls = []

    class Counted(L.IntegerLookup):
        def on_host(self, x):
            calls.append(len(x))
            return super().on_host(x)

    i = Input((1,), dtype="int64")
    net = Model(i, L.Dense(1)(Counted(vocabulary=[1, 2], output_mode="multi_hot")(i)))
    net.compile("sgd", "mse")
    net.fit(np.ones((6, 1), "int64"), np.ones((6, 1)), batch_size=2, epochs=2, verbose=0)
    assert calls == [6]
    monkeypatch.setattr("jkeras.data.prepared._MOST_BYTES", 10)
    net.fit(np.ones((6, 1), "int64"), np.ones((6, 1)), batch_size=2, epochs=2, verbose=0)
    assert calls[1:] == [2] * 7  # the first one for its shapes


def test_a_dataset_is_prepared_on_its_own_values(tmp_path, monkeypatch):
    calls = []

    class Counted(L.IntegerLookup):
        def on_host(self, x):
            calls.append(len(x))
            return super().on_host(x)

    with compat_in(tmp_path):
        import tensorflow as tf

        x = Input((1,), dtype="string")
        net = Model(x, L.Dense(1)(L.StringLookup(vocabulary=["a", "b"], num_oov_indices=0, output_mode="one_hot")(x)))
        net.compile("sgd", "mse")
        data = tf.data.Dataset.from_tensor_slices((tf.constant([["a"], ["b"], ["b"]]), tf.constant([[0.0], [1.0], [2.0]])))
        net.fit(data.batch(2), verbose=0)
        assert net.predict(data.batch(2), verbose=0).shape == (3, 1)
        i = Input((1,), dtype="int32")
        net = Model(i, L.Dense(1)(Counted(vocabulary=[1, 2], num_oov_indices=0, output_mode="multi_hot")(i)))
        net.compile("sgd", "mse")
        data = tf.data.Dataset.from_tensor_slices((np.ones((6, 1), "int32"), np.ones((6, 1), "float32"))).batch(2)
        net.fit(data, verbose=0)
        monkeypatch.setattr("jkeras.data.prepared._MOST_BYTES", 10)
        net.fit(data, verbose=0)
        assert calls == [6, 2, 2, 2, 2]


def test_a_graph_arranges_texts_before_layers_take_them(tmp_path):
    word, words = Input((), dtype="string"), Input((2,), dtype="string")
    row = ops.concatenate([ops.expand_dims(word, -1), ops.flip(words, axis=1), ops.stack([word, words[:, 0]], axis=-1)], axis=-1)
    assert (row.shape, row.dtype) == ((None, 5), "string")
    lookup = L.StringLookup(vocabulary=["a", "b", "c"], num_oov_indices=0)
    net = Model([word, words], ops.cast(lookup(ops.transpose(row)), "float32"))
    x = [np.array(["a", "c"]), np.array([["b", "c"], ["a", "b"]])]
    np.testing.assert_array_equal(net.predict(x, verbose=0).T, [[0, 2, 1, 0, 1], [2, 1, 0, 2, 0]])
    net.save(tmp_path / "m.keras")
    np.testing.assert_array_equal(jkeras.models.load_model(tmp_path / "m.keras").predict(x, verbose=0), net.predict(x, verbose=0))
    with pytest.raises(TypeError, match="takes numbers"):
        ops.maximum(word, word)


def test_functions_of_texts_in_a_graph(tmp_path):
    with compat_in(tmp_path):
        import tensorflow as tf

        text, number = Input((2,), dtype="string"), Input((), dtype="int32")
        both = tf.strings.join([tf.strings.lower(text), tf.strings.as_string(number)[:, None]], separator="/")
        assert (both.shape, both.dtype) == ((None, 2), "string")
        length = tf.strings.length(both)
        assert (tuple(length.shape), length.dtype) == ((None, 2), "int32")
        net = Model([text, number], [tf.cast(length, "float32"), L.Hashing(1000)(both)])
        lengths, hashes = net.predict([np.array([["A", "bCd"]]), np.array([12])], verbose=0)
        assert (
            lengths.tolist() == [[4, 6]]
            and hashes.tolist() == np.asarray(L.Hashing(1000)(["a/12", "bcd/12"])).reshape(1, 2).tolist()
        )


def test_a_script_of_tensorflow(tmp_path):
    with compat_in(tmp_path):
        import tensorflow as tf

        assert tuple(tf.shape([["a", "b"]])) == (1, 2)
        assert int(tf.size(tf.constant(["a", "b"]))) == 2

        texts = tf.constant(["the cat sat", "dogs run, fast!", "a cat", "birds"])
        data = tf.data.Dataset.from_tensor_slices((texts, tf.constant([0.0, 1.0, 0.0, 1.0]))).batch(2)
        clean = lambda x: tf.strings.regex_replace(tf.strings.lower(x), "[!,]", "")  # noqa: E731
        vectorize = tf.keras.layers.TextVectorization(standardize=clean, output_sequence_length=5)
        vectorize.adapt(data.map(lambda x, y: x))
        assert vectorize.get_vocabulary()[:3] == ["", "[UNK]", "cat"]
        ids = data.map(lambda x, y: (vectorize(tf.expand_dims(x, -1)), y)).cache().prefetch(tf.data.AUTOTUNE)
        inner = tf.keras.Sequential([tf.keras.layers.Embedding(20, 3), tf.keras.layers.Flatten(), tf.keras.layers.Dense(1)])
        inner.compile("sgd", "mse")
        inner.fit(ids, verbose=0)
        whole = tf.keras.Sequential([tf.keras.Input((1,), dtype=tf.string), vectorize, inner])
        whole.compile("sgd", "mse")
        np.testing.assert_allclose(whole.evaluate(data, verbose=0), inner.evaluate(ids, verbose=0), rtol=1e-5)
        assert whole.predict(tf.constant(["a cat"]), verbose=0).shape == (1, 1)
        whole.fit(data, verbose=0)
        lookup = tf.keras.layers.StringLookup(vocabulary=["a", "b"])
        back = tf.keras.layers.StringLookup(vocabulary=lookup.get_vocabulary(), invert=True)
        assert tf.strings.reduce_join(back(lookup(tf.constant(["b", "z"])))).numpy() == b"b[UNK]"

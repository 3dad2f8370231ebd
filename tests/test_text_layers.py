"""Text and table layers: TensorFlow's values, byte for byte, kept as golden data and compared live; vocabularies; error texts."""

import importlib.util
import json
import pickle
from pathlib import Path

import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import jkeras
from jkeras import layers as L
from jkeras._base.errors import UnsafeFileError
from jkeras._text.spans import Spans, SpanTable
from jkeras._text.tokens import split, standardized

GOLDEN = json.loads((Path(__file__).parent / "golden/preprocessing.json").read_text())["values"]
TEXTS = [
    "Hello, World! It's 1", "ÄÖÜ straße don't   STOP", "", "a\tb\nc\x0bd\x1ce a", "日本語 テキスト a", "x" * 70 + " " + "y" * 17,
    "é e\u0301 NaïVE #tag @user",
]  # fmt: skip
RAW = [*(text.encode() for text in TEXTS), b"caf\xe9 \xff\xfe ok", b"\xf0\x9f\x98 half"]
INTEGERS = np.array([[0, 1, -5], [7, 2**40, 12345]])
WORDS = [["a", "z", "", "q"], ["c", "b", "zz", "é"]]


def same(result, name):
    np.testing.assert_allclose(np.asarray(result), np.array(GOLDEN[name]), rtol=1e-6, err_msg=name)


@pytest.mark.parametrize("kind", ["lower_and_strip_punctuation", "lower", "strip_punctuation", None])
@pytest.mark.parametrize("how", ["whitespace", "character"])
def test_tokens_are_tensorflows(kind, how):
    layer = L.TextVectorization(standardize=kind, split=how)
    layer.adapt(RAW)
    expected = GOLDEN[f"vocabulary {kind} {how}"]
    if expected is not None:  # TensorFlow's own get_vocabulary fails for bytes that are not UTF-8
        assert layer.get_vocabulary() == expected
    same(layer(RAW), f"ids {kind} {how}")
    same(layer([[text] for text in RAW]), f"ids {kind} {how}")


@pytest.mark.parametrize("mode", ["multi_hot", "count", "tf_idf"])
def test_ngrams_are_tensorflows(mode):
    layer = L.TextVectorization(output_mode=mode, ngrams=(1, 2), max_tokens=20)
    layer.adapt(RAW[:5])
    assert layer.get_vocabulary() == GOLDEN[f"ngrams vocabulary {mode}"]
    same(layer(RAW[:7]), f"ngrams {mode}")
    layer = L.TextVectorization(ngrams=3, output_sequence_length=6)
    layer.adapt(RAW[:5])
    same(layer(RAW[:7]), "ngrams int")


@pytest.mark.parametrize("bins", [7, 1000003])
def test_hashes_are_tensorflows(bins):
    same(L.Hashing(bins)(RAW), f"hash {bins}")
    same(L.Hashing(bins, salt=[133, 137])(RAW), f"hash {bins} salt")
    same(L.Hashing(bins, salt=2**50 + 3)(RAW), f"hash {bins} one salt")
    same(L.Hashing(bins)(INTEGERS), f"hash ints {bins}")
    same(L.Hashing(bins, mask_value=7)(INTEGERS), f"hash ints {bins} mask")
    same(L.HashedCrossing(bins)([RAW, np.arange(9) - 3, RAW]), f"cross {bins}")


def test_encoded_hashes_are_tensorflows():
    same(L.Hashing(5, mask_value="")(RAW), "hash mask")
    same(L.Hashing(5, output_mode="count")(np.array(RAW, object).reshape(3, 3)), "hash count")
    np.testing.assert_array_equal(L.Hashing(7)(np.array([1.9, -2.9])), L.Hashing(7)([1, -2]))  # floats lose their fraction


@pytest.mark.parametrize("mode", ["one_hot", "multi_hot", "count", "tf_idf"])
def test_encoded_lookups_are_tensorflows(mode):
    weights = {"idf_weights": [1.0, 2.0, 3.0]} if mode == "tf_idf" else {}
    pad = mode != "one_hot"
    layer = L.StringLookup(6, mask_token="", vocabulary=["a", "b", "c"], output_mode=mode, pad_to_max_tokens=pad, **weights)
    x = WORDS if mode != "one_hot" else [row[0] for row in WORDS]
    same(layer(x), f"lookup {mode}")
    assert layer.compute_output_shape(np.shape(x)) == layer(x).shape


def test_lookups_are_tensorflows():
    same(L.StringLookup(vocabulary=["a", "b", "c"], num_oov_indices=3, mask_token="")(WORDS), "lookup")
    inverse = L.StringLookup(vocabulary=["a", "b"], mask_token="", invert=True)([[0, 1, 2, 3]])
    assert [[text.decode() for text in row] for row in inverse] == GOLDEN["lookup inverse"]
    layer = L.IntegerLookup(vocabulary=[12, 36, 1138, 42], num_oov_indices=2, mask_token=0)
    same(layer([[12, 1138, 42], [42, 1000, 36], [0, 7, -3]]), "integers")
    layer = L.IntegerLookup(max_tokens=4)
    layer.adapt(np.array([5, 5, 7, 7, 7, 9, 11, 11]))
    assert layer.get_vocabulary() == GOLDEN["integer vocabulary"]
    layer = L.StringLookup(output_mode="tf_idf")
    layer.adapt([["a", "b"], ["b", "d"], ["c", "a"]])
    assert layer.get_vocabulary() == GOLDEN["adapted vocabulary"]
    same(layer([["a", "b"], ["b", "x"]]), "adapted tf_idf")


def test_categories_are_tensorflows():
    for mode, x in {"one_hot": [3, 2, 0, 1], "multi_hot": [[3, 2], [0, 0]], "count": [[3, 2], [0, 0]]}.items():
        same(L.CategoryEncoding(4, output_mode=mode)(np.array(x)), f"category {mode}")
    weights = np.array([[0.5, 0.25], [1.0, 2.0]])
    same(L.CategoryEncoding(4, output_mode="count")(np.array([[0, 1], [3, 3]]), count_weights=weights), "category weights")


@pytest.mark.slow
def test_golden_data_are_those_of_the_live_tensorflow():
    tf = pytest.importorskip("tensorflow")
    rng = np.random.default_rng(0)
    texts = [rng.integers(0, 256, n, dtype=np.uint8).tobytes() for n in range(200)]
    ours, theirs = L.Hashing(2**31 - 1), tf.strings.to_hash_bucket_fast(texts, 2**31 - 1)
    np.testing.assert_array_equal(ours(texts), theirs)
    keyed = tf.strings.to_hash_bucket_strong(texts, 2**31 - 1, key=[5, -6])
    np.testing.assert_array_equal(L.Hashing(2**31 - 1, salt=[5, -6])(texts), keyed)
    lowered = tf.strings.regex_replace(tf.strings.lower(texts), r"""[!"#$%&()\*\+,-\./:;<=>?@\[\\\]^_`{|}~\']""", "")
    assert standardized(texts, "lower_and_strip_punctuation") == lowered.numpy().tolist()
    assert split(texts, "whitespace").rows() == tf.strings.split(texts).to_list()
    assert split(texts, "character").rows() == tf.strings.unicode_split(texts, "UTF-8").to_list()


@given(st.lists(st.binary(max_size=12), max_size=6))
@settings(max_examples=60, deadline=None)
def test_splitting_many_texts_at_once_is_splitting_each(texts):
    assert split(texts, "whitespace").rows() == [text.split() for text in texts]


@given(st.lists(st.binary(max_size=40), unique=True, min_size=1, max_size=8), st.lists(st.binary(max_size=20), max_size=4))
@settings(max_examples=60, deadline=None)
def test_a_search_in_the_buffer_is_a_search_for_each_word(terms, texts):
    words = [*{word: None for term in terms for word in term.split()}]
    spans = Spans.of([*texts, b" ".join(words), *(word[:8] for word in words)])
    expected = [words.index(word) if word in words else -1 for word in spans.words()]
    assert SpanTable(words).find(spans).tolist() == expected


@given(st.lists(st.lists(st.sampled_from("abcde"), min_size=2, max_size=2), min_size=1, max_size=5))
@settings(max_examples=30, deadline=None)
def test_a_lookup_and_its_inverse(rows):
    lookup = L.StringLookup()
    lookup.adapt(rows)
    inverse = L.StringLookup(vocabulary=lookup.get_vocabulary(), invert=True)
    assert (inverse(lookup(rows)) == rows).all()
    counts = np.bincount(np.asarray(lookup(rows)).ravel(), minlength=lookup.vocabulary_size())[1:]
    assert (np.diff(counts) <= 0).all()  # the most frequent come first


def test_inputs_come_in_many_forms():
    layer, expected = L.StringLookup(vocabulary=["a", "é"]), [[1, 2]]
    for x in ([["a", "é"]], [[b"a", "é".encode()]], np.array([["a", "é"]]), np.array([["a", "é"]], object), (("a", "é"),)):
        assert layer(x).tolist() == expected
    assert layer("a").tolist() == 1
    assert layer(np.array([[b"a"]])).tolist() == [[1]]
    assert L.IntegerLookup(vocabulary=[2**40])([2**40, 5]).tolist() == [1, 0]  # wider than JAX's integers


@pytest.mark.parametrize("data", ["list", "array", "batches", "tuples", "steps"])
def test_adapt_takes_arrays_and_batches(data):
    batches = [["b a", "b"], ["c b", "a"]]
    given = {
        "list": batches[0] + batches[1],
        "array": np.array(batches).ravel(),
        "batches": (np.array(batch) for batch in batches),
        "tuples": ((np.array(batch), np.zeros(2)) for batch in batches),
        "steps": iter([*map(np.array, batches), np.array(["z z z"])]),
    }
    layer = L.TextVectorization()
    layer.adapt(given[data], steps=2 if data == "steps" else None)
    assert layer.get_vocabulary() == ["", "[UNK]", "b", "a", "c"]


TERMS = [["a", ""], ["a\nb", "c"], ["a\r", "b"], ["a\r\n", "b", "\n"], ["a\u2028b", "c"]]


class Wraps(jkeras.Model):
    """A lookup that the config does not show."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.lookup = L.StringLookup()

    def call(self, x):
        return self.lookup(x)


@pytest.mark.parametrize("terms", TERMS)
def test_no_term_is_lost_in_a_file(terms, tmp_path):
    x = jkeras.Input((1,), dtype="string")
    learned, weighted = L.StringLookup(), L.StringLookup(output_mode="tf_idf")
    learned.adapt(terms)
    weighted.adapt(terms)
    kept = learned.get_vocabulary(), weighted.get_vocabulary()
    jkeras.Model(x, [learned(x), weighted(x)]).save(tmp_path / "m.keras")
    read = jkeras.models.load_model(tmp_path / "m.keras").layers[1:]
    assert (read[0].get_vocabulary(), read[1].get_vocabulary()) == kept
    np.testing.assert_array_equal(read[1].idf_weights, weighted.idf_weights)
    if importlib.util.find_spec("tensorflow"):  # Keras' own layer needs it
        import keras

        theirs = keras.layers.StringLookup.from_config(learned.get_config())
        assert theirs.get_vocabulary() == kept[0]
    read[0].adapt(["new"])  # what was learned may be learned anew, and the config does not keep the old terms
    assert L.StringLookup.from_config(read[0].get_config()).get_vocabulary() == ["[UNK]"]
    hidden = Wraps()
    hidden.lookup.set_vocabulary(terms)
    hidden.built = True
    hidden.save(tmp_path / "hidden.keras")
    again = jkeras.models.load_model(tmp_path / "hidden.keras", custom_objects={"Wraps": Wraps})
    assert again.lookup.get_vocabulary() == ["[UNK]", *terms]


def test_a_vocabulary_that_is_replaced_replaces_the_one_in_the_config():
    layer = L.StringLookup(vocabulary=["a", "b"])
    layer.set_vocabulary(["c"])
    assert L.StringLookup.from_config(layer.get_config()).get_vocabulary() == ["[UNK]", "c"]


def test_functions_of_ones_own():
    layer = L.TextVectorization(standardize=np.char.upper, split=lambda x: np.char.split(x, "-"), vocabulary=["A", "B"])
    assert layer(["a-b-q", "b"]).tolist() == [[2, 3, 1], [3, 0, 0]]
    assert L.TextVectorization(split=None, vocabulary=["a b", "c"])([["A b", "c"]]).tolist() == [[2, 3]]
    with pytest.raises(ValueError, match="returns a list of tokens for each"):
        L.TextVectorization(split=lambda x: x, vocabulary=["a"])(["a"])


def test_vocabulary_files(tmp_path):
    path = tmp_path / "words.txt"
    path.write_text("one\r\ntwo\n\n")
    assert L.StringLookup(vocabulary=str(path)).get_vocabulary() == ["[UNK]", "one", "two"]
    path.write_text("7\n9\n")
    assert L.IntegerLookup(vocabulary=path)([9]).tolist() == [2]
    with pytest.raises(ValueError, match="there is no vocabulary file"):
        L.StringLookup(vocabulary=str(tmp_path / "none.txt"))


@pytest.mark.parametrize("kind", ["StringLookup", "TextVectorization"])
def test_a_path_in_a_config_is_refused(kind, tmp_path):
    (tmp_path / "secret").write_text("root\n")
    config = getattr(L, kind)().get_config() | {"vocabulary": str(tmp_path / "secret")}
    with pytest.raises(UnsafeFileError, match="names the vocabulary file"):
        getattr(L, kind).from_config(config)
    layer = getattr(L, kind)(vocabulary=str(tmp_path / "secret"))  # the user's own words are not
    assert "root" in layer.get_vocabulary()
    assert layer.get_config()["vocabulary"] is None  # a `.keras` file holds the terms, and no path


LAYERS = {
    "text": lambda: L.TextVectorization(ngrams=(1, 2), output_mode="count", vocabulary=["a", "b"], max_tokens=9),
    "weights": lambda: L.TextVectorization(output_mode="tf_idf", vocabulary=["a", "b"], idf_weights=[0.5, 2.0]),
    "string": lambda: L.StringLookup(vocabulary=np.array(["a", "b"]), num_oov_indices=3, salt=5),
    "integer": lambda: L.IntegerLookup(vocabulary=(1, 2), oov_method="farmhash", num_oov_indices=2, output_mode="multi_hot"),
    "hashing": lambda: L.Hashing(5, mask_value="", salt=[1, 2], output_mode="one_hot"),
    "crossing": lambda: L.HashedCrossing(5, output_mode="one_hot"),
    "category": lambda: L.CategoryEncoding(4, output_mode="count"),
    "discretization": lambda: L.Discretization(bin_boundaries=[0.0, 1.5], output_mode="one_hot"),
}


@pytest.mark.parametrize("name", LAYERS)
def test_config_round_trip(name):
    layer = LAYERS[name]()
    x = {"integer": [[1, 7]], "category": np.array([[1, 3]]), "discretization": np.array([[0.5, 2]])}.get(name, [["a b"]])
    x = [x, x] if name == "crossing" else x
    config = json.loads(json.dumps(layer.get_config()))
    again = type(layer).from_config(config)
    assert json.loads(json.dumps(again.get_config())) == config
    for other in (again, pickle.loads(pickle.dumps(layer))):
        np.testing.assert_array_equal(other(x), layer(x))
    assert layer.compute_output_shape(np.shape(x) if name != "crossing" else [np.shape(x[0])] * 2) == layer(x).shape


BAD = {
    "max_tokens is greater than 1": lambda: L.StringLookup(max_tokens=1),
    "needs max_tokens": lambda: L.StringLookup(pad_to_max_tokens=True),
    "num_oov_indices is 0 or more": lambda: L.IntegerLookup(num_oov_indices=-1),
    "output_mode is one of": lambda: L.StringLookup(output_mode="bool"),
    "needs output_mode='int'": lambda: L.StringLookup(invert=True, output_mode="count"),
    "are for output_mode='tf_idf'": lambda: L.StringLookup(vocabulary=["a"], idf_weights=[1.0]),
    "give idf_weights too": lambda: L.StringLookup(vocabulary=["a"], output_mode="tf_idf"),
    "there more than once": lambda: L.StringLookup(vocabulary=["a", "b", "a"]),
    "at least one term": lambda: L.StringLookup(vocabulary=[]),
    "mask token '' is at place 1": lambda: L.StringLookup(mask_token="", vocabulary=["a", ""]),
    "counts special tokens too": lambda: L.StringLookup(max_tokens=2, vocabulary=["a", "b"]),
    "With num_oov_indices=0": lambda: L.StringLookup(num_oov_indices=0, vocabulary=["a"])(["a", "q"]),
    "there is nothing to adapt": lambda: L.TextVectorization(vocabulary=["a"]).adapt(["b"]),
    "received no data": lambda: L.TextVectorization().adapt([]),
    "ragged=True asks for": lambda: L.TextVectorization(ragged=True),
    "sparse=True asks for": lambda: L.Hashing(3, sparse=True),
    "output_sequence_length is for": lambda: L.TextVectorization(output_mode="count", output_sequence_length=4),
    "ngrams is None, a positive": lambda: L.TextVectorization(ngrams=0),
    "splits texts of shape": lambda: L.TextVectorization(vocabulary=["a"])([["a", "b"]]),
    "num_bins is a positive": lambda: L.Hashing(0),
    "salt is an integer, or two": lambda: L.Hashing(3, salt=[1, 2, 3]),
    "dtype is 'int32' or 'int64'": lambda: L.Hashing(3, dtype="float32"),
    "two or more features": lambda: L.HashedCrossing(3)([["a"]]),
    "features of one shape": lambda: L.HashedCrossing(3)([["a"], ["a", "b"]]),
    "crosses strings and integers": lambda: L.HashedCrossing(3)([["a"], [0.5]]),
    "num_tokens is the number": lambda: L.CategoryEncoding(),
    "count_weights are for": lambda: L.CategoryEncoding(3)(np.array([[1]]), count_weights=np.ones((1, 1))),
    "either bin_boundaries, or": lambda: L.Discretization(),
    "has no boundaries yet": lambda: L.Discretization(num_bins=3)(np.ones((2, 1))),
    "salt is for oov_method": lambda: L.IntegerLookup(salt=3),
    "differ in length": lambda: L.StringLookup()([["a"], ["b", "c"]]),
}


@pytest.mark.parametrize("text", BAD)
def test_bad_input(text):
    with pytest.raises(ValueError, match=text):
        BAD[text]()


def test_bad_kinds():
    with pytest.raises(TypeError, match="Write IntegerLookup for integers"):
        L.StringLookup()([1, 2])
    with pytest.raises(TypeError, match="Write StringLookup for strings"):
        L.IntegerLookup()(["a"])
    with pytest.raises(RuntimeError, match="has no vocabulary yet"):
        L.StringLookup(output_mode="count")(["a"])
    with pytest.raises(TypeError, match="takes numbers, but its input is of dtype string"):
        L.Dense(2)(jkeras.Input((1,), dtype="string"))
    with pytest.raises(TypeError, match="compiled code cannot hold"):
        jax.jit(L.StringLookup(vocabulary=["a"], invert=True))(np.array([1]))


def test_numbers_in_compiled_code_go_to_the_host_and_back():
    layer = L.Hashing(5, output_mode="one_hot")
    np.testing.assert_array_equal(jax.jit(layer)(np.array([[3], [4]])), layer([[3], [4]]))
    np.testing.assert_array_equal(jax.vmap(L.Hashing(5))(np.array([[3], [4]])), L.Hashing(5)([[3], [4]]))


def test_programs_follow_what_is_adapted():
    bins, lookup = L.Discretization(num_bins=2), L.IntegerLookup(output_mode="count")
    bins.adapt(np.arange(1.0, 5.0))
    lookup.adapt([2, 3])
    x, i = jkeras.Input((1,)), jkeras.Input((1,), dtype="int32")
    net = jkeras.Model([x, i], [bins(x), lookup(i + 1)])
    data = [np.array([[2.5]]), np.array([[1]])]
    assert [y.tolist() for y in net.predict(data, verbose=0)] == [[[1]], [[0, 0, 1]]]
    bins.adapt(np.arange(10.0, 50.0))
    lookup.adapt([7, 8, 2])
    assert [y.tolist() for y in net.predict(data, verbose=0)] == [[[0]], [[0, 0, 0, 1]]]
    bins.bin_boundaries = [1.0, 2.0]
    assert net.predict_on_batch(data)[0].tolist() == [[2]]


def test_strings_are_the_dtype_of_no_array():
    for make in (lambda: L.Dense(2, dtype="string"), lambda: jkeras.ops.zeros(2, dtype="string")):
        with pytest.raises(ValueError, match="Unknown dtype 'string'"):
            make()
    assert jkeras.Input((1,), dtype="string").dtype == jkeras.Input((1,), dtype=np.dtype(object)).dtype == "string"


def test_boundaries_are_keras():
    pytest.importorskip("tensorflow")
    import keras

    rng = np.random.default_rng(0)
    batches = [rng.normal(size=(size, 2)).astype("float32") for size in (50, 500, 7)]
    ours, theirs = L.Discretization(num_bins=7), keras.layers.Discretization(num_bins=7)
    ours.adapt(batches)
    theirs.adapt(batches)
    np.testing.assert_allclose(ours.bin_boundaries, theirs.bin_boundaries, rtol=1e-5)  # Keras rounds weights on the way
    few = rng.integers(0, 9, 150).astype("float32")  # with many that are equal
    for epsilon in (0.1, 0.03):
        made = [k.layers.Discretization(num_bins=4, epsilon=epsilon) for k in (jkeras, keras)]
        for layer in made:
            layer.adapt(few)
        np.testing.assert_allclose(*(layer.bin_boundaries for layer in made), rtol=1e-5)
    x = rng.normal(size=(4, 3, 2)).astype("float32")
    for mode in ("int", "one_hot", "multi_hot", "count"):
        made = [k.layers.Discretization([-1.0, 0.0, 0.5], output_mode=mode) for k in (jkeras, keras)]
        np.testing.assert_array_equal(*(layer(x) for layer in made))
        assert made[0].compute_output_shape((None, 3, 2)) == made[1].compute_output_shape((None, 3, 2))
    again = L.Discretization.from_config(ours.get_config())
    assert (again.bin_boundaries, again.num_bins) == (ours.bin_boundaries, 7)


def test_given_statistics_are_shown_as_they_are_used():
    import keras

    made = [k.layers.Normalization(axis=(1, 2), mean=[1.0, 2.0], variance=[4.0, 1.0]) for k in (jkeras, keras)]
    for layer in made:
        layer.build((None, 3, 2, 5))
    np.testing.assert_array_equal(made[0].mean, made[1].mean)
    assert made[0].get_config()["mean"] == [1.0, 2.0]
    with pytest.raises(ValueError, match="does not fit to the sizes"):
        L.Normalization(mean=[1.0, 2.0], variance=[1.0, 1.0]).build((None, 3))


def test_measured_statistics_are_weights_and_not_in_the_config():
    layer = L.Normalization()
    layer.adapt([np.ones((2, 3)), np.zeros((2, 3))])
    assert layer.get_config()["mean"] is None and layer.get_weights()[0].tolist() == [0.5] * 3

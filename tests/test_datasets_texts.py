"""Data sets of texts and tables: equal to Keras' on the same files, whose pickles are read without running anything."""

import hashlib
import inspect
import io
import json
import pickle
import random
import sys
import zipfile

import keras
import numpy as np
import pytest
from test_datasets import home, names_under, put, server  # noqa: F401 - fixtures

from jkeras._base.errors import FileFormatError, UnsafeFileError
from jkeras._safe_io import int_lists
from jkeras._safe_io.int_lists import read_int_lists
from jkeras.datasets import boston_housing, california_housing, imdb, reuters

RNG = np.random.RandomState(0)
MODULES = {"imdb": imdb, "reuters": reuters, "boston_housing": boston_housing, "california_housing": california_housing}


@pytest.fixture(autouse=True)
def no_network(home, monkeypatch):  # noqa: F811
    for module in MODULES.values():
        monkeypatch.setattr(module, "URL", "http://127.0.0.1:9/")


def texts(count):
    array = np.empty(count, object)
    array[:] = [RNG.randint(1, RNG.choice([100, 70000, 100000]), RNG.randint(1, 30)).tolist() for _ in range(count)]
    return array


def npy(array, protocol=None):
    file = io.BytesIO()
    if protocol is None:
        np.save(file, array, allow_pickle=True)
        return file.getvalue()
    header = {"descr": "|O", "fortran_order": False, "shape": array.shape}
    np.lib.format.write_array_header_1_0(file, header)
    return file.getvalue() + pickle.dumps(array, protocol=protocol)


def npz(**members):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, member in members.items():
            archive.writestr(f"{name}.npy", member if isinstance(member, bytes) else npy(member))
    return file.getvalue()


REVIEWS = npz(x_train=texts(40), y_train=RNG.randint(0, 2, 40), x_test=texts(30), y_test=RNG.randint(0, 2, 30))
NEWS = npz(x=texts(50), y=RNG.randint(0, 46, 50))
TABLE = npz(x=RNG.rand(700, 8), y=RNG.rand(700))


def keras_on(name, body, tmp_path, monkeypatch, **arguments):
    """What Keras' function gives for the same file."""
    path = put(tmp_path / "theirs", body)
    module = sys.modules[getattr(keras.datasets, name).load_data.__module__]
    monkeypatch.setattr(module, "get_file", lambda *args, **kwargs: str(path))
    return getattr(keras.datasets, name).load_data(**arguments)


def assert_same(ours, theirs):
    for (x, y), (other_x, other_y) in zip(ours, theirs):
        assert x.dtype == other_x.dtype and x.tolist() == other_x.tolist()
        assert y.tolist() == list(other_y)


WORDS = [
    {}, {"num_words": 5000}, {"num_words": 60000, "skip_top": 20}, {"maxlen": 15}, {"seed": 7, "start_char": None},
    {"oov_char": None, "num_words": 80}, {"index_from": 10, "maxlen": 20}, {"start_char": None, "index_from": None},
]  # fmt: skip


@pytest.mark.parametrize("arguments", WORDS, ids=str)
@pytest.mark.parametrize(("name", "body"), [("imdb", REVIEWS), ("reuters", NEWS)])
def test_texts_are_those_of_keras(name, body, arguments, home, tmp_path, monkeypatch):  # noqa: F811
    put(home / f"datasets/{name}.npz", body)
    assert_same(MODULES[name].load_data(**arguments), keras_on(name, body, tmp_path, monkeypatch, **arguments))


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("reuters", {"test_split": 0.5}),
        ("boston_housing", {}),
        ("boston_housing", {"test_split": 0.0, "seed": 3}),
        ("california_housing", {}),
        ("california_housing", {"version": "small", "test_split": 0.5, "seed": 1}),
    ],
)
def test_tables_and_splits_are_those_of_keras(name, arguments, home, tmp_path, monkeypatch):  # noqa: F811
    body = NEWS if name == "reuters" else TABLE
    put(home / f"datasets/{name}.npz", body)
    assert_same(MODULES[name].load_data(**arguments), keras_on(name, body, tmp_path, monkeypatch, **arguments))


def test_keras_1_name_of_num_words(home):  # noqa: F811
    put(home / "datasets/imdb.npz", REVIEWS)
    assert_same(imdb.load_data(nb_words=90), imdb.load_data(num_words=90))
    with pytest.raises(TypeError, match="no_words"):
        imdb.load_data(no_words=90)


def test_words_and_topics(home):  # noqa: F811
    for module, name in ((imdb, "imdb"), (reuters, "reuters")):
        put(home / f"datasets/{name}_word_index.json", json.dumps({"the": 1, "film": 2}).encode())
        assert module.get_word_index() == {"the": 1, "film": 2}
        for wrong in (b"[1]", b'{"the": "1"}', b"{"):
            put(home / f"datasets/{name}_word_index.json", wrong)
            with pytest.raises(ValueError, match="words and their numbers"):
                module.get_word_index()
    assert reuters.get_label_names() == keras.datasets.reuters.get_label_names()


def test_hashes_are_those_of_keras():
    for name, module in MODULES.items():
        text = inspect.getsource(sys.modules[getattr(keras.datasets, name).load_data.__module__])
        hashes = [module.SHA256, *([module.WORDS_MD5] if hasattr(module, "WORDS_MD5") else [])]
        assert all(one in text for one in hashes), name


@pytest.mark.parametrize("name", MODULES)
def test_a_download_needs_the_right_hash(name, home, server, monkeypatch):  # noqa: F811
    module, body = MODULES[name], {"imdb": REVIEWS, "reuters": NEWS}.get(name, TABLE)
    server.files[f"/{name}.npz"] = body
    monkeypatch.setattr(module, "URL", server.url + ("" if name in ("imdb", "reuters") else f"{name}.npz"))
    with pytest.raises(ValueError, match="sha256 is"):
        module.load_data()
    assert names_under(home) == []
    monkeypatch.setattr(module, "SHA256", hashlib.sha256(body).hexdigest())
    module.load_data()
    module.load_data()
    assert server.asked == [f"/{name}.npz"] * 2


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: boston_housing.load_data(test_split=1.0), ValueError, "test_split=1.0"),
        (lambda: california_housing.load_data("medium"), ValueError, "Unknown version 'medium'"),
        (lambda: imdb.load_data(maxlen=1), ValueError, "maxlen=1 leaves no text"),
        (lambda: imdb.load_data("other.npz"), ValueError, "has no x_train.npy"),
        (lambda: boston_housing.load_data("texts.npz"), ValueError, "Object arrays"),
        (lambda: boston_housing.load_data("flat.npz"), ValueError, "expected rows"),
        (lambda: reuters.load_data("uneven.npz"), ValueError, "x has 3 texts, and y the shape"),
        (lambda: reuters.load_data("text.npz"), ValueError, "not a whole zip archive"),
    ],
)
def test_wrong_files_and_arguments_are_named(call, error, text, home):  # noqa: F811
    bodies = {
        "imdb": REVIEWS, "other": NEWS, "texts": npz(x=texts(3), y=np.ones(3)), "flat": npz(x=np.ones(3), y=np.ones(3)),
        "uneven": npz(x=texts(3), y=np.ones(2)), "text": b"text", "boston_housing": TABLE,
    }  # fmt: skip
    for name, body in bodies.items():
        put(home / f"datasets/{name}.npz", body)
    with pytest.raises(error, match=text):
        call()


@pytest.mark.parametrize("protocol", [None, 2, 3, 4, 5])
def test_the_reader_reads_every_protocol(protocol):
    array = texts(300)
    array[3], array[4], array[5] = [], [-1, 2**31, 2**40, -(2**60)], list(range(300))
    assert read_int_lists(npy(array, protocol), "x") == array.tolist()


def test_the_reader_reads_what_python_2_wrote():
    """Its texts and names have other instructions than Python 3's."""
    state = b"(K\x01K\x02\x85q\x01cnumpy\ndtype\nq\x02U\x02O8K\x00K\x01\x87Rq\x03(K\x03U\x01|NNNJ"
    state += b"\xff\xff\xff\xffJ\xff\xff\xff\xffK?tb\x89"
    lists = b"]q\x04(]q\x05(K\x07M\x00\x01J\x00\x00\x01\x00e]q\x06K\x08aetb."
    made = b"\x80\x02cnumpy.core.multiarray\n_reconstruct\nq\x00cnumpy\nndarray\nK\x00\x85U\x01b\x87R"
    assert pickle.loads(made + state + lists, encoding="latin-1").tolist() == [[7, 256, 65536], [8]]
    header = npy(texts(2), 2).partition(b"\x80\x02")[0]
    assert read_int_lists(header + made + state + lists, "x") == [[7, 256, 65536], [8]]


class Evil:
    """Runs when it is unpickled."""

    def __reduce__(self):
        return exec, ("raise SystemExit('ran')",)


class Subtle:
    """Calls a name that is allowed, and changes what it gives."""

    def __reduce__(self):
        return np.dtype, ("float64",), {"metadata": {}}


def array_of(*items):
    array = np.empty(len(items), object)
    array[:] = items
    return array


# Tuples of twice the tuple before, ten times: a text of the last has 2 ** 10 parts.
DOUBLED = b")q\x00" + b"".join(b"h%ch%c\x86q%c" % (i, i, i + 1) for i in range(10))
LAST = b"h\x0a"
HEADER = npy(texts(2), 4).partition(b"\x80\x04")[0]
BAD = {
    "a call": npy(array_of([1], Evil())),
    "a call in place of the array": HEADER + pickle.dumps(Evil()),
    "a dtype among the lists": npy(array_of([1], Subtle())),
    "texts": npy(array_of([1], ["a"])),
    "floats": npy(array_of([1], [1.5])),
    "booleans": npy(array_of([1], [True])),
    "lists in lists": npy(array_of([1], [[2]])),
    "dicts": npy(array_of([1], {1: 2})),
    "a large integer": npy(array_of([1], [2**100])),
    "a bare list": HEADER + pickle.dumps([[1], [2]]),
    "another shape": npy(texts(2)).replace(b"(2,)", b"(3,)"),
    "a name with a newline": HEADER + b"\x80\x04\x8c\x05numpy\x8c\x0bload\n\n\n\n\n\n\n\x93.",
    "a persistent id": HEADER + b"Pid\n.",
    "an extension": HEADER + b"\x82\x01.",
    "an instance": HEADER + b"(inumpy\nndarray\n.",
    "a memo that is not there": HEADER + b"\x80\x04h\x07.",
    "an open group": HEADER + b"\x80\x04((((.",
    "a call of a list": HEADER + b"\x80\x04])R.",
    "an append to a tuple": HEADER + b"\x80\x04)K\x01a.",
    "a state of a list": HEADER + b"\x80\x04])b.",
    "no end": HEADER + b"\x80\x04K\x01",
    "no array": b"\x93NUMPY\x01\x00",
    "a numeric array": npy(np.ones((2, 2))),
    "nothing": b"",
}


@pytest.mark.parametrize("case", BAD)
def test_the_reader_refuses_everything_else(case):
    with pytest.raises(FileFormatError, match=r"^x: "):
        read_int_lists(BAD[case], "x")


BOMBS = {
    "the first part of a name": DOUBLED + LAST + b"U\x04load\x93.",
    "the second part of a name": DOUBLED + b"U\x05numpy" + LAST + b"\x93.",
    "a text": DOUBLED + b"c_codecs\nencode\n" + LAST + b"\x85R.",
    "a text and its encoding": DOUBLED + b"c_codecs\nencode\n" + LAST + b"U\x06latin1\x86R.",
    "a name of tuples in tuples": b")" + b"\x85" * 100_000 + b")\x93.",
}


@pytest.mark.parametrize("case", BOMBS)
def test_tuples_are_never_written_out(case):
    """With ten doublings it could be done; with sixty there is no end."""
    with pytest.raises(UnsafeFileError, match=r"^x: its pickle .* not a text"):
        read_int_lists(HEADER + b"\x80\x02" + BOMBS[case], "x")


def test_groups_in_groups_have_a_limit():
    with pytest.raises(UnsafeFileError, match="more than 100 groups"):
        read_int_lists(HEADER + b"\x80\x02" + b"(" * 101 + b".", "x")


def test_the_rest_of_a_long_text_is_no_program():
    with pytest.raises(UnsafeFileError, match="a text of 300 bytes"):
        read_int_lists(HEADER + b"\x80\x02X" + (300).to_bytes(4, "little") + b"a" * 300 + b".", "x")


def test_the_reader_has_limits(monkeypatch):
    data = npy(texts(50))
    monkeypatch.setattr(int_lists, "MAX_OBJECTS", 40)
    with pytest.raises(UnsafeFileError, match="more than 40 objects"):
        read_int_lists(data, "x")
    monkeypatch.setattr(int_lists, "MAX_BYTES", len(data) - 1)
    with pytest.raises(UnsafeFileError, match="no more than"):
        read_int_lists(data, "x")


def test_one_list_many_times_is_no_bomb(monkeypatch):
    shared = list(range(1000))
    monkeypatch.setattr(int_lists, "MAX_BYTES", 50_000)
    with pytest.raises(FileFormatError, match="something else"):
        read_int_lists(npy(array_of(*[shared] * 1000)), "x")


def test_damaged_pickles_are_lists_or_an_error():
    """Nothing else ever happens: no other exception, no call, no value that is not a list of integers."""
    seed, dice = npy(texts(12), 4), random.Random(0)
    for _ in range(3000):
        data = bytearray(seed)
        for _ in range(dice.randint(1, 4)):
            at = dice.randrange(len(data))
            choice = dice.random()
            if choice < 0.5:
                data[at] = dice.choice((dice.randrange(256), *int_lists._INSTRUCTIONS))
            elif choice < 0.8:
                del data[at : at + dice.randint(1, 20)]
            else:
                data[at:at] = data[dice.randrange(len(data)) :][: dice.randint(1, 20)]
        try:
            found = read_int_lists(bytes(data), "x")
        except FileFormatError:
            continue
        assert all(type(value) is int for one in found for value in one)

"""`make_csv_dataset` and `tf.audio` read files as TensorFlow does."""

import csv

import numpy as np
import pytest
from documents import compat_in

ROWS = [["5", "1.5", "red", "0"], ["6", "", "blue, or so", "1"], ["7", "2", "", "0"], ["8", "-3e1", 'a "b"', "1"]]
NAMES = ["count", "size", "colour", "label"]


@pytest.fixture
def files(tmp_path):
    for name, rows in (("a.csv", ROWS[:3]), ("b.csv", ROWS[3:])):
        with open(tmp_path / name, "w", newline="") as file:
            csv.writer(file).writerows([NAMES, *rows])
    return tmp_path


@pytest.fixture
def tf(tmp_path):
    with compat_in(tmp_path):
        import tensorflow

        yield tensorflow


def plain(batch):
    """A batch with lists in place of arrays."""
    if isinstance(batch, tuple):
        return tuple(plain(part) for part in batch)
    return {name: (np.asarray(column).dtype.kind, np.asarray(column).tolist()) for name, column in batch.items()} if isinstance(
        batch, dict
    ) else np.asarray(batch).tolist()  # fmt: skip


OPTIONS = {
    "inferred": ({"label_name": "label"}, 3),
    "chosen": ({"select_columns": ["label", "count"]}, 3),
    "by number": ({"select_columns": [2, 0]}, 3),
    "defaults": ({"column_defaults": [[0.0], [9.5], ["none"], [0]]}, 3),
    "needed": ({"column_defaults": ["int32", [0.0], [""], "float32"]}, 2),
    "own names": ({"column_names": ["a", "b", "c", "d"], "na_value": "2"}, 4),
    "twice": ({"num_epochs": 2}, 3),
}


def batches(tf, files, options, size):
    given = {"num_epochs": 1, "shuffle": False, **options}
    return [plain(batch) for batch in tf.data.experimental.make_csv_dataset(str(files / "*.csv"), size, **given)]


EXPECTED = {
    "inferred": [
        ({"count": ("i", [5, 6, 7]), "size": ("f", [1.5, 0, 2]), "colour": ("O", [b"red", b"blue, or so", b""])}, [0, 1, 0]),
        ({"count": ("i", [8]), "size": ("f", [-30]), "colour": ("O", [b'a "b"'])}, [1]),
    ],
    "chosen": [{"count": ("i", [5, 6, 7]), "label": ("i", [0, 1, 0])}, {"count": ("i", [8]), "label": ("i", [1])}],
}


@pytest.mark.parametrize("options", EXPECTED)
def test_rows_of_csv_files(tf, files, options):
    assert batches(tf, files, *OPTIONS[options]) == EXPECTED[options]


@pytest.mark.parametrize("options", OPTIONS)
def test_rows_are_those_of_tensorflow(files, options):
    reference = pytest.importorskip("tensorflow")
    expected = batches(reference, files, *OPTIONS[options])
    from jkeras.compat.standin.data import csv_files

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reference.data.experimental, "make_csv_dataset", csv_files.make_csv_dataset)
        assert batches(reference, files, *OPTIONS[options]) == expected


def test_rows_are_shuffled_and_come_again(tf, files):
    data = tf.data.experimental.make_csv_dataset(str(files / "*.csv"), 3, label_name="label", shuffle_seed=1)
    seen = [np.asarray(features["count"]).tolist() for features, _ in data.take(20)]
    assert all(len(counts) == 3 for counts in seen) and {tuple(counts) for counts in seen} != {(5, 6, 7)}
    assert sorted(np.ravel(seen)[:8].tolist()) == [5, 5, 6, 6, 7, 7, 8, 8]


BAD = {
    "no file": (FileNotFoundError, "no file", "*.txt", {}),
    "no column": (ValueError, "no column 'price'", "*.csv", {"label_name": "price"}),
    "too few names": (ValueError, "has 4 fields, and there are 2", "*.csv", {"column_names": ["a", "b"]}),
    "no number": (ValueError, "'colour' is float32, and .*line 2", "*.csv", {"column_defaults": [[0], [0.0], [0.0], [0]]}),
    "empty": (ValueError, "'size' has an empty field in .*line 3", "*.csv", {"column_defaults": [[0], "float32", [""], [0]]}),
    "defaults": (ValueError, "one entry for each column read, 4", "*.csv", {"column_defaults": [[0]]}),
    "packed": (ValueError, "Unpack", "*.csv", {"compression_type": "GZIP"}),
}


@pytest.mark.parametrize("case", BAD)
def test_errors_name_the_place(tf, files, case):
    error, message, pattern, options = BAD[case]
    with pytest.raises(error, match=message):
        tf.data.experimental.make_csv_dataset(str(files / pattern), 2, **options)


SOUND = np.array([[0.0, 0.25], [0.5, -1.0], [1.0, 3.0], [-0.3, 1.6 / 32768], [2.5 / 32768, -2.5 / 32768]], np.float32)


def sounds(tf):
    """All that the two functions of `tf.audio` say of a sound."""
    contents = tf.audio.encode_wav(SOUND, 8000)
    found = [np.asarray(contents)[()]]
    for options in ({}, {"desired_channels": 1}, {"desired_channels": 3, "desired_samples": 7}, {"desired_samples": 2}):
        sound, rate = tf.audio.decode_wav(contents, **options)
        found += [np.asarray(sound).tolist(), int(rate), sound.shape.as_list()]
    return found


def test_sounds_are_written_and_read(tf, tmp_path):
    contents, *found = sounds(tf)
    np.testing.assert_allclose(found[0], [[0, 0.25], [0.5, -1], [1, 1], [-0.3, 2 / 32768], [3 / 32768, -3 / 32768]], atol=1e-4)
    assert found[1:3] == [8000, [5, 2]] and found[5] == [5, 1] and found[8] == [7, 3]
    path = str(tmp_path / "sound.wav")
    tf.io.write_file(path, contents)
    lengths = tf.data.Dataset.list_files(path).map(lambda name: tf.audio.decode_wav(tf.io.read_file(name), 1, 4).audio)
    assert [x.shape for x in lengths] == [(4, 1)]


def test_sounds_are_those_of_tensorflow():
    reference = pytest.importorskip("tensorflow")
    from jkeras.compat.standin import audio

    expected = sounds(reference)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reference.audio, "encode_wav", audio.encode_wav)
        patch.setattr(reference.audio, "decode_wav", audio.decode_wav)
        assert sounds(reference) == expected

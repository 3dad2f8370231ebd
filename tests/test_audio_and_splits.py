"""`audio_dataset_from_directory`: samples of all usual WAV files, lengths, rates, damaged files. `split_dataset`: Keras' rows."""

import random
import struct
import wave

import keras
import numpy as np
import pytest

import jkeras
from jkeras._base.errors import FileFormatError
from jkeras.compat.standin.data.dataset import Dataset
from jkeras.compat.standin.directories import audio_dataset_from_directory as audio_datasets
from jkeras.compat.standin.directories import split_dataset as split_datasets
from jkeras.preprocessing.audio_files import of_length, read_wav, resampled
from jkeras.utils import audio_dataset_from_directory, split_dataset

TONES = np.sin(np.linspace(0, 20, 200)).reshape(100, 2) * 0.9


def write_wav(path, samples, width=2, rate=8000):
    """A file of whole numbers, by the standard library."""
    whole = np.round(np.asarray(samples) * 2 ** (8 * width - 1)).astype("int64") + (128 if width == 1 else 0)
    data = b"".join(int(n).to_bytes(width, "little", signed=width > 1) for n in whole.ravel())
    with wave.open(str(path), "wb") as file:
        file.setnchannels(samples.shape[1])
        file.setsampwidth(width)
        file.setframerate(rate)
        file.writeframes(data)
    return path


def riff(form, data, more=b""):
    body = b"WAVE" + more + b"fmt " + struct.pack("<I", len(form)) + form + b"data" + struct.pack("<I", len(data)) + data
    return b"RIFF" + struct.pack("<I", len(body)) + body


def form(kind, bits, channels=2, rate=8000):
    return struct.pack("<HHIIHH", kind, channels, rate, rate * channels * bits // 8, channels * bits // 8, bits)


@pytest.mark.parametrize("width", [1, 2, 3, 4])
def test_whole_numbers(tmp_path, width):
    samples, rate = read_wav(write_wav(tmp_path / "a.wav", TONES, width))
    assert rate == 8000 and samples.dtype == "float32"
    np.testing.assert_allclose(samples, TONES, atol=0.6 / 2 ** (8 * width - 1) + 1e-7)


@pytest.mark.parametrize("bits", [32, 64])
def test_floats_and_other_chunks(tmp_path, bits):
    data = TONES.astype(f"<f{bits // 8}").tobytes()
    note = b"LIST" + struct.pack("<I", 3) + b"abc\0"  # of an odd size, and so with a byte behind it
    (tmp_path / "a.wav").write_bytes(riff(form(3, bits), data, note))
    np.testing.assert_allclose(read_wav(tmp_path / "a.wav")[0], TONES, atol=1e-6)
    extended = form(0xFFFE, bits) + struct.pack("<HHI", 22, bits, 3) + struct.pack("<H", 3) + bytes(14)
    (tmp_path / "b.wav").write_bytes(riff(extended, data))
    np.testing.assert_allclose(read_wav(tmp_path / "b.wav")[0], TONES, atol=1e-6)


def test_samples_of_tensorflow(tmp_path):
    tf = pytest.importorskip("tensorflow")
    path = write_wav(tmp_path / "a.wav", TONES)
    for length in (-1, 60, 130):
        wanted, rate = tf.audio.decode_wav(path.read_bytes(), desired_samples=length)
        samples, found = read_wav(path)
        np.testing.assert_array_equal(samples if length < 0 else of_length(samples, length), wanted)
        assert found == int(rate)


DAMAGED = {
    "empty": (b"", "no WAV file"),
    "another": (b"ID3\x04" + bytes(20), "no WAV file"),
    "no samples": (b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0" + form(1, 16), "no samples"),
    "no format": (b"RIFF\0\0\0\0WAVEdata\x04\0\0\0" + bytes(4), "no format"),
    "compressed": (riff(form(0x55, 16), bytes(8)), "format 85"),
    "no channels": (riff(form(1, 16, channels=0), bytes(8)), "0 channels"),
    "12 bits": (riff(form(1, 12), bytes(8)), "12 bits"),
}


@pytest.mark.parametrize(("raw", "text"), DAMAGED.values(), ids=DAMAGED)
def test_damaged_files(tmp_path, raw, text):
    (tmp_path / "a.wav").write_bytes(raw)
    with pytest.raises(FileFormatError, match=text):
        read_wav(tmp_path / "a.wav")


def test_a_size_beyond_the_file_reads_what_is_there(tmp_path):
    raw = bytearray(riff(form(1, 16), bytes(400)))
    raw[40:44] = struct.pack("<I", 2**32 - 1)
    (tmp_path / "a.wav").write_bytes(raw[:-2])
    assert read_wav(tmp_path / "a.wav")[0].shape == (99, 2)


def test_another_rate_keeps_the_tone():
    seconds = np.arange(8000) / 8000
    tone = np.sin(2 * np.pi * 440 * seconds)[:, None].astype("float32")
    for rate in (16000, 6000):
        found = resampled(tone, 8000, rate)[:, 0]
        assert found.shape == (rate,) and found.dtype == "float32"
        middle = slice(rate // 10, -rate // 10)
        np.testing.assert_allclose(found[middle], np.sin(2 * np.pi * 440 * np.arange(rate) / rate)[middle], atol=0.01)


def test_a_rate_that_only_a_damaged_file_has_takes_no_memory():
    with pytest.raises(ValueError, match="damaged"):
        resampled(TONES, 1, 44100)


@pytest.fixture
def folder(tmp_path):
    for name, lengths in {"dog": (30, 50, 20), "cat": (40, 60)}.items():
        (tmp_path / name).mkdir()
        for i, length in enumerate(lengths):
            write_wav(tmp_path / name / f"{i}.wav", np.full((length, 1), 0.25 * (i + 1)))
    return tmp_path


def test_batches_with_labels(folder, capsys):
    data = audio_dataset_from_directory(folder, shuffle=False, batch_size=3)
    assert data.class_names == ["cat", "dog"] and "Found 5 files belonging to 2 classes." in capsys.readouterr().out
    (x, y), (last, _) = data
    assert (x.shape, last.shape, y.tolist()) == ((3, 60, 1), (2, 50, 1), [0, 0, 1])
    np.testing.assert_array_equal(x[0, :, 0], [0.25] * 40 + [0.0] * 20)
    quiet = {"shuffle": False, "verbose": False}
    x, y = audio_dataset_from_directory(folder, output_sequence_length=35, label_mode="categorical", **quiet)[0]
    assert x.shape == (5, 35, 1) and y.tolist()[-1] == [0.0, 1.0] and not x[2, 30:].any()
    x = audio_dataset_from_directory(folder, labels=None, sampling_rate=16000, output_sequence_length=100, **quiet)[0]
    assert x.shape == (5, 100, 1)
    train, test = audio_dataset_from_directory(folder, validation_split=0.4, subset="both", seed=1, verbose=False)
    assert sorted(train.file_paths + test.file_paths) == sorted(map(str, folder.glob("*/*.wav"))) and test.rows == 2


def test_a_model_learns_from_them(folder):
    data = audio_dataset_from_directory(folder, output_sequence_length=30, batch_size=2, seed=1, verbose=False)
    model = jkeras.Sequential([jkeras.Input((30, 1)), jkeras.layers.Flatten(), jkeras.layers.Dense(2, activation="softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy")
    assert np.isfinite(model.fit(data, verbose=0).history["loss"][0])


def test_as_tf_data(folder):
    data = audio_datasets(folder, shuffle=False, batch_size=3, verbose=False)
    assert data.element_spec[0].shape == (None, None, 1) and data.element_spec[1].shape == (None,)
    assert [x.shape for x, _ in data] == [(3, 60, 1), (2, 50, 1)] and data.class_names == ["cat", "dog"]
    single = audio_datasets(folder, shuffle=False, batch_size=None, verbose=False)
    assert [x.shape for x, _ in single] == [(n, 1) for n in (40, 60, 30, 50, 20)]


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"ragged": True}, "dense"),
        ({"sampling_rate": 1.5}, "positive int"),
        ({"sampling_rate": 0}, "positive int"),
        ({"output_sequence_length": -1}, "positive int"),
        ({"label_mode": "other"}, "label_mode"),
        ({"validation_split": 0.5}, "go together"),
    ],
)
def test_wrong_arguments(folder, options, text):
    with pytest.raises(ValueError, match=text):
        audio_dataset_from_directory(folder, verbose=False, **options)


def test_files_with_different_channels_are_named(folder):
    write_wav(folder / "cat" / "9.wav", TONES)
    with pytest.raises(ValueError, match=r"\[1, 2\] channels"):
        audio_dataset_from_directory(folder, verbose=False)[0]


# split_dataset

ROWS = np.arange(20).reshape(10, 2)
SIZES = [(0.8, None), (None, 3), (4, 0.5), (0.25, 0.25), (2, 3), (None, 0.35)]


@pytest.mark.parametrize(("left", "right"), SIZES)
@pytest.mark.parametrize("shuffle", [False, True])
def test_the_rows_of_keras(left, right, shuffle):
    pytest.importorskip("tensorflow")
    options = {"left_size": left, "right_size": right, "shuffle": shuffle, "seed": 3}
    for ours, theirs in zip(split_dataset(ROWS, **options), keras.utils.split_dataset(ROWS, **options)):
        np.testing.assert_array_equal(ours, list(theirs.as_numpy_iterator()))
    for ours, theirs in zip(split_datasets(ROWS, **options), keras.utils.split_dataset(ROWS, **options)):
        np.testing.assert_array_equal(list(ours), list(theirs.as_numpy_iterator()))


def test_structures_stay():
    (x, y), (x2, y2) = split_dataset((ROWS, ROWS[:, 0]), 0.7)
    assert (x.shape, y.shape, x2.shape, y2.shape) == ((7, 2), (7,), (3, 2), (3,))
    left, right = split_dataset({"a": ROWS, "b": [ROWS, ROWS]}, right_size=1)
    assert left["b"][1].shape == (9, 2) and right["a"].tolist() == [[18, 19]]


def test_a_random_split_follows_random_and_leaves_it_alone():
    random.seed(5)
    first, after = split_dataset(ROWS, 0.5, shuffle=True)[0], random.random()
    random.seed(5)
    np.testing.assert_array_equal(split_dataset(ROWS, 0.5, shuffle=True)[0], first)
    assert random.random() == after
    state = random.getstate()
    together = np.concatenate(split_dataset(ROWS, 0.5, shuffle=True, seed=1))
    assert random.getstate() == state and sorted(together[:, 0]) == ROWS[:, 0].tolist()


def test_datasets_of_tensorflow():
    data = Dataset.from_tensor_slices((ROWS, ROWS[:, 0]))
    left, right = split_datasets(data, right_size=3)
    assert len(left) == 7 and [int(y) for _, y in right] == [14, 16, 18]
    left, right = split_datasets(data.batch(4), 0.6)
    assert [x.shape[0] for x, _ in left] == [4, 2] and [x.shape[0] for x, _ in right] == [4]
    with pytest.raises(ValueError, match="no elements"):
        split_datasets(data.take(0), 0.5)


WRONG = [
    ((ROWS,), ValueError, "Received neither"),
    ((ROWS, 0), ValueError, "1 to 9"),
    ((ROWS, 10), ValueError, "1 to 9"),
    ((ROWS, 1.0), ValueError, "between 0 and 1"),
    ((ROWS, 0.7, 0.6), ValueError, "first part"),
    ((ROWS, 0.01), ValueError, "put 0 into the first"),
    ((ROWS, "half"), TypeError, "share"),
    ((ROWS, True), TypeError, "share"),
    (((ROWS, ROWS[1:]), 0.5), ValueError, r"\[9, 10\]"),
    ((object(), 0.5), TypeError, "random_split"),
    (((), 0.5), TypeError, "arrays"),
]  # fmt: skip


@pytest.mark.parametrize(("args", "error", "text"), WRONG)
def test_wrong_splits(args, error, text):
    with pytest.raises(error, match=text):
        split_dataset(*args)


def test_tables_are_split_by_rows_and_what_has_no_rows_is_refused():
    pandas = pytest.importorskip("pandas")
    left, right = split_dataset({"x": pandas.DataFrame(ROWS), "y": pandas.Series(ROWS[:, 0])}, 0.7)
    np.testing.assert_array_equal(left["x"], ROWS[:7])
    np.testing.assert_array_equal(right["y"], ROWS[7:, 0])
    for wrong in (np.float32(3), (ROWS, np.array(2))):
        with pytest.raises(TypeError, match="arrays with rows"):
            split_dataset(wrong, 0.5)

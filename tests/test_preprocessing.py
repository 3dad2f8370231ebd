"""`jkeras.preprocessing`: Keras 2's values, determinism, and use in `fit`."""

import json
import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import jkeras
from jkeras import layers
from jkeras.data import workers
from jkeras.preprocessing import image, sequence, text
from jkeras.preprocessing.views import BatchDataset, Begun, in_order

rng = np.random.default_rng(0)
IMAGES = rng.integers(0, 256, (6, 10, 8, 3)).astype("float32")
TEXTS = ["The cat sat on the mat.", "The dog, and THE cat!", "a bird"]


@pytest.fixture(scope="module")
def keras2():
    return pytest.importorskip("tf_keras").preprocessing


@pytest.mark.parametrize(
    "options",
    [{}, {"maxlen": 2}, {"maxlen": 5, "padding": "post", "value": -1}, {"maxlen": 2, "truncating": "post", "dtype": "float32"}],
)
def test_pad_sequences(options, keras2):
    sequences = [[1, 2, 3], [], [4], [5, 6, 7, 8]]
    ours, theirs = sequence.pad_sequences(sequences, **options), keras2.sequence.pad_sequences(sequences, **options)
    np.testing.assert_array_equal(ours, theirs)
    assert ours.dtype == theirs.dtype
    vectors = [np.ones((2, 3)), np.zeros((1, 3))]
    np.testing.assert_array_equal(sequence.pad_sequences(vectors, **options), keras2.sequence.pad_sequences(vectors, **options))


def test_pad_sequences_of_words():
    found = jkeras.utils.pad_sequences([["a"], ["b", "c"]], dtype=object, value="<pad>", padding="post")
    assert found.tolist() == [["a", "<pad>"], ["b", "c"]]


def test_word_pairs(keras2):
    np.testing.assert_allclose(sequence.make_sampling_table(50)[1:], keras2.sequence.make_sampling_table(50)[1:], rtol=1e-6)
    words = [1, 2, 0, 3, 4, 2]
    plain = {"window_size": 2, "negative_samples": 0, "shuffle": False, "categorical": True}
    assert sequence.skipgrams(words, 5, **plain) == tuple(keras2.sequence.skipgrams(words, 5, **plain))
    pairs, labels = sequence.skipgrams(words, 5, negative_samples=1, seed=3)
    assert (pairs, labels) == sequence.skipgrams(words, 5, negative_samples=1, seed=3)
    assert sum(labels) == len(labels) // 2 and all(0 < b < 5 for _, b in pairs)
    assert all(a in words and b in words for (a, b), label in zip(pairs, labels) if label)
    assert not sequence.skipgrams(words, 5, sampling_table=np.zeros(5))[0]


@pytest.mark.parametrize(
    "options",
    [{}, {"sampling_rate": 2, "stride": 3}, {"start_index": 3, "end_index": 15, "reverse": True, "batch_size": 4}],
)
def test_timeseries_generator(options, keras2):
    data, targets = np.arange(40).reshape(20, 2), np.arange(20) * 10
    options = {"length": 4, "batch_size": 5, **options}
    ours = sequence.TimeseriesGenerator(data, targets, **options)
    theirs = keras2.sequence.TimeseriesGenerator(data, targets, **options)
    assert len(ours) == len(theirs)
    for i in range(len(ours)):
        for a, b in zip(ours[i], theirs[i]):
            np.testing.assert_array_equal(a, b)
    assert json.loads(ours.to_json()) == json.loads(theirs.to_json())
    drawn = sequence.TimeseriesGenerator(data, targets, length=4, shuffle=True, batch_size=50)
    x, y = drawn[0]
    assert (x[:, -1, 0] * 5 + 10 == y).all() and len(set(y)) > 8
    np.testing.assert_array_equal(drawn[0][1], y)


@pytest.mark.parametrize(
    "options",
    [{}, {"sampling_rate": 2, "sequence_stride": 3}, {"start_index": 2, "end_index": 17}, {"targets": None}],
)
def test_timeseries_dataset(options, keras2):
    data = np.arange(40).reshape(20, 2)
    options = {"targets": np.arange(4, 20), "sequence_length": 3, "batch_size": 4, **options}
    ours = list(jkeras.utils.timeseries_dataset_from_array(data, **options))
    theirs = list(keras2.timeseries_dataset_from_array(data, **options).as_numpy_iterator())
    assert len(ours) == len(theirs)
    for a, b in zip(ours, theirs):
        for one, other in zip(a if isinstance(a, tuple) else [a], b if isinstance(b, tuple) else [b]):
            np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    "options", [{}, {"num_words": 4, "oov_token": "?"}, {"char_level": True}, {"lower": False, "filters": "."}]
)
def test_tokenizer(options, keras2):
    ours, theirs = text.Tokenizer(**options), keras2.text.Tokenizer(**options)
    more = [*TEXTS, ["Listed", "words", "cat"]]
    for one in (ours, theirs):
        one.fit_on_texts(more)
    for name in ("word_index", "index_word", "word_counts", "word_docs", "index_docs", "document_count"):
        assert getattr(ours, name) == getattr(theirs, name), name
    new = ["the cat saw a new bird", "mat"]
    assert ours.texts_to_sequences(new) == theirs.texts_to_sequences(new)
    numbers = ours.texts_to_sequences(new)
    assert ours.sequences_to_texts([*numbers, [99]]) == theirs.sequences_to_texts([*numbers, [99]])
    for mode in ("binary", "count", "freq", "tfidf"):
        np.testing.assert_allclose(ours.texts_to_matrix(new, mode), theirs.texts_to_matrix(new, mode), err_msg=mode)
    again = text.tokenizer_from_json(theirs.to_json())
    assert json.loads(again.to_json()) == json.loads(theirs.to_json())
    assert again.texts_to_sequences(new) == ours.texts_to_sequences(new)


def test_words_and_hashes(keras2):
    assert text.text_to_word_sequence(TEXTS[1]) == keras2.text.text_to_word_sequence(TEXTS[1])
    assert text.hashing_trick(TEXTS[0], 30, "md5") == keras2.text.hashing_trick(TEXTS[0], 30, "md5")
    assert text.one_hot(TEXTS[0], 30) == keras2.text.one_hot(TEXTS[0], 30)
    tokenizer = text.Tokenizer(analyzer=lambda t: t.split("a"))
    tokenizer.fit_on_texts(["bac"])
    assert tokenizer.word_index == {"b": 1, "c": 2}


# images -------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    pytest.importorskip("PIL")
    root = tmp_path_factory.mktemp("images")
    for i in range(10):
        name = ["cats", "dogs"][i % 2]
        os.makedirs(root / name, exist_ok=True)
        image.save_img(root / name / f"{i}.png", rng.integers(0, 256, (9 + i, 12, 3)), scale=False)
    (root / "cats" / "notes.txt").write_text("no image")
    return root


def test_files_of_images(folder, keras2, tmp_path):
    path = str(folder / "cats" / "4.png")
    for options in (
        {}, {"color_mode": "grayscale"}, {"color_mode": "rgba", "target_size": (5, 7)},
        {"target_size": (6, 6), "interpolation": "bilinear", "keep_aspect_ratio": True},
    ):  # fmt: skip
        ours = image.img_to_array(image.load_img(path, **options))
        np.testing.assert_array_equal(ours, keras2.image.img_to_array(keras2.image.load_img(path, **options)), str(options))
    assert (
        image.load_img(path, grayscale=True).mode == "L"
        and image.img_to_array(image.load_img(path), "channels_first").shape[0] == 3
    )
    for x in (IMAGES[0] - 40, IMAGES[0, ..., :1], np.zeros((2, 2, 4))):
        ours, theirs = image.array_to_img(x), keras2.image.array_to_img(x)
        assert ours.mode == theirs.mode
        np.testing.assert_allclose(np.asarray(ours).astype(int), np.asarray(theirs).astype(int), atol=1)
    with pytest.warns(UserWarning, match="no transparency"):
        image.save_img(tmp_path / "x.jpg", np.zeros((2, 2, 4)))


def test_a_scaled_image_of_one_channel_has_bytes():
    tops = np.linspace(0.1, 900, 200, dtype="float32")
    assert {image.array_to_img(np.array([[[0.0], [top]]])).mode for top in tops} == {"L"}


@pytest.mark.parametrize("size", [(5, 4), (7, 20), (10, 8)])
@pytest.mark.parametrize("interpolation", ["bilinear", "nearest", "bicubic"])
def test_smart_resize(size, interpolation, keras2):
    ours = image.smart_resize(IMAGES, size, interpolation)
    # JAX and TensorFlow treat the edges of bicubic windows differently, by a fraction of a grey level.
    atol = 0.3 if interpolation == "bicubic" else 2e-2
    np.testing.assert_allclose(ours, keras2.image.smart_resize(IMAGES, size, interpolation), rtol=1e-3, atol=atol)


@pytest.mark.parametrize(
    "change",
    [
        {"theta": 30.0}, {"tx": 2.0, "ty": -1.5}, {"shear": 15.0, "theta": -10.0}, {"zx": 0.8, "zy": 1.3, "tx": 1.0},
        {"flip_horizontal": True, "flip_vertical": True}, {"channel_shift_intensity": 40.0}, {"brightness": 1.7}, {},
    ],
)  # fmt: skip
@pytest.mark.parametrize("fill_mode", ["nearest", "constant"])
def test_changes_of_images(change, fill_mode, keras2):
    options = {"fill_mode": fill_mode, "cval": 7.0}
    square = IMAGES[0, :8].copy()
    ours, theirs = (k.ImageDataGenerator(**options).apply_transform(square, change) for k in (image, keras2.image))
    np.testing.assert_allclose(ours, theirs, atol=1e-3)


def test_images_that_are_not_square_turn_about_their_centre_and_shift_as_the_names_say():
    turned = image.apply_affine_transform(IMAGES[0], theta=180, row_axis=0, col_axis=1, channel_axis=2)
    np.testing.assert_allclose(turned, IMAGES[0, ::-1, ::-1], atol=1e-2)
    generator = image.ImageDataGenerator(height_shift_range=[3], fill_mode="wrap")
    found = {d["ty"] for d in (generator.get_random_transform((10, 8, 3), seed) for seed in range(20))}
    assert found == {3.0, -3.0}
    moved = generator.apply_transform(IMAGES[0], {"ty": 3.0})
    np.testing.assert_allclose(moved[:7], IMAGES[0, 3:], atol=1e-3)


@pytest.mark.parametrize(
    "options",
    [
        {"rescale": 1 / 255}, {"samplewise_center": True, "samplewise_std_normalization": True},
        {"featurewise_center": True, "featurewise_std_normalization": True}, {"zca_whitening": True, "zca_epsilon": 1.0},
        {"preprocessing_function": lambda x: x / 2}, {"data_format": "channels_first", "featurewise_center": True},
    ],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_scaling_of_images(options, keras2):
    data = IMAGES if options.get("data_format") is None else IMAGES.transpose(0, 3, 1, 2)
    found = []
    for k in (image, keras2.image):
        generator = k.ImageDataGenerator(**options)
        generator.fit(data)
        found.append(generator.flow(data.copy(), batch_size=6, shuffle=False)[0])
    np.testing.assert_allclose(*found, rtol=1e-3, atol=1e-3)


EVERYTHING = {
    "rotation_range": 20, "width_shift_range": 0.2, "height_shift_range": [-2, 2], "shear_range": 5, "zoom_range": 0.2,
    "channel_shift_range": 20.0, "brightness_range": (0.5, 1.5), "horizontal_flip": True, "vertical_flip": True,
}  # fmt: skip


def test_random_changes_follow_the_seed_the_epoch_and_the_image_alone():
    generator = image.ImageDataGenerator(**EVERYTHING)
    first = generator.flow(IMAGES, batch_size=4, shuffle=True, seed=1)
    second = image.ImageDataGenerator(**EVERYTHING).flow(IMAGES, np.arange(6), batch_size=2, shuffle=True, seed=1)
    whole = np.concatenate([first[0], first[1]])
    np.testing.assert_array_equal(whole, np.concatenate([second[i][0] for i in (0, 1, 2)]))
    assert not np.array_equal(np.concatenate([second[i][1] for i in (0, 1, 2)]), np.arange(6))
    assert [len(next(first)) for _ in range(4)] == [4, 2, 4, 2]
    assert not np.array_equal(np.concatenate([first[0], first[1]]), whole)
    masks = image.ImageDataGenerator(**EVERYTHING).flow(IMAGES, seed=1, batch_size=6)
    np.testing.assert_array_equal(masks[0], whole)
    still = generator.flow(IMAGES, batch_size=6, shuffle=False, seed=2)
    assert not np.allclose(next(still)[0], next(still)[0])
    draws = [generator.get_random_transform((10, 8, 3), seed=i) for i in range(200)]
    assert generator.get_random_transform((10, 8, 3), seed=3) == draws[3]
    assert {d["ty"] for d in draws} == {-2.0, 2.0} and max(abs(d["tx"]) for d in draws) <= 0.2 * 8
    assert 15 < max(d["theta"] for d in draws) <= 20 and 0.8 <= min(d["zx"] for d in draws) < 0.85
    assert 60 < sum(d["flip_horizontal"] for d in draws) < 140


def test_flow_of_arrays(tmp_path):
    pytest.importorskip("PIL")
    generator = image.ImageDataGenerator(validation_split=0.5)
    y = np.array([0, 1, 0, 1, 0, 1])
    parts = [generator.flow(IMAGES, y, sample_weight=y + 1.0, subset=s, shuffle=False) for s in ("validation", "training")]
    np.testing.assert_array_equal(np.concatenate([p[0][0] for p in parts]), IMAGES)
    assert [p[0][1].tolist() for p in parts] == [[0, 1, 0], [1, 0, 1]] and parts[0][0][2].tolist() == [1, 2, 1]
    x = next(generator.flow((IMAGES, np.arange(6)), y, shuffle=False, save_to_dir=tmp_path, save_prefix="a", batch_size=2))[0]
    assert len(x) == 2 and x[1].tolist() == [0, 1] and len(list(tmp_path.glob("a_*.png"))) == 2
    with pytest.raises(ValueError, match="different classes"):
        generator.flow(IMAGES, np.sort(y), subset="training")


def test_flow_from_directory(folder, keras2, capsys):
    def flow(k, **options):
        settings = {"target_size": (6, 8), "batch_size": 3, "shuffle": False, **options}
        return k.ImageDataGenerator(validation_split=0.4).flow_from_directory(str(folder), **settings)

    cases = ({}, {"class_mode": "binary", "subset": "validation"}, {"class_mode": "sparse", "classes": ["dogs", "cats"]},
             {"class_mode": "input", "color_mode": "grayscale"}, {"class_mode": None, "subset": "training"})  # fmt: skip
    for options in cases:
        ours, theirs = flow(image, **options), flow(keras2.image, **options)
        lines = capsys.readouterr().out.splitlines()
        assert lines[0] == lines[1]
        assert ours.class_indices == theirs.class_indices and ours.filenames == theirs.filenames
        assert len(ours) == len(theirs) and ours.samples == theirs.samples and list(ours.classes) == list(theirs.classes)
        assert ours.image_shape == theirs.image_shape
        a, b = ours[1], theirs[1]
        for one, other in zip(a if isinstance(a, tuple) else [a], b if isinstance(b, tuple) else [b]):
            np.testing.assert_allclose(one, other)
            assert one.dtype == other.dtype


def test_flow_from_dataframe(folder, keras2, capsys):
    pandas = pytest.importorskip("pandas")
    table = pandas.DataFrame({
        "filename": [f"{name}/{i}.png" for i in range(10) for name in [["cats", "dogs"][i % 2]]] + ["cats/missing.png"],
        "class": ["cat", "dog"] * 5 + ["cat"], "size": np.arange(11.0), "weight": np.arange(11) / 2,
    })  # fmt: skip

    def flow(k, **options):
        settings = {"target_size": (6, 8), "batch_size": 4, "shuffle": False, **options}
        return k.ImageDataGenerator(validation_split=0.2).flow_from_dataframe(table, str(folder), **settings)

    cases = ({}, {"class_mode": "raw", "y_col": "size", "weight_col": "weight"}, {"classes": ["dog"], "class_mode": "sparse"},
             {"class_mode": "multi_output", "y_col": ["size", "weight"], "subset": "training"})  # fmt: skip
    for options in cases:
        with pytest.warns(UserWarning):
            ours = flow(image, **options)
        with pytest.warns(UserWarning):
            theirs = flow(keras2.image, **options)
        lines = capsys.readouterr().out.splitlines()
        assert lines[0] == lines[1] and ours.filenames == theirs.filenames
        a, b = ours[0], theirs[0]
        assert len(a) == len(b)
        for one, other in zip(a, b):
            np.testing.assert_array_equal(np.asarray(one), np.asarray(other))


def test_fit_on_images_of_a_folder(folder):
    jkeras.utils.set_random_seed(0)
    data = image.ImageDataGenerator(rescale=1 / 255, rotation_range=10).flow_from_directory(
        folder, target_size=(6, 6), batch_size=4, class_mode="binary", seed=3
    )
    model = jkeras.Sequential([layers.Input((6, 6, 3)), layers.Flatten(), layers.Dense(1, activation="sigmoid")])
    model.compile("adam", "binary_crossentropy", metrics=["acc"])
    history = model.fit(data, epochs=2, validation_data=data, steps_per_epoch=len(data), verbose=0, workers=2)
    assert len(history.history["val_acc"]) == 2
    data.reset()
    assert model.predict(data, verbose=0).shape == (10, 1)


def test_image_dataset_from_directory(folder, keras2, capsys):
    options = {"image_size": (7, 9), "batch_size": 4}
    for more in ({"shuffle": False}, {"shuffle": False, "label_mode": "categorical", "crop_to_aspect_ratio": True},
                 {"shuffle": False, "label_mode": None, "color_mode": "grayscale", "interpolation": "nearest"}):  # fmt: skip
        ours = jkeras.utils.image_dataset_from_directory(folder, **options, **more)
        theirs = keras2.image_dataset_from_directory(str(folder), **options, **more)
        printed = capsys.readouterr().out.splitlines()
        assert printed[0] == printed[1] or more.get("label_mode", "") is None
        assert ours.class_names == theirs.class_names if more.get("label_mode", "") is not None else True
        for a, b in zip(ours, theirs.as_numpy_iterator(), strict=True):
            for one, other in zip(a if isinstance(a, tuple) else [a], b if isinstance(b, tuple) else [b]):
                # Pillow and TensorFlow round grey levels differently.
                np.testing.assert_allclose(one, other, rtol=1e-3, atol=1.01 if "color_mode" in more else 2e-2)
                assert one.dtype == other.dtype or "color_mode" in more
    split = {"validation_split": 0.3, "seed": 5, **options}
    for subset in ("training", "validation"):
        ours = jkeras.utils.image_dataset_from_directory(folder, subset=subset, **split)
        theirs = keras2.image_dataset_from_directory(str(folder), subset=subset, **split)
        assert sorted(ours.file_paths) == sorted(theirs.file_paths)
        printed = capsys.readouterr().out.splitlines()
        assert printed[:2] == printed[2:]
    both = jkeras.utils.image_dataset_from_directory(folder, subset="both", verbose=False, **split)
    assert [d.rows for d in both] == [7, 3]


def test_datasets_have_the_methods_that_scripts_call(folder):
    data = jkeras.utils.image_dataset_from_directory(folder, image_size=(4, 4), batch_size=4, seed=1, verbose=False)
    model = jkeras.Sequential([layers.Input((4, 4, 3)), layers.Flatten(), layers.Dense(2)])
    model.compile("sgd", jkeras.losses.SparseCategoricalCrossentropy(from_logits=True))
    scaled = data.map(lambda x, y: (x / 255, y)).cache().shuffle(1000).prefetch(buffer_size=-1)
    assert len(model.fit(scaled, epochs=2, verbose=0).history["loss"]) == 2
    assert [x.max() <= 1 for x, _ in scaled.take(1)] == [True]
    first = [y for _, y in data]
    data.on_epoch_end()
    assert any(not np.array_equal(a, b) for a, b in zip(first, [y for _, y in data]))


def test_files_are_read_ahead_and_batches_changed_in_order(folder, tmp_path):
    log, threads = [], set()
    begun = BatchDataset(Begun(lambda rows: log.append(rows[0]) or (lambda: rows)), rows=6, batch_size=2)
    batches = iter(begun.map(lambda rows: threads.add(threading.get_ident()) or rows * 10))
    assert (next(batches).tolist(), log) == ([0, 10], [0, 2])
    assert ([rows.tolist() for rows in batches], log) == ([[20, 30], [40, 50]], [0, 2, 4])
    assert threads == {threading.get_ident()} and begun.__jkeras_fresh__ and not begun.map(abs).__jkeras_fresh__
    options = {"image_size": (4, 5), "batch_size": 4, "seed": 1, "verbose": False}
    data = jkeras.utils.image_dataset_from_directory(folder, **options)
    for ahead, i in zip(data, range(len(data)), strict=True):
        assert all(np.array_equal(one, other) for one, other in zip(ahead, data[i], strict=True))
    first = jkeras.utils.image_dataset_from_directory(folder, **options, data_format="channels_first")
    np.testing.assert_array_equal(first[0][0].transpose(0, 2, 3, 1), data[0][0])
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "one.png").write_bytes(b"no image")
    with pytest.raises(OSError, match="cannot identify") as caught:
        list(jkeras.utils.image_dataset_from_directory(tmp_path, **options))
    assert any("one.png" in note for note in caught.value.__notes__)


@pytest.mark.parametrize("wanted", [[[0, 1, 2], [3]], [[0], [1, 2, 3]]], ids=["one fails", "the consumer stops"])
def test_files_that_nobody_waits_for_any_more_are_not_read(monkeypatch, wanted):
    over, read = threading.Event(), []

    def one(row):
        read.append(row)
        if row:
            over.wait(5)
        elif len(wanted[0]) > 1:
            raise OSError("the disk is gone")

    with ThreadPoolExecutor(1) as pool:
        monkeypatch.setattr(workers, "_threads", lambda process: pool)
        batches = in_order(Begun(lambda rows: workers.in_threads(one, [(row,) for row in rows])), wanted)
        try:
            next(batches)
        except OSError as error:
            held = error  # noqa: F841 - with the frames that it came through
        batches.close()
        over.set()
    assert set(read) <= {0, 1}


def test_text_dataset_from_directory(tmp_path):
    for i, name in enumerate(["neg", "pos"] * 2):
        os.makedirs(tmp_path / name, exist_ok=True)
        (tmp_path / name / f"{i}.txt").write_text(f"text {i}")
    data = jkeras.utils.text_dataset_from_directory(tmp_path, shuffle=False, batch_size=3, label_mode="binary", verbose=False)
    x, y = data[0]
    assert x.tolist() == ["text 0", "text 2", "text 1"] and y.tolist() == [[0.0], [0.0], [1.0]]
    listed = jkeras.utils.text_dataset_from_directory(tmp_path, labels=[3, 4, 3, 4], shuffle=False, max_length=4, verbose=False)
    assert listed[0][0].tolist() == ["text"] * 4 and listed[0][1].tolist() == [3, 4, 3, 4]


@pytest.mark.parametrize(
    ("wrong", "text_"),
    [
        (lambda: sequence.pad_sequences([1, 2]), r"such as \[\[1, 2\], \[3\]\]. Found: 1"),
        (lambda: sequence.pad_sequences([[1]], padding="before"), "Unknown padding 'before'"),
        (lambda: sequence.pad_sequences([[1]], value="x"), "dtype=object"),
        (lambda: sequence.TimeseriesGenerator(range(3), range(3), length=5), "no room"),
        (lambda: sequence.TimeseriesGenerator(range(3), range(4), length=1), "3 and 4"),
        (lambda: jkeras.utils.timeseries_dataset_from_array(range(3), None, 5), "no room"),
        (lambda: text.Tokenizer(max_words=3), "Did you mean 'num_words'"),
        (lambda: text.Tokenizer().texts_to_matrix(["a"]), "call fit_on_texts first"),
        (lambda: text.tokenizer_from_json("{}"), "not a tokenizer"),
        (lambda: image.ImageDataGenerator(zoom_range="big"), "a pair of numbers"),
        (lambda: image.ImageDataGenerator(fill_mode="edge"), "Unknown fill_mode 'edge'"),
        (lambda: image.ImageDataGenerator().flow(IMAGES, subset="training"), r"validation_split=0.2"),
        (lambda: image.ImageDataGenerator().flow(IMAGES, [1]), "6 and 1"),
        (lambda: image.ImageDataGenerator().flow(IMAGES)[9], "none with the number 9"),
        (lambda: image.ImageDataGenerator().flow_from_directory("/nowhere"), "There is no folder '/nowhere'"),
        (lambda: jkeras.utils.image_dataset_from_directory("/nowhere"), "There is no folder"),
        (lambda: jkeras.utils.image_dataset_from_directory(".", validation_split=0.1), "go together"),
        (lambda: jkeras.utils.image_dataset_from_directory(".", validation_split=0.1, subset="both"), "needs a seed"),
        (lambda: image.apply_affine_transform(np.zeros((2, 2))), "three axes"),
        (lambda: image.img_to_array(np.zeros(3)), "two or three axes"),
        (lambda: image.array_to_img(np.zeros((2, 2, 2))), "1, 3 or 4 channels"),
        (lambda: image.load_img("x.png", "gray"), "Unknown color_mode 'gray'"),
    ],
)
def test_errors_say_what_to_write(wrong, text_):
    with pytest.raises((ValueError, TypeError, IndexError), match=text_):
        wrong()


def test_without_statistics_the_images_stay_and_a_warning_says_why():
    with pytest.warns(UserWarning, match=r"generator.fit\(images\)"):
        np.testing.assert_array_equal(image.ImageDataGenerator(featurewise_center=True).flow(IMAGES, shuffle=False)[0], IMAGES)


def test_without_pillow_an_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(ImportError, match=r"pip install .jkeras\[images\]"):
        image.load_img("x.png")

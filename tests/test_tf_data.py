"""`tf.data`: datasets give the elements of TensorFlow's manual, feed `fit`, and depend on the seeds alone."""

import gzip
import pickle
import sys
import time
import zlib

import jax
import numpy as np
import pytest
from documents import compat_in

import jkeras
from jkeras import layers
from jkeras.compat.standin.data.dataset import Dataset
from jkeras.compat.standin.data.source import OrderedRows, StreamOfBatches
from jkeras.compat.standin.records.checksums import masked_checksum
from jkeras.data import as_source
from jkeras.training.programs.recompiles import compiles_by_name


@pytest.fixture(scope="module")
def tf(tmp_path_factory):
    with compat_in(tmp_path_factory.mktemp("tf")):
        import tensorflow

        yield tensorflow


def test_without_the_import_hook_the_stand_in_has_its_modules_too():
    from jkeras.compat import tensorflow as tf

    assert "tensorflow.data" not in sys.modules or sys.modules["tensorflow.data"] is not tf.data
    assert tf.data.Dataset is Dataset and tf.io.gfile.exists(".")
    assert tf.image.resize(np.ones((2, 2, 1)), (1, 1)).shape == (1, 1, 1)


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


@pytest.mark.parametrize("function", [lambda x: x + 1, lambda x: np.asarray(x) + 1], ids=["traced", "python"])
def test_parts_of_one_order_do_not_overlap_whoever_reads_them(function):
    data = Dataset.from_tensor_slices(X).map(function).shuffle(12, reshuffle_each_iteration=False)
    train, test = as_source(data.take(8).batch(3)), as_source(data.skip(8).batch(3))
    rows = [np.concatenate([x[:, 0] for x, _, _ in source.batches(epoch, seed)]).tolist() for source, epoch, seed in
            ((train, 0, 5), (train, 1, 5), (test, 0, 0))]  # fmt: skip
    assert rows[0] == rows[1] and sorted(rows[0] + rows[2]) == (X[:, 0] + 1).tolist()
    assert values(data.skip(8).batch(3).map(lambda x: x[:, 0]).unbatch()) == rows[2]


def test_a_dataset_of_unknown_length_with_steps_goes_on_and_starts_over():
    source = as_source(Dataset.from_tensor_slices(X).filter(lambda x: x[0] >= 0).batch(4), steps=2)
    assert epochs(source, 1) == epochs(source, 1)
    with pytest.warns(UserWarning, match="ran out of data"):
        parts = epochs(source, 4)
    assert [len(part) for part in parts] == [2, 1, 2, 1] and parts[0] == parts[2]


@pytest.mark.parametrize("function", [lambda x: x, lambda x: np.asarray(x)], ids=["arrays", "stream"])
def test_a_step_gets_inputs_alone_as_the_dataset_has_them(function):
    for make, bare in ((lambda d: d, True), (lambda d: Dataset.zip((d,)), False)):
        source = as_source(make(Dataset.from_tensor_slices(X).map(function)).batch(4))
        assert source.spec.shape == (None, 2) and source.bare_inputs is bare


@pytest.mark.parametrize("kind", ["arrays", "python"])
def test_class_weights_weigh_the_batches(kind):
    weights = {0: 1.0, 1: 2.0, 2: 0.5}
    expected = model().fit(X / 24, Y, batch_size=4, epochs=2, shuffle=False, class_weight=weights, verbose=0).history["loss"]
    data = Dataset.from_tensor_slices((X / 24, Y))
    data = data if kind == "arrays" else data.map(lambda x, y: (x, y * int(y) // max(int(y), 1)))
    found = model().fit(data.batch(4), epochs=2, class_weight=weights, verbose=0).history["loss"]
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_random_functions_draw_anew_in_each_epoch_and_a_run_repeats(tf):
    def noisy(x, y):
        return x + tf.random.normal(tf.shape(x)), y

    def losses():
        dataset = tf.data.Dataset.from_tensor_slices((X, Y)).shuffle(12).map(noisy).batch(4)
        return model().fit(dataset, epochs=3, verbose=0).history["loss"]

    first = losses()
    assert losses() == first and len(set(first)) == 3


def test_windows_are_cut_out_at_once_and_feed_fit_as_arrays():
    calls = []

    def batched(window):
        calls.append(window)
        return window.batch(5)

    series = Dataset.from_tensor_slices(np.arange(3000.0)).window(5, shift=1, drop_remainder=True).flat_map(batched)
    data = series.map(lambda w: (w[:-1], w[-1:])).shuffle(100).batch(32)
    assert len(data) == 94 and isinstance(as_source(data), OrderedRows)
    found = np.array(values(series))
    np.testing.assert_array_equal(found, np.arange(2996)[:, None] + np.arange(5))
    assert len(calls) == 1


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


def test_calls_in_threads_keep_the_order():
    def late(x):
        time.sleep(0.002 * (5 - int(x) % 5))
        return x * 2

    data = Dataset.range(40).map(late, num_parallel_calls=4)
    assert values(data.batch(15).unbatch()) == [2 * i for i in range(40)]
    with pytest.raises(ZeroDivisionError) as caught:
        list(Dataset.range(5).map(lambda x: 1 // (int(x) - 3), num_parallel_calls=2).batch(5))
    assert caught.value.__notes__ == ["Raised for element 3 of a tf.data.Dataset."]


def test_each_row_has_its_own_draws_and_layers_do_not_share_them():
    flips = [layers.RandomFlip("horizontal"), layers.RandomFlip("horizontal")]
    image = np.arange(2.0).reshape(1, 2, 1)
    data = Dataset.from_tensors(image).repeat(64).map(lambda x: tuple(flip(x, training=True)[0, 0, 0] for flip in flips))
    one, two = np.array(values(data)).T
    assert 10 < one.sum() < 54 and 10 < two.sum() < 54 and (one != two).any()


def test_images_boxes_and_labels_are_mapped_together():
    boxes = {"boxes": np.tile(np.float32([[0, 0, 1, 1]]), (8, 1, 1)), "labels": np.zeros((8, 1), "int32")}
    data = {"images": np.tile(np.float32([1, 0]).reshape(1, 2, 1), (8, 1, 1, 1)), "bounding_boxes": boxes}
    flip = layers.RandomFlip("horizontal", bounding_box_format="xyxy")
    lefts = set()
    for mapped in (Dataset.from_tensor_slices(data).map(flip), Dataset.from_tensor_slices(data).batch(8).map(flip).unbatch()):
        for element in mapped.as_numpy_iterator():
            left = int(element["bounding_boxes"]["boxes"][0, 0])
            assert element["images"][0, left, 0] == 1
            lefts.add(left)
    assert lefts == {0, 1}


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


# files


@pytest.fixture
def folder(tmp_path):
    image = pytest.importorskip("PIL.Image")
    rng = np.random.default_rng(0)
    for name in ("cats", "dogs"):
        (tmp_path / name).mkdir()
        for i in range(6):
            pixels = rng.integers(0, 256, (8 + i, 10, 3)).astype("uint8")
            image.fromarray(pixels).save(tmp_path / name / f"{i}.png")
    return tmp_path


def test_the_pipeline_of_the_guide_on_images_trains(tf, folder):
    names = np.array(["cats", "dogs"])

    def load(path):
        parts = tf.strings.split(path, "/")
        image = tf.io.decode_jpeg(tf.io.read_file(path), channels=3)
        image = tf.image.resize(image, [8, 8]) / 255.0
        return tf.image.random_flip_left_right(image), tf.argmax(parts[-2] == names)

    files = tf.data.Dataset.list_files(str(folder / "*/*"), shuffle=False)
    assert len(files) == 12 and next(iter(files)).numpy().decode().endswith("cats/0.png")
    dataset = files.shuffle(12, seed=0).map(load, num_parallel_calls=tf.data.AUTOTUNE).batch(5).prefetch(tf.data.AUTOTUNE)
    images, _ = next(iter(dataset))
    assert images.shape == (5, 8, 8, 3) and images.dtype == tf.float32 and float(images.max()) <= 1
    assert set(np.concatenate([y for _, y in dataset]).tolist()) == {0, 1}
    made = tf.keras.Sequential([layers.Input((8, 8, 3)), layers.Flatten(), layers.Dense(2)])
    made.compile("adam", tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    assert len(made.fit(dataset, epochs=2, verbose=0).history["loss"]) == 2


@pytest.mark.uncached
def test_functions_of_images_of_many_sizes(tf):
    rng = np.random.default_rng(0)
    images = [rng.random((4 + i % 7, 5, 3), np.float32) for i in range(21)]
    data = tf.data.Dataset.from_generator(lambda: images, output_signature=tf.TensorSpec((None, 5, 3), tf.float32))
    resized = data.map(lambda x: tf.image.resize(x, (3, 4)) * tf.random.uniform((), 1.0, 2.0)).batch(8)
    before = compiles_by_name()["jit(_over_rows)"]
    found = np.concatenate(list(resized.as_numpy_iterator()))
    for image, result in zip(images, found, strict=True):
        ratio = result / tf.image.resize(image, (3, 4)).numpy()
        assert 1 < ratio.mean() < 2 and ratio.std() < 1e-5
    assert 1 <= compiles_by_name()["jit(_over_rows)"] - before <= 4
    assert data.cardinality().numpy() == tf.data.UNKNOWN_CARDINALITY


def test_folders_are_datasets_under_compat(tf, folder):
    make = tf.keras.utils.image_dataset_from_directory
    train = make(folder, validation_split=0.25, subset="training", seed=1, image_size=(8, 8), batch_size=4, verbose=False)
    test = make(folder, validation_split=0.25, subset="validation", seed=1, image_size=(8, 8), batch_size=4, verbose=False)
    assert isinstance(train, tf.data.Dataset) and (len(train), len(test)) == (3, 1)
    assert train.class_names == ["cats", "dogs"] and len(train.file_paths) == 9
    assert train.element_spec[0] == tf.TensorSpec((None, 8, 8, 3), tf.float32)
    orders = [np.concatenate([y.numpy() for _, y in train]).tolist() for _ in range(3)]
    assert len({tuple(order) for order in orders}) > 1 and len({tuple(sorted(order)) for order in orders}) == 1
    normalized = train.map(lambda x, y: (layers.Rescaling(1 / 255)(x), y)).cache().prefetch(2)
    assert float(next(iter(normalized))[0].max()) <= 1
    made = tf.keras.Sequential([layers.Input((8, 8, 3)), layers.Flatten(), layers.Dense(2)])
    made.compile("adam", tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    assert len(made.fit(normalized, validation_data=test, epochs=2, verbose=0).history["val_loss"]) == 2
    single = make(folder, labels=None, image_size=(4, 4), batch_size=None, verbose=False)
    assert single.element_spec.shape == (4, 4, 3) and len(list(single)) == 12
    series = tf.keras.utils.timeseries_dataset_from_array(np.arange(6), np.arange(3, 9), sequence_length=3, batch_size=2)
    assert values(series)[1] == ([[2, 3, 4], [3, 4, 5]], [5, 6])


def test_images_of_many_sizes_and_formats(tf, folder):
    image = pytest.importorskip("PIL.Image")
    pixels = np.asarray(image.open(folder / "cats" / "0.png"))
    for name, mode, shape in [("a.jpg", "RGB", (8, 10, 3)), ("b.jpg", "L", (8, 10, 1)), ("c.gif", "P", (1, 8, 10, 3)), ("d.bmp", "RGB", (8, 10, 3)), ("e.png", "RGBA", (8, 10, 4))]:  # fmt: skip # noqa: E501
        image.fromarray(pixels).convert(mode).save(folder / name)
        found = tf.io.decode_image(tf.io.read_file(str(folder / name)))
        assert found.shape == shape and found.dtype == tf.uint8
    deep = image.fromarray(np.arange(0, 60000, 1000, np.uint16).reshape(6, 10))
    deep.save(folder / "f.png")
    text = tf.io.read_file(folder / "f.png")
    assert tf.io.decode_png(text, dtype=tf.uint16).numpy()[0, 3, 0] == 3000
    assert tf.io.decode_png(text).numpy()[0, 3, 0] == 3000 >> 8
    assert tf.io.decode_jpeg(tf.io.encode_jpeg(pixels), ratio=2).shape == (4, 5, 3)
    crop = tf.io.decode_and_crop_jpeg(tf.io.encode_jpeg(pixels), [1, 2, 3, 4])
    assert crop.shape == (3, 4, 3)
    with pytest.raises(ValueError, match="no image that Pillow knows"):
        tf.io.decode_image(b"hello")


def test_the_file_system(tf, tmp_path):
    gfile = tf.io.gfile
    gfile.makedirs(str(tmp_path / "a/b"))
    with gfile.GFile(str(tmp_path / "a/x.txt"), "w") as file:
        file.write("text")
    assert (
        gfile.exists(tmp_path / "a/x.txt")
        and gfile.isdir(tmp_path / "a")
        and sorted(gfile.listdir(tmp_path / "a")) == ["b", "x.txt"]
    )
    gfile.copy(tmp_path / "a/x.txt", tmp_path / "a/y.txt")
    with pytest.raises(FileExistsError, match="overwrite=True"):
        gfile.rename(tmp_path / "a/x.txt", tmp_path / "a/y.txt")
    gfile.remove(tmp_path / "a/x.txt")
    assert gfile.glob(str(tmp_path / "a/*.txt")) == [str(tmp_path / "a/y.txt")] and tf.gfile.Exists(tmp_path / "a/y.txt")
    gfile.rmtree(gfile.join(tmp_path, "a"))
    assert not gfile.exists(tmp_path / "a")


# random images and numbers

DRAWS = {
    "flip": lambda tf, x, **seed: tf.image.random_flip_left_right(x, **seed),
    "flip down": lambda tf, x, **seed: tf.image.random_flip_up_down(x, **seed),
    "brightness": lambda tf, x, **seed: tf.image.random_brightness(x, 0.3, **seed),
    "contrast": lambda tf, x, **seed: tf.image.random_contrast(x, 0.5, 1.5, **seed),
    "saturation": lambda tf, x, **seed: tf.image.random_saturation(x, 0.5, 1.5, **seed),
    "hue": lambda tf, x, **seed: tf.image.random_hue(x, 0.3, **seed),
    "crop": lambda tf, x, **seed: tf.image.random_crop(x, (3, 3, 3), **seed),
    "numbers": lambda tf, x, **seed: x[:1, :1] * tf.random.uniform((), **seed),
}


@pytest.mark.parametrize("name", DRAWS)
@pytest.mark.parametrize("seed", [{}, {"seed": 4}], ids=["", "seed"])
def test_random_changes_differ_by_row_and_are_the_same_compiled_and_not(tf, name, seed):
    images = np.broadcast_to(np.random.default_rng(0).random((1, 5, 5, 3), np.float32), (16, 5, 5, 3))
    data = tf.data.Dataset.from_tensor_slices(images)
    tf.random.set_seed(1)
    compiled = data.map(lambda x: DRAWS[name](tf, x, **seed))
    by_row = Dataset(data._node).map(lambda x: (x.numpy(), DRAWS[name](tf, x, **seed))[1])
    assert compiled._node.traced and not by_row._node.traced
    one, other = np.stack(list(compiled)), np.stack(list(by_row))
    np.testing.assert_allclose(one, other, atol=1e-5)
    assert len(np.unique(one.round(4), axis=0)) > (1 if "flip" in name else 5)
    on_host = DRAWS[name](tf, images[0], **seed)
    assert on_host.shape == one.shape[1:] and on_host.dtype == np.float32


def test_stateless_changes_depend_on_their_seed_alone(tf):
    image = np.random.default_rng(0).random((6, 6, 3), np.float32)
    for name, args in {
        "flip_left_right": (),
        "brightness": (0.4,),
        "hue": (0.2,),
        "crop": ((3, 3, 3),),
        "contrast": (0.5, 2.0),
    }.items():
        change = getattr(tf.image, f"stateless_random_{name}")
        results = [np.asarray(change(image, *args, seed=(1, i))) for i in range(8)]
        assert len({result.tobytes() for result in results}) > 1
        np.testing.assert_array_equal(results[3], change(image, *args, (1, 3)))
    assert tf.random.stateless_uniform((3,), seed=(1, 2)).tolist() == tf.random.stateless_uniform([3], (1, 2)).tolist()


# errors

ERRORS = {
    "D.from_tensor_slices(5)": "first dimension",
    "D.from_tensor_slices(([1, 2], [1]))": "the same for all",
    "D.from_tensor_slices([[1, 2], [3]])": "Pad them to one length",
    "D.from_tensor_slices(np.array([2**40]))": "JAX computes in int32",
    "D.list_files('none/*')": "No files match",
    "D.range(3).batch(0)": "1 or more",
    "D.range(3).shuffle(0)": "1 or more",
    "D.range(3).shard(2, 2)": "num_shards - 1",
    "D.range(3).cache('file')": "keep the elements in memory",
    "D.range(3).concatenate(D.from_tensor_slices(['a']))": "the same elements",
    "len(D.range(3).repeat())": "never ends",
    "len(D.range(3).filter(lambda x: x > 1))": "does not know its length",
    "list(D.from_generator(lambda: [[1], [2, 3]]).batch(2))": "padded_batch",
    "list(D.from_generator(lambda: ['a'], tf.int32))": "its signature says",
    "list(D.from_generator(lambda: [[1, 2]], output_signature=tf.TensorSpec((3,), tf.int32)))": "its signature says",
    "D.from_generator([1, 2])": "a function that returns an iterable",
    "D.from_generator(lambda: [1], output_signature=(int,))": "tf.TensorSpec objects",
    "list(D.range(3).flat_map(lambda x: x))": "returns a Dataset",
    "D.range(3).get_single_element()": "exactly one",
    "D.zip(([1, 2], [3]))": "Expected a tf.data.Dataset",
    "list(D.range(3).map(lambda x: x.numpy().nothing))": "nothing",
    "jax.jit(lambda x: tf.py_function(lambda v: v, [x], tf.int32))(1)": "jax.pure_callback",
    "tf.image.resize(np.zeros((2, 2)), (1, 1))": "a batch of such images",
    "tf.image.resize(np.zeros((2, 2, 1)), (1, 1), 'other')": "method",
    "tf.image.crop_to_bounding_box(np.zeros((4, 4, 1)), 2, 0, 3, 3)": "not within",
    "tf.image.pad_to_bounding_box(np.zeros((4, 4, 1)), 2, 0, 5, 5)": "does not fit",
    "tf.image.random_crop(np.zeros((4, 4, 1)), (5, 5, 1))": "not within",
    "tf.image.random_hue(np.zeros((4, 4, 3)), 2)": "from 0 to 0.5",
    "tf.strings.split(['a b', 'c'])": "no ragged tensors",
    "tf.strings.lower([1])": "as_string",
    "tf.ensure_shape(tf.zeros((2, 3)), (None, 2))": "expected the shape",
    "model().fit(D.from_tensor_slices((X, Y)).batch(4), Y)": "Let it yield the targets",
    "model().fit(D.from_tensor_slices((X[:0], Y[:0])).batch(4), verbose=0)": "no data",
    "__import__('tensorflow_datasets')": "keras.datasets.mnist.load_data",
}


@pytest.mark.parametrize("line", ERRORS)
def test_errors_say_what_to_do(tf, line):
    with pytest.raises((ValueError, TypeError, AttributeError, FileNotFoundError, ImportError), match=ERRORS[line]):
        eval(line, {**globals(), "tf": tf, "D": tf.data.Dataset})


# speed


def test_a_second_epoch_compiles_nothing(tf, caplog):
    dataset = tf.data.Dataset.from_tensor_slices((X, Y)).map(lambda x, y: (x + tf.random.uniform(()), y)).batch(5)
    made = model()
    made.fit(dataset, epochs=1, verbose=0)
    with jax.log_compiles():
        made.fit(dataset, epochs=2, verbose=0)
        before = len(caplog.records)
        jax.jit(lambda x: x + 1)(1.0)
    compiled = [record.getMessage().startswith("Finished XLA compilation") for record in caplog.records]
    assert not any(compiled[:before]) and any(compiled[before:])


@pytest.mark.uncached
def test_boxes_that_follow_from_values_compile_nothing(tf, caplog):
    """CutMix draws one for each image: a program for each shape would take longer than all the rest."""
    image = jax.numpy.arange(5 * 7.0).reshape(5, 7, 1)
    with jax.log_compiles():
        for tall, wide in ((2, 3), (3, 2), (4, 6)):
            whole = tf.image.pad_to_bounding_box(tf.image.crop_to_bounding_box(image, 1, 1, tall, wide), 1, 1, 5, 7)
            inside = np.pad(np.ones((tall, wide, 1)), ((1, 4 - tall), (1, 6 - wide), (0, 0)))
            assert isinstance(whole, jax.Array) and np.asarray(whole).tolist() == (np.asarray(image) * inside).tolist()
    assert not [record.getMessage() for record in caplog.records if "XLA compilation" in record.getMessage()]
    assert jax.jit(lambda x: tf.image.pad_to_bounding_box(x, 1, 0, 6, 7))(image).shape == (6, 7, 1)
    assert jax.grad(lambda x: tf.image.crop_to_bounding_box(x, 1, 1, 2, 3).sum())(image).sum() == 6


# A file that TensorFlow wrote: an example with the integers -1 and 300, and a text of 70 bytes.
_RECORD = (
    b"j\0\0\0\0\0\0\0\xaf\x81\xedg\nh\nO\n\x01b\x12J\nH\nF" + b"x" * 70 + b"\n\x15\n\x01i\x12\x10\x1a\x0e\n\x0c"
    b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\xac\x02\xda`\r\x0f"
)  # fmt: skip


@pytest.mark.parametrize("compression", ["", "GZIP", "ZLIB"])
def test_record_files_give_what_was_written(tf, tmp_path, compression):
    def write(n):
        values = tf.train.FloatList(value=[0.5] * n)
        return tf.train.Feature(float_list=values)

    path = str(tmp_path / "a.tfrecord")
    with tf.io.TFRecordWriter(path, compression) as writer:
        for n in (0, 1, 3000):
            features = {"n": tf.train.Feature(int64_list=tf.train.Int64List(value=[n])), "x": write(n)}
            writer.write(tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString())
    wanted = {"n": tf.io.FixedLenFeature([], tf.int64), "x": tf.io.VarLenFeature(tf.float32)}
    wanted["z"] = tf.io.FixedLenFeature([2], tf.float32, default_value=[1.0, 2.0])

    def parse(text):
        example = tf.io.parse_single_example(text, wanted)
        return example["n"], tf.reduce_sum(tf.sparse.to_dense(example["x"])), example["z"]

    data = tf.data.TFRecordDataset([path], compression_type=compression)
    assert values(data.map(parse)) == [(0, 0.0, [1.0, 2.0]), (1, 0.5, [1.0, 2.0]), (3000, 1500.0, [1.0, 2.0])]
    together = tf.io.parse_example(next(iter(data.batch(3))), wanted)
    assert together["n"].tolist() == [0, 1, 3000] and tf.sparse.to_dense(together["x"]).shape == (3, 3000)


def test_record_files_of_tensorflow_and_their_faults(tf, tmp_path):
    path = tmp_path / "a.tfrecord"
    path.write_bytes(_RECORD)
    (text,) = tf.data.TFRecordDataset(str(path)).as_numpy_iterator()
    example = tf.train.Example.FromString(text)
    assert example.features.feature["i"].int64_list.value == [-1, 300]
    assert example.features.feature["b"].bytes_list.value == [b"x" * 70]
    with tf.io.TFRecordWriter(str(path)) as writer:
        writer.write(text)
    assert path.read_bytes() == _RECORD
    for feature, said in ((tf.io.FixedLenFeature([2], tf.float32), "tf.int64"), (tf.io.FixedLenFeature([], tf.int64), "VarLen")):
        with pytest.raises(ValueError, match=said):
            tf.io.parse_single_example(text, {"i": feature})
    with pytest.raises(ValueError, match="no feature 'q'"):
        tf.io.parse_single_example(text, {"q": tf.io.FixedLenFeature([], tf.int64)})
    for damaged, what in (
        (_RECORD.replace(b"xx", b"xy", 1), "content"),
        (_RECORD[:60], "content"),
        (b"no records at all", "length"),
    ):
        path.write_bytes(damaged)
        with pytest.raises(tf.errors.DataLossError, match=f"the {what} of record 0"):
            list(tf.data.TFRecordDataset(str(path)))
    with pytest.raises(ValueError, match="bytes: is damaged or cut short"):
        tf.train.Example.FromString(text[:-3])


def test_damaged_record_files_are_an_error_that_names_them_and_take_no_memory(tf, tmp_path):
    path = tmp_path / "a.tfrecord"
    length = (40 << 30).to_bytes(8, "little")
    framed = length + masked_checksum(length).to_bytes(4, "little") + b"x"
    for kind, pack in (("", bytes), ("GZIP", gzip.compress), ("ZLIB", zlib.compress)):
        for damaged, what in (
            (pack(framed), "content"),
            (pack(_RECORD)[:-30], "compression" if kind else "content"),
            (b"no records at all", "compression" if kind else "length"),
        ):
            path.write_bytes(damaged)
            with pytest.raises(tf.errors.DataLossError, match=f"a.tfrecord is no .* the {what} of record 0"):
                list(tf.data.TFRecordDataset(str(path), compression_type=kind))
    with tf.io.TFRecordWriter(str(path), "ZLIB") as writer:
        for text in (large := bytes(3 << 20), b"", b"y" * 20_000):
            writer.write(text)
    assert [*tf.data.TFRecordDataset(str(path), "ZLIB").as_numpy_iterator()] == [large, b"", b"y" * 20_000]


def test_tables_of_texts_and_numbers(tf, tmp_path):
    words = tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer(["a", "b"], [3, 4]), default_value=-1)
    assert values(tf.data.Dataset.from_tensor_slices(["b", "z"]).map(words.lookup)) == [4, -1]
    names = tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer([7, 5], ["seven", "five"]), "?")
    assert names[tf.constant([5, 6])].numpy().tolist() == [b"five", b"?"]
    numbers = tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer(tf.constant([7, 5]), [0.5, 1.5]), 0)
    for one in (numbers.lookup, tf.function(numbers.lookup)):
        assert one(tf.constant([[5, 6], [7, 9]])).tolist() == [[1.5, 0.0], [0.5, 0.0]]
    (tmp_path / "words").write_text("one\ntwo\n")
    kinds = tf.lookup.TextFileIndex
    lines = tf.lookup.TextFileInitializer(
        str(tmp_path / "words"), tf.string, kinds.WHOLE_LINE, tf.int64, kinds.LINE_NUMBER, value_index_offset=2
    )
    assert tf.lookup.StaticHashTable(lines, 0).lookup(tf.constant(["two", "three"])).tolist() == [3, 0]
    for table, key, dtype in ((words, tf.constant([1]), "int32"), (numbers, tf.constant([7], "bfloat16"), "bfloat16")):
        with pytest.raises(TypeError, match=f"Received {dtype}"):
            table.lookup(key)
    none = tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer([], [], tf.int64, tf.float32), 0.5)
    for one in (none.lookup, tf.function(none.lookup)):
        assert one(tf.constant([[1], [2]])).tolist() == [[0.5], [0.5]]
    with pytest.raises(ValueError, match="several for b'a'"):
        tf.lookup.KeyValueTensorInitializer(["a", "a"], [1, 2])


def test_boxes_that_cover_each_other(tf):
    boxes = np.array([[0, 0, 0.2, 0.2], [0, 0, 0.2, 0.19], [0.5, 0.5, 0.6, 1.6]], np.float32)
    scores = np.array([0.8, 0.9, 0.5], np.float32)
    assert tf.image.non_max_suppression(boxes, scores, 3).tolist() == [1, 2]
    assert tf.image.non_max_suppression(boxes, scores, 3, iou_threshold=0.96).tolist() == [1, 0, 2]
    assert tf.image.non_max_suppression(boxes, scores, 3, score_threshold=0.5).tolist() == [1]
    both = np.stack([scores, scores[::-1]], -1)[None]
    found = jax.jit(lambda b, s: tuple(tf.image.combined_non_max_suppression(b, s, 2, 5)))(boxes[None, :, None], both)
    assert found[1].tolist() == [[*np.float32([0.9, 0.9, 0.8, 0.5]).tolist(), 0.0]] and found[2].tolist() == [[0, 1, 1, 0, 0]]
    assert found[3].tolist() == [4] and found[0][0, 3].tolist() == [0.5, 0.5, np.float32(0.6), 1.0]
    assert tf.image.non_max_suppression(np.zeros((0, 4)), [], 3).shape == (0,)
    none = jax.eval_shape(lambda b, s: tf.image.combined_non_max_suppression(b, s, 2, 5), boxes[None, :0, None], both[:, :0])
    assert [part.shape for part in none] == [(1, 5, 4), (1, 5), (1, 5), (1,)]


def test_drawn_boxes_and_random_windows(tf):
    drawn = tf.image.draw_bounding_boxes(np.zeros((1, 4, 4, 1)), [[[0.0, 0.0, 0.7, 1.0]]], [[2.0]])
    assert drawn[0, :, :, 0].tolist() == [[2, 2, 2, 2], [2, 0, 0, 2], [2, 2, 2, 2], [0, 0, 0, 0]]
    shares = []
    for number in range(40):
        box = [[[0.2, 0.2, 0.5, 0.5]]]
        begin, size, _ = tf.image.stateless_sample_distorted_bounding_box((60, 80, 3), box, (number, 1), area_range=(0.3, 0.9))
        (top, left, _), (tall, wide, _) = begin.tolist(), size.tolist()
        shares.append(tall * wide / 4800)
        assert 0 <= top <= 60 - tall and 0 <= left <= 80 - wide and 0.7 < wide / tall < 1.4
    assert tf.slice(np.zeros((60, 80, 3)), begin, size).shape == (tall, wide, 3)
    assert 0.28 < min(shares) < 0.4 and 0.7 < max(shares) < 0.92
    whole = tf.image.sample_distorted_bounding_box((6, 8, 3), [[[0, 0, 1, 1]]], min_object_covered=1.0, max_attempts=1)
    assert whole.size.tolist() == [6, 8, -1]
    with pytest.raises(ValueError, match="No bounding boxes"):
        tf.image.sample_distorted_bounding_box((6, 8, 3))

"""`tf.data`, `tf.image`, `tf.strings` and `tf.io` against TensorFlow itself: the same lines, the same values."""

import contextlib
import warnings

import jax
import numpy as np
import pytest
from documents import compat_in

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    theirs = pytest.importorskip("tensorflow")


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    """What TensorFlow gives, computed before jkeras takes over its name."""
    folder = tmp_path_factory.mktemp("theirs")
    with contextlib.chdir(folder):
        found = {name: plain(evaluated(line, theirs)) for name, line in VALUES.items()}
        datasets = {name: evaluated(line, theirs) for name, line in DATASETS.items()}
        return {**found, **{f"dataset {name}": facts(dataset) for name, dataset in datasets.items()}}


@pytest.fixture(scope="module")
def tf(expected, tmp_path_factory):
    with compat_in(tmp_path_factory.mktemp("ours")):
        import tensorflow

        yield tensorflow


S = np.arange(20, dtype=np.float32).reshape(10, 2)
WORDS = ["a", "bb", "ccc", "a", "dd"]
RNG = np.random.default_rng(0)
IMAGE = RNG.integers(0, 256, (7, 9, 3)).astype(np.uint8)
FLOATS = RNG.random((2, 6, 5, 3)).astype(np.float32)

# Lines that give a dataset.
DATASETS = {
    "slices": "D.from_tensor_slices(S)",
    "slices of a dict": "D.from_tensor_slices({'a': [1, 2], 'b': S[:2]})",
    "slices of a tuple": "D.from_tensor_slices((S, (list(range(10)), WORDS * 2)))",
    "strings": "D.from_tensor_slices(WORDS)",
    "from_tensors": "D.from_tensors((S, 3))",
    "range": "D.range(3).concatenate(D.range(10, 2, -3))",
    "generator": "D.from_generator(lambda: ((i, [i] * i) for i in range(4)), output_signature=(spec((), 'int32'), spec([None])))",
    "generator of types": "D.from_generator(lambda n: iter(range(n)), tf.float32, (), args=(3,))",
    "generator of shapes": "D.from_generator(lambda: iter([([[1], [2]], 1)]), (tf.float32, tf.int32),"
    " (tf.TensorShape([None, 1]), tf.TensorShape([])))",
    "map": "D.range(5).map(lambda x: x * 2 + 1)",
    "map of a tuple": "D.from_tensor_slices((S, S)).map(lambda a, b: {'sum': a + b, 'first': a[0]})",
    "map of a dict": "D.from_tensor_slices({'a': [1, 2]}).map(lambda d: (d['a'], [d['a'], 5]))",
    "map of strings": "D.from_tensor_slices(WORDS).map(lambda w: tf.strings.join([w, '!'])).map(tf.strings.length)",
    "py_function": "D.range(3).map(lambda x: tf.py_function(lambda v: v.numpy() + 1, [x], tf.int64))",
    "numpy_function": "D.from_tensor_slices(S).map(lambda x: tf.numpy_function(np.cumsum, [x], tf.float32))",
    "set_shape": "D.from_tensor_slices(S).map(shaped)",
    "batch": "D.from_tensor_slices((S, WORDS * 2)).batch(4)",
    "batch, whole ones": "D.from_tensor_slices(S).batch(4, drop_remainder=True)",
    "batches of batches": "D.range(10).batch(2).batch(3)",
    "batch of dicts": "D.from_tensor_slices({'a': [1, 2, 3]}).batch(2)",
    "map of batches": "D.range(10).batch(4).map(lambda x: (x, tf.reduce_sum(x)))",
    "unbatch": "D.from_tensor_slices((S, S[:, 0])).batch(4).unbatch()",
    "rebatch": "D.range(10).batch(3).rebatch(4)",
    "padded_batch": "ragged.padded_batch(2)",
    "padded_batch to a shape": "ragged.padded_batch(2, padded_shapes=[5], padding_values=np.int64(-1))",
    "padded_batch of a tuple": "ragged.map(lambda x: (x, x[:1]))"
    ".padded_batch(3, padded_shapes=([None], [2]), drop_remainder=True)",
    "padded_batch of words": "D.from_tensor_slices(WORDS).map(lambda w: tf.strings.bytes_split(w)).padded_batch(2)",
    "take": "D.range(10).take(3).concatenate(D.range(2).take(-1))",
    "skip": "D.range(10).skip(7)",
    "repeat": "D.range(3).repeat(2)",
    "endless": "D.range(3).repeat().take(7)",
    "shard": "D.range(10).shard(3, 1)",
    "filter": "D.range(10).filter(lambda x: x % 3 == 0)",
    "filter of tuples": "D.from_tensor_slices((S, S[:, 0])).filter(lambda a, b: b > 6).batch(2)",
    "take_while": "D.range(10).take_while(lambda x: x < 4)",
    "enumerate": "D.from_tensor_slices(WORDS).enumerate(5)",
    "zip": "D.zip((D.range(3), D.range(5, 9), D.from_tensor_slices(WORDS)))",
    "zip of a dict": "D.zip({'a': D.range(3), 'b': D.range(2).batch(2)})",
    "zip of arguments": "D.zip(D.range(3), D.range(3))",
    "flat_map": "D.range(4).flat_map(lambda x: D.range(x))",
    "flat_map of arrays": "D.from_tensor_slices(S).flat_map(D.from_tensor_slices)",
    "interleave": "D.range(1, 6).interleave(lambda x: D.from_tensors(x).repeat(x), cycle_length=2, block_length=2)",
    "interleave of three": "D.range(1, 8).interleave(lambda x: D.range(x), cycle_length=3)",
    "lines": "(tf.io.write_file('lines', 'a b\\nc\\n'), tf.data.TextLineDataset('lines').map(tf.strings.split).take(1))[1]",
    "window": "D.range(7).window(3, shift=2, stride=1, drop_remainder=False).flat_map(lambda w: w.batch(3))",
    "windows": "D.range(9).window(3, shift=1, stride=2, drop_remainder=True).flat_map(lambda w: w.batch(3))",
    "windows with gaps": "D.range(12).window(2, shift=5).flat_map(lambda w: w.batch(2))",
    "windows of tuples": "D.from_tensor_slices((S, S[:, 0])).window(4, 1, 1, True)"
    ".flat_map(lambda a, b: D.zip((a.batch(4), b.batch(4))))",
    "window and targets": "D.range(8).window(4, 1, drop_remainder=True).flat_map(lambda w: w.batch(4))"
    ".map(lambda w: (w[:-1], w[-1]))",
    "batched parts of windows": "D.range(7).window(3, 2).flat_map(lambda w: w.skip(1).batch(2))",
    "windows in other orders": "D.from_tensor_slices({'a': S, 'b': WORDS * 2}).window(4, 3, 2)"
    ".flat_map(lambda w: D.zip((w['b'].batch(4), w['a'].batch(4))))",
    "windows of windows": "D.range(9).window(3, 3).flat_map(lambda w: w.batch(3)).window(2, 1).flat_map(lambda w: w.batch(2))",
    "windows of words": "D.from_tensor_slices(WORDS).window(2, 1, drop_remainder=True).flat_map(lambda w: w.batch(2))",
    "scan": "D.range(6).scan(np.int64(0), lambda total, x: (total + x, total + x))",
    "unique": "D.from_tensor_slices(WORDS).unique()",
    "unique numbers": "D.from_tensor_slices([3, 1, 3, 2]).unique()",
    "cache": "D.range(5).map(lambda x: x * x).cache().batch(2).prefetch(2)",
    "ignore_errors": "D.from_tensor_slices(['1', 'x', '3']).map(lambda w: tf.strings.to_number(w)).ignore_errors()",
    "choose": "D.choose_from_datasets([D.range(3), D.range(10, 13)], D.from_tensor_slices(np.array([0, 1, 1, 0, 1], 'int64')))",
    "sampled": "D.sample_from_datasets([D.from_tensors(1).repeat(), D.from_tensors(2)], weights=[1.0, 0.0]).take(4)",
    "bucket": "ragged.bucket_by_sequence_length(lambda x: tf.shape(x)[0], [2, 4], [2, 2, 2])",
    "group_by_window": "D.range(10).group_by_window(lambda x: x % 2, lambda key, group: group.batch(3), window_size=3)",
    "apply": "D.range(10).apply(lambda d: d.batch(4)).apply(tf.data.experimental.unbatch())",
    "options": "D.range(3).with_options(tf.data.Options())",
    "experimental": "D.range(5).apply(tf.data.experimental.map_and_batch(lambda x: -x, 2))",
    "assert_cardinality": "D.range(9).filter(lambda x: x < 3).apply(tf.data.experimental.assert_cardinality(3))",
    "image resize": "D.from_tensor_slices(FLOATS).map(lambda x: tf.image.resize(x, (4, 4))).batch(2)",
}  # fmt: skip


def evaluated(line, tf, **more):
    def shaped(x):
        x.set_shape([2])
        return x

    data = tf.data.Dataset
    ragged = data.from_generator(
        lambda: (np.arange(n) for n in (1, 3, 2, 4, 5)), output_signature=tf.TensorSpec([None], tf.int64)
    )
    return eval(line, {**globals(), "tf": tf, "D": data, "spec": tf.TensorSpec, "ragged": ragged, "shaped": shaped, **more})


def plain(value):
    return value.numpy() if hasattr(value, "numpy") else value


def facts(dataset):
    """Elements, number, and for each component dtype and shape, None where that is not known."""
    elements = [list(dataset.as_numpy_iterator()) for _ in range(2)]
    leaves = jax.tree.leaves(dataset.element_spec)
    specs = [(kind(spec.dtype), None if spec.shape.rank is None else [*spec.shape]) for spec in leaves]
    return elements[0], int(dataset.cardinality()), specs


def kind(dtype):
    numpy = np.dtype(getattr(dtype, "as_numpy_dtype", dtype))
    return "object" if numpy.hasobject else jax.dtypes.canonicalize_dtype(numpy).name


def same(mine, real, **tolerance):
    """Whether two elements have the same structure, kinds and values."""
    mine, real = (jax.tree.flatten(e) for e in (mine, real))
    assert mine[1] == real[1]
    for a, b in zip(mine[0], real[0], strict=True):
        a, b = np.asarray(a), np.asarray(b)
        assert a.shape == b.shape
        if b.dtype.kind in "OS":
            assert a.tolist() == b.tolist()
        else:
            assert a.dtype == jax.dtypes.canonicalize_dtype(b.dtype)
            np.testing.assert_allclose(a, b, **{"rtol": 1e-6, "atol": 1e-6, **tolerance})


@pytest.mark.parametrize("name", DATASETS)
def test_datasets_have_the_elements_of_tensorflow(tf, expected, name):
    elements, count, specs = expected[f"dataset {name}"]
    dataset = evaluated(DATASETS[name], tf)
    passes = [list(dataset.as_numpy_iterator()), [jax.tree.map(plain, element) for element in dataset]]
    for found in passes:
        assert len(found) == len(elements) > 0
        for mine, real in zip(found, elements, strict=True):
            same(mine, real)
    assert int(dataset.cardinality()) in ((count,) if count != -2 else (-2, len(elements)))
    for spec, (dtype, shape) in zip(jax.tree.leaves(dataset.element_spec), specs, strict=True):
        assert spec.dtype.name == dtype
        assert shape is None or None in shape or list(spec.shape) == shape


VALUES = {
    "reduce": "D.range(5).reduce(np.int64(1), lambda total, x: total + x)",
    "single": "D.from_tensors([1, 2]).get_single_element()",
    "length": "len(D.range(10).batch(3))",
    "endless": "D.range(2).repeat().cardinality()",
    "unknown": "D.range(2).filter(lambda x: x > 0).cardinality()",
    "take of unknown": "D.range(0).repeat().cardinality()",
    "resize": "tf.image.resize(IMAGE, (4, 5))",
    "resize larger": "tf.image.resize(IMAGE, [10, 20], method='nearest')",
    "resize cubic": "tf.image.resize(FLOATS, (9, 4), method=tf.image.ResizeMethod.BICUBIC)",
    "resize lanczos": "tf.image.resize(IMAGE, (5, 5), method='lanczos3', antialias=True)",
    "resize smooth": "tf.image.resize(IMAGE, (3, 4), antialias=True)",
    "resize in proportion": "tf.image.resize(IMAGE, (5, 5), preserve_aspect_ratio=True)",
    "resize with pad": "tf.image.resize_with_pad(IMAGE, 12, 9)",
    "resize with pad, smaller": "tf.image.resize_with_pad(FLOATS, 4, 9)",
    "resize with crop or pad": "tf.image.resize_with_crop_or_pad(IMAGE, 4, 12)",
    "resize with crop or pad, odd": "tf.image.resize_with_crop_or_pad(IMAGE, 10, 6)",
    "central_crop": "tf.image.central_crop(IMAGE, 0.6)",
    "crop": "tf.image.crop_to_bounding_box(IMAGE, 1, 2, 3, 4)",
    "pad": "tf.image.pad_to_bounding_box(IMAGE, 1, 2, 10, 12)",
    "flip": "tf.image.flip_left_right(IMAGE)",
    "flip down": "tf.image.flip_up_down(FLOATS)",
    "rot90": "tf.image.rot90(IMAGE, 3)",
    "transpose": "tf.image.transpose(IMAGE)",
    "gray": "tf.image.rgb_to_grayscale(FLOATS)",
    "gray bytes": "tf.image.rgb_to_grayscale(IMAGE)",
    "rgb": "tf.image.grayscale_to_rgb(tf.constant(IMAGE[..., :1]))",
    "to float": "tf.image.convert_image_dtype(IMAGE, tf.float32)",
    "to bytes": "tf.image.convert_image_dtype(FLOATS, tf.uint8)",
    "to bytes, saturated": "tf.image.convert_image_dtype(FLOATS * 2, tf.uint8, saturate=True)",
    "to int16": "tf.image.convert_image_dtype(IMAGE, tf.int16)",
    "from uint16": "tf.image.convert_image_dtype(IMAGE.astype('uint16') * 255, tf.uint8)",
    "standardized": "tf.image.per_image_standardization(IMAGE)",
    "standardized batch": "tf.image.per_image_standardization(FLOATS)",
    "brightness": "tf.image.adjust_brightness(FLOATS, 0.3)",
    "brightness of bytes": "tf.image.adjust_brightness(IMAGE, -0.2)",
    "contrast": "tf.image.adjust_contrast(FLOATS, 1.7)",
    "contrast of bytes": "tf.image.adjust_contrast(IMAGE, 1.7)",
    "saturation": "tf.image.adjust_saturation(FLOATS, 0.4)",
    "saturation, more": "tf.image.adjust_saturation(FLOATS, 3.0)",
    "hue": "tf.image.adjust_hue(FLOATS, -0.3)",
    "gamma": "tf.image.adjust_gamma(FLOATS, 0.7, 0.9)",
    "hsv": "tf.image.rgb_to_hsv(FLOATS)",
    "from hsv": "tf.image.hsv_to_rgb(FLOATS)",
    "psnr": "tf.image.psnr(FLOATS, FLOATS * 0.9, 1.0)",
    "total_variation": "tf.image.total_variation(tf.constant(FLOATS))",
    "lower": "tf.strings.lower(['Ab', 'C'])",
    "upper": "tf.strings.upper('äb', encoding='utf-8')",
    "strip": "tf.strings.strip([' a ', 'b\\n'])",
    "length of strings": "tf.strings.length(['ä', 'abc'])",
    "characters": "tf.strings.length(['ä', 'abc'], unit='UTF8_CHAR')",
    "substr": "tf.strings.substr('hello', 1, 3)",
    "substr from the end": "tf.strings.substr(['hello', 'world'], -3, 2)",
    "regex_replace": "tf.strings.regex_replace(['<b>x</b>', 'y'], '<[^>]+>', ' ')",
    "regex_replace of a group": "tf.strings.regex_replace('ab12', '([a-z]+)([0-9]+)', r'\\\\2-\\\\1')",
    "regex_full_match": "tf.strings.regex_full_match(['ab', 'abc'], '[ab]+')",
    "split": "tf.strings.split('a/b/c', '/')",
    "split at spaces": "tf.strings.split(' a  b ')",
    "a part": "tf.strings.split('data/cats/1.png', sep='/')[-2]",
    "compared": "tf.strings.split('data/cats/1.png', sep='/')[-2] == np.array(['cats', 'dogs'])",
    "join": "tf.strings.join([['a', 'b'], 'c'], separator='-')",
    "reduce_join": "tf.strings.reduce_join([['a', 'b'], ['c', 'd']], axis=0, separator=' ')",
    "reduce_join of all": "tf.strings.reduce_join(['a', 'b'])",
    "to_number": "tf.strings.to_number(['1.5', '-2e3'])",
    "to_number, whole": "tf.strings.to_number('12', tf.int32)",
    "as_string": "tf.strings.as_string([1.5, 2.0])",
    "as_string, whole": "tf.strings.as_string([1, -20], width=4, fill='0')",
    "as_string of truth": "tf.as_string([True, False])",
    "as_string, digits": "tf.strings.as_string(3.14159, precision=2)",
    "format": "tf.strings.format('{} and {}', ('x', 3))",
    "bytes_split": "tf.strings.bytes_split('abc')",
    "unicode_split": "tf.strings.unicode_split('äb', 'UTF-8')",
    "equal strings": "tf.equal(tf.constant(['a', 'b']), 'b')",
    "sum of strings": "tf.constant('a') + 'b'",
    "decode_raw": "tf.io.decode_raw(b'\\x00\\x01\\x02\\x03', tf.int16)",
    "decode_raw, big end": "tf.io.decode_raw([b'\\x00\\x01', b'\\x02\\x03'], tf.uint16, little_endian=False)",
    "png": "tf.io.decode_png(tf.io.encode_png(IMAGE))",
    "png in gray": "tf.image.decode_png(tf.io.encode_png(IMAGE[..., :1]), channels=1)",
    "png with three channels": "tf.io.decode_image(tf.io.encode_png(IMAGE[..., :1]), channels=3)",
    "png as floats": "tf.io.decode_image(tf.io.encode_png(IMAGE), dtype=tf.float32)",
    "written": "(tf.io.write_file('folder/file', 'text'), tf.io.read_file('folder/file'))[1]",
    "matching": "tf.io.matching_files('folder/*')",
}  # fmt: skip

# Where rounding may go either way, and the cubic, which TensorFlow reads from a table of 1024 places.
TOLERANCES = {
    "resize with pad": 1e-4,
    "resize": 1e-4,
    "gray bytes": 1.01,
    "contrast of bytes": 1.01,
    "resize lanczos": 2e-4,
    "resize smooth": 1e-4,
    "resize in proportion": 1e-4,
    "resize cubic": 5e-4,
    "standardized": 1e-5,
    "standardized batch": 1e-5,
    "psnr": 1e-4,
    "total_variation": 1e-4,
    "saturation": 1e-5,
    "saturation, more": 1e-5,
    "hue": 1e-5,
}


@pytest.mark.parametrize("library", ["numpy", "jax"])
@pytest.mark.parametrize("name", VALUES)
def test_functions_have_the_values_of_tensorflow(tf, expected, name, library):
    images = {} if library == "numpy" else {"IMAGE": tf.constant(IMAGE), "FLOATS": tf.constant(FLOATS)}
    if images and not any(image in VALUES[name] for image in images):
        pytest.skip("no images")
    mine, real = plain(evaluated(VALUES[name], tf, **images)), expected[name]
    if isinstance(real, (int, np.int64)) and not isinstance(mine, np.ndarray):
        assert int(mine) == int(real)
    else:
        same(mine, real, atol=TOLERANCES.get(name, 1e-6))

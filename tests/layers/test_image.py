"""Image layers: fixed ones equal Keras'; random ones make one of the permitted changes, with the right frequencies."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from against_keras import keras, normal

from jkeras import layers
from jkeras.nn import affine, sampling

IMAGES = np.random.default_rng(0).integers(0, 256, (16, 6, 5, 3)).astype("uint8")
RANDOM = {
    "RandomFlip": {},
    "RandomCrop": {"height": 4, "width": 3},
    "RandomTranslation": {"height_factor": 0.3, "width_factor": 0.3},
    "RandomRotation": {"factor": 0.2},
    "RandomZoom": {"height_factor": 0.3},
    "RandomContrast": {"factor": 0.5},
    "RandomBrightness": {"factor": 0.5},
    "RandomErasing": {},
    "RandomShear": {"x_factor": 0.4},
    "RandomPerspective": {"factor": (1, 1), "scale": 0.5},
    "RandomElasticTransform": {"factor": (1, 1), "scale": (1, 1)},
    "RandomInvert": {},
    "RandomPosterization": {"factor": 6},
    "Solarization": {"threshold_factor": 0.5},
    "RandomHue": {"factor": 0.5},
    "RandomSaturation": {"factor": 0.9},
    "RandomColorDegeneration": {"factor": 0.5},
    "RandomGrayscale": {},
    "RandomColorJitter": {"brightness_factor": 0.2, "saturation_factor": 0.9},
    "RandomSharpness": {"factor": 1.0},
    "RandomGaussianBlur": {"sigma": (0.5, 1.0)},
    "MixUp": {"alpha": 1.0},
    "CutMix": {},
    "RandAugment": {"num_ops": 3},
    "AugMix": {"num_chains": 2},
}
every_random_layer = pytest.mark.parametrize("name", RANDOM)


def make(name, **more):
    return getattr(layers, name)(**RANDOM[name], **more)


def drawn(layer, x=IMAGES, seed=0, training=True):
    """The layer's output for a key."""
    return np.asarray(layer.apply({}, {}, x, training=training, rng=jax.random.key(seed))[0])


# laws of all random layers


@pytest.mark.few(8)
@every_random_layer
def test_equal_keys_give_equal_images_and_others_others(name):
    layer = make(name)
    np.testing.assert_array_equal(drawn(layer), drawn(layer))
    assert (drawn(layer) != drawn(layer, seed=1)).any()


@every_random_layer
def test_a_seed_changes_the_draw(name):
    assert len({drawn(make(name, seed=seed)).tobytes() for seed in (3, 4, 5)}) > 1


@every_random_layer
def test_outside_training_nothing_is_random(name):
    y, expected = make(name)(IMAGES, training=False), IMAGES
    if name == "RandomCrop":
        expected = layers.Resizing(4, 3, crop_to_aspect_ratio=True)(IMAGES.astype("float32"))
    np.testing.assert_allclose(y, expected, rtol=1e-6)
    assert y.dtype == "float32"


@pytest.mark.few(8)
@every_random_layer
def test_a_bare_call_augments_as_in_keras(name):
    twin = getattr(keras.layers, name)(**RANDOM[name])
    x = IMAGES.astype("float32")  # not all of Keras' take bytes
    for layer in (make(name), twin):
        assert not np.array_equal(layer(x), layer(x, training=False))


@every_random_layer
def test_channels_first_is_the_same_change(name):
    first = drawn(make(name, data_format="channels_first"), np.moveaxis(IMAGES, -1, 1), seed=2)
    if name != "RandomErasing":  # its noise is drawn in the layout of the images
        np.testing.assert_allclose(np.moveaxis(first, 1, -1), drawn(make(name), seed=2), rtol=1e-6)
    assert first.shape[1] == 3


@pytest.mark.few(8)
@every_random_layer
def test_a_single_image_is_a_batch_of_one(name):
    layer = make(name)
    np.testing.assert_allclose(drawn(layer, IMAGES[0]), drawn(layer, IMAGES[:1])[0], rtol=1e-6)


@every_random_layer
def test_bytes_become_the_compute_dtype(name):
    assert drawn(make(name, dtype="mixed_bfloat16")).dtype == jnp.bfloat16


# what each layer may do


@pytest.mark.parametrize(("mode", "axes"), (("horizontal", [(2,)]), ("vertical", [(1,)]), ("both", [(1,), (2,), (1, 2)])))
def test_flips_are_mirror_images_in_equal_shares(mode, axes):
    x = np.repeat(IMAGES[:1], 2000, 0)
    y = drawn(layers.RandomFlip("horizontal_and_vertical" if mode == "both" else mode), x)
    permitted = [IMAGES[0], *(np.flip(IMAGES[:1], a)[0] for a in axes)]
    shares = [np.mean([np.array_equal(image, p) for image in y]) for p in permitted]
    assert sum(shares) == pytest.approx(1)
    np.testing.assert_allclose(shares, 1 / len(permitted), atol=0.05)


def test_crops_are_windows_at_every_place_with_one_place_for_the_batch():
    windows = {(i, j): IMAGES[:, i : i + 4, j : j + 3] for i in range(3) for j in range(3)}
    layer, seen = make("RandomCrop"), set()
    run = jax.jit(lambda key: layer.apply({}, {}, IMAGES, training=True, rng=key)[0])
    for i in range(80):
        y = np.asarray(run(jax.random.key(i)))
        seen |= {place for place, w in windows.items() if np.array_equal(w, y)}
    assert seen == set(windows)


def test_a_crop_of_images_that_are_too_small_keeps_proportions_and_resizes():
    y = drawn(layers.RandomCrop(8, 4))
    np.testing.assert_allclose(y, keras.layers.CenterCrop(8, 4)(IMAGES), rtol=1e-5)


def test_whole_pixel_translations_are_shifts_of_padded_images_in_equal_shares():
    x = np.repeat(IMAGES[:1, :5, :5], 4000, 0)
    y = drawn(layers.RandomTranslation(1.5 / 5, 1.5 / 5, interpolation="nearest"), x)
    padded = np.pad(x[0], ((1, 1), (1, 1), (0, 0)), mode="symmetric")
    permitted = [padded[i : i + 5, j : j + 5] for i in range(3) for j in range(3)]
    shares = [np.mean([np.array_equal(image, p) for image in y]) for p in permitted]
    assert sum(shares) == pytest.approx(1, abs=2e-3)
    np.testing.assert_allclose(shares, 1 / 9, atol=0.03)


@pytest.mark.parametrize("layer", (layers.RandomRotation((0.25, 0.25)), layers.RandomRotation((-0.75, -0.75))))
def test_a_quarter_turn_is_numpys(layer):
    x = IMAGES[:, :5]
    np.testing.assert_allclose(drawn(layer, x), np.rot90(x, axes=(1, 2)), atol=1e-2)


def test_rotations_and_zooms_equal_keras_for_fixed_factors():
    for name, arguments in (("RandomRotation", ((0.1, 0.1),)), ("RandomZoom", ((0.3, 0.3), (-0.2, -0.2)))):
        expected = getattr(keras.layers, name)(*arguments)(IMAGES, training=True)
        np.testing.assert_allclose(drawn(getattr(layers, name)(*arguments)), expected, atol=2e-3)


def test_contrast_moves_values_about_their_mean_within_the_factor():
    y = drawn(layers.RandomContrast(0.5, value_range=(-1000, 1000)))
    x = IMAGES.astype("float32")
    mean = x.mean((1, 2), keepdims=True)
    factors = ((y - mean) / np.where(x == mean, 1, x - mean))[:, 0, 0, 0]
    assert 0.49 < factors.min() < 0.6 and 1.4 < factors.max() < 1.51
    np.testing.assert_allclose(y, (x - mean) * factors[:, None, None, None] + mean, rtol=1e-3, atol=1e-2)


def test_brightness_adds_one_number_per_image_and_clips():
    x = np.full((500, 2, 2, 1), 128.0, "float32")
    y = drawn(layers.RandomBrightness(0.2), x)
    change = y[:, 0, 0, 0] - 128
    assert (y == y[:, :1, :1]).all() and -51.01 < change.min() < -40 and 40 < change.max() < 51.01
    assert drawn(layers.RandomBrightness(1.0), x).max() == 255


def test_erasing_fills_one_rectangle_in_the_given_share_of_images():
    x = np.ones((1000, 8, 8, 2), "float32")
    y = drawn(layers.RandomErasing(factor=(0.7, 0.7), scale=(0.1, 0.4), fill_value=0), x)
    erased = 1 - y[..., 0]
    touched = erased.any((1, 2))
    assert touched.mean() == pytest.approx(0.7, abs=0.05) and (y[..., 0] == y[..., 1]).all()
    for hole in erased[touched]:
        rows, columns = hole.any(1), hole.any(0)
        assert hole.sum() == rows.sum() * columns.sum()  # a product of two sets of rows and columns
        assert (np.diff(np.flatnonzero(rows)) == 1).all() and 2 <= rows.sum() <= 6


# fixed layers


@pytest.mark.parametrize("fill_mode", sampling.FILL_MODES)
@pytest.mark.parametrize("interpolation", sampling.INTERPOLATIONS)
def test_affine_transform_equals_keras(fill_mode, interpolation):
    x, matrices = normal(4, 6, 5, 3), np.zeros((4, 8), "float32")
    matrices[:, :6] = np.array([1, 0, 0, 0, 1, 0]) + normal(4, 6, seed=1) * [0.3, 0.3, 9, 0.3, 0.3, 9]
    options = (interpolation, fill_mode, 0.7)
    expected = keras.ops.image.affine_transform(x, matrices, *options)
    np.testing.assert_allclose(affine.affine_transform(x, matrices[:, :6], *options), expected, atol=2e-5)


@pytest.mark.parametrize("size", ((4, 3), (3, 8), (9, 9)), ids=str)
@pytest.mark.parametrize(
    "options",
    ({}, {"interpolation": "nearest"}, {"interpolation": "lanczos3", "antialias": True}, {"crop_to_aspect_ratio": True},
     {"pad_to_aspect_ratio": True, "fill_value": 7.0}),
    ids=str,
)  # fmt: skip
@pytest.mark.parametrize("dtype", ("uint8", "float32"))
def test_resizing_equals_keras(size, options, dtype):
    x = IMAGES[:2].astype(dtype)
    y, expected = layers.Resizing(*size, **options)(x), keras.layers.Resizing(*size, **options)(x)
    assert y.dtype == expected.dtype
    np.testing.assert_allclose(y, expected, rtol=1e-5, atol=1e-3)


@pytest.mark.parametrize("size", ((4, 3), (6, 5), (3, 4), (8, 4), (4, 9)), ids=str)
def test_center_crop_equals_keras(size):
    np.testing.assert_allclose(layers.CenterCrop(*size)(IMAGES), keras.layers.CenterCrop(*size)(IMAGES), rtol=1e-5)


@pytest.mark.parametrize("axis", (-1, None, (1, 3), 0), ids=str)
def test_normalization_adapts_as_keras(axis):
    ours, theirs = layers.Normalization(axis), keras.layers.Normalization(axis)
    x = IMAGES.astype("float32")
    ours.adapt(x)
    theirs.adapt(x)
    np.testing.assert_allclose(ours(x), theirs(x), rtol=1e-4, atol=1e-5)
    assert [w.name for w in ours.weights] == [w.name for w in theirs.weights]


def test_normalization_adapts_over_batches_of_any_size():
    whole, parts = layers.Normalization(), layers.Normalization()
    whole.adapt(IMAGES)
    parts.adapt((IMAGES[i:j], None) for i, j in ((0, 3), (3, 10), (10, 16)))
    for a, b in zip(parts.get_weights(), whole.get_weights()):
        np.testing.assert_allclose(a, b, rtol=1e-6)


def test_normalization_undoes_itself():
    numbers = {"mean": [1.0, 2.0, 3.0], "variance": [4.0, 0.5, 1.0]}
    x = normal(2, 3)
    y = layers.Normalization(**numbers)(x)
    np.testing.assert_allclose(layers.Normalization(**numbers, invert=True)(y), x, rtol=1e-5)


@pytest.mark.parametrize(
    ("name", "arguments"),
    (
        ("RandomFlip", ("diagonal",)),
        ("RandomTranslation", (1.5, 0)),
        ("RandomTranslation", (0, (0.1, 0.2, 0.3))),
        ("RandomRotation", (0.1, "mirrored")),
        ("RandomRotation", (0.1, "wrap", "cubic")),
        ("RandomZoom", (-1,)),
        ("RandomContrast", (-0.1,)),
        ("RandomBrightness", (0.1, 255)),
        ("RandomErasing", ((0.1, 1.2),)),
        ("Resizing", (2, 2, "cubic")),
        ("Resizing", (2, 2, "bilinear", True, True)),
        ("Normalization", (-1, 1.0)),
        ("GaussianDropout", (1,)),
        ("GaussianNoise", (-0.1,)),
    ),
)
def test_bad_arguments_are_refused(name, arguments):
    with pytest.raises(ValueError):
        getattr(layers, name)(*arguments)


# noise


@pytest.mark.parametrize("layer", (layers.GaussianNoise(0.4), layers.GaussianDropout(0.2), layers.AlphaDropout(0.2)))
def test_noise_keeps_the_mean_and_has_its_variance(layer):
    x = normal(400, 500)
    y = drawn(layer, x)
    expected = {"GaussianNoise": 1 + 0.4**2, "GaussianDropout": 1 + 0.2 / 0.8, "AlphaDropout": 1}[type(layer).__name__]
    assert abs(y.mean()) < 0.02 and y.var() == pytest.approx(expected, rel=0.03)
    np.testing.assert_array_equal(layer(x), x)


@pytest.mark.parametrize("rank", (1, 2, 3))
@pytest.mark.parametrize("first", (False, True))
def test_spatial_dropout_drops_whole_channels(rank, first):
    if first and rank == 1:
        return
    layer = getattr(layers, f"SpatialDropout{rank}D")(0.3, **({"data_format": "channels_first"} if first else {}))
    y = drawn(layer, np.ones((200, *((50,) if first else ()), *(2, 3, 2)[:rank], *(() if first else (50,))), "float32"))
    flat = (np.moveaxis(y, 1, -1) if first else y).reshape(200, -1, 50)
    assert (flat == flat[:, :1]).all() and (flat == 0).mean() == pytest.approx(0.3, abs=0.02)

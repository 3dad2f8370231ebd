"""Operations on images: Keras' values, gradients and files; layouts, single images, integers, unknown sizes, jit and vmap."""

import inspect
import json

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

import jkeras
from jkeras import ops
from jkeras.graph import KerasTensor
from jkeras.nn import elastic, filters, perspective
from jkeras.ops import image as kimage

rng = np.random.default_rng(0)
X = rng.random((2, 6, 5, 3)).astype("float32")
BYTES = rng.integers(0, 256, X.shape).astype("uint8")
MAPS = np.array([[1.1, 0.3, -1.4, -0.2, 0.8, 2.3, 0, 0], [0.7, -0.4, 3.3, 0.5, 1.3, -2.2, 0, 0]], "float32")
START = np.array([[[0, 0], [0, 4], [5, 0], [5, 4]], [[1, 0], [0, 3], [4, 1], [4, 4]]], "float32")
END = np.array([[[1, 0.4], [0, 3], [4, 1.2], [5, 3.5]], [[0, 0], [0, 4], [5, 0], [5, 4]]], "float32")
PLACES = rng.uniform(-3, 8, (4, 2, 7)).astype("float32")
VOLUMES = rng.random((2, 5, 6, 4, 2)).astype("float32")
MODES = ("constant", "nearest", "wrap", "mirror", "reflect")

# What is called, besides the images: name, arguments by position, arguments by name.
CALLS = [
    ("rgb_to_grayscale", (), {}),
    ("rgb_to_hsv", (), {}),
    ("hsv_to_rgb", (), {}),
    *[("resize", ((4, 8),), {"interpolation": k}) for k in ("bilinear", "nearest", "bicubic", "lanczos3", "lanczos5")],
    ("resize", ((3, 4),), {"antialias": True}),
    ("resize", ((3, 7),), {"crop_to_aspect_ratio": True}),
    ("resize", ((3, 7),), {"pad_to_aspect_ratio": True, "fill_value": 0.7}),
    ("resize", ((9, 2),), {"pad_to_aspect_ratio": True}),
    *[("affine_transform", (MAPS,), {"fill_mode": mode, "fill_value": 0.3}) for mode in MODES],
    ("affine_transform", (MAPS,), {"fill_mode": "reflect", "interpolation": "nearest"}),
    ("perspective_transform", (START, END), {"fill_value": 0.2}),
    ("perspective_transform", (START, END), {"interpolation": "nearest"}),
    ("gaussian_blur", (), {"data_format": "channels_last"}),
    ("gaussian_blur", ((5, 5), (0.7, 2.0)), {"data_format": "channels_last"}),
    ("gaussian_blur", ((4, 3), (0.7, 2.0)), {"data_format": "channels_last"}),
    ("extract_patches", (2,), {}),
    ("extract_patches", ((3, 2),), {"strides": (1, 2), "padding": "same"}),
    ("extract_patches", (2,), {"strides": 1, "dilation_rate": 2}),
    ("crop_images", (), {"top_cropping": 1, "target_height": 3, "left_cropping": 2, "right_cropping": 1}),
    ("crop_images", (), {"bottom_cropping": 1, "target_height": 3, "right_cropping": 2, "target_width": 3}),
    ("pad_images", (), {"top_padding": 1, "bottom_padding": 3, "left_padding": 2, "target_width": 9}),
    ("pad_images", (), {"target_height": 8, "bottom_padding": 1, "right_padding": 0, "target_width": 6}),
    ("ssim", (X[::-1].copy(),), {"filter_size": 4, "filter_sigma": 1.0, "max_val": 2.0}),
]  # fmt: skip
IDS = [f"{i} {name}" for i, (name, _, _) in enumerate(CALLS)]
every_call = pytest.mark.parametrize(("name", "args", "options"), CALLS, ids=IDS)
FIRST = {name: (name, args, options) for name, args, options in reversed(CALLS)}
every_operation = pytest.mark.parametrize(("name", "args", "options"), FIRST.values(), ids=FIRST)


def call(module, name, x, args=(), options=None):
    return getattr(module.ops.image, name)(x, *args, **options or {})


def close(ours, theirs, **options):
    np.testing.assert_allclose(np.asarray(ours), np.asarray(theirs), **{"atol": 3e-6, "rtol": 1e-5, **options})


def first(x):
    return np.moveaxis(np.asarray(x), -1, -3)


def test_the_sixteen_of_keras():
    names = {name for name in dir(keras.ops.image) if not name.startswith("_")}
    assert set(kimage.__all__) == names and len(names) == 16
    for name in names:
        assert getattr(ops.image, name) is getattr(kimage, name) is getattr(jkeras.ops.image, name)
        assert not hasattr(ops, name)
        theirs = inspect.signature(getattr(keras.ops.image, name)).parameters
        own = inspect.signature(getattr(kimage, name)).parameters
        assert [(p.name, p.default) for p in own.values()] == [(p.name, p.default) for p in theirs.values()], name


@pytest.mark.few(16)
@every_call
def test_values_and_gradients_of_keras(name, args, options):
    close(call(jkeras, name, X, args, options), call(keras, name, jnp.asarray(X), args, options))
    if options.get("interpolation") == "nearest":
        return
    weights = rng.random(call(jkeras, name, X, args, options).shape).astype("float32")

    def gradient(module):
        return jax.grad(lambda x: (call(module, name, x, args, options) * weights).sum())(jnp.asarray(X))

    close(gradient(jkeras), gradient(keras), atol=2e-5)


@pytest.mark.few(6)
@every_operation
def test_layouts_single_images_and_compiled_code(name, args, options):
    y = np.asarray(call(jkeras, name, X, args, options))
    channels = y.ndim == 4
    layout = {**options, "data_format": "channels_first"}
    turned = tuple(first(a) if name == "ssim" else a for a in args)
    close(call(jkeras, name, first(X), turned, layout), first(y) if channels else y)

    per_image = {"affine_transform", "perspective_transform", "ssim"}
    one = tuple(a[1] for a in args) if name in per_image else args
    close(call(jkeras, name, X[1], one, options), y[1])
    batched = jax.vmap(lambda x, *a: call(jkeras, name, x, a if name in per_image else args, options))
    close(jax.jit(batched)(X, *(args if name in per_image else ())), y, atol=1e-5)


@pytest.mark.few(16)
@every_call
def test_symbolic_shapes(name, args, options):
    wanted = call(jkeras, name, X, args, options).shape
    known, unknown = KerasTensor(X.shape), KerasTensor((None, None, None, 3))
    spec = call(jkeras, name, known, (known,) if name == "ssim" else args, options)
    assert spec.shape == wanted and spec.dtype == "float32"
    open_axes = call(jkeras, name, unknown, (unknown,) if name == "ssim" else args, options)
    if name not in ("affine_transform", "perspective_transform"):
        assert open_axes.shape[0] is None
    for n, m in zip(open_axes.shape[1:], wanted[1:]):
        assert n in (None, m)
    assert open_axes.shape[-1] == wanted[-1] or name == "ssim"


@pytest.mark.few(5)
@every_operation
def test_half_precision_keeps_its_dtype(name, args, options):
    for dtype in ("bfloat16", "float16"):
        symbol = KerasTensor(X.shape, dtype)
        y = call(jkeras, name, jnp.asarray(X, dtype), tuple(a.astype(dtype) for a in args) if name == "ssim" else args, options)
        assert y.dtype == dtype and bool(jnp.isfinite(y).all())
        assert call(jkeras, name, symbol, (symbol,) if name == "ssim" else args, options).dtype == dtype


@every_operation
def test_models_with_them_go_to_keras_and_back(name, args, options):
    def graph(k):
        x = k.Input(batch_shape=X.shape, name="x")
        return k.Model(x, call(k, name, x, (k.ops.flip(x, 0),) if name == "ssim" else args, options))

    ours, theirs = graph(jkeras), graph(keras)
    y = ours(X)
    close(keras.models.model_from_json(ours.to_json())(X), y)
    close(jkeras.models.model_from_json(theirs.to_json())(X), y)
    close(jkeras.models.model_from_json(json.dumps(json.loads(ours.to_json())))(X), y)


# volumes, places, scales


@pytest.mark.few(3)
@pytest.mark.parametrize(
    "options", [{}, {"strides": 1}, {"strides": (1, 2, 2), "padding": "same"}, {"strides": 1, "dilation_rate": 2}]
)
@pytest.mark.parametrize("size", [2, (2, 3, 1)])
def test_patches_of_volumes(size, options):
    y = ops.image.extract_patches_3d(VOLUMES, size, **options)
    close(y, keras.ops.image.extract_patches_3d(VOLUMES, size, **options), atol=0)
    close(ops.image.extract_patches_3d(VOLUMES[0], size, **options), y[0], atol=0)
    turned = ops.image.extract_patches_3d(np.moveaxis(VOLUMES, -1, 1), size, data_format="channels_first", **options)
    close(np.moveaxis(turned, 1, -1), y, atol=0)
    if not isinstance(size, int):
        close(ops.image.extract_patches(VOLUMES, size, **options), y, atol=0)
    x = jkeras.Input(batch_shape=VOLUMES.shape)
    model = jkeras.Model(x, ops.image.extract_patches_3d(x, size, **options))
    close(keras.models.model_from_json(model.to_json())(VOLUMES), y, atol=0)


def test_patches_of_integers_are_exact():
    y = ops.image.extract_patches(BYTES, 3, strides=2, padding="same")
    assert y.dtype == "uint8"
    np.testing.assert_array_equal(y, ops.image.extract_patches(BYTES.astype("float32"), 3, strides=2, padding="same"))


@pytest.mark.few(8)
@pytest.mark.parametrize("fill_mode", MODES)
@pytest.mark.parametrize("order", [0, 1])
@pytest.mark.parametrize("dtype", ["float32", "int32"])
def test_map_coordinates(order, fill_mode, dtype):
    x = (X * 100).astype(dtype)
    y = ops.image.map_coordinates(x, PLACES, order, fill_mode, 7)
    assert y.dtype == dtype
    close(y, keras.ops.image.map_coordinates(jnp.asarray(x), PLACES, order, fill_mode, 7), atol=1e-4)
    spec = ops.image.map_coordinates(KerasTensor(x.shape, dtype), KerasTensor((4, None, 7)), order, fill_mode, 7)
    assert (spec.shape, spec.dtype) == ((None, 7), dtype)
    a, b = jkeras.Input(batch_shape=x.shape, dtype=dtype), jkeras.Input(batch_shape=PLACES.shape)
    model = jkeras.Model([a, b], ops.image.map_coordinates(a, b, order, fill_mode, 7))
    close(keras.models.model_from_json(model.to_json())([x, PLACES]), y, atol=1e-4)


@pytest.mark.few(2)
@pytest.mark.parametrize(("method", "antialias"), [("linear", True), ("linear", False), ("cubic", True), ("lanczos5", True)])
def test_scale_and_translate(method, antialias):
    arguments = ((2, 9, 5, 3), [1.7, 0.6], [-1.2, 0.4], (1, 2), method, antialias)
    y = ops.image.scale_and_translate(X, *arguments)
    close(y, keras.ops.image.scale_and_translate(X, *arguments))
    assert ops.image.scale_and_translate(KerasTensor(X.shape, "uint8"), *arguments).dtype == "uint8"
    any_batch = (None, *arguments[0][1:])
    close(ops.image.scale_and_translate(X, any_batch, *arguments[1:]), y)
    scales = KerasTensor((2,)), KerasTensor((2,))
    symbol = ops.image.scale_and_translate(KerasTensor((None, *X.shape[1:])), any_batch, *scales, *arguments[3:])
    assert symbol.shape == any_batch
    x = jkeras.Input(batch_shape=X.shape)
    model = jkeras.Model(x, ops.image.scale_and_translate(x, *arguments))
    close(jkeras.models.model_from_json(model.to_json())(X), y)
    close(keras.models.model_from_json(model.to_json())(X), y)


# integers


def test_integers_are_rounded_and_keep_their_range():
    for name, args, options in CALLS:
        if name in ("rgb_to_hsv", "hsv_to_rgb", "ssim"):
            continue
        found = call(jkeras, name, BYTES, args, options)
        assert found.dtype == "uint8", name
        if options.get("fill_value", 0) % 1 == 0:
            floats = np.asarray(call(jkeras, name, BYTES.astype("float32"), args, options))
            assert np.abs(np.asarray(found, "float32") - np.clip(floats, 0, 255)).max() <= 0.5, name
    assert ops.image.rgb_to_grayscale(np.full((1, 1, 3), 255, "uint8")).tolist() == [[[255]]]
    assert float(ops.image.ssim(BYTES[0], BYTES[0], max_val=255, filter_size=4)) == 1.0


# what Keras on JAX does not do, or does differently


def test_sobel_edges_of_a_flat_image_are_none_and_those_inside_are_keras():
    assert not np.any(ops.image.sobel_edges(np.full((1, 4, 4, 1), 0.5, "float32")))
    y = ops.image.sobel_edges(X)
    close(y[:, 1:-1, 1:-1], keras.ops.image.sobel_edges(X)[:, 1:-1, 1:-1])
    close(ops.image.sobel_edges(first(X), "channels_first"), np.moveaxis(y, -2, -4))
    close(ops.image.sobel_edges(X[0]), y[0])
    x = jkeras.Input((None, None, 3))
    model = jkeras.Model(x, ops.image.sobel_edges(x))
    assert model.output_shape == (None, None, None, 3, 2)
    assert keras.models.model_from_json(model.to_json())(X).shape == y.shape


def test_one_map_serves_a_batch():
    for name, args in (("affine_transform", (MAPS,)), ("perspective_transform", (START, END))):
        together = call(jkeras, name, X, tuple(a[0] for a in args))
        close(together[1], call(jkeras, name, X[1], tuple(a[0] for a in args)))


def test_points_move_where_they_are_sent_and_the_horizon_is_finite():
    h = perspective.homographies(jnp.asarray(START), jnp.asarray(END))
    u, v = END[..., 0], END[..., 1]
    depth = h[:, 6:7] * u + h[:, 7:8] * v + 1
    close((h[:, 0:1] * u + h[:, 1:2] * v + h[:, 2:3]) / depth, START[..., 0], atol=1e-4)
    close((h[:, 3:4] * u + h[:, 4:5] * v + h[:, 5:6]) / depth, START[..., 1], atol=1e-4)
    # depth = 1 - u / 2 is 0 at u = 2
    start, end = np.array([[0, 0], [2, 0], [0, 1], [2, 2]], "float32"), np.array([[0, 0], [1, 0], [0, 1], [1, 1]], "float32")
    grad = jax.grad(lambda x: ops.image.perspective_transform(x, start, end).sum())(jnp.asarray(X))
    assert np.isfinite(grad).all()


def test_grays_have_a_gradient():
    gray = jnp.full((1, 1, 3), 0.5)
    assert np.isfinite(jax.grad(lambda x: ops.image.rgb_to_hsv(x).sum())(gray)).all()
    assert np.isfinite(jax.grad(lambda x: ops.image.rgb_to_hsv(x).sum())(0 * gray)).all()


def test_hsv_there_and_back():
    close(ops.image.hsv_to_rgb(ops.image.rgb_to_hsv(X)), X)


# elastic deformation


@pytest.mark.parametrize("fill_mode", MODES)
def test_elastic_transform_is_a_lookup_at_blurred_noise(fill_mode):
    noise = rng.normal(size=(2, 2, 6, 5)).astype("float32")
    y = elastic.elastic_transform(jnp.asarray(X), jnp.asarray(noise), 3.0, 1.0, 7, fill_mode=fill_mode)
    shift = 3.0 * np.asarray(
        keras.ops.image.gaussian_blur(noise[..., None].reshape(4, 6, 5, 1), (7, 7), (1.0, 1.0), data_format="channels_last")
    )
    down, right = shift.reshape(2, 2, 6, 5)
    row, column = np.mgrid[:6, :5]
    for b in range(2):
        for c in range(3):
            places = jnp.asarray([row + down[b], column + right[b]])
            close(y[b, ..., c], jax.scipy.ndimage.map_coordinates(X[b, ..., c], places, 1, fill_mode), atol=1e-5)


def test_elastic_transform_draws():
    def deformed(x=X, **options):
        return np.asarray(ops.image.elastic_transform(x, **{"alpha": 5.0, "sigma": 1.0, "seed": 1, **options}))

    np.testing.assert_array_equal(deformed(), deformed())
    assert (deformed() != deformed(seed=2)).any()
    assert (deformed(seed=None) != deformed(seed=None)).any()
    close(deformed(alpha=0.0), X)
    close(deformed(first(X), data_format="channels_first"), first(deformed()))
    assert deformed(X[0]).shape == X[0].shape and deformed(BYTES).dtype == "uint8"
    generator = jkeras.random.SeedGenerator(1)
    assert (deformed(seed=generator) != deformed(seed=generator)).any()
    # Rows and columns move by draws of their own: a transposed image is not the transposed result.
    square = X[:, :5]
    assert np.abs(deformed(square).swapaxes(1, 2) - deformed(square.swapaxes(1, 2))).max() > 1e-3


def test_elastic_transform_in_a_model():
    x = jkeras.Input((None, None, 3))
    model = jkeras.Model(x, ops.image.elastic_transform(x, alpha=2.0, sigma=1.0, seed=3))
    assert model.output_shape == (None, None, None, 3)
    again = jkeras.models.model_from_json(model.to_json())
    close(again(X), model(X))
    assert keras.models.model_from_json(model.to_json())(X).shape == X.shape


# wrong calls

SYMBOL = KerasTensor((None, 20, 20, 3))
WRONG = [
    ("rgb_to_grayscale", (np.zeros((4, 4, 4)),), {}, "4 channels"),
    ("rgb_to_grayscale", (np.zeros((3, 3)),), {}, "batch, height, width, channels"),
    ("rgb_to_hsv", (BYTES,), {}, "takes floats from 0 to 1"),
    ("hsv_to_rgb", (KerasTensor((None, 4, 20, 20)),), {"data_format": "channels_first"}, "4 channels"),
    ("resize", (X, (5, 5, 5)), {}, "height, width"),
    ("resize", (X, (0, 5)), {}, "positive"),
    ("resize", (X, (5, 5)), {"interpolation": "area"}, "interpolation"),
    ("resize", (X, (5, 5)), {"fill_mode": "reflect"}, "fill_mode"),
    ("resize", (X, (5, 5)), {"crop_to_aspect_ratio": True, "pad_to_aspect_ratio": True}, "not both"),
    ("affine_transform", (X, MAPS[:, :6]), {}, r"\(batch, 8\)"),
    ("affine_transform", (X, MAPS), {"fill_mode": "edge"}, "fill_mode"),
    ("affine_transform", (X, MAPS), {"interpolation": "bicubic"}, "interpolation"),
    ("perspective_transform", (X, START, END[0]), {}, "one shape"),
    ("perspective_transform", (X, START[:, :3], END[:, :3]), {}, "4, 2"),
    ("gaussian_blur", (np.zeros((4, 4)),), {}, "batch, height, width"),
    ("elastic_transform", (X,), {"fill_mode": "edge"}, "fill_mode"),
    ("map_coordinates", (X, PLACES[:3]), {"order": 1}, "4 axes"),
    ("map_coordinates", (X, PLACES), {"order": 2}, "order=0"),
    ("map_coordinates", (X, PLACES), {"order": 1, "fill_mode": "edge"}, "fill_mode"),
    ("scale_and_translate", (X, X.shape, [1.0], [0.0], (1,), "nearest"), {}, "method"),
    ("scale_and_translate", (X, (6, 5), [1.0], [0.0], (1,), "linear"), {}, "number of axes"),
    ("extract_patches", (X, 9), {}, "do not fit"),
    ("extract_patches", (SYMBOL, (2, 2, 2, 2)), {}, "two or three"),
    ("extract_patches", (X, 2), {"padding": "full"}, "padding"),
    ("extract_patches", (X[0, 0], 2), {}, "3 or 4 axes"),
    ("crop_images", (X,), {"top_cropping": 1}, "exactly two of top_cropping"),
    ("crop_images", (X, 4, 0, 4, 0), {}, "cannot crop"),
    ("crop_images", (SYMBOL, -1, 0, 4, 0), {}, "top_cropping of 0 or more"),
    ("pad_images", (SYMBOL, 1, 0, None, 0, 5), {}, "cannot pad"),
    ("ssim", (X, X[:, :4]), {}, "one shape"),
    ("ssim", (X, X), {}, "smaller filter_size"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "args", "options", "text"), WRONG)
def test_wrong_calls(name, args, options, text):
    with pytest.raises(ValueError, match=text):
        call(jkeras, name, args[0], args[1:], options)


def test_sizes_of_another_type_are_type_errors():
    with pytest.raises(TypeError, match="int"):
        ops.image.extract_patches(X, "a")
    with pytest.raises(TypeError, match="depth, height, width"):
        ops.image.extract_patches_3d(VOLUMES, (4, 4))


def test_the_blur_of_a_point_is_the_bell_itself():
    point = np.zeros((9, 9, 1), "float32")
    point[4, 4] = 1
    blurred = np.asarray(ops.image.gaussian_blur(point, (5, 3), (2.0, 0.5)))[..., 0]
    close(blurred[3:6, 2:7], np.outer(filters.bell(3, 0.5), filters.bell(5, 2.0)))
    assert blurred.sum() == pytest.approx(1, abs=1e-5)

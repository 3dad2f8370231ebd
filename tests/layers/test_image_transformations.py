"""Image layers do with a given draw what Keras does with it, and with boxes, labels and masks what they do with images."""

import inspect

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from against_keras import keras
from hypothesis import given, settings
from hypothesis import strategies as st

import jkeras as jk
from jkeras import layers
from jkeras.layers.image.base import ImageLayer
from jkeras.nn import histogram, moved_boxes, tone

IMAGES = np.random.default_rng(0).uniform(0, 255, (4, 6, 5, 3)).astype("float32")
KEY = jax.random.key(3)
NEAR = {"rtol": 1e-4, "atol": 2e-3}  # of 255, so 1e-5 of the range: sums and lookups in another order


# Layer -> arguments, and what Keras calls the draw where it differs.
DRAWN = {
    "RandomFlip": ({"mode": "vertical"}, lambda t: {**t, "flips": t["flips"][..., None, None]}),
    "RandomTranslation": ({"height_factor": 0.4, "width_factor": 0.3, "fill_mode": "wrap"}, None),
    "RandomZoom": ({"height_factor": 0.4, "width_factor": 0.2}, None),
    "RandomShear": ({"x_factor": 0.4, "y_factor": (0.1, 0.3)}, None),
    "RandomPerspective": ({"scale": 0.5, "fill_value": 7}, None),
    "RandomContrast": ({"factor": 0.5}, None),
    "RandomBrightness": ({"factor": 0.5}, None),
    "RandomInvert": ({}, None),
    "RandomPosterization": ({"factor": 6}, lambda t: {"shift_factor": t["shift_factor"].astype("uint8")}),
    "Solarization": ({"addition_factor": 0.5, "threshold_factor": 0.5, "value_range": (0, 300)}, None),
    "RandomErasing": ({}, None),
    "RandomHue": ({"factor": 1.0}, None),
    "RandomSaturation": ({"factor": 0.5}, None),  # above 0.5 Keras leaves the range of colours
    "RandomColorDegeneration": ({"factor": 0.9}, None),
    "RandomGrayscale": ({}, lambda t: t["should_apply"][:, None, None, None]),
    "RandomSharpness": ({"factor": 1.0}, None),
    "RandomGaussianBlur": ({"kernel_size": (3, 5), "sigma": (0.4, 0.9)}, None),
    "MixUp": ({}, None),
    "CutMix": ({}, None),
}


@pytest.mark.few(10)
@pytest.mark.parametrize("name", DRAWN)
def test_a_draw_does_to_images_what_it_does_in_keras(name):
    arguments, renamed = DRAWN[name]
    layer, theirs = getattr(layers, name)(**arguments), getattr(keras.layers, name)(**arguments)
    drawn = layer.get_random_transformation(IMAGES, seed=KEY)
    expected = theirs.transform_images(jnp.asarray(IMAGES), renamed(drawn) if renamed else drawn)
    np.testing.assert_allclose(layer.transform_images(IMAGES, drawn), expected, **NEAR)


@pytest.mark.few(3)
@pytest.mark.parametrize(
    ("name", "arguments"),
    (
        ("Equalization", {}),
        ("Equalization", {"bins": 16, "value_range": (0, 300)}),
        ("ContrastLimitedAdaptiveHistogramEqualization", {}),
        ("ContrastLimitedAdaptiveHistogramEqualization", {"clip_limit": 0, "tile_grid_size": (2, 3), "value_range": (-9, 300)}),
    ),
    ids=str,
)
@pytest.mark.parametrize("data_format", ("channels_last", "channels_first"))
def test_layers_without_chance_equal_keras(name, arguments, data_format):
    x = IMAGES[:1] if data_format == "channels_last" else np.moveaxis(IMAGES[:1], -1, 1)  # Keras pools the histograms of a batch
    ours, theirs = (getattr(package.layers, name)(**arguments, data_format=data_format) for package in (jk, keras))
    np.testing.assert_allclose(ours(x, training=True), theirs(x, training=True), **NEAR)


@pytest.mark.parametrize("value_range", ((0, 255), (-9, 300)))
def test_auto_contrast_equals_keras(value_range):
    ours, theirs = (package.layers.AutoContrast(value_range) for package in (jk, keras))
    x = IMAGES * [1, 0, 1]  # a channel of one value stays as it is
    np.testing.assert_allclose(ours(x), theirs(x), **NEAR)
    first = jk.layers.AutoContrast(value_range, data_format="channels_first")(np.moveaxis(x, -1, 1))
    np.testing.assert_allclose(np.moveaxis(first, 1, -1), ours(x), rtol=1e-6)


def test_equalization_looks_at_each_image_alone():
    x = jnp.concatenate([IMAGES[:1], IMAGES[:1] / 2 + 100])
    np.testing.assert_allclose(histogram.equalize(x)[0], histogram.equalize(x[:1])[0])


IDENTITIES = {
    "RandomTranslation": (0, 0),
    "RandomRotation": (0,),
    "RandomZoom": (0,),
    "RandomShear": (),
    "RandomPerspective": (0,),
    "RandomElasticTransform": ((1, 1), 0),
    "RandomContrast": (0,),
    "RandomBrightness": (0,),
    "RandomInvert": (0,),
    "RandomErasing": (0,),
    "RandomHue": (0,),
    "RandomSaturation": ((0.5, 0.5),),
    "RandomColorDegeneration": (0,),
    "RandomGrayscale": (0,),
    "RandomColorJitter": (),
    "RandomSharpness": ((0.5, 0.5),),
    "RandomGaussianBlur": (0,),
    "RandAugment": ((0, 255), 0),
}


@pytest.mark.parametrize("name", IDENTITIES)
def test_a_factor_of_nothing_changes_nothing(name):
    np.testing.assert_allclose(getattr(layers, name)(*IDENTITIES[name])(IMAGES), IMAGES, **NEAR)


floats = st.floats(0, 255, width=32)


@settings(max_examples=30, deadline=None)
@given(st.lists(floats, min_size=4, max_size=4), st.integers(0, 7), st.floats(0, 255, width=32), st.floats(0, 255, width=32))
def test_tones_stay_in_range_and_in_order(values, bits, addition, threshold):
    x = np.array(sorted(values), "float32").reshape(1, 1, 4, 1)
    poster, solar = (
        tone.posterize(x, np.array([bits])),
        tone.solarize(jnp.asarray(x), np.array([addition]), np.array([threshold])),
    )
    for y in (poster, solar, histogram.equalize(jnp.asarray(x)), tone.auto_contrast(x, (0, 255))):
        assert y.min() >= 0 and y.max() <= 255
    assert (np.diff(poster.ravel()) >= 0).all() and (x - poster < 2**bits).all() and (poster % 2**bits == 0).all()
    np.testing.assert_array_equal(poster, np.asarray(x, "uint8") >> bits << bits)


# boxes, labels and masks


MOVING = {
    "RandomFlip": {},
    "RandomTranslation": {"height_factor": 0.2, "width_factor": 0.2, "fill_mode": "constant"},
    "RandomRotation": {"factor": 0.05, "fill_mode": "constant"},
    "RandomZoom": {"height_factor": 0.2, "width_factor": 0.2, "fill_mode": "constant"},
    "RandomShear": {"x_factor": 0.2, "y_factor": 0.2, "fill_mode": "constant"},
    "RandomPerspective": {"factor": (1, 1), "scale": 0.3},
    "RandomCrop": {"height": 28, "width": 26},
    "CenterCrop": {"height": 50, "width": 40},
    "Resizing": {"height": 50, "width": 50},
    "Resizing crop": {"height": 60, "width": 40, "crop_to_aspect_ratio": True},
    "Resizing pad": {"height": 40, "width": 60, "pad_to_aspect_ratio": True},
    "RandAugment": {"num_ops": 2, "factor": 0.1},
}


def moving(name, **more):
    return getattr(layers, name.split()[0])(**MOVING[name], bounding_box_format="xyxy", **more)


def rectangles(count=6, height=32, width=40):
    """Images in which one rectangle is marked, in the mask too, and its box."""
    box = np.array([14, 10, 26, 21], "float32")
    mask = np.zeros((count, height, width, 1), "int32")
    mask[:, 10:21, 14:26] = 1
    boxes = {"boxes": np.tile(box, (count, 1, 1)), "labels": np.full((count, 1), 3)}
    return {
        "images": np.repeat(mask, 3, -1) * 255.0,
        "segmentation_masks": mask,
        "bounding_boxes": boxes,
        "labels": np.arange(count),
    }


@pytest.mark.few(6)
@pytest.mark.parametrize("name", MOVING)
def test_boxes_and_masks_move_with_the_pixels(name):
    data = rectangles()
    out = moving(name).apply({}, {}, data, training=True, rng=KEY)[0]
    masks = np.asarray(out["segmentation_masks"])[..., 0]
    assert masks.dtype == "int32" and set(np.unique(masks)) == {0, 1} and masks.shape == out["images"].shape[:3]
    if name != "RandAugment":  # it changes colours, too
        assert np.mean((np.asarray(out["images"])[..., 0] > 127) != (masks > 0)) < 0.05
    for mask, box in zip(masks, np.asarray(out["bounding_boxes"]["boxes"])[:, 0]):
        rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
        # Boxes turn and zoom about the middle of the pixels' numbers, as in Keras, and masks end at whole pixels.
        np.testing.assert_allclose([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1], box, atol=1.8)
    assert (out["bounding_boxes"]["labels"] == 3).all() and (out["labels"] == data["labels"]).all()


@pytest.mark.parametrize("form", ("xyxy", "yxyx", "xywh", "center_xywh", "rel_xyxy", "rel_yxyx", "rel_xywh", "rel_center_xywh"))
def test_boxes_come_and_go_in_the_format_of_the_layer(form):
    convert = keras.utils.bounding_boxes.convert_format
    data = rectangles(2)
    data["bounding_boxes"]["boxes"] = np.asarray(convert(data["bounding_boxes"]["boxes"], "xyxy", form, 32, 40))
    out = layers.Resizing(64, 60, bounding_box_format=form)(data)["bounding_boxes"]["boxes"]
    np.testing.assert_allclose(convert(out, form, "xyxy", 64, 60)[0, 0], [21, 20, 39, 42], rtol=1e-5)


@pytest.mark.parametrize("name", ("RandomFlip", "RandomTranslation", "RandomZoom", "RandomPerspective", "CenterCrop"))
def test_boxes_equal_those_of_keras(name):
    layer = moving(name)
    theirs = getattr(keras.layers, name)(**MOVING[name], bounding_box_format="xyxy")
    data = rectangles(3)
    drawn = layer.get_random_transformation(data, seed=KEY)
    if name == "RandomFlip":
        drawn["flips"] = drawn["flips"][:, :1, None, None]  # one flag for both directions
    found = layer.transform_bounding_boxes(data["bounding_boxes"], drawn)
    expected = theirs.transform_bounding_boxes({k: jnp.asarray(v) for k, v in data["bounding_boxes"].items()}, drawn)
    np.testing.assert_allclose(found["boxes"], expected["boxes"], atol=1e-3)  # pixels
    np.testing.assert_array_equal(found["labels"], expected["labels"])


def test_a_box_that_leaves_the_image_loses_its_label():
    layer = layers.RandomTranslation(0, (1, 1), bounding_box_format="xyxy")
    assert (layer(rectangles(2))["bounding_boxes"]["labels"] == -1).all()


def test_a_map_onto_a_line_gives_finite_boxes():
    flat = np.array([[1.0, 1.0, 0.0, 1.0, 1.0, 0.0]], "float32")
    assert np.isfinite(moved_boxes.move_affine(jnp.array([[[1.0, 2.0, 3.0, 4.0]]]), flat)).all()


def test_one_example_is_a_batch_of_one_in_all_parts():
    data = jax.tree.map(lambda a: a[:1], rectangles())
    layer = moving("RandomPerspective")
    batch = layer.apply({}, {}, data, training=True, rng=KEY)[0]
    single = layer.apply({}, {}, jax.tree.map(lambda a: a[0], data), training=True, rng=KEY)[0]
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b[0], rtol=1e-5), single, batch)


def test_channels_first_moves_boxes_alike():
    data = rectangles()
    first = {**data, **{k: np.moveaxis(data[k], -1, 1) for k in ("images", "segmentation_masks")}}
    last, found = (moving("RandomZoom", data_format=d).apply({}, {}, x, training=True, rng=KEY)[0]
                   for d, x in (("channels_last", data), ("channels_first", first)))  # fmt: skip
    np.testing.assert_allclose(found["bounding_boxes"]["boxes"], last["bounding_boxes"]["boxes"])
    np.testing.assert_array_equal(np.moveaxis(found["segmentation_masks"], 1, -1), last["segmentation_masks"])


def test_the_data_stay_as_they_are_and_further_entries_pass():
    data = {**rectangles(2), "names": np.arange(2)}
    before = jax.tree.map(np.copy, data)
    out = moving("RandomFlip")(data)
    jax.tree.map(np.testing.assert_array_equal, data, before)
    assert out.keys() == data.keys()


@pytest.mark.parametrize("name", ("MixUp", "CutMix"))
def test_labels_are_mixed_in_the_shares_of_the_images(name):
    x = np.repeat(np.eye(4, dtype="float32")[:, None, None], 64, 1) * np.ones((1, 1, 64, 1), "float32")  # image i has channel i
    data = {"images": x, "labels": np.eye(4), "segmentation_masks": x}
    out = getattr(layers, name)(1.0).apply({}, {}, data, training=True, rng=KEY)[0]
    np.testing.assert_allclose(np.mean(out["images"], (1, 2)), out["labels"], atol=1e-5)
    np.testing.assert_allclose(out["segmentation_masks"], out["images"], atol=1e-6)
    assert (np.asarray(out["labels"]) != data["labels"]).any()
    with pytest.raises(ValueError, match="to_categorical"):
        getattr(layers, name)()({"images": x, "labels": np.arange(4)})


def test_mixup_keeps_the_boxes_of_both_images():
    data = rectangles(3)
    data["bounding_boxes"]["labels"] = np.arange(3)[:, None]
    del data["labels"]
    layer = layers.MixUp(bounding_box_format="xyxy")
    drawn = layer.get_random_transformation(data, seed=KEY)
    out = layer.transform_bounding_boxes(data["bounding_boxes"], drawn)
    assert out["boxes"].shape == (3, 2, 4)
    np.testing.assert_array_equal(out["labels"].T, [np.arange(3), drawn["permutation_order"]])


@pytest.mark.parametrize("name", ("CutMix", "RandomElasticTransform"))
def test_layers_without_a_rule_for_boxes_say_so(name):
    with pytest.raises(NotImplementedError, match="bounding boxes"):
        getattr(layers, name)(bounding_box_format="xyxy")({k: v for k, v in rectangles(2).items() if k != "labels"})


def test_a_number_of_boxes_is_cut_or_filled_up():
    boxes = {"boxes": np.ones((1, 2, 4), "float32"), "labels": np.array([[5, 6]])}
    data = {"images": np.zeros((1, 4, 4, 3), "float32"), "bounding_boxes": boxes}
    for number, labels in ((1, [[5]]), (3, [[5, 6, -1]])):
        out = layers.MaxNumBoundingBoxes(number, bounding_box_format="xyxy")(data)["bounding_boxes"]
        assert out["labels"].tolist() == labels and out["boxes"].shape == (1, number, 4)


@pytest.mark.parametrize(
    ("data", "arguments", "words"),
    (
        (lambda d: d, {}, "bounding_box_format"),
        (lambda d: {**d, "bounding_boxes": d["bounding_boxes"]["boxes"]}, {"bounding_box_format": "xyxy"}, "is a dict"),
        (lambda d: {"labels": d["labels"]}, {}, '"images"'),
        (lambda d: d["labels"], {}, "takes images"),
    ),
)
def test_data_of_another_form_are_refused(data, arguments, words):
    with pytest.raises(ValueError, match=words):
        layers.RandomFlip(**arguments)(data(rectangles(2)))


def test_a_subclass_may_override_the_draw_and_what_happens_to_a_part():
    class Upside(layers.RandomFlip):
        def get_random_transformation(self, data, training=True, seed=None):
            drawn = super().get_random_transformation(data, training=training, seed=seed)
            return drawn and {**drawn, "flips": jnp.ones_like(drawn["flips"])}

        def transform_labels(self, labels, transformation, training=True):
            return labels + training

    data = {"images": IMAGES, "labels": np.zeros(4)}
    for training in (True, False):
        out = Upside("vertical")(data, training=training)
        np.testing.assert_array_equal(out["images"], IMAGES[:, ::-1] if training else IMAGES)
        assert (out["labels"] == training).all()


@pytest.mark.parametrize("seed", (7, keras.random.SeedGenerator, KEY), ids=("number", "generator", "key"))
def test_a_draw_takes_a_seed(seed):
    seed = jk.random.SeedGenerator(7) if callable(seed) else seed
    drawn = layers.RandomBrightness(0.5).get_random_transformation(IMAGES, seed=seed)
    assert drawn["rgb_delta"].shape == (4, 1, 1, 1) and drawn["input_shape"] == IMAGES.shape


# compositions


def test_jitter_of_one_kind_is_the_layer_of_that_kind():
    for ours, alone in (
        (layers.RandomColorJitter(contrast_factor=0.5, seed=3), layers.RandomContrast(0.5, seed=3)),
        (layers.RandomColorJitter(hue_factor=0.5, seed=3), layers.RandomHue(0.5, seed=3)),
    ):
        np.testing.assert_allclose(ours(IMAGES), alone(IMAGES), rtol=1e-5)


def test_policies_choose_anew_in_each_compiled_step():
    layer = layers.RandAugment(num_ops=1, factor=0.9)
    traced = []

    @jax.jit
    def run(key):
        traced.append(key)
        return layer.apply({}, {}, IMAGES, training=True, rng=key)[0]

    assert len({np.asarray(run(jax.random.key(i))).tobytes() for i in range(6)}) > 3
    assert len(traced) == 1


@pytest.mark.parametrize("name", ("RandAugment", "AugMix"))
def test_a_policy_gives_the_same_line_by_line_and_compiled(name):
    layer = getattr(layers, name)()
    eager = layer.apply({}, {}, IMAGES, training=True, rng=KEY)[0]
    compiled = jax.jit(lambda key: layer.apply({}, {}, IMAGES, training=True, rng=key)[0])(KEY)
    np.testing.assert_allclose(eager, compiled, rtol=1e-4, atol=1e-2)  # of 255, after several such changes


def test_a_pipeline_runs_its_layers_on_dicts_and_trains_in_fit():
    steps = layers.Pipeline([layers.RandomFlip("vertical", bounding_box_format="xyxy"), layers.CenterCrop(20, 40)])
    steps.layers[1].bounding_box_format = "xyxy"
    assert steps(rectangles(2))["bounding_boxes"]["boxes"].shape == (2, 1, 4)
    model = jk.Sequential(
        [layers.Input((6, 5, 3)), layers.Pipeline([layers.RandAugment(num_ops=1)]), layers.Flatten(), layers.Dense(1)]
    )
    model.compile("sgd", "mse")
    model.fit(IMAGES / 255, np.zeros((4, 1)), epochs=1, verbose=0)
    np.testing.assert_allclose(model.layers[0](IMAGES, training=False), IMAGES)


@pytest.mark.parametrize("layers_given", (None, [3], layers.Dense), ids=str)
def test_a_pipeline_takes_layers(layers_given):
    with pytest.raises(ValueError, match="list of layers"):
        layers.Pipeline(layers_given)
    with pytest.raises(ValueError, match="list of layers"):
        layers.Pipeline.from_config({"name": "row", "layers": None})


def test_a_dict_may_be_the_input_of_a_graph():
    inputs = {"images": layers.Input((32, 40, 3)), "labels": layers.Input((5,))}
    out = layers.CenterCrop(8, 8)(inputs)
    assert out["images"].shape == (None, 8, 8, 3) and out["labels"].shape == (None, 5)


@pytest.mark.parametrize("name", ["RandomFlip", "MixUp", "AugMix", "RandAugment"])
def test_dtypes_do_not_depend_on_training(name):
    boxes = {"boxes": np.ones((2, 1, 4), "float16"), "labels": np.ones((2, 1), "int32")}
    data = {"images": IMAGES[:2], "bounding_boxes": boxes, "labels": np.eye(2, dtype="int32")}
    data["segmentation_masks"] = np.zeros((2, 6, 5, 1), "int32")
    layer = getattr(layers, name)(bounding_box_format="xyxy")
    found = [
        jax.tree.map(lambda part: part.dtype, jax.eval_shape(lambda d: layer._transformed(d, training, KEY), data))  # noqa: B023
        for training in (True, False)
    ]
    assert found[0] == found[1] and found[0]["bounding_boxes"]["boxes"] == "float32"


NEEDED = {"height": 4, "width": 4, "max_number": 3, "height_factor": 0.2, "width_factor": 0.2, "factor": 1, "x_factor": 0.2}
CLASSES = [getattr(layers, name) for name in dir(layers)]
IMAGE_LAYERS = [one for one in CLASSES if isinstance(one, type) and issubclass(one, ImageLayer) and one is not ImageLayer]


@pytest.mark.parametrize("cls", IMAGE_LAYERS, ids=lambda cls: cls.__name__)
def test_a_batch_may_be_empty(cls):
    needed = [p for p in inspect.signature(cls).parameters.values() if p.default is p.empty and p.kind != p.VAR_KEYWORD]
    layer = cls(**{p.name: NEEDED[p.name] for p in needed})
    for training in (True, False):
        found = jax.eval_shape(lambda x: layer._transformed(x, training, KEY), np.zeros((0, 8, 8, 3), "float32"))  # noqa: B023
        assert found.shape in ((0, 8, 8, 3), (0, 4, 4, 3))

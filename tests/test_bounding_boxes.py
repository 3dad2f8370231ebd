"""Bounding boxes: Keras' values and gradients, formats there and back, windows and maps, wrong calls."""

import inspect

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import jkeras
from jkeras.graph import KerasTensor
from jkeras.nn.bounding_boxes import FORMATS, affine_maps
from jkeras.state import Variable
from jkeras.utils import bounding_boxes as ours

theirs = keras.utils.bounding_boxes
rng = np.random.default_rng(0)
HEIGHT, WIDTH = 40, 50
CORNERS = np.sort(rng.uniform(0, 40, (2, 6, 2, 2)), axis=2).reshape(2, 6, 4).astype("float32")  # left, top, right, bottom
OTHERS = np.sort(rng.uniform(0, 40, (2, 3, 2, 2)), axis=2).reshape(2, 3, 4).astype("float32")
KERAS_FORMATS = [name for name in FORMATS if name != "rel_center_yxhw"]  # which Keras does not have
PAIRS = [pair for i, a in enumerate(KERAS_FORMATS) for pair in ((a, "xyxy"), ("rel_xyxy", a), (KERAS_FORMATS[i - 1], a))]


def close(one, other, **options):
    np.testing.assert_allclose(np.asarray(one), np.asarray(other), **{"atol": 1e-5, "rtol": 1e-5, **options})


def boxes_in(name, boxes=CORNERS):
    return np.asarray(ours.convert_format(boxes, "xyxy", name, HEIGHT, WIDTH))


def test_the_names_and_signatures_of_keras():
    names = {name for name in dir(theirs) if not name.startswith("_")}
    assert len(names) == 9
    for name in names:
        parameters = [inspect.signature(getattr(library, name)).parameters.values() for library in (ours, theirs)]
        one, other = ([(p.name, p.default) for p in part] for part in parameters)
        assert one == other, name
        assert getattr(jkeras.utils.bounding_boxes, name) is getattr(ours, name)


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_formats(source, target):
    boxes = boxes_in(source)
    wanted = theirs.convert_format(boxes, source, target, HEIGHT, WIDTH)
    close(ours.convert_format(boxes, source, target, HEIGHT, WIDTH), wanted)
    close(ours.convert_format(boxes[0], source.upper(), target, HEIGHT, WIDTH), wanted[0])


@settings(deadline=None, max_examples=25)
@given(st.lists(st.floats(0.0, 100.0, width=32), min_size=4, max_size=4), st.sampled_from(FORMATS), st.sampled_from(FORMATS))
def test_there_and_back(numbers, source, target):
    box = np.array([numbers], "float32")
    there = ours.convert_format(box, source, target, HEIGHT, WIDTH)
    close(ours.convert_format(there, target, source, HEIGHT, WIDTH), box, atol=2e-3)


def test_dicts_are_left_alone():
    given = {"boxes": CORNERS, "labels": np.zeros((2, 6)), "scores": 1}
    converted = ours.convert_format(given, "xyxy", "xywh")
    assert given["boxes"] is CORNERS and converted["labels"] is given["labels"] and converted["scores"] == 1
    close(converted["boxes"], boxes_in("xywh"))


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("dtype", ["float32", "int32"])
def test_clipping(name, dtype):
    corners = np.array([[[-3, -2, 5, 4], [60, 3, 70, 9], [1, 2, 3, 4], [48, 38, 52, 42]]], dtype)
    clipped = np.array([[[0, 0, 5, 4], [50, 3, 50, 9], [1, 2, 3, 4], [48, 38, 50, 40]]], "float32")
    labels = np.array([[7, 8, 9, 3]])
    if name.startswith("rel_") and dtype == "int32":
        corners = corners.astype("float32")
    given = {"boxes": boxes_in(name, corners), "labels": labels}
    found = ours.clip_to_image_size(given, HEIGHT, WIDTH, name)
    close(found["boxes"], boxes_in(name, clipped))
    assert found["labels"].tolist() == [[7, -1, 9, 3]]
    if name in ("xyxy", "rel_xyxy"):
        wanted = theirs.clip_to_image_size({**given, "boxes": jnp.asarray(given["boxes"])}, HEIGHT, WIDTH, name)
        close(found["boxes"], wanted["boxes"])
        close(found["labels"], wanted["labels"])
    assert "labels" not in ours.clip_to_image_size({"boxes": given["boxes"]}, HEIGHT, WIDTH, name)


def test_windows_and_margins():
    close(ours.crop(CORNERS, 5, 7, 20, 24), theirs.crop(CORNERS, 5, 7, 20, 24))
    close(ours.pad(CORNERS, 5, 7, 60, 60), theirs.pad(CORNERS, 5, 7, 60, 60))
    for name in FORMATS[:5]:
        close(ours.crop(boxes_in(name), 5, 7, 20, 24, name), boxes_in(name, ours.crop(CORNERS, 5, 7, 20, 24)))
        close(ours.pad(boxes_in(name), 5, 7, bounding_box_format=name), boxes_in(name, ours.pad(CORNERS, 5, 7)))
    assert ours.crop(CORNERS.astype("int32"), 1, 2, 9, 9).dtype == ours.pad(CORNERS.astype("int32"), 1, 2).dtype == "int32"


def numbers(**changes):
    given = {"angle": 0, "translate_x": 0, "translate_y": 0, "scale": 1, "shear_x": 0, "shear_y": 0, **changes}
    return {name: np.array(np.broadcast_to(value, (2,)), "float32") for name, value in given.items()}


@pytest.mark.parametrize(
    "changes",
    [
        {"angle": (30, -100)},
        {"translate_x": 0.2, "translate_y": (0.1, -0.3), "scale": 1.4},
        {"shear_x": (10, -20), "scale": 0.7},
        {"shear_y": (10, -20), "angle": (5, 40), "translate_x": 0.2},
    ],
)
def test_affine_maps_of_keras(changes):
    given = {**numbers(**changes), "height": HEIGHT, "width": WIDTH}
    wanted = theirs.affine_transform(jnp.asarray(CORNERS), **given)
    close(ours.affine_transform(CORNERS, **given), wanted, atol=1e-4)
    one = {name: value[1] if name in numbers() else value for name, value in given.items()}
    close(ours.affine_transform(CORNERS[1], **one), wanted[1], atol=1e-4)
    centered = {**given, "center_x": 0.2, "center_y": 0.9}
    close(ours.affine_transform(CORNERS, **centered), theirs.affine_transform(jnp.asarray(CORNERS), **centered), atol=1e-4)
    close(
        ours.affine_transform(boxes_in("xywh"), **given, bounding_box_format="xywh"),
        boxes_in("xywh", np.asarray(wanted)),
        atol=1e-4,
    )


def test_a_map_with_rotation_and_both_shears_keeps_areas():
    a0, a1, _, b0, b1, _ = affine_maps(jnp.array(30.0), (3, 4), jnp.array(2.0), (20.0, -15.0), (0, 0))
    assert float(a0 * b1 - a1 * b0) == pytest.approx(4, rel=1e-5)


@pytest.mark.parametrize("name", ["xyxy", "center_yxhw", "rel_xywh"])
def test_iou(name):
    shape = (HEIGHT, WIDTH, 3)
    one, other = boxes_in(name), boxes_in(name, OTHERS)
    for a, b in ((one, other), (one[0], other[0]), (one, other[0]), (one[0], other)):
        close(ours.compute_iou(a, b, name, image_shape=shape), theirs.compute_iou(a, b, name, image_shape=shape))


def test_masked_iou():
    one, other = CORNERS.copy(), OTHERS.copy()
    one[0, 2] = other[1, 1] = -1
    for value in (-1, 5):
        options = {"use_masking": True, "mask_val": value}
        found = ours.compute_iou(one, other, "xyxy", **options)
        close(found, theirs.compute_iou(one, other, "xyxy", **options))
        assert (found[0, 2] == value).all() and (found[1, :, 1] == value).all()
    # Keras fails for a batch of the one with a single set of the other.
    close(
        ours.compute_iou(one, other[1], "xyxy", use_masking=True)[1], ours.compute_iou(one[1], other[1], "xyxy", use_masking=True)
    )


@pytest.mark.parametrize("name", ["xyxy", "center_yxhw", "xywh"])
def test_ciou_and_its_gradient(name):
    one, other = boxes_in(name), boxes_in(name, CORNERS[::-1])
    close(ours.compute_ciou(one, other, name), theirs.compute_ciou(one, other, name))
    gradients = [jax.grad(lambda x, f=f: f.compute_ciou(x, other, name).sum())(jnp.asarray(one)) for f in (ours, theirs)]
    close(*gradients)
    apart = jax.grad(lambda x: ours.compute_ciou(x, jnp.array([[90.0, 90, 95, 95]]), "xyxy").sum())(jnp.asarray(CORNERS[0]))
    assert np.isfinite(apart).all() and (np.abs(apart).sum(-1) > 0).all()


def test_ciou_of_shares():
    wanted = ours.compute_ciou(CORNERS[0], CORNERS[1], "xyxy")
    shares = boxes_in("rel_xywh")
    close(ours.compute_ciou(shares[0], shares[1], "rel_xywh", (HEIGHT, WIDTH, 3)), wanted, atol=1e-4)


@pytest.mark.parametrize("encoding", ["center_xywh", "center_yxhw"])
@pytest.mark.parametrize("variance", [None, [0.1, 0.1, 0.2, 0.2]])
@pytest.mark.parametrize(("anchor_format", "box_format"), [("xyxy", "xywh"), ("rel_yxyx", "center_xywh"), ("yxyx", "rel_xyxy")])
def test_deltas(encoding, variance, anchor_format, box_format):
    shape = (HEIGHT, WIDTH, 3)
    anchors, boxes = boxes_in(anchor_format, CORNERS[0]), boxes_in(box_format, CORNERS[::-1])
    options = (anchor_format, box_format, encoding, variance, shape)
    deltas = ours.encode_box_to_deltas(anchors, boxes, *options)
    close(deltas, theirs.encode_box_to_deltas(anchors, boxes, *options), atol=1e-4)
    back = ours.decode_deltas_to_boxes(anchors, deltas, *options)
    close(back, boxes, atol=1e-3)
    close(back, theirs.decode_deltas_to_boxes(anchors, deltas, *options), atol=1e-4)
    levels = ours.decode_deltas_to_boxes({3: anchors, 4: anchors[:2]}, {3: deltas, 4: deltas[:, :2]}, *options)
    close(levels[3], back)
    close(levels[4], back[:, :2])


def test_variables_symbols_and_compiled_code():
    wanted = ours.compute_iou(CORNERS, OTHERS, "xyxy")
    close(ours.compute_iou(Variable(CORNERS), OTHERS, "xyxy"), wanted)
    close(jax.jit(jax.vmap(lambda a, b: ours.compute_iou(a, b, "xyxy")))(CORNERS, OTHERS), wanted)
    spec = ours.compute_iou(KerasTensor((None, 6, 4)), KerasTensor((None, 3, 4)), "xyxy")
    assert spec.shape == (None, 6, 3)
    x = jkeras.Input((None, 4))
    model = jkeras.Model(x, ours.convert_format(x, "xyxy", "rel_center_xywh", height=HEIGHT, width=WIDTH))
    assert model.output_shape == (None, None, 4)
    close(model(CORNERS), boxes_in("rel_center_xywh"))


WRONG = [
    (ours.convert_format, (CORNERS, "xyxx", "xyxy"), {}, ValueError, "Did you mean 'xyxy'"),
    (ours.convert_format, (CORNERS, "xyxy", "rel_xyxy"), {"height": 3}, ValueError, "height and width"),
    (ours.convert_format, (CORNERS[..., :3], "xyxy", "xywh"), {}, ValueError, "four numbers"),
    (ours.clip_to_image_size, ({"boxes": CORNERS},), {}, ValueError, "height and width"),
    (ours.clip_to_image_size, (CORNERS, 3, 3), {}, ValueError, "dict"),
    (ours.crop, (CORNERS, 0, 0, 1, 1, "rel_xyxy"), {}, NotImplementedError, "first"),
    (ours.pad, (CORNERS, 0, 0, 1, 1, "rel_xyxy"), {}, NotImplementedError, "first"),
    (ours.compute_iou, (CORNERS[0, 0], OTHERS, "xyxy"), {}, ValueError, "batch, boxes, 4"),
    (ours.compute_iou, (CORNERS, OTHERS, "rel_xyxy"), {}, ValueError, "height and width"),
    (ours.compute_ciou, (CORNERS, CORNERS, "rel_xyxy"), {}, ValueError, "height and width"),
    (ours.encode_box_to_deltas, (CORNERS[0], CORNERS, "xyxy", "xyxy", "xyxy"), {}, ValueError, "encoding_format"),
    (ours.decode_deltas_to_boxes, (CORNERS[0], CORNERS, "xyxy", "xyxy"), {"variance": [1.0]}, ValueError, "four numbers"),
]  # fmt: skip


@pytest.mark.parametrize(("function", "args", "options", "error", "text"), WRONG)
def test_wrong_calls(function, args, options, error, text):
    with pytest.raises(error, match=text):
        function(*args, **options)

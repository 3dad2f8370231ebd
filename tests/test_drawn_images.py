"""Boxes and masks on images, and images in grids: the pixels that are drawn, Keras' titles and colours, wrong calls."""

import inspect
import sys

import keras
import numpy as np
import pytest

import jkeras
from jkeras import visualization

NAMES = [name for name in dir(keras.visualization) if not name.startswith("_")]
rng = np.random.default_rng(0)
IMAGES = rng.integers(0, 256, (2, 40, 50, 3)).astype("uint8")
BLACK = np.zeros((2, 40, 50, 3), "uint8")
BOXES = {"boxes": np.array([[[10, 5, 30, 20]], [[-5, 30, 20, 60]]], "float32"), "labels": np.array([[1], [0]])}
RED = (255, 0, 0)
MASKS = rng.integers(-1, 4, (2, 40, 50, 1))


def draw(images=BLACK, boxes=BOXES, name="xyxy", **options):
    return visualization.draw_bounding_boxes(images, boxes, name, **{"color": RED, **options})


def test_the_five_of_keras():
    assert len(NAMES) == 5
    for name in NAMES:
        ours, theirs = (inspect.signature(getattr(m.visualization, name)).parameters.values() for m in (jkeras, keras))
        assert [(p.name, p.default) for p in ours] == [(p.name, p.default) for p in theirs]


@pytest.mark.parametrize("thickness", [1, 2, 3])
def test_frames_lie_around_the_edges(thickness):
    one, other = draw(line_thickness=thickness)[..., 0] == 255
    rows, columns = np.flatnonzero(one.any(1)), np.flatnonzero(one.any(0))
    before, after = thickness // 2, thickness - thickness // 2
    assert (rows[0], rows[-1]) == (5 - before, 20 + after - 1) and (columns[0], columns[-1]) == (10 - before, 30 + after - 1)
    assert not one[5 + after : 20 - before, 10 + after : 30 - before].any()
    assert one.sum() == 2 * thickness * (15 + 20)
    assert other[30].tolist() == [True] * (20 + after) + [False] * (30 - after) and other[-1].sum() == thickness


def test_formats_layouts_dtypes_and_channels():
    drawn = draw(IMAGES)
    shares = jkeras.utils.bounding_boxes.convert_format(BOXES, "xyxy", "rel_center_xywh", 40, 50)
    np.testing.assert_array_equal(draw(IMAGES, shares, "rel_center_xywh"), drawn)
    first = draw(np.moveaxis(IMAGES, -1, 1), data_format="channels_first")
    np.testing.assert_array_equal(np.moveaxis(first, 1, -1), drawn)
    np.testing.assert_array_equal(draw(IMAGES.astype("float32")), drawn)
    np.testing.assert_allclose(draw(IMAGES / np.float32(255)), drawn, atol=1)
    assert drawn.dtype == "uint8"
    assert draw(BLACK[..., :1], color=(100, 100, 100)).max() == 100
    assert draw(np.zeros((2, 40, 50, 4)))[0, 5, 15].tolist() == [255, 0, 0, 255]


def test_boxes_that_stand_for_none_are_left_out_and_the_others_are_named():
    plain = draw()
    named = draw(class_mapping={1: "A"}, font_scale=0.5)
    assert (named[0] != plain[0]).any() and (named[1] == plain[1]).all()
    letters = np.argwhere((named[0] != plain[0]).any(-1))
    assert letters[:, 0].min() >= 5 and letters[:, 1].min() >= 10 and letters[:, 1].max() < 30  # below the edge: no room above
    low = {"boxes": np.array([[[10, 30, 30, 38]]] * 2), "labels": BOXES["labels"]}
    above = np.argwhere((draw(boxes=low, class_mapping={1: "A"}) != draw(boxes=low)).any(-1)[0])
    assert above[:, 0].max() < 30
    assert not draw(boxes={**BOXES, "labels": np.full((2, 1), -1)}).any()
    sure = draw(boxes={**BOXES, "confidences": np.array([[0.5], [0.5]])}, class_mapping={1: "A"}, font_scale=0.5)
    assert (sure != plain).sum() > (named != plain).sum()
    bold = draw(class_mapping={1: "A"}, font_scale=0.5, text_thickness=2)
    assert bold.sum() > named.sum()


@pytest.mark.parametrize("alpha", [0.3, 1.0])
@pytest.mark.parametrize("ignore_index", [-1, 2])
def test_masks_of_keras(alpha, ignore_index):
    colours = {0: (1, 2, 3), 1: (200, 0, 30), 2: (0, 255, 0), 3: (90, 90, 250)}
    options = {"color_mapping": colours, "alpha": alpha, "ignore_index": ignore_index}
    ours = visualization.draw_segmentation_masks(IMAGES, MASKS, **options)
    theirs = keras.visualization.draw_segmentation_masks(IMAGES, MASKS, num_classes=4, **options)
    np.testing.assert_allclose(ours.astype(int), np.asarray(theirs).astype(int), atol=1)


def test_masks():
    drawn = visualization.draw_segmentation_masks(IMAGES, MASKS)
    background = (MASKS <= 0)[..., 0]
    np.testing.assert_array_equal(drawn[background], IMAGES[background])
    assert (drawn[~background] != IMAGES[~background]).any(-1).mean() > 0.99
    np.testing.assert_array_equal(visualization.draw_segmentation_masks(IMAGES, MASKS[..., 0]), drawn)
    first = visualization.draw_segmentation_masks(
        np.moveaxis(IMAGES, -1, 1), np.moveaxis(MASKS, -1, 1), data_format="channels_first"
    )
    np.testing.assert_array_equal(np.moveaxis(first, 1, -1), drawn)
    hard = visualization.draw_segmentation_masks(BLACK, MASKS, blend=False)
    colours = [hard[MASKS[..., 0] == i][0].astype(int) for i in (1, 2, 3)]
    assert min(np.abs(a - b).sum() for i, a in enumerate(colours) for b in colours[:i]) > 150  # far apart
    few = visualization.draw_segmentation_masks(IMAGES, MASKS, num_classes=1)
    assert (few[MASKS[..., 0] == 2] == IMAGES[MASKS[..., 0] == 2]).all()


def test_a_gallery_has_all_images_and_keras_titles(tmp_path):
    figure = visualization.plot_image_gallery(
        np.concatenate([IMAGES] * 3)[:5], [0, 1, 1, 0, 1], [0, 1, 0, 9], {0: "cat", 1: "$d"}, path=tmp_path / "a.png", dpi=30
    )
    titles = ["Label: cat  Pred: cat", "Label: $d  Pred: $d", "Label: $d  Pred: cat", "Label: cat  Pred: Unknown", "Label: $d"]
    assert [axes.get_title() for axes in figure.axes] == titles
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    np.testing.assert_array_equal(figure.axes[1].images[0].get_array(), IMAGES[1])
    shares = visualization.plot_image_gallery(IMAGES / 255 * 2 - 1, value_range=(-1, 1), rows=1, cols=1, scale=3)
    assert len(shares.axes) == 1 and shares.get_size_inches().tolist() == [3, 3]
    np.testing.assert_allclose(shares.axes[0].images[0].get_array().astype(int), IMAGES[0], atol=1)
    assert len(visualization.plot_image_gallery(np.moveaxis(IMAGES, -1, 1), cols=2, data_format="channels_first").axes) == 2


def test_galleries_of_boxes_and_masks():
    figure = visualization.plot_bounding_box_gallery(
        IMAGES / 255, "xyxy", BOXES, BOXES, value_range=(0, 1), true_color=(9, 9, 9), pred_color=RED, legend=True
    )
    shown = np.stack([axes.images[0].get_array() for axes in figure.axes])
    np.testing.assert_allclose(shown.astype(int), draw(IMAGES).astype(int), atol=1)
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["Ground Truth", "Prediction"]
    masks = visualization.plot_segmentation_mask_gallery(IMAGES, 3, y_true=MASKS, y_pred=MASKS[:, ::-1].astype("float32"))
    assert len(masks.axes) == 6
    wanted = visualization.draw_segmentation_masks(IMAGES, MASKS, 3)
    np.testing.assert_array_equal(masks.axes[4].images[0].get_array(), wanted[1])
    assert len(visualization.plot_segmentation_mask_gallery(IMAGES, 3).axes) == 2


def test_a_window_is_opened_only_on_request(monkeypatch):
    plt = pytest.importorskip("matplotlib.pyplot")
    shown = []
    monkeypatch.setattr(plt, "show", lambda: shown.append(plt.get_fignums()))
    before = plt.get_fignums()
    visualization.plot_image_gallery(IMAGES)
    assert not shown
    visualization.plot_image_gallery(IMAGES, show=True)
    assert len(shown) == 1 and len(shown[0]) == len(before) + 1 and plt.get_fignums() == before


WRONG = [
    ("draw_bounding_boxes", (IMAGES[0], BOXES, "xyxy"), ValueError, "batch, height, width"),
    ("draw_bounding_boxes", (IMAGES, [BOXES], "xyxy"), TypeError, "dict"),
    ("draw_bounding_boxes", (IMAGES, {"boxes": 1}, "xyxy"), ValueError, "It has 'boxes'"),
    ("draw_bounding_boxes", (IMAGES, BOXES, "corners"), ValueError, "format of bounding boxes"),
    ("draw_segmentation_masks", (IMAGES[0], MASKS), ValueError, "batch, height, width"),
    ("draw_segmentation_masks", (IMAGES, MASKS[:, :9]), ValueError, "last axis of one"),
    ("draw_segmentation_masks", (IMAGES, MASKS.astype("float32")), TypeError, "integers"),
    ("plot_image_gallery", (IMAGES[0],), ValueError, "batch, height, width"),
    ("plot_image_gallery", (IMAGES, [0, 1]), ValueError, "label_map"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "args", "error", "text"), WRONG)
def test_wrong_calls(name, args, error, text):
    with pytest.raises(error, match=text):
        getattr(visualization, name)(*args)


def test_two_of_one_kind_are_an_error(tmp_path):
    with pytest.raises(ValueError, match="not both"):
        visualization.plot_image_gallery(IMAGES, path=tmp_path / "a.png", show=True)
    with pytest.raises(ValueError, match="not both"):
        visualization.plot_bounding_box_gallery(IMAGES, "xyxy", legend=True, legend_handles=[1])


def test_without_matplotlib_boxes_and_masks_are_drawn_and_texts_say_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    draw()
    visualization.draw_segmentation_masks(IMAGES, MASKS)
    with pytest.raises(ImportError, match=r"jkeras\[plots\]"):
        draw(class_mapping={1: "A"})
    with pytest.raises(ImportError, match=r"jkeras\[plots\]"):
        visualization.plot_image_gallery(IMAGES)

"""Pictures of training and of what a model sees: what they show, and from which numbers."""

import pickle
import sys
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from matplotlib import pyplot as plt
from model_gallery import model
from sklearn import metrics

import jkeras
from jkeras import Input, Sequential, visualization
from jkeras.callbacks import History
from jkeras.layers import Conv1D, Conv2D, Conv2DTranspose, Dense, DepthwiseConv2D, Flatten
from jkeras.models import html_summary
from jkeras.models.layouts import Layout, Layouts
from jkeras.visualization.class_labels import class_labels, confidence
from jkeras.visualization.confusion import count_pairs
from jkeras.visualization.mosaic import mosaic
from jkeras.visualization.score_curves import _shares

rng = np.random.default_rng(0)


@pytest.fixture(scope="module")
def images():
    return rng.random((4, 8, 8, 1)).astype("float32")


@pytest.fixture(scope="module")
def network():
    layers = [Conv2D(4, 3, name="conv", activation="relu"), Flatten(name="flat"), Dense(3, name="out", activation="softmax")]
    return Sequential([Input((8, 8, 1)), *layers], name="net")


@pytest.fixture(scope="module")
def history():
    history = History()
    history.on_train_begin()
    for epoch, loss in enumerate((0.9, 0.5, 0.25)):
        logs = {"loss": loss, "accuracy": 1 - loss, "val_loss": loss + 0.125, "val_accuracy": 0.9 - loss}
        history.on_epoch_end(epoch, logs)
    return history


def lines(axes):
    return {line.get_label(): line.get_ydata().tolist() for line in axes.lines}


# Learning curves ----------------------------------------------------------------------------------------------------------


def test_history_plots_training_and_validation_together(history, tmp_path):
    figure = history.plot(path=tmp_path / "curves.png")
    loss, accuracy = figure.axes
    assert (loss.get_title(), accuracy.get_title()) == ("loss", "accuracy")
    assert lines(loss) == {"training": history.history["loss"], "validation": history.history["val_loss"]}
    assert loss.lines[0].get_xdata().tolist() == [1, 2, 3]
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")
    assert [axes.get_title() for axes in history.plot("loss").axes] == ["loss"]


def test_histories_are_compared_and_axes_can_be_logarithmic(history):
    figure = visualization.plot_history({"first": history, "second": {"loss": [1.0, 0.1]}}, "loss", log=True)
    assert list(lines(figure.axes[0])) == ["first", "first, validation", "second"]
    assert figure.axes[0].get_yscale() == "log"
    figure = visualization.plot_history([history, history], labels=["a", "b"], log="loss")
    assert [axes.get_yscale() for axes in figure.axes] == ["log", "linear"]


def test_validation_every_second_epoch_stands_at_its_epochs():
    figure = visualization.plot_history({"loss": [4.0, 3, 2, 1], "val_loss": [3.5, 1.5]})
    assert figure.axes[0].lines[1].get_xdata().tolist() == [2, 4]


def test_values_that_are_not_finite_leave_a_gap():
    figure = visualization.plot_history({"loss": [1.0, np.inf, np.nan, 2.0]})
    assert np.isfinite(figure.axes[0].lines[0].get_ydata()).tolist() == [True, False, False, True]


def test_history_errors(history):
    with pytest.raises(ValueError, match="no epochs"):
        History().plot()
    with pytest.raises(ValueError, match=r"Unknown quantity of the history 'los'. Did you mean 'loss'"):
        history.plot("los")
    with pytest.raises(ValueError, match="2 axes, but received 1"):
        history.plot(ax=plt.Figure().add_subplot())
    with pytest.raises(ValueError, match="takes what fit returned"):
        visualization.plot_history("loss")


def test_history_in_a_notebook(history):
    html = history._repr_html_()
    assert "History of 3 epochs" in html and html.count("<polyline") == 4
    assert f"{history.history['loss'][0]:.4g}" in html
    assert History()._repr_html_() == "<p>History: no epochs yet</p>"
    odd = History()
    odd.history = {"<b>": [1.0, float("nan")], "per_class": [np.ones(2), np.ones(2)]}
    ET.fromstring(f"<div>{odd._repr_html_()}</div>")
    assert "&lt;b&gt;" in odd._repr_html_()


# Models in notebooks ------------------------------------------------------------------------------------------------------


def test_models_in_a_notebook():
    html = model("siamese")._repr_html_()
    tree = ET.fromstring(html.replace("<br>", "<br/>"))
    texts = "".join(tree.itertext())
    assert "hidden (Dense)" in texts and "Connected to" in texts and "left[0][0]" in texts  # inner layers too
    assert f"Total params: {model('siamese').count_params():,}" in texts
    assert "Connected to" not in model("stack")._repr_html_()
    escaped = model("long_names")._repr_html_()
    assert "&lt;b&gt;&amp;" in escaped and "<b>&" not in escaped
    large = jkeras.Sequential([jkeras.Input((500,)), jkeras.layers.Dense(300)])
    assert ">150,300</td>" in large._repr_html_()


def test_very_many_layers_are_cut(monkeypatch):
    monkeypatch.setattr(html_summary, "_MOST_ROWS", 2)
    assert "and 1 more layers" in model("stack")._repr_html_()


def test_models_that_were_not_built_in_a_notebook():
    html = Sequential([Dense(2, name="<i>")])._repr_html_()
    assert "not built" in html and "&lt;i&gt; (Dense)" in html


# Confusion matrices -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("normalize", [None, "true", "pred", "all"])
def test_confusion_matrix_has_the_right_numbers(normalize):
    y, scores = rng.integers(0, 4, 60), rng.random((60, 4))
    expected = metrics.confusion_matrix(y, scores.argmax(1), normalize=normalize)
    figure = visualization.confusion_matrix(y, scores, labels=["a", "b", "c", "d"], normalize=normalize)
    axes = figure.axes[0]
    np.testing.assert_allclose(axes.images[0].get_array(), expected)
    shown = [float(t.get_text()) for t in axes.texts]
    np.testing.assert_allclose(shown, expected.ravel(), atol=0.005)
    assert [t.get_text() for t in axes.get_xticklabels()] == ["a", "b", "c", "d"]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("Predicted label", "True label")


def test_labels_come_in_every_form():
    one_hot = np.eye(3)[[0, 2, 1]]
    assert class_labels(one_hot, "y").tolist() == [0, 2, 1]
    assert class_labels([[0.2], [0.7]], "y").tolist() == [0, 1]
    assert class_labels([1.0, 0.0], "y").tolist() == [1, 0]
    assert class_labels(["b", "a"], "y").tolist() == ["b", "a"]
    assert count_pairs([-1, 1], [1, 1])[1] == ["-1", "1"]
    assert count_pairs(["x", "y"], ["y", "z"], labels=["x", "y"])[0].tolist() == [[0, 1], [0, 0]]
    assert confidence([[0.3, 0.7]]).tolist() == [0.7] and confidence([1, 0]) is None
    np.testing.assert_allclose(confidence([[0.2], [0.6]]), [0.8, 0.6])


def test_confusion_errors():
    with pytest.raises(ValueError, match="2 labels and 1 predictions"):
        visualization.confusion_matrix([0, 1], [0])
    with pytest.raises(ValueError, match="labels has 1 names, but there are 2 classes"):
        visualization.confusion_matrix([0, 1], [0, 1], labels=["a"])
    with pytest.raises(ValueError, match="normalize is None"):
        visualization.confusion_matrix([0, 1], [0, 1], normalize="row")
    with pytest.raises(ValueError, match="y_pred has one label"):
        visualization.confusion_matrix([0, 1], np.zeros((2, 2, 2)))


def test_roc_and_precision_recall_follow_scikit_learn():
    y, scores = rng.integers(0, 2, 50), np.round(rng.random(50), 1)  # with ties
    figure = visualization.roc_curve(y, scores)
    assert figure.axes[0].lines[1].get_label() == f"area {metrics.roc_auc_score(y, scores):.3f}"
    found, mistaken = _shares(y == 1, scores)
    expected = metrics.roc_curve(y, scores, drop_intermediate=False)
    np.testing.assert_allclose(mistaken, expected[0])
    np.testing.assert_allclose(found, expected[1])
    figure = visualization.precision_recall_curve(y, scores[:, None])
    assert figure.axes[0].lines[0].get_label() == f"average precision {metrics.average_precision_score(y, scores):.3f}"
    several = visualization.roc_curve([0, 1, 2], np.eye(3), labels=["a", "b", "c"])
    assert list(lines(several.axes[0]))[1:] == ["a: area 1.000", "b: area 1.000", "c: area 1.000"]
    with pytest.raises(ValueError, match="0 of 2 are of it"):
        visualization.roc_curve([0, 0], [0.1, 0.2])


# Images -------------------------------------------------------------------------------------------------------------------


def test_wrong_predictions_are_marked(images):
    figure = visualization.image_grid(images, [0, 1, 1, 0], [[0.8, 0.2], [0.6, 0.4], [0.1, 0.9], [0.5, 0.5]], ["cat", "dog"])
    assert [axes.get_title() for axes in figure.axes] == ["cat 80%", "cat 60% (dog)", "dog 90%", "cat 50%"]
    assert [axes.spines["left"].get_visible() for axes in figure.axes] == [False, True, False, False]
    assert len({axes.title.get_color() for axes in figure.axes}) == 2
    wrong = visualization.image_grid(images, [0, 1, 1, 0], [0, 0, 1, 0], only_wrong=True)
    assert [axes.get_title() for axes in wrong.axes] == ["0 (1)"]
    np.testing.assert_allclose(wrong.axes[0].images[0].get_array(), images[1, ..., 0])


def test_images_are_shown_in_their_range():
    bytes_ = np.full((1, 2, 2, 3), 255, np.uint8)
    assert visualization.image_grid(bytes_).axes[0].images[0].get_array().max() == 1
    stretched = visualization.image_grid(np.array([[[-3.0, 5.0]]])).axes[0].images[0].get_array()
    assert stretched.tolist() == [[0, 1]]
    assert len(visualization.image_grid(np.zeros((9, 2, 2)), limit=4).axes) == 4


def test_image_errors(images):
    with pytest.raises(ValueError, match=r"Write x\[None\] for a single image"):
        visualization.image_grid(images[0, ..., 0])
    with pytest.raises(ValueError, match="There are 4 images, but 2 labels"):
        visualization.image_grid(images, [0, 1])
    with pytest.raises(ValueError, match="every prediction is right"):
        visualization.image_grid(images, [0] * 4, [0] * 4, only_wrong=True)


def kernels(layer, shape, **options):
    layer.build((None, *shape))
    return np.asarray(visualization.convolution_kernels(layer, **options).axes[0].images[0].get_array())


def test_kernels_are_tiles(network):
    picture = visualization.convolution_kernels(network).axes[0].images[0].get_array()
    weights = np.asarray(network.get_layer("conv").kernel.value)
    np.testing.assert_allclose(picture[:3, :3], weights[:, :, 0, 0])
    np.testing.assert_allclose(picture[:3, 4:7], weights[:, :, 0, 1])
    np.testing.assert_allclose(picture[4:7, :3], weights[:, :, 0, 2])


def test_kernels_of_every_convolution():
    assert kernels(Conv2D(4, 2), (8, 8, 3)).shape == (5, 5, 3)
    assert kernels(Conv2D(4, 2), (8, 8, 3), channel=1).shape == (5, 5)
    layer = Conv2D(4, 2)
    picture = kernels(layer, (8, 8, 5))
    np.testing.assert_allclose(picture[:2, :2], np.asarray(layer.kernel.value).mean(2)[..., 0], atol=1e-6)
    assert kernels(Conv1D(2, 3), (9, 1), columns=1).shape == (3, 3)
    assert kernels(DepthwiseConv2D(2), (8, 8, 3), columns=3).shape == (2, 8)
    assert kernels(Conv2DTranspose(4, 2), (8, 8, 1), limit=2, columns=2).shape == (2, 5)


def test_kernel_errors(network):
    with pytest.raises(ValueError, match="is no convolution and holds none"):
        visualization.convolution_kernels(model("stack"))
    with pytest.raises(ValueError, match="'out' is no convolution"):
        visualization.convolution_kernels(network, "out")
    with pytest.raises(ValueError, match="has no layer 'conv9'"):
        visualization.convolution_kernels(network, "conv9")
    with pytest.raises(ValueError, match="was not built"):
        visualization.convolution_kernels(Conv2D(2, 2))
    with pytest.raises(ValueError, match="channels 0 to 0"):
        visualization.convolution_kernels(network, channel=1)


def test_layer_outputs_are_those_of_one_example(network, images):
    figure = visualization.layer_outputs(network, images, sample=2)
    titles = [axes.get_title() for axes in figure.axes]
    assert titles == ["conv (Conv2D): 6 x 6, 4 channels", "flat (Flatten): 144", "out (Dense): 3"]
    np.testing.assert_allclose(figure.axes[2].images[0].get_array()[0], network(images)[2], atol=1e-6)
    maps = np.asarray(network.get_layer("conv")(images))[2]
    first = np.asarray(figure.axes[0].images[0].get_array())[:6, :6]
    expected = (maps[..., 0] - maps[..., 0].min()) / max(np.ptp(maps[..., 0]), 1e-12)
    np.testing.assert_allclose(first, expected, atol=1e-5)
    only = visualization.layer_outputs(network, images, "conv", limit=2)
    assert [axes.get_title() for axes in only.axes] == ["conv (Conv2D): 6 x 6, 2 of 4 channels"]
    with pytest.raises(ValueError, match="x has 4 rows"):
        visualization.layer_outputs(network, images, sample=4)
    with pytest.raises(ValueError, match="takes a model"):
        visualization.layer_outputs(network.get_layer("conv"), images)


def test_mosaic_keeps_tiles_whole():
    tiles = rng.random((5, 2, 3))
    whole = mosaic(tiles, columns=2, line=1)
    assert whole.shape == (8, 7)
    np.testing.assert_allclose(whole[3:5, 4:7], tiles[3])
    assert np.isnan(whole[2]).all() and np.isnan(whole[6:, 4:]).all()


# Figures ------------------------------------------------------------------------------------------------------------------


def test_figures_leave_pyplot_alone_and_show_themselves(history):
    open_before, style = plt.get_fignums(), dict(plt.rcParams)
    figure = history.plot()
    assert plt.get_fignums() == open_before and dict(plt.rcParams) == style
    assert figure._repr_png_().startswith(b"\x89PNG")
    again = pickle.loads(pickle.dumps(figure))
    assert len(again.axes) == 2


def test_figures_are_drawn_on_given_axes(history, images):
    figure, axes = plt.subplots(2, 2)
    try:
        assert history.plot(ax=axes) is figure
        assert axes[0, 1].get_title() == "accuracy"
        assert visualization.confusion_matrix([0, 1], [0, 1], ax=axes[1, 0]) is figure
        assert visualization.image_grid(images, [0, 1, 2, 3], ax=axes).axes[3].get_title() == "3"
    finally:
        plt.close(figure)


def test_without_matplotlib_the_error_says_what_to_install(history, images, network, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    drawings = (
        history.plot,
        lambda: visualization.confusion_matrix([0], [0]),
        lambda: visualization.image_grid(images),
        lambda: visualization.convolution_kernels(network),
        lambda: visualization.roc_curve([0, 1], [0, 1]),
    )
    for draw in drawings:
        with pytest.raises(ImportError, match=r'pip install "jkeras\[plots\]"'):
            draw()
    assert "History of 3 epochs" in history._repr_html_()


def test_a_tile_is_coloured_where_the_device_holds_the_weight():
    rows = (
        Layout("net/up/kernel", (8, 4), (None, "model"), 64, 0, False),
        Layout("net/down/kernel", (4, 8), (("data", "model"), None), 32, 0, False),
        Layout("net/down/bias", (8,), (), 32, 0, True),
    )
    axis = visualization.plot_layouts(Layouts({"data": 2, "model": 2}, rows, 128, 32, {})).axes[0]
    held = [np.asarray(image.get_array())[..., 0] < 0.5 for image in axis.images]  # blue has less red than grey
    assert [tile.tolist() for tile in held[:4]] == [[[True, False]], [[False, True]]] * 2
    assert [tile[:, 0].tolist() for tile in held[4:8]] == np.eye(4, dtype=bool).tolist()
    assert not any(tile.any() for tile in held[8:])  # whole: grey
    assert [label.get_text() for label in axis.get_yticklabels()][2] == "net/down/bias (8,)"
    with pytest.raises(ValueError, match=r"model.layouts\(\)"):
        visualization.plot_layouts(rows)

"""The networks of `keras.applications`: layers, weights and outputs are Keras', wrong arguments are refused, weights come in."""

import functools
import hashlib
import http.server
import inspect
import json
import re
import threading

import numpy as np
import pytest

import jkeras
from jkeras import Input, Model, applications, layers, models
from jkeras.applications import blocks, frame, imagenet_utils, trained
from tests.network_facts import GOLDEN, SMALLEST, facts, images_for, outputs, set_plain_weights, small

RECORDED = json.loads(GOLDEN.read_text())
FAMILIES = [name for name in vars(applications) if inspect.ismodule(getattr(applications, name)) and name != "imagenet_utils"]
FAMILIES = [name for name in FAMILIES if name not in ("blocks", "frame", "trained")]


def some(names, chosen):
    """All names as parameters, of which only the chosen ones run by default."""
    return [pytest.param(name, marks=() if name in chosen else pytest.mark.slow) for name in names]


@pytest.fixture(autouse=True)
def fresh_names():
    jkeras.utils.clear_session()


@functools.lru_cache(maxsize=1)
def made(name):
    """A small network with plain weights."""
    network = small(jkeras, name)
    set_plain_weights(network)
    return network


# What they are made of.


def test_all_networks_are_there():
    networks = {name for name, value in vars(applications).items() if inspect.isfunction(value)}
    assert networks == set(RECORDED) and len(networks) == 40


@pytest.mark.few(8)
@pytest.mark.parametrize("name", some(RECORDED, SMALLEST))
def test_layers_and_weights_are_keras(name):
    assert facts(getattr(applications, name)(weights=None)) == RECORDED[name]["facts"]


@pytest.mark.parametrize("name", some(SMALLEST, ["MobileNetV2", "MobileNetV3Small"]))
def test_outputs_are_keras(name):
    found = made(name).predict(images_for(name, made(name)), verbose=0)
    np.testing.assert_allclose(found, RECORDED[name]["outputs"], rtol=1e-4, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("name", RECORDED)
def test_records_are_those_of_the_live_keras(name):
    keras = pytest.importorskip("keras")
    keras.utils.clear_session()
    assert facts(getattr(keras.applications, name)(weights=None)) == RECORDED[name]["facts"]
    if "outputs" in RECORDED[name]:
        np.testing.assert_allclose(outputs(keras, name), RECORDED[name]["outputs"], rtol=1e-4, atol=1e-5)


def test_signatures_are_keras():
    keras = pytest.importorskip("keras")
    for name in RECORDED:
        shown = {p.name: p.default for p in inspect.signature(getattr(applications, name)).parameters.values()}
        theirs = {p.name: p.default for p in inspect.signature(getattr(keras.applications, name)).parameters.values()}
        assert list(shown.items()) == list(theirs.items()), name
        assert getattr(applications, name).__doc__.startswith(f"{name}: ")


VARIANTS = {
    "MobileNet": {"alpha": 0.5, "depth_multiplier": 2, "dropout": 0.1},
    "MobileNetV2": {"alpha": 1.4},
    "MobileNetV3Small": {"alpha": 1.3, "minimalistic": True, "dropout_rate": 0.0, "include_preprocessing": False},
    "EfficientNetV2B0": {"include_preprocessing": False, "include_top": False, "pooling": "max"},
    "EfficientNetB0": {"include_top": False, "pooling": "avg", "name": "mine"},
    "ConvNeXtTiny": {"include_preprocessing": False, "name": "mine"},
    "VGG16": {"include_top": False, "pooling": "avg"},
    "ResNet50V2": {"include_top": False, "pooling": "max"},
}


@pytest.mark.parametrize("name", some(VARIANTS, ["MobileNetV3Small"]))
def test_arguments_of_a_family_make_what_they_make_in_keras(name):
    keras = pytest.importorskip("keras")
    keras.utils.clear_session()
    assert facts(small(jkeras, name, **VARIANTS[name])) == facts(small(keras, name, **VARIANTS[name]))


FIRST = ["EfficientNetB0", "InceptionV3", "MobileNetV2", "MobileNetV3Small", "ResNet50", "ResNet50V2"]


@pytest.mark.parametrize("name", some(FIRST, ["MobileNetV3Small"]))
def test_channels_first(name, monkeypatch):
    network = made(name)
    images = images_for(name, network)
    monkeypatch.setattr("jkeras._base.config.settings.image_data_format", "channels_first")
    turned = small(jkeras, name, input_shape=(3, *network.input_shape[1:3]))
    turned.set_weights(network.get_weights())
    found = turned.predict(np.moveaxis(images, -1, 1), verbose=0)
    np.testing.assert_allclose(found, network.predict(images, verbose=0), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("name", ["ConvNeXtTiny", "DenseNet121", "NASNetMobile"])
def test_networks_for_one_layout(name, monkeypatch):
    monkeypatch.setattr("jkeras._base.config.settings.image_data_format", "channels_first")
    with pytest.raises(ValueError, match=r"channels_last.*Received: the data format 'channels_first'"):
        getattr(applications, name)(weights=None)


def test_a_network_of_open_size_takes_every_size():
    network = applications.NASNetMobile(weights=None, include_top=False, input_shape=(None, None, 1), pooling="avg")
    assert network.input_shape == (None, None, None, 1) and network.output_shape == (None, 1056)
    fixed = applications.NASNetMobile(weights=None, include_top=False, input_shape=(64, 64, 1), pooling="avg")
    assert [w.shape for w in fixed.weights] == [w.shape for w in network.weights]


# Input, training, files.


def test_a_network_on_a_tensor_of_ones_own():
    x = Input((70, 70, 1), name="gray")
    network = applications.VGG16(weights=None, include_top=False, input_tensor=layers.Concatenate()([x, x, x]), pooling="max")
    assert network.input is x and network.layers[1].name.startswith("concatenate")
    assert network.output_shape == (None, 512)
    a, b = Input((32, 32, 1)), Input((32, 32, 2))
    two = applications.MobileNet(weights=None, include_top=False, input_tensor=layers.Concatenate()([a, b]))
    assert two.input[0] is a and two.input[1] is b


def test_a_network_as_a_layer_of_a_model_is_trained():
    features = applications.MobileNetV3Small(weights=None, include_top=False, input_shape=(32, 32, 3), pooling="avg")
    features.trainable = False
    model = jkeras.Sequential([features, layers.Dense(2)])
    model.compile("sgd", "mse")
    before = features.get_weights()
    history = model.fit(np.ones((4, 32, 32, 3)), np.ones((4, 2)), epochs=2, verbose=0)
    assert history.history["loss"][1] < history.history["loss"][0]
    for a, b in zip(before, features.get_weights()):
        np.testing.assert_array_equal(a, b)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["ConvNeXtTiny", "InceptionResNetV2", "MobileNetV2", "NASNetMobile"])
def test_gradients_are_keras(name):
    import jax

    keras = pytest.importorskip("keras")
    theirs, ours = small(keras, name), made(name)
    set_plain_weights(theirs)
    images = images_for(name, ours)
    values = [variable.value for variable in theirs.trainable_variables]
    rest = [variable.value for variable in theirs.non_trainable_variables]
    expected = jax.grad(lambda v: theirs.stateless_call(v, rest, images)[0].sum())(values)
    values = [variable.array for variable in ours.trainable_variables]
    rest = [variable.array for variable in ours.non_trainable_variables]
    found = jax.grad(lambda v: ours.stateless_call(v, rest, images)[0].sum())(values)
    for a, b in zip(found, expected):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-4 * float(np.abs(b).max()) + 1e-6)


@pytest.mark.parametrize("suffix", some([".keras", ".weights.h5"], [".keras"]))
@pytest.mark.parametrize("name", some(["ConvNeXtTiny", "InceptionResNetV2", "MobileNetV3Small"], ["MobileNetV3Small"]))
def test_files_pass_between_both(name, suffix, tmp_path):
    keras = pytest.importorskip("keras")
    ours, images = made(name), images_for(name, made(name))
    theirs = small(keras, name)
    there, back = tmp_path / f"there{suffix}", tmp_path / f"back{suffix}"
    if suffix == ".keras":
        ours.save(there)
        theirs = keras.models.load_model(there)
        theirs.save(back)
        again = models.load_model(back)
    else:
        ours.save_weights(there)
        theirs.load_weights(there)
        theirs.save_weights(back)
        again = small(jkeras, name, weights=str(back))
    np.testing.assert_allclose(again.predict(images, verbose=0), RECORDED[name]["outputs"], rtol=1e-4, atol=1e-5)
    assert [type(layer).__name__ for layer in again.layers] == [type(layer).__name__ for layer in theirs.layers]


@pytest.mark.parametrize("by_name", [False, True])
def test_weights_of_keras_2_load(by_name, tmp_path):
    tf_keras = pytest.importorskip("tf_keras")
    arguments = {"weights": None, "input_shape": (32, 32, 3), "classes": 3}
    theirs = tf_keras.applications.MobileNetV2(**arguments)
    set_plain_weights_of_keras_2 = [
        np.random.default_rng(i).uniform(0.1, 0.2, w.shape) for i, w in enumerate(theirs.get_weights())
    ]
    theirs.set_weights(set_plain_weights_of_keras_2)
    theirs.save_weights(tmp_path / "weights.h5")
    ours = applications.MobileNetV2(**arguments)
    ours.load_weights(tmp_path / "weights.h5", by_name=by_name)
    for a, b in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


# Wrong arguments.

REFUSED = [
    ("ResNet50", {"weights": "no such file"}, "there is no such file"),
    ("ResNet50", {"weights": "imagenet", "classes": 10}, "1000 classes.*classes=10.*include_top=False"),
    ("ResNet50", {"weights": "imagenet", "classifier_activation": "relu"}, "'softmax', or None.*'relu'"),
    ("ResNet50", {"weights": "imagenet", "input_shape": (64, 64, 3)}, r"\(224, 224, 3\).*\(64, 64, 3\)"),
    ("ResNet50", {"weights": "imagenet", "include_top": False, "input_shape": (64, 64, 4)}, "3 channels"),
    ("ResNet50", {"input_shape": (31, 64, 3)}, "at least 32 x 32.*31"),
    ("ResNet50", {"input_shape": (None, None, 3)}, "include_top=True"),
    ("ResNet50", {"input_shape": (64, 64)}, r"three sizes.*\(64, 64\)"),
    ("ResNet50", {"input_tensor": np.ones((1, 64, 64, 3))}, "symbolic tensor.*float64"),
    ("ResNet50", {"include_top": False, "pooling": "mean"}, "'avg' or 'max'.*'mean'"),
    ("Xception", {"input_shape": (70, 71, 3)}, "at least 71"),
    ("InceptionV3", {"input_shape": (74, 75, 3)}, "at least 75"),
    ("NASNetLarge", {"weights": "imagenet", "include_top": False, "input_shape": (None, None, 3)}, "must be known"),
    ("MobileNet", {"weights": "imagenet", "alpha": 0.3}, "alpha 0.25, 0.5, 0.75, 1.0.*alpha=0.3"),
    ("MobileNet", {"weights": "imagenet", "depth_multiplier": 2}, "depth_multiplier=1.*2"),
    ("MobileNetV2", {"weights": "imagenet", "alpha": 2.0}, "alpha=2.0"),
    ("MobileNetV3Small", {"weights": "imagenet", "alpha": 0.75, "minimalistic": True}, "alpha=0.75"),
    ("MobileNetV3Large", {"input_shape": (16, 64, 3)}, "at least 32"),
]


@pytest.mark.parametrize(("name", "arguments", "text"), REFUSED)
def test_wrong_arguments_are_refused(name, arguments, text):
    arguments = {"weights": None, **arguments}
    with pytest.raises(ValueError, match=f"(?s){text}"):
        getattr(applications, name)(**arguments)


@pytest.mark.parametrize("name", ["MobileNetV2", "MobileNetV3Small"])
def test_a_tensor_of_another_width_is_refused(name):
    with pytest.raises(ValueError, match=r"\(None, 64, 64, 3\).*\(32, 32, 3\)"):
        getattr(applications, name)(weights=None, input_tensor=Input((64, 64, 3)), input_shape=(32, 32, 3))


def test_an_open_number_of_channels_is_refused():
    with pytest.raises(ValueError, match="known number of channels"):
        blocks.channels_of(Input((64, 64, None)))


def test_odd_numbers_of_channels_are_warned_of():
    with pytest.warns(UserWarning, match=r"1 or 3 channels.*\(32, 32, 4\)"):
        applications.VGG16(weights=None, include_top=False, input_shape=(32, 32, 4))


# Trained weights.


@pytest.fixture
def publisher(tmp_path, monkeypatch):
    """A local server in place of the publisher of weights: `published.files` by path."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            served.asked.append(self.path)
            body = served.files.get(self.path)
            self.send_response(404 if body is None else 200)
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, *args):
            """Keep stderr for the code under test."""

    served = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    served.files, served.asked = {}, []
    thread = threading.Thread(target=served.serve_forever, args=(0.01,))
    thread.start()
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("JKERAS_OFFLINE", raising=False)
    monkeypatch.setattr(trained, "PUBLISHER", f"http://127.0.0.1:{served.server_port}/")
    monkeypatch.setattr(imagenet_utils, "CLASS_INDEX", f"http://127.0.0.1:{served.server_port}/index.json")
    yield served
    served.shutdown()
    thread.join()
    served.server_close()


def weights_of(network, path):
    network.save_weights(path)
    return path.read_bytes()


def test_trained_weights_are_downloaded_once_and_checked(publisher, tmp_path, monkeypatch):
    network = made("MobileNetV3Small")
    features = Model(network.input, network.get_layer("conv_1_bn").output)
    assert trained._HASHES["mobilenet_v3_small_224_1.0_float"]
    published = weights_of(features, tmp_path / "made.weights.h5")
    path = "/tensorflow/keras-applications/mobilenet_v3/weights_mobilenet_v3_small_224_1.0_float_no_top_v2.h5"
    publisher.files[path] = published
    arguments = {"include_top": False, "input_shape": (224, 224, 3)}
    with pytest.raises(ValueError, match="not the expected one"):
        applications.MobileNetV3Small(**arguments)
    hashes = ("0" * 32, hashlib.md5(published).hexdigest())
    monkeypatch.setitem(trained._HASHES, "mobilenet_v3_small_224_1.0_float", hashes)
    for _ in range(2):
        found = applications.MobileNetV3Small(**arguments).get_weights()
        for a, b in zip(found, features.get_weights(), strict=True):
            np.testing.assert_array_equal(a, b)
    assert publisher.asked == [path, path]


ASKED = {
    ("MobileNet", ()): "mobilenet/mobilenet_1_0_224_tf.h5",
    ("VGG19", ("include_top",)): "vgg19/vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5",
    ("MobileNetV3Large", ()): "mobilenet_v3/weights_mobilenet_v3_large_224_1.0_float.h5",
    ("MobileNetV2", ("include_top",)): "mobilenet_v2/mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224_no_top.h5",
    ("ResNet50", ()): "resnet/resnet50_weights_tf_dim_ordering_tf_kernels.h5",
    ("NASNetMobile", ("include_top",)): "nasnet/NASNet-mobile-no-top.h5",
    ("EfficientNetV2B0", ()): "efficientnet_v2/efficientnetv2-b0.h5",
    ("ConvNeXtTiny", ("include_top",)): "convnext/convnext_tiny_notop.h5",
}


@pytest.mark.parametrize(
    ("name", "without"), [pytest.param(*key, marks=pytest.mark.slow if i > 2 else ()) for i, key in enumerate(ASKED)]
)
def test_names_of_published_files(name, without, publisher):
    with pytest.raises(FileNotFoundError, match=r"(?s)was not downloaded.*models"):
        getattr(applications, name)(**dict.fromkeys(without, False))
    assert publisher.asked == [f"/tensorflow/keras-applications/{ASKED[name, without]}"]


def test_offline(publisher, monkeypatch):
    monkeypatch.setenv("JKERAS_OFFLINE", "1")
    with pytest.raises(FileNotFoundError, match=r"(?s)JKERAS_OFFLINE.*efficientnetb0_notop.h5"):
        applications.EfficientNetB0(include_top=False, name="renamed")
    assert publisher.asked == []


def test_every_network_has_its_hashes():
    free = {"MobileNet", "MobileNetV2"}
    published = {key.replace("-", "").replace("_", "") for key in trained._HASHES}
    for name in set(RECORDED) - free:
        assert any(name.lower() in key for key in published), name
    assert all(re.fullmatch("[0-9a-f]{32}|[0-9a-f]{64}", digest) for pair in trained._HASHES.values() for digest in pair)


def test_efficientnet_scales_once_more_for_the_trained_weights(monkeypatch):
    monkeypatch.setattr(frame.Functional, "load_weights", lambda *args: None)
    monkeypatch.setattr(trained.WeightFiles, "obtain", lambda *args: "")
    network = applications.EfficientNetB0(weights="imagenet", include_top=False)
    scale = [layer.scale for layer in network.layers if isinstance(layer, layers.Rescaling)][1]
    np.testing.assert_allclose(scale, 1 / np.sqrt([0.229, 0.224, 0.225]))


# Images in, names out.


@pytest.mark.parametrize("mode", ["caffe", "tf", "torch"])
@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_images_are_scaled_as_keras_does(mode, data_format):
    theirs = pytest.importorskip("keras").applications.imagenet_utils.preprocess_input
    shape = (2, 5, 6, 3) if data_format == "channels_last" else (2, 3, 5, 6)
    images = np.random.default_rng(0).integers(0, 256, shape).astype("float32")
    expected = theirs(images.copy(), data_format=data_format, mode=mode)
    np.testing.assert_allclose(imagenet_utils.preprocess_input(images.copy(), data_format, mode), expected, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(
        imagenet_utils.preprocess_input(images.astype("uint8"), data_format, mode), expected, rtol=1e-5, atol=1e-5
    )
    x = Input(shape[1:])
    recorded = Model(x, imagenet_utils.preprocess_input(x, data_format, mode))
    np.testing.assert_allclose(recorded(images), expected, rtol=1e-5, atol=1e-4)


def test_unknown_modes_are_refused():
    with pytest.raises(ValueError, match=r"'caffe', 'tf', 'torch'.*Received: 'other'"):
        imagenet_utils.preprocess_input(np.ones((1, 2, 2, 3)), mode="other")
    with pytest.raises(ValueError, match=r'"channels_first" or "channels_last".*Received'):
        imagenet_utils.preprocess_input(np.ones((1, 2, 2, 3)), data_format="last")


def test_every_family_has_its_functions():
    keras = pytest.importorskip("keras")
    images = np.random.default_rng(0).uniform(0, 255, (1, 4, 4, 3)).astype("float32")
    for name in FAMILIES:
        ours, theirs = getattr(applications, name), getattr(keras.applications, name)
        expected = theirs.preprocess_input(images.copy())
        np.testing.assert_allclose(ours.preprocess_input(images.copy()), expected, rtol=1e-5, atol=1e-5)
        assert (
            ours.preprocess_input.__name__ == "preprocess_input" and ours.decode_predictions is imagenet_utils.decode_predictions
        )
        assert {n for n in dir(theirs) if not n.startswith("_")} <= set(ours.__all__)


def test_images_are_overwritten_where_keras_does_so():
    images = np.full((1, 2, 2, 3), 255.0)
    assert applications.mobilenet.preprocess_input(images) is images and images.max() == 1
    kept = np.full((1, 2, 2, 3), 255, "uint8")
    assert applications.mobilenet.preprocess_input(kept).max() == 1 and kept.max() == 255
    kept = np.asarray(jkeras.ops.ones((1, 2, 2, 3)))
    assert applications.mobilenet.preprocess_input(kept).max() < 0 and kept.max() == 1


def test_predictions_get_names(publisher, monkeypatch):
    index = json.dumps({str(i): [f"n{i:08}", f"class {i}"] for i in range(1000)}).encode()
    publisher.files["/index.json"] = index
    monkeypatch.setattr(imagenet_utils, "CLASS_INDEX_HASH", hashlib.md5(index).hexdigest())
    scores = np.zeros((2, 1000), "float32")
    scores[0, [3, 5]], scores[1, 999] = (0.25, 0.75), 1
    for given in (scores, jkeras.ops.convert_to_tensor(scores)):
        first, second = imagenet_utils.decode_predictions(given, top=2)
        assert first == [("n00000005", "class 5", 0.75), ("n00000003", "class 3", 0.25)]
        assert second[0] == ("n00000999", "class 999", 1.0)
    assert publisher.asked == ["/index.json"]
    with pytest.raises(ValueError, match=r"\(batch, 1000\).*\(2, 10\)"):
        imagenet_utils.decode_predictions(scores[:, :10])


def test_a_damaged_index_is_refused(publisher, monkeypatch):
    publisher.files["/index.json"] = b'{"0": ["n0", "only one"]}'
    monkeypatch.setattr(imagenet_utils, "CLASS_INDEX_HASH", hashlib.md5(publisher.files["/index.json"]).hexdigest())
    with pytest.raises(ValueError, match="not the index"):
        imagenet_utils.decode_predictions(np.zeros((1, 1000)))

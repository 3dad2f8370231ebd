"""The real Kerases open what jkeras writes: each format's own reader opens each part, which computes the same."""

import json

import h5py
import keras
import numpy as np
import pytest

import jkeras
from jkeras import layers
from jkeras.optimizers import SGD, Adam, LossScaleOptimizer, schedules
from jkeras.saving.serialization import to_keras2_json

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(8, 5, 3)).astype("float32"), RNG.uniform(0.1, 1, (8, 5, 2)).astype("float32")


def twice(x):
    return 2 * x


def scaled(x, by=1.0):
    return x * by


def same_shape(shape):
    return shape


def same_mask(x, mask):
    return mask


OWN = {f.__name__: f for f in (twice, scaled, same_shape, same_mask)}
LAMBDAS = {
    "a function": lambda: [layers.Lambda(twice)],
    "arguments": lambda: [layers.Lambda(scaled, arguments={"by": 3.0})],
    "a shape": lambda: [layers.Lambda(twice, output_shape=(5, 3))],
    "a function for the shape": lambda: [layers.Lambda(twice, output_shape=same_shape)],
    "a function for the mask": lambda: [layers.Masking(), layers.Lambda(twice, mask=same_mask), layers.LSTM(2)],
    "inside another": lambda: [layers.TimeDistributed(layers.Lambda(twice))],
}


@pytest.mark.parametrize("make", LAMBDAS.values(), ids=LAMBDAS)
def test_lambda_layers_in_h5_are_for_keras_2(make, tmp_path):
    """Its reader wants `function_type` beside a name, and Keras 3's wants none, so the one that is not asked is named."""
    tf_keras = pytest.importorskip("tf_keras")
    model = jkeras.Sequential([layers.Input((5, 3)), *make()])
    with pytest.warns(UserWarning, match=r"Lambda layer(.|\n)*For Keras 3, save a \.keras"):
        model.save(tmp_path / "m.h5")
    for library in (tf_keras, jkeras):
        again = library.models.load_model(tmp_path / "m.h5", custom_objects=OWN)
        np.testing.assert_allclose(np.asarray(again(X)), np.asarray(model(X)), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("case", LAMBDAS)
def test_lambda_layers_in_json_with_the_keys_of_keras_2(case):
    """There Keras 2 takes a function as a dict alone; Keras 3 would take it from there too, where it is not inside another."""
    model = jkeras.Sequential([layers.Input((5, 3)), *LAMBDAS[case]()])
    text = to_keras2_json(model)
    for name in ("jkeras", "tf_keras"):
        again = pytest.importorskip(name).models.model_from_json(text, custom_objects=OWN)
        again.set_weights(model.get_weights())
        np.testing.assert_allclose(np.asarray(again(X)), np.asarray(model(X)), rtol=1e-5, atol=1e-6)


def test_a_lambda_in_h5_names_its_functions(tmp_path):
    """What the reader of `.h5` in Keras 2 takes; the test beside asks it, where it is there."""
    model = jkeras.Sequential([layers.Input((5, 3)), layers.Lambda(twice, output_shape=same_shape)])
    with pytest.warns(UserWarning, match="Lambda layer"):
        model.save(tmp_path / "m.h5")
    with h5py.File(tmp_path / "m.h5") as file:
        written = json.loads(file.attrs["model_config"])["config"]["layers"][1]["config"]
    assert (written["function"], written["function_type"]) == ("twice", "function")
    assert (written["output_shape"], written["output_shape_type"]) == ("same_shape", "function")


def made(loss="mse", optimizer="sgd", metrics=(), activation="softplus"):
    jkeras.utils.set_random_seed(0)
    model = jkeras.Sequential([layers.Input((5, 3)), layers.Dense(2, activation=activation)])
    model.compile(optimizer, loss, metrics=list(metrics))
    return model


LOSSES = [
    *("CategoricalCrossentropy", "CategoricalHinge", "CosineSimilarity", "Hinge", "Huber", "KLDivergence", "LogCosh"),
    *("MeanAbsoluteError", "MeanSquaredError", "MeanSquaredLogarithmicError", "Poisson", "SquaredHinge"),
]


def test_loss_and_metric_objects_in_h5_are_read_by_keras_2(tmp_path):
    tf_keras = pytest.importorskip("tf_keras")
    for name in LOSSES:
        model = made(getattr(jkeras.losses, name)(), metrics=[jkeras.metrics.MeanSquaredError(name="m")])
        model.save(tmp_path / "m.h5")
        again = tf_keras.models.load_model(tmp_path / "m.h5")
        np.testing.assert_allclose(again.evaluate(X, Y, verbose=0), model.evaluate(X, Y, verbose=0), rtol=1e-4, err_msg=name)
    loss, metric = jkeras.losses.SparseCategoricalCrossentropy(), jkeras.metrics.SparseTopKCategoricalAccuracy(1, name="top")
    sparse = made(loss, metrics=[metric], activation="softmax")
    sparse.save(tmp_path / "m.h5")
    targets = np.argmax(Y, -1)
    again = tf_keras.models.load_model(tmp_path / "m.h5")
    np.testing.assert_allclose(again.evaluate(X, targets, verbose=0), sparse.evaluate(X, targets, verbose=0), rtol=1e-4)


OPTIMIZERS = {
    "decay": lambda: Adam(0.05, decay=0.5),
    "decay and momentum": lambda: SGD(0.1, momentum=0.9, decay=0.5),
    "schedule": lambda: SGD(schedules.ExponentialDecay(0.1, 2, 0.5)),
    "steps": lambda: SGD(schedules.PiecewiseConstantDecay([3], [0.1, 0.01])),
    "loss scale": lambda: LossScaleOptimizer(SGD(0.1)),
}


@pytest.mark.parametrize("make", OPTIMIZERS.values(), ids=OPTIMIZERS)
def test_keras_3_takes_the_next_steps_with_our_optimizer(make, tmp_path):
    model = made(optimizer=make())
    model.fit(X, Y, batch_size=4, epochs=2, shuffle=False, verbose=0)
    model.save(tmp_path / "m.keras")
    theirs = keras.models.load_model(tmp_path / "m.keras")
    assert int(theirs.optimizer.iterations) == 4
    expected = model.fit(X, Y, batch_size=4, epochs=3, shuffle=False, verbose=0).history["loss"]
    found = theirs.fit(X, Y, batch_size=4, epochs=3, shuffle=False, verbose=0).history["loss"]
    np.testing.assert_allclose(found, expected, rtol=1e-5)


@pytest.mark.parametrize("make", OPTIMIZERS.values(), ids=OPTIMIZERS)
@pytest.mark.parametrize("name", ["keras", "tf_keras"])
def test_the_optimizer_of_our_h5_is_read(name, make, tmp_path):
    library = keras if name == "keras" else pytest.importorskip(name)
    model = made(optimizer=make())
    model.save(tmp_path / "m.h5")
    theirs = library.models.load_model(tmp_path / "m.h5")
    config = theirs.optimizer.get_config()
    config = config.get("inner_optimizer", {"config": config})["config"]
    assert type(theirs.optimizer).__name__ == type(model.optimizer).__name__
    inner = getattr(model.optimizer, "inner_optimizer", model.optimizer)
    rate, expected = config["learning_rate"], inner.get_config()["learning_rate"]
    if isinstance(expected, dict):
        assert rate["class_name"] == expected["class_name"]
        assert {k: v for k, v in rate["config"].items() if k != "name"} == {
            k: v for k, v in expected["config"].items() if k != "name"
        }
    else:
        assert rate == pytest.approx(expected)


def test_a_normalization_over_several_axes_in_h5(tmp_path):
    model = jkeras.Sequential([layers.Input((5, 3)), layers.LayerNormalization(axis=[1, 2])])
    model.set_weights([RNG.normal(size=w.shape) for w in model.get_weights()])
    model.save(tmp_path / "m.h5")
    theirs = keras.models.load_model(tmp_path / "m.h5")
    np.testing.assert_allclose(np.asarray(theirs(X)), np.asarray(model(X)), rtol=1e-5, atol=1e-6)


def test_json_with_the_keys_of_keras_2_is_read_by_it():
    tf_keras = pytest.importorskip("tf_keras")
    x = layers.Input((5, 3))
    y = layers.Bidirectional(layers.GRU(2, return_sequences=True))(x)
    model = jkeras.Model(x, layers.Dense(2)(layers.Concatenate()([y, x])))
    text = to_keras2_json(model)
    for read in (tf_keras.models.model_from_json, jkeras.models.model_from_json):
        again = read(text)
        again.set_weights(model.get_weights())
        np.testing.assert_allclose(np.asarray(again(X)), np.asarray(model(X)), rtol=1e-5, atol=1e-6)

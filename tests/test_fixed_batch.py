"""A batch size in an Input only shapes the graph. Calls may differ, as in Keras 3.15.1; stateful layers need theirs."""

import numpy as np
import pytest

from jkeras import Input, Model, Sequential, layers, models
from jkeras.utils import PyDataset

X = np.random.default_rng(0).normal(size=(30, 4)).astype("float32")
Y = X[:, :1]


def functional(inputs):
    return Model(inputs, layers.Dense(1)(inputs))


FIXED = {
    "batch_shape": lambda: Sequential([Input(batch_shape=(8, 4)), layers.Dense(1)]),
    "batch_size": lambda: functional(Input((4,), batch_size=8)),
    "one": lambda: functional(Input((4,), batch_size=1)),
    "batch_input_shape": lambda: Sequential([layers.Dense(1, batch_input_shape=(8, 4))]),
    "batch_size of a layer": lambda: Sequential([layers.Dense(1, input_shape=(4,), batch_size=8)]),
    "nested": lambda: Sequential([Input((4,)), functional(Input((4,), batch_size=8))]),
    "batch size in use": lambda: Sequential(
        [Input(batch_shape=(8, 4)), layers.Lambda(lambda x: x.reshape(x.shape[0], 2, 2)), layers.Flatten(), layers.Dense(1)]
    ),
}


@pytest.mark.few(3)
@pytest.mark.parametrize("name", FIXED)
def test_a_fixed_batch_size_binds_no_call(name):
    model = FIXED[name]()
    if name != "nested":
        assert model.output_shape == (1 if name == "one" else 8, 1)
    expected = X @ model.get_weights()[0]
    for rows, size in ((1, None), (10, None), (30, 16), (30, 8)):
        np.testing.assert_allclose(model.predict(X[:rows], batch_size=size, verbose=0), expected[:rows], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(model(X[:5]), expected[:5], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(model.predict_on_batch(X[:3]), expected[:3], rtol=1e-5, atol=1e-6)
    model.compile("sgd", "mse")
    np.testing.assert_allclose(model.evaluate(X, Y, batch_size=7, verbose=0), np.mean((expected - Y) ** 2), rtol=1e-5)
    assert np.isfinite(model.fit(X, Y, batch_size=7, verbose=0).history["loss"][0])


@pytest.mark.parametrize("suffix", ["keras", "h5"])
def test_a_fixed_batch_size_of_a_file_binds_no_call(suffix, tmp_path):
    FIXED["batch_shape"]().save(tmp_path / f"model.{suffix}")
    model = models.load_model(tmp_path / f"model.{suffix}")
    assert model.input_shape == (8, 4) and model.predict(X, verbose=0).shape == (30, 1)


def test_other_axes_still_bind():
    with pytest.raises(ValueError, match=r"shape \(8, 4\), but received float32\(8, 5\)"):
        FIXED["batch_size"]()(np.zeros((8, 5), np.float32))


def stateful(rows):
    return Sequential([Input(batch_shape=(rows, 5, 2)), layers.LSTM(3, stateful=True), layers.Dense(1)])


@pytest.mark.few(1)
@pytest.mark.parametrize("rows", [1, 5, 10])
def test_a_stateful_layer_gets_batches_of_its_size_and_no_padding(rows):
    model = stateful(rows)
    model.compile("sgd", "mse")
    x, y = np.random.default_rng(0).normal(size=(20, 5, 2)).astype("float32"), np.zeros((20, 1), np.float32)
    assert model.predict(x[:rows], verbose=0).shape == model.predict_on_batch(x[:rows]).shape == (rows, 1)
    assert model.predict(x, batch_size=rows, verbose=0).shape == (20, 1)
    for loss in (
        model.evaluate(x[:rows], y[:rows], verbose=0),
        model.evaluate(x, y, batch_size=rows, verbose=0),
        model.test_on_batch(x[:rows], y[:rows]),
        model.train_on_batch(x[:rows], y[:rows]),
        model.fit(x, y, batch_size=rows, shuffle=False, verbose=0).history["loss"][0],
    ):
        assert np.isfinite(loss)


@pytest.mark.parametrize(
    "run, received",
    [
        (lambda m, x: m.predict(x[:10], verbose=0), 10),
        (lambda m, x: m.predict(x[:1], verbose=0), 1),
        (lambda m, x: m.predict(x[:12], batch_size=8, verbose=0), 4),
        (lambda m, x: m.fit(x, x[:, 0, :1], batch_size=8, verbose=0), 4),
        (lambda m, x: m.evaluate(x, x[:, 0, :1], verbose=0), 20),
        (lambda m, x: m(x[:3]), 3),
    ],
    ids=["predict", "a row", "short last batch", "fit", "evaluate", "call"],
)
def test_a_stateful_layer_says_which_batch_it_needs_and_got(run, received):
    model = stateful(8)
    model.compile("sgd", "mse")
    with pytest.raises(ValueError, match=rf"keeps the states of 8 rows. Received a batch of {received}\."):
        run(model, np.zeros((20, 5, 2), np.float32))


class Batches(PyDataset):
    def __len__(self):
        return 3

    def __getitem__(self, index):
        return np.zeros((5, 5, 2), np.float32), np.zeros((5, 1), np.float32)


@pytest.mark.few(1)
@pytest.mark.parametrize("rows", [1, 5])
def test_a_stateful_layer_takes_streams_of_its_batch_size(rows):
    model = stateful(rows)
    model.compile("sgd", "mse")

    def stream():
        return (Batches()[i] for i in range(3)) if rows == 5 else ((x[:1], y[:1]) for x, y in (Batches()[i] for i in range(3)))

    for make in (stream, Batches) if rows == 5 else (stream,):
        assert np.isfinite(model.fit(make(), verbose=0).history["loss"][0]) and np.isfinite(model.evaluate(make(), verbose=0))
        assert model.predict(make(), verbose=0).shape == (3 * rows, 1)

"""Losses that are symbolic tensors, as in Keras 2 scripts for variational autoencoders."""

import numpy as np
import pytest

from jkeras import Input, Model, Sequential, backend, layers, losses, metrics, models, ops

X = np.random.default_rng(0).uniform(size=(12, 5)).astype("float32")


def autoencoder():
    x = Input((5,))
    code = layers.Dense(2, kernel_initializer="ones")(x)
    model = Model(x, layers.Dense(5, activation="sigmoid", kernel_initializer="ones")(code))
    return model, x, code


def test_a_symbolic_loss_is_what_training_minimises():
    model, x, code = autoencoder()
    model.add_loss(
        backend.mean(5 * losses.binary_crossentropy(x, model.output)) + 0.01 * backend.sum(backend.square(code), axis=-1)
    )
    model.compile("sgd")
    hidden = X @ np.ones((5, 2), "float32")
    probability = 1 / (1 + np.exp(-(hidden @ np.ones((2, 5)))))
    entropy = -(X * np.log(probability) + (1 - X) * np.log(1 - probability)).mean(-1)
    expected = (5 * entropy.mean() + 0.01 * np.square(hidden).sum(-1)).mean()
    assert model.evaluate(X, verbose=0, batch_size=12) == pytest.approx(expected, rel=1e-4)
    history = model.fit(X, epochs=3, batch_size=12, verbose=0).history["loss"]
    assert history[0] == pytest.approx(expected, rel=1e-4)
    assert history[-1] < history[0]


def test_it_comes_on_top_of_a_compiled_loss_and_after_compile():
    model, _, code = autoencoder()
    model.compile("sgd", "mse")
    before = model.evaluate(X, X, verbose=0)
    model.add_loss(0.5 * ops.mean(ops.square(code)))
    added = 0.5 * np.square(X @ np.ones((5, 2))).mean()
    assert model.evaluate(X, X, verbose=0) == pytest.approx(before + added, rel=1e-4)


def test_layers_on_the_way_to_the_loss_are_trained():
    model, x, code = autoencoder()
    head = layers.Dense(1, name="head")
    model.add_loss(metrics.mean_squared_error(ops.sum(x, axis=-1, keepdims=True), head(code)))
    model.compile("sgd")
    before = np.array(head.kernel)
    model.fit(X, epochs=1, verbose=0)
    assert "head" in [layer.name for layer in model.layers]
    assert not np.allclose(before, head.kernel)


def test_a_file_says_that_the_loss_is_not_in_it(tmp_path):
    model, _, code = autoencoder()
    model.add_loss(ops.mean(code))
    with pytest.warns(UserWarning, match="leaves out 1 loss"):
        model.save(tmp_path / "m.keras")
    loaded = models.load_model(tmp_path / "m.keras")
    np.testing.assert_array_equal(loaded.predict(X, verbose=0), model.predict(X, verbose=0))


def test_where_it_cannot_be_added_an_error_says_where():
    model, *_ = autoencoder()
    with pytest.raises(ValueError, match="disconnected"):
        model.add_loss(ops.mean(Input((3,))))
    model.predict(X, verbose=0)
    with pytest.raises(ValueError, match=r"Model\(inputs, outputs\).add_loss"):
        Sequential([layers.Dense(1)]).add_loss(ops.mean(Input((3,))))

"""Methods that Keras 2 scripts call, and their results."""

import inspect

import numpy as np
import pytest

import jkeras
from jkeras import layers
from jkeras.utils import np_utils

rng = np.random.default_rng(0)
X = rng.normal(size=(32, 4)).astype("float32")
LABELS = (X[:, 0] > 0).astype("int64") + (X[:, 1] > 0)
ONE_HOT = np_utils.to_categorical(LABELS)


def classifier(units=3, activation="softmax"):
    jkeras.utils.set_random_seed(1)
    model = jkeras.models.Sequential()
    model.add(layers.Dense(8, input_dim=4, kernel_initializer="he_normal", activation="relu"))
    model.add(layers.Dense(units, activation=activation))
    return model


@pytest.fixture(scope="module")
def model():
    found = classifier()
    compiled(found)
    return found


def compiled(model):
    model.compile(loss="categorical_crossentropy", optimizer=jkeras.optimizers.Adam(lr=0.01, decay=1e-3), metrics=["acc"])


def batches(size=8):
    while True:
        for i in range(0, len(X), size):
            yield X[i : i + size], ONE_HOT[i : i + size]


class Batches(jkeras.utils.Sequence):
    seen: list = []

    def __len__(self):
        return 4

    def __getitem__(self, i):
        self.seen.append((self.workers, self.max_queue_size))
        return X[8 * i : 8 * i + 8], ONE_HOT[8 * i : 8 * i + 8]


def test_acc_is_called_acc(model):
    history = model.fit(X, ONE_HOT, validation_split=0.25, epochs=2, batch_size=8, verbose=0)
    assert list(history.history) == ["loss", "acc", "val_loss", "val_acc"]
    assert model.metrics_names == ["loss", "acc"]
    assert model.layers[0].input_shape == (None, 4) and model.layers[-1].output_shape == (None, 3)
    assert model.updates == model.state_updates == []


def test_lr_and_decay_are_those_of_keras_2():
    model = jkeras.Sequential([layers.Input((1,)), layers.Dense(1, use_bias=False, kernel_initializer="zeros")])
    model.compile(jkeras.optimizers.SGD(lr=0.1, decay=0.5), "mse")
    expected = 0.0
    for step in range(3):
        expected += 0.1 / (1 + 0.5 * step) * 2 * (1 - expected)
        model.train_on_batch(np.ones((1, 1)), np.ones((1, 1)))
        assert model.get_weights()[0].item() == pytest.approx(expected, rel=1e-5)


def test_predict_classes_and_proba(model):
    p = model.predict(X, verbose=0)
    found = model.predict_classes(X[:10])
    assert type(found) is np.ndarray and found.shape == (10,)
    np.testing.assert_array_equal(found, p[:10].argmax(-1))
    np.testing.assert_array_equal(model.predict_proba(X), p)
    binary = classifier(1, "sigmoid")
    found = binary.predict_classes(X)
    np.testing.assert_array_equal(found, binary.predict(X, verbose=0) > 0.5)
    assert found.shape == (32, 1) and found.dtype == "int32" and 0 < found.sum() < 32
    with pytest.warns(UserWarning, match="not probabilities"):
        classifier(2, None).predict_proba(10 * X)
    x = layers.Input((4,))
    with pytest.raises(ValueError, match="models with one output"):
        jkeras.Model(x, [x, x]).predict_classes(X)


def test_the_generator_methods_do_what_fit_does(model):
    compiled(model)
    weights = model.get_weights()
    history = model.fit_generator(
        batches(), steps_per_epoch=4, epochs=2, validation_data=batches(), validation_steps=2,
        max_queue_size=3, workers=2, use_multiprocessing=False, verbose=0,
    )  # fmt: skip
    found = [model.evaluate_generator(batches(), steps=4), model.predict_generator((x for x, _ in batches()), 4)]
    np.testing.assert_allclose(found[0], model.evaluate(X, ONE_HOT, batch_size=8, verbose=0), rtol=1e-4)
    np.testing.assert_allclose(found[1], model.predict(X, batch_size=8, verbose=0), rtol=1e-4)
    model.set_weights(weights)
    compiled(model)
    expected = model.fit(batches(), steps_per_epoch=4, epochs=2, validation_data=batches(), validation_steps=2, verbose=0)
    for name in expected.history:
        np.testing.assert_allclose(history.history[name], expected.history[name], rtol=1e-4, err_msg=name)


def test_workers_are_those_of_the_dataset(model):
    data = Batches()
    Batches.seen.clear()
    model.fit_generator(data, epochs=1, verbose=0, workers=3, max_queue_size=5)
    assert Batches.seen and set(Batches.seen) == {(3, 5)}
    model.evaluate(data, verbose=0, workers=2)
    assert data.workers == 2 and data.max_queue_size == 5
    model.fit(data, verbose=0, workers=0, use_multiprocessing=False), model.predict(data, verbose=0, max_queue_size=4)
    assert data.workers == 0 and data.max_queue_size == 4


def test_names_of_keras_1(model):
    with pytest.warns(UserWarning, match="'nb_epoch' of fit is called 'epochs'") as caught:
        history = model.fit(X, ONE_HOT, nb_epoch=2, batch_size=8, verbose=0)
    assert history.epoch == [0, 1]
    assert any(w.filename == __file__ for w in caught)
    with pytest.warns(UserWarning):
        assert len(model.fit_generator(batches(), steps_per_epoch=1, nb_epoch=3, verbose=0).epoch) == 3
    with pytest.raises(TypeError, match=r"steps_per_epoch=\.\.\., which counts batches"):
        model.fit_generator(batches(), samples_per_epoch=32, nb_epoch=1)
    with pytest.raises(TypeError, match=r"fit does not take the argument 'epoch'\. Did you mean 'epochs'"):
        model.fit(X, ONE_HOT, epoch=2)
    with pytest.raises(TypeError, match=r"predict does not take the argument 'batchsize'\. Did you mean 'batch_size'"):
        model.predict(X, batchsize=2)
    assert "validation_split" in inspect.signature(model.fit).parameters


def test_a_subclass_may_override_fit_and_call_the_one_above():
    class Mine(jkeras.Sequential):
        def fit(self, *args, **kwargs):
            return super().fit(*args, verbose=0, **kwargs)

    mine = Mine([layers.Input((4,)), layers.Dense(3)])
    mine.compile("sgd", "mse")
    assert len(mine.fit(X, ONE_HOT, epochs=1).history["loss"]) == 1


def test_processes_of_keras_2_are_threads(model):
    data = Batches()
    compiled(model)
    model.fit(data, verbose=0, workers=2, use_multiprocessing=True)
    assert data.workers == 2 and not data.use_multiprocessing


def test_steps_may_be_a_quotient(model):
    compiled(model)
    steps = [model.fit(X, ONE_HOT, batch_size=8, steps_per_epoch=n, verbose=0).params["steps"] for n in (len(X) / 16, 1.5)]
    assert steps == [2, 2]
    with pytest.raises(ValueError, match="positive whole number"):
        model.fit(X, ONE_HOT, steps_per_epoch=-0.5, verbose=0)


def test_a_model_by_the_names_of_keras_1():
    x = jkeras.Input((3,))
    assert jkeras.Model(input=[x], output=jkeras.layers.Dense(2)(x)).output_shape == (None, 2)


def test_training_where_nothing_is_trainable_warns(model):
    compiled(model)
    model.trainable = False
    with pytest.warns(UserWarning, match="discriminator.trainable = True"):
        model.train_on_batch(X[:4], ONE_HOT[:4])


def test_a_step_that_takes_neither_data_nor_a_state_and_a_batch_is_refused_with_the_right_ones():
    class Old(jkeras.Sequential):
        def train_step(self, x, y, sample_weight):
            return {}

    model = Old([jkeras.layers.Dense(2)])
    model.compile("sgd", "mse")
    with pytest.raises(TypeError, match=r"takes \('x', 'y', 'sample_weight'\)(.|\n)*def train_step\(self, state, batch\)"):
        model.fit(np.ones((2, 3)), np.ones((2, 2)), verbose=0)


def test_a_metric_function_sees_targets_in_the_shape_of_predictions():
    x, y = np.array([[1.0], [0.0], [1.0], [1.0]], "float32"), np.array([1, 1, 0, 1])

    def precision(y_true, y_pred):
        return (y_true * y_pred).sum() / y_pred.sum()

    model = jkeras.Sequential([jkeras.Input((1,)), jkeras.layers.Dense(1, kernel_initializer="ones")])
    model.compile("sgd", "mse", metrics=[precision, "mae"])
    assert model.evaluate(x, y, verbose=0)[1:] == pytest.approx([2 / 3, 1 / 2])

"""The states of stateful recurrent layers: kept between batches and calls, set, reset, and not counted as weights."""

import numpy as np
import pytest

from jkeras import Input, Model, layers, models, ops

RNG = np.random.default_rng(0)
X = RNG.normal(size=(2, 10, 2)).astype("float32")
STATES = {"LSTM": 2, "GRU": 1, "SimpleRNN": 1}


def make(kind, rows, **options):
    layer = getattr(layers, kind)(3, stateful=True, **options)
    inputs = Input((5, 2), batch_size=rows)
    return Model(inputs, layer(inputs)), layer


def without_state(kind, weights):
    layer = getattr(layers, kind)(3)
    layer.build((None, None, 2))
    layer.set_weights(weights)
    return layer


@pytest.mark.parametrize("kind", STATES)
def test_states_are_kept_from_call_to_call(kind):
    model, layer = make(kind, 2)
    plain = without_state(kind, model.get_weights())
    halves = [X[:, :5], X[:, 5:]]
    for run in (lambda x: model.predict(x, verbose=0), model, model.predict_on_batch):
        model.reset_states()
        first, second = map(run, halves)
        np.testing.assert_allclose(first, plain(X[:, :5]), rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(second, plain(X), rtol=1e-5, atol=1e-6)
    model.compile("sgd", "mse")
    layer.reset_state()
    model.evaluate(np.concatenate(halves), np.zeros((4, 3)), batch_size=2, verbose=0)
    np.testing.assert_allclose(layer.states[0], plain(X), rtol=1e-5, atol=1e-6)
    layer.reset_states()
    assert not np.any(layer.states[0])


@pytest.mark.parametrize("kind", STATES)
def test_reset_states_takes_states(kind):
    model, layer = make(kind, 2)
    given = [RNG.normal(size=(2, 3)).astype("float32") for _ in range(STATES[kind])]
    expected = without_state(kind, model.get_weights())(X[:, :5], initial_state=given)
    for states in (given, given[0] if len(given) == 1 else tuple(given)):
        layer.reset_states(states=states)
        np.testing.assert_allclose(model.predict(X[:, :5], verbose=0), expected, rtol=1e-5, atol=1e-6)
    for wrong in (given * 2, [value[:1] for value in given], [value[:, :2] for value in given]):
        with pytest.raises(ValueError, match=r"keeps states of the shapes \(2, 3\)"):
            layer.reset_states(wrong)
    with pytest.raises(ValueError, match="stateful=True"):
        getattr(layers, kind)(3).reset_states(given)


@pytest.mark.parametrize("kind", STATES)
def test_weights_go_to_a_model_of_another_batch_size(kind, tmp_path):
    (two, layer), (one, _) = make(kind, 2), make(kind, 1)
    two.predict(X[:, :5], verbose=0)
    plain = without_state(kind, two.get_weights())
    assert len(layer.weights) == len(two.get_weights()) == len(plain.weights) and two.count_params() == plain.count_params()
    one.set_weights(two.get_weights())
    np.testing.assert_allclose(one.predict(X[:1, :5], verbose=0), plain(X[:1, :5]), rtol=1e-5, atol=1e-6)
    for name in ("w.weights.h5", "w.h5"):
        two.save_weights(tmp_path / name)
        fresh, _ = make(kind, 1)
        fresh.load_weights(tmp_path / name)
        np.testing.assert_allclose(fresh.predict(X[:1, :5], verbose=0), plain(X[:1, :5]), rtol=1e-5, atol=1e-6)


def test_states_go_along_in_a_file_and_in_the_pure_face(tmp_path):
    model, _ = make("GRU", 2)
    model.predict(X[:, :5], verbose=0)
    model.save(tmp_path / "model.keras")
    again = models.load_model(tmp_path / "model.keras")
    params, state = model.params_and_state()
    y, after = model.apply(params, state, X[:, 5:])
    np.testing.assert_allclose(again.predict(X[:, 5:], verbose=0), y, rtol=1e-6)
    np.testing.assert_allclose(model.predict(X[:, 5:], verbose=0), y, rtol=1e-6)
    model.set_params_and_state(params, after)
    np.testing.assert_allclose(model(X[:, 5:]), again(X[:, 5:]), rtol=1e-6)


def test_initial_state_of_a_call_goes_before_the_kept_one():
    layer = layers.GRU(3, stateful=True)
    inputs, start = Input((5, 2), batch_size=2), Input((3,), batch_size=2)
    model = Model([inputs, start], layer(inputs, initial_state=start))
    given = RNG.normal(size=(2, 3)).astype("float32")
    plain = without_state("GRU", model.get_weights())
    for _ in range(2):
        found = model.predict([X[:, :5], given], verbose=0)
        np.testing.assert_allclose(found, plain(X[:, :5], initial_state=given), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(layer.states[0], found, rtol=1e-6)


def test_both_directions_keep_their_states():
    layer = layers.Bidirectional(layers.LSTM(3, stateful=True))
    inputs = Input((5, 2), batch_size=2)
    model = Model(inputs, layer(inputs))
    first, second = (model.predict(X[:, :5], verbose=0) for _ in range(2))
    assert not np.allclose(first, second)
    for reset in (layer.reset_state, layer.reset_states, lambda: layer.reset_states([np.zeros((2, 3))] * 4)):
        reset()
        np.testing.assert_array_equal(model.predict(X[:, :5], verbose=0), first)
    layer.reset_states([np.full((2, 3), i, np.float32) for i in range(4)])
    assert [float(state[0, 0]) for state in layer.states] == [0, 1, 2, 3]


class Cell(layers.Layer):
    """A cell of a user's own."""

    state_size = 3

    def build(self, input_shape):
        self.kernel = self.add_weight((input_shape[-1], 3), name="kernel")

    def call(self, inputs, states):
        h = ops.tanh(inputs @ self.kernel + states[0])
        return h, [h]


@pytest.mark.parametrize("cell", [Cell, lambda: [layers.LSTMCell(3), layers.GRUCell(2)]], ids=["own", "stacked"])
def test_any_cell_keeps_its_states(cell):
    layer = layers.RNN(cell(), stateful=True)
    inputs = Input((5, 2), batch_size=2)
    model = Model(inputs, layer(inputs))
    first, second = (model.predict(X[:, :5], verbose=0) for _ in range(2))
    assert not np.allclose(first, second)
    layer.reset_states([[np.zeros((2, 3))] * 2, [np.zeros((2, 2))]] if isinstance(layer.cell, layers.StackedRNNCells) else None)
    np.testing.assert_array_equal(model.predict(X[:, :5], verbose=0), first)

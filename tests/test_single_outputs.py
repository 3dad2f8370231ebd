"""Models whose outputs or inputs are a list, tuple or dict of one return the same as in Keras 3.15.1."""

import numpy as np
import pytest

from jkeras import Input, Model, Sequential, layers, models

X, Y = np.ones((3, 4), np.float32), np.ones((3, 2), np.float32)


def kinds(value):
    """A structure with shapes in place of what has one."""
    if isinstance(value, dict):
        return {key: kinds(item) for key, item in value.items()}
    return type(value)(map(kinds, value)) if isinstance(value, (list, tuple)) else value.shape


def make(outputs, inputs=lambda x: x):
    x = Input((4,), name="x")
    return Model(inputs(x), outputs(layers.Dense(2, name="out")(x)))


ARRAY = (3, 2)
OUTPUTS = {  # results of call and predict, and of a symbolic call
    "plain": (lambda y: y, ARRAY, (None, 2)),
    "list": (lambda y: [y], ARRAY, [(None, 2)]),
    "tuple": (lambda y: (y,), ARRAY, ((None, 2),)),
    "dict": (lambda y: {"out": y}, {"out": ARRAY}, {"out": (None, 2)}),
    "list of a list": (lambda y: [[y]], [ARRAY], [[(None, 2)]]),
    "list of a dict": (lambda y: [{"out": y}], {"out": ARRAY}, [{"out": (None, 2)}]),
    "dict of a list": (lambda y: {"a": [y]}, {"a": [ARRAY]}, {"a": [(None, 2)]}),
    "two": (lambda y: [y, y + 1], [ARRAY, ARRAY], [(None, 2), (None, 2)]),
}


@pytest.mark.parametrize("name", OUTPUTS)
def test_an_only_output_comes_without_its_list(name, tmp_path):
    structure, concrete, symbolic = OUTPUTS[name]
    model = make(structure)
    for run in (model, model.predict_on_batch, lambda x: model.predict(x, verbose=0)):
        assert kinds(run(X)) == kinds(run([X])) == kinds(run({"x": X})) == concrete
    params, state = model.params_and_state()
    assert kinds(model.apply(params, state, X)[0]) == concrete
    assert kinds(model(Input((4,)))) == kinds(model(Input(batch_shape=(None, 4)))) == symbolic
    assert kinds(make(structure)(Input((4,), dtype="int32"))) == symbolic  # different from what the graph was made for
    assert model.compute_output_shape((None, 4)) == kinds(model.output) == symbolic
    assert kinds(model.outputs) == [(None, 2)] * (2 if name == "two" else 1)
    assert model.output_shape == ([(None, 2)] * 2 if name == "two" else (None, 2))
    model.save(tmp_path / "model.keras")
    loaded = models.load_model(tmp_path / "model.keras")
    assert kinds(loaded.predict(X, verbose=0)) == kinds(loaded(X)) == concrete


@pytest.mark.parametrize("inputs", [lambda x: [x], lambda x: (x,), lambda x: {"x": x}], ids=["list", "tuple", "dict"])
def test_an_only_input_may_be_given_as_it_is(inputs):
    model = make(lambda y: [y], inputs)
    for given in (X, [X], {"x": X}):
        assert model(given).shape == model.predict(given, verbose=0).shape == ARRAY
    assert model.input_shape == (None, 4) and kinds(model.input) == inputs((None, 4)) and kinds(model.inputs) == [(None, 4)]


@pytest.mark.parametrize("targets", [Y, [Y], {"out": Y}], ids=["array", "list", "dict"])
@pytest.mark.parametrize("loss, metrics", [("mse", ["mae"]), (["mse"], [["mae"]]), ({"out": "mse"}, {"out": "mae"})], ids=str)
def test_losses_and_metrics_of_an_only_output(targets, loss, metrics):
    model = make(lambda y: [y])
    model.compile("sgd", loss, metrics=metrics)
    assert sorted(model.fit(X, targets, verbose=0).history) == ["loss", "mae"]
    expected = np.mean((model.predict(X, verbose=0) - Y) ** 2)
    np.testing.assert_allclose(model.evaluate(X, targets, verbose=0)[0], expected, rtol=1e-6)


def test_a_model_with_a_list_of_one_output_in_others():
    inner, x = make(lambda y: [y]), Input((4,))
    outer = Model(x, layers.Dense(3)(inner(x)[0]))
    stack = Sequential([Input((4,)), inner, layers.Dense(3)])
    assert outer.predict(X, verbose=0).shape == stack.predict(X, verbose=0).shape == (3, 3)


def test_a_call_of_ones_own_gives_what_it_returns():
    class Net(Model):
        def __init__(self):
            super().__init__()
            self.inner = layers.Dense(2)

        def call(self, x):
            return [self.inner(x)]

    model = Net()
    assert kinds(model(X)) == kinds(model.predict(X, verbose=0)) == [ARRAY]
    model.compile("sgd", "mse")
    assert np.isfinite(model.fit(X, Y, verbose=0).history["loss"][0])

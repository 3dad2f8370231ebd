"""Under mixed precision only leaf layers cast their inputs: what a model passes on to a layer keeps all its digits."""

import jax
import numpy as np
import pytest
from test_mixed_precision import every_policy, policy_of

import jkeras
from jkeras import Input, Model, Sequential, layers

IDS = np.array([[257, 2049, 4999]], np.float32)  # bfloat16 can represent none of them, float16 not the last two
LEFT = IDS * 0.5


def exact():
    """A layer that opted out: gives half of what it gets, in float32."""
    return layers.Rescaling(0.5, dtype="float32")


def table():
    return layers.Embedding(5000, 1, embeddings_initializer=lambda shape, dtype: np.arange(5000.0)[:, None] / 2, dtype="float32")


def looked_up():
    return Sequential([table(), layers.Reshape((-1,), dtype="float32")])


class Composite(layers.Layer):
    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def call(self, x):
        return self.inner(x)


class Net(Model):
    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def call(self, x):
        return self.inner(x)


def functional(inner):
    x = Input((3,))
    return Model(x, inner(x))


WRAPPERS = {
    "sequential": lambda inner: Sequential([inner]),
    "sequential with input": lambda inner: Sequential([Input((3,)), inner]),
    "functional": functional,
    "subclass": Net,
    "nested": lambda inner: functional(Sequential([Net(inner)])),
    "composite layer": lambda inner: Sequential([Composite(inner)]),
    "composite of a model": lambda inner: functional(Composite(Sequential([inner]))),
}


@pytest.mark.few(8)
@every_policy
@pytest.mark.parametrize("layer", [exact, looked_up])
@pytest.mark.parametrize("wrapper", WRAPPERS)
def test_layers_that_opted_out_see_every_digit(policy, wrapper, layer):
    with policy_of(policy):
        model = WRAPPERS[wrapper](layer())
        np.testing.assert_array_equal(model(IDS), LEFT)
        np.testing.assert_array_equal(model.predict(IDS, verbose=0), LEFT)
        np.testing.assert_array_equal(model.predict(IDS.astype("int32"), verbose=0), LEFT)
        params, state = model.init(jax.random.key(0), IDS)
        np.testing.assert_array_equal(jax.jit(model.apply)(params, state, IDS)[0], LEFT)
        model.compile("sgd", "mse")
        assert model.evaluate(IDS, LEFT, verbose=0) == 0
        assert model.test_on_batch(IDS, LEFT) == 0


@every_policy
def test_also_in_a_model_that_was_loaded_and_in_wrappers_of_layers(policy, tmp_path):
    with policy_of(policy):
        model = WRAPPERS["sequential with input"](exact())
        for name in ("m.keras", "m.h5"):
            model.save(tmp_path / name)
            np.testing.assert_array_equal(jkeras.models.load_model(tmp_path / name).predict(IDS, verbose=0), LEFT)
        steps = layers.TimeDistributed(exact(), dtype="float32")
        np.testing.assert_array_equal(Sequential([steps])(IDS[..., None]), LEFT[..., None])
        rnn = layers.SimpleRNN(1, activation=None, kernel_initializer="ones", dtype="float32")
        y = Sequential([layers.Bidirectional(rnn, merge_mode=None)]).predict(IDS[..., None] * [[[1], [0], [0]]], verbose=0)
        assert y[1].dtype != np.float32 and float(y[1][0, 0]) == float(np.asarray(257, y[1].dtype))


@every_policy
def test_a_leaf_and_a_layer_of_layers_that_want_the_same_still_cast(policy):
    seen = []

    class Leaf(layers.Layer):
        def call(self, x):
            seen.append(str(x.dtype))
            return x

    with policy_of(policy):
        Sequential([Leaf()])(IDS)
        Composite(Leaf())(IDS)
        compute = policy.removeprefix("mixed_")
        assert set(seen) == {compute}

        class Outer(Composite):
            def call(self, x):
                seen.append(str(x.dtype))
                return self.inner(x)

        Outer(layers.Dense(2))(IDS)
        assert seen[-1] == compute

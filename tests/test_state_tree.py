"""`get_state_tree` and `set_state_tree`: Keras' trees of the same model, and their way back."""

import jax
import keras
import numpy as np
import pytest

import jkeras


def network(library, compiled=True):
    x = library.Input((3,))
    hidden = library.layers.BatchNormalization(name="norm")(library.layers.Dense(2, name="hidden")(x))
    model = library.Model(x, library.layers.Dense(1, name="out")(hidden))
    if compiled:
        model.compile(library.optimizers.Adam(name="adam"), "mse")
    return model


def test_the_tree_is_that_of_keras():
    def paths(model):
        return {
            "/".join(p.key for p in path): leaf.shape
            for path, leaf in jax.tree_util.tree_leaves_with_path(model.get_state_tree("numpy_array"))
        }

    ours, theirs = network(jkeras), network(keras)
    assert paths(ours) == paths(theirs)  # before data are seen, too
    for model in (ours, theirs):
        model.fit(np.ones((4, 3)), np.ones((4, 1)), verbose=0)
    assert paths(ours) == paths(theirs)


def test_a_tree_restores_a_model():
    model, other = network(jkeras), network(jkeras)
    for one in (model, other):
        one.fit(np.random.default_rng(0).normal(size=(4, 3)), np.ones((4, 1)), verbose=0)
    other.set_state_tree(model.get_state_tree())
    for a, b in zip(model.get_weights() + [v.value for v in model.optimizer.variables],
                    other.get_weights() + [v.value for v in other.optimizer.variables], strict=True):  # fmt: skip
        np.testing.assert_array_equal(a, b)
    other.set_state_tree({"trainable_variables": {"out": {"bias": [7.0]}}})
    assert other.get_layer("out").bias.value.tolist() == [7.0]
    assert isinstance(other.get_state_tree()["trainable_variables"]["out"]["bias"], jax.Array)


@pytest.mark.parametrize(
    ("act", "text"),
    [
        (lambda m: m.get_state_tree("json"), "value_format"),
        (lambda m: m.set_state_tree({"weights": {}}), "kind of variable"),
        (lambda m: m.set_state_tree({"trainable_variables": 3}), "nested dict"),
        (lambda m: m.set_state_tree({"trainable_variables": {"out": {"bais": 3}}}), "Did you mean 'out/bias'"),
    ],
)
def test_wrong_trees(act, text):
    with pytest.raises(ValueError, match=text):
        act(network(jkeras, compiled=False))


def test_two_variables_of_one_path():
    class Twice(jkeras.layers.Layer):
        def build(self, input_shape):
            self.a = self.add_weight((1,), name="w")
            self.b = self.add_weight((1,), name="w")

        def call(self, x):
            return x * self.a.value * self.b.value

    x = jkeras.Input((1,))
    model = jkeras.Model(x, Twice(name="twice")(x))
    for act in (model.get_state_tree, lambda: model.set_state_tree({"trainable_variables": {"twice": {"w": [2.0]}}})):
        with pytest.raises(ValueError, match="two variables"):
            act()


def test_a_model_runs_eagerly_before_it_is_compiled():
    model = network(jkeras, compiled=False)
    model.run_eagerly = True
    assert model.run_eagerly and not model.jit_compile
    assert model.predict(np.ones((2, 3)), verbose=0).shape == (2, 1)
    model.compile("sgd", "mse")
    assert model.jit_compile and not model.run_eagerly

"""JaxLayer and FlaxLayer: parameters are weights, state is kept, keys come from the run, files go both ways with Keras."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from against_keras import keras, normal
from flax import linen, nnx

import jkeras

X, Y = normal(16, 4), normal(16, 3, seed=1)


def register(thing):
    """Under the same name for both libraries."""
    keras.saving.register_keras_serializable("both")(thing)
    return jkeras.saving.register_keras_serializable("both")(thing)


@register
def start(rng, inputs):
    layers = [(4, 5), (5, 3)]
    params = [{"w": jax.random.normal(jax.random.fold_in(rng, i), s) * 0.5, "b": jnp.zeros(s[1])} for i, s in enumerate(layers)]
    return params, {"calls": jnp.zeros((), jnp.int32), "mean": jnp.zeros(inputs.shape[-1])}


@register
def run(params, state, rng, inputs, training):
    state = {"calls": state["calls"] + 1, "mean": 0.5 * state["mean"] + 0.5 * inputs.mean(0) if training else state["mean"]}
    keep = jax.random.bernoulli(rng, 0.8, inputs.shape) if rng is not None else 1.0
    h = jnp.tanh((inputs - state["mean"]) * keep @ params[0]["w"] + params[0]["b"])
    return h @ params[1]["w"] + params[1]["b"], state


@register
class Linen(linen.Module):
    size: int = 3

    @linen.compact
    def __call__(self, inputs, training=False):
        x = linen.BatchNorm(use_running_average=not training, momentum=0.5)(linen.Dense(5)(inputs))
        return linen.Dense(self.size)(linen.Dropout(0.2, deterministic=not training)(x))

    def twice(self, inputs):
        return 2 * self(inputs)

    def get_config(self):
        return {"size": self.size}

    @classmethod
    def from_config(cls, config):
        return cls(**config)


class Nnx(nnx.Module):
    def __init__(self, seed=0):
        rngs = nnx.Rngs(seed)
        self.seed, self.first, self.last = seed, nnx.Linear(4, 5, rngs=rngs), nnx.Linear(5, 3, rngs=rngs)
        self.norm, self.drop = nnx.BatchNorm(5, momentum=0.5, rngs=rngs), nnx.Dropout(0.5, rngs=rngs)

    def __call__(self, x):
        return self.last(self.drop(self.norm(self.first(x))))

    def get_config(self):
        return {"seed": self.seed}

    @classmethod
    def from_config(cls, config):
        return cls(**config)


register(Nnx)
KINDS = {
    "jax": lambda k: k.layers.JaxLayer(run, start, name="own"),
    "linen": lambda k: k.layers.FlaxLayer(Linen(), name="own"),
    "nnx": lambda k: k.layers.FlaxLayer(Nnx(), name="own"),
}
kinds = pytest.mark.parametrize("kind", KINDS)


@kinds
def test_it_trains_in_a_model_and_a_file_holds_it(kind, tmp_path):
    jkeras.utils.set_random_seed(1)
    layer = KINDS[kind](jkeras)
    model = jkeras.Sequential([jkeras.layers.Input((4,)), layer])
    assert len(layer.trainable_weights) == (6 if kind != "jax" else 4) and len(layer.non_trainable_weights) == 2
    model.compile(jkeras.optimizers.SGD(0.1), "mse")
    before = model.get_weights()
    losses = model.fit(X, Y, epochs=4, batch_size=8, verbose=0).history["loss"]
    assert losses[-1] < losses[0] and all((a != b).any() for a, b in zip(before, model.get_weights()))
    if kind == "jax":
        assert int(layer.state["calls"].value) == 8, "one for each step"
    model.save(tmp_path / "m.keras")
    again = jkeras.models.load_model(tmp_path / "m.keras")
    np.testing.assert_array_equal(again.predict(X, verbose=0), model.predict(X, verbose=0))


@kinds
def test_a_run_can_be_repeated(kind):
    def weights():
        jkeras.utils.set_random_seed(3)
        model = jkeras.Sequential([jkeras.layers.Input((4,)), KINDS[kind](jkeras)])
        model.compile("sgd", "mse")
        model.fit(X, Y, epochs=2, verbose=0)
        return model.get_weights()

    for a, b in zip(weights(), weights(), strict=True):
        np.testing.assert_array_equal(a, b)


@kinds
def test_apply_is_pure(kind):
    layer = KINDS[kind](jkeras)
    params, state = layer.init(jax.random.key(0), X)
    step = jax.jit(lambda p, s, key: layer.apply(p, s, X, training=True, rng=key))
    (y, after), (other, _) = step(params, state, jax.random.key(1)), step(params, state, jax.random.key(2))
    assert (y != other).any(), "noise comes from the key"
    assert jax.tree.structure(after) == jax.tree.structure(state)
    assert any((a != b).any() for a, b in zip(jax.tree.leaves(after), jax.tree.leaves(state)))
    grads = jax.grad(lambda p: layer.apply(p, state, X)[0].sum())(params)
    assert all(np.isfinite(g).all() for g in jax.tree.leaves(grads)) and any((g != 0).any() for g in jax.tree.leaves(grads))


@pytest.mark.parametrize("kind", ["jax", "linen"])  # Keras has no bridge to nnx
def test_values_and_files_are_those_of_keras(kind, tmp_path):
    pytest.importorskip("tensorflow")  # Keras' own layer asks for it
    for source, target in ((jkeras, keras), (keras, jkeras)):
        inputs = source.Input((4,))
        model = source.Model(inputs, KINDS[kind](source)(inputs))
        model(X, training=False)
        for name in ("m.keras", "m.weights.h5"):
            if name == "m.keras":
                model.save(tmp_path / name)
                again = target.models.load_model(tmp_path / name)
            else:
                model.save_weights(tmp_path / name)
                again = target.Sequential([target.Input((4,)), KINDS[kind](target)])
                again.load_weights(tmp_path / name)
            for a, b in zip(again.get_weights(), model.get_weights(), strict=True):
                np.testing.assert_array_equal(a, b)
            np.testing.assert_allclose(np.asarray(again(X)), np.asarray(model(X)), rtol=1e-6, atol=1e-6)


def test_an_nnx_module_computes_what_it_computes_alone():
    module = Nnx()
    layer = jkeras.layers.FlaxLayer(module)
    module.eval()
    np.testing.assert_allclose(layer(X), module(X), rtol=1e-6)
    layer(X, training=True)
    module.train()
    module(X)
    np.testing.assert_allclose(layer.state["norm"]["mean"], module.norm.mean[...], rtol=1e-5)
    assert (module.drop.rngs.count[...] == 1).all(), "the module itself is left alone by the layer's calls"


def test_methods_and_values_of_a_linen_module():
    module = Linen()
    variables = module.init(jax.random.key(0), X)
    once, named, bound, free = (
        jkeras.layers.FlaxLayer(module, method, variables=variables)
        for method in (None, "twice", module.twice, lambda module, inputs: 2 * module(inputs))
    )
    for twice in (named, bound, free):
        np.testing.assert_allclose(twice(X), 2 * once(X), rtol=1e-6)
    assert named.get_config()["method"] == bound.get_config()["method"] == "twice"
    assert jkeras.layers.FlaxLayer.from_config(bound.get_config()).method.__name__ == "twice"


def test_a_module_without_a_config_says_what_it_lacks():
    with pytest.raises(TypeError, match="Dense needs get_config and from_config"):
        jkeras.layers.FlaxLayer(linen.Dense(3)).get_config()


def test_what_a_linen_module_sows_is_no_state():
    class Sowing(linen.Module):
        @linen.compact
        def __call__(self, inputs):
            self.sow("intermediates", "seen", inputs)
            return linen.BatchNorm(use_running_average=False)(inputs)

    layer = jkeras.layers.FlaxLayer(Sowing())
    assert layer(X).shape == X.shape and [*layer.state] == ["batch_stats"]


def test_whole_numbers_reach_an_embedding_as_such():
    layer = jkeras.layers.FlaxLayer(linen.Embed(7, 3))
    assert layer(np.array([[1, 2], [3, 6]])).shape == (2, 2, 3)


def test_mixed_precision_rounds_the_parameters_and_not_the_state():
    layer = jkeras.layers.JaxLayer(run, start, dtype="mixed_bfloat16")
    y = layer(X, training=True)
    assert y.dtype == jnp.bfloat16 and layer.params[0]["w"].dtype == "float32"
    assert layer.state["mean"].dtype == "float32" and layer.state["calls"].dtype == "int32"


def test_inputs_are_any_structure_and_other_leaves_stay():
    def call(params, inputs):
        assert params["kind"] == "sum"
        return inputs["a"] * params["factor"] + inputs["b"][0]

    layer = jkeras.layers.JaxLayer(call, params={"kind": "sum", "factor": 2.0})
    assert [w.name for w in layer.weights] == ["factor"]
    assert layer({"a": X, "b": [X]}).shape == X.shape
    inputs = {"a": jkeras.Input((4,)), "b": [jkeras.Input((4,))]}
    assert jkeras.Model(inputs, layer(inputs)).output_shape == (None, 4)


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda k: k.JaxLayer(lambda x: x), "inputs"),
        (lambda k: k.JaxLayer(lambda inputs, mask: inputs), "mask"),
        (lambda k: k.JaxLayer(run, lambda shape: None), "inputs"),
        (lambda k: k.JaxLayer(run), "init_fn"),
        (lambda k: k.JaxLayer(lambda state, inputs: (inputs, (state, state)), state=1.0)(X), "(?i)structure"),
    ],
)
def test_functions_that_do_not_fit_are_refused(make, text):
    for package in (jkeras.layers, keras.layers):
        with pytest.raises(ValueError, match=text if package is jkeras.layers else None):
            make(package)


def test_what_is_no_module_is_refused():
    with pytest.raises(TypeError, match="of flax"):
        jkeras.layers.FlaxLayer(len)
    with pytest.raises(ValueError, match="holds its variables"):
        jkeras.layers.FlaxLayer(Nnx(), variables={})


@pytest.mark.parametrize(("name", "text"), [("TFSMLayer", r"TensorFlow.*load_model"), ("TorchModuleWrapper", r"set_weights")])
def test_layers_of_other_frameworks_say_what_to_write_instead(name, text):
    with pytest.raises(NotImplementedError, match=text):
        getattr(jkeras.layers, name)("saved")

"""Models as configs: graphs, stacks and users' classes, and how they were compiled, go to Keras and back."""

import json
import sys
import time
import tracemalloc

import jax
import keras
import numpy as np
import pytest
from documents import compat_in
from keras.src.legacy.saving import saving_utils
from saving_configs import assert_gives_the_same, assert_same, branches, chain, dicts, nested, reference

import jkeras
from jkeras import layers, ops
from jkeras._base.errors import FileFormatError
from jkeras._safe_io.json import read_json
from jkeras.saving import CustomObjectScope, get_custom_objects, register_keras_serializable
from jkeras.saving.serialization import (
    compile_from_config,
    compile_from_training_config,
    deserialize_keras_object,
    model_config,
    model_config_keras2,
    model_from_config,
    serialize_keras_object,
    training_config_keras2,
)

# models, made from either package -------------------------------------------------------------------------------------


def nested_twice(k):
    low_in, x = k.Input((3,), name="low_in"), k.Input((3,), name="x")
    low = k.Model(low_in, k.layers.Dense(3, name="deep")(low_in), name="low")
    mid_in = k.Input((3,), name="mid_in")
    mid = k.Model(mid_in, low(low(mid_in)), name="mid")
    return k.Model(x, mid(mid(x)), name="top")


def functions(k):
    a, b = k.Input((4,), name="a"), k.Input((4,), name="b")
    x = (a + b) * 2.0 - b / 4.0
    y = k.ops.concatenate([x, k.ops.relu(a)], axis=-1)
    z = k.ops.mean(k.ops.reshape(y, (-1, 2, 4)), axis=1)
    return k.Model([a, b], [z, 1.0 - x, k.ops.softmax(x, axis=-1)], name="functions")


def functions_of_keras3_alone(k):
    x = k.Input((4, 6), name="x")
    parts = k.ops.split(x, 2, axis=-1)
    y = k.ops.einsum("bij,bkj->bik", parts[0], parts[1])
    z = k.ops.where(y > 0, y, k.ops.zeros_like(y))
    return k.Model(x, [z, x[:, 0], x[..., 1:3], k.ops.max(-x, axis=[1, 2]), k.ops.cast(x, "float16")], name="keras3")


def masks_and_arguments(k):
    tokens, plain = k.Input((5,), dtype="int32", name="tokens"), k.Input((4, 2), name="plain")
    x = k.layers.Embedding(7, 4, mask_zero=True, name="emb")(tokens)
    x, state = k.layers.GRU(4, return_sequences=True, return_state=True, name="gru")(x)
    x = k.layers.MultiHeadAttention(2, 3, name="mha")(x, x, use_causal_mask=True)
    # Of a masked sequence with `initial_state` Keras 3 forgets the mask, so this one has none.
    second = k.layers.LSTM(4, name="second")(plain, initial_state=[state, k.layers.Dense(4, name="d")(state)])
    return k.Model([tokens, plain], [k.layers.LSTM(3, name="first")(x), second], name="masks")


def two_ways(k):
    x = k.Input((5, 3), name="x")
    y = k.layers.Bidirectional(k.layers.LSTM(4, return_sequences=True), merge_mode="sum", name="both")(x)
    cells = [k.layers.GRUCell(3), k.layers.LSTMCell(2)]
    return k.Model(x, [k.layers.TimeDistributed(k.layers.Dense(2), name="steps")(y), k.layers.RNN(cells, name="rnn")(y)])


BOTH_FORMS = [chain, branches, dicts, nested, nested_twice, functions, two_ways]
EVERYWHERE = [*BOTH_FORMS, masks_and_arguments, functions_of_keras3_alone]
every_model = pytest.mark.parametrize("make", EVERYWHERE, ids=lambda make: make.__name__)


# both ways ------------------------------------------------------------------------------------------------------------


@every_model
def test_a_config_comes_back_as_it_was(make):
    model, _ = reference(jkeras, make)
    config = json.loads(json.dumps(model_config(model)))
    again = model_from_config(config)
    assert json.loads(json.dumps(model_config(again))) == config
    assert_gives_the_same(again, jkeras, make)


@every_model
def test_keras_reads_our_json(make):
    model, _ = reference(jkeras, make)
    theirs = keras.models.model_from_json(model.to_json())
    assert [layer.name for layer in theirs.layers] == [layer.name for layer in model.layers]
    assert_gives_the_same(theirs, jkeras, make)


@every_model
def test_we_read_the_json_of_keras(make):
    theirs, _ = reference(keras, make)
    model = jkeras.models.model_from_json(theirs.to_json())
    assert [layer.name for layer in theirs.layers] == [layer.name for layer in model.layers]
    assert_gives_the_same(model, keras, make)


@every_model
def test_keras2_form_comes_back(make):
    model, _ = reference(jkeras, make)
    again = model_from_config(json.loads(json.dumps(model_config_keras2(model))))
    assert [w.path for w in again.weights] == [w.path for w in model.weights]
    assert_gives_the_same(again, jkeras, make)


@pytest.mark.parametrize("make", BOTH_FORMS, ids=lambda make: make.__name__)
def test_keras_reads_our_keras2_form(make):
    config = json.loads(json.dumps(model_config_keras2(reference(jkeras, make)[0])))
    assert_gives_the_same(saving_utils.model_from_config(config), jkeras, make)


@every_model
def test_the_keras2_form_of_keras_is_read(make, tmp_path):
    """What Keras 3 writes into `.h5`, of which it reads back only some itself."""
    h5py = pytest.importorskip("h5py")
    theirs, _ = reference(keras, make)
    theirs.save(tmp_path / "model.h5")
    with h5py.File(tmp_path / "model.h5") as file:
        config = read_json(file.attrs["model_config"], where="model.h5")
    assert_gives_the_same(model_from_config(config), keras, make)


def test_reading_draws_no_weights():
    config = json.loads(json.dumps(model_config(chain(jkeras))))
    config["config"]["layers"][1]["config"]["units"] = 2**33
    tracemalloc.start()
    start = time.process_time()
    model = model_from_config(config)
    assert model.count_params() > 2**34 and time.process_time() - start < 2
    assert tracemalloc.get_traced_memory()[1] < 20 * 2**20
    tracemalloc.stop()


def test_a_flag_given_in_the_graph_counts_and_one_that_keras_adds_does_not():
    x = layers.Input((3,))
    model = jkeras.Model(x, layers.BatchNormalization(name="norm")(x, training=False))
    for config in (model_config(model), model_config_keras2(model)):
        again = model_from_config(json.loads(json.dumps(config)))
        before = again.get_weights()
        again(np.ones((2, 3), np.float32), training=True)
        np.testing.assert_array_equal(again.get_weights()[2], before[2])
    theirs = keras.Input((3,))
    theirs = keras.Model(theirs, keras.layers.BatchNormalization()(theirs))
    again = jkeras.models.model_from_json(theirs.to_json())
    again(np.ones((2, 3), np.float32), training=True)
    assert again.get_weights()[2].max() > 0


def test_a_layer_shared_between_inner_models_stays_shared():
    shared = layers.Dense(3, name="shared")
    a, b, x = layers.Input((3,)), layers.Input((3,)), layers.Input((3,))
    one, two = jkeras.Model(a, shared(a), name="one"), jkeras.Model(b, shared(b), name="two")
    model = jkeras.Model(x, one(x) + two(x))
    again = model_from_config(json.loads(json.dumps(model_config(model))))
    assert again.get_layer("one").get_layer("shared") is again.get_layer("two").get_layer("shared")
    assert len(again.weights) == len(model.weights) == 2


def test_a_model_cut_out_of_a_graph():
    x = layers.Input((4,), name="x")
    hidden = layers.Dense(3, name="hidden")(x)
    head = jkeras.Model(hidden, layers.Dense(2, name="out")(hidden))
    again = model_from_config(json.loads(json.dumps(model_config(head))))
    assert again.input_shape == (None, 3) and keras.models.model_from_json(head.to_json()).input_shape == (None, 3)
    head_values = head.get_weights()
    again.set_weights(head_values)
    np.testing.assert_allclose(again(np.ones((1, 3))), head(np.ones((1, 3))), rtol=1e-6)


def test_a_stack_of_unknown_input_and_a_policy():
    model = jkeras.Sequential([layers.Dense(2), layers.Dense(1, dtype="mixed_bfloat16")], name="s")
    again = model_from_config(json.loads(json.dumps(model_config(model))))
    assert not again.built and again.layers[1].compute_dtype == "bfloat16"
    theirs = keras.models.model_from_json(model.to_json())
    assert theirs.layers[1].compute_dtype == "bfloat16"
    form = model_config_keras2(model)["config"]["layers"][1]["config"]
    assert form["dtype"] == "mixed_bfloat16"


def test_a_function_of_ones_own_in_a_graph_cannot_be_written():
    x = layers.Input((2,))
    own = ops.wrapper.symbolic(lambda t: t, "own")
    with pytest.raises(TypeError, match=r"only functions of\s+jkeras.ops"):
        jkeras.Model(x, own(x)).get_config()


# users' classes and functions -------------------------------------------------------------------------------------------


class Scale(layers.Layer):
    def __init__(self, factor, inner=None, **kwargs):
        super().__init__(**kwargs)
        self.factor, self.inner = factor, inner

    def build(self, input_shape):
        self.shift = self.add_weight(shape=(input_shape[-1],), name="shift")

    def call(self, x):
        x = x * self.factor + self.shift
        return x if self.inner is None else self.inner(x)


class ByHand(layers.Layer):
    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.dense = layers.Dense(units)

    def call(self, x):
        return self.dense(x)

    def get_config(self):
        return {**super().get_config(), "units": self.units}


class Net(jkeras.Model):
    def __init__(self, units):
        super().__init__()
        self.hidden, self.out = layers.Dense(units), layers.Dense(1)

    def call(self, x):
        return self.out(self.hidden(x))


class Graphed(jkeras.Model):
    def __init__(self, units, name=None):
        x = layers.Input((3,))
        super().__init__(x, layers.Dense(units)(x), name=name)


class Extended(jkeras.Model):
    extra = 3


OWN = {"Scale": Scale, "ByHand": ByHand, "Net": Net, "Graphed": Graphed, "Extended": Extended}


def test_layers_of_ones_own():
    x = layers.Input((3,))
    model = jkeras.Model(x, ByHand(2, name="hand")(Scale(2.0, layers.Dense(3, name="in"), name="scale")(x)))
    config = json.loads(json.dumps(model_config(model)))
    with pytest.raises(FileFormatError, match=r"Scale.*custom_objects=\{'Scale'"):
        model_from_config(config)
    again = model_from_config(config, OWN)
    assert isinstance(again.get_layer("scale").inner, layers.Dense)
    assert_same(model, again)
    with CustomObjectScope(OWN):
        assert_same(model, model_from_config(json.loads(json.dumps(model_config_keras2(model)))))


def test_models_of_ones_own():
    for model in (Net(3), Graphed(3)):
        model(np.ones((2, 3), np.float32))
        again = model_from_config(json.loads(json.dumps(model_config(model))), OWN)
        assert type(again).__name__ == type(model).__name__ and again.name == model.name and again.built
        again.set_weights(model.get_weights())
        np.testing.assert_allclose(again(np.ones((2, 3))), model(np.ones((2, 3))), rtol=1e-6)
    x = layers.Input((3,))
    extended = Extended(x, layers.Dense(2)(x), name="ext")
    again = model_from_config(json.loads(json.dumps(model_config(extended))), OWN)
    assert isinstance(again, Extended) and again.extra == 3 and again.count_params() == 8


def test_registered_names():
    @register_keras_serializable(package="mine")
    class Doubled(layers.Layer):
        def call(self, x):
            return 2 * x

    @register_keras_serializable(package="mine")
    def leap(x):
        return x + 1

    try:
        x = layers.Input((3,))
        model = jkeras.Model(x, layers.Dense(2, activation=leap)(Doubled(name="twice")(x)))
        for config in (model_config(model), model_config_keras2(model)):
            assert "mine>Doubled" in json.dumps(config) and "mine>leap" in json.dumps(config)
            assert_same(model, model_from_config(json.loads(json.dumps(config))))
    finally:
        del get_custom_objects()["mine>Doubled"], get_custom_objects()["mine>leap"]


def test_a_scope_ends_and_is_of_one_thread():
    from concurrent.futures import ThreadPoolExecutor

    with CustomObjectScope({"halved": lambda x: x / 2}), ThreadPoolExecutor(1) as pool:
        assert float(jkeras.activations.get("halved")(3.0)) == 1.5
        with pytest.raises(ValueError, match="halved"):
            pool.submit(jkeras.activations.get, "halved").result()
    with pytest.raises(ValueError, match="halved"):
        jkeras.activations.get("halved")


def test_any_object_and_special_values_travel():
    value = {"layer": layers.Dense(2, name="d"), "parts": [jkeras.initializers.Constant(3.0), "text", None], "at": slice(1, None)}
    config = json.loads(json.dumps(serialize_keras_object(value)))
    again = deserialize_keras_object(config)
    assert again["layer"].units == 2 and again["parts"][0].value == 3.0 and again["at"] == slice(1, None)
    for special in ([1, 2], slice(0, 3, 2), ..., "é".encode()):
        theirs = keras.saving.serialize_keras_object(special)
        assert deserialize_keras_object(json.loads(json.dumps(theirs))) == special
    assert deserialize_keras_object(json.loads(json.dumps(serialize_keras_object(b"\x00\xff")))) == b"\x00\xff"
    array = deserialize_keras_object(keras.saving.serialize_keras_object(np.arange(3, dtype="int16")))
    assert array.dtype == "int16" and array.tolist() == [0, 1, 2]
    assert deserialize_keras_object({"class_name": "__tuple__", "config": [1, 2]}) == (1, 2)
    for k in (jkeras, keras):
        zoom = k.layers.RandomZoom((0.1, 0.2), [0.1, 0.2])
        again = k.saving.deserialize_keras_object(k.saving.serialize_keras_object(zoom)).get_config()
        assert (again["height_factor"], again["width_factor"]) == ((0.1, 0.2), [0.1, 0.2])


def test_a_layer_that_was_built_is_built_again():
    layer = layers.Dense(2)
    layer.build((None, 5))
    assert layer.get_build_config() == {"input_shape": [None, 5]}
    again = deserialize_keras_object(json.loads(json.dumps(serialize_keras_object(layer))))
    assert again.built and again.kernel.shape == (5, 2)
    theirs = keras.saving.deserialize_keras_object(json.loads(json.dumps(serialize_keras_object(layer))))
    assert theirs.built and theirs.kernel.shape == (5, 2)


# compiling ----------------------------------------------------------------------------------------------------------


def compiled(k):
    model = branches(k)
    model.compile(
        k.optimizers.AdamW(learning_rate=k.optimizers.schedules.ExponentialDecay(0.1, 10, 0.5), weight_decay=0.01),
        loss=["mse", k.losses.BinaryCrossentropy(from_logits=True, label_smoothing=0.1)],
        loss_weights=[0.5, 2.0],
        metrics=[["mae", k.metrics.MeanSquaredError(name="sq")], [k.metrics.AUC(num_thresholds=50, name="auc")]],
        weighted_metrics=[["mse"], []],
        steps_per_execution=2,
    )
    return model


def batch():
    rng = np.random.default_rng(2)
    x = [rng.normal(size=(8, 4)).astype("float32") for _ in range(2)]
    return x, [rng.normal(size=(8, 2)).astype("float32"), rng.integers(0, 2, (8, 1)).astype("float32")]


def losses_of(model):
    x, y = batch()
    return model.fit(x, y, epochs=3, batch_size=8, shuffle=False, verbose=0).history["loss"]


def test_how_a_model_was_compiled_comes_back():
    for model in (compiled(jkeras), compiled(keras)):
        again = jkeras.models.model_from_json(model.to_json())
        assert again.compiled and again.optimizer.weight_decay == 0.01 and again._trainer.config.steps_per_execution == 2
        again.set_weights(model.get_weights())
        np.testing.assert_allclose(losses_of(again), losses_of(model), rtol=1e-5)
        assert {"sq", "auc"} <= {name.split("_", 1)[-1] for name in again.evaluate(*batch(), return_dict=True, verbose=0)}


def test_keras_compiles_as_our_json_says():
    model = compiled(jkeras)
    theirs = keras.models.model_from_json(model.to_json())
    theirs.set_weights(model.get_weights())
    np.testing.assert_allclose(losses_of(theirs), losses_of(model), rtol=1e-5)


def test_the_training_config_of_h5_comes_back():
    model = compiled(jkeras)
    config = json.loads(json.dumps(training_config_keras2(model)))
    assert config["optimizer_config"]["class_name"].endswith("AdamW") and config["loss"][0] == "mean_squared_error"
    again = model_from_config(model_config_keras2(model))
    compile_from_training_config(again, config)
    again.set_weights(model.get_weights())
    np.testing.assert_allclose(losses_of(again), losses_of(model), rtol=1e-5)
    assert training_config_keras2(chain(jkeras)) is None


def test_losses_of_ones_own_and_what_has_no_config():
    def absolute(y, p):
        return abs(y - p)

    model = chain(jkeras)
    model.compile("sgd", loss=absolute)
    config = json.loads(json.dumps(model_config(model)))["compile_config"]
    assert (config["loss"]["class_name"], config["loss"]["config"]) == ("function", "absolute")
    again = chain(jkeras)
    with pytest.raises(FileFormatError, match=r"compile=False"):
        compile_from_config(again, config)
    compile_from_config(again, config, {"absolute": absolute})
    assert again.loss is absolute
    optax = pytest.importorskip("optax")
    model.compile(optax.sgd(0.1), loss="mse")
    with pytest.warns(UserWarning, match="as if it was not compiled"):
        assert "compile_config" not in model_config(model)


VALUES = {
    "array": np.arange(3.0, dtype="float32"),
    "number": np.float32(2.0),
    "nested": {"a": [np.array([[1, 2]])], "b": (True, None)},
    "initializer": [keras.initializers.Constant(2.0)],
}


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES)
def test_values_are_serialized_as_by_keras_and_come_back(value):
    config = json.loads(json.dumps(keras.saving.serialize_keras_object(value)))
    mine, theirs = deserialize_keras_object(config), keras.saving.deserialize_keras_object(config)
    assert json.loads(json.dumps(serialize_keras_object(mine))) == config
    assert jax.tree.structure(mine) == jax.tree.structure(theirs)
    for one, other in zip(jax.tree.leaves(mine), jax.tree.leaves(theirs)):
        assert type(one).__name__ == type(other).__name__
        if hasattr(other, "get_config"):
            assert isinstance(one, jkeras.initializers.Initializer) and one.get_config() == other.get_config()
        else:
            np.testing.assert_array_equal(one, other, strict=True)


def test_a_tensor_and_a_generator_of_seeds_are_serialized_as_by_keras():
    mine, theirs = (library.saving.serialize_keras_object for library in (jkeras, keras))
    assert mine(jkeras.ops.ones((2,))) == theirs(keras.ops.ones((2,)))
    assert mine(jkeras.random.SeedGenerator(3, name="seeds")) == theirs(keras.random.SeedGenerator(3, name="seeds"))
    again = deserialize_keras_object(theirs(keras.random.SeedGenerator(3)))
    assert isinstance(again, jkeras.random.SeedGenerator) and again.seed == 3


def test_a_package_may_replace_the_reader_of_nested_values(monkeypatch):
    with compat_in("/tmp"):
        from keras.src.saving import serialization_lib

        read = serialization_lib.deserialize_keras_object

        def with_types(config, custom_objects=None, **kwargs):
            return float if config == "type:float" else read(config, custom_objects, **kwargs)

        monkeypatch.setattr(sys.modules[read.__module__], read.__name__, with_types)  # where the function says that it is
        assert read({"a": ["type:float", {"b": "type:float"}], "c": 1}) == {"a": [float, {"b": float}], "c": 1}


@register_keras_serializable("Test")
class PlainThing:  # its constructor is that of Python's `object`
    def get_config(self):
        return {}

    @classmethod
    def from_config(cls, config):
        return cls()


@register_keras_serializable("Test")
class Holder(layers.Layer):
    def __init__(self, thing, **kwargs):
        super().__init__(**kwargs)
        self.thing = thing

    def call(self, x):
        return x


def test_a_layer_may_hold_an_object_without_a_constructor():
    model = jkeras.Sequential([layers.Input((2,)), Holder(PlainThing())])
    assert isinstance(model_from_config(model_config(model)).layers[0].thing, PlainThing)
    assert jkeras.saving.get_registered_object("sqrt", module_objects=vars(np)) is np.sqrt


def test_a_layer_that_needs_no_shape_is_built_without_one(tmp_path):
    layer = layers.Embedding(5, 2)
    layer.build()
    assert layer.get_build_config() == {"input_shape": None}
    jkeras.Sequential([layer]).save(tmp_path / "model.keras")
    for library in (jkeras, keras):
        (read,) = library.models.load_model(tmp_path / "model.keras").layers
        np.testing.assert_array_equal(read.get_weights()[0], layer.get_weights()[0])
    dense = layers.Dense(2)
    dense.build_from_config({"input_shape": None})
    assert not dense.built


def test_a_stack_without_an_input_is_built_from_its_build_config():
    def stack():
        return jkeras.Sequential([jkeras.layers.Dense(2), jkeras.layers.Dense(1)])

    model, fresh = stack(), stack()
    assert model.get_build_config() is None
    model(np.ones((2, 3)))
    fresh.build_from_config(json.loads(json.dumps(model.get_build_config())))
    fresh.set_weights(model.get_weights())
    assert [v.shape for v in fresh.weights] == [(3, 2), (2,), (2, 1), (1,)]


def layer_with_build_arguments(k):
    @k.saving.register_keras_serializable("with_build_arguments")
    class Filled(k.layers.Layer):
        """A layer whose `build` takes more than a shape."""

        def __init__(self, units, **kwargs):
            super().__init__(**kwargs)
            self.units = units

        def build(self, input_shape, value):
            self.shape, self.value = input_shape, value
            self.w = self.add_weight(shape=(input_shape[-1], self.units), initializer=k.initializers.Constant(value))
            self.built = True

        def call(self, x):
            return x @ self.w

        def get_config(self):
            return dict(units=self.units, **super().get_config())

        def get_build_config(self):
            return {"input_shape": self.shape, "value": self.value}

        def build_from_config(self, config):
            self.build(config["input_shape"], config["value"])

    layer = Filled(2)
    layer.build((None, 3), 4.0)
    return layer


@pytest.mark.parametrize("graph", [False, True])
def test_a_layer_builds_itself_by_its_own_build_config(tmp_path, graph):
    layer, path = layer_with_build_arguments(jkeras), tmp_path / "model.keras"
    inputs = jkeras.Input((3,))
    model = jkeras.Model(inputs, layer(inputs)) if graph else jkeras.Sequential([inputs, layer])
    model.save(path)
    loaded = jkeras.models.load_model(path)
    assert loaded.layers[-1].value == 4.0 and sorted(layer.get_config()) == ["dtype", "name", "trainable", "units"]
    np.testing.assert_array_equal(loaded(np.ones((1, 3), "float32")), [[12.0, 12.0]])

"""Small public names: settings with an effect on runs, a graph's part as a function, devices, symbolic scopes, named values."""

import contextlib
import copy
import io
import json
import pickle
import subprocess
import sys

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

import jkeras
from jkeras import Function, Input, config, layers, ops, utils
from jkeras._base.config import _from_environment as environment_limit
from jkeras._base.errors import FileFormatError
from jkeras.nn import attention
from jkeras.state.scope import current
from jkeras.state.symbolic_scope import in_symbolic_scope

X, Y = np.arange(16.0, dtype="float32").reshape(16, 1) / 16, np.ones((16, 1), "float32")


@pytest.fixture
def settings():
    yield
    config.set_max_epochs(None)
    config.set_max_steps_per_epoch(None)
    config.enable_flash_attention()


def compiled():
    model = jkeras.Sequential([Input((1,)), layers.Dense(1)])
    model.compile("sgd", "mse")
    return model


class Count(jkeras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.epochs = self.batches = self.tested = self.predicted = 0

    def on_epoch_end(self, epoch, logs=None):
        self.epochs += 1

    def on_train_batch_end(self, batch, logs=None):
        self.batches += 1

    def on_test_batch_end(self, batch, logs=None):
        self.tested += 1

    def on_predict_batch_end(self, batch, logs=None):
        self.predicted += 1


def pairs():
    while True:
        yield X[:2], Y[:2]


def test_limits_hold_in_every_run(settings):
    config.set_max_epochs(2)
    config.set_max_steps_per_epoch(3)
    assert (config.max_epochs(), config.max_steps_per_epoch()) == (2, 3)
    model, count = compiled(), Count()
    with pytest.warns(UserWarning, match=r"limits (this run to 2 of 5 epochs|an epoch to 3 batches)"):
        model.fit(X, Y, batch_size=2, epochs=5, validation_data=(X, Y), validation_batch_size=4, callbacks=[count], verbose=0)
    assert (count.epochs, count.batches, count.tested) == (2, 6, 6)
    with pytest.warns(UserWarning, match="limits an epoch to 3 batches"):
        model.evaluate(X, Y, batch_size=2, callbacks=[count], verbose=0)
        assert model.predict(X, batch_size=2, callbacks=[count], verbose=0).shape == (6, 1)
    assert (count.tested, count.predicted) == (9, 3)
    with pytest.warns(UserWarning, match="limits an epoch to 3 batches"):
        model.fit(pairs(), callbacks=[count], verbose=0)
    assert count.batches == 9


@pytest.mark.filterwarnings("error")
def test_limits_that_cut_nothing_are_silent(settings):
    config.set_max_epochs(2)
    config.set_max_steps_per_epoch(9)
    model, count = compiled(), Count()
    model.fit(X, Y, batch_size=2, epochs=2, callbacks=[count], verbose=0)
    model.fit(pairs(), steps_per_epoch=2, callbacks=[count], verbose=0)
    model.train_on_batch(X, Y)
    assert count.batches == 18


def test_limits_come_from_the_environment():
    code = "import jkeras; print(jkeras.config.max_epochs(), jkeras.config.max_steps_per_epoch())"
    env = {"KERAS_MAX_EPOCHS": "3", "KERAS_MAX_STEPS_PER_EPOCH": "4", "PATH": "", "PYTHONPATH": ":".join(filter(None, sys.path))}
    assert subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True).stdout == "3 4\n"


@pytest.mark.parametrize("wrong", [0, -1, 1.5, True, "3"])
def test_wrong_limits(wrong):
    for setter in (config.set_max_epochs, config.set_max_steps_per_epoch):
        with pytest.raises(ValueError, match="1 or more"):
            setter(wrong)


def uses_flash(function, *arrays):
    """Whether a program for an NVIDIA GPU would try flash attention."""
    tried = []
    before, attention._by_flash = attention._by_flash, lambda *args, **kwargs: tried.append(1) or before(*args, **kwargs)
    try:
        jax.clear_caches()
        jax.export.export(jax.jit(function), platforms=["cuda"])(*arrays)
    finally:
        attention._by_flash = before
    return bool(tried)


def test_the_switch_of_flash_attention_decides_what_runs(settings):
    x = jnp.ones((1, 4, 16), jnp.bfloat16)
    heads = jnp.ones((1, 4, 2, 8), jnp.bfloat16)

    def of_layer(**arguments):
        layer = layers.MultiHeadAttention(2, 8, dtype="bfloat16", **arguments)
        params, state = layer.init(jax.random.key(0), x, x)
        return uses_flash(lambda a: layer.apply(params, state, a, a)[0], x)

    def of_operation(**arguments):
        return uses_flash(lambda a: ops.dot_product_attention(a, a, a, **arguments), heads)

    assert config.is_flash_attention_enabled() is None
    assert of_layer() and of_operation() and not of_layer(flash_attention=False) and not of_operation(flash_attention=False)
    config.disable_flash_attention()
    assert config.is_flash_attention_enabled() is False
    assert not of_layer() and not of_operation()
    assert layers.MultiHeadAttention(2, 8).get_config()["flash_attention"] is False
    config.enable_flash_attention()
    assert of_layer()


def test_a_new_session_forgets_the_settings_that_keras_keeps_with_it(settings):
    floats = config.floatx()
    for k in (keras, jkeras):
        k.utils.disable_interactive_logging()
        k.config.set_dtype_policy("mixed_bfloat16")
        k.config.disable_flash_attention()
        k.config.set_max_epochs(3)
        k.utils.clear_session()
        assert k.config.is_interactive_logging_enabled() and k.config.is_flash_attention_enabled() is None
        assert k.config.dtype_policy().name == floats and k.config.max_epochs() == 3
        k.config.set_max_epochs(None)


def test_there_is_no_unsafe_mode_and_no_nnx():
    with pytest.raises(RuntimeError, match="custom_objects"):
        config.enable_unsafe_deserialization()
    assert config.is_nnx_enabled() is keras.config.is_nnx_enabled() is False


def a_function(k, name=None):
    x, y = k.Input((2,), name="x"), k.Input((2,), name="y")
    return k.Function({"a": x, "b": [y]}, [k.ops.add(x, y), {"top": k.ops.max(x, axis=-1)}], name=name)


def test_a_function_computes_what_it_does_in_keras():
    given = {"a": np.array([[1.0, 5.0]]), "b": [np.array([[2.0, 3.0]])]}
    ours, theirs = a_function(jkeras, "ours"), a_function(keras)
    jax.tree.map(np.testing.assert_allclose, ours(given), theirs(given))
    assert ours.name == "ours" and len(ours.inputs) == len(theirs.inputs) == 2
    assert [t.shape for t in ours.outputs] == [t.shape for t in theirs.outputs]
    symbolic = ours({"a": Input((2,)), "b": [Input((2,))]})
    assert [symbolic[0].shape, symbolic[1]["top"].shape] == [(None, 2), (None,)]
    assert ours.compute_output_shape({"a": (3, 2), "b": [(3, 2)]}) == [(3, 2), {"top": (3,)}]


def test_a_function_uses_the_weights_of_others_and_may_begin_anywhere():
    x = Input((2,))
    dense = layers.Dense(3)
    inner = dense(x)
    top = layers.Dense(1)(ops.relu(inner))
    function = Function(inner, top)
    assert not function.weights and len(function.operations) == 2
    data = np.ones((2, 2), "float32")
    np.testing.assert_allclose(function(dense(data)), Function(x, top)(data), rtol=1e-6)


@pytest.mark.parametrize(
    "run",
    [
        lambda k: k.Function([], k.Input((2,))),
        lambda k: k.Function(k.Input((2,)), []),
        lambda k: k.Function(k.Input((2,)), k.Input((2,)) * 2),
        lambda k: a_function(k)([np.ones((1, 2))] * 2),
        lambda k: a_function(k)({"a": np.ones((1, 3)), "b": [np.ones((1, 2))]}),
        lambda k: a_function(k)({"a": np.ones(2), "b": [np.ones((1, 2))]}),
    ],
)
def test_wrong_functions(run):
    for k in (jkeras, keras):
        with pytest.raises(ValueError):
            run(k)


def test_devices():
    with jkeras.device("CPU:0"):
        assert jnp.zeros(2).device == jax.devices("cpu")[0]
    with jkeras.device(jax.devices("cpu")[0]):
        assert ops.ones(2).device.platform == "cpu"
    for wrong in ("cpu:99", "abacus", "cpu:x", 3, None):
        with pytest.raises(ValueError):
            jkeras.device(wrong)


def test_symbolic_scopes_tell_a_layer_that_only_shapes_matter():
    asked = []

    class Asking(layers.Layer):
        def call(self, x):
            asked.append(in_symbolic_scope())
            return 2 * x

    layer = Asking()
    layer(Input((2,)))
    layer(X)
    with jkeras.SymbolicScope() as scope:
        assert isinstance(scope, jkeras.SymbolicScope)
        assert float(layer(X)[8, 0]) == 1.0
    assert asked[0] is True and asked[-2:] == [False, True]


@pytest.mark.parametrize("k", [jkeras, keras])
def test_named_values(k):
    values = k.utils.Config(rate=0.1, layers=2)
    values.seed, values["name"] = 3, "a"
    assert values.rate == values["rate"] == values.get("rate") == 0.1 and values.get("none", 7) == 7
    assert dict(values.items()) == values.as_dict() == json.loads(values.to_json()) and len(values) == 4 and "seed" in values
    assert values.pop("name") == "a" and set(values) == {"rate", "layers", "seed"} == set(values.keys())
    values.update({"seed": 4})
    values.freeze()
    assert values.frozen and repr(values).startswith("<Config {")
    for change in (lambda: setattr(values, "seed", 5), lambda: values.pop("seed"), lambda: values.update({"b": 1}),
                   lambda: values.__setitem__("seed", 1), lambda: values.__delitem__("seed")):  # fmt: skip
        with pytest.raises(ValueError):
            change()
    values.unfreeze()
    del values["seed"]
    with pytest.raises(AttributeError, match="rate"):
        values.rat  # noqa: B018


def test_a_name_of_the_class_is_no_entry():
    values = utils.Config(keys=[1])
    assert values["keys"] == [1]
    with pytest.raises(AttributeError, match=r"config\['items'\]"):
        values.items = 3


def test_names_of_utils():
    x = Input((2,))
    y = ops.add(layers.Dense(2)(x), x)
    assert utils.is_keras_tensor(y) and not utils.is_keras_tensor(X)
    assert [t is x for t in utils.get_source_inputs(y)] == [True] and utils.get_source_inputs(X) is X
    assert utils.standardize_dtype(None) == "float32" and utils.standardize_dtype(jnp.bfloat16) == "bfloat16"
    dense = layers.Dense(2, name="a")
    assert utils.deserialize_keras_object(utils.serialize_keras_object(dense)).name == "a"
    assert utils.legacy.serialize_keras_object(dense)["class_name"] == "Dense"
    from jkeras import backend

    for name, dtype in (("is_float_dtype", "bfloat16"), ("is_int_dtype", "uint8"), ("standardize_dtype", "half")):
        if dtype != "half":
            assert getattr(backend, name)(dtype) is getattr(keras.backend, name)(dtype) is True
    assert backend.result_type("int32", "bfloat16") == keras.backend.result_type("int32", "bfloat16")


def test_pictures_with_the_channels_first():
    picture = np.random.default_rng(0).random((3, 6, 8)).astype("float32")
    first = utils.array_to_img  # loads the module
    assert first is not None
    from jkeras.preprocessing.image import smart_resize

    for shape in ((4, 4), (3, 6)):
        expected = keras.preprocessing.image.smart_resize(picture, shape, data_format="channels_first")
        found = smart_resize(picture, shape, data_format="channels_first")
        assert found.shape == np.shape(expected)
        np.testing.assert_array_equal(found, np.moveaxis(smart_resize(np.moveaxis(picture, 0, -1), shape), -1, 0))


def test_the_format_of_data_sets(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "one.txt").write_text("one")
    assert len(utils.text_dataset_from_directory(tmp_path, labels=None, format="tf", verbose=False)) == 1
    for make in (
        lambda **f: utils.text_dataset_from_directory(tmp_path, **f),
        lambda **f: utils.image_dataset_from_directory(tmp_path, **f),
        lambda **f: utils.timeseries_dataset_from_array(X, Y, 2, **f),
    ):
        with pytest.raises(ValueError, match=r"grain\.MapDataset\.source"):
            make(format="grain")
        with pytest.raises(ValueError, match="Unknown format 'torch'"):
            make(format="torch")


def test_custom_objects_by_name():
    with utils.custom_object_scope(custom_objects={"leap": abs}), utils.CustomObjectScope({"hop": abs}, {"hop": len}):
        assert utils.get_registered_object("leap") is abs and utils.get_registered_object("hop") is len


def test_a_progress_bar_shows_every_update_in_a_file_if_asked():
    for interval, expected in ((0.0, 2), (0.05, 1)):
        written = io.StringIO()
        with contextlib.redirect_stdout(written):
            bar = utils.Progbar(2, interval=interval)
            bar.update(1, [("loss", 1.0)])
            bar.update(2, [("loss", 0.0)])
        assert written.getvalue().count("loss") == expected and "\r" not in written.getvalue()


@pytest.mark.parametrize("k", [jkeras, keras])
def test_variables_behave_as_in_keras(k):
    many, one = k.Variable(np.array([1.4, 2.6], "float32"), name="v"), k.Variable(1.0)
    assert np.asarray(round(many)).tolist() == [1.0, 3.0]
    assert repr(many).startswith("<Variable path=v, shape=(2,), dtype=float32, value=[1.4 2.6")
    for wrong in (lambda: bool(many), lambda: setattr(one, "overwrite_with_gradient", 3)):
        with pytest.raises(TypeError):
            wrong()
    for wrong in (lambda: k.Variable(1.0, name=3), lambda: setattr(one, "constraint", "no function")):
        with pytest.raises(ValueError):
            wrong()
    one.constraint = abs
    assert one.constraint is abs and one.overwrite_with_gradient is False
    with pytest.raises(NotImplementedError):
        iter(k.Input((2,)))
    assert k.KerasTensor((2, 1)).squeeze(axis=1).shape == k.KerasTensor((2, 1)).squeeze().shape == (2,)


def test_symbolic_tensors_are_dense():
    tensor = jkeras.KerasTensor((2, None), "int32", False, False, True, "x")
    assert (tensor.name, tensor.dtype, tensor.ragged, tensor.record_history) == ("x", "int32", False, True)
    with pytest.raises(ValueError, match="Pad them"):
        jkeras.KerasTensor((2, None), ragged=True)


def test_the_truth_of_a_variable():
    assert jkeras.Variable(1.0) and not jkeras.Variable(0.0)
    with pytest.raises(ValueError, match="not supported"):
        jkeras.Variable(1.0).overwrite_with_gradient = True


class Holding(layers.Layer):
    """A layer whose config has objects in it, as Keras allows."""

    def __init__(self, inner=None, table=None, **kwargs):
        super().__init__(**kwargs)
        self.inner, self.table = inner, table

    def call(self, x):
        return self.inner(x)

    def get_config(self):
        return {**super().get_config(), "inner": self.inner, "table": self.table}


def test_objects_in_a_config_of_ones_own_are_written_as_configs(tmp_path):
    x = Input((2,))
    model = jkeras.Model(x, Holding(layers.Dense(3, name="inside"), slice(None, np.array([1, 2]), 1))(x))
    model.save(tmp_path / "model.keras")
    loaded = jkeras.models.load_model(tmp_path / "model.keras", custom_objects={"Holding": Holding})
    assert loaded.layers[1].inner.units == 3 and loaded.layers[1].table.stop.tolist() == [1, 2]
    np.testing.assert_allclose(loaded(np.ones((1, 2))), model(np.ones((1, 2))), rtol=1e-6)


class Circle(jkeras.Model):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.blocks = []
        self.blocks.append(self.blocks)
        self.blocks.append({"own": self.blocks, "dense": layers.Dense(2)})

    def call(self, x):
        return self.blocks[1]["dense"](x)


def test_a_container_may_hold_itself(tmp_path):
    model = Circle()
    expected = model(np.ones((1, 3)))
    assert len(model.weights) == 2
    model.save(tmp_path / "model.keras")
    loaded = jkeras.models.load_model(tmp_path / "model.keras", custom_objects={"Circle": Circle})
    np.testing.assert_allclose(loaded(np.ones((1, 3))), expected, rtol=1e-6)


@pytest.mark.parametrize(
    "config",
    [
        {"class_name": "Dense", "config": [1, 2, 3]},
        {"class_name": "function", "config": ["not", "a", "name"]},
        {"class_name": "__typespec__", "config": "nothing"},
        {"class_name": "__slice__", "config": {"start": "1", "stop": None, "step": None}},
    ],
)
def test_a_config_of_the_wrong_type_is_a_type_error_as_in_keras(config):
    for error in (TypeError, FileFormatError):
        with pytest.raises(error):
            utils.deserialize_keras_object(config)


def test_a_class_without_from_config_is_named():
    class Plain:
        def get_config(self):
            return {"a": 1}

    config = utils.serialize_keras_object(Plain())
    with pytest.raises(TypeError, match="Plain has a config, but no class method from_config"):
        utils.deserialize_keras_object(config, custom_objects={"Plain": Plain})


def test_a_missing_file_is_both_errors(tmp_path):
    for error in (FileNotFoundError, ValueError):
        with pytest.raises(error, match="There is no file"):
            jkeras.models.load_model(tmp_path / "model.keras")


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("options", [{"batch_size": 2}, {}, {"steps_per_epoch": 3, "batch_size": 2}])
def test_a_limit_of_just_the_epochs_length_is_silent(settings, options):
    config.set_max_steps_per_epoch(-(-len(X) // options.get("batch_size", 32)))
    compiled().fit(X, Y, verbose=0, **options)


@pytest.mark.parametrize("name", ["KERAS_MAX_EPOCHS", "KERAS_MAX_STEPS_PER_EPOCH"])
@pytest.mark.parametrize("text", ["abc", "0", "-1", "1.5"])
def test_a_wrong_limit_of_the_environment_is_named(monkeypatch, name, text):
    monkeypatch.setenv(name, text)
    with pytest.raises(ValueError, match=f"{name} is a whole number, 1 or more.*{text}"):
        environment_limit(name)


@pytest.mark.parametrize("make", [lambda: jkeras.name_scope("a"), jkeras.SymbolicScope, jkeras.StatelessScope])
def test_a_scope_may_be_entered_again_within_itself(make):
    before, scope = current(), make()
    with scope, scope:
        assert current() is not before
    assert current() is before


def test_copies_of_a_config_have_entries_of_their_own():
    given = utils.Config(a=[1])
    for copied in (copy.copy(given), copy.deepcopy(given), pickle.loads(pickle.dumps(given))):
        copied.b = 2
        assert dict(copied) == {"a": [1], "b": 2} and dict(given) == {"a": [1]}
    given.freeze()
    assert copy.copy(given).frozen


def test_small_arguments():
    with pytest.raises(ValueError, match="no device 'cpu:-1'"):
        jkeras.device("cpu:-1")
    layer = layers.Layer(trainable=np.bool_(False))
    assert layer.trainable is False
    with pytest.raises(AttributeError, match="call that first"):
        jkeras.Variable.__new__(jkeras.Variable).regularizer  # noqa: B018
    for kind in (TypeError, ValueError):
        with pytest.raises(kind, match="seeds"):
            jkeras.random.SeedGenerator(seeds=1)
        with pytest.raises(kind, match="input_dim"):
            layers.Embedding.from_config({**layers.Embedding(3, 2).get_config(), "input_dim": 3.7})

"""What packages on Keras 3 use beside its layers: policies by path, seeds as state, parts of weights, attention's own names."""

import importlib
import pickle
import sys
from pathlib import Path

import h5py
import jax
import keras
import numpy as np
import pytest
from documents import compat_in

import jkeras
from jkeras import DTypePolicy, Input, Model, SeedGenerator, StatelessScope, Variable, layers
from jkeras._base.dtype_policy_map import DTypePolicyMap
from jkeras._base.safe_mode import in_safe_mode
from jkeras.compat import keras3_internals
from jkeras.compat.weight_store import H5IOStore

X = np.random.default_rng(0).normal(size=(2, 4, 6)).astype("float32")


@pytest.mark.parametrize("path", ["encoder/dense", "encoder/mix", "decoder", "decoder/dense"])
def test_a_map_of_policies_looks_up_as_keras_does(path):
    found = []
    for policy, policy_map in ((DTypePolicy, DTypePolicyMap), (keras.DTypePolicy, keras.dtype_policies.DTypePolicyMap)):
        policies = policy_map(policy("float32"))
        policies["encoder/.*"], policies["encoder/mix"] = policy("bfloat16"), policy("mixed_float16")
        policies["decoder"] = policy("float16")
        found.append((policies[path].name, path in policies, len(policies), [*policies], policies.name))
    assert found[0] == found[1]


def test_configs_of_policies():
    policies = DTypePolicyMap("float32", {"a/.*": "bfloat16"})
    with compat_in("/tmp"):
        from keras import dtype_policies
        from keras.src.saving import serialization_lib

        assert dtype_policies.DTypePolicyMap is DTypePolicyMap
        with serialization_lib.SafeModeScope(safe_mode=True):
            assert serialization_lib.in_safe_mode()
        again = dtype_policies.deserialize(dtype_policies.serialize(policies))
        assert again == policies and again["a/b"].name == "bfloat16"
    assert jkeras.saving.deserialize_keras_object(jkeras.saving.serialize_keras_object({"d": policies}))["d"] == policies
    assert layers.Dense(2, dtype=DTypePolicyMap("bfloat16")).compute_dtype == "bfloat16"
    with pytest.raises(ValueError, match=r"Dense\(8, dtype=policies"):
        layers.Dense(2, dtype=policies)
    policies["a/c.*"] = "float16"
    with pytest.raises(ValueError, match="matches 2 entries"):
        policies["a/cd"]
    with pytest.raises(ValueError, match="has a policy already"):
        policies["a/c.*"] = "float32"


def test_a_constructor_gets_the_name_of_a_dtype():
    class Words(layers.Layer):
        def __init__(self, dtype="int32", **kwargs):
            assert isinstance(dtype, str)
            super().__init__(dtype=dtype, **kwargs)

    assert Words.from_config(Words().get_config()).dtype == "int32"


def test_a_seed_as_state_counts_what_is_drawn():
    generator, plain = SeedGenerator(3), SeedGenerator(3)
    first = generator.state.value

    @jax.jit
    def draw(state):
        with StatelessScope([(generator.state, state)]) as scope:
            numbers = jkeras.random.uniform((2,), seed=generator), jkeras.random.uniform((2,), seed=generator)
        return numbers, scope.get_current_value(generator.state)

    numbers, state = draw(first)
    np.testing.assert_array_equal(generator.state.value, [3, 0])
    np.testing.assert_array_equal(state, [3, 2])
    np.testing.assert_array_equal(numbers[0], jkeras.random.uniform((2,), seed=plain))
    np.testing.assert_array_equal(numbers[1], jkeras.random.uniform((2,), seed=plain))
    generator.state.assign(state)
    np.testing.assert_array_equal(jkeras.random.uniform((2,), seed=generator), jkeras.random.uniform((2,), seed=plain))
    np.testing.assert_array_equal(generator.state.value, plain.state.value)


class Own(Model):
    """Makes its graph itself, with a part that others may hold too."""

    def __init__(self, units, backbone=None, **kwargs):
        backbone = backbone or layers.Dense(3, name="backbone")
        x = Input((2,))
        super().__init__(x, layers.Dense(units, name="head")(backbone(x)), **kwargs)
        self.units, self.backbone = units, backbone

    def get_config(self):
        return {"units": self.units, "name": self.name}


class Narrow(Own):
    def __init__(self, **kwargs):
        super().__init__(1, **kwargs)

    def get_config(self):
        return {"name": self.name}


@pytest.mark.parametrize(("cls", "arguments"), [(Own, (2,)), (Narrow, ())])
def test_the_class_of_a_model_that_makes_its_graph_is_its_own(cls, arguments, tmp_path):
    model = cls(*arguments)
    assert type(model) is cls
    model.save(tmp_path / "model.keras")
    loaded = jkeras.models.load_model(tmp_path / "model.keras", custom_objects={"Own": Own, "Narrow": Narrow})
    for again in (loaded, pickle.loads(pickle.dumps(model)), jkeras.models.clone_model(model)):
        assert type(again) is type(model) and again.units == model.units
    np.testing.assert_allclose(loaded(X[:, 0, :2]), model(X[:, 0, :2]), rtol=1e-6)
    wide = jkeras.models.clone_model(model, clone_function=lambda layer: type(layer).from_config(layer.get_config()))
    assert wide.output_shape == model.output_shape


def test_a_class_that_is_handed_its_graph_may_be_extended_by_a_call():
    class Either(Model):
        pass

    class Called(Either):
        def call(self, x):
            return x + 1

    x = Input((2,))
    assert Either(x, layers.Dense(1)(x)).count_params() == 3
    assert float(Called()(np.zeros(()))) == 1 and not isinstance(Called(), type(Either(x, x)))


@pytest.mark.parametrize("library", [jkeras, keras])
def test_a_mixin_before_model_comes_before_the_graph(library):
    class Mixin:
        def get_config(self):
            return {"mixed": True}

        def compute_mask(self, inputs, mask=None):
            return "of the mixin"

    class Mixed(Mixin, library.Model):
        def __init__(self):
            x = library.Input((2,))
            super().__init__(x, library.layers.Dense(1)(x))

    class Below(Mixed):
        pass

    for model in (Mixed(), Below()):
        assert model.get_config() == {"mixed": True} and model.compute_mask(None) == "of the mixin"
        assert model.output_shape == (None, 1)


def test_classes_below_one_that_makes_its_graph_follow_it():
    class First(Model):
        def __init__(self):
            x = Input((2,))
            super().__init__(x, layers.Dense(1)(x))

    class Second(First):
        pass

    class Third(Second):
        pass

    assert type(First()) is First  # which changes what the others extend
    assert Third()(X[:, 0, :2]).shape == (2, 1) and Second()(X[:, 0, :2]).shape == (2, 1)


class Sometimes(Model):
    """Makes a graph or writes its `call`, as an argument says."""

    def __init__(self, graph, **kwargs):
        if graph:
            x = Input((2,))
            super().__init__(x, layers.Dense(3, name="head")(x), **kwargs)
        else:
            super().__init__(**kwargs)
            self.head = layers.Dense(3, name="head")
        self.graph = graph

    def call(self, x):
        return super().call(x) if self.graph else self.head(x)

    def get_config(self):
        return {"graph": self.graph, "name": self.name}


def test_a_class_may_make_some_of_its_models_without_a_graph(tmp_path):
    x = X[:, 0, :2]
    with_graph, model = Sometimes(True), Sometimes(False, name="plain")
    assert with_graph(x).shape == (2, 3) and type(model) is type(with_graph) is Sometimes
    assert model.layers == [model.head] and not model.built and not hasattr(model, "inputs")
    model.compile("sgd", "mse")
    model.fit(x, np.ones((2, 3)), verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = jkeras.models.load_model(tmp_path / "model.keras", custom_objects={"Sometimes": Sometimes})
    cloned = jkeras.models.clone_model(model)
    cloned.build((None, 2))
    for again in (loaded, pickle.loads(pickle.dumps(model)), cloned):
        assert (again.name, again.graph, len(again.weights)) == ("plain", False, 2)
    np.testing.assert_allclose(loaded(x), model(x), rtol=1e-6)
    assert jkeras.Sequential([model, layers.Dense(1)])(x).shape == (2, 1)
    with pytest.raises(ValueError, match="symbolic tensors"):
        Own.__bases__[0].__init__(Own(1))  # a class without a `call` needs a graph


def test_weights_of_some_layers(tmp_path):
    path, model, other = tmp_path / "head.weights.h5", Own(2), Own(2)
    model.compile("adam", "mse")
    model.fit(X[:, 0, :2], X[:, 0, :2], verbose=0)
    before = other.get_weights()
    jkeras.saving.save_weights(model, path, objects_to_skip=[model.backbone])
    with h5py.File(path) as file:
        assert "optimizer" not in file and [*file["layers"]] == ["dense_1", "input_layer"]
    jkeras.saving.load_weights(other, path, objects_to_skip=[other.backbone])
    for i, expected in enumerate([*before[:2], *model.get_weights()[2:]]):
        np.testing.assert_array_equal(other.get_weights()[i], expected)
    model.save_weights(tmp_path / "all.weights.h5")
    third = Own(2)
    first = third.get_weights()[0]
    third.load_weights(tmp_path / "all.weights.h5", objects_to_skip=[third.backbone])
    np.testing.assert_array_equal(third.get_weights()[0], first)
    np.testing.assert_array_equal(third.get_weights()[2], model.get_weights()[2])
    with pytest.raises(jkeras.saving.FileFormatError, match="backbone"):
        other.load_weights(path)
    with pytest.raises(ValueError, match=r"objects_to_skip.*\.weights\.h5"):
        jkeras.saving.save_weights(model, tmp_path / "a.safetensors", objects_to_skip=[model.backbone])


def test_an_attention_that_uses_keras_names():
    found = []
    for library in (jkeras, keras):

        class Cached(library.layers.MultiHeadAttention):
            def call(self, query, value, attention_mask=None, training=None):
                q, k, v = self._query_dense(query), self._key_dense(value), self._value_dense(value)
                assert q.shape[-2:] == (self._num_heads, self._key_dim)
                attended, _ = self._compute_attention(q, k, v, attention_mask=attention_mask, training=training)
                return self._output_dense(attended)

        class Halved(library.layers.MultiHeadAttention):
            def _compute_attention(self, query, key, value, *options):
                attended, scores = super()._compute_attention(query, key, value, *options)
                return attended / 2, scores

        outputs = []
        for cls, options in (
            (Cached, {"attention_mask": np.tril(np.ones((2, 4, 4), "int32"))}),
            (Halved, {"use_causal_mask": True}),
        ):
            layer = cls(2, 3)
            layer.build(X.shape, X.shape)
            draw = np.random.default_rng(1)
            layer.set_weights([draw.normal(size=w.shape).astype("float32") for w in layer.weights])
            outputs.append(np.asarray(layer(X, X, **options)))
        found.append(outputs)
    np.testing.assert_allclose(found[0], found[1], rtol=1e-5, atol=1e-5)


def test_arguments_that_are_not_converted():
    class Lengths(layers.Layer):
        def __init__(self):
            super().__init__()
            self._convert_input_args = False
            self.inner = layers.Dense(1)

        def call(self, rows):
            assert isinstance(rows, list)
            return [len(row) for row in rows]

    assert Lengths()([[1, 2], [3]]) == [2, 1] and Lengths()(["text"]) == [4]

    class Summed(Model):
        def __init__(self):
            super().__init__()
            self._convert_input_args = False
            self.inner = layers.Dense(1)

        def call(self, x):
            return self.inner(x)

    class OfNumpy(Summed):
        def call(self, x):
            assert isinstance(x, np.ndarray)
            return super().call(x)

    model = Summed()
    model.build((None, 3))
    assert [weight.shape for weight in model.weights] == [(3, 1), (1,)]
    assert OfNumpy()(np.ones((2, 3))).shape == (2, 1)


def test_layers_below_without_the_layer_itself():
    inner = layers.TimeDistributed(layers.Dense(1))
    model = jkeras.Sequential([Input((2, 3)), inner])
    assert model._flatten_layers(include_self=False) == [inner, inner.layer]
    assert model._flatten_layers(recursive=False) == [model, inner]
    assert model.quantization_mode is None and inner.dtype_policy.quantization_mode is None


def test_an_object_by_the_name_of_its_family():
    family = {"upper": str.upper, "box": dict}
    read = jkeras.saving.deserialize_keras_object
    assert read("box", module_objects=family) == {} and read("upper", module_objects=family) is str.upper
    assert read("box", {"box": list}, module_objects=family) == []
    with pytest.raises(ValueError, match=r"sampler.*'boxes'"):
        read("boxes", module_objects=family, printable_module_name="sampler")
    assert layers.serialize(None) is None


class Greedy:
    """Registered, and no part of a model."""

    def __init__(self, temperature=1.0):
        self.temperature = temperature

    def get_config(self):
        return {"temperature": self.temperature}

    @classmethod
    def from_config(cls, config):
        return cls(**config)


def test_an_object_that_is_no_part_of_a_model():
    config = jkeras.saving.serialize_keras_object(Greedy(0.5))
    assert jkeras.saving.deserialize_keras_object(config, module_objects={"Greedy": Greedy}).temperature == 0.5


def test_making_an_object_from_its_config_adds_no_attributes():
    class Bare(layers.Layer):
        pass

    before = dir(layer := Bare())
    assert dir(Bare.from_config(layer.get_config())) == before


def test_a_constructor_can_ask_whether_its_config_is_trusted(tmp_path):
    modes = []

    class Asking(layers.Layer):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            modes.append(in_safe_mode())

        def call(self, x):
            return x

        def save_assets(self, folder):
            (Path(folder) / "words.txt").write_text("yes no")

        def load_assets(self, folder):
            modes.append(("assets", in_safe_mode()))

    jkeras.Sequential([Input((2,)), Asking()]).save(tmp_path / "model.keras")
    for mode in (True, False):
        jkeras.models.load_model(tmp_path / "model.keras", {"Asking": Asking}, safe_mode=mode)
    assert modes == [None, True, ("assets", None), False, ("assets", None)]


def test_a_store_of_arrays_is_keras(tmp_path):
    from keras.src.saving.saving_lib import H5IOStore as Theirs

    for writer, reader in ((H5IOStore, Theirs), (Theirs, H5IOStore)):
        store = writer(tmp_path / f"{writer.__module__}.h5", mode="w")
        store.make("lora")["rank"] = 4
        store.make("lora/0")["a"] = Variable(X[0]) if writer is H5IOStore else X[0]
        store.close()
        store = reader(tmp_path / f"{writer.__module__}.h5", mode="r")
        assert int(store.get("lora")["rank"][()]) == 4 and [*store.get("lora/0").keys()] == ["a"]
        np.testing.assert_array_equal(store.get("lora/0")["a"], X[0])
        store.close()
    store = H5IOStore(tmp_path / f"{H5IOStore.__module__}.h5")
    with pytest.raises(KeyError, match="There are: a"):
        store.get("lora/0")["b"]
    with pytest.raises(ValueError, match="mode='w'"):
        store.make("lora")
    store.close()


def test_masks_that_packages_set():
    embedded = layers.Embedding(5, 2, mask_zero=True)(np.array([[1, 0]]))
    assert keras3_internals.get_keras_mask(embedded).tolist() == [[True, False]]
    other = embedded + 1
    keras3_internals.set_keras_mask(other, np.array([[False, True]]))
    assert keras3_internals.get_keras_mask(other).tolist() == [[False, True]]
    with pytest.raises(TypeError, match="compute_mask"):
        keras3_internals.set_keras_mask(Input((2,)), None)
    assert not keras3_internals.in_grain_data_pipeline()


def test_image_layers_take_boxes_and_their_format():
    layer = layers.Resizing(2, 2, bounding_box_format="yxyx")
    assert layer.get_config()["bounding_box_format"] == "yxyx" and layer(np.ones((1, 4, 4, 3))).shape == (1, 2, 2, 3)
    boxes = {"boxes": np.array([[[0.0, 2.0, 4.0, 4.0]]]), "labels": np.ones((1, 1))}
    made = layer({"images": np.ones((1, 4, 4, 3)), "bounding_boxes": boxes})
    np.testing.assert_allclose(made["bounding_boxes"]["boxes"], [[[0.0, 1.0, 2.0, 2.0]]])


def test_a_package_that_does_without_tensorflow_sees_none(tmp_path, monkeypatch):
    (tmp_path / "keras_hub").mkdir()
    source = "try:\n    import tensorflow\nexcept ImportError:\n    tensorflow = None\nimport keras.layers\n"
    (tmp_path / "keras_hub" / "__init__.py").write_text(f"{source}from keras_hub import part\n")
    (tmp_path / "keras_hub" / "part.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    with compat_in(tmp_path):
        before = importlib.import_module("tensorflow")
        package = importlib.import_module("keras_hub")
        assert package.tensorflow is None and package.part.tensorflow is None
        assert package.keras.layers.Dense is layers.Dense
        assert importlib.import_module("tensorflow") is before and sys.modules["tensorflow"] is before
        for name in ("keras_hub", "keras_hub.part"):
            del sys.modules[name]

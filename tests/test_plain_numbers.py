"""NumPy scalars work wherever a number does; the dtype "int" is int32, as in Keras on JAX."""

import inspect
import json

import jax.numpy as jnp
import numpy as np
import pytest

import jkeras
from jkeras import backend, callbacks, initializers, layers, losses, metrics, ops, optimizers, regularizers
from jkeras.optimizers import schedules
from tests.laws.table import LAYERS

SCALARS = {bool: np.bool_, int: np.int64, float: np.float64}
KINDS = {"scalar": lambda v: SCALARS[type(v)](v), "array": lambda v: np.array(v)}


def numpy_like(value, kind):
    if type(value) in SCALARS:
        return KINDS[kind](value)
    return type(value)(numpy_like(v, kind) for v in value) if type(value) in (list, tuple) else value


class Package:
    """Makes layers of the table with NumPy's scalars in place of all numbers."""

    def __init__(self, kind, inherited=False):
        self.layers, self.activations, self.kind, self.inherited = self, jkeras.activations, kind, inherited

    def __getattr__(self, name):
        cls = getattr(layers, name)

        def make(*args, **kwargs):
            args, kwargs = numpy_like(args, self.kind), {k: numpy_like(v, self.kind) for k, v in kwargs.items()}
            if not self.inherited:
                return cls(*args, **kwargs)

            class Own(cls):
                def __init__(self):
                    super().__init__(*args, **kwargs)

            return Own()

        return make


def nameless(config):
    return {k: v for k, v in config.items() if k != "name"}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("case", LAYERS, ids=lambda case: case.id)
def test_a_layer_says_what_it_says_of_pythons_numbers(case, kind):
    config = nameless(case.thunk(Package(kind)).get_config())
    assert json.dumps(config) == json.dumps(nameless(case.make().get_config()))


NUMBERS = {
    "learning_rate": 0.1, "initial_learning_rate": 0.1, "decay_steps": 3, "decay_rate": 0.5, "end_learning_rate": 0.1,
    "first_decay_steps": 2, "boundaries": [1, 2], "values": [0.1, 0.2, 0.3], "weight_decay": 0.1, "clipnorm": 1.0,
    "ema_overwrite_frequency": 3, "gradient_accumulation_steps": 2, "use_ema": True, "loss_scale_factor": 2.0, "num_classes": 3,
    "target_class_ids": [0, 1], "specificity": 0.5, "sensitivity": 0.5, "precision": 0.5, "recall": 0.5, "seed": 1,
    "threshold": 0.5, "thresholds": 0.5, "top_k": 2, "class_id": 1,
}  # fmt: skip


def arguments_of(cls):
    """Arguments that are numbers, where the class can be made of numbers alone."""
    given = {}
    for name, p in list(inspect.signature(cls.__init__).parameters.items())[1:]:
        if p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD):
            continue
        if name in NUMBERS or type(p.default) in SCALARS:
            given[name] = NUMBERS.get(name, p.default)
        elif p.default is p.empty:
            return None
    return given


PLACES = (optimizers, losses, metrics, initializers, regularizers, schedules)
CLASSES = {
    cls: arguments_of(cls) for p in PLACES for cls in vars(p).values() if inspect.isclass(cls) and hasattr(cls, "get_config")
}
OTHERS = [cls for cls, arguments in CLASSES.items() if arguments and cls.__init__ is not object.__init__]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("cls", OTHERS, ids=lambda cls: f"{cls.__module__.split('.')[1]}.{cls.__name__}")
def test_other_objects_say_what_they_say_of_pythons_numbers(cls, kind):
    made = [cls(**arguments) for arguments in (CLASSES[cls], {k: numpy_like(v, kind) for k, v in CLASSES[cls].items()})]
    expected, found = (json.dumps(nameless(obj.get_config())) for obj in made)
    assert found == expected


@pytest.mark.parametrize("case", [case for case in LAYERS if case.layer in ("Dense", "LSTM", "Conv2D", "Dropout")])
def test_a_subclass_may_hand_numpys_scalars_on(case):
    layer = case.thunk(Package("scalar", inherited=True))
    assert layer.compute_output_shape((None, *case.shape[1:])) == case.make().compute_output_shape((None, *case.shape[1:]))


X = np.random.default_rng(0).normal(size=(8, 6, 3)).astype("float32")


def test_a_model_of_numpys_sizes_trains_and_comes_back_from_files(tmp_path):
    two, half = np.int64(2), np.float32(0.5)
    model = jkeras.Sequential([layers.Input((np.int64(6), np.int64(3))), layers.Conv1D(two, two), layers.LSTM(two, dropout=half)])
    model.add(layers.Dense(np.prod([1, 1])))
    optimizer, metric = optimizers.Adam(np.float64(0.01), beta_1=half), metrics.BinaryAccuracy(threshold=half)
    model.compile(optimizer, losses.Huber(half), np.array([0.5]), [metric], steps_per_execution=two)
    y = np.ones((8, 1))
    sizes = {"batch_size": two, "epochs": two, "validation_split": half, "validation_freq": np.int64(1), "steps_per_epoch": two}
    stops = [callbacks.EarlyStopping("loss", patience=two, min_delta=half)]
    model.fit(X, y, callbacks=stops, verbose=np.int64(0), **sizes)
    expected = model.predict(X, batch_size=np.int64(3), verbose=0)
    for name in ("model.keras", "model.h5"):
        model.save(tmp_path / name)
        np.testing.assert_allclose(jkeras.models.load_model(tmp_path / name).predict(X, verbose=0), expected, rtol=1e-5)
    assert jkeras.models.model_from_json(model.to_json()).count_params() == model.count_params()


class Own(layers.Layer):
    def build(self, shape):
        self.w = self.add_weight((np.int64(3), np.int64(2)), name="w")
        self.v = self.add_weight(np.int64(2), dtype="int", initializer="zeros", trainable=np.bool_(False), name="v")

    def call(self, x):
        return ops.reshape(x @ self.w, (np.int64(-1), np.int64(2)))


def test_functions_take_numpys_integers():
    two = np.int64(2)
    layer = Own()
    assert layer(X).shape == (48, 2)
    assert layer.v.dtype == "int32"
    assert ops.conv(X, np.ones((2, 3, 4), "float32"), strides=two).shape == (8, 3, 4)
    assert ops.max_pool(X, two, strides=two).shape == (8, 3, 3)
    assert ops.layer_normalization(X, axis=two).shape == X.shape
    assert backend.repeat_elements(X, two, axis=np.int64(1)).shape == (8, 12, 3)
    assert callbacks.LayerStatistics(freq=np.int64(1))


INT = {
    "Input": lambda: jkeras.Input((3,), dtype="int"),
    "cast": lambda: ops.cast(jnp.ones(2), "int"),
    "cast of a symbol": lambda: ops.cast(jkeras.Input((3,)), "int"),
    "convert_to_tensor": lambda: ops.convert_to_tensor([1.5], dtype="int"),
    "zeros": lambda: ops.zeros(2, dtype="int"),
    "one_hot": lambda: ops.one_hot(jnp.array([1]), 3, dtype="int"),
    "arange": lambda: ops.arange(3, dtype="int"),
    "cumsum": lambda: ops.cumsum(jnp.ones(2), dtype="int"),
    "linspace": lambda: ops.linspace(0, 3, 4, dtype="int"),
    "prod": lambda: ops.prod(jnp.ones(2), dtype="int"),
    "full_like": lambda: ops.full_like(jnp.ones(2), 3, dtype="int"),
    "Variable": lambda: jkeras.Variable(np.ones(2), dtype="int"),
    "KerasTensor": lambda: jkeras.KerasTensor((2,), dtype="int"),
    "initializer": lambda: initializers.Zeros()((2,), dtype="int"),
    "randint": lambda: jkeras.random.randint((2,), 0, 3, dtype="int"),
    "K.cast": lambda: backend.cast(jnp.ones(2), "int"),
    "K.zeros": lambda: backend.zeros((2,), dtype="int"),
    "K.placeholder": lambda: backend.placeholder((2,), dtype="int"),
    "layer": lambda: layers.Activation("linear", dtype="int")(np.array([1])),
}


@pytest.mark.parametrize("name", INT)
def test_the_dtype_int_is_int32(name):
    assert str(INT[name]().dtype) == "int32"


def test_a_model_of_int_inputs_is_written_as_int32():
    inputs = jkeras.Input((3,), dtype="int")
    model = jkeras.Model(inputs, layers.Embedding(5, 2)(inputs))
    assert json.loads(model.to_json())["config"]["layers"][0]["config"]["dtype"] == "int32"
    assert model.predict(np.array([[0, 4, 2]]), verbose=0).shape == (1, 3, 2)


@pytest.mark.parametrize("name, meant", [("float", "float32"), ("half", "float16"), ("double", "float64")])
def test_tensorflows_names_of_dtypes(name, meant):
    assert jkeras.Input((3,), dtype=name).dtype == jkeras.Input((3,), dtype=meant).dtype == meant
    assert layers.Dense(1, dtype=name).variable_dtype == meant


@pytest.mark.parametrize("make", [layers.ZeroPadding2D, layers.Cropping2D], ids=["padding", "cropping"])
@pytest.mark.parametrize("sizes", [[1, 2], [[1, 0], [0, 2]]], ids=["sizes", "pairs"])
def test_margins_may_stand_in_an_array(make, sizes):
    x = np.arange(64.0).reshape(1, 8, 8, 1)
    made = make(np.array(sizes))
    np.testing.assert_array_equal(made(x), make(sizes)(x))
    assert json.dumps(made.get_config())
    assert layers.Cropping1D(np.array([1, 2]))(x[..., 0]).shape == (1, 5, 8)

"""Users' optimizers with `build` and `update_step`: Keras' numbers, compiled, and in files."""

import os

os.environ.setdefault("KERAS_BACKEND", "jax")

import copy
import functools
import json

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

import jkeras
from jkeras import Sequential, Variable, layers, ops, optimizers, random


@functools.cache
def kinds(k):
    """The classes of a package, jkeras or Keras: each is written as for Keras 3."""
    ops = k.ops

    class Momentum(k.optimizers.Optimizer):
        def __init__(self, learning_rate=0.05, momentum=0.9, name="momentum", **kwargs):
            super().__init__(learning_rate=learning_rate, name=name, **kwargs)
            self.momentum = momentum

        def build(self, variables):
            if self.built:
                return
            super().build(variables)
            self.momentums = []
            for variable in variables:
                self.momentums.append(self.add_variable_from_reference(reference_variable=variable, name="momentum"))

        def update_step(self, gradient, variable, learning_rate):
            rate, gradient = ops.cast(learning_rate, variable.dtype), ops.cast(gradient, variable.dtype)
            m = self.momentums[self._get_variable_index(variable)]
            self.assign(m, ops.subtract(ops.multiply(m, ops.cast(self.momentum, variable.dtype)), ops.multiply(gradient, rate)))
            self.assign_add(variable, m)

        def get_config(self):
            return {**super().get_config(), "momentum": self.momentum}

    class Moments(k.optimizers.Optimizer):
        """Two variables for each weight, one for all, and the count of steps."""

        def build(self, variables):
            super().build(variables)
            self._m, self._v = self.add_optimizer_variables(variables, ["momentum", "velocity"], ["zeros", "ones"])
            self._calls = self.add_variable((), "zeros", name="calls")

        def update_step(self, gradient, variable, learning_rate):
            i, step = self._get_variable_index(variable), ops.cast(self.iterations + 1, "float32")
            m, v = self._m[i], self._v[i]
            self.assign_add(m, (gradient - m) * 0.1)
            self.assign(v, ops.maximum(v * 0.9, ops.abs(gradient)))
            self.assign_sub(variable, learning_rate * m / (1 - 0.9**step) / v)
            self.assign_add(self._calls, 1.0)
            self.assign_sub(variable, 1e-3 * self._calls * variable)

    class Sign(k.optimizers.Optimizer):
        def update_step(self, gradient, variable, learning_rate):
            self.assign_sub(variable, learning_rate * ops.sign(gradient))

    class CentredSGD(k.optimizers.SGD):
        def update_step(self, gradient, variable, learning_rate):
            super().update_step(gradient - ops.mean(gradient), variable, learning_rate)

    class CentredAdam(k.optimizers.Adam):
        def update_step(self, gradient, variable, learning_rate):
            super().update_step(gradient - ops.mean(gradient), variable, learning_rate * 0.5)
            self.assign_sub(variable, 0.01 * self._momentums[self._get_variable_index(variable)])

    class HalfGradients(k.optimizers.SGD):
        def apply(self, grads, trainable_variables=None):
            return super().apply([0.5 * g for g in grads], trainable_variables)

    return {
        "Momentum": Momentum,
        "Moments": lambda **kwargs: Moments(**{"learning_rate": 0.05, **kwargs}),
        "Sign": lambda **kwargs: Sign(**{"learning_rate": 0.05, **kwargs}),
        "CentredSGD": lambda **kwargs: CentredSGD(**{"learning_rate": 0.05, "momentum": 0.9, **kwargs}),
        "CentredAdam": lambda **kwargs: CentredAdam(**{"learning_rate": 0.05, "amsgrad": True, **kwargs}),
        "HalfGradients": lambda **kwargs: HalfGradients(**{"learning_rate": 0.05, **kwargs}),
    }


OURS = kinds(jkeras)
RNG = np.random.default_rng(0)
WEIGHTS = {"a": RNG.normal(size=(3, 2)).astype("float32"), "b": RNG.normal(size=2).astype("float32")}
GRADS = [{n: RNG.normal(size=w.shape).astype("float32") for n, w in WEIGHTS.items()} for _ in range(6)]
OPTIONS = {
    "plain": {},
    "clipnorm": {"clipnorm": 0.5},
    "ema": {"use_ema": True, "ema_momentum": 0.8, "ema_overwrite_frequency": 2},
    "decay and accumulation": {"weight_decay": 0.1, "gradient_accumulation_steps": 2},
}


def by_keras(name, options):
    optimizer = kinds(keras)[name](**options)
    boxes = {n: keras.Variable(w, name=n) for n, w in WEIGHTS.items()}
    for grads in GRADS:
        optimizer.apply([keras.ops.convert_to_tensor(grads[n]) for n in boxes], list(boxes.values()))
    return {n: np.asarray(box) for n, box in boxes.items()}, [np.asarray(v) for v in optimizer.variables]


@pytest.mark.few(10)
@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
@pytest.mark.parametrize("name", OURS)
def test_the_numbers_are_those_of_keras(name, options):
    weights, variables = by_keras(name, options)
    # in a hand-written loop
    optimizer = OURS[name](**options)
    boxes = {n: Variable(w, name=n) for n, w in WEIGHTS.items()}
    for grads in GRADS:
        optimizer.apply_gradients([(grads[n], box) for n, box in boxes.items()])
    # as a pure function, compiled, in a scan
    pure = OURS[name](**options)
    stacked = jax.tree.map(lambda *g: jnp.stack(g), *GRADS)
    carry = ({n: jnp.asarray(w) for n, w in WEIGHTS.items()}, pure.init(WEIGHTS))
    (params, state), _ = jax.lax.scan(lambda c, g: (pure.update(g, c[1], c[0]), None), carry, stacked)
    for n, expected in weights.items():
        np.testing.assert_allclose(boxes[n].numpy(), expected, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(params[n], expected, rtol=1e-5, atol=1e-6)
    assert int(state.iterations) == len(GRADS)
    assert [v.shape for v in optimizer.variables] == [v.shape for v in variables]
    for found, expected in zip(optimizer.variables, variables):
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


X, Y = RNG.normal(size=(24, 4)).astype("float32"), RNG.normal(size=(24, 2)).astype("float32")


def model_with(optimizer, k=jkeras, **compile_arguments):
    model = k.Sequential([k.layers.Input((4,)), k.layers.Dense(5, "tanh", name="a"), k.layers.Dense(2, name="b")])
    rng = np.random.default_rng(1)
    model.set_weights([rng.normal(size=w.shape) for w in model.get_weights()])
    model.compile(optimizer, "mse", **compile_arguments)
    return model


def losses_of(model, epochs=2):
    return model.fit(X, Y, batch_size=6, epochs=epochs, shuffle=False, verbose=0).history["loss"]


@pytest.mark.parametrize("name", ("Momentum", "CentredAdam", "HalfGradients"))
def test_fit_is_that_of_keras(name):
    expected = losses_of(model_with(kinds(keras)[name](), keras))
    model = model_with(OURS[name]())
    np.testing.assert_allclose(losses_of(model), expected, rtol=1e-5)
    assert int(model.optimizer.iterations) == 8
    np.testing.assert_allclose(losses_of(model_with(OURS[name](), run_eagerly=True)), expected, rtol=1e-5)


def test_a_rate_that_a_callback_changes_and_a_schedule_reach_the_step():
    model = model_with(OURS["Moments"]())
    before = model.get_weights()
    model.optimizer.learning_rate = 0.0
    model.optimizer.learning_rate = 0.05
    first = losses_of(model)
    model.optimizer.learning_rate = 1e-6
    assert abs(np.diff(losses_of(model))[0]) < abs(np.diff(first)[0]) / 3
    decaying = model_with(OURS["HalfGradients"](learning_rate=optimizers.schedules.PiecewiseConstantDecay([3], [0.05, 0.0])))
    decaying.set_weights(before)
    losses_of(decaying, epochs=1)
    after = decaying.get_weights()
    losses_of(decaying, epochs=1)
    np.testing.assert_array_equal(after[0], decaying.get_weights()[0])


@pytest.mark.parametrize("suffix", (".keras", ".h5"))
@pytest.mark.parametrize("name", ("Momentum", "Moments", "CentredAdam"))
def test_a_saved_training_goes_on(name, suffix, tmp_path):
    model = model_with(OURS[name](use_ema=True))
    losses_of(model)
    path = str(tmp_path / f"model{suffix}")
    model.save(path)
    loaded = jkeras.models.load_model(path, custom_objects={type(model.optimizer).__name__: type(model.optimizer)})
    for found, expected in zip(loaded.optimizer.variables, model.optimizer.variables, strict=True):
        np.testing.assert_array_equal(found, expected)
    np.testing.assert_allclose(losses_of(loaded), losses_of(model), rtol=1e-6)


@pytest.mark.filterwarnings("ignore")
def test_files_go_to_keras_and_come_back(tmp_path):
    model, theirs = model_with(OURS["Momentum"]()), model_with(kinds(keras)["Momentum"](), keras)
    losses_of(model), losses_of(theirs)
    model.save(tmp_path / "ours.keras"), theirs.save(tmp_path / "theirs.keras")
    read = jkeras.models.load_model(tmp_path / "theirs.keras", custom_objects={"Momentum": OURS["Momentum"]})
    written = keras.models.load_model(tmp_path / "ours.keras", custom_objects={"Momentum": kinds(keras)["Momentum"]})
    expected = losses_of(theirs)
    np.testing.assert_allclose(losses_of(read), expected, rtol=1e-5)
    np.testing.assert_allclose(losses_of(written), expected, rtol=1e-5)


def test_configs_read_back_and_copies_go_on_alone():
    optimizer = OURS["Momentum"](0.1, momentum=0.5, clipnorm=1.0)
    again = type(optimizer).from_config(json.loads(json.dumps(optimizer.get_config())))
    assert (again.momentum, again.clipnorm, float(again.learning_rate)) == (0.5, 1.0, pytest.approx(0.1))
    box = Variable(np.ones(2, "float32"))
    optimizer.apply([np.ones(2)], [box])
    other = copy.deepcopy(optimizer)
    optimizer.apply([np.ones(2)])
    assert int(other.iterations) == 1 and int(optimizer.iterations) == 2


def test_its_variables_show_the_state_and_write_to_it():
    optimizer, box = OURS["Momentum"](0.1), Variable(np.ones(2, "float32"), name="w")
    optimizer.apply([np.ones(2)], [box])
    (momentum,) = optimizer.momentums
    np.testing.assert_allclose(momentum.value, [-0.1, -0.1])
    momentum.assign([0.0, 0.0])
    optimizer.apply([np.zeros(2)])
    np.testing.assert_allclose(box.value, [0.9, 0.9])


def test_a_weight_without_gradient_keeps_its_variables():
    optimizer, boxes = OURS["Momentum"](0.1), [Variable(np.ones(2, "float32"), name=n) for n in "ab"]
    optimizer.apply([np.ones(2), np.ones(2)], boxes)
    with pytest.warns(UserWarning, match="no gradient"):
        optimizer.apply([None, np.ones(2)], boxes)
    np.testing.assert_allclose(boxes[0].value, [0.9, 0.9])
    np.testing.assert_allclose(optimizer.momentums[0].value, [-0.1, -0.1])


class SlowCopies(optimizers.Optimizer):
    """First values come from the weights; the step draws random numbers; a variable is made in `__init__`."""

    def __init__(self, **kwargs):
        super().__init__(0.1, **kwargs)
        self.steps = self.add_variable((), dtype="int", name="steps")
        self.generator = random.SeedGenerator(3)

    def build(self, variables):
        super().build(variables)
        self.slow = [self.add_variable_from_reference(v, "slow") for v in variables]
        for slow, v in zip(self.slow, variables):
            slow.assign(v)

    def update_step(self, gradient, variable, learning_rate):
        slow = self.slow[self._get_variable_index(variable)]
        noise = random.normal(variable.shape, seed=self.generator)
        variable.assign(slow - learning_rate * gradient + 0 * noise)
        self.steps.assign_add(1)


def test_first_values_may_be_those_of_the_weights():
    model = model_with(SlowCopies())
    start = model.get_weights()
    losses_of(model)
    for slow, expected in zip(model.optimizer.slow, start):
        np.testing.assert_array_equal(slow.numpy(), expected)
    assert int(model.optimizer.steps.value) == 8 * 4


class Keras2Form(optimizers.Optimizer):
    """As tf_keras' optimizers since 2.11 are written."""

    def __init__(self, learning_rate=0.05, name="own", **kwargs):
        super().__init__(name=name, **kwargs)
        self._learning_rate = self._build_learning_rate(learning_rate)

    def build(self, var_list):
        super().build(var_list)
        if hasattr(self, "_built") and self._built:
            return
        self.momentums = [self.add_variable_from_reference(model_variable=v, variable_name="m") for v in var_list]
        self._built = True

    def update_step(self, gradient, variable):
        rate = ops.cast(self.learning_rate, variable.dtype)
        m = self.momentums[self._index_dict[self._var_key(variable)]]
        m.assign(0.9 * m - rate * gradient)
        variable.assign_add(m)


def test_the_form_of_keras_2():
    np.testing.assert_allclose(losses_of(model_with(Keras2Form())), losses_of(model_with(OURS["Momentum"]())), rtol=1e-6)
    assert float(Keras2Form(0.25).learning_rate) == 0.25


def test_half_precision_and_frozen_layers():
    jkeras.config.set_dtype_policy("mixed_float16")
    try:
        model = model_with(OURS["Momentum"]())
        assert losses_of(model)[1] < 2.0
        assert type(model.optimizer.inner_optimizer) is OURS["Momentum"]
    finally:
        jkeras.config.set_dtype_policy("float32")
    model = model_with(OURS["Moments"]())
    losses_of(model)
    model.layers[0].trainable = False
    frozen = model.layers[0].get_weights()
    losses_of(model)
    np.testing.assert_array_equal(frozen[0], model.layers[0].get_weights()[0])


def test_a_class_without_a_rate_says_what_to_write():
    with pytest.raises(TypeError, match=r"Own has no learning rate\. Write super\(\)\.__init__\(learning_rate="):
        type("Own", (optimizers.SGD,), {"__init__": lambda self: optimizers.Optimizer.__init__(self)})().init(WEIGHTS)


def test_a_class_without_a_step_says_what_to_write():
    model = Sequential([layers.Input((2,)), layers.Dense(1)])
    model.compile(type("Nothing", (optimizers.Optimizer,), {})(0.1), "mse")
    with pytest.raises(
        NotImplementedError, match=r"Nothing must define `update_step\(self, gradient, variable, learning_rate\)`"
    ):
        model.fit(np.ones((2, 2)), np.ones((2, 1)), verbose=0)

"""Names of Keras 3 for code that sees a model as functions of arrays: scopes, lists of variables, masks, operations, switches."""

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

import jkeras
from jkeras import layers, metrics, optimizers

LIBRARIES = {"jkeras": jkeras, "keras": keras}
X = np.random.default_rng(0).normal(size=(8, 3)).astype("float32")


def stacked(library, *more):
    model = library.Sequential(
        [library.Input((3,)), library.layers.Dense(2), library.layers.BatchNormalization(), *more, library.layers.Dense(1)]
    )
    fixed = np.random.default_rng(1)
    for layer in model.layers:
        if isinstance(layer, library.layers.Dense):
            layer.set_weights([fixed.normal(size=np.shape(w)).astype("float32") for w in layer.get_weights()])
    return model


def test_a_stateless_call_is_keras_and_leaves_the_model_alone():
    found = []
    for library in LIBRARIES.values():
        model = stacked(library)
        before = model.get_weights()
        call = jax.jit(lambda t, n, x, model=model: model.stateless_call(t, n, x, training=True, return_losses=True))
        y, others, losses = call(
            [v.value for v in model.trainable_variables], [v.value for v in model.non_trainable_variables], X
        )
        found.append((y, *others))
        assert losses == [] and all(np.array_equal(a, b) for a, b in zip(before, model.get_weights()))
    for mine, theirs in zip(*found, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-5, atol=1e-6)


def test_a_stateless_call_takes_variables_and_says_what_does_not_fit():
    model = stacked(jkeras)
    trained, others = model.trainable_variables, model.non_trainable_variables
    np.testing.assert_allclose(jax.jit(model.stateless_call)(trained, others, X)[0], model(X), rtol=1e-5)
    np.testing.assert_allclose(model.layers[0].stateless_call(model.layers[0].trainable_variables, [], X)[0], model.layers[0](X))
    with pytest.raises(ValueError, match=r"6 trainable_variables.*Received: 5"):
        model.stateless_call(trained[1:], others, X)
    with pytest.raises(ValueError, match=r"shape \(3,\) for the variable"):
        model.stateless_call([jnp.ones(3), *trained[1:]], others, X)
    with pytest.raises(ValueError, match="build"):
        layers.Dense(2).stateless_call([], [], X)


def test_losses_and_masks_of_a_stateless_call():
    dense = layers.Dense(2, kernel_regularizer="l2", activity_regularizer="l2")
    dense.build((None, 3))
    _, _, losses = dense.stateless_call(dense.trainable_variables, [], X, return_losses=True)
    np.testing.assert_allclose(sum(losses), sum((dense(X), dense.losses)[1]), rtol=1e-5)
    embedding = layers.Embedding(5, 2, mask_zero=True)
    embedding.build((None, None))
    y, _ = embedding.stateless_call(embedding.trainable_variables, [], np.array([[1, 0]]))
    assert y._keras_mask.tolist() == [[True, False]]


@pytest.mark.parametrize("library", LIBRARIES.values(), ids=LIBRARIES)
def test_the_seed_is_there_before_the_weights(library):
    class Noisy(library.layers.Layer):
        def __init__(self):
            super().__init__()
            self.seeds = library.random.SeedGenerator(1)

    made = (Noisy(), library.layers.Dropout(0.5), library.layers.LSTM(2, dropout=0.5), library.layers.Dense(2))
    assert [len(layer.non_trainable_variables) for layer in made] == [1, 1, 1, 0]


def test_a_loop_by_hand_draws_anew_in_each_step_and_can_be_repeated():
    model = stacked(jkeras, layers.Dropout(0.5))
    assert [v.path.rpartition("/")[2] for v in model.non_trainable_variables][-1] == "seed_generator_state"
    assert len(model.weights) == len(model.variables) - 1 == 8
    step = jax.jit(lambda others: model.stateless_call(model.trainable_variables, others, X, training=True))
    first, others = step(model.non_trainable_variables)
    second, _ = step(others)
    again, _ = step(model.non_trainable_variables)
    assert not np.array_equal(first, second) and np.array_equal(first, again)
    numbers = jkeras.utils.set_random_seed(3), float(jkeras.random.uniform(()))
    jkeras.utils.set_random_seed(3)
    other = stacked(jkeras, layers.Dropout(0.5))
    jkeras.utils.set_random_seed(3)
    assert other.variables and float(jkeras.random.uniform(())) == numbers[1]  # a look takes no number


def test_a_training_loop_by_hand_is_keras():
    """As in the guide "Writing a training loop from scratch in JAX"."""
    found = []
    y = X[:, :1]
    for library in LIBRARIES.values():
        model, loss_fn = stacked(library), library.losses.MeanSquaredError()
        optimizer, metric = library.optimizers.SGD(0.05, momentum=0.9), library.metrics.MeanAbsoluteError()
        optimizer.build(model.trainable_variables)

        def loss_of(trained, others, metric_variables, x, y, model=model, loss_fn=loss_fn, metric=metric):
            y_pred, others = model.stateless_call(trained, others, x, training=True)
            return loss_fn(y, y_pred), (others, metric.stateless_update_state(metric_variables, y, y_pred))

        @jax.jit
        def step(state, x, y, loss_of=loss_of, optimizer=optimizer):
            trained, others, own, metric_variables = state
            (loss, (others, metric_variables)), grads = jax.value_and_grad(loss_of, has_aux=True)(
                trained, others, metric_variables, x, y
            )
            trained, own = optimizer.stateless_apply(own, grads, trained)
            return loss, (trained, others, own, metric_variables)

        lists = (model.trainable_variables, model.non_trainable_variables, optimizer.variables, metric.variables)
        state = tuple([v.value for v in variables] for variables in lists)
        losses = []
        for _ in range(20):
            loss, state = step(state, X, y)
            losses.append(float(loss))
        for variables, values in zip(lists, state):
            for variable, value in zip(variables, values):
                variable.assign(value)
        found.append((losses, metric.result(), model.get_weights(), [np.asarray(v.value) for v in optimizer.variables]))
    for mine, theirs in zip(*map(jax.tree.leaves, found), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-4, atol=1e-5)


def test_the_variables_of_an_optimizer_are_keras():
    described = []
    for library in LIBRARIES.values():
        model = stacked(library)
        model.compile(library.optimizers.Adam(0.01, name="adam"), "mse")
        model.optimizer.build(model.trainable_variables)
        variables = model.optimizer.variables
        strip = [v.name.replace(f"{model.name}_", "") for v in variables]
        described.append([(name.rstrip("_0123456789"), v.path.partition("/")[0], v.shape) for name, v in zip(strip, variables)])
    kinds = [[(name.rpartition("_")[2], place, shape) for name, place, shape in one] for one in described]
    assert kinds[0] == kinds[1]


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_variable_of_an_optimizer_reads_and_writes_its_state(when):
    model = stacked(jkeras)
    model.compile(optimizers.SGD(0.1, momentum=0.9), "mse")
    if when == "after":
        model.fit(X, X[:, :1], verbose=0)
    model.optimizer.build(model.trainable_variables)
    variables = model.optimizer.variables
    assert [v is w for v, w in zip(variables, model.optimizer.variables)] == [True] * len(variables)
    variables[1].assign(0.5)
    variables[2].assign(np.full((3, 2), 2.0))
    assert float(model.optimizer.learning_rate) == 0.5 and int(variables[0]) == (1 if when == "after" else 0)
    before, gradient = model.get_weights()[0], np.ones((3, 2), np.float32)
    grads = [gradient, *(np.zeros(v.shape, np.float32) for v in model.trainable_variables[1:])]
    model.optimizer.apply(grads, model.trainable_variables)
    np.testing.assert_allclose(variables[2].value, 0.9 * 2.0 - 0.5 * gradient, rtol=1e-6)
    np.testing.assert_allclose(model.get_weights()[0], before + 0.9 * 2.0 - 0.5, rtol=1e-5)
    kept = variables[2].value
    model.fit(X, X[:, :1], epochs=2, verbose=0)
    assert np.isfinite(kept).all() and not np.array_equal(kept, variables[2].value)
    assert "value=" in repr(variables[0]) and "not drawn" not in repr(variables[0])
    with pytest.raises(ValueError, match="stateless_apply"):
        jax.jit(lambda x: variables[2].assign(x * 2))(gradient)


def test_stateless_apply_says_what_does_not_fit():
    optimizer, weight = optimizers.SGD(0.5), jkeras.Variable(1.0, name="w")
    with pytest.raises(ValueError, match="build"):
        optimizer.stateless_apply([0, 0.5], [1.0], [weight])
    optimizer.build([weight])
    for arguments, text in (
        (([0], [1.0], [1.0]), "Expected 2 arrays"),
        ((optimizer.variables, [], [1.0]), "grads"),
        ((optimizer.variables, [1.0], [1.0, 2.0]), "trainable_variables"),
    ):
        with pytest.raises(ValueError, match=text):
            optimizer.stateless_apply(*arguments)


@pytest.mark.parametrize("make", [metrics.MeanSquaredError, metrics.AUC, lambda: metrics.Mean()], ids=["mse", "auc", "mean"])
def test_a_metric_takes_its_variables_as_values(make):
    metric = make()
    arguments = ([0.3, 0.6],) if isinstance(metric, metrics.Mean) and type(metric) is metrics.Mean else ([0.0, 1.0], [0.2, 0.9])
    values = metric.stateless_update_state(metric.variables, *arguments)
    result = metric.stateless_result(values)
    assert np.isfinite(metric.stateless_result(metric.variables)) and len(metric.stateless_reset_state()) == len(values)
    metric.update_state(*arguments)
    np.testing.assert_allclose(result, metric.result(), rtol=1e-6)


def test_a_stateless_scope_is_keras():
    found = []
    for library in LIBRARIES.values():
        kept, free = library.Variable(np.ones(2, "float32")), library.Variable(np.zeros(2, "float32"))
        with library.StatelessScope(state_mapping=[(kept, np.full(2, 5.0))]) as scope:
            read = np.asarray(kept.value)
            kept.assign_add(np.ones(2, "float32"))
            free.assign(np.full(2, 7.0))
            inside = np.asarray(free.value)
        found.append((read, inside, scope.get_current_value(kept), scope.get_current_value(free), kept.value, free.value))
        assert scope.get_current_value(library.Variable(1.0)) is None
        with pytest.raises(ValueError):
            library.StatelessScope([(kept, np.ones(3))])
        with pytest.raises(ValueError):
            library.StatelessScope([("kept", 1.0)])
    for mine, theirs in zip(*found):
        np.testing.assert_array_equal(mine, theirs)


def test_a_scope_works_in_a_traced_function_and_with_a_whole_model():
    model = stacked(jkeras, layers.Dropout(0.5))

    @jax.jit
    def run(values, x):
        with jkeras.StatelessScope(zip(model.weights, values), collect_losses=True) as scope:
            y = model(x, training=True)
        return y, [scope.get_current_value(variable) for variable in model.weights]

    before = model.get_weights()
    y, after = run([v.value for v in model.weights], X)
    assert y.shape == (8, 1) and np.abs(after[4] - before[4]).max() > 0
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights()))


@pytest.mark.parametrize("library", LIBRARIES.values(), ids=LIBRARIES)
def test_a_model_has_no_weights_before_it_is_built(library):
    model = library.Sequential([library.layers.Dense(2), library.layers.Dense(1)])
    for name in ("weights", "trainable_weights", "non_trainable_weights", "variables", "trainable_variables",
                 "non_trainable_variables", "metrics_variables"):  # fmt: skip
        assert getattr(model, name) == []
    model.build((None, 3))
    assert len(model.weights) == len(model.trainable_variables) == 4


@pytest.mark.parametrize("library", LIBRARIES.values(), ids=LIBRARIES)
def test_masks_have_keras_name(library):
    embedding = library.layers.Embedding(5, 2, mask_zero=True)
    tokens = library.Input((3,), dtype="int32")
    y = embedding(tokens)
    assert y._keras_mask.shape == (None, 3) and y._keras_mask.dtype == "bool"
    assert getattr(library.layers.Dense(1)(library.Input((2,))), "_keras_mask", None) is None
    outputs = library.layers.GlobalAveragePooling1D()(y, mask=y._keras_mask)
    model = library.Model(tokens, outputs)
    data = np.array([[1, 2, 0]])
    table = np.asarray(embedding.get_weights()[0])
    np.testing.assert_allclose(model(data), table[[1, 2]].mean(0)[None], rtol=1e-5)
    np.testing.assert_array_equal(embedding(data)._keras_mask, [[True, True, False]])


@pytest.mark.parametrize("library", LIBRARIES.values(), ids=LIBRARIES)
def test_a_mask_that_was_given_counts_and_travels_on(library):
    mask = jnp.array([[True, True, False]])
    lstm = library.layers.LSTM(2, return_sequences=True)
    np.testing.assert_array_equal(lstm(jnp.ones((1, 3, 2)), mask=mask)._keras_mask, mask)
    assert lstm(library.Input((3, 2)), mask=library.Input((3,), dtype="bool"))._keras_mask.shape == (None, 3)
    x = jnp.arange(6.0).reshape(1, 3, 2)
    x._keras_mask = mask  # by hand
    half = library.layers.GlobalAveragePooling1D(dtype="float16")
    np.testing.assert_array_equal(half(x), [[1, 2]])  # not lost with the cast
    assert float(library.losses.MeanAbsoluteError()(jnp.zeros((1, 3, 2)), x)) == 1.5


def operation(library):
    class Scaled(library.Operation):
        def __init__(self, factor, name=None):
            super().__init__(name=name)
            self.factor = factor

        def call(self, x):
            return x * self.factor

        def compute_output_spec(self, x):
            return library.KerasTensor(x.shape, dtype=x.dtype)

    return Scaled


@pytest.mark.parametrize("library", LIBRARIES.values(), ids=LIBRARIES)
def test_operations_are_parts_of_graphs(library, tmp_path):
    cls = operation(library)
    scaled = cls(3.0, name="scaled")
    np.testing.assert_array_equal(scaled(np.array([1, 2], "int32")), [3.0, 6.0])
    x = library.Input((2,))
    model = library.Model(x, library.layers.Dense(1, kernel_initializer="ones")(scaled(x)))
    np.testing.assert_allclose(model(X[:, :2]), 3 * X[:, :2].sum(1, keepdims=True), rtol=1e-5, atol=1e-6)
    assert scaled.output.shape == (None, 2) and scaled.symbolic_call(x).shape == (None, 2)
    assert scaled.get_config() == {"name": "scaled", "factor": 3.0}
    assert isinstance(library.layers.ReLU().compute_output_spec(x), library.KerasTensor)
    assert isinstance(scaled, library.Operation) and isinstance(library.layers.Dense(1), library.Operation)
    assert issubclass(library.layers.Layer, library.Operation) and not isinstance(3, library.Operation)
    assert not isinstance(library.layers.Dense(1), cls)
    model.save(tmp_path / "model.keras")
    again = library.models.load_model(tmp_path / "model.keras", custom_objects={"Scaled": cls})
    np.testing.assert_allclose(again(X[:, :2]), model(X[:, :2]), rtol=1e-6)
    with pytest.raises(NotImplementedError):
        library.Operation()(X)


def test_the_switches_of_tracebacks():
    assert jkeras.config.is_traceback_filtering_enabled()
    jkeras.config.disable_traceback_filtering()
    try:
        assert not jkeras.config.is_traceback_filtering_enabled()
    finally:
        jkeras.config.enable_traceback_filtering()
    assert jkeras.config.is_traceback_filtering_enabled()

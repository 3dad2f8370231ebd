"""`tf.GradientTape` and `tf.function` of the stand-in: in compiled functions, and in code that runs line by line."""

import contextlib
import gc
import itertools
import weakref
from collections import OrderedDict, defaultdict
from typing import NamedTuple

import jax
import numpy as np
import pytest
from documents import compat_in

import jkeras

X = np.random.default_rng(0).normal(size=(64, 5)).astype("float32")
Y = np.argmax(X[:, :3], 1)


@pytest.fixture(scope="module")
def tf(tmp_path_factory):
    with compat_in(tmp_path_factory.mktemp("tf")):
        import tensorflow

        yield tensorflow


def classifier(tf, dropout=0.0):
    jkeras.utils.set_random_seed(0)
    layers = tf.keras.layers
    return tf.keras.Sequential([layers.Input((5,)), layers.Dense(8, activation="relu"), layers.Dropout(dropout), layers.Dense(3)])


def trained(tf, step_of):
    """Weights after two steps of a custom loop, and what the metric says."""
    model = classifier(tf)
    optimizer = tf.keras.optimizers.Adam(0.01)
    loss_fn = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    accuracy = tf.keras.metrics.SparseCategoricalAccuracy()
    step = step_of(model, optimizer, loss_fn, accuracy)
    found = [float(step(X[i : i + 32], Y[i : i + 32])) for i in (0, 32)]
    return [*model.get_weights(), np.array(found), np.array(accuracy.result()), np.array(int(optimizer.iterations))]


def by_fit(tf):
    model = classifier(tf)
    model.compile(
        tf.keras.optimizers.Adam(0.01), tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"]
    )
    losses = [model.train_on_batch(X[i : i + 32], Y[i : i + 32], reset_metrics=not i)[0] for i in (0, 32)]
    return model.get_weights(), losses


def check(tf, found):
    weights, losses = by_fit(tf)
    for one, other in zip(found, weights):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(found[-3][0], losses[0], rtol=1e-5)
    assert found[-1] == 2 and 0 < found[-2] < 1


def test_a_compiled_loop_of_ones_own(tf):
    def step_of(model, optimizer, loss_fn, accuracy):
        @tf.function
        def step(x, y):
            with tf.GradientTape() as tape:
                logits = model(x, training=True)
                loss = loss_fn(y, logits)
            grads = tape.gradient(loss, model.trainable_weights)
            optimizer.apply_gradients(zip(grads, model.trainable_weights))
            accuracy.update_state(y, logits)
            return loss

        return step

    check(tf, trained(tf, step_of))


def test_a_loop_that_runs_line_by_line(tf):
    def step_of(model, optimizer, loss_fn, accuracy):
        def step(x, y):
            with tf.GradientTape() as tape:
                logits = model(x, training=True)
                loss = loss_fn(y, logits)
            grads = tape.gradient(loss, model.trainable_weights)
            optimizer.apply_gradients(zip(grads, model.trainable_weights))
            accuracy.update_state(y, logits)
            return loss

        return step

    check(tf, trained(tf, step_of))


def test_minimize_line_by_line(tf):
    def step_of(model, optimizer, loss_fn, accuracy):
        def step(x, y):
            optimizer.minimize(lambda: loss_fn(y, model(x, training=True)), lambda: model.trainable_weights)
            accuracy.update_state(y, model(x))
            return 1.0

        return step

    found = trained(tf, step_of)
    for one, other in zip(found, by_fit(tf)[0]):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)


def test_draws_are_the_same_in_the_block_and_in_its_gradient(tf):
    model = classifier(tf, dropout=0.5)
    noise = []
    for _ in range(3):
        with tf.GradientTape() as tape:
            z = tf.random.normal((64, 5))
            value = tf.reduce_sum(model(X + z, training=True) ** 2)
        grads = tape.gradient(value, model.trainable_weights)
        noise.append(float(value))
        assert all(np.isfinite(g).all() for g in grads)
    assert len(set(noise)) == 3


def test_a_block_that_another_run_does_not_repeat_is_refused(tf):
    w = tf.Variable(3.0)
    with tf.GradientTape() as tape:
        y = w * float(np.random.normal())
    with pytest.raises(RuntimeError, match=r"draws random numbers\s+from NumPy"):
        tape.gradient(y, w)


@pytest.mark.parametrize("size", (1e-6, 1.0))
def test_small_numbers_are_compared_too(tf, size):
    w, steps = tf.Variable(3.0), itertools.count()
    with tf.GradientTape() as tape:
        y = w * (size + size * 0.001 * next(steps))
    with pytest.raises(RuntimeError, match=r"reads from an iterator"):
        tape.gradient(y, w)


def test_a_small_difference_of_large_numbers_is_no_other_number(tf):
    """As the loss of a Wasserstein GAN: the compiled number differs from the block's in all digits, by rounding."""
    w, x = tf.Variable(np.full(5, 1000.0, "float32")), np.random.default_rng(1).normal(size=(64, 5)).astype("float32")
    for _ in range(2):
        with tf.GradientTape() as tape:
            y = tf.reduce_mean(tf.tanh(x @ w * 1e-6) * 1e4 + 1e6) - tf.reduce_mean(tf.tanh(x[::-1] @ w * 1e-6) * 1e4 + 1e6)
        np.testing.assert_allclose(tape.gradient(y, w), np.zeros(5), atol=1e-4)


def test_an_object_that_changes_from_step_to_step_counts_as_it_is(tf):
    """A weight of a part of the loss that is raised from step to step is a number of Python, and was traced as a constant."""
    w, settings = tf.Variable(3.0), type("Settings", (), {"weight": 1.0})()
    for step in range(3):
        settings.weight = 1.0 + step
        with tf.GradientTape() as tape:
            y = settings.weight * w**2
        assert float(tape.gradient(y, w)) == 6 * (1 + step)


def test_tapes_of_one_statement_draw_the_same(tf):
    one, other = tf.Variable(2.0), tf.Variable(3.0)
    with tf.GradientTape() as first, tf.GradientTape() as second:
        noise = tf.random.normal(())
        y, z = one * noise, other * noise**2
    assert float(first.gradient(y, one)) == float(noise)
    np.testing.assert_allclose(second.gradient(z, other), noise**2, rtol=1e-6)


class Scaled:
    def times(self, w):
        return 2.0 * w


class Shifted(Scaled):
    def __init__(self):
        self.__shift = 5.0

    def slope(self, tf, w):
        with tf.GradientTape() as tape:
            y = super().times(w) * self.__shift
        return tape.gradient(y, w)


def test_a_block_in_a_method_may_use_super_and_private_names(tf):
    assert float(Shifted().slope(tf, tf.Variable(3.0))) == 10


def test_models_that_are_no_longer_used_are_not_kept(tf):
    """A script that makes a model per trial."""

    @tf.function
    def compiled(model):
        return tf.reduce_sum(model(X) ** 2)

    def trial():
        model = tf.keras.Sequential([tf.keras.layers.Input((5,)), tf.keras.layers.Dense(2)])
        with tf.GradientTape() as tape:
            y = tf.reduce_sum(model(X) ** 2)
        assert len(tape.gradient(y, model.trainable_variables)) == 2 and np.isclose(compiled(model), y)
        return weakref.ref(model)

    gone = [trial() for _ in range(3)]
    gc.collect()
    assert [one() for one in gone] == [None] * 3


def test_derivatives_line_by_line(tf):
    x, c = tf.Variable(3.0), tf.constant(2.0)
    with tf.GradientTape() as outer:
        with tf.GradientTape() as inner:
            y = x**3
        first = inner.gradient(y, x)
    assert (float(first), float(outer.gradient(first, x))) == (27, 18)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(c)
        z = c * c
        q = {"fourth": [z * z]}
    assert [float(tape.gradient(q["fourth"][0], s)) for s in (c, z)] == [32, 8]
    assert tape.gradient(z, x) is None
    assert float(tape.gradient(z, x, unconnected_gradients=tf.UnconnectedGradients.ZERO)) == 0


def test_a_block_may_return_and_use_names_of_its_function(tf):
    def slope(f, at):
        at = tf.Variable(at)
        for power in (1, 2):
            with tf.GradientTape() as tape:
                scaled = [f(at) * power for _ in range(1)]
                total = scaled[0]
                if power == 2:
                    return tape.gradient(total, at)
        return None

    assert float(slope(lambda v: v * v, 5.0)) == 20


def test_heatmaps_of_a_convolution(tf):
    layers = tf.keras.layers
    jkeras.utils.set_random_seed(0)
    image = np.random.default_rng(0).random((1, 8, 8, 3)).astype("float32")
    x = tf.keras.Input((8, 8, 3))
    features = layers.Conv2D(4, 3, activation="relu", name="conv")(x)
    model = tf.keras.Model(x, layers.Dense(2)(layers.Flatten()(features)))

    def heatmap(model, name):
        both = tf.keras.Model(model.inputs, [model.get_layer(name).output, model.output])
        with tf.GradientTape() as tape:
            found, scores = both(image)
            best = tf.argmax(scores[0])
            score = scores[:, best]
        grads = tape.gradient(score, found)
        pooled = tf.reduce_mean(grads, axis=(0, 1, 2))
        return tf.squeeze(found[0] @ pooled[..., tf.newaxis]), grads, int(best)

    found, grads, best = heatmap(model, "conv")
    kernel = model.layers[-1].get_weights()[0][:, best].reshape(1, 6, 6, 4)
    assert found.shape == (6, 6)
    np.testing.assert_allclose(grads, kernel, rtol=1e-5)


def test_saliency_of_an_image_that_is_a_variable(tf):
    image = tf.Variable(np.ones((2, 2), "float32"))
    optimizer = tf.keras.optimizers.SGD(0.1)
    for _ in range(3):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(image**2)
        optimizer.apply_gradients([(tape.gradient(loss, image), image)])
    np.testing.assert_allclose(image.numpy(), np.full((2, 2), 0.8**3), rtol=1e-6)


def test_targets_outside_of_the_block_are_named(tf):
    w = tf.Variable(3.0)
    with tf.GradientTape() as tape:
        y = w * w
    with pytest.raises(RuntimeError, match=r"did not compute. Compute it\s+inside"):
        tape.gradient(y * 2, w)


def test_a_tape_without_source_says_what_to_write(tf):
    with pytest.raises(RuntimeError, match="@tf"):
        exec("with tf.GradientTape() as tape:\n    y = 1", {"tf": tf})


# tf.function ----------------------------------------------------------------------------------------------------------------


def test_it_is_traced_once_for_each_kind_of_arguments(tf):
    seen = []

    @tf.function
    def double(x, power=1):
        seen.append(power)
        return x * 2**power

    for value in (1.0, 2.0, 3.0):
        assert float(double(tf.constant(value))) == 2 * value
    assert len(set(seen)) == 1 and (traces := len(seen)) <= 2
    assert float(double(tf.constant(1.0), power=2)) == 4 and len(seen) > traces
    np.testing.assert_array_equal(double(np.ones(3, "float32")), [2, 2, 2])


class Two(list):
    def __init__(self, parts, label):
        super().__init__(parts)
        self.label = label


class Own(dict):
    """No dict to JAX, but an object."""


class Pair(NamedTuple):
    first: dict
    second: object


def test_dicts_keep_their_order_and_objects_of_ones_own_are_left_alone(tf):
    seen = []

    @tf.function
    def compiled(value, **named):
        seen.append((value, list(named)))
        return sum(named.values())

    one, two = np.float32(1), np.float32(2)
    assert float(compiled(None, a=one, b=two)) == 3
    traces = len(seen)
    assert float(compiled(None, b=two, a=one)) == 3 and len(seen) == traces and seen[0][1] == ["a", "b"]  # as in TensorFlow
    own, parts = Own(z=1, a={"d": 2, "c": 3}), Two([{"z": 1, "a": 2}], "label")
    compiled(own)
    assert seen[-1][0] is own and [*own] == ["z", "a"]
    compiled(parts)
    assert seen[-1][0] is parts
    given = Pair({"z": one, "a": (defaultdict(list, {"y": one, "b": two}), OrderedDict(x={"n": one, "m": two}))}, None)
    compiled(given)
    found = seen[-1][0]
    kept, ordered = found.first["a"]
    assert type(found) is Pair and type(ordered) is OrderedDict and kept.default_factory is list
    assert [*found.first] == ["z", "a"] and [*kept] == ["y", "b"] and [*ordered["x"]] == ["n", "m"]
    compiled(Pair(dict(reversed(given.first.items())), None))
    assert [*seen[-1][0].first] == ["a", "z"]


@pytest.mark.parametrize("eagerly", (False, True))
def test_a_layer_may_hold_variables_of_tensorflow(tf, eagerly):
    """Their `value` is a method; a layer in a pure call gets an array from it all the same."""

    class Scale(tf.keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.s = tf.Variable(2.0)

        def call(self, x):
            found.append(self.s.value())
            self.add_loss(self.s)
            return x * jax.lax.mul(self.s.value(), self.s.value())

    found = []
    model = tf.keras.Sequential([tf.keras.Input((5,)), Scale(), tf.keras.layers.Dense(1)])
    model.compile(tf.keras.optimizers.SGD(0.1), "mse", run_eagerly=eagerly)
    model.fit(X, X[:, :1], batch_size=64, verbose=0)
    assert found and all(isinstance(value, jax.Array) for value in found) and float(model.layers[0].s) != 2
    grads = [np.ones_like(w) for w in model.get_weights()]
    before = float(model.layers[0].s)
    model.optimizer.apply_gradients(zip(grads, model.trainable_weights))
    np.testing.assert_allclose(float(model.layers[0].s), before - 0.1, rtol=1e-5)
    model.layers[0].s.regularizer = lambda value: jax.lax.mul(value, value)
    np.testing.assert_allclose(model.losses[-1], float(model.layers[0].s) ** 2, rtol=1e-6)


def test_variables_keep_what_it_assigns(tf):
    total, untouched = tf.Variable(0.0), tf.Variable(7.0)
    before = untouched.array

    @tf.function(jit_compile=True)
    def add(x):
        total.assign_add(x)
        return total + untouched

    assert [float(add(tf.constant(v))) for v in (1.0, 2.0)] == [8, 10]
    assert float(total) == 3 and untouched.array is before


def test_methods_and_variables_made_at_the_first_call(tf):
    class Counter:
        count = None

        @tf.function
        def step(self, by):
            if self.count is None:
                self.count = tf.Variable(0.0)
            self.count.assign_add(by)
            return self.count.value

    one, other = Counter(), Counter()
    assert [float(one.step(tf.constant(2.0))) for _ in range(3)] == [2, 4, 6]
    assert float(other.step(tf.constant(5.0))) == 5 and float(one.count.value) == 6


def test_draws_differ_from_call_to_call_and_from_layer_to_layer(tf):
    first, second = tf.keras.layers.Dropout(0.5), tf.keras.layers.Dropout(0.5)

    @tf.function
    def masks(x):
        return first(x, training=True), second(x, training=True)

    x = np.ones((4, 50), "float32")
    found = [np.asarray(m) for _ in range(2) for m in masks(x)]
    assert len({m.tobytes() for m in found}) == 4
    jkeras.utils.set_random_seed(3)
    again = np.asarray(masks(x)[0])
    jkeras.utils.set_random_seed(3)
    np.testing.assert_array_equal(again, masks(x)[0])


def test_a_function_that_looks_at_values_runs_as_python(tf):
    @tf.function
    def positive(x):
        if x > 0:
            return x
        return -x

    assert float(positive(tf.constant(-3.0))) == 3 and float(positive(tf.constant(2.0))) == 2


def test_with_a_tape_it_must_not_look_at_values(tf):
    w = tf.Variable(2.0)

    @tf.function
    def step(x):
        with tf.GradientTape() as tape:
            y = w * x if x > 0 else w
        return tape.gradient(y, w)

    with pytest.raises(Exception, match="Tracer") as error:
        step(tf.constant(1.0))
    assert any("tf.where" in note for note in error.value.__notes__)


def test_functions_within_functions_and_steps_are_part_of_them(tf):
    @tf.function
    def inner(x):
        return x * x

    @tf.function
    def outer(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = inner(x)
        return tape.gradient(y, x)

    assert float(outer(tf.constant(3.0))) == 6


def test_a_wasserstein_gan_with_a_penalty_trains_in_fit(tf):
    layers = tf.keras.layers

    class WGAN(tf.keras.Model):
        def __init__(self):
            super().__init__()
            self.critic = tf.keras.Sequential([layers.Dense(8, activation="tanh"), layers.Dense(1)])
            self.generator = tf.keras.Sequential([layers.Dense(8, activation="tanh"), layers.Dense(5)])

        def compile(self, critic_optimizer, generator_optimizer):
            super().compile()
            self.critic_optimizer, self.generator_optimizer = critic_optimizer, generator_optimizer

        def penalty(self, real, made):
            alpha = tf.random.uniform([tf.shape(real)[0], 1], 0.0, 1.0)
            between = real + alpha * (made - real)
            with tf.GradientTape() as tape:
                tape.watch(between)
                scores = self.critic(between, training=True)
            grads = tape.gradient(scores, [between])[0]
            norm = tf.sqrt(tf.reduce_sum(tf.square(grads), axis=[1]))
            return tf.reduce_mean((norm - 1.0) ** 2)

        def train_step(self, real):
            if isinstance(real, tuple):
                real = real[0]
            for _ in range(2):
                noise = tf.random.normal((tf.shape(real)[0], 3))
                with tf.GradientTape() as tape:
                    made = self.generator(noise, training=True)
                    cost = tf.reduce_mean(self.critic(made, training=True)) - tf.reduce_mean(self.critic(real, training=True))
                    penalty = self.penalty(real, made)
                    loss = cost + 10.0 * penalty
                grads = tape.gradient(loss, self.critic.trainable_variables)
                self.critic_optimizer.apply_gradients(zip(grads, self.critic.trainable_variables))
            with tf.GradientTape() as tape:
                g_loss = -tf.reduce_mean(self.critic(self.generator(noise, training=True), training=True))
            grads = tape.gradient(g_loss, self.generator.trainable_variables)
            self.generator_optimizer.apply_gradients(zip(grads, self.generator.trainable_variables))
            return {"penalty": penalty, "g_loss": g_loss}

    jkeras.utils.set_random_seed(0)
    model = WGAN()
    model.compile(tf.keras.optimizers.Adam(0.01, beta_1=0.5), tf.keras.optimizers.Adam(0.01, beta_1=0.5))
    history = model.fit(X, batch_size=32, epochs=20, verbose=0).history
    assert history["penalty"][-1] < 0.1 and np.isfinite(history["g_loss"]).all()
    assert int(model.critic_optimizer.iterations) == 80


def test_lists_that_a_block_fills_are_filled_once_and_may_be_its_target(tf):
    w, seen = tf.Variable(3.0), []
    for _ in range(3):
        with tf.GradientTape() as tape:
            for power in range(3):
                seen.append(w**power)
            loss = sum(seen)
        assert float(tape.gradient(loss, w)) == 1 + 2 * 3
        assert len(seen) == 3 and not any(isinstance(entry, jax.core.Tracer) for entry in seen)
        seen.clear()
    with tf.GradientTape() as tape:
        seen += [w * w, 1.0 * w]
    assert float(tape.gradient(seen, w)) == 7


def test_a_block_that_reads_values_is_shown_how_to_split(tf):
    w, seen = tf.Variable([1.0, 2.0]), []
    with tf.GradientTape() as tape:
        best = int(np.asarray(w * 1.0).argmax())
        seen.append(w[best] ** 2)
        loss = sum(seen)
    with pytest.raises(Exception, match=r"(?i)tracer") as error:
        tape.gradient(loss, w)
    assert any("before the block" in note for note in error.value.__notes__) and len(seen) == 1


@pytest.mark.parametrize("persistent", (False, True))
def test_a_block_may_look_at_values(tf, capsys, persistent):
    """By hand: `2 w0 + 0.75 (3 w1**2)` where the sum of w is positive, else `w0**2`; with a tape within the block."""
    w, unused, data = tf.Variable([1.0, 2.0]), tf.Variable(1.0), tf.constant([2.0, 3.0])
    found = []
    for shift in (0.0, -5.0):
        w.assign([1.0 + shift, 2.0])
        with tf.GradientTape(persistent) as tape:
            tape.watch(data)
            total = tf.reduce_sum(w)
            print("total", total.numpy(), f"{float(total):.0f}")
            if total > 0:
                with tf.GradientTape() as inner:
                    z = w[1] ** 3 if w[1].numpy() > 0 else w[1]
                y = data[0] * w[0] + 0.75 * inner.gradient(z, w)[int(tf.argmax(data))] * w[1] ** 0
            else:
                y = w[0] ** 2
        found.append(tape.gradient(y, [w, unused, data]))
    np.testing.assert_allclose(found[0][0], [2.0, 0.75 * 6 * 2.0])
    np.testing.assert_allclose(found[1][0], [2 * -4.0, 0.0])
    assert found[0][1] is found[1][1] is found[1][2] is None and found[0][2].tolist() == [1.0, 0.0]
    assert capsys.readouterr().out.splitlines() == ["total 3.0 3", "total -2.0 -2"]


def test_a_model_with_a_call_method_of_python_saves_the_weights_of_its_layers(tf, tmp_path):
    class Net(tf.keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = tf.keras.layers.Dense(2)

        def __call__(self, x):
            return self.dense(x)

    one, other, x = Net(), Net(), tf.ones((1, 3))
    one(x), other(x)
    one.save_weights(tmp_path / "w.weights.h5")
    other.load_weights(tmp_path / "w.weights.h5")
    np.testing.assert_array_equal(one(x), other(x))


def test_a_block_may_give_a_variable_as_it_is(tf):
    x, v, w = tf.constant(1.0), tf.Variable(2.0), tf.Variable(2.0)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        if x > 0.0:
            result = v
        else:
            result = w**2
    assert float(tape.gradient(result, v)) == 1.0 and tape.gradient(result, [w, x]) == [None, None]
    whole = tf.constant(10)
    with tf.GradientTape() as tape:
        tape.watch(whole)
        y = whole * whole
    assert tape.gradient(y, whole) is None


@pytest.mark.parametrize("eagerly", (False, True))
def test_a_step_that_takes_a_shape_from_values_runs_line_by_line(tf, eagerly):
    class Nodes(tf.keras.Model):
        def __init__(self):
            super().__init__()
            self.dense, self.nodes, self.ids = tf.keras.layers.Dense(3), tf.ones((4, 2)), tf.constant([0, 1, 1, 2])

        def call(self, x):
            return tf.math.unsorted_segment_sum(self.dense(x), self.ids, tf.reduce_max(self.ids) + 1)

        def train_step(self, data):
            rows, labels = data
            with tf.GradientTape() as tape:
                loss = self.compiled_loss(labels, tf.gather(self(self.nodes), rows))
            gradients = tape.gradient(loss, self.trainable_weights)
            self.optimizer.apply_gradients(zip(gradients, self.trainable_weights))
            return {m.name: m.result() for m in self.metrics}

        def predict_step(self, rows):
            return tf.gather(self(self.nodes), rows)

    model = Nodes()
    model.compile("sgd", tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True), run_eagerly=eagerly)
    with contextlib.nullcontext() if eagerly else pytest.warns(UserWarning, match="looks at the values"):
        history = model.fit(np.array([0, 1, 2]), np.array([0, 1, 2]), epochs=2, verbose=0)
    assert model.run_eagerly and history.history["loss"][1] < history.history["loss"][0]
    assert model.predict(np.array([0, 2]), verbose=0).shape == (2, 3)


def test_known_numbers_stay_known_and_texts_stay_in_python(tf):
    @tf.function
    def padded(x):
        return tf.pad(x, tf.constant([[1, 0]]))

    @tf.function
    def twice(x):
        return x + x

    assert padded(tf.constant([2.0])).numpy().tolist() == [0.0, 2.0] and twice(tf.constant("a")).numpy() == b"aa"


def test_a_model_of_many_weights_is_differentiated_line_by_line(tf):
    layers = tf.keras.layers
    model = tf.keras.Sequential([layers.Input((4,)), *(layers.Dense(4) for _ in range(20))])
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(model(X[:, :4]) ** 2)
    assert len(tape.gradient(loss, model.trainable_weights)) == 40


def test_an_activation_is_taken_off_and_arrays_become_numpys_own(tf):
    dense = tf.keras.layers.Dense(2, activation="relu", kernel_initializer="ones")
    x = -np.ones((1, 3), "float32")
    assert dense(x).numpy().tolist() == [[0, 0]]
    dense.activation = None
    found = dense(x).numpy()
    found /= 3
    assert found.tolist() == [[-1, -1]]


def test_a_source_may_have_another_name_elsewhere(tf):
    def slope(values):
        x = tf.cast(values, tf.float32)  # the same array
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = x * x
        return tape.gradient(y, x)

    elsewhere = tf.constant(3.0)
    globals()["another_name"] = elsewhere
    assert float(slope(elsewhere)) == 6


def test_a_pause_and_lists_beside_variables_line_by_line(tf):
    w = tf.Variable([[2.0], [3.0]])
    with tf.GradientTape() as tape:
        y = tf.reduce_sum([[1.0, 2.0]] @ w)
        with tape.stop_recording():
            fixed = y * y
        z = y * fixed
    assert tape.gradient(z, w).tolist() == [[64.0], [128.0]]


@pytest.mark.parametrize("looks", (False, True))
def test_run_eagerly_runs_a_step_with_a_tape_as_python(tf, looks, capsys):
    """The step and the layers see numbers, each line once; losses, weights and the optimizer's state are those of `fit`."""

    class Net(tf.keras.Model):
        def __init__(self):
            super().__init__()
            layers = tf.keras.layers
            self.hidden, self.norm, self.drop = (
                layers.Dense(8, activation="tanh"),
                layers.BatchNormalization(),
                layers.Dropout(0.3),
            )
            self.out = layers.Dense(1)

        def call(self, x, training=False):
            return self.out(self.drop(self.norm(self.hidden(x), training=training), training=training))

        def train_step(self, data):
            x, y = data
            with tf.GradientTape() as tape:
                y_pred = self(x, training=True)
                loss = super().compute_loss(y=y, y_pred=y_pred)
                if looks and self.run_eagerly:
                    print("loss", loss.numpy(), type(x.numpy()).__name__)
            grads = tape.gradient(loss, self.trainable_variables)
            self.optimizer.apply_gradients(zip(grads, self.trainable_variables))
            if self.run_eagerly:
                print("rate", float(self.optimizer.learning_rate), grads[0].numpy().shape)
            for metric in self.metrics:
                metric.update_state(*((loss,) if metric.name == "loss" else (y, y_pred)))
            return {m.name: m.result() for m in self.metrics}

        def test_step(self, data):
            if self.run_eagerly:
                print("test", data[0].numpy().shape)
            return {"same": tf.reduce_mean(self(data[0], training=False))}

    def trained(**options):
        jkeras.utils.set_random_seed(0)
        model = Net()
        model.compile(tf.keras.optimizers.Adam(0.01), "mse", metrics=["mae"], **options)
        history = model.fit(X, Y[:, None] * 1.0, batch_size=32, epochs=2, verbose=0).history
        found = [*model.get_weights(), *(v.numpy() for v in model.optimizer.variables)]
        return model, history, found, model.evaluate(X, Y, verbose=0)

    _, wanted, weights, result = trained()
    assert capsys.readouterr().out == ""
    model, history, found, same = trained(run_eagerly=True)
    assert history.keys() == wanted.keys()
    for key in wanted:
        np.testing.assert_allclose(history[key], wanted[key], rtol=1e-5)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6), found, weights)
    np.testing.assert_allclose(same, result, rtol=1e-4)
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    step = [["loss", "ndarray"]] * looks + [["rate", "8)"]]
    assert [[line[0], line[-1]] for line in lines] == step * 4 + [["test", "5)"]] * 2
    model.run_eagerly = False  # and back
    model.fit(X, Y[:, None] * 1.0, batch_size=32, verbose=0)
    assert int(model.optimizer.iterations) == 6 and capsys.readouterr().out == ""


def test_run_eagerly_says_where_a_step_is_traced_all_the_same(tf):
    from jkeras.state.tape import GradientTape

    class Net(jkeras.Sequential):
        def train_step(self, data):
            before = float(self.weights[0].value[0, 0]) if not isinstance(data[0], jax.core.Tracer) else None
            seen.append(before)
            with GradientTape() as tape:
                loss = tf.reduce_mean((self(data[0]) - data[1]) ** 2)
            self.optimizer.apply_gradients(zip(tape.gradient(loss, self.trainable_variables), self.trainable_variables))
            return {"loss": loss}

    seen = []
    model = Net([jkeras.layers.Input((5,)), jkeras.layers.Dense(1)])
    model.compile("sgd", run_eagerly=True)
    with pytest.warns(UserWarning, match="Net.train_step is traced"), pytest.raises(jax.errors.ConcretizationTypeError):
        model.fit(X, X[:, :1], verbose=0)
    assert len(seen) == 1

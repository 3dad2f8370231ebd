"""Users' metrics that draw random numbers: inside the step they draw new ones for each batch, from the run's seed."""

import numpy as np
import pytest

import jkeras
from jkeras import Sequential, layers, metrics, ops, random

X = np.random.default_rng(0).normal(size=(12, 3)).astype("float32")
Y = X.sum(1, keepdims=True)


class Drawing(metrics.Metric):
    """The sum of squares of what was drawn, and how often: two equal draws would show."""

    def __init__(self, name="drawn", **kwargs):
        super().__init__(name=name, **kwargs)
        self.seed_generator = random.SeedGenerator(7)
        self.total = self.add_variable((), "zeros", name="total")
        self.count = self.add_variable((), "zeros", name="count")

    def draw(self):
        return random.uniform((), seed=self.seed_generator)

    def update_state(self, y_true, y_pred, sample_weight=None):
        self.total.assign_add(self.draw())
        self.count.assign_add(1.0)

    def result(self):
        return self.total / self.count


class Unseeded(Drawing):
    def draw(self):
        return random.uniform(())


class ByALayer(Drawing):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.dropout = layers.Dropout(0.5)

    def draw(self):
        return ops.mean(self.dropout(np.ones(64, "float32"), training=True))


class Wrapped(metrics.MeanMetricWrapper):
    def __init__(self, name="drawn"):
        generator = random.SeedGenerator(3)
        super().__init__(lambda y, p: random.uniform((len(p),), seed=generator), name=name)


class InTheResult(Drawing):
    """A bootstrap, say: what is accumulated is drawn from when the result is asked for."""

    def update_state(self, y_true, y_pred, sample_weight=None):
        self.count.assign_add(1.0)

    def result(self):
        return self.draw() + 0 * self.count


def drawn(make, epochs=3, **compile_arguments):
    jkeras.utils.set_random_seed(1)
    model = Sequential([layers.Input((3,)), layers.Dense(1)])
    model.compile("sgd", "mse", metrics=make(), **compile_arguments)
    return model, model.fit(X, Y, batch_size=4, epochs=epochs, verbose=0).history


@pytest.mark.few(2)
@pytest.mark.parametrize("kind", (Drawing, Unseeded, ByALayer, Wrapped))
def test_each_step_draws_anew_and_a_seed_repeats_the_run(kind):
    model, history = drawn(lambda: [kind(name="drawn")])
    assert len(set(history["drawn"])) == 3
    assert drawn(lambda: [kind(name="drawn")], steps_per_execution=3)[1]["drawn"] == history["drawn"]
    found = [model.evaluate(X, Y, batch_size=4, verbose=0)[1], model.test_on_batch(X, Y)[1], model.train_on_batch(X, Y)[1]]
    assert len(set(found)) == 3
    assert np.isfinite(found).all()


def test_an_eager_run_draws_what_a_compiled_one_draws():
    eager, compiled = (drawn(lambda: [Drawing()], 1, run_eagerly=eagerly)[1]["drawn"] for eagerly in (True, False))
    assert eager == pytest.approx(compiled)


def test_two_metrics_with_one_seed_draw_different_numbers():
    _, history = drawn(lambda: [Drawing(name="first"), Drawing(name="second")])
    assert history["first"] != history["second"]


def test_a_result_may_draw():
    _, history = drawn(lambda: [InTheResult()])
    assert history["drawn"][0] == history["drawn"][1]
    assert 0 < history["drawn"][0] < 1

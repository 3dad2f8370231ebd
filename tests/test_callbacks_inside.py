"""NaNLocator and LayerStatistics: they report what really happened inside a training run.

Where it makes no difference, the models run operation by operation to save compilation.
"""

from __future__ import annotations

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jkeras
from jkeras import layers, ops
from jkeras.callbacks import Callback, CallbackList, LayerStatistics, NaNLocator
from jkeras.training.inspection.intercepts import layers_intercepted

_rng = np.random.default_rng(0)
X = np.abs(_rng.normal(size=(24, 3))).astype("float32") + 0.1
Y = X[:, :1]


def compiled(*stack, optimizer="sgd", **options):
    model = jkeras.Sequential([layers.Input((3,)), *stack])
    model.compile(optimizer, "mse", **options)
    return model


def locate(model, x=X, y=Y, callbacks=(), **options):
    locator = NaNLocator()
    options = {"batch_size": 4, "epochs": 2, "shuffle": False, "verbose": 0, **options}
    model.fit(x, y, callbacks=[*callbacks, locator], **options)
    return locator.found


def root():
    return layers.Lambda(ops.sqrt, name="root")


def with_row(row, value):
    x = X.copy()
    x[row, 1] = value
    return x


def forward():
    return locate(compiled(root(), layers.Dense(1)), with_row(14, -1.0))


def forward_in_a_nested_model():
    inner = jkeras.Sequential([layers.Input((3,)), root()], name="inner")
    return locate(compiled(inner, layers.Dense(1), run_eagerly=True), with_row(14, -1.0))


def forward_in_a_class():
    class Net(jkeras.Model):
        def __init__(self):
            super().__init__()
            self.root, self.out = root(), layers.Dense(1)

        def call(self, x):
            return self.out(self.root(x))

    (model := Net()).compile("sgd", "mse", run_eagerly=True)
    return locate(model, with_row(14, -1.0))


def forward_in_a_step_of_its_own():
    class Net(jkeras.Sequential):
        def train_step(self, state, batch):
            return super().train_step(state, batch)

    model = Net([layers.Input((3,)), root(), layers.Dense(1)])
    model.compile("sgd", "mse", run_eagerly=True)
    return locate(model, with_row(14, -1.0))


def input_itself():
    return locate(compiled(layers.Dense(1, name="out"), run_eagerly=True), with_row(14, np.nan))


def array_operations():
    x = layers.Input((3,))
    model = jkeras.Model(x, layers.Dense(1, name="out")(ops.log(x)))
    model.compile("sgd", "mse")
    return locate(model, with_row(14, -1.0))


def target():
    y = Y.copy()
    y[14] = np.inf
    return locate(compiled(layers.Dense(1), run_eagerly=True), y=y)


def gradient():
    """The root of 0 is 0; its derivative is not finite."""
    x = X.copy()
    x[14] = 0
    dense = layers.Dense(1, use_bias=False, kernel_initializer="ones")
    return locate(compiled(dense, root(), optimizer=jkeras.optimizers.SGD(1e-6)), x)


def update():
    return locate(compiled(layers.Dense(1), optimizer=jkeras.optimizers.SGD(3e38), run_eagerly=True), X * 1e3)


def weights_before():
    class Break(Callback):
        def on_epoch_begin(self, epoch, logs=None):
            self.model.layers[0].bias.assign([np.nan] * epoch or [0.0])

    return locate(compiled(layers.Dense(1, name="out"), run_eagerly=True), callbacks=[Break()])


FOUND = [
    (forward, 0, 3, "root", (2,), r"1 of 12 values are not finite in the output of layer 'root'$"),
    (forward_in_a_nested_model, 0, 3, "inner/root", (2,), "output of layer 'inner/root'"),
    (forward_in_a_class, 0, 3, "root", (2,), "output of layer 'root'"),
    (forward_in_a_step_of_its_own, 0, 3, "root", (2,), "output of layer 'root'"),
    (input_itself, 0, 3, "out", (2,), "in the input of layer 'out'; x itself holds such values"),
    (array_operations, 0, 3, "out", (2,), "input of layer 'out', which array operations before it made"),
    (target, 0, 3, None, (2,), "the loss is inf, though the outputs of all layers are finite; y itself holds"),
    (gradient, 0, 3, "root", (), "the gradient that layer 'root' hands back to its input is not finite"),
    (update, 0, 0, None, (), "gradients are finite, but the optimizer's step"),
    (weights_before, 1, 0, None, (), r"the weights were not finite before this batch: out/bias"),
]


@pytest.mark.few(4)
@pytest.mark.parametrize("case, epoch, batch, layer, rows, text", FOUND, ids=[c[0].__name__ for c in FOUND])
def test_the_first_bad_place_is_named(case, epoch, batch, layer, rows, text, capsys):
    found = case()
    assert (found.epoch, found.batch, found.layer, found.rows) == (epoch, batch, layer, rows)
    assert re.search(text, found.what), found.what
    assert found.data_rows == (tuple(4 * batch + row for row in rows) if rows else None)
    assert capsys.readouterr().out.startswith(f"NaNLocator: epoch {epoch + 1}, batch {batch}: ")


def test_rows_of_shuffled_data_and_weights_from_before_the_batch():
    """Seen from outside: a second run of the same seed that stops ahead of the bad batch."""
    x = with_row(17, -1.0)

    def run(*callbacks):
        jkeras.utils.set_random_seed(6)
        model = compiled(root(), layers.Dropout(0.5), layers.Dense(1))
        model.fit(x, Y, batch_size=4, epochs=2, verbose=0, callbacks=list(callbacks))
        return model

    locator = NaNLocator()
    model = run(locator)
    steps = locator.found.epoch * 6 + locator.found.batch
    assert locator.found.data_rows == (17,) and steps > 0

    class Stop(Callback):
        def on_train_batch_end(self, batch, logs=None):
            self.model.stop_training = self.model.optimizer.iterations == steps

    other = run(Stop())
    for ours, theirs in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=1e-7)
    assert int(model.optimizer.iterations) == steps
    assert np.isfinite(model.fit(X, Y, verbose=0).history["loss"]).all()


def test_it_may_raise_and_leave_the_weights():
    locator = NaNLocator(restore_weights=False, raise_error=True)
    model = compiled(root(), layers.Dense(1), run_eagerly=True)
    with pytest.raises(FloatingPointError, match="output of layer 'root'"):
        model.fit(with_row(3, -1.0), Y, verbose=0, callbacks=[locator])
    assert not np.isfinite(model.get_weights()[0]).all()


def test_a_sound_training_is_left_alone_and_goes_in_chunks():
    assert not CallbackList([NaNLocator()]).has_train_batch_hooks
    results = []
    for callbacks in ([], [NaNLocator()]):
        jkeras.utils.set_random_seed(1)
        model = compiled(layers.Dropout(0.5), layers.Dense(1))
        results.append(model.fit(X, Y, batch_size=4, epochs=3, verbose=0, callbacks=callbacks).history["loss"])
    np.testing.assert_allclose(results[0], results[1], rtol=1e-6)


def test_outside_of_a_run_it_says_so():
    with pytest.raises(RuntimeError, match="callbacks of a running fit"):
        compiled(layers.Dense(1)).current_batch()

    class Asks(Callback):
        def on_train_batch_end(self, batch, logs=None):
            self.model.find_nonfinite()

    with pytest.raises(RuntimeError, match="replays = True"):
        compiled(layers.Dense(1), run_eagerly=True).fit(X, Y, verbose=0, callbacks=[Asks()])


def test_taps_see_masks_pass_and_leave_no_trace():
    stack = [layers.Masking(name="mask"), layers.SimpleRNN(2, name="rnn"), layers.BatchNormalization(name="norm")]
    model = jkeras.Sequential([layers.Input((4, 3)), *stack])
    x = np.concatenate([X.reshape(6, 4, 3)[:, :2], np.zeros((6, 2, 3), "float32")], axis=1)
    params, state = model.params_and_state()
    plain, _ = model.apply(params, state, x, training=True)
    seen = []

    def moved(name, side, tree):
        seen.append((name, side))
        return jax.tree.map(lambda a: a + 0, tree)

    with layers_intercepted(model, moved):
        outputs, _ = model.apply(params, state, x, training=True)
    np.testing.assert_allclose(outputs, plain, rtol=1e-6)
    assert seen == [(name, side) for name in ("mask", "rnn", "norm") for side in ("input", "output")]
    assert not any({"call", "forward"} & set(layer.__dict__) for layer in model.layers)


def test_statistics_are_those_of_the_layers():
    model = compiled(layers.Dense(5, activation="relu", name="a"), layers.Dense(1, name="b"))
    model.layers[0].bias.assign([-100.0, 0.0, 0.0, 0.0, 0.0])  # one unit is dead
    statistics = LayerStatistics((X[:8], Y[:8]))
    history = model.fit(X, Y, epochs=2, batch_size=8, verbose=0, callbacks=[statistics]).history
    hidden = np.maximum(X[:8] @ model.layers[0].kernel.numpy() + model.layers[0].bias.numpy(), 0)
    last = {name: values[-1] for name, values in history.items()}
    expected = {
        "mean": hidden.mean(), "std": hidden.std(), "norm": np.linalg.norm(hidden), "zero": (hidden == 0).mean(),
        "dead": (hidden == 0).all(axis=0).mean(),
    }  # fmt: skip
    for name, value in expected.items():
        np.testing.assert_allclose(last[f"activations/a/{name}"], value, rtol=1e-5, err_msg=name)
    assert last["activations/a/dead"] >= 0.2
    params, state = model.params_and_state()

    def loss(params):
        return jnp.mean((model.apply(params, state, X[:8], training=True)[0] - Y[:8]) ** 2)

    gradient = np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(jax.grad(loss)(params)["a"])])
    found = [last[f"gradients/a/{name}"] for name in ("mean", "std", "norm", "zero")]
    wanted = [gradient.mean(), gradient.std(), np.linalg.norm(gradient), (gradient == 0).mean()]
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-7)
    assert [epoch for epoch, _ in statistics.history] == [0, 1] and len(history["loss"]) == 2


def test_statistics_hold_a_batch_of_the_training_and_select():
    model = compiled(layers.Dense(5, name="a"), layers.Dense(1, name="b"))
    statistics = LayerStatistics(gradients=False, statistics=["mean"], layers=["b"], freq=2)
    history = model.fit(X, Y, batch_size=8, epochs=4, shuffle=False, verbose=0, callbacks=[statistics]).history
    assert sorted(history) == ["activations/b/mean", "loss"] and len(history["activations/b/mean"]) == 2
    np.testing.assert_allclose(history["activations/b/mean"][-1], model.predict(X[16:], verbose=0).mean(), rtol=1e-5)
    for wrong, error, text in (
        ({"statistics": ["men"]}, ValueError, "'men'.*mean"),
        ({"batch": X}, TypeError, "takes one batch"),
        ({"freq": 0}, ValueError, "freq"),
    ):
        with pytest.raises(error, match=text):
            LayerStatistics(**wrong)
    with pytest.raises(ValueError, match="'c'"):
        model.fit(X, Y, verbose=0, callbacks=[LayerStatistics(layers=["c"])])

"""Keras 2 arguments: they work, are accepted if they have no effect, or are refused with what to write instead."""

import gc
import pickle

import numpy as np
import pytest

import jkeras
from jkeras import callbacks, layers, losses, optimizers
from jkeras.callbacks import LambdaCallback

X = np.arange(24, dtype="float32").reshape(6, 4) / 24
Y = np.array([0.0, 1, 0, 1, 0, 1])


def network(shape=(4,), loss="mse", rate=0.0, **kwargs):
    model = jkeras.Sequential([jkeras.Input(shape), layers.Dense(1, kernel_initializer="ones")])
    model.compile(optimizers.SGD(rate), loss, **kwargs)
    return model


def two_outputs(**kwargs):
    x = jkeras.Input((4,))
    model = jkeras.Model(x, [layers.Dense(1, name=name, kernel_initializer="ones")(x) for name in "ab"])
    model.compile(optimizers.SGD(0.0), "mse", **kwargs)
    return model


ACCEPTED = {
    "sample_weight_mode": lambda: network(sample_weight_mode="temporal"),
    "sample_weight_mode in a dict": lambda: network(sample_weight_mode={"dense": "temporal", "other": None}),
    "sample_weight_mode in a list": lambda: network(sample_weight_mode=["temporal", None]),
    "target_tensors": lambda: network(target_tensors=None),
    "run_tf_function": lambda: network(experimental_run_tf_function=False),
    "distribute": lambda: network(distribute=None, cloning=None, pss_evaluation_shards=0),
    "steps_per_execution": lambda: network(steps_per_execution=None),
    "dynamic": lambda: layers.Dense(1, dynamic=False),
    "implementation": lambda: layers.Dense(1, implementation=1),
    "time_major": lambda: layers.LSTM(2, time_major=False),
    "time_major of RNN": lambda: layers.RNN(layers.LSTMCell(2), time_major=False),
    "input_length": lambda: layers.GRU(2, input_length=3, input_dim=4),
    "fused": lambda: layers.BatchNormalization(fused=True, virtual_batch_size=None, adjustment=None),
    "sparse": lambda: layers.Embedding(3, 2, sparse=False),
    "softmax_robust_masking": lambda: layers.MultiHeadAttention(2, 2, softmax_robust_masking=True),
    "robust_masking": lambda: layers.Softmax(robust_masking=True),
    "causal": lambda: layers.Attention(causal=False),
    "rng_type": lambda: layers.RandomFlip(rng_type="stateful"),
    "force_generator": lambda: layers.Dropout(0.5, force_generator=True, rng_type="legacy_stateful"),
    "use_resource": lambda: layers.Dense(1).add_weight("w", (2,), use_resource=True, synchronization="auto"),
    "jit_compile": lambda: optimizers.Adam(1e-3, jit_compile=False, is_legacy_optimizer=False),
    "save_before_preemption": lambda: callbacks.BackupAndRestore("folder", save_before_preemption=False),
    "options": lambda: callbacks.ModelCheckpoint("a.h5", options=None, load_weights_on_restart=False),
    "count_mode": lambda: callbacks.ProgbarLogger("samples", stateful_metrics=["acc"]),
    "batch_size": lambda: callbacks.TensorBoard("logs", batch_size=32, write_grads=False, embeddings_layer_names=None),
    "no events": lambda: LambdaCallback(on_epoch_end=print, my_method=print, limit=3),
}


@pytest.mark.parametrize("argument", ACCEPTED)
def test_what_asks_for_nothing_is_accepted(argument):
    made = ACCEPTED[argument]()
    if hasattr(made, "get_config") and not isinstance(made, jkeras.Model):  # and does not appear in files that Keras 3 reads
        config = made.get_config()
        type(made).from_config(config)
        assert not {"dynamic", "time_major", "fused", "sparse", "causal", "jit_compile", "robust_masking", "rng_type"} & set(
            config
        )


REFUSED = {
    "sample_weight_mode": (lambda: network(sample_weight_mode="rows"), ValueError, "None or 'temporal'"),
    "target_tensors": (lambda: network(target_tensors=[X]), TypeError, "to fit as y"),
    "distribute": (lambda: network(distribute=object()), TypeError, "JAX's first device"),
    "of no Keras": (lambda: network(metric=["mae"]), TypeError, "Did you mean 'metrics'"),
    "dynamic": (lambda: layers.Dense(1, dynamic=True), TypeError, "run_eagerly=True"),
    "time_major": (lambda: layers.LSTM(2, time_major=True), TypeError, r"numpy\.swapaxes"),
    "causal": (lambda: layers.Attention(causal=True), TypeError, "use_causal_mask=True"),
    "of no layer": (lambda: layers.Dense(1, dynamic=False, use_bais=False), TypeError, "argument 'use_bais'"),
    "of no weight": (lambda: layers.Dense(1).add_weight("w", (2,), shap=3), TypeError, "Did you mean 'shape'"),
    "save_before_preemption": (lambda: callbacks.BackupAndRestore("f", save_before_preemption=True), TypeError, "save_freq=100"),
    "options": (lambda: callbacks.ModelCheckpoint("a.h5", options=object()), TypeError, "TensorFlow's file formats"),
    "on restart": (lambda: callbacks.ModelCheckpoint("a.h5", load_weights_on_restart=True), TypeError, "BackupAndRestore"),
    "write_grads": (lambda: callbacks.TensorBoard("logs", write_grads=True), TypeError, "LayerStatistics"),
    "of no callback": (lambda: callbacks.TensorBoard("logs", histogram=1), TypeError, "Did you mean 'histogram_freq'"),
    "of no event": (lambda: LambdaCallback(on_epoch_ended=print), TypeError, "Did you mean 'on_epoch_end'"),
    "show_accuracy": (lambda: network().fit(X, Y, show_accuracy=True), TypeError, r"metrics=\['accuracy'\]"),
    "positions": (lambda: network().train_on_batch(X, Y, None, None, False, True), TypeError, "positional"),
}  # fmt: skip


@pytest.mark.parametrize("argument", REFUSED)
def test_what_asks_for_something_else_is_refused(argument):
    call, kind, text = REFUSED[argument]
    with pytest.raises(kind, match=text):
        call()


def test_metrics_may_be_the_third_argument_of_compile():
    expected = two_outputs(metrics=["mae"], loss_weights=[1.0, 3.0]).evaluate(X, [Y, Y], verbose=0)
    for metrics in (["mae"], {"a": "mae", "b": ["mae"]}, [jkeras.metrics.mean_absolute_error]):
        model = two_outputs()
        model.compile("sgd", "mse", metrics, [1.0, 3.0])
        found = model.evaluate(X, [Y, Y], verbose=0)
        assert found == pytest.approx(expected, rel=1e-6) and len(found) == 5
    assert two_outputs(loss_weights={"a": 2.0}).evaluate(X, [Y, Y], verbose=0)[0] == pytest.approx(3 * expected[1], rel=1e-6)


@pytest.mark.parametrize("mode", ["temporal", None])
def test_weights_of_steps_are_taken_by_their_shape(mode):
    """Golden values: tf_keras with sample_weight_mode="temporal"."""
    model = network((2, 4), sample_weight_mode=mode)
    x, y = X.reshape(3, 2, 4), Y.reshape(3, 2, 1)
    assert model.evaluate(x, y, sample_weight=np.arange(6.0).reshape(3, 2), verbose=0) == pytest.approx(12.8507, rel=1e-5)
    assert model.evaluate(x, y, sample_weight=np.arange(3.0), verbose=0) == pytest.approx(5.7384, rel=1e-4)


# One of two outputs has weights; golden values: tf_keras, where `sample_weight={"a": ...}` leaves the other output alone.
PLAIN, WEIGHTED = 3.2199, 12.8507
WAYS = {
    "fit": lambda m, w: m.fit(X, [Y, Y], sample_weight=w, batch_size=6, verbose=0).history,
    "targets in a dict": lambda m, w: m.fit(X, {"a": Y, "b": Y}, sample_weight=w, batch_size=6, verbose=0).history,
    "validation": lambda m, w: {
        k[4:]: v for k, v in m.fit(X, [Y, Y], validation_data=(X, [Y, Y], w), verbose=0).history.items() if k[:4] == "val_"
    },
    "evaluate": lambda m, w: m.evaluate(X, [Y, Y], sample_weight=w, verbose=0, return_dict=True),
    "train_on_batch": lambda m, w: m.train_on_batch(X, [Y, Y], sample_weight=w, return_dict=True),
    "test_on_batch": lambda m, w: m.test_on_batch(X, [Y, Y], sample_weight=w, return_dict=True),
    "generator": lambda m, w: m.fit(iter([(X, [Y, Y], w)]), verbose=0).history,
    "evaluated generator": lambda m, w: m.evaluate(iter([(X, [Y, Y], w)]), verbose=0, return_dict=True),
}


@pytest.mark.few(8)
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("weighted", [{"a": np.arange(6.0)}, {"a": np.arange(6.0), "b": None}, [np.arange(6.0), None]])
def test_a_sample_weight_for_one_of_two_outputs(way, weighted):
    if way == "targets in a dict" and isinstance(weighted, list):
        weighted = {"a": weighted[0]}
    found = {name: np.ravel(value)[0] for name, value in WAYS[way](two_outputs(), weighted).items()}
    expected = {"loss": PLAIN + WEIGHTED, "a_loss": WEIGHTED, "b_loss": PLAIN}
    assert found == pytest.approx(expected, rel=1e-4)


def test_weighted_metrics_take_the_weights_of_their_own_output():
    found = two_outputs(weighted_metrics={"a": "mae", "b": "mae"}).evaluate(
        X, [Y, Y], sample_weight={"a": np.arange(6.0)}, verbose=0
    )
    assert found[3:] == pytest.approx([2.1056, 1.4444], rel=1e-4)  # tf_keras
    with pytest.raises(ValueError, match="Unknown output in sample_weight: 'c'"):
        two_outputs().evaluate(X, [Y, Y], sample_weight={"c": np.arange(6.0)}, verbose=0)


@pytest.mark.few(3)
@pytest.mark.parametrize("targets", [[Y, Y], {"a": Y, "b": Y}])
@pytest.mark.parametrize(
    "given", [{"a": {0: 1.0, 1: 5.0}}, {"a": {"0": 1, "1": 5}, "b": {1: 1}}, [{np.int64(1): np.float32(5)}, None]]
)
def test_class_weights_by_output(given, targets):
    """The weighted output's loss: mean of w * (prediction - y)^2."""
    expected = np.mean(np.where(Y == 1, 5, 1) * (X.sum(1) - Y) ** 2)
    history = two_outputs().fit(X, targets, class_weight=given, batch_size=6, verbose=0).history
    assert [history["a_loss"][0], history["b_loss"][0]] == pytest.approx([expected, PLAIN], rel=1e-4)
    found = two_outputs().train_on_batch(X, targets, class_weight=given)
    assert found[1:] == pytest.approx([expected, PLAIN], rel=1e-4)


def test_the_metrics_of_single_batches_are_those_of_the_batch_unless_asked_to_go_on():
    """As in Keras 2 and Keras 3.15.1; the mean where `reset_metrics=False` goes on from the call before."""
    model = network(rate=0.01, metrics=["mae"])
    batches = [(X[:2], Y[:2]), (X[2:4], Y[2:4]), (X[4:], Y[4:])]
    for x, y in batches:
        before = model.evaluate(x, y, verbose=0)
        assert model.train_on_batch(x, y) == pytest.approx(before, rel=1e-5)
    model = network(metrics=["mae"])
    each = np.array([model.test_on_batch(x, y) for x, y in batches])
    assert model.test_on_batch(*batches[0], reset_metrics=False) == pytest.approx(each[[2, 0]].mean(0), rel=1e-5)
    model.reset_metrics()
    running = [model.train_on_batch(*batches[0], reset_metrics=False), model.test_on_batch(*batches[1], reset_metrics=False)]
    running.append(model.train_on_batch(*batches[2], reset_metrics=False))
    for i, found in enumerate(running):
        assert found == pytest.approx(each[: i + 1].mean(0), rel=1e-5)
    assert model.test_on_batch(*batches[1]) == pytest.approx(each[1], rel=1e-5)


def test_reductions_by_the_names_of_keras_2():
    names = ("AUTO", "SUM_OVER_BATCH_SIZE", "SUM", "NONE")
    kinds = [losses.MeanSquaredError(reduction=getattr(losses.Reduction, name)) for name in names]
    values = [loss([[0.0], [0.0]], [[1.0], [3.0]]) for loss in kinds]
    assert [np.asarray(v).tolist() for v in values] == [5.0, 5.0, 10.0, [1.0, 9.0]]


# callbacks ---------------------------------------------------------------------------------------------------------------


def test_a_callback_may_name_its_arguments_as_it_likes():
    heard = []

    class Old(callbacks.Callback):
        def on_batch_begin(self, b, information=None):
            heard.append(b)

        def on_train_batch_end(self, b, results):
            heard.append(sorted(results))

        def on_epoch_end(self, number, results):
            heard.append(number)

    network().fit(X, Y, batch_size=3, callbacks=[Old()], verbose=0)
    assert heard == [0, ["loss"], 1, ["loss"], 0]


def test_what_keras_2_told_callbacks_besides(quick_collector):
    seen = {}

    class Old(callbacks.Callback):
        def on_train_begin(self, logs=None):
            seen.update({name: self.params[name] for name in ("samples", "batch_size", "metrics", "do_validation", "nb_epoch")})

        def on_epoch_end(self, epoch, logs=None):
            x, y, weights = self.validation_data
            seen["val"] = float(np.mean(weights * (self.model.predict(x, verbose=0)[:, 0] - y) ** 2)), logs["val_loss"]

    model, old = network(metrics=["mae"]), Old()
    history = model.fit(X, Y, batch_size=4, validation_split=0.5, epochs=2, callbacks=[old], verbose=0)
    assert seen.pop("val")[0] == pytest.approx(model.evaluate(X[3:], Y[3:], verbose=0)[0], rel=1e-5)
    expected = {"samples": 3, "batch_size": 4, "metrics": ["loss", "mae", "val_loss", "val_mae"], "do_validation": True}
    assert seen == {**expected, "nb_epoch": 2}
    assert history.params == {"verbose": 0, "epochs": 2, "steps": 1} and type(pickle.loads(pickle.dumps(history.params))) is dict
    gc.collect()
    assert old.validation_data is None, "the data go when the run is over"

    class Own(callbacks.Callback):
        def __init__(self, validation_data):
            self.validation_data = validation_data

    own = Own((X, Y))
    model.fit(X, Y, validation_split=0.5, callbacks=[own], verbose=0)
    assert own.validation_data[0] is X


@pytest.mark.parametrize(
    "kind",
    [callbacks.EarlyStopping, callbacks.ReduceLROnPlateau, lambda m, mode: callbacks.ModelCheckpoint("a.h5", m, mode=mode)],
)
def test_monitor_op_says_what_is_better(kind):
    assert kind("loss", mode="auto").monitor_op is np.less and kind("val_acc", mode="auto").monitor_op is np.greater
    assert kind("x", mode="min").monitor_op(1, 2) and kind("x", mode="max").monitor_op(2, 1)


def stops_at(stop, values):
    """The epoch after which a course of `v` ends, and the best one."""
    stop.set_model(type("Model", (), {"stop_training": False, "metrics": ()})())
    stop.on_train_begin()
    for epoch, value in enumerate(values):
        stop.on_epoch_end(epoch, {"v": value})
        if stop.model.stop_training:
            break
    return epoch, stop.best_epoch


# Golden values: tf_keras. Keras 3.15.1 treats a NaN in the first epoch as the best possible value, and stops at epoch 2.
COURSES = {
    "too small steps": ([1.0, 0.99, 0.98, 0.97], (2, 0)),
    "worse at first": ([1, 2, 3, 0.5], (2, 0)),
    "NaN at first": ([float("nan"), 1, 0.5, 0.6, 0.7, 0.8], (4, 2)),
    "NaN within": ([1, float("nan"), 0.5, float("nan"), float("nan")], (4, 2)),
}


@pytest.mark.parametrize("course", COURSES)
def test_early_stopping(course):
    values, expected = COURSES[course]
    assert stops_at(callbacks.EarlyStopping("v", min_delta=0.05, patience=2, mode="min"), values) == expected
    assert stops_at(callbacks.EarlyStopping("v", min_delta=0.05, patience=2, mode="max"), [-v for v in values]) == expected


def test_a_subclass_of_early_stopping_written_for_keras_2():
    class Own(callbacks.EarlyStopping):
        def on_epoch_end(self, epoch, logs=None):
            current = self.get_monitor_value(logs)
            best = np.inf if self.best is None else self.best
            if self.monitor_op(current - self.min_delta, best):
                self.best, self.best_epoch, self.wait = current, epoch, 0
            else:
                self.wait += 1
                self.model.stop_training = self.wait >= self.patience

    values, expected = COURSES["too small steps"]
    assert stops_at(Own("v", min_delta=0.05, patience=2, mode="min"), values) == expected

    class Sum(callbacks.EarlyStopping):
        def __init__(self):
            super().__init__("v", patience=1)
            self.monitor_op = np.greater

        def get_monitor_value(self, logs):
            return logs["v"] + 1

    assert stops_at(Sum(), [1.0, 2.0, 3.0, 2.5]) == (3, 2)

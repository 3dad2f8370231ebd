"""Names of Keras that packages ask for beyond its documented ones, each as a package uses it."""

import inspect

import h5py
import numpy as np
import pytest

import jkeras
from jkeras import Input, Model, Sequential, callbacks, layers


def test_a_model_lists_its_layers_and_their_parents():
    x = Input((4,))
    a, b = layers.Dense(2), layers.Dense(3)
    joined = layers.Concatenate()
    model = Model(x, joined([a(x), b(x)]))
    assert model._layers == model.layers and model._layers[0] is x._keras_history.operation
    assert [node.operation for node in joined._inbound_nodes[0].parent_nodes] == [a, b]
    assert model.output._keras_history == (joined, 0, 0)
    chain = Sequential([Input((4,)), layers.Dense(1)])
    assert [type(layer).__name__ for layer in chain._layers] == ["InputLayer", "Dense"] and len(chain.layers) == 1


def test_a_class_may_have_an_attribute_of_that_name():
    class Stack(layers.Layer):
        def __init__(self):
            super().__init__()
            self._layers = [layers.Dense(2), layers.Dense(3)]

        def call(self, x):
            for layer in self._layers:
                x = layer(x)
            return x

    stack = Stack()
    assert stack(np.ones((1, 4))).shape == (1, 3) and len(stack.weights) == 4 and len(stack._layers) == 2


def test_a_node_index_counts_calls():
    shared = layers.Dense(2)
    first, second = shared(Input((3,))), shared(Input((3,)))
    assert (first._keras_history.node_index, second._keras_history.node_index) == (0, 1)
    assert jkeras.KerasTensor((None, 3))._keras_history == (None, 0, 0)


@pytest.mark.parametrize("save_freq, files", [(2, ["1-2", "1-4", "2-2", "2-4"]), ("epoch", [])])
def test_a_checkpoint_may_be_extended_by_keras_method_names(tmp_path, save_freq, files):
    class Noting(callbacks.ModelCheckpoint):
        noted = ()

        def on_train_batch_end(self, batch, logs=None):
            if self._should_save_on_batch(batch):
                self._save_model(epoch=self._current_epoch, batch=batch, logs=logs)
                self.noted = (*self.noted, self._get_file_path(epoch=self._current_epoch, batch=batch, logs=logs))

    name = "{epoch}-{batch}.keras" if save_freq != "epoch" else "{epoch}.keras"
    noting = Noting(f"{tmp_path}/{name}", save_freq=save_freq)
    model = Sequential([layers.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(np.ones((8, 3)), np.ones((8, 1)), batch_size=2, epochs=2, verbose=0, callbacks=[noting])
    assert list(noting.noted) == [f"{tmp_path}/{file}.keras" for file in files]
    assert sorted(path.stem for path in tmp_path.iterdir()) == (files or ["1", "2"])


def test_a_callback_that_gets_its_methods_late_hears_of_batches():
    class Late:
        batches = ()

        def on_epoch_begin(self, epoch, logs=None):
            self.on_train_batch_end = lambda batch, logs=None: setattr(self, "batches", (*self.batches, batch))

        def on_train_batch_end(self, batch, logs=None):
            raise AssertionError("replaced at the start of the epoch")

        @staticmethod
        def _implements_train_batch_hooks():
            return True

    late = Late()
    model = Sequential([layers.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(np.ones((6, 3)), np.ones((6, 1)), batch_size=2, verbose=0, callbacks=[late])
    assert late.batches == (0, 1, 2)


def test_an_open_hdf5_file_is_read(tmp_path):
    model = Sequential([Input((3,)), layers.Dense(2)])
    model.save(tmp_path / "model.h5")
    with h5py.File(tmp_path / "model.h5") as file:
        again = jkeras.models.load_model(file)
        assert file.keys()
    np.testing.assert_array_equal(again.get_weights()[0], model.get_weights()[0])


def holding(library):
    class Holding(library.layers.Layer):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.largest = library.metrics.Mean(name="largest")

        def build(self, input_shape):
            self.head = self._tracker.track(library.layers.Dense(2))
            self.heads = {"all": {"first": self._tracker.track(library.layers.Dense(3))}}
            for head in (self.head, self.heads["all"]["first"]):
                head.build(input_shape)
            self._metrics.append(library.metrics.Mean(name="smallest"))
            self.built = True

    layer = Holding()
    layer.build((None, 4))
    return layer


def test_a_layer_holds_what_its_tracker_and_its_list_of_metrics_are_given():
    mine, theirs = (holding(library) for library in (jkeras, pytest.importorskip("keras")))
    for layer in (mine, theirs):
        assert [weight.shape for weight in layer.weights] == [(4, 2), (2,), (4, 3), (3,)]
        assert [metric.name for metric in layer.metrics] == [metric.name for metric in layer._metrics] == ["largest", "smallest"]
    assert len(mine.metrics_variables) == len(theirs.metrics_variables)
    mine._tracker.untrack(mine.heads["all"].pop("first"))
    assert len(mine.weights) == 2 and mine._tracker.track("text") == "text"


def test_reading_the_list_of_metrics_changes_nothing():
    layer = layers.Dense(1)
    layer.largest = jkeras.metrics.Mean(name="largest")
    before = dict(vars(layer))
    assert [metric.name for metric in layer._metrics] == ["largest"] and vars(layer) == before
    layer.largest = jkeras.metrics.Mean(name="new")
    added = jkeras.metrics.Mean(name="added")
    layer._metrics.extend([added])
    assert [metric.name for metric in layer.metrics] == [metric.name for metric in layer._metrics] == ["new", "added"]
    assert jkeras.tree.map_structure(lambda metric: metric.name, layer._metrics) == ["new", "added"]
    assert len(layer.metrics_variables) == 4
    layer._metrics.remove(added)
    assert layer.metrics == [layer.largest]
    with pytest.raises(ValueError, match=r"(?s)in an attribute.*del layer"):
        layer._metrics.remove(layer.largest)
    with pytest.raises(ValueError, match="not in list"):
        layer._metrics.remove(added)


def test_a_model_can_be_looked_at_before_it_is_trained():
    model = Sequential([Input((3,)), layers.Dense(1)])
    assert dict(inspect.getmembers(model))["_loss_tracker"] is None
    model.compile("sgd", "mse")
    model.fit(np.ones((2, 3)), np.ones((2, 1)), verbose=0)
    assert model._loss_tracker.name == "loss"


def test_metrics_may_be_given_to_a_layer_as_a_list():
    layer = layers.Dense(1)
    assert layer._metrics == []
    layer._metrics = [jkeras.metrics.Mean(name="given")]
    assert [metric.name for metric in layer.metrics] == ["given"]

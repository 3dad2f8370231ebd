"""Data: every way to pass it gives the same batches, cast as in Keras; the order is a function of (seed, epoch)."""

import itertools
import os
import warnings

os.environ.setdefault("KERAS_BACKEND", "jax")

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras.src.trainers.data_adapters import array_slicing, data_adapter_utils
from keras.src.trainers.epoch_iterator import EpochIterator

from jkeras.data import (
    PyDataset,
    as_source,
    class_weights,
    pack_x_y_sample_weight,
    train_validation_split,
    unpack_x_y_sample_weight,
)
from jkeras.data.stream_stacker import StreamStacker
from jkeras.data.workers import ordered_items

X = np.arange(20, dtype=np.float64).reshape(10, 2)
Y = np.arange(10)


def values(source, epoch=0, seed=0, start=0):
    """The batches with plain lists for arrays, for comparison."""
    return [jax.tree_util.tree_map(lambda a: np.asarray(a).tolist(), b) for b in source.batches(epoch, seed, start)]


class Indexed(PyDataset):
    def __init__(self, count=5, **options):
        super().__init__(**options)
        self.count, self.events = count, []

    def __len__(self):
        return self.count

    def __getitem__(self, i):
        return X[2 * i : 2 * i + 2], Y[2 * i : 2 * i + 2]

    def on_epoch_begin(self):
        self.events.append("begin")

    def on_epoch_end(self):
        self.events.append("end")


class KerasDataset(keras.utils.PyDataset):
    __len__ = lambda self: 5  # noqa: E731
    __getitem__ = Indexed.__getitem__


class Reiterable:
    def __init__(self, count=5):
        self.count, self.started = count, 0

    def __iter__(self):
        self.started += 1
        return (Indexed()[i] for i in range(self.count))


def pairs():
    return (Indexed()[i] for i in range(5))


ALIKE = {
    "numpy": lambda: as_source(X, Y, batch_size=2),
    "jax": lambda: as_source(jnp.asarray(X), jnp.asarray(Y), batch_size=2),
    "lists": lambda: as_source(X.tolist(), Y.tolist(), batch_size=2),
    "pandas": lambda: as_source(pd.DataFrame(X), pd.Series(Y), batch_size=2),
    "steps": lambda: as_source(X, Y, steps=5),
    "generator": lambda: as_source(pairs()),
    "iterator": lambda: as_source(iter(list(pairs()))),
    "iterable": lambda: as_source(Reiterable()),
    "indexed": lambda: as_source(Indexed()),
    "threads": lambda: as_source(Indexed(workers=3, max_queue_size=2)),
    "keras dataset": lambda: as_source(KerasDataset()),
    "source": lambda: as_source(as_source(X, Y, batch_size=2)),
}  # fmt: skip


@pytest.mark.parametrize("kind", ALIKE)
def test_every_form_gives_the_same_batches_and_spec(kind):
    source = ALIKE[kind]()
    assert source.spec.shape == (None, 2) and source.spec.dtype == "float32"
    assert source.specs[1].shape == (None,) and source.specs[1].dtype == "int32"
    assert values(source) == values(ALIKE["numpy"]())
    assert values(ALIKE[kind](), start=3) == values(ALIKE["numpy"]())[3:]


def test_processes_make_the_batches_in_order():
    # builtins can be pickled into a fresh process; a class in this file cannot.
    dataset = [([1.0], [1]), ([2.0], [0]), ([3.0], [1])]
    assert list(ordered_items(dataset, [2, 0, 1], 2, True, 4)) == [dataset[2], dataset[0], dataset[1]]


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "int64", "int32", "uint8", "uint32", "bool", "complex64"])
def test_dtypes_are_those_of_keras(dtype):
    array = np.ones((3, 2), dtype)
    iterator = EpochIterator(array).data_adapter.get_jax_iterator()
    expected = jnp.asarray(next(iter(iterator))[0]).dtype
    assert as_source(array).spec.dtype == expected
    assert next(as_source(iter([(array,)])).batches())[0].dtype == expected


def test_host_arrays_of_the_right_dtype_are_not_copied():
    x = np.zeros((4, 2), np.float32)
    assert as_source(x).arrays[0] is x
    assert np.shares_memory(next(as_source(x).batches())[0], x)
    device = jnp.zeros((4, 2))
    assert as_source(device).arrays[0] is device


def test_nests_of_arrays_keep_their_structure():
    x = {"a": X, "b": [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]}
    source = as_source(x, [Y, X], np.ones(10), batch_size=4)
    first = next(source.batches())
    assert first[0]["a"].shape == (4, 2) and first[0]["b"].shape == (4,) and first[0]["b"].dtype == np.int32
    assert [a.shape for a in first[1]] == [(4,), (4, 2)]
    assert [a.shape for a in first[2]] == [(4,), (4,)]
    assert source.spec["a"].shape == (None, 2)


@given(st.integers(1, 40), st.integers(1, 12), st.integers(0, 5), st.sampled_from([True, "batch", False]))
@settings(max_examples=40, deadline=None)
def test_an_epoch_holds_every_row_once_in_an_order_of_seed_and_epoch(n, batch_size, epoch, shuffle):
    source = as_source(np.arange(n), batch_size=batch_size, shuffle=shuffle)
    got = [b[0].tolist() for b in source.batches(epoch, 7)]
    assert sorted(itertools.chain(*got)) == list(range(n))
    assert [len(b) for b in got] == [batch_size] * (n // batch_size) + [n % batch_size] * bool(n % batch_size)
    again = as_source(np.arange(n), batch_size=batch_size, shuffle=shuffle)
    assert [b[0].tolist() for b in again.batches(epoch, 7, start=1)] == got[1:]
    assert source.order(epoch, 7).tolist() == list(itertools.chain(*got))
    if shuffle is False:
        assert got == [list(range(n))[i : i + batch_size] for i in range(0, n, batch_size)]


@pytest.mark.parametrize(
    "make", [lambda s: as_source(np.arange(50), batch_size=5, shuffle=s), lambda s: as_source(Indexed(), shuffle=bool(s))]
)
def test_shuffling_differs_between_epochs_and_seeds(make):
    orders = [str(values(make(True), epoch, seed)) for epoch, seed in [(0, 0), (1, 0), (0, 1), (2, 0)]]
    assert len(set(orders)) == 4
    assert orders[1] == str(values(make(True), 1, 0))


def test_batch_shuffle_keeps_batches_together_and_the_short_one_last():
    got = [b[0] for b in as_source(np.arange(52), batch_size=5, shuffle="batch").batches(0, 3)]
    assert all((np.diff(b) == 1).all() for b in got) and got[-1].tolist() == [50, 51]
    assert [int(b[0]) for b in got] != sorted(int(b[0]) for b in got)


@pytest.mark.parametrize("form", ["arrays", "indexed", "iterable", "generator"])
@pytest.mark.parametrize("steps", [2, 3, 4, 5, 7])
def test_steps_walk_through_the_data_as_in_keras(form, steps):
    def data():
        return {"arrays": X, "indexed": Indexed(), "iterable": Reiterable(), "generator": pairs()}[form]

    batch_size = 2 if form == "arrays" else None
    source = as_source(data(), batch_size=batch_size, steps=steps)
    oracle = EpochIterator(X, Y, batch_size=2, steps_per_epoch=steps)
    for epoch in range(3 if form != "generator" else 1):
        with warnings.catch_warnings(record=True) as ours:
            warnings.simplefilter("always")
            got = [np.asarray(b[0]).tolist() for b in source.batches(epoch)]
        with warnings.catch_warnings(record=True) as theirs:
            warnings.simplefilter("always")
            expected = [np.asarray(b[0]).tolist() for _, _, buffer in oracle.enumerate_epoch() for b in buffer]
        assert got == expected
        assert bool(ours) == bool([w for w in theirs if "ran out" in str(w.message)])


def test_a_generator_goes_on_over_epochs_and_warns_when_it_ends():
    source = as_source(pairs(), steps=2)
    assert source.num_batches == 2
    assert [len(values(source, epoch)) for epoch in range(2)] == [2, 2]
    with pytest.warns(UserWarning, match="ran out of data after 1 of 2"):
        assert len(values(source, 2)) == 1
    once = as_source(pairs())
    assert len(values(once)) == 5
    assert not once.has_more() and values(once, 1) == []
    more = as_source(pairs())
    assert more.has_more() and more.has_more() and len(values(more)) == 5


def test_an_iterable_starts_anew_with_each_pass_and_learns_its_length():
    data = Reiterable()
    source = as_source(data)
    assert source.num_batches is None and source.spec.shape == (None, 2)
    assert values(source, 0) == values(source, 1) == values(ALIKE["numpy"]())
    assert source.num_batches == 5 and data.started == 2
    with_steps = as_source(Reiterable(), steps=2)
    assert values(with_steps, 0) == values(with_steps, 0), "epoch 0, an evaluation, always begins at the front"


def test_a_dataset_hears_of_the_epochs_and_may_grow():
    dataset = Indexed(3)
    source = as_source(dataset)
    feed = StreamStacker(source)
    assert sum(block.batches for block in feed.stacks()) == 3 and dataset.events == ["begin", "end"]
    dataset.count = 4
    assert source.num_batches == 4 and sum(block.batches for block in feed.stacks(1)) == 4


LABELS = {"sparse": Y % 3, "column": (Y % 3)[:, None], "one-hot": np.eye(3)[Y % 3], "floats": (Y % 3).astype("float32")}


@pytest.mark.parametrize("form", LABELS)
def test_class_weights_equal_keras(form):
    table = {0: 2.0, 2: 0.25}
    expected = data_adapter_utils.class_weight_to_sample_weights(LABELS[form], table)
    np.testing.assert_array_equal(class_weights(LABELS[form], table), expected)
    np.testing.assert_array_equal(as_source(X, LABELS[form], class_weight=table).arrays[2], expected)
    stream = as_source(iter([(X, LABELS[form], np.full(10, 3.0))]), class_weight=table)
    np.testing.assert_allclose(next(stream.batches())[2], 3 * expected, rtol=1e-7)
    weighted = as_source(X, LABELS[form], np.full((10, 1), 3.0), class_weight=table).arrays[2]
    np.testing.assert_allclose(weighted, 3 * expected[:, None], rtol=1e-7)


KEYS = [int, float, str, np.int64, np.int32, np.float64, np.uint8]
VALUES = [float, np.float32, np.float64, np.array, lambda v: np.array([v])]


@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize("key", KEYS)
def test_class_weights_take_keys_and_values_of_any_kind_of_number(key, value):
    found = class_weights(np.array([2, 0, 1]), {key(0): value(2.0), key(2): value(0.25)})
    assert found.tolist() == [0.25, 2.0, 1.0] and found.dtype == np.float32


def test_class_weights_of_sequences_are_one_per_step():
    labels = np.array([[0, 1], [2, 2]])
    for y in (labels, labels[..., None], np.eye(3)[labels]):
        assert class_weights(y, {0: 2.0, 1: 3.0, 2: 0.5}).tolist() == [[2.0, 3.0], [0.5, 0.5]]


A, B = np.arange(10.0), np.full(10, 2.0)
CLASSES_A = np.array([3.0, 1.0] * 5)  # of Y % 2 with {0: 3.0}
# The argument, and the weights of the outputs `a` and `b`; None means 1.
BY_OUTPUT = {
    "list": ([A, B], None, A, B),
    "tuple": ((A, B), None, A, B),
    "dict": ({"a": A, "b": B}, None, A, B),
    "one of two, in a list": ([None, B], None, None, B),
    "one of two, in a dict": ({"b": B}, None, None, B),
    "one of two, None in a dict": ({"a": A, "b": None}, None, A, None),
    "one for both": (A, None, A, A),
    "classes by name": (None, {"a": {0: 3.0}, "b": {1: 0.5}}, CLASSES_A, np.array([1.0, 0.5] * 5)),
    "classes of one of two": (None, {"a": {0: 3.0}}, CLASSES_A, None),
    "classes in a list": (None, [{0: 3.0}, None], CLASSES_A, None),
    "both, of one output": ({"a": A}, {"a": {0: 3.0}}, A * CLASSES_A, None),
    "both, of different outputs": ([None, B], {"a": {0: 3.0}}, CLASSES_A, B),
    "both, one for all": (A, {"a": {0: 3.0}}, A * CLASSES_A, A),
}


def of_outputs(weights, names):
    """The weights of each output, as an objective finds them: None where there are none."""
    if isinstance(weights, dict):
        return [weights.get(name) for name in names]
    return list(weights) if isinstance(weights, (list, tuple)) else [weights] * len(names)


@pytest.mark.parametrize("targets", [list, tuple, lambda ab: dict(zip("ab", ab))])
@pytest.mark.parametrize("case", BY_OUTPUT)
def test_weights_by_output(case, targets):
    sample_weight, class_weight, *expected = BY_OUTPUT[case]
    y = targets([Y % 2, Y % 2])
    if isinstance(y, dict) and isinstance(sample_weight, (list, tuple)):
        return  # no order matches a list to the entries of a dict
    for source in (
        as_source(X, y, sample_weight, batch_size=10, class_weight=class_weight, output_names=["a", "b"]),
        as_source(iter([(X, y, sample_weight)]), class_weight=class_weight, output_names=["a", "b"]),
    ):
        found = of_outputs(next(source.batches())[2], ["a", "b"])
        for weights, wanted in zip(found, expected):
            np.testing.assert_array_equal(1.0 if weights is None else weights, 1.0 if wanted is None else wanted)


@pytest.mark.parametrize("wrap", [lambda v: v, lambda v: [v], lambda v: (v,), lambda v: {"a": v}])
@pytest.mark.parametrize("y", [Y % 2, [Y % 2], {"a": Y % 2}])
def test_weights_of_the_only_output_may_come_in_a_list_or_dict_of_one(wrap, y):
    if not (isinstance(y, dict) and isinstance(wrap(A), (list, tuple))):
        arrays = as_source(X, y, wrap(A), output_names=["a"]).arrays
        np.testing.assert_array_equal(of_outputs(arrays[2], ["a"])[0], A)
    if not isinstance(wrap(A), tuple):
        arrays = as_source(X, y, class_weight=wrap({0: 3.0}), output_names=["a"]).arrays
        np.testing.assert_array_equal(of_outputs(arrays[2], ["a"])[0], CLASSES_A)


@pytest.mark.parametrize("n, fraction", [(10, 0.2), (2100, 0.1), (7, 0.5), (3, 0.3), (1000, 0.37)])
def test_validation_split_cuts_where_keras_cuts(n, fraction):
    arrays = (np.arange(n * 2.0).reshape(n, 2), np.arange(n), None)
    theirs = array_slicing.train_validation_split(arrays, fraction)
    for ours, other in zip(train_validation_split(arrays, fraction), theirs):
        assert ours[2] is None
        np.testing.assert_array_equal(ours[0], other[0])
        np.testing.assert_array_equal(ours[1], other[1])


@pytest.mark.parametrize("data", [X, (X,), (X, Y), [X, Y], (X, Y, Y), {"a": X}, ((X, X), Y), ([X],)])
def test_packing_and_unpacking_equal_keras(data):
    triple = unpack_x_y_sample_weight(data)
    assert all(a is b for a, b in zip(triple, keras.utils.unpack_x_y_sample_weight(data)))
    ours, theirs = pack_x_y_sample_weight(*triple), keras.utils.pack_x_y_sample_weight(*triple)
    assert type(ours) is type(theirs) and (ours is theirs or all(a is b for a, b in zip(ours, theirs)))


def endless():
    class Endless(Indexed):
        num_batches = None

    return Endless()


ERRORS = {
    "lengths differ": (lambda: as_source({"a": X, "b": X[:9]}, Y[:8]), r"x\['a'\]: 10, x\['b'\]: 9, y: 8"),
    "empty": (lambda: as_source(X[:0], Y[:0]), "no data.*x: 0, y: 0"),
    "empty list": (lambda: as_source([]), "no data"),
    "None": (lambda: as_source(None), "`x` is None"),
    "scalar": (lambda: as_source(5.0), r"write \[5.0\]"),
    "strings": (lambda: as_source(["a", "b"]), "dtype <U1.*it holds 'a'"),
    "objects": (lambda: as_source(np.array([1, "a"], object)), "dtype object.*'a'.*astype"),
    "ragged": (lambda: as_source([[1, 2], [3]]), "Pad the rows"),
    "table with words": (lambda: as_source(pd.DataFrame({"n": [1], "w": ["x"]})), r"not numbers: 'w'"),
    "large integers": (lambda: as_source(np.array([2**40])), "outside int32"),
    "y with a generator": (lambda: as_source(pairs(), Y), r"`y` must not be passed.*\(x, y\)"),
    "weights with a dataset": (lambda: as_source(Indexed(), sample_weight=Y), "`sample_weight` must not"),
    "batch_size zero": (lambda: as_source(X, batch_size=0), "positive whole number. Received 0"),
    "batch_size float": (lambda: as_source(X, batch_size=2.0), "positive whole number. Received 2.0"),
    "endless": (lambda: as_source(itertools.cycle([(X,)])), "cycle never ends.*steps_per_epoch"),
    "endless dataset": (lambda: as_source(endless()), "never ends.*steps_per_epoch"),
    "generator in a list": (lambda: as_source([pairs()]), "Expected arrays"),
    "not data": (lambda: as_source(object()), "Expected arrays, lists of numbers, a generator"),
    "used up": (lambda: as_source(iter([])).spec, "yielded no batch"),
    "empty dataset": (lambda: values(as_source(Indexed(0))), "0 batches"),
    "batch of four": (lambda: values(as_source(iter([(X, Y, Y, Y)]))), "Received 4 entries"),
    "batch that differs": (lambda: values(as_source(iter([(X, Y[:3])]))), "x: 10, y: 3"),
    "class weight, two outputs": (lambda: as_source(X, [Y, Y], class_weight={0: 1.0}), r"class_weight={'output_1': {0: 1\.0"),
    "class weight, no targets": (lambda: as_source(X, class_weight={0: 1.0}), "received no y"),
    "class weight of no output": (lambda: as_source(X, {"a": Y}, class_weight={"b": {0: 1.0}}), "output in the weights: 'b'"),
    "class weights, too many": (lambda: as_source(X, [Y, Y], class_weight=[{}, {}, {}]), "2 outputs, output_1, output_2, but 3"),
    "class weight list": (lambda: as_source(X, Y, class_weight=[1.0]), r"dict of class number.*dict\(enumerate\(weights\)\)"),
    "class weight by halves": (lambda: as_source(X, Y, class_weight={0.5: 1.0}), "dict of class number"),
    "class weight words": (lambda: as_source(X, Y, class_weight={"a": 1.0}), "dict of class number"),
    "weights unlike y": (lambda: as_source(X, [Y, Y], [Y]), "structure of `y`"),
    "wide weights, two outputs": (lambda: as_source(X, [Y, Y], X), "one number per sample"),
    "shuffle": (lambda: as_source(X, shuffle="rows"), "True, False or 'batch'"),
    "split leaves nothing": (lambda: train_validation_split((X[:2], Y[:2]), 0.9), "leaves 0 for training and 2"),
    "split of a generator": (lambda: train_validation_split((pairs(), None), 0.5), "works on arrays only"),
    "split too large": (lambda: train_validation_split((X, Y), 1.5), "between 0 and 1"),
    "split lengths": (lambda: train_validation_split((X, Y[:5]), 0.5), "x: 10, y: 5"),
}  # fmt: skip


@pytest.mark.parametrize("case", ERRORS)
def test_errors_say_what_to_write(case):
    call, text = ERRORS[case]
    with pytest.raises(ValueError, match=text):
        call()


def test_a_table_of_several_numeric_kinds_becomes_floats():
    source = as_source(pd.DataFrame({"n": [1, 2], "f": [0.5, 1.5], "b": [True, False]}))
    assert source.arrays[0].tolist() == [[1, 0.5, 1], [2, 1.5, 0]] and source.spec.dtype == "float32"


def test_a_batch_size_for_data_that_yield_batches_is_ignored_with_a_warning():
    with pytest.warns(UserWarning, match="batch_size=7 is ignored: list_iterator yields whole batches"):
        source = as_source(iter([(np.zeros((3, 2)), np.zeros(3))]), batch_size=7, steps=1)
    assert source is not None
    data = Indexed()
    data.batch_size = 2
    assert as_source(data, batch_size=2).num_batches == 5  # no warning: it repeats what the data say

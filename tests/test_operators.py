"""`&`, `|`, `^` on variables and symbolic tensors are logical for any dtype, as in Keras; files agree with the graph."""

import operator
import os

os.environ.setdefault("KERAS_BACKEND", "jax")

import keras
import numpy as np
import pytest

import jkeras
from jkeras import Input, Model, Variable

A, B = np.array([0, 1, 2, 6]), np.array([1, 1, 0, 3])
OPERATORS = {"and": operator.and_, "or": operator.or_, "xor": operator.xor}
PAIRS = {
    "variable variable": lambda k, d: (k.Variable(A, dtype=d), k.Variable(B, dtype=d)),
    "variable array": lambda k, d: (k.Variable(A, dtype=d), k.ops.cast(B, d)),
    "array variable": lambda k, d: (k.Variable(A, dtype=d), B.astype(d)),
    "variable number": lambda k, d: (k.Variable(A, dtype=d), 2),
    "number variable": lambda k, d: (2, k.Variable(A, dtype=d)),
    "variable list": lambda k, d: (k.Variable(A, dtype=d), B.tolist()),
}


@pytest.mark.few(32)
@pytest.mark.parametrize("dtype", ("int32", "uint8", "bool", "float32"))
@pytest.mark.parametrize("pair", PAIRS)
@pytest.mark.parametrize("name", OPERATORS)
def test_operators_of_variables_are_those_of_keras(name, pair, dtype):
    ours, theirs = (np.asarray(OPERATORS[name](*PAIRS[pair](package, dtype))) for package in (jkeras, keras))
    assert ours.dtype == theirs.dtype == bool
    np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("dtype", ("int32", "float32"))
@pytest.mark.parametrize("name", OPERATORS)
def test_operators_in_a_graph_are_logical_and_stay_so_in_files(name, dtype, tmp_path):
    x, y = Input((4,), dtype=dtype), Input((4,), dtype=dtype)
    model = Model([x, y], [OPERATORS[name](x, y), OPERATORS[name](2, x), ~x])
    rows = A[None].astype(dtype), B[None].astype(dtype)
    truth = OPERATORS[name](A != 0, B != 0), OPERATORS[name](True, A != 0), A == 0
    model.save(tmp_path / "model.keras")
    for one in (model, jkeras.models.load_model(tmp_path / "model.keras")):
        for part, expected in zip(one.predict(list(rows), verbose=0), truth):
            assert part.dtype == bool
            np.testing.assert_array_equal(part[0], expected)


def test_shifts_in_a_graph_stay_so_in_files(tmp_path):
    x = Input((4,), dtype="int32")
    model = Model(x, [x << 1, 16 >> x])
    model.save(tmp_path / "model.keras")
    for one in (model, jkeras.models.load_model(tmp_path / "model.keras")):
        left, right = one(A[None].astype("int32"))
        np.testing.assert_array_equal(left[0], A << 1)
        np.testing.assert_array_equal(right[0], 16 >> A)


def test_an_assigning_operator_and_shifts():
    variable = Variable(A, dtype="int32")
    np.testing.assert_array_equal(variable << 1, A << 1)
    variable &= B
    np.testing.assert_array_equal(variable, (A != 0) & (B != 0))

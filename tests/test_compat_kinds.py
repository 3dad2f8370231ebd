"""Attributes of TensorFlow's dtypes, sizes, variables and functions; compared with TensorFlow's own where it is installed."""

import pickle

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from documents import compat_in

import jkeras
from jkeras.compat.standin import arrays, dtypes, functions, tensor_spec

DTYPES = ["float32", "float16", "bfloat16", "float64", "int8", "uint8", "int32", "int64", "bool", "complex64", "string"]
ATTRIBUTES = [
    "name",
    "size",
    "min",
    "max",
    "is_floating",
    "is_integer",
    "is_unsigned",
    "is_complex",
    "is_bool",
    "is_numeric",
    "is_quantized",
    "is_numpy_compatible",
    "as_numpy_dtype",
    "as_datatype_enum",
]


def facts(dtype):
    def read(attribute):
        try:
            return getattr(dtype, attribute)
        except TypeError:
            return None

    return {attribute: read(attribute) for attribute in ATTRIBUTES}, repr(dtype), str(dtype), repr(dtype.real_dtype)


def test_dtypes_have_tensorflows_attributes():
    reference = pytest.importorskip("tensorflow")
    for name in DTYPES:
        assert facts(getattr(dtypes, name)) == facts(getattr(reference, name))
    for name in ("float32", "int8", "uint8", "bool"):
        assert getattr(dtypes, name).limits == getattr(reference, name).limits


@pytest.mark.parametrize("name", ["float32", "int8", "bool", "bfloat16"])
def test_dtypes_are_those_of_arrays(name):
    dtype = getattr(dtypes, name)
    for array in (jnp.zeros(2, dtype), np.zeros(2, dtype), arrays.cast([1, 0], dtype), jkeras.ops.ones(2, dtype)):
        assert array.dtype == dtype and dtype == array.dtype == dtype.name and dtypes.as_dtype(array.dtype) is dtype
        assert {array.dtype: 1}[dtype] == 1 and isinstance(array.dtype, dtypes.DType)
    assert dtype != dtypes.int32 and dtype != "int33" and dtype is not None and pickle.loads(pickle.dumps(dtype)) is dtype
    assert jkeras.layers.Input((2,), dtype=dtype).dtype == name and jkeras.Variable([1], dtype=dtype).dtype == name


def test_dtypes_of_texts():
    assert dtypes.string == "string" and np.dtype(dtypes.string) == np.dtype(object) == dtypes.string
    assert jkeras.layers.Input((1,), dtype=dtypes.string).dtype == "string"
    with pytest.raises(TypeError, match="no least"):
        _ = dtypes.string.min


def test_sizes_have_values_and_are_known():
    x = np.zeros((2, 3))
    counts = arrays.size(x), arrays.rank(x), arrays.shape(x)[1], arrays.shape(x)
    assert [count.numpy().tolist() for count in counts] == [6, 2, 3, [2, 3]]
    assert all(count.numpy().dtype == np.int32 for count in counts)
    made = functions.function(lambda x: jnp.zeros(arrays.shape(x)[0]) + arrays.size(x) / arrays.rank(x))
    assert made(x).tolist() == [3, 3]


def test_numbers_computed_from_sizes_are_numbers():
    n = arrays.size([[1, 2, 3]])
    found = [n + 1, 1 + n, n - 1, 7 - n, 2 * n, n // 2, arrays.shape([[1, 2, 3]])[1] * 2]
    assert [one.numpy().tolist() for one in found] == [4, 4, 2, 4, 6, 1, 6]
    assert type(n / 2) is type(n * 0.5) is float and (n + jnp.ones(2)).tolist() == [4, 4]


def test_a_dtype_without_a_number_has_the_rest():
    eighth = dtypes.as_dtype("float8_e4m3fn")
    assert eighth.real_dtype is eighth and eighth.is_floating
    with pytest.raises(TypeError, match="no number"):
        dtypes.as_dtype("float4_e2m1fn").as_datatype_enum  # noqa: B018


def assigned(make, compiled=lambda fn: fn):
    v, w = make([1.0, 2.0, 3.0]), make([[1, 2], [3, 4]])

    def step():
        whole = v[1:3].assign([7.0, 8.0])
        v[0].assign(v[0] + 9.0)
        w[:, 1].assign([[5, 6]])
        w[0, 0].assign(-1)
        return whole[2]

    return float(np.asarray(compiled(step)())), np.asarray(v).tolist(), np.asarray(w).tolist()


@pytest.fixture
def tf(tmp_path):
    with compat_in(tmp_path):
        import tensorflow

        yield tensorflow


def test_parts_of_variables_are_assigned(tf):
    found = assigned(tf.Variable)
    assert found == assigned(tf.Variable, tf.function) == (8, [10, 7, 8], [[-1, 5], [3, 6]])


def test_parts_of_variables_are_assigned_as_in_tensorflow():
    reference = pytest.importorskip("tensorflow")
    assert assigned(reference.Variable) == (8, [10, 7, 8], [[-1, 5], [3, 6]])


def test_a_part_of_a_variable_is_an_array(tf):
    v, i = tf.Variable([1.0, 2.0, 3.0]), tf.Variable([0, 1, 2])
    part = v[1:]
    assert part.shape == (2,) and part.numpy().tolist() == [2, 3] and jax.lax.add(v[0], v[1]) == 3
    assert tf.is_tensor(part) and isinstance(part, tf.Tensor) and not hasattr(part + 1, "assign")
    assert len(range(i[2])) == [1, 2, 3][i[1]] == v[i[1]] == v[tf.Variable(1)] == 2 and jnp.zeros(3)[i[1]] == 0
    for wrong in ([1.0, 2.0, 3.0], [[1.0, 2.0], [3.0, 4.0]]):
        with pytest.raises(ValueError, match=r"entries of shape \(2,\): give one that broadcasts"):
            part.assign(wrong)
    with pytest.raises(ValueError, match=r"shape \(2,\) to entries of shape \(\)"):
        v[0].assign([1.0, 2.0])


@pytest.mark.parametrize("index", [10, -4, (0, 2), (Ellipsis, 2), np.int64(3)])
def test_entries_that_are_not_there_are_an_error(tf, index):
    v = tf.Variable(np.zeros((3, 2)))
    with pytest.raises(IndexError, match="out of bounds"):
        v[index].assign(1.0)
    with pytest.raises(IndexError, match="out of bounds"):
        tf.function(lambda: v[index] + 1)()


def signatures(tf, specs):
    @tf.function
    def scaled(x, y=2.0, *, k=None):
        return {"a": x * y, "b": [x[0], (x,)]}

    scaled(np.ones((2, 3), "float32"))
    scaled(np.ones(4, "float32"), y=3.0, k="s")
    one = scaled.get_concrete_function(specs((None, 3), "float32"))

    @tf.function(input_signature=[specs((None, 2), "int32")])
    def total(x):
        return x[0]

    texts = [scaled.pretty_printed_concrete_signatures(), str(one), total.get_concrete_function().pretty_printed_signature()]
    return [text.replace("TensorShape(", "").replace("])", ")") for text in texts], one.structured_input_signature


def test_signatures_of_functions():
    ours, given = signatures(functions, tensor_spec.TensorSpec)
    kind = functions.function(lambda x, y=2.0: x * y).get_concrete_function(tensor_spec.TensorSpec((None, 3)))
    assert kind(np.ones((1, 3), "float32")).tolist() == [[2, 2, 2]] and kind.structured_outputs.shape == (None, 3)
    assert repr(given) == "((TensorSpec(shape=(None, 3), dtype=tf.float32, name='x'), 2.0), {'k': None})"
    reference = pytest.importorskip("tensorflow")
    theirs, expected = signatures(reference, reference.TensorSpec)
    assert repr(given) == repr(expected) and ours[1:] == theirs[1:]
    assert ours[0].split("\n\n")[:2] == theirs[0].split("\n\n")[:2]


def test_a_function_that_looks_at_values_has_no_concrete_one():
    with pytest.raises(ValueError, match="looks at the values"):
        functions.function(lambda x: 1.0 if x > 0 else 2.0).get_concrete_function(np.float32(1.0))


@pytest.mark.parametrize("axes", [None, 2, 3, (3, 2), (1, 2)])
def test_batch_dot_of_images(axes, tmp_path):
    x, y = (np.random.default_rng(i).normal(size=(2, 3, 3, 3)).astype("float32") for i in range(2))
    with compat_in(tmp_path):
        from tensorflow.keras import backend

        found = backend.batch_dot(backend.constant(x), backend.constant(y), axes=axes)
    reference = pytest.importorskip("tf_keras").backend
    np.testing.assert_allclose(found, reference.batch_dot(reference.constant(x), reference.constant(y), axes=axes), rtol=1e-5)

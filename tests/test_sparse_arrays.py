"""Sparse arrays: in layers, operations and graphs as in Keras on JAX, and as data of `fit`."""

import jax
import numpy as np
import pytest
from jax.experimental import sparse

from jkeras import Input, Model, Sequential, backend, layers, models, ops
from jkeras.data.arrays import to_arrays
from jkeras.data.sparse_rows import sparse_rows

PLACES = [[0, 0], [1, 0], [1, 2]]
DENSE = np.array([[1, 0, 0, 0], [2, 0, 3, 0]])
X = np.random.default_rng(0).normal(size=(23, 6)).astype("float32") * (np.random.default_rng(1).random((23, 6)) < 0.3)
Y = X.sum(1, keepdims=True)


def matrix(dtype="int32"):
    return sparse.BCOO((np.array([1, 2, 3], dtype), np.array(PLACES)), shape=(2, 4))


def padded():
    """The data with the empty places that JAX fills up with, and its entries in no order."""
    full = sparse.BCOO.fromdense(X, nse=np.count_nonzero(X) + 5)
    order = np.random.default_rng(2).permutation(full.nse)
    return sparse.BCOO((full.data[order], full.indices[order]), shape=full.shape)


def test_operations_keep_or_fill_them_as_keras_does():
    keras = pytest.importorskip("keras")
    for library in (keras, None):
        k = ops if library is None else library.ops
        kept = k.cast(k.convert_to_tensor(matrix()), "float32")
        assert isinstance(kept, sparse.BCOO) and kept.dtype == "float32" and k.is_tensor(kept)
        for filled in (k.convert_to_tensor(kept, sparse=False), k.convert_to_numpy(kept)):
            assert not isinstance(filled, sparse.BCOO)
            np.testing.assert_array_equal(np.asarray(filled), DENSE)
        table = np.arange(10.0).reshape(5, 2)
        np.testing.assert_array_equal(np.asarray(k.take(table, matrix(), axis=0)), table[DENSE])
    np.testing.assert_array_equal(ops.multiply(matrix(), 2), 2 * DENSE)
    assert backend.is_sparse(matrix()) and not backend.is_sparse(DENSE)
    np.testing.assert_array_equal(backend.to_dense(matrix()), DENSE)


def test_layers_take_them():
    looked_up, seen = layers.Embedding(5, 2), []

    class Own(layers.Dense):
        def call(self, x):
            seen.append(type(x))
            return super().call(x)

    np.testing.assert_array_equal(looked_up(matrix()), looked_up(DENSE))
    own = Own(3)
    first = own(matrix("float32"))
    assert seen == [sparse.BCOO] and own.kernel.shape == (4, 3)
    np.testing.assert_allclose(first, own(DENSE.astype("float32")), rtol=1e-6)


def test_masks_of_them_are_those_of_dense_arrays():
    steps = sparse.BCOO.fromdense(np.array([[[1.0], [0.0], [2.0]]], "float32"))
    for layer, x in ((layers.Embedding(5, 2, mask_zero=True), matrix()), (layers.Masking(), steps)):
        found, expected = layer(x), layer(x.todense())
        np.testing.assert_array_equal(found, expected)
        np.testing.assert_array_equal(found._keras_mask, expected._keras_mask)


def test_matrices_of_scipy_are_data_and_no_arrays():
    scipy_sparse = pytest.importorskip("scipy.sparse")
    model, rows = Sequential([Input((6,)), layers.Dense(1)]), scipy_sparse.csr_matrix(X)
    for use in (model, layers.Dense(2), layers.Normalization().adapt, ops.convert_to_tensor, ops.sqrt, lambda s: ops.add(s, 1)):
        with pytest.raises(TypeError, match=r"sparse matrix csr_matrix float32\(23, 6\).*S\.toarray\(\)"):
            use(rows)
    statistics = layers.Normalization()
    statistics.adapt(padded())
    np.testing.assert_allclose(np.ravel(statistics.mean), X.mean(0), rtol=1e-5)


def test_graphs_have_sparse_inputs():
    x = Input((4,), sparse=True)
    hidden = layers.Dense(3)(x)
    model = Model(x, layers.Dense(1)(ops.tanh(hidden)))
    assert x.sparse and backend.is_sparse(x) and not hidden.sparse
    again = Model.from_config(model.get_config())
    assert again.inputs[0].sparse and model.layers[0].get_config()["sparse"] is True
    filled = model(DENSE.astype("float32"))
    np.testing.assert_allclose(model(matrix("float32")), filled, rtol=1e-6)
    np.testing.assert_allclose(jax.jit(model)(matrix("float32")), filled, rtol=1e-5)
    params, state = model.params_and_state()

    def loss(params, x):
        return ops.sum(model.apply(params, state, x)[0])

    for ours, theirs in zip(*(jax.tree.leaves(jax.grad(loss)(params, x)) for x in (matrix("float32"), DENSE.astype("float32")))):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5)
    with pytest.raises(ValueError, match="Ragged inputs are not supported"):
        Input((4,), ragged=True)


def test_fit_evaluate_and_predict_take_sparse_data():
    scipy_sparse = pytest.importorskip("scipy.sparse")
    start = Sequential([Input((6,)), layers.Dense(1)])
    found = []
    for x in (X, scipy_sparse.csr_matrix(X), scipy_sparse.dok_matrix(X.astype("float64")), padded()):
        model = models.clone_model(start)
        model.set_weights(start.get_weights())
        model.compile("sgd", "mse")
        history = model.fit(x, Y, batch_size=4, epochs=2, shuffle=False, validation_split=0.2, verbose=0).history
        outputs = model.predict(x, batch_size=5, verbose=0)
        found.append([*history["loss"], *history["val_loss"], model.evaluate(x, Y, verbose=0), *outputs[:, 0]])
    np.testing.assert_allclose(found[1:], [found[0]] * 3, rtol=1e-6)


def test_rows_of_large_matrices_are_filled_by_batches(monkeypatch):
    monkeypatch.setattr("jkeras.data.prepared._MOST_BYTES", 100)
    model = Sequential([Input((6,)), layers.Dense(1)])
    model.compile("sgd", "mse")
    np.testing.assert_allclose(model.predict(padded(), batch_size=5, verbose=0), model.predict(X, verbose=0), rtol=1e-5)
    batches = ((padded()[at : at + 8], Y[at : at + 8]) for at in (0, 8))
    assert np.isfinite(model.fit(batches, verbose=0).history["loss"]).all()


@pytest.mark.parametrize("index", [slice(3, 9), np.array([4, 0, 4, 22]), slice(5, 5)])
def test_rows_are_those_of_the_dense_matrix(index):
    rows = sparse_rows(padded())
    assert rows.shape == X.shape and rows.dtype == X.dtype
    np.testing.assert_array_equal(rows[index].dense(), X[index])
    np.testing.assert_array_equal(to_arrays({"a": rows[index]}, "x")["a"], X[index])

"""Padded rows of a batch cannot affect results: jkeras proves that for each model, or does not pad."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from jkeras import Input, Model, Sequential, layers, losses, ops
from jkeras.nn.row_dependence import rows_apart
from jkeras.training.programs.forward import ForwardPass, function_keeps_rows_apart

N, RNG = 6, np.random.default_rng(0)
X = RNG.normal(size=(N, 5, 4)).astype(np.float32)
W = RNG.normal(size=(4, 3)).astype(np.float32)
TABLE = RNG.normal(size=(7, 4)).astype(np.float32)


def numbers(x):
    return jnp.abs(x[..., 0] * 3).astype(int) % 5


def convolved(x):
    return lax.conv_general_dilated(x, np.ones((3, 4, 2), "f"), (1,), "SAME", dimension_numbers=("NWC", "WIO", "NWC"))


APART = {
    "entries": lambda x: jnp.tanh(x) * 2 + x**2,
    "product": lambda x: x @ W,
    "product of pairs": lambda x: jnp.einsum("bij,bkj->bik", x, x),
    "weights first": lambda x: jnp.einsum("oi,bti->bot", W.T, x),
    "softmax": lambda x: jax.nn.softmax(x, axis=-1),
    "sums": lambda x: x - x.mean(axis=(1, 2), keepdims=True),
    "merged axes": lambda x: (x.reshape(-1, 4) @ W).reshape(N, 5, 3),
    "merged behind": lambda x: jnp.sin(x.transpose(1, 0, 2).reshape(5, -1)).reshape(5, N, 4).transpose(1, 0, 2),
    "flat": lambda x: jnp.sin(x.reshape(-1)).reshape(N, -1),
    "part of other axes": lambda x: jnp.pad(x[:, 1:4, ::2], ((0, 0), (1, 1), (0, 0)), mode="reflect"),
    "reversed steps": lambda x: x[:, ::-1],
    "sorted steps": lambda x: jnp.sort(x, axis=1)[:, :2],
    "largest": lambda x: lax.top_k(x, 2)[0],
    "which": lambda x: jnp.argmax(x, axis=-1),
    "looked up": lambda x: jnp.asarray(TABLE)[numbers(x)],
    "picked steps": lambda x: x[:, jnp.array([0, 2])],
    "picked by each": lambda x: jnp.take_along_axis(x, numbers(x)[..., None], axis=1),
    "mapped": jax.vmap(lambda row: lax.dynamic_slice_in_dim(row, numbers(row)[0], 2)),
    "mapped writing": jax.vmap(lambda row: row.at[numbers(row)[0]].set(0.0)),
    "writing": lambda x: x.at[:, 1].set(0.0).at[:, 2, 1].add(1.0),
    "scan": lambda x: lax.scan(lambda c, x: (c + x, jnp.cumsum(c, -1)), jnp.zeros((N, 4)), x.swapaxes(0, 1))[1].swapaxes(0, 1),
    "loop": lambda x: lax.fori_loop(0, 3, lambda i, x: jnp.sin(x) + i, x),
    "branches": lambda x: lax.cond(jnp.sum(jnp.asarray(W)) > 0, jnp.sin, jnp.cos, x),
    "checkpoint": jax.checkpoint(lambda x: jax.nn.relu(x) @ W),
    "convolution": lambda x: convolved(x),
    "windows": lambda x: lax.reduce_window(x, -jnp.inf, lax.max, (1, 2, 1), (1, 2, 1), "VALID"),
    "matrices": lambda x: jnp.linalg.cholesky(jnp.einsum("bij,bik->bjk", x, x) + 10 * jnp.eye(4)),
    "spectrum": lambda x: jnp.abs(jnp.fft.rfft(x, axis=1)),
    "constant": lambda x: jnp.ones((N, 2)),
    "positions": lambda x: x * jnp.arange(N)[:, None, None],
    "stacked": lambda x: jnp.stack([x, x + 1], axis=1).reshape(N, -1),
    "unstacked": lambda x: sum(jnp.unstack(x, axis=1)) * jnp.tile(x, (1, 2, 1))[:, 7],
    "written": lambda x: x.at[:, 1].multiply(2.0).at[:, 2].max(0.0),
    "split": lambda x: jnp.concatenate(jnp.split(x, 2, axis=-1)[::-1], axis=-1),
}
MIXING = {
    "tiled": lambda x: jnp.tile(x, (2, 1, 1))[::2],
    "written over rows": lambda x: x.at[1:].add(x[:-1]),
    "mean": lambda x: x - x.mean(axis=0),
    "maximum": lambda x: x / jnp.max(jnp.abs(x)),
    "pairs": lambda x: jnp.einsum("bij,cij->bc", x, x),
    "softmax over rows": lambda x: jax.nn.softmax(x, axis=0),
    "next row": lambda x: jnp.roll(x, 1, axis=0),
    "reversed": lambda x: x[::-1],
    "sorted": lambda x: jnp.sort(x, axis=0),
    "cumulative": lambda x: jnp.cumsum(x, axis=0),
    "first row": lambda x: x - x[0],
    "picked rows": lambda x: x[numbers(x)[:, 0]],
    "scan over rows": lambda x: lax.scan(lambda c, row: (c + row, c), jnp.zeros((5, 4)), x)[1],
    "normalised": lambda x: (x - x.mean()) / x.std(),
    "wrong reshape": lambda x: jnp.sin(x.reshape(5, N, 4)).sum(axis=0),
    "carried": lambda x: lax.scan(lambda c, x: (c + x.mean(), x + c), 0.0, x.swapaxes(0, 1))[1].swapaxes(0, 1),
    "as long as one goes on": lambda x: lax.while_loop(lambda x: jnp.any(jnp.abs(x) > 0.1), lambda x: x / 2, x),
    "convolution over rows": lambda x: convolved(x.transpose(1, 0, 2)).transpose(1, 0, 2),
    "matrices over rows": lambda x: jnp.linalg.solve(x[:, 0] @ x[:, 0].T + jnp.eye(N), x[:, 1]),
    "through a callback": lambda x: jax.pure_callback(lambda x: x, jax.ShapeDtypeStruct(x.shape, x.dtype), x),
    "no rows": lambda x: x.sum(axis=0),
    "a number": lambda x: x.sum(),
}  # fmt: skip


@pytest.mark.parametrize("name", [*APART, *MIXING])
def test_what_is_proved_is_so(name):
    fn = {**APART, **MIXING}[name]
    proved = rows_apart(jax.make_jaxpr(fn)(X), [True], N)
    assert proved == (name in APART)
    if proved:  # other rows may contain anything
        other = X.copy()
        other[3:] = RNG.normal(size=other[3:].shape) * 100
        np.testing.assert_allclose(fn(jnp.asarray(other))[:3], fn(jnp.asarray(X))[:3], rtol=2e-6, atol=1e-6)


def test_models_of_library_layers_keep_rows_apart():
    text, image = Input((7,), dtype="int32"), Input((8, 8, 3))
    h = layers.Embedding(9, 6, mask_zero=True)(text)
    h = layers.Bidirectional(layers.LSTM(4, return_sequences=True))(h)
    h = layers.GRU(4)(layers.MultiHeadAttention(2, 3)(h, h))
    z = layers.Conv2D(4, 3, activation="relu")(layers.RandomFlip()(image))
    z = layers.BatchNormalization()(layers.SeparableConv2D(4, 3, padding="same")(z))
    z = layers.MaxPooling2D(2)(layers.Conv2DTranspose(3, 2, strides=2)(z))
    z = layers.LayerNormalization()(layers.GlobalAveragePooling2D()(layers.ZeroPadding2D(1)(z)))
    z = layers.TimeDistributed(layers.Dense(3, "softmax"))(layers.RepeatVector(2)(layers.Dropout(0.5)(z)))
    y = layers.Concatenate()([layers.Flatten()(z), layers.Reshape((-1,))(h)])
    model = Model([text, image], [layers.Dense(2)(y), layers.ReLU()(h) + 1.0])
    assert ForwardPass(model, list(model.inputs), 5).keeps_rows_apart


class Centred(layers.Layer):
    def call(self, x):
        return x - jnp.mean(x, axis=0)


class Divided(layers.Layer):
    def call(self, x):
        return x / x.shape[0]


class GraphNet(Model):
    """Nodes are rows; each takes the mean of all that resemble it."""

    def __init__(self):
        super().__init__()
        self.dense = layers.Dense(3, kernel_initializer="ones")

    def call(self, x):
        near = jax.nn.softmax(jnp.matmul(x, x.T))
        return self.dense(jnp.matmul(near, x))


class Counts(layers.Layer):
    def build(self, shape):
        self.total = self.add_weight(shape=(), trainable=False, initializer="zeros", name="total")

    def call(self, x):
        self.total.assign_add(jnp.sum(jnp.ones_like(x[:, 0]) * x[:, 0] * 0 + 1))
        return x + self.total.value * 0


def functional():
    x = Input((3,))
    return Model(x, x - ops.mean(x, axis=0))


MODELS = {
    "mean": lambda: Sequential([Centred()]),
    "lambda": lambda: Sequential([layers.Lambda(lambda x: x / jnp.max(jnp.abs(x)))]),
    "graph network": GraphNet,
    "functional": functional,
    "softmax over rows": lambda: Sequential([layers.Softmax(axis=0)]),
    "number of rows": lambda: Sequential([Divided()]),
    "nested": lambda: Sequential([layers.Dense(3, kernel_initializer="ones"), Sequential([Centred()])]),
}
DATA = RNG.normal(size=(70, 3)).astype(np.float32)


def expected(model, x, size):
    return np.concatenate([np.asarray(model(x[at : at + size])) for at in range(0, len(x), size)])


# One partial batch, or a full one before the last; for one model also more batches, a single last row, two rows.
SIZES = [
    *((name, *size) for name in MODELS for size in ((10, 32), (5, 4))),
    *(("mean", *size) for size in ((70, 32), (33, 32), (2, 32))),
]


@pytest.mark.few(8)
@pytest.mark.parametrize("name, rows, size", SIZES)
def test_rows_that_are_not_there_do_not_count(name, rows, size):
    model = MODELS[name]()
    x = DATA[:rows]
    y = expected(model, x, size)
    np.testing.assert_allclose(model.predict(x, batch_size=size, verbose=0), y, rtol=1e-5, atol=1e-6)
    batches = [x[at : at + size] for at in range(0, rows, size)]
    np.testing.assert_allclose(model.predict(iter(batches), verbose=0), y, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(model.predict_on_batch(x), model(x), rtol=1e-5, atol=1e-6)
    model.compile("sgd", "mse", metrics=["mae"])
    found = model.evaluate(x, x, batch_size=size, verbose=0)
    np.testing.assert_allclose(found, [np.mean((y - x) ** 2), np.mean(np.abs(y - x))], rtol=1e-5)
    np.testing.assert_allclose(model.test_on_batch(x, x)[0], np.mean((np.asarray(model(x)) - x) ** 2), rtol=1e-5)


def test_validation_counts_no_row_that_is_not_there():
    model = Sequential([Centred(), layers.Dense(3)])
    model.compile("sgd", "mse")
    x = DATA[:42]
    history = model.fit(x, x, validation_data=(x[:10], x[:10]), verbose=0)
    assert history.history["val_loss"][0] == pytest.approx(model.evaluate(x[:10], x[:10], batch_size=10, verbose=0), rel=1e-5)


@pytest.mark.parametrize("rows, size", [(10, 32), (70, 32)])
def test_what_a_layer_keeps_counts_real_rows_only(rows, size):
    model = Sequential([Counts()])
    model.predict(DATA[:rows], batch_size=size, verbose=0)
    assert model.layers[0].total.numpy() == rows
    model.compile("sgd", losses.MeanSquaredError())
    model.evaluate(DATA[:rows], DATA[:rows], batch_size=size, verbose=0)
    assert model.layers[0].total.numpy() == 2 * rows


def test_few_rows_are_computed_as_few():
    seen = []

    class Sees(layers.Layer):
        def call(self, x):
            seen.append(x.shape[0])
            return x * 2

    model = Sequential([Sees(input_shape=(3,))])
    model.compile("sgd", "mse")
    seen.clear()
    for rows in (2, 3, 5, 6, 20, 31, 2, 6):
        np.testing.assert_array_equal(model.predict(DATA[:rows], verbose=0), DATA[:rows] * 2)
        np.testing.assert_array_equal(model.predict_on_batch(DATA[:rows]), DATA[:rows] * 2)
    assert max(seen) <= 32 and len(seen) < 12, seen
    seen.clear()
    for rows in (2, 3, 5, 6, 20, 31, 2, 6):
        np.testing.assert_allclose(model.evaluate(DATA[:rows], DATA[:rows], verbose=0), np.mean(DATA[:rows] ** 2), rtol=1e-6)
    assert max(seen) <= 32, seen


COUNTING = {
    "number": lambda x: x / x.shape[0],
    "power": lambda x: jnp.abs(x) ** x.shape[0],
    "table": lambda x: x * np.linspace(0, 1, x.shape[0], dtype="f")[:, None, None],
    "sum of ones": lambda x: x / jnp.sum(jnp.ones_like(x)),
    "positions from the end": lambda x: x * jnp.arange(x.shape[0])[::-1, None, None],
    "turns of a loop": lambda x: lax.fori_loop(0, x.shape[0], lambda i, x: x * 0.9, x),
    "in a function": jax.jit(lambda x: x - jnp.linspace(0, 1, x.shape[0])[-2]),
    "as many steps": lambda x: x - jnp.sum(jnp.ones((9, 9))[: x.shape[0]], axis=(0, 1)),
    "product of tables": lambda x: x * jnp.sum(jnp.eye(x.shape[0]) @ jnp.ones((x.shape[0], 1)), axis=0),
    "unrolled": lambda x: sum([x] * x.shape[0]),
}
NOT_COUNTING = {
    "positions": lambda x: x * jnp.arange(x.shape[0])[:, None, None],
    "a token in front": lambda x: jnp.concatenate([jnp.ones((x.shape[0], 1, 4)), x], axis=1),
    "noise": lambda x: x + jax.random.normal(jax.random.key(0), x.shape),
    "a first state": lambda x: lax.scan(lambda c, x: (c + x, None), jnp.zeros((x.shape[0], 4)), x.swapaxes(0, 1))[0],
    "steps": lambda x: x / x.shape[1] * jnp.arange(x.shape[1])[::-1, None],
    "looked up": lambda x: jnp.take_along_axis(x, jnp.argsort(x, axis=1), axis=1),
    "reshaped": lambda x: (x.reshape(-1, 4) @ W).reshape(x.shape[0], -1, 3),
}


@pytest.mark.parametrize("name", [*COUNTING, *NOT_COUNTING])
def test_the_number_of_rows_is_found_by_a_twin(name):
    fn = {**COUNTING, **NOT_COUNTING}[name]
    assert function_keeps_rows_apart(fn, jax.ShapeDtypeStruct(X.shape, X.dtype)) == (name in NOT_COUNTING)


def centred(y, p):
    return jnp.mean(jnp.square((y - jnp.mean(y, axis=0)) - (p - jnp.mean(p, axis=0))), axis=-1)


def divided(y, p):
    return jnp.mean(jnp.abs(y - p), axis=-1) / y.shape[0]


class Centring(losses.Loss):
    def call(self, y, p):
        return centred(y, p)


@pytest.mark.parametrize("fn, loss", [(centred, centred), (divided, divided), (centred, Centring())])
def test_a_loss_that_gives_a_number_for_each_row_may_look_at_all_of_them(fn, loss):
    model = Sequential([layers.Rescaling(1.5)])
    model.compile("sgd", loss, metrics=[fn])
    x, y = DATA[:5], DATA[5:10] + 1
    mean = float(jnp.mean(fn(y, 1.5 * x)))
    np.testing.assert_allclose(model.evaluate(x, y, verbose=0), [mean, mean], rtol=1e-5)
    np.testing.assert_allclose(model.test_on_batch(x, y), [mean, mean], rtol=1e-5)
    validation = (DATA[:10], DATA[10:20])
    history = model.fit(DATA[:42], DATA[:42], validation_data=validation, verbose=0).history
    np.testing.assert_allclose(history["val_loss"], float(jnp.mean(fn(DATA[10:20], 1.5 * DATA[:10]))), rtol=1e-5)


def test_an_activation_of_a_users_own_may_count_rows():
    model = Sequential([layers.Dense(3, activation=lambda x: x / x.shape[0])])
    np.testing.assert_allclose(model.predict(DATA[:5], verbose=0), model(DATA[:5]), rtol=1e-5)


def test_who_looks_on_sees_no_row_that_is_not_there():
    seen = []

    def look(x):
        jax.debug.callback(lambda x: seen.append(len(x)), x)
        return x

    Sequential([layers.Lambda(look)]).predict(DATA[:5], verbose=0)
    jax.effects_barrier()
    assert seen == [5]


def test_a_mask_may_not_mix_rows_either():
    class Largest(layers.Layer):
        def call(self, x):
            return x

        def compute_mask(self, x, mask=None):
            return x[..., 0] >= jnp.mean(x)

    model = Sequential([Largest()])
    assert not ForwardPass(model, jax.ShapeDtypeStruct((5, 3, 1), "float32"), 5).keeps_rows_apart


def test_whether_rows_are_filled_up_is_asked_for_each_shape_of_the_data():
    class SometimesCentred(layers.Layer):
        def call(self, x):
            return x - jnp.mean(x, axis=0) if x.shape[1] == 4 else x

    model = Sequential([SometimesCentred()])
    model.compile("sgd", "mse")
    long, short = RNG.normal(size=(5, 5, 3)).astype("f"), RNG.normal(size=(5, 4, 3)).astype("f")
    np.testing.assert_allclose(model.evaluate(long, 0 * long, verbose=0), np.mean(long**2), rtol=1e-5)
    expected = np.mean((short - short.mean(axis=0)) ** 2)
    np.testing.assert_allclose(model.evaluate(short, 0 * short, verbose=0), expected, rtol=1e-5)

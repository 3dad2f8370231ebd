"""Recurrent layers equal Keras' with the same weights: values, states, masks, and their gradients."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from against_keras import keras, normal, weighted_sum
from jax.experimental import rnn as cudnn

import jkeras
from jkeras.compat.standin.tensor_spec import TensorShape
from jkeras.layer.pure import split_values
from jkeras.layer.tracking import weight_entries
from jkeras.nn import recurrent, recurrent_cudnn
from jkeras.nn.activations import sigmoid, tanh
from jkeras.nn.product import product

X = normal(3, 6, 4)
MASK = np.array([[1, 1, 0, 1, 1, 0], [0, 0, 1, 1, 0, 1], [0, 0, 0, 0, 0, 0]], bool)
PLAIN = {"kernel_initializer": "zeros", "recurrent_initializer": "zeros"}  # nothing to draw: `pair` sets the weights
KINDS = {
    "simple": lambda k, **o: k.layers.SimpleRNN(5, **PLAIN, **o),
    "lstm": lambda k, **o: k.layers.LSTM(5, **PLAIN, **o),
    "lstm-relu": lambda k, **o: k.layers.LSTM(5, "relu", "hard_sigmoid", use_bias=False, **PLAIN, **o),
    "gru": lambda k, **o: k.layers.GRU(5, **PLAIN, **o),
    "gru-before": lambda k, **o: k.layers.GRU(5, reset_after=False, activation="elu", **PLAIN, **o),
    "gru-no-bias": lambda k, **o: k.layers.GRU(5, use_bias=False, **PLAIN, **o),
    "stack": lambda k, **o: k.layers.RNN([k.layers.LSTMCell(3, **PLAIN), k.layers.GRUCell(5, **PLAIN)], **o),
    "own-cell": lambda k, **o: k.layers.RNN(own_cell(k), **o),
    "own-in-stack": lambda k, **o: k.layers.RNN([own_cell(k), k.layers.SimpleRNNCell(5, **PLAIN)], **o),
    "both-ways": lambda k, **o: k.layers.Bidirectional(k.layers.LSTM(5, **PLAIN, **o), merge_mode="ave"),
    "both-ways-pair": lambda k, **o: k.layers.Bidirectional(k.layers.GRU(5, **PLAIN, **o), merge_mode=None),
}
OPTIONS = [
    {},
    {"return_sequences": True, "return_state": True},
    {"go_backwards": True, "return_sequences": True},
    {"return_state": True, "unroll": True},
    {"return_sequences": True, "zero_output_for_mask": True},
]


def own_cell(k):
    class Minimal(k.layers.Layer):
        """Keras' guide's example of a cell, with an output that is not its state."""

        def __init__(self, units=4, **kwargs):
            super().__init__(**kwargs)
            self.state_size = self.units = units

        def build(self, input_shape):
            self.kernel = self.add_weight(shape=(input_shape[-1], self.units), initializer="zeros", name="kernel")
            self.recurrent_kernel = self.add_weight(shape=(self.units, self.units), initializer="zeros", name="recurrent_kernel")

        def call(self, inputs, states):
            h = k.ops.tanh(k.ops.matmul(inputs, self.kernel) + k.ops.matmul(states[0], self.recurrent_kernel))
            return 2.0 * h, [h]

    return Minimal()


def pair(kind, options, x=X):
    ours, theirs = KINDS[kind](jkeras, **options), KINDS[kind](keras, **options)
    ours.build(x.shape), theirs.build(x.shape)
    values = [normal(*w.shape, seed=i) * 0.5 for i, w in enumerate(theirs.weights)]
    assert [w.shape for w in ours.weights[: len(values)]] == [tuple(w.shape) for w in theirs.weights]
    theirs.set_weights(values)
    for variable, value in zip(ours.weights, values):
        variable.assign(value)
    return ours, theirs


def trees(layer):
    entries = weight_entries(layer)
    return split_values(entries, [jnp.asarray(b.value) for _, b in entries], {id(b) for b in layer.trainable_weights})


def total(outputs):
    return sum(weighted_sum(leaf) for leaf in jax.tree.leaves(outputs))


def assert_equal(found, expected, tolerance):
    found, expected = jax.tree.leaves(found), jax.tree.leaves(expected)
    assert [a.shape for a in found] == [b.shape for b in expected]
    for a, b in zip(found, expected):
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance * max(1.0, float(np.abs(b).max())))


def assert_same(ours, theirs, x, **call):
    params, state = trees(ours)
    fixed = [v.value for v in theirs.non_trainable_variables]

    def run_ours(params, x, call):
        y, _ = ours.apply(params, state, x, **call)
        return total(y), y

    def run_theirs(weights, x, call):
        y, _ = theirs.stateless_call(weights, fixed, x, **call)
        return total(y), y

    both = [jax.jit(jax.value_and_grad(f, (0, 1), has_aux=True)) for f in (run_ours, run_theirs)]
    weights = [w.value for w in theirs.trainable_variables]
    (_, y), (grads, dx) = both[0](params, x, call)
    (_, y_keras), (grads_keras, dx_keras) = both[1](weights, x, call)
    assert_equal(y, y_keras, 1e-6)
    ordered = jax.tree.leaves([_at(grads, path) for path, variable in weight_entries(ours) if variable.trainable])
    assert_equal(ordered, grads_keras, 1e-5)
    assert_equal(dx, dx_keras, 1e-5)


def _at(tree, path):
    for part in path:
        tree = tree[part]
    return tree


# Each kind and each option, not all combinations: a case costs two compilations.
MASKED = ("lstm", "gru", "stack", "own-cell", "both-ways")
CASES = [(kind, OPTIONS[i % 5], kind in MASKED) for i, kind in enumerate(KINDS)]


@pytest.mark.parametrize(("kind", "options", "masked"), CASES, ids=str)
def test_equals_keras(kind, options, masked):
    if masked or "own" in kind:  # Keras' unrolled loop treats masks differently, and keeps the tracers of such a cell
        options = {**options, "unroll": False}
    if "both-ways" in kind:  # the wrapper sets the direction
        options = {**options, "go_backwards": False}
    assert_same(*pair(kind, options), X, **({"mask": jnp.asarray(MASK)} if masked else {}))


@pytest.mark.parametrize("kind", ["lstm", "own-cell", "both-ways"])
def test_initial_state_equals_keras(kind):
    ours, theirs = pair(kind, {"return_sequences": True})
    sizes = {"lstm": [5] * 2, "own-cell": [4], "both-ways": [5] * 4}[kind]
    assert_same(ours, theirs, X, initial_state=[jnp.asarray(normal(3, n, seed=n + i)) for i, n in enumerate(sizes)])


@pytest.mark.parametrize("kind", ["lstm", "own-cell"])
def test_stateful_layers_continue_as_keras(kind):
    ours, theirs = pair(kind, {"stateful": True})
    for layer in (ours, theirs):
        layer.reset_state()
    for x in (X, X[:, ::-1]):
        assert_equal(ours(x), theirs(x), 1e-6)
    params, state = trees(ours)
    y, after = jax.jit(ours.apply)(params, state, X)
    assert_equal(y, theirs(X), 1e-6)
    assert any((a != b).any() for a, b in zip(jax.tree.leaves(after), jax.tree.leaves(state)))
    ours.reset_states(), theirs.reset_states()
    assert_equal(ours(X), theirs(X), 1e-6)
    with pytest.raises(ValueError, match="states of 3 rows"):
        ours(X[:2])


@pytest.mark.parametrize("kind", ["lstm", "stack", "both-ways"])
def test_names_of_weights_are_those_of_keras(kind):
    ours, theirs = pair(kind, {})
    assert [w.name for w in ours.weights] == [w.name for w in theirs.weights]
    last_two = [w.path.split("/")[-2].rstrip("_0123456789") for w in theirs.weights]
    assert [path[-2].rstrip("_0123456789") for path, _ in weight_entries(ours)] == last_two


@pytest.mark.parametrize("cell", ["SimpleRNNCell", "LSTMCell", "GRUCell"])
def test_a_cell_alone_is_one_step(cell):
    ours, theirs = getattr(jkeras.layers, cell)(5), getattr(keras.layers, cell)(5)
    states = [normal(3, 5, seed=i) for i in range(2 if cell == "LSTMCell" else 1)]
    theirs(X[:, 0], states)
    ours.build((3, 4))
    ours.set_weights(theirs.get_weights())
    assert_equal(ours(X[:, 0], states), theirs(X[:, 0], states), 1e-6)
    assert (ours.state_size, ours.output_size) == (theirs.state_size, theirs.output_size)
    assert_equal(ours.get_initial_state(2), theirs.get_initial_state(2), 0)


def test_the_forget_gate_starts_open():
    cell = jkeras.layers.LSTMCell(2)
    cell.build((None, 3))
    assert np.asarray(cell.bias).tolist() == [0, 0, 1, 1, 0, 0, 0, 0]


def test_masks_travel_from_an_embedding():
    def model(k):
        layers = [k.layers.Embedding(9, 4, mask_zero=True), k.layers.Bidirectional(k.layers.GRU(3, return_sequences=True))]
        return k.Sequential([k.layers.Input((6,)), *layers, k.layers.LSTM(2)])

    ours, theirs = model(jkeras), model(keras)
    ours.set_weights(theirs.get_weights())
    x = np.array([[1, 2, 3, 0, 0, 0], [4, 0, 5, 6, 7, 8]])
    assert_equal(ours(x), theirs(x), 1e-6)


@pytest.mark.few(2)
@pytest.mark.parametrize(
    ("layer", "option"),
    [("SimpleRNN", "recurrent_dropout"), ("LSTM", "dropout"), ("LSTM", "recurrent_dropout"), ("GRU", "dropout")],
)
def test_noise_is_drawn_once_per_sequence(layer, option):
    """With all weights one, steps differ only by what noise makes of equal inputs; equal noise makes equal inputs of them."""
    made = getattr(jkeras.layers, layer)(3, activation="linear", return_sequences=True, **{option: 0.5})
    x = jnp.ones((64, 4, 6))
    params, state = made.init(jax.random.key(0), x)
    run = jax.jit(lambda key, training: made.apply(params, state, x, training=training, rng=key)[0], static_argnums=1)
    y, again, other = run(jax.random.key(1), True), run(jax.random.key(1), True), run(jax.random.key(2), True)
    assert (y == again).all() and not np.allclose(y, other)
    still = made.apply(params, state, x)[0]
    assert np.ptp(np.asarray(still), axis=0).max() < 1e-6 < np.ptp(np.asarray(y)[:, -1], axis=0).max()


def test_input_noise_is_the_noise_of_every_step():
    layer = jkeras.layers.SimpleRNN(6, "linear", False, "identity", "zeros", dropout=0.5, return_sequences=True)
    x = jnp.ones((8, 5, 6))
    params, state = layer.init(jax.random.key(0), x)
    y = np.asarray(layer.apply(params, state, x, training=True, rng=jax.random.key(1))[0])
    assert (y == y[:, :1]).all() and set(np.unique(y)) == {0.0, 2.0}


class Counting(jkeras.layers.Layer):
    """A cell that assigns a weight, adds a loss and draws, at each step."""

    state_size = 3

    def build(self, input_shape):
        self.steps = self.add_weight(shape=(), initializer="zeros", trainable=False, name="steps")
        self.drop = jkeras.layers.Dropout(0.5)
        self.dense = jkeras.layers.Dense(3, kernel_initializer="identity")
        self.dense.build(input_shape)

    def call(self, inputs, states, training=False):
        self.steps.assign_add(1.0)
        self.add_loss(jnp.mean(inputs))
        self.saved = inputs
        h = self.drop(self.dense(inputs), training=training)
        return h, [h]


def test_effects_of_a_cell_of_ones_own_leave_the_loop():
    layer = jkeras.layers.RNN(Counting(), return_sequences=True)
    x = jnp.ones((64, 5, 3))
    layer(x)
    assert float(layer.cell.steps.value) == 5.0 and float(sum(layer.losses)) == 5.0
    params, state = trees(layer)
    with jax.checking_leaks():
        y, after, loss = jax.jit(lambda p, s, key: layer.apply_with_losses(p, s, x, training=True, rng=key))(
            params, state, jax.random.key(1)
        )
    assert float(jax.tree.leaves(after)[0]) == 10.0 and float(loss) == 5.0
    assert all((y[:, t] != y[:, t + 1]).any() for t in range(4)), "each step draws anew"
    grads = jax.grad(lambda p: layer.apply(p, state, x)[0].sum())(params)
    assert any(float(abs(g).max()) > 0 for g in jax.tree.leaves(grads))


CELLS = {
    "simple": (recurrent.simple_gates(tanh), 1, 1, False),
    "lstm": (recurrent.lstm_gates(tanh, sigmoid), 4, 2, False),
    "lstm-jax": (recurrent.lstm_gates(jnp.tanh, sigmoid), 4, 2, False),
    "gru": (recurrent.gru_gates(tanh, sigmoid), 3, 1, True),
}


@pytest.mark.few(2)
@pytest.mark.parametrize(("cell", "masked"), [("simple", False), ("lstm", True), ("lstm-jax", False), ("gru", True)])
def test_the_derivative_rule_is_that_of_a_plain_scan(cell, masked):
    """Forward mode, reverse mode, and a derivative of a derivative, against JAX's own of the same loop, in float64."""
    gates, count, held, sided = CELLS[cell]
    with jax.enable_x64(True):
        added, kernel = (
            jnp.asarray(np.random.default_rng(i).normal(size=s)) for i, s in enumerate([(6, 3, count * 2), (2, count * 2)])
        )
        side = added[..., :2] * 0.5 if sided else None
        states = tuple(added[i, :, :2] for i in range(held))
        mask = jnp.asarray(MASK.T[..., None]) if masked else None

        def ours(args):
            added, side, kernel, states = args
            return total(recurrent.unfold(gates, product, False, added, side, kernel, states, mask, None))

        def plain(args):
            added, side, kernel, states = args

            def step(xs, states):
                return gates(xs[0] + states[0] @ kernel, xs[1], states)

            return total(recurrent.unfold_step(step, (added, side), states, mask))

        args = (added, side, kernel, states)

        def all_of_them(f):
            return (
                f(args),
                jax.grad(f)(args),
                jax.jvp(jax.grad(f), (args,), (args,))[1],
                jax.grad(lambda a: total(jax.grad(f)(a)))(args),
            )

        assert_equal(*jax.jit(lambda: (all_of_them(ours), all_of_them(plain)))(), 1e-10)


def test_the_kernel_gradient_is_one_product_after_the_loop():
    """In the gradient's program no loop body holds a product that is as big as the kernel."""

    def loss(kernel):
        zeros = jnp.zeros((8, 16))
        return total(
            recurrent.unfold(CELLS["lstm"][0], product, False, jnp.ones((9, 8, 64)), None, kernel, (zeros, zeros), None, None)
        )

    text = str(jax.make_jaxpr(jax.grad(loss))(jnp.ones((16, 64))))
    bodies = [part.split("length=")[0] for part in text.split("scan[")[1:]]
    assert len(bodies) >= 2 and not any("f32[16,64] = dot_general" in body for body in bodies)


def test_weights_are_packed_for_cudnn():
    kernel, hidden, bias = normal(4, 20), normal(5, 20, seed=1), normal(20, seed=2)
    layer = jkeras.layers.LSTM(5, return_sequences=True)
    layer.build(X.shape)
    layer.set_weights([kernel, hidden, bias])
    flat = recurrent_cudnn.pack_lstm_weights(*map(jnp.asarray, (kernel, hidden, bias)))
    unpacked = cudnn.unpack_lstm_weights(flat, 4, 5, 1, False)
    zeros, lengths = jnp.zeros((1, 3, 5)), jnp.full((3,), 6, jnp.int32)
    y, _, _ = cudnn.lstm_ref(X, zeros, zeros, *unpacked, lengths, 4, 5, 1, 0.0, False)
    assert_equal(layer(X), y, 1e-6)


BAD = {
    "takes a positive integer as units": lambda: jkeras.layers.LSTM(0),
    "use_cudnn is": lambda: jkeras.layers.GRU(2, use_cudnn="yes"),
    "state_size": lambda: jkeras.layers.RNN(jkeras.layers.Dense(2)),
    "so it must know how many": lambda: jkeras.layers.LSTM(2, stateful=True)(jkeras.Input((3, 4))),
    "merge_mode": lambda: jkeras.layers.Bidirectional(jkeras.layers.LSTM(2), merge_mode="sums"),
    "opposite ways": lambda: jkeras.layers.Bidirectional(jkeras.layers.LSTM(2), backward_layer=jkeras.layers.LSTM(2)),
    "agree in return_state": lambda: jkeras.layers.Bidirectional(
        jkeras.layers.LSTM(2), backward_layer=jkeras.layers.LSTM(2, go_backwards=True, return_state=True)
    ),
    "cuDNN cannot run it here": lambda: jkeras.layers.LSTM(2, use_cudnn=True, recurrent_dropout=0.1)(X),
}


@pytest.mark.parametrize("message", BAD)
def test_errors_say_what_to_write(message):
    with pytest.raises(ValueError, match=message):
        BAD[message]()


def test_the_state_of_a_cell_may_have_several_axes():
    class Moving(jkeras.layers.Layer):
        state_size = TensorShape([2, 3])

        def call(self, inputs, states):
            state = states[0] + inputs
            return state * 2.0, [state]

    x = normal(4, 5, 2, 3)
    y, last = jkeras.layers.RNN(Moving(), return_sequences=True, return_state=True)(x)
    np.testing.assert_allclose(y, 2 * np.cumsum(x, 1), rtol=1e-5)
    np.testing.assert_allclose(last, x.sum(1), rtol=1e-5)

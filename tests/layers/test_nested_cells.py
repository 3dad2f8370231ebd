"""Cells of one's own with several inputs, outputs and nested states; a list that holds sequences and first states."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jkeras
from jkeras.compat.standin.tensor_spec import TensorShape

random = np.random.default_rng(0)
SOUND, VIDEO = random.normal(size=(4, 6, 2)).astype("float32"), random.normal(size=(4, 6, 3, 2)).astype("float32")
MASK = np.array([[1, 1, 1, 1, 1, 1], [0, 0, 1, 1, 0, 1], [1, 1, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0]], bool)


class Sums(jkeras.layers.Layer):
    """Running sums of two inputs, as two outputs of other ranks; the states are nested as told."""

    def __init__(self, names=None):
        super().__init__()
        self.names = names
        self.state_size = [2, {"video": TensorShape([3, 2])}]

    def build(self, shapes):
        given = list(shapes.values()) if self.names else list(shapes)
        assert [shape[1:] for shape in given] == [(2,), (3, 2)]
        self.scale = self.add_weight(shape=(), initializer="ones", name="scale")

    def call(self, inputs, states):
        sound, video = (inputs[name] for name in self.names) if self.names else inputs
        sums = states[0] + self.scale * sound, states[1]["video"] + self.scale * video
        return sums, [sums[0], {"video": sums[1]}]


def reference(mask, zero=False, backwards=False):
    """The outputs of all steps and the last states, step by step in NumPy."""
    steps = list(range(6))[:: -1 if backwards else 1]
    states = outputs = [np.zeros((4, 2)), np.zeros((4, 3, 2))]
    shown = []
    for t in steps:
        keeps = [mask[:, t].reshape(4, *(1,) * (s.ndim - 1)) for s in states]
        states = [np.where(k, s + x[:, t], s) for k, s, x in zip(keeps, states, (SOUND, VIDEO))]
        outputs = [np.where(k, s, 0 if zero else o) for k, s, o in zip(keeps, states, outputs)]
        shown.append(outputs)
    return [np.stack(one, 1) for one in zip(*shown)], states


@pytest.mark.parametrize("inputs", ["tuple", "dict"])
@pytest.mark.parametrize("mask", [None, MASK], ids=["all", "masked"])
@pytest.mark.parametrize("options", [{}, {"zero_output_for_mask": True}, {"go_backwards": True}, {"unroll": True}], ids=str)
def test_several_inputs_and_outputs(inputs, mask, options):
    names = ("sound", "video") if inputs == "dict" else None
    given = {"sound": SOUND, "video": VIDEO} if names else (SOUND, VIDEO)
    layer = jkeras.layers.RNN(Sums(names), return_sequences=True, return_state=True, **options)
    outputs, sound, last = layer(given, mask=mask)
    all_steps = np.ones((4, 6), bool) if mask is None else mask
    sequences, states = reference(all_steps, options.get("zero_output_for_mask"), options.get("go_backwards"))
    for ours, theirs in zip((*outputs, sound, last["video"]), (*sequences, *states), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_a_graph_of_such_a_cell_trains_and_knows_its_shapes():
    inputs = jkeras.Input((None, 2)), jkeras.Input((None, 3, 2))
    model = jkeras.Model(list(inputs), jkeras.layers.RNN(Sums())(inputs))
    assert [tuple(y.shape) for y in model.outputs] == [(None, 2), (None, 3, 2)]
    targets = [2 * SOUND.sum(1), 2 * VIDEO.sum(1)]
    params, state = model.params_and_state()

    def loss(params):
        y, _ = model.apply(params, state, [SOUND, VIDEO])
        return sum(jnp.sum(jnp.square(a - b)) for a, b in zip(y, targets))

    expected = sum(-2 * np.sum(np.square(target)) / 4 for target in targets)  # at scale 1, of (scale * sum - 2 * sum)^2
    np.testing.assert_allclose(jax.tree.leaves(jax.grad(loss)(params)), [expected], rtol=1e-5)
    model.compile("adam", "mse")
    model.fit([SOUND, VIDEO], targets, verbose=0)
    assert float(model.trainable_variables[0].value) > 1


def test_a_masked_input_among_several_masks_the_steps():
    words = np.array([[1, 2, 0], [3, 0, 0]])
    vectors = jkeras.layers.Embedding(4, 2, mask_zero=True, embeddings_initializer="ones")(words)
    video = jnp.ones((2, 3, 3, 2))
    sound, _ = jkeras.layers.RNN(Sums())((vectors, video))
    assert sound.tolist() == [[2, 2], [1, 1]]


@pytest.mark.parametrize(
    "layer", [jkeras.layers.LSTM(2), jkeras.layers.Bidirectional(jkeras.layers.GRU(2))], ids=["LSTM", "both"]
)
def test_a_list_holds_sequences_and_first_states(layer):
    states = [random.normal(size=(4, 2)).astype("float32") for _ in range(2)]
    np.testing.assert_array_equal(layer([SOUND, *states]), layer(SOUND, initial_state=states))
    symbols = [jkeras.Input((6, 2)), jkeras.Input((2,)), jkeras.Input((2,))]
    model = jkeras.Model(symbols, layer(symbols))
    np.testing.assert_allclose(model.predict([SOUND, *states], verbose=0), layer(SOUND, initial_state=states), rtol=1e-5)


def test_cells_of_the_package_take_one_array():
    with pytest.raises(ValueError, match="takes one array in each step"):
        jkeras.layers.RNN(jkeras.layers.LSTMCell(2))((SOUND, SOUND))

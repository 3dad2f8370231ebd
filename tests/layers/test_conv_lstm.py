"""ConvLSTM1D to ConvLSTM3D beyond the laws: states, masks, noise, open sizes, wrappers, files."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from against_keras import keras, normal, weighted_sum

import jkeras
from jkeras.layers.recurrent.conv_lstm_cell import ConvLSTMCell

X = normal(2, 3, 5, 4, 2)
MASK = np.array([[1, 0, 1], [0, 1, 0]], bool)
STATES = [normal(2, 4, 3, 3, seed=i) for i in (1, 2)]


def made(package, *wrapped, **options):
    layer = package.layers.ConvLSTM2D(3, 2, name="images", **options)
    for wrapper in wrapped:
        layer = getattr(package.layers, wrapper)(layer, name="outer")
    return layer


def pair(*wrapped, shape=X.shape, **options):
    ours, theirs = (made(package, *wrapped, **options) for package in (jkeras, keras))
    ours.build(shape), theirs.build(shape)
    values = [normal(*w.shape, seed=i) * 0.5 for i, w in enumerate(theirs.weights)]
    ours.set_weights(values), theirs.set_weights(values)
    assert [w.name for w in ours.weights] == [w.name for w in theirs.weights]
    return ours, theirs


def assert_equal(found, expected, tolerance=1e-6):
    found, expected = jax.tree.leaves(found), jax.tree.leaves(expected)
    assert [a.shape for a in found] == [b.shape for b in expected]
    for a, b in zip(found, expected):
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance * max(1.0, float(np.abs(b).max())))


@pytest.mark.parametrize(
    ("wrapped", "options", "call"),
    [
        ((), {"return_state": True, "go_backwards": True}, {"initial_state": STATES}),
        (("Bidirectional",), {"return_sequences": True}, {"initial_state": STATES * 2}),
        (("TimeDistributed",), {"strides": 2}, {}),
    ],
    ids=["states", "both ways", "steps of sequences"],
)
def test_values_and_gradients_equal_keras(wrapped, options, call):
    x = X[None] if "TimeDistributed" in wrapped else X
    ours, theirs = pair(*wrapped, shape=x.shape, **options)
    params, state = ours.params_and_state()

    def total(outputs):
        return sum(weighted_sum(leaf) for leaf in jax.tree.leaves(outputs))

    found = jax.jit(jax.value_and_grad(lambda p, x: total(ours.apply(p, state, x, **call)[0]), (0, 1)))(params, x)
    weights, fixed = ([v.value for v in kind] for kind in (theirs.trainable_variables, theirs.non_trainable_variables))
    run = jax.value_and_grad(lambda w, x: total(theirs.stateless_call(w, fixed, x, **call)[0]), (0, 1))
    value, (by_weight, by_input) = jax.jit(run)(weights, x)
    assert_equal([found[0], found[1][1]], [value, by_input], 1e-5)
    sizes = {g.shape: np.sort(np.ravel(g)) for g in by_weight}
    for g in jax.tree.leaves(found[1][0]):  # bidirectional weights have equal shapes
        if len(sizes) == len(by_weight):
            assert_equal(np.sort(np.ravel(g)), sizes[g.shape], 1e-5)


@pytest.mark.parametrize("zeros", [False, True])
def test_a_mask_holds_the_states_of_its_rows(zeros):
    """The loop, the steps written out, and Keras' steps written out, whose loop takes the mask along another axis."""
    options = {"return_sequences": True, "return_state": True, "zero_output_for_mask": zeros}
    loop, _ = pair(**options)
    steps, theirs = pair(unroll=True, **options)
    found = loop(X, mask=MASK)
    assert_equal(found, steps(X, mask=MASK))
    if not zeros:  # which Keras' written-out steps ignore
        assert_equal(found, theirs(X, mask=MASK))
    assert zeros == bool((np.asarray(found[0])[~MASK] == 0).all())


def test_stateful_layers_continue_as_keras():
    ours, theirs = pair(stateful=True)
    for x in (X, X[:, ::-1]):
        assert_equal(ours(x), theirs(x))
    ours.reset_state(), theirs.reset_state()
    assert_equal(ours(X), theirs(X))


def test_the_size_of_images_may_stay_open():
    inputs = jkeras.Input((None, None, None, 2))
    model = jkeras.Model(inputs, made(jkeras, padding="same", strides=2)(inputs))
    assert model.output_shape == (None, None, None, 3)
    assert model.predict(X, verbose=0).shape == (2, 3, 2, 3)
    with pytest.raises(ValueError, match="leaves the size of an image open"):
        model.layers[-1].get_initial_state(2)


def test_noise_is_drawn_once_per_sequence():
    layer = made(jkeras, dropout=0.5, recurrent_dropout=0.4, activation="linear", return_sequences=True)
    x = jnp.ones((4, 3, 5, 4, 2))
    params, state = layer.init(jax.random.key(0), x)
    run = jax.jit(lambda key, training: layer.apply(params, state, x, training=training, rng=key)[0], static_argnums=1)
    y, again, other = run(jax.random.key(1), True), run(jax.random.key(1), True), run(jax.random.key(2), True)
    assert (y == again).all() and not np.allclose(y, other)
    still = np.asarray(run(jax.random.key(1), False))
    assert np.ptp(still, axis=0).max() < 1e-6 < np.ptp(np.asarray(y), axis=0).max()
    factors, _ = layer.cell.noise(jax.random.key(3), x[:, 0], y[:, 0])
    assert factors.shape == (4, 4, 5, 4, 2) and (factors[0] != factors[1]).any(), "each gate has its own"


def test_convolutions_of_all_steps_stand_outside_the_loop():
    """In the gradient's program, each loop holds one convolution, that of the state, and no kernel is summed up in it."""
    layer = made(jkeras)
    params, state = layer.init(jax.random.key(0), X)
    text = str(jax.make_jaxpr(jax.grad(lambda p: layer.apply(p, state, X)[0].sum()))(params))
    bodies = [part.split("length=")[0] for part in text.split("scan[")[1:]]
    assert len(bodies) == 2 and not any("f32[2,2,3,12] = " in body for body in bodies)


def test_files_go_both_ways(tmp_path):
    for source, target in ((jkeras, keras), (keras, jkeras)):
        model = source.Sequential([source.layers.Input((3, 5, 4, 2)), made(source, data_format="channels_last")])
        for name in ("m.keras", "m.h5", "m.weights.h5"):
            if "weights" in name:
                model.save_weights(tmp_path / name)
                again = target.Sequential([target.layers.Input((3, 5, 4, 2)), made(target)])
                again.load_weights(tmp_path / name)
            else:
                model.save(tmp_path / name)
                again = target.models.load_model(tmp_path / name)
            assert_equal(np.asarray(again(X)), np.asarray(model(X)))


def test_keras_2_files_go_both_ways(tmp_path):
    tf_keras = pytest.importorskip("tf_keras")

    def model(package):
        return package.Sequential([package.layers.Input((3, 5, 4, 2)), made(package, return_sequences=True)])

    theirs = model(tf_keras)
    theirs.save(tmp_path / "theirs.h5")
    again = jkeras.models.load_model(tmp_path / "theirs.h5")
    assert_equal(np.asarray(again(X)), theirs(X).numpy())
    again.save_weights(tmp_path / "ours.weights.h5")
    again.save(tmp_path / "ours.h5")
    assert_equal(tf_keras.models.load_model(tmp_path / "ours.h5")(X).numpy(), theirs(X).numpy())


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"filters": 0}, "filters"),
        ({"strides": 2, "dilation_rate": 2}, "not both"),
        ({"padding": "causal"}, "padding"),
        ({"kernel_size": (2, 2, 2)}, "kernel_size"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(options, text):
    for package in (jkeras, keras):
        if package is jkeras or "filters" not in options:
            with pytest.raises(ValueError, match=text if package is jkeras else None):
                package.layers.ConvLSTM2D(**{"filters": 3, "kernel_size": 2, **options})


def test_a_cell_alone_is_one_step():
    cell = ConvLSTMCell(2, 3, 2, data_format="channels_first")
    x = jnp.asarray(np.moveaxis(X[:, 0], -1, 1))
    y, (h, c) = cell(x, cell.zero_states(x.shape))
    assert y.shape == h.shape == c.shape == (2, 3, 4, 3) and (y == h).all()

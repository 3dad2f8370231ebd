"""`jkeras.backend`: the values of Keras 2's backend, and the ways scripts use it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jkeras
import jkeras.backend as K
from jkeras import layers
from jkeras.training.programs.recompiles import compiles_by_name

rng = np.random.default_rng(0)
A = rng.normal(size=(2, 3, 4)).astype("float32")
B = rng.normal(size=(2, 4, 5)).astype("float32")
V = rng.uniform(0.05, 0.95, size=(4, 5)).astype("float32")
P = (V / V.sum(-1, keepdims=True)).astype("float32")
ONE_HOT = np.eye(5, dtype="float32")[[0, 2, 4, 1]]
IMAGES = rng.normal(size=(2, 6, 5, 3)).astype("float32")
KERNEL = rng.normal(size=(3, 2, 3, 4)).astype("float32")
FRAMES = rng.uniform(0.1, 1, size=(2, 6, 4)).astype("float32")
FRAMES /= FRAMES.sum(-1, keepdims=True)


def constant(k, x):
    return k.constant(x)


EXPRESSIONS = {
    "mean": lambda k: k.mean(constant(k, A), axis=[0, 1]),
    "var": lambda k: k.var(constant(k, A), axis=-1, keepdims=True),
    "std": lambda k: k.std(constant(k, A)),
    "sqrt": lambda k: k.sqrt(constant(k, A)),
    "argmax": lambda k: k.argmax(constant(k, A)),
    "cumprod": lambda k: k.cumprod(constant(k, A)),
    "clip": lambda k: k.clip(constant(k, A), 0.5, -0.5),
    "round": lambda k: k.round(constant(k, A * 3)),
    "sign and pow": lambda k: k.sign(constant(k, A)) * k.pow(k.abs(constant(k, A)), 1.5),
    "any": lambda k: k.any(k.greater(constant(k, A), 1.0), axis=1),
    "dot": lambda k: k.dot(constant(k, A), constant(k, V)),
    "batch_dot": lambda k: k.batch_dot(constant(k, A), constant(k, B)),
    "batch_dot axes": lambda k: k.batch_dot(constant(k, A), constant(k, B), axes=(2, 1)),
    "batch_dot vectors": lambda k: k.batch_dot(constant(k, V), constant(k, P), axes=1),
    "batch_dot mixed": lambda k: k.batch_dot(constant(k, A), constant(k, A[:, 0]), axes=[2, 1]),
    "batch_dot default mixed": lambda k: k.batch_dot(constant(k, A[:, 0]), constant(k, B)),
    "batch_dot large": lambda k: k.batch_dot(constant(k, IMAGES), constant(k, IMAGES), axes=(2, 2)),
    "repeat": lambda k: k.repeat(constant(k, V), 3),
    "repeat_elements": lambda k: k.repeat_elements(constant(k, A), 2, axis=1),
    "tile": lambda k: k.tile(constant(k, V), (2, 1)),
    "batch_flatten": lambda k: k.batch_flatten(constant(k, A)),
    "permute": lambda k: k.permute_dimensions(constant(k, A), (2, 0, 1)),
    "gather": lambda k: k.gather(constant(k, V), k.constant([3, 0], dtype="int32")),
    "reverse": lambda k: k.reverse(constant(k, A), axes=[1]),
    "one_hot": lambda k: k.one_hot(k.constant([1, 0], dtype="int32"), 3),
    "l2_normalize": lambda k: k.l2_normalize(constant(k, A), axis=1),
    "switch rows": lambda k: k.switch(k.constant([[True], [False]], dtype="bool"), constant(k, A), constant(k, -A)),
    "relu": lambda k: k.relu(constant(k, A), alpha=0.1, max_value=1.0, threshold=0.2),
    "hard_sigmoid": lambda k: k.hard_sigmoid(constant(k, 4 * A)),
    "elu": lambda k: k.elu(constant(k, A), 0.5),
    "softmax": lambda k: k.softmax(constant(k, A), axis=1),
    "binary_crossentropy": lambda k: k.binary_crossentropy(constant(k, ONE_HOT), constant(k, V)),
    "binary from logits": lambda k: k.binary_crossentropy(constant(k, ONE_HOT), constant(k, V), from_logits=True),
    "categorical_crossentropy": lambda k: k.categorical_crossentropy(constant(k, ONE_HOT), constant(k, V)),
    "sparse_crossentropy": lambda k: k.sparse_categorical_crossentropy(constant(k, [[1.0], [0.0], [4.0], [2.0]]), constant(k, P)),
    "focal": lambda k: k.binary_focal_crossentropy(constant(k, ONE_HOT), constant(k, V), True),
    "categorical focal": lambda k: k.categorical_focal_crossentropy(constant(k, ONE_HOT), constant(k, V)),
    "conv1d causal": lambda k: k.conv1d(constant(k, A), constant(k, KERNEL[:, :, 0, :].reshape(2, 4, 3)), padding="causal"),
    "conv2d": lambda k: k.conv2d(constant(k, IMAGES), constant(k, KERNEL), strides=(2, 1), padding="same"),
    "conv2d_transpose": lambda k: k.conv2d_transpose(
        constant(k, IMAGES), constant(k, KERNEL.transpose(0, 1, 3, 2)), (2, 12, 10, 4), strides=(2, 2), padding="same"
    ),
    "depthwise_conv2d": lambda k: k.depthwise_conv2d(constant(k, IMAGES), constant(k, KERNEL)),
    "pool2d": lambda k: k.pool2d(constant(k, IMAGES), (2, 2), padding="same", pool_mode="avg"),
    "bias_add": lambda k: k.bias_add(constant(k, IMAGES), constant(k, [1.0, 2.0, 3.0])),
    "bias_add first": lambda k: k.bias_add(constant(k, IMAGES), constant(k, rng.normal(size=6)), data_format="channels_first"),
    "resize_images": lambda k: k.resize_images(constant(k, IMAGES), 2, 3, "channels_last"),
    "resize bilinear": lambda k: k.resize_images(constant(k, IMAGES), 2, 2, "channels_last", interpolation="bilinear"),
    "spatial_2d_padding": lambda k: k.spatial_2d_padding(constant(k, IMAGES), ((1, 0), (2, 1))),
    "temporal_padding": lambda k: k.temporal_padding(constant(k, A), (2, 0)),
    "batch_normalization": lambda k: k.batch_normalization(
        constant(k, V), constant(k, V[0]), constant(k, V[1]), constant(k, V[2]), constant(k, V[3])
    ),
    "normalize in training": lambda k: k.normalize_batch_in_training(constant(k, A), constant(k, B[0, :, 0]), None, [0, 1])[0]
    if k is K
    else k.normalize_batch_in_training(constant(k, A), constant(k, B[0, :, 0]), constant(k, np.zeros(4)), [0, 1])[0],
    "foldl": lambda k: k.foldl(lambda total, x: total * 2 + x, constant(k, A)),
    "foldr": lambda k: k.foldr(lambda total, x: total * 2 + x, constant(k, A)),
    "map_fn": lambda k: k.map_fn(lambda x: k.sum(x * x), constant(k, A)),
    "in_top_k": lambda k: k.in_top_k(constant(k, V), k.constant([0, 1, 2, 3], dtype="int32"), 2),
    "ctc_batch_cost": lambda k: k.ctc_batch_cost(
        k.constant([[0, 1], [2, 0]], dtype="int32"), constant(k, FRAMES),
        k.constant([[6], [5]], dtype="int32"), k.constant([[2], [1]], dtype="int32"),
    ),
    "ctc_decode": lambda k: k.ctc_decode(constant(k, FRAMES), k.constant([6, 6], dtype="int32"))[0][0],
    "arange": lambda k: k.arange(2, 9, 3),
    "in_train_phase": lambda k: k.in_train_phase(constant(k, A), constant(k, V), training=1),
    "logsumexp": lambda k: k.logsumexp(constant(k, A), axis=1) if k is K else k.log(k.sum(k.exp(constant(k, A)), axis=1)),
}  # fmt: skip


@pytest.fixture(scope="module")
def keras2():
    return pytest.importorskip("tf_keras").backend


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_values_are_those_of_keras_2(name, keras2):
    state = rng.bit_generator.state
    ours = np.asarray(EXPRESSIONS[name](K))
    rng.bit_generator.state = state
    theirs = keras2.eval(EXPRESSIONS[name](keras2))
    assert ours.shape == theirs.shape
    np.testing.assert_allclose(ours, theirs, rtol=2e-5, atol=2e-6)


def test_rnn_is_that_of_keras_2(keras2):
    mask = np.array([[1, 1, 0], [0, 1, 1]], bool)

    def run(k, **options):
        def step(x, states):
            h = states[0] * 0.5 + k.sum(x, axis=-1, keepdims=True)
            return h * states[1], [h]

        start, factor = k.constant(np.ones((2, 1), "float32")), k.constant(np.full((2, 1), 2.0, "float32"))
        last, every, states = k.rnn(step, k.constant(A), [start], constants=[factor], **options)
        return [np.asarray(v) for v in (last, every, states[0])]

    for masked in [{}, {"go_backwards": True}, {"mask": mask}, {"mask": mask, "zero_output_for_mask": True}]:
        for ours, theirs in zip(run(K, **masked), run(keras2, **masked)):
            np.testing.assert_allclose(ours, theirs, rtol=1e-5, err_msg=str(masked))


def test_functions_of_symbolic_tensors_make_a_model_that_can_be_saved():
    x = layers.Input((3, 4))
    y = K.batch_dot(K.square(x), K.l2_normalize(x, axis=-1), axes=2)
    y = K.clip(K.sqrt(K.abs(K.batch_flatten(y))), 0.1, 2.0)
    y = K.concatenate([y, K.expand_dims(K.mean(K.hard_sigmoid(x), axis=[1, 2]))])
    model = jkeras.Model(x, y)
    assert K.int_shape(y) == (None, 10) and K.is_keras_tensor(y) and K.ndim(y) == 2
    again = jkeras.Model.from_config(model.get_config())
    np.testing.assert_allclose(model.predict(A, verbose=0), again.predict(A, verbose=0))
    squares = np.einsum("bik,bjk->bij", A**2, A / np.sqrt((A**2).sum(-1, keepdims=True))).reshape(2, -1)
    np.testing.assert_allclose(model.predict(A, verbose=0)[:, :9], np.clip(np.sqrt(np.abs(squares)), 0.1, 2), rtol=1e-4)


def test_custom_loss_metric_and_lambda():
    def loss(y_true, y_pred):
        return K.mean(K.square(y_pred - y_true), axis=-1) + K.epsilon()

    def within(y_true, y_pred):
        return K.mean(K.cast(K.less(K.abs(y_true - y_pred), 0.5), K.floatx()))

    model = jkeras.Sequential([layers.Input((4,)), layers.Lambda(lambda x: K.pow(x, 2)), layers.Dense(1)])
    model.compile("sgd", loss, metrics=[within])
    x, y = V[:, :4], V[:, 4:]
    found = model.evaluate(x, y, verbose=0)
    error = model.predict(x, verbose=0) - y
    np.testing.assert_allclose(found, [np.mean(error**2), np.mean(np.abs(error) < 0.5)], rtol=1e-4)


def sampling_model():
    x = layers.Input((2,))

    def sample(args):
        mean, log_variance = args
        noise = K.random_normal(shape=(K.shape(mean)[0], K.int_shape(mean)[1]))
        return mean + K.exp(0.5 * log_variance) * noise

    inside = layers.Lambda(sample)([x, K.zeros_like(x)])
    return jkeras.Model(x, [inside, x + K.random_normal((K.shape(x)[0], 2)), K.reshape(x, (K.shape(x)[0] * 2, 1))])


def test_shapes_of_symbolic_tensors_are_known_when_the_model_runs():
    model = sampling_model()
    assert [t.shape for t in model.outputs] == [(None, 2), (None, 2), (None, 1)]
    inside, outside, flat = model.predict(np.zeros((500, 2)), batch_size=500, verbose=0)
    assert inside.shape == outside.shape == (500, 2) and flat.shape == (1000, 1)
    for noise in (inside, outside):
        assert abs(float(noise.mean())) < 0.2 and 0.8 < float(noise.std()) < 1.2
    assert not np.allclose(inside, outside)


@pytest.mark.uncached
def test_set_value_of_the_learning_rate_counts_from_the_next_step_on_without_compiling():
    counts = compiles_by_name()
    model = jkeras.Sequential([layers.Input((1,)), layers.Dense(1, use_bias=False, kernel_initializer="zeros")])
    model.compile(jkeras.optimizers.SGD(lr=0.5), "mse")
    x, y = np.ones((1, 1)), np.ones((1, 1))
    assert K.get_value(model.optimizer.lr) == np.float32(0.5) and np.ndim(K.get_value(model.optimizer.lr)) == 0
    model.train_on_batch(x, y)
    assert K.get_value(model.layers[0].kernel).item() == pytest.approx(1.0)
    model.train_on_batch(x, y)
    model.layers[0].kernel.assign([[0.0]])
    program, compiled = model._trainer.program("train").call, counts.copy()
    K.set_value(model.optimizer.lr, 0.25)
    model.train_on_batch(x, y)
    assert K.get_value(model.layers[0].kernel).item() == pytest.approx(0.5)
    assert model._trainer.program("train").call is program
    assert set(counts - compiled) <= {"jit(convert_element_type)"}  # of the new number
    assert str(K.get_value(model.optimizer.lr)) == "0.25"


def test_function_of_layers_and_the_learning_phase():
    model = jkeras.Sequential([layers.Input((4,)), layers.Dense(50, activation="relu"), layers.Dropout(0.5), layers.Dense(1)])
    f = K.function([model.layers[0].input, K.learning_phase()], [model.layers[1].output, model.output])
    x = rng.normal(size=(3, 4)).astype("float32")
    hidden, out = f([x, 0])
    np.testing.assert_allclose(out, model.predict(x, verbose=0), rtol=1e-5)
    dropped, _ = f([x, 1])
    assert 0.3 < np.mean(dropped[hidden > 0] == 0) < 0.7
    model.layers[2].set_weights([np.zeros((50, 1)), np.full(1, 7.0)])
    np.testing.assert_allclose(f([x, 0])[1], 7.0)
    one = K.function(model.input, model.output)(x)
    assert isinstance(one, np.ndarray) and one.shape == (3, 1)
    later = K.function([model.layers[1].output], [model.output])
    np.testing.assert_allclose(later([hidden])[0], 7.0)


def test_function_with_placeholders_updates_and_variables():
    x, total = K.placeholder(shape=(None, 2)), K.variable(0.0)
    f = K.function([x, K.placeholder(ndim=1)], {"sum": K.sum(x), "total": total}, updates=[K.update_add(total, K.sum(x))])
    assert f([np.ones((3, 2)), np.zeros(1)])["sum"] == 6.0
    assert f([np.ones((1, 2)), np.zeros(1)])["total"] == 6.0 and K.eval(total) == 8.0
    with pytest.raises(ValueError, match=r"with 2 inputs, but received 1"):
        f([np.ones((1, 2))])
    with pytest.raises(ValueError, match=r"shape \(None, 2\). Received: float32\(1, 3\)"):
        f([np.ones((1, 3)), np.zeros(1)])


def test_gradients_by_inputs_layers_and_weights():
    x = layers.Input((6, 5, 3))
    conv = layers.Conv2D(4, 3, activation="tanh")
    maps = conv(x)
    hidden = layers.Flatten()(maps)
    out = layers.Dense(2)(hidden) + K.sum(x, axis=[1, 2, 3], keepdims=False)[:, None]
    model = jkeras.Model(x, out)
    score = model.output[:, 1]
    by_maps, by_input, by_kernel, none = K.gradients(score, [conv.output, model.input, conv.kernel, layers.Input((1,))])
    assert none is None and by_maps.shape == maps.shape and by_kernel.shape == (3, 3, 3, 4)
    pooled = K.mean(by_maps, axis=(0, 1, 2))
    found = K.function([model.input], [conv.output[0], pooled, by_input, by_kernel])([IMAGES])

    params, state = model.params_and_state()
    score_of = lambda params, x: model.apply(params, state, x)[0][:, 1].sum()  # noqa: E731
    by_params, by_x = jax.jit(jax.grad(score_of, (0, 1)))(params, jnp.asarray(IMAGES))
    np.testing.assert_allclose(found[2], by_x, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(found[3], by_params[conv.name]["kernel"], rtol=1e-4, atol=1e-5)
    kernel = np.asarray(model.layers[-1].kernel)[:, 1].reshape(4, 3, 4)
    np.testing.assert_allclose(found[1], kernel.mean((0, 1)), rtol=1e-4)


def test_gradients_follow_all_ways_from_a_tensor_to_the_loss_and_can_be_taken_twice():
    x = layers.Input((1,))
    square = x * x
    cube = square * x
    by_x, by_square = K.gradients(cube, [x, square])
    (second,) = K.gradients(by_x, x)
    f = K.function([x], [by_x, by_square, second])
    assert [v.item() for v in f([[[3.0]]])] == [27.0, 3.0, 18.0]


def test_deep_dream_step():
    model = jkeras.Sequential([layers.Input((6, 6, 3)), layers.Conv2D(2, 3, name="conv"), layers.Flatten()])
    model.trainable = False
    image, loss = model.input, K.mean(K.square(model.get_layer("conv").output))
    slope = K.gradients(loss, image)[0]
    slope /= K.maximum(K.mean(K.abs(slope)), 1e-7)
    step = K.function([image], [loss, slope])
    x = rng.normal(size=(1, 6, 6, 3)).astype("float32")
    first, direction = step([x])
    assert np.mean(np.abs(direction)) == pytest.approx(1, rel=1e-4)
    assert step([x + 0.01 * direction])[0] > first


def test_learning_phase():
    drop = layers.Dropout(0.5)
    x = np.ones((20, 20), "float32")
    assert K.learning_phase() == 0 and (drop(x) == 1).all()
    K.set_learning_phase(1)
    try:
        assert K.learning_phase() == 1 and not (drop(x) == 1).all()
        assert (jkeras.Sequential([layers.Dropout(0.5)]).predict(x, verbose=0) == 1).all()
    finally:
        K.clear_session()
    assert K.learning_phase() == 0 and layers.Dense(1).name == "dense"
    with K.learning_phase_scope(1):
        assert K.learning_phase() == 1
    with pytest.raises(ValueError, match="0 or 1"):
        K.set_learning_phase(2)


class Noise(layers.Layer):
    """A layer as Keras 2 wrote them."""

    def call(self, inputs, training=None):
        noised = lambda: inputs + K.random_normal(K.shape(inputs), stddev=1.0)  # noqa: E731
        return K.in_train_phase(noised, inputs, training=training)


def test_a_layer_with_in_train_phase():
    x = np.zeros((4, 3), "float32")
    assert (Noise()(x) == 0).all() and not (Noise()(x, training=True) == 0).any()
    model = jkeras.Sequential([layers.Input((3,)), Noise()])
    tensor = K.in_train_phase(model.input + 1.0, model.input)
    assert K.function([model.input, K.learning_phase()], [tensor])([x, 1])[0].max() == 1
    assert not np.any(model.predict(x, verbose=0))


def test_random_numbers_of_a_seed():
    first, second = K.random_uniform((100,), 2.0, 3.0, seed=5), K.random_uniform((100,), 2.0, 3.0, seed=5)
    assert not np.allclose(first, second) and float(first.min()) >= 2 and float(first.max()) < 3
    assert set(np.unique(K.random_bernoulli((100,), p=0.5))) == {0.0, 1.0}
    assert float(jnp.abs(K.truncated_normal((100,))).max()) <= 2
    assert set(np.unique(K.dropout(np.ones(100, "float32"), 0.5, seed=1))) == {0.0, 2.0}


def test_variables():
    v = K.variable([[1, 2]], name="v")
    assert K.dtype(v) == "float32" and K.int_shape(v) == (1, 2) and K.count_params(v) == 2
    K.update_add(v, [[1, 1]]), K.update_sub(v, 0.5 * K.ones_like(v)), K.moving_average_update(v, K.zeros_like(v), 0.5)
    K.batch_set_value([(w := K.zeros((2,)), [1, 2])])
    assert K.batch_get_value([v, w])[0].tolist() == [[0.75, 1.25]] and K.get_value(w).tolist() == [1, 2]
    assert K.eval(K.dot(v, K.eye(2))).tolist() == [[0.75, 1.25]]
    assert K.get_session().run([v + 1, None])[0].tolist() == [[1.75, 2.25]]
    x = K.placeholder((None, 2))
    assert K.get_session().run(K.sum(x), {x: [[1.0, 2.0]]}) == 3.0


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        (lambda: K.set_value(jnp.ones(2), 1), "K.set_value changes a Variable"),
        (lambda: K.eval(layers.Input((2,))), r"K.function\(\[model.input\], \[tensor\]\)"),
        (lambda: K.get_value(layers.Input((2,))), "is symbolic"),
        (lambda: K.gradients(jnp.ones(()), []), "jax.grad"),
        (lambda: K.gradients(K.sum(layers.Input((2,))), "x"), "Received: 'x'"),
        (lambda: K.function([layers.Input((2,))], [None]), "loss does not depend"),
        (lambda: K.function([1], []), "takes symbolic tensors"),
        (lambda: K.function([layers.Input((2,))], [layers.Input((2,)) + 1]), "disconnected"),
        (lambda: K.function([], [], feed_dict={}), "feed_dict"),
        (lambda: K.batch_dot(A, B, axes=(0, 1)), "axes after the batch axis"),
        (lambda: K.batch_dot(A, B, axes=(1, 1)), "one size"),
        (lambda: K.repeat(A, 2), "K.tile"),
        (lambda: K.pool2d(IMAGES, 2, pool_mode="mean"), "Unknown pool_mode 'mean'"),
        (lambda: K.random_normal((K.sum(layers.Input((2,))), 2)), "K.shape"),
        (lambda: K.placeholder(), "ndim=2"),
        (lambda: K.is_keras_tensor("x"), "of type str"),
        (lambda: K.count_params(layers.Input((2,))), "not known"),
    ],
)
def test_errors_say_what_to_write(wrong, text):
    with pytest.raises((ValueError, TypeError), match=text):
        wrong()


def test_settings_are_the_ones_of_jkeras():
    before = K.epsilon()
    K.set_epsilon(1e-3)
    assert jkeras.config.epsilon() == 1e-3
    K.set_epsilon(before)
    assert K.image_data_format() == "channels_last" and K.floatx() == "float32" and K.backend() == "jax"
    assert K.get_uid("a_prefix") == 1 and K.get_uid("a_prefix") == 2
    with K.name_scope("scope") as name:
        assert name == "scope"


def test_results_of_a_function_are_the_callers_own_and_the_first_layer_is_an_input():
    x = jkeras.Input((3,))
    model = jkeras.Model(x, layers.Dense(2)(x))
    (found,) = K.function([model.layers[0].input], [model.output])([np.ones((2, 3))])
    found *= 0  # scripts for class activation maps weight the maps in place
    assert found.shape == (2, 2) and model.layers[0].get_input_at(0) is x and model.layers[0].input_shape == (None, 3)

"""Parts of the stand-in for TensorFlow around training: control flow, indexing, modules, checkpoints, strategies, signals."""

import collections
import contextlib
import copy
import operator
import os
from concurrent.futures import ThreadPoolExecutor

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from documents import compat_in

X = np.random.default_rng(0).normal(size=(8, 3)).astype("float32")


@pytest.fixture(scope="module")
def tf(tmp_path_factory):
    with compat_in(tmp_path_factory.mktemp("tf")):
        import tensorflow

        yield tensorflow


@pytest.mark.parametrize("compiled", [False, True])
def test_branches_and_loops(tf, compiled):
    def code(x):
        size = tf.cond(tf.reduce_sum(x) > 0, lambda: x, lambda: -x)
        steps, total = tf.while_loop(lambda i, t: i < 3, lambda i, t: (i + 1, t + size), [tf.constant(0), tf.zeros_like(x)])
        kind = tf.switch_case(steps - 2, [lambda: 10.0, lambda: 20.0])
        same = tf.case([(steps > 5, lambda: 1.0), (steps > 2, lambda: 2.0)], default=lambda: 3.0)
        with tf.control_dependencies([total]), tf.device("/GPU:0"):
            rows = tf.map_fn(lambda row: row * 2.0, x)
        return total, kind, same, rows, tf.scan(lambda a, b: a + b, x)

    total, kind, same, rows, sums = (tf.function(code) if compiled else code)(tf.constant([-1.0, -2.0]))
    assert total.tolist() == [3, 6] and (float(kind), float(same)) == (20, 2)
    assert rows.tolist() == [-2, -4] and sums.tolist() == [-1, -3]


def test_branches_change_variables_where_values_are_known(tf):
    v = tf.Variable(1.0)
    tf.cond(tf.constant(True), lambda: v.assign(2.0), lambda: v.assign(3.0))
    assert float(v) == 2 and tf.map_fn(lambda x: tf.constant(float(x) + 1), tf.range(3)).tolist() == [1, 2, 3]


def test_gradients_of_ones_own_in_a_tape(tf):
    @tf.custom_gradient
    def clipped(x):
        return x * x, lambda upstream: upstream * tf.clip_by_value(2.0 * x, -1.0, 1.0)

    v = tf.Variable(3.0)
    with tf.GradientTape() as tape:
        y = clipped(v.value) * 2.0
    assert float(tape.gradient(y, v)) == 2


def test_arrays_by_number(tf):
    found = tf.TensorArray(tf.float32, size=0, dynamic_size=True)
    for i in tf.range(3):
        found = found.write(i, tf.fill([2], float(i)))
    assert found.stack().shape == (3, 2) and found.concat().shape == (6,) and found.size() == 3
    with pytest.raises(IndexError, match="dynamic_size=True"):
        tf.TensorArray(tf.float32, size=1).write(1, 0.0)


def test_positions_and_segments(tf):
    x = tf.constant([[1, 2], [3, 4]])
    assert tf.gather_nd(x, [[0, 1], [1, 0]]).tolist() == [2, 3]
    assert tf.gather_nd(x, [[1], [0]], batch_dims=1).tolist() == [2, 3]
    assert tf.scatter_nd([[0], [2], [2]], [1, 2, 3], (4,)).tolist() == [1, 0, 5, 0]
    changed = [
        getattr(tf, f"tensor_scatter_nd_{kind}")([5, 5], [[0]], [7]).tolist() for kind in ("update", "add", "sub", "max", "min")
    ]
    assert changed == [[7, 5], [12, 5], [-2, 5], [7, 5], [5, 5]]
    rows, ids = tf.constant([[1.0], [2.0], [6.0]]), [0, 1, 0]
    assert tf.math.unsorted_segment_mean(rows, ids, 3).tolist() == [[3.5], [2], [0]]
    assert tf.math.unsorted_segment_mean([1.0, 3.0], [0, 0], 1).tolist() == [2.0]
    assert tf.math.segment_sum(rows, [0, 0, 1]).tolist() == [[3], [6]]
    assert [p.tolist() for p in tf.dynamic_partition([1, 2, 3], [0, 1, 0], 2)] == [[1, 3], [2]]
    assert tf.math.bincount([1, 1, 3], minlength=5).tolist() == [0, 2, 0, 1, 0]


def test_assertions(tf):
    tf.debugging.assert_equal([1, 2], [1, 2])
    tf.debugging.assert_shapes([(X, ("n", 3)), (X[:, 0], ("n",))])
    with pytest.raises(tf.errors.InvalidArgumentError, match="too big"):
        tf.debugging.assert_less(3, 2, message="too big")
    with pytest.raises(ValueError, match=r"\(8, 3\)"):
        tf.debugging.assert_rank(X, 1)
    with pytest.raises(tf.errors.InvalidArgumentError, match="NaN"):
        tf.debugging.check_numerics(np.array([np.nan]), "loss")
    tf.function(lambda x: tf.debugging.assert_positive(x))(tf.constant(-1.0))  # values are not known


def test_nests(tf):
    nest = {"b": [1, None], "a": (3,)}
    leaves = tf.nest.flatten(nest)
    assert leaves == [3, 1, None] and tf.nest.pack_sequence_as(nest, leaves) == nest
    with pytest.raises(ValueError, match="same structure"):
        tf.nest.assert_same_structure([1], (1,))


def test_modules_find_what_they_hold(tf):
    class Linear(tf.Module):
        def __init__(self):
            super().__init__()
            self.w = tf.Variable(tf.ones((3, 1)), name="w")

        @tf.function
        def __call__(self, x):
            return x @ self.w

    class Stack(tf.Module):
        def __init__(self):
            self.parts = [Linear(), {"head": tf.keras.layers.Dense(1)}]
            self.count = tf.Variable(0, trainable=False)

        def __call__(self, x):
            return self.parts[0](x) + self.parts[1]["head"](x)

    stack = Stack()
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(stack(X) ** 2)
    grads = tape.gradient(loss, stack.trainable_variables)
    assert stack.name == "stack" and [g.shape for g in grads] == [(3, 1), (3, 1), (1,)]
    assert len(stack.variables) == 4 and len(stack.submodules) == 2


def test_checkpoints_restore_models_and_optimizers(tf, tmp_path):
    def parts():
        model = tf.keras.Sequential([tf.keras.layers.Input((3,)), tf.keras.layers.Dense(1)])
        optimizer = tf.keras.optimizers.Adam(0.1)
        return model, optimizer, tf.train.Checkpoint(step=tf.Variable(1), optimizer=optimizer, net=model)

    def step(model, optimizer):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(model(X) ** 2)
        grads = tape.gradient(loss, model.trainable_variables)
        pairs = zip(grads, model.trainable_variables)
        optimizer.apply_gradients(pairs, name="step", skip_gradients_aggregation=True)

    model, optimizer, checkpoint = parts()
    manager = tf.train.CheckpointManager(checkpoint, tmp_path, max_to_keep=2)
    assert manager.latest_checkpoint is None
    checkpoint.restore(manager.latest_checkpoint)
    for _ in range(3):
        step(model, optimizer)
        checkpoint.step.assign_add(1)
        path = manager.save()
    assert [os.path.basename(p) for p in manager.checkpoints] == ["ckpt-2", "ckpt-3"] and len(list(tmp_path.glob("*.h5"))) == 2
    other, second, again = parts()
    with pytest.raises(ValueError, match=r"optimizer\.build"):
        again.restore(path)
    second.build(other.trainable_variables)
    again.restore(tf.train.latest_checkpoint(tmp_path)).assert_consumed()
    assert int(again.step) == 4 and int(second.iterations) == 3
    step(model, optimizer)
    step(other, second)
    np.testing.assert_array_equal(model.get_weights()[0], other.get_weights()[0])


def test_a_strategy_is_one_replica(tf):
    strategy = tf.distribute.MirroredStrategy()
    with strategy.scope():
        assert tf.distribute.get_strategy() is strategy and strategy.num_replicas_in_sync == 1
    losses = strategy.run(tf.function(lambda x: x * 2.0), args=(tf.constant([1.0, 2.0]),))
    assert float(strategy.reduce(tf.distribute.ReduceOp.SUM, losses, axis=0)) == 6
    with pytest.raises(ValueError, match="one device"):
        tf.distribute.MirroredStrategy(["/gpu:0", "/gpu:1"])


def test_defaults_of_a_block_are_its_threads_and_those_of_the_process_are_everyones(tf):
    before, generator = tf.random.get_global_generator(), tf.random.Generator.from_seed(1)

    def seen():
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(lambda: (tf.distribute.has_strategy(), tf.random.get_global_generator())).result()

    with tf.distribute.MirroredStrategy().scope(), contextlib.suppress(KeyError):
        tf.random.set_global_generator(generator)
        assert seen() == (False, generator) and tf.distribute.has_strategy()
        raise KeyError
    assert not tf.distribute.has_strategy() and tf.distribute.get_strategy() is tf.distribute.get_strategy()
    assert tf.random.get_global_generator() is generator
    tf.random.set_global_generator(before)


def test_a_generator_draws_anew_also_in_compiled_functions(tf):
    one, other = tf.random.Generator.from_seed(1), tf.random.Generator.from_seed(1)
    draw = tf.function(lambda: one.uniform((3,)))
    first, second = np.asarray(draw()), np.asarray(draw())
    assert (first != second).all()
    np.testing.assert_array_equal([first, second], [other.uniform((3,)), other.uniform((3,))])


def test_numbers_of_tensorflow(tf):
    """By hand; the spectra are TensorFlow's."""
    x = np.arange(12, dtype="float32").reshape(1, 3, 4, 1)
    kernel = np.ones((2, 2, 1, 1), "float32")
    assert tf.nn.conv2d(x, kernel, strides=[1, 1, 1, 1], padding="VALID")[0, :, :, 0].tolist() == [[10, 14, 18], [26, 30, 34]]
    assert tf.nn.max_pool2d(x, 2, 2, "SAME")[0, :, :, 0].tolist() == [[5, 7], [9, 11]]
    assert tf.nn.avg_pool2d(x, 2, 1, "VALID")[0, :, :, 0].tolist() == [[2.5, 3.5, 4.5], [6.5, 7.5, 8.5]]
    assert tf.nn.conv2d_transpose(x, kernel, (1, 6, 8, 1), 2).shape == (1, 6, 8, 1)
    assert float(tf.nn.compute_average_loss([1.0, 2.0], global_batch_size=4)) == 0.75
    assert tf.linalg.set_diag([[1, 2], [3, 4]], [7, 8]).tolist() == [[7, 2], [3, 8]]
    assert tf.linalg.band_part(tf.ones((3, 3)), 0, 1).tolist() == [[1, 1, 0], [0, 1, 1], [0, 0, 1]]
    s, u, v = tf.linalg.svd(X)
    np.testing.assert_allclose((u * s) @ tf.transpose(v), X, atol=1e-5)
    wave = np.sin(np.arange(64, dtype="float32"))
    spectrum = tf.abs(tf.signal.stft(wave, 16, 8))
    assert spectrum.shape == (7, 9)
    np.testing.assert_allclose(spectrum[0, :3], [0.17778397, 0.61407906, 3.2739096], rtol=1e-5)
    mel = tf.signal.linear_to_mel_weight_matrix(5, 9, 16000)
    np.testing.assert_allclose(np.sum(mel, 0), [0, 0.44289392, 0.5571061, 0.80668736, 0.88562167], atol=1e-5)
    np.testing.assert_allclose(tf.signal.overlap_and_add(tf.signal.frame(wave, 8, 8), 8), wave)


def test_summaries_go_where_the_callback_writes(tf, tmp_path):
    pytest.importorskip("tensorboard")
    writer = tf.summary.create_file_writer(str(tmp_path))
    with writer.as_default():
        assert tf.summary.scalar("loss", tf.constant(0.5), step=1)
        with pytest.raises(ValueError, match="step=epoch"):
            tf.summary.scalar("loss", 0.5)
    assert tf.summary.scalar("loss", 0.5, step=1) is False
    assert any(b"loss" in path.read_bytes() for path in tmp_path.iterdir())


def test_messages_are_tensorboards(tf, tmp_path):
    pytest.importorskip("tensorboard")
    assert tf.make_ndarray(tf.make_tensor_proto([1.5, 2.0])).dtype == np.float32
    assert tf.make_ndarray(tf.make_tensor_proto(7, shape=(2,))).tolist() == [7, 7]
    assert tf.make_ndarray(tf.make_tensor_proto(["a"])).tolist() == [b"a"]
    for values, dtype in (([1, 2], "int32"), ([2**40, 1], "int64"), (2**40, "int64"), ([1e9, 0.5], "float32")):  # as TensorFlow
        message = tf.make_ndarray(tf.make_tensor_proto(values))
        assert message.dtype == dtype and message.tolist() == values
    with pytest.raises(TypeError, match=r"shape=\(3,\)"):
        tf.make_tensor_proto([1, 2], shape=3, verify_shape=True)
    message = tf.compat.v1.Summary(value=[tf.compat.v1.Summary.Value(tag="rate", simple_value=0.5)])
    raw = tf.summary.experimental.write_raw_pb
    assert raw(message.SerializeToString(), step=1) is False
    with tf.summary.create_file_writer(str(tmp_path)).as_default():
        assert raw(message.SerializeToString(), step=1)
        with pytest.raises(ValueError, match="step=epoch"):
            raw(b"")
    assert any(b"rate" in path.read_bytes() for path in tmp_path.iterdir())


def test_classes_above_the_convolutions(tf):
    from keras.src.layers.convolutional.base_conv import BaseConv, Conv

    layers = tf.keras.layers
    assert isinstance(layers.Conv2D(2, 3), BaseConv) and not isinstance(layers.Conv2DTranspose(2, 3), BaseConv)
    assert all(
        isinstance(layer, Conv) for layer in (layers.Conv1D(2, 3), layers.DepthwiseConv2D(3), layers.Conv2DTranspose(2, 3))
    )
    assert not isinstance(layers.Dense(2), Conv)


def test_a_variable_is_read_in_either_way(tf):
    v = tf.Variable([1.0, 2.0])
    assert isinstance(v.value(), jax.Array) and (v.value + 1).tolist() == [2, 3] == (1 + v.value()).tolist()
    assert tf.function(lambda: tf.reduce_sum(v.value() * v.value) + v)().tolist() == [6, 7]
    assert copy.deepcopy(v).value().tolist() == [1, 2] and jnp.sum(v.value) == 3 == jnp.sum(v)
    keras = tf.keras
    layer = keras.layers.Dense(1)
    layer.scale = tf.Variable(2.0)
    model = keras.Sequential([layer, keras.layers.Lambda(lambda x: x * layer.scale.value() * layer.scale.value)])
    model.compile("sgd", "mse")
    assert model.fit(np.ones((4, 3)), np.ones((4, 1)), verbose=0).history["loss"] and float(layer.scale) != 2


def test_dicts_keep_the_order_of_their_keys(tf):
    Pair = collections.namedtuple("Pair", "one other")
    listed = tf.function(lambda x: [[*x.one.values()], [*x.other[0].values()]])
    entries = collections.defaultdict(float, {"z": 3.0, "a": 4.0})
    assert listed(Pair({"b": 1.0, "a": 2.0}, [entries])) == [[1, 2], [3, 4]]
    assert tf.get_static_value(tf.constant(2)) == 2 and tf.function(lambda x: tf.get_static_value(x) is None)(tf.constant(2))
    assert listed(Pair({"a": 2.0, "b": 1.0}, [entries])) == [[2, 1], [3, 4]]


def test_arguments_that_scripts_use(tf):
    assert tf.shape([[1, 2]], out_type=tf.float32) == (1.0, 2.0) and tf.size([1, 2, 3], out_type=tf.int32) == 3
    assert tf.zeros(1, 1).dtype == tf.float32 and tf.ones((2,), tf.bool).dtype == tf.bool
    assert tf.compat.as_bytes("JFIF") == b"JFIF" and tf.compat.as_text(b"a") == tf.compat.as_str_any("a") == "a"
    four = tf.function(lambda x: tf.repeat(x, repeats=[2, 0]))(tf.constant([1.0, 5.0]))
    assert four.tolist() == [1, 1]


def test_gamma_draws_have_their_mean_and_spread(tf):
    drawn = np.asarray(tf.random.gamma([20_000], [2.0, 8.0], beta=[1.0, 2.0]))
    np.testing.assert_allclose(drawn.mean(0), [2, 4], rtol=0.05)
    np.testing.assert_allclose(drawn.var(0), [2, 2], rtol=0.1)


@pytest.mark.parametrize(("axis", "batch_dims"), [(None, 1), (2, 1), (-1, 2), (None, -1)])
def test_gather_with_indices_of_each_row(tf, axis, batch_dims):
    params, indices = np.arange(24.0).reshape(2, 3, 4), np.array([[1, 0, 2], [2, 2, 0]])
    found = tf.gather(params, indices, axis=axis, batch_dims=batch_dims)
    batch = batch_dims % 2 if batch_dims < 0 else batch_dims
    along = batch if axis is None else axis % 3
    rows = params.reshape(-1, *params.shape[batch:])
    expected = [
        np.take(row, index, along - batch) for row, index in zip(rows, indices.reshape(len(rows), *indices.shape[batch:]))
    ]
    np.testing.assert_array_equal(found, np.reshape(expected, found.shape))
    assert found.shape == params.shape[:along] + indices.shape[batch:] + params.shape[along + 1 :]


def test_products_and_options_that_scripts_use(tf):
    x = np.array([[2.0, 3.0, 4.0]])
    assert tf.math.cumprod(x, axis=-1, exclusive=True).tolist() == [[1, 2, 6]]
    assert tf.math.cumprod(x, axis=1, exclusive=True, reverse=True).tolist() == [[12, 4, 1]]
    tf.config.optimizer.set_jit(True)
    assert tf.keras.Input(shape=(3)).shape == (None, 3)


def test_a_size_that_is_cast_may_be_part_of_a_shape_while_code_is_traced(tf):
    @tf.function
    def lengths(x):
        return tf.cast(tf.shape(x)[1], "int64") * tf.ones((tf.cast(tf.shape(x)[0], "int64"), 1), "int64")

    assert lengths(tf.zeros((2, 5))).tolist() == [[5], [5]]


@pytest.mark.parametrize("reduction", ["sum", "mean", "max", "min", "prod"])
def test_the_number_of_segments_may_follow_from_values_that_are_known(tf, reduction):
    combine = getattr(tf.math, f"unsorted_segment_{reduction}")
    found = combine(tf.constant([[1.0], [2.0], [4.0]]), tf.constant([0, 1, 1]), tf.reduce_max(tf.constant([0, 1, 1])) + 1)
    assert found.tolist() == [[1], [{"sum": 6, "mean": 3, "max": 4, "min": 2, "prod": 8}[reduction]]]


def test_in_compiled_code_the_number_of_segments_must_be_known(tf):
    def sums(x, ids):
        return tf.math.unsorted_segment_sum(x, ids, tf.reduce_max(ids) + 1)

    with pytest.raises(jax.errors.ConcretizationTypeError) as caught:
        jax.jit(sums)(tf.ones(3), tf.constant([0, 1, 1]))
    assert any("tf.shape(nodes)[0]" in note for note in caught.value.__notes__)


def test_an_array_in_place_of_training_is_a_warning(tf):
    model = tf.keras.Sequential([tf.keras.Input((3,)), tf.keras.layers.Dropout(0.5)])
    with pytest.warns(UserWarning, match=r"Received: training=.*\(8, 1\)[\s\S]*training=False"):
        y = model(X, X[:, :1])
    np.testing.assert_array_equal(y, X)


def test_one_computes_with_sizes_as_with_an_array(tf):
    x = tf.zeros((2, 5, 7))

    @tf.function
    def code(x):
        half = tf.shape(x)[1:] // 2
        assert half == (2, 3) and tf.shape(x)[1:] * 2 == (10, 14) and operator.add((1, 1), tf.shape(x)[1:]) == (6, 8)
        assert tf.shape(x)[1:] + 1 == (6, 8) and 7 - tf.shape(x)[1:] == (2, 0) and tf.shape(x)[:1] == (2,)
        return tf.shape(x)[1:] - tf.constant([1, 2]), tf.reshape(x, (*tf.shape(x)[:1], -1)), tf.concat([tf.shape(x)[:2], [3]], 0)

    difference, flat, joined = code(x)
    assert difference.tolist() == [4, 5] and flat.shape == (2, 35) and joined.tolist() == [2, 5, 3]
    assert x.shape[1:].is_fully_defined() and x.shape[1:].as_list() == [5, 7]
    assert tf.reduce_max(tf.shape(x)) == 7 and tf.cast(tf.shape(x), "float32").tolist() == [2, 5, 7]
    assert tf.function(lambda x: tf.shape(x))(x) == (2, 5, 7), "to JAX it is a tuple"
    assert tf.cast(tf.constant(["a"]), tf.string).numpy().tolist() == [b"a"]

"""The stand-in for TensorFlow: array functions give TensorFlow's values, and old code for devices and sessions runs."""

import os

import jax
import numpy as np
import pytest
from documents import compat_in

import jkeras
from jkeras.compat.standin import devices


@pytest.fixture(scope="module")
def tf(tmp_path_factory):
    with compat_in(tmp_path_factory.mktemp("tf")):
        import tensorflow

        yield tensorflow


A = np.array([[1.0, 5.0, 2.0], [4.0, 3.0, 3.0]], np.float32)
B = np.array([[2.0, 0.5, 1.0], [1.0, 1.0, 2.0]], np.float32)

# A call, and its values by the definition in TensorFlow's manual.
CALLS = {
    "tf.reduce_mean(A)": A.mean(),
    "tf.reduce_mean(input_tensor=A, axis=1, keepdims=True, name='m')": A.mean(1, keepdims=True),
    "tf.reduce_sum(A, reduction_indices=[1], keep_dims=True)": A.sum(1, keepdims=True),
    "tf.reduce_max(A, axis=0)": A.max(0),
    "tf.math.reduce_std(A)": A.std(),
    "tf.argmax(A)": [1, 0, 1],
    "tf.argmax(A, axis=1)": [1, 0],
    "tf.argmin(A, 1)": [0, 1],
    "tf.argsort([3, 1, 2], direction='DESCENDING')": [0, 2, 1],
    "tf.sort([3, 1, 2], direction='DESCENDING')": [3, 2, 1],
    "tf.concat([A, B], 0)": np.concatenate([A, B]),
    "tf.concat(values=[A, B], axis=-1)": np.concatenate([A, B], -1),
    "tf.stack([A, B], axis=1)": np.stack([A, B], 1),
    "tf.unstack(A)[1]": A[1],
    "tf.split(A, 3, axis=1)[1]": A[:, 1:2],
    "tf.split(A, [1, 2], 1)[1]": A[:, 1:],
    "tf.matmul(A, B, transpose_b=True)": A @ B.T,
    "tf.transpose(A, perm=[1, 0])": A.T,
    "tf.linalg.matvec(A, B[0])": A @ B[0],
    "tf.linalg.matvec(A, A[:, 0], transpose_a=True)": A.T @ A[:, 0],
    "tf.reshape(tensor=A, shape=(3, 2))": A.reshape(3, 2),
    "tf.expand_dims(A, axis=-1)": A[..., None],
    "tf.squeeze(A[None], axis=0)": A,
    "tf.cast(A, tf.int32)": A.astype(int),
    "tf.constant(3, shape=(2, 2))": np.full((2, 2), 3),
    "tf.constant([1, 2, 3, 4], dtype=tf.float32, shape=(2, 2))": [[1, 2], [3, 4]],
    "tf.zeros([2, 3])": np.zeros((2, 3)),
    "tf.ones((2,), tf.int32)": [1, 1],
    "tf.fill([2], 7)": [7, 7],
    "tf.range(2, 8, 3)": [2, 5],
    "tf.eye(2)": np.eye(2),
    "tf.one_hot([0, 2], 3)": [[1, 0, 0], [0, 0, 1]],
    "tf.one_hot([1], 2, on_value=5.0, off_value=-1.0)": [[-1, 5]],
    "tf.gather(A, [1, 0], axis=1)": A[:, [1, 0]],
    "tf.gather(A, [1])": A[[1]],
    "tf.boolean_mask(A, [False, True])": A[1:],
    "tf.where(A > 2, A, 0.0)": np.where(A > 2, A, 0),
    "tf.where([False, True, True])": [[1], [2]],
    "tf.pad([1, 2], [[1, 1]])": [0, 1, 2, 0],
    "tf.pad([1, 2, 3], [[1, 1]], 'REFLECT')": [2, 1, 2, 3, 2],
    "tf.cumsum([1, 2, 3], exclusive=True, reverse=True)": [5, 3, 0],
    "tf.clip_by_value(A, 2, 4)": A.clip(2, 4),
    "tf.norm(A)": np.sqrt((A**2).sum()),
    "tf.norm(A, axis=1)": np.sqrt((A**2).sum(1)),
    "tf.clip_by_norm([3.0, 4.0], 1.0)": [0.6, 0.8],
    "tf.add_n([A, B, B])": A + 2 * B,
    "tf.squared_difference(A, B)": (A - B) ** 2,
    "tf.pow(A, 2)": A**2,
    "tf.multiply(x=A, y=B)": A * B,
    "tf.math.log(A)": np.log(A),
    "tf.log(A)": np.log(A),
    "tf.math.l2_normalize(A, axis=1)": A / np.sqrt((A**2).sum(1, keepdims=True)),
    "tf.math.confusion_matrix([0, 1, 1], [1, 1, 1])": [[0, 1], [0, 2]],
    "tf.math.top_k(A, k=2)[1]": [[1, 2], [0, 1]],
    "tf.unique([7, 3, 7])[0]": [7, 3],
    "tf.nn.relu(-A)": np.zeros_like(A),
    "tf.nn.softmax([0.0, 0.0])": [0.5, 0.5],
    "tf.nn.leaky_relu([-1.0], alpha=0.1)": [-0.1],
    "tf.nn.l2_loss(A)": (A**2).sum() / 2,
    "tf.nn.sigmoid_cross_entropy_with_logits(labels=[1.0], logits=[0.0])": [np.log(2)],
    "tf.nn.sparse_softmax_cross_entropy_with_logits(labels=[1], logits=[[0.0, 0.0]])": [np.log(2)],
    "tf.shape(A)": (2, 3),
    "tf.size(A)": 6,
    "tf.rank(A)": 2,
    "tf.compat.v1.reduce_sum(A, axis=1)": A.sum(1),
    "tf.linalg.diag_part(A[:, :2])": [1, 3],
    "tf.roll([1, 2, 3], shift=1, axis=0)": [3, 1, 2],
    "tf.tensordot(A, B, axes=[[1], [1]])": A @ B.T,
    "tf.einsum('ij,kj->ik', A, B)": A @ B.T,
    "tf.tile([1, 2], [2])": [1, 2, 1, 2],
    "tf.image.resize([[[0.0], [3.0], [6.0]]], (1, 2), method='area')": [[[1.0], [5.0]]],
    "tf.reverse([1, 2], axis=[0])": [2, 1],
    "tf.Variable([1.0, 2.0]).assign_add([1.0, 1.0])": [2, 3],
    "tf.Variable(initial_value=tf.ones_initializer()(shape=(2,), dtype='float32'), trainable=True, name='a/w').value": [1, 1],
}


@pytest.mark.parametrize("call", CALLS)
def test_array_functions_are_those_of_the_manual(tf, call):
    ours = eval(call, {"tf": tf, "A": A, "B": B})
    np.testing.assert_allclose(np.asarray(ours), CALLS[call], rtol=1e-6)


def test_arrays_are_jax_arrays_with_numpy(tf):
    x = tf.constant([[1.0, 2.0]])
    assert isinstance(x, jax.Array) and isinstance(x, tf.Tensor) and tf.is_tensor(x)
    assert type(x.numpy()) is np.ndarray and x.dtype == tf.float32 and tf.as_dtype("int32") == tf.int32
    assert jkeras.layers.Dense(1, dtype=tf.float32).compute_dtype == "float32"


def test_array_functions_in_a_model_and_in_a_layer(tf):
    inputs = tf.keras.Input((3,))
    model = tf.keras.Model(inputs, tf.reduce_sum(tf.square(inputs), axis=1, keepdims=True))
    np.testing.assert_allclose(model.predict(A, verbose=0), (A**2).sum(1, keepdims=True))

    class Halve(tf.keras.layers.Layer):
        @tf.function
        def call(self, x):
            return tf.multiply(x, 0.5) + tf.zeros(tf.shape(x))

    np.testing.assert_allclose(jax.jit(Halve())(A), A / 2)


def test_wrong_arguments_are_named(tf):
    with pytest.raises(TypeError, match=r"tf\.reduce_mean does not take the argument 'axes'. Did you mean 'axis'\?"):
        tf.reduce_mean(A, axes=1)
    with pytest.raises(TypeError, match=r"tf\.abs takes x. Received 2 arguments"):
        tf.abs(A, B)
    with pytest.raises(AttributeError, match=r"GPUOptions.*Did you mean 'allow_growth'"):
        tf.GPUOptions().allow_grow = True
    with pytest.raises(ValueError, match="Unknown device type"):
        tf.config.list_physical_devices("gpus")


def test_seeds_make_numbers_repeat(tf):
    def draw():
        return [np.asarray(tf.random.normal((3,))), np.asarray(tf.random.uniform([3], maxval=9)), np.random.rand()]

    for seed in (tf.random.set_seed, tf.set_random_seed, tf.compat.v1.set_random_seed):
        seed(7)
        first = draw()
        seed(7)
        for one, other in zip(first, draw(), strict=True):
            np.testing.assert_array_equal(one, other)


def test_lines_about_devices(tf, monkeypatch):
    monkeypatch.setenv("XLA_PYTHON_CLIENT_PREALLOCATE", "true")
    from tensorflow.python.client import device_lib

    gpus = [device for device in jax.local_devices() if device.platform != "cpu"]
    listed = tf.config.experimental.list_physical_devices("GPU")
    assert len(listed) == len(gpus) and bool(listed) == bool(gpus) and list(listed)[:0] == []
    tf.config.experimental.set_memory_growth(listed[0], True)  # even if there is none
    assert os.environ["XLA_PYTHON_CLIENT_PREALLOCATE"] == "false" and tf.config.experimental.get_memory_growth(listed[0])
    if not gpus:
        with pytest.raises(IndexError):
            listed[1]
        tf.config.set_visible_devices([], "GPU")
        tf.config.set_visible_devices(listed[0], "GPU")
    assert tf.test.is_gpu_available() == bool(gpus) and bool(tf.test.gpu_device_name()) == bool(gpus)
    assert device_lib.list_local_devices()[0].device_type == "CPU"
    assert tf.config.list_physical_devices()[0].name == "/physical_device:CPU:0"


def test_lines_of_version_one(tf, monkeypatch):
    monkeypatch.setenv("XLA_PYTHON_CLIENT_PREALLOCATE", "true")
    config = tf.ConfigProto(log_device_placement=True, gpu_options=tf.GPUOptions(per_process_gpu_memory_fraction=0.3))
    config.gpu_options.allow_growth = True
    assert os.environ["XLA_PYTHON_CLIENT_PREALLOCATE"] == "false"
    with tf.Session(config=config) as session, session.as_default():
        assert session.run(tf.global_variables_initializer()) is None
        assert session.run({"sum": tf.reduce_sum(A)}) == {"sum": A.sum()}
        with pytest.raises(ValueError, match=r"model.predict"):
            session.run(tf.reduce_sum(A), feed_dict={"x": 1})
        with pytest.raises(ValueError, match="has no value"):
            session.run(tf.keras.Input((2,)))
    tf.compat.v1.disable_eager_execution()
    tf.compat.v1.logging.set_verbosity(tf.compat.v1.logging.ERROR)
    tf.get_logger().setLevel("ERROR")
    tf.compat.v1.keras.backend.set_session(tf.compat.v1.Session(config=config))
    assert tf.executing_eagerly()
    jkeras.layers.Dense(1)
    tf.reset_default_graph()
    assert jkeras.layers.Dense(1).name == "dense"


def test_printing(tf, capsys):
    tf.print("loss:", tf.constant(0.5))
    jax.jit(lambda x: tf.print("inside", x))(1)
    jax.effects_barrier()
    assert capsys.readouterr().out == "loss: 0.5\ninside 1\n"


def test_raw_projective_maps_have_tensorflow_s_values(tf):
    def moved(interpolation, fill_mode):
        image = np.float32([[1, 2, 3], [4, 5, 6]])[None, :, :, None]
        maps = np.float32([[0.9, 0.2, -0.6, -0.1, 1.1, 0.4, -0.5, 0.25]])  # which divides by 0 at x = 2, y = 0
        options = {"output_shape": [3, 3], "fill_value": 9.0, "interpolation": interpolation, "fill_mode": fill_mode}
        return tf.raw_ops.ImageProjectiveTransformV3(images=image, transforms=maps, **options)[0, :, :, 0]

    np.testing.assert_allclose(moved("BILINEAR", "CONSTANT"), [[6.28, 3.4, 9], [6.28, 8.42222, 9], [7.84444, 9, 9]], atol=1e-5)
    np.testing.assert_allclose(moved("NEAREST", "REFLECT"), [[1, 5, 9], [4, 5, 4], [4, 2, 6]], atol=1e-5)


def test_texts_are_chosen_and_mapped(tf):
    def side(pair):
        return tf.where(pair[0] > 0, "R", tf.where(pair[1] > 0, "A", "L"))

    codes = tf.map_fn(side, (np.array([1, -1, -1]), np.array([0, 1, 0])), fn_output_signature=tf.string)
    assert codes.numpy().tolist() == [b"R", b"A", b"L"]
    assert tf.map_fn(tf.strings.lower, codes).numpy().tolist() == [b"r", b"a", b"l"]
    assert tf.map_fn(tf.strings.length, codes).tolist() == [1, 1, 1]


def test_determinism_needs_a_flag_on_gpus_alone(tf, monkeypatch, recwarn):
    tf.config.experimental.enable_op_determinism()
    monkeypatch.setattr(devices, "list_physical_devices", lambda kind: [kind])
    monkeypatch.setenv("XLA_FLAGS", "--xla_gpu_deterministic_ops=true")
    devices.enable_op_determinism()
    assert not recwarn
    monkeypatch.delenv("XLA_FLAGS")
    with pytest.warns(UserWarning, match="Set XLA_FLAGS=--xla_gpu_deterministic_ops=true"):
        devices.enable_op_determinism()


@pytest.mark.parametrize(
    ("code", "shape"),
    [
        ("tf.tile(x[:1], tf.concat([tf.expand_dims(tf.shape(x)[0], -1), tf.constant([1, 1])], 0))", (2, 3, 4)),
        ("tf.reshape(x, tf.stack([tf.shape(x)[0], -1]))", (2, 12)),
        ("tf.zeros(tf.concat([tf.shape(x)[:1], tf.constant([5])], axis=0))", (2, 5)),
        ("tf.fill(tf.stack([tf.shape(x)[0], 3]), 1.0)", (2, 3)),
        ("tf.broadcast_to(1.0, tf.constant([2, 1]))", (2, 1)),
    ],
)
def test_shapes_computed_from_sizes_are_known_in_compiled_code(tf, code, shape):
    assert tf.function(lambda x: eval(code, {"tf": tf, "x": x}))(np.ones((2, 3, 4), "float32")).shape == shape

"""A call's arguments reach the parameters of the same name, whatever comes between them in the signature."""

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

import jkeras
from jkeras import Input, Model, Sequential, layers, models
from jkeras.layers import LSTM, Bidirectional, Dense, Layer, TimeDistributed

X = np.arange(8, dtype=np.float32).reshape(2, 4)
C = np.full((2, 4), 100, np.float32)
M = np.array([[True, True, False, False], [True, False, False, False]])


class MaskFirst(Layer):
    """x, plus the context, where the mask is True."""

    def call(self, x, mask=None, context=None):
        y = x if context is None else x + context
        return y if mask is None else jnp.where(mask, y, 0)


class TrainingFirst(Layer):
    def call(self, x, training=False, attention_mask=None, scale=1.0):
        y = x * scale if attention_mask is None else x * scale * attention_mask
        return -y if training else y


class NamedOnly(Layer):
    def call(self, x, *, mask=None, context=None, training=None):
        return MaskFirst.call(self, x, mask, context)


class AnyMore(Layer):
    def call(self, *inputs, training=None, scale=1.0):
        return sum(inputs) * scale


CASES = [
    (MaskFirst, (X,), {"context": C}, X + C),
    (MaskFirst, (X, M), {"context": C}, np.where(M, X + C, 0)),
    (MaskFirst, (X, None, C), {}, X + C),
    (MaskFirst, (), {"context": C, "x": X}, X + C),
    (MaskFirst, (X,), {"context": C, "mask": M}, np.where(M, X + C, 0)),
    (TrainingFirst, (X,), {"attention_mask": M}, X * M),
    (TrainingFirst, (X,), {"attention_mask": M, "training": True}, -X * M),
    (TrainingFirst, (X, True, M), {}, -X * M),
    (TrainingFirst, (X, True), {"scale": 2.0}, -2 * X),
    (TrainingFirst, (X,), {"scale": 2.0}, 2 * X),
    (TrainingFirst, (X, False), {"attention_mask": M, "scale": 3.0}, 3 * X * M),
    (NamedOnly, (X,), {"context": C, "mask": M}, np.where(M, X + C, 0)),
    (NamedOnly, (X,), {"training": False, "context": C}, X + C),
    (AnyMore, (X, C), {"scale": 2.0}, 2 * (X + C)),
    (AnyMore, (X, C), {"training": False}, X + C),
]
ids = [f"{cls.__name__}-{len(args)}-{'-'.join(kwargs)}" for cls, args, kwargs, _ in CASES]


@pytest.mark.parametrize("cls, args, kwargs, expected", CASES, ids=ids)
def test_eager_functional_and_pure_calls_bind_by_name(cls, args, kwargs, expected):
    np.testing.assert_array_equal(cls()(*args, **kwargs), expected)
    # the pure face, compiled
    layer = cls()
    given = [a for a in args if not isinstance(a, bool)], {k: v for k, v in kwargs.items() if hasattr(v, "shape")}
    fixed = {k: v for k, v in kwargs.items() if not hasattr(v, "shape")}
    if len(given[0]) == len(args):
        layer(*args, **kwargs)
        y, _ = jax.jit(lambda a, k: layer.apply({}, {}, *a, **k, **{"training": False, **fixed}))(*given)
        np.testing.assert_array_equal(y, expected)

    # a functional model, and the same model from its config
    tensors = []

    def symbolic(value):
        if not hasattr(value, "shape"):
            return value
        tensors.append((Input(value.shape[1:], dtype=value.dtype), value))
        return tensors[-1][0]

    y = cls()(*[symbolic(a) for a in args], **{k: symbolic(v) for k, v in kwargs.items()})
    model = Model([t for t, _ in tensors], y)
    data = [value for _, value in tensors]
    np.testing.assert_array_equal(model.predict(data, verbose=0), expected)
    again = models.Model.from_config(model.get_config(), custom_objects={cls.__name__: cls})
    np.testing.assert_array_equal(again(data), expected)

    # inside a subclassed model
    class Net(Model):
        def __init__(self):
            super().__init__()
            self.inner = cls()

        def call(self, inputs):
            it = iter(inputs)
            values = [next(it) if hasattr(a, "shape") else a for a in args]
            return self.inner(*values, **{k: next(it) if hasattr(v, "shape") else v for k, v in kwargs.items()})

    np.testing.assert_array_equal(Net().predict(data, verbose=0), expected)


class Gated(Layer):
    """Needs the size of the context for its weight."""

    def __init__(self):
        super().__init__()
        self.below = Dense(3, kernel_initializer="ones", use_bias=False)

    def build(self, x_shape, context_shape=None):
        size = 0 if context_shape is None else context_shape[-1]
        self.kernel = self.add_weight(shape=(size, x_shape[-1]), initializer="ones", name="kernel")

    def call(self, x, mask=None, context=None):
        y = x if context is None else x + jnp.matmul(context, self.kernel)
        return self.below(y)


def test_build_gets_the_shapes_of_the_arguments_of_its_names():
    context = np.ones((2, 5), np.float32)
    layer = Gated()
    np.testing.assert_array_equal(layer(X, context=context), (X + 5).sum(-1, keepdims=True).repeat(3, -1))
    assert layer.kernel.shape == (5, 4)
    a, b = Input((4,)), Input((5,))
    model = Model([a, b], Gated()(a, context=b))
    np.testing.assert_array_equal(model.predict([X, context], verbose=0), layer(X, context=context))
    params, _ = Gated().init(jax.random.key(0), X, context=context)
    assert params["kernel"].shape == (5, 4)


@pytest.mark.parametrize("wrap", [lambda layer: layer, lambda layer: Sequential([layer])], ids=["bare", "sequential"])
def test_a_wrapper_hands_masks_on_by_name(wrap):
    class LastStep(LSTM):
        """An LSTM whose arguments stand in another order."""

        def call(self, sequences, training=False, mask=None, initial_state=None):
            return super().call(sequences, initial_state=initial_state, mask=mask, training=training)

    x, mask = np.ones((2, 4, 3), np.float32), M
    layer = Bidirectional(LastStep(5))
    plain = Bidirectional(LSTM(5))
    plain(x)
    layer(x)
    layer.set_weights(plain.get_weights())
    np.testing.assert_allclose(layer(x, mask=mask), plain(x, mask=mask), atol=1e-6)
    state = [np.full((2, 5), 0.5, np.float32)] * 4
    np.testing.assert_allclose(layer(x, initial_state=state), plain(x, initial_state=state), atol=1e-6)
    steps = TimeDistributed(wrap(MaskFirst()))
    ones = np.ones((2, 4, 3), np.float32)
    if not isinstance(steps.layer, Sequential):
        np.testing.assert_array_equal(steps(ones, mask=np.stack([M, M, M], -1)), np.stack([M, M, M], -1))


class Inner(Layer):
    def call(self, x, training=False, mask=None):
        return x * 2 if training else x


def test_time_distributed_hands_training_to_the_layer_it_holds():
    x = np.ones((2, 4, 3), np.float32)
    np.testing.assert_array_equal(TimeDistributed(Inner())(x, training=True), 2 * x)
    np.testing.assert_array_equal(TimeDistributed(Inner())(x, True), 2 * x)


@pytest.mark.parametrize(
    "args, kwargs, text",
    [
        ((X, M, C, C), {}, "3 positional"),
        ((X,), {"x": X}, "multiple values for argument 'x'"),
        ((X, None), {"mask": M}, "multiple values for argument 'mask'"),
        ((X,), {"contxt": C}, "contxt"),
    ],
)
def test_arguments_that_do_not_fit_are_refused_by_name(args, kwargs, text):
    with pytest.raises(TypeError, match=text):
        MaskFirst()(*args, **kwargs)


def test_library_layers_take_their_second_input_by_name():
    mha = layers.MultiHeadAttention(2, 4)
    x = np.random.default_rng(0).normal(size=(2, 3, 4)).astype(np.float32)
    expected = mha(x, x, x)
    for args, kwargs in [((x,), {"value": x}), ((x,), {"key": x, "value": x}), ((), {"query": x, "value": x})]:
        np.testing.assert_array_equal(mha(*args, **kwargs), expected)
    causal = mha(x, x, use_causal_mask=True, training=False)
    assert not np.allclose(causal, expected)


@pytest.mark.parametrize(
    "make, before, mask",
    [
        (lambda: layers.Softmax(axis=1), (), np.repeat(M[..., None], 3, 2)),
        (layers.GlobalAveragePooling1D, (), M),
        (lambda: layers.BatchNormalization(momentum=0.5), (True,), M),
        (lambda: LSTM(5), (None,), M),
    ],
    ids=["softmax", "average", "normalization", "lstm"],
)
def test_library_layers_take_their_mask_where_keras_has_it(make, before, mask):
    layer = make()
    x = np.random.default_rng(0).normal(size=(2, 4, 3)).astype(np.float32)
    training = {"training": True} if before == (True,) else {}
    expected = layer(x, mask=mask, **training)
    assert not np.allclose(layer(x, **training), expected)
    np.testing.assert_allclose(layer(x, *before, mask), expected, rtol=1e-6)
    rows = (Input(x.shape[1:]), Input(mask.shape[1:], dtype="bool"))
    model = Model(rows, layer(rows[0], *before, rows[1]))
    np.testing.assert_allclose(model([x, mask]), expected, rtol=1e-5)


def test_attention_takes_its_masks_by_position():
    x = np.random.default_rng(0).normal(size=(2, 4, 3)).astype(np.float32)
    attention = layers.Attention()
    np.testing.assert_array_equal(attention([x, x], [M, M]), attention([x, x], mask=[M, M]))
    assert not np.allclose(attention([x, x], [M, M]), attention([x, x]))


def test_build_takes_shapes_by_the_names_of_the_arguments():
    attention = layers.MultiHeadAttention(2, 3)
    attention.build(query_shape=(None, 5, 4), value_shape=(None, 5, 6))
    assert [w.shape[0] for w in attention.weights[:6:2]] == [4, 6, 6]
    dense = Dense(2)
    dense.build(x_shape=(None, 4))
    assert dense.kernel.shape == (4, 2)
    with pytest.raises(TypeError, match="'shape'"):
        Dense(2).build(shape=(None, 4))


def build_by_name(self, context_shape, x_shape):
    self.shapes = context_shape, x_shape


def build_single(self, anything):
    self.shapes = anything


def build_unknown(self, x_shape, other_shape):
    """No argument of the call is called `other`."""


def build_without_suffix(self, x_shape, context):
    """`context` is the argument, not its shape."""


@pytest.mark.parametrize("build", (build_by_name, build_single, build_unknown, build_without_suffix))
def test_a_build_of_several_shapes_names_arguments_of_the_call(build):
    def shapes(k):
        class Two(k.layers.Layer):
            def call(self, x, context):
                return x

        Two.build = build
        layer = Two()
        layer(X, C[:, :3])
        return layer.shapes

    try:
        wanted = shapes(keras)
    except ValueError:
        with pytest.raises(ValueError, match=f"takes '(other_shape|context)'[^$]*def {build.__name__}"):
            shapes(jkeras)
    else:
        assert shapes(jkeras) == wanted


def test_a_model_takes_the_mask_of_its_inputs():
    x = np.random.default_rng(0).normal(size=(2, 4, 3)).astype(np.float32)
    lstm = LSTM(5)
    masked, plain = lstm(x, mask=M), lstm(x)
    assert not np.allclose(masked, plain)
    a, b, m = Input((4, 3), name="a"), Input((4, 3), name="b"), Input((4,), dtype="bool")
    one, two = Model(a, lstm(a)), Model([b, a], [lstm(b), lstm(a)])
    for given in (x, x.astype(np.float64)):
        np.testing.assert_allclose(one(given, mask=M), masked, atol=1e-6)
    np.testing.assert_allclose(Sequential([Input((4, 3)), lstm])(x, mask=M), masked, atol=1e-6)
    np.testing.assert_allclose(Model([a, m], one(a, mask=m)).predict([x, M], verbose=0), masked, atol=1e-6)
    np.testing.assert_allclose(TimeDistributed(one)(x[:, None], mask=M[:, None])[:, 0], masked, atol=1e-6)
    for mask in ([None, M], {"a": M}):
        first, second = two([x, x] if isinstance(mask, list) else {"a": x, "b": x}, mask=mask)
        np.testing.assert_allclose(first, plain, atol=1e-6)
        np.testing.assert_allclose(second, masked, atol=1e-6)


def test_masks_of_a_dict_of_inputs_reach_those_they_are_of():
    ids = np.array([[1, 2, 0, 0], [3, 0, 0, 0]])
    table, lstm = layers.Embedding(5, 3, mask_zero=True), LSTM(5)
    a, b, i = Input((4, 3), name="a"), Input((4, 3), name="b"), Input((4,), dtype="int32")
    inner = Model([b, a], [lstm(b), lstm(a)])
    masked = table(i)
    model = Model(i, inner({"a": masked, "b": layers.Lambda(lambda x: x * 1.0)(masked)}))
    x = np.asarray(table(ids))
    for found in (model(ids), model.predict(ids, verbose=0)):
        np.testing.assert_allclose(found[0], lstm(x), atol=1e-6)
        np.testing.assert_allclose(found[1], lstm(x, mask=ids != 0), atol=1e-6)


@pytest.mark.parametrize("k", (jkeras, keras), ids=("jkeras", "keras"))
def test_each_of_several_inputs_brings_its_mask(k):
    class Joined(k.layers.Layer):
        def call(self, a, b, a_mask=None, b_mask=None):
            return k.ops.stack([k.ops.cast(m, "float32") for m in (a_mask[0], a_mask[1], b_mask)])

    ids = np.array([[1, 0, 2]])
    table = k.layers.Embedding(5, 2, mask_zero=True)
    first, second, third = table(ids), table(ids[:, ::-1].copy()), table(ids + 1)
    np.testing.assert_array_equal(Joined()((first, second), third)[:, 0], [[1, 0, 1], [1, 0, 1], [1, 1, 1]])
    np.testing.assert_array_equal(Joined()((first, third), second, b_mask=ids < 2)[:, 0], [[1, 0, 1], [1, 1, 1], [1, 1, 0]])


def test_an_array_in_place_of_training_is_named():
    model = Sequential([Input((4,)), Dense(1)])
    with pytest.raises(ValueError, match=r"Received: training=.*\(2, 4\)[\s\S]*layer\(\[x1, x2\]\)"):
        model(X, C)

"""Axes of unknown size: the output shapes of layers, functions and models. Expected shapes are Keras 3.15.1's."""

import math

import numpy as np
import pytest

from jkeras import Input, KerasTensor, Model, Sequential, layers, models, ops
from jkeras._base.errors import UnknownSizeError
from jkeras.graph import Spec, infer

N = None
SERIES, IMAGES, VOLUMES = (N, 4), (N, N, 3), (N, N, N, 2)


def attend(x, y, **options):
    return layers.MultiHeadAttention(2, 3)(x, y, **options)


SHAPES = {
    "a long kernel": (layers.Conv1D(8, 80), [SERIES], (N, N, 8)),
    "a very long kernel": (layers.Conv1D(8, 1000, strides=2), [SERIES], (N, N, 8)),
    "a dilated kernel": (layers.Conv1D(8, 3, dilation_rate=40), [SERIES], (N, N, 8)),
    "a causal kernel": (layers.Conv1D(8, 80, padding="causal"), [SERIES], (N, N, 8)),
    "long steps": (layers.Conv1D(8, 3, strides=50, padding="same"), [SERIES], (N, N, 8)),
    "long steps of a depthwise kernel": (layers.DepthwiseConv1D(3, strides=50, padding="same"), [SERIES], (N, N, 4)),
    "a separable kernel": (layers.SeparableConv1D(8, 80), [SERIES], (N, N, 8)),
    "a transposed kernel": (layers.Conv1DTranspose(8, 3, strides=2), [SERIES], (N, N, 8)),
    "one open axis of two": (layers.Conv2D(8, 30), [(100, N, 3)], (N, 71, N, 8)),
    "two open axes": (layers.Conv2D(8, 3, strides=50, padding="same"), [IMAGES], (N, N, N, 8)),
    "three open axes": (layers.Conv3D(4, 30), [VOLUMES], (N, N, N, N, 4)),
    "long means": (layers.AveragePooling1D(50), [SERIES], (N, N, 4)),
    "long maxima": (layers.MaxPooling1D(80, strides=1), [SERIES], (N, N, 4)),
    "padded maxima": (layers.MaxPooling2D(3, 50, "same"), [IMAGES], (N, N, N, 3)),
    "a mean of all": (layers.GlobalAveragePooling2D(), [IMAGES], (N, 3)),
    "cropped": (layers.Cropping1D(40), [SERIES], (N, N, 4)),
    "cropped images": (layers.Cropping2D(((10, 2), (3, 14))), [(N, 30, 3)], (N, N, 13, 3)),
    "padded": (layers.ZeroPadding1D(40), [SERIES], (N, N, 4)),
    "larger": (layers.UpSampling2D(3), [(N, 8, 3)], (N, N, 24, 3)),
    "one size": (layers.RandomCrop(5, 6), [IMAGES], (N, 5, 6, 3)),
    "rows of seven": (layers.Reshape((-1, 7)), [SERIES], (N, N, 7)),
    "five rows": (layers.Reshape((5, -1)), [SERIES], (N, 5, N)),
    "flat": (layers.Flatten(), [SERIES], (N, N)),
    "axes exchanged": (layers.Permute((2, 1)), [SERIES], (N, 4, N)),
    "recurrent": (layers.LSTM(5), [SERIES], (N, 5)),
    "recurrent with state": (
        layers.GRU(5, return_sequences=True, return_state=True),
        [SERIES],
        [(N, N, 5), (N, 5)],
    ),
    "both directions": (layers.Bidirectional(layers.LSTM(5, return_sequences=True)), [SERIES], (N, N, 10)),
    "behind a mask": (lambda x: layers.LSTM(5)(layers.Masking()(x)), [SERIES], (N, 5)),
    "step by step": (layers.TimeDistributed(layers.Conv2D(3, 30)), [VOLUMES], (N, N, N, N, 3)),
    "attention": (attend, [SERIES, (N, 6)], (N, N, 4)),
    "attention with weights": (
        lambda x, y: attend(x, y, return_attention_scores=True),
        [SERIES, (N, 6)],
        [(N, N, 4), (N, 2, N, N)],
    ),
    "attention with a square mask": (lambda x, m: attend(x, x, attention_mask=m), [SERIES, (N, N)], (N, N, 4)),
    "a sum": (lambda x, y: layers.Add()([x, y]), [SERIES, SERIES], (N, N, 4)),
    "one behind the other": (lambda x, y: layers.Concatenate(1)([x, y]), [SERIES, (7, 4)], (N, N, 4)),
    "side by side": (lambda x, y: layers.Concatenate()([x, y]), [SERIES, SERIES], (N, N, 8)),
    "products of all pairs": (lambda x, y: layers.Dot(2)([x, y]), [SERIES, SERIES], (N, N, N)),
    "products over an open axis": (lambda x, y: layers.Dot(1)([x, y]), [SERIES, (N, 5)], (N, 4, 5)),
    "a known size beside": (lambda x, y: x + y, [SERIES, (7, 4)], (N, 7, 4)),
    "both ends cut off": (lambda x: x[:, 30:-30], [SERIES], (N, N, 4)),
    "cut off in a Lambda": (layers.Lambda(lambda x: x[:, 30:-30]), [SERIES], (N, N, 4)),
    "the first ten": (lambda x: x[:, :10], [SERIES], (N, N, 4)),
    "behind the first hundred": (lambda x: x[:, 100:], [SERIES], (N, N, 4)),
    "the last ten": (lambda x: x[:, -10:], [SERIES], (N, N, 4)),
    "every fiftieth": (lambda x: x[:, ::50], [SERIES], (N, N, 4)),
    "the hundredth": (lambda x: x[:, 100], [SERIES], (N, 4)),
    "five parts": (lambda x: ops.split(x, 5, axis=1)[0], [SERIES], (N, N, 4)),
    "cut in three": (lambda x: ops.split(x, [5, 60], axis=1), [SERIES], [(N, 5, 4), (N, 55, 4), (N, N, 4)]),
    "reflected": (lambda x: ops.pad(x, ((0, 0), (30, 30), (0, 0)), mode="reflect"), [SERIES], (N, N, 4)),
    "repeated": (lambda x: ops.repeat(x, 3, axis=1), [SERIES], (N, N, 4)),
    "rows of the batch": (lambda x: ops.reshape(x, (-1, 7, 4)), [(4,)], (N, 7, 4)),
    "batch and time in one": (lambda x: ops.reshape(x, (-1, 4)), [SERIES], (N, 4)),
    "half": (layers.Lambda(lambda x: x[:, : x.shape[1] // 2]), [SERIES], (N, N, 4)),
    "twice as many": (layers.Lambda(lambda x: ops.reshape(x, (-1, x.shape[1] * 2, 2))), [SERIES], (N, N, 2)),
    "frames": (lambda x: ops.extract_sequences(x, 20, 10), [(N,)], (N, N, 20)),
}


def shapes_of(outputs):
    return [t.shape for t in outputs] if isinstance(outputs, (list, tuple)) else outputs.shape


@pytest.mark.few(18)
@pytest.mark.parametrize("name", SHAPES)
def test_a_size_is_known_only_where_it_is(name):
    fn, inputs, expected = SHAPES[name]
    assert shapes_of(fn(*map(Input, inputs))) == expected


class Table(layers.Layer):
    """Adds a table of sixteen positions."""

    def build(self, input_shape):
        self.table = self.add_weight(shape=(16, input_shape[-1]), name="table")

    def call(self, x):
        return x + self.table[: x.shape[1]]


class Steps(layers.Layer):
    """A recurrent layer as a Python loop."""

    def __init__(self):
        super().__init__()
        self.inner = layers.Dense(5)

    def call(self, x):
        h = 0.0
        for step in range(x.shape[1]):
            h = h + self.inner(x[:, step])
        return h


class Symmetric(layers.Layer):
    def call(self, x):
        return x + ops.transpose(x, (0, 2, 1))


# Code that needs to know more about a size than Keras can tell: most of these raise there.
HARDER = {
    "a table of sixteen": (Table(), [SERIES], (N, N, 4)),
    "a loop over an axis": (Steps(), [SERIES], (N, 5)),
    "a square matrix": (Symmetric(), [(N, N)], (N, N, N)),
    "a root of the size": (layers.Lambda(lambda x: x / math.sqrt(x.shape[1])), [SERIES], (N, N, 4)),
    "an array of numpy": (layers.Lambda(lambda x: x * np.ones((x.shape[1], 1), np.float32)), [SERIES], (N, N, 4)),
    "behind a thousand": (
        layers.Lambda(lambda x: x[:, 1000:] * np.ones((x.shape[1] - 1000, 1), np.float32)),
        [SERIES],
        (N, N, 4),
    ),
    "a choice by size": (layers.Lambda(lambda x: x[:, :10] if x.shape[1] > 10 else x), [SERIES], (N, N, 4)),
    "a difference of two inputs": (
        layers.Lambda(lambda both: both[0][:, : both[0].shape[1] - both[1].shape[1] + 1]),
        [SERIES, SERIES],
        (N, N, 4),
    ),
    "a difference of two axes": (layers.Lambda(lambda x: x[:, : x.shape[1] - x.shape[2] + 3]), [IMAGES], (N, N, N, 3)),
    "rows of the batch in a Lambda": (layers.Lambda(lambda x: ops.reshape(x, (-1, 5, x.shape[1]))), [(4,)], (N, 5, 4)),
    "a diagonal": (lambda x: ops.diagonal(x, axis1=1, axis2=2), [SERIES], (N, N)),
    "the only size": (lambda x, y: layers.Concatenate()([x, y]), [SERIES, (7, 4)], (N, 7, 8)),
}


@pytest.mark.parametrize("name", HARDER)
def test_code_that_asks_for_numbers_gets_them(name):
    fn, inputs, expected = HARDER[name]
    given = [Input(shape) for shape in inputs]
    assert shapes_of(fn(given) if name == "a difference of two inputs" else fn(*given)) == expected


def unet():
    x = images = Input(IMAGES)
    before = []
    for _ in range(5):
        x = layers.Conv2D(2, 3, padding="same")(x)
        before.append(x)
        x = layers.MaxPooling2D()(x)
    for skip in reversed(before):
        x = layers.Concatenate()([layers.Conv2DTranspose(2, 2, strides=2)(x), skip])
    return Model(images, x)


class Subclassed(Model):
    def __init__(self, inner):
        super().__init__()
        self.inner, self.top = inner, layers.Dense(2)

    def call(self, x):
        return self.top(self.inner(x))


def stack():
    return Sequential([layers.Conv1D(8, 80), layers.AveragePooling1D(50), layers.Cropping1D(30)])


def with_table():
    x = Input(SERIES)
    return Model(x, layers.Dense(3)(Table()(x)))


@pytest.mark.few(3)
@pytest.mark.parametrize("nest", [lambda model: model, Subclassed], ids=["functional", "subclassed"])
@pytest.mark.parametrize("make, inner, channels", [(unet, IMAGES, 4), (stack, SERIES, 8), (with_table, SERIES, 3)])
def test_a_nested_model_leaves_open_axes_open(make, inner, channels, nest):
    expected = (N, *inner[:-1], 2 if nest is Subclassed else channels)
    assert nest(make())(Input(inner)).shape == expected
    assert nest(make()).compute_output_shape((N, *inner)) == expected


def test_a_nested_model_is_not_traced_again_for_the_inputs_it_was_made_for(monkeypatch):
    model = with_table()
    calls = []
    monkeypatch.setattr(Table, "call", lambda self, x: calls.append(x.shape) or x)
    assert model(Input(SERIES)).shape == (N, N, 3) and not calls
    assert model(Input((9, 4))).shape == (N, 9, 3) and calls


def test_open_axes_train_predict_and_come_back_from_a_file(tmp_path):
    model = Sequential([Input(SERIES), layers.Conv1D(3, 30), layers.Cropping1D(10), layers.GlobalMaxPooling1D(), layers.Dense(1)])
    assert [layer.output.shape for layer in model.layers] == [(N, N, 3), (N, N, 3), (N, 3), (N, 1)]
    model.compile("sgd", "mse")
    x = np.random.default_rng(0).normal(size=(4, 60, 4)).astype("float32")
    model.fit(x, np.zeros((4, 1)), verbose=0)
    for name in ("model.keras", "model.h5"):
        model.save(tmp_path / name)
        loaded = models.load_model(tmp_path / name)
        assert loaded.layers[0].output.shape == (N, N, 3)
        np.testing.assert_allclose(loaded.predict(x, verbose=0), model.predict(x, verbose=0), rtol=1e-6)
    lines = []
    model.summary(print_fn=lines.append)
    assert sum("(None, None, 3)" in line for line in lines) == 2


class NeedsSize(layers.Layer):
    def build(self, input_shape):
        self.w = self.add_weight(shape=(input_shape[1], 3), name="w")

    def call(self, x):
        return x * self.w


@pytest.mark.parametrize("fn", [layers.PReLU(), NeedsSize(), Subclassed(NeedsSize())], ids=["PReLU", "own", "below"])
def test_a_weight_does_not_get_the_size_of_a_trial(fn):
    with pytest.raises(UnknownSizeError, match=r"cannot make the weight .*\(None, [34]\)"):
        fn(Input((None, 4 if isinstance(fn, layers.PReLU) else 3)))


def test_a_layer_built_in_call_sees_unknown_sizes_also_where_numbers_are_tried():
    seen = []

    class Inner(layers.Layer):
        def build(self, input_shape):
            seen.append(input_shape)

        def call(self, x):
            return x

    class Outer(layers.Layer):
        def __init__(self):
            super().__init__()
            self.inner = Inner()

        def call(self, x):
            return self.inner(x * np.ones((x.shape[1], 1), np.float32))

    Outer()(Input(SERIES))
    assert seen == [(N, N, 4)]


def test_what_a_layer_says_of_its_shape_is_taken():
    class Says(layers.Layer):
        def call(self, x):
            return ops.reshape(x, (-1, 8))

        def compute_output_shape(self, input_shape):
            return (input_shape[0], 8)

    class Specifies(layers.Layer):
        def call(self, x):
            return x[:, ::2]

        def compute_output_spec(self, x):
            return KerasTensor((x.shape[0], 5, 4), "float16")

    assert Says()(Input(SERIES)).shape == (N, 8)
    assert (Specifies()(Input(SERIES)).shape, Specifies()(Input(SERIES)).dtype) == ((N, 5, 4), "float16")


def looks_at_values(x):
    return x if float(x[0, 0, 0]) > 0 else 2 * x


SAID = {
    "sizes": (lambda x: x, (7, 4), (N, 7, 4)),
    "a list, as a file has it": (lambda x: x, [7, 4], (N, 7, 4)),
    "a function": (lambda x: x[:, :7], lambda shape: (shape[0], 7, shape[2]), (N, 7, 4)),
    "of a function that looks at values": (looks_at_values, lambda shape: shape, (N, N, 4)),
    "several": (lambda x: [x, x[:, 0]], lambda shape: [(N, 9, 4), (N, 4)], [(N, 9, 4), (N, 4)]),
    "not what comes out": (lambda x: x[..., :2], (N, 4), (N, N, 2)),
}


@pytest.mark.parametrize("name", SAID)
def test_a_lambda_layer_knows_what_its_output_shape_says(name):
    function, said, expected = SAID[name]
    layer = layers.Lambda(function, output_shape=said)
    assert shapes_of(layer(Input(SERIES))) == expected
    assert layer.compute_output_shape((N, N, 4)) == expected


def test_the_error_of_a_shape_that_never_fits_speaks_of_unknown_sizes():
    with pytest.raises(ValueError, match="cropping") as caught:
        layers.Cropping2D(5)(Input((N, 8, 3)))
    assert "float32(None, None, 8, 3)" in str(caught.value)


# One axis must have the same size as another argument; the others stay unknown. All run at such sizes.
NEEDED = {
    "a product": (ops.matmul, [(N, N), (7, 4)], (N, N, 4)),
    "a product of a layer": (lambda x, y: layers.Dot((2, 1))([x, y]), [(N, N), (7, 4)], (N, N, 4)),
    "side by side": (lambda x, y: layers.Concatenate()([x, y]), [IMAGES, (N, 7, 3)], (N, N, 7, 6)),
    "two of three": (lambda *xs: layers.Concatenate()([*xs]), [IMAGES, (9, N, 3), (N, 7, 3)], (N, 9, 7, 9)),
    "a batch size": (lambda x, y: layers.Add()([x, y]), [SERIES, Input(batch_shape=(8, N, 4))], (8, N, 4)),
    "a batch size and another": (lambda x, y: layers.Add()([x, y]), [IMAGES, Input(batch_shape=(8, N, 7, 3))], (8, N, 7, 3)),
    "one of two that fit": (
        lambda x, y: layers.Lambda(lambda both: ops.concatenate([both[0] + both[1], both[0]], 1))([x, y]),
        [SERIES, (7, 4)],
        (N, N, 4),
    ),
}


@pytest.mark.parametrize("name", NEEDED)
def test_an_axis_that_needs_a_size_leaves_the_others_open(name):
    fn, inputs, expected = NEEDED[name]
    assert fn(*(shape if isinstance(shape, KerasTensor) else Input(shape) for shape in inputs)).shape == expected


def test_the_number_of_outputs_must_not_depend_on_an_open_axis():
    with pytest.raises(ValueError, match="number of outputs depends on the size of an unknown axis"):
        ops.unstack(Input(SERIES), axis=1)
    assert len(ops.unstack(Input(SERIES), axis=2)) == 4


def test_loops_within_loops_are_not_tried_at_large_sizes():
    tried = []

    def total(x):
        tried.append(x.shape[1])
        return sum(x[:, i, j] for i in range(x.shape[1]) for j in range(x.shape[2]))

    assert layers.Lambda(total)(Input(IMAGES)).shape == (N, 3)
    assert all(not isinstance(n, int) or n <= 120 for n in tried)


def test_a_function_is_tried_once_where_symbols_are_enough():
    calls = []
    infer(lambda x: calls.append(x.shape) or x[:, 1:], (Spec((N, N, 4), "float32"),), {})
    assert len(calls) == 1

"""Classes that extend a library layer and call its methods with `super()`. Shapes are those of Keras 3.15.1."""

import numpy as np
import pytest

from jkeras import Input, Model, layers, models, ops

N = None
X = np.arange(24, dtype="float32").reshape(2, 3, 4)
ONES = np.ones((3, 3), np.float32)


def extend(base, **methods):
    return type(f"My{base.__name__}", (base,), methods)


def with_super_shape(base):
    class Extended(base):
        def compute_output_shape(self, *shapes, **named):
            return super().compute_output_shape(*shapes, **named)

    return Extended


SUPER_SHAPES = {
    "Dense": (layers.Dense, [3], [(N, 4)], (N, 3)),
    "Conv2D": (layers.Conv2D, [2, 3], [(N, 8, 8, 1)], (N, 6, 6, 2)),
    "Flatten": (layers.Flatten, [], [(N, 3, 4)], (N, 12)),
    "LSTM": (layers.LSTM, [3], [(N, N, 4)], (N, 3)),
    "TimeDistributed": (layers.TimeDistributed, [layers.Dense(3)], [(N, 7, 4)], (N, 7, 3)),
    "Bidirectional": (layers.Bidirectional, [layers.LSTM(3)], [(N, 7, 4)], (N, 6)),
    "MultiHeadAttention": (layers.MultiHeadAttention, [2, 3], [(N, 7, 4), (N, 5, 4)], (N, 7, 4)),
    "Concatenate": (layers.Concatenate, [], [[(N, 4), (N, 5)]], (N, 9)),
    "Lambda": (layers.Lambda, [lambda x: x[:, :2]], [(N, 4)], (N, 2)),
}


@pytest.mark.parametrize("name", SUPER_SHAPES)
def test_super_compute_output_shape(name):
    base, arguments, shapes, expected = SUPER_SHAPES[name]
    layer = with_super_shape(base)(*arguments)
    assert layer.compute_output_shape(*shapes) == expected
    given = [[Input(s[1:]) for s in shape] if isinstance(shape, list) else Input(shape[1:]) for shape in shapes]
    assert layer(*given).shape == expected


def test_super_compute_output_shape_of_layers_and_models_of_ones_own():
    class Own(layers.Layer):
        def call(self, x):
            return x[:, ::2]

        def compute_output_shape(self, input_shape):
            return super().compute_output_shape(input_shape)

        def compute_output_spec(self, x):
            return super().compute_output_spec(x)

        def compute_mask(self, x, mask=None):
            return super().compute_mask(x, mask)

    class Net(Model):
        def __init__(self):
            super().__init__()
            self.inner = layers.Dense(3)

        def call(self, x):
            return self.inner(x)

        compute_output_shape = Own.compute_output_shape

    assert Own().compute_output_shape((N, 5, 4)) == Own()(Input((5, 4))).shape == (N, 3, 4)
    inputs = Input((4,))
    functional = with_super_shape(Model)(inputs, layers.Dense(3)(inputs))
    assert functional.compute_output_shape((7, 4)) == (7, 3) and functional(Input((4,))).shape == (N, 3)


class Biased(layers.Dense):
    """A second input, added."""

    def call(self, x, context):
        return super().call(x) + context


class Optional(layers.Dense):
    def build(self, input_shape):
        super().build(input_shape)

    def call(self, x, context=None, training=None):
        y = super().call(x, training=training)
        return y if context is None else y + context

    def get_config(self):
        return {**super().get_config()}


SECOND_INPUTS = {
    "Dense": (Biased(3), [(4,), (3,)], (N, 3)),
    "by name": (lambda x, c: Optional(3)(x, context=c), [(4,), (3,)], (N, 3)),
    "left out": (Optional(3), [(4,)], (N, 3)),
    "Conv2D": (
        extend(layers.Conv2D, call=lambda self, x, s: layers.Conv2D.call(self, x) * s)(2, 3),
        [(8, 8, 3), (1, 1, 2)],
        (N, 6, 6, 2),
    ),
    "Embedding": (
        extend(layers.Embedding, call=lambda self, x, s: layers.Embedding.call(self, x) * s)(9, 3),
        [(5,), (1, 1)],
        (N, 5, 3),
    ),
    "LayerNormalization": (
        extend(layers.LayerNormalization, call=lambda self, x, s: layers.LayerNormalization.call(self, x) + s)(),
        [(5, 4), (1, 4)],
        (N, 5, 4),
    ),
    "LSTM": (
        extend(layers.LSTM, call=lambda self, x, h: layers.LSTM.call(self, x, initial_state=[h, h]))(3),
        [(5, 4), (3,)],
        (N, 3),
    ),
}


@pytest.mark.few(4)
@pytest.mark.parametrize("name", SECOND_INPUTS)
def test_a_library_layer_extended_by_a_second_input(name):
    fn, inputs, expected = SECOND_INPUTS[name]
    assert fn(*map(Input, inputs)).shape == expected
    assert fn(*[np.ones((2, *shape), np.float32) for shape in inputs]).shape == (2, *expected[1:])


def test_a_second_input_in_training_and_in_files(tmp_path):
    x, context = Input((4,)), Input((3,))
    model = Model([x, context], layers.Dense(1)(Biased(3)(x, context)))
    model.compile("sgd", "mse")
    assert np.isfinite(model.fit([X[0], ONES], np.ones((3, 1)), verbose=0).history["loss"][0])
    model.save(tmp_path / "model.keras")
    loaded = models.load_model(tmp_path / "model.keras", custom_objects={"Biased": Biased})
    np.testing.assert_array_equal(loaded.predict([X[0], ONES], verbose=0), model.predict([X[0], ONES], verbose=0))


def test_the_shape_of_an_extended_layer_is_that_of_the_library_layer():
    """As in Keras; so `call` may ask for it, whatever it does with it."""

    class Rows(layers.Dense):
        def call(self, x):
            return ops.reshape(super().call(x), (-1, self.compute_output_shape(x.shape)[-1]))

    assert Biased(3).compute_output_shape((N, 4)) == (N, 3)
    assert Rows(3).compute_output_shape((N, 3, 4)) == (N, 3, 3)
    assert Rows(3)(X).shape == (6, 3) and Rows(3)(Input((3, 4))).shape == (N, 3)


def test_a_call_that_asks_for_its_own_shape_is_told_what_to_write():
    class Circular(layers.Layer):
        def call(self, x):
            return x + self.compute_output_shape(x.shape)[-1]

    with pytest.raises(NotImplementedError, match="def compute_output_shape"):
        Circular()(X)


def test_own_shapes_for_several_inputs():
    class Pair(layers.Layer):
        def call(self, x, y):
            return x + y

        def compute_output_shape(self, x_shape, y_shape):
            return (*x_shape[:-1], y_shape[-1])

    x, y = Input((4,)), Input((4,))
    assert Pair()(x, y).shape == Pair()(x, y=y).shape == Pair()(y=y, x=x).shape == (N, 4)


@pytest.mark.parametrize("arguments", [(True,), (True, None)], ids=["training", "training and mask"])
def test_training_by_position_in_super_call(arguments):
    extended = extend(layers.BatchNormalization, call=lambda self, x: layers.BatchNormalization.call(self, x, *arguments))()
    np.testing.assert_allclose(np.asarray(extended(X)).mean((0, 1)), 0, atol=1e-5)
    always = extend(layers.Dropout, call=lambda self, x: layers.Dropout.call(self, x, True))(0.5)
    assert 0 in np.asarray(always(np.ones((9, 9), np.float32)))
    assert extend(layers.Dense, call=lambda self, inputs: layers.Dense.call(self, inputs=inputs))(3)(X).shape == (2, 3, 3)

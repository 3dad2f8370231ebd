"""EinsumDense equals Keras' in shapes, values, gradients and initial values, for any equation."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from against_keras import assert_config_round_trip, assert_same, keras, normal
from hypothesis import given, settings
from hypothesis import strategies as st

import jkeras
from jkeras.layers import EinsumDense
from jkeras.nn.einsum import einsum_dense, einsum_shapes

# equation, output_shape, bias_axes, input shape
CASES = [
    ("ab,bc->ac", 64, "c", (2, 32)),
    ("abc,cd->abd", (None, 64), "d", (2, 8, 32)),
    ("abc,cd->abd", (8, 64), "bd", (2, 8, 32)),
    ("...x,xy->...y", 64, "y", (2, 8, 32)),
    ("...x,xy->...y", 64, None, (2, 32)),
    ("...ab,bc->...ac", (3, 5), "ac", (2, 6, 3, 4)),
    ("ab...,bc->ac...", 5, "c", (2, 4, 6, 7)),
    ("ab...,bc->ac...", 5, "c", (2, 4)),
    ("abc,cde->abde", (None, 2, 4), "e", (2, 5, 8)),
    ("abcd,cde->abe", (5, 3), "be", (2, 5, 2, 4)),
    ("abc,bde->aecd", (3, 6, 4), "cd", (2, 5, 6)),
    ("abc,bc->abc", (5, 3), "bc", (2, 5, 3)),
]


@pytest.mark.parametrize("equation,output_shape,bias_axes,shape", CASES, ids=[f"{c[0]} {c[1]} {c[2]}" for c in CASES])
def test_values_gradients_and_configs_equal_keras(equation, output_shape, bias_axes, shape):
    pair = [k(equation, output_shape, bias_axes=bias_axes, activation="tanh") for k in (EinsumDense, keras.layers.EinsumDense)]
    assert_same(*pair, normal(*shape), rtol=1e-5, atol=1e-5)
    assert pair[0].kernel.shape == tuple(pair[1].kernel.shape)
    sizes = zip(*(layer.compute_output_shape((None, *shape[1:])) for layer in pair), strict=True)
    assert all(ours == theirs or theirs is None for ours, theirs in sizes)
    assert_config_round_trip(*pair)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_any_equation_is_the_sum_that_it_says(data):
    """Letters in any order, kept or summed over; with an ellipsis on one side. The fast form is the plain one, too."""
    letters = data.draw(st.lists(st.sampled_from("abcdef"), min_size=2, max_size=5, unique=True))
    kept = [letters[0], *data.draw(st.lists(st.sampled_from(letters[1:]), max_size=len(letters) - 2, unique=True))]
    own = data.draw(st.lists(st.sampled_from("uvw"), max_size=2, unique=True))
    kernel = [x for x in letters if x not in kept] + own
    dots = data.draw(st.sampled_from(["", "left", "right"]))
    if data.draw(st.booleans()):
        kernel = data.draw(st.permutations(kernel))
        output = [kept[0], *data.draw(st.permutations([*kept[1:], *own]))]  # the batch axis stays the first
    else:
        kept = [x for x in letters if x in kept]
        output = kept + own
    first, last = ("..." if dots == side else "" for side in ("left", "right"))
    equation = f"{first}{''.join(letters)}{last},{''.join(kernel)}->{first}{''.join(output)}{last}"
    sizes = {x: 2 + i for i, x in enumerate("abcdefuvw")}
    lead, rest = ((2, 3), ()) if dots == "left" else ((), (2,)) if dots == "right" else ((), ())
    x = normal(*lead, *(sizes[letter] for letter in letters), *rest)
    given_sizes = [sizes[x] for x in (output if dots == "left" else output[1:])]
    shapes = einsum_shapes(equation, x.shape, given_sizes, output[-1])
    assert shapes.kernel == tuple(sizes[letter] for letter in kernel)
    assert sorted(shapes.input_axes + shapes.output_axes) == list(range(len(kernel)))
    w = normal(*shapes.kernel, seed=1)
    bias = normal(*shapes.bias, seed=2)
    y = einsum_dense(x, w, bias, equation=equation)
    np.testing.assert_allclose(y, np.einsum(equation, x, w, optimize=False) + bias, rtol=1e-4, atol=1e-4)


def test_the_fast_form_has_the_gradients_of_the_plain_one():
    x, w = normal(300, 4, 5), normal(5, 2, 3, seed=1)

    def loss(form):
        return lambda x, w: jnp.sum(jnp.sin(form(x, w)))

    fast = jax.jit(jax.grad(loss(lambda x, w: einsum_dense(x, w, equation="abc,cde->abde")), (0, 1)))(x, w)
    plain = jax.jit(jax.grad(loss(lambda x, w: jnp.einsum("abc,cde->abde", x, w)), (0, 1)))(x, w)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-4), fast, plain)


@pytest.mark.parametrize(
    "equation,output_shape,shape", [("abc,cde->abde", (None, 8, 16), (2, 5, 64)), ("abcd,cde->abe", (None, 64), (2, 3, 4, 32))]
)
def test_initial_values_spread_as_in_keras(equation, output_shape, shape):
    kernels = []
    for k in (jkeras, keras):
        layer = k.layers.EinsumDense(equation, output_shape, kernel_initializer=k.initializers.GlorotNormal(seed=1))
        layer.build(shape)
        kernels.append(np.std(np.asarray(layer.kernel.value)))
    np.testing.assert_allclose(*kernels, rtol=0.05)


def test_sizes_of_kernel_and_bias_come_from_the_input_too():
    """Keras takes a size that the output has from `output_shape` alone, and None there is an error."""
    layer = EinsumDense("abc,bde->aecd", (3, None, None), bias_axes="cd")
    with pytest.raises(ValueError, match="kernel"):
        layer.build((None, 5, 6))
    layer = EinsumDense("abc,bde->aecd", (3, None, 4), bias_axes="cd")
    layer.build((None, 5, 6))
    assert layer.kernel.shape == (5, 4, 3) and layer.bias.shape == (6, 4)


def test_axes_of_unknown_size():
    x = jkeras.Input((None, 4))
    y = EinsumDense("abc,cde->abde", (None, 2, 3), bias_axes="de")(x)
    z = EinsumDense("...ab,abc->...c", 5)(y)
    assert y.shape == (None, None, 2, 3) and z.shape == (None, None, 5)
    model = jkeras.Model(x, z)
    assert model(normal(2, 7, 4)).shape == (2, 7, 5) and model(normal(3, 1, 4)).shape == (3, 1, 5)


def test_training_reaches_what_dense_reaches():
    x, y = normal(64, 6, 4), normal(64, 6, 3, seed=1)
    losses = []
    for layer in (EinsumDense("abc,cd->abd", (None, 3), bias_axes="d"), jkeras.layers.Dense(3)):
        model = jkeras.Sequential([jkeras.Input((6, 4)), layer])
        model.set_weights([normal(4, 3, seed=2), np.zeros(3)])
        model.compile("sgd", "mse")
        losses.append(model.fit(x, y, epochs=2, shuffle=False, verbose=0).history["loss"])
    np.testing.assert_allclose(*losses, rtol=1e-6)


BAD = {
    "no equation": (("ab->ac", 3), (2, 4), "'ab->ac'"),
    "two ellipses": (("...a...,ab->...b...", 3), (2, 4), "form"),
    "an ellipsis that goes": (("...ab,bc->ac", 3), (2, 3, 4), "form"),
    "a size that is not the input's": (("abc,cd->abd", (5, 64)), (2, 6, 4), "'b' in input and output, but of sizes 6 and 5"),
    "a size that the input does not know": (("abc,cd->abd", (5, 64)), (2, None, 4), "sizes None and 5"),
    "an axis of the output alone": (("abc,cd->abde", (None, 3, 2)), (2, 6, 4), "'e' in the output only"),
    "an axis of the kernel alone": (("abc,cde->abd", (None, 3)), (2, 6, 4), "'e' in the kernel only"),
    "a bias of another axis": (("abc,cd->abd", (None, 3), None, "c"), (2, 6, 4), "bias_axes='c'"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_what_does_not_fit_is_an_error_as_in_keras(case):
    arguments, shape, text = BAD[case]
    for k, expected in ((jkeras, text), (keras, None)):
        with pytest.raises(ValueError, match=expected):
            k.layers.EinsumDense(*arguments).build(shape)


def test_more_errors_say_what_to_write():
    with pytest.raises(ValueError, match="needs 2 sizes as output_shape, one for each of b, d"):
        EinsumDense("abc,cd->abd", 3).build((2, 6, 4))
    with pytest.raises(ValueError, match=r"is for 3 axes. Received an input of shape \(2, 6\)"):
        EinsumDense("abc,cd->abd", (None, 3)).build((2, 6))
    layer = EinsumDense("abc,cd->abd", (None, 3))
    layer(normal(2, 6, 4))
    with pytest.raises(ValueError, match="3"):
        layer(normal(2, 6))

"""Every form of convolution on a CPU equals XLA's own in float64, with all kinds of derivatives, and batches."""

import jax
import jax.export
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from jkeras.nn.conv import conv
from jkeras.nn.conv_geometry import Geometry, margins, spatial
from jkeras.nn.conv_primitive import convolve, input_gradient, kernel_gradient, lax_conv, output, spread
from jkeras.nn.conv_transpose import conv_transpose
from jkeras.nn.cpu import conv_forms, conv_rule
from jkeras.nn.cpu.slow_loops import slow_in_loop

# size, window, strides, dilation, groups, channels, filters, padding, channels_last
TABLE = {
    "canonical": ((6, 5), (3, 3), 1, 1, 1, 6, 4, "same", True),
    "row windows": ((9, 10), (3, 2), 1, 1, 1, 6, 4, "valid", True),
    "phases": ((9, 8), (3, 2), (2, 3), 1, 1, 6, 4, "same", False),
    "gaps": ((7, 7), (2, 2), 3, 1, 1, 6, 4, "valid", True),
    "one entry": ((6, 5), (1, 1), 2, 1, 1, 6, 4, "same", True),
    "short rows": ((6, 5), (3, 3), 1, 1, 1, 2, 4, "same", True),
    "pairs": ((6, 8), (3, 5), 1, 1, 1, 1, 4, "same", True),
    "pairs, no margin": ((5, 6), (2, 3), 1, 1, 1, 3, 4, "valid", False),
    "few filters": ((6, 5), (3, 2), 1, 1, 1, 32, 2, "same", True),
    "few filters, no margin": ((7, 6), (2, 3), 1, 1, 1, 33, 1, "valid", False),
    "long patches": ((19, 18), (4, 3), 2, 1, 1, 70, 2, "same", True),
    "dilated": ((6, 5), (3, 3), 1, 2, 1, 6, 4, "same", True),
    "groups": ((6, 5), (2, 3), 1, 1, 2, 12, 4, "same", True),
    "many groups": ((6, 5), (2, 2), 2, 1, 9, 18, 9, "same", True),
    "depthwise": ((6, 5), (3, 2), 2, 1, 3, 3, 6, "same", False),
    "causal": ((7,), (3,), 1, 2, 1, 6, 4, "causal", True),
    "volume": ((3, 4, 4), (2, 3, 2), (1, 2, 2), 1, 1, 2, 3, "same", False),
}
every_form = pytest.mark.parametrize("row", TABLE.values(), ids=TABLE)


def problem(row, batch=4):
    """Geometry, images, kernel, output gradient."""
    size, window, strides, dilation, groups, channels, filters, padding, last = row
    s, d = spatial(strides, len(size), "strides"), spatial(dilation, len(size), "dilation_rate")
    g = Geometry(size, window, s, d, margins(padding, size, window, s, d), groups, last)
    rng = np.random.default_rng(0)
    shapes = (g.images(batch, channels, size), (*window, channels // groups, filters), g.images(batch, filters, g.out))
    return g, *(jnp.asarray(rng.normal(size=shape)) for shape in shapes)


def derivatives(f, x, kernel, dy):
    """Value, forward derivative, gradients, Hessian-vector product, gradient of the gradient."""
    loss = lambda x, k: jnp.sum(jnp.sin(f(x, k)) * dy)  # noqa: E731
    gradient = jax.grad(loss, (0, 1))
    _, pull = jax.vjp(f, x, kernel)
    return (
        jax.jvp(f, (x, kernel), (x, kernel)),
        pull(dy),
        jax.jvp(gradient, (x, kernel), (0.3 * x, 0.7 * kernel)),
        jax.grad(lambda x, k: sum(jnp.sum(jnp.cos(g)) for g in gradient(x, k)), (0, 1))(x, kernel),
    )


def assert_equal(found, expected):
    for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        assert a.shape == b.shape and a.dtype == b.dtype
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12 * float(jnp.abs(b).max()))


@every_form
@pytest.mark.slow
def test_derivatives_of_all_kinds_equal_those_of_lax(row):
    with jax.enable_x64(True):
        g, x, kernel, dy = problem(row)
        run = jax.jit(derivatives, static_argnums=0)
        assert_equal(run(lambda x, k: convolve(x, k, g), x, kernel, dy), run(lambda x, k: lax_conv(x, k, g), x, kernel, dy))


@pytest.mark.few(5)
@every_form
def test_chunks_change_nothing(row, monkeypatch):
    with jax.enable_x64(True):
        g, x, kernel, dy = problem(row)
        compute = (conv_rule.output, x, kernel), (conv_rule.kernel_gradient, x, dy)
        whole = [jax.jit(f, static_argnums=2)(a, b, g) for f, a, b in compute]
        monkeypatch.setattr(conv_forms, "_CHUNK", 1)
        assert_equal([jax.jit(f, static_argnums=2)(a, b, g) for f, a, b in compute], whole)


@pytest.mark.few(5)
@pytest.mark.parametrize("axes", ((0, None), (None, 1), (0, 1)), ids=str)
@pytest.mark.parametrize("form", ("row windows", "phases", "groups", "depthwise", "causal"))
def test_vmap_equals_one_after_the_other(form, axes):
    with jax.enable_x64(True):
        g, x, kernel, dy = problem(TABLE[form], batch=2)
        many = tuple(a if axis is None else jnp.stack([a, a * 2 - 1, 1 - a], axis) for a, axis in zip((x, kernel), axes))

        def all_three(x, kernel):
            y, pull = jax.vjp(lambda x, k: convolve(x, k, g), x, kernel)
            return y, pull(dy)

        found = jax.jit(jax.vmap(all_three, axes))(*many)
        for i in range(3):
            one = (a if axis is None else jnp.take(a, i, axis) for a, axis in zip(many, axes))
            assert_equal(jax.tree.map(lambda a, i=i: a[i], found), jax.jit(all_three)(*one))


@pytest.mark.few(5)
@every_form
def test_no_convolution_is_slow_in_a_loop_on_a_cpu(row):
    g, x, kernel, dy = problem(row)
    for compute, operands in (
        (conv_rule.output, (x, kernel)),
        (conv_rule.input_gradient, (dy, kernel)),
        (conv_rule.kernel_gradient, (x, dy)),
    ):
        assert not slow_in_loop(jax.make_jaxpr(lambda a, b, f=compute: f(a, b, g))(*operands))


def test_gradients_of_a_users_own_convolution_are_slow_in_a_loop():
    g, x, kernel, _ = problem(TABLE["canonical"])
    step = lambda f: jax.make_jaxpr(jax.jit(jax.grad(lambda k: jnp.sum(f(x, k, g) ** 2))))(kernel)  # noqa: E731
    assert slow_in_loop(step(lax_conv)) and not slow_in_loop(step(convolve))


def test_derivatives_are_the_three_operations_alone():
    g, x, kernel, dy = problem(TABLE["phases"])
    program = jax.make_jaxpr(lambda: derivatives(lambda x, k: convolve(x, k, g), x, kernel, dy))()
    names = {e.primitive.name for e in program.eqns}
    assert names >= {operation.name for operation in (output, input_gradient, kernel_gradient)}
    assert "conv_general_dilated" not in names


@every_form
def test_other_platforms_get_what_lax_gives(row):
    g, x, kernel, dy = problem(row)

    def lowered(f):
        def run(x, kernel):
            y, pull = jax.vjp(lambda x, k: f(x, k, g), x, kernel)
            return y, *pull(dy.astype(x.dtype))

        text = jax.jit(run).trace(x, kernel).lower(lowering_platforms=("cuda",)).as_text()
        return sorted(line.split("convolution(")[1].split(")", 1)[1] for line in text.splitlines() if "convolution(" in line)

    assert len(lowered(convolve)) == 3 and lowered(convolve) == lowered(lax_conv)


def test_exported_programs_take_any_batch():
    g, x, kernel, _ = problem(TABLE["row windows"])
    (batch,) = jax.export.symbolic_shape("batch")
    spec = jax.ShapeDtypeStruct((batch, *x.shape[1:]), x.dtype)
    exported = jax.export.export(jax.jit(jax.grad(lambda k, x: jnp.sum(convolve(x, k, g) ** 2))), platforms=("cpu", "cuda"))
    program = exported(jax.ShapeDtypeStruct(kernel.shape, kernel.dtype), spec)
    expected = jax.grad(lambda k: jnp.sum(lax_conv(x, k, g) ** 2))(kernel)
    np.testing.assert_allclose(program.call(kernel, x), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("dtype", ("float16", "bfloat16"))
def test_half_precision_is_summed_in_float32(dtype):
    g, x, kernel, dy = (a if isinstance(a, Geometry) else a.astype(dtype) for a in problem(TABLE["row windows"], batch=32))
    wide = [a.astype("float32") for a in (x, kernel, dy)]
    dk = jax.vjp(lambda k: convolve(x, k, g), kernel)[1](dy)[0]
    exact = jax.vjp(lambda k: convolve(wide[0], k, g), wide[1])[1](wide[2])[0]
    assert dk.dtype == dtype
    np.testing.assert_array_equal(dk, exact.astype(dtype))


@pytest.mark.parametrize("padding", ("valid", "same"))
@pytest.mark.parametrize("options", ({}, {"strides": 3}, {"dilation_rate": 2}, {"strides": 3, "output_padding": 2}), ids=str)
def test_transposed_convolution_is_the_transpose(options, padding):
    with jax.enable_x64(True):
        _, x, _, _ = problem(TABLE["canonical"])
        kernel = jnp.asarray(np.random.default_rng(1).normal(size=(2, 3, 4, 6)))
        y = conv_transpose(x, kernel, padding=padding, **options)
        strides = options.get("strides", 1)
        back = {"strides": strides, "dilation_rate": options.get("dilation_rate", 1), "padding": padding}
        if "output_padding" not in options:
            assert conv(y, kernel, **back).shape == x.shape
            assert_equal(y, jax.linear_transpose(lambda y: conv(y, kernel, **back), y)(x)[0])
        check_grads(jax.jit(lambda x, k: conv_transpose(x, k, padding=padding, **options)), (x, kernel), order=1)


def test_integers_and_programs_per_device_take_xlas_own_operation():
    ones = jnp.ones((1, 4, 2), "int32")
    assert conv(ones, jnp.ones((2, 2, 1), "int32")).ravel().tolist() == [4, 4, 4]
    mesh = jax.make_mesh((1,), ("d",), axis_types=(jax.sharding.AxisType.Auto,))
    spec = jax.sharding.PartitionSpec
    per_device = jax.shard_map(conv, mesh=mesh, in_specs=(spec("d"), spec()), out_specs=spec("d"))
    x, kernel = jnp.ones((2, 4, 2)), jnp.ones((2, 2, 1))
    np.testing.assert_allclose(jax.grad(lambda k: per_device(x, k).sum())(kernel), jax.grad(lambda k: conv(x, k).sum())(kernel))
    assert spread(jnp.ones((1, 3, 1), "int32"), jnp.ones((2, 2, 1), "int32"), problem_for(ones)).shape == ones.shape


def problem_for(x):
    """The geometry of windows of two on sequences."""
    return Geometry((x.shape[1],), (2,), (1,), (1,), ((0, 0),))


@pytest.mark.parametrize(
    ("row", "taken"), [("pairs", True), ("pairs, no margin", True), ("short rows", False), ("canonical", False)]
)
def test_windows_of_few_channels_go_in_pairs_where_columns_are_even(row, taken, monkeypatch):
    calls, pairs = [], conv_forms.pairs
    monkeypatch.setattr(conv_forms, "pairs", lambda *args: calls.append(1) or pairs(*args))
    g, x, kernel, _ = problem(TABLE[row])
    conv_rule.output(x, kernel, g)
    assert bool(calls) == taken

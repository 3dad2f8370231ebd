"""oneDNN's convolution and product: the same numbers as XLA's, and only in programs that can use them."""

import dataclasses
import json
import os
import platform
import subprocess
import sys
from functools import partial

import jax
import jax.export
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from jkeras.nn import conv_fused
from jkeras.nn.conv import conv
from jkeras.nn.conv_geometry import Geometry, margins
from jkeras.nn.conv_primitive import convolve, lax_conv
from jkeras.nn.cpu import conv_onednn, conv_rule, onednn, onednn_asked, onednn_trial
from jkeras.nn.product import product

pytestmark = pytest.mark.uncached  # JAX cannot keep these operations in a cache
needs_library = pytest.mark.skipif(not onednn.is_there(), reason="this jaxlib is not known to have oneDNN")


def problem(batch, size, channels, filters, window, padding, strides=(1, 1), dilation=(1, 1)):
    """Geometry, images, kernel, output gradient."""
    g = Geometry(size, window, strides, dilation, margins(padding, size, window, strides, dilation))
    rng = np.random.default_rng(0)
    shapes = (batch, *size, channels), (*window, channels, filters), (batch, *g.out, filters)
    return g, *(jnp.asarray(rng.normal(size=shape), "float32") for shape in shapes)


def all_three(f, x, kernel, dy):
    y, pull = jax.vjp(f, x, kernel)
    return y, *pull(dy)


def assert_equal(found, expected):
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5 * float(np.abs(b).max()))


def calls(f, *args, kind=""):
    """How many operations of the library a program has, of one kind or of all."""
    return jax.jit(f).lower(*args).as_text().count(f"@__onednn${kind}")


@pytest.mark.few(5)
@needs_library
@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((32, (16, 15), 17, 18, (3, 3), "same"), 3),
        ((20, (14, 14), 16, 20, (5, 4), "valid"), 3),
        ((33, (12, 12), 16, 17, (3, 3), "same"), 3),  # 33 images: the only split into parts of 16 or more is all of them
        ((16, (20, 20), 16, 16, (3, 3), "same"), 2),  # the kernel gradient as row windows
        ((16, (24, 24), 3, 32, (3, 3), "same"), 1),  # and with few channels, for which the input gradient has few filters
        ((33, (16, 15), 17, 18, (3, 3), "same", (1, 1), (4, 2)), 3),
        ((32, (16, 15), 17, 18, (3, 3), "same", (2, 2)), 2),  # the output and one phase of four; products for the kernel
        ((32, (16, 16), 32, 32, (1, 1), "same"), 0),  # a matrix product
        ((2, (8, 8), 8, 8, (3, 3), "same"), 0),  # little work
    ],
    ids=str,
)
def test_output_and_gradients_equal_xlas(shape, expected):
    g, x, kernel, dy = problem(*shape)
    step = lambda f: lambda *args: all_three(lambda x, k: f(x, k, g), *args)  # noqa: E731
    assert calls(step(convolve), x, kernel, dy, kind="convolution") == expected
    with jax.enable_x64(True):
        wide = (jnp.asarray(np.asarray(a, "float64")) for a in (x, kernel, dy))
        reference = jax.jit(step(lax_conv))(*wide)
    assert_equal(jax.jit(step(convolve))(x, kernel, dy), reference)


@needs_library
@settings(deadline=None, max_examples=4)
@given(
    st.integers(1, 5),
    st.tuples(st.integers(1, 9), st.integers(1, 9)),
    st.integers(1, 18),
    st.integers(1, 18),
    st.tuples(st.integers(1, 5), st.integers(1, 5)),
    st.sampled_from(["same", "valid"]),
    st.sampled_from([((1, 1), (1, 1)), ((2, 2), (1, 1)), ((1, 3), (1, 1)), ((1, 1), (2, 3)), ((2, 1), (1, 2))]),
)
def test_every_size_that_suits_is_one_that_the_library_computes(batch, size, channels, filters, window, padding, steps):
    extents = [(k - 1) * d + 1 for k, d in zip(window, steps[1])]
    assume(padding == "same" or (extents[0] <= size[0] and extents[1] <= size[1]))
    g, x, kernel, dy = problem(batch, size, channels, filters, window, padding, *steps)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(conv_onednn, "_FEWEST", 1)
        patch.setattr(conv_rule, "_ENOUGH_CHANNELS", 1)
        patch.setattr(conv_rule, "_FEW_FILTERS", 0)
        found = [
            conv_rule.output(x, kernel, g),
            conv_rule.input_gradient(dy, kernel, g),
            conv_rule.kernel_gradient(x, dy, g),
        ]
    assert_equal(found, all_three(lambda x, k: lax_conv(x, k, g), x, kernel, dy))


@needs_library
@pytest.mark.parametrize("last", [True, False])
def test_what_follows_a_convolution_is_part_of_its_operation(last):
    g, x, kernel, added = problem(32, (12, 12), 17, 18, (3, 3), "same")
    x = x.at[0, 0, 0, 0].set(np.nan)
    bias, more = kernel[0, 0, 0], ()
    expected = lax_conv(x, kernel, g) + bias
    turn = lambda a: a if last else jnp.moveaxis(a, -1, 1)  # noqa: E731
    for _ in range(2):
        run = partial(conv_fused.output, geometry=dataclasses.replace(g, channels_last=last), rectified=True)
        arguments = (turn(x), kernel, bias, *map(turn, more))
        assert calls(run, *arguments, kind="convolution") == 1
        found = jax.jit(run)(*arguments)
        assert np.isnan(found).sum() == 4 * 18
        np.testing.assert_allclose(found, turn(jnp.maximum(expected, 0)), rtol=1e-5, atol=1e-4)
        expected, more = expected + added, (added,)
    many = jnp.stack([x, -x])
    found = jax.vmap(lambda x: conv_fused.output(x, kernel, bias, geometry=g, rectified=False))(many)
    np.testing.assert_allclose(found[1], lax_conv(-x, kernel, g) + bias, rtol=1e-5, atol=1e-4)


@needs_library
def test_wider_and_narrower_numbers_are_left_to_others():
    g, x, kernel, _ = problem(32, (16, 16), 16, 32, (3, 3), "same")
    assert calls(lambda x, k: convolve(x, k, g), x, kernel) == 1
    assert calls(lambda x, k: convolve(x, k, g), x.astype("bfloat16"), kernel.astype("bfloat16")) == 1  # computed in float32
    with jax.enable_x64(True):
        assert calls(lambda x, k: convolve(x, k, g), x.astype("float64"), kernel.astype("float64")) == 0
    assert calls(lambda x, k: conv(x, k, dilation_rate=2), x, kernel) == 1
    assert not conv_onednn.suits(x, 16, 32, Geometry((16, 16), (3, 3), (1, 1), (1, 1), ((-1, 0), (0, 3))))
    assert not conv_onednn.suits(x, 4, 32, Geometry((16, 16), (3, 3), (1, 1), (1, 1), g.padding, groups=4))


@needs_library
def test_channels_first_half_precision_and_vmap_agree_with_xla():
    g, x, kernel, _ = problem(32, (16, 16), 16, 32, (3, 3), "same")
    expected = np.asarray(lax_conv(x, kernel, g))
    first = conv(x.transpose(0, 3, 1, 2), kernel, padding="same", data_format="channels_first").transpose(0, 2, 3, 1)
    np.testing.assert_allclose(first, expected, rtol=1e-5, atol=1e-4)
    half = convolve(x.astype("bfloat16"), kernel.astype("bfloat16"), g)
    assert half.dtype == "bfloat16"
    np.testing.assert_allclose(half.astype("float32"), expected, rtol=0.05, atol=0.5)
    many = jax.jit(jax.vmap(lambda x: convolve(x, kernel, g)))(jnp.stack([x, 2 * x]))
    np.testing.assert_allclose(many, np.stack([expected, 2 * expected]), rtol=1e-5, atol=2e-4)


def matrices(rows, inputs, units, *batch):
    rng = np.random.default_rng(0)
    shapes = (*batch, rows, inputs), (inputs, units), (*batch, rows, units)
    return (jnp.asarray(rng.normal(size=shape), "float32") for shape in shapes)


@needs_library
@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((300, 130, 120), 1),
        ((50, 64, 140, 10), 1),  # with three axes
        ((255, 256, 256), 0),  # few rows
        ((512, 64, 64), 0),  # little work
    ],
    ids=str,
)
def test_gradients_of_a_product_equal_those_of_wider_numbers(shape, expected):
    x, kernel, dy = matrices(*shape)
    step = lambda f: lambda *args: all_three(f, *args)  # noqa: E731
    assert calls(step(product), x, kernel, dy) == expected
    assert calls(product, x, kernel) == 0
    with jax.enable_x64(True):
        wide = [jnp.asarray(np.asarray(a, "float64")) for a in (x, kernel, dy)]
        assert calls(step(product), *wide) == 0
        reference = jax.jit(step(jnp.matmul))(*wide)
    assert_equal(jax.jit(step(product))(x, kernel, dy), reference)


@needs_library
def test_a_product_has_derivatives_of_every_kind():
    x, kernel, _ = matrices(300, 130, 120)
    dx, dk = 0.1 * x[::-1], 0.1 * kernel[::-1]
    loss = lambda f: lambda x, k: jnp.sin(0.1 * f(x, k)).sum()  # noqa: E731

    def derivatives(f):
        def all_of_them(x, kernel, dx, dk):
            run, gradient = loss(f), jax.grad(loss(f), (0, 1))
            return [
                *jax.jvp(f, (x, kernel), (dx, dk)),
                jax.jvp(lambda k: f(x, k), (kernel,), (dk,))[1],
                jax.jvp(lambda x: f(x, kernel), (x,), (dx,))[1],
                *jax.jvp(gradient, (x, kernel), (dx, dk))[1],
                *jax.grad(lambda x, k: sum(jnp.vdot(a, b) for a, b in zip(gradient(x, k), (dx, dk))), (0, 1))(x, kernel),
                jax.jvp(jax.grad(lambda k: jnp.vdot(jax.grad(run, 1)(x, k), dk)), (kernel,), (dk,))[1],
                *jax.vmap(jax.grad(run, (0, 1)), (0, None))(jnp.stack([x, dx]), kernel),
                *jax.vmap(jax.grad(run, (0, 1)), (None, 0))(x, jnp.stack([kernel, dk])),
                *jax.grad(jax.checkpoint(run), (0, 1))(x, kernel),
            ]

        return jax.jit(all_of_them)(x, kernel, dx, dk)

    for found, expected in zip(derivatives(product), derivatives(jnp.matmul), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4 * float(jnp.abs(expected).max()))


@needs_library
def test_policies_of_remat_see_a_product_as_they_see_any_other():
    x, kernel, _ = matrices(300, 130, 120)

    def saved(f):
        run = jax.checkpoint(lambda k: jnp.sin(f(jnp.sin(f(x, k)), k.T)).sum(), policy=jax.checkpoint_policies.dots_saveable)
        return str(jax.make_jaxpr(jax.grad(run))(kernel)).count("dot_general")

    plain = saved(jnp.matmul)
    assert saved(product) == plain - 2  # two of the kernel gradients are ours


@needs_library
def test_other_machines_and_the_switch_have_xlas_own(monkeypatch):
    assert onednn.is_there.__wrapped__()
    answers = []
    for change in (
        lambda: monkeypatch.setattr("platform.machine", lambda: "aarch64"),
        lambda: monkeypatch.setattr(sys, "platform", "darwin"),
        lambda: monkeypatch.setenv("JKERAS_ONEDNN", "0"),
    ):
        change()
        answers.append(onednn.is_there.__wrapped__())
        monkeypatch.undo()
    assert answers == [False] * 3


@needs_library
def test_what_leaves_the_process_has_xlas_own_and_the_cache_says_so(tmp_path):
    g, x, kernel, _ = problem(32, (16, 16), 16, 32, (3, 3), "same")
    run = lambda x, k: convolve(x, k, g)  # noqa: E731
    assert calls(run, x, kernel) == 1
    exported = jax.export.export(jax.jit(run))(x, kernel)
    assert "__onednn" not in exported.mlir_module()
    restored = jax.export.deserialize(exported.serialize())
    np.testing.assert_allclose(restored.call(x, kernel), run(x, kernel), rtol=1e-5, atol=1e-4)
    x, kernel, dy = matrices(300, 130, 120)
    pull = lambda x, kernel, dy: jax.vjp(product, x, kernel)[1](dy)[1]  # noqa: E731
    assert calls(pull, x, kernel, dy) == 1
    assert "__onednn" not in jax.export.export(jax.jit(pull))(x, kernel, dy).mlir_module()
    onednn._say_kept.cache_clear()
    before = jax.config.jax_compilation_cache_dir
    jax.config.update("jax_compilation_cache_dir", str(tmp_path))
    try:
        with pytest.warns(UserWarning, match=r"(?s)without oneDNN.*disable_compilation_cache\(\)") as said:
            assert calls(lambda *args: pull(*args), x, kernel, dy) == 0
            assert calls(lambda x, k: convolve(x, k, g), *problem(32, (16, 16), 16, 32, (3, 3), "same")[1:3]) == 0
        assert len(said) == 1  # once for both
    finally:
        jax.config.update("jax_compilation_cache_dir", before)


TWO_DEVICES = """
import jax, jax.numpy as jnp, numpy as np
from jkeras.nn.conv import conv
from jkeras.nn.product import product
mesh = jax.make_mesh((2,), ("batch",), axis_types=(jax.sharding.AxisType.Auto,))
place = lambda a, *spec: jax.device_put(a, jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec(*spec)))
x, kernel = (np.random.default_rng(0).normal(size=s).astype("float32") for s in ((512, 128), (128, 96)))
gradient = jax.jit(jax.grad(lambda k, x: (product(x, k) ** 2).sum()))
assert "__onednn" in gradient.lower(kernel, x).as_text()
assert "__onednn" not in gradient.lower(place(kernel), place(x, "batch")).as_text()
np.testing.assert_allclose(gradient(place(kernel), place(x, "batch")), gradient(kernel, x), rtol=1e-4, atol=1e-2)

x, kernel = (np.random.default_rng(0).normal(size=s).astype("float32") for s in ((32, 16, 16, 16), (3, 3, 16, 32)))
run = jax.jit(lambda x, k: conv(x, k, padding="same"))
parts = run.lower(place(x, "batch"), place(kernel))
assert "__onednn" in run.lower(x, kernel).as_text() and "__onednn" not in parts.as_text()
y = run(place(x, "batch"), place(kernel))
assert len(y.sharding.device_set) == 2 and "all-gather" not in parts.compile().as_text()
np.testing.assert_allclose(y, run(x, kernel), rtol=1e-5, atol=1e-4)
print("equal")
"""


@needs_library
def test_programs_for_several_devices_have_xlas_own():
    environment = os.environ | {"XLA_FLAGS": "--xla_force_host_platform_device_count=2", "JAX_PLATFORMS": "cpu"}
    done = subprocess.run([sys.executable, "-c", TWO_DEVICES], env=environment, capture_output=True, text=True, timeout=120)
    assert done.stdout.strip() == "equal", done.stderr[-2000:]


@pytest.fixture
def unseen(monkeypatch, tmp_path):
    """A version of jaxlib that is not listed, and an empty cache folder."""
    monkeypatch.setattr(onednn, "VERSIONS", ())
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.delenv("JKERAS_ONEDNN", raising=False)
    onednn.is_there.cache_clear()
    yield tmp_path / "onednn.json"
    onednn.is_there.cache_clear()


on_its_machine = pytest.mark.skipif(sys.platform != "linux" or platform.machine() != "x86_64", reason="not oneDNN's machine")


@on_its_machine
@pytest.mark.parametrize(
    ("says", "answer"),
    [
        ("print('equal', end='')", True),
        ("import os; os.abort()", False),
        ("raise AssertionError", False),
        ("print('not')", False),
    ],
)
def test_an_unseen_version_is_tried_by_a_child_once(unseen, monkeypatch, says, answer):
    monkeypatch.setattr(onednn_asked, "COMMAND", (sys.executable, "-c", f"print('trying ', end='', flush=True); {says}"))
    assert onednn.is_there() is answer
    assert list(json.loads(unseen.read_text()).values()) == [answer]
    onednn.is_there.cache_clear()
    monkeypatch.setattr(onednn_asked, "COMMAND", ("no such program",))
    assert onednn.is_there() is answer  # as it is written


@on_its_machine
@pytest.mark.parametrize("command", [("no such program",), (sys.executable, "-c", "import nothing_of_this_name")])
def test_a_child_that_cannot_be_asked_is_no_answer(unseen, monkeypatch, command):
    monkeypatch.setattr(onednn_asked, "COMMAND", command)
    unseen.write_text("{torn")
    assert not onednn.is_there() and unseen.read_text() == "{torn"


@needs_library
def test_the_child_finds_the_library(unseen, monkeypatch):
    monkeypatch.setenv("JKERAS_COMPILATION_CACHE", str(unseen.parent))  # with which this process would not use it
    assert onednn.is_there() and json.loads(unseen.read_text()).popitem()[1] is True


@needs_library
def test_the_child_fails_where_numbers_differ(monkeypatch):
    monkeypatch.setattr(conv_onednn, "output", lambda x, kernel, g: 1.001 * lax_conv(x, kernel, g))
    with pytest.raises(AssertionError):
        onednn_trial.main()

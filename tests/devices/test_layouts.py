"""What lies where, and what a step sends: the bars that hand-written JAX sets."""

import math
import runpy
from pathlib import Path

import jax
import jax.export
import numpy as np
import pytest

import jkeras
from jkeras import distribution, layers
from jkeras.models import layouts
from jkeras.nn import conv_primitive
from jkeras.nn.conv_geometry import Geometry


def mlp():
    return jkeras.Sequential([layers.Input((64,)), layers.Dense(128, "relu"), layers.Dense(256, "relu"), layers.Dense(16)])


def block():
    x = layers.Input((8, 64))
    normal = layers.LayerNormalization()(x)
    a = x + layers.MultiHeadAttention(4, 16, name="attention")(normal, normal)
    wide = layers.Dense(256, activation="gelu", name="up")(layers.LayerNormalization()(a))
    return jkeras.Model(x, a + layers.Dense(64, name="down")(wide))


def laid_out(model, way, optimizer="adam"):
    model.compile(optimizer, "mse", distribution=way)
    return model.layouts()


def parameter_bytes(model):
    return sum(4 * weight.size for weight in model.weights)


def test_data_parallel_sends_the_gradients_once():
    model = mlp()
    found = laid_out(model, "data")
    assert set(found.collectives) == {"all-reduce"}
    count, size = found.collectives["all-reduce"]
    assert count == 1 and 0 <= size - parameter_bytes(model) <= 64


def test_images_are_not_gathered():
    net = [layers.Input((16, 16, 3)), layers.Conv2D(8, 3), layers.Conv2D(8, 3, strides=2), layers.Flatten(), layers.Dense(4)]
    assert set(laid_out(jkeras.Sequential(net), "data").collectives) == {"all-reduce"}


def test_a_fully_sharded_model_holds_an_eighth_and_sends_its_parameters():
    model = mlp()
    found = laid_out(model, distribution.FullySharded(smallest=0))
    total = 3 * parameter_bytes(model)  # Adam has two arrays for each weight
    assert found.device_bytes - found.whole_bytes <= 1.05 * total / 8
    assert found.whole_bytes <= 64
    assert set(found.collectives) <= {"all-gather", "all-reduce", "reduce-scatter"}
    assert found.collectives["all-gather"][1] <= parameter_bytes(model)
    assert found.collectives["all-reduce"][1] <= parameter_bytes(model) + 64


def test_zero_cuts_what_the_optimizer_keeps():
    model = jkeras.Sequential([layers.Input((1024,)), layers.Dense(2048)])
    found = laid_out(model, "zero")
    kernel, bias = found.rows
    assert kernel.whole and kernel.slot_bytes == 2 * kernel.device_bytes // 8
    assert bias.whole and bias.slot_bytes == 2 * bias.device_bytes  # small


def test_a_block_cut_by_rules_sends_four_sums():
    rules = distribution.LayoutMap(distribution.DeviceMesh((2, 4), ["data", "model"]))
    rules[".*/(query|key|value)/kernel"] = (None, "model", None)
    rules[".*/(query|key|value)/bias"] = ("model", None)
    rules[".*/attention_output/kernel"] = ("model", None, None)
    rules["up/kernel"], rules["up/bias"], rules["down/kernel"] = (None, "model"), ("model",), ("model", None)
    found = laid_out(block(), distribution.ModelParallel(layout_map=rules), "sgd")
    assert set(found.collectives) == {"all-reduce"}
    assert found.collectives["all-reduce"][0] == 4 + 1  # and one of the gradients, over the two parts of the batch


WRONG = {
    "'down/output' has 4 axes": (".*down/output", ("data", None, None, "model")),
    "cuts axis 1": ("attention/query/kernel", (None, "model", None)),
    "nearest path is 'up/kernel'": ("upp/kernel", (None, "model")),
    "has 3 axes": ("up/kernel", (None, None, "model")),
}


@pytest.mark.parametrize("text", WRONG)
def test_a_rule_that_does_not_fit_is_an_error(text):
    rules = distribution.LayoutMap(distribution.DeviceMesh((1, 8), ["data", "model"]))
    path, layout = WRONG[text]
    rules[path] = layout
    with pytest.raises(ValueError, match=text):
        laid_out(block(), distribution.ModelParallel(layout_map=rules))


def test_the_table_names_what_is_whole():
    text = str(laid_out(mlp(), "fsdp"))
    assert "Mesh: data=8" in text and text.count("whole") >= 6 and "A step of training sends: 1 all-reduce" in text
    with pytest.raises(ValueError, match="lies on one device"):
        model = mlp()
        model.compile("adam", "mse")
        model.layouts()


def test_names_of_distributions():
    assert distribution.get("fsdp,model=4").device_mesh.shape == (2, 4)
    for wrong in ("fsd", "data,model=4", "fsdp,model=3", "fsdp,4"):
        with pytest.raises(ValueError, match=wrong[:3]):
            distribution.get(wrong)
    assert math.prod(distribution.get("zero").device_mesh.shape) == 8


def lowered_for(platform, model, way):
    """What the step sends, lowered for another platform and partitioned here."""
    model.compile("adam", "mse", distribution=way)
    run, arguments = layouts.spread_step(model)
    placement = distribution.get(way).placement
    with placement.scope():
        exported = jax.export.export(run, platforms=[platform], disabled_checks=[jax.export.DisabledSafetyCheck.platform()])
        program = exported(*arguments)
        shardings = jax.tree.map(lambda leaf: leaf.sharding, arguments)
        results = shardings[:3]
        again = jax.jit(program.call, in_shardings=shardings, out_shardings=results, donate_argnums=(0, 1, 2))
        return program.mlir_module(), layouts.collectives(again.lower(*arguments).compile().as_text())


@pytest.mark.parametrize("way", ["data", distribution.FullySharded(smallest=0)], ids=["data", "fsdp"])
@pytest.mark.parametrize("make", [mlp, block])
def test_the_program_for_cuda_sends_the_same(make, way):
    text, sent = lowered_for("cuda", make(), way)
    assert sent == laid_out(make(), way).collectives
    assert "custom_call @" not in text or "xla_cpu" not in text


def test_a_rule_cuts_the_output_of_a_layer():
    def trained(way):
        jkeras.utils.set_random_seed(0)
        model = block()
        model.compile("sgd", "mse", distribution=way)
        x = np.random.default_rng(0).normal(size=(16, 8, 64)).astype("float32")
        model.fit(x, x, batch_size=16, epochs=2, verbose=0)
        return model

    mesh = distribution.DeviceMesh((2, 4), ["data", "model"])
    rules = distribution.LayoutMap(mesh)
    rules["down/output"] = ("data", "model", None)
    free = trained(distribution.ModelParallel(layout_map=distribution.LayoutMap(mesh)))
    cut = trained(distribution.ModelParallel(layout_map=rules))
    for one, other in zip(cut.get_weights(), free.get_weights()):
        np.testing.assert_allclose(one, other, atol=1e-5)
    assert cut.layouts().collectives != free.layouts().collectives


def test_the_example_draws_its_table(tmp_path, capsys):
    example = Path(__file__).parents[2] / "examples" / "layouts.py"
    runpy.run_path(str(example))["main"](["--picture", str(tmp_path / "layouts.svg")])
    assert "attention/query/kernel             (256, 8, 32)        (None, 'model', None)" in capsys.readouterr().out
    assert (tmp_path / "layouts.svg").read_text().startswith("<?xml")


def test_depthwise_and_grouped_convolutions_are_not_gathered():
    net = [
        layers.Input((16, 16, 8)),
        layers.DepthwiseConv2D(3),
        layers.Conv2D(16, 3, groups=2),
        layers.SeparableConv2D(8, 3, strides=2),
        layers.Flatten(),
        layers.Dense(4),
    ]
    assert set(laid_out(jkeras.Sequential(net), "data").collectives) == {"all-reduce"}


@pytest.mark.parametrize("multiplier", [1, 2])
@pytest.mark.parametrize("groups", [2, 12])
@pytest.mark.parametrize("channels_last", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_convolutions_with_groups_are_the_same_in_parts(groups, multiplier, channels_last):
    rng = np.random.default_rng(0)
    geometry = Geometry((6, 5), (3, 2), (2, 1), (1, 1), ((1, 1), (0, 1)), groups, channels_last)
    kernel = rng.normal(size=(3, 2, 12 // groups, 12 * multiplier)).astype("float32")
    x = rng.normal(size=geometry.images(8, 12, geometry.size)).astype("float32")
    dy = rng.normal(size=geometry.images(8, 12 * multiplier, geometry.out)).astype("float32")

    def all_three(x, kernel, dy):
        y, back = jax.vjp(lambda x, kernel: conv_primitive.convolve(x, kernel, geometry), x, kernel)
        return y, conv_primitive.spread(dy, kernel, geometry), *back(dy)

    placement = distribution.get("data").placement
    expected = all_three(x, kernel, dy)
    with placement.scope():
        rows = [jax.device_put(a, placement.sharding(placement.rows)) for a in (x, dy)]
        found = jax.jit(all_three)(rows[0], jax.device_put(kernel, placement.everywhere), rows[1])
    for one, other in zip(found, expected):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-5)

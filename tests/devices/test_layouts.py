"""What lies where, and what a step sends: the bars that hand-written JAX sets."""

import math

import pytest

import jkeras
from jkeras import distribution, layers


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
    rules["attention/(query|key|value)/kernel"] = (None, "model", None)
    rules["attention/(query|key|value)/bias"] = ("model", None)
    rules["attention/attention_output/kernel"] = ("model", None, None)
    rules["up/kernel"], rules["up/bias"], rules["down/kernel"] = (None, "model"), ("model",), ("model", None)
    found = laid_out(block(), distribution.ModelParallel(layout_map=rules), "sgd")
    assert set(found.collectives) == {"all-reduce"}
    assert found.collectives["all-reduce"][0] == 4 + 1  # and one of the gradients, over the two parts of the batch


WRONG = {
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

"""Quantized layers keep, compute and store what Keras' do."""

import copy
import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from against_keras import keras, normal

import jkeras

IDS = np.array([[1, 4, 0], [2, 2, 3]])
LAYERS = {
    "Dense": (("Dense", 5), {}, (2, 3, 7)),
    "EinsumDense": (("EinsumDense", "abc,cde->abde"), {"output_shape": (None, 3, 2), "bias_axes": "de"}, (2, 3, 7)),
    "EinsumDense of two axes": (("EinsumDense", "abcd,cde->abe"), {"output_shape": (None, 5)}, (2, 3, 4, 2)),
    "EinsumDense in another order": (("EinsumDense", "btd,ndh->btnh"), {"output_shape": (None, 3, 2)}, (2, 3, 7)),
    "Embedding": (("Embedding", 6, 5), {}, None),
    "ReversibleEmbedding": (("ReversibleEmbedding", 6, 7), {}, None),
    "ReversibleEmbedding untied": (("ReversibleEmbedding", 6, 7), {"tie_weights": False, "logit_soft_cap": 5.0}, None),
}
CONFIGS = {
    "int8": lambda q: ("int8", None),
    "int8, floats as inputs": lambda q: ("int8", q.Int8QuantizationConfig(activation_quantizer=None)),
    "int4": lambda q: ("int4", q.Int4QuantizationConfig(block_size=-1)),
    "int4 in blocks": lambda q: ("int4", q.Int4QuantizationConfig(block_size=3)),
    "int4, integers as inputs": lambda q: ("int4", q.Int4QuantizationConfig(None, q.AbsMaxQuantizer(), None)),
    "float8": lambda q: ("float8", None),
}
ALL = [("Dense", config) for config in CONFIGS]
ALL += [(case, config) for case in LAYERS if case != "Dense" for config in ("int8", "int4 in blocks")]
ALL += [(case, "int4") for case in ("Embedding", "EinsumDense", "ReversibleEmbedding untied")]
LONG = {(case, config) for case, config in ALL if case.startswith("Reversible") and config != "int8"}  # which shows little more
ALL = [pytest.param(*each, marks=[pytest.mark.slow] * (each in LONG)) for each in ALL]


def alternating(shape):
    """Weights of both signs in every block."""
    return (np.abs(normal(*shape)) * (-1.0) ** sum(np.indices(shape))).astype("float32") if shape else np.float32(1)


def made(k, case, **options):
    (name, *args), more, shape = LAYERS[case]
    layer = getattr(k.layers, name)(*args, **more, **options)
    layer.build(IDS.shape if shape is None else shape)
    return layer


def pair(case):
    layers = made(jkeras, case), made(keras, case)
    for layer in layers:
        layer.set_weights([alternating(tuple(w.shape)) for w in layer.weights])
    return layers


def facts(holder):
    return [(w.name, tuple(w.shape), str(w.dtype), w.trainable) for w in holder.weights]


def inputs_of(case):
    return IDS if LAYERS[case][2] is None else normal(*LAYERS[case][2])


def assert_stored_alike(ours, theirs):
    mine, others = {}, {}
    ours.save_own_variables(mine), theirs.save_own_variables(others)
    assert [*mine] == [*others]
    for name, value in mine.items():
        np.testing.assert_allclose(np.asarray(value), np.asarray(others[name]), rtol=1e-6, err_msg=name)


@pytest.mark.few(6)
@pytest.mark.parametrize("case, config", ALL)
def test_a_quantized_layer_equals_keras(case, config):
    ours, theirs = pair(case)
    for k, layer in ((jkeras, ours), (keras, theirs)):
        mode, options = CONFIGS[config](k.quantizers)
        layer.quantize(mode, options)
    assert facts(ours) == facts(theirs)
    assert ours.dtype_policy.name == theirs.dtype_policy.name
    assert_stored_alike(ours, theirs)
    x = inputs_of(case)
    np.testing.assert_allclose(ours(x), theirs(x), rtol=1e-5, atol=1e-5)
    if case.startswith("Reversible"):
        x = normal(3, 7)
        np.testing.assert_allclose(ours(x, reverse=True), theirs(x, reverse=True), rtol=1e-5, atol=1e-5)
    elif case == "Dense" and config != "float8":
        gradients = [jax.grad(lambda x, layer=layer: jnp.sum(jnp.sin(layer(x))))(x) for layer in (ours, theirs)]
        np.testing.assert_allclose(*gradients, rtol=1e-4, atol=1e-4)


POLICIES = (
    "int8_from_mixed_bfloat16",
    "int4_from_float32",
    "int4/3_from_float32",
    "float8_from_mixed_bfloat16",
    "awq/4/3_from_float32",
)


@pytest.mark.parametrize("policy", (*POLICIES, "gptq/8/-1_from_float32"))
def test_a_layer_made_with_a_policy_has_the_weights_of_keras(policy):
    for case in ("EinsumDense", "ReversibleEmbedding untied") if policy.startswith("int4/") else ("Dense",):
        ours, theirs = made(jkeras, case, dtype=policy), made(keras, case, dtype=policy)
        assert facts(ours) == facts(theirs)
        assert ours.get_config()["dtype"] == theirs.get_config()["dtype"]
        again = type(ours).from_config(ours.get_config())
        assert again.dtype_policy == ours.dtype_policy


@pytest.mark.few(1)
@pytest.mark.parametrize("case, config", (("Dense", "int8"), ("EinsumDense", "int4 in blocks"), ("Embedding", "int8")))
def test_low_rank_updates_of_quantized_layers_equal_keras(case, config):
    ours, theirs = pair(case)
    for k, layer in ((jkeras, ours), (keras, theirs)):
        mode, options = CONFIGS[config](k.quantizers)
        if case == "Dense":  # in either order
            layer.enable_lora(2, lora_alpha=3)
        layer.quantize(mode, options)
        if case != "Dense":
            layer.enable_lora(2, lora_alpha=3)
        for weight in layer.trainable_weights:
            if "lora" in weight.name:
                weight.assign(alternating(tuple(weight.shape)))
    assert facts(ours) == facts(theirs)
    x = inputs_of(case)
    np.testing.assert_allclose(ours(x), theirs(x), rtol=1e-4, atol=1e-5)
    assert_stored_alike(ours, theirs)  # the sum, quantized anew


def network(k):
    ids = k.Input((3,))
    x = k.layers.Embedding(6, 8, name="table")(ids)
    x = k.layers.EinsumDense("abc,cde->abde", (None, 2, 4), bias_axes="de", name="heads")(x)
    return k.Model(ids, k.layers.Dense(2, name="head")(x))


def quantized(k, config, **options):
    model = network(k)
    model.set_weights([alternating(tuple(w.shape)) for w in model.weights])
    mode, how = CONFIGS[config](k.quantizers)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.quantize(mode, how, **options)
    return model


@pytest.mark.few(1)
@pytest.mark.parametrize("config", ("int8", "int4 in blocks", "float8"))
def test_files_go_both_ways(config, tmp_path):
    ours, theirs = quantized(jkeras, config), quantized(keras, config)
    assert facts(ours) == facts(theirs)
    expected = theirs(IDS)
    np.testing.assert_allclose(ours(IDS), expected, rtol=1e-4, atol=1e-5)
    for number, (model, k) in enumerate(((ours, jkeras), (ours, keras), (theirs, jkeras))):
        model.save(tmp_path / f"{number}.keras")
        loaded = k.saving.load_model(tmp_path / f"{number}.keras")
        np.testing.assert_allclose(loaded(IDS), expected, rtol=1e-4, atol=1e-5)
        model.save_weights(tmp_path / f"{number}.weights.h5")
        loaded.set_weights([np.zeros(w.shape) for w in loaded.weights])
        loaded.load_weights(tmp_path / f"{number}.weights.h5")
        np.testing.assert_allclose(loaded(IDS), expected, rtol=1e-4, atol=1e-5)


def test_float8_trains_as_in_keras():
    models = quantized(jkeras, "float8"), quantized(keras, "float8")
    y = normal(2, 3, 2, 2)
    for k, model in zip((jkeras, keras), models):
        model.compile(k.optimizers.Adam(0.01, global_clipnorm=1.0), "mse")
        model.fit(IDS, y, batch_size=2, epochs=2, verbose=0)
    for ours, theirs in zip(models[0].weights, models[1].weights, strict=True):
        np.testing.assert_allclose(ours.value, theirs.value, rtol=1e-3, atol=1e-5, err_msg=ours.path)
    assert [v.shape for v in models[0].optimizer.variables] == [tuple(v.shape) for v in models[1].optimizer.variables]


def test_float8_statistics_of_several_uses_are_those_of_the_largest():
    layer, x = made(jkeras, "Dense", dtype="float8_from_float32"), normal(2, 3, 7)
    apart = jkeras.layers.TimeDistributed(layer)
    apart.build((None, 3, 7))
    shared = jkeras.Model(inputs := [jkeras.Input((3, 7)), jkeras.Input((3, 7))], [layer(i) for i in inputs])

    def statistics(outer, x):
        params, state = outer.params_and_state()
        grads = jax.grad(lambda p: sum(jnp.sum(jnp.sin(y)) for y in outer.apply(p, state, x, training=True)[0]))(params)
        leaves = [(jax.tree_util.keystr(path), leaf) for path, leaf in jax.tree_util.tree_leaves_with_path(grads)]
        return [leaf for path, leaf in sorted(leaves) if "scale" in path or "amax" in path]

    once, more = statistics(layer, x), statistics(layer, 5 * x)
    for ours, expected in zip(statistics(apart, x), once, strict=True):
        np.testing.assert_allclose(ours, expected, rtol=1e-5)
    for ours, *each in zip(statistics(shared, [x, 5 * x]), once, more, strict=True):
        np.testing.assert_allclose(ours, np.maximum(*each), rtol=1e-5)
    twice = jkeras.Model(inputs[0], apart(jkeras.layers.Dense(7)(apart(inputs[0]))))
    assert twice.predict(x, verbose=0).shape == (2, 3, 5)
    with pytest.raises(ValueError, match="several times"):
        statistics(twice, x)


def test_float8_scales_that_the_loss_does_not_reach_stay():
    layer, idle = made(jkeras, "Dense", dtype="float8_from_float32"), made(jkeras, "Dense", dtype="float8_from_float32")
    x = jkeras.Input((7,))
    model = jkeras.Model(x, [layer(x), idle(x)])
    model.compile("sgd", loss=["mse", None])
    model.fit(normal(4, 7), normal(4, 5), verbose=0)
    assert float(idle.kernel_scale) == 1
    assert np.all(np.isfinite(model.predict(normal(4, 7), verbose=0)[1]))


def test_an_optimizer_by_hand_overwrites_scales_by_gradients():
    layer = made(jkeras, "Dense")
    layer.quantize("float8")
    optimizer, before = jkeras.optimizers.SGD(0.1), [w.array for w in layer.trainable_weights]
    grads = [jnp.full_like(w, 2) for w in before]
    optimizer.build(layer.trainable_weights)
    pure, _ = optimizer.stateless_apply(optimizer.variables, grads, before)
    optimizer.apply(grads, layer.trainable_weights)
    for weight, old, new in zip(layer.trainable_weights, before, pure):
        expected = 2 if weight.overwrite_with_gradient else old - 0.2
        np.testing.assert_allclose(weight, expected, rtol=1e-6)
        np.testing.assert_allclose(new, expected, rtol=1e-6)


@pytest.mark.few(2)
@pytest.mark.parametrize("policy", ("int8_from_float32", "int4/3_from_float32", "float8_from_float32"))
def test_the_pure_face_takes_transforms(policy):
    layer, x = made(jkeras, "Dense", dtype=policy), normal(4, 3, 7)
    layer.bias.assign(normal(5))
    params, state = layer.params_and_state()
    y, _ = layer.apply(params, state, x)
    np.testing.assert_allclose(jax.jit(layer.apply)(params, state, x)[0], y, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(jax.vmap(lambda x: layer.apply(params, state, x)[0])(x), y, rtol=1e-5, atol=1e-6)
    grads = jax.grad(lambda params: jnp.sum(layer.apply(params, state, x)[0]))(params)
    assert jax.tree.structure(grads) == jax.tree.structure(params) and np.all(grads["bias"] == 12)
    again = copy.deepcopy(layer)
    np.testing.assert_array_equal(again(x), layer(x))


def test_an_equation_with_an_ellipsis_is_quantized_too():
    for equation, shape in (("...ab,bc->...ac", (2, 3, 4)), ("ab...,bc->ac...", (2, 4, 3))):
        layer = jkeras.layers.EinsumDense(equation, (3, 5) if equation[0] == "." else 5)
        x = normal(*shape)
        expected = layer(x)
        layer.quantize("int8")
        np.testing.assert_allclose(layer(x), expected, atol=0.1)
        assert float(jnp.abs(layer(x) - expected).max()) > 0


def test_attention_is_quantized_projection_by_projection(tmp_path):
    models = []
    for k in (jkeras, keras):
        x = k.Input((3, 6))
        models.append(k.Model(x, k.layers.MultiHeadAttention(2, 3, name="mha")(x, x)))
        models[-1].set_weights([alternating(tuple(w.shape)) for w in models[-1].weights])
        with pytest.warns(UserWarning, match="quantize"):
            models[-1].quantize("int8")
    assert facts(models[0]) == facts(models[1])
    x = normal(2, 3, 6)
    np.testing.assert_allclose(models[0](x), models[1](x), rtol=1e-4, atol=1e-4)
    models[0].save(tmp_path / "a.keras")
    for k in (jkeras, keras):
        np.testing.assert_allclose(k.saving.load_model(tmp_path / "a.keras")(x), models[1](x), rtol=1e-4, atol=1e-4)


def test_loaded_attention_is_saved_and_cloned_again(tmp_path):
    x = jkeras.Input((3, 6))
    model = jkeras.Model(x, jkeras.layers.MultiHeadAttention(2, 3, name="mha")(x, x))
    with pytest.warns(UserWarning, match="quantize"):
        model.quantize("int8", jkeras.quantizers.Int8QuantizationConfig(activation_quantizer=None))
    x, again = normal(2, 3, 6), model
    for number in range(2):
        again.save(tmp_path / f"{number}.keras")
        again = jkeras.saving.load_model(tmp_path / f"{number}.keras")
    cloned = jkeras.models.clone_model(again)
    cloned.set_weights(again.get_weights())
    for other in (again, cloned):
        np.testing.assert_allclose(other(x), model(x), rtol=1e-6)


def test_filters_choose_layers():
    for filters, expected in (("hea", "-xx"), (["heads", "^tab"], "xx-"), (lambda layer: layer.name == "table", "x--")):
        layers = quantized(jkeras, "int8", filters=filters).layers[1:]
        assert "".join("-x"[layer.quantization_mode == "int8"] for layer in layers) == expected


def test_integers_as_inputs_count_as_floats():
    for mode in ("int8", "float8"):
        layer, x = made(jkeras, "Dense", lora_rank=2 if mode == "int8" else None), np.arange(7).reshape(1, 7)
        layer.quantize(mode)
        np.testing.assert_array_equal(layer(x), layer(x.astype("float32")))


def test_layers_without_the_form_follow_what_the_global_policy_is_made_from():
    jkeras.config.set_dtype_policy("int8_from_float32")
    try:
        x = jkeras.Input((4,))
        model = jkeras.Model(x, jkeras.layers.Dense(3)(jkeras.layers.Dropout(0.5)(x)))
        assert [layer.dtype_policy.name for layer in model.layers] == ["float32", "float32", "int8_from_float32"]
    finally:
        jkeras.config.set_dtype_policy("float32")


class Failing(jkeras.quantizers.Quantizer):
    """A quantizer that fails, or gives another shape."""

    def __init__(self, error=None):
        super().__init__()
        self.error = error

    def __call__(self, x, axis=None):
        if self.error is not None:
            raise self.error
        return x[:1].astype("int8"), jnp.ones((1, x.shape[1]))


@pytest.mark.parametrize("error", (RuntimeError("no"), None))
def test_a_failed_change_leaves_the_layer_as_it_was(error):
    layer, x = made(jkeras, "Dense"), normal(2, 7)
    y = layer(x)
    with pytest.raises((RuntimeError, ValueError)):
        layer.quantize("int8", jkeras.quantizers.Int8QuantizationConfig(weight_quantizer=Failing(error)))
    assert layer.quantization_mode is None
    np.testing.assert_array_equal(layer(x), y)
    layer.quantize("int8")


def test_a_policy_on_a_built_layer_counts_whole():
    layer = made(jkeras, "Dense")
    policy = jkeras.dtype_policies.QuantizedFloat8DTypePolicy("float8", "float32", amax_history_length=16)
    layer.dtype_policy = policy
    assert layer.inputs_amax_history.shape == (16,) and layer.dtype_policy == policy
    for other in ("float32", "int8_from_float32"):
        with pytest.raises(ValueError, match="is quantized"):
            layer.dtype_policy = other


def test_a_policy_without_a_block_size_gives_a_built_layer_those_of_keras():
    layers = [made(k, "Dense") for k in (jkeras, keras)]
    for layer in layers:
        layer.dtype_policy = "int4_from_float32"
    assert facts(layers[0]) == facts(layers[1]) and len(layers[0].weights) == 5
    again = type(layers[0]).from_config(layers[0].get_config())
    again.build((2, 3, 7))
    assert facts(again) == facts(layers[0])


def test_a_kernel_that_another_layer_uses_stays():
    x = jkeras.Input((4,))
    model = jkeras.Model(x, jkeras.layers.SpectralNormalization(jkeras.layers.Dense(3))(x))
    with pytest.warns(UserWarning, match="another layer"):
        model.quantize("int8")
    assert [layer.quantization_mode for layer in model._flatten_layers()] == [None] * 4


class Mine(jkeras.layers.Dense):
    """A class of a user."""


@pytest.mark.parametrize("mode", ["int8", "int4"])
def test_a_quantizer_of_weights_may_know_its_axes(mode):
    """As Keras calls it: without the argument `axis`."""
    layers, kept = pair("Dense"), []
    for k, layer in zip((jkeras, keras), layers):

        class Halved(k.quantizers.AbsMaxQuantizer):
            def __call__(self, x, to_numpy=False, inner=k.quantizers.AbsMaxQuantizer.__call__):
                return inner(self, x / 2, axis=0)

        quantizer = Halved(value_range=(-127, 127) if mode == "int8" else (-8, 7))
        config = {"int8": k.quantizers.Int8QuantizationConfig, "int4": k.quantizers.Int4QuantizationConfig}[mode]
        layer.quantize(config=config(quantizer, None, **({} if mode == "int8" else {"block_size": None})), mode=mode)
        kept.append(layer(normal(2, 3, 7)))
    np.testing.assert_allclose(kept[0], kept[1], rtol=1e-5, atol=1e-6)


def test_a_policy_for_a_part_that_attention_does_not_have_is_an_error():
    def build(**policies):
        policies = {path.replace("__", "/"): "int8_from_float32" for path in policies}
        policies = jkeras.dtype_policies.DTypePolicyMap("float32", policies)
        layer = jkeras.layers.MultiHeadAttention(1, 2, name="mha", dtype=policies)
        layer.build((None, 3, 2), (None, 3, 2))
        return [part.quantization_mode for part in (layer.query_dense, layer.key_dense)]

    assert build(mha__query=1, other__key=1) == ["int8", None] and build(other__query=1) == build(dense=1) == [None, None]
    for policies in ({"mha__query": 1, "mha__queries": 1}, {"query": 1}, {"mha__.*": 1}, {".*__query": 1}):
        with pytest.raises(ValueError, match=r"(?s)none of its parts.*'mha/query', 'mha/key', 'mha/value', 'mha/att"):
            build(**policies)


def test_what_cannot_be_quantized_is_an_error():
    with pytest.raises(ValueError, match="isn't yet built"):
        jkeras.layers.Dense(2).quantize("int8")
    layer = made(jkeras, "Dense")
    for arguments in (("int7",), (), ("int8", jkeras.quantizers.Int4QuantizationConfig()), ("gptq",)):
        with pytest.raises(ValueError):
            layer.quantize(*arguments)
    with pytest.raises(ValueError, match="Implicitly"):
        layer.dtype_policy = "gptq/4/8_from_float32"
    layer.dtype_policy = "int4/3_from_float32"
    assert layer.kernel_scale.shape == (3, 5) and layer.kernel.shape == (7, 5)
    with pytest.raises(ValueError, match="already quantized"):
        layer.quantize("int8")
    for wrong in ([1, 2], jkeras.initializers.Zeros()):
        with pytest.raises(TypeError, match="quantization_config"):
            jkeras.layers.Dense(2, quantization_config=wrong)
    with pytest.raises(ValueError, match="pair of numbers"):
        jkeras.quantizers.AbsMaxQuantizer(value_range=["a", "b"])
    for wrong, kind in ((-5, ValueError), (0, ValueError), (True, TypeError)):
        with pytest.raises(kind, match="amax_history_length"):
            jkeras.dtype_policies.QuantizedFloat8DTypePolicy("float8", "float32", wrong)
    mine = Mine(2)
    mine.build((None, 3))
    with pytest.raises(NotImplementedError):
        mine.quantize("int8")
    mine.quantize("int8", type_check=False)
    for refuse in (
        lambda: made(jkeras, "Embedding").quantize("float8"),
        lambda: jkeras.layers.Conv1D(2, 3, dtype="int8_from_float32"),
        lambda: made(jkeras, "Dense", lora_rank=2).quantize("float8"),
        lambda: made(jkeras, "Dense", dtype="float8_from_float32").enable_lora(2),
        lambda: jkeras.layers.Layer().quantized_build(None, "int8"),
    ):
        with pytest.raises(NotImplementedError):
            refuse()
    for wrong in ({"filters": 3}, {"unknown": 1}):
        with pytest.raises(ValueError):
            network(jkeras).quantize("int8", **wrong)

"""Dtype policies: names, configs and attributes are Keras', quantized ones included, which no layer takes yet."""

import keras
import pytest

import jkeras
from jkeras import DTypePolicy, dtype_policies, layers, mixed_precision

NAMES = [
    "float32", "bfloat16", "float64", "uint8", "mixed_float16", "mixed_bfloat16", "int8_from_float32", "int8_from_mixed_bfloat16",
    "int4_from_float32", "int4/128_from_float32", "int4/-1_from_bfloat16", "float8_from_mixed_bfloat16",
    "gptq/4/128_from_float32", "gptq/2/-1_from_mixed_float16", "awq/4/64_from_float16",
]  # fmt: skip
ATTRIBUTES = (
    "name", "compute_dtype", "variable_dtype", "quantization_mode", "amax_history_length", "mode", "block_size", "weight_bits",
    "group_size",
)  # fmt: skip


def shown(policy):
    return {name: getattr(policy, name) for name in ATTRIBUTES if hasattr(policy, name)}


@pytest.mark.parametrize("name", NAMES)
def test_policies_have_the_attributes_and_configs_of_keras(name):
    ours, theirs = dtype_policies.get(name), keras.dtype_policies.get(name)
    expected = shown(theirs)
    assert {key: value for key, value in shown(ours).items() if key in expected} == expected
    config, other = dtype_policies.serialize(ours), keras.dtype_policies.serialize(theirs)
    assert {key: config[key] for key in ("module", "class_name", "config")} == {
        key: other[key] for key in config if key in other and key != "registered_name"
    }
    again = dtype_policies.deserialize(other)
    assert again == ours and hash(again) == hash(ours) and type(again) is type(ours)
    assert shown(keras.dtype_policies.deserialize(config)) == expected


def test_policies_differ():
    policies = [dtype_policies.get(name) for name in NAMES]
    assert len({*policies}) == len(policies)
    long = dtype_policies.QuantizedFloat8DTypePolicy("float8", "float32", amax_history_length=512)
    assert long != dtype_policies.get("float8_from_float32") and long == dtype_policies.deserialize(
        dtype_policies.serialize(long)
    )


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (lambda p: p.QuantizedDTypePolicy("int2", "float32"), ValueError),
        (lambda p: p.QuantizedDTypePolicy("int8", "float16"), ValueError),
        (lambda p: p.QuantizedDTypePolicy("int8", "float"), None),
        (lambda p: p.QuantizedDTypePolicy("int8", "words"), ValueError),
        (lambda p: p.QuantizedFloat8DTypePolicy("float8", "float32", 1.5), TypeError),
        (lambda p: p.GPTQDTypePolicy("gptq/5/128", "float32"), ValueError),
        (lambda p: p.GPTQDTypePolicy("gptq/4/0", "float32"), ValueError),
        (lambda p: p.GPTQDTypePolicy("gptq/4", "float32"), ValueError),
        (lambda p: p.GPTQDTypePolicy("gptq/a/b", "float32"), ValueError),
        (lambda p: p.AWQDTypePolicy("awq/8/128", "float32"), ValueError),
        (lambda p: p.AWQDTypePolicy("gptq/4/128", "float32"), ValueError),
        (lambda p: p.Int4DTypePolicy("int4", "float32"), ValueError),
        (lambda p: p.Int4DTypePolicy("int4/-2", "float32"), ValueError),
        (lambda p: p.DTypePolicy("words"), ValueError),
        (lambda p: p.DTypePolicy(3), TypeError),
        (lambda p: p.get("int8_from_"), ValueError),
        (lambda p: p.get("gptq_from_float32"), ValueError),
        (lambda p: p.get(object()), ValueError),
        (lambda p: p.DTypePolicyMap(p.DTypePolicyMap()), ValueError),
    ],
)
def test_errors_are_those_of_keras(make, error):
    for library in (dtype_policies, keras.dtype_policies):
        if error is None:
            continue
        with pytest.raises(error):
            make(library)


def test_a_config_of_something_else_is_refused():
    with pytest.raises(ValueError, match="Not the config of a dtype policy"):
        dtype_policies.deserialize(layers.serialize(layers.Dense(1)) | {"module": "keras.layers"})


@pytest.fixture
def before():
    policy = jkeras.config.dtype_policy()
    yield
    jkeras.config.set_dtype_policy(policy)


def test_the_global_policy_is_the_one_that_was_set(before):
    policies = dtype_policies.DTypePolicyMap("bfloat16", {"a": "float16"})
    for policy in (DTypePolicy("mixed_bfloat16"), dtype_policies.get("int4/128_from_float32"), policies):
        mixed_precision.set_global_policy(policy)
        assert mixed_precision.global_policy() is policy is jkeras.config.dtype_policy()
    with pytest.raises(ValueError, match="None"):
        mixed_precision.set_dtype_policy(None)
    jkeras.utils.clear_session()
    assert mixed_precision.global_policy().name == "float32"
    quantized = dtype_policies.DTypePolicyMap("int8_from_bfloat16")
    assert (quantized.name, quantized.quantization_mode, quantized.compute_dtype) == (
        "map_int8_from_bfloat16",
        "int8",
        "bfloat16",
    )


def test_older_names_are_the_same_classes():
    assert mixed_precision.Policy is DTypePolicy is dtype_policies.FloatDTypePolicy is jkeras.FloatDTypePolicy
    assert mixed_precision.LossScaleOptimizer is jkeras.optimizers.LossScaleOptimizer
    assert jkeras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(keras.FloatDTypePolicy("float16"))
    ) == DTypePolicy("float16")


def test_the_plain_policy_under_a_global_map_is_its_default():
    before = mixed_precision.dtype_policy()
    try:
        for given in (dtype_policies.DTypePolicyMap("bfloat16"), DTypePolicy("bfloat16")):
            mixed_precision.set_dtype_policy(given)
            assert DTypePolicy().name == "bfloat16" and dtype_policies.DTypePolicyMap(policy_map={}).compute_dtype == "bfloat16"
    finally:
        mixed_precision.set_dtype_policy(before)

"""Low-rank updates train, and go into files, as Keras' do."""

import copy

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from against_keras import keras, normal

import jkeras
from jkeras.layers import ReversibleEmbedding

IDS = np.array([[1, 4, 0], [2, 2, 0]])
CASES = {
    "Dense": (("Dense", 3), {}, normal(4, 5)),
    "Dense with options": (("Dense", 3), {"use_bias": False, "kernel_regularizer": "l2"}, normal(4, 5)),
    "EinsumDense": (("EinsumDense", "abc,cde->abde"), {"output_shape": (None, 2, 3), "bias_axes": "de"}, normal(2, 4, 5)),
    "Embedding": (("Embedding", 5, 3), {}, IDS),
    "Conv1D": (("Conv1D", 4, 3), {"padding": "causal"}, normal(2, 6, 4)),
    "Conv2D": (("Conv2D", 4, 3), {"groups": 2}, normal(2, 5, 5, 4)),
    "Conv3D": (("Conv3D", 2, 2), {}, normal(2, 3, 3, 3, 2)),
}


def model(k, case):
    (name, *args), options, x = CASES[case]
    made = k.Sequential([k.Input(x.shape[1:]), getattr(k.layers, name)(*args, **options)])
    made.layers[0].enable_lora(2, lora_alpha=3)
    made.compile(k.optimizers.SGD(0.1), "mse")
    return made


def pair(case):
    """A model of ours and one of Keras', with the same weights, none of them zero."""
    ours, theirs = model(jkeras, case), model(keras, case)
    for number, (a, b) in enumerate(zip(ours.weights, theirs.weights, strict=True)):
        assert (a.name, a.trainable) == (b.name, b.trainable)
        value = normal(*a.shape, seed=number)
        a.assign(value), b.assign(value)
    return ours, theirs


@pytest.mark.few(3)
@pytest.mark.parametrize("case", CASES)
def test_steps_and_files_equal_keras(case, tmp_path):
    ours, theirs = pair(case)
    x = CASES[case][2]
    y = normal(*theirs.predict(x, verbose=0).shape)
    np.testing.assert_allclose(ours.predict(x, verbose=0), theirs.predict(x, verbose=0), rtol=1e-5, atol=1e-5)
    frozen = np.asarray(ours.non_trainable_weights[0].value)
    for k in (ours, theirs):
        k.fit(x, y, batch_size=len(x), epochs=2, verbose=0)
    for a, b in zip(ours.weights, theirs.weights, strict=True):
        np.testing.assert_allclose(a.value, b.value, rtol=1e-4, atol=1e-5, err_msg=a.name)
    np.testing.assert_array_equal(ours.non_trainable_weights[0].value, frozen)
    expected = ours.predict(x, verbose=0)
    for number, (written, read) in enumerate(((ours, jkeras), (ours, keras), (theirs, jkeras))):
        path = tmp_path / f"{number}.keras"
        written.save(path)
        loaded = read.saving.load_model(path)
        assert loaded.layers[0].lora_rank == 2
        np.testing.assert_allclose(loaded.predict(x, verbose=0), expected, rtol=1e-4, atol=1e-5)


def test_a_file_holds_the_sum_and_training_goes_on_from_it(tmp_path):
    ours, _ = pair("Dense")
    x = CASES["Dense"][2]
    ours.save_weights(tmp_path / "a.weights.h5")
    plain = jkeras.Sequential([jkeras.Input((5,)), jkeras.layers.Dense(3)])
    plain.load_weights(tmp_path / "a.weights.h5")
    np.testing.assert_allclose(plain.predict(x, verbose=0), ours.predict(x, verbose=0), rtol=1e-5, atol=1e-6)
    ours.load_weights(tmp_path / "a.weights.h5")
    layer = ours.layers[0]
    np.testing.assert_array_equal(layer.lora_kernel_b.value, 0)
    ours.fit(x, normal(4, 3), verbose=0)
    assert bool((layer.lora_kernel_b.value != 0).all())  # both matrices zero would stay so


def test_projections_of_an_attention_take_updates(tmp_path):
    def attending(k, updated=True):
        x = k.Input((3, 4))
        layer = k.layers.MultiHeadAttention(2, 3, use_gate=True)
        made = k.Model(x, layer(x, x))
        for part in (layer.query_dense, layer.value_dense)[: 2 * updated]:
            part.enable_lora(2, lora_alpha=3)
        return made

    ours, theirs, plain = attending(jkeras), attending(keras), attending(keras, updated=False)
    for number, (a, b) in enumerate(zip(ours.weights, theirs.weights, strict=True)):
        assert (a.name, a.shape, a.trainable) == (b.name, b.shape, b.trainable)
        value = normal(*a.shape, seed=number)
        a.assign(value), b.assign(value)
    x = normal(2, 3, 4)
    np.testing.assert_allclose(ours(x), theirs(x), rtol=1e-5, atol=1e-5)
    ours.save_weights(tmp_path / "a.weights.h5")
    plain.load_weights(tmp_path / "a.weights.h5")
    np.testing.assert_allclose(ours(x), plain(x), rtol=1e-5, atol=1e-5)


def test_other_files_copies_and_configs_have_the_matrices(tmp_path):
    ours, _ = pair("Dense")
    x = CASES["Dense"][2]
    expected = ours.predict(x, verbose=0)
    ours.save(tmp_path / "a.h5")
    ours.save_weights(tmp_path / "a.safetensors")
    filled = model(jkeras, "Dense")
    filled.load_weights(tmp_path / "a.safetensors")
    for other in (jkeras.saving.load_model(tmp_path / "a.h5"), filled, copy.deepcopy(ours)):
        np.testing.assert_allclose(other.get_weights()[-1], ours.get_weights()[-1])
        np.testing.assert_allclose(other.predict(x, verbose=0), expected, rtol=1e-6)
    config = ours.layers[0].get_config()
    assert (config["lora_rank"], config["lora_alpha"]) == (2, 3)
    assert "lora_rank" not in jkeras.layers.Dense(2).get_config()


def test_the_pure_face_has_the_matrices_as_params_and_the_kernel_as_state():
    layer = jkeras.layers.Dense(3, lora_rank=2, lora_alpha=4, dtype="mixed_bfloat16")
    params, state = layer.init(jax.random.key(0), jnp.zeros((1, 5)))
    assert sorted(params) == ["bias", "lora_kernel_a", "lora_kernel_b"] and [*state] == ["kernel"]
    params = {**params, "lora_kernel_b": jnp.ones((2, 3))}
    x = normal(2, 5)
    y, _ = layer.apply(params, state, x)
    kernel = state["kernel"] + 2 * params["lora_kernel_a"] @ params["lora_kernel_b"]
    assert y.dtype == jnp.bfloat16
    np.testing.assert_allclose(y, x @ kernel, rtol=0.05, atol=0.05)


def test_a_frozen_kernel_stays_frozen_when_its_layer_trains_again():
    layer = jkeras.layers.Dense(3, lora_rank=2)
    layer.build((None, 5))
    layer.trainable = False
    layer.trainable = True
    assert [w.name for w in layer.trainable_weights] == ["bias", "lora_kernel_a", "lora_kernel_b"]


def test_both_ways_of_an_embedding_take_the_update():
    layer = ReversibleEmbedding(5, 3, lora_rank=2)
    layer.build()
    layer.lora_embeddings_b.assign(np.ones((2, 3)))
    table = layer(np.arange(5))
    assert float(jnp.abs(table - layer.embeddings.value).min()) > 0
    x = normal(4, 3)
    np.testing.assert_allclose(layer(x, reverse=True), x @ table.T, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("k", (jkeras, keras))
def test_what_cannot_be_is_an_error(k):
    with pytest.raises(ValueError):  # not built
        k.layers.Dense(2).enable_lora(2)
    layer = k.layers.Dense(2, kernel_constraint="non_neg")
    layer.build((None, 3))
    with pytest.raises(ValueError, match="constrain"):
        layer.enable_lora(2)
    layer = k.layers.Dense(2, lora_rank=1)
    layer.build((None, 3))
    with pytest.raises(ValueError, match="already"):
        layer.enable_lora(2)
    assert not hasattr(k.layers.DepthwiseConv2D(3), "enable_lora")


@pytest.mark.parametrize("rank", (0, -1, 2.5, True))
def test_a_rank_is_a_positive_integer(rank):
    with pytest.raises(ValueError, match="positive integer as the rank"):
        jkeras.layers.Dense(2, lora_rank=rank)

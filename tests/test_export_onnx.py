"""`model.export(format="onnx")`: another runtime computes the same as `predict`, for every batch size."""

import sys

import jax
import numpy as np
import pytest

import jkeras
from jkeras import layers
from jkeras.nn.traced import with_general_operations

RNG = np.random.default_rng(0)


def normal(*shape):
    return RNG.normal(size=shape).astype("float32")


def stack(shape, *body, **options):
    return jkeras.Sequential([layers.Input(shape, **options), *body])


def heads():
    x = layers.Input((5, 8))
    return jkeras.Model(x, layers.LayerNormalization()(layers.MultiHeadAttention(2, 4)(x, x)))


BODIES = {
    "dense": (
        lambda: stack((4,), layers.Dense(8, "gelu"), layers.BatchNormalization(), layers.Dense(3)),
        (4,),
    ),
    "images": (
        lambda: stack((9, 8, 2), layers.Conv2D(4, 3, 2, "same", activation="relu"), layers.MaxPooling2D(), layers.Flatten()),
        (9, 8, 2),
    ),
    "depthwise": (lambda: stack((8, 8, 3), layers.DepthwiseConv2D(3), layers.GlobalAveragePooling2D()), (8, 8, 3)),
    "transposed": (lambda: stack((6, 5, 3), layers.Conv2DTranspose(4, 3, strides=2, padding="same")), (6, 5, 3)),
    "steps": (lambda: stack((7, 4), layers.Bidirectional(layers.LSTM(5, return_sequences=True)), layers.GRU(3)), (7, 4)),
    "attention": (heads, (5, 8)),
}


@pytest.mark.parametrize("body", BODIES)
def test_another_runtime_computes_the_same(tmp_path, body):
    pytest.importorskip("jax2onnx", reason="jax2onnx is an extra")
    import onnxruntime

    make, shape = BODIES[body]
    model = make()
    model.export(tmp_path / "m.onnx", format="onnx", verbose=False)
    session = onnxruntime.InferenceSession(tmp_path / "m.onnx")
    for rows in (1, 3):
        x = normal(rows, *shape)
        (y,) = session.run(None, {session.get_inputs()[0].name: x})
        np.testing.assert_allclose(y, model.predict(x, verbose=0), rtol=1e-4, atol=1e-5)


def test_several_inputs_and_outputs_come_in_order(tmp_path, capsys):
    pytest.importorskip("jax2onnx", reason="jax2onnx is an extra")
    import onnxruntime

    a, b = layers.Input((3,), name="a"), layers.Input((2,), dtype="int32", name="b")
    model = jkeras.Model({"a": a, "b": b}, [layers.Dense(1)(a), layers.Embedding(4, 2)(b)])
    model.export(tmp_path / "m.onnx", format="onnx")
    assert "float32[batch, 3], int32[batch, 2]" in capsys.readouterr().out
    session = onnxruntime.InferenceSession(tmp_path / "m.onnx")
    x = {"a": normal(2, 3), "b": np.array([[0, 1], [2, 3]], "int32")}
    names = [entry.name for entry in session.get_inputs()]
    for one, other in zip(session.run(None, dict(zip(names, x.values()))), model(x)):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


def test_without_the_converter_the_error_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "jax2onnx", None)
    with pytest.raises(ImportError, match=r"pip install .*jkeras\[onnx\]"):
        stack((4,), layers.Dense(1)).export(tmp_path / "m", format="onnx")
    assert not list(tmp_path.iterdir())


def test_what_cannot_be_translated_is_an_error_that_names_it(tmp_path, monkeypatch):
    def refuse(fn, specs, **options):
        raise NotImplementedError("No plugins registered for primitive 'eigh'")

    monkeypatch.setattr("jkeras.saving.onnx._converter", lambda: refuse)
    with pytest.raises(ValueError, match=r"(?s)could not be translated to ONNX: No plugins.*'eigh'.*model\.export\(path\)"):
        stack((4,), layers.Dense(1)).export(tmp_path / "m", format="onnx")


@pytest.mark.slow
@pytest.mark.parametrize("body", BODIES)
def test_programs_for_converters_hold_no_operation_of_our_own_and_compute_the_same(body):
    make, shape = BODIES[body]
    model, x = make(), normal(2, *shape)
    fn = with_general_operations(lambda x: model.apply(*model.params_and_state(), x)[0])
    names = str(jax.make_jaxpr(fn)(x))
    assert "conv[" not in names and "conv_input_gradient" not in names and "platform_index" not in names
    np.testing.assert_allclose(fn(x), model.predict(x, verbose=0), rtol=1e-5, atol=1e-5)

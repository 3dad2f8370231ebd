"""`ExportArchive`: each endpoint is a program that JAX runs alone; variables, draws and states are frozen in it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jkeras
from jkeras import InputSpec, layers
from jkeras.export import ExportArchive

X = np.random.default_rng(0).normal(size=(5, 3)).astype("float32")
SIGNATURE = [InputSpec(shape=(None, 3), dtype="float32")]


def network():
    return jkeras.Sequential([jkeras.Input((3,)), layers.Dense(2), layers.BatchNormalization(), layers.Dropout(0.5)])


def program(folder, name):
    return jax.export.deserialize(bytearray((folder / f"{name}.stablehlo").read_bytes()))


def test_endpoints_for_inference_and_training(tmp_path, capsys):
    model, archive = network(), ExportArchive()
    before = model.get_weights()
    serve = archive.track_and_add_endpoint("serve", model, SIGNATURE)
    archive.add_endpoint("train", lambda x: model(x, training=True), SIGNATURE)
    archive.add_variable_collection("kernels", [model.layers[0].kernel])
    archive.write_out(tmp_path / "a")
    np.testing.assert_allclose(program(tmp_path / "a", "serve").call(X), model.predict(X, verbose=0), atol=1e-6)
    np.testing.assert_allclose(serve(X[:2]), model.predict(X[:2], verbose=0), atol=1e-6)
    trained = program(tmp_path / "a", "train").call(X)
    assert (np.asarray(trained) == 0).any() and trained.shape == (5, 2)
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(np.load(tmp_path / "a" / "variables.npz")["kernels/0"], model.layers[0].kernel)
    assert "train: f32[batch,3] -> f32[batch,2]" in capsys.readouterr().out
    assert (
        len(archive.variables) == len(archive.trainable_variables) + len(archive.non_trainable_variables) == len(model.variables)
    )


def test_a_function_of_several_inputs_uses_what_it_meets(tmp_path):
    scale = jkeras.Variable(3.0)
    archive = ExportArchive(platforms=("cpu",))
    archive.add_endpoint("f", lambda x, pair: {"y": scale * x + pair["a"]}, [SIGNATURE[0], {"a": X}])
    scale.assign(5.0)  # too late
    archive.write_out(tmp_path / "a", verbose=False)
    np.testing.assert_allclose(program(tmp_path / "a", "f").call(X, {"a": X})["y"], 4 * X, rtol=1e-6)
    assert not (tmp_path / "a" / "variables.npz").exists()


@pytest.mark.parametrize(
    ("act", "text"),
    [
        (lambda a: ExportArchive("saved_model"), "needs another library"),
        (lambda a: ExportArchive(platforms=("abacus",)), "abacus"),
        (lambda a: a.track(3), "layers and models"),
        (lambda a: a.track(layers.Dense(3)), "no weights yet"),
        (lambda a: a.add_endpoint("f", jnp.sin), "input_signature"),
        (lambda a: a.add_endpoint("a/b", jnp.sin, SIGNATURE), "name of a file"),
        (lambda a: a.add_endpoint(["x"], jnp.sin, SIGNATURE), "name of a file"),
        (lambda a: a.add_variable_collection(3, []), "part of a path"),
        (lambda a: [a.add_endpoint("f", jnp.sin, SIGNATURE) for _ in "ab"], "already"),
        (lambda a: a.add_variable_collection("v", [1]), "list of Variables"),
        (lambda a: a.write_out("folder"), "no endpoint"),
        (lambda a: a.add_endpoint("f", jnp.sin, SIGNATURE) and a.write_out("folder", options=1), "options"),
    ],
)
def test_wrong_arguments(act, text):
    with pytest.raises(ValueError, match=text):
        act(ExportArchive())


def test_unknown_arguments():
    with pytest.raises(TypeError, match="jax2tf_kwargs"):
        ExportArchive().add_endpoint("f", jnp.sin, SIGNATURE, jax2tf_kwargs={})

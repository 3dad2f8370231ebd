"""`model.export`: a file with program and weights that runs with JAX alone, for every batch size and platform."""

import re
import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import export

import jkeras
from jkeras import layers
from jkeras.nn import attention

pytest.importorskip("flatbuffers", reason="jax writes its bytes with flatbuffers")
RNG = np.random.default_rng(0)
# A user's complete program, without jkeras.
ALONE = """
import sys
import jax
import numpy as np
from jax import export

exported = export.deserialize(bytearray(open(sys.argv[1], "rb").read()))
np.save(sys.argv[3], jax.jit(exported.call)(np.load(sys.argv[2])))
assert not [name for name in sys.modules if name.startswith("jkeras")]
"""


def normal(*shape):
    return RNG.normal(size=shape).astype("float32")


def read(path):
    return export.deserialize(bytearray(Path(path).read_bytes()))


def exported(model, path, **options):
    model.export(path, verbose=False, **options)
    return read(path)


def untrained():
    """What is refused before it is looked at."""
    return jkeras.Sequential([layers.Input((4,)), layers.Dense(2)])


def images(size=12):
    """All that a small network for images has, with weights that a short training has moved."""
    x = layers.Input((size, size, 2))
    h = layers.Conv2D(4, 3, padding="same", strides=2, activation="relu")(x)
    h = layers.BatchNormalization()(h)
    h = layers.SeparableConv2D(6, 3, padding="same")(h)
    h = layers.MaxPooling2D()(h)
    h = layers.Dropout(0.5)(layers.Flatten()(h))
    model = jkeras.Model(x, layers.Dense(3, activation="softmax")(h), name="images")
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(normal(16, size, size, 2), RNG.integers(0, 3, 16), epochs=2, verbose=0)
    return model


def sentences():
    """Words of any number: embedding with a mask, attention, a recurrent layer."""
    x = layers.Input((None,), dtype="int32")
    h = layers.Embedding(10, 8, mask_zero=True)(x)
    h = layers.MultiHeadAttention(2, 4)(h, h, use_causal_mask=True)
    h = layers.Bidirectional(layers.LSTM(4, return_sequences=True))(layers.LayerNormalization()(h))
    return jkeras.Model(x, layers.Dense(2)(h))


def test_a_script_with_jax_alone_gives_what_predict_gives(tmp_path):
    model, x = images(), normal(5, 12, 12, 2)
    model.export(tmp_path / "deep" / "model.stablehlo")
    np.save(tmp_path / "x.npy", x)
    files = [str(tmp_path / name) for name in ("deep/model.stablehlo", "x.npy", "y.npy")]
    done = subprocess.run([sys.executable, "-c", ALONE, *files], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    np.testing.assert_allclose(np.load(tmp_path / "y.npy"), model.predict(x, verbose=0), rtol=1e-6, atol=1e-6)


def test_one_file_serves_every_batch_size_and_both_platforms(tmp_path):
    model = images()
    program = exported(model, tmp_path / "m")
    assert program.platforms == ("cpu", "cuda") and program.fun_name == "images"
    assert str(program.in_avals[0].shape[0]) == "batch"
    for rows in (1, 2, 33):
        x = normal(rows, 12, 12, 2)
        np.testing.assert_allclose(program.call(x), model.predict(x, verbose=0), rtol=1e-6, atol=1e-6)


def test_the_file_keeps_the_weights_of_its_time(tmp_path):
    model, x = images(), normal(3, 12, 12, 2)
    before = model.predict(x, verbose=0)
    program = exported(model, tmp_path / "m")
    model.set_weights([w * 0 for w in model.get_weights()])
    np.testing.assert_allclose(program.call(x), before, rtol=1e-6, atol=1e-6)


def test_the_method_of_the_model_writes_the_same(tmp_path, capsys):
    model, x = images(), normal(3, 12, 12, 2)
    model.export(tmp_path / "m", platforms="cpu")
    assert "Exported 'images'" in capsys.readouterr().out
    program = read(tmp_path / "m")
    assert program.platforms == ("cpu",)
    np.testing.assert_allclose(program.call(x), model.predict(x, verbose=0), rtol=1e-6, atol=1e-6)


def test_exporting_leaves_the_model_as_it_was(tmp_path):
    model = images()
    before = model.get_weights()
    model.export(tmp_path / "m", verbose=False)
    for old, new in zip(before, model.get_weights()):
        np.testing.assert_array_equal(old, new)
    model.fit(normal(16, 12, 12, 2), RNG.integers(0, 3, 16), verbose=0)
    assert any((old != new).any() for old, new in zip(before, model.get_weights()))


def test_lengths_may_stay_open(tmp_path):
    model = sentences()
    program = exported(model, tmp_path / "m")
    assert [str(n) for n in program.in_avals[0].shape] == ["batch", "x0_1"]
    for shape in ((2, 5), (3, 9)):
        x = RNG.integers(0, 10, shape).astype("int32")
        np.testing.assert_allclose(program.call(x), model.predict(x, verbose=0), rtol=1e-5, atol=1e-5)


def test_image_sizes_may_stay_open(tmp_path):
    x = layers.Input((None, None, 3))
    h = layers.Conv2D(4, 3, strides=2, padding="same")(x)
    h = layers.MaxPooling2D()(layers.DepthwiseConv2D(3, padding="same")(h))
    model = jkeras.Model(x, layers.GlobalAveragePooling2D()(h))
    program = exported(model, tmp_path / "m")
    for shape in ((2, 12, 10, 3), (1, 17, 31, 3)):
        x = normal(*shape)
        np.testing.assert_allclose(program.call(x), model.predict(x, verbose=0), rtol=1e-5, atol=1e-5)


def test_inputs_that_are_added_share_a_length_and_others_do_not(tmp_path):
    a, b = layers.Input((None, 4), name="a"), layers.Input((None, 4), name="b")
    added = exported(jkeras.Model([a, b], layers.Add()([a, b])), tmp_path / "added")
    assert [str(v.shape[1]) for v in added.in_avals] == ["d1", "d1"]
    x = [normal(2, 5, 4), normal(2, 5, 4)]
    np.testing.assert_allclose(added.call(x), x[0] + x[1], rtol=1e-6)
    attended = jkeras.Model([a, b], layers.Attention()([a, b]))
    x = [normal(2, 5, 4), normal(2, 7, 4)]
    np.testing.assert_allclose(exported(attended, tmp_path / "m").call(x), attended.predict(x, verbose=0), rtol=1e-5, atol=1e-6)


def test_structures_of_inputs_and_outputs_stay(tmp_path):
    given = {"left": layers.Input((3,)), "right": layers.Input((2,))}
    joined = layers.Concatenate()([given["left"], given["right"]])
    model = jkeras.Model(given, {"sum": layers.Dense(1)(joined), "all": [joined, given["left"] * 2.0]})
    x = {"left": normal(4, 3), "right": normal(4, 2)}
    result, expected = exported(model, tmp_path / "m").call(x), model(x)
    assert jax.tree.structure(result) == jax.tree.structure(expected)
    # Sums of numbers near 1 that may cancel: an absolute tolerance of one step of float32 there.
    jax.tree.map(lambda p, q: np.testing.assert_allclose(p, q, rtol=1e-6, atol=1e-7), result, expected)


class Pair(jkeras.Model):
    """A class with a `call` of two arguments."""

    def __init__(self):
        super().__init__()
        self.dense = layers.Dense(3)

    def call(self, x, scale):
        return self.dense(x) * scale


def test_a_class_of_your_own_says_what_it_takes(tmp_path):
    model = Pair()
    x, scale = normal(2, 4), normal(2, 1)
    expected = model(x, scale)
    with pytest.raises(ValueError, match=r"input_signature=\["):
        model.export(tmp_path / "m")
    entries = [jax.ShapeDtypeStruct((7, 4), "float32"), layers.InputSpec(shape=(7, 1))]
    assert exported(model, tmp_path / "m", input_signature=entries).in_avals[0].shape == (7, 4)
    program = exported(model, tmp_path / "m", input_signature=[x, layers.Input((1,))])
    np.testing.assert_allclose(program.call(x, scale), expected, rtol=1e-6)


def test_a_signature_may_fix_the_batch_or_name_sizes(tmp_path):
    model = sentences()
    fixed = exported(model, tmp_path / "m", input_signature=[jax.ShapeDtypeStruct((2, 5), "int32")])
    assert fixed.in_avals[0].shape == (2, 5)
    named = export.symbolic_shape("rows, words")
    program = exported(model, tmp_path / "m", input_signature=[jax.ShapeDtypeStruct(named, "int32")])
    assert [str(n) for n in program.in_avals[0].shape] == ["rows", "words"]
    with pytest.raises(ValueError, match=r"1 input .*Received in input_signature 2"):
        model.export(tmp_path / "m", input_signature=[normal(1, 2), normal(1, 2)])
    with pytest.raises(TypeError, match=r"shape and dtype.*InputSpec\("):
        Pair().export(tmp_path / "m", input_signature=["float32"])


def test_half_precision_exports(tmp_path):
    model = jkeras.Sequential([layers.Input((4,)), layers.Dense(3, dtype="mixed_bfloat16"), layers.Dense(2, dtype="bfloat16")])
    x = normal(3, 4)
    result = exported(model, tmp_path / "m").call(x)
    assert result.dtype == jnp.bfloat16
    np.testing.assert_allclose(np.float32(result), np.float32(model.predict(x, verbose=0)), rtol=1e-2, atol=1e-2)


def test_flash_attention_stays_out_of_programs_for_any_batch_size():
    half = [jax.ShapeDtypeStruct((2, 16, 2, 64), jnp.bfloat16)] * 3
    assert attention.flash_fits(*half)
    batch, length = export.symbolic_shape("batch, length")
    for shape in ((batch, 16, 2, 64), (2, length, 2, 64)):
        assert not attention.flash_fits(*[jax.ShapeDtypeStruct(shape, jnp.bfloat16)] * 3)


def test_sizes_that_must_be_known_are_an_error_that_says_what_to_write(tmp_path):
    x = layers.Input((None, 4))
    model = jkeras.Model(x, layers.LSTM(3, unroll=True)(x))
    with pytest.raises(ValueError, match=r"(?s)any size.*model\.export\(path, input_signature=\[") as refused:
        model.export(tmp_path / "m")
    assert not list(tmp_path.iterdir())
    (advice,) = re.findall(r"input_signature=(\[.*\])", str(refused.value))
    program = exported(model, tmp_path / "m", input_signature=eval(advice))
    assert program.call(normal(3, 32, 4)).shape == (3, 3)


@pytest.mark.parametrize(
    "options, error, text",
    [({"format": "tf_saved_model"}, ValueError, "stablehlo"), ({"format": "onxx"}, ValueError, "Unknown export format"),
     ({"platforms": ("cpu", "gpu")}, ValueError, "platform 'gpu'"), ({"platforms": ()}, ValueError, "platforms="),
     ({"is_static": True}, TypeError, "is_static")],
)  # fmt: skip
def test_wrong_arguments_are_refused_before_anything_is_written(tmp_path, options, error, text):
    with pytest.raises(error, match=text):
        untrained().export(tmp_path / "m", **options)
    assert not list(tmp_path.iterdir())


def test_a_model_without_weights_yet_is_refused(tmp_path):
    with pytest.raises(ValueError, match="build"):
        jkeras.Sequential([layers.Dense(2)]).export(tmp_path / "m")


def test_a_model_over_the_limit_is_refused_before_it_is_traced(tmp_path, monkeypatch):
    monkeypatch.setattr("jkeras.saving.export.MAX_BYTES", 39)
    with pytest.raises(ValueError, match="40 bytes of weights"):
        untrained().export(tmp_path / "m")


def test_a_failed_export_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "m"
    path.write_bytes(b"old")
    monkeypatch.setattr(Path, "write_bytes", lambda self, data: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(OSError, match="No space left"):
        untrained().export(path, verbose=False)
    monkeypatch.undo()
    assert path.read_bytes() == b"old" and [p.name for p in tmp_path.iterdir()] == ["m"]

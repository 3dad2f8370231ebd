"""Every example runs to the end in `--quick` mode without a network, and prints and writes what it promises."""

import os
import re
import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import jkeras

ROOT = Path(__file__).parent.parent
EXAMPLES = ROOT / "examples"
PROMISES = {
    "autoencoder.py": [r"code of 16: training loss 0\.\d+ -> 0\.\d+", r"restored: mean square error 0\.\d+"],
    "callbacks.py": [
        r"(?s)Epoch 0*2: saving model to (\S+/02-\d\.\d+\.keras).*2 files",
        r"best epoch: test loss \d\.\d+",
        "rates: 0.003",
    ],
    "clinical_trial.py": [
        r"Total params: 642",
        r"189/189",
        r"\[\[ *\d+ +\d+\]\n \[ *\d+ +\d+\]\]",
        r"Side effects expected from .*",
    ],
    "functional_two_inputs.py": [r"Connected to", r"Left larger than right: 0\.\d+ correct", r"Sum of both: wrong by \d+\.\d+"],
    "custom_layer.py": [
        r"Test accuracy: 0\.\d+",
        r"params \['bias', 'kernel'\], state \['moving_mean'\]",
        r"moved the mean by 0\.0[1-9]|moved the mean by 0\.00[1-9]",
    ],
    "custom_loss.py": [r"Training loss: \S+ -> \S+", r"Test loss: -?\d+\.\d+"],
    "custom_train_step.py": [r"Sequential: training loss", r"SharpnessAware: training loss", r"reports: \d+\.\d+"],
    "gan.py": [r"epoch +2: d_loss \d\.\d+, d_made 0\.\d+, d_real 0\.\d+, g_loss \d\.\d+"],
    "look_inside.py": [r"conv2: output \(64, 8, 8, 32\)"],
    "pure_jax_loop.py": [r"'kernel': \(64, 128\)", r"'moving_mean': \(128,\)", r"epoch  2: loss \d\.\d+, test accuracy 0\.\d+"],
    "regression.py": [r"Dense\(1\): y = -?\d\.\d+ x \+ -?\d", r"noise at x =  2\.27: true 0\.52, estimated \d\.\d+"],
    "resnet.py": [r"add_1 \(Add\)", r"Test accuracy: 0\.\d+"],
    "save_and_reload.py": [
        r'JSON begins: \{"module": "keras"',
        r"JSON: .*differ by 0\.\d+",
        r"weights: .*differ by 0, compiled: False",
        r"all, for Keras 2: .*differ by 0,",
        r"weights are the same, bit for bit",
    ],
    "serve_exported.py": [
        r"Exported .*float32\[batch,8,8,1\]|Exported .*f32\[batch,8,8,1\]",
        r"predict: (\d .*\d)\n(?s:.*)classes: \1\n",
        r"jkeras was imported: False",
    ],
    "ensemble.py": [r"\(8, 64, 32\) \(8, 32, 10\)", r"ensemble of 8: 0\.\d+ correct", r"of the 20 wrong labels, \d+ are"],
    "ten_thousand_epochs.py": [r"299 more: \d", r"accuracy (0\.\d|1)", r"1\.8 8 7: (apple|lemon|cherry) with probability"],
    "three_ways.py": [
        r"third layer 'pool', predictions differ by 0\n",
        r"as_a_class: .* by 0\n",
        r"\(None, 13, 13, 8\)",
    ],
    "survive.py": [r"first life: \[75, -9\]", r"second life: \[0, 0\]", "nobody disturbed: True"],
    "transfer_learning.py": [
        r"scratch: 0\.\d+ correct, ([\d,]+) ",
        r"frozen: 0\.\d+ correct, 195 ",
        r"fine-tuned: 0\.\d+ correct",
    ],
}
PICTURES = {
    "autoencoder.py": ["autoencoder.png", "autoencoder_codes.png"],
    "callbacks.py": ["callbacks.png"],
    "clinical_trial.py": ["clinical_trial.png"],
    "functional_two_inputs.py": ["two_digits.png"],
    "gan.py": ["gan.png"],
    "look_inside.py": ["inside_digits.png", "inside_kernels.png", "inside_outputs.png"],
    "regression.py": ["regression.png"],
    "resnet.py": ["resnet.png", "resnet_curves.png"],
    "three_ways.py": ["three_ways.png"],
}


@pytest.fixture(autouse=True)
def names_begin_anew():
    jkeras.utils.clear_session()


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty data cache, and no network."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setenv("JKERAS_OFFLINE", "1")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "datasets").mkdir()
    return tmp_path / "datasets"


def run(name, *arguments):
    runpy.run_path(str(EXAMPLES / name))["main"](["--quick", *map(str, arguments)])


def loss_values(text):
    return [float(v) for v in re.findall(r"(?<![a-z_])loss: (-?[\d.e+-]+|nan)", text)]


def fake_digits(path, count=320):
    rng = np.random.default_rng(0)
    parts = {f"x_{part}": rng.integers(0, 256, (count, 28, 28), np.uint8) for part in ("train", "test")}
    labels = {f"y_{part}": rng.integers(0, 10, count, np.uint8) for part in ("train", "test")}
    np.savez(path, **parts, **labels)


def fake_photographs(folder, count=64):
    folder.mkdir()
    rng = np.random.default_rng(0)
    for name in (*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"):
        records = rng.integers(0, 256, (count, 3073), np.uint8)
        records[:, 0] %= 10
        records.tofile(folder / f"{name}.bin")


def is_picture(path):
    return path.read_bytes().startswith(b"\x89PNG") and path.stat().st_size > 5_000


def test_every_example_is_tested():
    assert {path.name for path in EXAMPLES.glob("*.py")} == {*PROMISES, "layouts.py", "mnist.py", "cifar10.py", "keras_script.py"}


@pytest.mark.parametrize("name", [pytest.param(n, marks=[pytest.mark.slow] * (n == "survive.py")) for n in PROMISES])
def test_example_prints_what_it_promises(name, cache, tmp_path, capsys):
    run(name)
    text = capsys.readouterr().out
    for promise in PROMISES[name]:
        assert re.search(promise, text), f"{promise!r} is not in:\n{text}"
    assert np.isfinite(loss_values(text)).all()
    written = sorted(path.name for path in (tmp_path / "out").glob("*.png"))
    assert written == sorted(PICTURES.get(name, [])) and all(is_picture(tmp_path / "out" / path) for path in written)


def test_mnist_as_a_command_falls_back_to_digits_and_says_where_mnist_goes(cache, tmp_path):
    environment = os.environ | {"PYTHONPATH": str(ROOT), "JAX_DISABLE_MOST_OPTIMIZATIONS": "1"}
    command = [sys.executable, str(EXAMPLES / "mnist.py"), "--quick"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert "Data: scikit-learn's digits, because MNIST is not available." in done.stdout
    assert str(cache / "mnist.npz") in done.stdout
    assert "Total params: 150,794" in done.stdout
    assert "Epoch 2/2" in done.stdout
    assert re.search(r"Test accuracy: (0\.[3-9]\d+)", done.stdout)
    assert is_picture(tmp_path / "out" / "digits_mlp.png") and is_picture(tmp_path / "out" / "digits_mlp_errors.png")


@pytest.mark.parametrize(("model", "parameters"), [("mlp", "335,114"), ("cnn", "88,106")])
def test_mnist_reads_the_cache(model, parameters, cache, tmp_path, capsys):
    fake_digits(cache / "mnist.npz")
    run("mnist.py", "--model", model, "--out", tmp_path / "pictures")
    text = capsys.readouterr().out
    assert f"Data: MNIST, found at {cache / 'mnist.npz'}" in text
    assert f"Total params: {parameters}" in text
    assert (tmp_path / "pictures" / f"mnist_{model}.png").stat().st_size > 10_000


def test_mnist_does_not_hide_a_damaged_cache(cache):
    (cache / "mnist.npz").write_bytes(b"not an archive")
    with pytest.raises(ValueError, match=r"mnist\.npz cannot be used"):
        run("mnist.py")


def test_cifar10_trains_from_the_cache(cache, tmp_path, capsys):
    fake_photographs(cache / "cifar-10-batches-bin")
    run("cifar10.py")
    text = capsys.readouterr().out
    assert "Data: CIFAR-10\n256 training and 64 test images" in text
    assert is_picture(tmp_path / "out" / "cifar10.png")
    assert re.search(r"Test accuracy: 0\.\d{4}", text)
    assert np.isfinite(loss_values(text)).all()


def test_cifar10_without_data_draws_some_and_says_what_to_put_where(cache, capsys):
    cifar10 = runpy.run_path(str(EXAMPLES / "cifar10.py"))
    names, (x, y), (x_test, _) = cifar10["load_images"](40)
    text = capsys.readouterr().out
    assert re.search(r"(?s)drawings of ten shapes.*cifar-10-binary\.tar\.gz.*" + re.escape(str(cache)), text)
    assert x.shape == (40, 32, 32, 3) and x.dtype == np.uint8 and len(x_test) == 8
    assert set(y) <= set(range(len(names))) and x.std(axis=(1, 2, 3)).min() > 10


def test_a_keras_script_runs_as_it_is(cache, tmp_path):
    environment = os.environ | {"PYTHONPATH": str(ROOT), "JAX_DISABLE_MOST_OPTIMIZATIONS": "1"}
    command = [sys.executable, "-m", "jkeras", str(EXAMPLES / "keras_script.py"), "--quick"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert re.search(r"12/12 - \d+s - loss: \S+ - acc: \S+ - mean_confidence: \S+ - val_loss", done.stdout)
    predicted, reloaded = (re.search(rf"{name}: +\[(.*)\]", done.stdout)[1] for name in ("predicted", "reloaded"))
    assert predicted == reloaded and len(predicted.split()) == 30

"""Every example runs to its end in its `--quick` mode without a network, and prints and writes what it promises."""

import os
import re
import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

EXAMPLES = Path(__file__).parent.parent / "examples"
PROMISES = {
    "functional_two_inputs.py": [r"Connected to", r"Left larger than right: 0\.\d+ correct", r"Sum of both: wrong by \d+\.\d+"],
    "custom_layer.py": [
        r"Test accuracy: 0\.\d+",
        r"the box: Variable 'centred/kernel'",
        r"params \['bias', 'kernel'\], state \['moving_mean'\]",
        r"moved the mean by 0\.0[1-9]|moved the mean by 0\.00[1-9]",
    ],
    "custom_loss.py": [r"Training loss: \S+ -> \S+", r"Test loss: -?\d+\.\d+"],
    "custom_train_step.py": [r"Sequential: training loss", r"SharpnessAware: training loss", r"reports: \d+\.\d+"],
    "pure_jax_loop.py": [r"'kernel': \(64, 128\)", r"'moving_mean': \(128,\)", r"epoch  2: loss \d\.\d+, test accuracy 0\.\d+"],
    "serve_exported.py": [
        r"Exported .*float32\[batch,8,8,1\]|Exported .*f32\[batch,8,8,1\]",
        r"predict: (\d .*\d)\n(?s:.*)classes: \1\n",
        r"jkeras was imported: False",
    ],
    "ensemble.py": [r"\(8, 64, 32\) \(8, 32, 10\)", r"ensemble of 8: 0\.\d+ correct", r"of the 20 wrong labels, \d+ are"],
}


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty data cache, and no network."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setenv("JKERAS_OFFLINE", "1")
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


def test_every_example_is_tested():
    assert {path.name for path in EXAMPLES.glob("*.py")} == {*PROMISES, "mnist.py", "cifar10.py"}


@pytest.mark.parametrize("name", PROMISES)
def test_example_prints_what_it_promises(name, cache, capsys):
    run(name)
    text = capsys.readouterr().out
    for promise in PROMISES[name]:
        assert re.search(promise, text), f"{promise!r} is not in:\n{text}"
    assert np.isfinite(loss_values(text)).all()


def test_mnist_as_a_command_falls_back_to_digits_and_says_where_mnist_goes(cache, tmp_path):
    environment = os.environ | {"PYTHONPATH": str(EXAMPLES.parent)}
    command = [sys.executable, str(EXAMPLES / "mnist.py"), "--quick"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert "Data: scikit-learn's digits, because MNIST could not be had." in done.stdout
    assert str(cache / "mnist.npz") in done.stdout
    assert "Total params: 150,794" in done.stdout
    assert "Epoch 2/2" in done.stdout
    assert re.search(r"Test accuracy: (0\.[3-9]\d+)", done.stdout)
    assert (tmp_path / "out" / "digits_mlp.png").read_bytes().startswith(b"\x89PNG")


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


def test_cifar10_trains_from_the_cache(cache, capsys):
    fake_photographs(cache / "cifar-10-batches-bin")
    run("cifar10.py")
    text = capsys.readouterr().out
    assert "CIFAR-10: 256 training and 64 test images" in text
    assert re.search(r"Test accuracy: 0\.\d{4}", text)
    assert np.isfinite(loss_values(text)).all()


def test_cifar10_without_data_says_what_to_put_where(cache):
    with pytest.raises(SystemExit, match=r"(?s)could not be downloaded.*cifar-10-binary\.tar\.gz.*" + re.escape(str(cache))):
        run("cifar10.py")

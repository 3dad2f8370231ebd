"""The GPU program runs on a CPU at a tiny size and learns; without the real images it reports no accuracy, and says why."""

import dataclasses
import json

import numpy as np
import pytest

from bench import cifar94, gpu

TINY = cifar94.Recipe(rows=96, test_rows=32, epochs=2, batch=32, widths=(8, 8, 8))


@pytest.fixture(scope="module")
def result():
    return gpu.cifar(TINY, 1, synthetic=True)


def test_every_run_fits_and_evaluates_in_half_precision(result):
    assert result["recipe"]["policy"] == "mixed_bfloat16"
    for run in (result["cold"], *result["warm"]):
        assert len(run["losses"]) == TINY.epochs and np.isfinite(run["losses"]).all()


def test_a_warm_run_compiles_no_step(result):
    assert "jit(in_loop)" in result["cold"]["fit_programs"]
    assert all("jit(in_loop)" not in run["fit_programs"] for run in result["warm"])


def test_synthetic_images_give_times_and_no_accuracy(result):
    assert not any("accuracy" in run for run in (result["cold"], *result["warm"]))
    text = gpu.markdown(
        {"device": {"name": "a device"}, "date": "a day", "jax": "0", "reduced": True, "cifar": result, "table": []}
    )
    assert "none: synthetic images" in text and "94%" not in text


def test_missing_images_are_refused(monkeypatch):
    def absent():
        raise OSError("no such file")

    monkeypatch.setattr("jkeras.datasets.cifar10.load_data", absent)
    with pytest.raises(SystemExit, match="--synthetic"):
        gpu.data(TINY, synthetic=False)


def test_the_goal_is_reached_by_the_mean_over_seeds():
    run = {"fit_seconds": 3.0, "fit_compile_seconds": 1.0, "evaluate_seconds": 1.0}
    found = {"recipe": {"epochs": 9}, "synthetic": False, "cold": run}
    for accuracies, expected in (((0.93, 0.952), "2.00 s"), ((0.93, 0.949), "not reached in 9 epochs")):
        pairs = dict(gpu.findings({**found, "warm": [{**run, "accuracy": a} for a in accuracies]}))
        assert pairs["time to a mean of 94%"] == expected


def test_whitened_patches_have_unit_covariance():
    images = np.random.default_rng(0).integers(0, 256, (300, 32, 32, 3)).astype("uint8")
    kernel = cifar94.whitening_kernel(images, epsilon=0.0)
    x = (images - np.array(cifar94.MEAN)) / np.sqrt(cifar94.VARIANCE)
    patches = np.concatenate([x[:, i : 31 + i, j : 31 + j] for i in (0, 1) for j in (0, 1)], -1).reshape(-1, 12)
    white = patches @ kernel.reshape(12, 24)[:, :12]
    np.testing.assert_allclose(white.T @ white / len(white), np.eye(12), atol=1e-3)


def test_groups_begin_as_identities():
    import jax

    kernel = cifar94.FirstIdentity()((3, 3, 4, 6), "float32", key=jax.random.key(0))
    x = np.random.default_rng(0).normal(size=(1, 5, 5, 4)).astype("float32")
    y = jax.lax.conv_general_dilated(x, kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))
    np.testing.assert_allclose(y[..., :4], x, atol=1e-6)
    assert abs(np.asarray(kernel[..., 4:])).max() <= 1 / 6


def test_the_learning_rate_is_a_triangle():
    schedule = cifar94.Triangle(2.0, 100)
    assert [round(float(schedule(step)), 4) for step in (0, 23, 100)] == [0.4, 2.0, 0.14]


@pytest.mark.parametrize(("platform", "reduced"), (("cpu", True), ("gpu", False)))
def test_a_machine_without_a_gpu_gets_the_reduced_run_and_is_told(platform, reduced, monkeypatch, tmp_path, capsys):
    ran = []

    def stub(recipe, seeds, synthetic):
        ran.append((recipe, seeds))
        run = {"fit_seconds": 3.0, "fit_compile_seconds": 1.0, "evaluate_seconds": 1.0, "accuracy": 0.95}
        return {"recipe": dataclasses.asdict(recipe), "synthetic": synthetic, "cold": run, "warm": [run] * seeds}

    monkeypatch.setattr(gpu, "device", lambda: {"platform": platform, "name": "a device"})
    monkeypatch.setattr(gpu, "cifar", stub)
    gpu.main(["--no-table", "--out", str(tmp_path)])
    assert ran == [(cifar94.REDUCED, 1) if reduced else (cifar94.Recipe(), 5)]
    assert ("No GPU here" in capsys.readouterr().out) == reduced
    assert json.loads((tmp_path / "gpu.json").read_text())["reduced"] == reduced
    assert (tmp_path / "gpu.md").read_text().startswith("## a device")


def test_a_recipe_has_whole_batches():
    with pytest.raises(ValueError, match="multiple"):
        cifar94.Recipe(rows=1500)

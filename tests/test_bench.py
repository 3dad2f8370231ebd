"""The bench runs, its libraries reach the same losses, and its page agrees with its JSON. These tests judge no times."""

import json
import re
from collections import Counter

import jax
import jax.numpy as jnp
import pytest

import jkeras
from bench import __main__ as command
from bench import bars, flops, harness, lowered, machine, picture, profile, report, summary
from bench.libraries import plain_jax
from bench.workload import LIBRARIES
from bench.workloads import NAMES, TRAINING, workload


def measured(**times):
    """Results in which each library took a given time on the table's workload."""
    runs = {lib: [{"idle": 1.0, "start": 1.0, "seconds": [t, t, 9 * t], "losses": [0.7, 0.5]}] for lib, t in times.items()}
    stamp = {"date": "2020-01-01", "commit": "abc", "rounds": 1}
    row = {"title": "table", "sizes": "small", "measures": "epoch", "flop": 2e9, **stamp, "runs": runs}
    about = {"processor": "P", "cores": 2, "memory_gb": 4, "system": "Linux"}
    return {"machine": about, "versions": {"jax": "1"}, "peak_flops": 4e9, "workloads": {"table": row}}


def test_the_command_measures_a_table_and_writes_page_json_and_picture(tmp_path):
    given = ["--quick", "--only", "table", "--libraries", "jkeras,keras,scan", "--out", str(tmp_path)]
    assert command.main(given) == 0, (tmp_path / "RESULTS.md").read_text()
    kept = json.loads((tmp_path / "results" / "latest.json").read_text())
    runs = kept["workloads"]["table"]["runs"]
    assert list(runs) == ["jkeras", "keras", "scan"]
    assert all(len(run["seconds"]) == 1 and len(run["losses"]) == 2 for (run,) in runs.values())
    page = (tmp_path / "RESULTS.md").read_text()
    ratio = summary.ratio(kept, "table", "jkeras", "keras")
    assert f"{ratio:.2f}" in page and "(≤ 0.08) of Keras 3 on JAX" in page
    assert (tmp_path / "bench.svg").read_text().startswith("<?xml")


@pytest.mark.parametrize("name", NAMES)
def test_each_workload_can_be_had_by_name_and_states_its_sizes(name):
    task = workload(name)
    assert task.name == name and task.sizes() and set(task.libraries) <= set(LIBRARIES)


@pytest.mark.parametrize("name", TRAINING)
def test_the_rows_fill_whole_batches(name):
    task = workload(name)
    assert task.count(quick=False) > task.count(quick=True) > 0


@pytest.mark.parametrize(("own", "verdict"), [(0.007, "met"), (0.009, "**not met**")])
def test_the_page_says_which_bars_are_met(own, verdict):
    page = report.page(measured(jkeras=own, keras=0.1, scan=0.1))
    figure = f"{own / 0.1:.2f}" if verdict == "met" else f"**{own / 0.1:.2f}**"
    assert f"| table | {figure} (≤ 0.08) of Keras 3 on JAX; {own / 0.1:.2f} (≤ 1.10) of hand-written scan | {verdict} |" in page
    assert "Not measured on this machine: MNIST MLP, batch 32; " in page and "MLP" not in report.beside(
        measured(jkeras=own, keras=0.1)
    )


def test_the_page_is_short_with_everything_on_it():
    results = measured(**dict.fromkeys(LIBRARIES, 1.0))
    (row,) = results["workloads"].values()
    runs = {lib: [{**row["runs"][lib][0], "copies": 1.0, "busy": 0.8, "own_mb": 2e3, "whole_mb": 9.0}] for lib in LIBRARIES}
    results["workloads"] = {name: {**row, "title": name, "runs": runs} for name in NAMES}
    page = report.page(results, [("title", "path")] * 12)
    assert page.count("\n") <= 120 and "**80%** (≥ 90%) of the cores busy" in page and "**2000** MB (≤ 1536) of memory" in page
    assert "| memmap_64gb | 9 MB |" in report.data_page(results)
    assert set(report.shown(results).split()) >= {*NAMES}


@pytest.mark.parametrize(("own", "verdict"), [(0.55, "met"), (0.65, "**not met**")])
def test_the_page_has_a_line_for_reading_a_network_and_another_page_all_its_bars(own, verdict):
    results = measured(jkeras=1.0)
    libraries = {"jkeras": (own, 0.5, 2e-4), "keras": (1.0, 1.0, 5e-4), "torch": (0.8, 0.8, 1e-3), "optax": (None, None, 2.2e-4)}
    fields = ("seconds", "evaluate", "one")
    runs = {lib: [{"idle": 1.0} | {f: t for f, t in zip(fields, times) if t}] for lib, times in libraries.items()}
    results["workloads"] = {"cnn_inference": results["workloads"]["table"] | {"title": "inference: CNN", "runs": runs}}
    strictest = "of the strictest of 6 bars: predict all rows, Keras 3 on JAX"
    share = f"{own / 0.6:.2f}" if own < 0.6 else f"**{own / 0.6:.2f}**"
    assert f"| inference: CNN | {share} (≤ 1.00) {strictest} | {verdict} |" in report.page(results)
    page = report.inference(results)
    assert f"| inference: CNN | predict all rows | Keras 3 on JAX | {own * 1e3:.0f} ms | 600 ms | {verdict} |" in page
    assert "| inference: CNN | predict one row | a compiled call + 60 µs | 200 µs | 280 µs | met |" in page


def test_figures_are_medians_and_the_best_peer_is_the_fastest():
    results = measured(jkeras=1.0, torch=3.0, optax=2.0, scan=4.0)
    assert summary.median(results, "table", "jkeras") == 1.0
    assert summary.best(results, "table") == ("optax", 2.0)
    assert "| table | 2 | 2 |" in report.details(results) and "50%" in report.details(results)


def test_the_page_warns_of_noise_failures_and_other_losses():
    results = measured(jkeras=1.0, keras=1.0)
    row = results["workloads"]["table"]["runs"]
    row["jkeras"][0]["idle"], row["keras"][0]["losses"] = 0.5, [9.0, 0.9]
    row["torch"] = [{"idle": 1.0, "failed": "no module"}]
    page = report.page(results)
    assert "1 of 3 processes started on a machine that was not quiet" in page
    assert "table on PyTorch failed: no module" in page and "**DISAGREE**" in report.details(results)


def test_libraries_take_turns_and_one_that_failed_is_not_tried_again(monkeypatch):
    seen = []

    def start(module, name, library, *flags, settings):
        seen.append(library)
        return {"failed": "x"} if library == "torch" else {"seconds": [1.0]}

    monkeypatch.setattr(harness, "start", start)
    monkeypatch.setattr(machine, "wait_until_quiet", lambda patience: 1.0)
    chosen = ["jkeras", "keras", "torch"]
    taken = harness.measure(workload("table"), chosen, 2, quick=False, patience=0, say=lambda line: None)
    assert seen == ["jkeras", "keras", "torch", "jkeras", "keras"]
    assert [len(runs) for runs in taken.values()] == [2, 2, 1]


def test_a_process_that_fails_leaves_its_last_line():
    assert re.search(r"KeyError|ModuleNotFoundError", harness.start("bench.worker", "nowhere", "jkeras")["failed"])


def test_new_rows_replace_old_ones_only_on_the_same_machine():
    old, new = measured(jkeras=1.0), measured(jkeras=2.0)
    old["workloads"]["mlp"] = old["workloads"]["table"]
    assert set(harness.merged(old, new)["workloads"]) == {"table", "mlp"}
    assert summary.median(harness.merged(old, new), "table", "jkeras") == 2.0
    assert set(harness.merged({**old, "versions": {"jax": "0"}}, new)["workloads"]) == {"table"}
    assert harness.merged({**old, "peak_flops": 1}, {**new, "peak_flops": 2})["peak_flops"] == 2
    without_epochs = {**new, "workloads": {"memory": {}}, "peak_flops": 2}
    assert harness.merged({**old, "peak_flops": 1}, without_epochs)["peak_flops"] == 1


def test_another_machine_stands_beside_the_first(tmp_path, monkeypatch):
    found = [measured(jkeras=1.0, keras=20.0), measured(jkeras=1.0, keras=2.0)]
    found[1]["machine"] = {**found[1]["machine"], "processor": "Q (R) 2"}
    monkeypatch.setattr(harness, "table", lambda *args, **options: found[0])
    assert command.main(["--only", "table", "--out", str(tmp_path)]) == 0
    found.pop(0)
    assert command.main(["--only", "table", "--out", str(tmp_path)]) == 0
    kept = {path.name: json.loads(path.read_text())["machine"]["processor"] for path in (tmp_path / "results").glob("*.json")}
    assert kept == {"latest.json": "P", "beside-q-r-2.json": "Q (R) 2"}
    first, other = (tmp_path / "RESULTS.md").read_text(), (tmp_path / "results" / "beside-q-r-2.md").read_text()
    assert "* [Another machine: Q (R) 2](results/beside-q-r-2.md)" in first
    assert "| table | 0.05 (≤ 0.08) of Keras 3 on JAX | met |" in first
    assert "| table | **0.50** (≤ 0.08) of Keras 3 on JAX | **not met** |" in other and "Q (R) 2, 2 cores" in other


def test_quick_figures_never_replace_real_ones():
    quick = command.arguments(["--quick"])
    assert not quick.out.is_relative_to(machine.ROOT) and "resnet20" not in quick.only and "jpeg_folder" in quick.only
    assert command.arguments([]).only == list(NAMES) and command.arguments(["--quick", "--only", "gan"]).only == ["gan"]


def test_operations_of_products_convolutions_and_loops_are_counted():
    def loop(x, w):
        return jax.lax.scan(lambda x, _: (jax.jit(jnp.matmul)(x, w), None), x, None, length=5)[0]

    program = jax.make_jaxpr(loop)(jnp.ones((3, 4)), jnp.ones((4, 4)))
    assert flops.operations(program.jaxpr) == 5 * 2 * 3 * 4 * 4
    picture_, kernel = jnp.ones((2, 8, 8, 3)), jnp.ones((5, 5, 3, 7))
    program = jax.make_jaxpr(plain_jax.conv)(picture_, kernel)
    assert flops.operations(program.jaxpr) == 2 * (2 * 8 * 8 * 7) * (5 * 5 * 3)


@pytest.mark.parametrize("padding", ["SAME", "VALID"])
@pytest.mark.parametrize("strides", [1, 2])
def test_the_hand_written_convolution_is_the_convolution(padding, strides):
    a, b = jax.random.split(jax.random.key(0))
    x, kernel = jax.random.normal(a, (2, 9, 8, 3)), jax.random.normal(b, (3, 3, 3, 5))
    wanted = plain_jax.conv(x, kernel, strides, padding)
    assert jnp.allclose(plain_jax.patch_conv(x, kernel, strides, padding), wanted, atol=1e-4)


def test_the_picture_holds_every_workload_that_has_a_keras_figure(tmp_path):
    assert picture.draw(measured(jkeras=1.0, keras=2.0, torch=9.0), tmp_path / "a.svg")
    assert not picture.draw(measured(jkeras=1.0), tmp_path / "b.svg")


def test_each_bar_is_about_a_workload_of_the_table():
    assert {bar.workload for bar in bars.BARS} <= set(NAMES)


def test_the_profile_says_where_the_time_goes(tmp_path, capsys):
    profile.main(["table", "--quick", "--markdown", str(tmp_path / "profile.md")])
    page = (tmp_path / "profile.md").read_text()
    assert page == capsys.readouterr().out
    (row,) = [line for line in page.splitlines() if line.startswith("| table")]
    shares = [int(cell.strip("% ")) for cell in row.split("|")[2:-1]]
    assert 98 <= sum(shares[:-1]) <= 102 and shares[0] > 0


def test_operations_are_told_apart_by_their_names():
    found = {
        "ynn_fusion": 1.0,
        "dot": 2.0,
        "convolution": 4.0,
        "convert_fusion": 8.0,
        "copy_bitcast_fusion": 16.0,
        "wrapped_reduce": 32.0,
    }
    assert list(profile.by_kind(Counter(found)).values()) == [3.0, 4.0, 16.0, 32.0, 8.0]


def test_a_program_for_accelerators_is_checked():
    task = workload("mlp")
    x, y = task.data(2 * task.batch)
    y, model = task.keras_targets(y), task.model(jkeras)
    text = lowered.lowered(model, x, y, task.batch, "cuda")
    assert set(lowered.checks(text, model, "float32").values()) == {""}
    assert re.fullmatch(r"\d+ products in float32", lowered.checks(text, model, "mixed_bfloat16")["bfloat16"])
    on_cpu = lowered.checks(lowered.lowered(model, x, y, task.batch, "cpu"), model, "float32")
    assert on_cpu["of a CPU"] and on_cpu["one loop"] == ""
    given = text.replace("tf.aliasing_output", "").replace("jax.buffer_donor", "")
    assert lowered.checks(given + "python_callback", model, "float32") | {"bfloat16": ""} == {
        "of a CPU": "",
        "calls the host": "callback",
        "in place": f"0 of {len(model.weights)} weights",
        "one loop": "",
        "bfloat16": "",
    }

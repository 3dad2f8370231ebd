"""The documents that specify jkeras: their code runs unchanged, cell by cell, and prints what they show."""

import importlib.util
import json
import os
import re
import resource
import shutil
import subprocess
import sys
import types
from pathlib import Path

import documents
import numpy as np
import pytest
from documents import cells, compat_in, form, run, tables, write_data

import jkeras

pytest.importorskip("matplotlib").use("Agg")
pytest.importorskip("sklearn")
if not documents.FOLDER.is_dir():
    pytest.skip("the documents do not lie beside the checkout", allow_module_level=True)

pytestmark = [pytest.mark.uncached, pytest.mark.filterwarnings("ignore:.*non-interactive")]


def lines(text):
    return [line.rstrip() for line in text.splitlines()]


def forms(text_or_lines):
    rows = text_or_lines.splitlines() if isinstance(text_or_lines, str) else text_or_lines
    return [form(row) for row in rows]


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    pytest.importorskip("PIL")
    if not documents.DATA.is_dir():
        pytest.skip("the images do not lie beside the checkout")
    folder = tmp_path_factory.mktemp("home")
    write_data(folder)
    return folder


# The clinical trial: a table, a small network, a confusion matrix, files.


@pytest.fixture(scope="module")
def trial(tmp_path_factory):
    found = cells(0, r"```python\s*")
    folder = tmp_path_factory.mktemp("trial")
    np.random.seed(0)
    with compat_in(folder):
        space = {"__name__": "__main__"}
        results = [run(cell, space) for cell in found]
        yield types.SimpleNamespace(cells=found, results=results, space=space, folder=folder)


def having(document, text, start=0):
    """The number of the first cell from `start` on whose code has a text."""
    return next(i for i, cell in enumerate(document.cells) if i >= start and text in cell.code)


def test_trial_summaries_are_those_of_the_document(trial):
    counted = [i for i, cell in enumerate(trial.cells) if "summary()" in cell.code]
    assert len(counted) == 4
    shown = tables(trial.cells[counted[0]].shown)
    for i in counted:
        assert tables(lines(trial.results[i][0])) == shown
    # The document's second one was retyped with different spaces; the words are the same.
    words = [" ".join(tables(trial.cells[i].shown)[0].replace("_", "").replace("=", "").split()) for i in counted]
    assert len(set(words)) == 1


@pytest.mark.parametrize("which, validated", [("shuffle=True, verbose=2", False), ("validation_split=0.1", True)])
def test_trial_prints_one_line_an_epoch(trial, which, validated):
    i = having(trial, which)
    printed, history = trial.results[i]
    shown = [line for line in trial.cells[i].shown if re.match(r"Epoch|\d", line)]
    # Epochs 1 to 3, and 28 to 30; the document has dots in between.
    assert forms(printed)[:6] == forms(shown)[:6]
    assert forms(printed)[-6:] == forms(shown)[-6:]
    assert lines(printed)[::2] == [f"Epoch {n}/30" for n in range(1, 31)]
    assert {line.partition(" ")[0] for line in lines(printed)[1::2]} == {"189/189" if validated else "210/210"}
    assert not re.search(r"[\r\b\x1b]", printed)
    assert re.fullmatch(r"<jkeras\S*\.History object at 0x[0-9a-f]+>", repr(history))


def test_trial_learns_what_is_in_the_data(trial):
    matrix = trial.space["cm"]
    assert matrix.shape == (2, 2) and matrix.sum() == 420
    assert np.trace(matrix) / matrix.sum() > 0.85
    printed = trial.results[having(trial, "plot_confusion_matrix(cm=cm")][0]
    shown = next(line for line in trial.cells[having(trial, "plot_confusion_matrix(cm=cm")].shown if "Confusion" in line)
    assert lines(printed)[0] == shown.rstrip()


def test_trial_without_a_gpu_goes_on(trial):
    i = having(trial, "list_physical_devices")
    shown = next(line for line in trial.cells[i].shown if "GPU" in line)
    assert form(trial.results[i][0]) == form(shown)


def test_trial_predictions_are_rows_of_float32(trial):
    predictions = trial.space["predictions"]
    assert isinstance(predictions, np.ndarray) and predictions.dtype == np.float32 and predictions.shape == (420, 2)
    printed = lines(trial.results[having(trial, "for i in predictions")][0])
    assert all(re.fullmatch(r"\[\s*[\d.e-]+\s+[\d.e-]+\s*\]", line) for line in printed)


def test_trial_files_hold_the_model(trial):
    space = trial.space
    shapes = [(1, 16), (16,), (16, 32), (32,), (32, 2), (2,)]
    for name in ("new_model", "model2"):
        weights = space[name].get_weights()
        assert [w.shape for w in weights] == shapes and {w.dtype for w in weights} == {np.dtype("float32")}
        for ours, original in zip(weights, space["model"].get_weights(), strict=True):
            np.testing.assert_array_equal(ours, original)
    assert re.fullmatch(r"<jkeras\S*\.Adam object at 0x[0-9a-f]+>", repr(space["new_model"].optimizer))
    assert float(space["new_model"].optimizer.learning_rate) == pytest.approx(1e-4)


def test_trial_json_has_the_structure_of_the_document(trial):
    i = having(trial, "json_string", having(trial, "to_json()") + 1)
    shown = json.loads(next(line for line in trial.cells[i].shown if line.startswith("'{")).strip().strip("'"))
    ours = json.loads(trial.results[i][1])
    assert ours["class_name"] == shown["class_name"] and ours["config"]["name"] == shown["config"]["name"]
    for mine, theirs in zip(ours["config"]["layers"], shown["config"]["layers"], strict=True):
        assert mine["class_name"] == theirs["class_name"]
        same = {"name", "units", "activation", "use_bias", "trainable", "kernel_regularizer", "bias_constraint"}
        assert {k: mine["config"].get(k) for k in same} == {k: theirs["config"].get(k) for k in same}
    # The document's own text makes the model, and its summary.
    built = jkeras.models.model_from_json(json.dumps(shown))
    printed = []
    built.summary(print_fn=lambda line, *_: printed.append(line.rstrip()))
    assert tables(printed) == tables(trial.cells[having(trial, "model.summary()")].shown)


# First programs: regression, two classes, three classes, digits.


@pytest.fixture(scope="module")
def first_programs(tmp_path_factory, home):
    found = cells(1, r"```py\s*")
    with compat_in(tmp_path_factory.mktemp("first"), home):
        results, spaces = [], []
        short = {0: [("= 1000,", "= 40,")], 1: [("= 10000,", "= 60,")], 3: [("epochs = 5,", "epochs = 3,")]}
        for number, cell in enumerate(found):
            if number not in short:  # it runs at full size below
                spaces.append({})
                results.append(("", None))
                continue
            jkeras.utils.set_random_seed(1)
            spaces.append({"__name__": "__main__"})
            results.append(run(cell, spaces[-1], short[number]))
        yield types.SimpleNamespace(cells=found, results=results, spaces=spaces)


def counts(table):
    """Layers, shapes and numbers of a summary; the document wrote notes and other rules into its own."""
    rows = re.findall(r"^\s*\w+ \((\w+)\)\s+(\(None, \d+\))\s+(\d+)", table, re.MULTILINE)
    return rows, re.findall(r"params: ([\d,]+)", table)


@pytest.mark.parametrize("program", [0, 1, 3])
def test_first_programs_summaries(first_programs, program):
    shown = tables(first_programs.cells[program].shown)[0]
    ours = tables(lines(first_programs.results[program][0]))[0]
    assert counts(ours) == counts(shown) and counts(ours)[0]
    # The headers are the same except for spaces: the document's lost one on the left.
    assert [line.split() for line in ours.splitlines()[2:4]] == [
        line.replace("[W + b]", "").split() for line in shown.splitlines()[2:4]
    ]


def test_first_programs_weights_and_predictions(first_programs):
    space = first_programs.spaces[0]
    assert [w.shape for w in space["model"].get_weights()] == [(1, 1), (1,)]
    printed = first_programs.results[0][0]
    shown = [line for line in first_programs.cells[0].shown if "[=" in line]
    bars = [line for line in lines(printed) if "[=" in line]
    assert forms(bars) == forms(shown)  # verbose=0 in fit, a bar in predict, without results after it
    assert re.search(r"^\[array\(\[\[\s*-?[\d.]+\]\], dtype=float32\), array\(\[\s*-?[\d.]+\], dtype=float32\)\]$", printed, re.M)
    assert re.search(r"^\[\[-?[\d.]+\]\]$", printed, re.M)


def check_bars_of_one_step(printed, epochs):
    assert printed[: 2 * epochs : 2] == [f"Epoch {n}/{epochs}" for n in range(1, epochs + 1)]
    number = r"\d\.\d{4}(e[-+]\d\d)?"  # Keras prints 0 as 0.0000e+00
    bar = re.compile(rf"1/1 \[{'=' * 30}\] - \d+s \d+(us|ms|s)/step - loss: {number} - accuracy: {number}")
    assert all(bar.fullmatch(line) for line in printed[1 : 2 * epochs : 2])


def test_first_programs_bars_of_one_step(first_programs):
    check_bars_of_one_step(lines(first_programs.results[1][0]), 60)


def test_ten_thousand_epochs_on_seven_rows_from_the_command_line(tmp_path):
    (tmp_path / "rows.py").write_text(cells(1, r"```py\s*")[2].code, encoding="utf-8")
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    environment = {**os.environ, "PYTHONPATH": str(Path(jkeras.__file__).parents[1]), "KERAS_HOME": str(tmp_path)}
    command = [sys.executable, "-m", "jkeras", "rows.py"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.returncode == 0, done.stderr[-2000:]
    printed = lines(done.stdout)
    check_bars_of_one_step(printed, 10_000)
    assert tables(printed)[0].splitlines()[-4:-1] == ["Total params: 15", "Trainable params: 15", "Non-trainable params: 0"]
    assert re.fullmatch(r"argmax : +[0-2]", printed[-1]) and re.fullmatch(r"\[\[\s*\S+\s+\S+\s+\S+\s*\]\]", printed[-2])
    assert "\r" not in done.stdout and "\x1b" not in done.stdout and "\b" not in done.stdout
    # Training takes five seconds on an idle machine; this times the whole process, on a shared one.
    assert after.ru_utime - before.ru_utime < 20


def test_digits_bars_are_those_of_the_document(first_programs):
    document, (printed, _) = first_programs.cells[3], first_programs.results[3]
    shown = [line for line in document.shown if re.match(r"Epoch|\d+/\d+ \[", line)]
    ours = [line for line in lines(printed) if re.match(r"Epoch|\d+/\d+ \[", line)]
    assert forms(ours) == [*forms(shown)[:6], forms(shown)[-1]]  # three epochs of five, and the evaluation
    assert [line.partition(" ")[0] for line in ours[1::2]] == ["8/8"] * 3  # 256 images here
    losses = [float(re.search(r"loss: ([\d.]+)", line)[1]) for line in ours[1:6:2]]
    assert losses[0] > losses[1] > losses[2]
    assert 0 < float(re.search(r"Accuracy: +([\d.]+)", printed)[1]) < 1


# An overview: three ways to write a model, training, callbacks.

_SMALLER = {
    "get_model(ch_in": [
        ("epochs=10,", "epochs=2,"), ("[:5000]", "[:256]"), ("[-1000:]", "[-64:]"), ("[:-1000]", "[:-64]"), ("[:1000]", "[:32]"),
        ("Conv2D(32", "Conv2D(4"), ("Conv2D(64", "Conv2D(4"), ("Dense(128", "Dense(8"),
    ],
    "np.random.choice(": [("size=32", "size=2")],
    "my_callbacks": [
        # Nothing counts as an improvement, and patience is a fifth: what happened in epochs 6 and 11 happens in 2 and 3.
        ("patience=5", "patience=1, min_delta=10"), ("patience=10, min_delta=0.001", "patience=2, min_delta=10"),
    ],
}  # fmt: skip


def output_of(cell, gaps=False):
    """What a cell shows in this document, where output is indented by four; with `gaps` the empty lines between as well."""
    return [line.strip() for line in cell.shown[1:] if line.startswith("    ") or (gaps and not line)]


@pytest.fixture(scope="module")
def overview(tmp_path_factory, home):
    found = cells(2, r"\{% highlight python %\}", r"\{% endhighlight %\}")
    folder = tmp_path_factory.mktemp("overview")
    with compat_in(folder, home):
        space, results = {"__name__": "__main__"}, []
        for cell in found:
            short = next((rows for mark, rows in _SMALLER.items() if mark in cell.code), ())
            results.append(run(cell, space, short))
        yield types.SimpleNamespace(cells=found, results=results, space=space, folder=folder)


def test_overview_summaries_to_the_character(overview):
    shown = [table for cell in overview.cells for table in tables(cell.shown)]
    ours = [table for printed, _ in overview.results for table in tables(lines(printed))]
    assert len(shown) == 6
    assert ours == shown


def test_overview_prints_a_layer_as_an_object(overview):
    i = having(overview, "model2.pop()")
    shown = next(line.strip() for line in overview.cells[i].shown if "object at" in line)
    ours = next(line for line in lines(overview.results[i][0]) if "object at" in line)
    assert re.fullmatch(r"2-index layer: <jkeras\.[\w.]*Dense object at 0x[0-9a-f]+>", ours)
    assert ours.partition("<")[0] == shown.partition("<")[0]
    # summary() returns None, which the document prints too.
    assert lines(overview.results[i][0]).count("None") == sum(line.strip() == "None" for line in overview.cells[i].shown)


def test_overview_version_has_the_form_of_one(overview):
    ours = overview.results[having(overview, "__version__")][0]
    assert re.search(r": \d+\.\d+\.\d+$", ours.strip())


def test_overview_bars_end_with_the_validation(overview):
    i = having(overview, "def get_model")
    shown = [line for line in overview.cells[i].shown if line.strip()]
    assert forms(overview.results[i][0]) == forms(shown)[:4]


def test_overview_history_and_evaluation(overview):
    i = having(overview, "hist.history.keys()")
    assert lines(overview.results[i][0]) == output_of(overview.cells[i])
    i = having(overview, "model.evaluate")
    shown = output_of(overview.cells[i])
    printed = lines(overview.results[i][0])
    assert form(printed[0]) == form(shown[0])
    assert re.fullmatch(r".* \[\d\.\d+, \d\.\d+\]", printed[1]) and printed[1][:3] == shown[1][:3]
    assert overview.space["pred"].shape == (32, 10) and overview.space["pred"].dtype == np.float32


def test_overview_callbacks_speak_below_the_bar(overview):
    i = having(overview, "my_callbacks")
    printed = lines(overview.results[i][0])
    shown = output_of(overview.cells[i], gaps=True)
    # Epochs 1 and 2 of the run match 1 and 6 of the document, and the third and last matches its eleventh.
    document = [*shown[:4], *between(shown, "Epoch 6/", "Epoch 7/"), *between(shown, "Epoch 11/", "<tensorflow")]
    assert forms(printed) == forms(document)
    # The reduced rates have the document's digits.
    rates = [re.search(r"learning rate to (\S+)\.$", line)[1] for line in shown if "ReduceLROnPlateau" in line]
    ours = [line for line in printed if "ReduceLROnPlateau" in line]
    assert ours == [
        f"Epoch {n:05d}: ReduceLROnPlateau reducing learning rate to {r}." for n, r in zip((2, 3), rates, strict=True)
    ]
    assert printed[-1] == "Epoch 00003: early stopping"
    files = sorted(path.name for path in (overview.folder / "weights").iterdir())
    assert [name[:3] for name in files] == ["01-", "02-", "03-"]


def between(rows, start, end):
    """The rows from the first that begins with `start` to before the next that begins with `end`, no gap at the end."""
    first = next(i for i, row in enumerate(rows) if row.startswith(start))
    last = next((i for i, row in enumerate(rows) if i > first and row.startswith(end)), len(rows))
    while not rows[last - 1]:
        last -= 1
    return rows[first:last]


def test_overview_saved_files_are_models(overview):
    path = sorted((overview.folder / "weights").iterdir())[0]
    x, y = (overview.space[name] for name in ("x_test", "y_test"))
    score = jkeras.models.load_model(path).evaluate(x, y, verbose=0)
    assert len(score) == 2 and f"{score[0]:.2f}" != "nan"


# Digits in two kinds of model, with the old module names.


class _Digits:
    """What the document's own helper module offers, of which it shows only the use."""

    img_size, img_size_flat, img_shape, img_shape_full, num_classes, num_channels = 28, 784, (28, 28), (28, 28, 1), 10, 1

    def __init__(self, data_dir):
        (x, y), (x_test, y_test) = jkeras.datasets.mnist.load_data()
        self.x_train, self.x_test = (a.reshape(len(a), -1).astype("float32") / 255 for a in (x, x_test))
        self.y_train, self.y_test = (jkeras.utils.to_categorical(a, 10) for a in (y, y_test))


def test_old_module_names_and_pictures_of_kernels(tmp_path, home, monkeypatch):
    module = types.ModuleType("mnist")
    module.MNIST = _Digits
    monkeypatch.setitem(sys.modules, "mnist", module)
    found = cells(3, r"\s*```\s*")
    space, results = {"__name__": "__main__"}, []
    with compat_in(tmp_path, home):
        for cell in found:
            if "model3.summary()" in cell.code:  # the document loads it from a file in a part that it does not show
                space["model2"].save("model.keras")
                space["model3"] = jkeras.models.load_model("model.keras")
            results.append(run(cell, space))
    document = types.SimpleNamespace(cells=found)
    bars = results[having(document, "model.fit(")][0], results[having(document, "model.evaluate(")][0]
    assert re.fullmatch(rf"2/2 \[{'=' * 30}\] - \d+s \d+\w+/step - loss: \S+ - accuracy: \S+\n", bars[0])
    assert re.fullmatch(rf"8/8 \[{'=' * 30}\] - \d+s \d+\w+/step - loss: \S+ - accuracy: \S+\n", bars[1])
    assert len(space["result"]) == 2 and space["optimizer"].learning_rate == pytest.approx(1e-3)
    assert space["weights_conv1"].shape == (5, 5, 1, 16)
    assert type(space["layer_conv1"]).__name__ == "Conv2D" and space["layer_conv1"].name == "layer_conv1"
    rows = re.findall(r"^(\w+) \(", results[having(document, "model3.summary()")][0], re.MULTILINE)
    names = ["reshape_1", "layer_conv1", "max_pooling2d_2", "layer_conv2", "max_pooling2d_3", "flatten_1", "dense_2", "dense_3"]
    assert rows == ["Layer", "input_2", *names]


# Course notes: TensorFlow 1 code, a table, charts.


def statements(number):
    """The calls that a document quotes within its sentences."""
    path = next(documents.FOLDER.glob(f"{number:03d}_*.txt"))
    quoted = (re.search(r": `?((?:model|print)\b.*\))", line) for line in path.read_text(encoding="utf-8").splitlines())
    return [match[1] for match in quoted if match]


def test_course_notes_run_in_order(tmp_path, monkeypatch):
    import matplotlib

    pandas = pytest.importorskip("pandas")
    monkeypatch.chdir(tmp_path)
    fonts = tmp_path / "C:" / "Windows" / "Fonts"  # another system's path is a relative one here
    fonts.mkdir(parents=True)
    shutil.copy(f"{matplotlib.get_data_path()}/fonts/ttf/DejaVuSans.ttf", fonts / "malgun.ttf")
    table = pandas.DataFrame(np.random.default_rng(0).normal(size=(60, 18)))
    table[17] = (table[0] > 0).astype(int)
    table.to_csv("survival.csv", header=False, index=False)
    if importlib.util.find_spec("seaborn") is None:
        monkeypatch.setitem(sys.modules, "seaborn", types.ModuleType("seaborn"))
    chart, use, picture, preamble, curves = cells(4, r"\s*```python\s*")
    quoted = statements(4)
    with compat_in(tmp_path):
        space = {"__name__": "__main__"}
        run(preamble, space)
        rows = space["np"].loadtxt("survival.csv", delimiter=",")
        space.update(X=rows[:, :17], Y=rows[:, 17], model=space["Sequential"](), x_data=rows[:10, :17], y_data=rows[:10, 17])
        shown = {}
        for line in quoted:
            if "Dense(1))" in line or "softmax" in line:
                continue  # two of the three last layers that the text offers
            line = line.replace("model.fit(", "hist = model.fit(")
            shown[line.partition("(")[0]] = run(documents.Cell(line, []), space)[0]
        assert space["model"].count_params() == 17 * 100 + 100 + 100 * 40 + 40 + 40 + 1
        fit = shown["hist = model.fit"].splitlines()
        assert fit[::2] == [f"Epoch {n}/10" for n in range(1, 11)] and fit[1].startswith("6/6 [====")
        assert re.search(r"\n Accuracy: \d\.\d{4}$", shown["print"].rstrip())
        space["fig"], space["loss_ax"] = space["plt"].subplots()
        run(chart, space)
        assert [line.get_label() for line in space["acc_ax"].get_lines()] == ["train acc"]
        printed = run(use, space)[0]
        assert "Total params: 5,881" in printed and space["predict_value"].shape == (10, 1)
        space["model"].compile("sgd", "mse", metrics=["acc"])
        space["hist"] = space["model"].fit(space["X"], space["Y"], validation_split=0.5, epochs=1, verbose=0)
        assert list(space["hist"].history) == ["loss", "acc", "val_loss", "val_acc"]
        run(curves, space)
        space.update(x_data=rows[:, 0], y_data=rows[:, 17], y_predict=rows[:, 1])
        run(picture, space)

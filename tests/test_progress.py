"""Progress: the documents' lines, live lines only on a terminal, and hardly any cost per step."""

import io
import os
import re
import subprocess
import sys
import time
from types import SimpleNamespace

os.environ.setdefault("KERAS_BACKEND", "jax")

import inspect

import keras
import numpy as np
import pytest

import jkeras
from jkeras.callbacks import CallbackList, ProgbarLogger, printing, progress
from jkeras.callbacks.progress import Progbar, format_duration, format_eta, format_value

BAR = "=" * 30


class Terminal(io.StringIO):
    writes = 0

    def isatty(self):
        return True

    def write(self, text):
        self.writes += 1
        return super().write(text)


class Clock:
    now = 100.0

    def perf_counter(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(progress, "time", clock)
    return clock


def redirect(monkeypatch, stream):
    # pytest installs its own sys.stdout after the fixtures ran, so the module gets its own `sys`.
    monkeypatch.setattr(printing, "sys", SimpleNamespace(stdout=stream))
    return stream


@pytest.fixture
def terminal(monkeypatch):
    return redirect(monkeypatch, Terminal())


@pytest.fixture
def file(monkeypatch):
    return redirect(monkeypatch, io.StringIO())


def run_epoch(clock, logger, epoch, steps, seconds, logs, final=None):
    logger.on_epoch_begin(epoch)
    for batch in range(steps):
        clock.now += seconds / steps
        logger.on_train_batch_end(batch, logs)
    logger.on_epoch_end(epoch, logs | (final or {}))


def logger_with(**params):
    return CallbackList([ProgbarLogger()], **params)


# Lines as the documents print them: (steps, seconds, verbose, results, line).
DOCUMENTED = [
    (1875, 11, 1, {"loss": 0.6092, "accuracy": 0.8393}, f"1875/1875 [{BAR}] - 11s 6ms/step - loss: 0.6092 - accuracy: 0.8393"),
    (1, 0.053, 1, {}, f"1/1 [{BAR}] - 0s 53ms/step"),
    (
        32, 0.33, 1, {"categorical_accuracy": 0.529, "loss": 1.3558},
        f"32/32 [{BAR}] - 0s 10ms/step - loss: 1.3558 - categorical_accuracy: 0.5290",
    ),
    (210, 0.3, 2, {"loss": 0.6635, "accuracy": 0.5290}, "210/210 - 0s - loss: 0.6635 - accuracy: 0.5290"),
    (
        189, 0.3, 2, {"val_loss": 0.222, "val_accuracy": 0.9524, "loss": 0.2759, "accuracy": 0.936},
        "189/189 - 0s - loss: 0.2759 - accuracy: 0.9360 - val_loss: 0.2220 - val_accuracy: 0.9524",
    ),
]  # fmt: skip


@pytest.mark.parametrize("steps, seconds, verbose, logs, line", DOCUMENTED)
def test_lines_of_the_documents_without_control_characters(clock, file, steps, seconds, verbose, logs, line):
    logger = logger_with(verbose=verbose, epochs=5, steps=steps)
    logger.on_train_begin()
    run_epoch(clock, logger, 0, steps, seconds, logs)
    assert file.getvalue() == f"Epoch 1/5\n{line}\n"


@pytest.mark.parametrize("steps, seconds, verbose, logs, line", DOCUMENTED)
def test_evaluate_and_predict_print_one_line(clock, file, steps, seconds, verbose, logs, line):
    for mode in ("test", "predict"):
        logger = logger_with(verbose=verbose, epochs=1, steps=steps)
        getattr(logger, f"on_{mode}_begin")()
        for batch in range(steps):
            clock.now += seconds / steps
            getattr(logger, f"on_{mode}_batch_end")(batch, logs)
        getattr(logger, f"on_{mode}_end")(logs)
    assert file.getvalue() == f"{line}\n{line.partition(' - loss')[0]}\n"


def test_the_live_line_is_written_over(clock, terminal):
    bar = Progbar(1875, interval=0, stateless_metrics=())
    for current, now in ((1, 0.0), (320, 1.6), (1875, 11)):
        clock.now = 100 + now
        bar.update(current, [("loss", 0.5)])
    lines = terminal.getvalue().split("\r")
    assert lines[2].rstrip() == " 320/1875 [====>.........................] - ETA: 7s - loss: 0.5000"
    assert lines[3] == f"1875/1875 [{BAR}] - 11s 6ms/step - loss: 0.5000\n"


def test_a_shorter_line_covers_the_longer_one(clock, terminal):
    bar = Progbar(10, interval=0, stateless_metrics=())
    bar.update(1, [("loss", 1234567.0)])
    bar.update(2, [("loss", 1.0)])
    first, second = terminal.getvalue().split("\r")[1:]
    assert len(second) == len(first) and second.endswith("loss: 1.0000      ")


def test_an_unknown_end_is_learned(clock, terminal):
    logger = logger_with(verbose=1, epochs=2, steps=None)
    logger.on_train_begin()
    run_epoch(clock, logger, 0, 12, 3.0, {"loss": 0.5})
    first = terminal.getvalue().split("\r")
    assert re.fullmatch(r"     12/Unknown - 3s \d+ms/step - loss: 0.5000 *", first[-2])
    assert first[-1].rstrip() == f"12/12 [{BAR}] - 3s 250ms/step - loss: 0.5000"
    run_epoch(clock, logger, 1, 12, 3.0, {"loss": 0.5})
    assert " 6/12 [==============>...............] - ETA: 1s" in terminal.getvalue()


def test_the_validation_inside_fit_is_silent_and_an_epoch_cut_short_says_so(clock, file):
    logger = logger_with(verbose=1, epochs=1, steps=10)
    logger.on_train_begin()
    logger.on_epoch_begin(0)
    logger.on_train_batch_end(3, {"loss": 1.0})
    logger.on_test_begin()
    logger.on_test_batch_end(9, {"loss": 2.0})
    logger.on_test_end({"loss": 2.0})
    logger.on_epoch_end(0, {"loss": 1.0, "val_loss": 2.0})
    assert file.getvalue() == " 4/10 [===========>..................] - 0s 0s/step - loss: 1.0000 - val_loss: 2.0000\n"
    logger.on_train_end()
    logger.on_test_begin()
    logger.on_test_end({"loss": 2.0})
    assert file.getvalue().count("\n") == 2


def test_chunks_leave_the_compilation_out_of_the_time_per_step(clock, file):
    bar = Progbar(100, stateless_metrics=())
    for current, now in ((10, 5.0), (50, 5.4), (100, 5.9)):
        clock.now = 100 + now
        bar.update(current)
    assert file.getvalue() == f"100/100 [{BAR}] - 6s 10ms/step\n"


def test_verbose_zero_and_auto(clock, file):
    for verbose in (0, "auto"):
        logger = logger_with(verbose=verbose, epochs=2, steps=3)
        run_epoch(clock, logger, 0, 3, 1.5, {"loss": 1.0})
    assert file.getvalue() == f"Epoch 1/2\n3/3 [{BAR}] - 2s 500ms/step - loss: 1.0000\n"


def test_averages_as_keras_averages(clock, file):
    def run(bar):
        for step, (a, b) in enumerate([(1.0, 5.0), (2.0, 6.0), (6.0, 7.0)]):
            bar.update(step + 1, [("a", a), ("b", b)])

    run(Progbar(4, stateful_metrics=["b"]))
    bar = Progbar(3, stateful_metrics=["b"])
    run(bar)
    theirs = keras.utils.Progbar(4, stateful_metrics=["b"], verbose=0)
    run(theirs)
    average = theirs._values["a"][0] / theirs._values["a"][1]
    assert file.getvalue().endswith(f"- a: {average:.4f} - b: 7.0000\n")
    with pytest.raises(ValueError, match="not both"):
        Progbar(3, stateful_metrics=[], stateless_metrics=[])


def test_add_counts_on(clock, file):
    bar = Progbar(4, verbose=2)
    bar.add(2)
    bar.add(2, [("loss", 1.0)])
    assert file.getvalue() == "4/4 - 0s - loss: 1.0000\n"


@pytest.mark.parametrize(
    "seconds, text", [(0, "0s"), (1.4, "1s"), (60, "60s"), (0.0064, "6ms"), (0.00035, "350us"), (0.001, "1ms"), (0.9994, "999ms")]
)
def test_durations_equal_keras(seconds, text):
    assert format_duration(seconds) == text
    assert keras.utils.Progbar(1)._format_time(seconds, "step") == f" {text}/step"


@pytest.mark.parametrize("seconds, text", [(0.4, "0s"), (60, "60s"), (61, "1:01"), (3600, "60:00"), (3661.5, "1:01:01")])
def test_waiting_times(seconds, text):
    assert format_eta(seconds) == text


@pytest.mark.parametrize(
    "value, text",
    [
        (0.60924, "0.6092"), (12.0, "12.0000"), (0.001, "1.0000e-03"), (-0.0005, "-5.0000e-04"), (-0.5, "-0.5000"),
        (0.0, "0.0000e+00"), (float("nan"), "nan"), (float("inf"), "inf"), (np.float32(0.5), "0.5000"),
        (np.array([1.0, 2.0]), "1.5000"), (3, "3.0000"),
    ],
)  # fmt: skip
def test_numbers(value, text):
    assert format_value(value) == text


def test_between_two_writes_nothing_is_read_or_written(clock, terminal):
    class Unreadable:
        def __array__(self, *args, **kwargs):
            raise AssertionError("a result was read between two writes")

    logger = logger_with(verbose=1, epochs=1, steps=1000)
    logger.on_epoch_begin(0)
    logger.on_train_batch_end(0, {"loss": 1.0})
    for batch in range(1, 500):
        clock.now += 0.0001
        logger.on_train_batch_end(batch, {"loss": Unreadable()})
    assert terminal.writes == 1


@pytest.mark.parametrize("stream", ["terminal", "file"])
def test_a_step_costs_microseconds(stream, request):
    request.getfixturevalue(stream)
    logger, logs = logger_with(verbose=1, epochs=1, steps=20_000), {"loss": 0.5, "accuracy": 0.5}
    logger.on_epoch_begin(0)
    start = time.process_time()
    for batch in range(20_000):
        logger.on_train_batch_end(batch, logs)
    assert (time.process_time() - start) / 20_000 < 50e-6  # a few microseconds of this process' own time


def test_the_signature_is_that_of_keras_but_for_the_width():
    ours, theirs = (dict(inspect.signature(cls).parameters) for cls in (Progbar, keras.utils.Progbar))
    assert list(ours) == list(theirs)
    assert {n: p.default for n, p in ours.items() if n != "width"} == {n: p.default for n, p in theirs.items() if n != "width"}


def test_a_notebook_shows_a_live_line(clock, monkeypatch):
    notebook = type("OutStream", (io.StringIO,), {"__module__": "ipykernel.iostream"})
    stream = redirect(monkeypatch, notebook())
    bar = Progbar(10, interval=0)
    bar.update(5)
    assert stream.getvalue() == "\r 5/10 [==============>...............] - ETA: 0s"


def test_a_real_terminal_gets_the_line_written_over_and_a_pipe_whole_lines():
    program = (
        "import time; from jkeras.callbacks.progress import Progbar\nbar = Progbar(3, interval=0)\n"
        "for i in (1, 2, 3): time.sleep(0.01); bar.update(i, [('loss', 0.5)])"
    )
    ours, theirs = os.openpty()
    # One process for both: its first run writes to a pipe, its second to the terminal.
    again = f"sys.stdout = open({theirs}, 'w')\nrun()\nsys.stdout.flush()"
    both = f"import sys\nrun = lambda: exec({program!r}, {{}})\nrun()\n{again}"
    done = subprocess.run([sys.executable, "-c", both], capture_output=True, pass_fds=[theirs], check=False, timeout=120)
    os.close(theirs)
    written = os.read(ours, 10_000).decode().replace("\r\n", "\n")
    os.close(ours)
    last = rf"3/3 \[{BAR}\] - 0s \d+ms/step - loss: 0.5000 *\n"
    lines = done.stdout.decode().splitlines(keepends=True)  # an interval of 0 shows every update
    assert len(lines) == 3 and re.fullmatch(last, lines[2]) and lines[1].startswith("2/3 ["), done.stderr[-2000:]
    rows = written.split("\r")
    assert rows[0] == "" and len(rows) == 4 and re.fullmatch(last, rows[3])
    assert re.fullmatch(r"2/3 \[=+>\.+\] - ETA: 0s - loss: 0.5000 *", rows[2])


def test_without_interactive_logging_lines_go_to_the_log(clock, terminal, caplog):
    assert jkeras.utils.is_interactive_logging_enabled()
    jkeras.utils.disable_interactive_logging()
    try:
        assert not jkeras.utils.is_interactive_logging_enabled()
        with caplog.at_level("INFO", logger="jkeras"):
            logger = logger_with(verbose=1, epochs=2, steps=3)
            run_epoch(clock, logger, 0, 3, 1.5, {"loss": 1.0})
    finally:
        jkeras.utils.enable_interactive_logging()
    assert terminal.getvalue() == ""
    assert [record.getMessage() for record in caplog.records] == ["Epoch 1/2", f"3/3 [{BAR}] - 2s 500ms/step - loss: 1.0000"]

"""The code on the pages runs: the Python blocks of README.md and docs/, page by page, each from top to bottom.

A text block directly below a Python block is its output. An HTML comment `<!-- not run: why -->` on the line before a block
skips it. The objects that a page assumes are made here, anew for each of its blocks.
"""

import re
import textwrap
from pathlib import Path

import jax
import keras
import numpy as np
import pytest

import jkeras
from jkeras import callbacks, layers

ROOT = Path(__file__).parent.parent
PAGES = ["README.md", *sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(
    r"(?P<mark><!-- not run: [^\n]+ -->\n)?^(?P<indent> *)```python\n(?P<code>.*?)^ *```\n(?:\n```text\n(?P<output>.*?)^```\n)?",
    re.S | re.M,
)


def blocks(page):
    """`(line, code, expected output or None)` of the blocks of a page that run."""
    text = (ROOT / page).read_text()
    for match in BLOCK.finditer(text):
        if not match["mark"]:
            yield text.count("\n", 0, match.start("code")), textwrap.dedent(match["code"]), match["output"]


def compiled_model():
    """What docs/performance.md and docs/files-and-safety.md go on from: a model of four layers, trained once, and data."""
    jkeras.utils.set_random_seed(0)
    dense = [layers.Dense(4, activation="relu") for _ in range(3)]
    model = jkeras.Sequential([jkeras.Input((8,)), *dense, layers.Dense(1)])
    model.compile("sgd", "mse")
    x, y = np.random.rand(1024, 8).astype("float32"), np.random.rand(1024, 1).astype("float32")
    model.fit(x, y, verbose=0)
    return {"model": model, "x": x, "y": y, "a": x, "b": y}


def given(page):
    """The names that each block of a page takes for given."""
    if page == "docs/performance.md":
        return compiled_model() | {"jax": jax, "jkeras": jkeras, "callbacks": callbacks, "layers": layers}
    if page == "docs/files-and-safety.md":
        return compiled_model() | {"jax": jax, "jkeras": jkeras, "MyLayer": layers.Dense}
    return {}


@pytest.fixture
def own_place(tmp_path, monkeypatch):
    """Files go to a temporary folder; settings are as before afterwards."""
    monkeypatch.chdir(tmp_path)
    policy = jkeras.config.dtype_policy()
    jkeras.utils.clear_session()  # restart the numbering of names
    yield
    jkeras.config.set_dtype_policy(policy)
    jkeras.config.set_matmul_precision(None)


@pytest.mark.parametrize("page", [page for page in PAGES if any(blocks(page))])
def test_code_of_a_page_runs_and_prints_what_it_says(page, own_place, capsys):
    names, taken_for_given = {"__name__": "__main__"}, given(page)
    for line, code, expected in blocks(page):
        names.update(taken_for_given)
        capsys.readouterr()
        exec(compile("\n" * line + code, page, "exec"), names)
        if expected is not None:
            assert capsys.readouterr().out == expected, f"{page}, line {line}"


def test_links_between_pages_lead_somewhere():
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#]+)[^)]*\)", (ROOT / page).read_text()):
            assert "://" in target or ((ROOT / page).parent / target).exists(), f"{page} links to {target}"


PLACES = """activations applications callbacks config constraints datasets distillation distribution dtype_policies export
initializers layers losses metrics mixed_precision models ops optimizers preprocessing quantizers random regularizers saving tree
utils visualization wrappers"""


@pytest.mark.parametrize("place", PLACES.split())
def test_every_public_name_of_keras_is_here(place):
    """As `docs/differences.md` says; the day Keras gets one, it is missing."""
    ours = getattr(jkeras, place)
    theirs = [name for name in dir(getattr(keras, place)) if not name.startswith("_") and name != "set_backend"]
    assert [name for name in theirs if not hasattr(ours, name)] == []


def test_the_times_in_the_readme_are_those_of_the_results():
    """Each row of the README's table: workload and four times, as `python -m bench` wrote them last."""

    def rows(page, heading):
        table = (ROOT / page).read_text().partition(heading)[2].partition("\n## ")[0]
        lines = [line.strip("| ") for line in table.splitlines() if line.startswith("| ")]
        head, *body = [[cell.strip() for cell in line.split("|")] for line in lines]
        return {line[0]: dict(zip(head, line)) for line in body}

    shown = rows("README.md", "\n## Speed")
    measured = rows("bench/RESULTS.md", "\n## Seconds per epoch")
    assert len(shown) >= 5
    for workload, row in shown.items():
        assert row == {name: measured[workload][name] for name in row}


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_no_row_of_a_table_stands_twice(page):
    rows = [line for line in (ROOT / page).read_text().splitlines() if line.startswith("| ") and len(line) > 60]
    assert sorted(rows) == sorted(set(rows))

"""The five documents as cells: their code, and the output they show. The documents are next to the checkout, not in it."""

import ast
import contextlib
import dataclasses
import io
import os
import re
import sys
import textwrap
from pathlib import Path

import numpy as np

import jkeras.compat
from jkeras.compat.finder import NAMES

SHARED = Path(__file__).resolve().parents[2] / "shared"
FOLDER = SHARED / "seeds"
DATA = SHARED / "data"
_MAGIC = re.compile(r"^\s*[%!]", re.MULTILINE)


@dataclasses.dataclass
class Cell:
    """A piece of code and the lines that stand between it and the next one."""

    code: str
    shown: list[str]

    @property
    def runnable(self):
        """The code with a notebook's magic lines made comments, as exporting a notebook does."""
        return _MAGIC.sub("# %", self.code)


def cells(number, begin, end=r"\s*```\s*"):
    """The cells of a document.

    Args:
        number: of the document, 0 to 4.
        begin: what the line before code looks like.
        end: what the line behind it looks like.
    """
    path = next(FOLDER.glob(f"{number:03d}_*.txt"))
    found, code = [], None
    for line in path.read_text(encoding="utf-8").splitlines():
        if code is None and re.fullmatch(begin, line):
            code = []
        elif code is not None and re.fullmatch(end, line):
            found.append(Cell(textwrap.dedent("\n".join(code)) + "\n", []))
            code = None
        elif code is not None:
            code.append(line)
        elif found:
            found[-1].shown.append(line)
    return found


def tables(lines):
    """The summaries among lines, each from its `Model:` to its last rule, without spaces at the ends."""
    found, open_table = [], None
    for line in (raw.rstrip() for raw in lines):
        if line.strip().startswith('Model: "'):
            open_table = []
        if open_table is not None:
            open_table.append(line)
            if line.strip().startswith("_") and any(row.strip().startswith("Non-trainable") for row in open_table):
                found.append(textwrap.dedent("\n".join(open_table)))
                open_table = None
    return found


def run(cell, namespace, replacements=()):
    """What a cell prints, and the value of its last line where that is an expression, as a notebook shows it.

    Args:
        cell: to run.
        namespace: its globals.
        replacements: pairs of a passage of its code and what stands for it, to make a run short.
    """
    code = cell.runnable
    for old, new in replacements:
        assert old in code, f"the cell has no {old!r}"
        code = code.replace(old, new)
    body = ast.parse(code).body
    last = ast.Expression(body.pop().value) if body and isinstance(body[-1], ast.Expr) else None
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(compile(ast.Module(body, []), "<document>", "exec"), namespace)
        value = None if last is None else eval(compile(last, "<document>", "eval"), namespace)
    return out.getvalue(), value


@contextlib.contextmanager
def compat_in(folder, home=None):
    """Compat in force, `folder` the current one and `home` KERAS_HOME; other tests' Keras and TensorFlow are put aside.

    May stand inside another one: that one's modules go, and compat is in force again afterwards.
    """
    outer = jkeras.compat.is_installed()
    jkeras.compat.uninstall()
    aside = {name: sys.modules.pop(name) for name in [*sys.modules] if name.partition(".")[0] in NAMES}
    before, environment = Path.cwd(), os.environ.get("KERAS_HOME")
    os.environ["KERAS_HOME"] = str(home or folder)
    os.chdir(folder)
    jkeras.compat.install()
    jkeras.utils.clear_session()
    try:
        yield
    finally:
        jkeras.compat.uninstall()
        os.chdir(before)
        os.environ.pop("KERAS_HOME") if environment is None else os.environ.update(KERAS_HOME=environment)
        sys.modules.update(aside)
        if outer:
            jkeras.compat.install()


def write_data(home, rows=256):
    """A cache folder with the first images of real MNIST and CIFAR-10 in their publishers' layouts."""
    from PIL import Image

    folder = home / "datasets" / "cifar-10-batches-bin"
    folder.mkdir(parents=True)
    with np.load(DATA / "mnist_10k.npz") as digits:
        np.savez(home / "datasets" / "mnist.npz", **{name: digits[name][:rows] for name in digits.files})
    with np.load(DATA / "cifar10_jpeg.npz") as photos:
        for part, count in (("train", rows), ("test", rows // 5)):
            lengths, labels = photos[f"{part}_len"][:count], photos[f"{part}_label"][:count]
            blobs = np.split(photos[f"{part}_jpeg"][: lengths.sum()], np.cumsum(lengths)[:-1])
            pixels = [np.asarray(Image.open(io.BytesIO(blob.tobytes()))).transpose(2, 0, 1).ravel() for blob in blobs]
            records = np.column_stack([labels.astype(np.uint8), np.array(pixels, np.uint8)])
            names = [f"data_batch_{i}.bin" for i in range(1, 6)] if part == "train" else ["test_batch.bin"]
            for name, piece in zip(names, np.array_split(records, len(names))):
                (folder / name).write_bytes(piece.tobytes())


_TIME = re.compile(r"\b\d+(?:us|ms|s)\b")
_NUMBER = re.compile(r"-?\d+(?:\.(\d+))?(?:e[-+]\d+)?")


def form(line):
    """A line with its numbers replaced by their kind, so that what remains is its form.

    `11s 6ms/step - loss: 0.6092` and `0s 420us/step - loss: 1.2345` have one form; a number with other decimals has another.
    """
    return _NUMBER.sub(lambda number: "0" if number[1] is None else f"0.{len(number[1])}", _TIME.sub("TIME", line.strip()))

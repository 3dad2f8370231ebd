"""Runs a script, a module or a line as Python would, with jkeras in place of Keras."""

from __future__ import annotations

import os
import runpy
import sys
import textwrap
import tokenize
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType, TracebackType

from jkeras.compat.check import check_script
from jkeras.compat.install import install
from jkeras.compat.standin.devices import set_memory_growth

_MAGIC = "A line that begins with % or ! works only in notebooks. Delete it: a script shows charts with matplotlib's plt.show()."


def run_script(path: str, arguments: list[str]) -> None:
    """Run a file with `__name__ == "__main__"`, its own folder first on the path, and `sys.argv` as Python sets it.

    Args:
        path: of a Python file, or of a folder or zip file with a `__main__.py`.
        arguments: what follows the path.

    Raises:
        SystemExit: the script ended with an error, after its traceback was printed.
    """
    sys.argv = [path, *arguments]
    if os.path.isdir(path) or path.endswith((".zip", ".pyz")):
        install()
        sys.path[:1] = []
        runpy.run_path(path, run_name="__main__")
        return
    _replace_path(str(Path(path).resolve().parent))
    with tokenize.open(path) as file:  # in the encoding that the file declares
        source = file.read()
    _run(source, path, __file__=path, __loader__=SourceFileLoader("__main__", path))


def run_module(name: str, arguments: list[str]) -> None:
    """Run a module as `python -m NAME` does."""
    sys.argv = ["-m", *arguments]
    _replace_path(os.getcwd())
    install()
    runpy.run_module(name, run_name="__main__", alter_sys=True)


def run_code(source: str, arguments: list[str]) -> None:
    """Run a text as `python -c TEXT` does."""
    sys.argv = ["-c", *arguments]
    _replace_path("")
    _run(source, "<string>")


def report(path: str) -> int:
    """Print what a script uses that is missing, each hint where it first applies; returns how much is missing."""
    with tokenize.open(path) as file:
        absent = check_script(file.read(), path)
    given: set[str] = set()
    for line, name, tensorflow, hint in absent:
        print(f"{path}:{line}: {name}" + (" (TensorFlow's own)" if tensorflow else ""))
        if hint is not None and hint not in given:
            given.add(hint)
            print(textwrap.indent(hint, "    "))
    return len(absent)


def _replace_path(folder: str) -> None:
    if not sys.flags.safe_path:  # with -P Python leaves the folder out
        sys.path[0] = folder


def _run(source: str, filename: str, **attributes: object) -> None:
    if "set_memory_growth" in source or "allow_growth" in source:  # JAX reads it when it starts
        set_memory_growth(None, True)
    install()
    main = ModuleType("__main__")
    vars(main).update({"__builtins__": __builtins__, "__spec__": None, "__annotations__": {}, **attributes})
    sys.modules["__main__"] = main
    try:
        code: CodeType = compile(source, filename, "exec", dont_inherit=True)
        exec(code, vars(main))
    except SystemExit:
        raise
    except BaseException as error:
        if isinstance(error, SyntaxError) and (error.text or "").lstrip().startswith(("%", "!")):
            error.add_note(_MAGIC)
        _show(error)
        sys.exit(130 if isinstance(error, KeyboardInterrupt) else 1)


def _show(error: BaseException) -> None:
    """Print the traceback as Python would, from the script's first line on."""
    trace: TracebackType | None = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename == __file__:
        trace = trace.tb_next
    sys.excepthook(type(error), error.with_traceback(trace), trace)

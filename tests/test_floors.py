"""The floors of the package, checked in its source: who may import whom, no cycles, third parties only where declared."""

import ast
import importlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "jkeras"
FILES = sorted(PACKAGE.rglob("*.py"))

# A file imports only from lower floors or from its own package; packages on one floor do not know each other.
FLOORS = {
    "_base": 0,
    "_layered": 0,
    "_text": 0,
    "_safe_io": 0.5,
    "nn": 1,
    "state": 2,
    "graph": 3,
    "ops": 3.5,
    "initializers": 4,
    "regularizers": 4,
    "constraints": 4,
    "activations": 4,
    "distribution": 4,
    "layer": 5,
    "layers": 5.5,
    "losses": 6,
    "metrics": 6,
    "optimizers": 6,
    "data": 7,
    "callbacks": 7,
    "training": 8,
    "saving": 8.5,
    "models": 9,
    "visualization": 9.5,
    "preprocessing": 9.5,
    "wrappers": 10,
    "distillation": 10,
    "datasets": 10,
    "utils": 10,
    "applications": 10.5,
    "backend": 10.5,
    "compat": 11.5,  # builds on the public names
}
TOP = 11
# Independent packages: they import only the standard library, and only one file imports them, through their `__init__`.
APART = {"_layered": "visualization/model_drawing.py"}

HEAVY = {"tensorflow", "torch", "keras", "pandas", "matplotlib", "sklearn", "flax", "h5py"}
# Optional third parties: one file each, imported where it is used, because the package works without it.
OPTIONAL = {
    ("datasets/digits.py", "sklearn"): "the digits are part of scikit-learn",
    ("_base/processes.py", "jax"): "jax.experimental.multihost_utils, for several processes only",
    ("nn/operation.py", "jax"): "jax.extend loads Pallas, and only programs with such operations need it",
    ("nn/inner_gradients.py", "jax"): "jax.extend loads Pallas, and only gradient tapes need it",
    ("state/scope.py", "jax"): "jax.extend loads Pallas, and only pure calls need it",
    ("preprocessing/image/files.py", "PIL"): "an extra, for images as files",
    ("preprocessing/audio_files.py", "scipy"): "comes with jax; only audio at another rate needs it",
    ("preprocessing/image/transforms.py", "scipy"): "comes with jax; only moved images need it",
    ("wrappers/sklearn_parts.py", "sklearn"): "for users of scikit-learn",
    ("models/describe.py", "jax"): "jax.extend loads Pallas, and only `describe` needs it",
    ("callbacks/orbax_checkpoint.py", "orbax"): "an extra, for large models",
    ("layers/flax_layer.py", "flax"): "installed with jkeras, but slow to load; one layer needs it",
    ("callbacks/event_writer.py", "tensorboard"): "an extra, for its records",
    ("callbacks/event_writer.py", "PIL"): "comes with tensorboard",
    ("_base/figures.py", "matplotlib"): "an extra, for pictures",
    ("_safe_io/hdf5.py", "h5py"): "only files need it, and `import jkeras` does not wait for it",
    ("_safe_io/byte_range.py", "zlib_ng"): "an extra, for fast checksums",
    ("saving/onnx.py", "jax2onnx"): "an extra, which brings many packages along",
    ("saving/formats/safetensors.py", "safetensors"): "an extra, for other libraries' weights",
    ("initializers/fourier.py", "scipy"): "comes with jax; scipy.signal alone takes most of a second to import",
}
# Statements in an `__init__` that do not list names; the file gives the reason for each.
ALLOWED_IN_INIT = {
    "__init__.py": (
        "import gc as _gc",
        "import jax as _jax",
        "_collecting = _gc.isenabled()",
        "_gc.disable()",
        "if not _gc.get_freeze_count():\n    _gc.freeze()\n    _gc.unfreeze()",
        "if _collecting:\n    _gc.enable()",
    ),
    "ops/__init__.py": (
        "from jkeras.ops.wrapper import operations",
        "globals().update(operations())",
        "__all__ = ['image', 'linalg', 'nn', 'numpy', *sorted(operations())]",
        "def __dir__() -> list[str]:\n    return __all__",
    ),
}
# File formats, read and written only on the top floor.
FORMATS = {("h5py", "_safe_io")}
# Third parties of the core. To use any other, decide it here.
REQUIRED = {"jax", "jaxlib", "numpy", "optax"}


def place(path: Path) -> str:
    """The folder of a file below the package; empty for files at the top."""
    parts = path.relative_to(PACKAGE).parts
    return parts[0] if len(parts) > 1 else ""


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for path in FILES}


def imports(path: Path) -> Iterator[tuple[str, int, bool]]:
    """Every module a file imports, with its line and whether the import stands inside a function; not those for types only."""
    yield from _imports(ast.parse(path.read_text()), path, False)


def _imports(node: ast.AST, path: Path, inside: bool) -> Iterator[tuple[str, int, bool]]:
    if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
        return
    if isinstance(node, ast.Import):
        yield from ((alias.name, node.lineno, inside) for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        assert node.level == 0, f"{path}:{node.lineno}: imports are absolute"
        for alias in node.names:
            full = f"{node.module}.{alias.name}"
            yield (full if full in MODULES else node.module or "", node.lineno, inside)
    inside = inside or isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
    for child in ast.iter_child_nodes(node):
        yield from _imports(child, path, inside)


def short(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def test_every_folder_has_a_floor_and_every_floor_its_folder():
    assert {place(p) for p in FILES} - {""} == set(FLOORS)


def test_files_import_only_from_lower_floors():
    wrong = []
    for path in FILES:
        own = place(path)
        for name, line, _ in imports(path):
            other = place(MODULES[name]) if name in MODULES else None
            if other is None or other == own:
                continue
            if FLOORS.get(other, TOP) >= FLOORS.get(own, TOP + 1):
                wrong.append(f"{short(path)}:{line} imports {name}")
    assert not wrong, "\n".join(wrong)


def test_the_maths_does_not_know_what_a_cpu_makes_of_it():
    files = [path for path in (PACKAGE / "nn").glob("*.py") if path.name != "__init__.py"]
    assert not [short(path) for path in files for name, *_ in imports(path) if name.startswith("jkeras.nn.cpu")]


@pytest.mark.parametrize(("apart", "user"), APART.items())
def test_packages_apart_import_only_the_standard_library_and_have_one_user(apart, user):
    inside, outside = set(), set()
    for path in FILES:
        for name, _, _ in imports(path):
            own = f"{name}.".startswith(f"jkeras.{apart}.")
            if place(path) == apart and not own:
                inside.add(name.partition(".")[0])
            elif place(path) != apart and own:
                outside.add((short(path), name))
    assert inside <= sys.stdlib_module_names
    assert outside == {(user, f"jkeras.{apart}")}


def test_no_import_cycle():
    graph = {name: {n for n, _, _ in imports(path) if n in MODULES and n != name} for name, path in MODULES.items()}
    finished: set[str] = set()

    def visit(name: str, trail: tuple[str, ...]) -> None:
        assert name not in trail, " -> ".join((*trail[trail.index(name) :], name))
        if name not in finished:
            for other in sorted(graph[name]):
                visit(other, (*trail, name))
            finished.add(name)

    for name in graph:
        visit(name, ())


def test_imports_inside_functions_are_optional_third_parties():
    wrong = [
        f"{short(path)}:{line} imports {name}"
        for path in FILES
        for name, line, inside in imports(path)
        if inside and (short(path), name.partition(".")[0]) not in OPTIONAL
    ]
    assert not wrong, "\n".join(wrong)


def test_third_parties_are_the_declared_ones():
    wrong = []
    for path in FILES:
        for name, line, inside in imports(path):
            top = name.partition(".")[0]
            own = top in sys.stdlib_module_names or top == "jkeras" or top in REQUIRED
            optional = inside and (short(path), top) in OPTIONAL
            formats = (top, place(path)) in FORMATS
            if not (own or optional or formats):
                wrong.append(f"{short(path)}:{line} imports {name}")
    assert not wrong, "\n".join(wrong)


def test_every_exception_is_needed():
    used = {(path, name.partition(".")[0], inside) for path in FILES for name, _, inside in imports(path)}
    assert set(OPTIONAL) <= {(short(path), top) for path, top, inside in used if inside}
    assert {(top, place(path)) for path, top, _ in used} >= FORMATS


@pytest.mark.parametrize("path", [p for p in FILES if p.name == "__init__.py"], ids=short)
def test_a_folders_init_only_lists_what_it_offers(path):
    allowed = ALLOWED_IN_INIT.get(short(path), ())
    body = [n for n in ast.parse(path.read_text()).body if ast.unparse(n) not in allowed and not is_late(n)]
    rest = [n for n in body if not isinstance(n, ast.ImportFrom) and not (isinstance(n, ast.Expr) and n is body[0])]
    assert not rest, [ast.unparse(n) for n in rest]
    body = [n for n in body if getattr(n, "module", "") != "typing"]
    for node in body:
        for alias in getattr(node, "names", ()):
            assert alias.asname is not None, f"{alias.name}: write `import {alias.name} as {alias.name}`"


def is_late(node: ast.stmt) -> bool:
    """Whether a statement of an `__init__` declares names that are loaded when they are asked for."""
    declared = isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
    return declared or (
        isinstance(node, ast.Assign) and ast.unparse(node).startswith("__getattr__, __dir__ = lazy_names(__name__,")
    )


@pytest.mark.parametrize("path", [PACKAGE / f"{folder}__init__.py" for folder in ("", "layers/", "utils/")], ids=short)
def test_late_names_are_declared_and_come(path):
    declared, bound = (node for node in ast.parse(path.read_text()).body if is_late(node))
    names = [(alias.name, node.module) for node in declared.body for alias in node.names]
    table = ast.literal_eval(bound.value.args[1])
    found = {name: module for module, held in table.items() for name in held.split()}
    assert found == {name: f"{module}.{name}" if f"{module}.{name}" in MODULES else module for name, module in names}
    package = importlib.import_module(module_name(path))
    assert set(found) <= set(dir(package))
    assert all(getattr(package, name) is not None for name in found)


# Whose `.value` is read. A Variable's is a method in TensorFlow's dialect; `.array` is the array in every one.
WITH_VALUE = {
    "callbacks/event_writer.py": {"summary"},  # a message
    "compat/standin/blocks.py": {"node"},  # of a program's text
    "compat/standin/variables.py": {"read"},  # what makes it both
    "optimizers/face.py": {"variable"},  # of another library
    "saving/keras2_config.py": {"translation"},
    "state/operators.py": {"other"},
    "training/arguments/fingerprint.py": {"other"},
}


def test_variables_are_read_by_array():
    found = {}
    for path in FILES:
        if not short(path).startswith("compat/checking/"):  # it reads programs
            reads = (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Attribute))
            owners = {ast.unparse(node.value) for node in reads if node.attr == "value" and isinstance(node.ctx, ast.Load)}
            if owners - {"self"}:
                found[short(path)] = owners - {"self"}
    assert found == WITH_VALUE


def test_every_file_teaches_its_idea():
    assert not [short(path) for path in FILES if not ast.get_docstring(ast.parse(path.read_text()))]


def test_importing_the_package_loads_nothing_heavy():
    code = f"import sys, jkeras; print(*sorted({HEAVY!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert not done.stdout.split()

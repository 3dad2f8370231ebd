"""CONTRIBUTING.md: the parts built from its code blocks work like the library's own and touch few files."""

import inspect
import re
import sys
import types
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jkeras
from jkeras import Input, Sequential, initializers, layers, losses, metrics, optimizers, regularizers
from jkeras._base import registry
from jkeras.saving.formats import known

sys.path.append(str(Path(__file__).parent / "laws"))  # as pytest does for the laws themselves
import table
import test_law_dtypes
import test_law_eager
import test_law_gradient
import test_law_scan
import test_law_symbolic
import test_law_vmap

PAGE = (Path(__file__).parent.parent / "CONTRIBUTING.md").read_text()
BLOCK = re.compile(r"```python\n# (?P<path>\S+)\n(?P<code>.*?)```", re.S)
SECTIONS = {part.split(":")[0].removeprefix("A").removeprefix("n").strip(): part for part in PAGE.split("\n## ")[1:]}
X, Y = np.linspace(-1, 1, 24, dtype="float32").reshape(8, 3), np.linspace(0, 1, 8, dtype="float32").reshape(8, 1)


def files(kind):
    """The files of a section, in its order."""
    return {match["path"]: match["code"] for match in BLOCK.finditer(SECTIONS[kind])}


@pytest.fixture
def built(monkeypatch):
    """All parts of the page, in modules at the places that it says; gone after the test."""
    for name in ("_objects", "_paths"):
        monkeypatch.setattr(registry, name, dict(getattr(registry, name)))
    monkeypatch.setattr(registry, "_names", {area: dict(known) for area, known in registry._names.items()})
    for kind in SECTIONS:
        for path, code in files(kind).items():
            if not path.startswith("jkeras/"):
                continue
            name = path.removesuffix(".py").replace("/", ".")
            if name.endswith(".__init__"):
                scope = {}
                exec(code, scope)
                for key in re.findall(r"as (\w+)$", code, re.M):
                    monkeypatch.setattr(sys.modules[name.removesuffix(".__init__")], key, scope[key], raising=False)
                continue
            module = types.ModuleType(name)
            monkeypatch.setitem(sys.modules, name, module)
            folder, _, last = name.rpartition(".")
            monkeypatch.setattr(sys.modules[folder], last, module, raising=False)
            exec(compile(code, path, "exec"), module.__dict__)


@pytest.mark.parametrize(
    "kind,most",
    [("optimizer", 2), ("loss", 3), ("metric", 2), ("layer", 4), ("initializer, a regularizer, a constraint, an activation", 4)],
)
def test_a_new_part_touches_few_files(kind, most):
    assert 1 < len(files(kind)) <= most


def test_a_new_optimizer_is_short():
    lines = [line for line in files("optimizer")["jkeras/optimizers/signum.py"].splitlines() if line.strip()]
    assert len(lines) < 55  # docstrings and imports included


def test_the_blocks_teach_their_idea_as_every_file_does():
    for kind in SECTIONS:
        for path, code in files(kind).items():
            assert path.endswith("__init__.py") or path == "tests/laws/table.py" or code.startswith('"""')


def test_a_model_of_new_parts_trains_and_comes_back_from_a_file(built, tmp_path):
    gate = layers.Gate(kernel_initializer="checkerboard", kernel_regularizer="roughness", name="gate")
    model = Sequential([Input((3,)), gate, layers.Dense(1)])
    model.compile(optimizers.Signum(0.01, weight_decay=0.1), losses.Cauchy(2.0), metrics=["largest_error"])
    np.testing.assert_array_equal(gate.kernel, initializers.Checkerboard()((3, 3)))
    first = model.evaluate(X, Y, verbose=0, return_dict=True)
    history = model.fit(X, Y, epochs=20, verbose=0)
    assert history.history["loss"][-1] < first["loss"]
    assert history.history["largest_error"][-1] > 0
    model.save(tmp_path / "model.keras")
    again = jkeras.models.load_model(tmp_path / "model.keras")
    assert isinstance(again.optimizer, optimizers.Signum) and isinstance(again.layers[0], layers.Gate)
    assert again.evaluate(X, Y, verbose=0) == model.evaluate(X, Y, verbose=0)
    for a, b in zip(again.optimizer.variables, model.optimizer.variables):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(again.train_on_batch(X, Y), model.train_on_batch(X, Y))


def test_a_new_format_is_one_class(built, monkeypatch, tmp_path):
    assert len(files("file format")) == 1
    monkeypatch.setattr(known, "FORMATS", [*known.FORMATS, sys.modules["jkeras.saving.formats.text"].Text()])
    model = Sequential([Input((3,)), layers.Dense(2)])
    model.save(tmp_path / "model.txt")
    again = jkeras.models.load_model(tmp_path / "model.txt")
    np.testing.assert_allclose(again.predict(X, verbose=0), model.predict(X, verbose=0), rtol=1e-6)


def test_new_parts_are_known_by_their_names(built):
    assert isinstance(optimizers.get("signum"), optimizers.Signum)
    assert losses.get("cauchy") is losses.get("lorentzian") is losses.cauchy
    assert isinstance(losses.get("Cauchy"), losses.Cauchy)
    assert isinstance(metrics.get("largest_error"), metrics.LargestError)
    assert isinstance(initializers.get("checkerboard"), initializers.Checkerboard)
    assert isinstance(regularizers.get("roughness"), regularizers.Roughness)
    with pytest.raises(ValueError, match="Did you mean 'signum'"):
        optimizers.get("signun")


def test_new_parts_come_back_from_their_configs(built):
    made = [
        (optimizers, optimizers.Signum(0.5, momentum=0.25, clipnorm=1.0)),
        (losses, losses.Cauchy(3.0, reduction="sum")),
        (metrics, metrics.LargestError(name="most")),
        (initializers, initializers.Checkerboard(0.5)),
        (regularizers, regularizers.Roughness(0.5)),
        (layers, layers.Gate(use_bias=False, kernel_constraint="non_neg", name="gate")),
    ]
    for area, part in made:
        again = area.deserialize(area.serialize(part))
        assert type(again) is type(part) and again.get_config() == part.get_config()


def test_signatures_show_the_arguments_of_the_family(built):
    shared = [name for name in inspect.signature(optimizers.RMSprop).parameters if name not in ("rho", "epsilon", "centered")]
    assert list(inspect.signature(optimizers.Signum).parameters) == shared
    assert optimizers.Signum(0.1, 0.5, 0.01).weight_decay == 0.01
    assert list(inspect.signature(losses.Cauchy).parameters) == ["scale", "reduction", "name", "dtype"]
    with pytest.raises(TypeError, match=r"Gate.*'kernel_initialiser'.*Did you mean 'kernel_initializer'"):
        layers.Gate(kernel_initialiser="zeros")


def test_the_signum_of_the_page_is_signum(built):
    optimizer, params = optimizers.Signum(0.5, momentum=0.75), {"w": jnp.array([1.0, 2.0])}
    state = optimizer.init(params)
    for grads, expected in ((jnp.array([4.0, -1.0]), [0.5, 2.5]), (jnp.array([-4.0, -1.0]), [1.0, 3.0])):
        params, state = jax.jit(optimizer.update)({"w": grads}, state, params)
        np.testing.assert_allclose(params["w"], expected)


def test_the_layer_of_the_page_keeps_the_laws(built):
    line = files("layer")["tests/laws/table.py"]
    case = eval(line, vars(table))
    test_law_eager.test_apply_is_call(case)
    test_law_eager.test_jit_is_eager(case)
    test_law_eager.test_a_second_step_does_not_recompile(case)
    test_law_symbolic.test_symbolic_shape_is_the_real_shape(case)
    test_law_gradient.test_gradient_equals_float64(case)
    test_law_scan.test_apply_is_a_scan_body(case)
    test_law_vmap.test_vmap_over_examples_is_the_batch(case)
    test_law_dtypes.test_global_policy(case, "mixed_bfloat16")

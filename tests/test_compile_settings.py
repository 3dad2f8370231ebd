"""Matmul precision, set for jkeras only, and compiled programs that the next process reuses."""

import os
import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.extend.core import jaxprs_in_params

import jkeras
from jkeras import layers
from jkeras._base import compiling
from jkeras._base.compiling import precision_scope

pytestmark = pytest.mark.uncached
ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(autouse=True)
def restore():
    yield
    jkeras.config.set_matmul_precision(None)


def model():
    return jkeras.Sequential([layers.Input((6, 6, 2)), layers.Conv2D(3, 3), layers.Flatten(), layers.Dense(2)])


def gradients(m):
    x = jnp.ones((4, 6, 6, 2))
    params, state = m.init(jax.random.key(0), x)
    return lambda params: jax.grad(lambda p: jnp.sum(m.apply(p, state, x)[0] ** 2))(params), params


def precisions(fn, *args):
    """The precision of each product and convolution of a function, in lower case; `none` where it has none."""

    def walk(jaxpr):
        for equation in jaxpr.eqns:
            if "precision" in equation.params:
                yield str(equation.params["precision"]).lower()
            for inner in jaxprs_in_params(equation.params):
                yield from walk(inner)

    return list(walk(jax.make_jaxpr(fn)(*args).jaxpr))


def test_all_products_of_a_step_gradients_included_have_the_precision():
    step, params = gradients(model())
    assert set(precisions(step, params)) == {"none"}
    jkeras.config.set_matmul_precision("highest")
    with precision_scope():
        found = precisions(step, params)
    assert len(found) >= 4 and all("highest" in one for one in found), found


def test_apply_has_it_too_and_others_do_not():
    jkeras.config.set_matmul_precision("highest")
    m, x = model(), jnp.ones((4, 6, 6, 2))
    found = precisions(m.apply, *m.init(jax.random.key(0), x), x)
    assert len(found) == 2 and all("highest" in one for one in found), found
    assert jax.config.jax_default_matmul_precision is None
    assert precisions(jnp.matmul, jnp.ones((2, 2)), jnp.ones((2, 2))) == ["none"]


def test_the_setting_is_read_back_and_checked():
    assert jkeras.config.matmul_precision() is None
    for value in ("default", "high", "highest", "bfloat16", "tensorfloat32", "float32", None):
        jkeras.config.set_matmul_precision(value)
        assert jkeras.config.matmul_precision() == value
        with precision_scope():
            assert np.isfinite(jax.jit(jnp.matmul)(jnp.ones((2, 2)), jnp.ones((2, 2)))).all()
    with pytest.raises(ValueError, match="Did you mean 'highest'"):
        jkeras.config.set_matmul_precision("hightest")


# the cache --------------------------------------------------------------------------------------------------------------

FIT = """
import jax
hits = []
jax.monitoring.register_event_listener(lambda event, **_: hits.append(event))
import numpy as np, jkeras
from jkeras import layers
jkeras.utils.set_random_seed(0)
{first}
model = jkeras.Sequential([layers.Input((4,)), layers.Dense(3, activation="relu"), layers.Dense(1)])
model.compile("sgd", "mse")
model.fit(np.ones((8, 4), "float32"), np.ones((8, 1), "float32"), batch_size=4, verbose=0)
print(hits.count("/jax/compilation_cache/cache_hits"), hits.count("/jax/compilation_cache/cache_misses"))
"""


def run(first="", **environment):
    done = subprocess.run(
        [sys.executable, "-c", FIT.format(first=first)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, **environment},
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return [int(n) for n in done.stdout.split()]


def programs(folder):
    return {path.name for path in folder.rglob("*-cache")}


def test_the_second_process_compiles_nothing(tmp_path):
    hits, misses = run(JKERAS_COMPILATION_CACHE=str(tmp_path / "kept"))
    kept = programs(tmp_path / "kept")
    assert misses == len(kept) > 0
    hits, misses = run(JKERAS_COMPILATION_CACHE=str(tmp_path / "kept"))
    assert hits > 0 == misses and programs(tmp_path / "kept") == kept


def test_the_call_works_in_the_midst_of_a_process_and_has_a_default_folder(tmp_path):
    first = "jax.jit(lambda x: x + 1)(1.0); print(end=''); jkeras.config.enable_compilation_cache()"
    _, misses = run(first, KERAS_HOME=str(tmp_path), JKERAS_COMPILATION_CACHE="0")
    assert misses == len(programs(tmp_path / "jax_compilation_cache")) > 0


def test_it_can_be_switched_off_again(tmp_path):
    try:
        assert jkeras.config.enable_compilation_cache(tmp_path) == tmp_path
        jax.jit(lambda x: x * 3 + 1)(jnp.ones(3))
        kept = programs(tmp_path)
        assert kept
    finally:
        jkeras.config.disable_compilation_cache()
    jax.jit(lambda x: x * 5 + 1)(jnp.ones(3))
    assert programs(tmp_path) == kept


@pytest.mark.parametrize(
    ("known", "chosen"), [({"xla_backend_optimization_level": 1}, {"xla_backend_optimization_level": 1}), ({"xla_no": 1}, None)]
)
def test_a_compiler_that_does_not_know_an_option_goes_without(known, chosen, monkeypatch):
    monkeypatch.setattr(compiling, "_QUICK_ON_CPU", ({"xla_no_such_option": 1}, known))
    monkeypatch.setattr(compiling, "_quick_options", compiling._quick_options.__wrapped__)
    assert compiling._quick_options() == chosen
    doubled = compiling.compiled_quickly(lambda x: 2 * x)
    assert float(doubled(3.0)) == 6.0
    assert float(jax.jit(doubled)(4.0)) == 8.0


def test_other_errors_of_a_quickly_compiled_function_stay():
    def wrong(x):
        raise ValueError("mine")

    with pytest.raises(ValueError, match="mine"):
        compiling.compiled_quickly(wrong)(1.0)

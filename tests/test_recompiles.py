"""The recompile detector: it names only the argument that changed, and costs nothing when off. A start compiles a loop once."""

import contextlib
import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jkeras
from jkeras.training.programs.recompiles import RecompileError, RecompileWarning, Watched, compiles_by_name, watched

pytestmark = pytest.mark.uncached


@pytest.fixture(autouse=True)
def restore():
    yield
    jkeras.config.set_recompile_check("off")


def compiled():
    """A new function each time: `jax.jit` keeps programs by function."""

    def step(state, batch, scale=1.0):
        return jax.tree.map(lambda a: a * scale, state), sum(jnp.sum(leaf) for leaf in jax.tree.leaves(batch))

    return jax.jit(step)


STATE = {"dense": {"kernel": jnp.ones((4, 2))}}
BATCH = (jnp.ones((8, 4)), None)

# What changes, and what the report says about it.
CHANGES = {
    "batch size": (STATE, (jnp.ones((5, 4)), None), "batch[0]: float32[8,4] -> float32[5,4]"),
    "dtype": (STATE, (jnp.ones((8, 4), jnp.bfloat16), None), "batch[0]: float32[8,4] -> bfloat16[8,4]"),
    "a weight": ({"dense": {"kernel": jnp.ones((4, 3))}}, BATCH, "state['dense']['kernel']: float32[4,2] -> float32[4,3]"),
    "new leaf": (STATE, (BATCH[0], jnp.ones((8,))), "batch[1]: nothing -> float32[8]"),
    "leaf gone": ({"dense": {}}, BATCH, "state['dense']['kernel']: float32[4,2] -> nothing"),
    "structure": (STATE, list(BATCH), "(structure): "),
    "weak type": (STATE, (1.0, None), "batch[0]: float32[8,4] -> float32[] weak"),
}


@pytest.mark.parametrize("which", CHANGES)
def test_a_change_that_compiles_again_is_named(which):
    state, batch, expected = CHANGES[which]
    f = Watched(compiled(), "train_step", action="raise")
    f(STATE, BATCH), f(jax.tree.map(jnp.zeros_like, STATE), BATCH)
    with pytest.raises(RecompileError, match="'train_step' needs program number 2, where 1 is expected") as caught:
        f(state, batch)
    assert expected in str(caught.value)
    before = compiles_by_name()["jit(step)"]
    f.jitted(state, batch)
    assert compiles_by_name()["jit(step)"] == before + 1  # it would have recompiled


def test_what_compiles_nothing_is_not_reported():
    f = Watched(compiled(), "step", action="raise")
    f(STATE, BATCH)
    count = compiles_by_name()["jit(step)"]
    f(jax.tree.map(np.asarray, STATE), BATCH)
    f(STATE, (np.zeros((8, 4), np.float32), None))
    assert len(f.seen) == 1 and compiles_by_name()["jit(step)"] == count


def test_a_placement_counts():
    f = Watched(compiled(), "step", action="raise")
    f(STATE, BATCH)
    with pytest.raises(RecompileError, match="SingleDeviceSharding"):
        f(STATE, (jax.device_put(BATCH[0], jax.devices()[0]), None))


def test_as_many_programs_as_are_expected_are_no_news():
    f = Watched(compiled(), "step", programs=2, action="raise")
    f(STATE, BATCH), f(STATE, (jnp.ones((3, 4)), None)), f(STATE, BATCH)
    with pytest.raises(RecompileError, match=r"float32\[\d,4\] -> float32\[2,4\]"):
        f(STATE, (jnp.ones((2, 4)), None))


def test_warn_goes_on_and_says_so_once_for_each_program():
    jkeras.config.set_recompile_check("warn")
    f = watched(compiled(), "step")
    f(STATE, BATCH)
    with pytest.warns(RecompileWarning, match=r"batch\[0\]"):
        _, total = f(STATE, (jnp.ones((3, 4)), None))
    assert float(total) == 12
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        f(STATE, (jnp.ones((3, 4)), None))


def test_a_compile_without_a_changed_argument_is_found():
    f = Watched(compiled(), "step", action="warn")
    f(STATE, BATCH)
    with jax.default_matmul_precision("highest"), pytest.warns(RecompileWarning, match="no argument; a setting of JAX"):
        f(STATE, BATCH)


def test_an_error_leaves_donated_arguments_alone():
    f = Watched(jax.jit(lambda x: x + 1, donate_argnums=0), "step", action="raise")
    f(jnp.zeros(2))
    x = jnp.zeros(3)
    with pytest.raises(RecompileError):
        f(x)
    assert not x.is_deleted()


def test_off_gives_the_function_itself_back():
    jitted = compiled()
    assert watched(jitted, "step") is jitted
    jkeras.config.set_recompile_check("raise")
    assert jkeras.config.recompile_check() == "raise" and isinstance(watched(jitted, "step"), Watched)
    with pytest.raises(ValueError, match="Did you mean 'warn'"):
        jkeras.config.set_recompile_check("warning")


def test_a_watched_function_can_still_be_lowered():
    assert "stablehlo" in Watched(compiled(), "step").lower(STATE, BATCH).as_text()


@contextlib.contextmanager
def compilations():
    """The names of the programs that are compiled in a block."""
    found = []

    def note(event, seconds, fun_name=None, **more):
        if event == "/jax/core/compile/backend_compile_duration":
            found.append(fun_name)

    jax.monitoring.register_event_duration_secs_listener(note)
    try:
        yield found
    finally:
        jax.monitoring.unregister_event_duration_listener(note)


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64"])
def test_setting_weights_compiles_nothing_and_copies(dtype):
    model = jkeras.Sequential([jkeras.Input((7,)), jkeras.layers.Dense(11), jkeras.layers.Dense(13)])
    arrays = [np.full(weight.shape, 2**40, dtype) for weight in model.weights]
    with compilations() as found:
        model.set_weights(arrays)
        jkeras.metrics.Mean().init()
    for array in arrays:
        array[:] = 3.0
    assert found == [] and all((np.asarray(weight) == 2.0**40).all() for weight in model.weights)

"""What holds for all tests: Keras, the oracle, runs on JAX; the smoke test and the floors come first; laws compile fast."""

import os

os.environ["KERAS_BACKEND"] = "jax"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import jax
import pytest

FIRST = ("test_smoke.py", "test_floors.py")
# Tests of what a program computes, not of how fast: most of their time is LLVM optimising programs that run once. What the
# optimised programs compute, the tests of training, of the engine and against Keras say.
COMPILED_FAST = (
    *("laws", "layers"),
    *("test_nn_conv_forms.py", "test_nn_pool.py", "test_metrics.py", "test_losses.py", "test_remat.py"),
)
OPTIMISED = ("test_law_keras_parity.py",)


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: FIRST.index(item.path.name) if item.path.name in FIRST else len(FIRST))


@pytest.fixture(autouse=True)
def _compile_fast(request):
    """Without XLA's costly optimisations, for the folders that say so."""
    path = request.path
    fast = not {path.parent.name, path.name}.isdisjoint(COMPILED_FAST) and path.name not in OPTIMISED
    jax.config.update("jax_disable_most_optimizations", fast)

"""What holds for all tests: Keras, the oracle, runs on JAX; the smoke test and the floors come first; laws compile fast."""

import os

os.environ["KERAS_BACKEND"] = "jax"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import jax
import pytest

FIRST = ("test_smoke.py", "test_floors.py")
# Tests of what a program computes, not of how fast: most of their time is LLVM optimising programs that run once. What the
# optimised programs compute, the tests of training and of the engine say.
COMPILED_FAST = ("laws", "layers")


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: FIRST.index(item.path.name) if item.path.name in FIRST else len(FIRST))


@pytest.fixture(autouse=True)
def _compile_fast(request):
    """Without XLA's costly optimisations, for the folders that say so."""
    jax.config.update("jax_disable_most_optimizations", request.path.parent.name in COMPILED_FAST)

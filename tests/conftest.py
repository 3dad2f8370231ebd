"""What holds for all tests: Keras, the oracle, runs on JAX; the smoke test and the floors come first; laws compile fast."""

import os

os.environ["KERAS_BACKEND"] = "jax"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import jax
import pytest

FIRST = ("test_smoke.py", "test_floors.py")
# Most of the time of a test that runs a program once is LLVM optimising it, so most tests go without. What the optimised programs
# compute, these say: the engine, training, numbers against Keras and from run to run, memory, and what counts compilations.
OPTIMISED = (
    *(
        "test_smoke.py",
        "test_engine.py",
        "test_short_epochs.py",
        "test_training.py",
        "test_training_callbacks.py",
        "test_training_parity.py",
    ),
    *("test_law_keras_parity.py", "test_optimizers.py", "test_random.py", "test_memory.py", "test_mixed_precision.py"),
    *("test_bridge.py", "test_recompiles.py", "test_compile_settings.py", "test_backup.py", "test_documents.py"),
)


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: FIRST.index(item.path.name) if item.path.name in FIRST else len(FIRST))


@pytest.fixture(autouse=True)
def _compile_fast(request):
    """Without XLA's costly optimisations, but for the files that say what those give."""
    jax.config.update("jax_disable_most_optimizations", request.path.name not in OPTIMISED)

"""What holds for all tests: Keras, the oracle, runs on JAX; the smoke test and the floors come first."""

import os

os.environ["KERAS_BACKEND"] = "jax"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

FIRST = ("test_smoke.py", "test_floors.py")


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: FIRST.index(item.path.name) if item.path.name in FIRST else len(FIRST))

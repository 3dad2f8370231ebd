"""Fixtures for tests of files: programs are compiled once for all of them, since the same models are made again and again.

pytest_plugins = ["saving_compiling"]
pytestmark = pytest.mark.usefixtures("compiled_fast")
"""

import jax
import pytest
from jax.experimental.compilation_cache import compilation_cache

from jkeras._base.compiling import enable_compilation_cache

_SETTINGS = (
    "jax_compilation_cache_dir",
    "jax_persistent_cache_min_compile_time_secs",
    "jax_persistent_cache_min_entry_size_bytes",
)


@pytest.fixture(scope="session")
def _programs(tmp_path_factory):
    return tmp_path_factory.mktemp("programs")


@pytest.fixture(scope="module")
def compiled_once(_programs):
    """Programs that were compiled before are taken from a folder."""
    before = {name: jax.config.values[name] for name in _SETTINGS}
    enable_compilation_cache(_programs)
    yield
    for name, value in before.items():
        jax.config.update(name, value)
    compilation_cache.reset_cache()


@pytest.fixture
def compiled_fast(compiled_once):
    """They are not optimised either: for tests of what comes back from a file, not of how fast it computes."""
    before = jax.config.values["jax_disable_most_optimizations"]
    jax.config.update("jax_disable_most_optimizations", True)
    yield
    jax.config.update("jax_disable_most_optimizations", before)

"""What holds for all tests: Keras, the oracle, runs on JAX; the smoke test and the floors come first; programs compile fast."""

import gc
import hashlib
import os
import re

os.environ["KERAS_BACKEND"] = "jax"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import jax
import pytest
from jax._src import compiler

FIRST = ("test_smoke.py", "test_floors.py")
# Most of the time of a test that runs a program once is the compiler optimising it, so most tests go without. What the optimised
# programs compute, these say, tests marked `optimised` (bits that must be equal), and all that runs in processes of its own.
OPTIMISED = {
    *("test_smoke.py", "test_memory.py", "test_recompiles.py", "test_compile_settings.py", "test_backup.py"),
    "test_documents.py",
}
# The same program is compiled once for all tests, but where compiling itself is the matter.
COMPILED_EACH_TIME = {"test_recompiles.py", "test_compile_settings.py", "test_memory.py"}
# Each program takes several of the 65,530 pieces of memory that Linux gives a process; XLA crashes when there are none left.
MOST_PIECES, PROGRAMS_BETWEEN_LOOKS = 40_000, 100
# XLA's emitters of fused loops take as long for a sum of two numbers as all else that it does for that, and a program that is
# compiled in several parts as long again.
FAST = {"xla_cpu_use_fusion_emitters": "false", "xla_cpu_parallel_codegen_split_count": "1"}


class Compiling:
    """How the programs of the test under way are compiled; in the place of JAX's own functions."""

    def __init__(self):
        self.optimised, self.once, self.programs, self.count = True, False, {}, 0
        self.default_options, self.compile = compiler.get_compile_options, compiler.compile_or_get_cached
        if knows(FAST):
            compiler.get_compile_options = self.options
        compiler.compile_or_get_cached = self.compiled

    def begin(self, item):
        self.optimised = item.path.name in OPTIMISED or item.get_closest_marker("optimised") is not None
        self.once = item.path.name not in COMPILED_EACH_TIME
        if self.count > PROGRAMS_BETWEEN_LOOKS:
            self.count = 0
            if pieces_of_memory() > MOST_PIECES:
                self.programs = {}
                jax.clear_caches()
                gc.collect()
        jax.config.update("jax_disable_most_optimizations", not self.optimised)

    def options(self, *args, env_options_overrides=None, **kwargs):
        added = {} if self.optimised else FAST
        return self.default_options(*args, env_options_overrides={**added, **(env_options_overrides or {})}, **kwargs)

    def compiled(self, backend, program, devices, options, host_callbacks, *rest):
        if not self.once or host_callbacks:
            self.count += 1
            return self.compile(backend, program, devices, options, host_callbacks, *rest)
        text = re.sub(r'jax.result_info = "[^"]*"', "", program.operation.get_asm())  # that holds the names of layers
        key = hashlib.sha256(text.encode()).digest(), options.SerializeAsString(), str(devices)
        if key not in self.programs:
            self.count += 1
            self.programs[key] = self.compile(backend, program, devices, options, host_callbacks, *rest)
        return self.programs[key]


def pieces_of_memory():
    """How many of them this process has; 0 where the system does not say."""
    try:
        with open("/proc/self/maps", "rb") as file:
            return file.read().count(b"\n")
    except OSError:
        return 0


def knows(options):
    """Whether the compiler in use knows some options."""
    try:
        jax.jit(lambda x: x, compiler_options=options).lower(0.0).compile()
    except Exception:
        return False
    return True


compiling = Compiling()


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: FIRST.index(item.path.name) if item.path.name in FIRST else len(FIRST))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item):
    """Before any fixture, so that those of a module compile as its tests do."""
    compiling.begin(item)


@pytest.fixture
def quick_collector():
    """The collector looks at what the test makes: what all tests before it left takes it many seconds."""
    gc.freeze()
    yield
    gc.unfreeze()

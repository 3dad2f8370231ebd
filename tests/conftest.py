"""Settings for all tests: Keras, the oracle, runs on JAX; the smoke test and the floors come first; programs compile fast.

A test that runs a program once would spend most of its time in the compiler's optimizations. So the compiler does little, and
the workers of a run share one cache of programs on disk, both through JAX's public settings. Other tests cover what this hides:

* tests marked `optimised`, about bits that must be equal, run in a separate process, as `tests/test_optimised.py` explains;
* processes that tests start compile as users' processes do;
* tests marked `uncached`, about compiling itself or operations that no cache can hold, compile fully each time.
"""

import collections
import gc
import itertools
import os
import random
import subprocess
import sys
import tempfile

os.environ["KERAS_BACKEND"] = "jax"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

# For a sum of two numbers, XLA's emitters of fused loops take as long as all the rest, and a split program as long again.
QUICK = "--xla_cpu_use_fusion_emitters=false --xla_cpu_parallel_codegen_split_count=1"
FLAGS, CACHE = "JKERAS_TESTS_XLA_FLAGS", "JKERAS_TESTS_CACHE"  # from the main process to its workers
AS_USERS_DO = "JKERAS_TESTS_AS_USERS_DO" in os.environ


def quick_flags():
    """QUICK, or nothing where the compiler does not know it: XLA ends the process then, so a process of its own asks."""
    asks = [sys.executable, "-c", "import jax; jax.devices()"]
    environment = {**os.environ, "XLA_FLAGS": QUICK}
    done = subprocess.run(asks, env=environment, stderr=subprocess.DEVNULL, check=False)
    return "" if done.returncode else QUICK


if not AS_USERS_DO:
    if FLAGS not in os.environ:
        os.environ[FLAGS] = quick_flags()
        shared = tempfile.TemporaryDirectory(prefix="jkeras-tests-", ignore_cleanup_errors=True)
        os.environ[CACHE] = shared.name
    given = os.environ.get("XLA_FLAGS")
    os.environ["XLA_FLAGS"] = " ".join(flags for flags in (given, os.environ[FLAGS]) if flags)

import jax
import pytest
from jax.experimental.compilation_cache import compilation_cache

if not AS_USERS_DO:
    jax.devices()  # XLA reads its flags here and never again
    del os.environ["XLA_FLAGS"]
    if given is not None:
        os.environ["XLA_FLAGS"] = given
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)

collect_ignore_glob = ["packages/*", "together.py", "troubled.py"]  # scripts that tests start
if "JKERAS_TESTS_DEVICES" not in os.environ:
    collect_ignore_glob.append("devices/*")  # tests/test_devices.py runs them
FIRST = ("test_smoke.py", "test_floors.py", "test_optimised.py", "test_saving_fuzz.py", "test_examples.py")  # then the long ones
# Each program takes several of the 65,530 memory mappings that Linux allows a process; XLA crashes when it runs out.
MOST_PIECES, TESTS_BETWEEN_LOOKS = 40_000, 20
tests = itertools.count(1)
gc.set_threshold(10_000, 20, 20)  # scanning the heap of all these tests takes seconds


def pieces_of_memory():
    """How many of them this process has; 0 where the system does not say."""
    try:
        with open("/proc/self/maps", "rb") as file:
            return file.read().count(b"\n")
    except OSError:
        return 0


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config, items):
    mark_all_but_few_slow(items)
    items.sort(key=lambda item: FIRST.index(item.path.name) if item.path.name in FIRST else len(FIRST))
    here, elsewhere = [], []
    for item in items:
        (here if (item.get_closest_marker("optimised") is not None) == AS_USERS_DO else elsewhere).append(item)
    config.hook.pytest_deselected(items=elsewhere)
    items[:] = here


def mark_all_but_few_slow(items):
    """Of the cases of a test marked `few(n)`, n stay as they are: the same ones each time, without an order among them."""
    cases = collections.defaultdict(list)
    for item in items:
        if item.get_closest_marker("few") is not None and item.get_closest_marker("slow") is None:
            cases[item.path, item.originalname].append(item)
    for same in cases.values():
        (most,) = same[0].get_closest_marker("few").args
        stay = random.Random(same[0].originalname).sample(range(len(same)), min(most, len(same)))
        for number, item in enumerate(same):
            if number not in stay:
                item.add_marker(pytest.mark.slow)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item):
    """How the programs of a test are compiled; before any fixture, so that those of a module compile as its tests do."""
    quickly = not AS_USERS_DO and item.get_closest_marker("uncached") is None
    keep_in(os.environ[CACHE] if quickly else None)
    jax.config.update("jax_disable_most_optimizations", quickly)
    if next(tests) % TESTS_BETWEEN_LOOKS == 0:
        make_room()


def keep_in(folder):
    """Programs go to a folder, or nowhere."""
    if folder != jax.config.jax_compilation_cache_dir:
        jax.config.update("jax_compilation_cache_dir", folder)
        compilation_cache.reset_cache()


def make_room():
    """Let go of programs where there are too many; a full collection takes many seconds."""
    for let_go in (jax.clear_caches, gc.collect):
        if pieces_of_memory() > MOST_PIECES:
            let_go()


@pytest.fixture
def quick_collector():
    """The collector looks at what the test makes: what all tests before it left takes it many seconds."""
    gc.freeze()
    yield
    gc.unfreeze()

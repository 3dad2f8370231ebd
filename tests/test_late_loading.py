"""Parts of models that are imported when their names are first looked for: by any thread, and again after a failure."""

import subprocess
import sys

import pytest

from jkeras._base import registry

_THREADS = """
import sys, threading
from jkeras._base import registry

sys.setswitchinterval(1e-6)
start, found = threading.Barrier(8), []

def look():
    start.wait()
    found.append(registry.lookup("layers", "Equalization"))

late = {kind: set(modules) for kind, modules in registry._unloaded.items()}
assert late["layers"]
threads = [threading.Thread(target=look) for _ in range(8)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(len(found), len(set(found)))
"""


def test_every_thread_finds_what_one_of_them_imports():
    done = subprocess.run([sys.executable, "-c", _THREADS], capture_output=True, text=True, timeout=120)
    assert done.stdout.split() == ["8", "1"], done.stderr


def test_an_import_that_failed_is_repeated_and_loses_nothing(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setitem(registry._unloaded, "demos", dict.fromkeys(["late_demo_a", "late_demo_b"]))
    monkeypatch.setitem(registry._names, "demos", {})
    (tmp_path / "late_demo_a.py").write_text("raise ImportError('not now')")
    (tmp_path / "late_demo_b.py").write_text("from jkeras._base import registry\nregistry._names['demos']['b'] = 1\n")
    for _ in range(2):
        with pytest.raises(ImportError, match="not now"):
            registry.lookup("demos", "b")
    (tmp_path / "late_demo_a.py").write_text("from jkeras._base import registry\nfound = 'b' in registry._table('demos', 'b')\n")
    assert registry.lookup("demos", "b") == 1 and not registry._unloaded["demos"]

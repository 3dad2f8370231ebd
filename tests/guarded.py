"""`guarded()`: audit hooks and the process' size show what code does to the outside world while it runs."""

from __future__ import annotations

import contextlib
import encodings.cp437  # noqa: F401 - `zipfile` loads it when it meets its first name
import gc
import os
import sys
import threading
import time

_ALARMING = (
    *("os.system", "os.exec", "os.posix_spawn", "os.spawn", "subprocess.Popen", "os.fork", "pty.spawn"),
    *("socket.connect", "socket.getaddrinfo", "socket.bind", "urllib.Request", "http.client.connect"),
    *("marshal.loads", "pickle.find_class", "code.__new__", "exec", "compile", "import", "ctypes.dlopen"),
    *("os.remove", "os.rename", "os.mkdir", "os.rmdir", "os.link", "os.symlink", "shutil.rmtree", "os.listdir", "os.putenv"),
)
_watching: list[Guard] = []


class Guard:
    """What happened.

    Attributes:
        events: alarming audit events, as text.
        opened: paths of files that were opened.
        seconds: how long it took.
        grown: by how many bytes the process grew at its largest.
    """

    def __init__(self):
        self.events, self.opened = [], []
        self.seconds = self.grown = 0
        self.thread = threading.get_ident()


def _hook(event, arguments):
    for guard in _watching:
        if threading.get_ident() != guard.thread:
            continue
        if event == "open" and isinstance(arguments[0], (str, bytes)):
            guard.opened.append(os.fsdecode(arguments[0]))
        elif event in _ALARMING and not _harmless(event, arguments):
            guard.events.append(f"{event} {arguments!r:.200}")


def _harmless(event, arguments):
    # Modules of the package and the standard library that load on first use; a file cannot choose any of them.
    if event == "import":
        return arguments[0].partition(".")[0] in {"jkeras", "jax", "jaxlib", "h5py", "encodings", "numpy", "ml_dtypes"}
    return event in ("exec", "compile") and "namedtuple" in repr(arguments)


with contextlib.suppress(RuntimeError):
    sys.addaudithook(_hook)


def resident():
    """Bytes of memory the process holds."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@contextlib.contextmanager
def guarded():
    """Watch what runs inside; gives a `Guard`, complete when the block has ended."""
    guard, stop = Guard(), threading.Event()
    before = resident() if os.path.exists("/proc/self/statm") else None

    def sample():
        while not stop.wait(0.001):
            guard.grown = max(guard.grown, resident() - before)

    sampler = threading.Thread(target=sample)
    if before is not None:
        sampler.start()
    gc.disable()  # as timeit does: the guarded code should not pay for what earlier tests left behind
    start = time.process_time()
    _watching.append(guard)
    try:
        yield guard
    finally:
        _watching.remove(guard)
        guard.seconds = time.process_time() - start
        gc.enable()
        if before is not None:
            guard.grown = max(guard.grown, resident() - before)
            stop.set()
            sampler.join()

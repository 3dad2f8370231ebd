"""What the workloads on data share: made-up photographs in a folder, sparse files, and how busy the cores are."""

from __future__ import annotations

import contextlib
import os
import pathlib
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator

import numpy as np

from bench import machine

CLASSES = 8


def scratch() -> pathlib.Path:
    """A folder for files that the processes of a bench share."""
    path = pathlib.Path(tempfile.gettempdir()) / "jkeras-bench"
    path.mkdir(exist_ok=True)
    return path


def photo(rng: np.random.Generator, label: int, height: int, width: int) -> np.ndarray:
    """A picture with the spectrum of a photograph, coarse shapes and fine grain, tinted by its class."""
    from PIL import Image

    image = np.zeros((height, width, 3), np.float32)
    for cells in (2, 4, 8, 16, 32, 64):
        coarse = Image.fromarray(rng.integers(0, 256, (cells, cells, 3), np.uint8))
        image += np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC), np.float32) / cells**0.7
    image = (image - image.mean()) / image.std() * 45 + 120 + rng.normal(0, 6, (height, width, 1))
    image[..., label % 3] += 12 * (1 + label // 3)
    return np.clip(image, 0, 255).astype(np.uint8)


def photos(count: int) -> pathlib.Path:
    """A folder with so many JPEG files of 240 to 288 pixels a side, in a subfolder for each class; made once."""
    from PIL import Image

    folder = scratch() / f"photos-{count}"
    if folder.exists():
        return folder
    made = pathlib.Path(tempfile.mkdtemp(dir=scratch()))
    rng = np.random.default_rng(0)
    for number in range(count):
        label = number % CLASSES
        (made / f"class{label}").mkdir(exist_ok=True)
        height, width = (int(n) for n in rng.integers(240, 289, 2))
        image = Image.fromarray(photo(rng, label, height, width))
        image.save(made / f"class{label}" / f"{number:05}.jpg", quality=90)
    try:
        made.rename(folder)
    except OSError:  # another process was faster
        shutil.rmtree(made)
    return folder


@contextlib.contextmanager
def sparse(rows: int, shape: tuple[int, ...], dtype: str = "uint8") -> Iterator[pathlib.Path]:
    """A file of zeros as long as that many rows, which takes no room on the disk."""
    handle, name = tempfile.mkstemp(dir=scratch(), suffix=".sparse")
    try:
        os.truncate(handle, rows * int(np.prod(shape)) * np.dtype(dtype).itemsize)
        yield pathlib.Path(name)
    finally:
        os.close(handle)
        os.unlink(name)


def _ticks(pid: int) -> tuple[int, int]:
    """Parent of a process, and the ticks of the processor that it has used."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return int(fields[1]), int(fields[11]) + int(fields[12])


def cpu_seconds() -> float:
    """The processors' time that this process and those below it have used."""
    own = os.times()
    total = own.user + own.system + own.children_user + own.children_system
    found: dict[int, tuple[int, int]] = {}
    for path in pathlib.Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError, ValueError):
            found[int(path.name)] = _ticks(int(path.name))
    below = {os.getpid()}
    while more := {pid for pid, (parent, _) in found.items() if parent in below and pid not in below}:
        below |= more
    ticks = sum(found[pid][1] for pid in below - {os.getpid()})
    return total + ticks / os.sysconf("SC_CLK_TCK")


class Busy:
    """The share of all cores' time that this process and those below it used.

    Example:
        busy = Busy()
        ...
        busy.share()
    """

    def __init__(self) -> None:
        self._wall, self._used = time.perf_counter(), cpu_seconds()

    def share(self) -> float:
        """Since this was made."""
        used, wall = cpu_seconds() - self._used, time.perf_counter() - self._wall
        return round(used / wall / machine.cores(), 3)


def memory_mb() -> dict[str, float]:
    """The memory of this process now: its own (`RssAnon`), and pages of files that it has mapped (`RssFile`)."""
    found = {}
    for line in pathlib.Path("/proc/self/status").read_text().splitlines():
        name, _, value = line.partition(":")
        if name in ("RssAnon", "RssFile"):
            found[name] = int(value.split()[0]) / 1024
    return found


class PeakMemory:
    """The most memory that this process had between two moments, looked at every hundredth of a second.

    Attributes:
        own_mb: its own.
        whole_mb: with the pages of files that it had mapped.
    """

    def __init__(self) -> None:
        self.own_mb = self.whole_mb = 0.0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def _watch(self) -> None:
        while not self._over.wait(0.01):
            found = memory_mb()
            self.own_mb = max(self.own_mb, found["RssAnon"])
            self.whole_mb = max(self.whole_mb, sum(found.values()))

    def __enter__(self) -> PeakMemory:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._over.set()
        self._thread.join()

"""What an import costs: a fresh interpreter imports a library and exits."""

from __future__ import annotations

import os
import subprocess
import sys
import time

from bench.workload import Record, Workload

PROGRAMS = {"jkeras": "import jkeras", "keras": "import keras", "torch": "import torch", "optax": "import jax, optax"}


class Import(Workload):
    name = "import"
    title = "import"
    measures = "fresh interpreter, one import"
    libraries = tuple(PROGRAMS)
    repeats = 5

    def sizes(self) -> str:
        return "the hand-written program imports jax and optax"

    def run(self, library: str, quick: bool) -> Record:
        begin = time.perf_counter()
        subprocess.run([sys.executable, "-c", PROGRAMS[library]], check=True, env=os.environ)
        return {"seconds": [time.perf_counter() - begin]}


WORKLOAD = Import()
